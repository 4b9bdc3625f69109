package remediate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cce-oncall/shared/incident"
)

// Store keeps an execution. Each state of it has its own Seq; a Save of a Seq that another executor has written must fail where
// the store can tell. After an error nobody knows whether the state was kept: load the record again before calling Advance.
type Store interface {
	Save(ctx context.Context, x *incident.Execution) error
}

// Runner is the auto-remediation-runner: it carries out the steps of one confirmed solution, or takes them back.
type Runner struct {
	Actions map[incident.ActionKind]Action
	Store   Store
	Now     func() time.Time
	// Tries is how many transient errors in a row a step survives; zero: 8.
	Tries int
	// StepByStep: Advance also returns where a step has settled and another follows, so that the caller can ask whether it is still
	// wanted.
	StepByStep bool
	// Patience is how long a step may take from its last change of state to the next; zero: 15 minutes.
	Patience time.Duration
}

const (
	defaultTries    = 8
	defaultPatience = 15 * time.Minute
)

// Advance moves x as far as it can go without waiting: done says that nothing is left to do. It may be called again after any
// return, error or crash with what the store holds. Inside a step the order is Prepare → save intent and before-image → Apply →
// save → Settled → save; going back it is save → Undo → save, last step first. A nil error and done = false: come again later.
func (r *Runner) Advance(ctx context.Context, x *incident.Execution) (done bool, err error) {
	for x.DoneAt.IsZero() {
		before := settledSteps(x)
		moved, err := r.once(ctx, x)
		if err != nil || !moved {
			return false, err
		}
		if n := settledSteps(x); r.StepByStep && !x.Unwinding && n > before && n < len(x.Steps) {
			return false, nil
		}
	}
	return true, nil
}

func settledSteps(x *incident.Execution) int {
	n := 0
	for _, s := range x.Steps {
		if s.State == incident.StepSettled {
			n++
		}
	}
	return n
}

// Unwind turns x around: the next Advance takes back what it did. It is what Undo on a card does, during or after an execution.
func Unwind(x *incident.Execution) {
	x.Unwinding = true
	x.DoneAt = time.Time{}
	x.Stopped = ""
}

// once makes one move, which ends in one save; moved = false means that there is only waiting to do.
func (r *Runner) once(ctx context.Context, x *incident.Execution) (moved bool, err error) {
	if x.Unwinding {
		return r.unwind(ctx, x)
	}
	i := slices.IndexFunc(x.Steps, func(s incident.StepRun) bool { return s.State != incident.StepSettled })
	if i < 0 {
		return true, r.save(ctx, x, func(next *incident.Execution) { next.DoneAt = r.Now() })
	}
	if why := r.halted(x, i); why != "" {
		return r.halt(ctx, x, i, why)
	}
	s := x.Steps[i]
	act, ok := r.Actions[s.Step.Action]
	if !ok {
		return true, r.fail(ctx, x, i, ErrUnsafe{Why: fmt.Sprintf("no action %q is available here", s.Step.Action)})
	}
	o := r.order(x, i)
	switch s.State {
	case incident.StepPending, "":
		receipt, err := act.Prepare(ctx, o)
		if err != nil {
			return r.trouble(ctx, x, i, err)
		}
		return true, r.reach(ctx, x, i, incident.StepPrepared, func(s *incident.StepRun) { s.Receipt = receipt })
	case incident.StepPrepared:
		if err := act.Apply(ctx, o, s.Receipt); err != nil {
			return r.trouble(ctx, x, i, err)
		}
		return true, r.reach(ctx, x, i, incident.StepApplied, nil)
	case incident.StepApplied:
		ok, err := act.Settled(ctx, o, s.Receipt)
		if err != nil {
			return r.trouble(ctx, x, i, err)
		}
		if !ok {
			return r.wait(ctx, x, i, "the change was made but did not take hold")
		}
		return true, r.reach(ctx, x, i, incident.StepSettled, nil)
	default: // Failed, Undone …: the record was cut off between the step and the end
		return true, r.end(ctx, x, fmt.Sprintf("step %s is %s: %s", s.Step.ID, s.State, s.Error))
	}
}

// halted says why nothing new may be begun, empty when it may.
func (r *Runner) halted(x *incident.Execution, i int) string {
	switch {
	case x.Stopped != "":
		return "stopped before step " + x.Steps[i].Step.ID + " was finished"
	case !x.Deadline.IsZero() && !r.Now().Before(x.Deadline):
		return "out of time before step " + x.Steps[i].Step.ID + " was finished"
	default:
		return ""
	}
}

