package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"cce-oncall/shared/incident"
)

// targetPort is where a Service's port leads; unset means the port itself.
func targetPort(p corev1.ServicePort) intstr.IntOrString {
	if p.TargetPort.Type == intstr.Int && p.TargetPort.IntVal == 0 {
		return intstr.FromInt32(p.Port)
	}
	return p.TargetPort
}

func protocol(p corev1.Protocol) corev1.Protocol {
	if p == "" {
		return corev1.ProtocolTCP
	}
	return p
}

// ports holds each port of a Service against what the containers behind it serve.
func (g *gather) ports(s *corev1.Service, ws []*workload) {
	for _, w := range ws {
		if len(w.containers()) == 0 {
			continue
		}
		for _, sp := range s.Spec.Ports {
			g.port(s, w, sp)
		}
	}
}

func (g *gather) port(s *corev1.Service, w *workload, sp corev1.ServicePort) {
	n := targetPort(sp)
	var declared []corev1.ContainerPort
	silent := false // a container that declares nothing may listen anywhere
	for _, c := range w.containers() {
		declared = append(declared, c.Ports...)
		silent = silent || len(c.Ports) == 0
	}
	for _, c := range w.template.Spec.InitContainers {
		if alwaysRestarts(&c) {
			declared = append(declared, c.Ports...)
		}
	}
	var match []corev1.ContainerPort
	for _, p := range declared {
		if n.StrVal != "" && p.Name == n.StrVal || n.IntVal != 0 && p.ContainerPort == n.IntVal {
			match = append(match, p)
		}
	}
	if len(match) > 0 {
		g.protocol(s, w, sp, match)
		return
	}
	strength, right := g.v.portDoubt(s, w, sp, n, declared, silent)
	if strength == 0 {
		return
	}
	t := serviceTarget(s)
	d, fresh := g.on(incident.ServiceTargetPortMismatch, t)
	if !fresh {
		return
	}
	d.weigh(strength).say(fmt.Sprintf("port %d of %s leads to %s, where the containers of %s do not listen", sp.Port, t, n.String(), w.target),
		fmt.Sprintf("%s 的端口 %d 指向 %s，而 %s 的容器并未监听该端口", t, sp.Port, n.String(), w.target)).
		object(t, "spec.ports[%d].targetPort: %s", sp.Port, n.String()).
		object(w.target, "containerPorts: %s", cmpOr(portsText(declared), "none declared")).
		fact(FactService, s.Name).fact(FactServicePort, fmt.Sprint(sp.Port)).fact(FactPortName, sp.Name).fact(FactTargetPort, n.String()).fact(FactRightPort, right)
	for _, c := range w.containers() {
		if c.ReadinessProbe != nil && portWord(c.ReadinessProbe) != "" && portWord(c.ReadinessProbe) != n.String() {
			d.object(w.target, "containers[%s].readinessProbe asks port %s, and the pods are %s", c.Name, portWord(c.ReadinessProbe), readyText(w))
		}
	}
	g.quoteCallers(d, g.v.apps().callersOf(s.Namespace, s.Name))
	if c, ok := g.v.changeOf(t); ok {
		d.change(c, "%s %s: %s → %s", c.Verb, c.Target, quote(c.Before), quote(c.After)).since(c.At)
	}
}

func readyText(w *workload) string {
	if w.readyCount() > 0 {
		return "ready"
	}
	return "not ready"
}

// portDoubt is how sure it is that nothing listens at the target port, and the port that was probably meant.
func (v *view) portDoubt(s *corev1.Service, w *workload, sp corev1.ServicePort, n intstr.IntOrString, declared []corev1.ContainerPort, silent bool) (float64, string) {
	right := v.rightPort(s, w, sp, declared)
	if n.StrVal != "" {
		if len(declared) == 0 && silent {
			return 0.9, right // a name that no container declares resolves to nothing
		}
		return 1, right
	}
	if v.listensByEnv(w, n.IntVal) {
		return 0, ""
	}
	complaint := false
	for _, c := range v.apps().callersOf(s.Namespace, s.Name) {
		_, ok := v.complaint(c, serviceTarget(s))
		complaint = complaint || ok
	}
	_, changed := v.changeOf(serviceTarget(s))
	if v.allServed(w, declared) && !complaint && !changed {
		return 0, "" // every declared port is reached by some Service: this one is just not declared
	}
	switch {
	case len(declared) > 0 && !silent:
		if probed := v.probedPort(w); probed == n.String() {
			return 0, ""
		}
		return 0.95, right
	case len(declared) > 0 && (complaint || changed):
		return 0.9, right
	case len(declared) > 0 && len(w.containers()) > 1:
		if probed := v.probedPort(w); probed == n.String() {
			return 0, ""
		}
		return 0.75, right
	case right != "" && (complaint || changed):
		return 0.85, right
	case right != "" && len(declared) == 0 && v.probedPort(w) != "" && v.probedPort(w) != n.String():
		return 0.6, right
	}
	return 0, ""
}

