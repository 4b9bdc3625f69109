package lark

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/incident"
)

var update = flag.Bool("update", false, "rewrite the golden cards in testdata")

// golden compares a card with testdata, where it lies indented for people to read; every card must also be valid.
func golden(t *testing.T, name string, b []byte, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if err := Validate(b); err != nil {
		t.Errorf("%s: the platform would refuse it: %v", name, err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", " "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update to write it)", err)
	}
	if d := cmp.Diff(string(want), out.String()); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func closedAs(v View, st incident.Status, en, zh string) View {
	v.Tokens = nil
	v.Incident.Closed = &incident.Closing{Status: st, At: v.Now, Reason: incident.Text{EN: en, ZH: zh}}
	return v
}

// states are the moments of an incident that people see.
func states(l Language) map[string]View {
	diagnosing := view(l)
	diagnosing.Incident.Rounds = nil
	unproven := view(l)
	unproven.Incident.Rounds[0].Plan = nil
	unproven.Incident.Rounds[0].Diagnosis = incident.Diagnosis{At: at(14, 6), Verdict: incident.InsufficientEvidence, Gaps: []string{"metrics could not be asked: 503 from AOM", "logs could not be asked"}, Look: []string{"kubectl -n default top pod", "the AOM console, once it answers"}}
	personOnly := view(l)
	personOnly.Incident.Rounds[0].Plan.Solutions = []incident.Solution{byHand("A")}
	half := secondRound(l)
	half.Incident.Last().Decisions = []incident.Decision{approval(addNode(), 2, "ou_alice", at(14, 18))}
	worse := verifying(l)
	look := &worse.Incident.Rounds[0].Execution.Verification[0]
	look.Outcome, look.Clean, look.Final = incident.Worse, 0, true
	look.New = []incident.Finding{{Reason: "PodCrashLoop", Target: deployment(), Summary: incident.Text{EN: "2 new pods crash", ZH: "2 个新 Pod 反复崩溃"}}}
	back := verifying(l)
	back.Tokens = nil
	back.Incident.Rounds[0].Execution.Unwinding, back.Incident.Rounds[0].Execution.DoneAt = true, time.Time{}
	confirmed := executing(l)
	confirmed.Incident.Rounds[0].Execution = nil
	undoAsked := verifying(l)
	undoAsked.Incident.Rounds[0].Decisions = append(undoAsked.Incident.Rounds[0].Decisions, incident.Decision{Round: 1, Verb: incident.Undo, By: "ou_bob", At: at(14, 13)})
	stopAsked := executing(l)
	stopAsked.Incident.Rounds[0].Decisions = append(stopAsked.Incident.Rounds[0].Decisions, incident.Decision{Round: 1, Verb: incident.Stop, By: "ou_bob", At: at(14, 10)})
	stopped := executing(l)
	stopped.Tokens = nil
	stopped.Incident.Rounds[0].Execution.Stopped = "ou_bob"
	rejected := view(l)
	rejected.Incident.Rounds[0].Decisions = []incident.Decision{{Round: 1, Verb: incident.Reject, By: "ou_bob", At: at(14, 12), Comment: "load test, ends at 15:00"}}
	expired := view(l)
	expired.Now = at(14, 40)
	undone := verifying(l)
	undone.Incident.Rounds[0].Execution.Steps[0].State = incident.StepUndone
	return map[string]View{
		"diagnosing": diagnosing, "unproven": unproven, "awaiting": view(l), "person-only": personOnly, "confirmed": confirmed, "executing": executing(l), "stop-asked": stopAsked, "stopping": stopped, "undo-asked": undoAsked,
		"verifying": verifying(l), "worse": worse, "rolling-back": back, "second-round": secondRound(l), "half-confirmed": half, "recovered": recovered(l),
		"rejected":    closedAs(rejected, incident.Rejected, "", ""),
		"expired":     expired,
		"rolled-back": closedAs(undone, incident.RolledBack, "It got worse after A, so A was undone.", "执行 A 后情况变差，已撤销 A。"),
		"handed-over": closedAs(secondRound(l), incident.HandedOver, "Two solutions did not help.", "两个方案均未奏效。"),
	}
}

func TestIncidentCards(t *testing.T) {
	for name, v := range states(Both) {
		b, err := IncidentCard(v)
		golden(t, "incident-"+name, b, err)
	}
	for _, l := range []Language{Chinese, English} {
		b, err := IncidentCard(view(l))
		golden(t, "incident-awaiting-"+string(l), b, err)
	}
}

func TestCardIsAFunctionOfTheView(t *testing.T) {
	for name, v := range states(Both) {
		a, err := IncidentCard(v)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			b, err := IncidentCard(v)
			if err != nil || !bytes.Equal(a, b) {
				t.Fatalf("%s: drawn twice, different bytes (%v)", name, err)
			}
		}
	}
}

