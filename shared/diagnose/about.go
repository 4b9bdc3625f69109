package diagnose

import (
	"slices"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// ownWord is how sure a cause at the alarm's own object must be to be told before surer ones elsewhere that reach it.
const ownWord = 0.6

// About is the part of a diagnosis that one incident is about: the causes that stand in some relation to the objects of its alarms and
// to more, those at these objects first. A cluster has more than one trouble at a time, and a card that offers to repair another one
// would be confirmed for the wrong reason. What concerns a whole node, namespace or cluster stays wherever it can reach. With alarms
// that name no object, or a question in words, everything stays.
func About(s *observe.Snapshot, d incident.Diagnosis, alarms []alarm.Alarm, more ...incident.Target) incident.Diagnosis {
	v, failure := viewOf(s)
	if failure != "" || s.Question != "" || len(alarms) == 0 || len(d.Causes) == 0 {
		return d
	}
	about := incident.Finding{Affected: slices.Clone(more)}
	for _, a := range alarms {
		targets := v.alarmTargets(a)
		if len(targets) == 0 {
			return d
		}
		about.Affected = unite(about.Affected, targets)
	}
	c := concern{v: v, about: about.Affected, reach: v.widened(&about), effects: d.Effects}
	chain := c.chain(d.Causes)
	var own, other, elsewhere []incident.Finding
	for i := range d.Causes {
		f := d.Causes[i]
		switch {
		case c.own(&f) && f.Confidence >= ownWord:
			own = append(own, f)
		case c.own(&f) || chain[f.Reason] || c.reached(&f):
			other = append(other, f)
		default:
			elsewhere = append(elsewhere, f)
		}
	}
	d.Causes = slices.Concat(own, other)
	d.Effects = slices.DeleteFunc(slices.Clone(d.Effects), func(e incident.Finding) bool {
		return !touchesAny(&e, about.Affected) && !slices.ContainsFunc(d.Causes, func(f incident.Finding) bool { return f.Reason == e.ExplainedBy })
	})
	if len(d.Causes) == 0 {
		d.Verdict, d.Look = incident.InsufficientEvidence, v.lookElsewhere(alarms, elsewhere)
	}
	return d
}

// lookElsewhere is where a person looks when nothing that was found belongs to the alarms.
func (v *view) lookElsewhere(alarms []alarm.Alarm, elsewhere []incident.Finding) []string {
	var out []string
	for _, a := range alarms {
		if a.Active() {
			out = unite(out, []string{v.lookAt(a)})
		}
	}
	for _, f := range elsewhere {
		out = append(out, quote(f.Target.String()+": "+incident.Info(f.Reason).Title.EN+"; elsewhere in the cluster, and no connection with this alarm can be seen"))
	}
	return out
}

// concern is what an incident is about, as objects that others depend on.
type concern struct {
	v       *view
	about   []incident.Target
	reach   *reachOf
	effects []incident.Finding
}

// widened is reach with what the Services select: who speaks of a Service means its pods as well.
func (v *view) widened(f *incident.Finding) *reachOf {
	r := v.reach(f)
	for s := range r.services {
		for _, w := range v.apps().behind[s] {
			r.workloads[w] = true
		}
	}
	return r
}

// own says whether a cause is at one of the objects themselves.
func (c concern) own(f *incident.Finding) bool {
	return touchesAny(f, c.about) || shares(c.v.widened(f), c.reach)
}

// reached says whether a cause can reach the objects from where it is.
func (c concern) reached(f *incident.Finding) bool {
	at := c.v.widened(f)
	switch {
	case f.Target.Kind == "Node":
		return c.reach.nodes[f.Target.Name] || c.reach.node != "" && f.Target.Name == c.reach.node || len(c.reach.workloads) == 0
	case f.Target.Kind == "Namespace", f.Target.Kind == "ResourceQuota", f.Target.Kind == "NetworkPolicy":
		return c.inNamespace(f)
	case f.Target.Namespace == "", f.Target.Namespace == "kube-system":
		return true
	case c.reach.node != "" && at.nodes[c.reach.node]:
		return true
	case c.v.callsAny(c.reach, at), c.v.callsAny(at, c.reach):
		return true
	}
	return len(at.workloads) == 0 && len(at.services) == 0 && c.inNamespace(f) || c.unresolved() && c.inNamespace(f)
}

// inNamespace says whether a cause and one of the objects share a namespace, or the object is the whole cluster's.
func (c concern) inNamespace(f *incident.Finding) bool {
	namespace := f.Target.Namespace
	if f.Target.Kind == "Namespace" {
		namespace = f.Target.Name
	}
	return slices.ContainsFunc(c.about, func(t incident.Target) bool {
		return t.Namespace == namespace || t.Kind == "Namespace" && t.Name == namespace
	})
}

// chain is every reason that explains an effect at one of the objects, over any number of effects between, but for those of which
// one of the objects has a cause of its own: of two like troubles each incident tells its own.
func (c concern) chain(causes []incident.Finding) map[incident.Reason]bool {
	out := map[incident.Reason]bool{}
	for grown := true; grown; {
		grown = false
		for _, e := range c.effects {
			if e.ExplainedBy != "" && !out[e.ExplainedBy] && (touchesAny(&e, c.about) || out[e.Reason]) {
				out[e.ExplainedBy], grown = true, true
			}
		}
	}
	for i := range causes {
		if c.own(&causes[i]) {
			delete(out, causes[i].Reason)
		}
	}
	return out
}

// unresolved says whether nothing is known of what the objects depend on, and they are not workloads that are merely gone.
func (c concern) unresolved() bool {
	gone := func(t incident.Target) bool { return runsPods(t.Kind) }
	return len(c.reach.workloads) == 0 && len(c.reach.services) == 0 && !slices.ContainsFunc(c.about, gone)
}

// runsPods says whether an object of a kind is a pod or what makes pods.
func runsPods(kind string) bool {
	return slices.Contains([]string{"Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"}, kind)
}
