package diagnose

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// localVolumes are claims on a disk of one node, when that node is not there.
func (g *gather) localVolumes() {
	v := g.v
	for _, c := range v.Objects.PersistentVolumeClaims {
		p := v.idx.VolumeOf(c)
		if p == nil || p.Spec.NodeAffinity == nil || p.Spec.NodeAffinity.Required == nil {
			continue
		}
		host := hostOf(p)
		if host == "" || len(v.Objects.Nodes) == 0 {
			continue
		}
		n := v.idx.Node(host)
		if n != nil && nodeReady(n) == corev1.ConditionTrue {
			continue
		}
		users := v.usersOf(c)
		if !slices.ContainsFunc(users, func(w *workload) bool { return len(unreadyOf(w)) > 0 }) {
			continue
		}
		d := g.say(incident.LocalPVNodeOffline, claimTarget(c.Namespace, c.Name), c, users)
		d.object(incident.Target{Kind: "PersistentVolume", Name: p.Name}, "spec.nodeAffinity: %s, which is not ready or gone", host).fact(FactNode, host)
	}
}

// hostOf is the only node a volume can be used on, "" when it is not bound to one.
func hostOf(p *corev1.PersistentVolume) string {
	for _, t := range p.Spec.NodeAffinity.Required.NodeSelectorTerms {
		for _, m := range t.MatchExpressions {
			if m.Key == corev1.LabelHostname && m.Operator == corev1.NodeSelectorOpIn && len(m.Values) == 1 {
				return m.Values[0]
			}
		}
	}
	return ""
}
