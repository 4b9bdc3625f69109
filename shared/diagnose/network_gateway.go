package diagnose

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"cce-oncall/shared/incident"
)

// routing is one rule of any kind of gateway: a path, and the Service it is sent to.
type routing struct {
	owner     incident.Target
	path      string
	namespace string
	service   string
	port      int32
	checked   bool // whether the backend exists was looked at elsewhere
}

// routes gathers the rules of Ingresses, of the Gateway API, of VirtualServices and of gateways that keep them in a ConfigMap, and
// holds each against the Services: the backend must exist and serve the port, and where paths are called like Services, a rule that
// sends one to another Service is wrong.
func (g *gather) routes() {
	all := g.v.routings()
	for _, r := range all {
		if !r.checked {
			g.route(r)
		}
	}
	for _, r := range all {
		g.misrouted(r, all)
	}
}

func (v *view) routings() []routing {
	var out []routing
	for _, i := range v.Objects.Ingresses {
		for _, b := range backendsOf(i) {
			out = append(out, routing{owner: target("Ingress", i), path: b.path, namespace: i.Namespace, service: b.service.Name, port: b.service.Port.Number, checked: true})
		}
	}
	for _, u := range v.Objects.Other {
		switch u.GetKind() {
		case "HTTPRoute", "GRPCRoute", "TCPRoute":
			out = append(out, gatewayRules(u)...)
		case "VirtualService":
			out = append(out, v.meshRules(u)...)
		}
	}
	for _, m := range v.Objects.ConfigMaps {
		out = append(out, v.fileRules(m)...)
	}
	return out
}

func gatewayRules(u *unstructured.Unstructured) []routing {
	rules, _, err := unstructured.NestedSlice(u.Object, "spec", "rules")
	if err != nil {
		return nil
	}
	var out []routing
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		refs, _, err := unstructured.NestedSlice(rule, "backendRefs")
		if err != nil {
			continue
		}
		for _, x := range refs {
			ref, _ := x.(map[string]any)
			out = append(out, routing{owner: ownerOf(u), path: pathOf(rule, "matches", "path", "value"), namespace: cmpOr(text(ref["namespace"]), u.GetNamespace()), service: text(ref["name"]), port: number(ref["port"])})
		}
	}
	return out
}

func ownerOf(u *unstructured.Unstructured) incident.Target {
	return incident.Target{Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}
}

func (v *view) meshRules(u *unstructured.Unstructured) []routing {
	rules, _, err := unstructured.NestedSlice(u.Object, "spec", "http")
	if err != nil {
		return nil
	}
	var out []routing
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
			ns, svc := v.hostService(host, u.GetNamespace())
			if svc != "" {
				out = append(out, routing{owner: ownerOf(u), path: pathOf(rule, "match", "uri", "prefix"), namespace: ns, service: svc, port: number(port)})
			}
		}
	}
	return out
}

var (
	nginxLocation = regexp.MustCompile(`^\s*location\s+(?:[=~^*]+\s+)?(\S+)\s*\{`)
	nginxPass     = regexp.MustCompile(`^\s*(?:proxy|grpc|uwsgi|fastcgi)_pass\s+(?:\w+://)?([a-zA-Z0-9.-]+)(?::(\d+))?`)
	routeURI      = regexp.MustCompile(`(?i)^\s*-?\s*(?:uri|url|destination|target|upstream|backend)\s*[:=]\s*["']?(?:[a-z]+://)([a-zA-Z0-9.-]+)(?::(\d+))?`)
	routePath     = regexp.MustCompile(`(?i)^\s*-?\s*(?:path|prefix|context|match|paths)\s*[:=]\s*["']?\[?["']?(/[^\s"',\]]*)`)
	routeBegin    = regexp.MustCompile(`(?i)^\s*-\s+(?:id|name|uri|path|match)\s*[:=]`)
)

