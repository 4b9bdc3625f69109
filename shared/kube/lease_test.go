package kube

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// leases keeps leases as etcd does: one winner of a create, an update only of the version that was read. (client-go's own tracker
// lets every update through.)
type leases struct {
	mu      sync.Mutex
	objects map[string]*coordinationv1.Lease
	version int
	fault   func(verb string) string // "", "before" or "after" the effect
	writes  int
}

func newLeases() (*leases, kubernetes.Interface) {
	s := &leases{objects: map[string]*coordinationv1.Lease{}}
	client := fake.NewClientset()
	client.PrependReactor("*", "leases", s.react)
	return s, client
}

var leaseResource = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

func (s *leases) react(action clienttesting.Action) (bool, runtime.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault := ""
	if s.fault != nil {
		fault = s.fault(action.GetVerb())
	}
	if fault == "before" {
		return true, nil, apierrors.NewTimeoutError("lost on the way", 0)
	}
	object, err := s.do(action)
	if fault == "after" && err == nil {
		return true, nil, apierrors.NewTimeoutError("lost on the way back", 0)
	}
	return true, object, err
}

func (s *leases) do(action clienttesting.Action) (runtime.Object, error) {
	switch a := action.(type) {
	case clienttesting.GetAction:
		if have := s.objects[a.GetName()]; have != nil {
			return have.DeepCopy(), nil
		}
		return nil, apierrors.NewNotFound(leaseResource, a.GetName())
	case clienttesting.UpdateAction: // a CreateAction has the same methods
		in := a.GetObject().(*coordinationv1.Lease).DeepCopy()
		have := s.objects[in.Name]
		switch {
		case a.GetVerb() == "create" && have != nil:
			return nil, apierrors.NewAlreadyExists(leaseResource, in.Name)
		case a.GetVerb() == "update" && have == nil:
			return nil, apierrors.NewNotFound(leaseResource, in.Name)
		case a.GetVerb() == "update" && have.ResourceVersion != in.ResourceVersion:
			return nil, apierrors.NewConflict(leaseResource, in.Name, errors.New("the object has been modified"))
		}
		s.version++
		s.writes++
		in.ResourceVersion = strconv.Itoa(s.version)
		s.objects[in.Name] = in
		return in.DeepCopy(), nil
	}
	return nil, fmt.Errorf("unexpected %s", action.GetVerb())
}

func (s *leases) holder(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.objects[name]; l != nil && l.Spec.HolderIdentity != nil {
		return *l.Spec.HolderIdentity
	}
	return ""
}

// clock is a machine's monotonic clock that a test moves.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(1763795000, 0).Add(time.Duration(c.at.Load())) }

func (c *clock) move(d time.Duration) { c.at.Add(int64(d)) }

func (c *clock) wait(ctx context.Context, d time.Duration) error { c.move(d); return ctx.Err() }

func newLease(client kubernetes.Interface, holder string) (*Lease, *clock) {
	c := &clock{}
	return &Lease{Client: client, Namespace: "cce-oncall", Holder: holder, Duration: time.Minute, Now: c.now, Wait: c.wait}, c
}

// try is TryLock in one word: got, held or the error.
func try(t *testing.T, l *Lease, name string) (func(context.Context) error, string) {
	t.Helper()
	unlock, ok, err := l.TryLock(t.Context(), name)
	switch {
	case err != nil:
		return nil, err.Error()
	case ok:
		return unlock, "got"
	}
	return nil, "held"
}

func TestLeaseHasOneHolder(t *testing.T) {
	store, client := newLeases()
	a, _ := newLease(client, "execute-1")
	b, clockB := newLease(client, "execute-1") // the same name on purpose
	unlock, got := try(t, a, "web")
	if got != "got" || !strings.HasPrefix(store.holder("web"), "execute-1/") {
		t.Fatalf("%s, holder %q", got, store.holder("web"))
	}
	for _, l := range []*Lease{a, b} {
		if _, got := try(t, l, "web"); got != "held" {
			t.Errorf("a second time: %s", got)
		}
	}
	if _, got := try(t, b, "another"); got != "got" {
		t.Errorf("another name: %s", got)
	}
	clockB.move(time.Second)
	if err := unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := unlock(t.Context()); err != nil {
		t.Errorf("given back twice: %v", err)
	}
	if store.holder("web") != "" {
		t.Errorf("holder after unlock %q", store.holder("web"))
	}
	if _, got := try(t, b, "web"); got != "got" {
		t.Errorf("after it was given back: %s", got)
	}
	if n := *store.objects["web"].Spec.LeaseTransitions; n != 1 {
		t.Errorf("%d transitions", n)
	}
}

