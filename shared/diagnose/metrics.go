package diagnose

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// examineMetrics is the metric-analyzer.
func examineMetrics(v *view) []incident.Finding {
	if len(v.Series) == 0 {
		return nil
	}
	g := v.gather()
	for _, w := range v.workloads {
		g.cpu(w)
		g.memory(w)
		g.imbalance(w)
		g.userVisible(w)
	}
	for _, n := range v.Objects.Nodes {
		g.nodeWatermarks(n)
	}
	g.networks()
	g.lags()
	return g.done()
}

// seriesOf are the series of a metric about a workload: its own, its pods', and those of the Services in front of it.
func (v *view) seriesOf(metric string, w *workload) []observe.Series {
	out := v.idx.SeriesOf(metric, w.target)
	if len(out) == 0 {
		out = v.ratios(metric, w)
	}
	if len(out) == 0 && strings.HasPrefix(metric, "request_") {
		for _, k := range v.apps().fronts[w] {
			out = append(out, v.idx.SeriesOf(metric, incident.Target{Kind: "Service", Namespace: k.namespace, Name: k.name})...)
		}
	}
	return out
}

// The watermarks: CCE's recommended rules fire at 80 % of CPU and memory.
const (
	cpuHigh    = 0.8
	memoryHigh = 0.9
	nodeHigh   = 0.9
)

// highest is the series of a metric with the highest present level.
func (v *view) highest(metric string, w *workload) (observe.Series, float64, bool) {
	var best observe.Series
	top, found := 0.0, false
	for _, s := range v.seriesOf(metric, w) {
		if x, ok := v.current(s); ok && (!found || x > top) {
			best, top, found = s, x, true
		}
	}
	return best, top, found
}

// hot says whether a workload is at its CPU limit.
func (v *view) hot(w *workload) bool {
	_, x, ok := v.highest("container_cpu_limit_ratio", w)
	return ok && x >= cpuHigh
}

func (g *gather) cpu(w *workload) {
	v := g.v
	s, level, ok := v.highest("container_cpu_limit_ratio", w)
	throttle, throttled := v.throttled(w)
	usage, hog := v.hog(w)
	switch {
	case ok && level >= cpuHigh:
	case throttled && (!ok || level >= 0.5) && v.degraded(w):
	case hog && (throttled || v.degraded(w) || !v.limited(w, corev1.ResourceCPU)):
	default:
		return
	}
	d, _ := g.on(incident.ContainerCpuSaturated, w.target)
	about := w.target
	if p := s.Labels["pod"]; p != "" {
		about = incident.Target{Kind: "Pod", Namespace: w.target.Namespace, Name: p}
	}
	container := s.Labels["container"]
	d.affects(w.target).number(FactReplicas, int64(max(w.desired, 0))).fact(FactContainer, container)
	text, zh := "its CPU is exhausted", "CPU 已耗尽"
	if ok && level >= 0.5 {
		text, zh = fmt.Sprintf("CPU is at %.0f %% of the limit", 100*level), fmt.Sprintf("CPU 达到 limit 的 %.0f%%", 100*level)
		d.metric(about, v.At, "%s %.2f (mean of the last three samples)", s.Name(), level).since(heldSince(s, cpuHigh)).fact(FactUsage, fmt.Sprintf("%.2f", level))
		d.affectsPodNames(w, v, "container_cpu_limit_ratio", cpuHigh)
	}
	if hog {
		text, zh = fmt.Sprintf("CPU rose from %.2f to %.2f cores", usage.before, usage.after), fmt.Sprintf("CPU 用量由 %.2f 核升至 %.2f 核", usage.before, usage.after)
		d.metric(about, usage.at, "container_cpu_usage_cores stepped from %.2f to %.2f", usage.before, usage.after).since(usage.at)
	}
	if throttled {
		d.metric(about, throttle.at, "container_cpu_throttled_seconds stepped from %.2f to %.2f per second", throttle.before, throttle.after).since(throttle.at)
	}
	d.say(fmt.Sprintf("%s: %s", w.target, text), fmt.Sprintf("%s：%s", w.target, zh))
	if !ok || level < 0.9 {
		d.weigh(0.9)
	}
	g.quoteLimit(d, w, container, corev1.ResourceCPU)
	for _, h := range v.idx.HPAsOf(w.target) {
		d.fact(FactHPA, h.Name).number(FactMax, int64(h.Spec.MaxReplicas))
	}
	g.spike(w, d, level)
	if len(v.idx.HPAsOf(w.target)) == 0 && len(v.Objects.HPAs) > 0 && ok && level >= cpuHigh {
		h, _ := g.on(incident.HPANotConfigured, w.target)
		h.say(fmt.Sprintf("%s is saturated and no HPA scales it", w.target), fmt.Sprintf("%s 高负载且未配置 HPA", w.target)).
			object(w.target, "no HorizontalPodAutoscaler targets it").weigh(0.6).number(FactReplicas, int64(max(w.desired, 0)))
	}
}

