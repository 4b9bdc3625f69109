package observe

import (
	"encoding/json"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "k8s.io/apimachinery/pkg/util/json"
)

// hpaKind reads autoscaling/v1 as well, which is what kubectl and old clusters may give: one CPU target in the spec, conditions in
// an annotation.
var hpaKind = func() kind {
	k := typed("autoscaling/v2", "HorizontalPodAutoscaler", true,
		func(o *Objects) *[]*autoscalingv2.HorizontalPodAutoscaler { return &o.HPAs }, "autoscaling/v2beta2", "autoscaling/v1")
	newer := k.read
	k.read = func(o *Objects, raw json.RawMessage) error {
		var h head
		if err := kjson.Unmarshal(raw, &h); err != nil {
			return err
		}
		if h.APIVersion != "autoscaling/v1" {
			return newer(o, raw)
		}
		var old autoscalingv1.HorizontalPodAutoscaler
		if err := kjson.Unmarshal(raw, &old); err != nil {
			return err
		}
		if old.Namespace == "" {
			old.Namespace = metav1.NamespaceDefault
		}
		x := newerHPA(&old)
		Tidy(x)
		o.HPAs = append(o.HPAs, x)
		return nil
	}
	return k
}()

func newerHPA(old *autoscalingv1.HorizontalPodAutoscaler) *autoscalingv2.HorizontalPodAutoscaler {
	x := &autoscalingv2.HorizontalPodAutoscaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"},
		ObjectMeta: old.ObjectMeta,
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference(old.Spec.ScaleTargetRef),
			MinReplicas:    old.Spec.MinReplicas, MaxReplicas: old.Spec.MaxReplicas,
		},
		Status: autoscalingv2.HorizontalPodAutoscalerStatus{
			ObservedGeneration: old.Status.ObservedGeneration, LastScaleTime: old.Status.LastScaleTime,
			CurrentReplicas: old.Status.CurrentReplicas, DesiredReplicas: old.Status.DesiredReplicas,
		},
	}
	cpu := func(v *int32) *autoscalingv2.MetricTarget {
		return &autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: v}
	}
	if v := old.Spec.TargetCPUUtilizationPercentage; v != nil {
		x.Spec.Metrics = append(x.Spec.Metrics, autoscalingv2.MetricSpec{
			Type:     autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{Name: corev1.ResourceCPU, Target: *cpu(v)},
		})
	}
	if v := old.Status.CurrentCPUUtilizationPercentage; v != nil {
		x.Status.CurrentMetrics = append(x.Status.CurrentMetrics, autoscalingv2.MetricStatus{
			Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricStatus{
				Name: corev1.ResourceCPU, Current: autoscalingv2.MetricValueStatus{AverageUtilization: v},
			},
		})
	}
	const conditions = "autoscaling.alpha.kubernetes.io/conditions"
	if text, has := old.Annotations[conditions]; has {
		var all []autoscalingv2.HorizontalPodAutoscalerCondition
		if kjson.Unmarshal([]byte(text), &all) == nil {
			x.Status.Conditions = all
		}
	}
	return x
}
