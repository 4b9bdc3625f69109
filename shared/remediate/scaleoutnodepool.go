package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// scaleOutNodePool raises the node count of a CCE node pool. Expect and Goal: nodes; Expect also: uid, the pool's id. CCE takes
// no precondition and keeps no mark, but the count is absolute: asking twice is asking once. A count at or below the present
// one deletes nodes and is never sent.
type scaleOutNodePool struct{ pools NodePools }

// poolImage is the receipt of a pool that was scaled.
type poolImage struct {
	Desired int `json:"desired"`
	Active  int `json:"active"`
}

func (a scaleOutNodePool) Prepare(ctx context.Context, o Order) (incident.Receipt, error) {
	pool, goal, err := a.read(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := o.expect("nodes", strconv.Itoa(pool.Desired)); err != nil {
		return nil, err
	}
	if goal <= pool.Desired {
		return nil, ErrUnsafe{Why: fmt.Sprintf("%d nodes are not more than %d; a lower count deletes nodes", goal, pool.Desired)}
	}
	if why := blocked(pool); why != "" {
		return nil, ErrUnsafe{Why: why}
	}
	return json.Marshal(poolImage{Desired: pool.Desired, Active: pool.Active})
}

func (a scaleOutNodePool) Apply(ctx context.Context, o Order, before incident.Receipt) error {
	pool, goal, img, err := a.compare(ctx, o, before)
	if err != nil {
		return err
	}
	switch pool.Desired {
	case goal:
		return nil
	case img.Desired:
		return cloudError(fmt.Sprintf("scaling %s to %d nodes", o.Target, goal), a.pools.Resize(ctx, poolID(o), goal))
	default:
		return ErrStale{Moved: fmt.Sprintf("%s wants %d nodes, neither %d (before) nor %d (after)", o.Target, pool.Desired, img.Desired, goal)}
	}
}

func (a scaleOutNodePool) Settled(ctx context.Context, o Order, before incident.Receipt) (bool, error) {
	pool, goal, img, err := a.compare(ctx, o, before)
	if err != nil {
		return false, err
	}
	switch {
	case pool.Desired == img.Desired:
		return false, ErrNotApplied
	case pool.Desired < goal:
		return false, ErrStale{Moved: fmt.Sprintf("%s wants %d nodes again instead of %d", o.Target, pool.Desired, goal)}
	case pool.Active >= goal && pool.Creating == 0:
		return true, nil
	}
	if why := blocked(pool); why != "" {
		return false, ErrFailed{Why: why}
	}
	return false, nil
}

// Undo never shrinks a pool: CCE would choose which nodes to delete, with whatever runs on them.
func (a scaleOutNodePool) Undo(ctx context.Context, o Order, before incident.Receipt) error {
	pool, _, img, err := a.compare(ctx, o, before)
	if err == nil && pool.Desired <= img.Desired {
		return nil
	}
	return irreversible(err, "a lower count lets CCE delete nodes of its choosing with the pods on them; drain the new node and delete it by hand")
}

func (a scaleOutNodePool) compare(ctx context.Context, o Order, before incident.Receipt) (observe.NodePool, int, poolImage, error) {
	var img poolImage
	if err := json.Unmarshal(before, &img); err != nil {
		return observe.NodePool{}, 0, img, fmt.Errorf("reading the receipt of step %s: %w", o.ID, err)
	}
	pool, goal, err := a.read(ctx, o)
	return pool, goal, img, err
}

func (a scaleOutNodePool) read(ctx context.Context, o Order) (observe.NodePool, int, error) {
	id := poolID(o)
	if id == "" {
		return observe.NodePool{}, 0, ErrUnsafe{Why: "step " + o.ID + " does not say which pool it was approved for (no uid)"}
	}
	want, err := o.goal("nodes")
	if err != nil {
		return observe.NodePool{}, 0, err
	}
	goal, err := strconv.Atoi(want)
	if err != nil || goal < 1 {
		return observe.NodePool{}, 0, ErrUnsafe{Why: fmt.Sprintf("%q is not a node count", want)}
	}
	pool, err := a.pools.Pool(ctx, id)
	if err != nil {
		return observe.NodePool{}, 0, cloudError("reading "+o.Target.String(), err)
	}
	return pool, goal, nil
}

func poolID(o Order) string { return o.Expect["uid"] }

// blocked says why CCE makes no more nodes in a pool, empty when it does. The condition types are CCE's: Scalable=False means
// that no further attempt is made; the others name the cause.
func blocked(pool observe.NodePool) string {
	scalable := true
	var causes []string
	for _, c := range pool.Conditions {
		switch {
		case c.Type == "Scalable" && c.Status == "False":
			scalable = false
			causes = append(causes, c.Message)
		case c.Status == "True" && (c.Type == "QuotaInsufficient" || c.Type == "ResourceInsufficient" || c.Type == "UnexpectedError" ||
			c.Type == "LockedByOrder" || c.Type == "SoldOut" || c.Type == "Error"):
			causes = append(causes, strings.TrimSpace(c.Type+" "+c.Message))
		}
	}
	if scalable {
		return ""
	}
	return fmt.Sprintf("node pool %s cannot grow: %s", pool.Name, strings.Join(causes, "; "))
}
