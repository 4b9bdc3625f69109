package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"cce-oncall/shared/incident"
)

// The rules of a service mesh (networking.istio.io, security.istio.io) are custom resources; only the fields named here are read.

// mesh looks at rules that abort or delay on purpose, at routes to a subset that nobody declares, and at sides that disagree on TLS.
func (g *gather) mesh() {
	for _, u := range g.v.Objects.Other {
		switch u.GetKind() {
		case "VirtualService":
			g.meshFaults(u)
			g.meshSubsets(u)
		case "PeerAuthentication":
			g.meshTLS(u)
		case "DestinationRule":
			g.meshLimits(u)
			g.meshEjects(u)
		case "AuthorizationPolicy":
			g.meshDenies(u)
		}
	}
}

// listAt is a list of maps inside an object; what is not of that form is left out.
func listAt(m map[string]any, fields ...string) []map[string]any {
	raw, _, err := unstructured.NestedSlice(m, fields...)
	if err != nil {
		return nil
	}
	var out []map[string]any
	for _, x := range raw {
		if r, ok := x.(map[string]any); ok {
			out = append(out, r)
		}
	}
	return out
}

func textAt(m map[string]any, fields ...string) string {
	x, _, err := unstructured.NestedFieldNoCopy(m, fields...)
	if err != nil {
		return ""
	}
	return text(x)
}

// share is the percentage of an injected fault: the newer field, the older one, else all.
func share(m map[string]any) float64 {
	for _, fields := range [][]string{{"percentage", "value"}, {"percent"}} {
		x, found, err := unstructured.NestedFieldNoCopy(m, fields...)
		if err != nil || !found {
			continue
		}
		switch n := x.(type) {
		case int64:
			return float64(n)
		case float64:
			return n
		}
	}
	return 100
}

// meshHosts are the Services that a VirtualService is about.
func (v *view) meshHosts(u *unstructured.Unstructured) []*corev1.Service {
	hosts, _, err := unstructured.NestedStringSlice(u.Object, "spec", "hosts")
	if err != nil {
		return nil
	}
	var out []*corev1.Service
	for _, h := range hosts {
		if s := v.idx.Service(v.hostService(h, u.GetNamespace())); s != nil {
			out = append(out, s)
		}
	}
	return out
}

// meshFaults is a rule that answers or delays requests itself. Where it is for requests with a mark only, somebody must feel it.
func (g *gather) meshFaults(u *unstructured.Unstructured) {
	v, t := g.v, ownerOf(u)
	hosts := v.meshHosts(u)
	for i, rule := range listAt(u.Object, "spec", "http") {
		what := ""
		if f, ok := rule["fault"].(map[string]any); ok {
			if a, ok := f["abort"].(map[string]any); ok && share(a) >= 1 {
				what = fmt.Sprintf("abort %.0f %% of the requests with %v", share(a), cmpOr(fmt.Sprint(orEmpty(a["httpStatus"])), text(a["grpcStatus"])))
			}
			if d, ok := f["delay"].(map[string]any); ok && share(d) >= 1 {
				what = strings.TrimPrefix(what+fmt.Sprintf(", delay %.0f %% of them by %s", share(d), text(d["fixedDelay"])), ", ")
			}
		}
		if what == "" {
			continue
		}
		strength := 1.0
		if marked(rule) && !v.troubled(hosts) {
			continue
		}
		if !v.troubled(hosts) {
			strength = 0.8
		}
		d, fresh := g.on(incident.MeshFaultInjected, t)
		if fresh {
			d.say(fmt.Sprintf("%s is told to %s", t, what), fmt.Sprintf("%s 配置了故障注入（%s）", t, what)).weigh(strength).since(recentTime(v, u))
		}
		d.object(t, "spec.http[%d].fault: %s", i, quote(what))
		g.behindMesh(d, hosts)
	}
}

func orEmpty(x any) any {
	if x == nil {
		return ""
	}
	return x
}

// marked says whether a rule is only for requests that carry a certain header.
func marked(rule map[string]any) bool {
	return slices.ContainsFunc(listAt(rule, "match"), func(m map[string]any) bool { return m["headers"] != nil })
}

