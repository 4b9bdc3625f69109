package diagnose

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"cce-oncall/shared/incident"
)

// builtinTaints are set by the system for a state of the node; the state is the cause, not the taint.
func builtinTaint(key string) bool {
	return slices.Contains([]string{
		corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable, corev1.TaintNodeMemoryPressure, corev1.TaintNodeDiskPressure,
		corev1.TaintNodePIDPressure, corev1.TaintNodeNetworkUnavailable, corev1.TaintNodeUnschedulable,
	}, key)
}

// decide picks the obstacle that, once removed, lets the pod in. One scheduler message counts several; a node that was never meant
// for the pod (control plane, other selector) is background. The order: what no amount of nodes could help, then what keeps out
// nodes that would otherwise do, then room.
func (v *view) decide(p *corev1.Pod, obstacles []obstacle) (incident.Reason, []*corev1.Node, float64) {
	if len(obstacles) == 0 {
		return "", nil, 0
	}
	said := func(r incident.Reason) bool {
		return slices.ContainsFunc(obstacles, func(o obstacle) bool { return o.reason == r })
	}
	for _, r := range []incident.Reason{incident.NoNodesAvailable, incident.ClaimMissing, incident.UnboundImmediatePVC, incident.CSIDriverMissingOnNode} {
		if said(r) {
			return r, nil, 1
		}
	}
	if r := v.tooLarge(p, said); r != "" {
		return r, nil, 1
	}
	all := v.fits(p)
	if len(all) == 0 {
		return v.decideByCount(p, obstacles)
	}
	var meant []fit // nodes whose labels the pod asks for, the control plane left out
	for _, f := range all {
		if !f.control && f.selector && f.affinity {
			meant = append(meant, f)
		}
	}
	if len(meant) == 0 {
		return v.selectorOrAffinity(p, said, all), nil, 1
	}
	if r, nodes := v.keptOut(p, meant, said); r != "" {
		return r, nodes, 1
	}
	return v.noRoom(meant, obstacles), nil, 0.95
}

// tooLarge says whether a single pod asks for more than the largest node has.
func (v *view) tooLarge(p *corev1.Pod, said func(incident.Reason) bool) incident.Reason {
	need := requests(p)
	for _, x := range []struct {
		n      corev1.ResourceName
		scarce incident.Reason
		never  incident.Reason
	}{
		{corev1.ResourceCPU, incident.InsufficientCPU, incident.CPURequestExceedsAnyNode},
		{corev1.ResourceMemory, incident.InsufficientMemory, incident.MemoryRequestExceedsAnyNode},
	} {
		most, on := v.largest(x.n)
		q := need[x.n]
		if said(x.scarce) && on != "" && q.Cmp(most) > 0 {
			return x.never
		}
	}
	return ""
}

// largest is the most that any node, the control plane left out, can allocate of a resource.
func (v *view) largest(n corev1.ResourceName) (resource.Quantity, string) {
	var most resource.Quantity
	on := ""
	for _, x := range v.Objects.Nodes {
		q, ok := x.Status.Allocatable[n]
		if ok && (!controlNode(x) || len(v.Objects.Nodes) == 1) && (on == "" || q.Cmp(most) > 0) {
			most, on = q, x.Name
		}
	}
	return most, on
}

// selectorOrAffinity tells the two apart, which the scheduler's sentence does not.
func (v *view) selectorOrAffinity(p *corev1.Pod, said func(incident.Reason) bool, all []fit) incident.Reason {
	selectorOnly, affinityOnly := false, false
	for _, f := range all {
		if f.control {
			continue
		}
		selectorOnly = selectorOnly || !f.selector
		affinityOnly = affinityOnly || !f.affinity
	}
	switch {
	case selectorOnly:
		return incident.NodeSelectorMismatch
	case affinityOnly:
		return incident.NodeAffinityMismatch
	case said(incident.UntoleratedTaint):
		return incident.UntoleratedTaint
	}
	return incident.NodeSelectorMismatch
}

