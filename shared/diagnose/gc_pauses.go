package diagnose

import (
	"fmt"

	"cce-oncall/shared/incident"
)

// collections is a runtime that says that it stops to collect garbage, again and again, while somebody waits for it.
func (g *gather) collections(w *workload) {
	v := g.v
	n := 0
	hits := v.signsOf(w, signCollecting)
	for _, s := range hits {
		n += s.count
	}
	if n < 3 || n < 10 && !v.suffering([]*workload{w}) && !v.asked(w.target) && !v.says(w, signMemory) {
		return
	}
	d, _ := g.on(incident.GarbageCollectionPauses, w.target)
	d.say(fmt.Sprintf("%s stops to collect garbage again and again", w.target), fmt.Sprintf("%s 频繁 Full GC，停顿明显", w.target)).weigh(0.95).affects(w.target).
		number(FactReplicas, int64(max(w.desired, 0)))
	for i, s := range hits {
		if i < 3 {
			d.line(s.pod, s.container, s.line)
		}
	}
	if j, m, ok := v.slow(w); ok {
		d.metric(w.target, j.at, "%s stepped from %.3g to %.3g", m, j.before, j.after).since(j.at)
	}
	if _, x, ok := v.highest("container_memory_limit_ratio", w); ok {
		d.metric(w.target, v.At, "container_memory_limit_ratio %.2f", x)
	}
}
