package diagnose

import (
	"math"
	"slices"
	"time"

	"cce-oncall/shared/observe"
)

// Curves: what a series of samples says. A sample that is missing is no sample; nothing here takes it for zero.

// lately is how new the last sample must be for a series to speak of the present.
const lately = 20 * time.Minute

// values of points.
func values(p []observe.Point) []float64 {
	out := make([]float64, 0, len(p))
	for _, x := range p {
		if !math.IsNaN(x.Value) && !math.IsInf(x.Value, 0) {
			out = append(out, x.Value)
		}
	}
	return out
}

func mean(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	s := slices.Clone(x)
	slices.Sort(s)
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// current is the mean of the last three samples, when the series speaks of the present. One spike is no state.
func (v *view) current(s observe.Series) (float64, bool) {
	p, ok := s.Last()
	if !ok || !v.recent(p.At, lately) {
		return 0, false
	}
	x := values(s.Points[max(0, len(s.Points)-3):])
	if len(x) == 0 {
		return 0, false
	}
	return mean(x), true
}

// heldSince is since when a series has been at or above a bound without a break.
func heldSince(s observe.Series, bound float64) time.Time {
	var at time.Time
	for i := len(s.Points) - 1; i >= 0 && s.Points[i].Value >= bound; i-- {
		at = s.Points[i].At
	}
	return at
}

// jump is a change of level that has lasted until the end of the series.
type jump struct {
	before, after float64
	at            time.Time
}

// ratio is after over before, for a rise; a rise from nothing counts by the floor.
func (j jump) ratio(floor float64) float64 { return j.after / math.Max(j.before, floor) }

// step finds the change point of a series: the split whose sides differ the most, weighted by how many samples stand on each side.
// It needs three samples on both sides, the last of them of the present, the new level must hold to the end, and the two sides must
// stand apart: noise is no step.
func (v *view) step(s observe.Series) (jump, bool) {
	if len(s.Points) == 0 {
		return jump{}, false
	}
	k := &s.Points[0]
	r, done := v.steps[k]
	if !done || r.n != len(s.Points) {
		r.jump, r.ok = v.findStep(s)
		r.n = len(s.Points)
		if v.steps != nil {
			v.steps[k] = r
		}
	}
	return r.jump, r.ok
}

// stepResult is what findStep has found of the series that begins at one point.
type stepResult struct {
	jump
	ok bool
	n  int
}

func (v *view) findStep(s observe.Series) (jump, bool) {
	last, ok := s.Last()
	x := values(s.Points)
	if !ok || len(x) != len(s.Points) || len(x) < 6 || !v.recent(last.At, lately) {
		return jump{}, false
	}
	sums := make([]float64, len(x)+1)
	for i, y := range x {
		sums[i+1] = sums[i] + y
	}
	n, best, at := float64(len(x)), -1.0, 0
	for i := 3; i <= len(x)-3; i++ {
		a, b := sums[i]/float64(i), (sums[len(x)]-sums[i])/(n-float64(i))
		if score := math.Abs(b-a) * math.Sqrt(float64(i)*(n-float64(i))/n); score > best {
			best, at = score, i
		}
	}
	j := jump{median(x[:at]), median(x[at:]), s.Points[at].At}
	end := mean(x[len(x)-3:])
	middle := (j.before + j.after) / 2
	if (j.after > j.before) != (end > middle) {
		return jump{}, false
	}
	return j, apart(x[:at], x[at:], j.after > j.before) && !v.daily(s, end)
}

// apart says whether nearly all of one level lies beyond nearly all of the other. Every eighth sample may stray.
func apart(before, after []float64, up bool) bool {
	n, m := float64(len(before)), float64(len(after))
	if math.Abs(median(after)-median(before)) < 5*spread(before)*math.Sqrt(1/n+1/m) {
		return false
	}
	stray := 0.125
	if min(n, m) < 6 { // few samples may agree by chance
		stray = 0.05
	}
	if up {
		return quantile(after, 2*stray) > quantile(before, 1-stray)
	}
	return quantile(after, 1-2*stray) < quantile(before, stray)
}

// spread is the standard deviation of values without their outliers: by the median of how far they are from their median.
func spread(x []float64) float64 {
	m := median(x)
	far := make([]float64, len(x))
	for i, v := range x {
		far[i] = math.Abs(v - m)
	}
	return 1.4826 * median(far)
}

// quantile of values, 0 the lowest and 1 the highest.
func quantile(x []float64, q float64) float64 {
	s := slices.Clone(x)
	slices.Sort(s)
	return s[int(math.Round(q*float64(len(s)-1)))]
}

// daily says whether a level is what the same hour of the day before showed as well: a daily rhythm is no event.
func (v *view) daily(s observe.Series, now float64) bool {
	day := s.Between(v.At.Add(-24*time.Hour-30*time.Minute), v.At.Add(-24*time.Hour+30*time.Minute))
	if len(day) < 2 || now == 0 {
		return false
	}
	then := median(values(day))
	return math.Abs(then-now) <= 0.2*math.Abs(now)
}

// growth is a straight line through the samples.
type growth struct {
	perHour float64
	fit     float64 // 0..1: how much of the movement the line explains
	from    float64
	to      float64
	over    time.Duration
}

// trend fits a line. It needs eight samples over ten minutes.
func trend(p []observe.Point) (growth, bool) {
	if len(p) < 8 {
		return growth{}, false
	}
	over := p[len(p)-1].At.Sub(p[0].At)
	if over < 10*time.Minute {
		return growth{}, false
	}
	var sx, sy, sxx, sxy, syy float64
	n := float64(len(p))
	for _, q := range p {
		x, y := q.At.Sub(p[0].At).Hours(), q.Value
		sx, sy, sxx, sxy, syy = sx+x, sy+y, sxx+x*x, sxy+x*y, syy+y*y
	}
	dx, dy := n*sxx-sx*sx, n*syy-sy*sy
	if dx == 0 || dy <= 0 {
		return growth{}, false
	}
	k := (n*sxy - sx*sy) / dx
	r := (n*sxy - sx*sy) / math.Sqrt(dx*dy)
	return growth{perHour: k, fit: r * r, from: p[0].Value, to: p[len(p)-1].Value, over: over}, true
}

// perSecond makes a rate of a counter, and leaves what is a rate already. A counter never falls but when its process restarts.
func perSecond(s observe.Series) observe.Series {
	p := s.Points
	if len(p) < 3 {
		return s
	}
	rises, falls := 0, 0
	for i := 1; i < len(p); i++ {
		switch {
		case p[i].Value > p[i-1].Value:
			rises++
		case p[i].Value < p[i-1].Value:
			falls++
		}
	}
	if falls > 1+len(p)/100 || rises < 3 || falls > rises/4 {
		return s
	}
	out := observe.Series{Labels: s.Labels}
	for i := 1; i < len(p); i++ {
		if dt := p[i].At.Sub(p[i-1].At).Seconds(); dt > 0 && p[i].Value >= p[i-1].Value {
			out.Points = append(out.Points, observe.Point{At: p[i].At, Value: (p[i].Value - p[i-1].Value) / dt})
		}
	}
	return out
}
