package diagnose

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

var (
	groupKind    = regexp.MustCompile(`(?i)security[-_ ]?group`)
	controlGroup = regexp.MustCompile(`(?i)-cce-control\b|-cce-control-`)
	nodeGroup    = regexp.MustCompile(`(?i)-cce-(node|eni)\b`)
	aclKind      = regexp.MustCompile(`(?i)network[-_ ]?acl|firewall|^acl`)
	routeKind    = regexp.MustCompile(`(?i)^(vpc)?[-_ ]?route(s|[-_ ]?table)?$|vpc[-_ ]?route|route[-_ ]?table`)
	natKind      = regexp.MustCompile(`(?i)\bs?nat|natgateway|snat`)
	addressKind  = regexp.MustCompile(`(?i)^(eip|public[-_ ]?ip|floating[-_ ]?ip)`)
	elbKind      = regexp.MustCompile(`(?i)^(elb|load[-_ ]?balancer|listener|l7policy|pool|member|health[-_ ]?monitor|certificate)s?$`)
	takesAway    = regexp.MustCompile(`(?i)delete|remove|unbind|disassociate|release|modify|update|replace`)
	port53       = regexp.MustCompile(`\b53\b`)
	port4789     = regexp.MustCompile(`\b4789\b`)
	nodePorts    = regexp.MustCompile(`\b3(0|1|2)\d{3}\b`)
)

// outside is what a recorded change of the cloud around the cluster may have cut, "" for any other change.
func outside(c observe.Change) incident.Reason {
	text := strings.Join([]string{c.Target.Name, c.Verb, c.Before, c.After}, " ")
	switch kind := c.Target.Kind; {
	case !takesAway.MatchString(c.Verb) || ourOwn(c):
		return ""
	case groupKind.MatchString(kind) || groupKind.MatchString(c.Verb):
		switch {
		case controlGroup.MatchString(c.Target.Name) || controlGroup.MatchString(text) && !nodeGroup.MatchString(c.Target.Name):
			return incident.MasterSecurityGroupChanged
		case port4789.MatchString(text):
			return incident.OverlayPortBlocked
		case port53.MatchString(text):
			return incident.DNSPort53Blocked
		case nodePorts.MatchString(text):
			return incident.NodePortBlocked
		}
		return ""
	case aclKind.MatchString(kind):
		return incident.NetworkAclBlocked
	case routeKind.MatchString(kind) && c.Source != "audit":
		return incident.VpcRouteMissing
	case natKind.MatchString(kind), addressKind.MatchString(kind):
		return incident.EgressMissing
	}
	return ""
}

// cloudChanges are changes of security groups, ACLs, routes, gateways and load balancers after which something in the cluster began to
// fail. The change says what was cut, the victims that it mattered: one without the other is nobody's cause.
func (g *gather) cloudChanges() {
	v := g.v
	for _, c := range v.Changes {
		if !v.recent(c.At, 6*time.Hour) {
			continue
		}
		if elbKind.MatchString(c.Target.Kind) && c.Source != "audit" && takesAway.MatchString(c.Verb) && !ourOwn(c) && !byPlatform(c) {
			g.handEdited(c)
			continue
		}
		r := outside(c)
		if r == "" {
			continue
		}
		t := v.clusterTarget()
		if r == incident.VpcRouteMissing {
			if n := v.nodeIn(c); n != "" {
				t = nodeTarget(n)
			}
		}
		victims, lost := v.cutOff(c, r), v.lostSince(c)
		if len(victims) == 0 && lost == 0 && !v.alarmedSince(c.At) {
			continue
		}
		d, fresh := g.on(r, t)
		if fresh {
			i := incident.Info(r)
			d.say(fmt.Sprintf("%s: %s was changed (%s)", i.Title.EN, c.Target, quoteTo(c.Verb, 40)), fmt.Sprintf("%s：%s 被修改（%s）", i.Title.ZH, c.Target, quoteTo(c.Verb, 40)))
		}
		d.since(c.At).change(c, "%s %s%s: %s → %s", quoteTo(c.Verb, 40), c.Target, byWhom(c), quote(c.Before), quote(c.After))
		for _, w := range victims {
			d.affects(w.target)
			g.quoteCut(d, w)
		}
		if r == incident.NodePortBlocked || r == incident.NetworkAclBlocked {
			g.citeMembers(d)
		}
		if lost > 0 {
			d.object(v.clusterTarget(), "%d nodes are not ready since", lost).affects(v.unreadyNodes()...)
		}
	}
}

// citeMembers adds what a load balancer measures of members that it cannot reach any more.
func (g *gather) citeMembers(d *draft) {
	for _, x := range g.list {
		if x.f.Reason != incident.ELBBackendUnhealthy {
			continue
		}
		d.affects(x.f.Target)
		for _, e := range x.f.Evidence {
			if e.Source == incident.FromMetric && !d.wordy() {
				d.f.Evidence = unite(d.f.Evidence, []incident.Evidence{e})
			}
		}
	}
}

// byPlatform says whether CCE itself made a change of a load balancer: that is how Services reach it.
func byPlatform(c observe.Change) bool {
	a := strings.ToLower(c.Actor)
	return strings.Contains(a, "cce") || strings.Contains(a, "op_svc") || strings.Contains(a, "system:")
}

func (g *gather) quoteCut(d *draft, w *workload) {
	if d.wordy() {
		return
	}
	for i, s := range g.v.signsOf(w, signTimeout, signNoHost, signRefused) {
		if i == 0 {
			d.line(s.pod, s.container, s.line)
		}
	}
	if n := len(unreadyOf(w)); n > 0 {
		d.object(w.target, "%d of its pods are not ready", n)
	}
}

