package incident

// SchedulingDomain is the domain of: pods that find no node.
const SchedulingDomain Domain = "scheduling"

// The reasons of this domain.
const (
	InsufficientCPU              Reason = "InsufficientCPU"
	InsufficientMemory           Reason = "InsufficientMemory"
	CPURequestExceedsAnyNode     Reason = "CPURequestExceedsAnyNode"
	MemoryRequestExceedsAnyNode  Reason = "MemoryRequestExceedsAnyNode"
	InsufficientEphemeralStorage Reason = "InsufficientEphemeralStorage"
	InsufficientGPU              Reason = "InsufficientGPU"
	TooManyPodsOnNode            Reason = "TooManyPodsOnNode"
	NoNodesAvailable             Reason = "NoNodesAvailable"
	NodeSelectorMismatch         Reason = "NodeSelectorMismatch"
	NodeAffinityMismatch         Reason = "NodeAffinityMismatch"
	PodAntiAffinityConflict      Reason = "PodAntiAffinityConflict"
	TopologySpreadUnsatisfied    Reason = "TopologySpreadUnsatisfied"
	UntoleratedTaint             Reason = "UntoleratedTaint"
	NodeCordoned                 Reason = "NodeCordoned"
	AllNodesBlocked              Reason = "AllNodesBlocked"
	NodeNotSupportsContainer     Reason = "NodeNotSupportsContainer"
	VolumeNodeAffinityConflict   Reason = "VolumeNodeAffinityConflict"
	UnboundImmediatePVC          Reason = "UnboundImmediatePVC"
	CSIDriverMissingOnNode       Reason = "CSIDriverMissingOnNode"
	MaxVolumeCountReached        Reason = "MaxVolumeCountReached"
	HostPortConflict             Reason = "HostPortConflict"
	UnexpectedAdmissionError     Reason = "UnexpectedAdmissionError"
	NodeAffinityPredicateFailed  Reason = "NodeAffinityPredicateFailed"
	OutOfNodeResourceAdmission   Reason = "OutOfNodeResourceAdmission"
	SchedulerUnknown             Reason = "SchedulerUnknown"
	SchedulerDown                Reason = "SchedulerDown"
	PreemptedByHigherPriority    Reason = "PreemptedByHigherPriority"
	SchedulingGated              Reason = "SchedulingGated"
)

