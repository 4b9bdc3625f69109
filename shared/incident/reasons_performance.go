package incident

// PerformanceDomain is the domain of: too little of a resource while everything runs.
const PerformanceDomain Domain = "performance"

// The reasons of this domain.
const (
	GarbageCollectionPauses Reason = "GarbageCollectionPauses"
	ContainerCpuSaturated   Reason = "ContainerCpuSaturated"
	ContainerMemoryHigh     Reason = "ContainerMemoryHigh"
	ContainerMemoryLeak     Reason = "ContainerMemoryLeak"
	TrafficSpikeBottleneck  Reason = "TrafficSpikeBottleneck"
	ReplicaLoadImbalance    Reason = "ReplicaLoadImbalance"
	RequestLatencyHigh      Reason = "RequestLatencyHigh"
	RequestErrorsHigh       Reason = "RequestErrorsHigh"
	ContainerDiskBusy       Reason = "ContainerDiskBusy"
	ContainerFilesystemFull Reason = "ContainerFilesystemFull"
	SocketsExhausted        Reason = "SocketsExhausted"
)

var performanceReasons = []ReasonInfo{
	{
		Reason: GarbageCollectionPauses, Domain: PerformanceDomain, Kind: "Deployment",
		Title: Text{EN: "garbage collection stops the application", ZH: "垃圾回收停顿过长"},
		Advice: Text{
			EN: "The heap is nearly full or collected by force: look for a leak, give the heap more room, or undo what triggers full collections.",
			ZH: "堆内存接近耗尽或被强制回收：排查泄漏、调大堆内存，或撤销触发 Full GC 的改动。",
		},
	},
	{
		Reason: ContainerCpuSaturated, Domain: PerformanceDomain, Kind: "Deployment",
		Title: Text{EN: "containers are at their CPU limit", ZH: "容器 CPU 达到限制"},
		Advice: Text{
			EN: "Scale out or raise the CPU limit; look for what burns it: kubectl top pod -n <ns> --containers.",
			ZH: "扩容或调大 CPU limit；排查消耗来源：kubectl top pod -n <ns> --containers。",
		},
	},
	{
		Reason: ContainerMemoryHigh, Domain: PerformanceDomain, Kind: "Deployment",
		Title: Text{EN: "containers are close to their memory limit", ZH: "容器内存接近限制"},
		Advice: Text{
			EN: "Raise the memory limit before it is killed, or find the leak.",
			ZH: "在被 OOM 前调大内存 limit，或排查泄漏。",
		},
	},
	{
		Reason: ContainerMemoryLeak, Domain: PerformanceDomain, Kind: "Deployment",
		Title: Text{EN: "memory grows steadily towards the limit", ZH: "内存持续增长，疑似泄漏"},
		Advice: Text{
			EN: "Restart before the limit is reached to gain time; give the growth curve to the developers, or roll back.",
			ZH: "在达到限制前滚动重启以争取时间；将增长曲线交给开发或回滚。",
		},
	},
	{
		Reason: ContainerDiskBusy, Domain: PerformanceDomain, Kind: "Deployment",
		Title: Text{EN: "containers read or write far more than before", ZH: "容器磁盘读写量异常升高"},
		Advice: Text{
			EN: "Find what reads or writes: kubectl exec into the pod and look at iotop or /proc/<pid>/io; move it to its own disk, or undo what began it.",
			ZH: "定位大量读写的来源：进入 Pod 查看 iotop 或 /proc/<pid>/io；迁移到独立磁盘，或撤销引发读写的改动。",
		},
	},
	{
		Reason: ContainerFilesystemFull, Domain: PerformanceDomain, Kind: "Deployment",
		Title: Text{EN: "the file system of the containers is nearly full", ZH: "容器文件系统即将写满"},
		Advice: Text{
			EN: "Find the large files: kubectl exec <pod> -- du -xh / | sort -h | tail; rotate logs, move data to a volume, or restart the pod to drop its writable layer.",
			ZH: "查找大文件：kubectl exec <pod> -- du -xh / | sort -h | tail；清理或轮转日志，将数据移到存储卷，或重启 Pod 释放可写层。",
		},
	},
	{
		Reason: SocketsExhausted, Domain: PerformanceDomain, Kind: "Deployment",
		Title: Text{EN: "connections, files or threads pile up", ZH: "连接/文件句柄/线程数持续堆积"},
		Advice: Text{
			EN: "Look for connections that are never closed: kubectl exec <pod> -- ss -s; restart to relieve it, then bound the pool and set timeouts.",
			ZH: "排查未关闭的连接：kubectl exec <pod> -- ss -s；可先重启缓解，再限制连接池并设置超时。",
		},
	},
	{
		Reason: TrafficSpikeBottleneck, Domain: PerformanceDomain, Kind: "Deployment",
		Title: Text{EN: "a traffic spike exceeds the capacity", ZH: "流量突增超出容量"},
		Advice: Text{
			EN: "Scale out, and let an HPA follow the load.",
			ZH: "扩容，并配置 HPA 跟随负载。",
		},
	},
	{
		Reason: ReplicaLoadImbalance, Domain: PerformanceDomain, Kind: "Deployment",
		Title: Text{EN: "one replica carries most of the load", ZH: "副本间负载不均"},
		Advice: Text{
			EN: "Check session affinity, long-lived connections and sharding; restart the hot replica if needed.",
			ZH: "检查会话保持、长连接与分片；必要时重建热点副本。",
		},
	},
	{
		Reason: RequestLatencyHigh, Domain: PerformanceDomain, Kind: "Deployment", Symptom: true,
		Title: Text{EN: "requests have become slow", ZH: "请求时延升高"},
		Advice: Text{
			EN: "Find what makes it slow: its CPU, its network, or the service it waits for.",
			ZH: "定位变慢原因：自身 CPU、网络或其依赖服务。",
		},
	},
	{
		Reason: RequestErrorsHigh, Domain: PerformanceDomain, Kind: "Deployment", Symptom: true,
		Title: Text{EN: "requests fail more often than before", ZH: "请求错误率升高"},
		Advice: Text{
			EN: "Find what fails: the service itself or one that it calls.",
			ZH: "定位失败点：服务自身或其依赖。",
		},
	},
}