// cutOff are the workloads that cannot reach something since a change, by what they say and how they fare.
func (v *view) cutOff(c observe.Change, r incident.Reason) []*workload {
	var out []*workload
	for _, w := range v.workloads {
		if at := v.degradedSince(w); !at.IsZero() && at.After(c.At.Add(-2*time.Minute)) && at.Before(c.At.Add(time.Hour)) {
			out = append(out, w)
			continue
		}
		said := false
		for _, s := range v.signsOf(w, signTimeout, signNoHost) {
			ns, svc := v.hostService(s.host, w.target.Namespace)
			inside := svc != "" && v.idx.Service(ns, svc) != nil || privateIP.MatchString(s.host)
			switch {
			case s.host == "" || s.count < 3 && len(unreadyOf(w)) == 0: // one line is said every day
			case r == incident.NetworkAclBlocked:
				said = true
			default:
				said = said || inside == (r != incident.EgressMissing)
			}
		}
		failing := v.failingPods(w)
		if !said && r == incident.EgressMissing {
			said = len(v.pullTimeouts(w)) > 0
		}
		if at := v.onsetOf(w, failing); said && (len(failing) == 0 || !at.Before(c.At.Add(-2*time.Minute))) {
			out = append(out, w)
		}
	}
	return out
}

// pullTimeouts are the pods whose image does not arrive because the registry does not answer.
func (v *view) pullTimeouts(w *workload) []*corev1.Pod {
	var out []*corev1.Pod
	for _, p := range unreadyOf(w) {
		for _, e := range v.eventsOf(podTarget(p)) {
			if e.Reason == "Failed" && strings.Contains(e.Message, "ull image") && noAnswer.MatchString(e.Message) && v.happened(e, 2*time.Hour) {
				out = append(out, p)
				break
			}
		}
	}
	return out
}

var privateIP = regexp.MustCompile(`^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)`)

var noAnswer = regexp.MustCompile(`(?i)i/o timeout|Client\.Timeout|deadline exceeded|request canceled|no route to host|network is unreachable`)

func (v *view) lostSince(c observe.Change) int {
	n := 0
	for _, x := range v.Objects.Nodes {
		if k := nodeCondition(x, corev1.NodeReady); k != nil && k.Status != corev1.ConditionTrue && k.LastTransitionTime.After(c.At.Add(-2*time.Minute)) {
			n++
		}
	}
	return n
}

// alarmedSince says whether an alarm that fires now began within an hour after a time.
func (v *view) alarmedSince(at time.Time) bool {
	for _, a := range v.Alarms {
		if a.Active() && !informational(a) && a.FiredAt.After(at.Add(-2*time.Minute)) && a.FiredAt.Before(at.Add(time.Hour)) {
			return true
		}
	}
	return false
}

// nodeIn is the node whose name or address a change speaks of.
func (v *view) nodeIn(c observe.Change) string {
	text := strings.Join([]string{c.Target.Name, c.Before, c.After}, " ")
	for _, n := range v.Objects.Nodes {
		if named(text, n.Name) || n.Spec.PodCIDR != "" && strings.Contains(text, n.Spec.PodCIDR) {
			return n.Name
		}
		for _, a := range n.Status.Addresses {
			if a.Type == corev1.NodeInternalIP && namedAddress(text, a.Address) {
				return n.Name
			}
		}
	}
	return ""
}

// namedAddress says whether a text holds an address as a whole: 10.0.0.1 is not in 10.0.0.12.
func namedAddress(text, ip string) bool {
	for rest := text; ip != ""; {
		before, after, ok := strings.Cut(rest, ip)
		if !ok {
			return false
		}
		if (before == "" || !digitOrDot(before[len(before)-1])) && (after == "" || !digitOrDot(after[0])) {
			return true
		}
		rest = after
	}
	return false
}

func digitOrDot(b byte) bool { return b >= '0' && b <= '9' || b == '.' }

// handEdited is a load balancer that CCE manages and somebody changed past the Service, with trouble of that Service since.
func (g *gather) handEdited(c observe.Change) {
	v := g.v
	t, fronts := v.facing(incident.ELBManuallyModified, map[string]string{"id": c.Target.Name, "before": c.Before, "after": c.After})
	if len(fronts) == 0 {
		return
	}
	hurt := v.alarmedSince(c.At)
	var failed *corev1.Event
	for _, s := range fronts {
		if e := v.lastEvent(serviceTarget(s), c.At, "UpdateLoadBalancerFailed", "SyncLoadBalancerFailed"); e != nil {
			hurt, failed = true, e
		}
		for _, w := range v.apps().behind[name{s.Namespace, s.Name}] {
			hurt = hurt || v.degraded(w)
		}
	}
	hurt = hurt || g.has(t, incident.ELBBackendUnhealthy)
	if !hurt {
		return
	}
	d, _ := g.on(incident.ELBManuallyModified, t)
	d.say(fmt.Sprintf("the load balancer of %s was changed by hand (%s)", t, quoteTo(c.Verb, 40)), fmt.Sprintf("%s 的负载均衡被手动修改（%s）", t, quoteTo(c.Verb, 40))).
		change(c, "%s %s%s: %s → %s", quoteTo(c.Verb, 40), c.Target, byWhom(c), quote(c.Before), quote(c.After)).since(c.At).event(failed).weigh(0.95)
	for _, s := range fronts {
		d.affects(serviceTarget(s)).object(serviceTarget(s), "type LoadBalancer, %s %s: the Service manages this load balancer", elbIDs[0], quoteTo(cmpOr(s.Annotations[elbIDs[0]], "none"), 60))
	}
}
