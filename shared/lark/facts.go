package lark

import (
	"fmt"

	"cce-oncall/shared/incident"
)

// facts are the alarm and what it is about, side by side.
func (v View) facts(p pen) []element {
	return []element{columns([]element{p.markdown(v.alarmFacts(p))}, []element{p.markdown(v.affected(p))})}
}

// alarmFacts: name, severity, status, trigger time, threshold and value; further alarms as a count.
func (v View) alarmFacts(p pen) words {
	head := bold(say("Alarm", "告警"))
	if len(v.Incident.Alarms) == 0 {
		return lines(head, say("raised by inspection, no AOM alarm", "由巡检发现，无 AOM 告警"))
	}
	a := v.Incident.Alarms[0]
	state := say("firing since %s", "告警中，触发于 %s", p.clock(a.FiredAt))
	if !a.Active() {
		state = say("cleared at %s (fired %s)", "已于 %s 恢复（触发于 %s）", p.clock(a.ClearedAt), p.clock(a.FiredAt))
	}
	out := lines(head,
		p.text(incident.Text{EN: a.Name, ZH: a.TitleZH}, 120),
		say("Severity: %s", "级别：%s", term(p, severities, string(a.Severity))),
		say("Status: %s", "状态：%s", state),
	)
	if a.Rule.Threshold != "" || a.Rule.Value != "" {
		out = lines(out, say("Measured: %s (threshold %s %s)", "当前值：%s（阈值 %s %s）", p.data(orUnknown(a.Rule.Value), 40), p.data(a.Rule.Operator, 10), p.data(orUnknown(a.Rule.Threshold), 40)))
	}
	if n := len(v.Incident.Alarms) - 1; n > 0 {
		out = lines(out, say("Merged: %s, %s of all still firing", "已合并：%s，其中共 %s 条仍在告警", count(n, "more alarm", "more alarms", "条相关告警"), num(v.firing())))
	}
	return out
}

func orUnknown(s string) string {
	if s == "" {
		return "?"
	}
	return s
}

// affected: cluster, namespace, workload, pods, nodes.
func (v View) affected(p pen) words {
	scene := v.round().Scene
	out := lines(bold(say("Affected", "影响对象")), say("Cluster: %s", "集群：%s", p.data(v.Incident.Cluster.Label(), 60)))
	if ns := v.namespace(); ns != "" {
		out = lines(out, say("Namespace: %s", "命名空间：%s", p.name(ns)))
	}
	for i, w := range scene.Workloads {
		if i == 3 {
			out = lines(out, say("and %s", "另有 %s", count(len(scene.Workloads)-3, "more workload", "more workloads", "个工作负载")))
			break
		}
		out = lines(out, say("%s: %s of %s ready", "%s：%s/%s 就绪", p.data(w.Target.Kind+" "+w.Target.Name, 120), num(w.Ready), num(w.Desired)))
	}
	if c, ok := v.cause(); ok && len(scene.Workloads) == 0 {
		out = lines(out, p.data(c.Target.String(), 120))
	}
	out = lines(out, p.listed(say("Pods", "Pod"), podNames(scene), 4), p.listed(say("Nodes", "节点"), nodeNames(scene), 4))
	return out
}

// namespace is the cause's, or the first alarm's.
func (v View) namespace() string {
	if c, ok := v.cause(); ok {
		return c.Target.Namespace
	}
	if len(v.Incident.Alarms) > 0 {
		return v.Incident.Alarms[0].Object.Namespace
	}
	return ""
}

// listed names at most n of them and counts the rest; empty for none.
func (p pen) listed(what words, names []string, n int) words {
	if len(names) == 0 {
		return words{}
	}
	shown := make([]words, 0, n)
	for _, s := range names[:min(n, len(names))] {
		shown = append(shown, p.data(s, 80))
	}
	list := join(", ", shown...)
	if rest := len(names) - len(shown); rest > 0 {
		list = say("%s and %s more", "%s 等共 %s 个", list, num(rest))
		list.md.zh = fmt.Sprintf("%s 等共 %d 个", join(", ", shown...).md.zh, len(names))
		list.raw.zh = fmt.Sprintf("%s 等共 %d 个", join(", ", shown...).raw.zh, len(names))
	}
	return say("%s: %s", "%s：%s", what, list)
}

func podNames(s incident.Scene) []string {
	out := make([]string, 0, len(s.Pods))
	for _, p := range s.Pods {
		out = append(out, p.Target.Name)
	}
	return out
}

func nodeNames(s incident.Scene) []string {
	out := make([]string, 0, len(s.Nodes))
	for _, n := range s.Nodes {
		out = append(out, n.Name)
	}
	return out
}

// podLine is one pod as kubectl would tell it, with its watermarks.
func (p pen) podLine(l incident.PodLine) words {
	ready := say("ready", "就绪")
	if !l.Ready {
		ready = say("**not ready**", "**未就绪**")
		ready.raw = pair{"not ready", "未就绪"}
	}
	out := say("%s: %s, %s, %s", "%s：%s，%s，%s", p.data(l.Target.Name, 120), p.data(l.Status, 60), ready, count(l.Restarts, "restart", "restarts", "次重启"))
	if l.CPU >= 0 {
		out = say("%s, CPU %s of limit", "%s，CPU 占限制 %s", out, percent(l.CPU))
	}
	if l.Memory >= 0 {
		out = say("%s, memory %s of limit", "%s，内存占限制 %s", out, percent(l.Memory))
	}
	if l.Node != "" {
		out = say("%s, on %s", "%s，位于 %s", out, p.data(l.Node, 80))
	}
	if l.Note != "" {
		out = say("%s — %s", "%s — %s", out, p.data(l.Note, 160))
	}
	return out
}

// nodeLine is one node's state and watermarks: what is used, and what is promised by requests.
func (p pen) nodeLine(l incident.NodeLine) words {
	state := say("Ready", "Ready")
	if !l.Ready {
		state = say("**NotReady**", "**NotReady**")
	}
	if l.Unschedulable {
		state = say("%s, unschedulable", "%s，禁止调度", state)
	}
	out := say("%s: %s, CPU %s used / %s requested, memory %s / %s, %s", "%s：%s，CPU 使用 %s / 已申请 %s，内存 %s / %s，%s",
		p.data(l.Name, 80), state, percent(l.CPU), percent(l.RequestedCPU), percent(l.Memory), percent(l.RequestedMem), count(l.Pods, "pod", "pods", "个 Pod"))
	for i, c := range l.BadConditions {
		if i == 3 {
			break
		}
		out = say("%s, **%s**", "%s，**%s**", out, p.data(c, 60))
	}
	return out
}
