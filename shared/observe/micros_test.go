package observe

import (
	"testing"
	"time"
)

// Heartbeats and events are read whatever the precision of their times.
func TestTimesOfAnyPrecision(t *testing.T) {
	for _, at := range []string{"2026-11-22T06:59:55Z", "2026-11-22T06:59:55.1Z", "2026-11-22T06:59:55.123456Z", "2026-11-22T06:59:55.123456789Z", "2026-11-22T14:59:55+08:00"} {
		s, err := ReadCase([]byte(`{"version":1,"at":"2026-11-22T07:00:00Z","objects":[
			{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"n1","namespace":"kube-node-lease"},"spec":{"renewTime":"` + at + `","leaseDurationSeconds":600}},
			{"apiVersion":"v1","kind":"Event","metadata":{"name":"e","namespace":"shop"},"involvedObject":{"kind":"Pod","namespace":"shop","name":"a"},"reason":"BackOff","eventTime":"` + at + `"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Gaps) > 0 || len(s.Objects.Leases) != 1 || len(s.Objects.Events) != 1 {
			t.Errorf("%s: gaps %q", at, s.Gaps)
			continue
		}
		if l := s.Objects.Leases[0]; l.RenewedAt.Truncate(time.Second) != time.Date(2026, 11, 22, 6, 59, 55, 0, time.UTC) || l.Lasts != 10*time.Minute {
			t.Errorf("%s: %+v", at, l)
		}
		again, err := s.WriteCase()
		if err != nil {
			t.Fatal(err)
		}
		if r, err := ReadCase(again); err != nil || r.Objects.Leases[0].Lasts != 10*time.Minute {
			t.Errorf("%s: written and read: %v", at, err)
		}
	}
}