// recentTime is when an object was made, if that is less than a day ago.
func recentTime(v *view, u *unstructured.Unstructured) (t time.Time) {
	if at := u.GetCreationTimestamp().Time; v.recent(at, early) {
		return at
	}
	return t
}

// troubled says whether somebody suffers at, or complains of, one of the Services.
func (v *view) troubled(services []*corev1.Service) bool {
	for _, s := range services {
		k := name{s.Namespace, s.Name}
		callers := v.apps().callers[k]
		if w, _ := v.firstComplaint(callers, serviceTarget(s)); w != nil || v.suffering(callers) || v.suffering(v.apps().behind[k]) || v.asked(serviceTarget(s)) {
			return true
		}
	}
	return false
}

// behindMesh says who is affected by a rule about some Services, and quotes the callers.
func (g *gather) behindMesh(d *draft, services []*corev1.Service) {
	for _, s := range services {
		d.affects(serviceTarget(s))
		for _, w := range g.v.apps().behind[name{s.Namespace, s.Name}] {
			d.affects(w.target)
		}
		for _, c := range g.v.apps().callers[name{s.Namespace, s.Name}] {
			if line, ok := g.v.complaint(c, serviceTarget(s)); ok && !d.wordy() {
				d.line(c.target, "", line)
			}
			d.affects(c.target)
		}
	}
	if c, ok := g.v.changeOf(d.f.Target); ok {
		d.change(c, "%s %s: %s → %s", c.Verb, c.Target, quote(c.Before), quote(c.After)).since(c.At)
	}
}

// meshSubsets is a route to a subset that no DestinationRule declares, or whose labels no pod carries.
func (g *gather) meshSubsets(u *unstructured.Unstructured) {
	v, t := g.v, ownerOf(u)
	for i, rule := range listAt(u.Object, "spec", "http") {
		for _, r := range listAt(rule, "route") {
			host, subset := textAt(r, "destination", "host"), textAt(r, "destination", "subset")
			if weight, set := r["weight"]; subset == "" || set && number(weight) == 0 {
				continue
			}
			s := v.idx.Service(v.hostService(host, u.GetNamespace()))
			if s == nil {
				continue
			}
			owner, want, declared := v.subset(s, subset)
			why := ""
			switch {
			case !declared:
				owner, why = t, fmt.Sprintf("no DestinationRule of %s declares subset %s", host, subset)
			case !v.carried(s, want):
				why = fmt.Sprintf("no pod of %s carries %s", s.Name, selectorText(want))
			default:
				continue
			}
			d, _ := g.on(incident.GatewayRouteMismatch, owner)
			d.say(fmt.Sprintf("%s sends requests for %s to subset %s, which has no pods", t, host, subset), fmt.Sprintf("%s 将 %s 的请求路由到不存在的子集 %s", t, host, subset)).
				object(t, "spec.http[%d].route: host %s, subset %s", i, quote(host), quote(subset)).object(owner, "%s", quote(why)).fact(FactService, s.Name)
			g.behindMesh(d, []*corev1.Service{s})
		}
	}
}

// subset is where and how a subset of a Service is declared.
func (v *view) subset(s *corev1.Service, subset string) (incident.Target, labels.Set, bool) {
	for _, u := range v.Objects.Other {
		if u.GetKind() != "DestinationRule" {
			continue
		}
		if ns, svc := v.hostService(textAt(u.Object, "spec", "host"), u.GetNamespace()); ns != s.Namespace || svc != s.Name {
			continue
		}
		for _, x := range listAt(u.Object, "spec", "subsets") {
			if text(x["name"]) == subset {
				set, _, err := unstructured.NestedStringMap(x, "labels")
				return ownerOf(u), set, err == nil
			}
		}
	}
	return incident.Target{}, nil, false
}

func (v *view) carried(s *corev1.Service, want labels.Set) bool {
	sel := labels.SelectorFromSet(want)
	for _, w := range v.apps().behind[name{s.Namespace, s.Name}] {
		if sel.Matches(w.label()) {
			return true
		}
		for _, p := range w.live() {
			if sel.Matches(labels.Set(p.Labels)) {
				return true
			}
		}
	}
	return false
}
