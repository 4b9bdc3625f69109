package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// nodeWatermarks holds a node's CPU, memory and disk against its size.
func (g *gather) nodeWatermarks(n string) {
	v := g.v
	t := nodeTarget(n)
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
				d.say(fmt.Sprintf("%s: %s (%.0f %%)", t, i.Title.EN, 100*level), fmt.Sprintf("%s：%s（%.0f%%）", t, i.Title.ZH, 100*level)).fact(FactNode, n).fact(FactUsage, fmt.Sprintf("%.2f", level))
			}
			d.metric(t, v.At, "%s %.2f (mean of the last three samples)", x.metric, level).since(heldSince(s, x.bound))
			if x.reason == incident.NodeCpuSaturated {
				if node := v.idx.Node(n); node != nil {
					g.nodeEater(d, node)
				}
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

var nodeDiskMetric = regexp.MustCompile(`(?i)(disk|io|fs)_?.*(util|time|wait|await|busy|latency)|iowait`)

// nodeDisk is a disk of a node that became busy or slow: the share of time it works, or what a request waits for.
func (g *gather) nodeDisk(n string) {
	v := g.v
	t := nodeTarget(n)
	for _, m := range v.idx.Metrics() {
		if !strings.HasPrefix(m, "node_") || !nodeDiskMetric.MatchString(m) {
			continue
		}
		for _, s := range v.idx.SeriesOf(m, t) {
			j, ok := v.step(perSecond(s))
			if !ok || s.Labels["pod"] != "" || j.after <= j.before || j.ratio(0.02) < 3 || shareLike(m) && j.after < 0.5 {
				continue
			}
			d, fresh := g.on(incident.DiskSlow, t)
			if fresh {
				d.say(fmt.Sprintf("a disk of %s is far busier than before", t), fmt.Sprintf("%s 磁盘 IO 明显升高", t)).fact(FactNode, n)
			}
			d.metric(t, j.at, "%s stepped from %.3g to %.3g", m, j.before, j.after).since(j.at)
		}
	}
}

// shareLike says whether a metric is a share of time, by its name.
func shareLike(metric string) bool {
	return strings.Contains(metric, "util") || strings.Contains(metric, "ratio") || strings.Contains(metric, "iowait")
}
