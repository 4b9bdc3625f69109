package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"cce-oncall/shared/incident"
)

// policies finds callers that no rule of the policies around a workload admits, and callers that may not go out to what they need.
// A policy that keeps out nobody who calls is no fault.
func (g *gather) policies() {
	v := g.v
	if len(v.Objects.NetworkPolicies) == 0 {
		return
	}
	seen := map[string]bool{}
	for _, u := range v.apps().uses {
		if u.found == nil || telemetryKey.MatchString(u.key) {
			continue
		}
		for _, callee := range v.apps().behind[name{u.namespace, u.service}] {
			k := u.caller.target.String() + ">" + callee.target.String()
			if callee == u.caller || seen[k] {
				continue
			}
			seen[k] = true
			port := v.podPort(u, callee)
			if p := v.deniedIn(u.caller, callee, port); p != nil {
				g.blocked(p, u, callee, "in")
			} else if p := v.deniedOut(u.caller, callee, port); p != nil {
				g.blocked(p, u, callee, "out")
			}
		}
	}
	g.dnsDenied()
}

// podPort is the container port that a use ends at, 0 when unknown.
func (v *view) podPort(u use, callee *workload) int32 {
	for _, sp := range u.found.Spec.Ports {
		if u.port != 0 && int(sp.Port) != u.port {
			continue
		}
		n := targetPort(sp)
		if n.IntVal != 0 {
			return n.IntVal
		}
		for _, c := range callee.containers() {
			for _, p := range c.Ports {
				if p.Name == n.StrVal {
					return p.ContainerPort
				}
			}
		}
	}
	return 0
}

func selectsPods(s metav1.LabelSelector, l labels.Set) bool {
	sel, err := metav1.LabelSelectorAsSelector(&s)
	return err == nil && sel.Matches(l)
}

func hasType(p *networkingv1.NetworkPolicy, t networkingv1.PolicyType) bool {
	if len(p.Spec.PolicyTypes) == 0 {
		return t == networkingv1.PolicyTypeIngress || len(p.Spec.Egress) > 0
	}
	return slices.Contains(p.Spec.PolicyTypes, t)
}

// deniedIn is the policy that keeps a caller out: policies select the callee and none of them admits the caller.
func (v *view) deniedIn(caller, callee *workload, port int32) *networkingv1.NetworkPolicy {
	var by *networkingv1.NetworkPolicy
	for _, p := range v.Objects.NetworkPolicies {
		if p.Namespace != callee.target.Namespace || !hasType(p, networkingv1.PolicyTypeIngress) || !selectsPods(p.Spec.PodSelector, callee.label()) {
			continue
		}
		for _, r := range p.Spec.Ingress {
			if admitsPort(r.Ports, port, callee) && (len(r.From) == 0 || slices.ContainsFunc(r.From, func(x networkingv1.NetworkPolicyPeer) bool { return v.isPeer(x, p.Namespace, caller) })) {
				return nil
			}
		}
		by = newer(by, p)
	}
	return by
}

func (v *view) deniedOut(caller, callee *workload, port int32) *networkingv1.NetworkPolicy {
	var by *networkingv1.NetworkPolicy
	for _, p := range v.Objects.NetworkPolicies {
		if p.Namespace != caller.target.Namespace || !hasType(p, networkingv1.PolicyTypeEgress) || !selectsPods(p.Spec.PodSelector, caller.label()) {
			continue
		}
		for _, r := range p.Spec.Egress {
			if admitsPort(r.Ports, port, callee) && (len(r.To) == 0 || slices.ContainsFunc(r.To, func(x networkingv1.NetworkPolicyPeer) bool { return v.isPeer(x, p.Namespace, callee) })) {
				return nil
			}
		}
		by = newer(by, p)
	}
	return by
}

func newer(a, b *networkingv1.NetworkPolicy) *networkingv1.NetworkPolicy {
	if a == nil || b.CreationTimestamp.After(a.CreationTimestamp.Time) {
		return b
	}
	return a
}

func admitsPort(ports []networkingv1.NetworkPolicyPort, port int32, callee *workload) bool {
	if len(ports) == 0 || port == 0 {
		return true
	}
	for _, p := range ports {
		switch {
		case p.Port == nil:
			return true
		case p.Port.IntVal == port:
			return true
		case p.EndPort != nil && p.Port.IntVal <= port && port <= *p.EndPort:
			return true
		case p.Port.StrVal != "":
			for _, c := range callee.containers() {
				for _, x := range c.Ports {
					if x.Name == p.Port.StrVal && x.ContainerPort == port {
						return true
					}
				}
			}
		}
	}
	return false
}

