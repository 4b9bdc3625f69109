package remediatetest

import (
	"context"
	"fmt"
	"sync"

	"cce-oncall/shared/observe"
)

// Cloud is CCE's node pools and machines in memory.
type Cloud struct {
	mu      sync.Mutex
	cut     *Cut
	Pools   map[string]*observe.NodePool
	Deleted []string // CCE node ids, in order
	// Gone is told when a machine is deleted, so that a cluster can lose its node; may be nil.
	Gone func(id string)
}

// NewCloud holds the pools and passes every call through the cut.
func NewCloud(cut *Cut, pools ...observe.NodePool) *Cloud {
	c := &Cloud{cut: cut, Pools: map[string]*observe.NodePool{}}
	for _, p := range pools {
		c.Pools[p.ID] = &p
	}
	return c
}

// refusal is an error that is not transient: nothing was changed.
type refusal string

func (e refusal) Error() string { return string(e) }

// Pool reads a pool.
func (c *Cloud) Pool(_ context.Context, id string) (out observe.NodePool, err error) {
	err = c.cut.Do("pool "+id, false, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		p, ok := c.Pools[id]
		if !ok {
			return refusal("no pool " + id)
		}
		out = *p
		return nil
	})
	return out, err
}

// Resize sets a pool's target, as CCE does: the same one again is success, a lower one is refused.
func (c *Cloud) Resize(_ context.Context, id string, desired int) error {
	return c.cut.Do(fmt.Sprintf("resize %s", id), true, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		p, ok := c.Pools[id]
		if !ok || desired < p.Desired {
			return refusal(fmt.Sprintf("pool %s cannot go to %d", id, desired))
		}
		p.Creating += desired - p.Desired
		p.Desired = desired
		return nil
	})
}

// NodeID names the machine behind a node after its provider id.
func (c *Cloud) NodeID(_ context.Context, providerID, name string) (id string, err error) {
	err = c.cut.Do("node id "+name, false, func() error {
		if providerID == "" {
			return refusal("no machine behind " + name)
		}
		id = "cce-" + providerID
		return nil
	})
	return id, err
}

// DeleteNode deletes a machine once.
func (c *Cloud) DeleteNode(_ context.Context, id string, replace bool) error {
	return c.cut.Do("delete node "+id, true, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !replace {
			return refusal("only replacing is allowed here")
		}
		for _, gone := range c.Deleted {
			if gone == id {
				return nil
			}
		}
		c.Deleted = append(c.Deleted, id)
		return nil
	})
}

// Settle lets wanted nodes come and deleted machines' nodes go.
func (c *Cloud) Settle() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.Pools {
		p.Active, p.Creating = p.Desired, 0
	}
	if c.Gone != nil {
		for _, id := range c.Deleted {
			c.Gone(id)
		}
	}
	return nil
}

// Targets are the pools' wanted counts.
func (c *Cloud) Targets() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]int{}
	for id, p := range c.Pools {
		out[id] = p.Desired
	}
	return out
}