// cardView is what tests read of a card.
type cardView struct {
	Config struct {
		Forward     bool `json:"enable_forward"`
		Interaction bool `json:"enable_forward_interaction"`
		Summary     struct{ Content string }
	}
	Header struct {
		Title    struct{ Content string }
		Template string
		Tags     []struct {
			Text struct{ Content string }
		} `json:"text_tag_list"`
	}
}

func read(t *testing.T, b []byte) cardView {
	t.Helper()
	var c cardView
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Each state says what it is in the title or its tags, and not by its colour alone.
func TestHeaders(t *testing.T) {
	const broken = "default/chat-app: container CPU at 97 % of its limit since 14:05 — sure 90 %"
	for name, want := range map[string]struct{ title, colour, tag string }{
		"diagnosing":   {"default/chat-app: Container CPU usage above 80% since 14:05 — cause being looked for", "red", "Diagnosing"},
		"unproven":     {"default/chat-app: Container CPU usage above 80% since 14:05 — cause not proven", "red", "Diagnosing"},
		"awaiting":     {broken, "red", "Awaiting confirmation"},
		"executing":    {broken, "blue", "Executing"},
		"verifying":    {broken, "wathet", "Verifying"},
		"rolling-back": {broken, "purple", "Rolling back"},
		"second-round": {"default/chat-app: 1 of 4 pods Pending: Insufficient cpu since 14:10 — sure 97 %", "red", "Awaiting confirmation"},
		"recovered":    {"Recovered · default/chat-app: container CPU at 97 % of its limit, 14:05 to 14:30 (25 min)", "green", "Recovered"},
		"rejected":     {"Rejected · " + broken, "grey", "Rejected"},
		"expired":      {"Expired · " + broken, "orange", "Expired"},
		"rolled-back":  {"Rolled back · " + broken, "grey", "Rolled back"},
		"handed-over":  {"Handed over · default/chat-app: 1 of 4 pods Pending: Insufficient cpu since 14:10 — sure 97 %", "carmine", "Handed over"},
	} {
		b, err := IncidentCard(states(English)[name])
		if err != nil {
			t.Fatal(err)
		}
		c := read(t, b)
		if c.Header.Title.Content != want.title || c.Header.Template != want.colour {
			t.Errorf("%s: title %q in %s, want %q in %s", name, c.Header.Title.Content, c.Header.Template, want.title, want.colour)
		}
		if len(c.Header.Tags) != 3 || c.Header.Tags[0].Text.Content != "Critical" || c.Header.Tags[1].Text.Content != want.tag || c.Header.Tags[2].Text.Content != "demo-recovery" {
			t.Errorf("%s: tags %v", name, c.Header.Tags)
		}
		if !strings.Contains(c.Config.Summary.Content, want.tag) {
			t.Errorf("%s: the notification says %q", name, c.Config.Summary.Content)
		}
		if !c.Config.Forward || c.Config.Interaction {
			t.Errorf("%s: a forwarded copy could be clicked", name)
		}
	}
}

// A button exists exactly while pressing it does something.
func TestButtons(t *testing.T) {
	for name, want := range map[string][]string{
		"awaiting": {"tok-A", "tok-B", "tok-R"}, "second-round": {"tok-D", "tok-R2"}, "half-confirmed": {"tok-D", "tok-R2"}, "person-only": {"tok-R"},
		"confirmed": {"tok-S"}, "executing": {"tok-S"}, "stop-asked": nil, "stopping": nil, "undo-asked": nil, "verifying": {"tok-U"}, "worse": {"tok-U"}, "rolling-back": nil,
		"diagnosing": nil, "unproven": nil, "recovered": nil, "rejected": nil, "expired": nil, "rolled-back": nil, "handed-over": nil,
	} {
		v := states(English)[name]
		if want == nil { // even where a flow hands tokens in
			v.Tokens = map[string]string{"A": "tok-A", "B": "tok-B", "D": "tok-D", ButtonReject: "tok-R", ButtonStop: "tok-S", ButtonUndo: "tok-U"}
		}
		b, err := IncidentCard(v)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, tok := range []string{"tok-A", "tok-B", "tok-D", "tok-R", "tok-R2", "tok-S", "tok-U"} {
			if strings.Contains(string(b), `"`+tok+`"`) {
				got = append(got, tok)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: buttons (-want +got):\n%s", name, d)
		}
	}
	if b, err := IncidentCard(states(English)["half-confirmed"]); err != nil || !strings.Contains(string(b), "one more person has to confirm") {
		t.Errorf("half confirmed: %v", err)
	}
}
