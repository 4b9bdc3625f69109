package remediate

import (
	"slices"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	storagehelpers "k8s.io/component-helpers/storage/volume"

	"cce-oncall/shared/incident"
)

// offerBurst lets what does not fit in the cluster run on CCI.
func offerBurst(b *bench) (incident.Solution, bool) {
	l := b.load
	if l == nil || l.target.Kind == "DaemonSet" || l.template.Labels[burstLabel] != "" ||
		!slices.ContainsFunc(b.s.Objects.Nodes, func(n *corev1.Node) bool { return virtual(n) && ready(n) }) {
		return incident.Solution{}, false
	}
	const mode = "localPrefer"
	return incident.Solution{
		Title:     say("Let %s burst to CCI", "允许 %s 弹性到 CCI", name(l.target)),
		Risk:      incident.Costly,
		When:      say("The cluster is full, it must go fast, and the pods need no disk or host of the cluster.", "集群资源不足、需要快速扩容，且 Pod 不依赖集群本地盘或主机能力。"),
		Change:    []incident.Text{change("label "+burstLabel, l.template.Labels[burstLabel], mode)},
		Impact:    join(say("Restarts all %d pod(s) by a rollout; those that do not fit here start on CCI.", "滚动重启全部 %d 个 Pod；集群内放不下的 Pod 将在 CCI 启动。", l.replicas), l.headroom()),
		Resources: say("CCI capacity for the pods that do not fit.", "为放不下的 Pod 使用 CCI 资源。"),
		Scheduling: say("The CCI bursting add-on is installed and its virtual node is Ready; images must be reachable from CCI (SWR).",
			"已安装 CCE 突发弹性引擎（对接 CCI）且虚拟节点 Ready；镜像需可从 CCI 拉取（SWR）。"),
		Cost:       say("CCI bills its pods by use, for as long as they run there.", "CCI 上的 Pod 按用量计费，直至停止。"),
		Verify:     say("No pod Pending, %d of %d replicas available, the alarm clears.", "无 Pending Pod，%d/%d 个副本可用，告警恢复。", l.replicas, l.replicas),
		Rollback:   say("The label is taken away, by another rollout.", "移除该标签并再次滚动更新。"),
		Prediction: join(b.world().rollout(l, *l.template).Text(), say("What does not fit goes to CCI; its capacity cannot be seen from here.", "放不下的 Pod 将转到 CCI；CCI 的余量无法在此预估。")),
		Steps: []incident.Step{{
			Action: incident.BurstToCCI, Target: l.target,
			Expect: map[string]string{"uid": string(l.GetUID()), "burst": l.template.Labels[burstLabel]}, Goal: map[string]string{"burst": mode},
		}},
	}, true
}

// offerSuspendJob stops a Job that does harm; offerSuspendCronJob keeps a schedule from starting more of them.
func offerSuspendJob(b *bench) (incident.Solution, bool) {
	j := objectNamed(b.s.Objects.Jobs, b.cause.Target)
	if b.cause.Target.Kind != "Job" || j == nil || j.Status.CompletionTime != nil || j.Spec.Suspend != nil && *j.Spec.Suspend {
		return incident.Solution{}, false
	}
	if slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return (c.Type == batchv1.JobFailed || c.Type == batchv1.JobComplete) && c.Status == corev1.ConditionTrue
	}) {
		return incident.Solution{}, false
	}
	s := suspension(b.target("Job", j.Namespace, j.Name), string(j.UID), incident.SuspendJob)
	s.Risk = incident.Disruptive
	s.Impact = say("Deletes its %d running pod(s); finished work stays.", "正在运行的 %d 个 Pod 将被删除，已完成的部分保留。", j.Status.Active)
	return s, true
}

