package lark

import (
	"strconv"

	"cce-oncall/shared/alarm"
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
		p.alarmName(a),
		say("Severity: %s", "级别：%s", term(p, severities, string(a.Severity))),
		say("Status: %s", "状态：%s", state),
	)
	out = lines(out, p.measured(a.Rule))
	if n := len(v.Incident.Alarms) - 1; n > 0 {
		out = lines(out, say("Merged: %s; %s of %s firing", "已合并 %[1]s；共 %[3]s 条中 %[2]s 条仍在告警", count(n, "more alarm", "more alarms", "条相关告警"), num(v.firing()), num(n+1)))
	}
	return out
}

// alarmName is what the catalogue calls an alarm, and below it the rule's own name where that is another: by it the rule is found.
func (p pen) alarmName(a alarm.Alarm) words {
	title, own := alarmTitle(a), incident.Text{EN: a.Name, ZH: a.TitleZH}
	if title == own {
		return p.text(own, 120)
	}
	return lines(p.text(title, 120), say("Rule: %s", "规则：%s", p.text(own, 120)))
}

// alarmTitle is an alarm's name in both languages: its own where it has both, else the catalogue's.
func alarmTitle(a alarm.Alarm) incident.Text {
	if e, known := a.Entry(); known && e.Title != "" && e.Title != a.Name && (a.TitleZH == "" || a.TitleZH == a.Name) {
		return incident.Text{EN: e.Title, ZH: e.TitleZH}
	}
	return incident.Text{EN: a.Name, ZH: a.TitleZH}
}

// measured is the value that the alarm fired at, and the bound where the rule tells it.
func (p pen) measured(r alarm.Rule) words {
	value := r.Value
	if v, err := strconv.ParseFloat(value, 64); err == nil {
		value = strconv.FormatFloat(round(v), 'f', -1, 64)
	}
	switch {
	case value == "" && r.Threshold == "":
		return words{}
	case value == "":
		return say("Threshold: %s %s", "阈值：%s %s", p.data(r.Operator, 10), p.data(r.Threshold, 40))
	case r.Threshold == "":
		return say("Measured: %s", "当前值：%s", p.data(value, 40))
	}
	return say("Measured: %s (threshold %s %s)", "当前值：%s（阈值 %s %s）", p.data(value, 40), p.data(r.Operator, 10), p.data(r.Threshold, 40))
}

// affected: cluster, namespace, workload, pods, nodes. Once something was changed the counts of the diagnosis are old: the
// verification has the present ones.
func (v View) affected(p pen) words {
	scene := v.round().Scene
	stale := v.round().Execution != nil
	out := lines(bold(say("Affected", "影响对象")), say("Cluster: %s", "集群：%s", p.data(v.Incident.Cluster.Label(), 60)))
	if ns := v.namespace(); ns != "" {
		out = lines(out, say("Namespace: %s", "命名空间：%s", p.name(ns)))
	}
	for i, w := range scene.Workloads {
		if i == 3 {
			out = lines(out, say("and %s", "另有 %s", count(len(scene.Workloads)-3, "more workload", "more workloads", "个工作负载")))
			break
		}
		name := p.data(w.Target.Kind+" "+w.Target.Name, 120)
		if stale {
			out = lines(out, name)
			continue
		}
		out = lines(out, say("%s: %s of %s ready", "%s：%s/%s 就绪", name, num(w.Ready), num(w.Desired)))
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
	quoted := make([]words, 0, n)
	for _, s := range names {
		quoted = append(quoted, p.data(s, 80))
	}
	return enumerate(what, quoted, n)
}

// enumerate is listed for names that are words already.
func enumerate(what words, names []words, n int) words {
	if len(names) == 0 {
		return words{}
	}
	list := join(", ", names[:min(n, len(names))]...)
	if rest := len(names) - n; rest > 0 {
		list = say("%[1]s and %[2]s more", "%[1]s 等共 %[3]s 个", list, num(rest), num(len(names)))
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

// Pod and node lines are written once for both languages: names, Kubernetes' own words and figures. What the figures are shares of
// is said once above them.

func podColumns() words {
	return say("**Pods** (CPU and memory of the limit)", "**Pod**（CPU、内存占限制的比例）")
}

func nodeColumns() words {
	return say("**Nodes** (used / requested)", "**节点**（使用率 / 申请率）")
}

// podLine is one pod as kubectl would tell it, with its watermarks.
func (p pen) podLine(l incident.PodLine) words {
	status := p.data(l.Status, 60)
	if !l.Ready {
		status = bold(same("%s, NotReady", status))
	}
	out := same("%s: %s · restarts %s · CPU %s · Mem %s", p.data(l.Target.Name, 120), status, num(l.Restarts), share(l.CPU), share(l.Memory))
	if l.Node != "" {
		out = same("%s · %s", out, p.data(l.Node, 80))
	}
	if l.Note != "" {
		out = same("%s — %s", out, p.data(l.Note, 160))
	}
	return out
}

// nodeLine is one node's state and watermarks: what is used, and what is promised by requests.
func (p pen) nodeLine(l incident.NodeLine) words {
	state := same("Ready")
	if !l.Ready {
		state = bold(same("NotReady"))
	}
	if l.Unschedulable {
		state = same("%s, SchedulingDisabled", state)
	}
	out := same("%s: %s · CPU %s / %s · Mem %s / %s · pods %s", p.data(l.Name, 80), state, share(l.CPU), share(l.RequestedCPU), share(l.Memory), share(l.RequestedMem), num(l.Pods))
	for _, c := range l.BadConditions[:min(3, len(l.BadConditions))] {
		out = same("%s, **%s**", out, p.data(c, 60))
	}
	return out
}

// share is a part of one as a bare figure; unknown is a question mark, never zero.
func share(v float64) words {
	if v < 0 || v != v {
		return same("?")
	}
	return same("%s%%", num(int(v*100+0.5)))
}
