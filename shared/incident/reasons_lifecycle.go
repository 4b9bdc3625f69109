package incident

// LifecycleDomain is the domain of: evictions and endings.
const LifecycleDomain Domain = "lifecycle"

// The reasons of this domain.
const (
	EvictedMemoryPressure          Reason = "EvictedMemoryPressure"
	EvictedDiskPressure            Reason = "EvictedDiskPressure"
	EvictedInodePressure           Reason = "EvictedInodePressure"
	EvictedPidPressure             Reason = "EvictedPidPressure"
	EvictedEphemeralLimit          Reason = "EvictedEphemeralLimit"
	EvictionLoop                   Reason = "EvictionLoop"
	TaintEviction                  Reason = "TaintEviction"
	ApiEvictionBlockedByPDB        Reason = "ApiEvictionBlockedByPDB"
	NodeLifecycleEvictionSuspended Reason = "NodeLifecycleEvictionSuspended"
	PodStuckTerminatingNodeLost    Reason = "PodStuckTerminatingNodeLost"
	PodStuckTerminatingFinalizer   Reason = "PodStuckTerminatingFinalizer"
	PodStuckTerminatingSigterm     Reason = "PodStuckTerminatingSigterm"
	NamespaceStuckTerminating      Reason = "NamespaceStuckTerminating"
	PVCProtectionBlocked           Reason = "PVCProtectionBlocked"
	SpotNodeReclaimed              Reason = "SpotNodeReclaimed"
)

var lifecycleReasons = []ReasonInfo{
	{
		Reason: EvictedMemoryPressure, Domain: LifecycleDomain, Kind: "Node",
		Title: Text{EN: "pods are evicted for the node's memory", ZH: "节点内存不足驱逐 Pod"},
		Advice: Text{
			EN: "Relieve the node, set memory requests, then delete the Failed pod records.",
			ZH: "缓解节点内存压力，设置内存 requests，并清理 Failed 记录。",
		},
	},
	{
		Reason: EvictedDiskPressure, Domain: LifecycleDomain, Kind: "Node",
		Title: Text{EN: "pods are evicted for the node's disk", ZH: "节点磁盘不足驱逐 Pod"},
		Advice: Text{
			EN: "Free images and logs or enlarge the disk of the node.",
			ZH: "清理镜像、日志或扩容节点磁盘。",
		},
	},
	{
		Reason: EvictedInodePressure, Domain: LifecycleDomain, Kind: "Node",
		Title: Text{EN: "pods are evicted for the node's inodes", ZH: "节点 inode 不足驱逐 Pod"},
		Advice: Text{
			EN: "Find and remove the many small files on the node.",
			ZH: "查找并清理节点上的大量小文件。",
		},
	},
	{
		Reason: EvictedPidPressure, Domain: LifecycleDomain, Kind: "Node",
		Title: Text{EN: "pods are evicted for the node's process ids", ZH: "节点 PID 不足驱逐 Pod"},
		Advice: Text{
			EN: "Find the workload that forks without end and limit its pids.",
			ZH: "查找不断 fork 的负载并限制其 PID。",
		},
	},
	{
		Reason: EvictedEphemeralLimit, Domain: LifecycleDomain, Kind: "Deployment",
		Title: Text{EN: "pods exceed their ephemeral storage limit", ZH: "Pod 超出临时存储限制被驱逐"},
		Advice: Text{
			EN: "Raise the ephemeral-storage limit or stop the writer; move data to a volume.",
			ZH: "调大 ephemeral-storage limit 或限制写入；将数据放到存储卷。",
		},
	},
	{
		Reason: EvictionLoop, Domain: LifecycleDomain, Kind: "Deployment",
		Title: Text{EN: "pods are evicted over and over", ZH: "Pod 被反复驱逐"},
		Advice: Text{
			EN: "Set requests, keep the pods off the troubled node, and delete the Failed records.",
			ZH: "设置 requests、避开异常节点，并清理 Failed 记录。",
		},
	},
	{
		Reason: TaintEviction, Domain: LifecycleDomain, Kind: "Node",
		Title: Text{EN: "a taint evicts the pods of the node", ZH: "节点污点驱逐 Pod"},
		Advice: Text{
			EN: "Find the trouble of the node that owns the taint.",
			ZH: "排查设置该污点的节点问题。",
		},
	},
	{
		Reason: ApiEvictionBlockedByPDB, Domain: LifecycleDomain, Kind: "PodDisruptionBudget",
		Title: Text{EN: "a disruption budget blocks the drain", ZH: "PDB 阻止驱逐"},
		Advice: Text{
			EN: "Make the unready replicas ready, or adjust the budget: kubectl get pdb -n <ns>.",
			ZH: "先修复未就绪副本，或调整 PDB：kubectl get pdb -n <ns>。",
		},
	},
	{
		Reason: NodeLifecycleEvictionSuspended, Domain: LifecycleDomain, Kind: "Cluster",
		Title: Text{EN: "too many nodes are down to evict", ZH: "异常节点过多，驱逐已暂停"},
		Advice: Text{
			EN: "Repair the nodes first; the controller has stopped evicting on purpose.",
			ZH: "先修复节点；控制器已按设计暂停驱逐。",
		},
	},
	{
		Reason: PodStuckTerminatingNodeLost, Domain: LifecycleDomain, Kind: "Node",
		Title: Text{EN: "pods cannot end since their node is lost", ZH: "节点失联导致 Pod 无法终止"},
		Advice: Text{
			EN: "Recover the node; force deletion only when the node is known to be dead.",
			ZH: "恢复节点；仅确认节点已死时才强制删除。",
		},
	},
	{
		Reason: PodStuckTerminatingFinalizer, Domain: LifecycleDomain, Kind: "Pod",
		Title: Text{EN: "a finalizer keeps the pod from ending", ZH: "finalizer 阻止 Pod 删除"},
		Advice: Text{
			EN: "Repair the controller that owns the finalizer; remove the finalizer by hand only as a last resort.",
			ZH: "修复 finalizer 对应的控制器；最后才手动移除 finalizer。",
		},
	},
	{
		Reason: PodStuckTerminatingSigterm, Domain: LifecycleDomain, Kind: "Pod",
		Title: Text{EN: "the pod does not end when asked", ZH: "Pod 未响应终止信号"},
		Advice: Text{
			EN: "Wait for the grace period; if it stays, look for unkillable processes on the node.",
			ZH: "等待宽限期；若仍未结束，检查节点上的不可中断进程。",
		},
	},
	{
		Reason: NamespaceStuckTerminating, Domain: LifecycleDomain, Kind: "Namespace",
		Title: Text{EN: "the namespace cannot be deleted", ZH: "命名空间无法删除"},
		Advice: Text{
			EN: "Repair or delete the broken APIService or the remaining finalizers that its conditions name.",
			ZH: "按 conditions 提示修复/删除异常的 APIService 或残留 finalizer。",
		},
	},
	{
		Reason: PVCProtectionBlocked, Domain: LifecycleDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the claim cannot be deleted while used", ZH: "PVC 正在使用，无法删除"},
		Advice: Text{
			EN: "Stop the pods that still mount the claim.",
			ZH: "停止仍在挂载该 PVC 的 Pod。",
		},
	},
	{
		Reason: SpotNodeReclaimed, Domain: LifecycleDomain, Kind: "Node",
		Title: Text{EN: "the spot node is being reclaimed", ZH: "竞价节点即将被回收"},
		Advice: Text{
			EN: "Let it drain and make sure that there is capacity elsewhere.",
			ZH: "等待排空，并确保其他节点有容量。",
		},
	},
}
