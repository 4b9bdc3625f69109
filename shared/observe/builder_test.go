package observe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

var (
	seven = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	demo  = incident.Cluster{ID: "c-1", Name: "demo-recovery", Region: "cn-north-4"}
)

func ago(d time.Duration) metav1.Time { return metav1.NewTime(seven.Add(-d)) }

// chat is the case of the demonstration: a Deployment of two pods, released ten minutes ago, one pod crashing.
func chat() []runtime.Object {
	yes, two := true, int32(2)
	edit := func(manager string, at metav1.Time, sub string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Time: &at, Subresource: sub, Operation: metav1.ManagedFieldsOperationUpdate}
	}
	template := func(image string) corev1.PodTemplateSpec {
		return corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "chat"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "chat", Image: image}}},
		}
	}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name: "chat-app", Namespace: "default", CreationTimestamp: ago(48 * time.Hour),
			ManagedFields: []metav1.ManagedFieldsEntry{edit("helm", ago(10*time.Minute), ""), edit("kube-controller-manager", ago(time.Minute), "status")},
			Annotations:   map[string]string{corev1.LastAppliedConfigAnnotation: "{}", "meta.helm.sh/release-name": "chat"},
		},
		Spec: appsv1.DeploymentSpec{Replicas: &two, Template: template("chat:2")}, Status: appsv1.DeploymentStatus{ReadyReplicas: 1},
	}
	d.Spec.Template.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceCPU: *cores(1)}
	set := func(name, revision, image string, age time.Duration, replicas int32) *appsv1.ReplicaSet {
		return &appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{
				Name: name, Namespace: "default", CreationTimestamp: ago(age), Annotations: map[string]string{RevisionAnnotation: revision},
				OwnerReferences: []metav1.OwnerReference{{Kind: "Deployment", Name: "chat-app", Controller: &yes}},
			},
			Spec: appsv1.ReplicaSetSpec{Replicas: &replicas, Template: template(image)}, Status: appsv1.ReplicaSetStatus{Replicas: replicas},
		}
	}
	pod := func(name string, ready corev1.ConditionStatus, restarts int32) *corev1.Pod {
		status := corev1.ContainerStatus{Name: "chat", RestartCount: restarts, Ready: ready == corev1.ConditionTrue, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
		if restarts > 0 {
			status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 5m0s"}}
			status.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, FinishedAt: ago(time.Minute)}}
		}
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Name: name, Namespace: "default", CreationTimestamp: ago(10 * time.Minute), Labels: map[string]string{"app": "chat"},
				OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "chat-app-2", Controller: &yes}}, ManagedFields: []metav1.ManagedFieldsEntry{edit("kubelet", ago(time.Minute), "status")},
			},
			Spec:   corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{Name: "chat", Image: "chat:2"}}},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}, ContainerStatuses: []corev1.ContainerStatus{status}},
		}
	}
	event := func(name string, age time.Duration, kind string) *corev1.Event {
		return &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Type: kind, Reason: name, LastTimestamp: ago(age),
			InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: "default", Name: "chat-app-2-bad"},
		}
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n1", CreationTimestamp: ago(72 * time.Hour), Labels: map[string]string{NodePoolLabel: "pool-a"}},
		Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{corev1.ResourceCPU: *cores(4)},
			Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}, {Type: "DiskHung", Status: corev1.ConditionTrue}, {Type: "GoodNews", Status: corev1.ConditionTrue}},
		},
	}
	config := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: "default", CreationTimestamp: ago(72 * time.Hour), ManagedFields: []metav1.ManagedFieldsEntry{edit("kubectl-edit", ago(20*time.Minute), "")}},
		Data:       map[string]string{"DB_HOST": "db", "DB_PASSWORD": "hunter2"},
	}
	elsewhere := config.DeepCopy()
	elsewhere.Namespace, elsewhere.ManagedFields = "other", []metav1.ManagedFieldsEntry{edit("cce-oncall-execute", ago(time.Minute), "")}
	return []runtime.Object{
		d, set("chat-app-1", "1", "chat:1", 47*time.Hour, 0), set("chat-app-2", "2", "chat:2", 10*time.Minute, 2), pod("chat-app-2-good", corev1.ConditionTrue, 0),
		pod("chat-app-2-bad", corev1.ConditionFalse, 7), node, event("BackOff", time.Minute, corev1.EventTypeWarning), event("Ancient", 5*time.Hour, corev1.EventTypeWarning), config, elsewhere,
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: "default"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "chat"}}},
	}
}

