package remediate_test

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/remediate"
	"cce-oncall/shared/remediate/remediatetest"
)

// TestCrashMatrix kills, fails and overtakes every action at every call, forward and back.
func TestCrashMatrix(t *testing.T) {
	for _, p := range plans() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			for _, err := range remediatetest.Matrix(p.scenario()) {
				t.Error(err)
			}
		})
	}
}

// addNodes is what an action must not be: its goal is "so many more".
type addNodes struct{ cloud *remediatetest.Cloud }

func (a addNodes) Prepare(ctx context.Context, o remediate.Order) (incident.Receipt, error) {
	p, err := a.cloud.Pool(ctx, o.Expect["uid"])
	if err != nil {
		return nil, err
	}
	return json.Marshal(p.Desired)
}

func (a addNodes) Apply(ctx context.Context, o remediate.Order, _ incident.Receipt) error {
	p, err := a.cloud.Pool(ctx, o.Expect["uid"])
	if err != nil {
		return err
	}
	more, err := strconv.Atoi(o.Goal["more"])
	if err != nil {
		return err
	}
	return a.cloud.Resize(ctx, o.Expect["uid"], p.Desired+more)
}

func (a addNodes) Settled(context.Context, remediate.Order, incident.Receipt) (bool, error) {
	return true, nil
}

func (a addNodes) Undo(context.Context, remediate.Order, incident.Receipt) error {
	return remediate.ErrIrreversible{Why: "test"}
}

// TestTheMatrixCatchesAnActionThatIsNotIdempotent: a matrix that lets "+1" pass is worth nothing.
func TestTheMatrixCatchesAnActionThatIsNotIdempotent(t *testing.T) {
	wrong := remediatetest.Matrix(remediatetest.Scenario{Name: "+1", World: func(cut *remediatetest.Cut) (remediatetest.World, error) {
		cloud := remediatetest.NewCloud(cut, observe.NodePool{ID: "p-1", Desired: 2})
		return remediatetest.World{
			Actions: func() map[incident.ActionKind]remediate.Action {
				return map[incident.ActionKind]remediate.Action{incident.ScaleOutNodePool: addNodes{cloud}}
			},
			Steps: []incident.Step{{ID: "A1", Action: incident.ScaleOutNodePool, Expect: map[string]string{"uid": "p-1"}, Goal: map[string]string{"more": "1"}}},
			State: func() (string, error) { return remediatetest.Show(cloud.Targets()) }, Settle: cloud.Settle, OneWay: true,
		}, nil
	}})
	for _, fault := range []remediatetest.Fault{remediatetest.DieAfter, remediatetest.FailAfter, remediatetest.Overtake} {
		found := false
		for _, err := range wrong {
			found = found || strings.Contains(err.Error(), "forward, "+string(fault)) && strings.Contains(err.Error(), "resize")
		}
		if !found {
			t.Errorf("the matrix let a second effect pass at fault %q", fault)
		}
	}
}

// forgetful applies before anything is saved: it makes its change in Prepare.
type forgetful struct{ remediate.Action }

func (f forgetful) Prepare(ctx context.Context, o remediate.Order) (incident.Receipt, error) {
	receipt, err := f.Action.Prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	return receipt, f.Apply(ctx, o, receipt)
}

// TestTheMatrixCatchesAChangeBeforeItsIntent: what is not in the record cannot be undone.
func TestTheMatrixCatchesAChangeBeforeItsIntent(t *testing.T) {
	wrong := remediatetest.Matrix(remediatetest.Scenario{Name: "forgetful", World: func(cut *remediatetest.Cut) (remediatetest.World, error) {
		w, _, _ := plans()[0].world(cut)
		sound := w.Actions
		w.Actions = func() map[incident.ActionKind]remediate.Action {
			all := sound()
			all[incident.ScaleOut] = forgetful{all[incident.ScaleOut]}
			return all
		}
		return w, nil
	}})
	if len(wrong) == 0 || !strings.Contains(wrong[0].Error(), "before its intent was in the record") {
		t.Errorf("the matrix let a change without intent pass: %v", wrong)
	}
}

// TestTheMatrixCatchesAnUndoThatForgets: an undo that says it did and did not leaves the world changed.
func TestTheMatrixCatchesAnUndoThatForgets(t *testing.T) {
	wrong := remediatetest.Matrix(remediatetest.Scenario{Name: "no undo", World: func(cut *remediatetest.Cut) (remediatetest.World, error) {
		w, _, _ := plans()[0].world(cut)
		sound := w.Actions
		w.Actions = func() map[incident.ActionKind]remediate.Action {
			all := sound()
			all[incident.ScaleOut] = idle{all[incident.ScaleOut]}
			return all
		}
		return w, nil
	}})
	if !slices.ContainsFunc(wrong, func(err error) bool { return strings.Contains(err.Error(), "ended as") }) {
		t.Errorf("the matrix let an undo without effect pass: %d other errors", len(wrong))
	}
}

type idle struct{ remediate.Action }

func (idle) Undo(context.Context, remediate.Order, incident.Receipt) error { return nil }
