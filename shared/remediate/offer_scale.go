package remediate

import (
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// offerScaleOut doubles the replicas, at least one more. Where an autoscaler owns them, its bounds or its target are the way.
func offerScaleOut(b *bench) (incident.Solution, bool) {
	l := b.load
	if l == nil || l.target.Kind == "DaemonSet" || l.replicas < 1 {
		return incident.Solution{}, false
	}
	if l.hpa != nil {
		return throughAutoscaler(b)
	}
	now := int(l.replicas)
	want := min(max(now+1, 2*now), maxReplicas)
	if want <= now {
		return incident.Solution{}, false
	}
	p := b.world().predict(l.podSet(want - now))
	per := requestsOf(newPods(b.s, l.podSet(1), 1)[0])
	return incident.Solution{
		Title:      say("Scale %s out from %d to %d replicas", "将 %s 的副本数从 %d 扩到 %d", name(l.target), now, want),
		Risk:       incident.Reversible,
		When:       say("The load is shared by all replicas and each of them is at its limit.", "负载由各副本分担，且每个副本都已接近上限。"),
		Change:     []incident.Text{change("replicas", strconv.Itoa(now), strconv.Itoa(want))},
		Impact:     join(say("No running pod is restarted.", "不会重启正在运行的 Pod。"), l.headroom()),
		Resources:  incident.Text{EN: plural(fmt.Sprintf("%d more pod(s): %s requested in all.", want-now, listed(per, int64(want-now)))), ZH: fmt.Sprintf("新增 %d 个 Pod，共申请 %s。", want-now, listedZH(per, int64(want-now)))},
		Scheduling: l.conditions(),
		Cost:       say("None by itself: no node is added.", "本身不增加费用：不新增节点。"),
		Verify: say("%d of %d replicas available, container CPU below the alarm's threshold, alarm cleared.",
			"%d/%d 个副本可用，容器 CPU 低于告警阈值，告警恢复。", want, want),
		Rollback:   say("Back to %d replicas, unless somebody has changed them since.", "恢复为 %d 个副本（若期间被他人修改则不回退）。", now),
		Prediction: p.Text(),
		Steps: []incident.Step{{
			Action: incident.ScaleOut, Target: l.target,
			Expect: map[string]string{"uid": string(l.GetUID()), "replicas": strconv.Itoa(now)},
			Goal:   map[string]string{"replicas": strconv.Itoa(want)},
		}},
	}, true
}

// podSet are n more pods of a workload.
func (l *load) podSet(n int) PodSet {
	set := PodSet{Namespace: l.target.Namespace, Workload: l.target.Name, Template: *l.template, Count: n}
	if sts, ok := l.object.(*appsv1.StatefulSet); ok {
		set.Claims, set.Ordinal = sts.Spec.VolumeClaimTemplates, int(l.replicas)
	}
	return set
}

// conditions are what a pod of the workload asks of a node.
func (l *load) conditions() incident.Text {
	spec := l.template.Spec
	out := []incident.Text{say("A node with free requests for each new pod.", "需要有节点满足新 Pod 的资源申请。")}
	if len(spec.NodeSelector) > 0 || spec.Affinity != nil && spec.Affinity.NodeAffinity != nil {
		out = append(out, say("Its node selector or affinity narrows the nodes.", "受节点选择器或节点亲和限制。"))
	}
	if far := requiredFar(&corev1.Pod{Spec: spec}); len(far) > 0 {
		out = append(out, say("Hard pod anti-affinity over %s keeps its pods apart.", "硬性 Pod 反亲和（%s）要求 Pod 分散。", far[0].TopologyKey))
	}
	for _, c := range spec.TopologySpreadConstraints {
		if c.WhenUnsatisfiable == corev1.DoNotSchedule {
			out = append(out, say("Pods must be spread over %s (max skew %d).", "Pod 须按 %s 分布（最大偏差 %d）。", c.TopologyKey, c.MaxSkew))
		}
	}
	for _, v := range spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			out = append(out, say("All pods share claim %s: a ReadWriteOnce disk serves one node only.", "所有 Pod 共用存储卷声明 %s：ReadWriteOnce 云硬盘只能挂载到一个节点。", v.PersistentVolumeClaim.ClaimName))
		}
	}
	return join(out...)
}
