package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// examineLogs is the application-log-diagnoser.
func examineLogs(v *view) []incident.Finding {
	g := v.gather()
	for _, w := range v.workloads {
		g.databaseSigns(w)
		g.silentCredentials(w)
		g.portTaken(w)
		g.storageRefused(w)
		g.outOfFiles(w)
		g.forbidden(w)
		g.dependency(w)
		g.collections(w)
		g.clock(w)
		g.foreignCommand(w)
		g.listensElsewhere(w)
		g.deletedPods(w)
	}
	g.sharedPorts()
	g.readOnlySettings()
	g.faultFlags()
	g.unreached()
	g.slowDatabases()
	return g.done()
}

// portTaken is a container that cannot listen.
func (g *gather) portTaken(w *workload) {
	for _, s := range g.v.signsOf(w, signPortTaken) {
		d, fresh := g.on(incident.PortAlreadyInUse, w.target)
		if fresh {
			d.say(fmt.Sprintf("container %s of %s cannot listen: the port is taken", cmpOr(s.container, "?"), w.target), fmt.Sprintf("%s 的容器端口被占用", w.target)).
				affects(w.target).affectsPods(unreadyOf(w)...).fact(FactContainer, s.container)
		}
		if !d.wordy() {
			d.line(s.pod, s.container, s.line)
		}
	}
}

// sharedPorts are two containers of one pod, or two hostNetwork pods of one node, that want the same port.
func (g *gather) sharedPorts() {
	v := g.v
	for _, w := range v.workloads {
		if w.template == nil || len(unreadyOf(w)) == 0 {
			continue
		}
		first := map[string]string{}
		all := slices.Clone(w.template.Spec.Containers)
		for _, c := range w.template.Spec.InitContainers {
			if alwaysRestarts(&c) {
				all = append(all, c)
			}
		}
		for _, c := range all {
			for _, p := range portsWanted(&c) {
				other, taken := first[p]
				if !taken {
					first[p] = c.Name
					continue
				}
				if other == c.Name || !v.ending(w, other, c.Name) {
					continue
				}
				d, _ := g.on(incident.PortAlreadyInUse, w.target)
				d.say(fmt.Sprintf("containers %s and %s of %s both want port %s", other, c.Name, w.target, p), fmt.Sprintf("%s 的容器 %s 与 %s 争用端口 %s", w.target, other, c.Name, p)).
					object(w.target, "containers[%s] and containers[%s]: port %s", other, c.Name, p).affects(w.target).affectsPods(unreadyOf(w)...).fact(FactContainer, c.Name)
			}
		}
	}
}

// portsWanted are the ports a container declares or is told to listen on.
func portsWanted(c *corev1.Container) []string {
	var out []string
	for _, p := range c.Ports {
		out = append(out, fmt.Sprintf("%d/%s", p.ContainerPort, protocol(p.Protocol)))
	}
	for _, e := range c.Env {
		if ownPort(e.Name) && e.Value != "" && strings.IndexFunc(e.Value, func(r rune) bool { return r < '0' || r > '9' }) < 0 {
			out = append(out, e.Value+"/TCP")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ending says whether one of the containers ends again and again.
func (v *view) ending(w *workload, names ...string) bool {
	for _, p := range w.live() {
		for _, c := range p.Status.ContainerStatuses {
			if !slices.Contains(names, c.Name) {
				continue
			}
			if c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff" || c.State.Terminated != nil || c.RestartCount > 1 && !c.Ready {
				return true
			}
		}
	}
	return false
}

var forbiddenWords = regexp.MustCompile(`system:serviceaccount:([a-z0-9.-]+):([a-z0-9.-]+)"? cannot (\w+) resource "([^"]+)"`)

// forbidden is a workload whose service account may not do what it tries.
func (g *gather) forbidden(w *workload) {
	for _, s := range g.v.signsOf(w, signForbidden) {
		t := incident.Target{Kind: "ServiceAccount", Namespace: w.target.Namespace, Name: "default"}
		if w.template != nil && w.template.Spec.ServiceAccountName != "" {
			t.Name = w.template.Spec.ServiceAccountName
		}
		what := ""
		if m := forbiddenWords.FindStringSubmatch(s.line); m != nil {
			t.Namespace, t.Name, what = m[1], m[2], m[3]+" "+m[4]
		}
		if s.count < 2 && !g.v.suffering([]*workload{w}) && len(unreadyOf(w)) == 0 {
			continue
		}
		d, fresh := g.on(incident.RBACForbidden, t)
		if fresh {
			d.say(fmt.Sprintf("%s may not %s, which %s needs", t, cmpOr(what, "do what it tries"), w.target), fmt.Sprintf("%s 无权限 %s，%s 需要该权限", t, cmpOr(what, "执行所需操作"), w.target)).
				affects(w.target).affectsPods(unreadyOf(w)...).fact(FactObjectKind, "ServiceAccount").fact(FactObjectName, t.Name)
			if n := g.v.bindingsOf(t); n >= 0 {
				d.object(t, "%d RoleBindings name it", n)
			}
		}
		if !d.wordy() {
			d.line(s.pod, s.container, s.line)
		}
	}
}

func (v *view) bindingsOf(t incident.Target) int {
	if len(v.Objects.RoleBindings) == 0 {
		return -1
	}
	n := 0
	for _, b := range v.Objects.RoleBindings {
		for _, s := range b.Subjects {
			if s.Kind == "ServiceAccount" && s.Name == t.Name && cmpOr(s.Namespace, b.Namespace) == t.Namespace {
				n++
			}
		}
	}
	return n
}

// dependency is a workload that says it cannot reach something. It is coarse: the part it cannot reach, once found, explains it.
func (g *gather) dependency(w *workload) {
	v := g.v
	if w.isJob() || system(w.target.Namespace) {
		return
	}
	var hits []sign
	total := 0
	for _, s := range v.signsOf(w, signRefused, signTimeout, signNoHost, signPool, signUpstream, signLimited) {
		if s.host == "" && s.kind != signPool {
			continue
		}
		hits = append(hits, s)
		total += s.count
	}
	if len(hits) == 0 || total < 5 && len(unreadyOf(w)) == 0 && !v.degraded(w) && !v.asked(w.target) {
		return
	}
	s := hits[0]
	for _, x := range hits {
		if x.count > s.count {
			s = x
		}
	}
	d, _ := g.on(incident.AppDependencyFailure, w.target)
	d.say(fmt.Sprintf("%s cannot use %s: %s", w.target, cmpOr(quoteTo(s.host, 80), "a dependency"), s.kind), fmt.Sprintf("%s 无法访问 %s", w.target, cmpOr(quoteTo(s.host, 80), "依赖"))).weigh(0.75).affects(w.target)
	if n := len(unreadyOf(w)); n > 0 {
		d.object(w.target, "%d of its pods are not ready", n)
	}
	for i, x := range hits {
		if i < 3 {
			d.line(x.pod, x.container, x.line)
		}
		d.affects(x.pod)
	}
}
