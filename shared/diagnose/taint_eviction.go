package diagnose

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// taintEvictions are pods that were deleted because a NoExecute taint came onto their node. The event stays with the pod's name when the
// pod is gone; the node is told by the pod's last record, or by the only node that carries such a taint.
func (g *gather) taintEvictions() {
	v := g.v
	for _, e := range v.Objects.Events {
		if e.Reason != "TaintManagerEviction" || strings.Contains(e.Message, "Cancelling") || !v.happened(e, time.Hour) {
			continue
		}
		p := v.idx.Pod(e.InvolvedObject.Namespace, e.InvolvedObject.Name)
		n := ""
		if p != nil {
			n = p.Spec.NodeName
		}
		if n == "" {
			n = v.onlyEvicting()
		}
		if n == "" {
			continue
		}
		d := g.evictedByTaint(n)
		for _, t := range v.above("Pod", e.InvolvedObject.Namespace, e.InvolvedObject.Name) {
			d.affects(t)
		}
		if !d.wordy() {
			d.event(e).since(observe.FirstSeen(e))
		}
	}
	for _, p := range v.Objects.Pods {
		if c := condition(p, corev1.DisruptionTarget); c != nil && c.Status == corev1.ConditionTrue && c.Reason == "DeletionByTaintManager" && v.recent(c.LastTransitionTime.Time, time.Hour) && p.Spec.NodeName != "" {
			d := g.evictedByTaint(p.Spec.NodeName)
			d.affectsPods(p).affects(v.owner[p].target).since(c.LastTransitionTime.Time)
			if !d.wordy() {
				d.object(podTarget(p), "conditions[DisruptionTarget]: DeletionByTaintManager %s", quote(c.Message))
			}
		}
	}
}

func (g *gather) evictedByTaint(n string) *draft {
	t := nodeTarget(n)
	d, fresh := g.on(incident.TaintEviction, t)
	if fresh {
		d.say(fmt.Sprintf("pods are deleted from %s because of a taint", t), fmt.Sprintf("%s 上的 Pod 因污点被驱逐", t)).fact(FactNode, n)
		if node := g.v.idx.Node(n); node != nil {
			for _, x := range node.Spec.Taints {
				if x.Effect == corev1.TaintEffectNoExecute {
					d.object(t, "spec.taints: %s", x.ToString()).fact(FactTaint, x.ToString())
					if x.TimeAdded != nil {
						d.since(x.TimeAdded.Time)
					}
				}
			}
		}
	}
	return d
}

// onlyEvicting is the one node that carries a NoExecute taint, "" when there are several or none.
func (v *view) onlyEvicting() string {
	n := ""
	for _, x := range v.Objects.Nodes {
		for _, t := range x.Spec.Taints {
			if t.Effect != corev1.TaintEffectNoExecute {
				continue
			}
			if n != "" && n != x.Name {
				return ""
			}
			n = x.Name
		}
	}
	return n
}

// Kubernetes' node lifecycle controller slows eviction down when 55 % of a zone's nodes are lost, and stops it in a small cluster.
const (
	unhealthyZone = 0.55
	smallCluster  = 50
)

// evictionSuspended tells that pods of lost nodes stay where they are because too many nodes are lost at once.
func (g *gather) evictionSuspended() {
	v := g.v
	lost, all := map[string]int{}, map[string]int{}
	for _, n := range v.Objects.Nodes {
		zone := n.Labels[corev1.LabelTopologyZone]
		all[zone]++
		if nodeReady(n) != corev1.ConditionTrue {
			lost[zone]++
		}
	}
	for _, zone := range sortedKeys(lost) {
		if lost[zone] < 3 || float64(lost[zone]) < unhealthyZone*float64(all[zone]) {
			continue
		}
		text, zh := "slowed down", "被限速"
		if len(v.Objects.Nodes) <= smallCluster {
			text, zh = "stopped", "已停止"
		}
		t := v.clusterTarget()
		d, _ := g.on(incident.NodeLifecycleEvictionSuspended, t)
		d.say(fmt.Sprintf("eviction is %s: too many nodes of one zone are lost", text), fmt.Sprintf("驱逐%s：单个可用区失联节点过多", zh)).
			object(t, "%d of %d nodes of zone %s are not ready", lost[zone], all[zone], cmpOr(zone, "(none)"))
	}
}
