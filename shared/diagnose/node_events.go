package diagnose

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// nodeNotices are events of a node that say what is wrong where no field does, and how long they speak of the present.
var nodeNotices = map[string]struct {
	reason incident.Reason
	lasts  time.Duration
}{
	"Rebooted": {incident.NodeRebooted, time.Hour}, "OOMKilling": {incident.NodeSystemOOM, 30 * time.Minute}, "SystemOOM": {incident.NodeSystemOOM, 30 * time.Minute},
	"KernelOops": {incident.KernelOops, time.Hour}, "TaskHung": {incident.NodeTaskHung, time.Hour}, "DockerHung": {incident.ContainerRuntimeHung, time.Hour},
	"ReadonlyFilesystem": {incident.DiskReadonly, time.Hour}, "FilesystemIsReadOnly": {incident.DiskReadonly, time.Hour},
	"UnregisterNetDevice": {incident.UnregisterNetDevice, time.Hour}, "AUFSUmountHung": {incident.AufsUmountHung, time.Hour},
	"NetworkCardNotFound": {incident.NodeNicMissing, time.Hour}, "NodeOutOfDisk": {incident.NodeOutOfDisk, time.Hour},
	"CIDRNotAvailable": {incident.NodeCidrExhausted, time.Hour}, "CIDRAssignmentFailed": {incident.NodeCidrExhausted, time.Hour},
	"KUBELETIsDown": {incident.KubeletDown, 30 * time.Minute}, "KubeletIsDown": {incident.KubeletDown, 30 * time.Minute},
	"KUBEPROXYIsDown": {incident.KubeProxyDown, 30 * time.Minute}, "KubeProxyIsDown": {incident.KubeProxyDown, 30 * time.Minute},
	"CNIIsDown": {incident.CNIDown, 30 * time.Minute}, "DOCKERIsDown": {incident.ContainerRuntimeDown, 30 * time.Minute}, "CRIIsDown": {incident.ContainerRuntimeDown, 30 * time.Minute},
	"ConntrackFull": {incident.ConntrackFull, 30 * time.Minute}, "NTPIsDown": {incident.NTPDrift, 30 * time.Minute}, "NodeInstallFailed": {incident.NodeInstallFailed, 2 * time.Hour},
	"NodeUninstallFailed": {incident.NodeDeleteFailed, 2 * time.Hour}, "NodeCreateFailed": {incident.NodeCreateFailed, 2 * time.Hour}, "ScaleDownFailed": {incident.ScaleDownBlocked, 2 * time.Hour},
}

// contradictedBy are the condition types that say an event is over: an event of a problem whose condition is False now is past.
var contradictedBy = map[incident.Reason]string{
	incident.KubeletDown: "kubeletproblem", incident.KubeProxyDown: "kubeproxyproblem", incident.CNIDown: "cniproblem", incident.ContainerRuntimeDown: "criproblem",
	incident.ConntrackFull: "conntrackfullproblem", incident.NTPDrift: "ntpproblem", incident.DiskReadonly: "diskreadonly",
}

func (g *gather) nodeEvents(n *corev1.Node) {
	t := nodeTarget(n.Name)
	for _, e := range g.v.eventsOf(t) {
		x, ok := nodeNotices[e.Reason]
		if !ok || !g.v.happened(e, x.lasts) || g.v.contradicted(n, x.reason) {
			continue
		}
		if x.reason == incident.NodeSystemOOM && g.v.inContainer(e) {
			continue // the limit of a container, whoever it was: the node did not lack memory
		}
		if x.reason == incident.NodeSystemOOM && e.Reason == "OOMKilling" && !strings.Contains(strings.ToLower(e.Message), "system") && g.v.victim(e) != nil {
			continue // the limit of one container, which the pod tells better
		}
		if x.reason == incident.NodeInstallFailed && bootWords.MatchString(e.Message) {
			x.reason = incident.NodeHostnameOrCloudInit
		}
		d, fresh := g.on(x.reason, t)
		if fresh {
			i := incident.Info(x.reason)
			d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH)).weigh(0.9).fact(FactNode, n.Name)
			if x.reason == incident.NodeRebooted {
				d.affectsPods(g.v.restartedOn(n, observe.LastSeen(e))...)
			} else {
				g.podsOf(d, n)
			}
		}
		if !d.wordy() {
			d.event(e).since(observe.FirstSeen(e))
		}
	}
	g.flapping(n)
}

