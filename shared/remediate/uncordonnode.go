package remediate

import (
	"context"

	"k8s.io/client-go/kubernetes"
)

// uncordonNode lets new pods onto a node again. Expect and Goal: unschedulable. A node that is not Ready stays cordoned.
func uncordonNode(client kubernetes.Interface) Action {
	return edit{
		client: client,
		plan: func(_ context.Context, o Order, obj object) ([]field, error) {
			n, err := nodeGoal(o, obj, "false")
			if err != nil {
				return nil, err
			}
			if err := o.expect("unschedulable", cordoned(n)); err != nil {
				return nil, err
			}
			if !ready(n) {
				return nil, ErrUnsafe{Why: o.Target.String() + " is not Ready; pods sent there would not start"}
			}
			if !n.Spec.Unschedulable {
				return nil, nil
			}
			return []field{{Path: "/spec/unschedulable"}}, nil
		},
	}
}
