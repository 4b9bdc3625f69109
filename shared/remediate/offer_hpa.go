package remediate

import (
	"strconv"

	"cce-oncall/shared/incident"
)

// offerRaiseHPA doubles the ceiling of the autoscaler that owns a workload's replicas.
func offerRaiseHPA(b *bench) (incident.Solution, bool) {
	l := b.load
	if l == nil || l.hpa == nil {
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
