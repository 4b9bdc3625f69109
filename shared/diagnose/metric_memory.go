package diagnose

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

func (g *gather) memory(w *workload) {
	v := g.v
	defer g.memoryJump(w)
	defer g.leak(w)
	s, level, ok := v.highest("container_memory_limit_ratio", w)
	if !ok {
		return
	}
	about := w.target
	if p := s.Labels["pod"]; p != "" {
		about = incident.Target{Kind: "Pod", Namespace: w.target.Namespace, Name: p}
	}
	if level >= memoryHigh || level >= cpuHigh && v.asked(w.target) {
		d, _ := g.on(incident.ContainerMemoryHigh, w.target)
		d.say(fmt.Sprintf("%s: memory is at %.0f %% of the limit", w.target, 100*level), fmt.Sprintf("%s：内存达到 limit 的 %.0f%%", w.target, 100*level)).affects(w.target).
			metric(about, v.At, "%s %.2f (mean of the last three samples)", s.Name(), level).since(heldSince(s, cpuHigh)).fact(FactUsage, fmt.Sprintf("%.2f", level)).
			number(FactReplicas, int64(max(w.desired, 0)))
		if j, up := v.step(s); up && j.after > j.before+0.2 {
			d.metric(about, j.at, "it stepped from %.2f to %.2f", j.before, j.after).since(j.at)
		}
		g.quoteLimit(d, w, s.Labels["container"], corev1.ResourceMemory)
	}
}

// leak is memory that grows to the limit in a line, or, where no limit is known, by a third and 32 MiB at least.
func (g *gather) leak(w *workload) {
	v := g.v
	for _, s := range v.seriesOf("container_memory_limit_ratio", w) {
		g.leaks(w, s, 1)
	}
	if len(v.seriesOf("container_memory_limit_ratio", w)) > 0 {
		return
	}
	for _, s := range v.seriesOf("container_memory_working_set_bytes", w) {
		g.leaks(w, s, 0)
	}
}

// leaks judges one series; limit is 0 where it is unknown.
func (g *gather) leaks(w *workload, s observe.Series, limit float64) {
	v := g.v
	t, fits := v.growing(s)
	if !fits {
		return
	}
	if limit == 0 {
		if t.to-t.from < 32<<20 || t.to < 1.33*t.from {
			return
		}
		d, fresh := g.on(incident.ContainerMemoryLeak, w.target)
		if fresh {
			d.say(fmt.Sprintf("memory of %s grows by %.0f MiB an hour without an end", w.target, t.perHour/(1<<20)), fmt.Sprintf("%s 内存持续增长，每小时约 %.0f MiB", w.target, t.perHour/(1<<20))).affects(w.target).
				metric(aboutSeries(w, s), v.At.Add(-t.over), "%s grew from %.0f to %.0f MiB in %s (line fit %.2f)", s.Name(), t.from/(1<<20), t.to/(1<<20), spanEN(t.over), t.fit).since(v.At.Add(-t.over))
		}
		return
	}
	level, _ := v.current(s)
	left := time.Duration((1 - level) / t.perHour * float64(time.Hour))
	if t.to-t.from < 0.15 || level < 0.5 || left > 24*time.Hour {
		return
	}
	d, _ := g.on(incident.ContainerMemoryLeak, w.target)
	at := v.At.Add(max(left, 0)).UTC().Truncate(time.Minute)
	d.say(fmt.Sprintf("memory of %s grows by %.0f %% of the limit an hour and meets it at about %s", w.target, 100*t.perHour, at.Format("15:04 UTC")),
		fmt.Sprintf("%s 内存每小时增长 limit 的 %.0f%%，预计 %s 触顶", w.target, 100*t.perHour, at.Format("15:04 UTC"))).affects(w.target).weigh(0.9).
		metric(aboutSeries(w, s), v.At.Add(-t.over), "%s grew from %.2f to %.2f in %s (line fit %.2f)", s.Name(), t.from, t.to, spanEN(t.over), t.fit).
		fact(FactPredicted, at.Format(time.RFC3339)).fact(FactUsage, fmt.Sprintf("%.2f", level))
	g.quoteLimit(d, w, s.Labels["container"], corev1.ResourceMemory)
}