var schedulingReasons = []ReasonInfo{
	{
		Reason: InsufficientCPU, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "no node has enough CPU left", ZH: "节点剩余 CPU 不足，无法调度"},
		Advice: Text{
			EN: "Scale the node pool out, lower the requests, or free capacity: kubectl describe nodes shows what is requested.",
			ZH: "扩容节点池、降低 requests 或释放资源；kubectl describe nodes 可查看已申请量。",
		},
	},
	{
		Reason: InsufficientMemory, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "no node has enough memory left", ZH: "节点剩余内存不足，无法调度"},
		Advice: Text{
			EN: "Scale the node pool out, lower the requests, or free capacity: kubectl describe nodes shows what is requested.",
			ZH: "扩容节点池、降低 requests 或释放资源；kubectl describe nodes 可查看已申请量。",
		},
	},
	{
		Reason: CPURequestExceedsAnyNode, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "the CPU request is larger than any node", ZH: "CPU request 大于任何节点的可分配量"},
		Advice: Text{
			EN: "Correct the request, or add a node pool of a larger flavor; more nodes of the present kind never help.",
			ZH: "修正 request，或新增更大规格的节点池；增加同规格节点无效。",
		},
	},
	{
		Reason: MemoryRequestExceedsAnyNode, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "the memory request is larger than any node", ZH: "内存 request 大于任何节点的可分配量"},
		Advice: Text{
			EN: "Correct the request, or add a node pool of a larger flavor; more nodes of the present kind never help.",
			ZH: "修正 request，或新增更大规格的节点池；增加同规格节点无效。",
		},
	},
	{
		Reason: InsufficientEphemeralStorage, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "no node has enough ephemeral storage left", ZH: "节点临时存储不足，无法调度"},
		Advice: Text{
			EN: "Lower the ephemeral-storage request or use nodes with a larger data disk.",
			ZH: "降低 ephemeral-storage request，或使用数据盘更大的节点。",
		},
	},
	{
		Reason: InsufficientGPU, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "no node has a free accelerator", ZH: "无可用 GPU/NPU，无法调度"},
		Advice: Text{
			EN: "Add accelerator nodes, or check that the device plugin registers the devices on the existing ones.",
			ZH: "增加 GPU/NPU 节点，或确认设备插件已在现有节点注册设备。",
		},
	},
	{
		Reason: TooManyPodsOnNode, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "all nodes are at their pod limit", ZH: "节点 Pod 数已达上限"},
		Advice: Text{
			EN: "Add nodes; the limit (max pods, or addresses per node in ENI networks) is fixed when a node is created.",
			ZH: "增加节点；Pod 上限（或 ENI 网络的每节点 IP 数）在创建节点时确定。",
		},
	},
	{
		Reason: NoNodesAvailable, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "the scheduler sees no node at all", ZH: "集群无可调度节点"},
		Advice: Text{
			EN: "Add nodes or repair the existing ones: kubectl get nodes.",
			ZH: "新增节点或修复现有节点：kubectl get nodes。",
		},
	},
	{
		Reason: NodeSelectorMismatch, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "no node carries the labels of nodeSelector", ZH: "没有节点匹配 nodeSelector"},
		Advice: Text{
			EN: "Correct the nodeSelector of the template or label a node: kubectl get nodes --show-labels.",
			ZH: "修正模板的 nodeSelector 或为节点打标签：kubectl get nodes --show-labels。",
		},
	},
	{
		Reason: NodeAffinityMismatch, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "no node satisfies the required node affinity", ZH: "没有节点满足必需的节点亲和性"},
		Advice: Text{
			EN: "Correct requiredDuringScheduling node affinity in the template, or label nodes accordingly.",
			ZH: "修正模板中必需的节点亲和性，或为节点补充对应标签。",
		},
	},
	{
		Reason: PodAntiAffinityConflict, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "pod (anti-)affinity rules leave no node", ZH: "Pod 亲和/反亲和规则导致无可用节点"},
		Advice: Text{
			EN: "Add nodes, lower the replicas, or make the rule preferred instead of required.",
			ZH: "增加节点、减少副本，或将规则由必需改为尽量满足。",
		},
	},
	{
		Reason: TopologySpreadUnsatisfied, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "topology spread constraints leave no node", ZH: "拓扑分布约束导致无可用节点"},
		Advice: Text{
			EN: "Add a node in the lacking zone or set whenUnsatisfiable to ScheduleAnyway.",
			ZH: "在缺少的可用区增加节点，或将 whenUnsatisfiable 设为 ScheduleAnyway。",
		},
	},
	{
		Reason: UntoleratedTaint, Domain: SchedulingDomain, Kind: "Node",
		Title: Text{EN: "a taint keeps the pods off the nodes", ZH: "节点污点导致 Pod 无法调度"},
		Advice: Text{
			EN: "Find who owns the taint and why; remove it if unwanted: kubectl taint nodes <node> <key>-. Do not just add a toleration.",
			ZH: "确认污点来源与原因；不需要时移除：kubectl taint nodes <node> <key>-。不要直接添加容忍。",
		},
	},
	{
		Reason: NodeCordoned, Domain: SchedulingDomain, Kind: "Node",
		Title: Text{EN: "the node is cordoned and pods need it", ZH: "节点被设为不可调度"},
		Advice: Text{
			EN: "Ask who cordoned it and why, then: kubectl uncordon <node>.",
			ZH: "确认隔离人员及原因后恢复调度：kubectl uncordon <node>。",
		},
	},
	{
		Reason: AllNodesBlocked, Domain: SchedulingDomain, Kind: "Cluster",
		Title: Text{EN: "every node is unusable at once", ZH: "所有节点同时不可用"},
		Advice: Text{
			EN: "Treat it as an incident of nodes, zone or cluster: find what all nodes have in common before touching pods.",
			ZH: "按节点/可用区/集群级故障处理：先定位所有节点的共同原因。",
		},
	},
	{
		Reason: NodeNotSupportsContainer, Domain: SchedulingDomain, Kind: "Node",
		Title: Text{EN: "the node is not meant for containers", ZH: "节点不支持运行容器"},
		Advice: Text{
			EN: "Correct the supportContainer label, or use other nodes.",
			ZH: "修正 supportContainer 标签或使用其他节点。",
		},
	},
	{
		Reason: VolumeNodeAffinityConflict, Domain: SchedulingDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the volume lives where no schedulable node is", ZH: "存储卷所在可用区/节点无可调度节点"},
		Advice: Text{
			EN: "Provide a schedulable node in the volume's zone (EVS disks are zonal), or restore a snapshot elsewhere.",
			ZH: "在卷所在可用区提供可调度节点（云硬盘不可跨可用区），或从快照恢复到其他可用区。",
		},
	},
	{
		Reason: UnboundImmediatePVC, Domain: SchedulingDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the pod waits for a claim that is not bound", ZH: "Pod 等待未绑定的 PVC"},
		Advice: Text{
			EN: "See kubectl describe pvc -n <ns> <name>; the claim's own events say why no volume is bound.",
			ZH: "执行 kubectl describe pvc -n <ns> <name>，根据 PVC 事件定位未绑定原因。",
		},
	},
	{
		Reason: CSIDriverMissingOnNode, Domain: SchedulingDomain, Kind: "Node",
		Title: Text{EN: "the storage driver is not registered on the node", ZH: "节点未注册存储驱动"},
		Advice: Text{
			EN: "Repair the everest-csi-driver pod on that node: kubectl get pods -n kube-system -o wide.",
			ZH: "修复该节点上的 everest-csi-driver Pod：kubectl get pods -n kube-system -o wide。",
		},
	},
	{
		Reason: MaxVolumeCountReached, Domain: SchedulingDomain, Kind: "Node",
		Title: Text{EN: "nodes hold the maximum number of volumes", ZH: "节点挂载卷数达到上限"},
		Advice: Text{
			EN: "Spread the pods over more nodes or use a flavor that allows more disks.",
			ZH: "将 Pod 分散到更多节点，或使用可挂载更多磁盘的规格。",
		},
	},
	{
		Reason: HostPortConflict, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "the host port is taken on every node", ZH: "主机端口在所有节点上均被占用"},
		Advice: Text{
			EN: "Remove hostPort, or run at most one such pod per node.",
			ZH: "移除 hostPort，或保证每节点最多一个此类 Pod。",
		},
	},
	{
		Reason: UnexpectedAdmissionError, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "the kubelet refused the pod's devices or CPUs", ZH: "kubelet 拒绝为 Pod 分配设备或 CPU"},
		Advice: Text{
			EN: "Delete the failed pod so that it is scheduled again; look for CPU fragmentation on the node.",
			ZH: "删除失败 Pod 以重新调度；检查节点 CPU 碎片。",
		},
	},
	{
		Reason: NodeAffinityPredicateFailed, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "the node no longer matches the pod", ZH: "节点标签变化后不再匹配 Pod"},
		Advice: Text{
			EN: "Restore the node's label, then delete the failed pods.",
			ZH: "恢复节点标签后删除失败 Pod。",
		},
	},
	{
		Reason: OutOfNodeResourceAdmission, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "the node had no room when the pod arrived", ZH: "Pod 到达节点时资源不足被拒绝"},
		Advice: Text{
			EN: "Delete the failed pod; check whether nodeName bypasses the scheduler.",
			ZH: "删除失败 Pod；检查是否用 nodeName 绕过了调度器。",
		},
	},
	{
		Reason: SchedulerUnknown, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "the named scheduler does not run here", ZH: "指定的调度器不存在"},
		Advice: Text{
			EN: "Install the scheduler or correct schedulerName in the template.",
			ZH: "安装该调度器，或修正模板中的 schedulerName。",
		},
	},
	{
		Reason: SchedulerDown, Domain: SchedulingDomain, Kind: "Cluster",
		Title: Text{EN: "the scheduler does not schedule", ZH: "调度器未工作，Pod 无法调度"},
		Advice: Text{
			EN: "Check kube-scheduler: kubectl get pods,lease -n kube-system | grep scheduler; on a managed control plane open a ticket.",
			ZH: "检查 kube-scheduler：kubectl get pods,lease -n kube-system；托管控制面请提工单。",
		},
	},
	{
		Reason: PreemptedByHigherPriority, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "pods were preempted by a higher priority", ZH: "Pod 被高优先级负载抢占"},
		Advice: Text{
			EN: "Review the priorities, and add capacity so that both fit.",
			ZH: "检查优先级设置，并增加容量以同时容纳。",
		},
	},
	{
		Reason: SchedulingGated, Domain: SchedulingDomain, Kind: "Deployment",
		Title: Text{EN: "a scheduling gate holds the pods back", ZH: "调度门控阻止 Pod 调度"},
		Advice: Text{
			EN: "Find the controller that owns the gate in spec.schedulingGates and why it does not remove it.",
			ZH: "查找 spec.schedulingGates 的管理控制器及其未移除门控的原因。",
		},
	},
}
