package remediate

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/component-helpers/resource"

	"cce-oncall/shared/observe"
)

// world is the cluster as the scheduler's cache holds it.
type world struct {
	s          *observe.Snapshot
	nodes      []*place
	namespaces map[string]labels.Set
	volumes    volumes
}

// place is a node with what is on it.
type place struct {
	node *corev1.Node
	pods []*corev1.Pod
	used map[corev1.ResourceName]int64 // what the pods request; CPU in thousandths, the rest in units
	// scored is used again for scoring, where a pod that requests no CPU or memory counts as a small one.
	scored map[corev1.ResourceName]int64
	room   map[corev1.ResourceName]int64 // what it offers, in the same units
	shy    []shy
	index  int
	of     *world // who may change it
}

// shy is a pod on a node that wants no others of some kind near it.
type shy struct {
	pod  *corev1.Pod
	from []term
}

func newWorld(s *observe.Snapshot) *world {
	w := &world{s: s, namespaces: map[string]labels.Set{}, volumes: newVolumes(s)}
	for _, ns := range s.Objects.Namespaces {
		w.namespaces[ns.Name] = ns.Labels
	}
	by := map[string]*place{}
	for _, n := range s.Objects.Nodes {
		by[n.Name] = w.add(n)
	}
	for _, p := range s.Objects.Pods {
		if at := by[p.Spec.NodeName]; at != nil && !finished(p) {
			w.put(p, at)
		}
	}
	return w
}

// fork is the same world with nodes to come, to be changed without changing this one: a node is copied when it is first touched.
func (w *world) fork(extra []*corev1.Node) *world {
	f := &world{s: w.s, namespaces: w.namespaces, volumes: w.volumes, nodes: slices.Clone(w.nodes)}
	for _, n := range extra {
		f.putDaemons(f.add(n))
	}
	return f
}

// own is a node of this world that may be changed.
func (w *world) own(at *place) *place {
	if at.of == w {
		return at
	}
	mine := *at
	mine.of, mine.pods, mine.shy = w, slices.Clone(at.pods), slices.Clone(at.shy)
	mine.used, mine.scored = maps.Clone(at.used), maps.Clone(at.scored)
	w.nodes[at.index] = &mine
	return &mine
}

func (w *world) add(n *corev1.Node) *place {
	at := &place{
		node: n, used: map[corev1.ResourceName]int64{}, scored: map[corev1.ResourceName]int64{}, room: amounts(n.Status.Allocatable),
		index: len(w.nodes), of: w,
	}
	w.nodes = append(w.nodes, at)
	return at
}

// daemonTolerations are those that the DaemonSet controller gives its pods and that matter here.
var daemonTolerations = []corev1.Toleration{
	{Key: corev1.TaintNodeUnschedulable, Operator: corev1.TolerationOpExists},
	{Key: corev1.TaintNodeNotReady, Operator: corev1.TolerationOpExists},
	{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists},
	{Key: corev1.TaintNodeDiskPressure, Operator: corev1.TolerationOpExists},
	{Key: corev1.TaintNodeMemoryPressure, Operator: corev1.TolerationOpExists},
	{Key: corev1.TaintNodePIDPressure, Operator: corev1.TolerationOpExists},
}

// putDaemons gives a node to come the pods that every DaemonSet will start on it.
func (w *world) putDaemons(at *place) {
	for _, d := range w.s.Objects.DaemonSets {
		p := &corev1.Pod{ObjectMeta: d.Spec.Template.ObjectMeta, Spec: *d.Spec.Template.Spec.DeepCopy()}
		p.Name, p.Namespace = d.Name+"-"+at.node.Name, d.Namespace
		complete(w.s, p)
		p.Spec.Tolerations = append(p.Spec.Tolerations, daemonTolerations...)
		if q := w.question(p); q.whole == "" && len(q.against(at)) == 0 {
			w.put(p, at)
		}
	}
}

func (w *world) put(p *corev1.Pod, at *place) {
	at = w.own(at)
	at.pods = append(at.pods, p)
	add(at.used, requestsOf(p), 1)
	add(at.scored, scoredRequestsOf(p), 1)
	// A term that cannot be read would not have passed the API server; the scheduler ignores it as well.
	if from, err := terms(p, requiredFar(p)); err == nil && len(from) > 0 {
		at.shy = append(at.shy, shy{p, from})
	}
}

func (w *world) remove(p *corev1.Pod) {
	for _, at := range w.nodes {
		for i, q := range at.pods {
			if q.Namespace == p.Namespace && q.Name == p.Name {
				at = w.own(at)
				at.pods = slices.Delete(at.pods, i, i+1)
				add(at.used, requestsOf(q), -1)
				add(at.scored, scoredRequestsOf(q), -1)
				at.shy = slices.DeleteFunc(at.shy, func(s shy) bool { return s.pod == q })
				return
			}
		}
	}
}

func add(to, what map[corev1.ResourceName]int64, sign int64) {
	for name, n := range what {
		to[name] += sign * n
	}
}

// requestsOf is what the scheduler counts for a pod: containers, the greater of init containers, sidecars, overhead.
func requestsOf(p *corev1.Pod) map[corev1.ResourceName]int64 {
	return amounts(resource.PodRequests(p, resource.PodResourcesOptions{UseStatusResources: true}))
}

// scoredRequestsOf counts 100m CPU and 200 MiB memory for a container that requests none (the scheduler's own defaults).
func scoredRequestsOf(p *corev1.Pod) map[corev1.ResourceName]int64 {
	return amounts(resource.PodRequests(p, resource.PodResourcesOptions{
		UseStatusResources: true,
		NonMissingContainerRequests: corev1.ResourceList{
			corev1.ResourceCPU: smallCPU, corev1.ResourceMemory: smallMemory,
		},
	}))
}

func amounts(list corev1.ResourceList) map[corev1.ResourceName]int64 {
	out := make(map[corev1.ResourceName]int64, len(list))
	for name, q := range list {
		if name == corev1.ResourceCPU {
			out[name] = q.MilliValue()
		} else {
			out[name] = q.Value()
		}
	}
	return out
}

// preemptible says whether pods of lower priority stand where a pod could go.
func (w *world) preemptible(p *corev1.Pod) bool {
	if p.Spec.PreemptionPolicy != nil && *p.Spec.PreemptionPolicy == corev1.PreemptNever {
		return false
	}
	priority := priorityOf(p)
	for _, at := range w.nodes {
		bare := &place{node: at.node, used: maps.Clone(at.used), scored: at.scored, room: at.room}
		var victims bool
		for _, q := range at.pods {
			if priorityOf(q) < priority {
				victims = true
				add(bare.used, requestsOf(q), -1)
				continue
			}
			bare.pods = append(bare.pods, q)
		}
		if victims && len(w.question(p).against(bare)) == 0 {
			return true
		}
	}
	return false
}