func TestLeaseOfADeadHolder(t *testing.T) {
	store, client := newLeases()
	dead, _ := newLease(client, "dead")
	if _, got := try(t, dead, "web"); got != "got" {
		t.Fatal(got)
	}
	b, clock := newLease(client, "b")
	clock.move(-100 * 24 * time.Hour) // its clock is a season behind: only what passes on it counts
	steps := []struct {
		pass time.Duration
		want string
	}{{0, "held"}, {30 * time.Second, "held"}, {30 * time.Second, "held"}, {time.Second, "got"}}
	for _, s := range steps {
		clock.move(s.pass)
		if _, got := try(t, b, "web"); got != s.want {
			t.Fatalf("after %v: %s, want %s", s.pass, got, s.want)
		}
	}
	if err := dead.Renew(t.Context(), "web"); !errors.Is(err, ErrLost) {
		t.Errorf("the former holder renews: %v", err)
	}
	if !strings.HasPrefix(store.holder("web"), "b/") {
		t.Errorf("holder %q", store.holder("web"))
	}
}

func TestLeaseOfALivingHolder(t *testing.T) {
	_, client := newLeases()
	alive, _ := newLease(client, "alive")
	unlock, got := try(t, alive, "web")
	if got != "got" {
		t.Fatal(got)
	}
	b, clock := newLease(client, "b")
	for range 10 {
		if _, got := try(t, b, "web"); got != "held" {
			t.Fatalf("taken from a living holder: %s", got)
		}
		clock.move(59 * time.Second)
		if err := alive.Renew(t.Context(), "web"); err != nil {
			t.Fatal(err)
		}
	}
	if err := unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := alive.Renew(t.Context(), "web"); !errors.Is(err, ErrLost) {
		t.Errorf("renewed after it was given back: %v", err)
	}
}

func TestLeaseKeepsAnothersPromise(t *testing.T) {
	for _, tc := range []struct {
		promise int32
		free    time.Duration // when it is free at last
	}{{300, 300 * time.Second}, {5, time.Minute}, {1 << 30, time.Hour}} {
		store, client := newLeases()
		other := "somebody"
		store.objects["web"] = &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "web", ResourceVersion: "7"}, Spec: coordinationv1.LeaseSpec{HolderIdentity: &other, LeaseDurationSeconds: &tc.promise}}
		l, clock := newLease(client, "b")
		if _, got := try(t, l, "web"); got != "held" {
			t.Fatal(got)
		}
		clock.move(tc.free)
		if _, got := try(t, l, "web"); got != "held" {
			t.Errorf("promise of %d s: %s at its end", tc.promise, got)
		}
		clock.move(time.Second)
		if _, got := try(t, l, "web"); got != "got" {
			t.Errorf("promise of %d s: %s after its end", tc.promise, got)
		}
	}
}

