package remediate

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/client-go/kubernetes"
)

// suspendCronJob keeps a CronJob from starting further Jobs; those that run go on. Expect and Goal: suspend.
func suspendCronJob(client kubernetes.Interface) Action {
	return edit{
		client: client,
		plan: func(_ context.Context, o Order, obj object) ([]field, error) {
			j, ok := obj.(*batchv1.CronJob)
			if !ok {
				return nil, fmt.Errorf("%T: %w", obj, errKind)
			}
			return suspend(o, j.Spec.Suspend)
		},
	}
}
