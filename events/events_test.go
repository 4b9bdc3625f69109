package events_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/events"
	"cce-oncall/shared/alarm"
	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/lark"
)

// TestEverySampleDecodes reads each sample as the function does that it would reach.
func TestEverySampleDecodes(t *testing.T) {
	for _, name := range events.List() {
		t.Run(name, func(t *testing.T) {
			raw := events.Read(name)
			switch {
			case strings.HasPrefix(name, "aom_"):
				a, err := alarm.ParseEvent(raw)
				if err != nil || a.ID == "" || a.Cluster != events.Cluster || a.Object.Name == "" || a.FiredAt.IsZero() {
					t.Errorf("%+v, %v", a, err)
				}
			case strings.HasPrefix(name, "smn_"):
				ev := decode(t, raw)
				if len(ev.SMN) != 1 || ev.SMN[0].MessageID == "" {
					t.Fatalf("%+v", ev)
				}
				h, err := alarm.ParseMessage(ev.SMN[0].Message)
				if err != nil {
					t.Fatal(err)
				}
				if h.Empty() != (name == "smn_free_text") {
					t.Errorf("%+v", h)
				}
			case strings.HasPrefix(name, "timer_"):
				ev := decode(t, raw)
				if ev.Timer == nil || !json.Valid([]byte(ev.Timer.UserEvent)) {
					t.Errorf("%+v", ev)
				}
			case strings.HasPrefix(name, "lark_"):
				if !json.Valid(raw) {
					t.Error("not JSON")
				}
			case strings.HasPrefix(name, "apig_lark_"):
				gateway(t, name, raw)
			default:
				t.Error("a sample that nothing reads")
			}
		})
	}
}

func decode(t *testing.T, raw []byte) functiongraph.Event {
	t.Helper()
	ev, err := functiongraph.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// gateway opens a callback behind the gateway, plain or encrypted: the signature proves either.
func gateway(t *testing.T, name string, raw []byte) {
	t.Helper()
	ev := decode(t, raw)
	if ev.HTTP == nil {
		t.Fatalf("%+v", ev)
	}
	v, err := lark.NewVerifier(lark.Verifier{
		EncryptKey: events.EncryptKey, VerificationToken: events.VerificationToken, AppID: events.AppID, TenantKey: events.TenantKey, BotOpenID: events.BotOpenID,
		Now: func() time.Time { return time.Unix(events.SignedAt, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Open(ev.HTTP.Headers, ev.HTTP.Body)
	if err != nil {
		var refusal *lark.Refusal
		if errors.As(err, &refusal) {
			t.Fatalf("refused: %s", refusal.Why)
		}
		t.Fatal(err)
	}
	switch c := got.(type) {
	case lark.Challenge:
		if c.Answer == "" {
			t.Error("no challenge")
		}
	case lark.Click:
		if c.Operator != events.Operator || c.Token == "" || c.Message == "" {
			t.Errorf("%+v", c)
		}
	case lark.Message:
		if want := map[bool]string{true: "确认执行方案A", false: "Confirm execution of solution A"}[strings.Contains(name, "_zh_")]; c.Text != want || !c.ToBot {
			t.Errorf("%+v", c)
		}
	default:
		t.Errorf("%T", got)
	}
}

func TestTheSamplesTellOneStory(t *testing.T) {
	fired, err := alarm.ParseEvent(events.Read("aom_promql_container_cpu"))
	if err != nil {
		t.Fatal(err)
	}
	want := alarm.Object{Kind: "Pod", Namespace: "default", Name: "chat-app-7d9f8c6b5-x2k4v", Container: "chat", Node: "192.168.0.11"}
	if d := cmp.Diff(want, fired.Object); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if e, ok := fired.Entry(); !ok || e.Name != "ContainerCPUHigh" || fired.Severity != alarm.Critical || !fired.Active() {
		t.Errorf("%s %s %v", e.Name, fired.Severity, fired.Active())
	}
	for _, name := range []string{"smn_json_promql", "smn_builtin_zh", "smn_custom_template"} {
		h, err := alarm.ParseMessage(decode(t, events.Read(name)).SMN[0].Message)
		if err != nil || !h.Matches(fired) {
			t.Errorf("%s does not lead to its alarm: %+v, %v", name, h, err)
		}
	}
	h, err := alarm.ParseMessage(decode(t, events.Read("smn_json_resolved")).SMN[0].Message)
	if err != nil || h.State != alarm.Resolved || !h.Matches(fired) {
		t.Errorf("recovery: %+v, %v", h, err)
	}
	both, err := alarm.ParseMessage(decode(t, events.Read("smn_json_list_records")).SMN[0].Message)
	if err != nil || len(both.Others) != 1 {
		t.Errorf("list: %+v, %v", both, err)
	}
}

func TestReadPanicsForAMistake(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a sample that does not exist was read")
		}
	}()
	events.Read("nothing")
}
