package kube

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// Lease takes turns in the cluster that is being changed, with one coordination.k8s.io Lease for each name. Creating it has one
// winner. One that is there is taken over only after its holder gave it back, or after it was seen unchanged for as long as it
// promises to be renewed; that time is measured here, on this machine's monotonic clock, and never read from the object, so that
// clocks which differ cannot make two holders. A holder that was paused past its time may wake up as a former holder: what keeps
// it harmless is the precondition that every change carries.
//
// A Lease may be used by several goroutines; they exclude each other as other processes do.
type Lease struct {
	Client    kubernetes.Interface
	Namespace string
	// Holder says for people who holds it, such as execute and a request id. Two processes with the same Holder still exclude each
	// other.
	Holder string
	// Duration is how long the lease stands without being renewed; at least a second.
	Duration time.Duration
	// Now must carry a monotonic reading, as time.Now does.
	Now func() time.Time
	// Wait pauses between the tries of Lock and ends early with ctx; nil is a timer.
	Wait func(ctx context.Context, d time.Duration) error

	mu       sync.Mutex
	identity string
	seen     map[string]sight // of others' leases, by name
	held     map[string]string
}

// sight is one state of somebody else's lease, and since when we know it.
type sight struct {
	version string
	since   time.Time
}

// ErrLost means that the lease is no longer ours: somebody took it over, or removed it. What is left to do must not be done.
var ErrLost = errors.New("the lease is held by another")

// longestPromise bounds what another holder may claim for itself: a lease that says it stands for a year would never be free.
const longestPromise = time.Hour

// TryLock takes the lease of this name, or says that another holds it (ok is false). It never waits: a lease whose holder died is
// taken by a TryLock that comes a Duration after the first that saw it, by the same Lease. unlock gives it back and may be called
// more than once; its error is ErrLost where it was no longer ours.
func (l *Lease) TryLock(ctx context.Context, name string) (unlock func(context.Context) error, ok bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Duration < time.Second {
		return nil, false, errors.New("take the lease: its duration is under a second")
	}
	if err := l.identify(); err != nil {
		return nil, false, err
	}
	object := objectName(name)
	if _, mine := l.held[object]; mine {
		return nil, false, nil
	}
	taken, err := l.take(ctx, object)
	if err != nil {
		return nil, false, Classify("take the lease "+object, err)
	}
	if taken == nil {
		return nil, false, nil
	}
	l.held[object] = taken.ResourceVersion
	delete(l.seen, object)
	return func(ctx context.Context) error { return l.unlock(ctx, object) }, true, nil
}

// Lock is TryLock again and again until the lease is taken or patience is over (ok is false). A patience of more than Duration
// takes a dead holder's lease even where nobody has watched it before, as in a process that has just started.
func (l *Lease) Lock(ctx context.Context, name string, patience time.Duration) (unlock func(context.Context) error, ok bool, err error) {
	for start := l.Now(); ; {
		unlock, ok, err = l.TryLock(ctx, name)
		if ok || err != nil || l.Now().Sub(start) >= patience {
			return unlock, ok, err
		}
		if err := pause(ctx, l.Wait, l.Duration/8); err != nil {
			return nil, false, Classify("wait for the lease "+objectName(name), err)
		}
	}
}

// Renew prolongs a lease that TryLock took. After ErrLost it is not ours any more.
func (l *Lease) Renew(ctx context.Context, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	object := objectName(name)
	version, mine := l.held[object]
	if !mine {
		return ErrLost
	}
	current, err := l.mine(ctx, object, version)
	if err != nil {
		return l.lost(object, "renew the lease "+object, err)
	}
	current.Spec.RenewTime = l.stamp()
	updated, err := l.leases().Update(ctx, current, metav1.UpdateOptions{})
	if err != nil {
		return l.lost(object, "renew the lease "+object, err)
	}
	l.held[object] = updated.ResourceVersion
	return nil
}

func (l *Lease) unlock(ctx context.Context, object string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	version, mine := l.held[object]
	if !mine {
		return nil
	}
	current, err := l.mine(ctx, object, version)
	if err != nil {
		return l.lost(object, "give back the lease "+object, err)
	}
	current.Spec.HolderIdentity = new(string)
	current.Spec.RenewTime = l.stamp()
	if _, err := l.leases().Update(ctx, current, metav1.UpdateOptions{}); err != nil {
		return l.lost(object, "give back the lease "+object, err)
	}
	delete(l.held, object)
	return nil
}

