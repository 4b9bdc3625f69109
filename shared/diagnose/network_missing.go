package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
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
	misplaced := !v.spaces[n.namespace] && v.idx.Service(callers[0].target.Namespace, n.name) != nil
	if !changedValue && !misplaced && (gone || home != nil || len(callers) > 1 && v.nearest(n.namespace, n.name) == "" && (complaint != nil || v.suffering(callers) || v.asked(t))) {
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
			d.change(deleted, "%s %s%s", deleted.Verb, deleted.Target, byWhom(deleted)).since(deleted.At)
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
	changed = changed && (u.from.Kind == "ConfigMap" || mentions(change, u.key, u.host))
	suffers := v.suffering([]*workload{u.caller}) && (u.port != 0 || u.wire != "")
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
