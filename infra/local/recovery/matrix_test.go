package recovery

import (
	"testing"

	"cce-oncall/shared/remediate/remediatetest"
)

const (
	cuts  = 15 // of the matrix of each plan: every fault on every way once
	races = 2
	seed  = 1
)

// TestCrashMatrixOnAPIServer kills, fails and overtakes every action that changes Kubernetes over the real API server, and lets two
// executors race. The whole matrix, at every call, runs over a fake one beside the actions; here its cuts are drawn.
func TestCrashMatrixOnAPIServer(t *testing.T) {
	scenarios, err := remediatetest.OnAPIServer(start(t).Config, "matrix")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			for _, err := range remediatetest.Sample(s, cuts, seed) {
				t.Error(err)
			}
			for seed := range uint64(races) {
				if err := remediatetest.Race(s, seed, 2, true); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
