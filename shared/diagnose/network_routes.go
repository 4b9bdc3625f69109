package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// backend is one rule of an Ingress.
type backend struct {
	host, path string
	service    *networkingv1.IngressServiceBackend
}

func backendsOf(i *networkingv1.Ingress) []backend {
	var out []backend
	if b := i.Spec.DefaultBackend; b != nil && b.Service != nil {
		out = append(out, backend{"", "default backend", b.Service})
	}
	for _, r := range i.Spec.Rules {
		if r.HTTP == nil {
			continue
		}
		for _, p := range r.HTTP.Paths {
			if p.Backend.Service != nil {
				out = append(out, backend{r.Host, p.Path, p.Backend.Service})
			}
		}
	}
	return out
}

func routesTo(i *networkingv1.Ingress, service string) bool {
	return slices.ContainsFunc(backendsOf(i), func(b backend) bool { return b.service.Name == service })
}

// routedBy are the Ingresses that send traffic to a Service.
func (v *view) routedBy(s *corev1.Service) []string {
	var out []string
	for _, i := range v.Objects.Ingresses {
		if i.Namespace == s.Namespace && routesTo(i, s.Name) {
			out = append(out, i.Name)
		}
	}
	return out
}

// ingresses holds every rule against the Services and their ports.
func (g *gather) ingresses() {
	for _, i := range g.v.Objects.Ingresses {
		t := target("Ingress", i)
		for _, b := range backendsOf(i) {
			s := g.v.idx.Service(i.Namespace, b.service.Name)
			why := ""
			switch {
			case s == nil:
				why = fmt.Sprintf("no Service %s in namespace %s", b.service.Name, i.Namespace)
			case !hasBackendPort(s, b.service.Port):
				why = fmt.Sprintf("Service %s has no port %s (it has %s)", s.Name, backendPort(b.service.Port), servicePorts(s))
			default:
				continue
			}
			d, fresh := g.on(incident.IngressBackendMismatch, t)
			if fresh {
				d.say(fmt.Sprintf("%s sends %s%s to a backend that is absent", t, b.host, b.path), fmt.Sprintf("%s 将 %s%s 转发到不存在的后端", t, b.host, b.path)).fact(FactService, b.service.Name)
				if s != nil && len(s.Spec.Ports) > 0 {
					d.fact(FactRightPort, fmt.Sprint(s.Spec.Ports[0].Port))
				} else {
					d.fact(FactRightHost, g.v.nearest(i.Namespace, b.service.Name))
				}
			}
			d.object(t, "rule %s%s → %s:%s; %s", b.host, b.path, b.service.Name, backendPort(b.service.Port), why).
				affects(incident.Target{Kind: "Service", Namespace: i.Namespace, Name: b.service.Name})
			if c, ok := g.v.changeOf(t); ok {
				d.change(c, "%s %s: %s → %s", c.Verb, c.Target, quote(c.Before), quote(c.After)).since(c.At)
			}
		}
	}
}

func hasBackendPort(s *corev1.Service, p networkingv1.ServiceBackendPort) bool {
	return slices.ContainsFunc(s.Spec.Ports, func(sp corev1.ServicePort) bool {
		return p.Number != 0 && sp.Port == p.Number || p.Name != "" && sp.Name == p.Name
	})
}

func backendPort(p networkingv1.ServiceBackendPort) string {
	if p.Name != "" {
		return p.Name
	}
	return fmt.Sprint(p.Number)
}

// serviceOfPath is the Service that is called like a segment of a path, hyphens, plurals and words like "service" aside.
func (v *view) serviceOfPath(namespace, path string) string {
	segments := strings.FieldsFunc(strings.ToLower(path), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' })
	for _, seg := range segments {
		bare := plainName(seg)
		if len(bare) < 3 {
			continue
		}
		for _, s := range v.Objects.Services {
			if s.Namespace == namespace && plainName(s.Name) == bare {
				return s.Name
			}
		}
	}
	return ""
}

// plainName leaves of a name what tells it from others.
func plainName(n string) string {
	n = strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(n))
	for _, tail := range []string{"service", "svc", "api", "server", "app", "s"} {
		if len(n) > len(tail)+2 {
			n = strings.TrimSuffix(n, tail)
		}
	}
	return n
}

// loadBalancers looks at Services of type LoadBalancer without an address.
func (g *gather) loadBalancers() {
	for _, s := range g.v.Objects.Services {
		t := serviceTarget(s)
		for _, x := range []struct {
			r      incident.Reason
			events []string
		}{
			{incident.LoadBalancerProvisioningFailed, []string{"SyncLoadBalancerFailed", "CreatingLoadBalancerFailed"}},
			{incident.LoadBalancerUpdateFailed, []string{"UpdateLoadBalancerFailed"}},
			{incident.LoadBalancerDeleteFailed, []string{"DeletingLoadBalancerFailed"}},
		} {
			e := g.v.lastEvent(t, g.v.ago(2*time.Hour), x.events...)
			if e == nil || x.r == incident.LoadBalancerProvisioningFailed && len(s.Status.LoadBalancer.Ingress) > 0 {
				continue
			}
			if ok := g.v.lastEvent(t, observe.LastSeen(e), "EnsuredLoadBalancer", "UpdatedLoadBalancer"); ok != nil {
				continue
			}
			d, _ := g.on(x.r, t)
			i := incident.Info(x.r)
			d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH)).event(e).since(observe.FirstSeen(e)).
				object(t, "spec.type %s, status.loadBalancer.ingress: %d addresses", s.Spec.Type, len(s.Status.LoadBalancer.Ingress))
		}
	}
}
