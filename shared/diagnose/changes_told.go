package diagnose

import (
	"fmt"
	"strings"
	"time"

	"cce-oncall/shared/incident"
)

// toldRelease is a release that only the list of changes tells of, where the cluster's own history was not read: the workload was changed,
// and its requests fail or wait since.
func (g *gather) toldRelease(w *workload) {
	v := g.v
	at := v.degradedSince(w)
	if w.formerSet() != nil || at.IsZero() {
		return
	}
	for _, c := range v.Changes {
		if c.Target.Namespace != w.target.Namespace || c.Target.Name != w.target.Name || ourOwn(c) || c.Before == c.After || !rewrites[strings.ToLower(c.Verb)] {
			continue
		}
		if at.Before(c.At.Add(-2*time.Minute)) || at.After(c.At.Add(30*time.Minute)) {
			continue
		}
		d, fresh := g.on(incident.ChangeWorkloadRelease, w.target)
		if fresh {
			d.say(fmt.Sprintf("%s fails since it was changed (%s)", w.target, quoteTo(c.After, 100)), fmt.Sprintf("%s 自变更（%s）后异常", w.target, quoteTo(c.After, 100))).affects(w.target).since(c.At).weigh(v.share(fallOf(v, w), v.worst()))
			d.metric(w.target, at, "its requests fail or wait since %s", distanceText(c.At, at))
			g.suffers(d, w)
		}
		d.change(c, "%s %s%s: %s → %s", quoteTo(c.Verb, 40), c.Target, byWhom(c), quote(c.Before), quote(c.After))
	}
}

// rewrites are the verbs that change an object.
var rewrites = map[string]bool{"update": true, "patch": true, "apply": true, "rollout": true, "set": true, "replace": true}

// fallOf is by how much the success ratio of a workload fell; one that only waits counts as much as the worst.
func fallOf(v *view, w *workload) float64 {
	if j, ok := v.failing(w); ok {
		return j.before - j.after
	}
	return v.worst()
}
