package remediate_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/remediate"
	"cce-oncall/shared/remediate/remediatetest"
)

// bed is one step in a fresh world.
type bed struct {
	t       *testing.T
	world   remediatetest.World
	cluster *remediatetest.Cluster
	cloud   *remediatetest.Cloud
	action  remediate.Action
	order   remediate.Order
}

func newBed(t *testing.T, p plan) *bed {
	t.Helper()
	w, cluster, cloud := p.world(&remediatetest.Cut{})
	b := &bed{t: t, world: w, cluster: cluster, cloud: cloud}
	b.order = remediate.Order{Step: copied(p.steps[0]), Mark: "0123456789abcdef:A1"}
	b.action = w.Actions()[b.order.Action]
	return b
}

func copied(s incident.Step) incident.Step {
	s.Expect, s.Goal = maps.Clone(s.Expect), maps.Clone(s.Goal)
	return s
}

func (b *bed) state() string {
	b.t.Helper()
	s, err := b.world.State()
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bed) prepare() incident.Receipt {
	b.t.Helper()
	receipt, err := b.action.Prepare(context.Background(), b.order)
	if err != nil {
		b.t.Fatalf("Prepare: %v", err)
	}
	return receipt
}

func (b *bed) apply(receipt incident.Receipt) {
	b.t.Helper()
	if err := b.action.Apply(context.Background(), b.order, receipt); err != nil {
		b.t.Fatalf("Apply: %v", err)
	}
}

func (b *bed) settle() {
	b.t.Helper()
	if err := b.world.Settle(); err != nil {
		b.t.Fatal(err)
	}
}

// single are the plans of one step: each action once.
func single() []plan {
	var out []plan
	for _, p := range plans() {
		if len(p.steps) == 1 {
			out = append(out, p)
		}
	}
	return out
}

func TestEveryActionKeepsTheContract(t *testing.T) {
	ctx := context.Background()
	for _, p := range single() {
		t.Run(p.name, func(t *testing.T) {
			b := newBed(t, p)
			start := b.state()
			receipt := b.prepare()
			if diff := cmp.Diff(start, b.state()); diff != "" {
				t.Errorf("Prepare changed the world (-before +after):\n%s", diff)
			}
			if _, err := b.action.Settled(ctx, b.order, receipt); !errors.Is(err, remediate.ErrNotApplied) {
				t.Errorf("Settled before Apply: got %v, want ErrNotApplied", err)
			}
			b.apply(receipt)
			once := b.state()
			if once == start {
				t.Error("Apply changed nothing")
			}
			b.apply(receipt)
			if diff := cmp.Diff(once, b.state()); diff != "" {
				t.Errorf("a second Apply changed the world (-once +twice):\n%s", diff)
			}
			b.settle()
			if ok, err := b.action.Settled(ctx, b.order, receipt); err != nil || !ok {
				t.Errorf("Settled: got %v, %v", ok, err)
			}
			b.undo(p, start, receipt)
		})
	}
}

// undo takes the step back, twice, and then lets the late Apply of a lost executor come.
func (b *bed) undo(p plan, start string, receipt incident.Receipt) {
	b.t.Helper()
	ctx := context.Background()
	err := b.action.Undo(ctx, b.order, receipt)
	if p.oneWay {
		var oneWay remediate.ErrIrreversible
		if !errors.As(err, &oneWay) {
			b.t.Errorf("Undo of what cannot be undone: got %v, want ErrIrreversible", err)
		}
		return
	}
	for range 2 {
		if err != nil {
			b.t.Fatalf("Undo: %v", err)
		}
		if diff := cmp.Diff(start, b.state()); diff != "" {
			b.t.Fatalf("Undo did not restore (-before +after):\n%s", diff)
		}
		err = b.action.Undo(ctx, b.order, receipt)
	}
	if err := b.action.Apply(ctx, b.order, receipt); err == nil {
		b.t.Error("a late Apply after Undo was let through")
	}
	if diff := cmp.Diff(start, b.state()); diff != "" {
		b.t.Errorf("a late Apply after Undo changed the world (-before +after):\n%s", diff)
	}
}

