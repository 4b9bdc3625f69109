package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// probeKind is one of the three probes with the reason for each mistake.
type probeKind struct {
	kind                              string
	of                                func(*corev1.Container) *corev1.Probe
	failed, port, protocol, impatient incident.Reason
}

var probeKinds = []probeKind{
	{
		"liveness", func(c *corev1.Container) *corev1.Probe { return c.LivenessProbe }, incident.LivenessProbeFailed,
		incident.LivenessProbeWrongPort, incident.LivenessProbeWrongProtocol, incident.LivenessProbeTooImpatient,
	},
	{
		"readiness", func(c *corev1.Container) *corev1.Probe { return c.ReadinessProbe }, incident.ReadinessProbeFailed,
		incident.ReadinessProbeWrongPort, incident.ReadinessProbeWrongProtocol, incident.ReadinessProbeTooImpatient,
	},
	{
		"startup", func(c *corev1.Container) *corev1.Probe { return c.StartupProbe }, incident.StartupProbeFailed,
		incident.StartupProbeWrongPort, incident.StartupProbeWrongProtocol, incident.StartupProbeTooImpatient,
	},
}

func kindOfProbe(kind string) probeKind {
	return probeKinds[slices.IndexFunc(probeKinds, func(k probeKind) bool { return k.kind == kind })]
}

func coarseProbe(kind string) incident.Reason { return kindOfProbe(kind).failed }

var (
	wrongProtocol = regexp.MustCompile(`(?i)malformed HTTP|server gave HTTP response to HTTPS client|tls: first record|does not look like a TLS handshake|code = Unimplemented|not implement|HTTP/2|preface|\bEOF\b|connection reset by peer|unexpected content-type|broken pipe|400 Bad Request|statuscode: 400|http: server closed idle|Unknown service`)
	tooSlow       = regexp.MustCompile(`(?i)deadline exceeded|Client\.Timeout|timed? ?out|timeout`)
	notListening  = regexp.MustCompile(`(?i)connection refused|connect: no route|failed to connect`)
)

// probes says which probe of a pod fails and, where the fields allow, which mistake it is. A probe that failed only while the
// container started, and then passed, is nothing.
func (g *gather) probes(w *workload, p *corev1.Pod) {
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		status := statusOf(p, c.Name)
		if status == nil || status.State.Waiting != nil && !slices.Contains([]string{"CrashLoopBackOff", ""}, status.State.Waiting.Reason) {
			continue
		}
		for _, k := range probeKinds {
			if probe := k.of(c); probe != nil {
				g.probe(w, p, c, status, probe, k.kind)
			}
		}
	}
}

func statusOf(p *corev1.Pod, n string) *corev1.ContainerStatus {
	for i := range p.Status.ContainerStatuses {
		if p.Status.ContainerStatuses[i].Name == n {
			return &p.Status.ContainerStatuses[i]
		}
	}
	return nil
}

func (g *gather) probe(w *workload, p *corev1.Pod, c *corev1.Container, s *corev1.ContainerStatus, probe *corev1.Probe, kind string) {
	said := g.v.unhealthy(p, c.Name, kind)
	failing := false
	switch kind {
	case "readiness":
		failing = s.State.Running != nil && !s.Ready
	case "liveness", "startup":
		failing = said != nil && (s.RestartCount > 0 || !s.Ready) && !g.v.settled(s)
		if said == nil && killedLately(s) && !g.v.settled(s) {
			g.portAlone(w, p, c, probe, kind)
			return
		}
	}
	if !failing || said == nil && !g.v.longUnready(p) {
		return
	}
	if said != nil && s.State.Running != nil && kind == "readiness" && said.LastTimestamp.Time.Before(s.State.Running.StartedAt.Time) && !g.v.longUnready(p) {
		return
	}
	if kind == "readiness" && g.v.starting(p, s, probe) {
		return
	}
	m := g.v.probeMistake(w, p, c, s, probe, kind, said)
	if m.reason == "" {
		return
	}
	d, first := g.on(m.reason, w.target)
	if first {
		d.say(fmt.Sprintf("the %s probe of container %s in %s fails: %s", kind, c.Name, w.target, m.en),
			fmt.Sprintf("%s 中容器 %s 的%s探针失败：%s", w.target, c.Name, probeZH[kind], m.zh)).weigh(m.strength)
		d.fact(FactContainer, c.Name).fact(FactProbe, kind).fact(FactProbePort, portWord(probe)).fact(FactRightPort, m.right)
		d.object(w.target, "containers[%s].%sProbe: %s", c.Name, kind, probeText(probe))
		for _, e := range m.fields {
			d.object(w.target, "%s", e)
		}
	}
	d.affectsPods(p)
	if said != nil {
		d.since(g.v.probeSince(p, s, said))
	}
	if r := condition(p, corev1.PodReady); r != nil && r.Status != corev1.ConditionTrue {
		d.since(r.LastTransitionTime.Time)
	}
	if d.wordy() {
		return
	}
	d.object(podTarget(p), "containerStatuses[%s]: ready %t, started %t, %d restarts", c.Name, s.Ready, s.Started != nil && *s.Started, s.RestartCount).event(said)
	if kind != "readiness" {
		d.event(g.v.lastEvent(podTarget(p), g.v.ago(2*time.Hour), "Killing"))
	}
}

