package remediate

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// burstLabel lets the CCE bursting add-on send a pod to CCI. On the pod template it takes effect through a rollout. Values:
// localPrefer (only what does not fit in the cluster), auto (by score), enforce (always).
// Source: CCE user guide, CCE Cloud Bursting Engine for CCI.
const burstLabel = "bursting.cci.io/burst-to-cci"

var burstModes = []string{"localPrefer", "auto", "enforce"}

// burstToCCI lets a workload's pods run on CCI, billed by use. Expect and Goal: burst. It refuses a cluster without a virtual
// node that is Ready, and DaemonSets, which the add-on does not take.
func burstToCCI(client kubernetes.Interface) Action {
	return edit{
		client: client,
		plan: func(ctx context.Context, o Order, obj object) ([]field, error) {
			if o.Target.Kind == "DaemonSet" {
				return nil, ErrUnsafe{Why: "the bursting add-on does not take DaemonSets"}
			}
			w, err := workloadOf(obj)
			if err != nil {
				return nil, err
			}
			if err := o.expect("burst", w.template.Labels[burstLabel]); err != nil {
				return nil, err
			}
			mode, err := o.goal("burst")
			if err != nil {
				return nil, err
			}
			if !slices.Contains(burstModes, mode) {
				return nil, ErrUnsafe{Why: fmt.Sprintf("%q is not one of %v", mode, burstModes)}
			}
			if err := hasVirtualNode(ctx, client); err != nil {
				return nil, err
			}
			after, err := canonical(mode)
			if err != nil {
				return nil, err
			}
			return []field{{Path: "/spec/template/metadata/labels/" + escape(burstLabel), After: after}}, nil
		},
		settled: func(ctx context.Context, _ Order, obj object, before image) (bool, error) {
			return rolledOut(ctx, client, obj, before)
		},
	}
}

func hasVirtualNode(ctx context.Context, client kubernetes.Interface) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return kubeError("listing nodes", err)
	}
	for i := range nodes.Items {
		if n := &nodes.Items[i]; virtual(n) && ready(n) {
			return nil
		}
	}
	return ErrUnsafe{Why: "there is no virtual node that is Ready: the CCI bursting add-on is not installed or not working"}
}
