package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// schedulePods says why pods of a workload find no node.
func (g *gather) schedulePods(w *workload) {
	var waiting []*corev1.Pod
	for _, p := range w.live() {
		// A scheduler needs a moment; a pod that an alarm names has had it.
		if p.Spec.NodeName == "" && p.Status.Phase != corev1.PodRunning && (g.v.age(p.CreationTimestamp.Time) >= 30*time.Second || g.v.asked(podTarget(p))) {
			waiting = append(waiting, p)
		}
	}
	if len(waiting) == 0 {
		return
	}
	p := waiting[0]
	e := g.v.lastEvent(podTarget(p), g.v.ago(2*time.Hour), "FailedScheduling")
	c := condition(p, corev1.PodScheduled)
	switch {
	case c != nil && c.Reason == corev1.PodReasonSchedulingGated || len(p.Spec.SchedulingGates) > 0:
		d, _ := g.on(incident.SchedulingGated, w.target)
		d.say(fmt.Sprintf("pods of %s are held by a scheduling gate", w.target), fmt.Sprintf("%s 的 Pod 被调度门控阻止", w.target)).affectsPods(waiting...).
			object(podTarget(p), "spec.schedulingGates: %s", gateNames(p)).since(p.CreationTimestamp.Time)
	case e != nil || c != nil && c.Status == corev1.ConditionFalse:
		message := ""
		if c != nil && c.Status == corev1.ConditionFalse {
			message = c.Message
		}
		if message == "" && e != nil {
			message = e.Message
		}
		g.unschedulable(w, waiting, message, c, e)
	default:
		g.unseen(w, waiting)
	}
}

func gateNames(p *corev1.Pod) string {
	var out []string
	for _, x := range p.Spec.SchedulingGates {
		out = append(out, x.Name)
	}
	return strings.Join(out, ", ")
}

// unseen are pods that no scheduler has said a word about.
func (g *gather) unseen(w *workload, waiting []*corev1.Pod) {
	p := waiting[0]
	if g.v.age(p.CreationTimestamp.Time) < time.Minute {
		return
	}
	if s := p.Spec.SchedulerName; s != "" && s != corev1.DefaultSchedulerName && !g.v.schedulerRuns(s) {
		d, _ := g.on(incident.SchedulerUnknown, w.target)
		d.say(fmt.Sprintf("pods of %s wait for scheduler %s, which does not run here", w.target, quoteTo(s, 60)), fmt.Sprintf("%s 的 Pod 等待不存在的调度器 %s", w.target, quoteTo(s, 60))).
			object(podTarget(p), "spec.schedulerName: %s; no pod of that name runs, no scheduling event", s).affectsPods(waiting...).since(p.CreationTimestamp.Time)
		return
	}
	t, state := g.v.scheduler()
	d, fresh := g.on(incident.SchedulerDown, t)
	if fresh {
		d.say("the scheduler does not schedule: pods stay pending and nothing is said about them", "调度器未工作：Pod 一直 Pending 且没有任何调度事件")
		if state != "" {
			d.object(t, "%s", state)
		} else {
			d.weigh(0.9)
		}
	}
	d.affectsPods(waiting...).since(p.CreationTimestamp.Time)
	if !d.wordy() {
		d.object(podTarget(p), "status.phase Pending for %s, no nodeName, no PodScheduled condition, no scheduling event", spanEN(g.v.age(p.CreationTimestamp.Time)))
	}
}

func (v *view) schedulerRuns(n string) bool {
	for _, w := range v.workloads {
		if strings.Contains(w.target.Name, n) && w.readyCount() > 0 {
			return true
		}
	}
	return false
}

