package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// wrongAddresses looks at ports that the named Service does not have, and at hosts outside the cluster that logs complain of.
func (g *gather) wrongAddresses() {
	v := g.v
	byService := map[name][]use{}
	for _, u := range v.apps().uses {
		if u.found != nil && u.port != 0 && !v.serves(u.found, int32(u.port)) { //nolint:gosec // a port
			byService[name{u.namespace, u.service}] = append(byService[name{u.namespace, u.service}], u)
		}
	}
	for _, n := range sortedNames(byService) {
		g.wrongPort(n, byService[n])
	}
	g.foreignHosts()
	g.loopback()
}

// serves says whether a Service answers at a port. Behind a headless Service callers reach the containers' own ports.
func (v *view) serves(s *corev1.Service, port int32) bool {
	for _, p := range s.Spec.Ports {
		if p.Port == port {
			return true
		}
	}
	if s.Spec.ClusterIP != corev1.ClusterIPNone && s.Spec.Type != corev1.ServiceTypeExternalName {
		return false
	}
	declared := false
	for _, w := range v.apps().behind[name{s.Namespace, s.Name}] {
		for _, c := range w.containers() {
			declared = declared || len(c.Ports) > 0
			if hasPort(c.Ports, port) {
				return true
			}
		}
	}
	return !declared || len(s.Spec.Ports) == 0
}

func (g *gather) wrongPort(n name, uses []use) {
	v := g.v
	s := v.idx.Service(n.namespace, n.name)
	t := serviceTarget(s)
	right := map[*workload]bool{}
	for _, u := range v.apps().uses {
		if u.found == s && u.port != 0 && v.serves(s, int32(u.port)) { //nolint:gosec // a port
			right[u.caller] = true
		}
	}
	wrong := map[*workload]bool{}
	for _, u := range uses {
		wrong[u.caller] = true
	}
	change, changed := v.changeOf(t)
	if v.oneWrongWord(uses, s) {
		g.wrongPortOf(uses[0], s)
		return
	}
	if (len(wrong) > 1 && len(right) == 0 || changed && len(right) == 0) && v.formerValue(uses[0]) == "" {
		d, _ := g.on(incident.ServicePortMismatch, t)
		d.weigh(0.95).say(fmt.Sprintf("%s serves port %s, and its callers use %d", t, servicePorts(s), uses[0].port), fmt.Sprintf("%s 提供端口 %s，而调用方使用 %d", t, servicePorts(s), uses[0].port)).
			object(t, "spec.ports: %s", servicePorts(s)).fact(FactService, n.name).fact(FactServicePort, firstServicePort(s)).fact(FactRightPort, fmt.Sprint(uses[0].port))
		g.quoteUses(d, uses)
		g.quoteCallers(d, v.apps().callersOf(n.namespace, n.name))
		if changed {
			d.change(change, "%s %s: %s → %s", change.Verb, change.Target, quote(change.Before), quote(change.After)).since(change.At)
		}
		return
	}
	for _, u := range firstOfEach(uses) {
		g.wrongPortOf(u, s)
	}
}

// oneWrongWord says whether a wrong port stands in one ConfigMap that all callers read, while the Service serves what its pods declare:
// then the word is wrong and not the Service.
func (v *view) oneWrongWord(uses []use, s *corev1.Service) bool {
	for _, u := range uses {
		if u.from.Kind != "ConfigMap" || u.from != uses[0].from || u.port != uses[0].port {
			return false
		}
	}
	if v.changedLately(serviceTarget(s)) {
		return false
	}
	fits := false
	for _, w := range v.apps().behind[name{s.Namespace, s.Name}] {
		for _, c := range w.containers() {
			if hasPort(c.Ports, int32(uses[0].port)) { //nolint:gosec // a port
				return false
			}
			for _, p := range s.Spec.Ports {
				fits = fits || hasPort(c.Ports, p.Port)
			}
		}
	}
	return fits
}

