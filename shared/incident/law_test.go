package incident

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var t0 = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

func awaiting() *Incident {
	scale := Solution{ID: "A", Risk: Reversible, Steps: []Step{{ID: "A1", Action: ScaleOut, Target: Target{Kind: "Deployment", Namespace: "default", Name: "web"}, Goal: map[string]string{"replicas": "4"}}}}
	pool := Solution{ID: "B", Risk: Costly, NeedsTwo: true, Steps: []Step{{ID: "B1", Action: ScaleOutNodePool, Target: Target{Kind: "NodePool", Name: "p"}, Goal: map[string]string{"nodes": "3"}}}}
	manual := Solution{ID: "C", Manual: Text{EN: "look"}}
	return &Incident{
		ID: "20261122-1", Card: &Card{Chat: "oc_1", Message: "om_1"},
		Rounds: []Round{{Number: 1, Plan: &Plan{Incident: "20261122-1", Round: 1, Solutions: []Solution{scale, pool, manual}, At: t0, ExpiresAt: t0.Add(30 * time.Minute)}}},
	}
}

func say(i *Incident, n int, verb Verb, letter, by string, after time.Duration) Decision {
	d := Decision{ID: fmt.Sprint("ev-", n), Incident: i.ID, Round: 1, Solution: letter, Verb: verb, By: by, Chat: "oc_1", Message: "om_1", At: t0.Add(after)}
	if s, ok := i.Rounds[0].Plan.Solution(letter); ok {
		d.Digest = s.Digest(i.ID)
	}
	return d
}

var policy = Policy{
	Approvers: []Approver{{ID: "ou_a"}, {ID: "ou_b"}, {ID: "ou_ns", Namespaces: []string{"shop"}}, {ID: "ou_low", Risks: []Risk{Reversible}}},
	TwoFor:    []Risk{Costly, Destructive},
	Freezes:   []Freeze{{From: t0.Add(20 * time.Minute), Until: t0.Add(25 * time.Minute)}},
}

