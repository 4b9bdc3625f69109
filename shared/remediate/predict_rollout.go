package remediate

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// rollout computes how far a rollout to a new pod template comes: new pods are placed and old ones leave as the
// workload's strategy lets them, until all are replaced or nothing moves any more. Every new pod that finds a node is taken to
// become ready. Fit is how many pods are replaced.
func (w *world) rollout(l *load, template corev1.PodTemplateSpec) Prediction {
	s, n := w.s, int(l.replicas)
	if what := unseen(s); what != "" {
		return Prediction{Want: n, Unseen: what, Rollout: true}
	}
	if l.target.Kind == "DaemonSet" {
		return w.daemons(l, template)
	}
	surge, unavailable := pace(l)
	set := PodSet{Namespace: l.target.Namespace, Workload: l.target.Name, Template: template, Count: n, Gone: l.pods}
	created, refusal := admit(s, set)
	if surge > 0 && refusal == "" { // while old and new stand side by side the quota has to hold both
		set.Gone = nil
		if more, why := admit(s, set); more < min(surge, n) {
			created, refusal = more, why
		}
	}
	w = w.fork(nil)
	old := l.pods
	out := Prediction{Want: n, Created: created, Nodes: len(w.nodes), Refused: refusal, Rollout: true}
	coming := newPods(s, set, created)
	on := map[string]int{}
	for len(old) > 0 || out.Fit < created {
		moved := false
		for out.Fit < created && len(old)+out.Fit < n+surge {
			node, v := w.schedule(coming[out.Fit])
			if node == nil {
				out.Whole, out.Why, out.Preempts = v.whole, v.histogram(), w.preemptible(coming[out.Fit])
				break
			}
			out.Whole, out.Why, out.Preempts = "", nil, false
			on[node.node.Name]++
			out.Fit, moved = out.Fit+1, true
		}
		for len(old) > 0 && len(old)+out.Fit > n-unavailable {
			w.remove(old[0])
			old, moved = old[1:], true
		}
		if !moved {
			break
		}
	}
	out.On = placed(on)
	return out
}

// daemons replaces a DaemonSet's pods where they are, one node after the other.
func (w *world) daemons(l *load, template corev1.PodTemplateSpec) Prediction {
	w = w.fork(nil)
	out := Prediction{Want: len(l.pods), Created: len(l.pods), Nodes: len(w.nodes), Rollout: true}
	set := PodSet{Namespace: l.target.Namespace, Workload: l.target.Name, Template: template}
	on := map[string]int{}
	for i, p := range newPods(w.s, set, len(l.pods)) {
		w.remove(l.pods[i])
		p.Spec.NodeName = l.pods[i].Spec.NodeName
		p.Spec.Tolerations = append(p.Spec.Tolerations, daemonTolerations...)
		node, v := w.schedule(p)
		if node == nil {
			out.Whole, out.Why = v.whole, v.histogram()
			break
		}
		on[node.node.Name]++
		out.Fit++
	}
	out.On = placed(on)
	return out
}

// pace is how many pods a rollout adds and lets go at a time.
func pace(l *load) (surge, unavailable int) {
	n := int(l.replicas)
	switch w := l.object.(type) {
	case *appsv1.Deployment:
		if w.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
			return 0, n
		}
		quarter := intstr.FromString("25%")
		maxSurge, maxUnavailable := &quarter, &quarter
		if r := w.Spec.Strategy.RollingUpdate; r != nil {
			if r.MaxSurge != nil {
				maxSurge = r.MaxSurge
			}
			if r.MaxUnavailable != nil {
				maxUnavailable = r.MaxUnavailable
			}
		}
		surge, unavailable = scaled(maxSurge, n, true), scaled(maxUnavailable, n, false)
		if surge == 0 && unavailable == 0 {
			unavailable = 1 // the controller's own fence-post
		}
		return surge, unavailable
	case *appsv1.DaemonSet:
		if r := w.Spec.UpdateStrategy.RollingUpdate; r != nil && r.MaxUnavailable != nil {
			return 0, max(1, scaled(r.MaxUnavailable, n, true))
		}
		return 0, 1
	default:
		return 0, 1
	}
}

func scaled(v *intstr.IntOrString, of int, up bool) int {
	n, err := intstr.GetScaledValueFromIntOrPercent(v, of, up)
	if err != nil {
		return 0
	}
	return n
}