// fileRules reads the two common ways to write routes into a file: blocks of a location with a proxy_pass, and lists whose items hold
// an address and a path.
func (v *view) fileRules(m *corev1.ConfigMap) []routing {
	var out []routing
	for _, k := range sortedKeys(m.Data) {
		if !strings.Contains(m.Data[k], "_pass") && !strings.Contains(strings.ToLower(m.Data[k]), "path") {
			continue
		}
		r := routing{owner: target("ConfigMap", m)}
		flush := func() {
			if r.path != "" && r.service != "" {
				out = append(out, r)
			}
			r = routing{owner: r.owner}
		}
		for _, line := range strings.SplitN(m.Data[k], "\n", maxConfigLines) {
			if x := nginxLocation.FindStringSubmatch(line); x != nil {
				flush()
				r.path = quoteTo(x[1], 80)
				continue
			}
			if routeBegin.MatchString(line) {
				flush()
			}
			if x := routePath.FindStringSubmatch(line); x != nil {
				r.path = quoteTo(x[1], 80)
			}
			for _, re := range []*regexp.Regexp{nginxPass, routeURI} {
				if x := re.FindStringSubmatch(line); x != nil {
					r.namespace, r.service = v.hostService(strings.ToLower(x[1]), m.Namespace)
					if n, err := strconv.Atoi(x[2]); err == nil {
						r.port = int32(n) //nolint:gosec // at most five digits are ports
					}
				}
			}
		}
		flush()
	}
	return out
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

// pathOf is the path of a rule's first match.
func pathOf(rule map[string]any, list string, fields ...string) string {
	matches, _, err := unstructured.NestedSlice(rule, list)
	if err != nil || len(matches) == 0 {
		return "/"
	}
	m, _ := matches[0].(map[string]any)
	p, _, err := unstructured.NestedString(m, fields...)
	if err != nil || p == "" {
		return "/"
	}
	return quoteTo(p, 80)
}

// route says whether the backend of a rule exists and serves the port.
func (g *gather) route(r routing) {
	s := g.v.idx.Service(r.namespace, r.service)
	why := ""
	switch {
	case s == nil && r.owner.Kind == "ConfigMap":
		return // an address in a file: judged as such
	case s == nil:
		why = "no such Service"
	case r.port != 0 && !g.v.serves(s, r.port) && r.owner.Kind != "ConfigMap":
		why = "the Service serves " + servicePorts(s)
	default:
		return
	}
	d, _ := g.on(incident.GatewayRouteMismatch, r.owner)
	d.say(fmt.Sprintf("%s sends %s to %s:%d: %s", r.owner, r.path, r.service, r.port, why), fmt.Sprintf("%s 将 %s 转发到 %s:%d，后端不匹配", r.owner, r.path, r.service, r.port)).
		object(r.owner, "%s → %s/%s:%d; %s", r.path, r.namespace, r.service, r.port, why).fact(FactService, r.service).fact(FactRightHost, g.v.nearest(r.namespace, r.service)).
		affects(incident.Target{Kind: "Service", Namespace: r.namespace, Name: r.service})
	g.routeChange(d, r)
}

func (g *gather) routeChange(d *draft, r routing) {
	if c, ok := g.v.changeOf(r.owner); ok {
		d.change(c, "%s %s: %s → %s", c.Verb, c.Target, quote(c.Before), quote(c.After)).since(c.At)
	}
}

// misrouted is a rule whose path is called like one Service and is sent to another, while no rule leads to the first.
func (g *gather) misrouted(r routing, all []routing) {
	v := g.v
	meant := v.serviceOfPath(r.namespace, r.path)
	s := v.idx.Service(r.namespace, r.service)
	if meant == "" || meant == r.service || s == nil {
		return
	}
	regular := 0
	for _, o := range all {
		if o.service == meant {
			return
		}
		if o.owner == r.owner && o.path != r.path && v.serviceOfPath(o.namespace, o.path) == o.service && o.service != "" {
			regular++
		}
	}
	line := v.notFoundLine(r)
	strength := 0.0
	switch {
	case line != "" || v.changedLately(r.owner):
		strength = 0.95
	case v.asked(r.owner):
		strength = 0.9
	case regular >= 2:
		strength = 0.8
	default:
		return
	}
	d, _ := g.on(incident.GatewayRouteMismatch, r.owner)
	d.say(fmt.Sprintf("%s sends %s to %s, which does not serve it", r.owner, r.path, r.service), fmt.Sprintf("%s 将路径 %s 转发给不提供该路径的 %s", r.owner, r.path, r.service)).weigh(strength).
		object(r.owner, "rule %s → %s", r.path, r.service).object(incident.Target{Kind: "Service", Namespace: r.namespace, Name: meant}, "it is called like the path, and no rule leads to it").
		fact(FactService, r.service).fact(FactRightHost, meant).affects(serviceTarget(s))
	if regular >= 2 {
		d.object(r.owner, "%d other rules send a path to the Service of its name", regular)
	}
	if line != "" {
		d.line(serviceTarget(s), "", line)
	}
	g.routeChange(d, r)
}

// notFoundLine is a line in which the backend says that it does not know the path.
func (v *view) notFoundLine(r routing) string {
	for _, w := range v.apps().behind[name{r.namespace, r.service}] {
		for _, x := range v.signsOf(w, signNotFound404) {
			if strings.Contains(x.line, strings.TrimRight(r.path, "/*")) {
				return x.line
			}
		}
	}
	return ""
}