func offerSuspendCronJob(b *bench) (incident.Solution, bool) {
	t := b.cause.Target
	if t.Kind == "Job" {
		if j := objectNamed(b.s.Objects.Jobs, t); j != nil {
			if ref := metav1.GetControllerOf(j); ref != nil && ref.Kind == "CronJob" {
				t = b.target("CronJob", j.Namespace, ref.Name)
			}
		}
	}
	c := objectNamed(b.s.Objects.CronJobs, t)
	if t.Kind != "CronJob" || c == nil || c.Spec.Suspend != nil && *c.Spec.Suspend {
		return incident.Solution{}, false
	}
	s := suspension(b.target("CronJob", c.Namespace, c.Name), string(c.UID), incident.SuspendCronJob)
	s.Impact = say("No further Job is started; %d that run go on.", "不再启动新任务；正在运行的 %d 个任务不受影响。", len(c.Status.Active))
	return s, true
}

func suspension(t incident.Target, uid string, action incident.ActionKind) incident.Solution {
	return incident.Solution{
		Title:      say("Suspend %s", "暂停 %s", t),
		Risk:       incident.Reversible,
		When:       say("It fails or floods the cluster, and can wait until its cause is mended.", "任务持续失败或占满集群，且可等根因修复后再运行。"),
		Change:     []incident.Text{change("suspend", "false", "true")},
		Resources:  say("Frees what its pods request.", "释放其 Pod 占用的资源。"),
		Scheduling: say("None.", "无。"),
		Cost:       say("None.", "无。"),
		Verify:     say("No pod of it is active, no new failure.", "不再有活动 Pod，不再产生新的失败。"),
		Rollback:   say("Suspension is lifted; the work starts again.", "解除暂停，任务重新运行。"),
		Prediction: say("No pod has to be placed.", "没有需要调度的 Pod。"),
		Steps:      []incident.Step{{Action: action, Target: t, Expect: map[string]string{"uid": uid, "suspend": "false"}, Goal: map[string]string{"suspend": "true"}}},
	}
}

// offerFixSelector points a Service at the workload it is meant for.
func offerFixSelector(b *bench) (incident.Solution, bool) {
	svc := objectNamed(b.s.Objects.Services, b.cause.Target)
	want := b.cause.Facts[factRightSelector]
	if b.cause.Target.Kind != "Service" || svc == nil || want == "" {
		return incident.Solution{}, false
	}
	right, err := labels.ConvertSelectorToLabelsMap(want)
	if err != nil || len(right) == 0 || labels.Equals(right, svc.Spec.Selector) {
		return incident.Solution{}, false
	}
	now, goal := labels.Set(svc.Spec.Selector).String(), right.String()
	behind, serving := 0, 0
	for _, p := range b.s.Objects.Pods {
		if p.Namespace == svc.Namespace && !finished(p) && right.AsSelector().Matches(labels.Set(p.Labels)) {
			behind++
			if podReady(p) {
				serving++
			}
		}
	}
	if behind == 0 {
		return incident.Solution{}, false
	}
	s := b.serviceSolution(svc, incident.FixServiceSelector, map[string]string{"selector": now}, map[string]string{"selector": goal})
	s.Title = say("Correct the selector of Service %s", "修正 Service %s 的选择器", name(b.cause.Target))
	s.When = say("The Service selects other pods than it is meant for, or none.", "Service 未选中目标 Pod，或选中了错误的 Pod。")
	s.Change = []incident.Text{change("selector", now, goal)}
	s.Prediction = say("The new selector selects %d pod(s), %d of them ready.", "新选择器选中 %d 个 Pod，其中 %d 个就绪。", behind, serving)
	return s, true
}

