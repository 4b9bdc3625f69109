package remediate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
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

// More of a resource that no node has left is no solution: the rollout would hang at its first pod.
func TestProposeRaisesNothingThatFitsNowhere(t *testing.T) {
	d := cpuSaturated(incident.ContainerCpuSaturated)
	d.Causes = append(d.Causes, cpuSaturated(incident.InsufficientCPU).Causes...)
	past := History{Letters: []string{"A", "B", "C"}, Failed: 1}
	if diff := cmp.Diff([]string{"D ScaleOut", "E Manual", "F ScaleOutNodePool", "G AdjustResources"}, kinds(Propose(chatApp(t, 2), d, past))); diff != "" {
		t.Errorf("solutions (-want +got):\n%s", diff)
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

func TestProposeHoldsBackWithoutEvidence(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*incident.Diagnosis)
	}{
		{"nothing but an alarm", func(d *incident.Diagnosis) { d.Causes[0].Evidence = []incident.Evidence{{Source: incident.FromAlarm}} }},
		{"no evidence at all", func(d *incident.Diagnosis) { d.Causes[0].Evidence = nil }},
		{"insufficient evidence", func(d *incident.Diagnosis) { d.Verdict = incident.InsufficientEvidence }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := cpuSaturated(incident.ContainerCpuSaturated)
			c.set(&d)
			if diff := cmp.Diff([]string{"A Manual"}, kinds(Propose(chatApp(t, 0), d, History{}))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestProposeNothingForAHealthyCluster(t *testing.T) {
	if got := Propose(chatApp(t, 0), incident.Diagnosis{Verdict: incident.Healthy}, History{}); len(got) != 0 {
		t.Errorf("got %v", kinds(got))
	}
}

func TestProposeDoesNotRepeatWhatDidNotHelp(t *testing.T) {
	d := cpuSaturated(incident.ContainerCpuSaturated)
	tried := Attempt{
		Reason: incident.ContainerCpuSaturated, Cause: d.Causes[0].Target, Action: incident.ScaleOut,
		Target: incident.Target{Cluster: "c-1", Kind: "Deployment", Namespace: "default", Name: "chat-app"},
	}
	for _, c := range []struct {
		name string
		past History
		want []string
	}{
		{"tried in vain", History{Letters: []string{"A", "B", "C"}, Tried: []Attempt{tried}, Failed: 1}, []string{"D AdjustResources", "E Manual"}},
		{"tried and it helped then", History{Tried: []Attempt{func() Attempt { a := tried; a.Converged = true; return a }()}}, []string{"A ScaleOut", "B AdjustResources", "C Manual"}},
		{"tried for another cause", History{Tried: []Attempt{func() Attempt { a := tried; a.Reason = incident.RequestLatencyHigh; return a }()}}, []string{"A ScaleOut", "B AdjustResources", "C Manual"}},
		{"two rounds in vain", History{Letters: []string{"A", "B", "C"}, Failed: 2}, []string{"D Manual"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, kinds(Propose(chatApp(t, 0), d, c.past))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLettersGoOn(t *testing.T) {
	var used []string
	for i := range 30 {
		used = append(used, letterAt(i))
	}
	if got := (History{Letters: used}).letter(0); got != "AE" {
		t.Errorf("after %s comes %s, want AE", used[29], got)
	}
	if got := (History{Letters: []string{"A", "C"}}).letter(1); got != "D" {
		t.Errorf("got %s, want D", got)
	}
}

func TestHistoryOf(t *testing.T) {
	chat := incident.Target{Kind: "Deployment", Namespace: "default", Name: "chat-app"}
	round := func(state incident.StepState, receipt string, outcome incident.Outcome) incident.Round {
		step := incident.Step{ID: "A1", Action: incident.ScaleOut, Target: chat}
		return incident.Round{
			Diagnosis: incident.Diagnosis{Causes: []incident.Finding{{Reason: incident.ContainerCpuSaturated, Target: chat}}},
			Plan:      &incident.Plan{Solutions: []incident.Solution{{ID: "A", Steps: []incident.Step{step}}, {ID: "B"}}},
			Execution: &incident.Execution{
				Confirmation: incident.Confirmation{Solution: "A"}, Steps: []incident.StepRun{{Step: step, State: state, Receipt: []byte(receipt)}},
				Verification: []incident.Verification{{Outcome: outcome}},
			},
		}
	}
	tried := Attempt{Reason: incident.ContainerCpuSaturated, Cause: chat, Action: incident.ScaleOut, Target: chat}
	for _, c := range []struct {
		name  string
		round incident.Round
		want  History
	}{
		{"it did not help", round(incident.StepSettled, "{}", incident.Unchanged), History{Letters: []string{"A", "B"}, Tried: []Attempt{tried}, Failed: 1}},
		{"it was refused", round(incident.StepFailed, "", ""), History{Letters: []string{"A", "B"}}},
		{"it failed halfway", round(incident.StepFailed, "{}", ""), History{Letters: []string{"A", "B"}, Tried: []Attempt{tried}, Failed: 1}},
		{"it helped", round(incident.StepSettled, "{}", incident.Converged), History{
			Letters: []string{"A", "B"}, Tried: []Attempt{func() Attempt { a := tried; a.Converged = true; return a }()},
		}},
		{"no plan", incident.Round{}, History{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, HistoryOf(&incident.Incident{Rounds: []incident.Round{c.round}})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOwnersComeFirst(t *testing.T) {
	yes := true
	for _, c := range []struct {
		name string
		mark func(*appsv1.Deployment)
		who  string
	}{
		{"Argo CD by annotation", func(d *appsv1.Deployment) {
			d.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:default/chat-app"}
		}, "Argo CD application shop"},
		{"Argo CD by label", func(d *appsv1.Deployment) { d.Labels = map[string]string{"argocd.argoproj.io/instance": "shop"} }, "Argo CD application shop"},
		{"Flux", func(d *appsv1.Deployment) { d.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps"} }, "Flux kustomization apps"},
		{"Flux by Helm", func(d *appsv1.Deployment) { d.Labels = map[string]string{"helm.toolkit.fluxcd.io/name": "chat"} }, "Flux Helm release chat"},
		{"Helm", func(d *appsv1.Deployment) {
			d.Labels = map[string]string{"app.kubernetes.io/managed-by": "Helm"}
			d.Annotations = map[string]string{"meta.helm.sh/release-name": "chat"}
		}, "Helm release chat"},
		{"operator", func(d *appsv1.Deployment) {
			d.OwnerReferences = []metav1.OwnerReference{{Kind: "ChatCluster", Name: "prod", Controller: &yes}}
		}, "ChatCluster prod (an operator)"},
		{"CCE add-on", func(d *appsv1.Deployment) { d.Labels = map[string]string{"release": "cceaddon-coredns"} }, "CCE add-on coredns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := chatApp(t, 0)
			c.mark(s.Objects.Deployments[0])
			got := Propose(s, cpuSaturated(incident.ContainerCpuSaturated), History{})
			if diff := cmp.Diff([]string{"A Manual", "B ScaleOut", "C AdjustResources", "D Manual"}, kinds(got)); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
			if !strings.Contains(got[0].Title.EN, c.who) || !strings.Contains(got[0].Manual.EN, "replicas: 2 → 4") {
				t.Errorf("the way through the owner: %+v", got[0])
			}
			for _, direct := range got[1:3] {
				if !strings.Contains(direct.Impact.EN, "Kept by "+c.who) || !strings.Contains(direct.Impact.ZH, c.who) {
					t.Errorf("%s does not say who would revert it: %+v", direct.ID, direct.Impact)
				}
			}
		})
	}
}

func TestAnAutoscalerIsChangedInsteadOfReplicas(t *testing.T) {
	s := chatApp(t, 0)
	s.Objects.HPAs = []*autoscalingv2.HorizontalPodAutoscaler{{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "chat-app", UID: "uid-hpa"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "chat-app"}, MaxReplicas: 2,
		},
	}}
	got := Propose(s, cpuSaturated(incident.ContainerCpuSaturated), History{})
	if diff := cmp.Diff([]string{"A AdjustHPA", "B AdjustResources", "C Manual"}, kinds(got)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"minReplicas": "1", "maxReplicas": "4"}, got[0].Steps[0].Goal); diff != "" {
		t.Errorf("goal (-want +got):\n%s", diff)
	}
}

// TestNamesCannotEndACommand: names of objects are data, and people paste what a card says.
func TestNamesCannotEndACommand(t *testing.T) {
	d := cpuSaturated(incident.ContainerCpuSaturated)
	d.Causes[0].Target.Name = "x; rm -rf / #"
	d.Causes[0].Target.Namespace = "it's"
	got := Propose(chatApp(t, 0), d, History{})
	for _, want := range []string{`'x; rm -rf / #'`, `'it'\''s'`} {
		if !strings.Contains(got[0].Manual.EN, want) {
			t.Errorf("no %s in %q", want, got[0].Manual.EN)
		}
	}
}
