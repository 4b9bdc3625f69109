package lark

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/events"
)

// The sample callbacks, as they leave the API gateway: all signed with the key, but for the challenges, which never are.
func TestRecordedCallbacks(t *testing.T) {
	v, err := NewVerifier(Verifier{
		EncryptKey: events.EncryptKey, VerificationToken: events.VerificationToken, AppID: events.AppID, TenantKey: events.TenantKey, BotOpenID: events.BotOpenID,
		Now: func() time.Time { return time.Unix(events.SignedAt, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range events.List() {
		kind, ours := strings.CutPrefix(name, "apig_lark_")
		if !ours {
			continue
		}
		n++
		var in struct {
			Headers map[string]string `json:"headers"`
			Body    string            `json:"body"`
		}
		if err := json.Unmarshal(events.Read(name), &in); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body := []byte(in.Body)
		if !json.Valid(body) { // the gateway's flag is not always right
			if body, err = base64.StdEncoding.DecodeString(in.Body); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		cb, err := v.Open(in.Headers, body)
		got := "refused"
		switch c := cb.(type) {
		case Challenge:
			got = "challenge " + map[bool]string{true: "answered"}[c.Answer != ""]
		case Click:
			got = "click by " + c.Operator
		case Message:
			got = "message by " + c.Sender + ": " + string(ParseCommand(c.Text).Kind) + " " + ParseCommand(c.Text).Letter
		case Other:
			got = "other"
		}
		want := "challenge answered"
		switch {
		case strings.HasPrefix(kind, "challenge"):
		case strings.HasPrefix(kind, "click"):
			want = "click by " + events.Operator
		case strings.HasPrefix(kind, "message"):
			want = "message by " + events.Operator + ": confirm A"
		}
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, d)
		}
	}
	if n < 10 {
		t.Errorf("only %d samples", n)
	}
}
