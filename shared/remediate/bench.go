package remediate

import (
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// bench is what solutions for one cause are worked out on.
type bench struct {
	s     *observe.Snapshot
	cause incident.Finding
	load  *load         // the workload the cause is about; nil where it is not about one
	world func() *world // the cluster as the scheduler sees it, worked out when it is first asked for
}

// load is a workload with what belongs to it.
type load struct {
	workload
	target incident.Target
	pods   []*corev1.Pod // unfinished ones
	hpa    *autoscalingv2.HorizontalPodAutoscaler
	pdbs   []*policyv1.PodDisruptionBudget
}

func newBench(s *observe.Snapshot, cause incident.Finding, w func() *world) *bench {
	b := &bench{s: s, cause: cause, world: w}
	b.load = b.find(cause.Target)
	return b
}

// target names an object in the snapshot's cluster.
func (b *bench) target(kind, namespace, name string) incident.Target {
	return incident.Target{Cluster: b.s.Cluster.ID, Kind: kind, Namespace: namespace, Name: name}
}

// find is the workload a target is or belongs to: a pod's or replica set's controller, an autoscaler's target.
func (b *bench) find(t incident.Target) *load {
	o := &b.s.Objects
	switch t.Kind {
	case "Deployment":
		return pick(b, t, o.Deployments)
	case "StatefulSet":
		return pick(b, t, o.StatefulSets)
	case "DaemonSet":
		return pick(b, t, o.DaemonSets)
	case "ReplicaSet":
		if rs := objectNamed(o.ReplicaSets, t); rs != nil {
			return b.controller(rs)
		}
	case "Pod":
		if p := objectNamed(o.Pods, t); p != nil {
			return b.controller(p)
		}
	case "HorizontalPodAutoscaler":
		if h := objectNamed(o.HPAs, t); h != nil {
			return b.find(b.target(h.Spec.ScaleTargetRef.Kind, h.Namespace, h.Spec.ScaleTargetRef.Name))
		}
	}
	return nil
}

func (b *bench) controller(o metav1.Object) *load {
	if ref := metav1.GetControllerOf(o); ref != nil {
		return b.find(b.target(ref.Kind, o.GetNamespace(), ref.Name))
	}
	return nil
}

// objectNamed finds an object by namespace and name; the zero value when there is none.
func objectNamed[T metav1.Object](all []T, t incident.Target) T {
	for _, o := range all {
		if o.GetNamespace() == t.Namespace && o.GetName() == t.Name {
			return o
		}
	}
	var none T
	return none
}

func pick[T object](b *bench, t incident.Target, all []T) *load {
	for _, o := range all {
		if o.GetNamespace() != t.Namespace || o.GetName() != t.Name {
			continue
		}
		w, err := workloadOf(o)
		if err != nil {
			return nil
		}
		l := &load{workload: w, target: b.target(t.Kind, t.Namespace, t.Name)}
		b.gather(l)
		return l
	}
	return nil
}

func (b *bench) gather(l *load) {
	for _, p := range b.s.Objects.Pods {
		if p.Namespace == l.target.Namespace && !finished(p) && b.owns(l, p) {
			l.pods = append(l.pods, p)
		}
	}
	for _, h := range b.s.Objects.HPAs {
		if ref := h.Spec.ScaleTargetRef; h.Namespace == l.target.Namespace && ref.Kind == l.target.Kind && ref.Name == l.target.Name {
			l.hpa = h
		}
	}
	for _, pdb := range b.s.Objects.PDBs {
		if pdb.Namespace == l.target.Namespace && selects(pdb.Spec.Selector, l.template.Labels) {
			l.pdbs = append(l.pdbs, pdb)
		}
	}
}

// owns follows a pod's controller; a Deployment's pods belong to its replica sets, which are named after it. A pod without a
// controller that the selector matches will be adopted, and counts.
func (b *bench) owns(l *load, p *corev1.Pod) bool {
	if !selects(l.selector, p.Labels) {
		return false
	}
	ref := metav1.GetControllerOf(p)
	switch {
	case ref == nil:
		return len(p.OwnerReferences) == 0
	case l.target.Kind == "Deployment":
		return ref.Kind == "ReplicaSet" && strings.HasPrefix(ref.Name, l.target.Name+"-")
	default:
		return ref.Kind == l.target.Kind && ref.Name == l.target.Name
	}
}

func selects(s *metav1.LabelSelector, of map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && !selector.Empty() && selector.Matches(labels.Set(of))
}

// waitingPods are a workload's pods without a node.
func (l *load) waitingPods() []*corev1.Pod {
	var out []*corev1.Pod
	for _, p := range l.pods {
		if waiting(p) {
			out = append(out, p)
		}
	}
	return out
}

// container is the one a cause speaks of, or the one with the largest request of a resource.
func (b *bench) container(name corev1.ResourceName) *corev1.Container {
	cs := b.load.template.Spec.Containers
	if _, c := containerNamed(cs, b.cause.Facts[factContainer]); c != nil {
		return c
	}
	var best *corev1.Container
	for i := range cs {
		if best == nil || amount(cs[i].Resources, name).Cmp(*amount(best.Resources, name)) > 0 {
			best = &cs[i]
		}
	}
	return best
}
