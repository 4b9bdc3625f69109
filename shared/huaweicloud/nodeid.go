package huaweicloud

import "context"

// NodeID is CCE's id of the node behind a Kubernetes node, found as NodeOf does. CCE never uses an id again, so that a call by
// id cannot hit a node that took over the name.
func (c *CCE) NodeID(ctx context.Context, providerID, name string) (string, error) {
	n, err := c.NodeOf(ctx, providerID, name)
	return n.ID, err
}
