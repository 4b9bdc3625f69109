package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cce-oncall/shared/advise"
	"cce-oncall/shared/alarm"
	"cce-oncall/shared/config"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/record"
	"cce-oncall/shared/remediate"
	"cce-oncall/shared/tell"
)

var t0 = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

// world is a cluster with one Deployment, its alarm, and everything the flow writes to. Its clock moves only when the flow sleeps.
type world struct {
	t      *testing.T
	mu     sync.Mutex
	books  atomic.Int64
	now    time.Time
	bucket record.Bucket

	replicas int  // of the Deployment, as Apply left it
	fits     int  // how many of its pods the nodes hold
	firing   bool // the alarm
	aomDown  bool
	heals    func(w *world) bool // whether the alarm has cleared by now

	applied, undone int
	applyErr        error
	taken           map[string]bool
	woken           []Wakeup
	cards, pings    []string
	cardErr         error
	paused          bool
	approvers       []incident.Approver // nil: the cluster's
	freezes         []incident.Freeze
	hops            int // limit of runs; 0: 100
	unsettled       bool
}

func begin(t *testing.T) *world {
	w := &world{t: t, now: t0, bucket: &record.Memory{}, replicas: 2, fits: 4, firing: true, taken: map[string]bool{}}
	w.heals = func(w *world) bool { return w.replicas >= 4 && w.fits >= 4 && w.applied > 0 }
	ctx := t.Context()
	b := w.book(ctx)
	inc := &incident.Incident{ID: id, Key: "Deployment default/web", Cluster: cluster.Incident(), OpenedAt: t0}
	w.must(b.Open(ctx, record.Opening{ID: id, Key: inc.Key, Cluster: inc.Cluster, Chat: "oc_1", At: t0}))
	w.must(b.AddAlarm(ctx, "c-1", id, w.alarm()))
	inc.Alarms = []alarm.Alarm{w.alarm()}
	if _, err := w.adviser(b).Round(ctx, inc, w.snapshot([]alarm.Alarm{w.alarm()})); err != nil {
		t.Fatal(err)
	}
	w.must(b.SaveCard(ctx, "c-1", id, incident.Card{Chat: "oc_1", Message: "om_1"}))
	if p := inc.Last().Plan; p == nil || len(p.Solutions) < 2 || p.Solutions[0].Steps[0].Action != incident.ScaleOut {
		t.Fatalf("the first round offers no scale-out: %+v", inc.Last())
	}
	return w
}

const id = incident.ID("20261122-0123456789abcdef")

var cluster = config.Cluster{ID: "c-1", Name: "demo", Chat: "oc_1", Approvers: []incident.Approver{{ID: "ou_a"}, {ID: "ou_b"}}}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) clock() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }

func (w *world) sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if d == turnTime/4 { // the renewer: it waits for the end of the turn, not for the clock
		<-ctx.Done()
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
	return nil
}

func (w *world) book(context.Context) *record.Book {
	return &record.Book{Bucket: w.bucket, Writer: fmt.Sprintf("execute-%d", w.books.Add(1)), Now: w.clock}
}

func (w *world) alarm() alarm.Alarm {
	raw := fmt.Sprintf(`{"id":"1","event_sn":"11","starts_at":%d,"ends_at":%d,"metadata":{"event_name":"cpu-rule","event_severity":"Critical","event_type":"alarm","resource_provider":"AOM","resource_type":"container","resource_id":"x:y","clusterId":"c-1","namespace":"default","pod":"web-0","container":"app"},"annotations":{"trigger_detail":{"trigger_interval":15000,"trigger_times":1}}}`,
		t0.Add(-time.Minute).UnixMilli(), map[bool]int64{true: 0, false: w.now.UnixMilli()}[w.firing])
	a, err := alarm.ParseEvent(json.RawMessage(raw))
	w.must(err)
	return a
}

// Alarms is AOM's list.
func (w *world) Alarms(_ context.Context, active bool, _ time.Duration) ([]alarm.Alarm, error) {
	if w.aomDown {
		return nil, errors.New("AOM is down")
	}
	if w.firing && w.heals(w) {
		w.firing = false
	}
	if a := w.alarm(); a.Active() == active {
		return []alarm.Alarm{a}, nil
	}
	return nil, nil
}

