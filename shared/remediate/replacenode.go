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

// replaceNode deletes a node's machine without lowering its pool, so that CCE makes another. Expect: uid; Goal: replaced =
// true. The receipt holds CCE's own node id, which is never used again: repeating the call cannot hit the replacement. It
// refuses a node that still runs pods, unless the node is dead.
type replaceNode struct {
	client kubernetes.Interface
	nodes  Nodes
}

// nodeImage is the receipt of a replaced node.
type nodeImage struct {
	UID types.UID `json:"uid"`
	ID  string    `json:"id"` // CCE's
}

func (a replaceNode) Prepare(ctx context.Context, o Order) (incident.Receipt, error) {
	n, err := a.client.CoreV1().Nodes().Get(ctx, o.Target.Name, metav1.GetOptions{})
	if err != nil {
		return nil, kubeError("reading "+o.Target.String(), err)
	}
	if err := sameUID(o, n); err != nil {
		return nil, err
	}
	if o.Goal["replaced"] != "true" {
		return nil, ErrUnsafe{Why: "step " + o.ID + " does not say that the node is to be replaced"}
	}
	if err := a.idle(ctx, n); err != nil {
		return nil, err
	}
	id, err := a.nodes.NodeID(ctx, n.Spec.ProviderID, n.Name)
	if err != nil {
		return nil, cloudError("finding the machine of "+o.Target.String(), err)
	}
	return json.Marshal(nodeImage{UID: n.UID, ID: id})
}

// idle refuses a node that is not cordoned, or that is alive and has pods to move.
func (a replaceNode) idle(ctx context.Context, n *corev1.Node) error {
	if !n.Spec.Unschedulable {
		return ErrUnsafe{Why: "node " + n.Name + " is not cordoned"}
	}
	if !ready(n) {
		return nil
	}
	pods, err := podsOn(ctx, a.client, n.Name)
	if err != nil {
		return err
	}
	for _, p := range pods {
		if !stays(p) && !finished(p) {
			return ErrUnsafe{Why: fmt.Sprintf("node %s still runs pod %s/%s; drain it first", n.Name, p.Namespace, p.Name)}
		}
	}
	return nil
}

func (a replaceNode) Apply(ctx context.Context, o Order, before incident.Receipt) error {
	img, n, err := a.look(ctx, o, before)
	if err != nil || n == nil {
		return err
	}
	if err := a.idle(ctx, n); err != nil {
		return err
	}
	return cloudError("replacing "+o.Target.String(), a.nodes.DeleteNode(ctx, img.ID, true))
}

// Settled is when the node object is gone. Whether a machine that still stands has been told to go cannot be seen here, so a
// step in doubt counts as done.
func (a replaceNode) Settled(ctx context.Context, o Order, before incident.Receipt) (bool, error) {
	_, n, err := a.look(ctx, o, before)
	return err == nil && n == nil, err
}

// Undo cannot bring a deleted machine back.
func (a replaceNode) Undo(context.Context, Order, incident.Receipt) error {
	return ErrIrreversible{Why: "the machine is deleted; its pool makes another"}
}

func (a replaceNode) look(ctx context.Context, o Order, before incident.Receipt) (nodeImage, *corev1.Node, error) {
	var img nodeImage
	if err := json.Unmarshal(before, &img); err != nil {
		return img, nil, fmt.Errorf("reading the receipt of step %s: %w", o.ID, err)
	}
	n, err := a.client.CoreV1().Nodes().Get(ctx, o.Target.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return img, nil, nil
	case err != nil:
		return img, nil, kubeError("reading "+o.Target.String(), err)
	case n.UID != img.UID:
		return img, nil, nil
	default:
		return img, n, nil
	}
}