// take creates the lease, or takes over one that is free. nil without an error means that another holds it.
func (l *Lease) take(ctx context.Context, object string) (*coordinationv1.Lease, error) {
	current, err := l.leases().Get(ctx, object, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		created, err := l.leases().Create(ctx, l.fresh(object), metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil, nil
		}
		return created, err
	}
	if err != nil {
		return nil, err
	}
	if !l.free(object, current) {
		return nil, nil
	}
	next := current.DeepCopy() // with its resourceVersion: a rival that updates first makes ours a conflict
	fresh := l.fresh(object)
	transitions := int32(1)
	if current.Spec.LeaseTransitions != nil {
		transitions += *current.Spec.LeaseTransitions
	}
	fresh.Spec.LeaseTransitions = &transitions
	next.Spec = fresh.Spec
	updated, err := l.leases().Update(ctx, next, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil, nil
	}
	return updated, err
}

// free says whether the lease may be taken over, and remembers since when it has been as it is.
func (l *Lease) free(object string, current *coordinationv1.Lease) bool {
	holder := ""
	if current.Spec.HolderIdentity != nil {
		holder = *current.Spec.HolderIdentity
	}
	if holder == "" || holder == l.identity { // our own, from a write whose answer was lost
		return true
	}
	now := l.Now()
	was, known := l.seen[object]
	if !known || was.version != current.ResourceVersion {
		l.seen[object] = sight{version: current.ResourceVersion, since: now}
		return false
	}
	promise := l.Duration
	if s := current.Spec.LeaseDurationSeconds; s != nil {
		promise = min(max(promise, time.Duration(*s)*time.Second), longestPromise)
	}
	return now.Sub(was.since) > promise
}

// mine reads our own lease for the next update. A version other than the one we left is accepted only while we are the holder:
// then it is an update of ours whose answer was lost.
func (l *Lease) mine(ctx context.Context, object, version string) (*coordinationv1.Lease, error) {
	current, err := l.leases().Get(ctx, object, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if current.ResourceVersion != version && (current.Spec.HolderIdentity == nil || *current.Spec.HolderIdentity != l.identity) {
		return nil, ErrLost
	}
	return current, nil
}

// lost forgets a lease that is gone and passes on every other trouble.
func (l *Lease) lost(object, op string, err error) error {
	if errors.Is(err, ErrLost) || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		delete(l.held, object)
		return ErrLost
	}
	return Classify(op, err)
}

func (l *Lease) fresh(object string) *coordinationv1.Lease {
	seconds := int32((l.Duration + time.Second - 1) / time.Second)
	identity, transitions := l.identity, int32(0)
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: l.Namespace, Name: object, Labels: map[string]string{"app.kubernetes.io/managed-by": "cce-oncall"}},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &identity, LeaseDurationSeconds: &seconds, AcquireTime: l.stamp(), RenewTime: l.stamp(), LeaseTransitions: &transitions,
		},
	}
}

// stamp is for people to read; no decision is made from it.
func (l *Lease) stamp() *metav1.MicroTime { return &metav1.MicroTime{Time: l.Now().UTC()} }

func (l *Lease) leases() coordination.LeaseInterface {
	return l.Client.CoordinationV1().Leases(l.Namespace)
}

func (l *Lease) identify() error {
	if l.identity != "" {
		return nil
	}
	var nonce [6]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return err
	}
	l.identity = l.Holder + "/" + hex.EncodeToString(nonce[:])
	l.seen, l.held = map[string]sight{}, map[string]string{}
	return nil
}

var (
	dnsName  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	notInDNS = regexp.MustCompile(`[^a-z0-9]+`)
)

const longestName = 63

// objectName is the name as Kubernetes takes it. A name that has to be changed gets a part of its hash, so that two names never
// become one lease.
func objectName(name string) string {
	if len(name) <= longestName && dnsName.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	hash := hex.EncodeToString(sum[:6])
	words := strings.Trim(notInDNS.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if room := longestName - len(hash) - 1; len(words) > room {
		words = strings.Trim(words[:room], "-")
	}
	return strings.TrimLeft(words+"-"+hash, "-")
}
