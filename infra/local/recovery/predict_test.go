package recovery

import (
	"context"
	"testing"
	"time"

	"cce-oncall/shared/remediate"
	"cce-oncall/shared/remediate/remediatetest"
)

// clusters is how many random clusters the scheduler is asked about; agreement, the percentage of them in which it must place as many
// pods as was predicted.
const (
	clusters  = 200
	agreement = 99
)

// TestPredictAgreesWithTheScheduler lays random clusters into the control plane, one after the other, and compares where its scheduler
// finds room with what a preview would have said.
func TestPredictAgreesWithTheScheduler(t *testing.T) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	e, err := newExperiment(ctx, start(t).Client)
	if err != nil {
		t.Fatal(err)
	}
	agree, some := 0, 0
	for seed := range uint64(clusters) {
		s, set := remediatetest.Question(seed)
		got := remediate.Predict(s, set)
		want, err := e.schedule(ctx, seed, s, set, got.Fit)
		if err != nil {
			t.Fatalf("cluster %d: %v", seed, err)
		}
		if got.Fit == want {
			agree++
		} else {
			t.Logf("cluster %d: predicted that %d of %d pods fit, the scheduler placed %d; %s", seed, got.Fit, set.Count, want, got.Scheduler())
		}
		if want > 0 && want < set.Count {
			some++
		}
	}
	t.Logf("agreement in %d of %d clusters (%.1f %%), %d of them between all and none, in %v", agree, clusters, 100*float64(agree)/clusters, some, time.Since(began).Round(time.Second))
	if agree*100 < clusters*agreement {
		t.Errorf("agreement in %d of %d clusters is less than %d %%", agree, clusters, agreement)
	}
	if some < clusters/8 {
		t.Errorf("only %d of %d clusters have room for some of the pods: the others prove little", some, clusters)
	}
}
