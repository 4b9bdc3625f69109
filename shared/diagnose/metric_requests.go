package diagnose

import (
	"fmt"
	"time"

	"cce-oncall/shared/incident"
)

// latencies are the latency metrics, the steadiest first.
var latencies = []string{"request_latency_p50_seconds", "request_latency_p90_seconds", "request_latency_p95_seconds", "request_latency_p99_seconds"}

// slow is a lasting rise of the latency of a workload by half and 10 ms at least.
func (v *view) slow(w *workload) (jump, string, bool) {
	var best jump
	metric := ""
	for _, m := range latencies {
		for _, s := range v.seriesOf(m, w) {
			if j, ok := v.step(s); ok && j.after > j.before && j.ratio(0.001) >= 1.5 && j.after-j.before >= 0.01 && (metric == "" || j.ratio(0.001) > best.ratio(0.001)) {
				best, metric = j, m
			}
		}
	}
	return best, metric, metric != ""
}

// failing is a lasting fall of the success ratio.
func (v *view) failing(w *workload) (jump, bool) {
	for _, s := range v.seriesOf("request_success_ratio", w) {
		if j, ok := v.step(s); ok && j.before-j.after >= 0.03 {
			return j, true
		}
		if x, ok := v.current(s); ok && x < 0.9 {
			p := values(s.Points)
			return jump{before: median(p), after: x, at: s.Points[max(0, len(s.Points)-3)].At}, true
		}
	}
	return jump{}, false
}

// degraded says whether a workload answers slower or fails more than it did.
func (v *view) degraded(w *workload) bool { return !v.degradedSince(w).IsZero() }

func (v *view) degradedSince(w *workload) time.Time {
	if len(v.Series) == 0 {
		return time.Time{}
	}
	if t, ok := v.degradedAt[w]; ok {
		return t
	}
	var t time.Time
	if j, _, ok := v.slow(w); ok {
		t = j.at
	}
	if j, ok := v.failing(w); ok && (t.IsZero() || j.at.Before(t)) {
		t = j.at
	}
	v.degradedAt[w] = t
	return t
}

// userVisible are the symptoms that callers feel.
func (g *gather) userVisible(w *workload) {
	v := g.v
	if j, m, ok := v.slow(w); ok {
		d, _ := g.on(incident.RequestLatencyHigh, w.target)
		d.say(fmt.Sprintf("%s answers in %.3g s instead of %.3g s", w.target, j.after, j.before), fmt.Sprintf("%s 时延由 %.3g 秒升至 %.3g 秒", w.target, j.before, j.after)).
			metric(w.target, j.at, "%s stepped from %.3g to %.3g", m, j.before, j.after).since(j.at).affects(w.target).affectsPods(w.live()...).weigh(v.share(v.slowness(w), v.slowest()))
	}
	if j, ok := v.failing(w); ok {
		g.ownErrors(w, j)
		d, _ := g.on(incident.RequestErrorsHigh, w.target)
		d.say(fmt.Sprintf("%.1f %% of the requests to %s succeed", 100*j.after, w.target), fmt.Sprintf("%s 请求成功率降至 %.1f%%", w.target, 100*j.after)).
			metric(w.target, j.at, "request_success_ratio fell from %.3f to %.3f", j.before, j.after).since(j.at).affects(w.target).affectsPods(w.live()...).weigh(v.share(j.before-j.after, v.worst()))
	}
}

// answers says whether anything is known of how a workload answers requests.
func (v *view) answers(w *workload) bool {
	for _, m := range append([]string{"request_success_ratio"}, latencies...) {
		if len(v.seriesOf(m, w)) > 0 {
			return true
		}
	}
	return false
}

// busier says whether the load that reaches a workload rose with its use, by at least a third of what the use rose by.
func (v *view) busier(w *workload, times float64) bool {
	for _, m := range []string{"request_rate", "network_receive_bytes_per_second"} {
		for _, s := range v.seriesOf(m, w) {
			if j, ok := v.step(s); ok && j.ratio(1e-9)-1 >= (times-1)/3 {
				return true
			}
		}
	}
	return false
}

// slowness is how many times slower a workload answers than it did, 0 when it does not.
func (v *view) slowness(w *workload) float64 {
	if j, _, ok := v.slow(w); ok {
		return j.ratio(0.001)
	}
	return 0
}

// slowest and worst are the largest slowness and the deepest fall of the success ratio among all workloads. Where many suffer at once,
// the one that suffers most is nearest to where it began.
func (v *view) slowest() float64 {
	return v.extreme("slow", v.slowness)
}

func (v *view) worst() float64 {
	return v.extreme("failing", func(w *workload) float64 {
		if j, ok := v.failing(w); ok {
			return j.before - j.after
		}
		return 0
	})
}

func (v *view) extreme(what string, of func(*workload) float64) float64 {
	if x, done := v.extremes[what]; done {
		return x
	}
	top := 0.0
	for _, w := range v.workloads {
		top = max(top, of(w))
	}
	v.extremes[what] = top
	return top
}

// share is the strength of a symptom beside the worst of its kind: from 0.7 to 1.
func (v *view) share(x, most float64) float64 {
	if most <= 0 {
		return 1
	}
	return 0.7 + 0.3*min(1, x/most)
}

// ownErrors is an application whose requests fail while its log tells of errors in its own program, and not of those it calls.
func (g *gather) ownErrors(w *workload, j jump) {
	v := g.v
	var lines []sign
	bugs, own := 0, 0
	for _, s := range v.signsOf(w) {
		switch {
		case bugWords.MatchString(s.line):
			bugs += s.count
		case s.kind == signError && s.host == "":
			own += s.count
		default:
			continue
		}
		lines = append(lines, s)
	}
	if bugs < fewBugs && (own < 2*fewBugs || v.says(w, signRefused, signTimeout, signNoHost, signUpstream, signPool)) {
		return
	}
	d, _ := g.on(incident.ApplicationErrors, w.target)
	d.say(fmt.Sprintf("%s fails %.0f %% of its requests by errors of its own", w.target, 100*(1-j.after)), fmt.Sprintf("%s 因自身报错导致 %.0f%% 的请求失败", w.target, 100*(1-j.after))).affects(w.target).
		weigh(v.share(j.before-j.after, v.worst())).metric(w.target, j.at, "request_success_ratio fell from %.3f to %.3f", j.before, j.after).since(j.at).number(FactReplicas, int64(max(w.desired, 0)))
	for i, s := range lines {
		if i < 3 {
			d.line(s.pod, s.container, s.line)
		}
	}
}
