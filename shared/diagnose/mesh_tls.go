package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"cce-oncall/shared/incident"
)

// inMesh says whether the pods of a workload carry the mesh's proxy.
func (w *workload) inMesh() bool {
	proxy := func(c corev1.Container) bool { return c.Name == "istio-proxy" }
	if w.template != nil && (slices.ContainsFunc(w.template.Spec.Containers, proxy) || slices.ContainsFunc(w.template.Spec.InitContainers, proxy)) {
		return true
	}
	return slices.ContainsFunc(w.live(), func(p *corev1.Pod) bool {
		return slices.ContainsFunc(p.Spec.Containers, proxy) || slices.ContainsFunc(p.Spec.InitContainers, proxy)
	})
}

// meshTLS is a demand for mutual TLS that a client's rule, or a client without a proxy, does not meet.
func (g *gather) meshTLS(u *unstructured.Unstructured) {
	if textAt(u.Object, "spec", "mtls", "mode") != "STRICT" {
		return
	}
	v, t := g.v, ownerOf(u)
	for _, s := range v.Objects.Services {
		k := name{s.Namespace, s.Name}
		if len(v.apps().behind[k]) == 0 || !v.ruledBy(u, v.apps().behind[k][0]) {
			continue
		}
		plain, mode := v.plainRule(s)
		if plain != nil {
			owner := t
			if plain.GetCreationTimestamp().After(u.GetCreationTimestamp().Time) || v.changedLately(ownerOf(plain)) {
				owner = ownerOf(plain)
			}
			strength := 0.85
			if v.troubled([]*corev1.Service{s}) {
				strength = 1
			}
			d, _ := g.on(incident.MeshTLSMismatch, owner)
			d.say(fmt.Sprintf("%s demands mutual TLS, and %s speaks %s to %s", t, ownerOf(plain), mode, s.Name), fmt.Sprintf("%s 要求双向 TLS，而 %s 对 %s 使用 %s", t, ownerOf(plain), s.Name, mode)).weigh(strength).
				object(t, "spec.mtls.mode: STRICT").object(ownerOf(plain), "spec.trafficPolicy.tls.mode: %s for %s", mode, s.Name).since(recentTime(v, u))
			g.behindMesh(d, []*corev1.Service{s})
			continue
		}
		g.outsideMesh(u, s)
	}
}

// ruledBy says whether a policy of the mesh is about a workload: its namespace, or the mesh's root namespace, and its selector.
func (v *view) ruledBy(u *unstructured.Unstructured, w *workload) bool {
	if u.GetNamespace() != w.target.Namespace && u.GetNamespace() != "istio-system" {
		return false
	}
	want, found, err := unstructured.NestedStringMap(u.Object, "spec", "selector", "matchLabels")
	if err != nil {
		return false
	}
	return !found || labels.SelectorFromSet(want).Matches(w.label())
}

// plainRule is a DestinationRule that speaks no mutual TLS of the mesh to a Service.
func (v *view) plainRule(s *corev1.Service) (*unstructured.Unstructured, string) {
	for _, u := range v.Objects.Other {
		if u.GetKind() != "DestinationRule" {
			continue
		}
		mode := textAt(u.Object, "spec", "trafficPolicy", "tls", "mode")
		if mode != "DISABLE" && mode != "SIMPLE" {
			continue
		}
		if ns, svc := v.hostService(textAt(u.Object, "spec", "host"), u.GetNamespace()); ns == s.Namespace && svc == s.Name {
			return u, mode
		}
	}
	return nil, ""
}

// outsideMesh is a caller without a proxy whose calls to a Service that demands mutual TLS fail.
func (g *gather) outsideMesh(u *unstructured.Unstructured, s *corev1.Service) {
	v, t := g.v, ownerOf(u)
	k := name{s.Namespace, s.Name}
	if !v.apps().behind[k][0].inMesh() {
		return
	}
	for _, c := range v.apps().callers[k] {
		line, ok := v.complaint(c, serviceTarget(s))
		if c.inMesh() || !ok {
			continue
		}
		d, _ := g.on(incident.MeshTLSMismatch, t)
		d.say(fmt.Sprintf("%s demands mutual TLS, and %s calls %s without a proxy of the mesh", t, c.target, s.Name), fmt.Sprintf("%s 要求双向 TLS，而 %s 未注入 sidecar", t, c.target)).weigh(0.9).
			object(t, "spec.mtls.mode: STRICT").object(c.target, "no container istio-proxy").line(c.target, "", line).affects(c.target, serviceTarget(s)).since(recentTime(v, u))
	}
}

// meshDenies is a policy of the mesh that refuses requests which callers make: somebody must have been refused.
func (g *gather) meshDenies(u *unstructured.Unstructured) {
	v, t := g.v, ownerOf(u)
	action := cmpOr(textAt(u.Object, "spec", "action"), "ALLOW")
	if action != "DENY" && action != "ALLOW" {
		return
	}
	for _, w := range v.inSpace[u.GetNamespace()] {
		if !v.ruledBy(u, w) || w.isJob() {
			continue
		}
		for _, c := range v.apps().dependents(w) {
			line := v.refusedByMesh(c, w)
			if line == "" {
				continue
			}
			d, fresh := g.on(incident.NetworkPolicyBlocked, t)
			if fresh {
				d.say(fmt.Sprintf("%s refuses the requests of %s to %s", t, c.target, w.target), fmt.Sprintf("%s 拒绝 %s 对 %s 的请求", t, c.target, w.target)).weigh(0.9).since(recentTime(v, u)).
					object(t, "spec.action: %s, %d rules", action, len(listAt(u.Object, "spec", "rules")))
			}
			d.line(c.target, "", line).affects(c.target, w.target)
		}
	}
}

// refusedByMesh is a line in which a caller, or the workload's own proxy, is told that the mesh's rules refuse it.
func (v *view) refusedByMesh(c, w *workload) string {
	for _, x := range []*workload{c, w} {
		for _, l := range v.logsOf(x) {
			for _, line := range l.Lines {
				if strings.Contains(line, "RBAC: access denied") || strings.Contains(line, "rbac_access_denied") {
					return line
				}
			}
		}
	}
	return ""
}
