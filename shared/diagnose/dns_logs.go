package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"cce-oncall/shared/incident"
)

var (
	// A line of CoreDNS's log plugin: [INFO] 10.0.0.7:4711 - 55 "A IN cart.shop.svc.cluster.local. udp 44 false 512" NXDOMAIN qr,aa,rd …
	queryLine = regexp.MustCompile(`"(?:A|AAAA|SRV|CNAME) IN (\S+?)\.? (?:udp|tcp)[^"]*" ([A-Z]+)`)
	innerName = regexp.MustCompile(`^([a-z0-9-]+)\.([a-z0-9-]+)\.svc\.cluster\.local$`)
	outerTail = regexp.MustCompile(`\.(?:[a-z0-9-]+\.)?svc\.cluster\.local$|\.cluster\.local$`)
)

// resolverAnswers reads what the cluster's DNS was asked and could not find: Services that do not exist, and names of the world outside
// to which search lists were added.
func (g *gather) resolverAnswers(w *workload) {
	v := g.v
	missing, multiplied, all := map[name][]string{}, []string{}, 0
	for _, l := range v.logsOf(w) {
		for _, line := range l.Lines {
			m := queryLine.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			all++
			host := strings.ToLower(m[1])
			if m[2] != "NXDOMAIN" {
				continue
			}
			if x := innerName.FindStringSubmatch(host); x != nil {
				if v.spaces[x[2]] && v.idx.Service(x[2], x[1]) == nil {
					missing[name{x[2], x[1]}] = append(missing[name{x[2], x[1]}], line)
				}
				continue
			}
			if outerTail.MatchString(host) && strings.Count(outerTail.ReplaceAllString(host, ""), ".") >= 1 {
				multiplied = append(multiplied, line)
			}
		}
	}
	for _, n := range sortedNames(missing) {
		lines := missing[n]
		if len(lines) < fewest {
			continue
		}
		d, fresh := g.on(incident.CoreDNSNxDomain, w.target)
		if fresh {
			d.say(fmt.Sprintf("%s.%s is looked up again and again and does not exist", n.name, n.namespace), fmt.Sprintf("%s.%s 被反复解析但不存在", n.name, n.namespace)).weigh(0.8)
		}
		if !d.wordy() {
			d.line(w.target, "", lines[len(lines)-1]).object(incident.Target{Kind: "Namespace", Name: n.namespace}, "no Service %s among its Services", n.name)
		}
		for _, c := range v.apps().callersOf(n.namespace, n.name) {
			d.affects(c.target)
		}
	}
	if len(multiplied) >= 4*fewest && 2*len(multiplied) > all {
		d, _ := g.on(incident.DNSSearchAmplification, w.target)
		d.say(fmt.Sprintf("%d of %d lookups are of outside names with a search domain added", len(multiplied), all), fmt.Sprintf("%d/%d 次查询为带 search 域的外部域名", len(multiplied), all)).
			line(w.target, "", multiplied[len(multiplied)-1]).weigh(0.9)
		if n := v.manyDots(); n > 0 {
			d.object(w.target, "%d workloads use ndots 5, the default", n)
		}
	}
}

// manyDots counts the workloads that keep the default of five dots.
func (v *view) manyDots() int {
	n := 0
	for _, w := range v.workloads {
		if w.template == nil || system(w.target.Namespace) || w.isJob() {
			continue
		}
		c := w.template.Spec.DNSConfig
		if c == nil || !slices.ContainsFunc(c.Options, func(o corev1.PodDNSConfigOption) bool { return o.Name == "ndots" }) {
			n++
		}
	}
	return n
}

var lookupLost = regexp.MustCompile(`lookup \S+ on ([\d.]+):53: .*(?:i/o timeout|connection refused|operation not permitted|no route to host)`)

// port53 are lookups that several workloads on several nodes send to a resolver which is ready and does not get them.
func (g *gather) port53() {
	v := g.v
	serving := false
	for _, w := range v.workloads {
		serving = serving || v.isResolver(w) && w.readyCount() > 0
	}
	if !serving {
		return
	}
	hit := map[*workload]sign{}
	nodes := map[string]bool{}
	for _, s := range v.lines() {
		if lookupLost.MatchString(s.line) && !v.policed(s.w) {
			hit[s.w] = s
			for n := range v.nodesOf(s.w) {
				nodes[n] = true
			}
		}
	}
	if len(hit) < 2 || len(nodes) < 2 {
		return
	}
	t := v.clusterTarget()
	d, _ := g.on(incident.DNSPort53Blocked, t)
	d.say(fmt.Sprintf("lookups of %d workloads do not reach cluster DNS, which is ready: port 53 is blocked", len(hit)), fmt.Sprintf("%d 个工作负载的查询无法到达就绪的集群 DNS：53 端口不通", len(hit))).weigh(0.9)
	for _, w := range v.workloads {
		if s, ok := hit[w]; ok {
			d.affects(w.target)
			if !d.wordy() {
				d.line(s.pod, s.container, s.line)
			}
		}
		if v.isResolver(w) && w.readyCount() > 0 {
			d.object(w.target, "%d ready pods", w.readyCount())
		}
	}
}

// policed says whether a NetworkPolicy of egress selects the workload: then the policy is looked at instead.
func (v *view) policed(w *workload) bool {
	for _, p := range v.Objects.NetworkPolicies {
		if p.Namespace == w.target.Namespace && slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) && selectorOf(&p.Spec.PodSelector).Matches(w.label()) {
			return true
		}
	}
	return false
}
