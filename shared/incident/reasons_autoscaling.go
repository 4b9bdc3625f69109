package incident

// AutoscalingDomain is the domain of: autoscalers of pods and of nodes.
const AutoscalingDomain Domain = "autoscaling"

// The reasons of this domain.
const (
	HPANotConfigured              Reason = "HPANotConfigured"
	HPATargetNotFound             Reason = "HPATargetNotFound"
	HPAMetricsMissing             Reason = "HPAMetricsMissing"
	HPARequestsMissing            Reason = "HPARequestsMissing"
	HPASelectorMismatch           Reason = "HPASelectorMismatch"
	HPAInvalidTarget              Reason = "HPAInvalidTarget"
	HPAMaxReached                 Reason = "HPAMaxReached"
	HPAScaleBlocked               Reason = "HPAScaleBlocked"
	HPACooldown                   Reason = "HPACooldown"
	HPAWithinTolerance            Reason = "HPAWithinTolerance"
	CronHPAFailed                 Reason = "CronHPAFailed"
	CustomedHPAFailed             Reason = "CustomedHPAFailed"
	MetricsServerUnavailable      Reason = "MetricsServerUnavailable"
	AutoscalerNotInstalled        Reason = "AutoscalerNotInstalled"
	AutoscalerUnhealthy           Reason = "AutoscalerUnhealthy"
	AutoscalerTooOld              Reason = "AutoscalerTooOld"
	AutoscalerPoolDisabled        Reason = "AutoscalerPoolDisabled"
	NodePoolMaxReached            Reason = "NodePoolMaxReached"
	ScaleUpNotHelpful             Reason = "ScaleUpNotHelpful"
	NodePoolSoldOut               Reason = "NodePoolSoldOut"
	NodePoolQuotaInsufficient     Reason = "NodePoolQuotaInsufficient"
	NodePoolConfigInvalid         Reason = "NodePoolConfigInvalid"
	SubnetIPExhausted             Reason = "SubnetIPExhausted"
	AgencyPermissionDenied        Reason = "AgencyPermissionDenied"
	ScaleUpTimedOut               Reason = "ScaleUpTimedOut"
	NodeGroupBackoff              Reason = "NodeGroupBackoff"
	ScaleDownBlocked              Reason = "ScaleDownBlocked"
	UnregisteredNodeCleanupFailed Reason = "UnregisteredNodeCleanupFailed"
)

