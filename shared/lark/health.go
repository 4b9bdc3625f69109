package lark

import (
	"slices"
	"time"

	"cce-oncall/shared/incident"
)

// Health is what an inspection has seen of one cluster.
type Health struct {
	Look
	Cluster   incident.Cluster
	At        time.Time
	From      time.Time // the window that metrics and alarms were looked at for
	Totals    incident.Totals
	Nodes     []incident.NodeLine // the highest watermarks first
	Pods      []incident.PodLine  // the abnormal ones, worst first
	Findings  []incident.Finding  // what is wrong, causes first
	Open      []OpenIncident      // incidents not closed yet
	CostHints []incident.Text
	Gaps      []string // what could not be seen
	NextAt    time.Time
	Links     []Link
}

// OpenIncident is one line about an incident.
type OpenIncident struct {
	ID     incident.ID
	Title  incident.Text
	Status incident.Status
	Since  time.Time
}

// normal says that nothing is wrong and that it could be seen.
func (h Health) normal() bool {
	t := h.Totals
	return len(h.Findings) == 0 && len(h.Open) == 0 && len(h.Gaps) == 0 && len(h.Pods) == 0 && t.ActiveAlarms == 0 && t.NodesReady == t.Nodes && t.WorkloadsReady == t.Workloads
}

// blind says that nothing at all is known of nodes and pods: no cluster is without both.
func (h Health) blind() bool {
	return h.Totals.Nodes == 0 && h.Totals.Pods == 0 && len(h.Gaps) > 0
}

// HealthCard says "cluster X is normal" with the figures behind it, or lists what is not. A source that could not be read never
// counts as normal.
func HealthCard(h Health) ([]byte, error) {
	return write(h.Look, h.At, func(p pen, c cut) card {
		s := sheet{title: h.title(p), colour: h.colour(), tags: []tag{{h.state(), h.colour()}, {p.data(h.Cluster.Label(), 40), greyed}}}
		s.parts = []element{p.markdown(h.figures(p)), columns([]element{p.markdown(h.counts())}, []element{p.markdown(h.watermarks(p, c))})}
		s.parts = slices.Concat(s.parts, h.abnormal(p, c), p.footer(h.Links, say("Inspection of %s · times in %s", "巡检时间 %s · 时区 %s", p.stamp(h.At), p.clockName()), c))
		return s.card(p)
	})
}

func (h Health) title(p pen) words {
	name := p.data(h.Cluster.Label(), 60)
	switch {
	case h.normal():
		return say("Cluster %s is normal", "集群 %s 运行正常", name)
	case h.blind():
		return say("Cluster %s: its state could not be read", "集群 %s：无法读取集群状态", name)
	case len(h.Findings) > 0:
		return say("Cluster %s: %s, first: %s", "集群 %s：%s，首要：%s", name, count(len(h.Findings), "problem", "problems", "个问题"), p.broken(h.Findings[0]))
	case len(h.Open) > 0 || h.Totals.ActiveAlarms > 0:
		return say("Cluster %s: %s, %s open", "集群 %s：%s，%s处理中", name, count(h.Totals.ActiveAlarms, "active alarm", "active alarms", "条活动告警"), count(len(h.Open), "incident", "incidents", "个事件"))
	case len(h.Gaps) > 0:
		return say("Cluster %s: no problem seen, but %s could not be read", "集群 %s：未见异常，但有 %s无法读取", name, count(len(h.Gaps), "source", "sources", "个数据源"))
	}
	return say("Cluster %s: not everything is ready", "集群 %s：部分资源未就绪", name)
}

func (h Health) colour() colour {
	switch {
	case h.normal():
		return green
	case h.blind():
		return carmine
	case len(h.Findings) > 0:
		return orange
	}
	return yellow
}

func (h Health) state() words {
	if h.normal() {
		return say("Normal", "正常")
	}
	return say("Attention", "需关注")
}

func (h Health) figures(p pen) words {
	return say("Window %s – %s · **active alarms %s**", "巡检窗口 %s – %s · **活动告警 %s**", p.clock(h.From), p.clock(h.At), num(h.Totals.ActiveAlarms))
}

