package diagnose

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// lifecycle looks at how a pod is being ended: evicted, preempted, refused by the kubelet, or stuck on its way out.
func (g *gather) lifecycle(w *workload, p *corev1.Pod) {
	if p.DeletionTimestamp != nil {
		g.terminating(w, p)
		return
	}
	if p.Status.Phase == corev1.PodFailed {
		g.failed(w, p)
	}
	if c := condition(p, corev1.DisruptionTarget); c != nil && c.Reason == "PreemptionByScheduler" && g.v.recent(c.LastTransitionTime.Time, time.Hour) {
		g.preempted(w, p, "conditions[DisruptionTarget]: PreemptionByScheduler "+quote(c.Message))
	}
}

// evictedFor tells the pressure by the kubelet's words.
var evictedFor = []struct {
	word   string
	reason incident.Reason
}{
	{"exceeds the total limit", incident.EvictedEphemeralLimit},
	{"usage exceeds", incident.EvictedEphemeralLimit},
	{"exceeded its local ephemeral storage", incident.EvictedEphemeralLimit},
	{"inodes", incident.EvictedInodePressure},
	{"pids", incident.EvictedPidPressure},
	{"ephemeral-storage", incident.EvictedDiskPressure},
	{"DiskPressure", incident.EvictedDiskPressure},
	{"memory", incident.EvictedMemoryPressure},
	{"MemoryPressure", incident.EvictedMemoryPressure},
	{"PIDPressure", incident.EvictedPidPressure},
}

// admissionRefusals are the reasons a kubelet gives for not taking a pod that was bound to it.
var admissionRefusals = map[string]incident.Reason{
	"UnexpectedAdmissionError": incident.UnexpectedAdmissionError, "NodeAffinity": incident.NodeAffinityPredicateFailed,
	"OutOfcpu": incident.OutOfNodeResourceAdmission, "OutOfmemory": incident.OutOfNodeResourceAdmission, "OutOfpods": incident.OutOfNodeResourceAdmission,
	"OutOfephemeral-storage": incident.OutOfNodeResourceAdmission,
}

// evictionsCount is how long a record of an eviction speaks of the present.
const evictionsCount = 2 * time.Hour

func (g *gather) failed(w *workload, p *corev1.Pod) {
	end := g.v.endOf(p)
	if r, ok := admissionRefusals[p.Status.Reason]; ok {
		if !end.IsZero() && !g.v.recent(end, evictionsCount) {
			return
		}
		d, fresh := g.on(r, w.target)
		if fresh {
			i := incident.Info(r)
			d.say(fmt.Sprintf("%s: %s", w.target, i.Title.EN), fmt.Sprintf("%s：%s", w.target, i.Title.ZH)).fact(FactNode, p.Spec.NodeName)
		}
		d.affectsPods(p).since(end)
		if !d.wordy() {
			d.object(podTarget(p), "status.reason %s: %s", p.Status.Reason, quote(p.Status.Message))
		}
		return
	}
	if p.Status.Reason != "Evicted" || !end.IsZero() && !g.v.recent(end, evictionsCount) || end.IsZero() && g.v.age(p.CreationTimestamp.Time) > 24*time.Hour {
		return
	}
	for _, x := range evictedFor {
		if !strings.Contains(p.Status.Message, x.word) {
			continue
		}
		about := w.target
		if incident.Info(x.reason).Kind == "Node" && p.Spec.NodeName != "" {
			about = nodeTarget(p.Spec.NodeName)
		}
		d, fresh := g.on(x.reason, about)
		if fresh {
			i := incident.Info(x.reason)
			d.say(fmt.Sprintf("%s: %s", about, i.Title.EN), fmt.Sprintf("%s：%s", about, i.Title.ZH)).fact(FactNode, p.Spec.NodeName)
		}
		d.affectsPods(p).since(end)
		if !d.wordy() {
			d.object(podTarget(p), "status.reason Evicted: %s", quote(p.Status.Message)).event(g.v.lastEvent(podTarget(p), g.v.ago(evictionsCount), "Evicted"))
		}
		break
	}
	g.evictionLoop(w)
}

