package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// examineNodes is the node-failure-diagnoser.
func examineNodes(v *view) []incident.Finding {
	g := v.gather()
	for _, n := range v.Objects.Nodes {
		g.conditions(n)
		g.nodeReadiness(n)
		g.nodeEvents(n)
		g.server(n)
		g.overloaded(n)
		g.gpus(n)
	}
	g.zoneOutage()
	g.evictionSuspended()
	g.taintEvictions()
	g.kernel()
	g.sandboxes()
	g.nodeDaemons()
	g.controlPlane()
	g.clusterAlarms()
	g.strangers()
	g.pressure()
	g.blindSpots()
	return g.done()
}

func nodeCondition(n *corev1.Node, kind corev1.NodeConditionType) *corev1.NodeCondition {
	for i := range n.Status.Conditions {
		if n.Status.Conditions[i].Type == kind {
			return &n.Status.Conditions[i]
		}
	}
	return nil
}

// nodeReady is the Ready condition's status; a node that has none yet is Unknown.
func nodeReady(n *corev1.Node) corev1.ConditionStatus {
	if c := nodeCondition(n, corev1.NodeReady); c != nil {
		return c.Status
	}
	return corev1.ConditionUnknown
}

// nodeProblems are the condition types of kubelet and node-problem-detector, in lower case since releases spell them in two ways;
// status True means faulty.
var nodeProblems = map[string]incident.Reason{
	"memorypressure": incident.NodeMemoryPressure, "diskpressure": incident.NodeDiskPressure, "pidpressure": incident.PIDExhausted,
	"networkunavailable": incident.CNIDown, "kubeletproblem": incident.KubeletDown, "kubeproxyproblem": incident.KubeProxyDown,
	"cniproblem": incident.CNIDown, "criproblem": incident.ContainerRuntimeDown, "ntpproblem": incident.NTPDrift,
	"resolvconffileproblem": incident.NodeResolvConfBroken, "conntrackfullproblem": incident.ConntrackFull, "fdproblem": incident.FDExhausted,
	"pidproblem": incident.PIDExhausted, "memoryproblem": incident.NodeMemoryPressure, "diskproblem": incident.NodeDiskPressure,
	"diskreadonly": incident.DiskReadonly, "readonlyfilesystem": incident.DiskReadonly, "diskhung": incident.DiskHung, "diskslow": incident.DiskSlow,
	"emptydirvolumegroupstatuserror": incident.EmptyDirVGError, "localpvvolumegroupstatuserror": incident.LocalPvVGError,
	"mountpointproblem": incident.MountPointHung, "processd": incident.NodeProcessDState, "processz": incident.NodeZombieProcesses,
	"scheduledevent": incident.HostScheduledEvent, "rdmaproblem": incident.RDMANicFault, "podidentityagentproblem": incident.PodIdentityAgentDown,
	"spotpricenodereclaimnotification": incident.SpotNodeReclaimed, "frequentkubeletrestart": incident.KubeletFrequentRestart,
	"frequentcontainerdrestart": incident.ContainerdFrequentRestart, "frequentdockerrestart": incident.DockerFrequentRestart,
	"frequentcrirestart": incident.CRIFrequentRestart, "kerneldeadlock": incident.NodeTaskHung, "outofdisk": incident.NodeOutOfDisk,
	"corruptdockeroverlay2": incident.ContainerRuntimeHung, "frequentunregisternetdevice": incident.UnregisterNetDevice,
}

// conditions reads every condition of a node but Ready.
func (g *gather) conditions(n *corev1.Node) {
	t := nodeTarget(n.Name)
	for _, c := range n.Status.Conditions {
		r, ok := nodeProblems[strings.ToLower(string(c.Type))]
		if r == incident.CNIDown && strings.Contains(c.Reason+c.Message, "oute") {
			r = incident.VpcRouteMissing // the route controller's own condition: NoRouteCreated
		}
		if !ok || c.Status != corev1.ConditionTrue {
			continue
		}
		d, fresh := g.on(r, t)
		if fresh {
			i := incident.Info(r)
			d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH)).fact(FactNode, n.Name)
			g.podsOf(d, n)
		}
		d.object(t, "conditions[%s]: True %s %s", c.Type, c.Reason, quote(c.Message)).since(c.LastTransitionTime.Time)
	}
}

// podsOf names the pods of a node that suffer.
func (g *gather) podsOf(d *draft, n *corev1.Node) {
	for _, p := range g.v.idx.PodsOn(n.Name) {
		if !podReady(p) && p.Status.Phase != corev1.PodSucceeded && len(d.f.Affected) < 50 {
			d.affectsPods(p)
		}
	}
}