var autoscalingReasons = []ReasonInfo{
	{
		Reason: HPANotConfigured, Domain: AutoscalingDomain, Kind: "Deployment",
		Title: Text{EN: "a saturated workload has no autoscaler", ZH: "高负载工作负载未配置 HPA"},
		Advice: Text{
			EN: "Create an HPA with the present replicas as the minimum.",
			ZH: "创建 HPA，最小副本数取当前值。",
		},
	},
	{
		Reason: HPATargetNotFound, Domain: AutoscalingDomain, Kind: "HorizontalPodAutoscaler",
		Title: Text{EN: "the autoscaler's target does not exist", ZH: "HPA 目标不存在"},
		Advice: Text{
			EN: "Correct scaleTargetRef.",
			ZH: "修正 scaleTargetRef。",
		},
	},
	{
		Reason: HPAMetricsMissing, Domain: AutoscalingDomain, Kind: "HorizontalPodAutoscaler",
		Title: Text{EN: "the autoscaler gets no metrics", ZH: "HPA 获取不到指标"},
		Advice: Text{
			EN: "Check the metrics server or adapter: kubectl describe hpa -n <ns>.",
			ZH: "检查 metrics-server 或适配器：kubectl describe hpa -n <ns>。",
		},
	},
	{
		Reason: HPARequestsMissing, Domain: AutoscalingDomain, Kind: "HorizontalPodAutoscaler",
		Title: Text{EN: "the pods lack the request the autoscaler needs", ZH: "Pod 缺少 HPA 所需的 requests"},
		Advice: Text{
			EN: "Set resources.requests for the named resource in every container, sidecars included.",
			ZH: "为所有容器（含 sidecar）设置对应的 resources.requests。",
		},
	},
	{
		Reason: HPASelectorMismatch, Domain: AutoscalingDomain, Kind: "HorizontalPodAutoscaler",
		Title: Text{EN: "the autoscaler finds no pods of its target", ZH: "HPA 未匹配到目标 Pod"},
		Advice: Text{
			EN: "Correct the selector of the target.",
			ZH: "修正目标的选择器。",
		},
	},
	{
		Reason: HPAInvalidTarget, Domain: AutoscalingDomain, Kind: "HorizontalPodAutoscaler",
		Title: Text{EN: "the autoscaler's target value is invalid", ZH: "HPA 目标值无效"},
		Advice: Text{
			EN: "Correct the target values of the HPA.",
			ZH: "修正 HPA 目标值。",
		},
	},
	{
		Reason: HPAMaxReached, Domain: AutoscalingDomain, Kind: "HorizontalPodAutoscaler",
		Title: Text{EN: "the autoscaler is at its maximum", ZH: "HPA 已达最大副本数"},
		Advice: Text{
			EN: "Raise maxReplicas if capacity allows, or make a replica cheaper.",
			ZH: "容量允许时调大 maxReplicas，或优化单副本消耗。",
		},
	},
	{
		Reason: HPAScaleBlocked, Domain: AutoscalingDomain, Kind: "HorizontalPodAutoscaler",
		Title: Text{EN: "the autoscaler may not scale its target", ZH: "HPA 无法更新目标副本数"},
		Advice: Text{
			EN: "Check permissions, quota and conflicting controllers.",
			ZH: "检查权限、配额与冲突的控制器。",
		},
	},
	{
		Reason: HPACooldown, Domain: AutoscalingDomain, Kind: "HorizontalPodAutoscaler", Symptom: true,
		Title: Text{EN: "the autoscaler is cooling down", ZH: "HPA 处于冷却期"},
		Advice: Text{
			EN: "Wait until the stabilisation window has passed.",
			ZH: "等待稳定窗口结束。",
		},
	},
	{
		Reason: HPAWithinTolerance, Domain: AutoscalingDomain, Kind: "HorizontalPodAutoscaler", Symptom: true,
		Title: Text{EN: "the load is within the autoscaler's tolerance", ZH: "负载在 HPA 容忍范围内"},
		Advice: Text{
			EN: "Nothing, or lower the target value.",
			ZH: "无需处理，或调低目标值。",
		},
	},
	{
		Reason: CronHPAFailed, Domain: AutoscalingDomain, Kind: "CronHorizontalPodAutoscaler",
		Title: Text{EN: "the timed autoscaler failed", ZH: "CronHPA 执行失败"},
		Advice: Text{
			EN: "Correct its reference, and align it with the bounds of the HPA.",
			ZH: "修正引用，并与 HPA 上下限对齐。",
		},
	},
	{
		Reason: CustomedHPAFailed, Domain: AutoscalingDomain, Kind: "CustomedHorizontalPodAutoscaler",
		Title: Text{EN: "the custom autoscaler failed", ZH: "CustomedHPA 执行失败"},
		Advice: Text{
			EN: "Correct the policy.",
			ZH: "修正策略。",
		},
	},
	{
		Reason: MetricsServerUnavailable, Domain: AutoscalingDomain, Kind: "APIService",
		Title: Text{EN: "the resource metrics API is unavailable", ZH: "资源指标 API 不可用"},
		Advice: Text{
			EN: "Repair the metrics-server add-on: kubectl get apiservice v1beta1.metrics.k8s.io.",
			ZH: "修复 metrics-server 插件：kubectl get apiservice v1beta1.metrics.k8s.io。",
		},
	},
	{
		Reason: AutoscalerNotInstalled, Domain: AutoscalingDomain, Kind: "Cluster",
		Title: Text{EN: "no cluster autoscaler is installed", ZH: "未安装集群弹性伸缩插件"},
		Advice: Text{
			EN: "Install the autoscaler add-on, or scale the pool by hand.",
			ZH: "安装 autoscaler 插件或手动扩容节点池。",
		},
	},
	{
		Reason: AutoscalerUnhealthy, Domain: AutoscalingDomain, Kind: "Cluster",
		Title: Text{EN: "the cluster autoscaler does not work", ZH: "集群弹性伸缩插件异常"},
		Advice: Text{
			EN: "Repair the autoscaler add-on.",
			ZH: "修复 autoscaler 插件。",
		},
	},
	{
		Reason: AutoscalerTooOld, Domain: AutoscalingDomain, Kind: "Cluster",
		Title: Text{EN: "the cluster autoscaler is outdated", ZH: "集群弹性伸缩插件版本过旧"},
		Advice: Text{
			EN: "Upgrade the add-on.",
			ZH: "升级插件。",
		},
	},
	{
		Reason: AutoscalerPoolDisabled, Domain: AutoscalingDomain, Kind: "NodePool",
		Title: Text{EN: "autoscaling is off for the pool", ZH: "节点池未开启弹性伸缩"},
		Advice: Text{
			EN: "Enable autoscaling for the pool, or scale it by hand.",
			ZH: "开启节点池弹性伸缩或手动扩容。",
		},
	},
	{
		Reason: NodePoolMaxReached, Domain: AutoscalingDomain, Kind: "NodePool",
		Title: Text{EN: "the pool is at its maximum size", ZH: "节点池已达最大节点数"},
		Advice: Text{
			EN: "Raise the maximum of the pool.",
			ZH: "调大节点池上限。",
		},
	},
	{
		Reason: ScaleUpNotHelpful, Domain: AutoscalingDomain, Kind: "Deployment",
		Title: Text{EN: "no pool could host the pods", ZH: "扩容任何节点池都无法容纳该 Pod"},
		Advice: Text{
			EN: "Correct the pod's constraints, or add a pool that fits.",
			ZH: "修正 Pod 约束或新增合适的节点池。",
		},
	},
	{
		Reason: NodePoolSoldOut, Domain: AutoscalingDomain, Kind: "NodePool",
		Title: Text{EN: "the flavor of the pool is sold out", ZH: "节点池规格售罄"},
		Advice: Text{
			EN: "Use another flavor, zone or pool.",
			ZH: "更换规格、可用区或节点池。",
		},
	},
	{
		Reason: NodePoolQuotaInsufficient, Domain: AutoscalingDomain, Kind: "NodePool",
		Title: Text{EN: "the account's quota stops the pool", ZH: "账号配额不足，节点池无法扩容"},
		Advice: Text{
			EN: "Raise the quota of ECS, EVS or EIP.",
			ZH: "提升 ECS/EVS/EIP 配额。",
		},
	},
	{
		Reason: NodePoolConfigInvalid, Domain: AutoscalingDomain, Kind: "NodePool",
		Title: Text{EN: "the configuration of the pool is invalid", ZH: "节点池配置无效"},
		Advice: Text{
			EN: "Correct server group, key pair, KMS key or security group.",
			ZH: "修正服务器组、密钥对、KMS 或安全组。",
		},
	},
	{
		Reason: SubnetIPExhausted, Domain: AutoscalingDomain, Kind: "NodePool",
		Title: Text{EN: "the subnet has no address left", ZH: "子网 IP 耗尽"},
		Advice: Text{
			EN: "Add a subnet to the pool.",
			ZH: "为节点池增加子网。",
		},
	},
	{
		Reason: AgencyPermissionDenied, Domain: AutoscalingDomain, Kind: "Cluster",
		Title: Text{EN: "the cluster's agency lacks permissions", ZH: "集群委托权限不足"},
		Advice: Text{
			EN: "Restore the permissions of cce_admin_trust.",
			ZH: "恢复 cce_admin_trust 委托权限。",
		},
	},
	{
		Reason: ScaleUpTimedOut, Domain: AutoscalingDomain, Kind: "NodePool",
		Title: Text{EN: "a new node did not join in time", ZH: "新节点未按时加入"},
		Advice: Text{
			EN: "Look at the installation of the node.",
			ZH: "检查节点安装过程。",
		},
	},
	{
		Reason: NodeGroupBackoff, Domain: AutoscalingDomain, Kind: "NodePool",
		Title: Text{EN: "the pool pauses after a failed scale-up", ZH: "节点池扩容失败后退避"},
		Advice: Text{
			EN: "Repair the last error of the pool; it retries by itself.",
			ZH: "修复上次错误；会自动重试。",
		},
	},
	{
		Reason: ScaleDownBlocked, Domain: AutoscalingDomain, Kind: "Node",
		Title: Text{EN: "pods keep the node from being removed", ZH: "Pod 阻止节点缩容"},
		Advice: Text{
			EN: "Move or annotate the pods that the event names.",
			ZH: "迁移事件中的 Pod 或添加注解。",
		},
	},
	{
		Reason: UnregisteredNodeCleanupFailed, Domain: AutoscalingDomain, Kind: "NodePool",
		Title: Text{EN: "an unregistered server was left behind", ZH: "未注册节点清理失败"},
		Advice: Text{
			EN: "Delete the ECS by hand.",
			ZH: "手动删除 ECS。",
		},
	},
}
