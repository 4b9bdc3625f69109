package diagnose

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// networkChanges are changes of routing, of policies and of nodes after which workloads began to fail, where no field says what is wrong
// with the changed object.
func (g *gather) networkChanges() {
	v := g.v
	for _, c := range v.Changes {
		verb := strings.ToLower(c.Verb)
		if ourOwn(c) || !v.recent(c.At, 2*time.Hour) || strings.HasPrefix(verb, "get") || strings.HasPrefix(verb, "list") {
			continue
		}
		r := incident.Reason("")
		var victims []*workload
		switch kind := strings.ToLower(c.Target.Kind); {
		case c.Target.Kind == "Service" || c.Target.Kind == "Ingress" || c.Target.Kind == "HTTPRoute" || c.Target.Kind == "VirtualService":
			r = incident.ChangeNetworkRoute
			victims = v.apps().callersOf(c.Target.Namespace, c.Target.Name)
		case strings.Contains(kind, "securitygroup") || strings.Contains(kind, "security-group") || strings.Contains(verb, "securitygroup"):
			r = incident.NodeSecurityGroupChanged
			if v.lostNodes() < 2 || outside(c) != "" {
				continue
			}
			d, _ := g.on(r, v.clusterTarget())
			d.say(fmt.Sprintf("%s was changed (%s) and %d nodes are lost since", c.Target, quoteTo(c.Verb, 40), v.lostNodes()), fmt.Sprintf("%s 被修改（%s），随后 %d 个节点失联", c.Target, quoteTo(c.Verb, 40), v.lostNodes())).
				change(c, "%s %s%s", quoteTo(c.Verb, 40), c.Target, byWhom(c)).since(c.At).object(v.clusterTarget(), "%d nodes with Ready=Unknown", v.lostNodes()).affects(v.unreadyNodes()...)
			continue
		}
		if r == "" {
			continue
		}
		for _, w := range victims {
			at := v.degradedSince(w)
			if failing := v.failingPods(w); len(failing) > 0 && at.IsZero() {
				at = v.onsetOf(w, failing)
			}
			if at.IsZero() || at.Before(c.At.Add(-time.Minute)) || at.After(c.At.Add(time.Hour)) {
				continue
			}
			d, fresh := g.on(r, incident.Target{Kind: c.Target.Kind, Namespace: c.Target.Namespace, Name: c.Target.Name})
			if fresh {
				d.say(fmt.Sprintf("%s was changed (%s) and %s fails since", c.Target, quoteTo(c.Verb, 40), w.target), fmt.Sprintf("%s 被修改（%s），随后 %s 异常", c.Target, quoteTo(c.Verb, 40), w.target)).weigh(0.8).
					since(c.At).change(c, "%s %s%s: %s → %s", quoteTo(c.Verb, 40), c.Target, byWhom(c), quote(c.Before), quote(c.After))
			}
			d.affects(w.target).object(w.target, "calls it, and began to fail %s after the change", spanEN(at.Sub(c.At)))
		}
	}
}

func (v *view) lostNodes() int {
	n := 0
	for _, x := range v.Objects.Nodes {
		if c := nodeCondition(x, corev1.NodeReady); c != nil && c.Status == corev1.ConditionUnknown {
			n++
		}
	}
	return n
}

// unreadyNodes are the nodes that are not ready now.
func (v *view) unreadyNodes() []incident.Target {
	var out []incident.Target
	for _, x := range v.Objects.Nodes {
		if nodeReady(x) != corev1.ConditionTrue {
			out = append(out, nodeTarget(x.Name))
		}
	}
	return out
}
