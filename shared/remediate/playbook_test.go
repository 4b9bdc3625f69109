package remediate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"cce-oncall/shared/diagnose"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// city is a cluster in which every move of the playbook has something to work on.
func city(t *testing.T) *observe.Snapshot {
	t.Helper()
	s := chatApp(t, 2)
	web := s.Objects.Deployments[0]
	old := web.Spec.Template.DeepCopy()
	old.Spec.Containers[0].Image = "app:0"
	s.Objects.ReplicaSets = []*appsv1.ReplicaSet{
		replicaSetOf(web, "chat-app-6d4b75cb6d", 2, web.Spec.Template, 0), replicaSetOf(web, "chat-app-5f7c8d9e10", 1, *old, 1),
	}
	s.Objects.Nodes = append(s.Objects.Nodes, nodeWith("node-3", "500m", "8Gi", map[string]string{poolIDLabel: "p-1"}), nodeWith("bursting-node", "100", "100Gi", map[string]string{"type": "virtual-kubelet"}))
	s.Objects.Nodes[3].Spec.Taints = []corev1.Taint{{Key: "virtual-kubelet.io/provider", Effect: corev1.TaintEffectNoSchedule}}
	failed := podOf(web, 8)
	failed.Status.Phase, failed.Status.Reason = corev1.PodFailed, "Evicted"
	s.Objects.Pods = append(s.Objects.Pods, failed)
	s.Objects.Services = []*corev1.Service{{ObjectMeta: objectMeta("chat-app"), Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "chat"}, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8081), Protocol: corev1.ProtocolTCP}},
	}}}
	s.Objects.PersistentVolumeClaims = []*corev1.PersistentVolumeClaim{{ObjectMeta: objectMeta("data"), Spec: corev1.PersistentVolumeClaimSpec{
		StorageClassName: ptr("csi-disk"), VolumeName: "pv-1",
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("10Gi")}},
	}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound}}}
	s.Objects.StorageClasses = []*storagev1.StorageClass{{ObjectMeta: metav1.ObjectMeta{Name: "csi-disk"}, AllowVolumeExpansion: ptr(true)}}
	s.Objects.Jobs = []*batchv1.Job{{ObjectMeta: objectMeta("load"), Status: batchv1.JobStatus{Active: 4}}}
	s.Objects.Jobs[0].OwnerReferences = []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "CronJob", Name: "nightly", Controller: ptr(true)}}
	s.Objects.CronJobs = []*batchv1.CronJob{{ObjectMeta: objectMeta("nightly")}}
	s.Objects.StatefulSets = []*appsv1.StatefulSet{statefulSet()}
	s.Objects.DaemonSets = []*appsv1.DaemonSet{daemonSet()}
	s.Objects.ControllerRevisions = []*appsv1.ControllerRevision{
		controllerRevision("StatefulSet", "db", "db-2", 2, "db:2"), controllerRevision("StatefulSet", "db", "db-1", 1, "db:1"),
		controllerRevision("DaemonSet", "agent", "agent-2", 2, "agent:2"), controllerRevision("DaemonSet", "agent", "agent-1", 1, "agent:1"),
	}
	s.Objects.Pods = append(s.Objects.Pods, ordinal("db-0", "db-2", false), ordinal("db-1", "db-1", true), daemonPod())
	s.Objects.PDBs = []*policyv1.PodDisruptionBudget{{ObjectMeta: objectMeta("chat-app"), Spec: policyv1.PodDisruptionBudgetSpec{Selector: web.Spec.Selector}}}
	return s
}

func ptr[T any](v T) *T { return &v }

func objectMeta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("uid-" + name)}
}

func replicaSetOf(d *appsv1.Deployment, name string, revision int, template corev1.PodTemplateSpec, available int32) *appsv1.ReplicaSet {
	rs := &appsv1.ReplicaSet{ObjectMeta: objectMeta(name), Spec: appsv1.ReplicaSetSpec{Template: *template.DeepCopy()}, Status: appsv1.ReplicaSetStatus{AvailableReplicas: available}}
	rs.Annotations = map[string]string{revisionAnnotation: fmt.Sprint(revision)}
	rs.Spec.Template.Labels = map[string]string{"app": d.Name, appsv1.DefaultDeploymentUniqueLabelKey: name[len(d.Name)+1:]}
	rs.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: d.Name, UID: d.UID, Controller: ptr(true)}}
	return rs
}

