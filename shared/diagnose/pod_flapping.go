package diagnose

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// flappingReadiness is a workload whose pods go in and out of their Services: the probe fails again and again, and passes between.
func (g *gather) flappingReadiness(w *workload) {
	v := g.v
	if w.isJob() || system(w.target.Namespace) {
		return
	}
	var flips int
	var said *corev1.Event
	for _, p := range w.live() {
		e := v.lastEvent(podTarget(p), v.ago(15*time.Minute), "Unhealthy")
		c := condition(p, corev1.PodReady)
		if e == nil || c == nil || !strings.HasPrefix(e.Message, "Readiness probe") || observe.Times(e) < 10 || v.age(p.CreationTimestamp.Time) < time.Hour {
			continue
		}
		if podReady(p) && v.recent(c.LastTransitionTime.Time, 10*time.Minute) {
			flips++
			said = e
		}
	}
	if flips == 0 {
		return
	}
	hot := ""
	for _, n := range sortedKeys(v.nodesOf(w)) {
		for _, s := range v.idx.SeriesOf("node_cpu_usage_ratio", nodeTarget(n)) {
			if x, ok := v.current(s); ok && x >= nodeHigh {
				hot = n
			}
		}
	}
	r := incident.ReadinessFlapping
	if hot != "" && tooSlow.MatchString(said.Message) {
		r = incident.ProbeFlaky
	}
	d, _ := g.on(r, w.target)
	d.say(fmt.Sprintf("%d pods of %s go in and out of ready", flips, w.target), fmt.Sprintf("%s 有 %d 个 Pod 就绪状态抖动", w.target, flips)).weigh(0.8).event(said).affects(w.target).
		object(w.target, "%d pods are ready again since less than ten minutes", flips)
	if hot != "" {
		d.metric(nodeTarget(hot), v.At, "node_cpu_usage_ratio is above %.2f", nodeHigh)
	}
}
