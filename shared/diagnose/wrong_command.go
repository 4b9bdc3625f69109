package diagnose

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cce-oncall/shared/incident"
)

// foreignCommand is a container that runs what is called like another workload of the namespace, while the others run what is called
// like themselves.
func (g *gather) foreignCommand(w *workload) {
	v := g.v
	if w.isJob() || system(w.target.Namespace) {
		return
	}
	for _, c := range w.containers() {
		if len(c.Command) == 0 {
			continue
		}
		binary := plainName(path.Base(c.Command[0]))
		if binary == "" || binary == plainName(w.target.Name) || binary == plainName(c.Name) {
			continue
		}
		var other *workload
		own := 0
		for _, x := range v.inSpace[w.target.Namespace] {
			if x == w || x.isJob() {
				continue
			}
			if plainName(x.target.Name) == binary {
				other = x
			}
			for _, xc := range x.containers() {
				if len(xc.Command) > 0 && plainName(path.Base(xc.Command[0])) == plainName(x.target.Name) {
					own++
					break
				}
			}
		}
		if other == nil || own < 2 {
			continue
		}
		d, _ := g.on(incident.CommandOfAnotherApp, w.target)
		d.say(fmt.Sprintf("container %s of %s runs %s, which is the command of %s", c.Name, w.target, quoteTo(c.Command[0], 60), other.target),
			fmt.Sprintf("%s 的容器 %s 运行了 %s 的启动命令 %s", w.target, c.Name, other.target, quoteTo(c.Command[0], 60))).affects(w.target).
			object(w.target, "containers[%s].command: %s", c.Name, quoteTo(strings.Join(c.Command, " "), 80)).
			object(w.target, "%d workloads beside it run a command of their own name", own).fact(FactContainer, c.Name)
	}
}

var listenLine = regexp.MustCompile(`(?i)(?:listen(?:ing|s)?|started|serving|running on|bound to)\b[^\n]{0,40}?(?:port(?:\(s\))?[ :=]+|://[^\s/]*:|0\.0\.0\.0:|\[::\]:|\*:| :)(\d{2,5})\b`)

// listensElsewhere is an application that is told to listen, or says that it listens, on a port that nothing declares, while what is
// declared is not served.
func (g *gather) listensElsewhere(w *workload) {
	v := g.v
	if w.isJob() || system(w.target.Namespace) {
		return
	}
	declared := map[int]bool{}
	for _, c := range w.containers() {
		for _, p := range c.Ports {
			declared[int(p.ContainerPort)] = true
		}
	}
	if len(declared) == 0 {
		return
	}
	port, where, told := 0, "", false
	for _, c := range w.containers() {
		for _, e := range c.Env {
			if n, err := strconv.Atoi(strings.TrimPrefix(e.Value, ":")); err == nil && ownPort(e.Name) && n > 0 && !declared[n] && len(declared) == 1 {
				port, where, told = n, "containers["+c.Name+"].env "+e.Name+": "+e.Value, true
			}
		}
	}
	refused := v.refusedAt(w)
	if refused == "" && len(unreadyOf(w)) == 0 {
		return
	}
	said, line := v.saysPort(w, declared)
	if said == 0 && port == 0 || said != 0 && told && said != port {
		return
	}
	d, _ := g.on(incident.ListenPortMismatch, w.target)
	d.weigh(0.9).say(fmt.Sprintf("%s listens on port %d, and its containers declare %s", w.target, max(port, said), portList(declared)), fmt.Sprintf("%s 监听端口 %d，而声明的是 %s", w.target, max(port, said), portList(declared))).affects(w.target)
	for _, k := range v.apps().fronts[w] {
		d.affects(incident.Target{Kind: "Service", Namespace: k.namespace, Name: k.name})
	}
	if told {
		d.object(w.target, "%s", quoteTo(where, 120))
	}
	d.object(w.target, "containerPorts: %s", portList(declared)).fact(FactRightPort, fmt.Sprint(max(port, said)))
	for _, l := range []string{line, refused} {
		if l != "" {
			d.line(w.target, "", l)
		}
	}
}

func portList(declared map[int]bool) string {
	var out []string
	for _, p := range sortedKeys(declared) {
		out = append(out, strconv.Itoa(p))
	}
	return strings.Join(out, ", ")
}

// saysPort is the port at which a workload says it listens, when it names none that is declared.
func (v *view) saysPort(w *workload, declared map[int]bool) (int, string) {
	port, line := 0, ""
	for _, l := range v.logsOf(w) {
		for _, x := range l.Lines[:min(len(l.Lines), maxLines)] {
			if len(x) > 1000 {
				continue
			}
			m := listenLine.FindStringSubmatch(x)
			if m == nil {
				continue
			}
			if _, trouble := signOf(x); trouble {
				continue
			}
			n, err := strconv.Atoi(m[1])
			if err != nil || n > 65535 {
				continue
			}
			if declared[n] {
				return 0, ""
			}
			port, line = n, x
		}
	}
	return port, line
}

// refusedAt is a line of a caller that a workload refuses.
func (v *view) refusedAt(w *workload) string {
	fronts := v.apps().fronts[w]
	if len(fronts) == 0 {
		return ""
	}
	for _, s := range v.lines() {
		if s.kind != signRefused || s.w == w || s.host == "" {
			continue
		}
		if ns, svc := v.hostService(s.host, s.w.target.Namespace); slices.Contains(fronts, name{ns, svc}) {
			return s.line
		}
	}
	return ""
}
