package remediate

import (
	"fmt"
	"slices"
	"strconv"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// offerRaiseHPA doubles the ceiling of the autoscaler that owns a workload's replicas. Where the autoscaler is content below its
// ceiling, a higher one would change nothing.
func offerRaiseHPA(b *bench) (incident.Solution, bool) {
	l := b.load
	if l == nil || l.hpa == nil || contentBelowCeiling(l.hpa) {
		return incident.Solution{}, false
	}
	h := l.hpa
	floor, ceiling := int(deref(h.Spec.MinReplicas)), int(h.Spec.MaxReplicas)
	now := int(l.replicas)
	want := min(max(ceiling, now)*2, maxReplicas)
	if want <= ceiling {
		return incident.Solution{}, false
	}
	p := b.world().predict(l.podSet(want - now))
	target := b.target("HorizontalPodAutoscaler", h.Namespace, h.Name)
	return incident.Solution{
		Title: say("Raise the ceiling of autoscaler %s from %d to %d replicas", "将弹性伸缩策略 %s 的最大副本数从 %d 调至 %d", name(target), ceiling, want),
		Risk:  incident.Reversible,
		When: say("The autoscaler owns the replicas of %s, stands at its ceiling and wants more.",
			"%s 的副本数由 HPA 管理，已到上限但仍需扩容。", name(l.target)),
		Change:     []incident.Text{change("maxReplicas", strconv.Itoa(ceiling), strconv.Itoa(want))},
		Impact:     join(say("No running pod is restarted; the autoscaler adds pods as its metric asks.", "不会重启正在运行的 Pod；HPA 将按指标自行扩容。"), l.headroom()),
		Resources:  say("Up to %d more pod(s).", "最多新增 %d 个 Pod。", want-now),
		Scheduling: l.conditions(),
		Cost:       say("None by itself: no node is added.", "本身不增加费用：不新增节点。"),
		Verify:     say("The autoscaler scales (ScalingLimited is False), the new pods are ready, the alarm clears.", "HPA 完成扩容（ScalingLimited=False），新 Pod 就绪，告警恢复。"),
		Rollback:   say("maxReplicas back to %d.", "maxReplicas 恢复为 %d。", ceiling),
		Prediction: p.Text(),
		Steps: []incident.Step{{
			Action: incident.AdjustHPA, Target: target,
			Expect: map[string]string{"uid": string(h.UID), "minReplicas": strconv.Itoa(floor), "maxReplicas": strconv.Itoa(ceiling)},
			Goal:   map[string]string{"minReplicas": strconv.Itoa(floor), "maxReplicas": strconv.Itoa(want)},
		}},
	}, true
}

// throughAutoscaler is scaling out where an autoscaler owns the replicas: its target where it is content although the pods are not, its
// floor where it cannot read its metric, else its ceiling.
func throughAutoscaler(b *bench) (incident.Solution, bool) {
	for _, offer := range []func(*bench) (incident.Solution, bool){offerLowerTarget, offerFloorWhenBlind, offerRaiseHPA} {
		if s, ok := offer(b); ok {
			return s, true
		}
	}
	return incident.Solution{}, false
}

func offerFloorWhenBlind(b *bench) (incident.Solution, bool) {
	if !slices.ContainsFunc(b.load.hpa.Status.Conditions, func(c autoscalingv2.HorizontalPodAutoscalerCondition) bool {
		return c.Type == autoscalingv2.ScalingActive && c.Status == corev1.ConditionFalse
	}) {
		return incident.Solution{}, false
	}
	return offerRaiseFloor(b)
}

const (
	leastTarget  = 30  // percent of the request: below it the pods are idle, and the target is not what is wrong
	mostTarget   = 100 // percent of the request
	targetCut    = 3   // quarters: what is left of the present utilisation
	targetStep   = 5   // percent: people set targets in such steps
	hpaTolerance = 10  // percent around the target within which an autoscaler does nothing (its default)
)

// offerLowerTarget makes an autoscaler act earlier that is content while the pods it owns are saturated: its target is then above what
// they can bear. The new one is three quarters of the utilisation there is, which is outside the autoscaler's tolerance, so it adds pods
// at once; how many is what it computes itself: replicas × utilisation ÷ target, rounded up.
// Source: Kubernetes documentation, Horizontal Pod Autoscaling, algorithm details.
func offerLowerTarget(b *bench) (incident.Solution, bool) {
	l := b.load
	if l == nil || l.hpa == nil {
		return incident.Solution{}, false
	}
	h, what := l.hpa, b.measured()
	target, now, ok := utilizationOf(h, what)
	if !ok || !contentBelowCeiling(h) {
		return incident.Solution{}, false
	}
	goal := min(min(target, now)*targetCut/4/targetStep*targetStep, mostTarget)
	pods := int(l.replicas)
	want := min((pods*now+goal-1)/max(goal, 1), int(h.Spec.MaxReplicas), maxReplicas)
	if goal < leastTarget || want <= pods {
		return incident.Solution{}, false
	}
	t := b.target("HorizontalPodAutoscaler", h.Namespace, h.Name)
	percent := func(n int) string { return strconv.Itoa(n) + " %" }
	key := "utilization." + string(what)
	return incident.Solution{
		Title: say("Lower the %[2]s target of autoscaler %[1]s from %[3]d %% to %[4]d %%", "将弹性伸缩策略 %[1]s 的 %[2]s 目标利用率从 %[3]d%% 降至 %[4]d%%", name(t), what, target, goal),
		Risk:  incident.Reversible,
		When: say("The autoscaler owns the replicas of %[1]s and is content at %[2]d %% of the request, with a target of %[3]d %%, while the pods are saturated: it acts too late.",
			"%[1]s 的副本数由 HPA 管理；当前利用率 %[2]d%%（目标 %[3]d%%）未触发扩容，但 Pod 已饱和：目标值过高，扩容过晚。", name(l.target), now, target),
		Change: []incident.Text{change(fmt.Sprintf("averageUtilization (%s)", what), percent(target), percent(goal))},
		Impact: join(say("No running pod is restarted; the autoscaler goes from %d to %d pods at once, and keeps more of them from now on.",
			"不会重启正在运行的 Pod；HPA 将立即从 %d 个扩到 %d 个 Pod，此后会保持更多副本。", pods, want), l.headroom()),
		Resources:  say("%d more pod(s) at the present load.", "按当前负载新增 %d 个 Pod。", want-pods),
		Scheduling: l.conditions(),
		Cost:       say("None by itself: no node is added.", "本身不增加费用：不新增节点。"),
		Verify: say("The autoscaler wants %d replicas and they are ready, utilisation at %d %% or below, the alarm clears.",
			"HPA 期望副本数为 %d 且全部就绪，利用率不高于 %d%%，告警恢复。", want, goal),
		Rollback:   say("The target back to %d %%.", "目标利用率恢复为 %d%%。", target),
		Prediction: b.world().predict(l.podSet(want - pods)).Text(),
		Steps: []incident.Step{{
			Action: incident.AdjustHPA, Target: t,
			Expect: map[string]string{"uid": string(h.UID), key: strconv.Itoa(target)}, Goal: map[string]string{key: strconv.Itoa(goal)},
		}},
	}, true
}

// measured is the resource that the cause is about.
func (b *bench) measured() corev1.ResourceName {
	if b.cause.Reason == incident.ContainerMemoryHigh {
		return corev1.ResourceMemory
	}
	return corev1.ResourceCPU
}

// utilizationOf is an autoscaler's target for a resource and what it measures, in percent of the request.
func utilizationOf(h *autoscalingv2.HorizontalPodAutoscaler, what corev1.ResourceName) (target, now int, ok bool) {
	for _, m := range h.Spec.Metrics {
		if m.Resource == nil || m.Resource.Name != what || m.Resource.Target.AverageUtilization == nil {
			continue
		}
		for _, s := range h.Status.CurrentMetrics {
			if s.Resource != nil && s.Resource.Name == what && s.Resource.Current.AverageUtilization != nil {
				return int(*m.Resource.Target.AverageUtilization), int(*s.Resource.Current.AverageUtilization), true
			}
		}
	}
	return 0, 0, false
}

// contentBelowCeiling says whether an autoscaler could add pods and sees no reason to: it measures something, and nothing it measures
// is above its target by more than its tolerance.
func contentBelowCeiling(h *autoscalingv2.HorizontalPodAutoscaler) bool {
	if h.Status.CurrentReplicas >= h.Spec.MaxReplicas || h.Status.DesiredReplicas > h.Status.CurrentReplicas {
		return false
	}
	seen := false
	for _, what := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		target, now, ok := utilizationOf(h, what)
		if ok && 100*now > (100+hpaTolerance)*target {
			return false
		}
		seen = seen || ok
	}
	return seen
}