func TestLeaseWritesInDoubt(t *testing.T) {
	store, client := newLeases()
	lose := func(verb, when string) {
		store.mu.Lock()
		defer store.mu.Unlock()
		done := false
		store.fault = func(v string) string {
			if v == verb && !done {
				done = true
				return when
			}
			return ""
		}
	}
	l, _ := newLease(client, "a")
	for _, when := range []string{"before", "after"} {
		name := "create-" + when
		lose("create", when)
		_, _, err := l.TryLock(t.Context(), name)
		var e *Error
		if !errors.As(err, &e) || !e.Transient() {
			t.Errorf("%s: error %v", when, err)
		}
		if _, got := try(t, l, name); got != "got" {
			t.Errorf("create lost %s its effect, second try: %s", when, got)
		}
		lose("update", when)
		if err := l.Renew(t.Context(), name); !errors.As(err, &e) || !e.Transient() {
			t.Errorf("renewal lost %s: error %v", when, err)
		}
		if err := l.Renew(t.Context(), name); err != nil {
			t.Errorf("renewal after one lost %s: %v", when, err)
		}
	}
	lose("update", "after")
	unlock, _, err := l.TryLock(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(t.Context()); err == nil {
		t.Error("a lost answer was taken for one")
	}
	if err := unlock(t.Context()); !errors.Is(err, ErrLost) {
		t.Errorf("second unlock: %v", err) // it was given back: no longer ours
	}
	if store.holder("x") != "" {
		t.Errorf("holder %q", store.holder("x"))
	}
}

func TestLeaseRemovedByHand(t *testing.T) {
	store, client := newLeases()
	l, _ := newLease(client, "a")
	unlock, got := try(t, l, "web")
	if got != "got" {
		t.Fatal(got)
	}
	delete(store.objects, "web")
	if err := l.Renew(t.Context(), "web"); !errors.Is(err, ErrLost) {
		t.Errorf("renewal: %v", err)
	}
	if err := unlock(t.Context()); err != nil {
		t.Errorf("unlock of what is known to be lost: %v", err)
	}
	if _, got := try(t, l, "web"); got != "got" {
		t.Errorf("anew: %s", got)
	}
}

func TestLock(t *testing.T) {
	_, client := newLeases()
	dead, _ := newLease(client, "dead")
	if _, got := try(t, dead, "web"); got != "got" {
		t.Fatal(got)
	}
	impatient, _ := newLease(client, "b")
	if _, ok, err := impatient.Lock(t.Context(), "web", 30*time.Second); ok || err != nil {
		t.Errorf("before its time: %v, error %v", ok, err)
	}
	patient, _ := newLease(client, "c")
	if _, ok, err := patient.Lock(t.Context(), "web", 2*time.Minute); !ok || err != nil {
		t.Errorf("after its time: %v, error %v", ok, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok, err := impatient.Lock(ctx, "web", time.Hour); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v, error %v", ok, err)
	}
}

func TestLeaseNeedsADuration(t *testing.T) {
	store, client := newLeases()
	l, _ := newLease(client, "a")
	l.Duration = time.Millisecond
	if _, ok, err := l.TryLock(t.Context(), "web"); ok || err == nil || store.writes != 0 {
		t.Errorf("ok %v, error %v, %d writes", ok, err, store.writes)
	}
}

func TestLeaseDenied(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("*", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(leaseResource, "web", errors.New("RBAC"))
	})
	l, _ := newLease(client, "a")
	_, ok, err := l.TryLock(t.Context(), "web")
	var e *Error
	if ok || !errors.As(err, &e) || e.Kind != Denied || e.Transient() {
		t.Errorf("ok %v, error %v", ok, err)
	}
}

func TestObjectName(t *testing.T) {
	names := []string{
		"web", "default/web", "default-web", "Default/web", "default/Web", "Deployment/default/web", "节点", "节 点", "", "-", "a.b", "a-b",
		strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("x", 300), strings.Repeat("x", 300) + "y", strings.Repeat("-", 80), "../../etc", "10.0.0.1",
	}
	seen := map[string]string{}
	for _, name := range names {
		got := objectName(name)
		if problems := validation.IsDNS1123Label(got); len(problems) > 0 {
			t.Errorf("%q becomes %q: %v", name, got, problems)
		}
		if other, taken := seen[got]; taken {
			t.Errorf("%q and %q are both %q", name, other, got)
		}
		seen[got] = name
		if again := objectName(name); again != got {
			t.Errorf("%q becomes %q and %q", name, got, again)
		}
	}
	if objectName("default-web") != "default-web" {
		t.Error("a name that fits was changed")
	}
}

func FuzzObjectName(f *testing.F) {
	f.Add("Deployment default/web")
	f.Add(strings.Repeat("-", 70))
	f.Fuzz(func(t *testing.T, name string) {
		if problems := validation.IsDNS1123Label(objectName(name)); len(problems) > 0 {
			t.Errorf("%q becomes %q: %v", name, objectName(name), problems)
		}
	})
}
