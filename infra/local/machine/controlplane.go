package machine

import (
	"context"
	"io"
)

// ControlPlane brings up a cluster alone, without a cloud around it, for what only needs Kubernetes. It writes into dir; args are
// further flags of its program. Close ends it.
func ControlPlane(ctx context.Context, root, dir string, progress io.Writer, args ...string) (*Cluster, error) {
	binary, err := locate(ctx, root, "controlplane", progress)
	if err != nil {
		return nil, err
	}
	return startCluster(ctx, Options{Dir: dir, ClusterID: "local", ClusterName: "local"}, binary, args...)
}

// Close ends the control plane; of a machine's cluster, the machine does that.
func (c *Cluster) Close() { c.program.stop() }
