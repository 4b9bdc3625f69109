package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/record"
	"cce-oncall/shared/redact"
)

var at = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

func book(b record.Bucket, writer string) *record.Book {
	clock := at
	return &record.Book{Bucket: b, Writer: writer, Now: func() time.Time { clock = clock.Add(time.Second); return clock }, Redact: redact.New("planted-secret").Bytes}
}

const id = incident.ID("20261122-0123456789abcdef")

var cluster = incident.Cluster{ID: "c-1", Name: "demo"}

// lived is an incident that went through everything once, written by three writers.
func lived(t *testing.T, bucket record.Bucket) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d := book(bucket, "diagnose-r1")
	must(d.Open(ctx, record.Opening{ID: id, Key: "Deployment default/web", Cluster: cluster, At: at}))
	must(d.AddAlarm(ctx, "c-1", id, alarm.Alarm{ID: "2", SN: "22", Name: "B", FiredAt: at.Add(time.Minute)}))
	must(d.AddAlarm(ctx, "c-1", id, alarm.Alarm{ID: "1", SN: "11", Name: "A", FiredAt: at}))
	s := incident.Solution{ID: "A", Steps: []incident.Step{{ID: "A1", Action: incident.ScaleOut, Expect: map[string]string{"replicas": "2"}, Goal: map[string]string{"replicas": "4"}}}}
	plan := &incident.Plan{Incident: id, Round: 1, Solutions: []incident.Solution{s}, At: at, ExpiresAt: at.Add(30 * time.Minute)}
	must(d.SaveRound(ctx, "c-1", id, []byte(`{"version":1}`), record.Round{Number: 1, Diagnosis: incident.Diagnosis{Verdict: incident.Fault, At: at}}, plan))
	must(d.SaveCard(ctx, "c-1", id, incident.Card{Chat: "oc_1", Message: "om_1"}))
	w := book(bucket, "webhook-r2")
	dec := incident.Decision{ID: "ev-1", Incident: id, Round: 1, Solution: "A", Digest: s.Digest(id), Verb: incident.Approve, By: "ou_1", At: at.Add(2 * time.Minute)}
	must(w.SaveDecision(ctx, "c-1", dec))
	x := book(bucket, "execute-r3")
	run := &incident.Execution{Incident: id, Round: 1, Seq: 1, Confirmation: incident.Confirmation{Solution: "A", Digest: s.Digest(id), Decisions: []incident.Decision{dec}}, Steps: []incident.StepRun{{Step: s.Steps[0], State: incident.StepPrepared}}}
	must(x.SaveExecution(ctx, "c-1", run))
	run.Steps[0].State = incident.StepSettled
	run.Seq = 2
	must(x.SaveExecution(ctx, "c-1", run))
	must(x.Close(ctx, "c-1", id, incident.Closing{Status: incident.Recovered, At: at.Add(9 * time.Minute)}))
	must(x.Seal(ctx, "c-1", id))
}

func TestLoadFoldsWhatWasWritten(t *testing.T) {
	bucket := &record.Memory{}
	lived(t, bucket)
	inc, found, err := book(bucket, "report-r4").Load(t.Context(), "c-1", id)
	if err != nil || !found {
		t.Fatalf("found %v, %v", found, err)
	}
	got := []any{inc.Key, len(inc.Alarms), inc.Alarms[0].Name, inc.Card.Message, len(inc.Rounds), len(inc.Rounds[0].Decisions), inc.Rounds[0].Execution.Seq, inc.Rounds[0].Execution.Steps[0].State, inc.Status(at)}
	want := []any{"Deployment default/web", 2, "A", "om_1", 1, 1, 2, incident.StepSettled, incident.Recovered}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if o, found, err := book(bucket, "x").Find(t.Context(), "c-1", "Deployment default/web"); err != nil || !found || o.ID != id {
		t.Errorf("by key: %+v, %v, %v", o, found, err)
	}
	if s, found, err := book(bucket, "x").ByMessage(t.Context(), "om_1"); err != nil || !found || s.Incident != id {
		t.Errorf("by message: %+v, %v, %v", s, found, err)
	}
}

