package recovery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"cce-oncall/shared/observe"
	"cce-oncall/shared/remediate"
)

// mine labels everything of one random cluster, so that it can be thrown away.
const mine = "experiment"

// runtimeClass lets a pod have an overhead: the API server only takes that of a class.
const runtimeClass = "heavy"

// experiment lays clusters into one control plane, one at a time. Names of a cluster get a prefix, so that what is left of the one
// before is not mistaken for its own; what the scheduler looks at, labels above all, stays.
type experiment struct {
	client     kubernetes.Interface
	namespaces map[string]string // by name in the cluster, and whether it has the team's label
}

func newExperiment(ctx context.Context, client kubernetes.Interface) (*experiment, error) {
	e := &experiment{client: client, namespaces: map[string]string{}}
	for _, name := range []string{"default", "other"} {
		for _, team := range []string{"", "x"} {
			ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ask-" + name + team, Labels: map[string]string{}}}
			if team != "" {
				ns.Labels["team"] = team
			}
			if _, err := client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
				return nil, fmt.Errorf("make a namespace: %w", err)
			}
			e.namespaces[name+team] = ns.Name
			account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
			if _, err := client.CoreV1().ServiceAccounts(ns.Name).Create(ctx, account, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
				return nil, fmt.Errorf("make a service account: %w", err)
			}
		}
	}
	overhead := &nodev1.Overhead{PodFixed: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m")}}
	_, err := client.NodeV1().RuntimeClasses().Create(ctx, &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: runtimeClass}, Handler: runtimeClass, Overhead: overhead}, metav1.CreateOptions{})
	return e, err
}

// schedule counts the pods of the set that the scheduler finds a node for, in the cluster of the snapshot.
func (e *experiment) schedule(ctx context.Context, seed uint64, s *observe.Snapshot, set remediate.PodSet, expected int) (int, error) {
	c := &cluster{experiment: e, prefix: fmt.Sprintf("q%d-", seed), names: map[string]string{}, snapshot: s}
	for _, ns := range s.Objects.Namespaces {
		c.names[ns.Name] = e.namespaces[ns.Name+ns.Labels["team"]]
	}
	fit, err := c.ask(ctx, set, expected)
	return fit, errors.Join(err, c.remove(ctx))
}

// cluster is one random cluster in the control plane.
type cluster struct {
	*experiment
	prefix   string
	names    map[string]string // of namespaces
	snapshot *observe.Snapshot
	made     bool // the disk that is made where its pod goes
	nudges   int
}

// ask lays the cluster out and lets the pods come.
func (c *cluster) ask(ctx context.Context, set remediate.PodSet, expected int) (int, error) {
	if err := c.lay(ctx); err != nil {
		return 0, fmt.Errorf("lay the cluster out: %w", err)
	}
	for i := range set.Count {
		p := &corev1.Pod{ObjectMeta: *set.Template.ObjectMeta.DeepCopy(), Spec: *set.Template.Spec.DeepCopy()}
		p.Namespace, p.Name = set.Namespace, fmt.Sprintf("new-%d", i)
		if err := c.pod(ctx, p, "new"); err != nil {
			return 0, err
		}
		if len(p.Spec.Volumes) > 0 { // a disk is bound to where the first pod goes: only then may the second come
			if _, err := c.decided(ctx, set.Namespace, i+1); err != nil {
				return 0, err
			}
		}
	}
	fit, err := c.decided(ctx, set.Namespace, set.Count)
	if err != nil || fit == expected {
		return fit, err
	}
	// The scheduler hears of nodes, disks and pods one by one, and tries a pod again when it hears of more: its last word counts.
	patience, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	err = wait.PollUntilContextCancel(patience, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		fit, err = c.decided(ctx, set.Namespace, set.Count)
		return fit == expected, err
	})
	if patience.Err() != nil && ctx.Err() == nil {
		return fit, nil
	}
	return fit, err
}

// decided waits until the scheduler has an answer for so many pods, and counts those with a node.
func (c *cluster) decided(ctx context.Context, namespace string, want int) (fit int, err error) {
	err = wait.PollUntilContextTimeout(ctx, 15*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		if err := c.provision(ctx, namespace); err != nil {
			return false, err
		}
		pods, err := c.client.CoreV1().Pods(c.names[namespace]).List(ctx, metav1.ListOptions{LabelSelector: mine + "=" + c.prefix + "new"})
		if err != nil {
			return false, err
		}
		answered := 0
		fit = 0
		for i := range pods.Items {
			switch {
			case pods.Items[i].Spec.NodeName != "":
				fit++
				answered++
			case refused(&pods.Items[i]):
				answered++
			}
		}
		return answered == want, nil
	})
	return fit, err
}

func refused(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return true
		}
	}
	return false
}

// each calls f for every one of n things, some at a time.
func each(n int, f func(i int) error) error {
	const atOnce = 8
	errs := make([]error, n)
	turns := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range n {
		turns <- struct{}{}
		all.Go(func() {
			errs[i] = f(i)
			<-turns
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// remove takes the nodes and pods of the cluster away; its storage disturbs nobody. Nodes go before those of the next cluster come, in
// the order that the scheduler hears of them, and pods that wait go before they can be given one of those.
func (c *cluster) remove(ctx context.Context) error {
	now := int64(0)
	these := metav1.ListOptions{LabelSelector: mine + " in (" + c.prefix + "old," + c.prefix + "new)"}
	at := metav1.DeleteOptions{GracePeriodSeconds: &now}
	err := c.client.CoreV1().Nodes().DeleteCollection(ctx, at, these)
	for _, ns := range c.names {
		err = errors.Join(err, c.client.CoreV1().Pods(ns).DeleteCollection(ctx, at, these))
	}
	return err
}
