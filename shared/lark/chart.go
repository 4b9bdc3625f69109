package lark

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"cce-oncall/shared/incident"
)

// chartSpec is the part of a VChart line chart that the clients' oldest version (1.2) draws. It knows no languages: all texts in it
// are names and numbers; the sentence about it stands above, in both.
type chartSpec struct {
	Type     string     `json:"type"` // line
	Data     chartData  `json:"data"`
	X        string     `json:"xField"`
	Y        string     `json:"yField"`
	Series   string     `json:"seriesField"`
	Point    visible    `json:"point"`
	Legends  legends    `json:"legends"`
	Axes     []axis     `json:"axes"`
	MarkLine []markLine `json:"markLine,omitempty"`
}

type chartData struct {
	Values []chartValue `json:"values"`
}

type chartValue struct {
	X string  `json:"x"`
	Y float64 `json:"y"`
	S string  `json:"s"`
}

type visible struct {
	Visible bool `json:"visible"`
}

type legends struct {
	Visible bool   `json:"visible"`
	Orient  string `json:"orient"`
}

type axis struct {
	Orient string     `json:"orient"`
	Min    *float64   `json:"min,omitempty"`
	Max    *float64   `json:"max,omitempty"`
	Title  *axisTitle `json:"title,omitempty"`
}

type axisTitle struct {
	Visible bool   `json:"visible"`
	Text    string `json:"text"`
}

type markLine struct {
	Y     float64   `json:"y"`
	Label markLabel `json:"label"`
	Line  markStyle `json:"line"`
}

type markLabel struct {
	Visible  bool   `json:"visible"`
	Text     string `json:"text"`
	Position string `json:"position"`
}

type markStyle struct {
	Style lineStyle `json:"style"`
}

type lineStyle struct {
	Stroke string `json:"stroke"`
	Dash   []int  `json:"lineDash"`
}

// A chart is a glance: this many lines and points keep it below 5 KB of the card's 30.
const (
	chartLines  = 4
	chartPoints = 96
)

// draw makes the chart and the sentence above it; ok is false when there is nothing to draw.
func (p pen) draw(c incident.Chart) (head words, e element, ok bool) {
	series := c.Lines[:min(len(c.Lines), chartLines)]
	names := p.shortNames(series)
	spec := chartSpec{
		Type: "line", X: "x", Y: "y", Series: "s", Legends: legends{Visible: len(series) > 1, Orient: "bottom"},
	}
	type placed struct {
		at time.Time
		v  chartValue
	}
	var values []placed
	top, form := c.Threshold, timeForm(c)
	for i, l := range series {
		for _, pt := range thin(l.Points, chartPoints/len(series)) {
			v := round(pt.Value)
			top = math.Max(top, v)
			values = append(values, placed{pt.At, chartValue{X: pt.At.In(p.zone).Format(form), Y: v, S: names[i]}})
		}
	}
	// A category axis shows moments in the order they first appear, and lines may have been sampled at different ones.
	slices.SortStableFunc(values, func(a, b placed) int { return a.at.Compare(b.at) })
	for _, v := range values {
		spec.Data.Values = append(spec.Data.Values, v.v)
	}
	if len(spec.Data.Values) == 0 {
		return words{}, nil, false
	}
	zero, roof := 0.0, round(top*1.1)
	if roof <= 0 {
		roof = 1
	}
	spec.Axes = []axis{
		{Orient: "left", Min: &zero, Max: &roof, Title: &axisTitle{Visible: c.Unit != "", Text: clip(clean(c.Unit), 12)}},
		{Orient: "bottom"},
	}
	head = p.text(c.Title, 120)
	if c.Threshold > 0 {
		label := p.data(fmt.Sprintf("%v %s", round(c.Threshold), c.Unit), 24)
		spec.MarkLine = []markLine{{
			Y: round(c.Threshold), Label: markLabel{Visible: true, Text: label.raw.en, Position: "insideEndTop"},
			Line: markStyle{Style: lineStyle{Stroke: "#D83931", Dash: []int{4, 4}}},
		}}
		head = say("%s (dashed: threshold %s)", "%s（虚线：阈值 %s）", head, label)
	}
	if rest := len(c.Lines) - len(series); rest > 0 {
		head = say("%s, %s more not drawn", "%s，另有 %s 条未画出", head, num(rest))
	}
	return head, &chart{Tag: "chart", Aspect: "16:9", Height: "180px", Spec: spec}, true
}

// thin keeps n points: the highest of each stretch, so that no peak disappears. A value that is no number is no point.
func thin(all []incident.ChartPoint, n int) []incident.ChartPoint {
	points := make([]incident.ChartPoint, 0, len(all))
	for _, p := range all {
		if !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) {
			points = append(points, p)
		}
	}
	if len(points) <= n {
		return points
	}
	out := make([]incident.ChartPoint, 0, n)
	for i := range n {
		part := points[i*len(points)/n : (i+1)*len(points)/n]
		best := part[0]
		for _, p := range part[1:] {
			if p.Value > best.Value {
				best = p
			}
		}
		out = append(out, best)
	}
	return out
}

// shortNames drops what all lines have in common (the workload's name and hash before the pods' own part), at most 24 characters,
// and keeps the names apart.
func (p pen) shortNames(lines []incident.ChartLine) []string {
	names := make([]string, len(lines))
	for i, l := range lines {
		names[i] = clean(p.safe(l.Name))
	}
	if len(names) > 1 {
		cut := commonPrefix(names)
		for i := range names {
			if rest := names[i][cut:]; rest != "" {
				names[i] = rest
			}
		}
	}
	seen := map[string]bool{}
	for i, n := range names {
		n = clip(n, 24)
		if n == "" || seen[n] {
			n = fmt.Sprintf("%s #%d", n, i+1)
		}
		seen[n] = true
		names[i] = n
	}
	return names
}

// commonPrefix is how many bytes all names share, up to and including their last common dash.
func commonPrefix(names []string) int {
	n := len(names[0])
	for _, s := range names[1:] {
		i := 0
		for i < min(n, len(s)) && s[i] == names[0][i] {
			i++
		}
		n = i
	}
	return strings.LastIndexByte(names[0][:n], '-') + 1
}

func round(v float64) float64 {
	switch {
	case math.Abs(v) >= 100:
		return math.Round(v)
	case math.Abs(v) >= 1:
		return math.Round(v*10) / 10
	}
	return math.Round(v*1000) / 1000
}

// timeForm is how finely the time axis is labelled: two points of a line must not share a label.
func timeForm(c incident.Chart) string {
	var first, last time.Time
	n := 0
	for _, l := range c.Lines {
		n = max(n, len(l.Points))
		for _, p := range l.Points {
			if first.IsZero() || p.At.Before(first) {
				first = p.At
			}
			if p.At.After(last) {
				last = p.At
			}
		}
	}
	switch long := last.Sub(first); {
	case long >= 20*time.Hour:
		return "01-02 15:04"
	case n > 1 && long/time.Duration(n-1) < time.Minute:
		return "15:04:05"
	}
	return "15:04"
}
