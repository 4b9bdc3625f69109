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