// prometheus answers every query with one flat line for the bad pod or the node, and remembers what it was asked.
type prometheus struct {
	mu    sync.Mutex
	asked []string
	err   error
	value float64
}

func (p *prometheus) Range(_ context.Context, promql string, from, to time.Time, step time.Duration) ([]Series, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, promql)
	if p.err != nil {
		return nil, p.err
	}
	labels := map[string]string{"namespace": "default", "pod": "chat-app-2-bad", "container": "chat"}
	if strings.Contains(promql, "node_") {
		labels = map[string]string{"node": "n1"}
	}
	s := Series{Labels: labels}
	for t := from; !t.After(to); t = t.Add(step) {
		s.Points = append(s.Points, Point{At: t, Value: p.value})
	}
	s.Points[0].Value = -1 // as AOM fills a gap
	return []Series{s}, nil
}

type cts struct {
	changes []Change
	err     error
}

func (c cts) Since(context.Context, time.Time, time.Time) ([]Change, error) { return c.changes, c.err }

type pools struct {
	pools []NodePool
	err   error
}

func (p pools) Pools(context.Context) ([]NodePool, error) { return p.pools, p.err }

func TestBuildSeesEverySource(t *testing.T) {
	prom := &prometheus{value: 0.93}
	b := &Builder{
		Kube: fake.NewClientset(chat()...), Metrics: prom, Now: func() time.Time { return seven },
		Changes: cts{changes: []Change{{At: seven.Add(-time.Hour), Source: "cts", Actor: "alice", Verb: "updateNodePool", Target: incident.Target{Kind: "NodePool", Name: "pool-a"}}}},
		Pools:   pools{pools: []NodePool{{Name: "pool-a", Desired: 1}}},
	}
	s := b.Build(t.Context(), demo, Scope{}, nil)
	if len(s.Gaps) > 0 || len(s.Unreadable) > 0 {
		t.Errorf("gaps where there are none: %v, %v", s.Gaps, s.Unreadable)
	}
	var changes, logs, series []string
	for _, c := range s.Changes {
		changes = append(changes, fmt.Sprintf("%s %s %s %s", c.Actor, c.Verb, c.Target, c.After))
	}
	for _, l := range s.Logs {
		logs = append(logs, fmt.Sprintf("%s previous=%v", l.Pod, l.Previous))
	}
	for _, x := range s.Series {
		series = append(series, x.Name())
	}
	want := map[string]any{
		"changes": []string{"alice updateNodePool NodePool pool-a ", "kubectl-edit update ConfigMap default/chat ", "helm update Deployment default/chat-app revision 2: chat=chat:2"},
		"logs":    []string{"chat-app-2-bad previous=true", "chat-app-2-good previous=false"},
		"events":  1, "pools": 1, "managed": 0, "config": "db", "password": Redacted, "elsewhere": Redacted,
	}
	conf := configMap(s, "default").(*corev1.ConfigMap)
	other := configMap(s, "other").(*corev1.ConfigMap)
	got := map[string]any{
		"changes": changes, "logs": logs, "events": len(s.Objects.Events), "pools": len(s.Objects.NodePools), "managed": len(s.Objects.Pods[0].ManagedFields) + len(s.Objects.Deployments[0].ManagedFields),
		"config": conf.Data["DB_HOST"], "password": conf.Data["DB_PASSWORD"], "elsewhere": other.Data["DB_HOST"],
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	for _, name := range []string{"container_cpu_limit_ratio", "container_memory_working_set_bytes", "node_cpu_usage_ratio", "container_restarts_total"} {
		if !slices.Contains(series, name) {
			t.Errorf("no series %s in %v", name, series)
		}
	}
	for _, q := range prom.asked {
		if !strings.Contains(q, `cluster="c-1"`) || strings.Contains(q, "$S") {
			t.Errorf("a query does not name the cluster: %s", q)
		}
	}
	cpu := s.Index().SeriesOf("container_cpu_usage_cores", key("Pod", "default", "chat-app-2-bad"))
	// Yesterday's hour and today's first fifty minutes at one sample a minute, the last ten at four; each answer began with a gap.
	if len(cpu) != 1 || len(cpu[0].Points) != 60+50+40 || cpu[0].Points[0].At.After(seven.Add(-24*time.Hour)) {
		t.Errorf("the hour and the same hour of the day before are not one series without gaps: %d series", len(cpu))
	}
}

func TestBuiltSnapshotIsItsCaseFile(t *testing.T) {
	b := &Builder{Kube: fake.NewClientset(chat()...), Metrics: &prometheus{value: 0.5}, Changes: cts{}, Pools: pools{}, Now: func() time.Time { return seven }}
	s := b.Build(t.Context(), demo, Scope{Namespace: "default"}, []alarm.Alarm{{ID: "1", SN: "2", Name: "Unhealthy", Cluster: "c-1", FiredAt: seven}})
	first := mustWrite(t, s)
	if d := cmp.Diff(first, mustWrite(t, mustRead(t, first))); d != "" {
		t.Errorf("(-built +read back)\n%s", d)
	}
	if d := cmp.Diff(first, mustWrite(t, b.Build(t.Context(), demo, Scope{Namespace: "default"}, s.Alarms))); d != "" {
		t.Errorf("the same world was seen in two ways\n%s", d)
	}
}

// refuses makes the API server answer one resource with an error.
func refuses(c *fake.Clientset, verb, resource string, err error) {
	c.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err })
}

