package diagnose

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// nodeChanges are changes of nodes and pools that a person made before pods began to find no place: a cordon, a taint, a label, a
// node taken away, a pool made smaller.
func (g *gather) nodeChanges() {
	v := g.v
	for _, c := range v.Changes {
		verb := strings.ToLower(c.Verb)
		if c.Target.Kind != "Node" && c.Target.Kind != "NodePool" || ourOwn(c) || !v.recent(c.At, 6*time.Hour) || strings.HasPrefix(verb, "get") || strings.HasPrefix(verb, "list") {
			continue
		}
		waiting := v.waitingSince(c)
		if len(waiting) == 0 {
			continue
		}
		t := incident.Target{Kind: c.Target.Kind, Name: c.Target.Name}
		d, fresh := g.on(incident.ChangeNodeInfra, t)
		if fresh {
			d.say(fmt.Sprintf("%s was changed (%s), and pods find no node since", t, quoteTo(c.Verb, 40)), fmt.Sprintf("%s 被变更（%s），随后 Pod 无法调度", t, quoteTo(c.Verb, 40))).weigh(0.85)
		}
		d.since(c.At).change(c, "%s %s%s: %s → %s", quoteTo(c.Verb, 40), c.Target, byWhom(c), quote(c.Before), quote(c.After))
		for _, w := range waiting {
			d.affects(w.target)
			if !d.wordy() {
				d.object(w.target, "%d of its pods find no node since", len(v.unplaced(w)))
			}
		}
	}
}

// waitingSince are the workloads with pods that have been waiting for a node since a change, none of them from before it.
func (v *view) waitingSince(c observe.Change) []*workload {
	var out []*workload
	for _, w := range v.workloads {
		all := v.unplaced(w)
		since := len(all) > 0
		for _, p := range all {
			since = since && p.CreationTimestamp.After(c.At.Add(-2*time.Minute)) && p.CreationTimestamp.Time.Before(c.At.Add(2*time.Hour))
		}
		if since {
			out = append(out, w)
		}
	}
	return out
}

func (v *view) unplaced(w *workload) []*corev1.Pod {
	var out []*corev1.Pod
	for _, p := range w.live() {
		if c := condition(p, corev1.PodScheduled); p.Spec.NodeName == "" && c != nil && c.Status == corev1.ConditionFalse {
			out = append(out, p)
		}
	}
	return out
}
