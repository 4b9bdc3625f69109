package observe

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

func cores(n int64) *resource.Quantity { return resource.NewQuantity(n, resource.DecimalSI) }

func TestScene(t *testing.T) {
	b := &Builder{Kube: fake.NewClientset(chat()...), Metrics: &prometheus{value: 0.93}, Changes: cts{}, Pools: pools{}, Now: func() time.Time { return seven }}
	s := b.Build(t.Context(), demo, Scope{}, []alarm.Alarm{{ID: "1", Name: "ContainerCPUHigh"}, {ID: "1", Name: "ContainerCPUHigh"}, {ID: "2", Name: "Watchdog"}, {ID: "3", Name: "x", ClearedAt: seven}})
	deployment := incident.Target{Kind: "Deployment", Namespace: "default", Name: "chat-app"}
	got := s.Scene([]incident.Target{deployment})
	charts := got.Charts
	got.Charts = nil
	c1 := func(kind, name string) incident.Target {
		return incident.Target{Cluster: "c-1", Kind: kind, Namespace: "default", Name: name}
	}
	want := incident.Scene{
		Workloads: []incident.WorkloadLine{{Target: c1("Deployment", "chat-app"), Desired: 2, Ready: 1, Resources: "cpu -/1, memory -/-", Owner: "Helm (chat)"}},
		Pods: []incident.PodLine{
			{Target: c1("Pod", "chat-app-2-bad"), Node: "n1", Status: "CrashLoopBackOff", Restarts: 7, CPU: 0.93, Memory: 0.93, Note: "chat: back-off 5m0s"},
			{Target: c1("Pod", "chat-app-2-good"), Node: "n1", Status: "Running", Ready: true, CPU: -1, Memory: -1},
		},
		Nodes: []incident.NodeLine{{Name: "n1", Ready: true, CPU: 0.93, Memory: 0.93, Pods: 2, BadConditions: []string{"DiskHung"}}},
		Changes: []incident.ChangeLine{
			{At: seven.Add(-10 * time.Minute), Actor: "helm", What: "update: revision 1: chat=chat:1 → revision 2: chat=chat:2", Target: deployment},
			{At: seven.Add(-20 * time.Minute), Actor: "kubectl-edit", What: "update", Target: incident.Target{Kind: "ConfigMap", Namespace: "default", Name: "chat"}},
		},
		Totals: incident.Totals{Nodes: 1, NodesReady: 1, Pods: 2, PodsReady: 1, Workloads: 1, ActiveAlarms: 1},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if len(charts) != 3 || charts[0].Unit != "%" || charts[0].Threshold != 80 || len(charts[0].Lines) != 1 || len(charts[0].Lines[0].Points) != 60 || charts[0].Lines[0].Points[5].Value != 93 {
		t.Errorf("charts: %+.400v", charts)
	}
}

func TestSceneWithoutFocusShowsWhatIsNotWell(t *testing.T) {
	s := (&Builder{Kube: fake.NewClientset(chat()...), Now: func() time.Time { return seven }}).Build(t.Context(), demo, Scope{}, nil)
	wide := s.Scene(nil)
	if len(wide.Pods) != 1 || wide.Pods[0].Target.Name != "chat-app-2-bad" || len(wide.Nodes) != 1 || len(wide.Workloads) != 1 {
		t.Errorf("%+v", wide)
	}
	if cluster := s.Scene([]incident.Target{{Kind: "Cluster", Name: "demo"}}); !cmp.Equal(wide, cluster) {
		t.Error("the cluster in the focus is not the whole cluster")
	}
	for _, focus := range []incident.Target{{Kind: "Deployment", Namespace: "gone", Name: "gone"}, {Kind: "Node", Name: "gone"}, {Kind: "Odd"}, {}} {
		if got := s.Scene([]incident.Target{focus}); len(got.Pods) != 0 {
			t.Errorf("%v has pods: %+v", focus, got.Pods)
		}
	}
}

func TestSceneOfInfiniteSharesCanBeWritten(t *testing.T) {
	s := &Snapshot{At: seven, Series: []Series{{Labels: map[string]string{"__name__": "node_cpu_usage_ratio", "node": "n1"}, Points: []Point{{At: seven.Add(-time.Minute), Value: 0.5}, {At: seven, Value: math.Inf(1)}}}}}
	s.Objects.Nodes = append(s.Objects.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}})
	scene := s.Scene([]incident.Target{{Kind: "Node", Name: "n1"}})
	if _, err := json.Marshal(scene); err != nil {
		t.Error(err)
	}
	if len(scene.Charts) != 1 || len(scene.Charts[0].Lines[0].Points) != 1 {
		t.Errorf("%+v", scene.Charts)
	}
}

