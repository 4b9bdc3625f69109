package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"cce-oncall/shared/incident"
)

// drainNode moves the pods off a cordoned node by the eviction API, which keeps disruption budgets. Expect: uid; Goal:
// drained = true, and, if a person approved it, barePods = true (pods nothing makes again) and localData = true (pods with an
// emptyDir, whose data is lost). DaemonSet and static pods stay. A budget without headroom is waited for, not fought. On a node
// that does not answer a pod that is told to go counts as gone: nobody is there to confirm it.
type drainNode struct{ client kubernetes.Interface }

// drainImage is the receipt: exactly the pods that are to go, by uid, so that nothing that came later is evicted.
type drainImage struct {
	UID  types.UID   `json:"uid"`
	Pods []drainedAt `json:"pods"`
}

type drainedAt struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid"`
}

func (a drainNode) Prepare(ctx context.Context, o Order) (incident.Receipt, error) {
	n, err := a.client.CoreV1().Nodes().Get(ctx, o.Target.Name, metav1.GetOptions{})
	if err != nil {
		return nil, kubeError("reading "+o.Target.String(), err)
	}
	if err := sameUID(o, n); err != nil {
		return nil, err
	}
	if o.Goal["drained"] != "true" {
		return nil, ErrUnsafe{Why: "step " + o.ID + " does not say that the node is to be drained"}
	}
	if !n.Spec.Unschedulable {
		return nil, ErrUnsafe{Why: o.Target.String() + " is not cordoned: the pods would come back"}
	}
	pods, err := podsOn(ctx, a.client, n.Name)
	if err != nil {
		return nil, err
	}
	img := drainImage{UID: n.UID, Pods: []drainedAt{}}
	for _, p := range pods {
		if stays(p) || finished(p) {
			continue
		}
		if why := unmovable(p, o.Goal); why != "" {
			return nil, ErrUnsafe{Why: why}
		}
		img.Pods = append(img.Pods, drainedAt{p.Namespace, p.Name, p.UID})
	}
	if len(img.Pods) > 0 { // one is enough to learn whether evicting is allowed to us at all
		err := a.evict(ctx, img.Pods[0], true)
		if err != nil && !apierrors.IsTooManyRequests(err) && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return nil, kubeError("trying to evict "+img.Pods[0].Name, err)
		}
	}
	return json.Marshal(img)
}

// podsOn lists a node's pods by namespace and name.
func podsOn(ctx context.Context, client kubernetes.Interface, node string) ([]*corev1.Pod, error) {
	list, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return nil, kubeError("listing the pods on "+node, err)
	}
	var out []*corev1.Pod
	for i := range list.Items {
		if p := &list.Items[i]; p.Spec.NodeName == node {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *corev1.Pod) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return out, nil
}

// stays says whether a pod belongs to its node: a DaemonSet would start it again at once, a static pod is the kubelet's own.
func stays(p *corev1.Pod) bool {
	if _, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]; mirror {
		return true
	}
	owner := metav1.GetControllerOf(p)
	return owner != nil && owner.Kind == "DaemonSet"
}

// unmovable says what would be lost by moving a pod, unless that was approved.
func unmovable(p *corev1.Pod, goal map[string]string) string {
	if metav1.GetControllerOf(p) == nil && goal["barePods"] != "true" {
		return fmt.Sprintf("pod %s/%s has no controller: nothing would make it again", p.Namespace, p.Name)
	}
	if goal["localData"] == "true" {
		return ""
	}
	for _, v := range p.Spec.Volumes {
		if v.EmptyDir != nil && v.EmptyDir.Medium != corev1.StorageMediumMemory {
			return fmt.Sprintf("pod %s/%s keeps data in emptyDir %s, which would be lost", p.Namespace, p.Name, v.Name)
		}
	}
	return ""
}

func (a drainNode) Apply(ctx context.Context, o Order, before incident.Receipt) error {
	left, err := a.left(ctx, o, before)
	if err != nil {
		return err
	}
	if err := a.stillCordoned(ctx, o, before, left); err != nil {
		return err
	}
	var held []string
	for _, p := range left {
		if p.DeletionTimestamp != nil {
			continue
		}
		switch err := a.evict(ctx, drainedAt{p.Namespace, p.Name, p.UID}, false); {
		case err == nil, apierrors.IsNotFound(err), apierrors.IsConflict(err): // gone, or another pod has the name by now
		case apierrors.IsTooManyRequests(err):
			held = append(held, p.Namespace+"/"+p.Name)
		case ctx.Err() != nil, transient(kubeError("", err)):
			return kubeError("evicting "+p.Namespace+"/"+p.Name, err)
		default: // others may be gone by now: this is no refusal of the whole step
			return ErrFailed{Why: fmt.Sprintf("evicting %s/%s: %s", p.Namespace, p.Name, err)}
		}
	}
	if len(held) > 0 {
		return ErrWaiting{For: fmt.Sprintf("a disruption budget to let go of %s (%d of %d pods left)", strings.Join(firstOf(held, 3), ", "), len(held), len(left))}
	}
	return nil
}