// told is a service's error that may be shown.
type told struct{}

func (told) Error() string   { return "AOM query_range: throttled (429 APIGW.0308)" }
func (told) Transient() bool { return true }

func TestEveryFailedSourceIsAGap(t *testing.T) {
	k := fake.NewClientset(chat()...)
	gone := schema.GroupResource{Resource: "x"}
	refuses(k, "list", "deployments", apierrors.NewForbidden(gone, "", errors.New("no")))
	refuses(k, "list", "poddisruptionbudgets", &apierrors.StatusError{ErrStatus: metav1.Status{Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound}})
	refuses(k, "list", "namespaces", context.DeadlineExceeded)
	refuses(k, "list", "serviceaccounts", errors.New("dial tcp: https://10.0.0.1/v1/5f3c2a1b0d9e48f7a6b5c4d3e2f10987"))
	refuses(k, "get", "pods/log", apierrors.NewForbidden(gone, "", errors.New("no")))
	b := &Builder{Kube: k, Metrics: &prometheus{err: told{}}, Changes: cts{err: errors.New("secret host")}, Pools: pools{err: told{}}, Now: func() time.Time { return seven }}
	s := b.Build(t.Context(), demo, Scope{}, nil)
	want := []string{
		"changes made through the cloud could not be read: it could not be reached", "deployments could not be listed: forbidden", "logs of pods could not be read: forbidden",
		"metrics could not be read (container_cpu_limit_ratio, container_cpu_throttled_seconds, container_cpu_usage_cores and 12 more): AOM query_range: throttled (429 APIGW.0308)",
		"namespaces could not be listed: timed out", "node pools could not be read: AOM query_range: throttled (429 APIGW.0308)",
		"poddisruptionbudgets could not be listed: this cluster does not serve it", "serviceaccounts could not be listed: it could not be reached",
	}
	if d := cmp.Diff(want, s.Gaps); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"deployments", "logs", "metrics"}, s.Unreadable); d != "" {
		t.Errorf("unreadable (-want +got)\n%s", d)
	}
	if len(s.Objects.Pods) != 2 {
		t.Errorf("one refusal cost the pods: %d", len(s.Objects.Pods))
	}
}