// offerFixPort corrects the port, the targetPort or the protocol of a Service, as the diagnosis found.
func offerFixPort(b *bench) (incident.Solution, bool) {
	svc := objectNamed(b.s.Objects.Services, b.cause.Target)
	i := -1
	if b.cause.Target.Kind == "Service" && svc != nil {
		i = portIndex(svc, map[string]string{"port": b.cause.Facts[factServicePort]})
	}
	if i < 0 {
		return incident.Solution{}, false
	}
	p := svc.Spec.Ports[i]
	protocol := string(p.Protocol)
	if protocol == "" {
		protocol = string(corev1.ProtocolTCP)
	}
	expect := map[string]string{"port": strconv.Itoa(int(p.Port)), "targetPort": p.TargetPort.String(), "protocol": protocol}
	key, want := "targetPort", b.cause.Facts[factRightPort]
	switch b.cause.Reason {
	case incident.ServicePortMismatch:
		key = "port"
	case incident.ServiceProtocolMismatch:
		key, want = "protocol", b.cause.Facts[factProtocol]
	}
	if want == "" || want == expect[key] {
		return incident.Solution{}, false
	}
	s := b.serviceSolution(svc, incident.FixServicePort, expect, map[string]string{key: want})
	s.Title = say("Correct the %[2]s of Service %[1]s", "修正 Service %[1]s 的 %[2]s", name(b.cause.Target), key)
	s.When = say("The Service sends traffic where nothing listens.", "Service 将流量转发到了无人监听的端口。")
	s.Change = []incident.Text{change("port "+expect["port"]+" "+key, expect[key], want)}
	s.Prediction = say("Traffic to port %s reaches %s %s of the pods.", "端口 %s 的流量将到达 Pod 的 %s %s。", expect["port"], key, want)
	return s, true
}

func (b *bench) serviceSolution(svc *corev1.Service, action incident.ActionKind, expect, goal map[string]string) incident.Solution {
	expect["uid"] = string(svc.UID)
	return incident.Solution{
		Risk:       incident.Reversible,
		Impact:     say("No pod is touched; connections follow within seconds, open ones to the former endpoints break.", "不影响 Pod；数秒内流量切换，与原端点的已有连接会中断。"),
		Resources:  say("None.", "无。"),
		Scheduling: say("None.", "无。"),
		Cost:       say("None.", "无。"),
		Verify:     say("The Service has ready endpoints and requests succeed.", "Service 有就绪端点，请求恢复成功。"),
		Rollback:   say("The former value, unless somebody has changed it since.", "恢复原值（若期间被他人修改则不回退）。"),
		Steps:      []incident.Step{{Action: action, Target: b.target("Service", svc.Namespace, svc.Name), Expect: expect, Goal: goal}},
	}
}

// offerExpandPVC makes a claim half as large again.
func offerExpandPVC(b *bench) (incident.Solution, bool) {
	t := b.cause.Target
	if t.Kind != "PersistentVolumeClaim" {
		t = b.target("PersistentVolumeClaim", t.Namespace, b.cause.Facts[factClaim])
	}
	pvc := objectNamed(b.s.Objects.PersistentVolumeClaims, t)
	if pvc == nil || pvc.Status.Phase != corev1.ClaimBound {
		return incident.Solution{}, false
	}
	class := storagehelpers.GetPersistentVolumeClaimClass(pvc)
	i := slices.IndexFunc(b.s.Objects.StorageClasses, func(sc *storagev1.StorageClass) bool { return sc.Name == class })
	if i < 0 {
		return incident.Solution{}, false
	}
	if sc := b.s.Objects.StorageClasses[i]; sc.AllowVolumeExpansion == nil || !*sc.AllowVolumeExpansion {
		return incident.Solution{}, false
	}
	now := pvc.Spec.Resources.Requests[corev1.ResourceStorage]
	const gibi = 1 << 30
	want := resource.NewQuantity((now.Value()*3/2+gibi-1)/gibi*gibi, resource.BinarySI)
	if want.Cmp(now) <= 0 || now.IsZero() {
		return incident.Solution{}, false
	}
	return incident.Solution{
		Title:      say("Expand claim %s from %s to %s", "将存储卷声明 %s 从 %s 扩容到 %s", name(t), now.String(), want),
		Risk:       incident.Costly,
		When:       say("The volume is full of data that is needed; cleaning up does not free enough.", "卷内数据确有需要，清理无法腾出足够空间。"),
		Change:     []incident.Text{change("size", now.String(), want.String())},
		Impact:     say("No pod is stopped; some drivers grow the file system only when the pod starts again.", "不停止 Pod；部分驱动需 Pod 重启后才扩展文件系统。"),
		Resources:  say("%s more storage of class %s.", "%[2]s 类型存储增加 %[1]s。", resource.NewQuantity(want.Value()-now.Value(), resource.BinarySI), class),
		Scheduling: say("Storage quota of the project and of the namespace.", "需要有项目与命名空间的存储配额。"),
		Cost:       say("%s instead of %s of class %s, billed for good: a volume cannot be made smaller.", "%[3]s 存储由 %[2]s 增至 %[1]s 并持续计费：卷无法缩小。", want, now.String(), class),
		Verify:     say("The claim's capacity is %s and its usage falls.", "存储卷声明容量变为 %s，使用率下降。", want),
		Rollback:   say("Not possible: a volume cannot be made smaller.", "无法回退：卷无法缩小。"),
		Prediction: b.fuller(now, *want),
		Steps: []incident.Step{{
			Action: incident.ExpandPVC, Target: t,
			Expect: map[string]string{"uid": string(pvc.UID), "size": now.String()}, Goal: map[string]string{"size": want.String()},
		}},
	}, true
}