func (g *gather) wrongPortOf(u use, s *corev1.Service) {
	v := g.v
	line, complains := v.complaint(u.caller, serviceTarget(s))
	former := v.formerValue(u)
	change, changed := v.changeOf(u.from)
	strength := 0.6
	switch {
	case complains || former != "" && former != hostText(u):
		strength = 1
	case v.suffering([]*workload{u.caller}) || changed || v.asked(u.caller.target):
		strength = 0.95
	case telemetryKey.MatchString(u.key):
		return
	}
	r := incident.EnvAddressInvalid
	if aboutDatabase(u.key, u.wire, u.port) || slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return databasePorts[int(p.Port)] }) {
		r = incident.DatabaseAddressInvalid
	}
	d, fresh := g.on(r, u.from)
	if !fresh {
		return
	}
	d.weigh(strength).say(fmt.Sprintf("%s of %s names port %d of Service %s, which serves %s", u.setting, u.caller.target, u.port, s.Name, servicePorts(s)),
		fmt.Sprintf("%s 的 %s 使用 Service %s 的端口 %d，而其提供 %s", u.caller.target, u.setting, s.Name, u.port, servicePorts(s))).
		object(u.from, "%s: %s", cmpOr(orNothing("env ", u.portKey), u.setting), hostText(u)).object(serviceTarget(s), "spec.ports: %s", servicePorts(s)).affects(u.caller.target)
	g.addressFacts(d, u, v.serviceWithPort(s.Namespace, u.port))
	d.fact(FactRightPort, firstServicePort(s))
	if u.portKey != "" {
		d.fact(FactEnv, u.portKey)
	}
	if former != "" && former != hostText(u) {
		d.object(u.caller.target, "the revision before: %s", quote(former))
	}
	if complains {
		d.line(u.caller.target, u.container, line)
	}
	if changed {
		d.change(change, "%s %s: %s → %s", change.Verb, change.Target, quote(change.Before), quote(change.After)).since(change.At)
	}
}

// firstServicePort is the first port of a Service, "" when it has none.
func firstServicePort(s *corev1.Service) string {
	if len(s.Spec.Ports) == 0 {
		return ""
	}
	return fmt.Sprint(s.Spec.Ports[0].Port)
}

func servicePorts(s *corev1.Service) string {
	var out []string
	for _, p := range s.Spec.Ports {
		out = append(out, fmt.Sprint(p.Port))
	}
	return cmpOr(strings.Join(out, ", "), "none")
}

// serviceWithPort is the only Service of a namespace that serves a port, "" when none or several do.
func (v *view) serviceWithPort(namespace string, port int) string {
	found := ""
	for _, s := range v.Objects.Services {
		if s.Namespace == namespace && slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return int(p.Port) == port }) {
			if found != "" {
				return ""
			}
			found = s.Name
		}
	}
	return found
}

// outsideName says whether a host is written as a name of the world outside, not as an address.
func outsideName(host string) bool {
	return strings.Contains(host, ".") && strings.ContainsFunc(host, func(r rune) bool { return r >= 'a' && r <= 'z' })
}

// foreignHosts are hosts outside the cluster that a workload's settings name and its logs cannot find or reach.
func (g *gather) foreignHosts() {
	v := g.v
	for _, u := range v.apps().uses {
		if u.found != nil || u.inCluster || !u.sure || u.host == "localhost" || u.host == "127.0.0.1" || u.host == "0.0.0.0" || telemetryKey.MatchString(u.key) {
			continue
		}
		var hit *sign
		for _, s := range v.signsOf(u.caller, signNoHost, signRefused, signTimeout) {
			if s.host == u.host || s.host == "" && named(s.line, u.host) {
				hit = &s
				break
			}
		}
		former := v.formerValue(u)
		changed := former != "" && former != hostText(u) && !strings.Contains(former, u.host)
		if hit != nil && hit.kind != signNoHost && !changed && outsideName(u.host) && !aboutDatabase(u.key, u.wire, u.port) && !v.changedLately(u.from) {
			continue // the name is known and nobody touched it: the party outside does not answer
		}
		if hit == nil && !changed || hit != nil && !v.suffering([]*workload{u.caller}) && hit.count < 2 && !changed {
			continue
		}
		r := incident.EnvAddressInvalid
		if aboutDatabase(u.key, u.wire, u.port) {
			r = incident.DatabaseAddressInvalid
		}
		d, fresh := g.on(r, u.from)
		if !fresh {
			continue
		}
		d.say(fmt.Sprintf("%s of %s names %s, which cannot be reached", u.setting, u.caller.target, hostText(u)), fmt.Sprintf("%s 的 %s 指向的 %s 无法访问", u.caller.target, u.setting, hostText(u))).
			object(u.from, "%s: %s", u.setting, hostText(u)).affects(u.caller.target).weigh(0.7)
		if changed {
			d.weigh(0.9).object(u.caller.target, "the revision before: %s", quote(former))
		}
		g.addressFacts(d, u, "")
		if hit != nil {
			d.line(u.caller.target, u.container, hit.line)
			if hit.kind == signNoHost {
				d.weigh(max(d.strength, 0.85))
			}
		}
	}
}