func TestNothingConfiguredIsAllGaps(t *testing.T) {
	s := (&Builder{Now: func() time.Time { return seven }}).Build(t.Context(), demo, Scope{}, nil)
	if d := cmp.Diff([]string{"metrics", "objects"}, s.Unreadable); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if len(s.Gaps) != 3 {
		t.Errorf("gaps: %v", s.Gaps)
	}
}

func TestServerThatStumblesOnceIsAskedAgain(t *testing.T) {
	k := fake.NewClientset(chat()...)
	tries := 0
	k.PrependReactor("list", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
		tries++
		return tries == 1, nil, apierrors.NewInternalError(errors.New("etcd leader changed"))
	})
	s := (&Builder{Kube: k, Now: func() time.Time { return seven }}).Build(t.Context(), demo, Scope{}, nil)
	if len(s.Objects.Nodes) != 1 || slices.Contains(s.Unreadable, "nodes") {
		t.Errorf("%d nodes, unreadable %v", len(s.Objects.Nodes), s.Unreadable)
	}
}

func TestEventsAreBounded(t *testing.T) {
	var objects []runtime.Object
	for i := range 60 {
		kind := corev1.EventTypeNormal
		if i%3 == 0 {
			kind = corev1.EventTypeWarning
		}
		objects = append(objects, &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("e", i), Namespace: "default"}, Type: kind, LastTimestamp: ago(time.Duration(i) * time.Minute), Message: strings.Repeat("x", 5000)})
	}
	s := (&Builder{Kube: fake.NewClientset(objects...), Limits: Limits{Events: 25}, Now: func() time.Time { return seven }}).Build(t.Context(), demo, Scope{}, nil)
	warnings := 0
	for _, e := range s.Objects.Events {
		if e.Type == corev1.EventTypeWarning {
			warnings++
		}
		if len(e.Message) > 2048 {
			t.Fatal("a message was not cut")
		}
	}
	if len(s.Objects.Events) != 25 || warnings != 20 || !slices.ContainsFunc(s.Gaps, func(g string) bool { return strings.Contains(g, "only 25 were kept") }) {
		t.Errorf("%d events, %d warnings, gaps %v", len(s.Objects.Events), warnings, s.Gaps)
	}
}

func TestLatestRevisionsAreKept(t *testing.T) {
	yes, none, two := true, int32(0), int32(2)
	var all []*appsv1.ReplicaSet
	for i := 1; i <= 8; i++ {
		rs := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("web-", i), Annotations: map[string]string{RevisionAnnotation: fmt.Sprint(i)}, OwnerReferences: []metav1.OwnerReference{{Kind: "Deployment", Name: "web", Controller: &yes}},
		}, Spec: appsv1.ReplicaSetSpec{Replicas: &none}}
		if i == 2 {
			rs.Spec.Replicas = &two
		}
		all = append(all, rs)
	}
	var got []string
	for _, rs := range latestRevisions(all) {
		got = append(got, rs.Name)
	}
	if d := cmp.Diff([]string{"web-2", "web-6", "web-7", "web-8"}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestAlarmsAndScopePointTheSecondPass(t *testing.T) {
	k := fake.NewClientset(chat()...)
	b := &Builder{Kube: k, Limits: Limits{Workloads: 1}, Now: func() time.Time { return seven }}
	quiet := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "quiet", Namespace: "elsewhere", CreationTimestamp: ago(time.Hour)},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "c", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}},
		},
	}
	if err := k.Tracker().Add(quiet); err != nil {
		t.Fatal(err)
	}
	logsOf := func(scope Scope, alarms ...alarm.Alarm) string {
		s := b.Build(t.Context(), demo, scope, alarms)
		if len(s.Logs) == 0 {
			return ""
		}
		return s.Logs[0].Namespace + "/" + s.Logs[0].Pod
	}
	if got := logsOf(Scope{}); got != "default/chat-app-2-bad" {
		t.Errorf("without a hint the pod that crashes is looked at, not %q", got)
	}
	if got := logsOf(Scope{}, alarm.Alarm{Name: "own rule", Object: alarm.Object{Kind: "Pod", Namespace: "elsewhere", Name: "quiet"}}); got != "elsewhere/quiet" {
		t.Errorf("the alarm's pod is looked at, not %q", got)
	}
	if got := logsOf(Scope{Namespace: "elsewhere"}); got != "elsewhere/quiet" {
		t.Errorf("the scope's pod is looked at, not %q", got)
	}
	if got := logsOf(Scope{}, alarm.Alarm{Name: "Watchdog", Object: alarm.Object{Kind: "Pod", Namespace: "elsewhere", Name: "quiet"}}); got != "default/chat-app-2-bad" {
		t.Errorf("a watchdog points nowhere, but %q was looked at", got)
	}
}

