package diagnose

import (
	"fmt"
	"time"

	"cce-oncall/shared/incident"
)

// initLong is how long an init container may run before its pod counts as held up.
const initLong = 5 * time.Minute

// heldByInit is a pod whose init container runs and does not end, so that nothing else starts. It waits for something: its log says for
// what, and what it waits for explains it.
func (g *gather) heldByInit(w *workload) {
	v := g.v
	if w.isJob() {
		return
	}
	for _, p := range w.live() {
		for i := range p.Status.InitContainerStatuses {
			s := &p.Status.InitContainerStatuses[i]
			c := specOf(p.Spec.InitContainers, s.Name)
			if s.State.Running == nil || c != nil && alwaysRestarts(c) || v.age(s.State.Running.StartedAt.Time) < initLong {
				continue
			}
			d, fresh := g.on(incident.InitContainerFailed, w.target)
			if fresh {
				d.say(fmt.Sprintf("init container %s of %s does not end", s.Name, w.target), fmt.Sprintf("%s 的 init 容器 %s 一直未结束", w.target, s.Name)).weigh(0.85).fact(FactContainer, s.Name)
			}
			d.affects(w.target).affectsPods(p).since(s.State.Running.StartedAt.Time).
				object(podTarget(p), "initContainerStatuses[%s].state.running since %s", s.Name, s.State.Running.StartedAt.UTC().Format(time.RFC3339))
			for _, l := range v.logsOf(w) {
				if l.Container == s.Name && len(l.Lines) > 0 && !d.wordy() {
					d.line(podTarget(p), s.Name, l.Lines[len(l.Lines)-1])
				}
			}
		}
	}
}
