package main

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/config"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/record"
)

var began = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

// yard is AOM, a store and our other functions, as a watch meets them.
type yard struct {
	t      *testing.T
	now    time.Time
	bucket record.Memory
	active []alarm.Alarm
	woken  []string
	books  int
}

func (y *yard) Alarms(_ context.Context, active bool, _ time.Duration) ([]alarm.Alarm, error) {
	if active {
		return y.active, nil
	}
	return nil, nil
}

func (y *yard) Build(context.Context, incident.Cluster, observe.Scope, []alarm.Alarm) *observe.Snapshot {
	y.t.Error("a watch looked at the whole cluster")
	return &observe.Snapshot{}
}

func (y *yard) Wake(_ context.Context, role string, payload any) error {
	switch p := payload.(type) {
	case raised:
		y.woken = append(y.woken, fmt.Sprintf("%s %d alarms", role, len(p.Alarms)))
	case wakeup:
		y.woken = append(y.woken, role+" "+string(p.Incident))
	case errand:
		y.woken = append(y.woken, role+" "+p.Mode+" "+p.Cluster)
	}
	return nil
}

func (y *yard) book(context.Context) *record.Book {
	y.books++
	return &record.Book{Bucket: &y.bucket, Writer: fmt.Sprintf("inspect-%d", y.books), Now: func() time.Time { return y.now }}
}

var watched = config.Cluster{ID: "c-1", Name: "demo", Chat: "oc_1"}

func (y *yard) flow() *inspection {
	return &inspection{
		clusters: config.Clusters{watched, {ID: "c-2", Chat: "oc_2"}}, wake: y, book: y.book, now: func() time.Time { return y.now },
		site: func(context.Context, config.Cluster) (site, error) { return site{alarms: y, look: y}, nil },
	}
}

func fired(sn string, at time.Time) alarm.Alarm {
	a := alarm.Alarm{ID: sn, SN: sn, Name: "cpu", Severity: alarm.Critical, Cluster: "c-1", FiredAt: at}
	raw, err := a.Encode()
	if err != nil {
		panic(err)
	}
	a.Raw = raw
	return a
}

const watchedID = incident.ID("20261122-1")

// open records an incident as far as it has come.
func (y *yard) open(card, plan bool, more func(*record.Book)) {
	y.t.Helper()
	ctx := y.t.Context()
	b := y.book(ctx)
	must := func(err error) {
		y.t.Helper()
		if err != nil {
			y.t.Fatal(err)
		}
	}
	must(b.Open(ctx, record.Opening{ID: watchedID, Key: "k", Cluster: watched.Incident(), Chat: "oc_1", At: began}))
	must(b.AddAlarm(ctx, "c-1", watchedID, fired("1", began)))
	if plan {
		p := &incident.Plan{Incident: watchedID, Round: 1, At: began, ExpiresAt: began.Add(30 * time.Minute), Solutions: []incident.Solution{scale}}
		must(b.SaveRound(ctx, "c-1", watchedID, nil, record.Round{Number: 1, Diagnosis: incident.Diagnosis{At: began}}, p))
	}
	if card {
		must(b.SaveCard(ctx, "c-1", watchedID, incident.Card{Chat: "oc_1", Message: "om_1"}))
	}
	if more != nil {
		more(b)
	}
}

var scale = incident.Solution{ID: "A", Steps: []incident.Step{{ID: "A1", Action: incident.ScaleOut, Goal: map[string]string{"replicas": "4"}}}}