func TestEveryActionRefusesWhatWasNotApproved(t *testing.T) {
	ctx := context.Background()
	for _, p := range single() {
		for _, part := range []struct {
			name string
			of   func(*remediate.Order) map[string]string
			to   string
		}{
			{"expect", func(o *remediate.Order) map[string]string { return o.Expect }, "something else"},
			{"goal", func(o *remediate.Order) map[string]string { return o.Goal }, "nonsense?"},
			{"goal", func(o *remediate.Order) map[string]string { return o.Goal }, "-1"},
		} {
			keys := part.of(&remediate.Order{Step: p.steps[0]})
			for key := range keys {
				if key == "phase" || p.name == "RestartRollout" && part.name == "goal" || p.name == "FixServicePort" && part.name == "goal" || key == "revision" && part.name == "expect" {
					continue // words for people; any text is a restart time; any text names a port
				}
				t.Run(p.name+" "+part.name+" "+key+" "+part.to, func(t *testing.T) {
					b := newBed(t, p)
					part.of(&b.order)[key] = part.to
					start := b.state()
					_, err := b.action.Prepare(ctx, b.order)
					if !isRefusal(err) {
						t.Errorf("Prepare: got %v, want ErrStale or ErrUnsafe", err)
					}
					if diff := cmp.Diff(start, b.state()); diff != "" {
						t.Errorf("a refused step changed the world:\n%s", diff)
					}
				})
			}
		}
	}
}

func isRefusal(err error) bool {
	var stale remediate.ErrStale
	var unsafe remediate.ErrUnsafe
	return errors.As(err, &stale) || errors.As(err, &unsafe)
}

// TestUndoOfWhatNeverHappened: a step in doubt that was not applied is undone by doing nothing, and says so.
func TestUndoOfWhatNeverHappened(t *testing.T) {
	for _, p := range single() {
		t.Run(p.name, func(t *testing.T) {
			b := newBed(t, p)
			start := b.state()
			receipt := b.prepare()
			if err := b.action.Undo(context.Background(), b.order, receipt); err != nil {
				t.Errorf("Undo: %v", err)
			}
			if diff := cmp.Diff(start, b.state()); diff != "" {
				t.Errorf("the world was changed:\n%s", diff)
			}
		})
	}
}

// TestAnEditRefusesAMovedObject: somebody else makes the very same change between Prepare and Apply, or anything else.
func TestAnEditRefusesAMovedObject(t *testing.T) {
	ctx := context.Background()
	for _, p := range single() {
		if p.name == "DeletePod" || p.name == "ScaleOutNodePool" {
			continue // gone is gone; a pool keeps no mark: its goal, whoever set it, is the goal
		}
		t.Run(p.name, func(t *testing.T) {
			b := newBed(t, p)
			receipt := b.prepare()
			ours := b.order
			b.order.Mark = "fedcba9876543210:B1"
			b.apply(b.prepare())
			theirs := b.state()
			b.order = ours
			var stale remediate.ErrStale
			if err := b.action.Apply(ctx, b.order, receipt); !errors.As(err, &stale) {
				t.Errorf("Apply: got %v, want ErrStale", err)
			}
			if err := b.action.Undo(ctx, b.order, receipt); !p.oneWay && !errors.As(err, &stale) {
				t.Errorf("Undo: got %v, want ErrStale", err)
			}
			if diff := cmp.Diff(theirs, b.state()); diff != "" {
				t.Errorf("a refused step changed the world:\n%s", diff)
			}
		})
	}
}

func TestAnEditRefusesAnObjectMadeAnew(t *testing.T) {
	p := plans()[0]
	b := newBed(t, p)
	receipt := b.prepare()
	d := web(2)
	d.UID = "another"
	if err := b.cluster.Inside.Tracker().Update(appsResource("deployments"), d, "default"); err != nil {
		t.Fatal(err)
	}
	var stale remediate.ErrStale
	if err := b.action.Apply(context.Background(), b.order, receipt); !errors.As(err, &stale) {
		t.Errorf("Apply on an object made anew: got %v, want ErrStale", err)
	}
	if _, err := b.action.Prepare(context.Background(), b.order); !errors.As(err, &stale) {
		t.Errorf("Prepare on an object made anew: got %v, want ErrStale", err)
	}
}

