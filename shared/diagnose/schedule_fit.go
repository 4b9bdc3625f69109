package diagnose

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	podresource "k8s.io/component-helpers/resource"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// fit is how a node stands to a pod, rule by rule, from the objects alone: the scheduler's message counts nodes, it does not name them.
type fit struct {
	node      *corev1.Node
	selector  bool // nodeSelector matches
	affinity  bool // required node affinity matches
	cordoned  bool
	taint     *corev1.Taint // the first one the pod does not tolerate
	notReady  bool
	lacksCPU  bool
	lacksMem  bool
	tooMany   bool
	volume    bool // every bound volume of the pod can be used there
	otherwise bool // free of every obstacle above
	control   bool // a control plane node
}

var controlPlaneKeys = []string{"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"}

// controlNode says whether a node runs the control plane: it is not meant for other pods, cordoned or tainted or not.
func controlNode(n *corev1.Node) bool {
	for _, k := range controlPlaneKeys {
		if _, ok := n.Labels[k]; ok {
			return true
		}
		for _, t := range n.Spec.Taints {
			if t.Key == k {
				return true
			}
		}
	}
	return false
}

func requests(p *corev1.Pod) corev1.ResourceList {
	return podresource.PodRequests(p, podresource.PodResourcesOptions{})
}

// fits holds a pod against every node.
func (v *view) fits(p *corev1.Pod) []fit {
	need := requests(p)
	var out []fit
	for _, n := range v.Objects.Nodes {
		f := fit{node: n, control: controlNode(n), cordoned: n.Spec.Unschedulable, notReady: nodeReady(n) != corev1.ConditionTrue}
		f.selector, f.affinity, f.volume = matchesSelector(p, n), matchesAffinity(p, n), v.holdsVolumes(p, n)
		for i := range n.Spec.Taints {
			t := &n.Spec.Taints[i]
			if t.Effect != corev1.TaintEffectPreferNoSchedule && t.Key != corev1.TaintNodeUnschedulable && !tolerated(p, t) {
				f.taint = t
				break
			}
		}
		free := v.free(n)
		f.lacksCPU = exceeds(need, free, corev1.ResourceCPU)
		f.lacksMem = exceeds(need, free, corev1.ResourceMemory)
		f.tooMany = free.Pods().Value() < 1 && !n.Status.Allocatable.Pods().IsZero()
		f.otherwise = f.selector && f.affinity && !f.cordoned && f.taint == nil && !f.lacksCPU && !f.lacksMem && !f.tooMany
		out = append(out, f)
	}
	return out
}

func exceeds(need, free corev1.ResourceList, n corev1.ResourceName) bool {
	q, ok := need[n]
	f, known := free[n]
	return ok && known && q.Cmp(f) > 0
}

// free is what a node can still give: allocatable less the requests of its pods that have not finished.
func (v *view) free(n *corev1.Node) corev1.ResourceList {
	out := corev1.ResourceList{}
	for k, q := range n.Status.Allocatable {
		out[k] = q.DeepCopy()
	}
	pods := int64(0)
	for _, p := range v.idx.PodsOn(n.Name) {
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		pods++
		for k, q := range requests(p) {
			if have, ok := out[k]; ok {
				have.Sub(q)
				out[k] = have
			}
		}
	}
	if q, ok := out[corev1.ResourcePods]; ok {
		q.Sub(*resource.NewQuantity(pods, resource.DecimalSI))
		out[corev1.ResourcePods] = q
	}
	return out
}

func matchesSelector(p *corev1.Pod, n *corev1.Node) bool {
	for k, val := range p.Spec.NodeSelector {
		if n.Labels[k] != val {
			return false
		}
	}
	return true
}

func matchesAffinity(p *corev1.Pod, n *corev1.Node) bool {
	a := p.Spec.Affinity
	if a == nil || a.NodeAffinity == nil || a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return true
	}
	ok, err := nodeaffinity.NewLazyErrorNodeSelector(a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution).Match(n)
	return ok && err == nil
}

// holdsVolumes says whether the bound volumes of a pod may be used on a node: disks live in one zone, local ones on one node.
func (v *view) holdsVolumes(p *corev1.Pod, n *corev1.Node) bool {
	for _, vol := range p.Spec.Volumes {
		if vol.PersistentVolumeClaim == nil {
			continue
		}
		c := v.claim(p.Namespace, vol.PersistentVolumeClaim.ClaimName)
		if c == nil {
			continue
		}
		pv := v.idx.VolumeOf(c)
		if pv == nil || pv.Spec.NodeAffinity == nil || pv.Spec.NodeAffinity.Required == nil {
			continue
		}
		if ok, err := nodeaffinity.NewLazyErrorNodeSelector(pv.Spec.NodeAffinity.Required).Match(n); !ok || err != nil {
			return false
		}
	}
	return true
}

func tolerated(p *corev1.Pod, t *corev1.Taint) bool {
	for _, x := range p.Spec.Tolerations {
		if x.Effect != "" && x.Effect != t.Effect || x.Key != "" && x.Key != t.Key {
			continue
		}
		if x.Operator == corev1.TolerationOpExists || x.Key == "" && x.Operator == "" || x.Value == t.Value {
			return true
		}
	}
	return false
}
