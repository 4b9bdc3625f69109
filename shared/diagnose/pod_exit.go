package diagnose

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// ended says why a container ended. The exit code alone decides little: 137 is a kill by anybody, and only the runtime's reason, the
// kernel's event or the memory curve makes it the memory limit.
func (g *gather) ended(w *workload, c container, t *corev1.ContainerStateTerminated) {
	if t == nil {
		g.restarts(w, c)
		return
	}
	r, strength := g.v.exitReason(w, c, t)
	if r == "" {
		return
	}
	about := w.target
	d, fresh := g.on(r, about)
	if fresh {
		d.weigh(strength)
		g.sayEnd(d, w, c, t, r)
		g.limits(d, c)
	}
	d.affectsPods(c.pod).since(g.v.troubleSince(c, t))
	if d.wordy() {
		return
	}
	pt := podTarget(c.pod)
	at := "lastState"
	if c.status.State.Terminated == t {
		at = "state"
	}
	d.object(pt, "%s.%s.terminated: reason %s, exit code %d, %d restarts%s", c.field(), at, t.Reason, t.ExitCode, c.status.RestartCount, finished(t))
	if t.Message != "" {
		d.object(pt, "%s.%s.terminated.message: %s", c.field(), at, quote(t.Message))
	}
	if c.spec != nil && r == incident.ContainerOOMKilled {
		d.object(pt, "spec.containers[%s].resources.limits.memory: %s", c.status.Name, limitOr(c.spec, corev1.ResourceMemory, "none"))
		d.event(g.v.oomEvent(c.pod))
	}
	switch r {
	case incident.AppExitError, incident.InitContainerFailed, incident.SegfaultOrAbort, incident.NoForegroundProcess:
		if line := g.v.lastWords(w, c); line != "" {
			d.line(pt, c.status.Name, line)
		}
		d.event(g.v.lastEvent(pt, g.v.ago(2*time.Hour), "BackOff"))
	case incident.ContainerCommandNotFound, incident.ContainerPermissionDenied:
		d.event(g.v.lastEvent(pt, g.v.ago(2*time.Hour), "Failed", "BackOff"))
	case incident.LivenessProbeFailed, incident.StartupProbeFailed:
		d.event(g.v.lastEvent(pt, g.v.ago(2*time.Hour), "Killing"))
	}
}

func finished(t *corev1.ContainerStateTerminated) string {
	if t.FinishedAt.IsZero() {
		return ""
	}
	return ", finished " + t.FinishedAt.UTC().Format(time.RFC3339)
}

func limitOr(c *corev1.Container, r corev1.ResourceName, none string) string {
	if q, ok := c.Resources.Limits[r]; ok {
		return q.String()
	}
	return none
}

// troubleSince is when a container began to end: its first back-off or kill lately, else when it was not ready any more.
func (v *view) troubleSince(c container, t *corev1.ContainerStateTerminated) time.Time {
	at := t.FinishedAt.Time
	for _, e := range v.eventsOf(podTarget(c.pod)) {
		switch e.Reason {
		case "BackOff", "Killing", "OOMKilling":
			if f := observe.FirstSeen(e); v.recent(f, 24*time.Hour) && (at.IsZero() || f.Before(at)) {
				at = f
			}
		}
	}
	if r := condition(c.pod, corev1.PodReady); r != nil && r.Status != corev1.ConditionTrue {
		// It has not been ready since then, however often it was started.
		if was := r.LastTransitionTime.Time; at.IsZero() || c.status.RestartCount > 1 && was.Before(at) && v.recent(was, 24*time.Hour) {
			at = was
		}
	}
	return at
}

