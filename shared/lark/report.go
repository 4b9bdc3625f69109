package lark

import (
	"slices"
	"time"

	"cce-oncall/shared/incident"
)

// Report is one day of one cluster. It is archived as it is: names are for ever.
type Report struct {
	Cluster    incident.Cluster   `json:"cluster"`
	From       time.Time          `json:"from"`
	To         time.Time          `json:"to"`
	MadeAt     time.Time          `json:"madeAt"`
	Alarms     AlarmCount         `json:"alarms"`
	Incidents  []ReportIncident   `json:"incidents"` // oldest first
	Counts     IncidentCount      `json:"counts"`
	Times      ReportTimes        `json:"times"`
	Watermarks []Watermark        `json:"watermarks,omitempty"` // the fullest first
	Pods       []incident.PodLine `json:"pods,omitempty"`       // abnormal at the end of the day, worst first
	NodeRisks  []incident.Text    `json:"nodeRisks,omitempty"`
	CostHints  []incident.Text    `json:"costHints,omitempty"`
	Gaps       []string           `json:"gaps,omitempty"` // what could not be read, so is not in the figures
}

// AlarmCount counts alarms that fired in the day.
type AlarmCount struct {
	Total    int         `json:"total"`
	Critical int         `json:"critical"`
	Major    int         `json:"major"`
	Minor    int         `json:"minor"`
	Info     int         `json:"info"`
	Active   int         `json:"active"`        // still firing at the end
	Top      []NameCount `json:"top,omitempty"` // most frequent names
}

// NameCount is how often a name appeared.
type NameCount struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// ReportIncident is one incident of the day.
type ReportIncident struct {
	ID        incident.ID     `json:"id"`
	Title     incident.Text   `json:"title"`
	Status    incident.Status `json:"status"`
	OpenedAt  time.Time       `json:"openedAt"`
	ClosedAt  time.Time       `json:"closedAt,omitzero"`
	Alarms    int             `json:"alarms"`    // merged into it
	Solutions []string        `json:"solutions"` // letters executed, in order
}

// IncidentCount is what became of the day's incidents and of the plans that were offered.
type IncidentCount struct {
	Incidents  int `json:"incidents"`
	Merged     int `json:"merged"` // alarms that became part of an incident that was already open
	Confirmed  int `json:"confirmed"`
	Rejected   int `json:"rejected"`
	Expired    int `json:"expired"`
	Recovered  int `json:"recovered"`
	RolledBack int `json:"rolledBack"`
	HandedOver int `json:"handedOver"`
	Open       int `json:"open"`
}

// ReportTimes are how long people and the system took, each from the first alarm.
type ReportTimes struct {
	ToDiagnosis    Spread `json:"toDiagnosis"`
	ToConfirmation Spread `json:"toConfirmation"`
	ToRecovery     Spread `json:"toRecovery"`
}

// Spread is a set of durations by its middle and its worst; Count 0 means there were none.
type Spread struct {
	Count  int           `json:"count"`
	Median time.Duration `json:"median"`
	Worst  time.Duration `json:"worst"`
}

// SpreadOf computes the median (the lower of two middle ones) and the worst.
func SpreadOf(all []time.Duration) Spread {
	if len(all) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(all))
	return Spread{Count: len(sorted), Median: sorted[(len(sorted)-1)/2], Worst: sorted[len(sorted)-1]}
}

// Watermark is how full something was over the day; shares 0..1, -1 unknown.
type Watermark struct {
	Name       string  `json:"name"` // node, pool or workload
	CPUMean    float64 `json:"cpuMean"`
	CPUPeak    float64 `json:"cpuPeak"`
	MemoryMean float64 `json:"memoryMean"`
	MemoryPeak float64 `json:"memoryPeak"`
}

// ReportCard draws the day: what happened and how fast it was dealt with first, then what to look at today.
func ReportCard(r Report, l Look, links []Link) ([]byte, error) {
	return write(l, r.MadeAt, func(p pen, c cut) card {
		s := sheet{
			title: say("Daily report %s, %s: %s, %s, %s recovered", "日报 %s，%s：%s，%s，恢复 %s 个",
				p.day(r.From), p.data(r.Cluster.Label(), 60), count(r.Alarms.Total, "alarm", "alarms", "条告警"), count(r.Counts.Incidents, "incident", "incidents", "个事件"), num(r.Counts.Recovered)),
			colour: r.colour(),
			tags:   []tag{{say("Daily report", "日报"), blue}, {p.data(r.Cluster.Label(), 40), greyed}},
		}
		s.parts = []element{p.markdown(r.first(p)), columns([]element{p.markdown(r.alarmLines(p))}, []element{p.markdown(r.incidentLines())}), p.markdown(r.timeLines())}
		s.parts = slices.Concat(s.parts, r.lists(p, c), p.footer(links, say("Made at %s · times in %s", "生成于 %s · 时区 %s", p.stamp(r.MadeAt), p.clockName()), c))
		return s.card(p)
	})
}

func (p pen) day(t time.Time) words {
	s := t.In(p.zone).Format("2006-01-02")
	return words{md: pair{s, s}, raw: pair{s, s}}
}

