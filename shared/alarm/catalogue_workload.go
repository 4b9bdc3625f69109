package alarm

// metricRows are the metric rules of CCE's Alarm Center (cluster 1.17 or later with the cloud-native monitoring add-on; those on
// problem_gauge need the node problem detector), the threshold alarms of the older guide, and the rules that a plain Prometheus
// brings along. The Chinese titles are the rules' own names.
var metricRows = []row{
	{
		"PodPhaseAbnormal", "Pod", Ticket, Availability, "Pod状态异常", "Pod is Pending, Unknown or Failed",
		"@scheduling PodSandboxCreateFailed PodIPExhausted WaitForFirstConsumer EvictedMemoryPressure EvictedDiskPressure EvictedEphemeralLimit JobDeadlineExceeded UnexpectedAdmissionError NodeAffinityPredicateFailed OutOfNodeResourceAdmission NodeControlPlaneDisconnected",
		"Pod status abnormal|KubePodNotReady|Pod abnormal",
	},
	{
		"PodRestartsFrequently", "Pod", Page, Availability, "Pod频繁重启", "Pod restarts again and again",
		"ContainerOOMKilled LivenessProbeFailed AppExitError ContainerCommandNotFound KilledBySigkillNotOOM NodeRebooted FrequentRestart",
		"Pod frequent restart|Pod restarts frequently|KubePodCrashLooping|Frequent pod restarts",
	},
	{
		"DeploymentReplicasMismatch", "Deployment", Page, Availability, "Deployment副本数不匹配", "Deployment has fewer available replicas than wanted",
		"@creation RolloutTimeout RolloutPaused RolloutHeldByStrategy ReplicasScaledToZero ReplicasUnavailable PodNotReady",
		"Deployment replica mismatch|KubeDeploymentReplicasMismatch|Deployment replicas mismatch",
	},
	{
		"StatefulSetReplicasMismatch", "StatefulSet", Page, Availability, "Statefulset副本数不匹配", "StatefulSet has fewer ready replicas than wanted",
		"StatefulSetOrdinalBlocked EVSMultiAttach NodeControlPlaneDisconnected ReplicasUnavailable",
		"StatefulSet replica mismatch|KubeStatefulSetReplicasMismatch|StatefulSet replicas mismatch",
	},
	{
		"ContainerCPUHigh", "Pod", Page, CPU, "容器CPU使用率大于80%", "Container CPU usage above 80% of its limit",
		"ContainerCpuSaturated TrafficSpikeBottleneck HPAMaxReached HPANotConfigured ReplicaLoadImbalance",
		"Container CPU usage > 80%|Container CPU > 80%|Container CPU usage exceeds 80%|Container CPU usage above 80%|ContainerCPUUsageHigh|HighContainerCPU|CPUThrottlingHigh|aom_container_cpu_usage|容器CPU使用率过高",
	},
	{
		"ContainerMemoryHigh", "Pod", Page, Memory, "容器内存使用率大于80%", "Container memory usage above 80% of its limit",
		"ContainerMemoryHigh ContainerMemoryLeak ContainerOOMKilled JvmHeapNotContainerAware",
		"Container memory usage > 80%|Container memory > 80%|Container memory usage exceeds 80%|Container memory usage above 80%|ContainerMemoryUsageHigh|aom_container_memory_usage|aom_container_memory_workingset_usage|容器内存使用率过高",
	},
	{
		"ContainerWaiting", "Pod", Ticket, Starting, "容器状态异常", "Container waits and does not run",
		"@image @start @crash", "Container state abnormal|Container status abnormal|KubeContainerWaiting",
	},
	{
		"VolumeAlmostFull", "PersistentVolumeClaim", Page, Volume, "Kube持久卷使用率高", "Persistent volume is almost full",
		"PVCCapacityExhausted PVCInodeExhausted", "PV usage high|KubePersistentVolumeFillingUp|Kube持久卷使用率过高",
	},
	{
		"PVCPhaseAbnormal", "PersistentVolumeClaim", Ticket, Volume, "Kube持久卷声明状态异常", "Claim is Pending, Failed or Lost",
		"WaitForFirstConsumer StorageClassMissing EVSQuotaExceeded ProvisionerNotReady PVCLost PVCAccessModeMismatch PVCCapacityMismatch PVCSelectorMismatch PVCStorageClassMismatch",
		"PVC state|PVC status abnormal",
	},
	{
		"PVPhaseAbnormal", "PersistentVolume", Ticket, Volume, "Kube持久卷状态异常", "Persistent volume is Pending or Failed",
		"PVReclaimFailed", "PV state|PV status abnormal|KubePersistentVolumeErrors",
	},
	{
		"NodeCPUHigh", "Node", Ticket, NodeCPU, "节点CPU使用率超过80%", "Node CPU usage above 80%",
		"NodeCpuSaturated NodeOverloaded ContainerCpuSaturated", "Node CPU > 80%|Node CPU usage > 80%|Node CPU usage above 80%|aom_node_cpu_usage|NodeCPUUsageHigh",
	},
	{
		"NodeMemoryLow", "Node", Page, NodeMemory, "节点内存可用率不足10%", "Node has less than 10% of its memory left",
		"NodeMemoryPressure NodeSystemOOM EvictedMemoryPressure", "Node memory available < 10%|Node memory avail < 10%|aom_node_memory_usage|NodeMemoryUsageHigh",
	},
	{
		"NodeDiskLow", "Node", Ticket, NodeDisk, "节点磁盘可用率不足10%", "Node has less than 10% of a disk left",
		"NodeDiskPressure ImageDiskFull", "Node disk available < 10%|Node disk avail < 10%|NodeFilesystemAlmostOutOfSpace|NodeFilesystemSpaceFillingUp",
	},
	{
		"HPAAtMaximum", "HorizontalPodAutoscaler", Ticket, Scaling, "HPA已达最大副本数", "HorizontalPodAutoscaler runs at its maximum",
		"HPAMaxReached", "KubeHpaMaxedOut|KubeHpaReplicasMismatch",
	},
	{
		"PodNetworkErrors", "Pod", Ticket, Network, "Pod网卡收发错包", "Pod's network interface sees errors",
		"PodNetworkDegraded NodeNetworkDegraded", "aom_container_network_receive_error_packets|aom_container_network_transmit_error_packets",
	},
	{
		"ClusterCPUHigh", "Cluster", Ticket, NodeCPU, "集群CPU使用率过高", "Cluster CPU usage is high",
		"NodeCpuSaturated NodePoolMaxReached TrafficSpikeBottleneck", "aom_cluster_cpu_usage",
	},
	{
		"ClusterMemoryHigh", "Cluster", Ticket, NodeMemory, "集群内存使用率过高", "Cluster memory usage is high",
		"NodeMemoryPressure NodePoolMaxReached", "aom_cluster_memory_usage",
	},
	{
		"ClusterDiskHigh", "Cluster", Ticket, NodeDisk, "集群磁盘使用率过高", "Cluster disk usage is high",
		"NodeDiskPressure", "aom_cluster_disk_usage",
	},
}