// killedLately says whether a container was ended from outside again and again, which is how a probe ends one, and not for memory.
func killedLately(s *corev1.ContainerStatus) bool {
	t := s.LastTerminationState.Terminated
	return t != nil && t.Reason != "OOMKilled" && (t.ExitCode == 137 || t.ExitCode == 143) && s.RestartCount >= 2
}

// portAlone is a probe whose port the container does not declare, of a container that is being killed: the fields show it, though no
// event was kept.
func (g *gather) portAlone(w *workload, p *corev1.Pod, c *corev1.Container, probe *corev1.Probe, kind string) {
	s := statusOf(p, c.Name)
	if len(c.Ports) == 0 || g.v.wasWell(w, p, s) {
		return
	}
	m, wrong := g.v.wrongPort(w, c, probe, "")
	if !wrong {
		return
	}
	d, first := g.on(kindOfProbe(kind).port, w.target)
	if first {
		d.say(fmt.Sprintf("the %s probe of container %s in %s fails: %s", kind, c.Name, w.target, m.en), fmt.Sprintf("%s 中容器 %s 的%s探针失败：%s", w.target, c.Name, probeZH[kind], m.zh)).weigh(min(m.strength, 0.9)).
			fact(FactContainer, c.Name).fact(FactProbe, kind).fact(FactProbePort, portWord(probe)).fact(FactRightPort, m.right).
			object(w.target, "containers[%s].%sProbe: %s", c.Name, kind, probeText(probe))
		for _, e := range m.fields {
			d.object(w.target, "%s", e)
		}
	}
	d.affectsPods(p).since(p.CreationTimestamp.Time)
	if !d.wordy() {
		d.object(podTarget(p), "containerStatuses[%s].lastState.terminated: exit code %d, %d restarts, no event says why", c.Name, s.LastTerminationState.Terminated.ExitCode, s.RestartCount)
	}
}

var probeZH = map[string]string{"liveness": "存活", "readiness": "就绪", "startup": "启动"}

// probeSince is when this spell of failures began: not before the container was first started lately.
func (v *view) probeSince(p *corev1.Pod, s *corev1.ContainerStatus, said *corev1.Event) time.Time {
	at := observe.FirstSeen(said)
	if v.recent(at, 24*time.Hour) {
		return at
	}
	return observe.LastSeen(said)
}

// unhealthy is the newest event of a failing probe of this kind.
func (v *view) unhealthy(p *corev1.Pod, containerName, kind string) *corev1.Event {
	word := strings.ToUpper(kind[:1]) + kind[1:] + " probe"
	all := v.eventsOf(podTarget(p))
	for i := len(all) - 1; i >= 0; i-- {
		e := all[i]
		if (e.Reason == "Unhealthy" || e.Reason == "ProbeWarning" || e.Reason == "ProbeError") && strings.HasPrefix(e.Message, word) &&
			aboutContainer(e, containerName) && v.happened(e, 2*time.Hour) {
			return e
		}
	}
	return nil
}

// settled says whether a container has been running and ready for a while: what its probes said before is over.
func (v *view) settled(s *corev1.ContainerStatus) bool {
	return s.Ready && s.State.Running != nil && v.age(s.State.Running.StartedAt.Time) > 10*time.Minute
}

func (v *view) longUnready(p *corev1.Pod) bool {
	c := condition(p, corev1.PodReady)
	return c != nil && c.Status != corev1.ConditionTrue && v.age(c.LastTransitionTime.Time) > v.grace(p)
}

// starting says whether a container is still within the time its own readiness probe allows for a start.
func (v *view) starting(p *corev1.Pod, s *corev1.ContainerStatus, probe *corev1.Probe) bool {
	if s.State.Running == nil {
		return false
	}
	return v.age(s.State.Running.StartedAt.Time) < max(time.Minute, budget(probe)) && s.RestartCount == 0
}

// wasWell says whether the pod, or another with the same template, has been well with the same probe. The probe of a pod cannot be
// changed, so one that has worked for long is not written wrong.
func (v *view) wasWell(w *workload, p *corev1.Pod, s *corev1.ContainerStatus) bool {
	for _, o := range w.live() {
		if o != p && podReady(o) && o.Labels[hashKey] == p.Labels[hashKey] && w.target.Kind == "Deployment" {
			for i := range o.Status.ContainerStatuses {
				if x := &o.Status.ContainerStatuses[i]; x.Name == s.Name && x.RestartCount == 0 && v.age(o.CreationTimestamp.Time) > 5*time.Minute {
					return true
				}
			}
		}
	}
	age := v.age(p.CreationTimestamp.Time)
	if age < time.Hour {
		return false
	}
	c := condition(p, corev1.PodReady)
	if s.RestartCount == 0 {
		return c != nil && c.LastTransitionTime.After(p.CreationTimestamp.Add(30*time.Minute))
	}
	// A wrong liveness probe ends its container every few minutes, at least every ten with the longest back-off.
	return float64(s.RestartCount) < age.Minutes()/10
}