func TestRefuse(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Incident)
		d      func(*Incident) Decision
		want   Refusal
	}{
		{"allowed", nil, func(i *Incident) Decision { return say(i, 1, Approve, "A", "ou_a", time.Minute) }, ""},
		{"small letter", nil, func(i *Incident) Decision {
			d := say(i, 1, Approve, "A", "ou_a", time.Minute)
			d.Solution = "a"
			return d
		}, RefusedUnknown},
		{"stranger", nil, func(i *Incident) Decision { return say(i, 1, Approve, "A", "ou_x", time.Minute) }, RefusedNotAllowed},
		{"nobody", nil, func(i *Incident) Decision { return say(i, 1, Approve, "A", "", time.Minute) }, RefusedNotAllowed},
		{"other namespace", nil, func(i *Incident) Decision { return say(i, 1, Approve, "A", "ou_ns", time.Minute) }, RefusedNotAllowed},
		{"risk too high", nil, func(i *Incident) Decision { return say(i, 1, Approve, "B", "ou_low", time.Minute) }, RefusedNotAllowed},
		{"risk allowed", nil, func(i *Incident) Decision { return say(i, 1, Approve, "A", "ou_low", time.Minute) }, ""},
		{"manual", nil, func(i *Incident) Decision { return say(i, 1, Approve, "C", "ou_a", time.Minute) }, RefusedUnknown},
		{"no such letter", nil, func(i *Incident) Decision { return say(i, 1, Approve, "Z", "ou_a", time.Minute) }, RefusedUnknown},
		{"another digest", nil, func(i *Incident) Decision {
			d := say(i, 1, Approve, "A", "ou_a", time.Minute)
			d.Digest = "x"
			return d
		}, RefusedStale},
		{"older round", nil, func(i *Incident) Decision { d := say(i, 1, Approve, "A", "ou_a", time.Minute); d.Round = 0; return d }, RefusedStale},
		{"forwarded", nil, func(i *Incident) Decision {
			d := say(i, 1, Approve, "A", "ou_a", time.Minute)
			d.Message = "om_2"
			return d
		}, RefusedWrongChat},
		{"other chat", nil, func(i *Incident) Decision {
			d := say(i, 1, Approve, "A", "ou_a", time.Minute)
			d.Chat = "oc_2"
			return d
		}, RefusedWrongChat},
		{"typed in the chat", nil, func(i *Incident) Decision {
			d := say(i, 1, Approve, "A", "ou_a", time.Minute)
			d.Message, d.Typed = "om_9", true
			return d
		}, ""},
		{"last moment", nil, func(i *Incident) Decision { return say(i, 1, Approve, "A", "ou_a", 30*time.Minute-1) }, ""},
		{"expired", nil, func(i *Incident) Decision { return say(i, 1, Approve, "A", "ou_a", 30*time.Minute) }, RefusedExpired},
		{"frozen", nil, func(i *Incident) Decision { return say(i, 1, Approve, "A", "ou_a", 22*time.Minute) }, RefusedFrozen},
		{"reject in a freeze", nil, func(i *Incident) Decision { return say(i, 1, Reject, "", "ou_a", 22*time.Minute) }, ""},
		{"closed", func(i *Incident) { i.Closed = &Closing{Status: Recovered} }, func(i *Incident) Decision { return say(i, 1, Approve, "A", "ou_a", time.Minute) }, RefusedClosed},
		{"decided", func(i *Incident) { i.Rounds[0].Decisions = []Decision{say(i, 1, Approve, "A", "ou_b", time.Second)} }, func(i *Incident) Decision { return say(i, 2, Approve, "B", "ou_a", time.Minute) }, RefusedDecided},
		{"rejected", func(i *Incident) { i.Rounds[0].Decisions = []Decision{say(i, 1, Reject, "", "ou_b", time.Second)} }, func(i *Incident) Decision { return say(i, 2, Approve, "A", "ou_a", time.Minute) }, RefusedDecided},
		{"second person", func(i *Incident) { i.Rounds[0].Decisions = []Decision{say(i, 1, Approve, "B", "ou_b", time.Second)} }, func(i *Incident) Decision { return say(i, 2, Approve, "B", "ou_a", time.Minute) }, ""},
		{"same person twice", func(i *Incident) { i.Rounds[0].Decisions = []Decision{say(i, 1, Approve, "B", "ou_a", time.Second)} }, func(i *Incident) Decision { return say(i, 2, Approve, "B", "ou_a", time.Minute) }, RefusedTwice},
		{"stop without a run", nil, func(i *Incident) Decision { return say(i, 1, Stop, "", "ou_a", time.Minute) }, RefusedNothingToStop},
		{"undo without a change", nil, func(i *Incident) Decision { return say(i, 1, Undo, "", "ou_a", time.Minute) }, RefusedNothingToStop},
		{"another incident's record", nil, func(i *Incident) Decision {
			d := say(i, 1, Reject, "", "ou_a", time.Minute)
			d.Incident = "20261122-2"
			return d
		}, RefusedStale},
		{"the second open_id of one person", func(i *Incident) {
			d := say(i, 1, Approve, "B", "ou_a", time.Second)
			d.Union = "on_1"
			i.Rounds[0].Decisions = []Decision{d}
		}, func(i *Incident) Decision {
			d := say(i, 2, Approve, "B", "ou_b", time.Minute)
			d.Union = "on_1"
			return d
		}, RefusedTwice},
		{"two people with union ids", func(i *Incident) {
			d := say(i, 1, Approve, "B", "ou_a", time.Second)
			d.Union = "on_1"
			i.Rounds[0].Decisions = []Decision{d}
		}, func(i *Incident) Decision {
			d := say(i, 2, Approve, "B", "ou_b", time.Minute)
			d.Union = "on_2"
			return d
		}, ""},
		{"said before the plan, delivered late", nil, func(i *Incident) Decision {
			d := say(i, 1, Approve, "A", "ou_a", time.Minute)
			d.Typed, d.Message, d.SaidAt = true, "om_9", t0.Add(-31*time.Second)
			return d
		}, RefusedStale},
		{"said just then, by a slow clock", nil, func(i *Incident) Decision {
			d := say(i, 1, Approve, "A", "ou_a", time.Minute)
			d.Typed, d.Message, d.SaidAt = true, "om_9", t0.Add(-29*time.Second)
			return d
		}, ""},
		{"undo", did("A"), func(i *Incident) Decision { return say(i, 2, Undo, "", "ou_b", time.Minute) }, ""},
		{"undo by whom the risk is too high for", did("B"), func(i *Incident) Decision { return say(i, 2, Undo, "", "ou_low", time.Minute) }, RefusedNotAllowed},
		{"undo in another's namespace", did("A"), func(i *Incident) Decision { return say(i, 2, Undo, "", "ou_ns", time.Minute) }, RefusedNotAllowed},
		{"stop by any approver", func(i *Incident) { did("A")(i); i.Rounds[0].Execution.DoneAt = time.Time{} }, func(i *Incident) Decision { return say(i, 2, Stop, "", "ou_ns", time.Minute) }, ""},
		{"stop by a stranger", func(i *Incident) { did("A")(i); i.Rounds[0].Execution.DoneAt = time.Time{} }, func(i *Incident) Decision { return say(i, 2, Stop, "", "ou_x", time.Minute) }, RefusedNotAllowed},
		{"odd verb", nil, func(i *Incident) Decision { return say(i, 1, "delete", "A", "ou_a", time.Minute) }, RefusedUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			i := awaiting()
			if tc.change != nil {
				tc.change(i)
			}
			got, text := policy.Refuse(i, tc.d(i))
			if got != tc.want {
				t.Errorf("refused %q, want %q", got, tc.want)
			}
			if (got != "") != (text.EN != "" && text.ZH != "") {
				t.Errorf("text %+v for refusal %q", text, got)
			}
		})
	}
	if got, _ := (Policy{}).Refuse(awaiting(), say(awaiting(), 1, Approve, "A", "ou_a", time.Minute)); got != RefusedNotAllowed {
		t.Errorf("an empty policy let somebody approve: %q", got)
	}
}

