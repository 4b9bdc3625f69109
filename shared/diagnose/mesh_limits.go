package diagnose

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"cce-oncall/shared/incident"
)

// fewConnections is how small a bound of a connection pool must be to be worth a word.
const fewConnections = 10

// meshLimits is a rule that allows so few connections or waiting requests that callers are refused by their own proxy. A small bound
// alone is a choice; somebody must be refused, or suffer.
func (g *gather) meshLimits(u *unstructured.Unstructured) {
	v, t := g.v, ownerOf(u)
	what := ""
	for _, f := range [][]string{{"tcp", "maxConnections"}, {"http", "http1MaxPendingRequests"}, {"http", "http2MaxRequests"}} {
		x, found, err := unstructured.NestedFieldNoCopy(u.Object, append([]string{"spec", "trafficPolicy", "connectionPool"}, f...)...)
		if n := number(x); err == nil && found && n > 0 && n <= fewConnections {
			what += fmt.Sprintf(", %s %d", f[1], n)
		}
	}
	s := v.idx.Service(v.hostService(textAt(u.Object, "spec", "host"), u.GetNamespace()))
	if what == "" || s == nil {
		return
	}
	refused := v.overflow(s)
	if refused == "" && !v.troubled([]*corev1.Service{s}) {
		return
	}
	strength := 0.7
	if refused != "" {
		strength = 1
	}
	d, _ := g.on(incident.MeshTrafficLimited, t)
	d.weigh(strength).say(fmt.Sprintf("%s allows %s only few connections", t, s.Name), fmt.Sprintf("%s 对 %s 的连接数限制过小", t, s.Name)).since(recentTime(v, u)).
		object(t, "spec.trafficPolicy.connectionPool: %s", strings.TrimPrefix(what, ", "))
	if refused != "" {
		d.line(serviceTarget(s), "", refused)
	}
	g.behindMesh(d, []*corev1.Service{s})
}

// overflow is a line in which a proxy refuses a request to a Service for want of connections.
func (v *view) overflow(s *corev1.Service) string {
	for _, w := range v.apps().callers[name{s.Namespace, s.Name}] {
		for _, l := range v.logsOf(w) {
			for _, line := range l.Lines {
				if strings.Contains(line, "upstream_overflow") || strings.Contains(line, " UO ") || strings.Contains(line, "pending request overflow") {
					return line
				}
			}
		}
	}
	return ""
}