// budget is how long a probe lets a container fail: initialDelaySeconds + periodSeconds × failureThreshold.
func budget(p *corev1.Probe) time.Duration {
	period, threshold := p.PeriodSeconds, p.FailureThreshold
	if period == 0 {
		period = 10
	}
	if threshold == 0 {
		threshold = 3
	}
	return time.Duration(p.InitialDelaySeconds+period*threshold) * time.Second
}

// mistake is what is wrong with a probe, as far as can be told.
type mistake struct {
	reason   incident.Reason
	en, zh   string
	strength float64
	right    string   // the port that is served
	fields   []string // further fields that show it
}

func (v *view) probeMistake(w *workload, p *corev1.Pod, c *corev1.Container, s *corev1.ContainerStatus, probe *corev1.Probe, kind string, said *corev1.Event) mistake {
	k := kindOfProbe(kind)
	message := ""
	if said != nil {
		message = said.Message
	}
	former := formerProbe(w, c.Name, k.of)
	if !v.wasWell(w, p, s) {
		if m, wrong := v.wrongPort(w, c, probe, message); wrong {
			m.reason = k.port
			return m
		}
		if m, wrong := protocolMistake(probe, former, message, v.otherProbe(c, kind)); wrong {
			m.reason = k.protocol
			return m
		}
	}
	if said == nil {
		return mistake{reason: k.failed, en: "no event says why", zh: "无事件说明原因", strength: 0.6}
	}
	if m, slow := v.impatient(w, c, s, probe, former, kind, message); slow {
		m.reason = k.impatient
		return m
	}
	return mistake{reason: k.failed, en: quoteTo(message, 120), zh: quoteTo(message, 120), strength: 0.85}
}

func formerProbe(w *workload, containerName string, of func(*corev1.Container) *corev1.Probe) *corev1.Probe {
	for _, s := range w.sets {
		if w.currentSet() == s {
			continue
		}
		if c := specOf(s.Spec.Template.Spec.Containers, containerName); c != nil && of(c) != nil {
			return of(c)
		}
	}
	return nil
}

func (v *view) otherProbe(c *corev1.Container, kind string) *corev1.Probe {
	for _, k := range probeKinds {
		if k.kind != kind && k.of(c) != nil {
			return k.of(c)
		}
	}
	return nil
}

// protocolMistake says whether the probe speaks another language than the port: by the answer's words, or by a former or sibling
// probe of another kind on the same port.
func protocolMistake(probe, former *corev1.Probe, message string, sibling *corev1.Probe) (mistake, bool) {
	m := mistake{strength: 0.9}
	kind := probeWord(probe)
	for _, other := range []*corev1.Probe{former, sibling} {
		if other == nil || probeWord(other) == kind || probeWord(other) == "exec" || kind == "exec" || kind == "tcpSocket" {
			continue
		}
		if portWord(other) == portWord(probe) && (probeWord(other) != "tcpSocket" || wrongProtocol.MatchString(message)) {
			m.fields = append(m.fields, "another probe of the same port: "+probeText(other))
			m.en = fmt.Sprintf("it speaks %s to a port that serves %s", kind, probeWord(other))
			m.zh = fmt.Sprintf("探针使用 %s，而该端口提供 %s", kind, probeWord(other))
			return m, true
		}
	}
	if wrongProtocol.MatchString(message) && kind != "tcpSocket" && kind != "exec" {
		m.en, m.zh = fmt.Sprintf("it speaks %s and the port answers in another protocol: %s", kind, quoteTo(message, 100)),
			fmt.Sprintf("探针使用 %s，端口以其他协议应答：%s", kind, quoteTo(message, 100))
		m.strength = 0.85
		return m, true
	}
	return m, false
}

// impatient says whether the probe gives up before a healthy container could answer.
func (v *view) impatient(w *workload, c *corev1.Container, s *corev1.ContainerStatus, probe, former *corev1.Probe, kind, message string) (mistake, bool) {
	b := budget(probe)
	m := mistake{strength: 0.8}
	slow := tooSlow.MatchString(message)
	refused := notListening.MatchString(message)
	switch {
	case former != nil && (budget(former) >= 2*b || timeoutOf(former) > timeoutOf(probe) && slow):
		m.strength = 0.95
		m.fields = append(m.fields, "the revision before: "+probeText(former))
	case kind == "liveness" && c.StartupProbe == nil && refused && b < 20*time.Second:
		m.strength = 0.85
	case kind == "startup" && b < 20*time.Second && (refused || slow):
		m.strength = 0.85
	case slow && timeoutOf(probe) <= 1 && !v.hot(w):
		m.strength = 0.7
	default:
		return m, false
	}
	m.en = fmt.Sprintf("it allows %s in all and %d s for an answer", b, timeoutOf(probe))
	m.zh = fmt.Sprintf("总容忍时间仅 %s，单次超时 %d 秒", b, timeoutOf(probe))
	return m, true
}
