package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/events"
	"cce-oncall/shared/advise"
	"cce-oncall/shared/alarm"
	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/record"
	"cce-oncall/shared/tell"
)

// world is AOM, a cluster and a messenger that remember.
type world struct {
	t       *testing.T
	bucket  record.Bucket
	active  []alarm.Alarm
	past    []alarm.Alarm
	aomErr  error
	snap    func() *observe.Snapshot
	sent    map[string]string // uuid → card: the platform sends one message for one uuid
	sendErr error
	mutes   []alarm.Silence
	looks   int
	books   atomic.Int64
}

func newWorld(t *testing.T) *world {
	return &world{t: t, bucket: &record.Memory{}, sent: map[string]string{}, snap: func() *observe.Snapshot {
		return &observe.Snapshot{At: now, Cluster: cluster.Incident()}
	}}
}

// The samples of events/ fired a few minutes before this.
var now = time.Date(2026, 11, 22, 7, 5, 0, 0, time.UTC)

func (w *world) Alarms(_ context.Context, active bool, _ time.Duration) ([]alarm.Alarm, error) {
	if w.aomErr != nil {
		return nil, w.aomErr
	}
	if active {
		return w.active, nil
	}
	return w.past, nil
}

func (w *world) Mutes(context.Context) ([]alarm.Silence, error) { return w.mutes, w.aomErr }

func (w *world) Build(_ context.Context, _ incident.Cluster, _ observe.Scope, list []alarm.Alarm) *observe.Snapshot {
	w.looks++
	s := w.snap()
	s.Alarms = list
	return s
}

func (w *world) Send(_ context.Context, _ string, card []byte, uuid string) (string, error) {
	if w.sendErr != nil {
		return "", w.sendErr
	}
	if w.sent[uuid] == "" {
		w.sent[uuid] = string(card)
	}
	return "om_" + uuid[:8], nil
}

func (w *world) Update(context.Context, string, []byte) error {
	w.t.Error("diagnose updated a card: after the first only execute may")
	return nil
}

func (w *world) ReplyText(context.Context, string, incident.Text, string) (string, error) {
	return "", nil
}

var cluster = config.Cluster{ID: events.Cluster, Name: "demo-recovery", Region: "cn-north-4", Chat: "oc_1", Approvers: []incident.Approver{{ID: "ou_a"}}}

func (w *world) flow() *diagnosis {
	book := func(context.Context) *record.Book {
		return &record.Book{Bucket: w.bucket, Writer: fmt.Sprintf("diagnose-%d", w.books.Add(1)), Now: func() time.Time { return now }}
	}
	return &diagnosis{
		clusters: config.Clusters{cluster}, book: book, now: func() time.Time { return now },
		cards: func(context.Context) (cards, error) { return w, nil },
		site: func(ctx context.Context, c config.Cluster) (site, error) {
			b := book(ctx)
			return site{
				cluster: c, alarms: w, look: w,
				advise: &advise.Adviser{Book: b, Policy: incident.Policy{Approvers: c.Approvers}, Expiry: time.Hour, Now: func() time.Time { return now }},
				tell:   &tell.Teller{Cards: w, Book: b, Key: []byte("k"), Now: func() time.Time { return now }},
			}, nil
		},
	}
}

func (w *world) send(event []byte) []outcome {
	w.t.Helper()
	out, err := w.flow().handle(w.t.Context(), event)
	if err != nil {
		w.t.Fatal(err)
	}
	list, _ := out.([]outcome)
	return list
}

