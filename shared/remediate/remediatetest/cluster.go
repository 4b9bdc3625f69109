package remediatetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// Cluster is client-go's fake with what an API server adds and the matrix is about: a change gives an object a new
// resourceVersion, a failed test of a JSON Patch is 422, a dry run changes nothing, a delete keeps its precondition, and an
// eviction deletes the pod unless a disruption budget holds it.
type Cluster struct {
	Inside *fake.Clientset // the objects, for tests: no cut
	cut    *Cut
	mu     sync.Mutex
	writes int
	// Held are pods whose eviction is refused with 429, by namespace/name.
	Held map[string]bool
}

// bare is the fake without managed fields, which nothing here looks at and which cost most of the time.
func bare(objects ...runtime.Object) *fake.Clientset {
	return fake.NewSimpleClientset(objects...)
}

// NewCluster holds the objects and passes every call through the cut.
func NewCluster(cut *Cut, objects ...runtime.Object) *Cluster {
	c := &Cluster{Inside: bare(objects...), cut: cut, Held: map[string]bool{}}
	c.Inside.PrependReactor("patch", "*", c.patch)
	c.Inside.PrependReactor("delete", "pods", c.deletePod)
	c.Inside.PrependReactor("create", "pods", c.evict)
	return c
}

// Client is what one executor's actions get: every call passes the cut. A fake locks itself during a call, so two executors
// that shared one would wait for each other.
func (c *Cluster) Client() *fake.Clientset {
	door := bare()
	door.PrependReactor("*", "*", c.through)
	return door
}

// through sends a call to the inside, past the cut.
func (c *Cluster) through(a clienttesting.Action) (bool, runtime.Object, error) {
	var out runtime.Object
	call := fmt.Sprintf("%s %s %s", a.GetVerb(), a.GetResource().Resource, nameOf(a))
	write := a.GetVerb() != "get" && a.GetVerb() != "list" && !dry(a)
	if dry(a) {
		call += " (dry run)"
	}
	err := c.cut.Do(call, write, func() (err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		out, err = c.Inside.Invokes(a, nil)
		return err
	})
	return true, out, err
}

func nameOf(a clienttesting.Action) string {
	var name string
	switch b := a.(type) {
	case clienttesting.GetAction: // patches and deletes have a name as well
		name = b.GetName()
	case clienttesting.CreateAction:
		if o, ok := b.GetObject().(metav1.Object); ok {
			name = o.GetName()
		}
	}
	return a.GetNamespace() + "/" + name
}

func dry(a clienttesting.Action) bool {
	switch b := a.(type) {
	case clienttesting.PatchActionImpl:
		return len(b.PatchOptions.DryRun) > 0
	case clienttesting.DeleteActionImpl:
		return len(b.DeleteOptions.DryRun) > 0
	case clienttesting.CreateActionImpl:
		e, ok := b.Object.(*policyv1.Eviction)
		return ok && e.DeleteOptions != nil && len(e.DeleteOptions.DryRun) > 0
	}
	return false
}

// patch lets a copy of the fake apply the patch, and keeps the result under a new version unless it is a dry run.
func (c *Cluster) patch(a clienttesting.Action) (bool, runtime.Object, error) {
	p, ok := a.(clienttesting.PatchActionImpl)
	if !ok || p.PatchType != types.JSONPatchType {
		return true, nil, errors.New("only JSON Patch is understood here")
	}
	before, err := c.Inside.Tracker().Get(p.GetResource(), p.GetNamespace(), p.GetName())
	if err != nil {
		return true, nil, err
	}
	desk := bare(before.DeepCopyObject())
	after, err := desk.Invokes(p, nil)
	if err != nil {
		return true, nil, apierrors.NewInvalid(schema.GroupKind{Kind: p.GetResource().Resource}, p.GetName(), nil)
	}
	if len(p.PatchOptions.DryRun) > 0 {
		return true, after, nil
	}
	changed, ok := after.(metav1.Object)
	if !ok {
		return true, nil, fmt.Errorf("%T is no object", after)
	}
	c.writes++
	changed.SetResourceVersion(strconv.Itoa(1000 + c.writes))
	changed.SetGeneration(changed.GetGeneration() + 1)
	return true, after, c.Inside.Tracker().Update(p.GetResource(), after, p.GetNamespace())
}

func (c *Cluster) pod(namespace, name string) (*corev1.Pod, error) {
	o, err := c.Inside.Tracker().Get(corev1.SchemeGroupVersion.WithResource("pods"), namespace, name)
	if err != nil {
		return nil, err
	}
	p, ok := o.(*corev1.Pod)
	if !ok {
		return nil, fmt.Errorf("%T is no pod", o)
	}
	return p, nil
}

func (c *Cluster) deletePod(a clienttesting.Action) (bool, runtime.Object, error) {
	d, ok := a.(clienttesting.DeleteActionImpl)
	if !ok {
		return false, nil, nil
	}
	return true, nil, c.remove(d.GetNamespace(), d.GetName(), d.DeleteOptions)
}

