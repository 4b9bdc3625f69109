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

// The weights of the default scheduler profile.
const (
	weightTaints   = 3
	weightLabels   = 2
	weightSpread   = 2
	weightPods     = 2
	weightRoom     = 1
	weightBalanced = 1
)

// best is the node the scheduler would most likely take: the highest score, the first by name where scores are equal (the
// scheduler tosses a coin there). How many pods fit depends on it only where one pod's place decides where the next may go.
func (q *question) best(fit []*place) *place {
	total := make([]float64, len(fit))
	taints, preferred, spread, pods := q.taintScores(fit), q.labelScores(fit), q.spreadScores(fit), q.podScores(fit)
	for i, n := range fit {
		total[i] = weightTaints*taints[i] + weightLabels*preferred[i] + weightSpread*spread[i] + weightPods*pods[i] +
			weightRoom*q.room(n) + weightBalanced*q.balance(n)
	}
	best := 0
	for i := range fit {
		if total[i] > total[best] || total[i] == total[best] && fit[i].node.Name < fit[best].node.Name {
			best = i
		}
	}
	return fit[best]
}

// room is NodeResourcesFit with its default strategy, LeastAllocated, over CPU and memory.
func (q *question) room(n *place) float64 {
	want := scoredRequestsOf(q.pod)
	var sum, count int64
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		all := n.room[name]
		if all == 0 {
			continue
		}
		count++
		if used := n.scored[name] + want[name]; used <= all {
			sum += (all - used) * 100 / all
		}
	}
	if count == 0 {
		return 0
	}
	return float64(sum / count)
}

// balance is NodeResourcesBalancedAllocation: better where the pod brings CPU and memory nearer to each other.
func (q *question) balance(n *place) float64 {
	if q.requests[corev1.ResourceCPU] == 0 && q.requests[corev1.ResourceMemory] == 0 {
		return 0
	}
	with := balanced(n, q.requests)
	without := balanced(n, nil)
	return math.Floor(50 + (50+with-without)/2)
}

func balanced(n *place, more map[corev1.ResourceName]int64) float64 {
	var shares []float64
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if all := n.room[name]; all > 0 {
			shares = append(shares, math.Min(1, float64(n.used[name]+more[name])/float64(all)))
		}
	}
	if len(shares) != 2 {
		return 100
	}
	return math.Floor((1 - math.Abs(shares[0]-shares[1])/2) * 100)
}

func (q *question) taintScores(fit []*place) []float64 {
	raw := make([]float64, len(fit))
	for i, n := range fit {
		for _, t := range n.node.Spec.Taints {
			if t.Effect == corev1.TaintEffectPreferNoSchedule && !corev1helpers.TolerationsTolerateTaint(logr.Discard(), q.pod.Spec.Tolerations, &t, false) {
				raw[i]++
			}
		}
	}
	return normalized(raw, true)
}

func (q *question) labelScores(fit []*place) []float64 {
	raw := make([]float64, len(fit))
	a := q.pod.Spec.Affinity
	if a == nil || a.NodeAffinity == nil || len(a.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution) == 0 {
		return raw
	}
	wishes, err := nodeaffinity.NewPreferredSchedulingTerms(a.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution)
	if err != nil {
		return raw
	}
	for i, n := range fit {
		raw[i] = float64(wishes.Score(n.node))
	}
	return normalized(raw, false)
}

// normalized brings scores to 0..100 of their highest; reversed: less is better.
func normalized(raw []float64, reversed bool) []float64 {
	var highest float64
	for _, v := range raw {
		highest = math.Max(highest, v)
	}
	out := make([]float64, len(raw))
	for i, v := range raw {
		switch {
		case highest == 0 && reversed:
			out[i] = 100
		case highest == 0:
			out[i] = v
		case reversed:
			out[i] = 100 - math.Floor(100*v/highest)
		default:
			out[i] = math.Floor(100 * v / highest)
		}
	}
	return out
}

