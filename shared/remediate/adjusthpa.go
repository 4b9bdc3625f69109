package remediate

import (
	"context"
	"fmt"
	"strconv"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
)

// adjustHPA changes the bounds of a HorizontalPodAutoscaler, and the target utilisation of a resource metric. Expect and Goal:
// minReplicas, maxReplicas, utilization.cpu, utilization.memory (percent of the request), whichever are to change. It never
// lowers the ceiling below the pods there are: that would be a scale-in.
func adjustHPA(client kubernetes.Interface) Action {
	return edit{client: client, plan: planHPA}
}

func planHPA(_ context.Context, o Order, obj object) ([]field, error) {
	h, ok := obj.(*autoscalingv2.HorizontalPodAutoscaler)
	if !ok {
		return nil, fmt.Errorf("%T: %w", obj, errKind)
	}
	floor, ceiling := deref(h.Spec.MinReplicas), h.Spec.MaxReplicas
	var fields []field
	for _, b := range []struct {
		key string
		now *int32
	}{{"minReplicas", &floor}, {"maxReplicas", &ceiling}} {
		if _, wanted := o.Goal[b.key]; !wanted {
			continue
		}
		n, err := o.number(b.key, int(*b.now), maxReplicas)
		if err != nil {
			return nil, err
		}
		*b.now = int32(n) //nolint:gosec // at most maxReplicas
		fields = append(fields, field{Path: "/spec/" + b.key, After: []byte(strconv.Itoa(n))})
	}
	if floor < 1 || floor > ceiling || ceiling < h.Status.CurrentReplicas {
		return nil, ErrUnsafe{Why: fmt.Sprintf("bounds %d to %d do not hold the %d pods there are", floor, ceiling, h.Status.CurrentReplicas)}
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		key := "utilization." + string(name)
		if _, wanted := o.Goal[key]; !wanted {
			continue
		}
		f, err := utilization(o, h, key, name)
		if err != nil {
			return nil, err
		}
		fields = append(fields, f...)
	}
	return fields, nil
}

// number compares one number with the expected one and reads the wanted one, between 1 and limit.
func (o Order) number(key string, now, limit int) (int, error) {
	if err := o.expect(key, strconv.Itoa(now)); err != nil {
		return 0, err
	}
	goal, err := o.goal(key)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(goal)
	if err != nil || n < 1 || n > limit {
		return 0, ErrUnsafe{Why: fmt.Sprintf("%s: %q is not a number from 1 to %d", key, goal, limit)}
	}
	return n, nil
}

func utilization(o Order, h *autoscalingv2.HorizontalPodAutoscaler, key string, name corev1.ResourceName) ([]field, error) {
	for i, m := range h.Spec.Metrics {
		if m.Type != autoscalingv2.ResourceMetricSourceType || m.Resource == nil || m.Resource.Name != name || m.Resource.Target.AverageUtilization == nil {
			continue
		}
		n, err := o.number(key, int(*m.Resource.Target.AverageUtilization), 100)
		if err != nil {
			return nil, err
		}
		at := "/spec/metrics/" + strconv.Itoa(i) + "/resource"
		same, err := canonical(name)
		if err != nil {
			return nil, err
		}
		return []field{{Path: at + "/name", After: same}, {Path: at + "/target/averageUtilization", After: []byte(strconv.Itoa(n))}}, nil
	}
	return nil, ErrStale{Moved: fmt.Sprintf("%s has no %s utilisation target any more", o.Target, name)}
}