// keptOut looks for what keeps the pod off nodes that have room: a cordon, a taint, a rule about other pods, a volume.
func (v *view) keptOut(p *corev1.Pod, meant []fit, said func(incident.Reason) bool) (incident.Reason, []*corev1.Node) {
	var cordoned, tainted, open []*corev1.Node
	if said(incident.VolumeNodeAffinityConflict) {
		meant = slices.DeleteFunc(slices.Clone(meant), func(f fit) bool { return !f.volume })
	}
	for _, f := range meant {
		room := !f.lacksCPU && !f.lacksMem && !f.tooMany
		switch {
		case f.cordoned && room:
			cordoned = append(cordoned, f.node)
		case f.cordoned:
		case f.taint != nil && room:
			tainted = append(tainted, f.node)
		case f.taint != nil:
		default:
			open = append(open, f.node)
		}
	}
	for _, r := range []incident.Reason{incident.VolumeNodeAffinityConflict, incident.MaxVolumeCountReached, incident.NodeNotSupportsContainer} {
		if said(r) {
			if len(open) == 0 && len(cordoned) > 0 && r != incident.MaxVolumeCountReached {
				return incident.NodeCordoned, cordoned
			}
			return r, open
		}
	}
	for _, r := range []incident.Reason{incident.PodAntiAffinityConflict, incident.TopologySpreadUnsatisfied, incident.HostPortConflict} {
		if said(r) && len(cordoned) == 0 {
			return r, nil
		}
	}
	if len(cordoned) > 0 && (said(incident.NodeCordoned) || said(incident.UntoleratedTaint)) {
		return incident.NodeCordoned, cordoned
	}
	for _, r := range []incident.Reason{incident.PodAntiAffinityConflict, incident.TopologySpreadUnsatisfied, incident.HostPortConflict} {
		if said(r) {
			return r, nil
		}
	}
	if len(tainted) > 0 && said(incident.UntoleratedTaint) && (len(open) == 0 || v.unusual(tainted)) {
		if len(tainted) > 5 && len(tainted) == len(meant) && builtinOn(tainted) {
			return incident.AllNodesBlocked, tainted
		}
		return incident.UntoleratedTaint, tainted
	}
	return "", nil
}

// unusual says whether taints came lately or speak of a state, and so are not just the mark of a special pool.
func (v *view) unusual(nodes []*corev1.Node) bool {
	for _, n := range nodes {
		for _, t := range n.Spec.Taints {
			if builtinTaint(t.Key) || t.TimeAdded != nil && v.recent(t.TimeAdded.Time, early) {
				return true
			}
		}
	}
	return false
}

func builtinOn(nodes []*corev1.Node) bool {
	for _, n := range nodes {
		if !slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return builtinTaint(t.Key) }) {
			return false
		}
	}
	return true
}

// noRoom is what is short on the nodes that are meant for the pod.
func (v *view) noRoom(meant []fit, obstacles []obstacle) incident.Reason {
	cpu, mem, pods := 0, 0, 0
	for _, f := range meant {
		if f.cordoned || f.taint != nil {
			continue
		}
		if f.lacksCPU {
			cpu++
		}
		if f.lacksMem {
			mem++
		}
		if f.tooMany {
			pods++
		}
	}
	switch {
	case cpu > 0 && cpu >= mem && cpu >= pods:
		return incident.InsufficientCPU
	case mem > 0 && mem >= pods:
		return incident.InsufficientMemory
	case pods > 0:
		return incident.TooManyPodsOnNode
	}
	// Nodes that the pod's own rules leave out were never meant for it, however many they are.
	if rest := slices.DeleteFunc(slices.Clone(obstacles), func(o obstacle) bool {
		return o.reason == incident.NodeSelectorMismatch || o.reason == incident.NodeAffinityMismatch
	}); len(rest) > 0 {
		return most(rest)
	}
	return most(obstacles)
}

// decideByCount judges by the message alone, where no node was read.
func (v *view) decideByCount(p *corev1.Pod, obstacles []obstacle) (incident.Reason, []*corev1.Node, float64) {
	r := most(obstacles)
	if r == incident.NodeSelectorMismatch && len(p.Spec.NodeSelector) == 0 && p.Spec.Affinity != nil && p.Spec.Affinity.NodeAffinity != nil {
		r = incident.NodeAffinityMismatch
	}
	return r, nil, 0.85
}

// most is the obstacle of most nodes, the taint of the control plane left out.
func most(obstacles []obstacle) incident.Reason {
	var best obstacle
	for _, o := range obstacles {
		if o.reason == incident.UntoleratedTaint && slices.ContainsFunc(controlPlaneKeys, func(k string) bool { return strings.Contains(o.text, k) }) && len(obstacles) > 1 {
			continue
		}
		if best.reason == "" || o.nodes > best.nodes {
			best = o
		}
	}
	return best.reason
}