func statefulSet() *appsv1.StatefulSet {
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "db"}}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "db", Image: "db:2"}}}}
	return &appsv1.StatefulSet{ObjectMeta: objectMeta("db"), Spec: appsv1.StatefulSetSpec{Replicas: ptr(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: template.Labels}, Template: template}}
}

func daemonSet() *appsv1.DaemonSet {
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "agent"}}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:2"}}}}
	return &appsv1.DaemonSet{
		ObjectMeta: objectMeta("agent"), Spec: appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{MatchLabels: template.Labels}, Template: template},
		Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: 1},
	}
}

func controllerRevision(kind, owner, name string, number int64, image string) *appsv1.ControllerRevision {
	data := fmt.Sprintf(`{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":%q}},"spec":{"containers":[{"name":%q,"image":%q,"resources":{}}]}}}}`, owner, owner, image)
	cr := &appsv1.ControllerRevision{ObjectMeta: objectMeta(name), Revision: number, Data: runtime.RawExtension{Raw: []byte(data)}}
	cr.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: owner, Controller: ptr(true)}}
	return cr
}

func ordinal(name, revision string, ready bool) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: objectMeta(name), Spec: corev1.PodSpec{NodeName: "node-3"}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	p.Labels = map[string]string{"app": "db", appsv1.ControllerRevisionHashLabelKey: revision}
	p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "db", Controller: ptr(true)}}
	if ready {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	}
	return p
}

func daemonPod() *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: objectMeta("agent-x"), Spec: corev1.PodSpec{NodeName: "node-2"}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	p.Labels = map[string]string{"app": "agent", appsv1.ControllerRevisionHashLabelKey: "agent-1"}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "agent", Controller: ptr(true)}}
	return p
}

// scene is the city as it looks when a reason is the cause: what the move needs is there.
func scene(t *testing.T, r incident.ReasonInfo) (*observe.Snapshot, incident.Finding) {
	t.Helper()
	s := city(t)
	f := incident.Finding{
		Reason: r.Reason, Target: incident.Target{Kind: r.Kind, Namespace: "default", Name: "chat-app"},
		Evidence: []incident.Evidence{{Source: incident.FromObject, Statement: "seen"}},
		Facts:    map[string]string{factRollback: "1", factServicePort: "80", factRightPort: "8080", factProtocol: "UDP", factRightSelector: "app=chat-app", factNode: "node-1", factFormer: "2", factQuota: "team", factResource: "requests.cpu"},
	}
	switch r.Kind {
	case "Node":
		f.Target = incident.Target{Kind: "Node", Name: "node-1"}
		f.Affected = []incident.Target{{Kind: "Pod", Namespace: "default", Name: "chat-app-6d4b75cb6d-0"}}
	case "StatefulSet":
		f.Target.Name = "db"
	case "DaemonSet":
		f.Target.Name = "agent"
	case "PersistentVolumeClaim":
		f.Target.Name = "data"
		f.Affected = []incident.Target{{Kind: "Pod", Namespace: "default", Name: "chat-app-6d4b75cb6d-8"}}
	case "Job":
		f.Target.Name = "load"
	case "CronJob":
		f.Target.Name = "nightly"
	case "Namespace":
		f.Target = incident.Target{Kind: "Namespace", Name: "default"}
	case "Pod":
		f.Target.Name = "chat-app-6d4b75cb6d-8"
	case "Cluster", "NodePool", "PersistentVolume", "APIService":
		f.Target.Namespace = ""
	}
	dress(s, r)
	return s, f
}

// dress changes what single reasons speak of.
func dress(s *observe.Snapshot, r incident.ReasonInfo) {
	d := s.Objects.Deployments[0]
	switch r.Reason {
	case incident.ReplicasScaledToZero, incident.CoreDNSNoEndpoint:
		d.Spec.Replicas = ptr(int32(0))
	case incident.RolloutPaused:
		d.Spec.Paused = true
	case incident.NodeCordoned, incident.ChangeNodeInfra:
		s.Objects.Nodes[0].Spec.Unschedulable = true
	case incident.HPAMaxReached, incident.HPAMetricsMissing, incident.HPARequestsMissing, incident.HPAScaleBlocked:
		s.Objects.HPAs = []*autoscalingv2.HorizontalPodAutoscaler{{ObjectMeta: objectMeta("chat-app"), Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "chat-app"}, MinReplicas: ptr(int32(2)), MaxReplicas: 10,
		}}}
	case incident.ContainerMemoryHigh, incident.DatabaseOutOfMemory, incident.ContainerOOMKilled, incident.JvmHeapNotContainerAware, incident.CoreDNSRestarting:
		d.Spec.Template.Spec.Containers[0].Resources.Limits[corev1.ResourceMemory] = resource.MustParse("512Mi")
	case incident.NodeEcsStopped, incident.NodeControlPlaneDisconnected:
		s.Objects.Nodes[0].Status.Conditions[0].Status = corev1.ConditionUnknown
	}
}

