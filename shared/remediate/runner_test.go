package remediate_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/remediate"
	"cce-oncall/shared/remediate/remediatetest"
)

// script is an action that answers as it is told and notes what it was asked.
type script struct {
	calls                         *[]string
	prepare, apply, settled, undo []error // answers in turn, the last one for ever; nil: success
}

func (s *script) answer(call string, o remediate.Order, from *[]error) error {
	*s.calls = append(*s.calls, call+" "+o.ID)
	if len(*from) == 0 {
		return nil
	}
	err := (*from)[0]
	if len(*from) > 1 {
		*from = (*from)[1:]
	}
	return err
}

func (s *script) Prepare(_ context.Context, o remediate.Order) (incident.Receipt, error) {
	return json.RawMessage(`{"before":1}`), s.answer("prepare", o, &s.prepare)
}

func (s *script) Apply(_ context.Context, o remediate.Order, _ incident.Receipt) error {
	return s.answer("apply", o, &s.apply)
}

var errUnsettled = errors.New("not yet")

func (s *script) Settled(_ context.Context, o remediate.Order, _ incident.Receipt) (bool, error) {
	err := s.answer("settled", o, &s.settled)
	if errors.Is(err, errUnsettled) {
		return false, nil
	}
	return err == nil, err
}

func (s *script) Undo(_ context.Context, o remediate.Order, _ incident.Receipt) error {
	return s.answer("undo", o, &s.undo)
}

// shelf keeps what was saved.
type shelf struct {
	calls  *[]string
	states []incident.Execution
	err    error
}

func (s *shelf) Save(_ context.Context, x *incident.Execution) error {
	*s.calls = append(*s.calls, "save")
	if s.err != nil {
		return s.err
	}
	s.states = append(s.states, *x)
	return nil
}

type stage struct {
	calls  []string
	acts   map[incident.ActionKind]*script
	shelf  *shelf
	runner *remediate.Runner
	now    time.Time
	x      *incident.Execution
}

// newStage is an execution of two steps, a Cordon and a Drain, whose actions follow scripts.
func newStage() *stage {
	s := &stage{acts: map[incident.ActionKind]*script{}, now: remediatetest.Epoch()}
	s.shelf = &shelf{calls: &s.calls}
	actions := map[incident.ActionKind]remediate.Action{}
	for _, kind := range []incident.ActionKind{incident.CordonNode, incident.DrainNode} {
		s.acts[kind] = &script{calls: &s.calls}
		actions[kind] = s.acts[kind]
	}
	s.runner = &remediate.Runner{Actions: actions, Store: s.shelf, Now: func() time.Time { return s.now }}
	s.x = remediatetest.Confirmed([]incident.Step{{ID: "A1", Action: incident.CordonNode}, {ID: "A2", Action: incident.DrainNode}})
	return s
}

func (s *stage) advance(t *testing.T) (bool, error) {
	t.Helper()
	return s.runner.Advance(context.Background(), s.x)
}

func (s *stage) states() []incident.StepState {
	var out []incident.StepState
	for _, step := range s.x.Steps {
		out = append(out, step.State)
	}
	return out
}

func (s *stage) want(t *testing.T, failed string, states ...incident.StepState) {
	t.Helper()
	if diff := cmp.Diff(states, s.states()); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if !strings.Contains(s.x.Failed, failed) || failed == "" && s.x.Failed != "" {
		t.Errorf("failed: got %q, want %q", s.x.Failed, failed)
	}
}

func TestAdvanceSavesIntentBeforeItActs(t *testing.T) {
	s := newStage()
	if done, err := s.advance(t); !done || err != nil {
		t.Fatalf("Advance: %v, %v", done, err)
	}
	want := []string{
		"prepare A1", "save", "apply A1", "save", "settled A1", "save",
		"prepare A2", "save", "apply A2", "save", "settled A2", "save", "save",
	}
	if diff := cmp.Diff(want, s.calls); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	for i, x := range s.shelf.states {
		if x.Seq != i+2 {
			t.Errorf("state %d has Seq %d", i, x.Seq)
		}
	}
	s.want(t, "", incident.StepSettled, incident.StepSettled)
	if done, err := s.advance(t); !done || err != nil || len(s.calls) != len(want) {
		t.Errorf("Advance of what is done did something: %v, %v", done, err)
	}
}

func TestAdvanceGoesBackInReverse(t *testing.T) {
	s := newStage()
	if _, err := s.advance(t); err != nil {
		t.Fatal(err)
	}
	s.calls = nil
	remediate.Unwind(s.x)
	if done, err := s.advance(t); !done || err != nil {
		t.Fatalf("Advance: %v, %v", done, err)
	}
	if diff := cmp.Diff([]string{"save", "undo A2", "save", "save", "undo A1", "save", "save"}, s.calls); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	s.want(t, "", incident.StepUndone, incident.StepUndone)
}

