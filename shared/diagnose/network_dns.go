package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// dnsSettings looks at workloads that do not use the cluster's DNS and need it.
func (g *gather) dnsSettings() {
	v := g.v
	for _, w := range v.workloads {
		if w.template == nil || system(w.target.Namespace) || w.isJob() {
			continue
		}
		spec := &w.template.Spec
		callsServices := len(v.apps().callees[w]) > 0
		signs := v.signsOf(w, signNoHost)
		t := w.target
		switch {
		case spec.DNSPolicy == corev1.DNSNone && (spec.DNSConfig == nil || len(spec.DNSConfig.Nameservers) == 0):
			d, _ := g.on(incident.PodDNSConfigMissing, t)
			d.say(fmt.Sprintf("%s has dnsPolicy None and no name server", t), fmt.Sprintf("%s 的 dnsPolicy 为 None 且未配置 nameserver", t)).
				object(t, "spec.template.spec.dnsPolicy: None, dnsConfig.nameservers: none").affects(t)
			g.quoteLookups(d, w, signs)
		case spec.DNSPolicy == corev1.DNSNone && !v.clusterResolver(spec.DNSConfig.Nameservers) && (callsServices || len(signs) > 0):
			g.outsideDNS(w, fmt.Sprintf("dnsPolicy None, nameservers %s", strings.Join(spec.DNSConfig.Nameservers, ", ")), 0.95, signs)
		case spec.DNSPolicy == corev1.DNSDefault && !spec.HostNetwork && (len(signs) > 0 || callsServices && v.suffering([]*workload{w}) || callsServices && v.formerDNS(w)):
			g.outsideDNS(w, "dnsPolicy Default: it asks the node's resolver, which knows no Services", 0.9, signs)
		case spec.HostNetwork && spec.DNSPolicy == corev1.DNSClusterFirst && len(signs) > 0 && callsServices:
			g.outsideDNS(w, "hostNetwork with dnsPolicy ClusterFirst: it asks the node's resolver", 0.8, signs)
		}
	}
}

func (g *gather) outsideDNS(w *workload, what string, strength float64, signs []sign) {
	d, _ := g.on(incident.PodDNSConfigInvalid, w.target)
	d.say(fmt.Sprintf("%s cannot resolve Services: %s", w.target, what), fmt.Sprintf("%s 的 DNS 配置无法解析集群服务", w.target)).weigh(strength).
		object(w.target, "spec.template.spec: %s", quote(what)).affects(w.target)
	g.quoteLookups(d, w, signs)
}

func (g *gather) quoteLookups(d *draft, w *workload, signs []sign) {
	for i, s := range signs {
		if i < 2 {
			d.line(s.pod, s.container, s.line)
		}
	}
	if c := g.v.firstChangeOf(w); c != nil {
		d.change(*c, "%s %s: %s → %s", c.Verb, c.Target, quote(c.Before), quote(c.After)).since(c.At)
	}
}

// formerDNS says whether the revision before used another DNS policy.
func (v *view) formerDNS(w *workload) bool {
	return slices.ContainsFunc(w.sets, func(s *appsv1.ReplicaSet) bool { return s.Spec.Template.Spec.DNSPolicy != w.template.Spec.DNSPolicy })
}

// clusterResolver says whether one of the name servers is the cluster's: the address of a DNS Service, or one that this cluster's
// other pods are known to use.
func (v *view) clusterResolver(servers []string) bool {
	for _, s := range v.Objects.Services {
		if s.Namespace == "kube-system" && slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == 53 }) && slices.Contains(servers, s.Spec.ClusterIP) {
			return true
		}
	}
	return slices.Contains(servers, "169.254.20.10") // NodeLocal DNSCache
}

// isResolver says whether a workload is the cluster's DNS: the label that Kubernetes gives it, or standing behind the DNS Service.
func (v *view) isResolver(w *workload) bool {
	if w.target.Namespace != "kube-system" {
		return false
	}
	if w.label()["k8s-app"] == "kube-dns" {
		return true
	}
	for _, k := range v.apps().fronts[w] {
		s := v.idx.Service(k.namespace, k.name)
		if s != nil && slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == 53 }) {
			return true
		}
	}
	return false
}

var badCorefile = regexp.MustCompile(`(?i)plugin/\S+: |Corefile:\d+|unknown directive|Error during parsing|Wrong argument count`)

// clusterDNS looks at the cluster's DNS as a whole.
func (g *gather) clusterDNS() {
	v := g.v
	for _, w := range v.workloads {
		if !v.isResolver(w) || w.isJob() {
			continue
		}
		t := w.target
		if w.readyCount() == 0 && !v.onlyYoung(w) {
			d, _ := g.on(incident.CoreDNSNoEndpoint, t)
			d.say(fmt.Sprintf("cluster DNS (%s) has no ready pod", t), fmt.Sprintf("集群 DNS（%s）没有就绪 Pod", t)).
				object(t, "ready 0 of spec.replicas %d", w.desired).affectsPods(unreadyOf(w)...).affects(t)
			for _, p := range unreadyOf(w) {
				if c := condition(p, corev1.PodReady); c != nil {
					d.since(c.LastTransitionTime.Time)
				}
			}
			for _, s := range v.lines() {
				if s.kind == signNoHost && len(d.f.Evidence) < 4 {
					d.line(s.pod, s.container, s.line)
				}
			}
		}
		g.resolverLogs(w)
		g.resolverAnswers(w)
		g.resolverLoad(w)
	}
}

func (v *view) onlyYoung(w *workload) bool {
	live := w.live()
	for _, p := range live {
		if v.age(p.CreationTimestamp.Time) > v.grace(p) {
			return false
		}
	}
	return len(live) > 0
}

// resolverLogs reads what the cluster's DNS says of itself.
func (g *gather) resolverLogs(w *workload) {
	for _, l := range g.v.logsOf(w) {
		for _, line := range l.Lines {
			switch {
			case badCorefile.MatchString(line) && !strings.Contains(line, "plugin/errors: "):
				t := w.target
				r := incident.CoreDNSConfigInvalid
				if m := g.v.configs[name{"kube-system", "coredns"}]; m != nil {
					t = target("ConfigMap", m)
				}
				d, fresh := g.on(r, t)
				if fresh {
					d.say("the configuration of cluster DNS cannot be read", "CoreDNS 配置无法解析").affects(w.target).line(w.target, l.Container, line)
					if c, ok := g.v.changeOf(t); ok {
						d.change(c, "%s %s: %s → %s", c.Verb, c.Target, quote(c.Before), quote(c.After)).since(c.At)
					}
				}
			case strings.Contains(line, "i/o timeout") && strings.Contains(line, "[ERROR] plugin/errors"):
				d, fresh := g.on(incident.CoreDNSUpstreamTimeout, w.target)
				if fresh {
					d.say("the upstream of cluster DNS does not answer", "CoreDNS 上游超时").affects(w.target).weigh(0.7)
				}
				if !d.wordy() {
					d.line(w.target, l.Container, line)
				}
			}
		}
	}
}