func TestActionsRefuseWhatIsUnsafe(t *testing.T) {
	byName := map[string]plan{}
	for _, p := range single() {
		byName[p.name] = p
	}
	hpa := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: meta("web"), Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "web"}, MaxReplicas: 4,
	}}
	for _, c := range []struct {
		name  string
		plan  string
		with  []runtime.Object          // also in the cluster
		spoil func(*bed)                // change the world
		goal  map[string]string         // other goals
		pool  func(p *observe.NodePool) // change the pool
	}{
		{name: "an autoscaler owns the replicas", plan: "ScaleOut", with: []runtime.Object{hpa}},
		{name: "scale in", plan: "ScaleOut", goal: map[string]string{"replicas": "1"}},
		{name: "far too many", plan: "ScaleOut", goal: map[string]string{"replicas": "5000"}},
		{name: "request above limit", plan: "AdjustResources", goal: map[string]string{"requests.cpu": "3"}},
		{name: "no such unit", plan: "AdjustResources", goal: map[string]string{"limits.cpu": "2 cores"}},
		{name: "a ceiling below the floor", plan: "AdjustHPA", goal: map[string]string{"maxReplicas": "1"}},
		{name: "the pool would shrink", plan: "ScaleOutNodePool", goal: map[string]string{"nodes": "2"}},
		{name: "the pool would be emptied", plan: "ScaleOutNodePool", goal: map[string]string{"nodes": "0"}},
		{name: "the pool is sold out", plan: "ScaleOutNodePool", pool: func(p *observe.NodePool) {
			p.Conditions = []observe.PoolCondition{{Type: "Scalable", Status: "False", Message: "sold out"}}
		}},
		{name: "a selector for nothing", plan: "FixServiceSelector", goal: map[string]string{"selector": "app=nobody"}},
		{name: "a volume five times as large", plan: "ExpandPVC", goal: map[string]string{"size": "50Gi"}},
		{name: "a smaller volume", plan: "ExpandPVC", goal: map[string]string{"size": "5Gi"}},
		{name: "a port that is none", plan: "FixServicePort", goal: map[string]string{"port": "70000"}},
		{name: "a protocol that is none", plan: "FixServicePort", goal: map[string]string{"protocol": "HTTP"}},
		{name: "a serving pod without headroom", plan: "DeletePod", with: []runtime.Object{&policyv1.PodDisruptionBudget{
			ObjectMeta: meta("web"), Spec: policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
		}}, spoil: func(b *bed) {
			p := podOn("a", "ReplicaSet")
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
			b.put("pods", p)
		}},
		{name: "a pod nobody makes again", plan: "DeletePod", spoil: func(b *bed) {
			p := podOn("a", "ReplicaSet")
			p.OwnerReferences = nil
			b.put("pods", p)
		}},
		{name: "a node that is not ready", plan: "UncordonNode", spoil: func(b *bed) {
			n := worker(true)
			n.Status.Conditions[0].Status = corev1.ConditionUnknown
			b.put("nodes", n)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := byName[c.plan]
			objects := p.objects
			p.objects = func() []runtime.Object { return append(objects(), c.with...) }
			b := newBed(t, p)
			maps.Copy(b.order.Goal, c.goal)
			if c.spoil != nil {
				c.spoil(b)
			}
			if c.pool != nil {
				c.pool(b.cloud.Pools["p-1"])
			}
			start := b.state()
			var unsafe remediate.ErrUnsafe
			if _, err := b.action.Prepare(context.Background(), b.order); !errors.As(err, &unsafe) {
				t.Errorf("Prepare: got %v, want ErrUnsafe", err)
			}
			if diff := cmp.Diff(start, b.state()); diff != "" {
				t.Errorf("a refused step changed the world:\n%s", diff)
			}
		})
	}
}

func (b *bed) put(resource string, o runtime.Object) {
	b.t.Helper()
	m, ok := o.(metav1.Object)
	if !ok {
		b.t.Fatalf("%T is no object", o)
	}
	if err := b.cluster.Inside.Tracker().Update(corev1.SchemeGroupVersion.WithResource(resource), o, m.GetNamespace()); err != nil {
		b.t.Fatal(err)
	}
}

func TestCordonLeavesAForeignCordonAlone(t *testing.T) {
	p := plan{objects: func() []runtime.Object { return []runtime.Object{worker(true)} }, state: nodeState, steps: numbered(
		step(incident.CordonNode, node("worker-1"), map[string]string{"unschedulable": "true"}, map[string]string{"unschedulable": "true"}))}
	b := newBed(t, p)
	start := b.state()
	receipt := b.prepare()
	b.apply(receipt)
	if ok, err := b.action.Settled(context.Background(), b.order, receipt); err != nil || !ok {
		t.Errorf("Settled: got %v, %v", ok, err)
	}
	if err := b.action.Undo(context.Background(), b.order, receipt); err != nil {
		t.Errorf("Undo: %v", err)
	}
	if diff := cmp.Diff(start, b.state()); diff != "" {
		t.Errorf("somebody else's cordon was touched:\n%s", diff)
	}
}
