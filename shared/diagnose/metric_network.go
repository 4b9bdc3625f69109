package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// A slow network shows as latency that rises while CPU, throttling and memory do not. Retransmits or a fall of throughput confirm
// it. Among slow workloads that call each other, the one that waits for no other slow one is where it began.

// netSign is what speaks for a slow network at one object.
type netSign struct {
	text string
	at   time.Time
}

// networks finds workloads and nodes with a degraded network.
func (g *gather) networks() {
	v := g.v
	suspects := map[*workload][]netSign{}
	for _, w := range v.workloads {
		if w.isJob() || system(w.target.Namespace) {
			continue
		}
		if signs := v.networkSigns(w); len(signs) > 0 {
			suspects[w] = signs
		}
	}
	v.unheard(suspects)
	nodes := g.slowNodes(suspects)
	slow := map[*workload]bool{}
	for _, w := range v.workloads {
		slow[w] = v.degraded(w)
	}
	byNode := map[string]int{}
	var first []*workload
	for _, w := range v.workloads {
		if len(suspects[w]) == 0 && (!slow[w] || v.waitsForSlow(w, slow) || !v.calm(w) || g.unsure(w)) {
			continue
		}
		if _, _, late := v.slow(w); len(suspects[w]) == 0 && (!late || v.releasedLately(w)) || v.hot(w) || g.has(w.target, own...) {
			continue // without a sign of the network itself, only latency points at it, and a release points elsewhere
		}
		first = append(first, w)
		for n := range v.nodesOf(w) {
			byNode[n]++
		}
	}
	for _, n := range sortedKeys(byNode) {
		c := byNode[n]
		if c >= 3 && c == len(first) && len(v.Objects.Nodes) > 2 && !nodes[n] && v.shareOnNode(n) < 0.7 {
			g.slowNode(n, netSign{fmt.Sprintf("all %d workloads that became slow have pods here", c), v.degradedSince(first[0])}, 0.75)
			nodes[n] = true
		}
	}
	for _, w := range v.likeliest(first) {
		g.slowNetwork(w, suspects[w])
	}
}

// own are what a workload can suffer from by itself: then its latency and traffic tell nothing of the network.
var own = []incident.Reason{
	incident.ContainerCpuSaturated, incident.ContainerMemoryHigh, incident.ContainerMemoryLeak, incident.ContainerDiskBusy, incident.ContainerFilesystemFull,
	incident.SocketsExhausted, incident.GarbageCollectionPauses, incident.ReplicaLoadImbalance, incident.AppExitError, incident.ApplicationErrors,
}

// likeliest keeps, where nobody knows who calls whom, those that suffer about as much as the one that suffers most: callers wait as well.
func (v *view) likeliest(all []*workload) []*workload {
	hurt := func(w *workload) float64 {
		left, _ := v.traffic(w)
		x := 1 - left
		if most := v.slowest(); most > 0 {
			x += v.slowness(w) / most
		}
		if j, ok := v.failing(w); ok && v.worst() > 0 {
			x += (j.before - j.after) / v.worst()
		}
		return x
	}
	most := 0.0
	for _, w := range all {
		most = max(most, hurt(w))
	}
	var out []*workload
	for _, w := range all {
		if v.charted(w.target.Namespace) || hurt(w) >= 0.8*most {
			out = append(out, w)
		}
	}
	return out
}

// charted says whether anything tells who calls whom in a namespace. Where nothing does, any workload may call any other.
func (v *view) charted(namespace string) bool {
	out := v.apps().out()
	for _, w := range v.inSpace[namespace] {
		if len(out[w]) > 0 {
			return true
		}
	}
	return false
}

// unsure says whether the slowness of a workload without a sign of its own may as well come from another: nobody knows who calls whom,
// and another is slower still, or another has a fault of its own.
func (g *gather) unsure(w *workload) bool {
	v := g.v
	if v.charted(w.target.Namespace) {
		return false
	}
	if v.slowness(w) < v.slowest() {
		return true
	}
	at := v.degradedSince(w)
	for _, d := range g.list {
		if !symptom(d.f.Reason) && !hints(d.f.Reason) && !d.f.Since.IsZero() && !d.f.Since.After(at.Add(late)) && !d.f.Since.Before(at.Add(-late)) {
			return true
		}
	}
	return false
}

// traffic is what became of the bytes and requests that reach a workload: the share that is left since when, 1 when they did not fall.
func (v *view) traffic(w *workload) (left float64, sign netSign) {
	left = 1
	var before, after float64
	for _, m := range []string{"network_receive_bytes_per_second", "network_transmit_bytes_per_second"} {
		for _, s := range v.seriesOf(m, w) {
			j, ok := v.step(s)
			if !ok || j.before <= 0 || j.after >= j.before {
				continue
			}
			before, after = before+j.before, after+j.after
			if sign.at.IsZero() || j.after/j.before < left {
				left = min(left, j.after/j.before)
				sign = netSign{fmt.Sprintf("%s fell from %.3g to %.3g", m, j.before, j.after), j.at}
			}
		}
	}
	if before > 0 {
		left = after / before
	}
	return left, sign
}

