package observe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// largeCluster is an API server with many pods of a real one's size, made page by page as they are asked for. It counts pages and the
// highest heap it saw while answering.
type largeCluster struct {
	pods, sets, events int
	mu                 sync.Mutex
	pages              int
	peak               uint64
	expired            bool // refuse one continue token, as an API server does that has compacted
}

func (c *largeCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.pages++
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.peak = max(c.peak, m.HeapAlloc)
	c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/log"):
		_, _ = fmt.Fprint(w, strings.Repeat("a line of a log\n", 500))
	case strings.HasSuffix(r.URL.Path, "/api/v1/pods"):
		c.page(w, r, "v1", "PodList", c.pods, c.pod)
	case strings.HasSuffix(r.URL.Path, "/replicasets"):
		c.page(w, r, "apps/v1", "ReplicaSetList", c.sets, c.replicaSet)
	case strings.HasSuffix(r.URL.Path, "/api/v1/events"):
		c.page(w, r, "v1", "EventList", c.events, c.event)
	default:
		_, _ = fmt.Fprint(w, `{"metadata":{},"items":[]}`)
	}
}

func (c *largeCluster) page(w http.ResponseWriter, r *http.Request, version, kind string, all int, item func(int) any) {
	limit, from := all, 0
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && n > 0 {
		limit = n
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("continue")); err == nil {
		from = n
	}
	c.mu.Lock()
	expire := c.expired && kind == "PodList" && from > 0
	c.mu.Unlock()
	if expire {
		w.WriteHeader(http.StatusGone)
		_, _ = fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}`)
		return
	}
	list := map[string]any{"apiVersion": version, "kind": kind}
	meta := map[string]any{"resourceVersion": "1"}
	var items []any
	for i := from; i < min(from+limit, all); i++ {
		items = append(items, item(i))
	}
	if from+limit < all {
		meta["continue"] = strconv.Itoa(from + limit)
	}
	list["metadata"], list["items"] = meta, items
	_ = json.NewEncoder(w).Encode(list)
}

func managed() []metav1.ManagedFieldsEntry {
	at := ago(100 * time.Hour)
	raw := `{"f:metadata":{"f:labels":{` + strings.Repeat(`"f:label-of-some-length":{},`, 40) + `"f:last":{}}}}`
	return []metav1.ManagedFieldsEntry{{Manager: "kube-controller-manager", Time: &at, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(raw)}}
}

func (c *largeCluster) template(i int) corev1.PodSpec {
	container := corev1.Container{
		Name: "app", Image: fmt.Sprintf("registry.example.com/team-%d/app-%d:v1.%d", i%20, i/10, i%7),
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m"), corev1.ResourceMemory: resource.MustParse("256Mi")}},
	}
	for e := range 30 {
		container.Env = append(container.Env, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%d", e), Value: fmt.Sprintf("value of setting %d of application %d", e, i/10)})
	}
	s := corev1.PodSpec{NodeName: fmt.Sprintf("node-%d", i/50), ServiceAccountName: "default", Containers: []corev1.Container{container, {Name: "proxy", Image: "proxy:1"}}}
	for v := range 5 {
		s.Volumes = append(s.Volumes, corev1.Volume{Name: fmt.Sprint("v", v), VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		s.Containers[0].VolumeMounts = append(s.Containers[0].VolumeMounts, corev1.VolumeMount{Name: fmt.Sprint("v", v), MountPath: fmt.Sprint("/data/", v)})
	}
	return s
}

func (c *largeCluster) meta(i int, name, owner, ownerName string) metav1.ObjectMeta {
	yes := true
	return metav1.ObjectMeta{
		Name: name, Namespace: fmt.Sprintf("team-%d", i/10%20), UID: "0b6f3d2e-7a41-11f0-9f5d-0255ac100101", CreationTimestamp: ago(200 * time.Hour), ManagedFields: managed(),
		Labels:          map[string]string{"app": ownerName, "team": fmt.Sprint(i % 20), "version": "v1"},
		Annotations:     map[string]string{"kubernetes.io/psp": "psp-global", RevisionAnnotation: fmt.Sprint(i % 10), corev1.LastAppliedConfigAnnotation: strings.Repeat("x", 2000)},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: owner, Name: ownerName, Controller: &yes}},
	}
}

func (c *largeCluster) pod(i int) any {
	state := corev1.ContainerStatus{Name: "app", Ready: true, Image: "x", ImageID: strings.Repeat("f", 80), ContainerID: strings.Repeat("e", 80), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago(time.Hour)}}}
	ready := corev1.ConditionTrue
	if i%100 == 0 {
		ready, state.Ready, state.RestartCount = corev1.ConditionFalse, false, 9
	}
	return corev1.Pod{
		ObjectMeta: c.meta(i, fmt.Sprintf("app-%d-7d9f8c6b5-%05d", i/10, i), "ReplicaSet", fmt.Sprintf("app-%d-7d9f8c6b5", i/10)), Spec: c.template(i),
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "10.0.0.1", ContainerStatuses: []corev1.ContainerStatus{state, {Name: "proxy", Ready: true, State: state.State}},
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}, {Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.ContainersReady, Status: ready}},
		},
	}
}

func (c *largeCluster) replicaSet(i int) any {
	none := int32(0)
	return appsv1.ReplicaSet{
		ObjectMeta: c.meta(i, fmt.Sprintf("app-%d-%d", i/10, i), "Deployment", fmt.Sprintf("app-%d", i/10)),
		Spec:       appsv1.ReplicaSetSpec{Replicas: &none, Template: corev1.PodTemplateSpec{Spec: c.template(i)}},
	}
}

func (c *largeCluster) event(i int) any {
	return corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("e", i), Namespace: "team-1", ManagedFields: managed()}, Type: corev1.EventTypeNormal, Reason: "Pulled",
		Message: strings.Repeat("m", 200), LastTimestamp: ago(time.Duration(i%100) * time.Minute), InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: "team-1", Name: fmt.Sprint("p", i)},
	}
}

func (c *largeCluster) client(t testing.TB) kubernetes.Interface {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	k, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL, QPS: 1000, Burst: 1000, ContentConfig: rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"}})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestFiveThousandPodsFitInto256MB reads 5,000 pods, 5,000 ReplicaSets and 8,000 events of real size and holds the highest heap seen on
// the way, garbage included, against the promise.
func TestFiveThousandPodsFitInto256MB(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 18,000 objects")
	}
	c := &largeCluster{pods: 5000, sets: 5000, events: 8000}
	b := &Builder{Kube: c.client(t), Metrics: &prometheus{value: 0.5}, Changes: cts{}, Pools: pools{}, Now: func() time.Time { return seven }}
	s := b.Build(t.Context(), demo, Scope{}, nil)
	if len(s.Gaps) != 1 || len(s.Objects.Pods) != 5000 || len(s.Objects.Events) != 4000 || len(s.Objects.ReplicaSets) > 2000 {
		t.Errorf("%d pods, %d events, %d ReplicaSets, gaps %v", len(s.Objects.Pods), len(s.Objects.Events), len(s.Objects.ReplicaSets), s.Gaps)
	}
	const most = 256 << 20
	if c.peak > most {
		t.Errorf("the heap grew to %d MB", c.peak>>20)
	}
	if c.pages > 220 {
		t.Errorf("%d requests", c.pages)
	}
	if n := len(s.Logs); n == 0 || n > 120 {
		t.Errorf("%d logs", n)
	}
	t.Logf("peak heap %d MB, %d requests, %d logs, %d series", c.peak>>20, c.pages, len(s.Logs), len(s.Series))
	runtime.KeepAlive(s)
}

func TestListThatGrewTooOldIsReadAgain(t *testing.T) {
	c := &largeCluster{pods: 1200, expired: true}
	s := (&Builder{Kube: c.client(t), Metrics: &prometheus{value: 0.5}, Changes: cts{}, Pools: pools{}, Now: func() time.Time { return seven }}).Build(t.Context(), demo, Scope{}, nil)
	if len(s.Objects.Pods) != 1200 || len(s.Gaps) != 0 {
		t.Errorf("%d pods, gaps %v", len(s.Objects.Pods), s.Gaps)
	}
}

func BenchmarkBuild5000Pods(b *testing.B) {
	c := &largeCluster{pods: 5000, sets: 5000, events: 8000}
	builder := &Builder{Kube: c.client(b), Now: func() time.Time { return seven }}
	b.ReportAllocs()
	for b.Loop() {
		builder.Build(b.Context(), demo, Scope{}, nil)
	}
	b.ReportMetric(float64(c.peak>>20), "peak-MB")
}
