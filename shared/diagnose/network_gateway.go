package diagnose

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"cce-oncall/shared/incident"
)

// routes looks at HTTPRoutes of the Gateway API, VirtualServices and the like: every backend they name must exist and serve the port.
func (g *gather) routes() {
	for _, u := range g.v.Objects.Other {
		switch u.GetKind() {
		case "HTTPRoute", "GRPCRoute", "TCPRoute":
			rules, _, err := unstructured.NestedSlice(u.Object, "spec", "rules")
			if err != nil {
				continue
			}
			for _, r := range rules {
				rule, _ := r.(map[string]any)
				refs, _, err := unstructured.NestedSlice(rule, "backendRefs")
				if err != nil {
					continue
				}
				for _, x := range refs {
					ref, _ := x.(map[string]any)
					g.route(u, text(ref["name"]), cmpOr(text(ref["namespace"]), u.GetNamespace()), number(ref["port"]), pathOf(rule))
				}
			}
		case "VirtualService":
			g.virtualService(u)
		}
	}
}

func text(x any) string {
	s, _ := x.(string)
	return s
}

func number(x any) int32 {
	switch n := x.(type) {
	case int64:
		return int32(n) //nolint:gosec // a port
	case float64:
		return int32(n)
	}
	return 0
}

func pathOf(rule map[string]any) string {
	matches, _, err := unstructured.NestedSlice(rule, "matches")
	if err != nil || len(matches) == 0 {
		return "/"
	}
	m, _ := matches[0].(map[string]any)
	p, _, err := unstructured.NestedString(m, "path", "value")
	if err != nil || p == "" {
		return "/"
	}
	return quoteTo(p, 80)
}

func (g *gather) virtualService(u *unstructured.Unstructured) {
	rules, _, err := unstructured.NestedSlice(u.Object, "spec", "http")
	if err != nil {
		return
	}
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		dests, _, err := unstructured.NestedSlice(rule, "route")
		if err != nil {
			continue
		}
		for _, x := range dests {
			m, _ := x.(map[string]any)
			host, _, err := unstructured.NestedString(m, "destination", "host")
			if err != nil || host == "" {
				continue
			}
			port, _, err := unstructured.NestedFieldNoCopy(m, "destination", "port", "number")
			if err != nil {
				port = nil
			}
			n := use{caller: &workload{target: incident.Target{Namespace: u.GetNamespace()}}, address: address{host: host}}
			g.v.apps().resolve(&n)
			if n.inCluster {
				g.route(u, n.service, n.namespace, number(port), "/")
			}
		}
	}
}

func (g *gather) route(u *unstructured.Unstructured, service, namespace string, port int32, path string) {
	if service == "" {
		return
	}
	t := incident.Target{Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}
	s := g.v.idx.Service(namespace, service)
	why := ""
	switch {
	case s == nil:
		why = "no such Service"
	case port != 0 && !g.v.serves(s, port):
		why = "the Service serves " + servicePorts(s)
	default:
		if meant := g.v.serviceOfPath(namespace, path); meant != "" && meant != service && g.v.changedLately(t) {
			why = "Service " + meant + " is called like the path and gets nothing"
		}
	}
	if why == "" {
		return
	}
	r := incident.GatewayRouteMismatch
	d, _ := g.on(r, t)
	d.say(fmt.Sprintf("%s sends %s to %s:%d: %s", t, path, service, port, why), fmt.Sprintf("%s 将 %s 转发到 %s:%d，后端不匹配", t, path, service, port)).
		object(t, "%s → %s/%s:%d; %s", path, namespace, service, port, why).fact(FactService, service).fact(FactRightHost, g.v.nearest(namespace, service)).
		affects(incident.Target{Kind: "Service", Namespace: namespace, Name: service})
}