// did is an incident whose solution was carried out.
func did(letter string) func(*Incident) {
	return func(i *Incident) {
		d := say(i, 1, Approve, letter, "ou_a", time.Second)
		i.Rounds[0].Decisions = []Decision{d}
		s, _ := i.Rounds[0].Plan.Solution(letter)
		i.Rounds[0].Execution = &Execution{
			Confirmation: Confirmation{Solution: letter, Digest: d.Digest}, DoneAt: t0.Add(2 * time.Second),
			Steps: []StepRun{{Step: s.Steps[0], State: StepSettled}},
		}
	}
}

func TestConfirmedKeepsThePolicyOfNow(t *testing.T) {
	i := awaiting()
	i.Rounds[0].Decisions = []Decision{say(i, 1, Approve, "A", "ou_a", time.Second)}
	if c := policy.Confirmed(i); c.Confirmation == nil {
		t.Fatal("not confirmed at all")
	}
	left := policy
	left.Approvers = policy.Approvers[1:]
	if c := left.Confirmed(i); c.Confirmation != nil {
		t.Error("somebody who was taken off the list still confirms")
	}
	stricter := policy
	stricter.TwoFor = []Risk{Reversible}
	if c := stricter.Confirmed(i); c.Confirmation != nil || len(c.Approvals["A"]) != 1 {
		t.Error("one person confirms what by now needs two")
	}
	i.Rounds[0].Plan.Solutions[1].NeedsTwo = false // as whoever can write the bucket might
	i.Rounds[0].Decisions = []Decision{say(i, 1, Approve, "B", "ou_a", time.Second)}
	if c := policy.Confirmed(i); c.Confirmation != nil {
		t.Error("a plan that was tampered with needs one person only")
	}
}

func TestConfirmedBelievesFactsOnly(t *testing.T) {
	i := awaiting()
	bad := say(i, 1, Approve, "A", "ou_x", time.Second) // webhook was wrong to let this through
	one := say(i, 2, Approve, "B", "ou_a", 2*time.Second)
	again := say(i, 3, Approve, "B", "ou_a", 3*time.Second)
	two := say(i, 4, Approve, "B", "ou_b", 4*time.Second)
	late := say(i, 5, Approve, "A", "ou_b", 5*time.Second)
	i.Rounds[0].Decisions = []Decision{bad, one, again, two, late}
	c := policy.Confirmed(i)
	if c.Confirmation == nil || c.Confirmation.Solution != "B" || len(c.Confirmation.Decisions) != 2 || !c.Confirmation.At.Equal(t0.Add(4*time.Second)) {
		t.Errorf("%+v", c.Confirmation)
	}
	i.Rounds[0].Decisions = []Decision{one, again}
	if c := policy.Confirmed(i); c.Confirmation != nil || len(c.Approvals["B"]) != 1 {
		t.Errorf("one person confirmed what needs two: %+v", c)
	}
}