// fuller is how full the volume will be, from how full the diagnosis found it.
func (b *bench) fuller(now, want resource.Quantity) incident.Text {
	used, err := strconv.ParseFloat(b.cause.Facts[factUsage], 64)
	if err != nil || used <= 0 || used > 1 {
		return say("Usage falls by the share that is added.", "使用率将按扩容比例下降。")
	}
	return say("Usage falls from %.0f %% to %.0f %%.", "使用率将由 %.0f%% 降至 %.0f%%。", used*100, used*100*float64(now.Value())/float64(want.Value()))
}

// offerRaiseFloor lifts the floor of an autoscaler that cannot read its metric: the one way to more pods that it allows.
func offerRaiseFloor(b *bench) (incident.Solution, bool) {
	l := b.load
	if l == nil || l.hpa == nil {
		return incident.Solution{}, false
	}
	h := l.hpa
	floor, ceiling := int(deref(h.Spec.MinReplicas)), int(h.Spec.MaxReplicas)
	want := min(max(int(l.replicas)+1, 2*int(l.replicas)), ceiling)
	if want <= max(floor, int(l.replicas)) {
		return incident.Solution{}, false
	}
	t := b.target("HorizontalPodAutoscaler", h.Namespace, h.Name)
	return incident.Solution{
		Title:      say("Raise the floor of autoscaler %s from %d to %d replicas", "将弹性伸缩策略 %s 的最小副本数从 %d 调至 %d", name(t), floor, want),
		Risk:       incident.Reversible,
		When:       say("The autoscaler cannot read its metric and more replicas are needed meanwhile.", "HPA 暂时读不到指标，而业务需要更多副本。"),
		Change:     []incident.Text{change("minReplicas", strconv.Itoa(floor), strconv.Itoa(want))},
		Impact:     join(say("No running pod is restarted.", "不会重启正在运行的 Pod。"), l.headroom()),
		Resources:  say("%d more pod(s).", "新增 %d 个 Pod。", want-int(l.replicas)),
		Scheduling: l.conditions(),
		Cost:       say("None by itself: no node is added.", "本身不增加费用：不新增节点。"),
		Verify:     say("%d replicas available.", "%d 个副本可用。", want),
		Rollback:   say("minReplicas back to %d.", "minReplicas 恢复为 %d。", floor),
		Prediction: b.world().predict(l.podSet(want - int(l.replicas))).Text(),
		Steps: []incident.Step{{
			Action: incident.AdjustHPA, Target: t,
			Expect: map[string]string{"uid": string(h.UID), "minReplicas": strconv.Itoa(floor), "maxReplicas": strconv.Itoa(ceiling)},
			Goal:   map[string]string{"minReplicas": strconv.Itoa(want), "maxReplicas": strconv.Itoa(ceiling)},
		}},
	}, true
}