func TestAdvanceChangesNothingWhenTheSaveFails(t *testing.T) {
	s := newStage()
	s.shelf.err = errors.New("bucket is gone")
	before := *s.x
	if _, err := s.advance(t); err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(before, *s.x); diff != "" {
		t.Errorf("what is not saved became true (-before +after):\n%s", diff)
	}
	if slices.Contains(s.calls, "apply A1") {
		t.Error("applied without a saved intent")
	}
}

// unready is an error that may go away.
type unready struct{}

func (unready) Error() string   { return "503" }
func (unready) Transient() bool { return true }

func TestAdvanceCountsTransientErrors(t *testing.T) {
	s := newStage()
	s.runner.Tries = 3
	s.acts[incident.CordonNode].apply = []error{unready{}}
	for i := 1; i <= 2; i++ {
		if done, err := s.advance(t); done || err == nil {
			t.Fatalf("try %d: %v, %v", i, done, err)
		}
		if s.x.Steps[0].Tries != i || s.x.Steps[0].State != incident.StepPrepared {
			t.Errorf("try %d: %+v", i, s.x.Steps[0])
		}
	}
	if done, err := s.advance(t); !done || err != nil {
		t.Fatalf("last try: %v, %v", done, err)
	}
	s.want(t, "503", incident.StepFailed, incident.StepPending)
	if len(s.x.Steps[0].Receipt) == 0 {
		t.Error("a step in doubt lost its before-image")
	}
}

func TestAdvanceAfterRefusals(t *testing.T) {
	for _, c := range []struct {
		name    string
		set     func(*stage)
		failed  string
		receipt bool
	}{
		{"Prepare finds a moved world", func(s *stage) { s.acts[incident.CordonNode].prepare = []error{remediate.ErrStale{Moved: "3, not 2"}} }, "the world moved: 3, not 2", false},
		{"Apply finds a moved world", func(s *stage) { s.acts[incident.CordonNode].apply = []error{remediate.ErrStale{Moved: "3, not 2"}} }, "3, not 2", false},
		{"Apply is refused", func(s *stage) { s.acts[incident.CordonNode].apply = []error{remediate.ErrUnsafe{Why: "403"}} }, "refused: 403", false},
		{"it was changed after it was applied", func(s *stage) { s.acts[incident.CordonNode].settled = []error{remediate.ErrStale{Moved: "gone again"}} }, "gone again", true},
		{"it failed", func(s *stage) { s.acts[incident.CordonNode].settled = []error{remediate.ErrFailed{Why: "sold out"}} }, "sold out", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage()
			c.set(s)
			if done, err := s.advance(t); !done || err != nil {
				t.Fatalf("Advance: %v, %v", done, err)
			}
			s.want(t, c.failed, incident.StepFailed, incident.StepPending)
			if got := len(s.x.Steps[0].Receipt) > 0; got != c.receipt {
				t.Errorf("before-image kept: %v, want %v", got, c.receipt)
			}
		})
	}
}

func TestAdvanceUnwindsAFailureOnlyWhenApproved(t *testing.T) {
	for _, approved := range []bool{false, true} {
		s := newStage()
		s.x.UnwindOnFailure = approved
		s.acts[incident.DrainNode].prepare = []error{remediate.ErrUnsafe{Why: "bare pod"}}
		if done, err := s.advance(t); !done || err != nil {
			t.Fatalf("Advance: %v, %v", done, err)
		}
		first := incident.StepSettled
		if approved {
			first = incident.StepUndone
		}
		s.want(t, "bare pod", first, incident.StepFailed)
	}
}

func TestAdvanceStops(t *testing.T) {
	t.Run("between steps", func(t *testing.T) {
		s := newStage()
		s.acts[incident.CordonNode].settled = []error{errUnsettled}
		if done, err := s.advance(t); done || err != nil {
			t.Fatalf("Advance: %v, %v", done, err)
		}
		s.x.Stopped = "ou_1"
		if done, err := s.advance(t); !done || err != nil {
			t.Fatalf("Advance: %v, %v", done, err)
		}
		s.want(t, "stopped before step A1 was finished", incident.StepApplied, incident.StepPending)
	})
	for _, c := range []struct {
		name    string
		settled error
		state   incident.StepState
	}{
		{"in doubt, not applied", remediate.ErrNotApplied, incident.StepPending},
		{"in doubt, applied", errUnsettled, incident.StepApplied},
		{"in doubt, settled", nil, incident.StepSettled},
		{"in doubt, moved", remediate.ErrStale{Moved: "x"}, incident.StepFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage()
			s.acts[incident.CordonNode].settled = []error{c.settled}
			s.x.Steps[0].State, s.x.Steps[0].Receipt = incident.StepPrepared, json.RawMessage(`{}`)
			s.x.Stopped = "ou_1"
			if done, err := s.advance(t); !done || err != nil {
				t.Fatalf("Advance: %v, %v", done, err)
			}
			if slices.Contains(s.calls, "apply A1") || slices.Contains(s.calls, "prepare A2") {
				t.Errorf("went on after Stop: %v", s.calls)
			}
			s.want(t, "stopped", c.state, incident.StepPending)
		})
	}
}

