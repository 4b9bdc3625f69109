package diagnose

import (
	"fmt"
	"strings"

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
		g.usage(w)
		g.userVisible(w)
	}
	for _, n := range v.idx.NodesSeen() {
		g.nodeWatermarks(n)
		g.nodeDisk(n)
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
	case hog && (throttled || v.degraded(w) || !v.answers(w) || usage.ratio(0.05) >= 4 || !v.limited(w, corev1.ResourceCPU)):
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
		if j, ok := v.step(s); ok && j.after > j.before && j.ratio(0.02) >= 2.5 && j.after >= 0.2 && !v.busier(w, j.ratio(0.02)) {
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
