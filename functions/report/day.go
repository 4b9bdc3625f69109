package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/lark"
	"cce-oncall/shared/record"
)

const (
	topAlarms = 5
	fullCPU   = 0.8 // node watermarks that are worth a line
	fullMem   = 0.8
	fullAsked = 0.9 // requests over allocatable: the next pod may not fit
)

func merged(incidents []*incident.Incident) []alarm.Alarm {
	var out []alarm.Alarm
	for _, i := range incidents {
		out = append(out, i.Alarms...)
	}
	return out
}

func countAlarms(list []alarm.Alarm, end time.Time) lark.AlarmCount {
	c := lark.AlarmCount{Total: len(list)}
	names := map[string]int{}
	for _, a := range list {
		switch a.Severity {
		case alarm.Critical:
			c.Critical++
		case alarm.Major:
			c.Major++
		case alarm.Minor:
			c.Minor++
		case alarm.Info:
			c.Info++
		}
		if a.Active() || a.ClearedAt.After(end) {
			c.Active++
		}
		names[a.Name]++
	}
	for n, k := range names {
		c.Top = append(c.Top, lark.NameCount{Name: n, Count: k})
	}
	slices.SortFunc(c.Top, func(a, b lark.NameCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	c.Top = c.Top[:min(len(c.Top), topAlarms)]
	return c
}

// tell fills the report from the day's incidents and inspections.
func tell(r *lark.Report, incidents []*incident.Incident, looks []record.Inspection, now time.Time, style lark.Look) {
	var toDiagnosis, toConfirmation, toRecovery []time.Duration
	r.Counts.Incidents = len(incidents)
	for _, i := range incidents {
		r.Incidents = append(r.Incidents, line(i, now, style))
		r.Counts.Merged += max(len(i.Alarms)-1, 0)
		countOutcome(&r.Counts, i, now)
		began := i.OpenedAt
		for _, a := range i.Alarms {
			if a.FiredAt.Before(began) {
				began = a.FiredAt
			}
		}
		if len(i.Rounds) > 0 {
			toDiagnosis = append(toDiagnosis, i.Rounds[0].Diagnosis.At.Sub(began))
		}
		for _, round := range i.Rounds {
			if c := round.Consent().Confirmation; c != nil {
				toConfirmation = append(toConfirmation, c.At.Sub(began))
				break
			}
		}
		if i.Closed != nil && i.Closed.Status == incident.Recovered {
			toRecovery = append(toRecovery, i.Closed.At.Sub(began))
		}
	}
	r.Times = lark.ReportTimes{ToDiagnosis: lark.SpreadOf(toDiagnosis), ToConfirmation: lark.SpreadOf(toConfirmation), ToRecovery: lark.SpreadOf(toRecovery)}
	watermarks(r, looks)
}

func line(i *incident.Incident, now time.Time, style lark.Look) lark.ReportIncident {
	out := lark.ReportIncident{ID: i.ID, Title: lark.Headline(i, now, style), Status: i.Status(now), OpenedAt: i.OpenedAt, Alarms: len(i.Alarms)}
	if i.Closed != nil {
		out.ClosedAt = i.Closed.At
	}
	for _, r := range i.Rounds {
		if r.Execution != nil {
			out.Solutions = append(out.Solutions, r.Execution.Confirmation.Solution)
		}
	}
	return out
}

func countOutcome(c *lark.IncidentCount, i *incident.Incident, now time.Time) {
	for _, r := range i.Rounds {
		if r.Consent().Confirmation != nil {
			c.Confirmed++
		}
	}
	switch i.Status(now) {
	case incident.Recovered:
		c.Recovered++
	case incident.Rejected:
		c.Rejected++
	case incident.Expired:
		c.Expired++
	case incident.RolledBack:
		c.RolledBack++
	case incident.HandedOver:
		c.HandedOver++
	case incident.Diagnosing, incident.AwaitingConfirmation, incident.Executing, incident.Verifying, incident.RollingBack:
		c.Open++
	}
}

// watermarks reads the day's inspections: how full each node was, what was risky about it, which pods were abnormal at the end.
func watermarks(r *lark.Report, looks []record.Inspection) {
	if len(looks) == 0 {
		r.Gaps = append(r.Gaps, "no inspection of this day is on record: watermarks, pods and node risks are unknown")
		return
	}
	nodes := map[string][]incident.NodeLine{}
	for _, l := range looks {
		for _, n := range l.Nodes {
			nodes[n.Name] = append(nodes[n.Name], n)
		}
	}
	for name, lines := range nodes {
		r.Watermarks = append(r.Watermarks, watermark(name, lines))
	}
	slices.SortFunc(r.Watermarks, func(a, b lark.Watermark) int {
		return cmp.Or(cmp.Compare(max(b.CPUPeak, b.MemoryPeak), max(a.CPUPeak, a.MemoryPeak)), cmp.Compare(a.Name, b.Name))
	})
	last := looks[len(looks)-1]
	r.Pods, r.CostHints = last.Pods, last.Hints
	r.NodeRisks = risks(last.Nodes)
}

func watermark(name string, lines []incident.NodeLine) lark.Watermark {
	w := lark.Watermark{Name: name}
	w.CPUMean, w.CPUPeak = spread(lines, func(n incident.NodeLine) float64 { return n.CPU })
	w.MemoryMean, w.MemoryPeak = spread(lines, func(n incident.NodeLine) float64 { return n.Memory })
	return w
}

// spread is the mean and the peak of what is known; -1 where nothing is.
func spread(lines []incident.NodeLine, of func(incident.NodeLine) float64) (mean, peak float64) {
	sum, n := 0.0, 0
	peak = -1
	for _, l := range lines {
		if v := of(l); v >= 0 {
			sum, n = sum+v, n+1
			peak = max(peak, v)
		}
	}
	if n == 0 {
		return -1, -1
	}
	return sum / float64(n), peak
}

func risks(nodes []incident.NodeLine) []incident.Text {
	var out []incident.Text
	add := func(en, zh string, args ...any) {
		out = append(out, incident.Text{EN: fmt.Sprintf(en, args...), ZH: fmt.Sprintf(zh, args...)})
	}
	for _, n := range nodes {
		switch {
		case !n.Ready:
			add("%s is not ready.", "%s 未就绪。", n.Name)
		case len(n.BadConditions) > 0:
			add("%s reports %s.", "%s 上报异常：%s。", n.Name, n.BadConditions[0])
		case n.Unschedulable:
			add("%s is cordoned.", "%s 已被设为不可调度。", n.Name)
		}
		if n.CPU >= fullCPU || n.Memory >= fullMem {
			add("%s uses %.0f %% of its CPU and %.0f %% of its memory.", "%s CPU 使用率 %.0f%%，内存使用率 %.0f%%。", n.Name, n.CPU*100, n.Memory*100)
		}
		if n.RequestedCPU >= fullAsked || n.RequestedMem >= fullAsked {
			add("%s has %.0f %% of its CPU and %.0f %% of its memory requested: another pod may not fit.", "%s 的 CPU 申请率 %.0f%%、内存申请率 %.0f%%，可能无法再调度新 Pod。", n.Name, n.RequestedCPU*100, n.RequestedMem*100)
		}
	}
	return out
}