// notReadyWords tell why a kubelet calls its node not ready.
var notReadyWords = []struct {
	word   string
	reason incident.Reason
}{
	{"container runtime is down", incident.ContainerRuntimeDown},
	{"pleg is not healthy", incident.KubeletPLEGUnhealthy},
	{"containerd.sock", incident.ContainerRuntimeDown},
	{"container runtime status check", incident.ContainerRuntimeDown},
	{"container runtime network not ready", incident.CNIDown},
	{"cni plugin not initialized", incident.CNIDown},
	{"network plugin", incident.CNIDown},
	{"certificate", incident.KubeletCertExpired},
	{"cpu manager", incident.NodeCpuManagerStateStale},
	{"cpu_manager_state", incident.NodeCpuManagerStateStale},
	{"disk", incident.NodeDiskPressure},
	{"shutting down", incident.NodeEcsStopped},
	{"shutdown", incident.NodeEcsStopped},
}

// leaseLost is how old a heartbeat may be before the node counts as lost: the kubelet renews it every 10 s, the control plane waits 40.
const leaseLost = 40 * time.Second

// silent says whether a heartbeat has stopped. Against a node that still counts as ready only the other nodes' heartbeats are proof, by
// their median: objects may be listed minutes before the moment they are held against, and then all of them look old.
func (v *view) silent(l *observe.Lease, ready *corev1.NodeCondition) bool {
	late := max(leaseLost, l.Lasts)
	if l.RenewedAt.IsZero() || v.At.Sub(l.RenewedAt) <= late {
		return false
	}
	now := v.At
	if ready != nil && ready.Status == corev1.ConditionTrue {
		var all []time.Time
		for _, x := range v.Objects.Leases {
			if !x.RenewedAt.IsZero() && !x.RenewedAt.After(v.At) {
				all = append(all, x.RenewedAt)
			}
		}
		slices.SortFunc(all, time.Time.Compare)
		now = all[len(all)/2]
	}
	return now.Sub(l.RenewedAt) > late
}

// nodeReadiness says why a node is not ready.
func (g *gather) nodeReadiness(n *corev1.Node) {
	t := nodeTarget(n.Name)
	c := nodeCondition(n, corev1.NodeReady)
	lease := g.v.idx.Lease(n.Name)
	stale := lease != nil && g.v.silent(lease, c)
	if c == nil && !stale || c != nil && c.Status == corev1.ConditionTrue && !stale {
		return
	}
	if c == nil {
		c = &corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}
	}
	if g.v.age(n.CreationTimestamp.Time) < 5*time.Minute && c.Status == corev1.ConditionFalse {
		return // still joining
	}
	r, strength := g.v.whyNotReady(n, c)
	d, fresh := g.on(r, t)
	if fresh {
		i := incident.Info(r)
		en, zh := "%s is not ready: %s", "%s 未就绪：%s"
		if c.Status == corev1.ConditionTrue {
			en, zh = "%s has stopped reporting: %s", "%s 已停止上报心跳：%s"
		}
		d.say(fmt.Sprintf(en, t, i.Title.EN), fmt.Sprintf(zh, t, i.Title.ZH)).weigh(strength).fact(FactNode, n.Name)
		g.podsOf(d, n)
	}
	d.object(t, "conditions[Ready]: %s %s %s", c.Status, c.Reason, quote(c.Message))
	if c.Status != corev1.ConditionTrue {
		d.since(c.LastTransitionTime.Time)
	}
	if lease != nil && stale {
		d.object(incident.Target{Kind: "Lease", Namespace: "kube-node-lease", Name: n.Name}, "spec.renewTime %s, %s ago", lease.RenewedAt.UTC().Format(time.RFC3339), spanEN(g.v.age(lease.RenewedAt))).since(lease.RenewedAt)
	}
	d.event(g.v.lastEvent(t, g.v.ago(6*time.Hour), "NodeNotReady", "KUBELETIsDown", "KubeletIsDown"))
	g.stillAlive(d, n, c, r)
	if ch, ok := g.v.serverChange(n); ok {
		d.change(ch, "%s %s%s", ch.Verb, ch.Target, byWhom(ch)).since(ch.At)
	}
	if r != incident.NodeControlPlaneDisconnected && c.Status != corev1.ConditionFalse {
		o, _ := g.on(incident.NodeControlPlaneDisconnected, t)
		o.weigh(0.7).say(fmt.Sprintf("the control plane has lost %s", t), fmt.Sprintf("%s 与控制面失联", t)).object(t, "conditions[Ready]: %s %s", c.Status, c.Reason).since(c.LastTransitionTime.Time)
	}
}

