package remediate

import (
	"context"
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/client-go/kubernetes"
)

// resumeRollout lets a paused Deployment go on. Expect and Goal: paused.
func resumeRollout(client kubernetes.Interface) Action {
	return edit{
		client: client,
		plan: func(_ context.Context, o Order, obj object) ([]field, error) {
			d, ok := obj.(*appsv1.Deployment)
			if !ok {
				return nil, fmt.Errorf("%T: %w", obj, errKind)
			}
			if err := o.expect("paused", strconv.FormatBool(d.Spec.Paused)); err != nil {
				return nil, err
			}
			if o.Goal["paused"] != "false" {
				return nil, ErrUnsafe{Why: "a rollout is only ever resumed here, not paused"}
			}
			if !d.Spec.Paused {
				return nil, nil
			}
			return []field{{Path: "/spec/paused"}}, nil
		},
		settled: func(ctx context.Context, _ Order, obj object, before image) (bool, error) {
			return rolledOut(ctx, client, obj, before)
		},
	}
}
