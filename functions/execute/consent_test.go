package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/record"
	"cce-oncall/shared/remediate"
)

// blindTo is a store that cannot read one object after so many readings of it.
type blindTo struct {
	record.Bucket
	key   string // a part of it
	after int
}

func (b *blindTo) Get(ctx context.Context, key string) ([]byte, error) {
	if strings.Contains(key, b.key) {
		if b.after--; b.after < 0 {
			return nil, errors.New("403 AccessDenied")
		}
	}
	return b.Bucket.Get(ctx, key)
}

// TestAnUnreadableKillSwitchHoldsEverything: before an execution begins, and between its record and its first change.
func TestAnUnreadableKillSwitchHoldsEverything(t *testing.T) {
	for readable := range 2 {
		w := begin(t)
		w.decide(1, incident.Approve, "A", "ou_a")
		store := w.bucket
		w.bucket = &blindTo{Bucket: store, key: record.PauseKey, after: readable}
		w.one()
		w.want(incident.Executing, 0)
		if begun := w.load().Last().Execution != nil; begun != (readable > 0) {
			t.Errorf("after %d readings: begun %v", readable, begun)
		}
		w.bucket = store
		w.run()
		w.want(incident.Recovered, 1)
	}
}

func TestTheKillSwitchHoldsTheUndo(t *testing.T) {
	w := begin(t)
	w.decide(1, incident.Approve, "A", "ou_a")
	w.heals = func(w *world) bool {
		if w.applied > 0 {
			w.fits = 1
		}
		return false
	}
	w.run()
	w.decide(2, incident.Undo, "", "ou_b")
	store := w.bucket
	w.must(store.Put(t.Context(), record.PauseKey, []byte(`{"reason":"drill"}`)))
	w.run()
	if w.undone != 0 || !strings.Contains(w.pings[len(w.pings)-1], "the undo waits") {
		t.Errorf("undone %d times under the kill switch; said %q", w.undone, w.pings)
	}
	w.bucket = unpaused{store}
	w.run()
	w.want(incident.RolledBack, 1)
}

// TestAnOldConfirmationLapses: what could not begin while the confirmation was fresh does not begin later.
func TestAnOldConfirmationLapses(t *testing.T) {
	for _, c := range []struct {
		wait   time.Duration
		status incident.Status
		effect int
	}{{30 * time.Minute, incident.Recovered, 1}, {30*time.Minute + 1, incident.Expired, 0}} {
		w := begin(t)
		w.decide(1, incident.Approve, "A", "ou_a")
		w.now = w.now.Add(c.wait)
		w.run()
		w.want(c.status, c.effect)
		w.intact()
	}
}

// TestAFreezeThatBeginsAfterTheApproval holds the start, and no more than the start.
func TestAFreezeThatBeginsAfterTheApproval(t *testing.T) {
	w := begin(t)
	w.freezes = []incident.Freeze{{From: t0.Add(time.Minute), Until: t0.Add(10 * time.Minute)}}
	w.decide(1, incident.Approve, "A", "ou_a")
	w.now = t0.Add(time.Minute)
	w.run()
	w.want(incident.Executing, 0)
	if len(w.pings) != 1 || !strings.Contains(w.pings[0], "freeze") {
		t.Errorf("said %q", w.pings)
	}
	w.now = t0.Add(10 * time.Minute)
	w.run()
	w.want(incident.Recovered, 1)
}

func TestAnApproverWhoWasTakenOffTheList(t *testing.T) {
	w := begin(t)
	w.decide(1, incident.Approve, "A", "ou_a")
	w.approvers = []incident.Approver{{ID: "ou_b"}}
	w.run()
	if w.applied != 0 || w.load().Last().Execution != nil {
		t.Errorf("%d changes on the word of somebody who is no approver any more", w.applied)
	}
	w.decide(2, incident.Approve, "A", "ou_b")
	w.run()
	w.want(incident.Recovered, 1)
}

// TestTwoIncidentsWantOneDeployment: the second waits until the first has come to its end.
func TestTwoIncidentsWantOneDeployment(t *testing.T) {
	w := begin(t)
	w.decide(1, incident.Approve, "A", "ou_a")
	step := w.load().Last().Plan.Solutions[0].Steps[0]
	b := w.book(t.Context())
	other := incident.ID("20261122-other")
	w.must(b.Open(t.Context(), record.Opening{ID: other, Key: "Pod default/web-0", Cluster: cluster.Incident(), Chat: "oc_1", At: t0}))
	w.must(b.SaveRound(t.Context(), "c-1", other, nil, record.Round{Number: 1}, nil))
	x := &incident.Execution{Incident: other, Round: 1, Seq: 1, StartedAt: t0, Deadline: t0.Add(2 * time.Hour), Steps: []incident.StepRun{{Step: step, State: incident.StepPending, At: t0}}}
	w.must(b.SaveExecution(t.Context(), "c-1", x))
	w.run()
	w.want(incident.Executing, 0)
	if len(w.pings) != 1 || !strings.Contains(w.pings[0], "Another incident") {
		t.Errorf("said %q", w.pings)
	}
	x.Seq, x.DoneAt, x.Steps[0].State = 2, t0, incident.StepSettled
	w.must(b.SaveExecution(t.Context(), "c-1", x))
	w.run()
	w.want(incident.Recovered, 1)
}

