package diagnose

import (
	"fmt"
	"math"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// The states of a check.
const (
	good    = "ok"
	bad     = "bad"
	unknown = "unknown"
)

var alarmCheck = incident.Text{EN: "Alarm", ZH: "告警"}

// keyMetrics are the shares of a limit that a verification watches, and where they stop being fine.
var keyMetrics = []struct {
	name  string
	limit float64
	text  incident.Text
}{
	{"container_cpu_limit_ratio", 0.8, incident.Text{EN: "Container CPU of limit", ZH: "容器 CPU 使用率"}},
	{"container_memory_limit_ratio", 0.9, incident.Text{EN: "Container memory of limit", ZH: "容器内存使用率"}},
}

// focus is the object whose pods are counted and measured: what the treated cause is about, or for a change of nodes what it is for.
func (w trial) focus() incident.Target {
	if counted(w.cause.Target) {
		return w.cause.Target
	}
	for _, a := range w.cause.Affected {
		if counted(a) {
			return a
		}
	}
	for _, s := range w.Execution.Steps {
		if counted(s.Step.Target) {
			return s.Step.Target
		}
	}
	return w.cause.Target
}

func counted(t incident.Target) bool {
	switch t.Kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Service", "Pod":
		return true
	}
	return false
}

// checks are what this look saw, in the order people ask: the alarm, the cause, the pods, the metrics, the nodes.
func (w trial) checks() []incident.Check {
	out := []incident.Check{w.alarmCheck(), w.causeCheck()}
	if c, ok := w.podsCheck(); ok {
		out = append(out, c)
	}
	out = append(out, w.metricChecks()...)
	if c, ok := w.nodesCheck(); ok {
		out = append(out, c)
	}
	return out
}

func (w trial) alarmCheck() incident.Check {
	c := incident.Check{Name: alarmCheck, Want: "cleared"}
	if len(w.Incident.Alarms) == 0 {
		c.State, c.Now = good, "none"
		return c
	}
	c.Before = fmt.Sprintf("%d firing", len(w.Incident.Alarms))
	if !w.AlarmsKnown {
		c.State, c.Now = unknown, "AOM could not be asked"
		return c
	}
	firing := 0
	for _, a := range w.Now.Alarms {
		if a.Active() && a.Provider != alarm.FromInspect { // AOM does not know our own: for those the cause speaks
			firing++
		}
	}
	c.State, c.Now = good, "cleared"
	if firing > 0 {
		c.State, c.Now = bad, fmt.Sprintf("%d firing", firing)
	}
	return c
}

func (w trial) causeCheck() incident.Check {
	c := incident.Check{Name: incident.Text{EN: "Cause", ZH: "原因"}, Before: string(w.cause.Reason), Want: "gone", State: good, Now: "gone"}
	for _, f := range w.is.Causes {
		if f.Reason == w.cause.Reason && f.Target.Same(w.cause.Target) {
			c.State, c.Now = bad, string(f.Reason)
		}
	}
	if len(w.Now.Unreadable) > 0 && c.State == good && !w.visible() {
		c.State, c.Now = unknown, "could not be seen: "+strings.Join(w.Now.Unreadable, ", ")
	}
	return c
}

// visible says whether the sources that showed the cause could be read this time: a cause that cannot be seen is not gone.
func (w trial) visible() bool {
	for _, e := range w.cause.Evidence {
		for _, u := range w.Now.Unreadable {
			if sourceOf[u] == e.Source {
				return false
			}
		}
	}
	return true
}

// sourceOf maps the case file's names of sources to the kinds of evidence that come from them.
var sourceOf = map[string]incident.Source{
	"metrics": incident.FromMetric, "logs": incident.FromLog, "events": incident.FromEvent, "objects": incident.FromObject,
	"pods": incident.FromObject, "nodes": incident.FromObject, "changes": incident.FromChange, "alarms": incident.FromAlarm,
}

func (w trial) podsCheck() (incident.Check, bool) {
	before, wanted, known := readyOf(w.Before, w.focus())
	now, want, seen := readyOf(w.Now, w.focus())
	if !known && !seen {
		return incident.Check{}, false
	}
	c := incident.Check{Name: incident.Text{EN: "Pods ready", ZH: "就绪 Pod"}, Want: fmt.Sprintf("%d/%d", want, want), State: good}
	if known {
		c.Before = fmt.Sprintf("%d/%d", before, wanted)
	}
	switch {
	case !seen:
		c.State, c.Now = unknown, "could not be seen"
	case now < want:
		c.State, c.Now = bad, fmt.Sprintf("%d/%d%s", now, want, pending(w.Now, w.focus()))
	default:
		c.Now = fmt.Sprintf("%d/%d", now, want)
	}
	return c, true
}