// contradicted says whether the node reports the problem's condition as False: then the event is past.
func (v *view) contradicted(n *corev1.Node, r incident.Reason) bool {
	kind := contradictedBy[r]
	for _, c := range n.Status.Conditions {
		if kind != "" && strings.EqualFold(string(c.Type), kind) {
			return c.Status == corev1.ConditionFalse
		}
	}
	return false
}

// bootWords are a node's first start going wrong before anything of Kubernetes runs.
var bootWords = regexp.MustCompile(`(?i)hostname|cloud-init`)

var containerGroup = regexp.MustCompile(`(?i)memory cgroup|/kubepods|task_memcg=/?kubepods|constraint=CONSTRAINT_MEMCG`)

func (v *view) inContainer(e *corev1.Event) bool { return containerGroup.MatchString(e.Message) }

// victim is the pod an out-of-memory event of a node names, by name or uid.
func (v *view) victim(e *corev1.Event) *corev1.Pod {
	for _, p := range v.idx.PodsOn(e.InvolvedObject.Name) {
		if strings.Contains(e.Message, p.Name) || p.UID != "" && (strings.Contains(e.Message, string(p.UID)) || strings.Contains(e.Message, strings.ReplaceAll(string(p.UID), "-", "_"))) {
			return p
		}
		for _, c := range p.Status.ContainerStatuses {
			if t := c.LastTerminationState.Terminated; t != nil && t.Reason == "OOMKilled" {
				return p
			}
		}
	}
	return nil
}

// restartedOn are the pods whose containers all ended with their node.
func (v *view) restartedOn(n *corev1.Node, at time.Time) []*corev1.Pod {
	var out []*corev1.Pod
	for _, p := range v.idx.PodsOn(n.Name) {
		for _, c := range p.Status.ContainerStatuses {
			if t := c.LastTerminationState.Terminated; t != nil && t.FinishedAt.After(at.Add(-15*time.Minute)) && t.FinishedAt.Time.Before(at.Add(10*time.Minute)) {
				out = append(out, p)
				break
			}
		}
	}
	return out
}

// flapping is a node that went in and out of ready within a quarter of an hour.
func (g *gather) flapping(n *corev1.Node) {
	t := nodeTarget(n.Name)
	turns := 0
	var last *corev1.Event
	for _, e := range g.v.eventsOf(t) {
		if (e.Reason == "NodeNotReady" || e.Reason == "NodeReady") && g.v.happened(e, 15*time.Minute) {
			turns += observe.Times(e)
			last = e
		}
	}
	if turns < 3 {
		return
	}
	d, _ := g.on(incident.NodeReadyFlapping, t)
	d.say(fmt.Sprintf("%s went in and out of ready %d times in 15 minutes", t, turns), fmt.Sprintf("%s 15 分钟内就绪状态变化 %d 次", t, turns)).event(last).weigh(0.9).fact(FactNode, n.Name)
}

// sandboxWords tell why a pod's sandbox cannot be made.
var sandboxWords = []struct {
	re     *regexp.Regexp
	reason incident.Reason
}{
	{regexp.MustCompile(`(?i)(containerd|docker|cri-dockerd|crio|isulad)\.sock|container runtime is down|runtime service failed|connection error: desc = "transport`), incident.ContainerRuntimeDown},
	{regexp.MustCompile(`(?i)no available ip|no ip(v4)? addresses available|failed to allocate for range|not enough ip|insufficient ip|ip pool.*exhausted|no free ip|private ip.*not enough|subnet.*no.*ip`), incident.PodIPExhausted},
	{regexp.MustCompile(`(?i)sandbox image|pause image|failed to get sandbox`), incident.PauseImageMissing},
	{regexp.MustCompile(`(?i)OOM-killed|memory limit too low|cannot allocate memory|possibly OOM`), incident.ContainerOOMKilled},
	{regexp.MustCompile(`(?i)no space left on device`), incident.NodeDiskPressure},
	{regexp.MustCompile(`(?i)network-attachment-definitions?\S* "?default-network"? not found|cannot find (a )?network-attachment-definition`), incident.DefaultNetworkAttachmentDeleted},
	{regexp.MustCompile(`(?i)cni|network plugin|plugin type=|setup network`), incident.CNIDown},
}

