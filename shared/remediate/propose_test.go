package remediate

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// chatApp is the case of the demo: two replicas of one CPU each, two nodes with room for one more in all.
func chatApp(t *testing.T, waiting int) *observe.Snapshot {
	t.Helper()
	s := &observe.Snapshot{At: time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC), Cluster: incident.Cluster{ID: "c-1", Name: "demo-recovery"}}
	for i, cpu := range []string{"2", "1100m"} {
		s.Objects.Nodes = append(s.Objects.Nodes, nodeWith(fmt.Sprintf("node-%d", i+1), cpu, "4Gi", map[string]string{poolIDLabel: "p-1", poolNameLabel: "pool"}))
	}
	d := deploymentOf("chat-app", int32(2+waiting), "1")
	s.Objects.Deployments = []*appsv1.Deployment{d}
	for i := range 2 + waiting {
		p := podOf(d, i)
		if i < 2 {
			p.Spec.NodeName = fmt.Sprintf("node-%d", i+1)
			p.Status.Phase = corev1.PodRunning
		} else if i == 2 && waiting > 1 {
			p.Spec.NodeName = "node-1"
			p.Status.Phase = corev1.PodRunning
		} else {
			p.Status.Phase = corev1.PodPending
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/2 nodes are available: 2 Insufficient cpu."}}
		}
		s.Objects.Pods = append(s.Objects.Pods, p)
	}
	s.Objects.NodePools = []observe.NodePool{{ID: "p-1", Name: "pool", Desired: 2, Active: 2, Flavor: "c7.large.2"}}
	return s
}

func nodeWith(name, cpu, memory string, labels map[string]string) *corev1.Node {
	all := map[string]string{corev1.LabelHostname: name}
	for k, v := range labels {
		all[k] = v
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), Labels: all},
		Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory), corev1.ResourcePods: resource.MustParse("110"),
			},
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
}

func deploymentOf(name string, replicas int32, cpu string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	list := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("uid-" + name)},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "app", Image: "app:1", Resources: corev1.ResourceRequirements{Requests: list, Limits: list.DeepCopy()},
				}}},
			},
		},
	}
}

func podOf(d *appsv1.Deployment, i int) *corev1.Pod {
	yes := true
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Name: fmt.Sprintf("%s-6d4b75cb6d-%d", d.Name, i), UID: types.UID(fmt.Sprintf("uid-%s-%d", d.Name, i)),
			Labels: d.Spec.Template.Labels, CreationTimestamp: metav1.NewTime(time.Date(2026, 11, 22, 6, 0, i, 0, time.UTC)),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: d.Name + "-6d4b75cb6d", Controller: &yes}},
		},
		Spec: *d.Spec.Template.Spec.DeepCopy(),
	}
}

func cpuSaturated(reason incident.Reason) incident.Diagnosis {
	return incident.Diagnosis{Verdict: incident.Fault, Causes: []incident.Finding{{
		Reason: reason, Target: incident.Target{Kind: "Deployment", Namespace: "default", Name: "chat-app"},
		Evidence: []incident.Evidence{{Source: incident.FromMetric, Statement: "container CPU 93 % of its limit"}},
	}}}
}

func TestProposeForTheCPUCase(t *testing.T) {
	got := Propose(chatApp(t, 0), cpuSaturated(incident.ContainerCpuSaturated), History{})
	want := []string{"A ScaleOut", "B AdjustResources", "C Manual"}
	if diff := cmp.Diff(want, kinds(got)); diff != "" {
		t.Fatalf("solutions (-want +got):\n%s", diff)
	}
	step := incident.Step{
		ID: "A1", Action: incident.ScaleOut, Target: incident.Target{Cluster: "c-1", Kind: "Deployment", Namespace: "default", Name: "chat-app"},
		Expect: map[string]string{"uid": "uid-chat-app", "replicas": "2"}, Goal: map[string]string{"replicas": "4"},
	}
	if diff := cmp.Diff([]incident.Step{step}, got[0].Steps); diff != "" {
		t.Errorf("steps of A (-want +got):\n%s", diff)
	}
	if want := "1 of 2 new pods will not fit; 1 will (node-1). 0/2 nodes are available: 2 Insufficient cpu."; got[0].Prediction.EN != want {
		t.Errorf("prediction of A: got %q, want %q", got[0].Prediction.EN, want)
	}
	if diff := cmp.Diff(map[string]string{"container": "app", "limits.cpu": "2"}, got[1].Steps[0].Goal); diff != "" {
		t.Errorf("goal of B (-want +got):\n%s", diff)
	}
}

func TestProposeAfterTheScaleOutLeftAPodPending(t *testing.T) {
	past := History{Letters: []string{"A", "B", "C"}, Failed: 1}
	got := Propose(chatApp(t, 2), cpuSaturated(incident.InsufficientCPU), past)
	if diff := cmp.Diff([]string{"D ScaleOutNodePool", "E AdjustResources", "F Manual"}, kinds(got)); diff != "" {
		t.Fatalf("solutions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"nodes": "3"}, got[0].Steps[0].Goal); diff != "" {
		t.Errorf("goal of D (-want +got):\n%s", diff)
	}
}

// kinds is each solution's letter and actions.
func kinds(all []incident.Solution) []string {
	var out []string
	for _, s := range all {
		line := s.ID
		for _, step := range s.Steps {
			line += " " + string(step.Action)
		}
		if len(s.Steps) == 0 && s.Manual.EN != "" {
			line += " " + string(incident.Manual)
		}
		out = append(out, line)
	}
	return out
}
