package remediate

import (
	"context"
	"maps"

	"k8s.io/client-go/kubernetes"
)

// restartedAt is the annotation by which kubectl restarts a rollout; the same one, so that history reads the same.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// restartRollout replaces all pods of a workload by its own strategy. Expect and Goal: restartedAt; the goal is a fixed time
// (RFC 3339, of the plan), so that asking twice restarts once.
func restartRollout(client kubernetes.Interface) Action {
	return edit{
		client: client,
		plan: func(_ context.Context, o Order, obj object) ([]field, error) {
			w, err := workloadOf(obj)
			if err != nil {
				return nil, err
			}
			if w.paused {
				return nil, ErrUnsafe{Why: o.Target.String() + " is paused: nothing would be restarted"}
			}
			if err := o.expect("restartedAt", w.template.Annotations[restartedAt]); err != nil {
				return nil, err
			}
			when, err := o.goal("restartedAt")
			if err != nil {
				return nil, err
			}
			all := map[string]string{}
			maps.Copy(all, w.template.Annotations)
			all[restartedAt] = when
			after, err := canonical(all)
			if err != nil {
				return nil, err
			}
			return []field{{Path: "/spec/template/metadata/annotations", After: after}}, nil
		},
		settled: func(ctx context.Context, _ Order, obj object, before image) (bool, error) {
			return rolledOut(ctx, client, obj, before)
		},
		oneWay: "the pods have been restarted; there is nothing to go back to",
	}
}
