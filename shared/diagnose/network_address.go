package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// missingServices looks at names that callers use and no Service has: either the Service is gone, or one caller was given a wrong name.
func (g *gather) missingServices() {
	v := g.v
	byName := map[name][]use{}
	for _, u := range v.apps().uses {
		if u.found == nil && u.inCluster && u.sure {
			byName[name{u.namespace, u.service}] = append(byName[name{u.namespace, u.service}], u)
		}
	}
	for _, n := range sortedNames(byName) {
		g.missingService(n, byName[n])
	}
}

func sortedNames[T any](m map[name]T) []name {
	out := make([]name, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b name) int {
		return strings.Compare(a.namespace+"/"+a.name, b.namespace+"/"+b.name)
	})
	return out
}

func (g *gather) missingService(n name, uses []use) {
	v := g.v
	t := incident.Target{Kind: "Service", Namespace: n.namespace, Name: n.name}
	callers := v.apps().callersOf(n.namespace, n.name)
	home := v.homeOf(n, uses)
	deleted, gone := v.deletionOf(t)
	complaint, line := v.firstComplaint(callers, t)
	optional := !slices.ContainsFunc(uses, func(u use) bool { return !telemetryKey.MatchString(u.key) })
	if optional && complaint == nil && !gone {
		return
	}
	former := v.formerValue(uses[0])
	changedValue := former != "" && !strings.Contains(former, n.name)
	if !changedValue && (gone || home != nil || len(callers) > 1 && v.nearest(n.namespace, n.name) == "" && (complaint != nil || v.suffering(callers) || v.asked(t))) {
		strength := 0.9
		if gone || home != nil && complaint != nil {
			strength = 1
		}
		d, _ := g.on(incident.ServiceMissing, t)
		d.weigh(strength).say(fmt.Sprintf("%s does not exist, and %s", t, callersText(callers)), fmt.Sprintf("%s 不存在，但仍有 %d 个调用方", t, len(callers))).fact(FactService, n.name)
		if home != nil {
			d.object(home.target, "its pods run (%d ready) and no Service selects them", home.readyCount()).fact(FactWorkload, home.target.Kind+"/"+home.target.Name).
				fact(FactRightPort, firstPort(home))
		}
		g.quoteUses(d, uses)
		if gone {
			d.change(deleted, "%s %s by %s", deleted.Verb, deleted.Target, quote(deleted.Actor)).since(deleted.At)
		}
		if complaint != nil {
			d.line(complaint.target, "", line)
		}
		return
	}
	for _, u := range firstOfEach(uses) {
		g.wrongHost(u, n)
	}
}

// firstOfEach keeps one use for each object that holds the value.
func firstOfEach(uses []use) []use {
	var out []use
	for _, u := range uses {
		if !slices.ContainsFunc(out, func(x use) bool { return x.from == u.from && x.caller == u.caller }) {
			out = append(out, u)
		}
	}
	return out
}

func firstPort(w *workload) string {
	for _, c := range w.containers() {
		if len(c.Ports) > 0 {
			return fmt.Sprint(c.Ports[0].ContainerPort)
		}
	}
	return ""
}

func (g *gather) quoteUses(d *draft, uses []use) {
	for i, u := range uses {
		d.affects(u.caller.target)
		if i < 4 {
			d.object(u.from, "%s: %s", u.setting, hostText(u))
		}
	}
}

func hostText(u use) string {
	if u.port == 0 {
		return u.host
	}
	return fmt.Sprintf("%s:%d", u.host, u.port)
}

// homeOf is a workload that the missing Service was for: called like it or serving the wanted port, and without any Service.
func (v *view) homeOf(n name, uses []use) *workload {
	for _, w := range v.inSpace[n.namespace] {
		if w.isJob() || len(v.apps().fronts[w]) > 0 {
			continue
		}
		if w.target.Name == n.name {
			return w
		}
		port := uses[0].port
		for _, x := range w.label() {
			if x == n.name && (port == 0 || slices.ContainsFunc(w.containers(), func(c corev1.Container) bool { return hasPort(c.Ports, int32(port)) || len(c.Ports) == 0 })) { //nolint:gosec // a port
				return w
			}
		}
	}
	return nil
}

