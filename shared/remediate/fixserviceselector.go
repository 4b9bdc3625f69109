package remediate

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
)

// fixServiceSelector points a Service at the pods it is meant for. Expect and Goal: selector, as k=v,k=v sorted by key. It
// refuses a selector that selects nothing.
func fixServiceSelector(client kubernetes.Interface) Action {
	return edit{
		client: client,
		plan: func(ctx context.Context, o Order, obj object) ([]field, error) {
			svc, ok := obj.(*corev1.Service)
			if !ok {
				return nil, fmt.Errorf("%T: %w", obj, errKind)
			}
			if err := o.expect("selector", labels.Set(svc.Spec.Selector).String()); err != nil {
				return nil, err
			}
			goal, err := o.goal("selector")
			if err != nil {
				return nil, err
			}
			want, err := labels.ConvertSelectorToLabelsMap(goal)
			if err != nil || len(want) == 0 {
				return nil, ErrUnsafe{Why: fmt.Sprintf("%q is not a selector", goal)}
			}
			pods, err := client.CoreV1().Pods(svc.Namespace).List(ctx, metav1.ListOptions{LabelSelector: want.String()})
			if err != nil {
				return nil, kubeError("listing the pods that "+goal+" selects", err)
			}
			if len(pods.Items) == 0 {
				return nil, ErrUnsafe{Why: fmt.Sprintf("%s selects no pod in %s", goal, svc.Namespace)}
			}
			after, err := canonical(map[string]string(want))
			if err != nil {
				return nil, err
			}
			return []field{{Path: "/spec/selector", After: after}}, nil
		},
		settled: func(ctx context.Context, _ Order, obj object, _ image) (bool, error) {
			return hasEndpoint(ctx, client, obj)
		},
	}
}

// hasEndpoint says whether a Service has a ready pod behind it.
func hasEndpoint(ctx context.Context, client kubernetes.Interface, svc object) (bool, error) {
	slices, err := client.DiscoveryV1().EndpointSlices(svc.GetNamespace()).List(ctx, metav1.ListOptions{
		LabelSelector: labels.Set{discoveryv1.LabelServiceName: svc.GetName()}.String(),
	})
	if err != nil {
		return false, kubeError("listing the endpoints of "+svc.GetName(), err)
	}
	for _, s := range slices.Items {
		for _, e := range s.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				return true, nil
			}
		}
	}
	return false, nil
}
