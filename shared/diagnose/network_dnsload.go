package diagnose

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// resolverLoad is the cluster's DNS at its CPU limit, or restarting again and again.
func (g *gather) resolverLoad(w *workload) {
	v := g.v
	if s, level, ok := v.highest("container_cpu_limit_ratio", w); ok && level >= cpuHigh {
		d, _ := g.on(incident.CoreDNSOverloaded, w.target)
		d.say(fmt.Sprintf("cluster DNS is at %.0f %% of its CPU limit", 100*level), fmt.Sprintf("CoreDNS CPU 达到 limit 的 %.0f%%", 100*level)).affects(w.target).
			metric(w.target, v.At, "container_cpu_limit_ratio %.2f", level).since(heldSince(s, cpuHigh)).number(FactReplicas, int64(max(w.desired, 0))).fact(FactUsage, fmt.Sprintf("%.2f", level))
		g.quoteLimit(d, w, "", corev1.ResourceCPU)
	}
	for _, p := range w.live() {
		if n := v.restartsLately(p); n >= 3 {
			d, fresh := g.on(incident.CoreDNSRestarting, w.target)
			if fresh {
				d.say("cluster DNS restarts again and again", "CoreDNS 频繁重启").affects(w.target)
			}
			d.affectsPods(p).object(podTarget(p), "restartCount %d, last end within 30 minutes", n)
		}
	}
}
