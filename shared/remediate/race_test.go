package remediate_test

import (
	"testing"

	"cce-oncall/shared/remediate/remediatetest"
)

// TestTwoExecutorsRace: with and without a store that tells them apart, every step has one effect.
func TestTwoExecutorsRace(t *testing.T) {
	seeds := uint64(20)
	if testing.Short() {
		seeds = 5
	}
	for _, p := range plans() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			for seed := range seeds {
				for _, fenced := range []bool{true, false} {
					if err := remediatetest.Race(p.scenario(), seed, 2+int(seed%2), fenced); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
}
