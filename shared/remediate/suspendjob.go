package remediate

import (
	"context"
	"fmt"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
)

// suspendJob stops a running Job: its pods are deleted, what is done stays done, and it can go on later. Expect and Goal: suspend.
func suspendJob(client kubernetes.Interface) Action {
	return edit{
		client: client,
		plan: func(_ context.Context, o Order, obj object) ([]field, error) {
			j, ok := obj.(*batchv1.Job)
			if !ok {
				return nil, fmt.Errorf("%T: %w", obj, errKind)
			}
			for _, c := range j.Status.Conditions {
				if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
					return nil, ErrStale{Moved: fmt.Sprintf("%s is over (%s)", o.Target, c.Type)}
				}
			}
			return suspend(o, j.Spec.Suspend)
		},
		settled: func(_ context.Context, _ Order, obj object, _ image) (bool, error) {
			j, ok := obj.(*batchv1.Job)
			return ok && j.Status.Active == 0, nil
		},
	}
}

// suspend is the change that Job and CronJob share.
func suspend(o Order, now *bool) ([]field, error) {
	on := now != nil && *now
	if err := o.expect("suspend", strconv.FormatBool(on)); err != nil {
		return nil, err
	}
	if o.Goal["suspend"] != "true" {
		return nil, ErrUnsafe{Why: "tasks are only ever suspended here, not started"}
	}
	if on {
		return nil, nil
	}
	return []field{{Path: "/spec/suspend", After: []byte("true")}}, nil
}
