package remediate

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// domain is one value of one topology key: a host, a zone.
type domain struct{ key, value string }

// affinityState counts, before a pod asks for a node, where the pods are that it wants to be near or far from, and those
// that want to be far from it.
type affinityState struct {
	near, far []term
	nearby    map[domain]int // pods that match all of near
	shunned   map[domain]int // pods that match a term of far
	shunning  map[domain]int // pods with a term against this pod
}

// term is one required (anti-)affinity term, read.
type term struct {
	key        string
	selector   labels.Selector
	namespaces []string
	nsSelector labels.Selector
}

func (t term) matches(p *corev1.Pod, namespace labels.Set) bool {
	return (slices.Contains(t.namespaces, p.Namespace) || t.nsSelector.Matches(namespace)) && t.selector.Matches(labels.Set(p.Labels))
}

func (w *world) affinityState(p *corev1.Pod) (affinityState, string) {
	near, err := terms(p, requiredNear(p))
	if err != nil {
		return affinityState{}, "pod affinity: " + err.Error()
	}
	far, err := terms(p, requiredFar(p))
	if err != nil {
		return affinityState{}, "pod anti-affinity: " + err.Error()
	}
	st := affinityState{near: near, far: far, nearby: map[domain]int{}, shunned: map[domain]int{}, shunning: map[domain]int{}}
	for _, n := range w.nodes {
		for _, s := range n.shy {
			tally(st.shunning, n.node, matching(s.from, p, w.namespaces[p.Namespace]))
		}
		if len(near)+len(far) == 0 {
			continue
		}
		for _, other := range n.pods {
			namespace := w.namespaces[other.Namespace]
			if matchesAll(near, other, namespace) {
				tally(st.nearby, n.node, near)
			}
			tally(st.shunned, n.node, matching(far, other, namespace))
		}
	}
	return st, ""
}

func matching(all []term, p *corev1.Pod, namespace labels.Set) []term {
	var out []term
	for _, t := range all {
		if t.matches(p, namespace) {
			out = append(out, t)
		}
	}
	return out
}

func requiredNear(p *corev1.Pod) []corev1.PodAffinityTerm {
	if p.Spec.Affinity == nil || p.Spec.Affinity.PodAffinity == nil {
		return nil
	}
	return p.Spec.Affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution
}

func requiredFar(p *corev1.Pod) []corev1.PodAffinityTerm {
	if p.Spec.Affinity == nil || p.Spec.Affinity.PodAntiAffinity == nil {
		return nil
	}
	return p.Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
}

func terms(p *corev1.Pod, all []corev1.PodAffinityTerm) ([]term, error) {
	var out []term
	for _, a := range all {
		selector, err := metav1.LabelSelectorAsSelector(a.LabelSelector)
		if err != nil {
			return nil, err
		}
		nsSelector, err := metav1.LabelSelectorAsSelector(a.NamespaceSelector)
		if err != nil {
			return nil, err
		}
		t := term{key: a.TopologyKey, selector: selector, namespaces: a.Namespaces, nsSelector: nsSelector}
		if len(a.Namespaces) == 0 && a.NamespaceSelector == nil {
			t.namespaces = []string{p.Namespace}
		}
		if t.selector, err = keyed(p, a, selector); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// keyed narrows a selector by matchLabelKeys and mismatchLabelKeys. On a pod that exists the API server has done so already;
// doing it twice changes nothing.
func keyed(p *corev1.Pod, a corev1.PodAffinityTerm, selector labels.Selector) (labels.Selector, error) {
	if a.LabelSelector == nil || len(a.MatchLabelKeys)+len(a.MismatchLabelKeys) == 0 {
		return selector, nil
	}
	merged := a.LabelSelector.DeepCopy()
	for _, k := range a.MatchLabelKeys {
		if v, ok := p.Labels[k]; ok {
			merged.MatchExpressions = append(merged.MatchExpressions, metav1.LabelSelectorRequirement{Key: k, Operator: metav1.LabelSelectorOpIn, Values: []string{v}})
		}
	}
	for _, k := range a.MismatchLabelKeys {
		if v, ok := p.Labels[k]; ok {
			merged.MatchExpressions = append(merged.MatchExpressions, metav1.LabelSelectorRequirement{Key: k, Operator: metav1.LabelSelectorOpNotIn, Values: []string{v}})
		}
	}
	return metav1.LabelSelectorAsSelector(merged)
}

func matchesAll(all []term, p *corev1.Pod, namespace labels.Set) bool {
	for _, t := range all {
		if !t.matches(p, namespace) {
			return false
		}
	}
	return len(all) > 0
}

func tally(into map[domain]int, n *corev1.Node, all []term) {
	for _, t := range all {
		if v, ok := n.Labels[t.key]; ok {
			into[domain{t.key, v}]++
		}
	}
}

func (q *question) againstPods(n *place) []string {
	st := q.affinity
	if !q.nearEnough(n) {
		return []string{"node(s) didn't match pod affinity rules"}
	}
	for _, t := range st.far {
		if v, ok := n.node.Labels[t.key]; ok && st.shunned[domain{t.key, v}] > 0 {
			return []string{"node(s) didn't match pod anti-affinity rules"}
		}
	}
	for d, count := range st.shunning {
		if count > 0 && n.node.Labels[d.key] == d.value {
			return []string{"node(s) didn't satisfy existing pods anti-affinity rules"}
		}
	}
	return nil
}

// nearEnough also lets in the first of a series of pods that want to be near each other.
func (q *question) nearEnough(n *place) bool {
	there := true
	for _, t := range q.affinity.near {
		v, ok := n.node.Labels[t.key]
		if !ok {
			return false
		}
		there = there && q.affinity.nearby[domain{t.key, v}] > 0
	}
	return there || len(q.affinity.nearby) == 0 && matchesAll(q.affinity.near, q.pod, q.w.namespaces[q.pod.Namespace])
}