// spreadScores is PodTopologySpread for constraints that are wishes, or, for a pod without any, the scheduler's own: over
// hosts (skew 3) and zones (skew 5).
func (q *question) spreadScores(fit []*place) []float64 {
	pod, own := q.pod, len(q.pod.Spec.TopologySpreadConstraints) > 0
	if !own {
		pod = pod.DeepCopy()
		alike := metav1.SetAsLabelSelector(labels.Set(pod.Labels))
		if len(pod.Labels) == 0 {
			alike = nil
		}
		pod.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{
			{TopologyKey: corev1.LabelHostname, MaxSkew: 3, WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: alike},
			{TopologyKey: corev1.LabelTopologyZone, MaxSkew: 5, WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: alike},
		}
	}
	raw := make([]float64, len(fit))
	for _, c := range pod.Spec.TopologySpreadConstraints {
		if c.WhenUnsatisfiable != corev1.ScheduleAnyway {
			continue
		}
		one := pod.DeepCopy()
		one.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{c}
		rules, whole := q.w.spreadRules(one, corev1.ScheduleAnyway)
		if whole != "" {
			continue
		}
		domains := map[string]bool{}
		for _, n := range fit {
			if v, ok := n.node.Labels[c.TopologyKey]; ok {
				domains[v] = true
			}
		}
		weight := math.Log(float64(len(domains) + 2))
		for i, n := range fit {
			if v, ok := n.node.Labels[c.TopologyKey]; ok {
				raw[i] += float64(rules[0].counts[v])*weight + float64(c.MaxSkew-1)
			}
		}
	}
	return spreadNormalized(raw)
}

func spreadNormalized(raw []float64) []float64 {
	lowest, highest := math.MaxFloat64, 0.0
	for i, v := range raw {
		raw[i] = math.Round(v)
		lowest, highest = math.Min(lowest, raw[i]), math.Max(highest, raw[i])
	}
	out := make([]float64, len(raw))
	for i, v := range raw {
		if highest == 0 {
			out[i] = 100
			continue
		}
		out[i] = math.Floor(100 * (highest + lowest - v) / highest)
	}
	return out
}

// podScores is InterPodAffinity for the pod's own wishes.
func (q *question) podScores(fit []*place) []float64 {
	raw := make([]float64, len(fit))
	if q.pod.Spec.Affinity == nil {
		return raw
	}
	score := map[domain]float64{}
	if a := q.pod.Spec.Affinity.PodAffinity; a != nil {
		q.wish(score, a.PreferredDuringSchedulingIgnoredDuringExecution, 1)
	}
	if a := q.pod.Spec.Affinity.PodAntiAffinity; a != nil {
		q.wish(score, a.PreferredDuringSchedulingIgnoredDuringExecution, -1)
	}
	lowest, highest := math.MaxFloat64, -math.MaxFloat64
	for i, n := range fit {
		for d, v := range score {
			if n.node.Labels[d.key] == d.value {
				raw[i] += v
			}
		}
		lowest, highest = math.Min(lowest, raw[i]), math.Max(highest, raw[i])
	}
	for i := range raw {
		if highest > lowest {
			raw[i] = math.Floor(100 * (raw[i] - lowest) / (highest - lowest))
		} else {
			raw[i] = 0
		}
	}
	return raw
}

func (q *question) wish(score map[domain]float64, wishes []corev1.WeightedPodAffinityTerm, sign float64) {
	for _, wish := range wishes {
		read, err := terms(q.pod, []corev1.PodAffinityTerm{wish.PodAffinityTerm})
		if err != nil {
			continue
		}
		for _, n := range q.w.nodes {
			v, ok := n.node.Labels[wish.PodAffinityTerm.TopologyKey]
			if !ok {
				continue
			}
			for _, p := range n.pods {
				if read[0].matches(p, q.w.namespaces[p.Namespace]) {
					score[domain{wish.PodAffinityTerm.TopologyKey, v}] += sign * float64(wish.Weight)
				}
			}
		}
	}
}