func (d *draft) affectsPodNames(w *workload, v *view, metric string, bound float64) {
	for _, s := range v.seriesOf(metric, w) {
		if x, ok := v.current(s); ok && x >= bound && s.Labels["pod"] != "" {
			d.affects(incident.Target{Kind: "Pod", Namespace: w.target.Namespace, Name: s.Labels["pod"]})
		}
	}
}

func (v *view) limited(w *workload, r corev1.ResourceName) bool {
	for _, c := range w.containers() {
		if _, ok := c.Resources.Limits[r]; ok {
			return true
		}
	}
	return false
}

// quoteLimit names the limit that a level is held against, and what a playbook needs to change it.
func (g *gather) quoteLimit(d *draft, w *workload, containerName string, r corev1.ResourceName) {
	for i := range w.containers() {
		c := &w.containers()[i]
		if containerName != "" && c.Name != containerName || containerName == "" && i > 0 {
			continue
		}
		d.object(w.target, "containers[%s].resources.limits.%s: %s", c.Name, r, limitOr(c, r, "none"))
		g.limits(d, container{spec: c, status: corev1.ContainerStatus{Name: c.Name}})
	}
}

// throttled is a rise of the time that containers spend waiting for their CPU quota.
func (v *view) throttled(w *workload) (jump, bool) {
	for _, s := range v.seriesOf("container_cpu_throttled_seconds", w) {
		r := perSecond(s)
		if j, ok := v.step(r); ok && j.after > j.before && j.ratio(0.02) >= 3 && j.after >= 0.05 {
			return j, true
		}
	}
	return jump{}, false
}

// hog is a lasting rise of CPU use to several times what it was.
func (v *view) hog(w *workload) (jump, bool) {
	for _, s := range v.seriesOf("container_cpu_usage_cores", w) {
		if j, ok := v.step(s); ok && j.after > j.before && j.ratio(0.02) >= 3 && j.after >= 0.2 {
			return j, true
		}
	}
	return jump{}, false
}

// spike says whether the load came from outside: traffic rose with it.
func (g *gather) spike(w *workload, cpu *draft, level float64) {
	v := g.v
	if level < 0.7 {
		return
	}
	for _, m := range []string{"request_rate", "network_receive_bytes_per_second"} {
		for _, s := range v.seriesOf(m, w) {
			j, ok := v.step(s)
			if !ok || j.after <= j.before || j.before <= 0 || j.ratio(1e-9) < 1.8 {
				continue
			}
			d, fresh := g.on(incident.TrafficSpikeBottleneck, w.target)
			if fresh {
				d.say(fmt.Sprintf("traffic to %s rose to %.1f times and exceeds its capacity", w.target, j.ratio(1e-9)), fmt.Sprintf("%s 流量升至 %.1f 倍，超出容量", w.target, j.ratio(1e-9))).
					affects(w.target).weigh(0.95)
				d.f.Facts = uniteFacts(d.f.Facts, cpu.f.Facts)
				d.f.Evidence = append(d.f.Evidence, cpu.f.Evidence...)
			}
			d.metric(w.target, j.at, "%s stepped from %.3g to %.3g", m, j.before, j.after).since(j.at)
		}
	}
}

func (g *gather) memory(w *workload) {
	v := g.v
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
	t, fits := trend(s.Points)
	if !fits || t.perHour <= 0 || t.fit < 0.8 || t.to-t.from < 0.15 || level < 0.5 || stepped(v, s) {
		return
	}
	left := time.Duration((1 - level) / t.perHour * float64(time.Hour))
	if left > 24*time.Hour {
		return
	}
	d, _ := g.on(incident.ContainerMemoryLeak, w.target)
	at := v.At.Add(max(left, 0)).UTC().Truncate(time.Minute)
	d.say(fmt.Sprintf("memory of %s grows by %.0f %% of the limit an hour and meets it at about %s", w.target, 100*t.perHour, at.Format("15:04 UTC")),
		fmt.Sprintf("%s 内存每小时增长 limit 的 %.0f%%，预计 %s 触顶", w.target, 100*t.perHour, at.Format("15:04 UTC"))).affects(w.target).weigh(0.9).
		metric(about, s.Points[0].At, "%s grew from %.2f to %.2f in %s (line fit %.2f)", s.Name(), t.from, t.to, spanEN(t.over), t.fit).
		fact(FactPredicted, at.Format(time.RFC3339)).fact(FactUsage, fmt.Sprintf("%.2f", level))
	g.quoteLimit(d, w, s.Labels["container"], corev1.ResourceMemory)
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
	for _, s := range v.seriesOf("container_cpu_limit_ratio", w) {
		if x, ok := v.current(s); ok && s.Labels["pod"] != "" {
			all = append(all, x)
			if x > top {
				top, pod = x, s.Labels["pod"]
			}
		}
	}
	if len(all) < 3 || top < 0.6 {
		return
	}
	if rest := median(all); rest > 0.25 || top < 3*rest {
		return
	}
	d, _ := g.on(incident.ReplicaLoadImbalance, w.target)
	d.say(fmt.Sprintf("one of %d replicas of %s carries most of the load", len(all), w.target), fmt.Sprintf("%s 的 %d 个副本负载不均", w.target, len(all))).weigh(0.8).
		metric(incident.Target{Kind: "Pod", Namespace: w.target.Namespace, Name: pod}, v.At, "container_cpu_limit_ratio %.2f, median of the replicas %.2f", top, median(all)).
		affects(incident.Target{Kind: "Pod", Namespace: w.target.Namespace, Name: pod})
}