func TestWatchFindsWhatWasLost(t *testing.T) {
	approve := incident.Decision{ID: "e1", Incident: watchedID, Round: 1, Verb: incident.Approve, Solution: "A", Digest: scale.Digest(watchedID), By: "ou_a", At: began.Add(time.Minute)}
	for _, tc := range []struct {
		name  string
		after time.Duration
		set   func(*yard)
		want  []string
	}{
		{"on its way", 3 * time.Minute, func(y *yard) { y.open(true, true, nil); y.active = []alarm.Alarm{fired("1", began)} }, nil},
		{"a card that was never posted", 3 * time.Minute, func(y *yard) { y.open(false, true, nil); y.active = []alarm.Alarm{fired("1", began)} }, []string{"diagnose 1 alarms"}},
		{"a card that is being posted", time.Minute, func(y *yard) { y.open(false, true, nil); y.active = []alarm.Alarm{fired("1", began)} }, nil},
		{"an alarm that no notification brought", 3 * time.Minute, func(y *yard) { y.active = []alarm.Alarm{fired("9", began)} }, []string{"diagnose 1 alarms"}},
		{"an alarm whose notification is under way", time.Minute, func(y *yard) { y.active = []alarm.Alarm{fired("9", began)} }, nil},
		{"a plan whose time is over", 31 * time.Minute, func(y *yard) { y.open(true, true, nil); y.active = []alarm.Alarm{fired("1", began)} }, []string{"execute 20261122-1"}},
		{"an alarm that cleared by itself", 3 * time.Minute, func(y *yard) { y.open(true, true, nil) }, []string{"execute 20261122-1"}},
		{"a confirmation nobody acted on", 5 * time.Minute, func(y *yard) {
			y.open(true, true, func(b *record.Book) { _ = b.SaveDecision(y.t.Context(), "c-1", approve) })
			y.active = []alarm.Alarm{fired("1", began)}
		}, []string{"execute 20261122-1"}},
		{"a confirmation just made", 2 * time.Minute, func(y *yard) {
			y.open(true, true, func(b *record.Book) { _ = b.SaveDecision(y.t.Context(), "c-1", approve) })
			y.active = []alarm.Alarm{fired("1", began)}
		}, nil},
		{"an execution whose run died", 10 * time.Minute, func(y *yard) {
			y.open(true, true, func(b *record.Book) {
				_ = b.SaveExecution(y.t.Context(), "c-1", &incident.Execution{Incident: watchedID, Round: 1, Seq: 1, StartedAt: began.Add(time.Minute)})
			})
			y.active = []alarm.Alarm{fired("1", began)}
		}, []string{"execute 20261122-1"}},
		{"an archive that was never sealed", 10 * time.Minute, func(y *yard) {
			y.open(true, true, func(b *record.Book) {
				_ = b.Close(y.t.Context(), "c-1", watchedID, incident.Closing{Status: incident.Rejected, At: began.Add(time.Minute)})
			})
		}, []string{"execute 20261122-1"}},
		{"a closed and sealed incident", 10 * time.Minute, func(y *yard) {
			y.open(true, true, func(b *record.Book) {
				_ = b.Close(y.t.Context(), "c-1", watchedID, incident.Closing{Status: incident.Rejected, At: began.Add(time.Minute)})
				_ = b.Seal(y.t.Context(), "c-1", watchedID)
			})
		}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			y := &yard{t: t, now: began}
			tc.set(y)
			y.now = began.Add(tc.after)
			for range 2 { // a minute's watch that is delivered twice says no more
				if _, err := y.flow().handle(t.Context(), []byte(`{"cluster":"c-1","mode":"watch"}`)); err != nil {
					t.Fatal(err)
				}
				if len(tc.want) > 0 && tc.want[0] == "execute 20261122-1" {
					break // execute takes turns: waking it twice is harmless
				}
				if tc.name == "a card that was never posted" {
					break
				}
			}
			if diff := cmp.Diff(tc.want, y.woken); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestATimerFansOut(t *testing.T) {
	y := &yard{t: t, now: began}
	for _, tc := range []struct {
		event string
		want  []string
	}{
		{"", []string{"inspect inspect c-1", "inspect inspect c-2"}},
		{`{"mode":"watch"}`, []string{"inspect watch c-1", "inspect watch c-2"}},
	} {
		y.woken = nil
		payload, err := json.Marshal(map[string]string{"trigger_type": "TIMER", "time": "2026-11-22T07:00:00Z", "user_event": tc.event})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := y.flow().handle(t.Context(), payload); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, y.woken); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	for _, odd := range []string{"", "[]", `{"cluster":"c-9"}`, `{"x":1}`} {
		y.woken = nil
		if _, err := y.flow().handle(t.Context(), []byte(odd)); err != nil || len(y.woken) > 0 {
			t.Errorf("%q: %v %v", odd, y.woken, err)
		}
	}
}