// growing is a growth in a line that lasts to the end of a series: over the whole of it, or over its last part when all before was
// lower. A saw that has been as high before does not grow.
func (v *view) growing(s observe.Series) (growth, bool) {
	last, ok := s.Last()
	if !ok || !v.recent(last.At, lately) || stepped(v, s) {
		return growth{}, false
	}
	n := len(s.Points)
	for _, part := range []float64{0, 0.25, 0.5, 0.67, 0.8} {
		at := int(part * float64(n))
		p := s.Points[at:]
		t, fits := trend(p)
		if !fits || t.perHour <= 0 || t.fit < 0.8 || t.to <= t.from {
			continue
		}
		if at > 0 && quantile(values(s.Points[:at]), 0.95) > t.from+0.4*(t.to-t.from) {
			continue
		}
		if part := (observe.Series{Labels: s.Labels, Points: p}); stepped(v, part) {
			continue
		}
		return t, true
	}
	return growth{}, false
}

// memoryJump is memory that jumped to far more than it was while the load did not, below the limit or without one.
func (g *gather) memoryJump(w *workload) {
	v := g.v
	if g.has(w.target, incident.ContainerMemoryHigh, incident.ContainerMemoryLeak) {
		return
	}
	for _, s := range v.seriesOf("container_memory_working_set_bytes", w) {
		j, ok := v.step(s)
		if !ok || j.after < j.before+48<<20 || j.ratio(1) < 1.35 || v.busier(w, j.ratio(1)) ||
			v.answers(w) && !v.degraded(w) && (j.ratio(1) < 1.6 || j.after < j.before+96<<20) { // nobody waits for it: then it must be plain
			continue
		}
		d, fresh := g.on(incident.ContainerMemoryHigh, w.target)
		if fresh {
			d.say(fmt.Sprintf("memory of %s jumped from %.0f to %.0f MiB", w.target, j.before/(1<<20), j.after/(1<<20)), fmt.Sprintf("%s 内存由 %.0f MiB 突增至 %.0f MiB", w.target, j.before/(1<<20), j.after/(1<<20))).affects(w.target).
				weigh(0.9).number(FactReplicas, int64(max(w.desired, 0)))
		}
		if !d.wordy() {
			d.metric(aboutSeries(w, s), j.at, "%s stepped from %.0f to %.0f MiB", s.Name(), j.before/(1<<20), j.after/(1<<20)).since(j.at)
		}
		g.quoteLimit(d, w, s.Labels["container"], corev1.ResourceMemory)
		g.suffers(d, w)
	}
}

// stepped says whether a growth is one jump rather than a slope.
func stepped(v *view, s observe.Series) bool {
	j, ok := v.step(s)
	if !ok {
		return false
	}
	low, high := 0, 0
	for _, p := range s.Points {
		span := j.after - j.before
		switch {
		case p.Value < j.before+0.25*span:
			low++
		case p.Value > j.after-0.25*span:
			high++
		}
	}
	return low+high > len(s.Points)*9/10
}

// imbalance is one replica that carries most of the load.
func (g *gather) imbalance(w *workload) {
	v := g.v
	var all []float64
	top, pod := 0.0, ""
	feels := v.degraded(w)
	for _, s := range v.seriesOf("container_cpu_limit_ratio", w) {
		if x, ok := v.current(s); ok && s.Labels["pod"] != "" {
			all = append(all, x)
			if x > top {
				top, pod = x, s.Labels["pod"]
			}
		}
	}
	if len(all) < 2 || len(all) < 3 && !feels || top < 0.6 && (!feels || top < 0.3) {
		return
	}
	slices.Sort(all)
	if rest := median(all[:len(all)-1]); rest > 0.25 || top < 3*rest {
		return
	}
	d, _ := g.on(incident.ReplicaLoadImbalance, w.target)
	d.say(fmt.Sprintf("one of %d replicas of %s carries most of the load", len(all), w.target), fmt.Sprintf("%s 的 %d 个副本负载不均", w.target, len(all))).weigh(0.8).
		metric(incident.Target{Kind: "Pod", Namespace: w.target.Namespace, Name: pod}, v.At, "container_cpu_limit_ratio %.2f, median of the others %.2f", top, median(all[:len(all)-1])).
		affects(incident.Target{Kind: "Pod", Namespace: w.target.Namespace, Name: pod})
}