func TestStatus(t *testing.T) {
	done := t0.Add(5 * time.Minute)
	for _, tc := range []struct {
		want   Status
		after  time.Duration
		change func(*Incident)
	}{
		{Diagnosing, 0, func(i *Incident) { i.Rounds = nil }},
		{Diagnosing, 0, func(i *Incident) { i.Rounds[0].Plan = nil }},
		{AwaitingConfirmation, time.Minute, func(*Incident) {}},
		{AwaitingConfirmation, time.Minute, func(i *Incident) { i.Rounds[0].Decisions = []Decision{say(i, 1, Approve, "B", "ou_a", 0)} }},
		{Expired, 30 * time.Minute, func(*Incident) {}},
		{Executing, time.Minute, func(i *Incident) { i.Rounds[0].Decisions = []Decision{say(i, 1, Approve, "A", "ou_a", 0)} }},
		{Executing, 31 * time.Minute, func(i *Incident) { i.Rounds[0].Decisions = []Decision{say(i, 1, Approve, "A", "ou_a", 0)} }},
		{Rejected, time.Minute, func(i *Incident) { i.Rounds[0].Decisions = []Decision{say(i, 1, Reject, "", "ou_a", 0)} }},
		{AwaitingConfirmation, time.Minute, func(i *Incident) {
			d := say(i, 1, Reject, "", "ou_x", 0)
			d.Refused = string(RefusedNotAllowed)
			i.Rounds[0].Decisions = []Decision{d}
		}},
		{Executing, time.Minute, func(i *Incident) { i.Rounds[0].Execution = &Execution{} }},
		{Verifying, time.Minute, func(i *Incident) { i.Rounds[0].Execution = &Execution{DoneAt: done} }},
		{RollingBack, time.Minute, func(i *Incident) { i.Rounds[0].Execution = &Execution{Unwinding: true} }},
		{HandedOver, time.Minute, func(i *Incident) { i.Closed = &Closing{Status: HandedOver} }},
	} {
		i := awaiting()
		tc.change(i)
		if got := i.Status(t0.Add(tc.after)); got != tc.want {
			t.Errorf("status %s, want %s", got, tc.want)
		}
	}
}

func TestDigestBindsEverythingThatRuns(t *testing.T) {
	base := awaiting().Rounds[0].Plan.Solutions[0]
	seen := map[string]string{base.Digest("i"): "base"}
	for what, change := range map[string]func(*Solution){
		"letter":    func(s *Solution) { s.ID = "B" },
		"action":    func(s *Solution) { s.Steps[0].Action = RollBack },
		"target":    func(s *Solution) { s.Steps[0].Target.Name = "other" },
		"namespace": func(s *Solution) { s.Steps[0].Target.Namespace = "other" },
		"goal":      func(s *Solution) { s.Steps[0].Goal = map[string]string{"replicas": "5"} },
		"expect":    func(s *Solution) { s.Steps[0].Expect = map[string]string{"replicas": "2"} },
		"more":      func(s *Solution) { s.Steps = append(s.Steps, s.Steps[0]) },
	} {
		s := base
		s.Steps = append([]Step{}, base.Steps...)
		change(&s)
		d := s.Digest("i")
		if other, twice := seen[d]; twice {
			t.Errorf("%s and %s have one digest", what, other)
		}
		seen[d] = what
	}
	if base.Digest("i") == base.Digest("j") {
		t.Error("the digest does not bind the incident")
	}
	words := base
	words.Title = Text{EN: "other words"}
	if diff := cmp.Diff(base.Digest("i"), words.Digest("i")); diff != "" {
		t.Errorf("words changed the digest: %s", diff)
	}
}

func FuzzDigestSurvivesStorage(f *testing.F) {
	f.Add("A", "replicas", "4", "default")
	f.Fuzz(func(t *testing.T, letter, key, value, ns string) {
		s := Solution{ID: letter, Steps: []Step{{Goal: map[string]string{key: value}, Target: Target{Namespace: ns}}}}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Solution
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if back.Digest("i") != s.Digest("i") {
			t.Errorf("the digest of %s changed in storage", b)
		}
	})
}
