package diagnose

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

var verified = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

// sight is what a look at the one Deployment of a small cluster shows.
type sight struct {
	ready   int     // of its pods; it wants as many as cpu has values for
	cpu     float64 // of the limit, of every pod
	points  int     // of the metric, one a minute; 0: 30
	age     time.Duration
	firing  bool
	aomDown bool
	broken  bool // another Deployment's new pod cannot pull its image
	nodes   int  // that are ready, of two
}

const wants = 4

func (s sight) snapshot(t *testing.T, at time.Time) *observe.Snapshot {
	t.Helper()
	var objects []string
	for n := range 2 {
		objects = append(objects, fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":"n%[1]d","uid":"n%[1]d"},"status":{"allocatable":{"cpu":"8","memory":"16Gi","pods":"110"},"conditions":[{"type":"Ready","status":"%[2]s"}]}}`,
			n, map[bool]string{true: "True", false: "Unknown"}[n < s.nodes]))
	}
	objects = append(objects, deployed("web", wants, s.ready)...)
	for n := range wants {
		objects = append(objects, podOf("web", n, n < s.ready, ""))
	}
	if s.broken {
		objects = append(append(objects, deployed("cart", 1, 0)...), podOf("cart", 0, false, at.Add(-time.Minute).Format(time.RFC3339)))
	}
	snap, err := observe.ReadCase(fmt.Appendf(nil, `{"version":1,"at":%q,"cluster":{"id":"c-1","name":"demo"},"objects":[%s]}`, at.Format(time.RFC3339), strings.Join(objects, ",")))
	if err != nil {
		t.Fatal(err)
	}
	for n := range wants {
		line := observe.Series{Labels: map[string]string{"__name__": "container_cpu_limit_ratio", "namespace": "default", "pod": fmt.Sprintf("web-%d", n), "container": "app"}}
		points := s.points
		if points == 0 {
			points = 30
		}
		for m := points - 1; m >= 0; m-- {
			line.Points = append(line.Points, observe.Point{At: at.Add(-s.age - time.Duration(m)*time.Minute), Value: s.cpu})
		}
		if points > 0 {
			snap.Series = append(snap.Series, line)
		}
	}
	a := alarm.Alarm{ID: "1", SN: "11", Name: "cpu-rule", FiredAt: verified.Add(-10 * time.Minute)}
	if !s.firing {
		a.ClearedAt = at
	}
	snap.Alarms = []alarm.Alarm{a}
	return snap
}

func deployed(name string, want, ready int) []string {
	return []string{
		fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"namespace":"default","name":"%[1]s","uid":"d-%[1]s","generation":1},"spec":{"replicas":%[2]d,"selector":{"matchLabels":{"app":"%[1]s"}},"template":{"metadata":{"labels":{"app":"%[1]s"}},"spec":{"containers":[{"name":"app","image":"r/%[1]s:1","resources":{"requests":{"cpu":"1"},"limits":{"cpu":"1"}}}]}}},"status":{"observedGeneration":1,"replicas":%[2]d,"updatedReplicas":%[2]d,"readyReplicas":%[3]d,"availableReplicas":%[3]d}}`, name, want, ready),
		fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"namespace":"default","name":"%[1]s-1","uid":"r-%[1]s","labels":{"app":"%[1]s"},"annotations":{"deployment.kubernetes.io/revision":"1"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"%[1]s","uid":"d-%[1]s","controller":true}]},"spec":{"replicas":%[2]d,"selector":{"matchLabels":{"app":"%[1]s"}},"template":{"metadata":{"labels":{"app":"%[1]s"}},"spec":{"containers":[{"name":"app","image":"r/%[1]s:1"}]}}}}`, name, want),
	}
}