// TestOneBeginsAtATime: while another run weighs its solution against the budget, this one does not.
func TestOneBeginsAtATime(t *testing.T) {
	w := begin(t)
	w.decide(1, incident.Approve, "A", "ou_a")
	w.taken[beginning] = true
	w.one()
	w.want(incident.Executing, 0)
	delete(w.taken, beginning)
	w.run()
	w.want(incident.Recovered, 1)
	if w.taken[beginning] {
		t.Error("the turn to begin was kept")
	}
}

func TestStopDuringAnExecution(t *testing.T) {
	w := begin(t)
	w.decide(1, incident.Approve, "A", "ou_a")
	w.unsettled = true
	w.one()
	w.want(incident.Executing, 1)
	w.decide(2, incident.Stop, "", "ou_b")
	w.run()
	if e := w.load().Last().Execution; e.Stopped != "ou_b" || e.DoneAt.IsZero() || e.Steps[0].State != incident.StepApplied {
		t.Errorf("after Stop: %+v", e)
	}
	if len(w.pings) != 1 || !strings.Contains(w.pings[0], "press Undo") {
		t.Errorf("undo is not offered: %q", w.pings)
	}
	w.decide(3, incident.Undo, "", "ou_b")
	w.run()
	w.want(incident.RolledBack, 1)
	if w.undone != 1 || w.replicas != 2 {
		t.Errorf("undone %d times, %d replicas", w.undone, w.replicas)
	}
	w.intact()
}

// TestRunsThatFindNothingOutEnd: execute does not call itself for ever where what came of a change cannot be found out.
func TestRunsThatFindNothingOutEnd(t *testing.T) {
	w := begin(t)
	w.hops = 5
	w.decide(1, incident.Approve, "A", "ou_a")
	w.bucket = &blindTo{Bucket: w.bucket, key: "snapshot"}
	w.run()
	w.want(incident.HandedOver, 1)
	if n := w.load().Last().Execution.Hops; n != 6 {
		t.Errorf("%d runs, the limit is 5", n)
	}
}

// TestNothingCallsItselfWithoutACount: a closed incident whose archive cannot be sealed is left to inspect.
func TestNothingCallsItselfWithoutACount(t *testing.T) {
	w := begin(t)
	w.decide(1, incident.Approve, "A", "ou_a")
	w.cardErr = errors.New("lark is down")
	w.run()
	if i := w.load(); i.Closed == nil {
		t.Fatal("not closed")
	}
	before := len(w.woken)
	w.one()
	if len(w.woken) != before {
		t.Error("execute called itself for a closed incident")
	}
}

// TestHowAnUndoEnds: what has no way back by its nature is said; what was refused needs a person.
func TestHowAnUndoEnds(t *testing.T) {
	undone := incident.StepRun{State: incident.StepUndone}
	oneWay := incident.StepRun{State: incident.StepUndoFailed, Error: remediate.ErrIrreversible{Why: "the pods run elsewhere"}.Error()}
	moved := incident.StepRun{State: incident.StepUndoFailed, Error: remediate.ErrStale{Moved: "somebody was here"}.Error()}
	for name, c := range map[string]struct {
		steps  []incident.StepRun
		status incident.Status
		says   string
	}{
		"all of it":            {[]incident.StepRun{undone, undone}, incident.RolledBack, "Everything"},
		"what can be":          {[]incident.StepRun{undone, oneWay}, incident.RolledBack, "Step A2 stays (cannot be undone: the pods run elsewhere)"},
		"none of it can be":    {[]incident.StepRun{oneWay}, incident.HandedOver, "Step A1 could not be undone"},
		"one was refused":      {[]incident.StepRun{undone, moved}, incident.HandedOver, "Step A2 could not be undone: the world moved"},
		"refused and one way":  {[]incident.StepRun{undone, moved, oneWay}, incident.HandedOver, "Step A2 could not be undone"},
		"never came to a step": {[]incident.StepRun{{State: incident.StepPending}}, incident.RolledBack, "Everything"},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t)
			w.decide(1, incident.Approve, "A", "ou_a")
			e := w.load().Last().Consent().Confirmation.Execution(w.load().Last().Plan, t0, t0.Add(time.Hour))
			e.Seq, e.Unwinding, e.DoneAt = 1, true, t0
			step := e.Steps[0].Step
			e.Steps = nil
			for n, s := range c.steps {
				s.Step = step
				s.Step.ID = fmt.Sprintf("A%d", n+1)
				e.Steps = append(e.Steps, s)
			}
			w.must(w.book(t.Context()).SaveExecution(t.Context(), "c-1", e))
			w.run()
			w.want(c.status, 0)
			if why := w.load().Closed.Reason; !strings.Contains(why.EN, c.says) || why.ZH == "" {
				t.Errorf("%+v, want %q", why, c.says)
			}
		})
	}
}
