package remediate

import (
	"context"
	"errors"
	"fmt"

	"cce-oncall/shared/incident"
)

// undoable says whether a step may have changed something that has not been taken back yet.
func undoable(s incident.StepRun) bool {
	switch s.State {
	case incident.StepPrepared, incident.StepApplied, incident.StepSettled, incident.StepUndoing:
		return true
	case incident.StepFailed:
		return len(s.Receipt) > 0
	case incident.StepPending, incident.StepUndone, incident.StepUndoFailed:
		return false
	}
	return false
}

// unwind takes back the last step that is still to be taken back. A step that has no way back is passed over and said; one
// whose undo is refused ends it, since what lies before it may be what it stands on.
func (r *Runner) unwind(ctx context.Context, x *incident.Execution) (bool, error) {
	i := len(x.Steps) - 1
	for i >= 0 && !undoable(x.Steps[i]) {
		i--
	}
	if i < 0 {
		return true, r.save(ctx, x, func(next *incident.Execution) { next.DoneAt = r.Now() })
	}
	s := x.Steps[i]
	act, ok := r.Actions[s.Step.Action]
	if !ok {
		return true, r.undoFailed(ctx, x, i, ErrUnsafe{Why: fmt.Sprintf("no action %q is available here", s.Step.Action)})
	}
	if s.State != incident.StepUndoing {
		return true, r.reach(ctx, x, i, incident.StepUndoing, nil)
	}
	err := act.Undo(ctx, r.order(x, i), s.Receipt)
	var waiting ErrWaiting
	switch {
	case err == nil:
		return true, r.reach(ctx, x, i, incident.StepUndone, nil)
	case errors.As(err, &waiting):
		return false, nil
	case ctx.Err() != nil, errors.Is(err, ErrRaced):
		return false, fmt.Errorf("undoing step %s: %w", s.Step.ID, err)
	case transient(err) && s.Tries+1 < r.tries():
		saved := r.save(ctx, x, func(next *incident.Execution) {
			next.Steps[i].Tries++
			next.Steps[i].Error = err.Error()
		})
		return false, errors.Join(fmt.Errorf("undoing step %s: %w", s.Step.ID, err), saved)
	default:
		return true, r.undoFailed(ctx, x, i, err)
	}
}

func (r *Runner) undoFailed(ctx context.Context, x *incident.Execution, i int, err error) error {
	var oneWay ErrIrreversible
	passable := errors.As(err, &oneWay)
	return r.save(ctx, x, func(next *incident.Execution) {
		s := &next.Steps[i]
		s.State, s.Error, s.At = incident.StepUndoFailed, err.Error(), r.Now()
		why := fmt.Sprintf("step %s: %s", s.Step.ID, err)
		if next.Failed != "" {
			why = next.Failed + "; " + why
		}
		next.Failed = why
		if !passable {
			next.DoneAt = r.Now()
		}
	})
}