// podRows are CCE's event alarms about pods.
var podRows = []row{
	{
		"PodOOMKilling", "Pod", Page, Memory, "Pod内存溢出被强制终止", "Container was killed for want of memory",
		"ContainerOOMKilled JvmHeapNotContainerAware ContainerMemoryLeak", "OOMKilled|PodOOMKilled",
	},
	{
		"FailedStart", "Pod", Page, Starting, "容器启动失败", "Container could not be started",
		"@start GPUDriverNotReady ThinPoolFull", "",
	},
	{"FailedPullImage", "Pod", Page, Image, "拉取镜像失败", "Image could not be pulled", "@image", "ErrImagePull"},
	{
		"BackOffStart", "Pod", Page, Availability, "容器反复启动失败", "Container crashes and is restarted with growing delay",
		"@crash ContainerCommandNotFound", "BackOff|CrashLoopBackOff",
	},
	{"FailedScheduling", "Pod", Page, Scheduling, "调度失败", "Pod cannot be scheduled", "@scheduling", ""},
	{"BackOffPullImage", "Pod", Page, Image, "反复拉取镜像失败", "Image cannot be pulled, retried with growing delay", "@image", "ImagePullBackOff"},
	{"FailedCreate", "", Page, Creation, "创建Pod失败", "Controller could not create a pod", "@creation ReplicaSetCreateBlocked", "FailedCreatePod"},
	{
		"Unhealthy", "Pod", Ticket, Availability, "Pod健康检查失败", "A probe of the pod failed",
		"@probes NodeOverloaded AppDependencyFailure", "状态异常",
	},
	{
		"FailedDelete", "Pod", Ticket, Availability, "删除Pod失败", "Pod could not be deleted",
		"PodStuckTerminatingNodeLost PodStuckTerminatingFinalizer PodStuckTerminatingSigterm NodeProcessDState", "FailedKillPod",
	},
	{"ErrImageNeverPull", "Pod", Page, Image, "镜像不在节点上且策略为不拉取", "Image is not on the node and must not be pulled", "ImagePullPolicyNever", ""},
	{
		"FailedCreatePodSandBox", "Pod", Page, Starting, "创建Pod沙箱失败", "Pod sandbox could not be created",
		"PodSandboxCreateFailed PodIPExhausted CNIDown PauseImageMissing", "FailedCreatePodSandbox",
	},
	{
		"Evicted", "Pod", Page, Availability, "Pod被驱逐", "Pod was evicted",
		"EvictedMemoryPressure EvictedDiskPressure EvictedInodePressure EvictedPidPressure EvictedEphemeralLimit EvictionLoop TaintEviction", "",
	},
	{"Preempted", "Pod", Ticket, Scheduling, "Pod被抢占", "Pod was preempted by one of higher priority", "PreemptedByHigherPriority", ""},
	{"FailedScaleOut", "", Ticket, Creation, "工作负载扩容失败", "Workload could not be scaled out", "ResourceQuotaExceeded HPAScaleBlocked", ""},
	{"FailedScaleIn", "", Ticket, Creation, "工作负载缩容失败", "Workload could not be scaled in", "HPAScaleBlocked", ""},
	{"FailedStandBy", "", Ticket, Creation, "工作负载停止失败", "Workload could not be stopped", "AdmissionWebhookDenied", ""},
	{"FailedActive", "", Ticket, Creation, "工作负载启用失败", "Workload could not be activated", "AdmissionWebhookDenied", ""},
	{"FailedReconfig", "", Ticket, Creation, "工作负载更新配置失败", "Workload could not be reconfigured", "AdmissionWebhookDenied RolloutTimeout", ""},
	{"FailedUpdate", "", Ticket, Creation, "工作负载更新失败", "Workload could not be updated", "AdmissionWebhookDenied RolloutTimeout", ""},
	{"FailedRestart", "", Ticket, Creation, "工作负载重启失败", "Workload could not be restarted", "AdmissionWebhookDenied RolloutTimeout", ""},
	{"FailedRollback", "", Ticket, Creation, "工作负载回滚失败", "Workload could not be rolled back", "RollbackRevisionMissing AdmissionWebhookDenied", ""},
}

