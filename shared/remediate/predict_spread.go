package remediate

import (
	"math"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	corev1helpers "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// spreadRule is one topology spread constraint with the pods counted by the value of its key.
type spreadRule struct {
	key      string
	maxSkew  int
	min      int // the emptiest domain, 0 where there are fewer domains than asked for
	selector labels.Selector
	counts   map[string]int
}

// spreadRules counts for every constraint of one kind; whole is a constraint that cannot be read.
func (w *world) spreadRules(p *corev1.Pod, kind corev1.UnsatisfiableConstraintAction) (rules []spreadRule, whole string) {
	required := nodeaffinity.GetRequiredNodeAffinity(p)
	var constraints []corev1.TopologySpreadConstraint
	for _, c := range p.Spec.TopologySpreadConstraints {
		if c.WhenUnsatisfiable == kind {
			constraints = append(constraints, c)
		}
	}
	for _, c := range constraints {
		selector, err := spreadSelector(p, c)
		if err != nil {
			return nil, "topology spread constraint: " + err.Error()
		}
		r := spreadRule{key: c.TopologyKey, maxSkew: int(c.MaxSkew), selector: selector, counts: map[string]int{}}
		for _, n := range w.nodes {
			if hasKeys(n.node, constraints) && counted(p, c, n.node, required) {
				r.counts[n.node.Labels[c.TopologyKey]] += countMatching(n.pods, selector, p.Namespace)
			}
		}
		r.min = math.MaxInt32
		for _, n := range r.counts {
			r.min = min(r.min, n)
		}
		if c.MinDomains != nil && len(r.counts) < int(*c.MinDomains) {
			r.min = 0
		}
		rules = append(rules, r)
	}
	return rules, ""
}

func spreadSelector(p *corev1.Pod, c corev1.TopologySpreadConstraint) (labels.Selector, error) {
	selector, err := metav1.LabelSelectorAsSelector(c.LabelSelector)
	if err != nil {
		return nil, err
	}
	own := labels.Set{}
	for _, key := range c.MatchLabelKeys {
		if v, ok := p.Labels[key]; ok {
			own[key] = v
		}
	}
	return both(own, selector), nil
}

// both narrows a selector to pods that also carry some labels.
func both(own labels.Set, selector labels.Selector) labels.Selector {
	requirements, selectable := selector.Requirements()
	if len(own) == 0 || !selectable {
		return selector
	}
	narrowed := labels.SelectorFromSet(own)
	return narrowed.Add(requirements...)
}

func hasKeys(n *corev1.Node, constraints []corev1.TopologySpreadConstraint) bool {
	for _, c := range constraints {
		if _, ok := n.Labels[c.TopologyKey]; !ok {
			return false
		}
	}
	return true
}

// counted says whether a node's domain takes part: by default where the pod could go by labels, tainted or not.
func counted(p *corev1.Pod, c corev1.TopologySpreadConstraint, n *corev1.Node, required nodeaffinity.RequiredNodeAffinity) bool {
	if c.NodeAffinityPolicy == nil || *c.NodeAffinityPolicy == corev1.NodeInclusionPolicyHonor {
		if ok, err := required.Match(n); err != nil || !ok {
			return false
		}
	}
	if c.NodeTaintsPolicy != nil && *c.NodeTaintsPolicy == corev1.NodeInclusionPolicyHonor {
		if _, found := corev1helpers.FindMatchingUntoleratedTaint(logr.Discard(), n.Spec.Taints, p.Spec.Tolerations, keepsOut, false); found {
			return false
		}
	}
	return true
}

// countMatching leaves out pods that are on their way out.
func countMatching(pods []*corev1.Pod, selector labels.Selector, namespace string) int {
	if selector.Empty() {
		return 0
	}
	n := 0
	for _, p := range pods {
		if p.DeletionTimestamp == nil && p.Namespace == namespace && selector.Matches(labels.Set(p.Labels)) {
			n++
		}
	}
	return n
}

func (q *question) againstSpread(n *place) []string {
	for _, r := range q.spread {
		value, ok := n.node.Labels[r.key]
		if !ok {
			return []string{"node(s) didn't match pod topology spread constraints (missing required label)"}
		}
		self := 0
		if r.selector.Matches(labels.Set(q.pod.Labels)) {
			self = 1
		}
		if r.counts[value]+self-r.min > r.maxSkew {
			return []string{"node(s) didn't match pod topology spread constraints"}
		}
	}
	return nil
}
