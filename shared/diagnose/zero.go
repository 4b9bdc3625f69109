package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// zero is a workload that was scaled to nothing while others still count on it. Nobody counting on it, it rests by intent.
func (g *gather) zero(w *workload) {
	if w.desired != 0 || w.target.Kind != "Deployment" && w.target.Kind != "StatefulSet" {
		return
	}
	v := g.v
	callers := v.apps().dependents(w)
	var routes []string
	for _, k := range v.apps().fronts[w] {
		for _, i := range v.Objects.Ingresses {
			if i.Namespace == k.namespace && routesTo(i, k.name) {
				routes = append(routes, i.Name)
			}
		}
	}
	e := v.scaledDown(w)
	change, changed := v.scalingChange(w)
	wanted := v.asked(w.target)
	front := len(v.apps().fronts[w]) > 0
	strength := 0.0
	switch {
	case len(callers) > 0 || len(routes) > 0 || v.isResolver(w):
		strength = 0.95
	case wanted:
		strength = 0.9
	case front && (e != nil || changed):
		strength = 0.8
	case front && v.unexplainedFailures(w):
		strength = 0.7
	default:
		return
	}
	d, _ := g.on(incident.ReplicasScaledToZero, w.target)
	d.weigh(strength)
	d.say(fmt.Sprintf("%s was scaled to zero while %s", w.target, cmpOr(callersText(callers), "a Service still points to it")),
		fmt.Sprintf("%s 副本数被设为 0，仍有依赖方", w.target)).affects(w.target)
	d.object(w.target, "spec.replicas: 0")
	for i, c := range callers {
		if i == 3 {
			break
		}
		d.object(c.target, "calls it through Service %s", v.frontBetween(c, w))
	}
	for _, n := range routes {
		d.object(incident.Target{Kind: "Ingress", Namespace: w.target.Namespace, Name: n}, "routes to it")
	}
	if e != nil {
		d.event(e).since(observe.LastSeen(e)).fact(FactFormerReplicas, scaledFrom(e.Message))
	}
	if changed {
		d.change(change, "%s %s%s: %s → %s", change.Verb, change.Target, byWhom(change), quote(change.Before), quote(change.After)).since(change.At)
	}
	d.number(FactReplicas, 0)
}

// unexplainedFailures says whether workloads of the same namespace began to fail requests, while all of them have their pods: then
// something is missing that they need.
func (v *view) unexplainedFailures(w *workload) bool {
	n := 0
	for _, x := range v.inSpace[w.target.Namespace] {
		if x.isJob() || x == w {
			continue
		}
		if x.desired > 0 && !v.allReady(x) {
			return false
		}
		if _, ok := v.failing(x); ok {
			n++
		}
	}
	return n > 0
}

func callersText(callers []*workload) string {
	switch len(callers) {
	case 0:
		return ""
	case 1:
		return callers[0].target.Name + " calls it"
	}
	return fmt.Sprintf("%s and %d more call it", callers[0].target.Name, len(callers)-1)
}

func (v *view) frontBetween(caller, callee *workload) string {
	for _, k := range v.apps().fronts[callee] {
		if v.apps().callees[caller][k] {
			return k.name
		}
	}
	return ""
}

var scaledTo = regexp.MustCompile(`(?i)scaled down replica set \S+ (?:from (\d+) )?to 0(?: from (\d+))?`)

// scaledDown is the event that says so, unless it belongs to a rollout.
func (v *view) scaledDown(w *workload) *corev1.Event {
	all := v.eventsOf(w.target)
	for i := len(all) - 1; i >= 0; i-- {
		e := all[i]
		if e.Reason == "ScalingReplicaSet" && scaledTo.MatchString(e.Message) {
			return e
		}
		if e.Reason == "SuccessfulDelete" && w.target.Kind == "StatefulSet" {
			return e
		}
	}
	return nil
}

func scaledFrom(message string) string {
	if m := scaledTo.FindStringSubmatch(message); m != nil {
		return cmpOr(m[1], m[2])
	}
	return ""
}

func (v *view) scalingChange(w *workload) (observe.Change, bool) {
	for i := len(v.Changes) - 1; i >= 0; i-- {
		c := v.Changes[i]
		if c.Target.Same(w.target) && (strings.Contains(c.Verb, "scale") || strings.Contains(c.After, "replicas")) {
			return c, true
		}
	}
	return observe.Change{}, false
}
