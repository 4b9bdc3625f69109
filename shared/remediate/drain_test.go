package remediate_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/remediate"
	"cce-oncall/shared/remediate/remediatetest"
)

func appsResource(name string) schema.GroupVersionResource {
	return appsv1.SchemeGroupVersion.WithResource(name)
}

func drainPlan(objects ...runtime.Object) plan {
	return plan{
		objects: func() []runtime.Object { return append([]runtime.Object{worker(true)}, objects...) }, state: nodeState, oneWay: true,
		steps: numbered(step(incident.DrainNode, node("worker-1"), map[string]string{}, map[string]string{"drained": "true"})),
	}
}

func TestDrainWaitsForADisruptionBudget(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, drainPlan(podOn("a", "ReplicaSet"), podOn("b", "ReplicaSet")))
	b.cluster.Held["default/a"] = true
	receipt := b.prepare()
	var waiting remediate.ErrWaiting
	if err := b.action.Apply(ctx, b.order, receipt); !errors.As(err, &waiting) {
		t.Fatalf("Apply: got %v, want ErrWaiting", err)
	}
	if got, want := b.state(), `[["a"],{"worker-1":true},null]`; got != want {
		t.Errorf("after the first pass: got %s, want %s", got, want)
	}
	if ok, err := b.action.Settled(ctx, b.order, receipt); ok || err != nil {
		t.Errorf("Settled while a pod is held: got %v, %v", ok, err)
	}
	b.cluster.Held = map[string]bool{}
	b.apply(receipt)
	if ok, err := b.action.Settled(ctx, b.order, receipt); !ok || err != nil {
		t.Errorf("Settled: got %v, %v", ok, err)
	}
}

func TestDrainRefusesWhatWouldBeLost(t *testing.T) {
	bare := podOn("bare", "ReplicaSet")
	bare.OwnerReferences = nil
	data := podOn("data", "StatefulSet")
	data.Spec.Volumes = []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	for _, c := range []struct {
		pod     *corev1.Pod
		consent string
	}{{bare, "barePods"}, {data, "localData"}} {
		t.Run(c.consent, func(t *testing.T) {
			b := newBed(t, drainPlan(c.pod))
			var unsafe remediate.ErrUnsafe
			if _, err := b.action.Prepare(context.Background(), b.order); !errors.As(err, &unsafe) {
				t.Errorf("without consent: got %v, want ErrUnsafe", err)
			}
			b.order.Goal[c.consent] = "true"
			b.apply(b.prepare())
			if got, want := b.state(), `[[],{"worker-1":true},null]`; got != want {
				t.Errorf("with consent: got %s, want %s", got, want)
			}
		})
	}
}

func TestDrainLeavesDaemonsStaticPodsAndNewcomers(t *testing.T) {
	static := podOn("static", "Node")
	static.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"}
	b := newBed(t, drainPlan(podOn("agent", "DaemonSet"), static, podOn("a", "ReplicaSet")))
	receipt := b.prepare()
	late := podOn("late", "ReplicaSet")
	if err := b.cluster.Inside.Tracker().Add(late); err != nil {
		t.Fatal(err)
	}
	b.apply(receipt)
	if got, want := b.state(), `[["agent","late","static"],{"worker-1":true},null]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDrainRefusesAnOpenNode(t *testing.T) {
	p := drainPlan(podOn("a", "ReplicaSet"))
	p.objects = func() []runtime.Object { return []runtime.Object{worker(false), podOn("a", "ReplicaSet")} }
	b := newBed(t, p)
	var unsafe remediate.ErrUnsafe
	if _, err := b.action.Prepare(context.Background(), b.order); !errors.As(err, &unsafe) {
		t.Errorf("got %v, want ErrUnsafe", err)
	}
}

func (b *bed) pods() []corev1.Pod {
	b.t.Helper()
	list, err := b.cluster.Inside.CoreV1().Pods(metav1.NamespaceAll).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	return list.Items
}

// TestDrainEndsWhereTheNodeIsOpenAgain: while it waits for a budget, somebody opens the node or it is made anew.
func TestDrainEndsWhereTheNodeIsOpenAgain(t *testing.T) {
	ctx := context.Background()
	open := worker(false)
	anew := worker(true)
	anew.UID = "another"
	for name, n := range map[string]*corev1.Node{"uncordoned": open, "made anew": anew} {
		t.Run(name+", nothing moved", func(t *testing.T) {
			b := newBed(t, drainPlan(podOn("a", "ReplicaSet"), podOn("b", "ReplicaSet")))
			receipt := b.prepare()
			b.put("nodes", n)
			var stale remediate.ErrStale
			if err := b.action.Apply(ctx, b.order, receipt); !errors.As(err, &stale) {
				t.Errorf("got %v, want ErrStale", err)
			}
			if got := len(b.pods()); got != 2 {
				t.Errorf("%d pods are left, want both", got)
			}
		})
		t.Run(name+", one had moved", func(t *testing.T) {
			b := newBed(t, drainPlan(podOn("a", "ReplicaSet"), podOn("b", "ReplicaSet")))
			receipt := b.prepare()
			b.cluster.Held["default/a"] = true
			var waiting remediate.ErrWaiting
			if err := b.action.Apply(ctx, b.order, receipt); !errors.As(err, &waiting) {
				t.Fatalf("got %v, want ErrWaiting", err)
			}
			b.put("nodes", n)
			b.cluster.Held = map[string]bool{}
			var failed remediate.ErrFailed
			if err := b.action.Apply(ctx, b.order, receipt); !errors.As(err, &failed) || !strings.Contains(err.Error(), "1 of 2 pods had left it") {
				t.Errorf("got %v, want ErrFailed that says how far it came", err)
			}
			if got := len(b.pods()); got != 1 {
				t.Errorf("%d pods are left, want one", got)
			}
		})
	}
}

// TestDrainOfASilentNode: nobody confirms that a pod has stopped there; that it was told to go is all there will be.
func TestDrainOfASilentNode(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		ready corev1.ConditionStatus
		gone  bool // the pod has been told to go
		want  bool
	}{
		{corev1.ConditionTrue, true, false},
		{corev1.ConditionUnknown, true, true},
		{corev1.ConditionUnknown, false, false},
	} {
		b := newBed(t, drainPlan(podOn("a", "ReplicaSet"), podOn("b", "ReplicaSet")))
		receipt := b.prepare()
		n := worker(true)
		n.Status.Conditions[0].Status = c.ready
		b.put("nodes", n)
		for _, name := range []string{"a", "b"} {
			p := podOn(name, "ReplicaSet")
			if c.gone || name == "a" {
				p.DeletionTimestamp, p.Finalizers = pointer(metav1.NewTime(remediatetest.Epoch())), []string{"test/held"}
			}
			b.put("pods", p)
		}
		if got, err := b.action.Settled(ctx, b.order, receipt); got != c.want || err != nil {
			t.Errorf("%+v: got %v, %v", c, got, err)
		}
	}
}