func (c *Cluster) remove(namespace, name string, opts metav1.DeleteOptions) error {
	p, err := c.pod(namespace, name)
	if err != nil {
		return err
	}
	if opts.Preconditions == nil || opts.Preconditions.UID == nil || *opts.Preconditions.UID != p.UID {
		return apierrors.NewConflict(schema.GroupResource{Resource: "pods"}, name, errors.New("uid precondition"))
	}
	if len(opts.DryRun) > 0 {
		return nil
	}
	return c.Inside.Tracker().Delete(corev1.SchemeGroupVersion.WithResource("pods"), namespace, name)
}

func (c *Cluster) evict(a clienttesting.Action) (bool, runtime.Object, error) {
	d, ok := a.(clienttesting.CreateActionImpl)
	if !ok || a.GetSubresource() != "eviction" {
		return false, nil, nil
	}
	e, ok := d.Object.(*policyv1.Eviction)
	if !ok || e.DeleteOptions == nil {
		return true, nil, errors.New("an eviction without options")
	}
	if c.Held[e.Namespace+"/"+e.Name] {
		return true, nil, apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
	}
	return true, e, c.remove(e.Namespace, e.Name, *e.DeleteOptions)
}

// Settle plays the controllers: what is wanted is there.
func (c *Cluster) Settle() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for resource, kind := range map[string]string{"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"} {
		if err := c.each(appsv1.SchemeGroupVersion.WithResource(resource), kind, settleWorkload); err != nil {
			return err
		}
	}
	if err := c.each(batchv1.SchemeGroupVersion.WithResource("jobs"), "Job", settleJob); err != nil {
		return err
	}
	return c.each(corev1.SchemeGroupVersion.WithResource("persistentvolumeclaims"), "PersistentVolumeClaim", settleClaim)
}

// each changes the status of every object of a kind.
func (c *Cluster) each(r schema.GroupVersionResource, kind string, change func(runtime.Object)) error {
	list, err := c.Inside.Tracker().List(r, r.GroupVersion().WithKind(kind), "")
	if err != nil {
		return fmt.Errorf("listing %s: %w", r.Resource, err)
	}
	items, err := itemsOf(list)
	if err != nil {
		return err
	}
	for _, o := range items {
		change(o)
		m, ok := o.(metav1.Object)
		if !ok {
			return fmt.Errorf("%T is no object", o)
		}
		if err := c.Inside.Tracker().Update(r, o, m.GetNamespace()); err != nil {
			return fmt.Errorf("updating %s: %w", m.GetName(), err)
		}
	}
	return nil
}

func itemsOf(list runtime.Object) ([]runtime.Object, error) {
	switch l := list.(type) {
	case *appsv1.DeploymentList:
		return pointers(l.Items), nil
	case *appsv1.StatefulSetList:
		return pointers(l.Items), nil
	case *appsv1.DaemonSetList:
		return pointers(l.Items), nil
	case *batchv1.JobList:
		return pointers(l.Items), nil
	case *corev1.PersistentVolumeClaimList:
		return pointers(l.Items), nil
	}
	return nil, fmt.Errorf("no items in a %T", list)
}

func pointers[T any, P interface {
	*T
	runtime.Object
}](items []T) []runtime.Object {
	out := make([]runtime.Object, 0, len(items))
	for i := range items {
		out = append(out, P(&items[i]))
	}
	return out
}

func settleWorkload(o runtime.Object) {
	switch w := o.(type) {
	case *appsv1.Deployment:
		n := wanted(w.Spec.Replicas)
		w.Status = appsv1.DeploymentStatus{ObservedGeneration: w.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
	case *appsv1.StatefulSet:
		n := wanted(w.Spec.Replicas)
		w.Status.ObservedGeneration, w.Status.Replicas, w.Status.UpdatedReplicas = w.Generation, n, n
		w.Status.ReadyReplicas, w.Status.AvailableReplicas, w.Status.CurrentReplicas = n, n, n
	case *appsv1.DaemonSet:
		n := w.Status.DesiredNumberScheduled
		w.Status.ObservedGeneration, w.Status.CurrentNumberScheduled, w.Status.UpdatedNumberScheduled = w.Generation, n, n
		w.Status.NumberReady, w.Status.NumberAvailable = n, n
	}
}

func wanted(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

func settleJob(o runtime.Object) {
	if j, ok := o.(*batchv1.Job); ok && j.Spec.Suspend != nil && *j.Spec.Suspend {
		j.Status.Active = 0
	}
}

func settleClaim(o runtime.Object) {
	if c, ok := o.(*corev1.PersistentVolumeClaim); ok {
		c.Status.Capacity = c.Spec.Resources.Requests.DeepCopy()
	}
}

// Show writes values of the cluster as the state of a World.
func Show(values ...any) (string, error) {
	b, err := json.Marshal(values)
	if err != nil {
		return "", fmt.Errorf("showing a state: %w", err)
	}
	return string(b), nil
}
