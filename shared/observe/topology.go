package observe

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// Topology is which object belongs to which, for the correlation of alarms.
func (s *Snapshot) Topology() alarm.Topology { return s.topology(s.Index()) }

func (s *Snapshot) topology(x *Index) topology {
	t := topology{x: x, nodeAt: map[string]string{}, claims: map[incident.Target][]incident.Target{}}
	for _, n := range s.Objects.Nodes {
		for _, a := range n.Status.Addresses {
			if a.Type != corev1.NodeHostName {
				t.nodeAt[a.Address] = n.Name
			}
		}
	}
	for _, p := range s.Objects.Pods {
		top := x.WorkloadOf(p)
		for _, v := range p.Spec.Volumes {
			if v.PersistentVolumeClaim == nil {
				continue
			}
			c := key("PersistentVolumeClaim", p.Namespace, v.PersistentVolumeClaim.ClaimName)
			if !slices.Contains(t.claims[c], top) {
				t.claims[c] = append(t.claims[c], top)
			}
		}
	}
	return t
}

type topology struct {
	x      *Index
	nodeAt map[string]string                     // address → node
	claims map[incident.Target][]incident.Target // claim → workloads that mount it
}

func (t topology) Owner(o alarm.Object) (alarm.Object, bool) {
	at := key(o.Kind, o.Namespace, o.Name)
	switch o.Kind {
	case "Node":
		if t.x.Node(o.Name) == nil {
			if name := t.nodeAt[o.Name]; name != "" {
				return alarm.Object{Kind: "Node", Name: name}, true
			}
		}
		return o, t.x.Node(o.Name) != nil
	case "Service":
		tops := t.tops(t.x.PodsOf(at))
		if len(tops) == 1 {
			return objectOf(tops[0]), true
		}
		return o, false
	case "PersistentVolume":
		if v := t.x.PV(o.Name); v != nil && v.Spec.ClaimRef != nil {
			return t.Owner(alarm.Object{Kind: "PersistentVolumeClaim", Namespace: v.Spec.ClaimRef.Namespace, Name: v.Spec.ClaimRef.Name})
		}
		return o, false
	case "PersistentVolumeClaim":
		if tops := t.claims[at]; len(tops) == 1 {
			return objectOf(tops[0]), true
		}
		return o, t.x.PVC(o.Namespace, o.Name) != nil
	}
	if !t.x.Has(o.Kind, o.Namespace, o.Name) {
		return alarm.Object{}, false
	}
	return objectOf(t.x.TopOf(at)), true
}

func (t topology) tops(pods []*corev1.Pod) []incident.Target {
	var out []incident.Target
	for _, p := range pods {
		if top := t.x.WorkloadOf(p); !slices.Contains(out, top) {
			out = append(out, top)
		}
	}
	return out
}

func (t topology) Nodes(o alarm.Object) []string {
	var out []string
	for _, p := range t.x.PodsOf(key(o.Kind, o.Namespace, o.Name)) {
		if n := p.Spec.NodeName; n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

func (t topology) Pool(node string) string {
	n := t.x.Node(node)
	if n == nil {
		return ""
	}
	return n.Labels[NodePoolLabel]
}

func objectOf(t incident.Target) alarm.Object {
	return alarm.Object{Kind: t.Kind, Namespace: t.Namespace, Name: t.Name}
}