// podOf is a pod of a Deployment; one with a failed since cannot pull its image since then.
func podOf(name string, n int, ready bool, failed string) string {
	condition, state := "True", `"ready":true,"state":{"running":{"startedAt":"2026-11-22T05:00:00Z"}}`
	created, phase := "2026-11-22T05:00:00Z", "Running"
	if !ready {
		condition, state = "False", `"ready":false,"state":{"running":{"startedAt":"2026-11-22T05:00:00Z"}}`
	}
	if failed != "" {
		created, phase = failed, "Pending"
		state = `"ready":false,"image":"r/cart:2","state":{"waiting":{"reason":"ImagePullBackOff","message":"Back-off pulling image \"r/cart:2\": not found"}}`
	}
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"default","name":"%[1]s-%[2]d","uid":"p-%[1]s-%[2]d","creationTimestamp":%[3]q,"labels":{"app":"%[1]s"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"%[1]s-1","uid":"r-%[1]s","controller":true}]},"spec":{"nodeName":"n%[4]d","containers":[{"name":"app","image":"r/%[1]s:1","resources":{"requests":{"cpu":"1"},"limits":{"cpu":"1"}}}]},"status":{"phase":%[5]q,"startTime":%[3]q,"conditions":[{"type":"Ready","status":%[6]q,"lastTransitionTime":%[3]q},{"type":"PodScheduled","status":"True"}],"containerStatuses":[{"name":"app",%[7]s}]}}`,
		name, n, created, n%2, phase, condition, state)
}

// verifying is a scale-out that was done at verified, looked at again and again.
type verifying struct {
	t      *testing.T
	before *observe.Snapshot
	inc    *incident.Incident
	x      *incident.Execution
	now    time.Time
	plan   Schedule
}

func newVerifying(t *testing.T) *verifying {
	web := incident.Target{Kind: "Deployment", Namespace: "default", Name: "web"}
	v := &verifying{t: t, now: verified, plan: Window(alarm.Rule{})}
	v.before = sight{ready: 2, cpu: 0.95, firing: true, nodes: 2}.snapshot(t, verified.Add(-5*time.Minute))
	v.x = &incident.Execution{
		Round: 1, StartedAt: verified.Add(-time.Minute), DoneAt: verified, Confirmation: incident.Confirmation{Solution: "A"},
		Steps: []incident.StepRun{{Step: incident.Step{ID: "A1", Action: incident.ScaleOut, Target: web}, State: incident.StepSettled}},
	}
	v.inc = &incident.Incident{Alarms: v.before.Alarms, Rounds: []incident.Round{{
		Number: 1, Diagnosis: incident.Diagnosis{Causes: []incident.Finding{{Reason: "ContainerCpuSaturated", Target: web, Evidence: []incident.Evidence{{Source: incident.FromMetric}}}}},
		Plan: &incident.Plan{Round: 1, Solutions: []incident.Solution{{ID: "A"}}},
	}}}
	return v
}

// look takes one look and moves the clock to the next.
func (v *verifying) look(s sight) incident.Verification {
	v.t.Helper()
	got := Verify(Trial{Before: v.before, Now: s.snapshot(v.t, v.now), Incident: v.inc, Execution: v.x, AlarmsKnown: !s.aomDown, Plan: v.plan})
	v.x.Verification = append(v.x.Verification, got)
	v.now = v.now.Add(v.plan.Interval)
	return got
}

var healthy = sight{ready: wants, cpu: 0.4, nodes: 2}

func TestConvergedTakesSeveralCleanLooksInARow(t *testing.T) {
	firing := healthy
	firing.firing = true
	for name, c := range map[string]struct {
		looks []sight
		clean []int
		final bool
	}{
		"three":                             {[]sight{healthy, healthy, healthy}, []int{1, 2, 3}, true},
		"two":                               {[]sight{healthy, healthy}, []int{1, 2}, false},
		"the alarm came back in between":    {[]sight{healthy, healthy, firing, healthy, healthy}, []int{1, 2, 0, 1, 2}, false},
		"the alarm came back, then it went": {[]sight{healthy, firing, healthy, healthy, healthy}, []int{1, 0, 1, 2, 3}, true},
	} {
		v := newVerifying(t)
		var last incident.Verification
		for n, s := range c.looks {
			if last = v.look(s); last.Clean != c.clean[n] {
				t.Errorf("%s: look %d: %d clean looks, want %d: %+v", name, n+1, last.Clean, c.clean[n], last.Checks)
			}
		}
		if last.Final != c.final {
			t.Errorf("%s: final %v, want %v", name, last.Final, c.final)
		}
	}
}

// TestBothSignalsAreNeeded: neither a cleared alarm nor a fine metric alone is a recovery, and what cannot be seen is no good news.
func TestBothSignalsAreNeeded(t *testing.T) {
	with := func(change func(*sight)) sight {
		s := healthy
		s.ready = 2 // as before the change, so that no other good news speaks
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		see  sight
		want incident.Outcome
	}{
		"everything is fine":                     {healthy, incident.Converged},
		"the alarm is active, the metrics fine":  {with(func(s *sight) { s.firing, s.ready = true, wants }), incident.Improving},
		"the alarm cleared, the metrics are not": {with(func(s *sight) { s.cpu = 0.95 }), incident.Unchanged},
		"no metrics":                             {with(func(s *sight) { s.points = -1 }), incident.Inconclusive},
		"NaN":                                    {with(func(s *sight) { s.cpu = math.NaN() }), incident.Inconclusive},
		"infinite":                               {with(func(s *sight) { s.cpu = math.Inf(-1) }), incident.Inconclusive},
		"the metrics have stopped":               {with(func(s *sight) { s.age = 10 * time.Minute }), incident.Inconclusive},
		"they have stopped at the change":        {with(func(s *sight) { s.age = time.Minute }), incident.Inconclusive},
		"AOM does not answer":                    {sight{ready: wants, cpu: 0.95, nodes: 2, aomDown: true}, incident.Improving},
		"fewer pods are ready":                   {with(func(s *sight) { s.ready = 1 }), incident.Worse},
		"something else broke":                   {sight{ready: wants, cpu: 0.4, nodes: 2, broken: true}, incident.Worse},
	} {
		v := newVerifying(t)
		got := v.look(c.see)
		if got.Outcome != c.want {
			t.Errorf("%s: %s, want %s (%+v; new %+v)", name, got.Outcome, c.want, got.Checks, got.New)
		}
		if (got.Clean > 0) != (c.want == incident.Converged) {
			t.Errorf("%s: %d clean looks", name, got.Clean)
		}
	}
}

// TestAVerificationEnds: with the window, as what the last look was, and never as converged on too few clean looks.
func TestAVerificationEnds(t *testing.T) {
	blind := healthy
	blind.ready, blind.points = 2, -1
	firing := healthy
	firing.firing, firing.cpu, firing.ready = true, 0.95, 2
	for name, c := range map[string]struct {
		see  sight
		last sight
		want incident.Outcome
	}{
		"nothing to be seen":       {blind, blind, incident.Inconclusive},
		"nothing changed":          {firing, firing, incident.Unchanged},
		"clean at the last moment": {firing, healthy, incident.Improving},
	} {
		v := newVerifying(t)
		end := verified.Add(v.plan.Window)
		var got incident.Verification
		for got = v.look(c.see); !got.Final; {
			if v.now.After(end.Add(-v.plan.Interval)) {
				v.now = end
				got = v.look(c.last)
				break
			}
			got = v.look(c.see)
		}
		if !got.Final || got.Outcome != c.want {
			t.Errorf("%s: %s, final %v, want %s", name, got.Outcome, got.Final, c.want)
		}
	}
}

func TestWindowFollowsTheRule(t *testing.T) {
	for _, c := range []struct {
		rule   alarm.Rule
		window time.Duration
		every  time.Duration
	}{
		{alarm.Rule{}, 5 * time.Minute, 30 * time.Second}, // deleted meanwhile, or not readable: CCE's usual rule
		{alarm.Rule{Period: 15 * time.Second, Times: 1}, 2*time.Minute + 15*time.Second, 10 * time.Second},
		{alarm.Rule{Period: 5 * time.Minute, Times: 3}, 17 * time.Minute, time.Minute},
		{alarm.Rule{Period: time.Minute, Times: 1, For: 4 * time.Minute}, 7 * time.Minute, 30 * time.Second},
	} {
		if got := Window(c.rule); got.Window != c.window || got.Interval != c.every || got.Clean < 2 {
			t.Errorf("%+v: %+v, want %s every %s", c.rule, got, c.window, c.every)
		}
	}
}
