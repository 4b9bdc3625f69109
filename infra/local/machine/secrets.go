package machine

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cce-oncall/infra/fakecloud"
)

// Leaks are the places where a secret shows: this deployment's own, and those that lie about in the cluster. There must be none.
func (m *Machine) Leaks(ctx context.Context) ([]string, error) {
	app := m.Lark.App()
	secrets := map[string]string{
		"the app secret": app.Secret, "the encrypt key": app.EncryptKey, "the verification token": app.VerificationToken,
		"the project id": m.Cloud.Project, "the administrator's secret key": fakecloud.DefaultAdminSecret,
	}
	m.mu.Lock()
	maps.Copy(secrets, m.planted)
	m.mu.Unlock()
	return m.Shows(ctx, secrets)
}

// Shows are the places where a value, given by what it is, comes out of the functions: every object of the archive, every line that
// was logged, every result and error, every message, card and toast in the chat, every file uploaded to it, and what was written into
// the cluster. A value also shows in base64.
func (m *Machine) Shows(ctx context.Context, values map[string]string) ([]string, error) {
	forms := map[string][]string{}
	for what, value := range values {
		if value != "" {
			forms[what] = append(encoded(value), value)
		}
	}
	var out []string
	look := func(where, text string) {
		for _, what := range slices.Sorted(maps.Keys(forms)) {
			if slices.ContainsFunc(forms[what], func(f string) bool { return strings.Contains(text, f) }) {
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
		look("the name of the object "+k, k)
		look("the object "+k, string(raw))
	}
	for _, f := range Functions {
		name := m.Function(f)
		for _, l := range m.Cloud.Functions.Logs(name) {
			look("the log of "+f, l.Text)
		}
		for _, i := range m.Cloud.Functions.Invocations(name) {
			look("the result of "+f, i.Result)
			look("the error of "+f, i.Message)
		}
	}
	for _, msg := range m.Lark.Messages("") {
		for _, r := range msg.Revisions {
			look("the message "+msg.ID, r.Content)
		}
	}
	for _, e := range m.Lark.Transcript() {
		if e.Kind != "typed" { // what a person writes is theirs
			look("the chat's "+e.Kind, e.String())
		}
	}
	writes, err := m.Writes()
	for _, w := range writes {
		look("a write to the cluster", fmt.Sprintf("%+v", w))
	}
	return out, err
}

// encoded is what a value looks like inside base64, wherever it begins there.
func encoded(value string) []string {
	var out []string
	for shift := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + value))
		// The first and the last characters also hold bits of the neighbours.
		if first, last := (shift*8+5)/6, len(text)-4; last-first >= 8 {
			out = append(out, text[first:last])
		}
	}
	return out
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
