package observe

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

const (
	chartSpan   = time.Hour
	chartPoints = 60
	chartLines  = 4
	chartMost   = 3
)

// chartKind is one chart that may be drawn. Shares are drawn in percent.
type chartKind struct {
	metric    string
	title     incident.Text
	unit      string
	scale     float64
	threshold float64 // in the chart's unit; 0: none
	nodes     bool
	lost      bool // drawn only where a node of the scene is lost
}

var chartKinds = []chartKind{
	{metric: "container_cpu_limit_ratio", title: incident.Text{EN: "CPU, share of the limit", ZH: "CPU 使用率（占限制）"}, unit: "%", scale: 100, threshold: 80},
	{metric: "container_memory_limit_ratio", title: incident.Text{EN: "Memory, share of the limit", ZH: "内存使用率（占限制）"}, unit: "%", scale: 100, threshold: 80},
	{metric: "node_cpu_usage_ratio", title: incident.Text{EN: "Node CPU", ZH: "节点 CPU 使用率"}, unit: "%", scale: 100, threshold: 80, nodes: true},
	{metric: "node_memory_usage_ratio", title: incident.Text{EN: "Node memory", ZH: "节点内存使用率"}, unit: "%", scale: 100, threshold: 90, nodes: true},
	{metric: "node_network_receive_bytes_per_second", title: incident.Text{EN: "Node network, received", ZH: "节点网络接收速率"}, unit: "kB/s", scale: 0.001, nodes: true, lost: true},
}

// charts draws what there are samples of, the nearest to its threshold first. Of a lost node a level that was never high tells nothing:
// there the curve comes first that changed the most when it was lost, or ended.
func (v *scene) charts() []incident.Chart {
	type candidate struct {
		chart incident.Chart
		heat  float64
	}
	var found []candidate
	for _, k := range chartKinds {
		lines := v.chartLines(k)
		lostAt := v.lostAt(k)
		if len(lines) == 0 || k.lost && lostAt.IsZero() {
			continue
		}
		c := candidate{chart: incident.Chart{Title: k.title, Unit: k.unit, Threshold: v.threshold(k), Lines: lines}}
		for _, l := range lines {
			for _, p := range l.Points {
				if k.threshold > 0 {
					c.heat = max(c.heat, p.Value/k.threshold)
				}
			}
		}
		if !lostAt.IsZero() && c.heat < 1 {
			c.heat = 0
			for _, l := range lines {
				c.heat = max(c.heat, v.turn(l, lostAt))
			}
		}
		found = append(found, c)
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.heat, a.heat) })
	var out []incident.Chart
	for _, c := range found[:min(chartMost, len(found))] {
		out = append(out, c.chart)
	}
	return out
}

// threshold is the alarm rule's own where an alarm about this metric says it.
func (v *scene) threshold(k chartKind) float64 {
	wanted := map[string]string{"container_cpu_limit_ratio": "ContainerCPUHigh", "container_memory_limit_ratio": "ContainerMemoryHigh", "node_cpu_usage_ratio": "NodeCPUHigh"}[k.metric]
	for _, a := range v.s.Alarms {
		if e, ok := a.Entry(); ok && e.Name == wanted {
			if t, err := strconv.ParseFloat(a.Rule.Threshold, 64); err == nil && t > 0 && t <= 100 {
				return t
			}
		}
	}
	return k.threshold
}

// chartLines are the highest lines of a kind: one a pod, or one a node.
func (v *scene) chartLines(k chartKind) []incident.ChartLine {
	var targets []incident.Target
	if k.nodes {
		for _, n := range v.nodes {
			targets = append(targets, key("Node", "", n))
		}
	} else {
		for _, p := range v.pods {
			targets = append(targets, key("Pod", p.Namespace, p.Name))
		}
	}
	type line struct {
		incident.ChartLine
		peak float64
	}
	var all []line
	for _, t := range targets {
		l := line{ChartLine: incident.ChartLine{Name: t.Name}}
		for _, s := range v.x.SeriesOf(k.metric, t) { // of several containers the fullest tells
			points := finite(s.Between(v.s.At.Add(-chartSpan), v.s.At))
			if peak := highest(points); len(points) > 0 && (len(l.Points) == 0 || peak*k.scale > l.peak) {
				l.peak, l.Points = peak*k.scale, thin(points, k.scale)
			}
		}
		if len(l.Points) > 0 {
			all = append(all, l)
		}
	}
	slices.SortStableFunc(all, func(a, b line) int { return cmp.Or(cmp.Compare(b.peak, a.peak), cmp.Compare(a.Name, b.Name)) })
	var out []incident.ChartLine
	for _, l := range all[:min(chartLines, len(all))] {
		out = append(out, l.ChartLine)
	}
	return out
}

// finite leaves out infinities: a share of a limit of nothing cannot be drawn, nor written as JSON.
func finite(points []Point) []Point {
	return slices.DeleteFunc(slices.Clone(points), func(p Point) bool { return math.IsInf(p.Value, 0) })
}

func highest(points []Point) float64 {
	top := 0.0
	for _, p := range points {
		top = max(top, p.Value)
	}
	return top
}

// thin leaves at most chartPoints samples, of each minute the highest: a peak must not vanish from a chart. Samples stand at full
// minutes, so that several lines share one axis.
func thin(points []Point, scale float64) []incident.ChartPoint {
	var out []incident.ChartPoint
	for _, p := range points {
		next := incident.ChartPoint{At: p.At.Truncate(chartSpan / chartPoints), Value: p.Value * scale}
		switch last := len(out) - 1; {
		case last < 0 || !out[last].At.Equal(next.At):
			out = append(out, next)
		case next.Value > out[last].Value:
			out[last] = next
		}
	}
	return out[max(0, len(out)-chartPoints):]
}

// lostAt is when a node of the scene was lost, zero where none is, or where the chart is not about nodes.
func (v *scene) lostAt(k chartKind) time.Time {
	if !k.nodes {
		return time.Time{}
	}
	for _, n := range v.nodes {
		x := v.x.Node(n)
		if x == nil || nodeReady(x) {
			continue
		}
		for _, c := range x.Status.Conditions {
			if c.Type == corev1.NodeReady && !c.LastTransitionTime.IsZero() {
				return c.LastTransitionTime.Time
			}
		}
	}
	return time.Time{}
}

// turn is how much a line changed at a time, as a share of its larger side; one that ends there changed wholly.
func (v *scene) turn(l incident.ChartLine, at time.Time) float64 {
	var before, after, nb, na float64
	for _, p := range l.Points {
		if p.At.Before(at) {
			before, nb = before+p.Value, nb+1
		} else {
			after, na = after+p.Value, na+1
		}
	}
	switch {
	case nb == 0:
		return 0
	case na == 0:
		if v.s.At.Sub(at) < 2*time.Minute {
			return 0
		}
		return 1
	}
	before, after = before/nb, after/na
	if top := max(before, after); top > 0 {
		return math.Abs(before-after) / top
	}
	return 0
}
