package functiongraph

import (
	"testing"
	"time"
)

func FuzzSchedule(f *testing.F) {
	for _, s := range []string{"3m", "@every 1h30m", "CRON_TZ=Asia/Shanghai 0 0 9 * * *", "0 0 8 ? * MON-FRI", "CRON_TZ=", "TZ=UTC", "@reboot", "* * *"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []string{"Rate", "Cron"} {
			schedule, err := parseSchedule(kind, text)
			if err != nil {
				continue
			}
			if next := schedule.Next(now); !next.IsZero() && !next.After(now) {
				t.Errorf("%s %q is next due at %v, which is not after %v", kind, text, next, now)
			}
		}
	})
}