// allServed says whether the Services in front of a workload reach all the ports that its containers declare.
func (v *view) allServed(w *workload, declared []corev1.ContainerPort) bool {
	if len(declared) == 0 {
		return false
	}
	for _, p := range declared {
		hit := false
		for _, k := range v.apps().fronts[w] {
			for _, sp := range v.idx.Service(k.namespace, k.name).Spec.Ports {
				n := targetPort(sp)
				hit = hit || n.IntVal == p.ContainerPort || n.StrVal != "" && n.StrVal == p.Name
			}
		}
		if !hit {
			return false
		}
	}
	return true
}

// probedPort is the port that the readiness probe of a workload asks, when its pods are ready: something listens there.
func (v *view) probedPort(w *workload) string {
	if w.readyCount() == 0 {
		return ""
	}
	for _, c := range w.containers() {
		if c.ReadinessProbe != nil {
			return portWord(c.ReadinessProbe)
		}
	}
	return ""
}

// rightPort is the container port that a Service port was most likely meant for: of the same name, number, or the only one.
func (v *view) rightPort(_ *corev1.Service, w *workload, sp corev1.ServicePort, declared []corev1.ContainerPort) string {
	for _, p := range declared {
		if sp.Name != "" && p.Name == sp.Name {
			return fmt.Sprint(p.ContainerPort)
		}
	}
	for _, p := range declared {
		if p.ContainerPort == sp.Port {
			return fmt.Sprint(p.ContainerPort)
		}
	}
	if len(declared) >= 1 {
		return fmt.Sprint(declared[0].ContainerPort)
	}
	return v.probedPort(w)
}

// listensByEnv says whether a setting such as PORT, SERVER_PORT or an argument names the port: then it is served, declared or not.
func (v *view) listensByEnv(w *workload, n int32) bool {
	word := fmt.Sprint(n)
	for _, c := range w.containers() {
		for _, e := range c.Env {
			if strings.Contains(strings.ToUpper(e.Name), "PORT") && strings.TrimPrefix(e.Value, ":") == word && ownPort(e.Name) {
				return true
			}
		}
		for _, a := range slices.Concat(c.Command, c.Args) {
			if strings.HasSuffix(a, ":"+word) && !strings.Contains(a, "//") || strings.HasSuffix(a, "port="+word) || a == word {
				return true
			}
		}
	}
	return false
}

// ownPort says whether a variable names the port of the application itself rather than of one it calls.
func ownPort(key string) bool {
	switch strings.ToUpper(key) {
	case "PORT", "SERVER_PORT", "HTTP_PORT", "GRPC_PORT", "LISTEN_PORT", "APP_PORT", "SERVICE_PORT", "BIND_PORT", "WEB_PORT", "API_PORT":
		return true
	}
	return strings.Contains(strings.ToUpper(key), "LISTEN") || strings.Contains(strings.ToUpper(key), "BIND")
}

// datagrams says whether a port in UDP is what its number or name says it should be. Declaring container ports is optional and TCP is
// their default, so there the declaration is the likelier to be wrong: somebody must complain first.
func datagrams(sp corev1.ServicePort) bool {
	if protocol(sp.Protocol) != corev1.ProtocolUDP {
		return false
	}
	known := []int32{53, 67, 69, 123, 161, 162, 514, 1812, 1813, 4789, 5060, 5353, 6831, 6832, 8125} // IANA's numbers; StatsD and Jaeger by use
	named := []string{"dns", "udp", "ntp", "syslog", "statsd", "snmp", "sip", "radius", "jaeger"}
	return slices.Contains(known, sp.Port) || slices.ContainsFunc(named, func(n string) bool { return strings.Contains(strings.ToLower(sp.Name), n) })
}

// protocol holds TCP against UDP. A port served in both is right either way.
func (g *gather) protocol(s *corev1.Service, w *workload, sp corev1.ServicePort, match []corev1.ContainerPort) {
	for _, p := range match {
		if protocol(p.Protocol) == protocol(sp.Protocol) {
			return
		}
	}
	t := serviceTarget(s)
	if datagrams(sp) && !g.v.changedLately(t) {
		if _, line := g.v.firstComplaint(g.v.apps().callersOf(s.Namespace, s.Name), t); line == "" {
			return
		}
	}
	d, fresh := g.on(incident.ServiceProtocolMismatch, t)
	if !fresh {
		return
	}
	d.say(fmt.Sprintf("port %d of %s is %s, the containers of %s serve %s", sp.Port, t, protocol(sp.Protocol), w.target, protocol(match[0].Protocol)),
		fmt.Sprintf("%s 的端口 %d 协议为 %s，而 %s 的容器提供 %s", t, sp.Port, protocol(sp.Protocol), w.target, protocol(match[0].Protocol))).
		object(t, "spec.ports[%d].protocol: %s", sp.Port, protocol(sp.Protocol)).object(w.target, "containerPorts: %s", portsText(match)).
		fact(FactService, s.Name).fact(FactServicePort, fmt.Sprint(sp.Port)).fact(FactProtocol, string(protocol(match[0].Protocol)))
	g.quoteCallers(d, g.v.apps().callersOf(s.Namespace, s.Name))
	if c, ok := g.v.changeOf(t); ok {
		d.change(c, "%s %s: %s → %s", c.Verb, c.Target, quote(c.Before), quote(c.After)).since(c.At)
	}
}
