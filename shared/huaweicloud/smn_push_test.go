package huaweicloud

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// posted lets the emulated SMN post to an address of ours, and returns what came: the confirmation first.
func posted(t *testing.T) (*SMN, func() []byte, *emulated) {
	t.Helper()
	e := emulate(t, "reader")
	e.session.Endpoints[SMNService] = e.Base()
	got := make(chan []byte, 8)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- body
	}))
	t.Cleanup(receiver.Close)
	topic, err := e.SMN.CreateTopic("cce-oncall", "", "apm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.SMN.Subscribe(topic, "http", receiver.URL+"/alarms"); err != nil {
		t.Fatal(err)
	}
	next := func() []byte {
		t.Helper()
		select {
		case b := <-got:
			return b
		case <-time.After(20 * time.Second):
			t.Fatal("nothing was pushed")
			return nil
		}
	}
	return &SMN{Session: e.session}, next, e
}

func TestPushOfTheEmulatedSMN(t *testing.T) {
	s, next, e := posted(t)
	p, err := s.OpenPush(t.Context(), next())
	if err != nil || p.Type != PushConfirmation {
		t.Fatalf("confirmation: %+v, %v", p, err)
	}
	if err := s.Confirm(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := e.SMN.Publish(t.Context(), p.Topic, "subject", "id=1\nevent_name=x"); err != nil {
		t.Fatal(err)
	}
	body := next()
	p, err = s.OpenPush(t.Context(), body)
	if err != nil || p.Type != PushNotification || p.Message != "id=1\nevent_name=x" || p.Subject != "subject" || p.ID == "" {
		t.Fatalf("notification: %+v, %v", p, err)
	}
	if err := s.Confirm(t.Context(), p); KindOf(err) != Denied {
		t.Errorf("a notification was confirmed: %v", err)
	}

	for name, change := range map[string]func(map[string]any){
		"another message":  func(m map[string]any) { m["message"] = "id=2\nevent_name=x" },
		"another subject":  func(m map[string]any) { m["subject"] = "x" },
		"another kind":     func(m map[string]any) { m["type"] = PushConfirmation },
		"an added address": func(m map[string]any) { m["subscribe_url"] = "http://127.0.0.1:1/" },
		"no signature":     func(m map[string]any) { delete(m, "signature") },
		"another project": func(m map[string]any) {
			m["topic_urn"] = "urn:smn:cn-north-4:ffffffffffffffffffffffffffffffff:cce-oncall"
		},
		"an old message":       func(m map[string]any) { m["timestamp"] = testNow.Add(-2 * time.Hour).Format(time.RFC3339) },
		"a certificate of his": func(m map[string]any) { m["signing_cert_url"] = "https://example.com/SMN.pem" },
		"an address like ours": func(m map[string]any) {
			m["signing_cert_url"] = strings.Replace(e.Base(), "http://", "http://x@", 1) + "/c.pem"
		},
	} {
		var m map[string]any
		if err := json.Unmarshal(body, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := s.OpenPush(t.Context(), raw); KindOf(err) != Denied || p != (Push{}) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	if _, err := s.OpenPush(t.Context(), []byte("[]")); KindOf(err) != Denied {
		t.Errorf("no object: %v", err)
	}
}
