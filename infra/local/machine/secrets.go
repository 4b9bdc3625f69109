package machine

import (
	"context"
	"fmt"
	"strings"

	"cce-oncall/infra/fakecloud"
)

// Leaks are the places where a secret shows: in the archive, in what was logged, or in the chat. There must be none.
func (m *Machine) Leaks(ctx context.Context) ([]string, error) {
	app := m.Lark.App()
	secrets := map[string]string{
		"the app secret": app.Secret, "the encrypt key": app.EncryptKey, "the verification token": app.VerificationToken,
		"the project id": m.Cloud.Project, "the administrator's secret key": fakecloud.DefaultAdminSecret,
	}
	for what, value := range m.planted {
		secrets[what] = value
	}
	var out []string
	look := func(where, text string) {
		for what, value := range secrets {
			if value != "" && strings.Contains(text, value) {
				out = append(out, fmt.Sprintf("%s is in %s", what, where))
			}
		}
	}
	bucket := m.OBS()
	keys, err := bucket.List(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		raw, err := bucket.Get(ctx, k)
		if err != nil {
			return nil, err
		}
		look("the object "+k, string(raw))
	}
	for _, f := range Functions {
		for _, l := range m.Cloud.Functions.Logs(f) {
			look("the log of "+f, l.Text)
		}
	}
	for _, msg := range m.Lark.Messages("") {
		for _, r := range msg.Revisions {
			look("the message "+msg.ID, r.Content)
		}
	}
	return out, nil
}

// Plant remembers a secret that a scenario has put somewhere in the cluster, for Leaks.
func (m *Machine) Plant(what, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.planted == nil {
		m.planted = map[string]string{}
	}
	m.planted[what] = value
}
