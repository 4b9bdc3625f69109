package remediate

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"cce-oncall/shared/incident"
)

// deletePod deletes one pod, so that its controller makes it again. Expect: uid; Goal: absent = true. The uid is the
// precondition of the call and makes it safe to repeat: a pod of the same name with another uid is not it. It refuses a pod
// without a controller, and one that is Ready while a disruption budget allows no disruption. It never forces: a pod on a
// lost node may still be running.
type deletePod struct{ client kubernetes.Interface }

// podImage is the receipt of a deleted pod, for the auditor.
type podImage struct {
	UID   types.UID `json:"uid"`
	Node  string    `json:"node,omitempty"`
	Phase string    `json:"phase,omitempty"`
	Owner string    `json:"owner,omitempty"`
}

func (a deletePod) Prepare(ctx context.Context, o Order) (incident.Receipt, error) {
	p, err := a.client.CoreV1().Pods(o.Target.Namespace).Get(ctx, o.Target.Name, metav1.GetOptions{})
	if err != nil {
		return nil, kubeError("reading "+o.Target.String(), err)
	}
	if err := sameUID(o, p); err != nil {
		return nil, err
	}
	if o.Goal["absent"] != "true" {
		return nil, ErrUnsafe{Why: "step " + o.ID + " does not say that the pod is to go"}
	}
	owner := metav1.GetControllerOf(p)
	if owner == nil {
		return nil, ErrUnsafe{Why: o.Target.String() + " has no controller: nothing would make it again"}
	}
	if err := a.budgeted(ctx, p); err != nil {
		return nil, err
	}
	if err := a.remove(ctx, o, p.UID, true); err != nil {
		return nil, kubeError("trying to delete "+o.Target.String(), err)
	}
	return json.Marshal(podImage{UID: p.UID, Node: p.Spec.NodeName, Phase: string(p.Status.Phase), Owner: owner.Kind + "/" + owner.Name})
}

// budgeted refuses to take a serving pod where a disruption budget has no headroom. Deleting does not ask the budget itself.
func (a deletePod) budgeted(ctx context.Context, p *corev1.Pod) error {
	if !podReady(p) {
		return nil
	}
	pdbs, err := a.client.PolicyV1().PodDisruptionBudgets(p.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return kubeError("listing disruption budgets in "+p.Namespace, err)
	}
	for _, pdb := range pdbs.Items {
		if pdb.Status.DisruptionsAllowed <= 0 && selects(pdb.Spec.Selector, p.Labels) {
			return ErrUnsafe{Why: fmt.Sprintf("PodDisruptionBudget %s/%s allows no disruption now", pdb.Namespace, pdb.Name)}
		}
	}
	return nil
}

func podReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (a deletePod) Apply(ctx context.Context, o Order, before incident.Receipt) error {
	img, p, err := a.look(ctx, o, before)
	if err != nil || p == nil || p.DeletionTimestamp != nil {
		return err
	}
	if err := a.budgeted(ctx, p); err != nil {
		return err
	}
	err = a.remove(ctx, o, img.UID, false)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // gone, or another pod has the name by now
		return nil
	}
	return kubeError("deleting "+o.Target.String(), err)
}

func (a deletePod) Settled(ctx context.Context, o Order, before incident.Receipt) (bool, error) {
	_, p, err := a.look(ctx, o, before)
	switch {
	case err != nil:
		return false, err
	case p == nil:
		return true, nil
	case p.DeletionTimestamp == nil:
		return false, ErrNotApplied
	default:
		return false, nil
	}
}

// Undo has nothing to bring back: the controller has made another pod.
func (a deletePod) Undo(ctx context.Context, o Order, before incident.Receipt) error {
	_, err := a.Settled(ctx, o, before)
	return irreversible(err, "the pod is gone; its controller has made another")
}

// look finds the pod of the receipt; nil when it is gone.
func (a deletePod) look(ctx context.Context, o Order, before incident.Receipt) (podImage, *corev1.Pod, error) {
	var img podImage
	if err := json.Unmarshal(before, &img); err != nil {
		return img, nil, fmt.Errorf("reading the receipt of step %s: %w", o.ID, err)
	}
	p, err := samePod(ctx, a.client, o.Target.Namespace, o.Target.Name, img.UID)
	return img, p, err
}

// samePod is the pod with that name if it still is the one with that uid, else nil.
func samePod(ctx context.Context, client kubernetes.Interface, namespace, name string, uid types.UID) (*corev1.Pod, error) {
	p, err := client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, kubeError(fmt.Sprintf("reading pod %s/%s", namespace, name), err)
	case p.UID != uid:
		return nil, nil
	default:
		return p, nil
	}
}

func (a deletePod) remove(ctx context.Context, o Order, uid types.UID, dryRun bool) error {
	opts := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}}
	if dryRun {
		opts.DryRun = []string{metav1.DryRunAll}
	}
	return a.client.CoreV1().Pods(o.Target.Namespace).Delete(ctx, o.Target.Name, opts)
}