// sandboxes looks at pods whose sandbox cannot be made, node by node.
func (g *gather) sandboxes() {
	v := g.v
	for _, n := range v.Objects.Nodes {
		for _, p := range v.idx.PodsOn(n.Name) {
			if podReady(p) || p.Status.Phase == corev1.PodSucceeded {
				continue
			}
			e := v.lastEvent(podTarget(p), v.ago(time.Hour), "FailedCreatePodSandBox", "FailedKillPod", "FailedSync", "SandboxChanged", "FailedPodSandBoxStatus")
			if e == nil || e.Reason == "SandboxChanged" {
				continue
			}
			g.sandbox(n, p, e)
		}
	}
}

func (g *gather) sandbox(n *corev1.Node, p *corev1.Pod, e *corev1.Event) {
	r := incident.Reason("")
	if e.Reason == "FailedCreatePodSandBox" {
		r = incident.PodSandboxCreateFailed
	}
	for _, x := range sandboxWords {
		if x.re.MatchString(e.Message) {
			r = x.reason
			break
		}
	}
	if r == "" {
		return
	}
	t := nodeTarget(n.Name)
	switch r {
	case incident.ContainerOOMKilled:
		t = g.v.owner[p].target
	case incident.PodIPExhausted, incident.DefaultNetworkAttachmentDeleted:
		t = g.v.clusterTarget()
	}
	d, fresh := g.on(r, t)
	if fresh {
		i := incident.Info(r)
		d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH)).weigh(0.95).fact(FactNode, n.Name)
		if r == incident.ContainerOOMKilled {
			for _, c := range p.Spec.Containers {
				if q, ok := c.Resources.Limits[corev1.ResourceMemory]; ok {
					d.object(podTarget(p), "spec.containers[%s].resources.limits.memory: %s", c.Name, q.String()).fact(FactContainer, c.Name).fact(FactMemoryLimit, q.String())
				}
			}
		}
	}
	d.affectsPods(p).since(observe.FirstSeen(e))
	if !d.wordy() {
		d.event(e).object(podTarget(p), "status.phase %s on node %s, sandbox not created", p.Status.Phase, n.Name)
	}
}

// clusterAlarms are alarms about what no object in the cluster shows: the cluster, its pools, its cloud resources. The alarm is all
// the evidence there is, so the confidence stays low unless something else agrees.
func (g *gather) clusterAlarms() {
	for _, a := range g.v.Alarms {
		e, ok := a.Entry()
		if !ok || !a.Active() || informational(a) || len(e.Reasons) == 0 || (e.Class != alarm.Plane && e.Class != alarm.Pool && e.Kind != "Cluster" && e.Kind != "NodePool") {
			continue
		}
		r := incident.Reason(e.Reasons[0])
		if !incident.Known(r) {
			continue
		}
		kind := incident.Info(r).Kind
		t := incident.Target{Kind: kind, Namespace: a.Object.Namespace, Name: a.Object.Name}
		if t.Name == "" || kind == "Cluster" {
			t = g.v.clusterTarget()
		}
		d, fresh := g.on(r, t)
		if fresh {
			i := incident.Info(r)
			d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH))
		}
		d.since(a.FiredAt).add(incident.FromAlarm, a.FiredAt, t, "alarm %s (%s): %s", alarmName(a), a.Severity, quote(a.Message))
		if a.Event {
			// CCE raises an event alarm from its own knowledge, not from a threshold: it is a statement.
			d.add(incident.FromEvent, a.FiredAt, t, "%s", alarmName(a))
		}
	}
}
