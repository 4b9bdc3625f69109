package remediate_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/remediate"
	"cce-oncall/shared/remediate/remediatetest"
)

// TestPredictOverRandomClusters: the same question gets the same answer, the answer adds up, and the snapshot stays as it is.
func TestPredictOverRandomClusters(t *testing.T) {
	some := 0
	for seed := range uint64(300) {
		s, set := remediatetest.Question(seed)
		before, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		p := remediate.Predict(s, set)
		if diff := cmp.Diff(p, remediate.Predict(s, set)); diff != "" {
			t.Errorf("seed %d: not the same twice:\n%s", seed, diff)
		}
		placed := 0
		for _, on := range p.On {
			placed += on.Pods
		}
		if p.Want != set.Count || p.Fit > p.Created || p.Created > p.Want || placed != p.Fit || p.All() != (p.Scheduler() == "") {
			t.Errorf("seed %d: %+v does not add up", seed, p)
		}
		if after, err := json.Marshal(s); err != nil || string(after) != string(before) {
			t.Errorf("seed %d: the snapshot was changed (%v)", seed, err)
		}
		if p.Fit > 0 && !p.All() {
			some++
		}
	}
	if some < 50 {
		t.Errorf("only %d of 300 questions have an answer between all and none", some)
	}
}