func (w *world) Rule(context.Context, string) (alarm.Rule, error) {
	return alarm.Rule{}, errors.New("no such rule")
}

// Build is a look at the cluster.
func (w *world) Build(_ context.Context, _ incident.Cluster, _ observe.Scope, list []alarm.Alarm) *observe.Snapshot {
	return w.snapshot(list)
}

func (w *world) snapshot(list []alarm.Alarm) *observe.Snapshot {
	cpu := 1.9 / float64(max(min(w.replicas, w.fits), 1))
	var objects, series []string
	for n := range 2 {
		objects = append(objects, fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":"n%d","uid":"n%d"},"status":{"allocatable":{"cpu":"%d","memory":"8Gi","pods":"110"},"conditions":[{"type":"Ready","status":"True"}]}}`, n, n, (w.fits+1-n)/2))
	}
	objects = append(objects, fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"namespace":"default","name":"web","uid":"d1","resourceVersion":"%d","generation":1},"spec":{"replicas":%d,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","image":"r/web:1","resources":{"requests":{"cpu":"1"},"limits":{"cpu":"1"}}}]}}},"status":{"observedGeneration":1,"replicas":%d,"readyReplicas":%d,"availableReplicas":%d}}`,
		w.replicas, w.replicas, w.replicas, min(w.replicas, w.fits), min(w.replicas, w.fits)))
	objects = append(objects, `{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"namespace":"default","name":"web-1","uid":"r1","labels":{"app":"web"},"annotations":{"deployment.kubernetes.io/revision":"1"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"web","uid":"d1","controller":true}]},"spec":{"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","image":"r/web:1"}]}}}}`)
	for n := range w.replicas {
		state := fmt.Sprintf(`"spec":{"nodeName":"n%d","containers":[{"name":"app","image":"r/web:1","resources":{"requests":{"cpu":"1"},"limits":{"cpu":"1"}}}]},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"},{"type":"PodScheduled","status":"True"}],"containerStatuses":[{"name":"app","ready":true,"state":{"running":{"startedAt":"2026-11-22T05:00:00Z"}}}]}`, n%2)
		if n >= w.fits {
			state = `"spec":{"containers":[{"name":"app","image":"r/web:1","resources":{"requests":{"cpu":"1"},"limits":{"cpu":"1"}}}]},"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/2 nodes are available: 2 Insufficient cpu."}]}`
		} else {
			var points []string
			for m := -60; m <= 0; m++ {
				points = append(points, fmt.Sprintf(`[%d,"%.3f"]`, w.now.Add(time.Duration(m)*time.Minute).Unix(), min(cpu, 0.97)))
			}
			series = append(series, fmt.Sprintf(`{"metric":{"__name__":"container_cpu_limit_ratio","namespace":"default","pod":"web-%d","container":"app"},"values":[%s]}`, n, strings.Join(points, ",")))
		}
		objects = append(objects, fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"default","name":"web-%d","uid":"p%d","creationTimestamp":"2026-11-22T05:00:00Z","labels":{"app":"web"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-1","uid":"r1","controller":true}]},%s}`, n, n, state))
	}
	s, err := observe.ReadCase([]byte(fmt.Sprintf(`{"version":1,"at":%q,"cluster":{"id":"c-1","name":"demo"},"objects":[%s],"series":[%s]}`, w.now.Format(time.RFC3339), strings.Join(objects, ","), strings.Join(series, ","))))
	w.must(err)
	s.Alarms = list
	return s
}

// The action: it scales the world's Deployment.
func (w *world) Prepare(context.Context, remediate.Order) (incident.Receipt, error) {
	return incident.Receipt(fmt.Sprintf(`{"replicas":%d}`, w.replicas)), nil
}

func (w *world) Apply(_ context.Context, o remediate.Order, _ incident.Receipt) error {
	if w.applyErr != nil {
		return w.applyErr
	}
	if o.Action == incident.ScaleOut && fmt.Sprint(w.replicas) != o.Goal["replicas"] {
		w.applied++
		_, err := fmt.Sscan(o.Goal["replicas"], &w.replicas)
		return err
	}
	if o.Action != incident.ScaleOut {
		w.applied++
		w.fits++
	}
	return nil
}

func (w *world) Settled(context.Context, remediate.Order, incident.Receipt) (bool, error) {
	return w.applied > 0 && !w.unsettled, nil
}

func (w *world) policy() incident.Policy {
	p := incident.Policy{Approvers: cluster.Approvers, Freezes: w.freezes}
	if w.approvers != nil {
		p.Approvers = w.approvers
	}
	return p
}

func (w *world) Undo(_ context.Context, _ remediate.Order, before incident.Receipt) error {
	w.undone++
	var r struct{ Replicas int }
	err := json.Unmarshal(before, &r)
	w.replicas = r.Replicas
	return err
}

func (w *world) TryLock(_ context.Context, name string) (func(context.Context) error, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.taken[name] {
		return nil, false, nil
	}
	w.taken[name] = true
	return func(context.Context) error { w.mu.Lock(); defer w.mu.Unlock(); delete(w.taken, name); return nil }, true, nil
}
func (w *world) Renew(context.Context, string) error { return nil }

func (w *world) Wake(_ context.Context, role string, payload any) error {
	if role == "execute" {
		w.woken = append(w.woken, payload.(Wakeup))
	}
	return nil
}

func (w *world) Send(context.Context, string, []byte, string) (string, error) {
	w.t.Error("execute posts no new card")
	return "", nil
}

func (w *world) Update(_ context.Context, _ string, card []byte) error {
	if w.cardErr != nil {
		return w.cardErr
	}
	w.cards = append(w.cards, string(card))
	return nil
}

func (w *world) ReplyText(_ context.Context, _ string, t incident.Text, uuid string) (string, error) {
	w.pings = append(w.pings, t.EN)
	return "om_r", nil
}

func (w *world) adviser(b *record.Book) *advise.Adviser {
	return &advise.Adviser{Book: b, Policy: incident.Policy{Approvers: cluster.Approvers}, Expiry: 30 * time.Minute, Now: w.clock}
}

func (w *world) flow() *execution {
	var limits config.Policy
	limits.Hops, limits.Rounds, limits.PerHour, limits.BadShare = 100, 3, 6, 0.6
	if w.hops > 0 {
		limits.Hops = w.hops
	}
	limits.Deadline, limits.Window, limits.Expiry = config.Duration(2*time.Hour), config.Duration(10*time.Minute), config.Duration(30*time.Minute)
	return &execution{
		clusters: config.Clusters{cluster}, limits: limits, paused: w.paused, book: w.book, wake: w, now: w.clock, sleep: w.sleep,
		site: func(ctx context.Context, k config.Cluster, b *record.Book) (*site, error) {
			actions := map[incident.ActionKind]remediate.Action{}
			for _, a := range []incident.ActionKind{incident.ScaleOut, incident.ScaleOutNodePool, incident.AdjustResources} {
				actions[a] = w
			}
			return &site{
				cluster: k, policy: w.policy(), turns: w, alarms: w, look: w, book: b, advise: w.adviser(b),
				runner: &remediate.Runner{Actions: actions, Store: record.Executions{Book: b, Cluster: k.ID}, Now: w.clock, StepByStep: true},
				tell:   &tell.Teller{Cards: w, Book: b, Key: []byte("k"), Now: w.clock},
			}, nil
		},
	}
}

// decide records a decision as webhook would.
func (w *world) decide(n int, verb incident.Verb, letter, by string) {
	w.t.Helper()
	inc := w.load()
	r := inc.Last()
	d := incident.Decision{ID: fmt.Sprint("ev-", n), Incident: id, Round: r.Number, Solution: letter, Verb: verb, By: by, Chat: "oc_1", Message: "om_1", At: w.now}
	if s, ok := r.Plan.Solution(letter); ok {
		d.Digest = s.Digest(id)
	}
	w.must(w.book(w.t.Context()).SaveDecision(w.t.Context(), "c-1", d))
}

func (w *world) load() *incident.Incident {
	w.t.Helper()
	i, found, err := w.book(w.t.Context()).Load(w.t.Context(), "c-1", id)
	if err != nil || !found {
		w.t.Fatalf("%v, %v", found, err)
	}
	return i
}

// run wakes execute, and again as often as it asks for it.
func (w *world) run() {
	w.t.Helper()
	pending := 1
	for n := 0; pending > 0; n++ {
		if n > 60 {
			w.t.Fatalf("execute calls itself for ever; status %s", w.load().Status(w.now))
		}
		before := len(w.woken)
		w.one()
		pending = len(w.woken) - before
	}
}

func (w *world) one() any {
	w.t.Helper()
	out, err := w.flow().handle(w.t.Context(), []byte(`{"cluster":"c-1","incident":"`+string(id)+`"}`))
	w.must(err)
	return out
}

func (w *world) intact() {
	w.t.Helper()
	a, err := record.VerifyArchive(w.t.Context(), w.bucket, record.Prefix("c-1", id))
	if err != nil || len(a.Breaks) > 0 || !a.Closed {
		w.t.Errorf("archive %+v, %v", a, err)
	}
}

func (w *world) want(status incident.Status, applied int) {
	w.t.Helper()
	i := w.load()
	if got := i.Status(w.now); got != status {
		w.t.Errorf("status %s, want %s (%+v)", got, status, i.Closed)
	}
	if w.applied != applied {
		w.t.Errorf("%d changes were made, want %d", w.applied, applied)
	}
}

func TestNothingHappensWithoutAConfirmation(t *testing.T) {
	w := begin(t)
	w.run()
	w.want(incident.AwaitingConfirmation, 0)
}

func TestConfirmedExecutedVerifiedClosed(t *testing.T) {
	w := begin(t)
	w.decide(1, incident.Approve, "A", "ou_a")
	w.run()
	w.want(incident.Recovered, 1)
	w.intact()
	i := w.load()
	if v := i.Last().Execution.Verification; len(v) < 3 || v[len(v)-1].Clean < 3 {
		t.Errorf("closed after the looks %+v", v)
	}
	cards := len(w.cards)
	w.run() // a late duplicate of the event
	w.want(incident.Recovered, 1)
	if len(w.cards) != cards {
		t.Error("a late event changed the card of a closed incident")
	}
}

func TestAScaleOutThatDoesNotFitLeadsToANewPlan(t *testing.T) {
	w := begin(t)
	w.fits = 3
	w.decide(1, incident.Approve, "A", "ou_a")
	w.run()
	w.want(incident.AwaitingConfirmation, 1)
	i := w.load()
	if len(i.Rounds) != 2 || i.Last().Plan.Solutions[0].ID <= "B" {
		t.Fatalf("rounds %d, %+v", len(i.Rounds), i.Last().Plan)
	}
	if len(w.pings) != 1 || !strings.Contains(w.pings[0], "new confirmation") {
		t.Errorf("pings %q", w.pings)
	}
}

func TestEnds(t *testing.T) {
	for _, tc := range []struct {
		name   string
		do     func(*world)
		status incident.Status
	}{
		{"rejected", func(w *world) { w.decide(1, incident.Reject, "", "ou_a") }, incident.Rejected},
		{"expired", func(w *world) { w.now = t0.Add(31 * time.Minute) }, incident.Expired},
		{"confirmed too late", func(w *world) { w.now = t0.Add(31 * time.Minute); w.decide(1, incident.Approve, "A", "ou_a") }, incident.Expired},
		{"confirmed by a stranger", func(w *world) { w.decide(1, incident.Approve, "A", "ou_x"); w.now = t0.Add(31 * time.Minute) }, incident.Expired},
		{"cleared by itself", func(w *world) { w.firing, w.replicas, w.heals = false, 4, func(*world) bool { return true } }, incident.Recovered},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := begin(t)
			tc.do(w)
			w.run()
			w.want(tc.status, 0)
			w.intact()
		})
	}
}

