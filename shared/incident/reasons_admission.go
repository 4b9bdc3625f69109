package incident

// AdmissionDomain is the domain of: refusals by the API server and controllers that do not create what was asked for.
const AdmissionDomain Domain = "admission"

// The reasons of this domain.
const (
	CronJobSuspended              Reason = "CronJobSuspended"
	ControlPlaneNotObserved       Reason = "ControlPlaneNotObserved"
	ResourceQuotaExceeded         Reason = "ResourceQuotaExceeded"
	NamespaceCPUQuotaExceeded     Reason = "NamespaceCPUQuotaExceeded"
	NamespaceMemoryQuotaExceeded  Reason = "NamespaceMemoryQuotaExceeded"
	NamespacePodQuotaExceeded     Reason = "NamespacePodQuotaExceeded"
	NamespaceServiceQuotaExceeded Reason = "NamespaceServiceQuotaExceeded"
	NamespaceStorageQuotaExceeded Reason = "NamespaceStorageQuotaExceeded"
	QuotaRequiresRequestsLimits   Reason = "QuotaRequiresRequestsLimits"
	LimitRangeViolation           Reason = "LimitRangeViolation"
	AdmissionWebhookDenied        Reason = "AdmissionWebhookDenied"
	AdmissionWebhookUnavailable   Reason = "AdmissionWebhookUnavailable"
	PodSecurityViolation          Reason = "PodSecurityViolation"
	ServiceAccountMissing         Reason = "ServiceAccountMissing"
	PriorityClassMissing          Reason = "PriorityClassMissing"
	ReplicaSetCreateBlocked       Reason = "ReplicaSetCreateBlocked"
	SelectorOverlap               Reason = "SelectorOverlap"
	DaemonSetSelectsAll           Reason = "DaemonSetSelectsAll"
	RolloutTimeout                Reason = "RolloutTimeout"
	RolloutPaused                 Reason = "RolloutPaused"
	RolloutHeldByStrategy         Reason = "RolloutHeldByStrategy"
	MinReadySecondsWaiting        Reason = "MinReadySecondsWaiting"
	StatefulSetOrdinalBlocked     Reason = "StatefulSetOrdinalBlocked"
	StatefulSetPartitionHeld      Reason = "StatefulSetPartitionHeld"
	DaemonSetNodeUncovered        Reason = "DaemonSetNodeUncovered"
	RollbackRevisionMissing       Reason = "RollbackRevisionMissing"
	ReplicasScaledToZero          Reason = "ReplicasScaledToZero"
	JobBackoffLimitExceeded       Reason = "JobBackoffLimitExceeded"
	JobDeadlineExceeded           Reason = "JobDeadlineExceeded"
	JobTooManyPods                Reason = "JobTooManyPods"
	CronJobMissedStarts           Reason = "CronJobMissedStarts"
	CronJobInconsistent           Reason = "CronJobInconsistent"
)