func (v *view) isPeer(x networkingv1.NetworkPolicyPeer, home string, w *workload) bool {
	if x.IPBlock != nil {
		return v.inBlock(x.IPBlock, w)
	}
	ns := w.target.Namespace
	if x.NamespaceSelector != nil {
		sel, err := metav1.LabelSelectorAsSelector(x.NamespaceSelector)
		if err != nil || !sel.Matches(v.namespaceLabels(ns)) {
			return false
		}
	} else if ns != home {
		return false
	}
	return x.PodSelector == nil || selectsPods(*x.PodSelector, w.label())
}

// inBlock says whether pods of a workload are in an address block. A block without an address to hold against is taken to admit.
func (v *view) inBlock(b *networkingv1.IPBlock, w *workload) bool {
	block, err := netip.ParsePrefix(b.CIDR)
	if err != nil {
		return true
	}
	known := false
	for _, p := range w.pods {
		ip, err := netip.ParseAddr(p.Status.PodIP)
		if err != nil {
			continue
		}
		known = true
		except := slices.ContainsFunc(b.Except, func(e string) bool {
			x, err := netip.ParsePrefix(e)
			return err == nil && x.Contains(ip)
		})
		if block.Contains(ip) && !except {
			return true
		}
	}
	return !known
}

func (v *view) namespaceLabels(ns string) labels.Set {
	out := labels.Set{corev1.LabelMetadataName: ns}
	for _, n := range v.Objects.Namespaces {
		if n.Name == ns {
			for k, val := range n.Labels {
				out[k] = val
			}
		}
	}
	return out
}

// blocked says that a policy denies what the configuration needs. A policy that has been there long, with nobody complaining, is
// left alone: the caller may not use that setting.
func (g *gather) blocked(p *networkingv1.NetworkPolicy, u use, callee *workload, way string) {
	v := g.v
	t := target("NetworkPolicy", p)
	line, complains := v.complaint(u.caller, incident.Target{Kind: "Service", Namespace: u.namespace, Name: u.service})
	change, changed := v.changeOf(t)
	young := v.recent(p.CreationTimestamp.Time, 24*time.Hour)
	suffers := v.suffering([]*workload{u.caller})
	strength := 0.0
	switch {
	case complains && (young || changed):
		strength = 1
	case complains || young || changed || v.asked(t):
		strength = 0.9
	case suffers:
		strength = 0.75
	default:
		return
	}
	d, fresh := g.on(incident.NetworkPolicyBlocked, t)
	if fresh {
		d.weigh(strength).say(fmt.Sprintf("%s keeps %s from %s", t, u.caller.target, callee.target), fmt.Sprintf("%s 阻断了 %s 到 %s 的流量", t, u.caller.target, callee.target))
		if young {
			d.since(p.CreationTimestamp.Time)
		}
		if changed {
			d.change(change, "%s %s: %s → %s", change.Verb, change.Target, quote(change.Before), quote(change.After)).since(change.At)
		}
	}
	d.weigh(max(d.strength, strength)).affects(u.caller.target, incident.Target{Kind: "Service", Namespace: u.namespace, Name: u.service}, callee.target)
	if d.wordy() {
		return
	}
	if way == "in" {
		d.object(t, "spec.podSelector selects %s; no ingress rule admits %s", callee.target, u.caller.target)
	} else {
		d.object(t, "spec.podSelector selects %s; no egress rule admits %s", u.caller.target, callee.target)
	}
	d.object(u.from, "%s: %s", u.setting, hostText(u))
	if complains {
		d.line(u.caller.target, u.container, line)
	}
}

// dnsDenied is a policy that lets pods out to nobody, not even to the cluster's DNS, while they fail to resolve names.
func (g *gather) dnsDenied() {
	v := g.v
	var resolver *workload
	for _, w := range v.inSpace["kube-system"] {
		if w.label()["k8s-app"] == "kube-dns" {
			resolver = w
		}
	}
	if resolver == nil {
		return
	}
	for _, w := range v.workloads {
		if w.isJob() || system(w.target.Namespace) {
			continue
		}
		p := v.deniedOut(w, resolver, 53)
		if p == nil {
			continue
		}
		signs := v.signsOf(w, signNoHost)
		if len(signs) == 0 && !v.recent(p.CreationTimestamp.Time, 24*time.Hour) {
			continue
		}
		t := target("NetworkPolicy", p)
		d, _ := g.on(incident.NetworkPolicyBlocked, t)
		d.say(fmt.Sprintf("%s keeps %s from the cluster's DNS", t, w.target), fmt.Sprintf("%s 阻断了 %s 访问集群 DNS", t, w.target)).affects(w.target).
			object(t, "spec.podSelector selects %s; no egress rule admits port 53", w.target)
		if v.recent(p.CreationTimestamp.Time, 24*time.Hour) {
			d.since(p.CreationTimestamp.Time)
		}
		if len(signs) > 0 {
			d.line(w.target, signs[0].container, signs[0].line)
		}
	}
}