// latencies are the latency metrics, the steadiest first.
var latencies = []string{"request_latency_p50_seconds", "request_latency_p90_seconds", "request_latency_p95_seconds", "request_latency_p99_seconds"}

// slow is a lasting rise of the latency of a workload to twice what it was, and by 20 ms at least.
func (v *view) slow(w *workload) (jump, string, bool) {
	var best jump
	metric := ""
	for _, m := range latencies {
		for _, s := range v.seriesOf(m, w) {
			if j, ok := v.step(s); ok && j.after > j.before && j.ratio(0.001) >= 2 && j.after-j.before >= 0.02 && (metric == "" || j.ratio(0.001) > best.ratio(0.001)) {
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
			metric(w.target, j.at, "%s stepped from %.3g to %.3g", m, j.before, j.after).since(j.at).affects(w.target)
	}
	if j, ok := v.failing(w); ok {
		d, _ := g.on(incident.RequestErrorsHigh, w.target)
		d.say(fmt.Sprintf("%.1f %% of the requests to %s succeed", 100*j.after, w.target), fmt.Sprintf("%s 请求成功率降至 %.1f%%", w.target, 100*j.after)).
			metric(w.target, j.at, "request_success_ratio fell from %.3f to %.3f", j.before, j.after).since(j.at).affects(w.target)
	}
}

// nodeWatermarks holds a node's CPU, memory and disk against its size.
func (g *gather) nodeWatermarks(n *corev1.Node) {
	v := g.v
	t := nodeTarget(n.Name)
	for _, x := range []struct {
		metric string
		bound  float64
		reason incident.Reason
	}{
		{"node_cpu_usage_ratio", nodeHigh, incident.NodeCpuSaturated},
		{"node_memory_usage_ratio", nodeHigh, incident.NodeMemoryPressure},
		{"node_filesystem_usage_ratio", nodeHigh, incident.NodeDiskPressure},
	} {
		for _, s := range v.idx.SeriesOf(x.metric, t) {
			level, ok := v.current(s)
			if !ok || level < x.bound || s.Labels["pod"] != "" {
				continue
			}
			d, fresh := g.on(x.reason, t)
			if fresh {
				i := incident.Info(x.reason)
				d.say(fmt.Sprintf("%s: %s (%.0f %%)", t, i.Title.EN, 100*level), fmt.Sprintf("%s：%s（%.0f%%）", t, i.Title.ZH, 100*level)).fact(FactNode, n.Name).fact(FactUsage, fmt.Sprintf("%.2f", level))
			}
			d.metric(t, v.At, "%s %.2f (mean of the last three samples)", x.metric, level).since(heldSince(s, x.bound))
			if x.reason == incident.NodeCpuSaturated {
				g.nodeEater(d, n)
			}
		}
	}
}

// nodeEater names the workload that uses most of a node's CPU, if one does: then the node is its victim.
func (g *gather) nodeEater(d *draft, n *corev1.Node) {
	v := g.v
	size := n.Status.Capacity.Cpu().AsApproximateFloat64()
	used := map[*workload]float64{}
	for _, p := range v.idx.PodsOn(n.Name) {
		for _, s := range v.idx.SeriesOf("container_cpu_usage_cores", podTarget(p)) {
			if x, ok := v.current(s); ok {
				used[v.owner[p]] += x
			}
		}
	}
	for _, w := range v.workloads {
		if size <= 0 || used[w] < 0.4*size {
			continue
		}
		d.against("%s alone uses %.1f of its %.0f cores", w.target, used[w], size)
		c, _ := g.on(incident.ContainerCpuSaturated, w.target)
		c.say(fmt.Sprintf("%s uses %.1f of the %.0f cores of %s", w.target, used[w], size, n.Name), fmt.Sprintf("%s 占用节点 %s 的 %.1f/%.0f 核", w.target, n.Name, used[w], size)).
			metric(w.target, v.At, "container_cpu_usage_cores %.1f on %s", used[w], n.Name).affects(w.target, nodeTarget(n.Name))
		g.quoteLimit(c, w, "", corev1.ResourceCPU)
	}
}
