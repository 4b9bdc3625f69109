package remediate

import (
	"context"
	"fmt"
	"strconv"

	"k8s.io/client-go/kubernetes"
)

// restoreReplicas gives a workload that was scaled to nothing its replicas back. Expect and Goal: replicas. An autoscaler does
// not stand in the way: at 0 it is switched off, and above 0 it takes over again.
func restoreReplicas(client kubernetes.Interface) Action {
	return edit{
		client: client,
		plan: func(_ context.Context, o Order, obj object) ([]field, error) {
			now, want, err := replicaGoal(o, obj)
			if err != nil {
				return nil, err
			}
			if now != 0 || want < 1 {
				return nil, ErrUnsafe{Why: fmt.Sprintf("only a workload at 0 replicas is restored, not from %d to %d", now, want)}
			}
			return []field{{Path: "/spec/replicas", After: []byte(strconv.Itoa(want))}}, nil
		},
		settled: func(ctx context.Context, _ Order, obj object, before image) (bool, error) {
			return rolledOut(ctx, client, obj, before)
		},
	}
}
