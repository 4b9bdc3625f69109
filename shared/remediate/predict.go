package remediate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	corev1helpers "k8s.io/component-helpers/scheduling/corev1"

	"cce-oncall/shared/observe"
)

// PodSet is a number of like pods that are to find a node.
type PodSet struct {
	Namespace string
	Template  corev1.PodTemplateSpec // of the pods to come
	Count     int                    // how many are to come
	// Waiting are pods that exist and have no node yet; they are asked about together with the ones to come, ahead of them.
	Waiting []*corev1.Pod
	// Gone are pods that leave before: a rollout's old ones, a drained node's.
	Gone []*corev1.Pod
	// Workload names the pods to come; Ordinal is the first one's number and Claims are the volume claim templates of a StatefulSet.
	Workload string
	Ordinal  int
	Claims   []corev1.PersistentVolumeClaim
}

// Prediction is what the scheduler will make of a PodSet.
type Prediction struct {
	Want    int      // pods asked about
	Created int      // of them, those that quota and limit ranges let be created
	Fit     int      // of them, those that find a node
	On      []Placed // by node name
	Nodes   int      // nodes looked at
	Whole   string   // why none of the rest fits, whatever the node (an unbound claim); in the scheduler's words
	Why     []Blocked
	Refused string // why fewer are created than wanted; in the API server's words
	Unseen  string // what it would have to be computed from and was not read: "nodes", "pods"
	// Preempts: a pod that does not fit could push out pods of lower priority; which ones is for the scheduler to say.
	Preempts bool
	// Rollout: the pods replace old ones; Waiting: they exist already and wait; Moved: they leave a node. It only changes the words.
	Rollout, Waiting, Moved bool
}

// Placed is how many of the pods a node takes.
type Placed struct {
	Node string
	Pods int
}

// Blocked is on how many nodes the first pod that does not fit is turned away for a reason, in the scheduler's words.
type Blocked struct {
	Reason string
	Nodes  int
}

// Predict computes where the pods will go and why the rest will not: it passes them one by one through the scheduler's own
// filters in the scheduler's order, each on the node that scores best, on the snapshot's nodes and the extra ones (which get
// their DaemonSet pods first). Pods that are already waiting elsewhere in the cluster take their turn by priority and age.
// What it does not know is the order in which equal scores are broken, and preemption, which it only announces.
func Predict(s *observe.Snapshot, p PodSet, extra ...*corev1.Node) Prediction {
	return newWorld(s).predict(p, extra...)
}

func (w *world) predict(p PodSet, extra ...*corev1.Node) Prediction {
	s := w.s
	if what := unseen(s); what != "" {
		return Prediction{Want: len(p.Waiting) + p.Count, Unseen: what}
	}
	create, refusal := admit(s, p)
	w = w.fork(extra)
	for _, gone := range p.Gone {
		w.remove(gone)
	}
	asked := append(slices.Clone(p.Waiting), newPods(s, p, create)...)
	out := Prediction{Want: len(p.Waiting) + p.Count, Created: len(asked), Nodes: len(w.nodes), Refused: refusal, Waiting: p.Count == 0}
	on := map[string]int{}
	mine := map[*corev1.Pod]bool{}
	for _, pod := range asked {
		mine[pod] = true
	}
	for _, pod := range queue(s, asked) {
		node, v := w.schedule(pod)
		switch {
		case node != nil && mine[pod]:
			out.Fit++
			on[node.node.Name]++
		case node == nil && mine[pod] && out.Whole == "" && out.Why == nil:
			out.Whole, out.Why, out.Preempts = v.whole, v.histogram(), w.preemptible(pod)
		}
	}
	out.On = placed(on)
	return out
}

// unseen says what is missing from a snapshot to compute anything from.
func unseen(s *observe.Snapshot) string {
	for _, source := range []string{"nodes", "pods"} {
		if slices.Contains(s.Unreadable, source) {
			return source
		}
	}
	if len(s.Objects.Nodes) == 0 {
		return "nodes"
	}
	return ""
}

func placed(on map[string]int) []Placed {
	out := make([]Placed, 0, len(on))
	for name, n := range on {
		out = append(out, Placed{Node: name, Pods: n})
	}
	slices.SortFunc(out, func(a, b Placed) int { return cmp.Compare(a.Node, b.Node) })
	return out
}

// queue is the order in which the scheduler takes pods: by priority, then the ones that waited before the ones to come.
func queue(s *observe.Snapshot, asked []*corev1.Pod) []*corev1.Pod {
	known := map[string]bool{}
	for _, p := range asked {
		known[p.Namespace+"/"+p.Name] = true
	}
	var all []*corev1.Pod
	for _, p := range s.Objects.Pods {
		if waiting(p) && !known[p.Namespace+"/"+p.Name] {
			all = append(all, p)
		}
	}
	all = append(all, asked...)
	slices.SortStableFunc(all, func(a, b *corev1.Pod) int {
		if c := cmp.Compare(corev1helpers.PodPriority(b), corev1helpers.PodPriority(a)); c != 0 {
			return c
		}
		return since(a).Compare(since(b))
	})
	return all
}

// since is when a pod came into the queue; one to come is behind all that are there.
func since(p *corev1.Pod) time.Time {
	if p.CreationTimestamp.IsZero() {
		return time.Unix(1<<40, 0)
	}
	return p.CreationTimestamp.Time
}

// waiting says whether the default scheduler has yet to find a node for a pod.
func waiting(p *corev1.Pod) bool {
	return p.Spec.NodeName == "" && p.DeletionTimestamp == nil && !finished(p) && len(p.Spec.SchedulingGates) == 0 &&
		(p.Spec.SchedulerName == "" || p.Spec.SchedulerName == corev1.DefaultSchedulerName)
}

// finished pods hold nothing on a node any more.
func finished(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// verdict is why a pod finds no node.
type verdict struct {
	whole string         // for the pod as such
	nodes map[string]int // reason → nodes
}

func (v verdict) histogram() []Blocked {
	out := make([]Blocked, 0, len(v.nodes))
	for reason, n := range v.nodes {
		out = append(out, Blocked{Reason: reason, Nodes: n})
	}
	slices.SortFunc(out, func(a, b Blocked) int { // as the scheduler sorts: the lines as text
		return cmp.Compare(fmt.Sprintf("%d %s", a.Nodes, a.Reason), fmt.Sprintf("%d %s", b.Nodes, b.Reason))
	})
	return out
}

// schedule puts a pod on the best node that takes it; nil when none does.
func (w *world) schedule(p *corev1.Pod) (*place, verdict) {
	q := w.question(p)
	if q.whole != "" {
		return nil, verdict{whole: q.whole}
	}
	v := verdict{nodes: map[string]int{}}
	var fit []*place
	for _, n := range w.nodes {
		reasons := q.against(n)
		for _, r := range reasons {
			v.nodes[r]++
		}
		if len(reasons) == 0 {
			fit = append(fit, n)
		}
	}
	if len(fit) == 0 {
		return nil, v
	}
	best := q.best(fit)
	w.put(p, best)
	return best, verdict{}
}
