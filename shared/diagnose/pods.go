package diagnose

import (
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// container is one container of one pod: what was wanted and what became of it.
type container struct {
	pod    *corev1.Pod
	spec   *corev1.Container
	status corev1.ContainerStatus
	init   bool
}

// field is where in the pod the status stands, as a person would look it up.
func (c container) field() string {
	if c.init {
		return "initContainerStatuses[" + c.status.Name + "]"
	}
	return "containerStatuses[" + c.status.Name + "]"
}

func containersOf(p *corev1.Pod) []container {
	var out []container
	for _, s := range p.Status.InitContainerStatuses {
		out = append(out, container{p, specOf(p.Spec.InitContainers, s.Name), s, true})
	}
	for _, s := range p.Status.ContainerStatuses {
		out = append(out, container{p, specOf(p.Spec.Containers, s.Name), s, false})
	}
	return out
}

func specOf(all []corev1.Container, n string) *corev1.Container {
	for i := range all {
		if all[i].Name == n {
			return &all[i]
		}
	}
	return nil
}

// examinePods is the pod-failure-diagnoser.
func examinePods(v *view) []incident.Finding {
	g := v.gather()
	for _, w := range v.workloads {
		if !v.worthLooking(w) {
			continue
		}
		for _, p := range w.pods {
			g.examinePod(w, p)
		}
		g.heap(w)
	}
	return g.done()
}

// worthLooking leaves out jobs that came to a good end, whatever their pods went through.
func (v *view) worthLooking(w *workload) bool {
	j, ok := w.object.(*batchv1.Job)
	if !ok {
		return true
	}
	if jobDone(j) || j.Spec.Suspend != nil && *j.Spec.Suspend {
		return false
	}
	return !v.supersededJob(j)
}

func (g *gather) examinePod(w *workload, p *corev1.Pod) {
	g.lifecycle(w, p)
	if p.DeletionTimestamp != nil || p.Status.Phase == corev1.PodSucceeded {
		return
	}
	if p.Status.Phase == corev1.PodFailed && !w.isJob() {
		return
	}
	before := len(g.list)
	for _, c := range containersOf(p) {
		g.container(w, c)
	}
	g.mounts(w, p)
	g.probes(w, p)
	if len(g.list) == before && !podReady(p) && p.Status.Phase == corev1.PodRunning && !w.isJob() {
		g.notReady(w, p)
	}
}

// container looks at one container's state, from what it waits for to how it ended.
func (g *gather) container(w *workload, c container) {
	if wait := c.status.State.Waiting; wait != nil {
		switch wait.Reason {
		case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed":
			g.image(w, c)
		case "CreateContainerConfigError":
			g.config(w, c, wait.Message, nil)
		case "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError", "StartError":
			g.start(w, c, wait.Reason, wait.Message)
		case "CrashLoopBackOff":
			g.ended(w, c, c.status.LastTerminationState.Terminated)
		}
		return
	}
	if t := c.status.State.Terminated; t != nil {
		if c.init && t.ExitCode == 0 || w.isJob() && t.ExitCode == 0 {
			return
		}
		if !c.init && t.ExitCode == 0 && c.pod.Spec.RestartPolicy != corev1.RestartPolicyAlways && c.pod.Spec.RestartPolicy != "" {
			return
		}
		g.ended(w, c, t)
		return
	}
	if t := c.status.LastTerminationState.Terminated; t != nil && g.v.stillMatters(c, t) {
		g.ended(w, c, t)
	}
}

// stillMatters says whether a container that runs now ended lately in a way that may come again: out of memory within the hour,
// or so often or so lately that it cannot be called over. One that has been ready for a while after few restarts is over.
func (v *view) stillMatters(c container, t *corev1.ContainerStateTerminated) bool {
	end := t.FinishedAt.Time
	if end.IsZero() {
		return c.status.RestartCount >= 3 && !c.status.Ready
	}
	if t.Reason == "OOMKilled" {
		return v.recent(end, time.Hour)
	}
	if !c.status.Ready {
		return v.recent(end, 30*time.Minute)
	}
	running := v.age(end)
	if r := c.status.State.Running; r != nil && !r.StartedAt.IsZero() {
		running = v.age(r.StartedAt.Time)
	}
	return c.status.RestartCount >= 3 && running < 15*time.Minute
}

// mounts looks at a pod that is being created and lacks what it wants to mount from the configuration.
func (g *gather) mounts(w *workload, p *corev1.Pod) {
	if p.Status.Phase != corev1.PodPending || p.Spec.NodeName == "" {
		return
	}
	e := g.v.lastEvent(podTarget(p), g.v.ago(time.Hour), "FailedMount")
	if e == nil {
		if g.v.age(p.CreationTimestamp.Time) > 2*time.Minute && g.v.waitsToBeCreated(p) {
			if r, _, n, _ := g.v.missing(w, ""); n != "" && r != incident.CreateContainerError {
				g.config(w, container{pod: p}, "", nil)
			}
		}
		return
	}
	if missingObject.MatchString(e.Message) || missingKey.MatchString(e.Message) {
		g.config(w, container{pod: p}, e.Message, e)
	}
}

// waitsToBeCreated says whether no container of a pod has been made yet.
func (v *view) waitsToBeCreated(p *corev1.Pod) bool {
	for _, c := range p.Status.ContainerStatuses {
		if c.State.Waiting == nil || c.State.Waiting.Reason != "ContainerCreating" && c.State.Waiting.Reason != "PodInitializing" {
			return false
		}
	}
	return len(p.Status.InitContainerStatuses) == 0
}

// notReady is the symptom of a pod that runs and is not ready, with nothing known of why. A young one may still be starting.
func (g *gather) notReady(w *workload, p *corev1.Pod) {
	c := condition(p, corev1.PodReady)
	if c == nil || c.Status == corev1.ConditionTrue || g.v.age(c.LastTransitionTime.Time) < g.v.grace(p) {
		return
	}
	if n := g.v.idx.Node(p.Spec.NodeName); n != nil && nodeReady(n) != corev1.ConditionTrue {
		return // the node speaks for it
	}
	for _, gate := range p.Spec.ReadinessGates {
		if x := condition(p, gate.ConditionType); x == nil || x.Status != corev1.ConditionTrue {
			if r := condition(p, corev1.ContainersReady); r == nil || r.Status == corev1.ConditionTrue {
				d, fresh := g.on(incident.ReadinessGateUnmet, w.target)
				if fresh {
					d.say(fmt.Sprintf("%s waits for the readiness gate %s", w.target, gate.ConditionType),
						fmt.Sprintf("%s 的就绪门控 %s 未满足", w.target, gate.ConditionType))
				}
				d.object(podTarget(p), "readinessGates: condition %s is not True although all containers are ready", gate.ConditionType).
					affectsPods(p).since(c.LastTransitionTime.Time)
				return
			}
		}
	}
	d, fresh := g.on(incident.PodNotReady, w.target)
	if fresh {
		d.say(fmt.Sprintf("Pods of %s run but are not ready", w.target), fmt.Sprintf("%s 的 Pod 在运行但未就绪", w.target))
	}
	d.affectsPods(p).since(c.LastTransitionTime.Time)
	if !d.wordy() {
		d.object(podTarget(p), "conditions[Ready]: %s %s %s", c.Status, c.Reason, quote(c.Message))
	}
}

// grace is how long a pod may take to become ready before that is worth a word: its probes decide, two minutes at least.
func (v *view) grace(p *corev1.Pod) time.Duration {
	longest := 2 * time.Minute
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		for _, pr := range []*corev1.Probe{c.StartupProbe, c.ReadinessProbe} {
			if pr != nil {
				longest = max(longest, budget(pr))
			}
		}
	}
	if created := v.age(p.CreationTimestamp.Time); created > 2*longest {
		return time.Minute
	}
	return longest
}

// firstOf is when events of these reasons were first seen on an object, zero when there are none.
func (v *view) firstOf(t incident.Target, reasons ...string) time.Time {
	var out time.Time
	for _, e := range v.eventsOf(t) {
		if at := observe.FirstSeen(e); slices.Contains(reasons, e.Reason) && (out.IsZero() || at.Before(out)) {
			out = at
		}
	}
	return out
}
