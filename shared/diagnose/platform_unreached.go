package diagnose

import (
	"fmt"
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// apiPath is a call of the Kubernetes API by its paths, from inside a cluster.
var apiPath = regexp.MustCompile(`https://(?:kubernetes\.default(?:\.svc(?:\.cluster\.local)?)?|10\.247\.0\.1)(?::443)?/`)

// apiUnreached are workloads on several nodes whose calls to the API server end without an answer.
func (g *gather) apiUnreached() {
	v := g.v
	api := v.idx.Service("default", "kubernetes")
	hit := map[*workload]sign{}
	nodes := map[string]bool{}
	for _, s := range v.lines() {
		if s.kind != signTimeout && s.kind != signRefused {
			continue
		}
		ns, svc := v.hostService(s.host, s.w.target.Namespace)
		if !(ns == "default" && svc == "kubernetes") && !(api != nil && api.Spec.ClusterIP != "" && namedAddress(s.line, api.Spec.ClusterIP)) && !apiPath.MatchString(s.line) {
			continue
		}
		hit[s.w] = s
		for n := range v.nodesOf(s.w) {
			nodes[n] = true
		}
	}
	if len(hit) < 2 || len(nodes) < 2 {
		return
	}
	d, _ := g.on(incident.ApiServerUnreachableFromPods, v.clusterTarget())
	d.say(fmt.Sprintf("%d workloads cannot reach the API server", len(hit)), fmt.Sprintf("%d 个工作负载无法访问 API Server", len(hit))).weigh(0.95)
	for _, w := range v.workloads {
		if s, ok := hit[w]; ok {
			d.affects(w.target)
			if !d.wordy() {
				d.line(s.pod, s.container, s.line)
			}
		}
	}
	d.object(v.clusterTarget(), "pods on %d nodes are affected: not the network of one node", len(nodes))
}

var podAddress = regexp.MustCompile(`\b(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}):\d{2,5}\b[^\n]*(?:timeout|timed out|no route)`)

// overlay are connections to ready pods that time out whenever they cross from one node to another.
func (g *gather) overlay() {
	v := g.v
	byIP := map[string]*corev1.Pod{}
	for _, p := range v.Objects.Pods {
		if p.Status.PodIP != "" && !p.Spec.HostNetwork {
			byIP[p.Status.PodIP] = p
		}
	}
	type way struct{ from, to string }
	var crossings []sign
	ways := map[way]bool{}
	froms, tos, within := map[string]bool{}, map[string]bool{}, 0
	for _, s := range v.lines() {
		caller := v.idx.Pod(s.pod.Namespace, s.pod.Name)
		m := podAddress.FindStringSubmatch(s.line)
		if s.kind != signTimeout || caller == nil || m == nil || byIP[m[1]] == nil {
			continue
		}
		callee := byIP[m[1]]
		if !podReady(callee) || v.policed(s.w) || v.policed(v.owner[callee]) {
			continue
		}
		if callee.Spec.NodeName == caller.Spec.NodeName {
			within++
			continue
		}
		crossings = append(crossings, s)
		ways[way{caller.Spec.NodeName, callee.Spec.NodeName}] = true
		froms[caller.Spec.NodeName], tos[callee.Spec.NodeName] = true, true
	}
	if within > 0 || len(froms) < 2 || len(tos) < 2 {
		return
	}
	d, _ := g.on(incident.OverlayPortBlocked, v.clusterTarget())
	d.say(fmt.Sprintf("connections between nodes time out (%d pairs of nodes), within a node they do not", len(ways)), fmt.Sprintf("跨节点连接超时（%d 对节点），节点内正常", len(ways))).weigh(0.9)
	var seen []*workload
	for _, s := range crossings {
		if slices.Contains(seen, s.w) {
			continue
		}
		seen = append(seen, s.w)
		d.affects(s.w.target)
		if !d.wordy() {
			callee := byIP[podAddress.FindStringSubmatch(s.line)[1]]
			d.line(s.pod, s.container, s.line).object(podTarget(callee), "ready on node %s; the caller is on node %s", callee.Spec.NodeName, v.idx.Pod(s.pod.Namespace, s.pod.Name).Spec.NodeName)
		}
	}
}