// wrongHost is one workload whose setting names a host that nobody has.
func (g *gather) wrongHost(u use, n name) {
	v := g.v
	near := v.nearest(n.namespace, n.name)
	if u.namespace != u.caller.target.Namespace && v.idx.Service(u.caller.target.Namespace, u.service) != nil {
		near = u.service
	}
	line, complains := v.complaint(u.caller, incident.Target{Kind: "Service", Namespace: n.namespace, Name: n.name})
	former := v.formerValue(u)
	change, changed := v.changeOf(u.from)
	suffers := v.suffering([]*workload{u.caller})
	strength := 0.0
	switch {
	case former != "" && !strings.Contains(former, u.host):
		strength = 1
	case complains && near != "":
		strength = 1
	case complains:
		strength = 0.9
	case near != "" && (suffers || changed):
		strength = 0.9
	case suffers || changed || v.asked(u.caller.target):
		strength = 0.75
	case near != "" && !v.usesToo(u, near):
		strength = 0.6
	case near == "" && (u.port != 0 || u.wire != "") && v.restResolves(u):
		strength = 0.5
	default:
		return
	}
	r := incident.EnvAddressInvalid
	if aboutDatabase(u.key, u.wire, u.port) {
		r = incident.DatabaseAddressInvalid
	}
	d, fresh := g.on(r, u.from)
	if !fresh {
		return
	}
	d.weigh(strength).say(fmt.Sprintf("%s of %s names host %s, which does not exist", u.setting, u.caller.target, u.host),
		fmt.Sprintf("%s 的 %s 指向不存在的主机 %s", u.caller.target, u.setting, u.host)).
		object(u.from, "%s: %s", u.setting, hostText(u)).object(u.caller.target, "no Service %s in namespace %s", u.service, u.namespace).affects(u.caller.target)
	g.addressFacts(d, u, near)
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

// usesToo says whether the same workload names the near Service as well: then the other name was not a slip of the pen.
func (v *view) usesToo(u use, near string) bool {
	return slices.ContainsFunc(v.apps().uses, func(x use) bool { return x.caller == u.caller && x.service == near && x.found != nil })
}

// restResolves says whether everything else that the workload calls exists.
func (v *view) restResolves(u use) bool {
	found := 0
	for _, x := range v.apps().uses {
		if x.caller != u.caller || !x.inCluster || !x.sure || x.key == u.key {
			continue
		}
		if x.found == nil {
			return false
		}
		found++
	}
	return found > 0
}

func (g *gather) addressFacts(d *draft, u use, rightHost string) {
	d.fact(FactContainer, u.container).fact(FactValue, hostText(u)).fact(FactRightHost, rightHost).fact(FactService, u.service)
	if strings.HasPrefix(u.setting, "env ") {
		d.fact(FactEnv, u.key)
	}
}

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
	if (len(wrong) > 1 && len(right) == 0 || changed && len(right) == 0) && v.formerValue(uses[0]) == "" {
		d, _ := g.on(incident.ServicePortMismatch, t)
		d.weigh(0.95).say(fmt.Sprintf("%s serves port %s, and its callers use %d", t, servicePorts(s), uses[0].port), fmt.Sprintf("%s 提供端口 %s，而调用方使用 %d", t, servicePorts(s), uses[0].port)).
			object(t, "spec.ports: %s", servicePorts(s)).fact(FactService, n.name).fact(FactServicePort, fmt.Sprint(s.Spec.Ports[0].Port)).fact(FactRightPort, fmt.Sprint(uses[0].port))
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
	if len(s.Spec.Ports) > 0 {
		d.fact(FactRightPort, fmt.Sprint(s.Spec.Ports[0].Port))
	}
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

// formerValue is what the same variable held in the revision before, "" when unknown or unchanged.
func (v *view) formerValue(u use) string {
	key := cmpOr(u.portKey, u.key)
	now, ok := envOf(u.caller.containers(), u.container, key)
	if !ok {
		return ""
	}
	if u.portKey != "" {
		if host, has := envOf(u.caller.containers(), u.container, u.key); has {
			for _, s := range u.caller.sets {
				if old, ok := envOf(s.Spec.Template.Spec.Containers, u.container, u.key); ok && old != host {
					return old
				}
			}
		}
	}
	for _, s := range u.caller.sets {
		if old, ok := envOf(s.Spec.Template.Spec.Containers, u.container, key); ok && old != now {
			return old
		}
	}
	return ""
}

func envOf(cs []corev1.Container, containerName, key string) (string, bool) {
	for _, c := range cs {
		if c.Name != containerName {
			continue
		}
		for _, e := range c.Env {
			if e.Name == key && e.ValueFrom == nil {
				return e.Value, true
			}
		}
	}
	return "", false
}

// suffering says whether one of the workloads is visibly not well.
func (v *view) suffering(ws []*workload) bool {
	for _, w := range ws {
		if len(unreadyOf(w)) > 0 || v.says(w, signNoHost, signRefused, signTimeout, signDenied, signUpstream) {
			return true
		}
		for _, p := range w.live() {
			for _, c := range p.Status.ContainerStatuses {
				if t := c.LastTerminationState.Terminated; t != nil && t.ExitCode != 0 && v.stillMatters(container{pod: p, status: c}, t) {
					return true
				}
			}
		}
		if v.degraded(w) {
			return true
		}
	}
	return false
}

func (v *view) firstComplaint(callers []*workload, about incident.Target) (*workload, string) {
	for _, c := range callers {
		if line, ok := v.complaint(c, about); ok {
			return c, line
		}
	}
	return nil, ""
}

// changeOf is the newest change of an object within half a day, our own calls left out.
func (v *view) changeOf(t incident.Target) (observe.Change, bool) {
	all := v.idx.ChangesOf(t)
	for i := len(all) - 1; i >= 0; i-- {
		if v.recent(all[i].At, early) && !ourOwn(all[i]) {
			return all[i], true
		}
	}
	return observe.Change{}, false
}

func (v *view) changedLately(t incident.Target) bool {
	_, ok := v.changeOf(t)
	return ok
}

func (v *view) deletionOf(t incident.Target) (observe.Change, bool) {
	c, ok := v.changeOf(t)
	return c, ok && strings.Contains(strings.ToLower(c.Verb), "delete")
}
