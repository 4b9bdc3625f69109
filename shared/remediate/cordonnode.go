package remediate

import (
	"context"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
)

// cordonNode keeps new pods off a node. Expect and Goal: unschedulable. A node that somebody else has cordoned already is left
// as it is and will not be uncordoned by Undo: whoever cordoned it had a reason.
func cordonNode(client kubernetes.Interface) Action {
	return edit{
		client: client,
		plan: func(_ context.Context, o Order, obj object) ([]field, error) {
			n, err := nodeGoal(o, obj, "true")
			if err != nil {
				return nil, err
			}
			if n.Spec.Unschedulable {
				return nil, nil
			}
			return []field{{Path: "/spec/unschedulable", After: []byte("true")}}, o.expect("unschedulable", "false")
		},
		settled: func(_ context.Context, o Order, obj object, _ image) (bool, error) {
			if n, ok := obj.(*corev1.Node); !ok || !n.Spec.Unschedulable {
				return false, ErrStale{Moved: o.Target.String() + " was uncordoned by somebody"}
			}
			return true, nil
		},
	}
}

// nodeGoal reads a node and checks that the step wants of it what this action does.
func nodeGoal(o Order, obj object, unschedulable string) (*corev1.Node, error) {
	n, ok := obj.(*corev1.Node)
	if !ok {
		return nil, fmt.Errorf("%T: %w", obj, errKind)
	}
	if got := o.Goal["unschedulable"]; got != unschedulable {
		return nil, ErrUnsafe{Why: fmt.Sprintf("step %s wants unschedulable to be %q", o.ID, got)}
	}
	return n, nil
}

// cordoned is a node's state as Expect writes it.
func cordoned(n *corev1.Node) string { return strconv.FormatBool(n.Spec.Unschedulable) }