// TestAdvanceStepByStep: between two steps the caller can look whether the next is still wanted.
func TestAdvanceStepByStep(t *testing.T) {
	s := newStage()
	s.runner.StepByStep = true
	if done, err := s.advance(t); done || err != nil {
		t.Fatalf("Advance: %v, %v", done, err)
	}
	s.want(t, "", incident.StepSettled, incident.StepPending)
	if slices.Contains(s.calls, "prepare A2") {
		t.Errorf("the second step was begun without asking: %v", s.calls)
	}
	stopped := *s.x
	if done, err := s.advance(t); !done || err != nil {
		t.Fatalf("Advance: %v, %v", done, err)
	}
	s.want(t, "", incident.StepSettled, incident.StepSettled)
	*s.x = stopped
	s.x.Stopped = "ou_1"
	if done, err := s.advance(t); !done || err != nil {
		t.Fatalf("Advance: %v, %v", done, err)
	}
	s.want(t, "stopped before step A2", incident.StepSettled, incident.StepPending)
}

func TestAdvanceKeepsTheDeadline(t *testing.T) {
	s := newStage()
	s.now = s.x.Deadline
	if done, err := s.advance(t); !done || err != nil {
		t.Fatalf("Advance: %v, %v", done, err)
	}
	s.want(t, "out of time", incident.StepPending, incident.StepPending)
	if diff := cmp.Diff([]string{"save"}, s.calls); diff != "" {
		t.Errorf("something was begun after the deadline:\n%s", diff)
	}
}

func TestAdvanceLosesPatience(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*stage)
	}{
		{"never settles", func(s *stage) { s.acts[incident.CordonNode].settled = []error{errUnsettled} }},
		{"waits for ever", func(s *stage) { s.acts[incident.CordonNode].apply = []error{remediate.ErrWaiting{For: "a budget"}} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage()
			c.set(s)
			if done, err := s.advance(t); done || err != nil || s.x.Steps[0].Tries != 0 {
				t.Fatalf("waiting: %v, %v, tries %d", done, err, s.x.Steps[0].Tries)
			}
			s.now = s.now.Add(15 * time.Minute)
			if done, err := s.advance(t); !done || err != nil {
				t.Fatalf("out of patience: %v, %v", done, err)
			}
			s.want(t, "within 15m", incident.StepFailed, incident.StepPending)
		})
	}
}

func TestUnwindPassesWhatHasNoWayBackAndStopsAtARefusal(t *testing.T) {
	s := newStage()
	if _, err := s.advance(t); err != nil {
		t.Fatal(err)
	}
	s.acts[incident.DrainNode].undo = []error{remediate.ErrIrreversible{Why: "pods moved"}}
	remediate.Unwind(s.x)
	if done, err := s.advance(t); !done || err != nil {
		t.Fatalf("Advance: %v, %v", done, err)
	}
	s.want(t, "step A2: cannot be undone: pods moved", incident.StepUndone, incident.StepUndoFailed)

	s = newStage()
	if _, err := s.advance(t); err != nil {
		t.Fatal(err)
	}
	s.acts[incident.DrainNode].undo = []error{remediate.ErrStale{Moved: "somebody"}}
	remediate.Unwind(s.x)
	if done, err := s.advance(t); !done || err != nil {
		t.Fatalf("Advance: %v, %v", done, err)
	}
	s.want(t, "somebody", incident.StepSettled, incident.StepUndoFailed)
}

func TestAdvanceRecordsNothingWhenItsRunIsOver(t *testing.T) {
	s := newStage()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.acts[incident.CordonNode].prepare = []error{context.Canceled}
	if done, err := s.runner.Advance(ctx, s.x); done || !errors.Is(err, context.Canceled) {
		t.Errorf("Advance: %v, %v", done, err)
	}
	if len(s.shelf.states) != 0 {
		t.Errorf("saved %d states", len(s.shelf.states))
	}
}

func TestAdvanceRefusesAnActionThatIsNotThere(t *testing.T) {
	s := newStage()
	delete(s.runner.Actions, incident.CordonNode)
	if done, err := s.advance(t); !done || err != nil {
		t.Fatalf("Advance: %v, %v", done, err)
	}
	s.want(t, `no action "CordonNode"`, incident.StepFailed, incident.StepPending)
}