// lts is a log service that knows one pod.
type lts struct {
	mu    sync.Mutex
	asked []LogQuery
	err   error
}

func (s *lts) Search(_ context.Context, q LogQuery) ([]Log, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, q)
	return []Log{{Namespace: q.Namespace, Pod: q.Pod, Container: "c", Lines: []string{"from the service"}}}, s.err
}

func TestWhatIsGoneIsSaid(t *testing.T) {
	gone := alarm.Alarm{Name: "BackOffStart", Object: alarm.Object{Kind: "Pod", Namespace: "default", Name: "gone-1"}, FiredAt: seven.Add(-time.Minute)}
	cleared := gone
	cleared.Object.Name, cleared.ClearedAt = "gone-2", seven
	logs := &lts{}
	b := &Builder{Kube: fake.NewClientset(chat()...), Metrics: &prometheus{value: 0.5}, Changes: cts{}, Pools: pools{}, Logs: logs, Now: func() time.Time { return seven }}
	s := b.Build(t.Context(), demo, Scope{}, []alarm.Alarm{gone, cleared, {Name: "own rule", Object: alarm.Object{Kind: "Odd", Name: "x"}}})
	if d := cmp.Diff([]string{"Pod default/gone-1 is not in the cluster: of what its alarm says only the alarm is left"}, s.Gaps); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if got := s.Index().LogsOf(key("Pod", "default", "gone-1")); len(got) != 1 || got[0].Lines[0] != "from the service" {
		t.Errorf("logs of the pod that is gone: %+v", got)
	}
	if len(logs.asked) != 1 {
		t.Errorf("the log service was asked %d times though the API server has the rest", len(logs.asked))
	}
}

func TestLogServiceStandsInForTheAPIServer(t *testing.T) {
	k := fake.NewClientset(chat()...)
	refuses(k, "get", "pods/log", apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no")))
	s := (&Builder{Kube: k, Metrics: &prometheus{value: 0.5}, Changes: cts{}, Pools: pools{}, Logs: &lts{}, Now: func() time.Time { return seven }}).Build(t.Context(), demo, Scope{}, nil)
	if len(s.Gaps) != 0 || len(s.Logs) != 2 {
		t.Errorf("gaps %v, %d logs", s.Gaps, len(s.Logs))
	}
}

func TestSplitLog(t *testing.T) {
	for in, want := range map[string][]string{"": nil, "\n": nil, "a\nb\r\nc\n": {"b", "c"}, "\xff": {"\uFFFD"}} {
		if d := cmp.Diff(want, splitLog(in, 2)); d != "" {
			t.Errorf("%q (-want +got)\n%s", in, d)
		}
	}
	if got := splitLog(strings.Repeat("x", 9000), 1); len(got[0]) > 2100 {
		t.Errorf("a line of %d bytes", len(got[0]))
	}
}

func configMap(s *Snapshot, namespace string) metav1.Object {
	o, _ := s.Index().Object(key("ConfigMap", namespace, "chat"))
	return o
}