func TestTheKillSwitchHoldsEverything(t *testing.T) {
	w := begin(t)
	w.decide(1, incident.Approve, "A", "ou_a")
	w.must(w.bucket.Put(t.Context(), record.PauseKey, []byte(`{"reason":"drill"}`)))
	w.run()
	w.want(incident.Executing, 0)
	if len(w.pings) != 1 || !strings.Contains(w.pings[0], "drill") {
		t.Errorf("pings %q", w.pings)
	}
	w.bucket = unpaused{w.bucket}
	w.run()
	w.want(incident.Recovered, 1)
}

type unpaused struct{ record.Bucket }

func (u unpaused) Get(ctx context.Context, key string) ([]byte, error) {
	if key == record.PauseKey {
		return (&record.Memory{}).Get(ctx, key)
	}
	return u.Bucket.Get(ctx, key)
}

func TestWhatCannotBeSeenIsNotRecovered(t *testing.T) {
	w := begin(t)
	w.decide(1, incident.Approve, "A", "ou_a")
	w.heals = func(w *world) bool { return false }
	w.aomDown = true
	w.run()
	if s := w.load().Status(w.now); s == incident.Recovered {
		t.Error("recovered with AOM unreadable")
	}
	w.want(w.load().Status(w.now), 1)
}

func TestUndoAfterWorse(t *testing.T) {
	w := begin(t)
	w.decide(1, incident.Approve, "A", "ou_a")
	w.heals = func(w *world) bool {
		if w.applied > 0 {
			w.fits = 1 // pods are lost after the change
		}
		return false
	}
	w.run()
	w.want(incident.Verifying, 1)
	w.decide(2, incident.Undo, "", "ou_b")
	w.run()
	w.want(incident.RolledBack, 1)
	if w.undone != 1 || w.replicas != 2 {
		t.Errorf("undone %d times, replicas %d", w.undone, w.replicas)
	}
	w.intact()
}

