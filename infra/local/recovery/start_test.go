// Package recovery holds the remedies against a real control plane: what the scheduler makes of a prediction, and what an API server
// with its controllers makes of an executor that is killed.
package recovery

import (
	"context"
	"testing"
	"time"

	"cce-oncall/infra/local/machine"
)

const root = "../../.."

// start brings up a control plane for one test. Nodes that nobody plays keep what is written into them.
func start(t *testing.T) *machine.Cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("takes minutes")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c, err := machine.ControlPlane(ctx, root, t.TempDir(), t.Output(), "--node-monitor-grace-period", "1h")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
