package huaweicloud

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/observe"
)

// poolRecord is a node pool as CCE v3 answers it. spec.initialNodeCount is the target when read; status.currentNode counts nodes
// still being installed, so that only activeNode says what is ready.
type poolRecord struct {
	Metadata struct {
		UID  string `json:"uid"`
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Target      int `json:"initialNodeCount"`
		Autoscaling struct {
			Enable bool `json:"enable"`
			Min    int  `json:"minNodeCount"`
			Max    int  `json:"maxNodeCount"`
		} `json:"autoscaling"`
		Template struct {
			Flavor string            `json:"flavor"`
			Labels map[string]string `json:"k8sTags"`
			Taints []corev1.Taint    `json:"taints"`
		} `json:"nodeTemplate"`
	} `json:"spec"`
	Status struct {
		Active     int                     `json:"activeNode"`
		Creating   int                     `json:"creatingNode"`
		Conditions []observe.PoolCondition `json:"conditions"`
	} `json:"status"`
}

func (p *poolRecord) pool() observe.NodePool {
	return observe.NodePool{
		ID: p.Metadata.UID, Name: p.Metadata.Name,
		Desired: p.Spec.Target, Active: p.Status.Active, Creating: p.Status.Creating,
		Min: p.Spec.Autoscaling.Min, Max: p.Spec.Autoscaling.Max, Autoscaling: p.Spec.Autoscaling.Enable,
		Flavor: p.Spec.Template.Flavor, Labels: p.Spec.Template.Labels, Taints: p.Spec.Template.Taints,
		Conditions: p.Status.Conditions,
	}
}

// Pools lists the node pools by name. The default pool, which CCE cannot scale, is not among them.
func (c *CCE) Pools(ctx context.Context) ([]observe.NodePool, error) {
	var answer struct {
		Items []poolRecord `json:"items"`
	}
	if err := c.get(ctx, "ListNodePools", c.path("nodepools"), nil, &answer); err != nil {
		return nil, err
	}
	out := make([]observe.NodePool, 0, len(answer.Items))
	for i := range answer.Items {
		out = append(out, answer.Items[i].pool())
	}
	slices.SortStableFunc(out, func(x, y observe.NodePool) int {
		return strings.Compare(x.Name+"\x00"+x.ID, y.Name+"\x00"+y.ID)
	})
	return out, nil
}

// Pool reads one node pool by its id.
func (c *CCE) Pool(ctx context.Context, id string) (observe.NodePool, error) {
	const op = "ShowNodePool"
	if id == "" {
		return observe.NodePool{}, refused(CCEService, op, "no node pool id")
	}
	var answer poolRecord
	if err := c.get(ctx, op, c.path("nodepools", id), nil, &answer); err != nil {
		return observe.NodePool{}, err
	}
	if answer.Metadata.UID != id { // an empty answer would read as a pool of no nodes
		return observe.NodePool{}, notUnderstood(CCEService, op, "it is not of the node pool asked for")
	}
	return answer.pool(), nil
}

const (
	defaultPool    = "DefaultPool"
	resizeAttempts = 2
)

// Resize sets the number of nodes a pool shall have, in all. It only ever adds: 0 (which CCE takes as "delete them all") and
// anything below the pool's target or its ready nodes (a Conflict) is refused before a call is made. A pool that already has the target is
// left alone, which makes the call safe to repeat; after an attempt without a clear outcome the pool is read again before it is.
// CCE knows no precondition: a target that somebody else raises between our reading and our call is lowered to ours, and the
// next reading shows it. Source: ScaleNodePool answers 202 without a body and no job; progress is read from Pool.
func (c *CCE) Resize(ctx context.Context, id string, desired int) error {
	const op = "ScaleNodePool"
	if desired <= 0 {
		return refused(CCEService, op, fmt.Sprintf("a target of %d nodes would delete all nodes of the pool", desired))
	}
	var doubt error
	for range resizeAttempts {
		pool, err := c.Pool(ctx, id)
		if err != nil {
			if doubt != nil {
				return doubt
			}
			return err
		}
		switch {
		case pool.Name == defaultPool:
			return refused(CCEService, op, "the default node pool cannot be scaled")
		case desired < pool.Desired:
			return moved(op, fmt.Sprintf("the pool already aims for %d nodes; %d would delete some", pool.Desired, desired))
		case desired == pool.Desired:
			return nil
		case desired < pool.Active:
			return moved(op, fmt.Sprintf("the pool has %d ready nodes; %d would delete some", pool.Active, desired))
		}
		err = c.scale(ctx, id, desired)
		if err == nil || nothingToScale(err) {
			return nil
		}
		if KindOf(err) != Unavailable || ctx.Err() != nil {
			return err
		}
		doubt = err
	}
	if pool, err := c.Pool(ctx, id); err == nil && pool.Desired == desired {
		return nil
	}
	return doubt
}

// moved is the error of a change that no longer fits the state it was planned on.
func moved(op, what string) *Error {
	return &Error{Service: CCEService, Op: op, Kind: Conflict, Message: what}
}

func (c *CCE) scale(ctx context.Context, id string, desired int) error {
	return c.Session.do(ctx, call{
		service: CCEService, op: "ScaleNodePool", method: http.MethodPost, path: c.path("nodepools", id, "operation", "scale"), write: true,
		body: map[string]any{
			"kind": "NodePool", "apiVersion": "v3",
			"spec": map[string]any{"desiredNodeCount": desired, "scaleGroups": []string{"default"}, "options": map[string]any{"scalableChecking": "instant"}},
		},
	}, nil)
}

// nothingToScale recognises CCE's refusal of a target the pool already has: 400 CCE_CM.0004, a code it also uses for other
// invalid requests, so that the words decide.
func nothingToScale(err error) bool {
	return KindOf(err) == Invalid && strings.Contains(strings.ToLower(err.Error()), "no scale task needed")
}
