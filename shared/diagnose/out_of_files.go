package diagnose

import (
	"fmt"

	"cce-oncall/shared/incident"
)

// outOfFiles is a workload that says it has no file handle or local port left: what it holds open and does not close has piled up.
func (g *gather) outOfFiles(w *workload) {
	for _, s := range g.v.signsOf(w, signFiles) {
		if s.count < fewBugs && !g.v.suffering([]*workload{w}) {
			continue
		}
		d, fresh := g.on(incident.SocketsExhausted, w.target)
		if fresh {
			d.say(fmt.Sprintf("%s has no file handle or local port left", w.target), fmt.Sprintf("%s 的文件句柄或本地端口已耗尽", w.target)).weigh(0.9).affects(w.target).affectsPods(unreadyOf(w)...).
				number(FactReplicas, int64(max(w.desired, 0)))
		}
		if !d.wordy() {
			d.line(s.pod, s.container, s.line)
		}
	}
}
