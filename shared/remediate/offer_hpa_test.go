package remediate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// scaler is an autoscaler of chat-app that keeps replicas pods at a CPU utilisation; measured 0: it reads nothing.
func scaler(replicas, most, target, measured int32) *autoscalingv2.HorizontalPodAutoscaler {
	resource := func(t autoscalingv2.MetricTarget) *autoscalingv2.ResourceMetricSource {
		return &autoscalingv2.ResourceMetricSource{Name: corev1.ResourceCPU, Target: t}
	}
	h := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: objectMeta("chat-app"), Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "chat-app"}, MinReplicas: ptr(int32(1)), MaxReplicas: most,
		Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: resource(autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &target})}},
	}, Status: autoscalingv2.HorizontalPodAutoscalerStatus{CurrentReplicas: replicas, DesiredReplicas: replicas}}
	if measured > 0 {
		h.Status.CurrentMetrics = []autoscalingv2.MetricStatus{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricStatus{
			Name: corev1.ResourceCPU, Current: autoscalingv2.MetricValueStatus{AverageUtilization: &measured},
		}}}
	}
	return h
}

// TestWhatHoldsAnAutoscalerBack: more pods come by the target, the floor or the ceiling, whichever is in the way.
func TestWhatHoldsAnAutoscalerBack(t *testing.T) {
	blind := scaler(2, 10, 80, 0)
	blind.Status.Conditions = []autoscalingv2.HorizontalPodAutoscalerCondition{{Type: autoscalingv2.ScalingActive, Status: corev1.ConditionFalse, Reason: "FailedGetResourceMetric"}}
	busy := scaler(2, 10, 95, 90)
	busy.Status.DesiredReplicas = 4
	for _, c := range []struct {
		name string
		hpa  *autoscalingv2.HorizontalPodAutoscaler
		goal map[string]string
	}{
		{"content with a target that is too high", scaler(2, 10, 95, 92), map[string]string{"utilization.cpu": "65"}},
		{"content within its tolerance", scaler(2, 10, 90, 98), map[string]string{"utilization.cpu": "65"}},
		{"pods that may use twice their request", scaler(2, 10, 190, 180), map[string]string{"utilization.cpu": "100"}},
		{"at its ceiling", scaler(2, 2, 80, 98), map[string]string{"minReplicas": "1", "maxReplicas": "4"}},
		{"at its ceiling and content", scaler(2, 2, 95, 92), map[string]string{"minReplicas": "1", "maxReplicas": "4"}},
		{"blind", blind, map[string]string{"minReplicas": "4", "maxReplicas": "10"}},
		{"idle by its own measure", scaler(2, 10, 80, 20), nil},
		{"not measured yet", scaler(2, 10, 80, 0), map[string]string{"minReplicas": "1", "maxReplicas": "20"}},
		{"on its way by itself", busy, map[string]string{"minReplicas": "1", "maxReplicas": "20"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := chatApp(t, 0)
			s.Objects.HPAs = []*autoscalingv2.HorizontalPodAutoscaler{c.hpa}
			var goal map[string]string
			for _, offer := range Propose(s, cpuSaturated(incident.ContainerCpuSaturated), History{}) {
				for _, step := range offer.Steps {
					switch step.Action {
					case incident.ScaleOut:
						t.Errorf("%s is offered where an autoscaler owns the replicas", offer.Title.EN)
					case incident.AdjustHPA:
						goal = step.Goal
					default:
					}
				}
			}
			if diff := cmp.Diff(c.goal, goal); diff != "" {
				t.Errorf("goal (-want +got):\n%s", diff)
			}
		})
	}
}

// TestALowerTargetSaysWhatComesOfIt: the preview computes what the autoscaler will, and where those pods fit.
func TestALowerTargetSaysWhatComesOfIt(t *testing.T) {
	s := chatApp(t, 0)
	s.Objects.HPAs = []*autoscalingv2.HorizontalPodAutoscaler{scaler(2, 10, 95, 92)}
	got := Propose(s, cpuSaturated(incident.ContainerCpuSaturated), History{})[0]
	world := func() *world { return newWorld(s) }
	want := world().predict(newBench(s, cpuSaturated(incident.ContainerCpuSaturated).Causes[0], world).load.podSet(1))
	if diff := cmp.Diff(want.Text(), got.Prediction); diff != "" {
		t.Errorf("prediction of one more pod (2 × 92 %% ÷ 65 %%, rounded up, is 3):\n%s", diff)
	}
	for part, words := range map[string][]string{
		got.Title.EN:     {"from 95 % to 65 %"},
		got.Title.ZH:     {"从 95% 降至 65%"},
		got.Change[0].EN: {"95 % → 65 %"},
		got.Impact.EN:    {"from 2 to 3 pods", "No running pod is restarted"},
		got.Rollback.EN:  {"95 %"},
	} {
		for _, w := range words {
			if !strings.Contains(part, w) {
				t.Errorf("%q does not say %q", part, w)
			}
		}
	}
}