// evictionLoop is a workload whose pods are evicted again and again: the new ones land where the old ones failed.
func (g *gather) evictionLoop(w *workload) {
	n := 0
	for _, p := range w.pods {
		if p.Status.Reason == "Evicted" && g.v.recent(g.v.endOf(p), evictionsCount) {
			n++
		}
	}
	if n < 5 {
		return
	}
	d, fresh := g.on(incident.EvictionLoop, w.target)
	if fresh {
		d.say(fmt.Sprintf("%d pods of %s were evicted within two hours", n, w.target), fmt.Sprintf("%s 两小时内有 %d 个 Pod 被驱逐", w.target, n)).weigh(0.8).
			object(w.target, "%d pods with status.reason Evicted", n)
	}
}

// endOf is when a finished pod ended, as far as its status tells.
func (v *view) endOf(p *corev1.Pod) time.Time {
	var t time.Time
	for _, s := range p.Status.ContainerStatuses {
		if x := s.State.Terminated; x != nil && x.FinishedAt.After(t) {
			t = x.FinishedAt.Time
		}
	}
	if !t.IsZero() {
		return t
	}
	if c := condition(p, corev1.DisruptionTarget); c != nil {
		return c.LastTransitionTime.Time
	}
	if at := v.firstOf(podTarget(p), "Evicted"); !at.IsZero() {
		return at
	}
	if p.Status.StartTime != nil {
		return p.Status.StartTime.Time
	}
	return p.CreationTimestamp.Time
}

func (g *gather) preempted(w *workload, p *corev1.Pod, statement string) {
	d, fresh := g.on(incident.PreemptedByHigherPriority, w.target)
	if fresh {
		d.say(fmt.Sprintf("pods of %s were preempted by a higher priority", w.target), fmt.Sprintf("%s 的 Pod 被高优先级负载抢占", w.target))
	}
	d.affectsPods(p).object(podTarget(p), "%s", statement).event(g.v.lastEvent(podTarget(p), g.v.ago(time.Hour), "Preempted"))
}

// terminating says why a pod that should be gone is still there.
func (g *gather) terminating(w *workload, p *corev1.Pod) {
	over := g.v.age(p.DeletionTimestamp.Time) // deletionTimestamp already includes the grace period
	if over < 2*time.Minute {
		return
	}
	n := g.v.idx.Node(p.Spec.NodeName)
	r, about := incident.PodStuckTerminatingSigterm, podTarget(p)
	var why string
	switch {
	case n != nil && nodeReady(n) != corev1.ConditionTrue, p.Spec.NodeName != "" && n == nil && len(g.v.Objects.Nodes) > 0:
		r, about, why = incident.PodStuckTerminatingNodeLost, nodeTarget(p.Spec.NodeName), "its node is not ready or gone"
	case len(p.Finalizers) > 0:
		r, why = incident.PodStuckTerminatingFinalizer, "finalizers: "+quote(strings.Join(p.Finalizers, ", "))
	default:
		why = "no finalizers, the node is ready"
	}
	d, fresh := g.on(r, about)
	if fresh {
		i := incident.Info(r)
		d.say(fmt.Sprintf("%s: %s", about, i.Title.EN), fmt.Sprintf("%s：%s", about, i.Title.ZH)).weigh(0.8)
	}
	d.affectsPods(p).affects(w.target).since(p.DeletionTimestamp.Time)
	if !d.wordy() {
		d.object(podTarget(p), "metadata.deletionTimestamp %s, %s ago; %s", p.DeletionTimestamp.UTC().Format(time.RFC3339), spanEN(over), why).
			event(g.v.lastEvent(podTarget(p), g.v.ago(time.Hour), "FailedKillPod", "FailedDelete", "FailedPreStopHook"))
	}
}