// scheduler is the object of the scheduler as far as it can be seen, and what is wrong with it. On a managed control plane it is the
// cluster. A static pod that is gone is known by its siblings, which carry the name of its node.
func (v *view) scheduler() (incident.Target, string) {
	sibling := ""
	for _, p := range v.Objects.Pods {
		if p.Namespace != "kube-system" {
			continue
		}
		if strings.HasPrefix(p.Name, "kube-scheduler") {
			w := v.owner[p]
			if podReady(p) {
				return w.target, ""
			}
			return w.target, fmt.Sprintf("pod %s: phase %s, not ready", p.Name, p.Status.Phase)
		}
		if rest, ok := strings.CutPrefix(p.Name, "kube-apiserver-"); ok {
			sibling = rest
		}
	}
	for _, l := range v.workloads {
		if l.target.Namespace == "kube-system" && strings.HasPrefix(l.target.Name, "kube-scheduler") {
			return l.target, "no pod of it runs"
		}
	}
	if sibling != "" {
		return incident.Target{Kind: "Pod", Namespace: "kube-system", Name: "kube-scheduler-" + sibling}, "no such pod, although kube-apiserver-" + sibling + " runs"
	}
	return v.clusterTarget(), ""
}

// unschedulable decides which of several obstacles is the one to remove.
func (g *gather) unschedulable(w *workload, waiting []*corev1.Pod, message string, c *corev1.PodCondition, e *corev1.Event) {
	p := waiting[0]
	obstacles := obstaclesIn(message)
	r, nodes, strength := g.v.decide(p, obstacles)
	if r == "" {
		return
	}
	if e == nil && strength > 0.9 {
		strength = 0.95
	}
	targets := []incident.Target{w.target}
	switch r {
	case incident.NodeCordoned, incident.UntoleratedTaint, incident.CSIDriverMissingOnNode, incident.MaxVolumeCountReached:
		if len(nodes) > 0 {
			targets = nil
			for i, n := range nodes {
				if i < 5 {
					targets = append(targets, nodeTarget(n.Name))
				}
			}
		}
	case incident.UnboundImmediatePVC, incident.VolumeNodeAffinityConflict, incident.ClaimMissing:
		if claim := g.v.suspectClaim(p, message, r); claim != "" {
			targets = []incident.Target{claimTarget(p.Namespace, claim)}
		}
	case incident.AllNodesBlocked, incident.NoNodesAvailable:
		if r == incident.AllNodesBlocked {
			targets = []incident.Target{g.v.clusterTarget()}
		}
	}
	for _, t := range targets {
		g.sayUnscheduled(t, r, strength, w, waiting, message, c, e, nodes)
	}
	if d := g.v.lastEvent(podTarget(p), g.v.ago(2*time.Hour), "Preempted"); d != nil {
		g.preempted(w, p, "pods were preempted and their successors find no node")
	}
}

func (g *gather) sayUnscheduled(t incident.Target, r incident.Reason, strength float64, w *workload, waiting []*corev1.Pod, message string, c *corev1.PodCondition, e *corev1.Event, nodes []*corev1.Node) {
	p := waiting[0]
	d, fresh := g.on(r, t)
	if fresh {
		i := incident.Info(r)
		pods := "1 pod"
		if n := len(waiting); n > 1 {
			pods = fmt.Sprintf("%d pods", n)
		}
		d.weigh(strength).say(fmt.Sprintf("%s of %s pending: %s", pods, w.target, i.Title.EN),
			fmt.Sprintf("%s 有 %d 个 Pod Pending：%s", w.target, len(waiting), i.Title.ZH))
		g.schedulingFacts(d, t, r, p)
	}
	d.affectsPods(waiting...).affects(w.target).since(p.CreationTimestamp.Time).number(FactPendingPods, int64(len(waiting))).number(FactReplicas, int64(max(w.desired, 0)))
	if d.wordy() {
		return
	}
	if c != nil && c.Status == corev1.ConditionFalse {
		d.object(podTarget(p), "conditions[PodScheduled]: %s: %s", c.Reason, quote(message))
	}
	d.event(e)
	if t.Kind == "Node" {
		g.quoteNode(d, t.Name, r)
	}
	_ = nodes
}

