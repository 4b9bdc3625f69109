package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// sureEnough is the confidence below which a finding is a hint, not a cause: it is told, and the verdict stays open.
const sureEnough = 0.35

// conclude decides the verdict. A symptom is never a cause: one that nothing explains, or an active alarm that no finding is
// about, means that something is wrong and the evidence does not say what. Nothing wrong at all is healthy, unless what would
// have told otherwise could not be read.
func (v *view) conclude(d *incident.Diagnosis) {
	if slices.ContainsFunc(d.Causes, func(f incident.Finding) bool {
		return f.Confidence >= sureEnough && !incident.Info(f.Reason).Symptom
	}) {
		d.Verdict = incident.Fault
		return
	}
	for _, f := range d.Causes {
		i := incident.Info(f.Reason)
		d.Look = append(d.Look, fmt.Sprintf("%s: %s. %s", f.Target, i.Title.EN, i.Advice.EN))
	}
	for _, a := range v.Alarms {
		if a.Active() && !informational(a) {
			d.Look = append(d.Look, v.lookAt(a))
		}
	}
	if v.blind() {
		d.Look = append(d.Look, "pods and nodes of the cluster: they could not be read, so nothing can be said of them")
	}
	slices.Sort(d.Look)
	d.Look = slices.Compact(d.Look)
	if len(d.Look) > 0 {
		d.Verdict = incident.InsufficientEvidence
		return
	}
	d.Verdict = incident.Healthy
}

// blind says whether the sources without which no cluster can be called healthy are missing.
func (v *view) blind() bool {
	if len(v.Objects.Pods) == 0 && len(v.Objects.Nodes) == 0 {
		return true
	}
	return slices.ContainsFunc(v.Unreadable, func(s string) bool {
		s = strings.ToLower(s)
		return s == "objects" || s == "pods" || s == "nodes" || s == "kubernetes"
	})
}

func (v *view) lookAt(a alarm.Alarm) string {
	about := "the cluster"
	if t := v.alarmTargets(a); len(t) > 0 {
		about = t[0].String()
	}
	candidates := ""
	if e, ok := a.Entry(); ok && len(e.Reasons) > 0 {
		candidates = "; worth checking: " + strings.Join(e.Reasons[:min(len(e.Reasons), 5)], ", ")
	}
	return fmt.Sprintf("%s: alarm %s is firing and nothing that was read explains it; %s%s",
		about, alarmName(a), commandFor(a.Object), candidates)
}

// commandFor is the first thing a person would type about an object. Only names that Kubernetes itself allows are put into it.
func commandFor(o alarm.Object) string {
	if !objectName(o.Name) || (o.Namespace != "" && !objectName(o.Namespace)) {
		return "read the alarm and the events of the cluster"
	}
	if o.Namespace == "" {
		return fmt.Sprintf("kubectl describe %s %s", strings.ToLower(o.Kind), o.Name)
	}
	return fmt.Sprintf("kubectl describe %s %s -n %s", strings.ToLower(o.Kind), o.Name, o.Namespace)
}

// objectName says whether a text can be the name of a Kubernetes object: anything else must not reach a command line.
func objectName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
	}) < 0
}

// informational says whether an alarm reports that something happened, or only that the alarm path works: an alarm that always
// fires, and notices of finished work that CCE lists as important.
func informational(a alarm.Alarm) bool {
	return a.Severity == alarm.Info || a.Urgency() == alarm.Inform
}

// alarmTargets are the objects an alarm is about: the one it names, and the workload above it.
func (v *view) alarmTargets(a alarm.Alarm) []incident.Target {
	o := a.Object
	if o.Kind == "Container" && o.Name != "" {
		o.Kind = "Pod"
	}
	var out []incident.Target
	if o.Name != "" {
		out = append(out, incident.Target{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name})
	}
	if o.Kind == "Pod" || o.Kind == "ReplicaSet" || o.Kind == "Job" {
		out = append(out, v.above(o.Kind, o.Namespace, o.Name)...)
	}
	if o.Node != "" && o.Kind != "Node" && o.Name == "" {
		out = append(out, nodeTarget(o.Node))
	}
	return out
}

// above is the workload that an object belongs to, also when the object itself is gone and only its name is left.
func (v *view) above(kind, namespace, n string) []incident.Target {
	if kind == "Pod" {
		if p := v.idx.Pod(namespace, n); p != nil {
			return []incident.Target{v.owner[p].target}
		}
	}
	for _, w := range v.inSpace[namespace] {
		rest, ok := strings.CutPrefix(n, w.target.Name+"-")
		if !ok {
			continue
		}
		if kind == "ReplicaSet" && !strings.Contains(rest, "-") || kind == "Pod" && strings.Count(rest, "-") <= 1 {
			return []incident.Target{w.target}
		}
	}
	return nil
}