var admissionReasons = []ReasonInfo{
	{
		Reason: CronJobSuspended, Domain: AdmissionDomain, Kind: "CronJob",
		Title: Text{EN: "the cron job is suspended", ZH: "CronJob 已被暂停调度"},
		Advice: Text{
			EN: "Ask who suspended it and why, then set spec.suspend to false; missed runs must be started by hand.",
			ZH: "确认暂停人与原因后将 spec.suspend 置为 false；错过的任务需手动补跑。",
		},
	},
	{
		Reason: ControlPlaneNotObserved, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "controllers have not seen the latest spec", ZH: "控制器未处理最新配置"},
		Advice: Text{
			EN: "Check that the control plane is healthy; observedGeneration stays behind metadata.generation. If it lasts, open a ticket.",
			ZH: "确认控制面组件是否健康；observedGeneration 一直落后于 metadata.generation，若持续请提工单。",
		},
	},
	{
		Reason: ResourceQuotaExceeded, Domain: AdmissionDomain, Kind: "Namespace",
		Title: Text{EN: "namespace quota refuses new pods", ZH: "命名空间配额已用尽，拒绝新建 Pod"},
		Advice: Text{
			EN: "See kubectl describe resourcequota -n <ns>; raise the quota, scale something else in, or lower the requests.",
			ZH: "执行 kubectl describe resourcequota -n <ns> 查看用量；提高配额、缩容其他负载或降低 requests。",
		},
	},
	{
		Reason: NamespaceCPUQuotaExceeded, Domain: AdmissionDomain, Kind: "Namespace",
		Title: Text{EN: "namespace CPU quota is used up", ZH: "命名空间 CPU 配额已用尽"},
		Advice: Text{
			EN: "Raise the cpu line of the ResourceQuota, or lower requests and replicas in this namespace: kubectl describe resourcequota -n <ns>.",
			ZH: "提高 ResourceQuota 中的 cpu 配额，或降低该命名空间的 requests、副本数：kubectl describe resourcequota -n <ns>。",
		},
	},
	{
		Reason: NamespaceMemoryQuotaExceeded, Domain: AdmissionDomain, Kind: "Namespace",
		Title: Text{EN: "namespace memory quota is used up", ZH: "命名空间内存配额已用尽"},
		Advice: Text{
			EN: "Raise the memory line of the ResourceQuota, or lower requests and replicas in this namespace: kubectl describe resourcequota -n <ns>.",
			ZH: "提高 ResourceQuota 中的 memory 配额，或降低该命名空间的 requests、副本数：kubectl describe resourcequota -n <ns>。",
		},
	},
	{
		Reason: NamespacePodQuotaExceeded, Domain: AdmissionDomain, Kind: "Namespace",
		Title: Text{EN: "namespace pod count quota is used up", ZH: "命名空间 Pod 数配额已用尽"},
		Advice: Text{
			EN: "Raise the pods line of the ResourceQuota, or delete finished pods and scale in what is not needed.",
			ZH: "提高 ResourceQuota 中的 pods 配额，或清理已结束的 Pod、缩容不需要的负载。",
		},
	},
	{
		Reason: NamespaceServiceQuotaExceeded, Domain: AdmissionDomain, Kind: "Namespace",
		Title: Text{EN: "namespace Service quota refuses a Service", ZH: "命名空间 Service 配额已用尽"},
		Advice: Text{
			EN: "Raise the services line of the ResourceQuota or delete unused Services, then create the refused Service again.",
			ZH: "提高 ResourceQuota 中的 services 配额或删除无用 Service，然后重新创建被拒绝的 Service。",
		},
	},
	{
		Reason: NamespaceStorageQuotaExceeded, Domain: AdmissionDomain, Kind: "Namespace",
		Title: Text{EN: "namespace storage quota refuses a claim", ZH: "命名空间存储配额已用尽"},
		Advice: Text{
			EN: "Raise requests.storage or persistentvolumeclaims of the ResourceQuota, or delete unused claims, then create the claim again.",
			ZH: "提高 ResourceQuota 中的 requests.storage 或 persistentvolumeclaims 配额，或删除无用 PVC，再重新创建。",
		},
	},
	{
		Reason: QuotaRequiresRequestsLimits, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "quota demands requests and limits", ZH: "配额要求声明 requests/limits"},
		Advice: Text{
			EN: "Add requests and limits to every container, or a LimitRange with defaults to the namespace.",
			ZH: "为每个容器补充 requests/limits，或在命名空间设置带默认值的 LimitRange。",
		},
	},
	{
		Reason: LimitRangeViolation, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "container resources break the LimitRange", ZH: "容器资源超出 LimitRange 限制"},
		Advice: Text{
			EN: "Bring requests and limits inside the LimitRange (kubectl describe limitrange -n <ns>), or change the LimitRange.",
			ZH: "将 requests/limits 调整到 LimitRange 范围内（kubectl describe limitrange -n <ns>），或修改 LimitRange。",
		},
	},
	{
		Reason: AdmissionWebhookDenied, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "an admission webhook denies the pods", ZH: "准入 Webhook 拒绝创建 Pod"},
		Advice: Text{
			EN: "Read the webhook's message and correct the pod template; ask the owner of the policy if it is unclear.",
			ZH: "根据 Webhook 返回信息修正 Pod 模板；如不清楚请联系策略负责人。",
		},
	},
	{
		Reason: AdmissionWebhookUnavailable, Domain: AdmissionDomain, Kind: "ValidatingWebhookConfiguration",
		Title: Text{EN: "an admission webhook does not answer", ZH: "准入 Webhook 无法访问"},
		Advice: Text{
			EN: "Restore the Service and pods behind the webhook; failurePolicy Ignore only as a last resort and with consent.",
			ZH: "恢复 Webhook 后端的 Service 与 Pod；仅在紧急且获批准时才将 failurePolicy 改为 Ignore。",
		},
	},
	{
		Reason: PodSecurityViolation, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "Pod Security refuses the pods", ZH: "Pod 安全策略拒绝创建 Pod"},
		Advice: Text{
			EN: "Correct the securityContext as the message says, or change the pod-security label of the namespace after review.",
			ZH: "按提示修正 securityContext，或经评审后调整命名空间的 Pod Security 标签。",
		},
	},
	{
		Reason: ServiceAccountMissing, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "the pod's service account does not exist", ZH: "Pod 引用的 ServiceAccount 不存在"},
		Advice: Text{
			EN: "Create the ServiceAccount or correct serviceAccountName in the template: kubectl get sa -n <ns>.",
			ZH: "创建该 ServiceAccount，或修正模板中的 serviceAccountName：kubectl get sa -n <ns>。",
		},
	},
	{
		Reason: PriorityClassMissing, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "the pod's priority class does not exist", ZH: "Pod 引用的 PriorityClass 不存在"},
		Advice: Text{
			EN: "Create the PriorityClass or correct priorityClassName in the template.",
			ZH: "创建该 PriorityClass，或修正模板中的 priorityClassName。",
		},
	},
	{
		Reason: ReplicaSetCreateBlocked, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "the controller cannot create its pods", ZH: "控制器无法创建 Pod"},
		Advice: Text{
			EN: "Read the FailedCreate events: kubectl describe rs -n <ns>; correct what they name.",
			ZH: "查看 FailedCreate 事件：kubectl describe rs -n <ns>，并按提示修正。",
		},
	},
	{
		Reason: SelectorOverlap, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "two workloads select the same pods", ZH: "多个工作负载的选择器重叠"},
		Advice: Text{
			EN: "Change the labels and selector of one of them; selectors are immutable, so it must be created anew.",
			ZH: "修改其中一个的标签与选择器；selector 不可变，需重建该工作负载。",
		},
	},
	{
		Reason: DaemonSetSelectsAll, Domain: AdmissionDomain, Kind: "DaemonSet",
		Title: Text{EN: "the DaemonSet's selector selects all pods", ZH: "DaemonSet 选择器为空，会选中所有 Pod"},
		Advice: Text{
			EN: "Create the DaemonSet again with a selector that matches only its own template.",
			ZH: "使用仅匹配自身模板的选择器重建 DaemonSet。",
		},
	},
	{
		Reason: RolloutTimeout, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "the rollout exceeded its deadline", ZH: "滚动升级超时"},
		Advice: Text{
			EN: "Find why the new pods do not become ready; roll back if the new revision causes it: kubectl rollout undo deployment/<name> -n <ns>.",
			ZH: "排查新 Pod 未就绪的原因；若由新版本引起则回滚：kubectl rollout undo deployment/<name> -n <ns>。",
		},
	},
	{
		Reason: RolloutPaused, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "the rollout is paused with changes pending", ZH: "滚动升级被暂停，变更未生效"},
		Advice: Text{
			EN: "Resume it when the pause is no longer wanted: kubectl rollout resume deployment/<name> -n <ns>.",
			ZH: "确认不再需要暂停后恢复：kubectl rollout resume deployment/<name> -n <ns>。",
		},
	},
	{
		Reason: RolloutHeldByStrategy, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "the update strategy leaves no room to proceed", ZH: "升级策略无余量，升级停滞"},
		Advice: Text{
			EN: "Repair the unready pods, or give the strategy room (maxSurge or maxUnavailable of at least 1).",
			ZH: "修复未就绪的 Pod，或放宽策略（maxSurge 或 maxUnavailable 至少为 1）。",
		},
	},
	{
		Reason: MinReadySecondsWaiting, Domain: AdmissionDomain, Kind: "Deployment", Symptom: true,
		Title: Text{EN: "pods are waiting for minReadySeconds", ZH: "Pod 正在等待 minReadySeconds"},
		Advice: Text{
			EN: "Wait: the pods are ready and count as available once minReadySeconds have passed.",
			ZH: "等待即可：Pod 已就绪，满足 minReadySeconds 后计为可用。",
		},
	},
	{
		Reason: StatefulSetOrdinalBlocked, Domain: AdmissionDomain, Kind: "StatefulSet",
		Title: Text{EN: "an unready pod blocks the following ordinals", ZH: "前序 Pod 未就绪，后续序号被阻塞"},
		Advice: Text{
			EN: "Repair the first unready pod; a pod stuck on a bad revision must be deleted after the template is corrected.",
			ZH: "修复首个未就绪的 Pod；若卡在错误版本，修正模板后需手动删除该 Pod。",
		},
	},
	{
		Reason: StatefulSetPartitionHeld, Domain: AdmissionDomain, Kind: "StatefulSet", Symptom: true,
		Title: Text{EN: "the partition holds back part of the update", ZH: "partition 设置使部分 Pod 未升级"},
		Advice: Text{
			EN: "This is by design of a staged rollout; lower spec.updateStrategy.rollingUpdate.partition to continue.",
			ZH: "属于分批发布的预期行为；如需继续请降低 partition 值。",
		},
	},
	{
		Reason: DaemonSetNodeUncovered, Domain: AdmissionDomain, Kind: "DaemonSet",
		Title: Text{EN: "some nodes run no pod of the DaemonSet", ZH: "部分节点缺少 DaemonSet 的 Pod"},
		Advice: Text{
			EN: "Check taints, node selector and free capacity of the uncovered nodes; add a toleration or free room.",
			ZH: "检查未覆盖节点的污点、节点选择器和剩余容量；补充容忍或释放资源。",
		},
	},
	{
		Reason: RollbackRevisionMissing, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "the revision to roll back to is gone", ZH: "目标回滚版本不存在"},
		Advice: Text{
			EN: "Redeploy a known-good template; keep more history with spec.revisionHistoryLimit.",
			ZH: "重新部署已知可用的模板；调大 spec.revisionHistoryLimit 以保留更多历史版本。",
		},
	},
	{
		Reason: ReplicasScaledToZero, Domain: AdmissionDomain, Kind: "Deployment",
		Title: Text{EN: "the workload was scaled to zero", ZH: "工作负载副本数被设为 0"},
		Advice: Text{
			EN: "Ask who scaled it and restore the former count: kubectl scale deployment/<name> -n <ns> --replicas=<n>.",
			ZH: "确认由谁缩容，并恢复原副本数：kubectl scale deployment/<name> -n <ns> --replicas=<n>。",
		},
	},
	{
		Reason: JobBackoffLimitExceeded, Domain: AdmissionDomain, Kind: "Job",
		Title: Text{EN: "the job failed too often", ZH: "Job 重试次数超过上限"},
		Advice: Text{
			EN: "Read the logs of the failed pods, correct the cause, then create the job again.",
			ZH: "查看失败 Pod 日志，修复原因后重新创建 Job。",
		},
	},
	{
		Reason: JobDeadlineExceeded, Domain: AdmissionDomain, Kind: "Job",
		Title: Text{EN: "the job ran longer than allowed", ZH: "Job 运行超过截止时间"},
		Advice: Text{
			EN: "Find why it is slow or raise spec.activeDeadlineSeconds, then create the job again.",
			ZH: "排查运行缓慢的原因或调大 activeDeadlineSeconds，再重新创建。",
		},
	},
	{
		Reason: JobTooManyPods, Domain: AdmissionDomain, Kind: "Job",
		Title: Text{EN: "the job has more pods than it should", ZH: "Job 的 Pod 数超出预期"},
		Advice: Text{
			EN: "Compare parallelism and completions; look for a second controller whose selector matches its pods.",
			ZH: "核对 parallelism/completions，排查是否有其他控制器选中了这些 Pod。",
		},
	},
	{
		Reason: CronJobMissedStarts, Domain: AdmissionDomain, Kind: "CronJob",
		Title: Text{EN: "the cron job missed too many starts", ZH: "CronJob 错过的调度次数过多"},
		Advice: Text{
			EN: "Set startingDeadlineSeconds so that old starts are not counted, then create the CronJob again if it stays stuck.",
			ZH: "设置 startingDeadlineSeconds；若仍不调度请重建 CronJob。",
		},
	},
	{
		Reason: CronJobInconsistent, Domain: AdmissionDomain, Kind: "CronJob",
		Title: Text{EN: "the cron job and its jobs disagree", ZH: "CronJob 与其 Job 状态不一致"},
		Advice: Text{
			EN: "Look for jobs that were orphaned or created by hand, and check the API access of the controller.",
			ZH: "检查是否有孤立或手工创建的 Job，并确认控制器访问 API 正常。",
		},
	},
}