// halt ends an execution at a point where the record says what is true of the world: a step in doubt is looked at first.
func (r *Runner) halt(ctx context.Context, x *incident.Execution, i int, why string) (bool, error) {
	s := x.Steps[i]
	act, known := r.Actions[s.Step.Action]
	if s.State != incident.StepPrepared || !known {
		return true, r.end(ctx, x, why)
	}
	settled, err := act.Settled(ctx, r.order(x, i), s.Receipt)
	var stale ErrStale
	switch {
	case errors.Is(err, ErrNotApplied):
		return true, r.reach(ctx, x, i, incident.StepPending, func(s *incident.StepRun) { s.Receipt = nil })
	case errors.As(err, &stale): // somebody else was there since: Undo will refuse, or find its own change
		return true, r.fail(ctx, x, i, ErrFailed{Why: why + "; " + stale.Error()})
	case err != nil:
		return r.trouble(ctx, x, i, err)
	case settled:
		return true, r.reach(ctx, x, i, incident.StepSettled, nil)
	default:
		return true, r.reach(ctx, x, i, incident.StepApplied, nil)
	}
}

// trouble files an error: ask again later, refuse, or fail.
func (r *Runner) trouble(ctx context.Context, x *incident.Execution, i int, err error) (bool, error) {
	var waiting ErrWaiting
	switch {
	case ctx.Err() != nil, errors.Is(err, ErrRaced):
		return false, fmt.Errorf("step %s: %w", x.Steps[i].Step.ID, err) // this run is over, or not alone: it records nothing
	case errors.As(err, &waiting):
		if done, err := r.wait(ctx, x, i, waiting.Error()); done || err != nil || x.Steps[i].Error == waiting.Error() {
			return done, err
		}
		return false, r.save(ctx, x, func(next *incident.Execution) { next.Steps[i].Error = waiting.Error() }) // people can see what for
	case transient(err) && x.Steps[i].Tries+1 < r.tries():
		saved := r.save(ctx, x, func(next *incident.Execution) {
			next.Steps[i].Tries++
			next.Steps[i].Error = err.Error()
		})
		return false, errors.Join(fmt.Errorf("step %s: %w", x.Steps[i].Step.ID, err), saved)
	default:
		return true, r.fail(ctx, x, i, err)
	}
}

// wait leaves a step as it is, unless it has been so for too long.
func (r *Runner) wait(ctx context.Context, x *incident.Execution, i int, what string) (bool, error) {
	patience := r.Patience
	if patience == 0 {
		patience = defaultPatience
	}
	if r.Now().Sub(x.Steps[i].At) < patience {
		return false, nil
	}
	return true, r.fail(ctx, x, i, ErrFailed{Why: fmt.Sprintf("%s within %s", what, patience)})
}

// fail ends the way forward at step i. The step's receipt is kept only where the step may have changed something, so that
// Undo knows what to take back.
func (r *Runner) fail(ctx context.Context, x *incident.Execution, i int, err error) error {
	return r.save(ctx, x, func(next *incident.Execution) {
		s := &next.Steps[i]
		if refused(err) && s.State != incident.StepApplied {
			s.Receipt = nil
		}
		s.State, s.Error, s.At = incident.StepFailed, err.Error(), r.Now()
		next.Failed = fmt.Sprintf("step %s: %s", s.Step.ID, err)
		if next.UnwindOnFailure && slices.ContainsFunc(next.Steps, undoable) {
			next.Unwinding = true
			return
		}
		next.DoneAt = r.Now()
	})
}

// end closes an execution that will not do all of it.
func (r *Runner) end(ctx context.Context, x *incident.Execution, why string) error {
	return r.save(ctx, x, func(next *incident.Execution) {
		if next.Failed == "" {
			next.Failed = why
		}
		next.DoneAt = r.Now()
	})
}

// reach records that step i has come to a state.
func (r *Runner) reach(ctx context.Context, x *incident.Execution, i int, state incident.StepState, also func(*incident.StepRun)) error {
	return r.save(ctx, x, func(next *incident.Execution) {
		s := &next.Steps[i]
		s.State, s.Error, s.Tries, s.At = state, "", 0, r.Now()
		if also != nil {
			also(s)
		}
	})
}

// save keeps the next state and only then makes it x: what is not in the store has not happened.
func (r *Runner) save(ctx context.Context, x *incident.Execution, change func(*incident.Execution)) error {
	next := *x
	next.Steps = slices.Clone(x.Steps)
	change(&next)
	next.Seq++
	if err := r.Store.Save(ctx, &next); err != nil {
		return fmt.Errorf("saving state %d of the execution: %w", next.Seq, err)
	}
	*x = next
	return nil
}

func (r *Runner) order(x *incident.Execution, i int) Order {
	return Order{Step: x.Steps[i].Step, Mark: MarkOf(x.Confirmation.Digest, x.Steps[i].Step.ID)}
}

func (r *Runner) tries() int {
	if r.Tries == 0 {
		return defaultTries
	}
	return r.Tries
}