// whyNotReady tells a dead kubelet from a dead runtime, a dead server and a cut line.
func (v *view) whyNotReady(n *corev1.Node, c *corev1.NodeCondition) (incident.Reason, float64) {
	text := strings.ToLower(c.Reason + " " + c.Message)
	if c.Status == corev1.ConditionFalse {
		for _, w := range notReadyWords {
			if strings.Contains(text, w.word) {
				return w.reason, 1
			}
		}
		return incident.KubeletDown, 0.7
	}
	for _, t := range n.Spec.Taints {
		if t.Key == "node.cloudprovider.kubernetes.io/shutdown" {
			return incident.NodeEcsStopped, 1
		}
	}
	if ch, ok := v.serverChange(n); ok && (strings.Contains(strings.ToLower(ch.Verb), "stop") || strings.Contains(strings.ToLower(ch.Verb), "shutdown")) {
		return incident.NodeEcsStopped, 0.95
	}
	if v.lastEvent(nodeTarget(n.Name), v.ago(6*time.Hour), "DeleteNodeWithNoServer", "NoServer") != nil {
		return incident.NodeEcsDeleted, 1
	}
	if v.problem(n, "kubeletproblem") || v.lastEvent(nodeTarget(n.Name), v.ago(2*time.Hour), "KUBELETIsDown", "KubeletIsDown") != nil {
		return incident.KubeletDown, 1
	}
	if v.problem(n, "criproblem") {
		return incident.ContainerRuntimeDown, 0.95
	}
	alive, known := v.talksAfter(n, c.LastTransitionTime.Time)
	switch {
	case known && !alive:
		return incident.NodeControlPlaneDisconnected, 0.95
	case known:
		return incident.KubeletDown, 0.95
	}
	return incident.KubeletDown, 0.85
}

func (v *view) problem(n *corev1.Node, kind string) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return strings.EqualFold(string(c.Type), kind) && c.Status == corev1.ConditionTrue
	})
}

// talksAfter says whether the node's own metrics went on after the kubelet fell silent: then the server lives. known is false where no
// series of the node was read.
func (v *view) talksAfter(n *corev1.Node, from time.Time) (alive, known bool) {
	for _, m := range []string{"node_cpu_usage_ratio", "node_memory_usage_ratio", "node_network_receive_bytes_per_second"} {
		for _, s := range v.idx.SeriesOf(m, nodeTarget(n.Name)) {
			p, ok := s.Last()
			if !ok {
				continue
			}
			known = true
			alive = alive || p.At.After(from.Add(time.Minute)) && v.recent(p.At, 5*time.Minute)
		}
	}
	return alive, known && !from.IsZero() && v.age(from) > 2*time.Minute
}

func (g *gather) stillAlive(d *draft, n *corev1.Node, c *corev1.NodeCondition, r incident.Reason) {
	alive, known := g.v.talksAfter(n, c.LastTransitionTime.Time)
	if !known || c.Status != corev1.ConditionUnknown {
		return
	}
	t := nodeTarget(n.Name)
	if alive {
		d.metric(t, g.v.At, "the node's own metrics go on after Ready became Unknown: the server runs")
	} else if r == incident.NodeControlPlaneDisconnected || r == incident.NodeEcsStopped {
		d.metric(t, c.LastTransitionTime.Time, "the node's own metrics end when Ready became Unknown: the server does not answer at all")
	}
}

// serverChange is the newest change of the node's server or Node object that may have taken it down.
func (v *view) serverChange(n *corev1.Node) (observe.Change, bool) {
	for i := len(v.Changes) - 1; i >= 0; i-- {
		c := v.Changes[i]
		verb := strings.ToLower(c.Verb)
		if !v.recent(c.At, 6*time.Hour) || ourOwn(c) || !strings.Contains(verb, "stop") && !strings.Contains(verb, "shutdown") && !strings.Contains(verb, "reboot") && !strings.Contains(verb, "delete") {
			continue
		}
		if c.Target.Name == n.Name && (c.Target.Kind == "Node" || strings.Contains(strings.ToLower(c.Target.Kind), "server") || strings.EqualFold(c.Target.Kind, "ecs")) {
			return c, true
		}
	}
	return observe.Change{}, false
}

// zoneOutage is one trouble of a zone rather than of each of its nodes.
func (g *gather) zoneOutage() {
	lost, all := map[string][]string{}, map[string]int{}
	var since time.Time
	for _, n := range g.v.Objects.Nodes {
		zone := n.Labels[corev1.LabelTopologyZone]
		all[zone]++
		if c := nodeCondition(n, corev1.NodeReady); c != nil && c.Status == corev1.ConditionUnknown {
			lost[zone] = append(lost[zone], n.Name)
			if since.IsZero() || c.LastTransitionTime.Time.Before(since) {
				since = c.LastTransitionTime.Time
			}
		}
	}
	for _, zone := range sortedKeys(lost) {
		names := lost[zone]
		if zone == "" || len(names) < 3 || 3*len(names) < 2*all[zone] || len(all) < 2 {
			continue
		}
		d, _ := g.on(incident.NodeAzOutage, g.v.clusterTarget())
		d.say(fmt.Sprintf("%d of %d nodes of zone %s are lost", len(names), all[zone], zone), fmt.Sprintf("可用区 %s 的 %d/%d 个节点失联", zone, len(names), all[zone])).
			object(g.v.clusterTarget(), "Ready=Unknown on %s, all in zone %s", quote(strings.Join(names, ", ")), zone).since(since)
		for _, n := range names {
			d.affects(nodeTarget(n))
			d.event(g.v.lastEvent(nodeTarget(n), g.v.ago(time.Hour), "NodeNotReady"))
		}
	}
}