// lateList hides the newest keys from listings, as OBS may.
type lateList struct {
	record.Bucket
	hide string
}

func (l lateList) List(ctx context.Context, prefix string) ([]string, error) {
	keys, err := l.Bucket.List(ctx, prefix)
	var out []string
	for _, k := range keys {
		if !strings.Contains(k, l.hide) {
			out = append(out, k)
		}
	}
	return out, err
}

func TestLoadDoesNotBelieveListings(t *testing.T) {
	bucket := &record.Memory{}
	lived(t, bucket)
	for _, hide := range []string{"execution-", "decisions/", "round-01"} {
		inc, _, err := book(lateList{bucket, hide}, "execute-r5").Load(t.Context(), "c-1", id, "ev-1")
		if err != nil {
			t.Fatal(err)
		}
		r := inc.Last()
		if r == nil || r.Execution == nil || r.Execution.Seq != 2 || len(r.Decisions) != 1 {
			t.Errorf("with %q missing from the list: %+v", hide, r)
		}
	}
}

func TestStatesAreWrittenOnce(t *testing.T) {
	bucket := &record.Memory{}
	a, b := book(bucket, "execute-a"), book(bucket, "execute-b")
	mine := &incident.Execution{Incident: id, Round: 1, Seq: 1}
	theirs := *mine
	if err := a.SaveExecution(t.Context(), "c-1", mine); err != nil {
		t.Fatal(err)
	}
	err := b.SaveExecution(t.Context(), "c-1", &theirs)
	if s := (record.ErrSuperseded{}); !errors.As(err, &s) {
		t.Errorf("the second writer of a state got %v", err)
	}
}

func TestClosingTwiceKeepsTheFirstWord(t *testing.T) {
	bucket := &record.Memory{}
	lived(t, bucket)
	b := book(bucket, "inspect-r9")
	if err := b.Close(t.Context(), "c-1", id, incident.Closing{Status: incident.Expired}); err != nil {
		t.Fatal(err)
	}
	inc, _, err := b.Load(t.Context(), "c-1", id)
	if err != nil || inc.Status(at) != incident.Recovered {
		t.Errorf("status %v, %v", inc.Status(at), err)
	}
}