// fell is how many workloads have less than a share of their traffic left.
func (v *view) fell(share float64) int {
	n := 0
	for _, w := range v.workloads {
		if left, _ := v.traffic(w); left < min(share, 0.85) {
			n++
		}
	}
	return n
}

// unheard adds the workload whose traffic fell the most, by half at least, while others began to fail or wait: what nobody reaches is not
// slow itself. What it calls receives less as well, but keeps more of it.
func (v *view) unheard(suspects map[*workload][]netSign) {
	least, sign, who := 0.75, netSign{}, (*workload)(nil)
	for _, w := range v.workloads {
		if w.isJob() || system(w.target.Namespace) || len(unreadyOf(w)) > 0 {
			continue
		}
		if left, s := v.traffic(w); left < least {
			least, sign, who = left, s, w
		}
	}
	if v.fell(least+0.15) > 1 {
		return // what several lose alike is not lost at one of them
	}
	if who == nil || len(suspects[who]) > 0 || v.hot(who) {
		return
	}
	if known := slices.ContainsFunc(v.workloads, v.answers); !known && least < 0.65 {
		suspects[who] = append(suspects[who], sign)
		return
	}
	for _, w := range v.workloads {
		if at := v.degradedSince(w); w != who && !at.IsZero() && at.Before(sign.at.Add(late)) && at.After(sign.at.Add(-late)) {
			suspects[who] = append(suspects[who], sign)
			return
		}
	}
}

// shareOnNode is the share of all workloads that have a pod on a node: when nearly all do, that says nothing.
func (v *view) shareOnNode(n string) float64 {
	have, all := 0, 0
	for _, w := range v.workloads {
		if system(w.target.Namespace) || len(w.live()) == 0 {
			continue
		}
		all++
		if v.nodesOf(w)[n] {
			have++
		}
	}
	if all == 0 {
		return 1
	}
	return float64(have) / float64(all)
}

func (v *view) nodesOf(w *workload) map[string]bool {
	out := map[string]bool{}
	for _, p := range w.live() {
		if p.Spec.NodeName != "" {
			out[p.Spec.NodeName] = true
		}
	}
	return out
}

// waitsForSlow says whether a workload calls another slow one: then its own slowness is explained.
func (v *view) waitsForSlow(w *workload, slow map[*workload]bool) bool {
	for k := range v.apps().callees[w] {
		for _, b := range v.apps().behind[k] {
			if b != w && slow[b] {
				return true
			}
		}
	}
	return false
}

// calm says whether the CPU and memory of a workload are known and at rest: without them, slowness may be anything.
func (v *view) calm(w *workload) bool {
	known := false
	for _, m := range []string{"container_cpu_limit_ratio", "container_cpu_usage_cores"} {
		for range v.seriesOf(m, w) {
			known = true
		}
	}
	_, throttled := v.throttled(w)
	_, hog := v.hog(w)
	_, memory, ok := v.highest("container_memory_limit_ratio", w)
	return known && !throttled && !hog && (!ok || memory < memoryHigh) && len(unreadyOf(w)) == 0
}

// networkSigns are the curves of a workload that speak of the network itself.
func (v *view) networkSigns(w *workload) []netSign {
	var out []netSign
	for _, m := range v.idx.Metrics() {
		low := strings.ToLower(m)
		lossy := strings.Contains(low, "retrans") || strings.Contains(low, "packet_loss") || strings.Contains(low, "packets_dropped") || strings.Contains(low, "drop") && strings.Contains(low, "network")
		rtt := strings.Contains(low, "rtt") || strings.Contains(low, "ping")
		if !lossy && !rtt || strings.HasPrefix(low, "node_") {
			continue
		}
		for _, s := range v.seriesOf(m, w) {
			if j, ok := v.step(perSecond(s)); ok && j.after > j.before && j.ratio(0.001) >= 3 {
				out = append(out, netSign{fmt.Sprintf("%s stepped from %.3g to %.3g", m, j.before, j.after), j.at})
			}
		}
	}
	if !v.degraded(w) {
		return out
	}
	if left, sign := v.traffic(w); left < 0.5 || left < 0.9 && v.calm(w) && v.slowness(w) >= 2 {
		out = append(out, sign)
	}
	return out
}