func TestPodStatus(t *testing.T) {
	waiting := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	}
	ended := func(reason string, code int32) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code}}
	}
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	now := metav1.Now()
	for want, p := range map[string]corev1.Pod{
		"Pending":               {Status: corev1.PodStatus{Phase: corev1.PodPending}},
		"Evicted":               {Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}},
		"ImagePullBackOff":      {Status: corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{State: waiting("ImagePullBackOff")}}}},
		"OOMKilled":             {Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{State: ended("OOMKilled", 137)}}}},
		"ExitCode:3":            {Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{State: ended("", 3)}}}},
		"Init:0/2":              {Spec: corev1.PodSpec{InitContainers: make([]corev1.Container, 2)}, Status: corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{{State: waiting("PodInitializing")}}}},
		"Init:Error":            {Status: corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{{State: ended("Error", 1)}}}},
		"Init:CrashLoopBackOff": {Status: corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{{State: ended("Completed", 0)}, {State: waiting("CrashLoopBackOff")}}}},
		"NotReady":              {Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{State: ended("Completed", 0)}, {Ready: true, State: running}}}},
		"Terminating":           {ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}, Status: corev1.PodStatus{Phase: corev1.PodRunning}},
		"Unknown":               {ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}, Status: corev1.PodStatus{Reason: "NodeLost"}},
		"ContainerCannotRun":    {Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{State: ended("ContainerCannotRun", 127)}, {State: running, Ready: true}}}},
		"CreateContainerError":  {Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: waiting("CreateContainerError")}}}},
		"Init:ExitCode:7":       {Status: corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{{State: ended("", 7)}}}},
		"Running":               {Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{State: running, Ready: true}}}},
	} {
		if got := PodStatus(&p); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// The charts of a lost node are of what changed when it was lost; its memory, which never was high, is not the first of them.
func TestChartsOfALostNodeShowWhatChangedThen(t *testing.T) {
	lost := seven.Add(-20 * time.Minute)
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: metav1.NewTime(lost)}}}}
	curve := func(name string, before, after float64) Series {
		s := Series{Labels: map[string]string{"__name__": name, "node": "n1"}}
		for i := range 60 {
			at := seven.Add(-time.Hour + time.Duration(i)*time.Minute)
			value := before
			if !at.Before(lost) {
				value = after
			}
			s.Points = append(s.Points, Point{At: at, Value: value})
		}
		return s
	}
	s := &Snapshot{At: seven, Series: []Series{curve("node_memory_usage_ratio", 0.6, 0.61), curve("node_cpu_usage_ratio", 0.3, 0.2), curve("node_network_receive_bytes_per_second", 90000, 9000)}}
	s.Objects.Nodes = append(s.Objects.Nodes, n)
	titles := func() []string {
		var out []string
		for _, c := range s.Scene([]incident.Target{{Kind: "Node", Name: "n1"}}).Charts {
			out = append(out, c.Title.EN)
		}
		return out
	}
	if d := cmp.Diff([]string{"Node network, received", "Node CPU", "Node memory"}, titles()); d != "" {
		t.Errorf("a lost node (-want +got)\n%s", d)
	}
	s.Series[0] = curve("node_memory_usage_ratio", 0.97, 0.97)
	if d := cmp.Diff("Node memory", titles()[0]); d != "" {
		t.Errorf("a lost node whose memory is full (-want +got)\n%s", d)
	}
	n.Status.Conditions[0].Status = corev1.ConditionTrue
	s.Series[0] = curve("node_memory_usage_ratio", 0.6, 0.61)
	if d := cmp.Diff([]string{"Node memory", "Node CPU"}, titles()); d != "" {
		t.Errorf("a node that is well (-want +got)\n%s", d)
	}
}