// controllerRows are CCE's event alarms about controllers and Services.
var controllerRows = []row{
	{"SelectorOverlap", "Deployment", Ticket, Availability, "标签选择器冲突", "Selectors of two workloads overlap", "SelectorOverlap", ""},
	{
		"ReplicaSetCreateError", "Deployment", Page, Creation, "创建副本集失败", "ReplicaSet could not be created",
		"ReplicaSetCreateBlocked ResourceQuotaExceeded AdmissionWebhookDenied AdmissionWebhookUnavailable", "",
	},
	{"DeploymentRollbackRevisionNotFound", "Deployment", Ticket, Creation, "未找到要回滚的版本", "Revision to roll back to does not exist", "RollbackRevisionMissing", ""},
	{"SelectingAll", "DaemonSet", Ticket, Availability, "DaemonSet选择了全部Pod", "DaemonSet selects every pod", "DaemonSetSelectsAll", ""},
	{"TooManyActivePods", "Job", Ticket, Availability, "Job活跃Pod过多", "Job has too many active pods", "JobTooManyPods", ""},
	{"TooManySucceededPods", "Job", Ticket, Availability, "Job成功Pod过多", "Job has too many succeeded pods", "JobTooManyPods", ""},
	{"BackoffLimitExceeded", "Job", Page, Availability, "Job重试次数耗尽", "Job used up its retries", "JobBackoffLimitExceeded AppExitError", "KubeJobFailed"},
	{"DeadlineExceeded", "Job", Page, Availability, "Job超过运行期限", "Job ran past its deadline", "JobDeadlineExceeded", ""},
	{"FailedGet", "CronJob", Ticket, Availability, "CronJob查询Job失败", "CronJob could not read a Job", "CronJobInconsistent CronJobMissedStarts", ""},
	{"FailedList", "CronJob", Ticket, Availability, "CronJob查询Pod列表失败", "CronJob could not list pods", "CronJobInconsistent CronJobMissedStarts", ""},
	{"UnexpectedJob", "CronJob", Ticket, Availability, "CronJob出现未知Job", "CronJob met a Job it did not create", "CronJobInconsistent CronJobMissedStarts", ""},
	{"FailedNeedsStart", "CronJob", Ticket, Availability, "CronJob错过调度时间", "CronJob missed its starts", "CronJobMissedStarts", "TooManyMissedTimes"},
	{
		"CreatingLoadBalancerFailed", "Service", Page, Network, "创建负载均衡失败", "Load balancer could not be created",
		"LoadBalancerProvisioningFailed", "SyncLoadBalancerFailed",
	},
	{
		"UpdateLoadBalancerFailed", "Service", Page, Network, "更新负载均衡失败", "Load balancer could not be updated",
		"LoadBalancerUpdateFailed ELBManuallyModified", "",
	},
	{"DeletingLoadBalancerFailed", "Service", Ticket, Network, "删除负载均衡失败", "Load balancer could not be deleted", "LoadBalancerDeleteFailed", ""},
}

// watchdogRows fire to show that alarms arrive; silence would be the trouble.
var watchdogRows = []row{
	{
		"Watchdog", "", Inform, Watchdog, "告警链路心跳", "An alarm that always fires, to show that alarms arrive", "",
		"DeadMansSwitch|DeadMansSnitch|AlwaysFiring|Heartbeat|PrometheusWatchdog|WatchdogAlert|InfoInhibitor",
	},
}