func (g *gather) slowNetwork(w *workload, signs []netSign) {
	v := g.v
	j, metric, slow := v.slow(w)
	f, failing := v.failing(w)
	strength := 0.75
	if len(signs) > 0 && (slow || failing) {
		strength = 1
	}
	if v.says(w, signTimeout) {
		strength = min(1, strength+0.1)
	}
	d, _ := g.on(incident.PodNetworkDegraded, w.target)
	d.weigh(strength).affects(w.target).affectsPods(w.live()...)
	d.say(fmt.Sprintf("the network of %s delays or loses packets: slow while its CPU and memory are at rest", w.target), fmt.Sprintf("%s 网络时延或丢包：请求变慢而 CPU、内存正常", w.target))
	if slow {
		d.metric(w.target, j.at, "%s stepped from %.3g to %.3g", metric, j.before, j.after).since(j.at)
	}
	if failing {
		d.metric(w.target, f.at, "request_success_ratio fell from %.3f to %.3f", f.before, f.after).since(f.at)
	}
	for _, s := range signs {
		d.metric(w.target, s.at, "%s", s.text).since(s.at)
	}
	if level, ok := v.levelText(w); ok {
		d.metric(w.target, v.At, "%s", level)
	}
	for i, s := range v.signsOf(w, signTimeout) {
		if i < 2 {
			d.line(s.pod, s.container, s.line)
		}
	}
	if v.allReady(w) {
		d.object(w.target, "all %d pods ready, no restarts lately", w.readyCount())
	}
}

func (v *view) allReady(w *workload) bool { return w.readyCount() > 0 && len(unreadyOf(w)) == 0 }

func (v *view) levelText(w *workload) (string, bool) {
	for _, m := range []string{"container_cpu_limit_ratio", "container_cpu_usage_cores"} {
		if _, x, ok := v.highest(m, w); ok {
			return fmt.Sprintf("%s %.2f: at rest", m, x), true
		}
	}
	return "", false
}

// slowNodes finds nodes whose own curves show loss.
func (g *gather) slowNodes(suspects map[*workload][]netSign) map[string]bool {
	v := g.v
	out := map[string]bool{}
	signs := map[string][]netSign{}
	all := v.idx.NodesSeen()
	for _, n := range all {
		for _, m := range v.idx.Metrics() {
			low := strings.ToLower(m)
			if !strings.HasPrefix(low, "node_") || !strings.Contains(low, "retrans") && !strings.Contains(low, "drop") && !strings.Contains(low, "_errs") && !strings.Contains(low, "packet_loss") && !strings.Contains(low, "rtt") {
				continue
			}
			for _, s := range v.idx.SeriesOf(m, nodeTarget(n)) {
				if j, ok := v.step(perSecond(s)); ok && j.after > j.before && j.ratio(lossFloor(m)) >= 3 && s.Labels["pod"] == "" {
					signs[n] = append(signs[n], netSign{fmt.Sprintf("%s stepped from %.3g to %.3g", m, j.before, j.after), j.at})
				}
			}
		}
	}
	for _, n := range sortedKeys(signs) {
		if 2*len(signs) > len(all)+1 && len(all) > 2 {
			break // everywhere at once is not one node
		}
		if w := v.onlySuspect(n, suspects); w != nil {
			suspects[w] = append(suspects[w], signs[n]...)
			continue
		}
		for _, s := range signs[n] {
			g.slowNode(n, s, 1)
		}
		out[n] = true
	}
	return out
}

// onlySuspect is the one workload with signs of its own, when others on the node, or of the cluster where nobody knows what runs where,
// have none: then the node shows what one pod on it suffers.
func (v *view) onlySuspect(n string, suspects map[*workload][]netSign) *workload {
	var hit *workload
	here, hits := 0, 0
	for _, w := range v.workloads {
		if on := v.nodesOf(w); len(w.live()) > 0 && !on[n] || system(w.target.Namespace) {
			continue
		}
		here++
		if left, _ := v.traffic(w); len(suspects[w]) > 0 || left < 0.75 {
			hits++
			hit = w
		}
	}
	if hits != 1 || here < 3 || len(suspects[hit]) == 0 {
		return nil
	}
	return hit
}

// lossFloor is what counts as nothing: a share of lost packets of one in a hundred, or one segment in two seconds.
func lossFloor(metric string) float64 {
	if strings.Contains(metric, "loss") || strings.Contains(metric, "ratio") || strings.Contains(metric, "rtt") {
		return 0.01
	}
	return 0.5
}

func (g *gather) slowNode(n string, s netSign, strength float64) {
	v := g.v
	t := nodeTarget(n)
	d, fresh := g.on(incident.NodeNetworkDegraded, t)
	if fresh {
		d.weigh(strength).say(fmt.Sprintf("the network of %s loses or delays packets", t), fmt.Sprintf("%s 网络丢包或时延升高", t)).fact(FactNode, n)
		for _, w := range v.workloads {
			if v.nodesOf(w)[n] && v.degraded(w) {
				for _, p := range w.live() {
					if p.Spec.NodeName == n {
						d.affectsPods(p)
					}
				}
			}
		}
		if node := v.idx.Node(n); node != nil && nodeReady(node) == corev1.ConditionTrue {
			d.object(t, "conditions[Ready]: True; the trouble is between nodes")
		}
	}
	d.metric(t, s.at, "%s", s.text).since(s.at)
}

// releasedLately says whether a release came shortly before a workload became slow.
func (v *view) releasedLately(w *workload) bool {
	now, since := w.currentSet(), v.degradedSince(w)
	if now == nil || w.formerSet() == nil || since.IsZero() {
		return false
	}
	at := v.releasedAt(w, now)
	return at.Before(since.Add(late)) && at.After(since.Add(-time.Hour))
}
