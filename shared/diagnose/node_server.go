package diagnose

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// providedIP is where the cloud's controller wrote the address it gave the node.
const providedIP = "alpha.kubernetes.io/provided-node-ip"

var (
	wrongIP       = regexp.MustCompile(`(?i)node ?IP.*not found in the host's network interfaces|failed to validate nodeIP`)
	systemDir     = regexp.MustCompile(`(?i)(/opt/cloud/cce|/var/paas|/mnt/paas)\S*.*(no such file|not exist|permission denied|missing)`)
	hardwareWords = regexp.MustCompile(`(?i)hardware error|\bMCE\b|machine check|EDAC \S+.*\bUE\b|uncorrect(ed|able) memory error`)
	diskGone      = regexp.MustCompile(`(?i)invalid capacity 0 on image filesystem|failed to get imageFs info|(volume group|vg) \S+ (not found|missing)|no such device`)
	reinstalled   = regexp.MustCompile(`(?i)reinstall|change.?(server)?.?os|resetNode|reset_node`)
	detached      = regexp.MustCompile(`(?i)detach.*(vol|disk|evs)|(vol|disk|evs).*detach`)
	rawVersion    = regexp.MustCompile(`^3\.10\.0-(\d+)`)
)

// server looks at what happened to the machine under a node: its address, its system, its disks, its hardware.
func (g *gather) server(n *corev1.Node) {
	t := nodeTarget(n.Name)
	ready := nodeCondition(n, corev1.NodeReady)
	lost := ready == nil || ready.Status != corev1.ConditionTrue
	begin := func(r incident.Reason) *draft {
		d, fresh := g.on(r, t)
		if fresh {
			i := incident.Info(r)
			d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH)).fact(FactNode, n.Name)
			g.podsOf(d, n)
			if lost && ready != nil {
				d.object(t, "conditions[Ready]: %s %s %s", ready.Status, ready.Reason, quote(ready.Message)).since(ready.LastTransitionTime.Time)
			}
		}
		return d
	}
	words := ""
	if ready != nil && lost {
		words = ready.Message
	}
	if want, have := n.Annotations[providedIP], internalIP(n); want != "" && have != "" && want != have || wrongIP.MatchString(words) {
		begin(incident.NodeIpChanged).object(t, "status.addresses InternalIP %s, annotation %s %s", cmpOr(have, "none"), providedIP, cmpOr(quoteTo(want, 60), "none"))
	}
	if systemDir.MatchString(words) {
		begin(incident.NodeSystemDirDamaged)
	}
	if diskGone.MatchString(words) {
		begin(incident.DataDiskDetached)
	}
	if label, now := n.Labels["os.version"], n.Status.NodeInfo.KernelVersion; lost && label != "" && now != "" && label != now {
		begin(incident.NodeOsReinstalledOrKernelChanged).object(t, "label os.version %s, status.nodeInfo.kernelVersion %s", quoteTo(label, 60), quoteTo(now, 60))
	}
	for _, c := range g.v.Changes {
		if ourOwn(c) || !g.v.recent(c.At, 6*time.Hour) || !g.v.ofServer(c, n) {
			continue
		}
		switch {
		case reinstalled.MatchString(c.Verb) && lost:
			begin(incident.NodeOsReinstalledOrKernelChanged).change(c, "%s %s%s", quoteTo(c.Verb, 40), c.Target, byWhom(c)).since(c.At)
		case detached.MatchString(c.Verb+" "+c.Target.Kind) && (lost || g.v.diskTrouble(n)):
			begin(incident.DataDiskDetached).change(c, "%s %s%s", quoteTo(c.Verb, 40), c.Target, byWhom(c)).since(c.At)
		}
	}
	g.serverEvents(n, begin)
	g.oldScsi(n, begin)
}

func (g *gather) serverEvents(n *corev1.Node, begin func(incident.Reason) *draft) {
	for _, e := range g.v.eventsOf(nodeTarget(n.Name)) {
		if e.Type == corev1.EventTypeNormal || !g.v.happened(e, 2*time.Hour) {
			continue
		}
		r := incident.Reason("")
		switch {
		case hardwareWords.MatchString(e.Message) || e.Reason == "MemoryReadError":
			r = incident.NodeEcsFaulty
		case systemDir.MatchString(e.Message):
			r = incident.NodeSystemDirDamaged
		case diskGone.MatchString(e.Message):
			r = incident.DataDiskDetached
		case wrongIP.MatchString(e.Message):
			r = incident.NodeIpChanged
		default:
			continue
		}
		if d := begin(r); !d.wordy() {
			d.event(e).since(observe.FirstSeen(e))
		}
	}
}