func (g *gather) quoteNode(d *draft, n string, r incident.Reason) {
	node := g.v.idx.Node(n)
	if node == nil {
		return
	}
	switch r {
	case incident.NodeCordoned:
		d.object(nodeTarget(n), "spec.unschedulable: true")
	case incident.UntoleratedTaint:
		for _, t := range node.Spec.Taints {
			d.object(nodeTarget(n), "spec.taints: %s", t.ToString())
		}
	}
	for _, t := range node.Spec.Taints {
		if t.TimeAdded != nil && (r == incident.NodeCordoned) == (t.Key == corev1.TaintNodeUnschedulable) {
			d.since(t.TimeAdded.Time)
		}
	}
}

func (g *gather) schedulingFacts(d *draft, t incident.Target, r incident.Reason, p *corev1.Pod) {
	need := requests(p)
	switch r {
	case incident.InsufficientCPU, incident.CPURequestExceedsAnyNode, incident.InsufficientMemory, incident.MemoryRequestExceedsAnyNode:
		cpu, mem := need[corev1.ResourceCPU], need[corev1.ResourceMemory]
		d.fact(FactCPURequest, cpu.String()).fact(FactMemoryRequest, mem.String())
		n := corev1.ResourceCPU
		if r == incident.InsufficientMemory || r == incident.MemoryRequestExceedsAnyNode {
			n = corev1.ResourceMemory
		}
		q := need[n]
		d.fact(FactResource, string(n))
		if most, on := g.v.largest(n); on != "" {
			d.object(podTarget(p), "one pod requests %s %s; the largest node (%s) can allocate %s", q.String(), n, on, most.String())
		}
	case incident.NodeSelectorMismatch:
		d.object(podTarget(p), "spec.nodeSelector: %s; no node carries it", quote(selectorText(p.Spec.NodeSelector)))
	case incident.NodeAffinityMismatch:
		d.object(podTarget(p), "spec.affinity.nodeAffinity (required): %s; no node satisfies it", quote(affinityText(p)))
	case incident.UntoleratedTaint:
		if n := g.v.idx.Node(t.Name); n != nil && len(n.Spec.Taints) > 0 {
			d.fact(FactTaint, n.Spec.Taints[0].ToString())
		}
	}
	if t.Kind == "Node" {
		d.fact(FactNode, t.Name)
	}
	if t.Kind == "PersistentVolumeClaim" {
		d.fact(FactClaim, t.Name)
	}
}

func selectorText(m map[string]string) string {
	var out []string
	for _, k := range sortedKeys(m) {
		out = append(out, k+"="+m[k])
	}
	return strings.Join(out, ",")
}

func affinityText(p *corev1.Pod) string {
	if p.Spec.Affinity == nil || p.Spec.Affinity.NodeAffinity == nil || p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return "none"
	}
	var out []string
	for _, t := range p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, m := range slices.Concat(t.MatchExpressions, t.MatchFields) {
			out = append(out, fmt.Sprintf("%s %s %s", m.Key, m.Operator, strings.Join(m.Values, "|")))
		}
	}
	return strings.Join(out, "; ")
}

// suspectClaim is the claim of a pod that a scheduler message is about: the one it names, the one that is missing, or the unbound one.
func (v *view) suspectClaim(p *corev1.Pod, message string, r incident.Reason) string {
	var mounted []string
	for _, vol := range p.Spec.Volumes {
		if vol.PersistentVolumeClaim != nil {
			mounted = append(mounted, vol.PersistentVolumeClaim.ClaimName)
		}
	}
	slices.Sort(mounted)
	if n := firstQuoted(message); r == incident.ClaimMissing && n != "" {
		return n
	}
	for _, n := range mounted {
		c := v.claim(p.Namespace, n)
		if c == nil && r == incident.ClaimMissing || c != nil && c.Status.Phase != corev1.ClaimBound && r == incident.UnboundImmediatePVC || c != nil && r == incident.VolumeNodeAffinityConflict {
			return n
		}
	}
	return ""
}

func (v *view) claim(namespace, n string) *corev1.PersistentVolumeClaim {
	return v.idx.PVC(namespace, n)
}