// exitReason reads reason, exit code, message, probe events and memory curve, in this order.
func (v *view) exitReason(w *workload, c container, t *corev1.ContainerStateTerminated) (incident.Reason, float64) {
	if t.Reason == "OOMKilled" {
		return incident.ContainerOOMKilled, 1
	}
	for _, x := range startWords {
		if t.Message != "" && (t.Reason == "StartError" || t.Reason == "ContainerCannotRun" || t.ExitCode >= 125 && t.ExitCode <= 128) && x.re.MatchString(t.Message) {
			return x.reason, 1
		}
	}
	if c.pod.Status.Reason == "Terminated" || strings.Contains(c.pod.Status.Message, "node shutdown") {
		return "", 0
	}
	if !c.init {
		if kind := v.killedByProbe(c, t); kind != "" {
			return coarseProbe(kind), 0.9
		}
	}
	switch t.ExitCode {
	case 0:
		if c.pod.Spec.RestartPolicy == corev1.RestartPolicyAlways || c.pod.Spec.RestartPolicy == "" {
			if c.status.RestartCount >= 1 {
				return incident.NoForegroundProcess, 0.9
			}
		}
		return "", 0
	case 125:
		return incident.DockerDaemonError125, 0.9
	case 126:
		return incident.ContainerPermissionDenied, 0.85
	case 127:
		return incident.ContainerCommandNotFound, 0.9
	case 134, 139:
		if v.says(w, signMemory) {
			return incident.ContainerOOMKilled, 0.7
		}
		return incident.SegfaultOrAbort, 0.9
	case 137:
		if v.memoryFull(w, c) || v.oomEvent(c.pod) != nil {
			return incident.ContainerOOMKilled, 0.85
		}
		return incident.KilledBySigkillNotOOM, 0.8
	case 141:
		return incident.SigpipeTailExit, 0.9
	case 143:
		return incident.TerminatedBySigterm, 0.8
	}
	if v.says(w, signExecFormat) {
		return incident.ImageArchMismatch, 0.9
	}
	if c.init && !alwaysRestarts(c.spec) {
		return incident.InitContainerFailed, 0.9
	}
	return incident.AppExitError, 0.9
}

