package incident

// ControlPlaneDomain is the domain of: the control plane and the cluster as a whole.
const ControlPlaneDomain Domain = "control plane"

// The reasons of this domain.
const (
	ClusterUnavailable             Reason = "ClusterUnavailable"
	MasterSecurityGroupChanged     Reason = "MasterSecurityGroupChanged"
	MasterOverloaded               Reason = "MasterOverloaded"
	ControlPlaneComponentUnhealthy Reason = "ControlPlaneComponentUnhealthy"
	EtcdPressure                   Reason = "EtcdPressure"
	ClusterUpgradeFailed           Reason = "ClusterUpgradeFailed"
	FlavorChangeFailed             Reason = "FlavorChangeFailed"
	ClusterResourceCleanupFailed   Reason = "ClusterResourceCleanupFailed"
	ClusterStatusSyncFailed        Reason = "ClusterStatusSyncFailed"
	CertificateSyncFailed          Reason = "CertificateSyncFailed"
	NodeMissingInKubernetes        Reason = "NodeMissingInKubernetes"
	ApiServiceUnavailable          Reason = "ApiServiceUnavailable"
)

var controlplaneReasons = []ReasonInfo{
	{
		Reason: ClusterUnavailable, Domain: ControlPlaneDomain, Kind: "Cluster",
		Title: Text{EN: "the cluster is unavailable", ZH: "集群不可用"},
		Advice: Text{
			EN: "Check security groups and account, and open a ticket.",
			ZH: "检查安全组与账号状态并提工单。",
		},
	},
	{
		Reason: MasterSecurityGroupChanged, Domain: ControlPlaneDomain, Kind: "Cluster",
		Title: Text{EN: "security rules of the control plane were changed", ZH: "控制面安全组规则被修改"},
		Advice: Text{
			EN: "Restore the rules.",
			ZH: "恢复规则。",
		},
	},
	{
		Reason: MasterOverloaded, Domain: ControlPlaneDomain, Kind: "Cluster",
		Title: Text{EN: "the control plane is overloaded", ZH: "控制面过载"},
		Advice: Text{
			EN: "Cut list and watch traffic or use a larger cluster flavor.",
			ZH: "减少 list/watch 请求或升级集群规格。",
		},
	},
	{
		Reason: ControlPlaneComponentUnhealthy, Domain: ControlPlaneDomain, Kind: "Cluster",
		Title: Text{EN: "a control plane component is unhealthy", ZH: "控制面组件异常"},
		Advice: Text{
			EN: "Check the components: kubectl get pods -n kube-system; on a managed control plane open a ticket.",
			ZH: "检查组件：kubectl get pods -n kube-system；托管控制面请提工单。",
		},
	},
	{
		Reason: EtcdPressure, Domain: ControlPlaneDomain, Kind: "Cluster",
		Title: Text{EN: "the cluster's store is under pressure", ZH: "etcd 压力过大"},
		Advice: Text{
			EN: "Delete junk objects and open a ticket.",
			ZH: "清理无用对象并提工单。",
		},
	},
	{
		Reason: ClusterUpgradeFailed, Domain: ControlPlaneDomain, Kind: "Cluster",
		Title: Text{EN: "the cluster upgrade failed", ZH: "集群升级失败"},
		Advice: Text{
			EN: "Open a ticket; check the pre-upgrade items.",
			ZH: "提工单；检查升级前检查项。",
		},
	},
	{
		Reason: FlavorChangeFailed, Domain: ControlPlaneDomain, Kind: "Cluster",
		Title: Text{EN: "changing the cluster flavor failed", ZH: "集群规格变更失败"},
		Advice: Text{
			EN: "Retry or open a ticket.",
			ZH: "重试或提工单。",
		},
	},
	{
		Reason: ClusterResourceCleanupFailed, Domain: ControlPlaneDomain, Kind: "Cluster",
		Title: Text{EN: "cloud resources were left behind", ZH: "集群资源清理失败"},
		Advice: Text{
			EN: "Delete the remaining resources by hand.",
			ZH: "手动删除残留资源。",
		},
	},
	{
		Reason: ClusterStatusSyncFailed, Domain: ControlPlaneDomain, Kind: "Cluster",
		Title: Text{EN: "the cluster's state is not synchronised", ZH: "集群状态同步失败"},
		Advice: Text{
			EN: "Open a ticket if it lasts.",
			ZH: "若持续请提工单。",
		},
	},
	{
		Reason: CertificateSyncFailed, Domain: ControlPlaneDomain, Kind: "Cluster",
		Title: Text{EN: "cluster certificates are not synchronised", ZH: "集群证书同步失败"},
		Advice: Text{
			EN: "Open a ticket.",
			ZH: "请提工单。",
		},
	},
	{
		Reason: NodeMissingInKubernetes, Domain: ControlPlaneDomain, Kind: "Node",
		Title: Text{EN: "a CCE node is not in Kubernetes", ZH: "CCE 节点未在 Kubernetes 中"},
		Advice: Text{
			EN: "Reset the node or accept it again.",
			ZH: "重置或重新纳管节点。",
		},
	},
	{
		Reason: ApiServiceUnavailable, Domain: ControlPlaneDomain, Kind: "APIService",
		Title: Text{EN: "an aggregated API is unavailable", ZH: "聚合 API 不可用"},
		Advice: Text{
			EN: "Repair the Service and pods behind the APIService: kubectl get apiservice.",
			ZH: "修复 APIService 后端：kubectl get apiservice。",
		},
	},
}