func (w *world) incidents() []*incident.Incident {
	w.t.Helper()
	b := w.flow().book(w.t.Context())
	openings, err := b.Openings(w.t.Context(), cluster.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []*incident.Incident
	for _, o := range openings {
		i, _, err := b.Load(w.t.Context(), cluster.ID, o.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, i)
	}
	return out
}

func (w *world) aom(names ...string) {
	for _, n := range names {
		a, err := alarm.ParseEvent(events.Read(n))
		if err != nil {
			w.t.Fatal(err)
		}
		if a.Active() {
			w.active = append(w.active, a)
		} else {
			w.past = append(w.past, a)
		}
	}
}

// TestEveryNotificationLeadsToOneCard: whatever form the notification has, the alarm is read again from AOM.
func TestEveryNotificationLeadsToOneCard(t *testing.T) {
	for _, event := range []string{"smn_json_promql.json", "smn_builtin_en.json", "smn_builtin_zh.json", "smn_custom_template.json"} {
		t.Run(event, func(t *testing.T) {
			w := newWorld(t)
			w.aom("aom_promql_container_cpu.json")
			w.send(events.Read(event))
			w.send(events.Read(event)) // SMN repeats
			incidents := w.incidents()
			if len(incidents) != 1 || len(w.sent) != 1 || len(incidents[0].Alarms) != 1 || incidents[0].Card == nil {
				t.Fatalf("%d incidents, %d cards: %+v", len(incidents), len(w.sent), incidents)
			}
			if w.looks != 1 {
				t.Errorf("the cluster was looked at %d times for one event", w.looks)
			}
		})
	}
}

func TestAKnownIncidentGainsAnAlarmInSilence(t *testing.T) {
	w := newWorld(t)
	w.aom("aom_promql_container_cpu.json")
	w.send(events.Read("smn_json_promql.json"))
	again := w.active[0]
	again.SN, again.ID = "999", "998"
	again.FiredAt = again.FiredAt.Add(time.Minute)
	raw, err := (alarm.Alarm{ID: again.ID, SN: again.SN, Name: again.Name, Severity: again.Severity, Provider: "AOM", Cluster: again.Cluster, Object: again.Object, FiredAt: again.FiredAt}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	event, err := json.Marshal(Raised{Cluster: cluster.ID, ID: "r1", Alarms: []json.RawMessage{raw}})
	if err != nil {
		t.Fatal(err)
	}
	out := w.send(event)
	if len(out) != 1 || out[0].What != "joined" || len(w.sent) != 1 || len(w.incidents()) != 1 || len(w.incidents()[0].Alarms) != 2 {
		t.Errorf("%+v, %d cards, %+v", out, len(w.sent), w.incidents())
	}
}

func TestAnAlarmThatIsOverOpensNothing(t *testing.T) {
	w := newWorld(t)
	w.aom("aom_promql_container_cpu_resolved.json")
	out := w.send(events.Read("smn_json_resolved.json"))
	if len(w.incidents()) != 0 || len(w.sent) != 0 || len(out) != 1 || out[0].What != "resolved" {
		t.Errorf("%+v, %d cards", out, len(w.sent))
	}
}

func TestASilencedAlarmOpensNothing(t *testing.T) {
	w := newWorld(t)
	w.aom("aom_promql_container_cpu.json")
	w.mutes = []alarm.Silence{{Name: "upgrade", Covers: func(alarm.Alarm, time.Time) bool { return true }}}
	if out := w.send(events.Read("smn_json_promql.json")); len(w.incidents()) != 0 || len(out) != 1 || out[0].What != "silenced" {
		t.Errorf("%+v", out)
	}
}

func TestWordsThatNameNoAlarmStillWake(t *testing.T) {
	w := newWorld(t)
	w.aom("aom_promql_container_cpu.json")
	w.send(events.Read("smn_free_text.json"))
	if len(w.incidents()) != 1 || len(w.sent) != 1 {
		t.Errorf("%d incidents, %d cards", len(w.incidents()), len(w.sent))
	}
}

func TestAOMUnreadableIsSaidAndNothingIsLost(t *testing.T) {
	w := newWorld(t)
	w.aomErr = errors.New("503")
	w.send(events.Read("smn_json_promql.json"))
	i := w.incidents()
	if len(i) != 1 || len(w.sent) != 1 {
		t.Fatalf("%d incidents, %d cards", len(i), len(w.sent))
	}
	if gaps := strings.Join(i[0].Rounds[0].Diagnosis.Gaps, "\n"); !strings.Contains(gaps, "AOM") {
		t.Errorf("gaps: %s", gaps)
	}
}

func TestAPersonIsToldWhatCouldNotBeDiagnosed(t *testing.T) {
	w := newWorld(t)
	d := w.flow()
	d.site = func(context.Context, config.Cluster) (site, error) {
		return site{}, errors.New("403 from the API server")
	}
	for range 2 {
		if _, err := d.handle(t.Context(), events.Read("smn_json_promql.json")); err == nil {
			t.Error("the platform must deliver again")
		}
	}
	if len(w.sent) != 1 {
		t.Fatalf("%d cards", len(w.sent))
	}
	for _, card := range w.sent {
		if !strings.Contains(card, "could not be diagnosed") || !strings.Contains(card, "403") || !strings.Contains(card, "chat-app") {
			t.Error(card)
		}
	}
}

func TestACardThatCouldNotBePostedIsPostedByTheNextDelivery(t *testing.T) {
	w := newWorld(t)
	w.aom("aom_promql_container_cpu.json")
	w.sendErr = errors.New("lark is down")
	if _, err := w.flow().handle(t.Context(), events.Read("smn_json_promql.json")); err == nil {
		t.Fatal("the platform must deliver again")
	}
	first := w.incidents()[0]
	w.sendErr = nil
	out := w.send(events.Read("smn_json_promql.json"))
	second := w.incidents()
	if len(second) != 1 || second[0].Card == nil || len(second[0].Rounds) != 1 || out[0].What != "resumed" {
		t.Errorf("%+v %+v", out, second)
	}
	if diff := cmp.Diff(first.Rounds[0].Diagnosis.At, second[0].Rounds[0].Diagnosis.At); diff != "" {
		t.Errorf("it was diagnosed again: %s", diff)
	}
}

func TestWhatCannotBeUnderstoodIsDropped(t *testing.T) {
	for _, event := range []string{"", "[]", "{}", `{"cluster":"other","alarms":[{}]}`, `{"cluster":"demo-recovery"}`} {
		w := newWorld(t)
		out, err := w.flow().handle(t.Context(), []byte(event))
		if dropped, ok := out.(functiongraph.Dropped); err != nil || !ok || dropped.Dropped == "" || len(w.sent) != 0 {
			t.Errorf("%q: %+v %v", event, out, err)
		}
	}
}

// One odd notification in an envelope holds up none of the others, and an empty one still says that something fires.
func TestAnOddNotificationHoldsUpNoOther(t *testing.T) {
	const stranger = `{"metadata":{"clusterId":"11111111-2222-3333-4444-555555555555","event_name":"FailedScheduling"},"id":"x","starts_at":1795330500000}`
	for _, odd := range []string{"", stranger} {
		for _, mine := range []string{"", string(events.Read("aom_promql_container_cpu.json"))} {
			w := newWorld(t)
			w.aom("aom_promql_container_cpu.json")
			event, err := json.Marshal(map[string]any{"record": []any{
				map[string]any{"event_source": "smn", "smn": map[string]string{"message_id": "1", "message": odd}},
				map[string]any{"event_source": "smn", "smn": map[string]string{"message_id": "2", "message": mine}},
			}})
			if err != nil {
				t.Fatal(err)
			}
			out := w.send(event)
			if len(w.incidents()) != 1 || len(w.sent) != 1 {
				t.Errorf("%.20q and %.20q: %+v, %d cards", odd, mine, out, len(w.sent))
			}
			if odd == stranger && out[0].What != "not ours" {
				t.Errorf("%+v", out)
			}
		}
	}
}

// TestDyingAnywhere kills the run at its n-th write, for every n, and lets the platform deliver the event again.
func TestDyingAnywhere(t *testing.T) {
	for n := 1; n < 200; n++ {
		w := newWorld(t)
		w.aom("aom_promql_container_cpu.json")
		d := &dying{Bucket: w.bucket, left: n}
		w.bucket = d
		died := func() (died bool) {
			defer func() {
				if p := recover(); p != nil {
					died = true
				}
			}()
			w.send(events.Read("smn_json_promql.json"))
			return false
		}()
		d.left = -1
		w.send(events.Read("smn_json_promql.json"))
		i := w.incidents()
		if len(i) != 1 || i[0].Card == nil || len(w.sent) != 1 || len(i[0].Alarms) != 1 || len(i[0].Rounds) != 1 {
			t.Fatalf("after dying at write %d: %d cards, %+v", n, len(w.sent), i)
		}
		if a, err := record.VerifyArchive(t.Context(), w.bucket, record.Prefix(cluster.ID, i[0].ID)); err != nil || len(a.Breaks) > 0 {
			t.Fatalf("after dying at write %d: %+v %v", n, a, err)
		}
		if !died {
			if n < 8 {
				t.Fatalf("only %d writes were tried", n)
			}
			return
		}
	}
}

type dying struct {
	record.Bucket
	left int
}

func (d *dying) Put(ctx context.Context, key string, body []byte) error {
	if d.left > 0 {
		if d.left--; d.left == 0 {
			if len(key)%2 == 0 {
				_ = d.Bucket.Put(ctx, key, body)
			}
			panic("killed")
		}
	}
	return d.Bucket.Put(ctx, key, body)
}

func TestOffline(t *testing.T) {
	dir := t.TempDir()
	write := func(name, body string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	good := write("good.json", `{"version":1,"at":"2026-11-22T07:00:00Z"}`)
	for _, tc := range []struct {
		args []string
		code int
		done bool
		out  string
		err  string
	}{
		{[]string{"-case", good}, 0, true, `"verdict": "insufficient-evidence"`, ""},
		{[]string{"-case", write("bad.json", `{"version":1,"at":"yesterday"}`)}, 2, true, "", "at"},
		{[]string{"-case", write("none.json", `nothing`)}, 2, true, "", "none.json"},
		{[]string{"-case", filepath.Join(dir, "missing.json")}, 2, true, "", "missing.json"},
		{[]string{"-reasons"}, 0, true, "ContainerOOMKilled", ""},
		{[]string{"-event", good}, 0, false, "", ""},
		{nil, 0, false, "", ""},
	} {
		var out, errs bytes.Buffer
		code, done := offline(tc.args, &out, &errs)
		if code != tc.code || done != tc.done || !strings.Contains(out.String(), tc.out) || !strings.Contains(errs.String(), tc.err) || strings.Count(errs.String(), "\n") > 1 {
			t.Errorf("%v: %d %v\n%s\n%s", tc.args, code, done, out.String(), errs.String())
		}
	}
}

var update = flag.Bool("update", false, "write the README's table of reasons anew")