// personOnly are reasons for which no machine should change anything: the playbook leaves them out on purpose.
func personOnly(r incident.Reason) bool { return len(playbook[r]) == 0 }

func TestEveryReasonLeadsToSomethingFitting(t *testing.T) {
	for _, r := range incident.Reasons {
		t.Run(string(r.Reason), func(t *testing.T) {
			s, f := scene(t, r)
			got := Propose(s, incident.Diagnosis{Verdict: incident.Fault, Causes: []incident.Finding{f}}, History{})
			if len(got) == 0 {
				t.Fatal("no solution")
			}
			last := got[len(got)-1]
			if last.Executable() || last.Manual.EN == "" || last.Manual.ZH == "" {
				t.Errorf("the last solution is no Manual: %+v", last)
			}
			if len(got) > offersPerCause+1 {
				t.Errorf("%d solutions for one cause", len(got))
			}
			for _, solution := range got {
				checkFilled(t, solution)
			}
			again := Propose(s, incident.Diagnosis{Verdict: incident.Fault, Causes: []incident.Finding{f}}, History{})
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("not the same twice:\n%s", diff)
			}
			if r.Kind == "Deployment" && !personOnly(r.Reason) && len(got) == 1 && !slices.Contains(notHere, r.Reason) {
				t.Errorf("the playbook has moves %v and none fits a workload in good order", playbook[r.Reason])
			}
		})
	}
}

// notHere need a cluster of their own: no such thing is wrong with the city.
var notHere = []incident.Reason{incident.InsufficientGPU}

// fields of a solution that a person at night must find filled, in both languages.
func checkFilled(t *testing.T, s incident.Solution) {
	t.Helper()
	for name, text := range map[string]incident.Text{
		"title": s.Title, "when": s.When, "impact": s.Impact, "resources": s.Resources, "scheduling": s.Scheduling,
		"cost": s.Cost, "verify": s.Verify, "rollback": s.Rollback, "prediction": s.Prediction,
	} {
		if text.EN == "" || text.ZH == "" || strings.Contains(text.EN+text.ZH, "%!") {
			t.Errorf("%s: %s is %+v", s.ID, name, text)
		}
	}
	if !s.Risk.Known() {
		t.Errorf("%s: risk %q", s.ID, s.Risk)
	}
	if s.Executable() && (len(s.Change) == 0 || s.Manual.EN != "") {
		t.Errorf("%s: steps %d, change lines %d, manual %q", s.ID, len(s.Steps), len(s.Change), s.Manual.EN)
	}
	for i, step := range s.Steps {
		if step.ID != fmt.Sprintf("%s%d", s.ID, i+1) {
			t.Errorf("step id %q in solution %s", step.ID, s.ID)
		}
		if step.Expect["uid"] == "" || len(step.Goal) == 0 {
			t.Errorf("%s: expect %v, goal %v", step.ID, step.Expect, step.Goal)
		}
		if !slices.Contains(kindsOf[step.Action], step.Target.Kind) {
			t.Errorf("%s: %s of a %s", step.ID, step.Action, step.Target.Kind)
		}
	}
}

// kindsOf is what each action may be aimed at.
var kindsOf = map[incident.ActionKind][]string{
	incident.ScaleOut:           {"Deployment", "StatefulSet"},
	incident.AdjustResources:    {"Deployment", "StatefulSet", "DaemonSet"},
	incident.AdjustHPA:          {"HorizontalPodAutoscaler"},
	incident.ScaleOutNodePool:   {"NodePool"},
	incident.RollBack:           {"Deployment", "StatefulSet", "DaemonSet"},
	incident.RestartRollout:     {"Deployment", "StatefulSet", "DaemonSet"},
	incident.CordonNode:         {"Node"},
	incident.UncordonNode:       {"Node"},
	incident.DrainNode:          {"Node"},
	incident.ReplaceNode:        {"Node"},
	incident.DeletePod:          {"Pod"},
	incident.SuspendJob:         {"Job"},
	incident.SuspendCronJob:     {"CronJob"},
	incident.RestoreReplicas:    {"Deployment", "StatefulSet"},
	incident.FixServiceSelector: {"Service"},
	incident.FixServicePort:     {"Service"},
	incident.ExpandPVC:          {"PersistentVolumeClaim"},
	incident.BurstToCCI:         {"Deployment", "StatefulSet"},
	incident.ResumeRollout:      {"Deployment"},
}