// stillCordoned refuses to empty a node that somebody has opened again while the drain waited, or that was made anew. A node that is
// gone needs no cordon.
func (a drainNode) stillCordoned(ctx context.Context, o Order, before incident.Receipt, left []*corev1.Pod) error {
	var img drainImage
	if err := json.Unmarshal(before, &img); err != nil {
		return fmt.Errorf("reading the receipt of step %s: %w", o.ID, err)
	}
	n, err := a.client.CoreV1().Nodes().Get(ctx, o.Target.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return kubeError("reading "+o.Target.String(), err)
	case n.UID == img.UID && n.Spec.Unschedulable || len(left) == 0:
		return nil
	}
	why := o.Target.String() + " was uncordoned by somebody while it was being drained"
	if n.UID != img.UID {
		why = o.Target.String() + " was deleted and made again"
	}
	if len(left) == len(img.Pods) && !slices.ContainsFunc(left, func(p *corev1.Pod) bool { return p.DeletionTimestamp != nil }) {
		return ErrStale{Moved: why}
	}
	return ErrFailed{Why: fmt.Sprintf("%s; %d of %d pods had left it", why, len(img.Pods)-len(left), len(img.Pods))}
}

func firstOf(all []string, n int) []string { return all[:min(n, len(all))] }

func (a drainNode) Settled(ctx context.Context, o Order, before incident.Receipt) (bool, error) {
	left, err := a.left(ctx, o, before)
	if err != nil || len(left) == 0 {
		return err == nil, err
	}
	if silent, err := a.silent(ctx, o); err != nil || silent && !slices.ContainsFunc(left, func(p *corev1.Pod) bool { return p.DeletionTimestamp == nil }) {
		return err == nil, err
	}
	if !slices.ContainsFunc(left, func(p *corev1.Pod) bool { return p.DeletionTimestamp != nil }) {
		var img drainImage
		if err := json.Unmarshal(before, &img); err == nil && len(left) == len(img.Pods) {
			return false, ErrNotApplied
		}
	}
	return false, nil
}

// Undo brings no pod back: they run elsewhere. Undoing the cordon before lets new ones onto the node.
func (a drainNode) Undo(ctx context.Context, o Order, before incident.Receipt) error {
	var img drainImage
	if err := json.Unmarshal(before, &img); err == nil && len(img.Pods) == 0 {
		return nil
	}
	_, err := a.Settled(ctx, o, before)
	return irreversible(err, "the evicted pods run elsewhere by now; uncordoning the node lets new ones onto it")
}

// silent says whether the node's kubelet has stopped answering, or the node is gone.
func (a drainNode) silent(ctx context.Context, o Order) (bool, error) {
	n, err := a.client.CoreV1().Nodes().Get(ctx, o.Target.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, kubeError("reading "+o.Target.String(), err)
	}
	return !ready(n), nil
}

// left are the pods of the receipt that are still there.
func (a drainNode) left(ctx context.Context, o Order, before incident.Receipt) ([]*corev1.Pod, error) {
	var img drainImage
	if err := json.Unmarshal(before, &img); err != nil {
		return nil, fmt.Errorf("reading the receipt of step %s: %w", o.ID, err)
	}
	var out []*corev1.Pod
	for _, d := range img.Pods {
		p, err := samePod(ctx, a.client, d.Namespace, d.Name, d.UID)
		if err != nil {
			return nil, err
		}
		if p != nil {
			out = append(out, p)
		}
	}
	return out, nil
}

func (a drainNode) evict(ctx context.Context, p drainedAt, dryRun bool) error {
	opts := &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &p.UID}}
	if dryRun {
		opts.DryRun = []string{metav1.DryRunAll}
	}
	return a.client.PolicyV1().Evictions(p.Namespace).Evict(ctx, &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name}, DeleteOptions: opts,
	})
}