func (h Health) counts() words {
	t := h.Totals
	ready := func(en, zh literal, ready, all int) words {
		w := say("%s of %s ready", "%s/%s 就绪", num(ready), num(all))
		switch {
		case all == 0 && len(h.Gaps) > 0:
			w = bold(say("unknown", "未知"))
		case ready < all:
			w = bold(w)
		}
		return say(en+": %s", zh+"：%s", w)
	}
	return lines(ready("Nodes", "节点", t.NodesReady, t.Nodes), ready("Pods", "Pod", t.PodsReady, t.Pods), ready("Workloads", "工作负载", t.WorkloadsReady, t.Workloads))
}

// watermarks are the fullest nodes.
func (h Health) watermarks(p pen, c cut) words {
	n := c.few(3, 1)
	out := []words{say("Fullest nodes:", "水位最高的节点：")}
	for _, l := range h.Nodes[:min(n, len(h.Nodes))] {
		out = append(out, say("%s: CPU %s, memory %s", "%s：CPU %s，内存 %s", p.data(l.Name, 60), percent(l.CPU), percent(l.Memory)))
	}
	if len(out) == 1 {
		out = append(out, say("unknown", "未知"))
	}
	return lines(out...)
}

func (h Health) abnormal(p pen, c cut) []element {
	n := c.few(10, 3)
	var out []element
	add := func(head words, all []words) {
		if len(all) == 0 {
			return
		}
		if rest := len(all) - n; rest > 0 {
			all = append(slices.Clip(all[:n]), say("and %s more", "另有 %s 项", num(rest)))
		}
		out = append(out, p.markdown(lines(append([]words{bold(head)}, all...)...)))
	}
	var found, open, pods, nodes, hints, gaps []words
	for _, f := range h.Findings {
		found = append(found, bullet(say("%s: %s — sure %s", "%s：%s（置信度 %s）", p.data(f.Target.String(), 120), p.text(f.Summary, 200), percent(f.Confidence))))
	}
	for _, i := range h.Open {
		open = append(open, bullet(p.openLine(i)))
	}
	for _, l := range h.Pods {
		pods = append(pods, bullet(say("%s/%s", "%s/%s", p.name(l.Target.Namespace), p.podLine(l))))
	}
	for _, l := range h.Nodes {
		if !l.Ready || l.Unschedulable || len(l.BadConditions) > 0 {
			nodes = append(nodes, bullet(p.nodeLine(l)))
		}
	}
	for _, t := range h.CostHints {
		hints = append(hints, bullet(p.text(t, 240)))
	}
	for _, g := range alike(h.Gaps) {
		gaps = append(gaps, bullet(p.data(g, 200)))
	}
	add(say("What is wrong", "异常项"), found)
	add(say("Open incidents", "处理中的事件"), open)
	add(say("Abnormal pods", "异常 Pod"), pods)
	add(say("Node risks (used / requested)", "节点风险（使用率 / 申请率）"), nodes)
	add(say("Could not be seen (not guessed)", "未能获取的信息（未作猜测）"), gaps)
	add(say("Cost hints", "成本提示"), hints)
	return out
}

func (p pen) openLine(i OpenIncident) words {
	return say("%s: **%s**, since %s (%s)", "%s：**%s**，自 %s 起（%s）", p.text(i.Title, 160), term(p, statuses, i.Status), p.clock(i.Since), p.data(string(i.ID), 60))
}

// footer ends a card: pages to open, what was left out, and a note.
func (p pen) footer(links []Link, note words, c cut) []element {
	out := []element{rule()}
	var buttons []element
	for _, l := range links {
		if webAddress(l.URL) && len(buttons) < 3 && !c.lists {
			buttons = append(buttons, p.link(title(p.text(l.Name, 30), 30), l.URL))
		}
	}
	if len(buttons) > 0 {
		out = append(out, row(buttons...))
	}
	return append(out, p.small(grey(lines(c.said(p), note))))
}