// TestThePlaybookKnowsOnlyRegisteredReasons, and every move and every action is used.
func TestThePlaybookIsWhole(t *testing.T) {
	used := map[move]bool{}
	for reason, list := range playbook {
		if !incident.Known(reason) {
			t.Errorf("%s is no registered reason", reason)
		}
		for _, m := range list {
			if moves[m] == nil {
				t.Errorf("%s: no move %q", reason, m)
			}
			used[m] = true
		}
	}
	for m := range moves {
		if !used[m] {
			t.Errorf("move %q answers nothing", m)
		}
	}
}

// TestTheFirstAnswer is what a reason leads to first, where the scene allows it.
func TestTheFirstAnswer(t *testing.T) {
	for reason, want := range map[incident.Reason]incident.ActionKind{
		incident.ContainerCpuSaturated:     incident.ScaleOut,
		incident.InsufficientCPU:           incident.ScaleOutNodePool,
		incident.ContainerOOMKilled:        incident.AdjustResources,
		incident.AppExitError:              incident.RollBack,
		incident.ImageTagNotFound:          incident.RollBack,
		incident.StatefulSetOrdinalBlocked: incident.RollBack,
		incident.ReplicasScaledToZero:      incident.RestoreReplicas,
		incident.RolloutPaused:             incident.ResumeRollout,
		incident.NodeCordoned:              incident.UncordonNode,
		incident.KubeletDown:               incident.CordonNode,
		incident.HostScheduledEvent:        incident.CordonNode,
		incident.HPAMaxReached:             incident.AdjustHPA,
		incident.HPAMetricsMissing:         incident.AdjustHPA,
		incident.ServiceSelectorMismatch:   incident.FixServiceSelector,
		incident.ServiceTargetPortMismatch: incident.FixServicePort,
		incident.ServiceProtocolMismatch:   incident.FixServicePort,
		incident.PVCCapacityExhausted:      incident.ExpandPVC,
		incident.JobTooManyPods:            incident.SuspendJob,
		incident.JobBackoffLimitExceeded:   incident.SuspendCronJob,
		incident.EvictionLoop:              incident.DeletePod,
		incident.ContainerMemoryLeak:       incident.RestartRollout,
		incident.NodeEcsStopped:            incident.CordonNode,
		incident.UnexpectedAdmissionError:  incident.DeletePod,
		incident.ServiceSelectsForeignPods: incident.FixServiceSelector,
		incident.CPURequestExceedsAnyNode:  incident.AdjustResources,
		incident.NodePoolMaxReached:        incident.ScaleOutNodePool,
	} {
		s, f := scene(t, incident.Info(reason))
		got := Propose(s, incident.Diagnosis{Verdict: incident.Fault, Causes: []incident.Finding{f}}, History{})
		if len(got[0].Steps) == 0 || got[0].Steps[0].Action != want {
			t.Errorf("%s: first answer is %q %+v, want %s", reason, got[0].Title.EN, got[0].Steps, want)
		}
	}
}

func TestFactsAreTheDiagnosers(t *testing.T) {
	for _, c := range []struct{ ours, theirs string }{
		{factContainer, diagnose.FactContainer},
		{factRollback, diagnose.FactRollback},
		{factDiff, diagnose.FactDiff},
		{factFormer, diagnose.FactFormerReplicas},
		{factServicePort, diagnose.FactServicePort},
		{factRightPort, diagnose.FactRightPort},
		{factProtocol, diagnose.FactProtocol},
		{factRightSelector, diagnose.FactRightSelector},
		{factClaim, diagnose.FactClaim},
		{factNode, diagnose.FactNode},
		{factNodePool, diagnose.FactNodePool},
		{factTaint, diagnose.FactTaint},
		{factQuota, diagnose.FactQuota},
		{factResource, diagnose.FactResource},
		{factObjectKind, diagnose.FactObjectKind},
		{factObjectName, diagnose.FactObjectName},
		{factUsage, diagnose.FactUsage},
	} {
		if c.ours != c.theirs {
			t.Errorf("%q here is %q there", c.ours, c.theirs)
		}
	}
}