func TestABusyTurnIsLeftAlone(t *testing.T) {
	w := begin(t)
	w.decide(1, incident.Approve, "A", "ou_a")
	w.taken["incident-"+string(id)] = true
	if out := w.one(); fmt.Sprint(out) != "map[result:busy]" {
		t.Errorf("%v", out)
	}
	w.want(incident.Executing, 0)
}

func TestTheLastCardIsTriedAgain(t *testing.T) {
	w := begin(t)
	w.decide(1, incident.Approve, "A", "ou_a")
	w.cardErr = errors.New("lark is down")
	for range 8 {
		w.one()
	}
	if seal, err := w.book(t.Context()).ManifestHash(t.Context(), "c-1", id); err != nil || seal != "" {
		t.Errorf("sealed without the last card: %q %v", seal, err)
	}
	w.cardErr = nil
	w.run()
	w.want(incident.Recovered, 1)
	w.intact()
}

// TestDyingAnywhere kills the run at its n-th write to the store, for every n, and lets the platform deliver again.
func TestDyingAnywhere(t *testing.T) {
	for n := 1; ; n++ {
		w := begin(t)
		w.decide(1, incident.Approve, "A", "ou_a")
		d := &dying{Bucket: w.bucket, left: n}
		w.bucket = d
		for died := false; !died && w.load().Closed == nil; {
			died = w.dies()
		}
		survived := d.left > 0
		d.left = -1
		w.run()
		if w.applied != 1 || w.load().Status(w.now) != incident.Recovered {
			t.Fatalf("after dying at write %d: %d changes, status %s", n, w.applied, w.load().Status(w.now))
		}
		w.intact()
		if survived || n > 400 {
			if n < 10 {
				t.Fatalf("only %d writes were tried", n)
			}
			return
		}
	}
}

// dies runs execute once and says whether it was killed; its turns run out then.
func (w *world) dies() (died bool) {
	defer func() {
		p := recover()
		if err, ok := p.(error); ok && errors.Is(err, errDeath) {
			died, w.taken = true, map[string]bool{}
		} else if p != nil {
			panic(p)
		}
	}()
	_, err := w.flow().handle(w.t.Context(), []byte(`{"cluster":"c-1","incident":"`+string(id)+`"}`))
	w.must(err)
	return false
}

var errDeath = errors.New("killed")

// dying is a store at whose n-th write the process dies, before or after it took effect.
type dying struct {
	record.Bucket
	left int
}

func (d *dying) Put(ctx context.Context, key string, body []byte) error {
	if d.left > 0 {
		if d.left--; d.left == 0 {
			if len(key)%2 == 0 { // sometimes it had arrived
				if err := d.Bucket.Put(ctx, key, body); err != nil {
					return err
				}
			}
			panic(errDeath)
		}
	}
	return d.Bucket.Put(ctx, key, body)
}