func TestArchiveVerifies(t *testing.T) {
	bucket := &record.Memory{}
	lived(t, bucket)
	a, err := record.VerifyArchive(t.Context(), bucket, record.Prefix("c-1", id))
	if err != nil || len(a.Breaks) > 0 || !a.Closed || a.Records < 10 || a.Chains != 3 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestEveryTamperingIsFound(t *testing.T) {
	clean := &record.Memory{}
	lived(t, clean)
	prefix := record.Prefix("c-1", id)
	keys, err := clean.List(t.Context(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		for _, how := range []string{"changed", "removed", "added"} {
			t.Run(how+" "+strings.TrimPrefix(k, prefix), func(t *testing.T) {
				bucket := &record.Memory{}
				for _, other := range keys {
					raw, err := clean.Get(t.Context(), other)
					if err != nil {
						t.Fatal(err)
					}
					switch {
					case other == k && how == "removed":
						continue
					case other == k && how == "changed":
						raw = append([]byte(" "), raw...)
					case other == k && how == "added":
						if err := bucket.Put(t.Context(), strings.TrimSuffix(k, ".json")+"-forged.json", raw); err != nil {
							t.Fatal(err)
						}
					}
					if err := bucket.Put(t.Context(), other, raw); err != nil {
						t.Fatal(err)
					}
				}
				a, err := record.VerifyArchive(t.Context(), bucket, prefix)
				if err != nil {
					t.Fatal(err)
				}
				last := how == "removed" && strings.HasSuffix(k, "manifest.json")
				if len(a.Breaks) == 0 && !last {
					t.Errorf("%s %s was not noticed", how, k)
				}
			})
		}
	}
}

func TestExecutingSomethingElseIsFound(t *testing.T) {
	bucket := &record.Memory{}
	lived(t, bucket)
	x := book(bucket, "execute-evil")
	run := &incident.Execution{Incident: id, Round: 1, Seq: 3, Confirmation: incident.Confirmation{Solution: "A", Digest: "d"}, Steps: []incident.StepRun{{Step: incident.Step{ID: "A1", Action: incident.ScaleOut, Goal: map[string]string{"replicas": "400"}}}}}
	if err := x.SaveExecution(t.Context(), "c-1", run); err != nil {
		t.Fatal(err)
	}
	a, err := record.VerifyArchive(t.Context(), bucket, record.Prefix("c-1", id))
	if err != nil || len(a.Breaks) == 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestNoSecretIsKept(t *testing.T) {
	bucket := &record.Memory{}
	b := book(bucket, "diagnose-r1")
	if err := b.AddAlarm(t.Context(), "c-1", id, alarm.Alarm{SN: "1", Message: "planted-secret password=hunter22"}); err != nil {
		t.Fatal(err)
	}
	if err := b.SaveRound(t.Context(), "c-1", id, []byte(`{"logs":["token: planted-secret"]}`), record.Round{Number: 1}, nil); err != nil {
		t.Fatal(err)
	}
	keys, _ := bucket.List(t.Context(), "")
	for _, k := range keys {
		raw, _ := bucket.Get(t.Context(), k)
		if strings.Contains(string(raw), "planted-secret") || strings.Contains(string(raw), "hunter22") {
			t.Errorf("%s holds a secret: %s", k, raw)
		}
	}
}

func TestIDsNeverBecomePaths(t *testing.T) {
	bucket := &record.Memory{}
	b := book(bucket, "webhook/../../x")
	for _, evil := range []string{"../../open/v1/c-1/x", "a/b", "..", "", strings.Repeat("x", 300), "a\x00b"} {
		if err := b.SaveDecision(t.Context(), "../c", incident.Decision{ID: evil, Incident: incident.ID("20261122-" + evil)}); err != nil {
			t.Fatal(err)
		}
	}
	keys, _ := bucket.List(t.Context(), "")
	for _, k := range keys {
		if strings.Contains(k, "..") || strings.Contains(k, "//") || !strings.HasPrefix(k, "incidents/v1/") {
			t.Errorf("key %q", k)
		}
	}
}

// Version 1 of every record must decode for ever: these bytes are never edited.
func TestOldRecordsDecode(t *testing.T) {
	old := `{"schema":1,"kind":"decision","cluster":"c-1","incident":"20261122-0123456789abcdef","writer":"webhook-r2","savedAt":"2026-11-22T07:02:00Z","body":{"id":"ev-1","incident":"20261122-0123456789abcdef","round":1,"solution":"A","digest":"abc","verb":"approve","by":"ou_1","chat":"oc_1","message":"om_1","at":"2026-11-22T07:02:00Z","unknownLater":true}}`
	var d incident.Decision
	e, err := record.Decode([]byte(old), &d)
	if err != nil || e.Kind != "decision" || d.Solution != "A" || d.Verb != incident.Approve || d.By != "ou_1" || !d.At.Equal(at.Add(2*time.Minute)) {
		t.Errorf("%+v %+v %v", e, d, err)
	}
	if _, err := record.Decode([]byte(strings.Replace(old, `"schema":1`, `"schema":99`, 1)), &d); err == nil {
		t.Error("a record of a later schema was read as if it were known")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"schema":1,"kind":"plan","body":{}}`))
	f.Add([]byte(`{"schema":1,"body":[1]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var x incident.Execution
		e, err := record.Decode(raw, &x)
		if err == nil && (e.Schema < 1 || !json.Valid(raw)) {
			t.Errorf("decoded %q", raw)
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	bucket := &record.Memory{}
	bk := book(bucket, "diagnose-r1")
	ctx := context.Background()
	if err := bk.Open(ctx, record.Opening{ID: id, Key: "k", Cluster: cluster, At: at}); err != nil {
		b.Fatal(err)
	}
	for i := range 200 {
		if err := bk.AddAlarm(ctx, "c-1", id, alarm.Alarm{SN: fmt.Sprint(i), FiredAt: at}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, _, err := bk.Load(ctx, "c-1", id); err != nil {
			b.Fatal(err)
		}
	}
}