// readyOf counts the ready pods of an object and those it wants.
func readyOf(s *observe.Snapshot, t incident.Target) (now, want int, known bool) {
	x := s.Index()
	pods := x.PodsOf(t)
	want, known = wanted(x, t)
	if !known {
		if len(pods) == 0 {
			return 0, 0, false
		}
		want = len(pods)
	}
	for _, p := range pods {
		if podReady(p) && p.DeletionTimestamp == nil {
			now++
		}
	}
	return now, want, true
}

func wanted(x *observe.Index, t incident.Target) (int, bool) {
	switch t.Kind {
	case "Deployment":
		if d := x.Deployment(t.Namespace, t.Name); d != nil {
			return count(d.Spec.Replicas), true
		}
	case "StatefulSet":
		if s := x.StatefulSet(t.Namespace, t.Name); s != nil {
			return count(s.Spec.Replicas), true
		}
	case "DaemonSet":
		if d := x.DaemonSet(t.Namespace, t.Name); d != nil {
			return int(d.Status.DesiredNumberScheduled), true
		}
	}
	return 0, false
}

// pending says in the scheduler's words why pods are not running, briefly.
func pending(s *observe.Snapshot, t incident.Target) string {
	for _, p := range s.Index().PodsOf(t) {
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Message != "" {
				first, _, _ := strings.Cut(c.Message, ". ")
				return ", " + quote(first)
			}
		}
	}
	return ""
}

func (w trial) metricChecks() []incident.Check {
	var out []incident.Check
	for _, m := range keyMetrics {
		was, before := peak(w.Before, m.name, w.focus(), time.Time{})
		is, now := peak(w.Now, m.name, w.focus(), w.Execution.DoneAt)
		if !before && !now {
			continue
		}
		c := incident.Check{Name: m.text, Want: fmt.Sprintf("< %.0f %%", m.limit*100), State: good}
		if before {
			c.Before = fmt.Sprintf("%.0f %%", was*100)
		}
		switch {
		case !now:
			c.State, c.Now = unknown, "no data"
		case is >= m.limit:
			c.State, c.Now = bad, fmt.Sprintf("%.0f %%", is*100)
		default:
			c.Now = fmt.Sprintf("%.0f %%", is*100)
		}
		out = append(out, c)
	}
	return out
}

// peak is the highest of an object's series, since an average hides the pod that suffers. A last point that is too old to speak of
// now, or from before since, or no number (a quotient of nothing is NaN) is no data.
func peak(s *observe.Snapshot, metric string, t incident.Target, since time.Time) (float64, bool) {
	highest, found := 0.0, false
	for _, line := range s.Index().SeriesOf(metric, t) {
		p, ok := line.Last()
		if !ok || s.At.Sub(p.At) > lag+usualPeriod*2 || p.At.Before(since.Truncate(time.Second)) || math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
			continue
		}
		if !found || p.Value > highest {
			highest, found = p.Value, true
		}
	}
	return highest, found
}

func (w trial) nodesCheck() (incident.Check, bool) {
	if len(w.Now.Objects.Nodes) == 0 && len(w.Before.Objects.Nodes) == 0 {
		return incident.Check{}, false
	}
	tally := func(s *observe.Snapshot) (ok, all int) {
		for _, n := range s.Objects.Nodes {
			all++
			if nodeReady(n) == corev1.ConditionTrue {
				ok++
			}
		}
		return ok, all
	}
	okBefore, allBefore := tally(w.Before)
	okNow, allNow := tally(w.Now)
	c := incident.Check{
		Name: incident.Text{EN: "Nodes ready", ZH: "就绪节点"}, Before: fmt.Sprintf("%d/%d", okBefore, allBefore), Now: fmt.Sprintf("%d/%d", okNow, allNow),
		Want: fmt.Sprintf("≥ %d", okBefore), State: good,
	}
	if okNow < okBefore {
		c.State = bad
	}
	return c, true
}
