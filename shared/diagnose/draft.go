package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// draft is a finding in the making. Its methods quote: every statement names the exact field, event, line or sample it was read
// from, so that a reader can check it.
type draft struct {
	v        *view
	f        incident.Finding
	strength float64 // how directly the evidence shows this reason: 1 it says so, less when it is inferred
}

// draft begins a finding. Its strength is 1 until said otherwise.
func (v *view) draft(r incident.Reason, t incident.Target) *draft {
	return &draft{v: v, f: incident.Finding{Reason: r, Target: t}, strength: 1}
}

// say is what is broken in one sentence; the time since when is added to it.
func (d *draft) say(en, zh string) *draft {
	d.f.Summary = incident.Text{EN: en, ZH: zh}
	return d
}

func (d *draft) weigh(strength float64) *draft {
	d.strength = strength
	return d
}

// since keeps the earliest time that is known of the fault.
func (d *draft) since(t time.Time) *draft {
	if !t.IsZero() && !t.After(d.v.At) && (d.f.Since.IsZero() || t.Before(d.f.Since)) {
		d.f.Since = t.UTC()
	}
	return d
}

func (d *draft) add(source incident.Source, at time.Time, about incident.Target, format string, args ...any) *draft {
	d.f.Evidence = append(d.f.Evidence, incident.Evidence{
		Source: source, Statement: quoteTo(fmt.Sprintf(format, args...), 2*longest), Target: about, At: at.UTC(),
	})
	return d
}

// object quotes fields of an object.
func (d *draft) object(about incident.Target, format string, args ...any) *draft {
	return d.add(incident.FromObject, time.Time{}, about, format, args...)
}

// event quotes one event. A nil event adds nothing.
func (d *draft) event(e *corev1.Event) *draft {
	if e == nil {
		return d
	}
	times := ""
	if n := observe.Times(e); n > 1 {
		times = fmt.Sprintf(" (×%d)", n)
	}
	return d.add(incident.FromEvent, observe.LastSeen(e), involved(e), "%s%s: %s", e.Reason, times, quote(e.Message))
}

// line quotes one line of a log.
func (d *draft) line(about incident.Target, container, line string) *draft {
	where := "log"
	if container != "" {
		where = "log of " + container
	}
	return d.add(incident.FromLog, time.Time{}, about, "%s: %q", where, quote(line))
}

func (d *draft) metric(about incident.Target, at time.Time, format string, args ...any) *draft {
	return d.add(incident.FromMetric, at, about, format, args...)
}

func (d *draft) change(c observe.Change, format string, args ...any) *draft {
	return d.add(incident.FromChange, c.At, c.Target, format, args...)
}

// against states what speaks against the finding; it lowers the confidence.
func (d *draft) against(format string, args ...any) *draft {
	d.f.Counter = append(d.f.Counter, quote(fmt.Sprintf(format, args...)))
	return d
}

func (d *draft) affects(targets ...incident.Target) *draft {
	for _, t := range targets {
		if !slices.Contains(d.f.Affected, t) {
			d.f.Affected = append(d.f.Affected, t)
		}
	}
	return d
}

func (d *draft) affectsPods(pods ...*corev1.Pod) *draft {
	for _, p := range pods {
		d.affects(podTarget(p))
	}
	return d
}

// fact keeps a value for the playbook under one of the keys of facts.go. An empty value is not kept.
func (d *draft) fact(key, value string) *draft {
	if value == "" {
		return d
	}
	if d.f.Facts == nil {
		d.f.Facts = map[string]string{}
	}
	d.f.Facts[key] = value
	return d
}

func (d *draft) number(key string, value int64) *draft {
	return d.fact(key, strconv.FormatInt(value, 10))
}

// done closes the finding: evidence in order, confidence earned, and the time since when in the sentence.
func (d *draft) done() incident.Finding {
	f := d.f
	sortEvidence(f.Evidence)
	slices.SortFunc(f.Affected, compareTargets)
	f.Confidence = confidence(d.strength, f.Evidence, f.Counter)
	f.Summary = d.v.sentence(f.Summary, f.Since)
	return f
}

// sentence adds the time to a summary: "… since 06:41 UTC (19 min)".
func (v *view) sentence(t incident.Text, since time.Time) incident.Text {
	t.EN, t.ZH = quoteTo(strings.TrimSuffix(t.EN, "."), 2*longest), quoteTo(strings.TrimSuffix(t.ZH, "。"), 2*longest)
	if !since.IsZero() {
		layout := "15:04 UTC"
		if since.UTC().YearDay() != v.At.UTC().YearDay() || since.Year() != v.At.Year() {
			layout = "2006-01-02 15:04 UTC"
		}
		t.EN += fmt.Sprintf(", since %s (%s)", since.UTC().Format(layout), spanEN(v.At.Sub(since)))
		t.ZH += fmt.Sprintf("，自 %s 起（%s）", since.UTC().Format(layout), spanZH(v.At.Sub(since)))
	}
	t.EN, t.ZH = upperFirst(t.EN)+".", t.ZH+"。"
	return t
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func spanEN(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func spanZH(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d 秒", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d 分钟", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d 小时", int(d.Hours()))
	}
	return fmt.Sprintf("%d 天", int(d.Hours()/24))
}

func compareTargets(a, b incident.Target) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

var sourceOrder = map[incident.Source]int{
	incident.FromObject: 0, incident.FromEvent: 1, incident.FromLog: 2, incident.FromMetric: 3, incident.FromChange: 4, incident.FromAlarm: 5,
}

// sortEvidence puts the strongest kinds first and is stable in everything else.
func sortEvidence(e []incident.Evidence) {
	slices.SortStableFunc(e, func(a, b incident.Evidence) int {
		return cmp.Or(cmp.Compare(sourceOrder[a.Source], sourceOrder[b.Source]), compareTargets(a.Target, b.Target),
			a.At.Compare(b.At), cmp.Compare(a.Statement, b.Statement))
	})
}