// alwaysRestarts says whether an init container is a sidecar.
func alwaysRestarts(c *corev1.Container) bool {
	return c != nil && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

func (v *view) says(w *workload, kinds ...signKind) bool { return len(v.signsOf(w, kinds...)) > 0 }

// killedByProbe is "liveness" or "startup" when the kubelet ended the container for a probe: it says so in an event.
func (v *view) killedByProbe(c container, t *corev1.ContainerStateTerminated) string {
	kind := ""
	for _, e := range v.eventsOf(podTarget(c.pod)) {
		if !v.happened(e, 2*time.Hour) || !aboutContainer(e, c.status.Name) {
			continue
		}
		switch {
		case e.Reason == "Killing" && strings.Contains(e.Message, "failed liveness probe"),
			e.Reason == "Unhealthy" && strings.HasPrefix(e.Message, "Liveness probe"):
			if c.spec != nil && c.spec.LivenessProbe == nil {
				continue
			}
			kind = "liveness"
		case e.Reason == "Killing" && strings.Contains(e.Message, "failed startup probe"),
			e.Reason == "Unhealthy" && strings.HasPrefix(e.Message, "Startup probe"):
			if kind == "" {
				kind = "startup"
			}
		}
	}
	if kind != "" && t.ExitCode != 137 && t.ExitCode != 143 && t.ExitCode != 0 && t.ExitCode < 128 {
		// The application ended by itself; the probe only saw it die. A process may answer SIGTERM with any code, so the kubelet's own
		// word that it was killed still counts.
		if v.lastEvent(podTarget(c.pod), v.ago(2*time.Hour), "Killing") == nil {
			return ""
		}
	}
	return kind
}

// aboutContainer says whether an event speaks of a container; one that names none speaks of all.
func aboutContainer(e *corev1.Event, n string) bool {
	_, rest, ok := strings.Cut(e.InvolvedObject.FieldPath, "{")
	return !ok || strings.TrimSuffix(rest, "}") == n
}

// oomEvent is the kernel's word that a process of the pod was killed for memory.
func (v *view) oomEvent(p *corev1.Pod) *corev1.Event {
	if e := v.lastEvent(podTarget(p), v.ago(time.Hour), "OOMKilling", "PodOOMKilling"); e != nil {
		return e
	}
	for _, e := range v.eventsOf(nodeTarget(p.Spec.NodeName)) {
		if (e.Reason == "OOMKilling" || e.Reason == "SystemOOM") && v.happened(e, time.Hour) &&
			(strings.Contains(e.Message, p.Name) || p.UID != "" && strings.Contains(e.Message, string(p.UID))) {
			return e
		}
	}
	return nil
}

// memoryFull says whether the memory of the container was at its limit.
func (v *view) memoryFull(w *workload, c container) bool {
	for _, s := range v.seriesOf("container_memory_limit_ratio", w) {
		if s.Labels["pod"] != "" && s.Labels["pod"] != c.pod.Name || s.Labels["container"] != "" && s.Labels["container"] != c.status.Name {
			continue
		}
		for _, p := range s.Points {
			if p.Value >= 0.97 && v.recent(p.At, time.Hour) {
				return true
			}
		}
	}
	return false
}

// lastWords is the most telling of the last lines that a container wrote.
func (v *view) lastWords(w *workload, c container) string {
	best, weight := "", -1
	for _, l := range v.Logs {
		if l.Namespace != c.pod.Namespace || l.Container != "" && l.Container != c.status.Name {
			continue
		}
		if owner, _ := v.logOwner(&l); owner != w || l.Pod != "" && l.Pod != c.pod.Name && best != "" {
			continue
		}
		for i := len(l.Lines) - 1; i >= max(0, len(l.Lines)-60); i-- {
			x := 0
			if kind, ok := signOf(l.Lines[i]); ok {
				x = 1
				if kind != signError {
					x = 2
				}
				if l.Previous {
					x += 2
				}
			}
			if x > weight && strings.TrimSpace(l.Lines[i]) != "" {
				best, weight = l.Lines[i], x
			}
		}
	}
	return best
}

// restarts is the symptom of a container that restarts without a last state to read.
func (g *gather) restarts(w *workload, c container) {
	d, fresh := g.on(incident.FrequentRestart, w.target)
	if fresh {
		d.say(fmt.Sprintf("container %s of %s restarts again and again", c.status.Name, w.target), fmt.Sprintf("%s 的容器 %s 频繁重启", w.target, c.status.Name))
	}
	d.affectsPods(c.pod)
	if !d.wordy() {
		d.object(podTarget(c.pod), "%s: restartCount %d, no last state", c.field(), c.status.RestartCount).
			event(g.v.lastEvent(podTarget(c.pod), g.v.ago(time.Hour), "BackOff"))
	}
}

func (g *gather) sayEnd(d *draft, w *workload, c container, t *corev1.ContainerStateTerminated, r incident.Reason) {
	n := fmt.Sprintf("%d restarts", c.status.RestartCount)
	zh := fmt.Sprintf("重启 %d 次", c.status.RestartCount)
	switch r {
	case incident.ContainerOOMKilled:
		limit := "none"
		if c.spec != nil {
			limit = limitOr(c.spec, corev1.ResourceMemory, "none")
		}
		d.say(fmt.Sprintf("container %s of %s is killed at its memory limit %s (%s)", c.status.Name, w.target, limit, n),
			fmt.Sprintf("%s 的容器 %s 达到内存限制 %s 被 OOM 终止（%s）", w.target, c.status.Name, limit, zh))
	default:
		i := incident.Info(r)
		d.say(fmt.Sprintf("container %s of %s ended with exit code %d: %s (%s)", c.status.Name, w.target, t.ExitCode, i.Title.EN, n),
			fmt.Sprintf("%s 的容器 %s 退出码 %d：%s（%s）", w.target, c.status.Name, t.ExitCode, i.Title.ZH, zh))
	}
}