func internalIP(n *corev1.Node) string {
	for _, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			return a.Address
		}
	}
	return ""
}

// ofServer says whether a change is of the server under a node or names it.
func (v *view) ofServer(c observe.Change, n *corev1.Node) bool {
	if c.Target.Name == n.Name || n.Spec.ProviderID != "" && strings.HasSuffix(n.Spec.ProviderID, c.Target.Name) && c.Target.Name != "" {
		return true
	}
	return mentions(c, n.Name, n.Spec.ProviderID) || namedAddress(c.Before+" "+c.After, internalIP(n))
}

// diskTrouble says whether a node reports that one of its own disks does not work.
func (v *view) diskTrouble(n *corev1.Node) bool {
	for _, k := range []string{"diskreadonly", "diskhung", "emptydirvolumegroupstatuserror", "localpvvolumegroupstatuserror", "criproblem", "kubeletproblem"} {
		if v.problem(n, k) {
			return true
		}
	}
	return false
}

// oldScsi is a hung disk under a kernel that is known to lose the answers of SCSI disks: 3.10.0 before build 1127.
func (g *gather) oldScsi(n *corev1.Node, begin func(incident.Reason) *draft) {
	v := g.v
	m := rawVersion.FindStringSubmatch(n.Status.NodeInfo.KernelVersion)
	if m == nil || !v.problem(n, "diskhung") {
		return
	}
	build, err := strconv.Atoi(m[1])
	if err != nil || build >= 1127 {
		return
	}
	for _, p := range v.idx.PodsOn(n.Name) {
		for _, vol := range p.Spec.Volumes {
			if vol.PersistentVolumeClaim == nil {
				continue
			}
			c := v.claim(p.Namespace, vol.PersistentVolumeClaim.ClaimName)
			if c == nil {
				continue
			}
			pv := v.idx.VolumeOf(c)
			if pv == nil || !strings.EqualFold(diskMode(pv), "SCSI") {
				continue
			}
			begin(incident.ScsiEvsIoSuspension).object(nodeTarget(n.Name), "conditions[DiskHung] True, kernel %s", n.Status.NodeInfo.KernelVersion).
				object(incident.Target{Kind: "PersistentVolume", Name: pv.Name}, "everest.io/disk-mode SCSI, used by a pod of the node").affectsPods(p)
			return
		}
	}
}

func diskMode(p *corev1.PersistentVolume) string {
	if p.Spec.CSI != nil {
		if m := p.Spec.CSI.VolumeAttributes["everest.io/disk-mode"]; m != "" {
			return m
		}
	}
	return p.Annotations["everest.io/disk-mode"]
}

// loadHigh is the run queue for each core above which a kubelet is late with its heartbeats.
const loadHigh = 4.0

// overloaded is a node whose load keeps its own daemons from their work: a long run queue, or a full CPU while Ready comes and goes.
func (g *gather) overloaded(n *corev1.Node) {
	v := g.v
	t := nodeTarget(n.Name)
	cores := n.Status.Capacity.Cpu().AsApproximateFloat64()
	unsteady := g.has(t, incident.NodeReadyFlapping, incident.KubeletDown, incident.NodeControlPlaneDisconnected, incident.KubeletPLEGUnhealthy)
	for _, m := range []string{"node_load1", "node_load5", "node_cpu_usage_ratio", "node_memory_usage_ratio"} {
		for _, s := range v.idx.SeriesOf(m, t) {
			level, ok := v.current(s)
			bound := 0.95
			if strings.HasPrefix(m, "node_load") {
				if cores <= 0 {
					continue
				}
				bound = loadHigh * cores
			}
			if !ok || level < bound || !strings.HasPrefix(m, "node_load") && !unsteady {
				continue
			}
			d, fresh := g.on(incident.NodeOverloaded, t)
			if fresh {
				d.say(fmt.Sprintf("%s has more work than it can do", t), fmt.Sprintf("%s 负载过高", t)).fact(FactNode, n.Name).weigh(0.9)
			}
			d.metric(t, v.At, "%s %.2f", m, level).since(heldSince(s, bound))
			if unsteady {
				d.object(t, "its Ready condition does not hold at the same time")
			} else {
				d.object(t, "status.capacity.cpu %.0f", cores)
			}
		}
	}
}
