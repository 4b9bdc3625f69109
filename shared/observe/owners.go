package observe

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"cce-oncall/shared/incident"
)

// RevisionAnnotation is where the deployment controller writes the revision of a ReplicaSet.
const RevisionAnnotation = "deployment.kubernetes.io/revision"

// NodePoolLabel is the label that CCE puts on a node with the name of its pool.
const NodePoolLabel = "cce.cloud.com/cce-nodepool"

func (x *Index) indexOwners() {
	for _, rs := range x.s.Objects.ReplicaSets {
		t := key("ReplicaSet", rs.Namespace, rs.Name)
		x.workload[t] = x.above(t, rs)
		if owner := metav1.GetControllerOf(rs); owner != nil && owner.Kind == "Deployment" {
			d := key("Deployment", rs.Namespace, owner.Name)
			x.sets[d] = append(x.sets[d], rs)
		}
	}
	for d, sets := range x.sets {
		slices.SortStableFunc(sets, func(a, b *appsv1.ReplicaSet) int {
			return cmp.Or(cmp.Compare(Revision(a), Revision(b)), a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
		})
		x.sets[d] = sets
	}
	for _, j := range x.s.Objects.Jobs {
		t := key("Job", j.Namespace, j.Name)
		x.workload[t] = x.above(t, j)
	}
	for _, p := range x.s.Objects.Pods {
		t := key("Pod", p.Namespace, p.Name)
		top := x.above(t, p)
		x.workload[t] = top
		if owner := metav1.GetControllerOf(p); owner != nil {
			direct := key(owner.Kind, p.Namespace, owner.Name)
			x.pods[direct] = append(x.pods[direct], p)
			if top != direct {
				x.pods[top] = append(x.pods[top], p)
			}
		}
	}
}

// above follows the owners of an object up to the controller on top. Where a ReplicaSet is not in the snapshot, its pods still say
// by their pod-template-hash label which Deployment it belongs to.
func (x *Index) above(t incident.Target, o metav1.Object) incident.Target {
	const deepest = 4 // Pod, Job, CronJob, and one custom controller
	for range deepest {
		owner := metav1.GetControllerOf(o)
		if owner == nil || owner.Name == "" {
			return t
		}
		if owner.Kind == "Node" { // a static pod's mirror: the kubelet owns it, nobody scales it
			return t
		}
		up := key(owner.Kind, t.Namespace, owner.Name)
		next, have := x.objects[up]
		if !have {
			if owner.Kind == "ReplicaSet" {
				return x.aboveSet(up, o.GetLabels()[appsv1.DefaultDeploymentUniqueLabelKey])
			}
			return up
		}
		t, o = up, next
	}
	return t
}

// aboveSet is what owns a ReplicaSet that is not in the snapshot: by the hash that its pods carry, else by a Deployment that is known, or
// by how its name is built.
func (x *Index) aboveSet(set incident.Target, hash string) incident.Target {
	if hash != "" {
		if name, cut := strings.CutSuffix(set.Name, "-"+hash); cut && name != "" {
			return key("Deployment", set.Namespace, name)
		}
	}
	if i := strings.LastIndexByte(set.Name, '-'); i > 0 && x.Has("Deployment", set.Namespace, set.Name[:i]) {
		return key("Deployment", set.Namespace, set.Name[:i])
	}
	if name, ok := DeploymentOfSet(set.Name); ok {
		return key("Deployment", set.Namespace, name)
	}
	return set
}

// WorkloadOf is the controller on top of a pod: the Deployment rather than its ReplicaSet, the CronJob rather than its Job. A pod
// that nothing controls is its own workload.
func (x *Index) WorkloadOf(p *corev1.Pod) incident.Target {
	if t, ok := x.workload[key("Pod", p.Namespace, p.Name)]; ok {
		return t
	}
	return key("Pod", p.Namespace, p.Name)
}

// TopOf is the object that a person would fix instead of t: for a Pod, ReplicaSet or Job its controller on top, for a
// HorizontalPodAutoscaler its target, else t itself.
func (x *Index) TopOf(t incident.Target) incident.Target {
	if up, ok := x.workload[bare(t)]; ok {
		up.Cluster = t.Cluster
		return up
	}
	if h := get[autoscalingv2.HorizontalPodAutoscaler](x, t.Kind, t.Namespace, t.Name); h != nil {
		return incident.Target{Cluster: t.Cluster, Kind: h.Spec.ScaleTargetRef.Kind, Namespace: t.Namespace, Name: h.Spec.ScaleTargetRef.Name}
	}
	return t
}

// PodsOf are the pods of a workload through all its children, of a Service by its selector, on a Node, in a Namespace, or the pod
// itself.
func (x *Index) PodsOf(t incident.Target) []*corev1.Pod {
	switch t.Kind {
	case "Pod":
		if p := x.Pod(t.Namespace, t.Name); p != nil {
			return []*corev1.Pod{p}
		}
		return nil
	case "Node":
		return x.podsOn[t.Name]
	case "Namespace":
		return x.podsIn[t.Name]
	case "Service":
		if s := x.Service(t.Namespace, t.Name); s != nil {
			return x.Selected(s)
		}
		return nil
	}
	return x.pods[bare(t)]
}

// PodsOn are the pods bound to a node.
func (x *Index) PodsOn(node string) []*corev1.Pod { return x.podsOn[node] }

// PodsIn are the pods of a namespace.
func (x *Index) PodsIn(namespace string) []*corev1.Pod { return x.podsIn[namespace] }

// PodsLabelled are the pods of a namespace that carry all these labels; none for no labels, as a Service without selector has none.
func (x *Index) PodsLabelled(namespace string, want map[string]string) []*corev1.Pod {
	var fewest []*corev1.Pod
	first := true
	for k, v := range want {
		if l := x.labelled[labelKey{namespace, k, v}]; first || len(l) < len(fewest) {
			fewest, first = l, false
		}
	}
	selector := labels.SelectorFromSet(want)
	var out []*corev1.Pod
	for _, p := range fewest {
		if selector.Matches(labels.Set(p.Labels)) {
			out = append(out, p)
		}
	}
	return out
}

// ReplicaSetsOf are a Deployment's ReplicaSets, newest revision last.
func (x *Index) ReplicaSetsOf(namespace, deployment string) []*appsv1.ReplicaSet {
	return x.sets[key("Deployment", namespace, deployment)]
}

// Revision is the revision of a ReplicaSet, 0 where it carries none.
func Revision(rs *appsv1.ReplicaSet) int64 {
	n, err := strconv.ParseInt(rs.Annotations[RevisionAnnotation], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (x *Index) indexScaling() {
	for _, h := range x.s.Objects.HPAs {
		t := key(h.Spec.ScaleTargetRef.Kind, h.Namespace, h.Spec.ScaleTargetRef.Name)
		x.hpas[t] = append(x.hpas[t], h)
	}
}

// HPAsOf are the HorizontalPodAutoscalers that scale a workload; more than one is itself a mistake.
func (x *Index) HPAsOf(t incident.Target) []*autoscalingv2.HorizontalPodAutoscaler {
	return x.hpas[bare(t)]
}

// PDBsOf are the PodDisruptionBudgets that cover a pod. A budget without selector covers none, one with an empty selector all.
func (x *Index) PDBsOf(p *corev1.Pod) []*policyv1.PodDisruptionBudget {
	var out []*policyv1.PodDisruptionBudget
	for _, b := range x.pdbs[p.Namespace] {
		if b.Spec.Selector == nil {
			continue
		}
		s, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		if err == nil && s.Matches(labels.Set(p.Labels)) {
			out = append(out, b)
		}
	}
	return out
}

// PoolOf is the pool of a node, nil where CCE's label or the pool is missing.
func (x *Index) PoolOf(n *corev1.Node) *NodePool {
	if n == nil {
		return nil
	}
	return x.pools[n.Labels[NodePoolLabel]]
}

// Pool by name.
func (x *Index) Pool(name string) *NodePool { return x.pools[name] }
