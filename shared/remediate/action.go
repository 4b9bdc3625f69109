package remediate

import (
	"context"

	"k8s.io/client-go/kubernetes"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// An Action is one recovery move. Prepare asks whether the world is still as approved, lets the API server judge the change
// without making it where it can, and returns the before-image. Settled asks whether the change has taken hold (ErrNotApplied:
// it is not there). Both only read. Apply makes the change, Undo goes back to the before-image: both end in the same state
// however often they are called, and refuse with ErrStale what somebody else has touched.
//
// Errors say what to do: ErrStale and ErrUnsafe: nothing was changed. ErrWaiting: come again. ErrIrreversible: by nature.
// Transient() bool = true: may or may not have happened, try again. Any other error: it failed.
type Action interface {
	Prepare(ctx context.Context, o Order) (incident.Receipt, error)
	Apply(ctx context.Context, o Order, before incident.Receipt) error
	Settled(ctx context.Context, o Order, before incident.Receipt) (bool, error)
	Undo(ctx context.Context, o Order, before incident.Receipt) error
}

// NodePools is CCE's node pools. An error that is not Transient() means that nothing was changed. Resize sets an absolute count of nodes; "no scale task needed" is its success. It must refuse
// a count below the present one itself, since a lower one deletes nodes of CCE's choosing.
type NodePools interface {
	Pool(ctx context.Context, id string) (observe.NodePool, error)
	Resize(ctx context.Context, id string, desired int) error
}

// Nodes is CCE's machines. NodeID finds the one behind a Kubernetes node (by spec.providerID, else by name): an id of CCE's that
// is never used again. DeleteNode with replace deletes it without lowering its pool, which then makes another
// (nodepoolScaleDown=NoScaleDown); a node that is gone or going is success.
type Nodes interface {
	NodeID(ctx context.Context, providerID, name string) (string, error)
	DeleteNode(ctx context.Context, id string, replace bool) error
}

// Actions are all moves there are, by kind. Manual has none: a person does it. A nil pools or nodes leaves out the moves that
// need it, so that a cluster without the CCE API refuses them instead of failing halfway.
func Actions(client kubernetes.Interface, pools NodePools, nodes Nodes) map[incident.ActionKind]Action {
	all := map[incident.ActionKind]Action{
		incident.ScaleOut:           scaleOut(client),
		incident.AdjustResources:    adjustResources(client),
		incident.AdjustHPA:          adjustHPA(client),
		incident.RollBack:           rollBack(client),
		incident.RestartRollout:     restartRollout(client),
		incident.CordonNode:         cordonNode(client),
		incident.UncordonNode:       uncordonNode(client),
		incident.DrainNode:          drainNode{client},
		incident.DeletePod:          deletePod{client},
		incident.SuspendJob:         suspendJob(client),
		incident.SuspendCronJob:     suspendCronJob(client),
		incident.RestoreReplicas:    restoreReplicas(client),
		incident.FixServiceSelector: fixServiceSelector(client),
		incident.FixServicePort:     fixServicePort(client),
		incident.ExpandPVC:          expandPVC(client),
		incident.BurstToCCI:         burstToCCI(client),
		incident.ResumeRollout:      resumeRollout(client),
	}
	if pools != nil {
		all[incident.ScaleOutNodePool] = scaleOutNodePool{pools}
	}
	if nodes != nil {
		all[incident.ReplaceNode] = replaceNode{client, nodes}
	}
	return all
}