func (r Report) colour() colour {
	switch {
	case r.Counts.Open > 0 || r.Counts.HandedOver > 0 || r.Alarms.Active > 0:
		return orange
	case r.Alarms.Total > 0:
		return blue
	}
	return green
}

// first is what the reader must do about it today.
func (r Report) first(p pen) words {
	window := say("%s – %s", "%s – %s", p.stamp(r.From), p.stamp(r.To))
	n := r.Counts.Open + r.Counts.HandedOver
	switch {
	case n > 0:
		return say("%s. **%s still with people.**", "%s。**%s仍需人工处理。**", window, count(n, "incident is", "incidents are", "个事件"))
	case r.Alarms.Active > 0:
		return say("%s. **%s still firing.**", "%s。**仍有 %s未恢复。**", window, count(r.Alarms.Active, "alarm is", "alarms are", "条告警"))
	case r.Alarms.Total == 0 && r.Counts.Incidents == 0:
		return say("%s. **A quiet day: no alarms.**", "%s。**全天无告警。**", window)
	}
	return say("%s. **Everything that fired was closed.**", "%s。**所有告警均已闭环。**", window)
}

func (r Report) alarmLines(p pen) words {
	a := r.Alarms
	out := []words{
		bold(say("Alarms", "告警")),
		say("Fired: %s (Critical %s, Major %s, Minor %s, Info %s)", "触发 %s 条（紧急 %s，重要 %s，次要 %s，提示 %s）", num(a.Total), num(a.Critical), num(a.Major), num(a.Minor), num(a.Info)),
		say("Still firing: %s", "仍在告警：%s 条", num(a.Active)),
	}
	for i, t := range a.Top {
		if i == 3 {
			break
		}
		out = append(out, bullet(say("%s × %s", "%s × %s", p.data(t.Name, 100), num(t.Count))))
	}
	return lines(out...)
}

func (r Report) incidentLines() words {
	c := r.Counts
	return lines(
		bold(say("Incidents", "事件")),
		say("%s, %s merged into them", "%s，合并 %s", count(c.Incidents, "incident", "incidents", "个事件"), count(c.Merged, "alarm", "alarms", "条告警")),
		say("Plans: %s confirmed, %s rejected, %s expired", "方案：确认 %s，驳回 %s，过期 %s", num(c.Confirmed), num(c.Rejected), num(c.Expired)),
		say("%s recovered, %s rolled back, %s handed over, %s open", "恢复 %s，回滚 %s，转人工 %s，处理中 %s", num(c.Recovered), num(c.RolledBack), num(c.HandedOver), num(c.Open)),
	)
}

func (r Report) timeLines() words {
	one := func(en, zh literal, s Spread) words {
		if s.Count == 0 {
			return say(en+": –", zh+"：–")
		}
		return say(en+": median %s, worst %s (%s)", zh+"：中位 %s，最长 %s（%s 次）", span(s.Median), span(s.Worst), num(s.Count))
	}
	return lines(
		bold(say("From the first alarm to", "自首条告警起")),
		bullet(one("diagnosis", "完成诊断", r.Times.ToDiagnosis)),
		bullet(one("confirmation", "人工确认", r.Times.ToConfirmation)),
		bullet(one("recovery", "恢复", r.Times.ToRecovery)),
	)
}

func (r Report) lists(p pen, c cut) []element {
	n := c.few(8, 3)
	var incidents, marks, pods []words
	for _, i := range r.Incidents {
		w := say("%s %s: **%s**", "%s %s：**%s**", p.clock(i.OpenedAt), p.text(i.Title, 140), term(p, statuses, i.Status))
		if !i.ClosedAt.IsZero() {
			w = say("%s after %s", "%s，历时 %s", w, span(i.ClosedAt.Sub(i.OpenedAt)))
		}
		if len(i.Solutions) > 0 {
			w = say("%s, executed %s", "%s，执行方案 %s", w, join(", ", quotes(p, i.Solutions, 2)...))
		}
		incidents = append(incidents, w)
	}
	for _, m := range r.Watermarks {
		marks = append(marks, say("%s: CPU mean %s, peak %s; memory mean %s, peak %s", "%s：CPU 均值 %s、峰值 %s；内存均值 %s、峰值 %s",
			p.data(m.Name, 80), percent(m.CPUMean), percent(m.CPUPeak), percent(m.MemoryMean), percent(m.MemoryPeak)))
	}
	for _, l := range r.Pods {
		pods = append(pods, say("%s/%s", "%s/%s", p.name(l.Target.Namespace), p.podLine(l)))
	}
	var out []element
	for _, w := range []words{
		p.bullets(say("The day's incidents", "当日事件"), incidents, n),
		p.bullets(say("Resource watermarks", "资源水位"), marks, n),
		p.bullets(say("Abnormal pods", "异常 Pod"), pods, n),
		p.bullets(say("Node risks", "节点风险"), texts(p, r.NodeRisks, 240), n),
		p.bullets(say("Cost hints", "成本提示"), texts(p, r.CostHints, 240), n),
		p.bullets(say("Not in these figures (could not be read)", "未计入（无法读取）"), quotes(p, r.Gaps, 200), n),
	} {
		if !w.empty() {
			out = append(out, p.markdown(w))
		}
	}
	return out
}
