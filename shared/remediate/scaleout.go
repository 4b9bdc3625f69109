package remediate

import (
	"context"
	"fmt"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"cce-oncall/shared/incident"
)

// scaleOut raises the replica count of a Deployment or StatefulSet. Expect and Goal: replicas. It refuses to scale in, and
// where an autoscaler owns the count, since that one would take the change back.
func scaleOut(client kubernetes.Interface) Action {
	return edit{
		client: client,
		plan: func(ctx context.Context, o Order, obj object) ([]field, error) {
			now, want, err := replicaGoal(o, obj)
			if err != nil {
				return nil, err
			}
			if want <= now {
				return nil, ErrUnsafe{Why: fmt.Sprintf("%d replicas are not more than %d", want, now)}
			}
			if err := noAutoscaler(ctx, client, o.Target); err != nil {
				return nil, err
			}
			return []field{{Path: "/spec/replicas", After: []byte(strconv.Itoa(want))}}, nil
		},
		settled: func(ctx context.Context, _ Order, obj object, before image) (bool, error) {
			return rolledOut(ctx, client, obj, before)
		},
	}
}

// replicaGoal compares the replica count with the expected one and reads the wanted one.
func replicaGoal(o Order, obj object) (now, want int, err error) {
	if o.Target.Kind != "Deployment" && o.Target.Kind != "StatefulSet" {
		return 0, 0, ErrUnsafe{Why: "a " + o.Target.Kind + " has no replica count"}
	}
	w, err := workloadOf(obj)
	if err != nil {
		return 0, 0, err
	}
	now = int(w.replicas)
	if err := o.expect("replicas", strconv.Itoa(now)); err != nil {
		return 0, 0, err
	}
	goal, err := o.goal("replicas")
	if err != nil {
		return 0, 0, err
	}
	want, err = strconv.Atoi(goal)
	if err != nil || want < 0 || want > maxReplicas {
		return 0, 0, ErrUnsafe{Why: fmt.Sprintf("%q is not a replica count up to %d", goal, maxReplicas)}
	}
	return now, want, nil
}

// maxReplicas is a limit of our own: no incident is solved by more.
const maxReplicas = 200

// noAutoscaler refuses a workload whose replicas are an autoscaler's.
func noAutoscaler(ctx context.Context, client kubernetes.Interface, t incident.Target) error {
	hpas, err := client.AutoscalingV2().HorizontalPodAutoscalers(t.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return kubeError("listing autoscalers in "+t.Namespace, err)
	}
	for _, h := range hpas.Items {
		if ref := h.Spec.ScaleTargetRef; ref.Kind == t.Kind && ref.Name == t.Name {
			return ErrUnsafe{Why: fmt.Sprintf("HorizontalPodAutoscaler %s/%s owns the replicas of %s; change its bounds instead", h.Namespace, h.Name, t)}
		}
	}
	return nil
}
