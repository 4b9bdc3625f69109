package diagnose

import (
	"fmt"

	"cce-oncall/shared/incident"
)

// unreached finds workloads that are ready and that their callers cannot reach in time: when the callers agree on one, the way to it is
// what is broken. It only says where; a policy, a wrong port, or a saturated CPU says why, and explains it.
func (g *gather) unreached() {
	v := g.v
	type heard struct {
		callers map[*workload]bool
		lines   []sign
		n       int
	}
	at := map[*workload]*heard{}
	for _, s := range v.lines() {
		if s.kind != signTimeout || s.host == "" {
			continue
		}
		ns, svc := v.hostService(s.host, s.w.target.Namespace)
		behind := v.apps().behind[name{ns, svc}]
		if len(behind) != 1 || behind[0] == s.w || !v.allReady(behind[0]) {
			continue
		}
		h := at[behind[0]]
		if h == nil {
			h = &heard{callers: map[*workload]bool{}}
			at[behind[0]] = h
		}
		h.callers[s.w] = true
		h.lines = append(h.lines, s)
		h.n += s.count
	}
	for _, w := range v.workloads {
		h := at[w]
		if h == nil || len(h.callers) < 2 && h.n < 5 || v.waitsOutside(w) {
			continue
		}
		strength := 0.6
		if len(h.callers) > 1 {
			strength = 0.7
		}
		d, fresh := g.on(incident.PodNetworkDegraded, w.target)
		if fresh {
			d.weigh(strength).say(fmt.Sprintf("%s is ready, and its callers cannot reach it in time", w.target), fmt.Sprintf("%s 处于就绪状态，但调用方访问超时", w.target)).affects(w.target).affectsPods(w.live()...)
		}
		d.object(w.target, "all %d pods ready; %d workloads time out on it", w.readyCount(), len(h.callers))
		for i, s := range h.lines {
			if i < 3 {
				d.line(s.pod, s.container, s.line)
			}
		}
		for _, m := range []string{"network_receive_bytes_per_second", "network_transmit_bytes_per_second"} {
			for _, s := range v.seriesOf(m, w) {
				if j, ok := v.step(s); ok && j.before > 0 && j.after < 0.5*j.before {
					d.metric(w.target, j.at, "%s fell from %.3g to %.3g", m, j.before, j.after).since(j.at).weigh(max(d.strength, 0.85))
				}
			}
		}
	}
}

// waitsOutside says whether a workload itself waits for a party outside the cluster, by its name: then its callers wait for that.
func (v *view) waitsOutside(w *workload) bool {
	for _, s := range v.signsOf(w, signTimeout, signRefused, signLimited, signUpstream) {
		if _, svc := v.hostService(s.host, w.target.Namespace); svc == "" && outsideName(s.host) {
			return true
		}
	}
	return false
}
