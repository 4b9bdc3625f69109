package incident

// NodeDomain is the domain of: nodes, their kubelet, runtime, network agent and disks.
const NodeDomain Domain = "node"

// The reasons of this domain.
const (
	NodeControlPlaneDisconnected     Reason = "NodeControlPlaneDisconnected"
	NodeEcsStopped                   Reason = "NodeEcsStopped"
	NodeEcsDeleted                   Reason = "NodeEcsDeleted"
	NodeEcsFaulty                    Reason = "NodeEcsFaulty"
	NodeRebooted                     Reason = "NodeRebooted"
	NodeReadyFlapping                Reason = "NodeReadyFlapping"
	NodeAzOutage                     Reason = "NodeAzOutage"
	KubeletDown                      Reason = "KubeletDown"
	KubeletFrequentRestart           Reason = "KubeletFrequentRestart"
	KubeletPLEGUnhealthy             Reason = "KubeletPLEGUnhealthy"
	ContainerRuntimeDown             Reason = "ContainerRuntimeDown"
	ContainerRuntimeHung             Reason = "ContainerRuntimeHung"
	ContainerdFrequentRestart        Reason = "ContainerdFrequentRestart"
	DockerFrequentRestart            Reason = "DockerFrequentRestart"
	CRIFrequentRestart               Reason = "CRIFrequentRestart"
	CNIDown                          Reason = "CNIDown"
	KubeProxyDown                    Reason = "KubeProxyDown"
	PodIdentityAgentDown             Reason = "PodIdentityAgentDown"
	NTPDrift                         Reason = "NTPDrift"
	NodeResolvConfBroken             Reason = "NodeResolvConfBroken"
	ConntrackFull                    Reason = "ConntrackFull"
	FDExhausted                      Reason = "FDExhausted"
	PIDExhausted                     Reason = "PIDExhausted"
	NodeMemoryPressure               Reason = "NodeMemoryPressure"
	NodeSystemOOM                    Reason = "NodeSystemOOM"
	NodeCpuSaturated                 Reason = "NodeCpuSaturated"
	NodeDiskPressure                 Reason = "NodeDiskPressure"
	NodeOutOfDisk                    Reason = "NodeOutOfDisk"
	DiskReadonly                     Reason = "DiskReadonly"
	DiskHung                         Reason = "DiskHung"
	DiskSlow                         Reason = "DiskSlow"
	ScsiEvsIoSuspension              Reason = "ScsiEvsIoSuspension"
	DataDiskDetached                 Reason = "DataDiskDetached"
	EmptyDirVGError                  Reason = "EmptyDirVGError"
	LocalPvVGError                   Reason = "LocalPvVGError"
	MountPointHung                   Reason = "MountPointHung"
	NodeProcessDState                Reason = "NodeProcessDState"
	NodeZombieProcesses              Reason = "NodeZombieProcesses"
	NodeTaskHung                     Reason = "NodeTaskHung"
	KernelOops                       Reason = "KernelOops"
	RDMANicFault                     Reason = "RDMANicFault"
	HostScheduledEvent               Reason = "HostScheduledEvent"
	NodeNicMissing                   Reason = "NodeNicMissing"
	UnregisterNetDevice              Reason = "UnregisterNetDevice"
	AufsUmountHung                   Reason = "AufsUmountHung"
	NodeCidrExhausted                Reason = "NodeCidrExhausted"
	NodeSecurityGroupChanged         Reason = "NodeSecurityGroupChanged"
	NodeIpChanged                    Reason = "NodeIpChanged"
	NodeOsReinstalledOrKernelChanged Reason = "NodeOsReinstalledOrKernelChanged"
	NodeSystemDirDamaged             Reason = "NodeSystemDirDamaged"
	NodeCpuManagerStateStale         Reason = "NodeCpuManagerStateStale"
	KubeletCertExpired               Reason = "KubeletCertExpired"
	NodeOverloaded                   Reason = "NodeOverloaded"
	NodeNetworkDegraded              Reason = "NodeNetworkDegraded"
	NodeHostnameOrCloudInit          Reason = "NodeHostnameOrCloudInit"
	NodeCreateFailed                 Reason = "NodeCreateFailed"
	NodeInstallFailed                Reason = "NodeInstallFailed"
	NodeDeleteFailed                 Reason = "NodeDeleteFailed"
	CoreDaemonRestarting             Reason = "CoreDaemonRestarting"
	PodSandboxCreateFailed           Reason = "PodSandboxCreateFailed"
)

var nodeReasons = []ReasonInfo{
	{
		Reason: NodeControlPlaneDisconnected, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the node has lost the control plane", ZH: "节点与控制面失联"},
		Advice: Text{
			EN: "Check the state of the ECS, its security group and network; cordon it, restart it only after confirmation.",
			ZH: "检查 ECS 状态、安全组与网络；先隔离，确认后再重启。",
		},
	},
	{
		Reason: NodeEcsStopped, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the node's server is shut down", ZH: "节点对应 ECS 已关机"},
		Advice: Text{
			EN: "Start the ECS, or renew it if it is frozen for arrears.",
			ZH: "启动 ECS；若因欠费冻结请续费。",
		},
	},
	{
		Reason: NodeEcsDeleted, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the node's server no longer exists", ZH: "节点对应 ECS 已不存在"},
		Advice: Text{
			EN: "Remove the Node object and let the pool create a new one.",
			ZH: "删除该 Node 对象，并由节点池补充新节点。",
		},
	},
	{
		Reason: NodeEcsFaulty, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the node's server is faulty", ZH: "节点对应 ECS 故障"},
		Advice: Text{
			EN: "Open a ticket and replace the node.",
			ZH: "提工单并替换节点。",
		},
	},
	{
		Reason: NodeRebooted, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the node was rebooted", ZH: "节点发生重启"},
		Advice: Text{
			EN: "Find who or what rebooted it: CTS, ECS events, kernel log.",
			ZH: "排查重启来源：CTS、ECS 事件、内核日志。",
		},
	},
	{
		Reason: NodeReadyFlapping, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the node's readiness flaps", ZH: "节点就绪状态抖动"},
		Advice: Text{
			EN: "Look at load and network to the control plane; cordon it until it is stable.",
			ZH: "检查负载及到控制面的网络；稳定前先隔离。",
		},
	},
	{
		Reason: NodeAzOutage, Domain: NodeDomain, Kind: "Cluster",
		Title: Text{EN: "many nodes of one zone are lost", ZH: "同一可用区大量节点失联"},
		Advice: Text{
			EN: "Do not drain; move capacity to another zone and check the status of the zone.",
			ZH: "不要排空；将容量迁移到其他可用区并确认可用区状态。",
		},
	},
	{
		Reason: KubeletDown, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the kubelet of the node does not work", ZH: "节点 kubelet 异常"},
		Advice: Text{
			EN: "Cordon the node, then restart kubelet on it (systemctl restart kubelet); reset the node if it does not come back.",
			ZH: "先隔离节点，再重启 kubelet（systemctl restart kubelet）；无法恢复则重置节点。",
		},
	},
	{
		Reason: KubeletFrequentRestart, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the kubelet restarts again and again", ZH: "kubelet 频繁重启"},
		Advice: Text{
			EN: "Read the kubelet log on the node; look at disk and memory.",
			ZH: "查看节点 kubelet 日志，检查磁盘与内存。",
		},
	},
	{
		Reason: KubeletPLEGUnhealthy, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the kubelet cannot list its containers in time", ZH: "PLEG 异常，kubelet 无法及时获取容器状态"},
		Advice: Text{
			EN: "Restart the container runtime; reduce the number of containers on the node.",
			ZH: "重启容器运行时；减少节点容器数量。",
		},
	},
	{
		Reason: ContainerRuntimeDown, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the container runtime of the node is down", ZH: "节点容器运行时异常"},
		Advice: Text{
			EN: "Cordon the node, then restart the runtime on it (systemctl restart containerd).",
			ZH: "先隔离节点，再重启运行时（systemctl restart containerd）。",
		},
	},
	{
		Reason: ContainerRuntimeHung, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the container runtime of the node hangs", ZH: "节点容器运行时卡死"},
		Advice: Text{
			EN: "Restart the runtime and move the pods.",
			ZH: "重启运行时并迁移 Pod。",
		},
	},
	{
		Reason: ContainerdFrequentRestart, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "containerd restarts again and again", ZH: "containerd 频繁重启"},
		Advice: Text{
			EN: "Read the containerd log on the node; look at its disk.",
			ZH: "查看节点 containerd 日志并检查磁盘。",
		},
	},
	{
		Reason: DockerFrequentRestart, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "docker restarts again and again", ZH: "docker 频繁重启"},
		Advice: Text{
			EN: "Read the docker log on the node; look at its disk.",
			ZH: "查看节点 docker 日志并检查磁盘。",
		},
	},
	{
		Reason: CRIFrequentRestart, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the container runtime restarts again and again", ZH: "容器运行时频繁重启"},
		Advice: Text{
			EN: "Read the log of the runtime on the node; look at its disk.",
			ZH: "查看节点运行时日志并检查磁盘。",
		},
	},
	{
		Reason: CNIDown, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the network plugin of the node does not work", ZH: "节点网络插件异常"},
		Advice: Text{
			EN: "Restart the network agent pod of the node; cordon the node until it works.",
			ZH: "重启节点网络组件 Pod；恢复前先隔离节点。",
		},
	},
	{
		Reason: KubeProxyDown, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "kube-proxy of the node does not work", ZH: "节点 kube-proxy 异常"},
		Advice: Text{
			EN: "Cordon the node, restart kube-proxy on it, move pods that depend on Services.",
			ZH: "隔离节点并重启 kube-proxy，迁移依赖 Service 的 Pod。",
		},
	},
	{
		Reason: PodIdentityAgentDown, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the pod identity agent does not work", ZH: "Pod 身份代理异常"},
		Advice: Text{
			EN: "Restore the agent; pods that need cloud credentials must move meanwhile.",
			ZH: "恢复代理；期间需迁移依赖云凭据的 Pod。",
		},
	},
	{
		Reason: NTPDrift, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the clock of the node is not synchronised", ZH: "节点时钟未同步"},
		Advice: Text{
			EN: "Restart chronyd and allow udp/123 to the NTP server.",
			ZH: "重启 chronyd，并放通到 NTP 服务器的 udp/123。",
		},
	},
	{
		Reason: NodeResolvConfBroken, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the node has no name server", ZH: "节点 resolv.conf 异常"},
		Advice: Text{
			EN: "Restore the DNS servers of the subnet in /etc/resolv.conf.",
			ZH: "恢复 /etc/resolv.conf 中子网的 DNS 服务器。",
		},
	},
	{
		Reason: ConntrackFull, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the connection table of the node is full", ZH: "节点连接跟踪表已满"},
		Advice: Text{
			EN: "Raise net.netfilter.nf_conntrack_max and find who leaks connections.",
			ZH: "调大 nf_conntrack_max，并排查连接泄漏方。",
		},
	},
	{
		Reason: FDExhausted, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the node runs out of file handles", ZH: "节点文件句柄不足"},
		Advice: Text{
			EN: "Find the process that leaks handles, or raise the limit.",
			ZH: "排查句柄泄漏进程，或调大上限。",
		},
	},
	{
		Reason: PIDExhausted, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the node runs out of process ids", ZH: "节点 PID 不足"},
		Advice: Text{
			EN: "Find what forks without end; set a pid limit per pod.",
			ZH: "排查大量 fork 的进程；设置 Pod PID 上限。",
		},
	},
	{
		Reason: NodeMemoryPressure, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the node runs out of memory", ZH: "节点内存不足"},
		Advice: Text{
			EN: "Move pods, set requests, and add capacity: kubectl top pod -A --sort-by=memory.",
			ZH: "迁移 Pod、设置 requests 并扩容：kubectl top pod -A --sort-by=memory。",
		},
	},
	{
		Reason: NodeSystemOOM, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the node itself ran out of memory", ZH: "节点系统级 OOM"},
		Advice: Text{
			EN: "Raise the reserves of the node and remove what runs beside Kubernetes.",
			ZH: "提高节点预留，移除 Kubernetes 以外的进程。",
		},
	},
	{
		Reason: NodeCpuSaturated, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the CPU of the node is exhausted", ZH: "节点 CPU 耗尽"},
		Advice: Text{
			EN: "Move or limit the hottest pods, or add nodes: kubectl top pod -A --sort-by=cpu.",
			ZH: "迁移或限制高消耗 Pod，或扩容节点：kubectl top pod -A --sort-by=cpu。",
		},
	},
	{
		Reason: NodeDiskPressure, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the disk of the node is nearly full", ZH: "节点磁盘空间不足"},
		Advice: Text{
			EN: "Clean images and logs, or enlarge the disk.",
			ZH: "清理镜像与日志，或扩容磁盘。",
		},
	},
	{
		Reason: NodeOutOfDisk, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the disk of the node is full", ZH: "节点磁盘已满"},
		Advice: Text{
			EN: "Free space at once; cordon the node meanwhile.",
			ZH: "立即释放空间，期间隔离节点。",
		},
	},
	{
		Reason: DiskReadonly, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "a disk of the node became read-only", ZH: "节点磁盘变为只读"},
		Advice: Text{
			EN: "Cordon and drain the node; check the EVS disk, run fsck, or reset the node.",
			ZH: "隔离并排空节点；检查云硬盘、执行 fsck 或重置节点。",
		},
	},
	{
		Reason: DiskHung, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "a disk of the node hangs", ZH: "节点磁盘 IO 卡住"},
		Advice: Text{
			EN: "Cordon the node; check the EVS disk; reboot after confirmation.",
			ZH: "隔离节点；检查云硬盘；确认后重启。",
		},
	},
	{
		Reason: DiskSlow, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "a disk of the node is very slow", ZH: "节点磁盘 IO 缓慢"},
		Advice: Text{
			EN: "Use a faster disk type or reduce the load on the disk.",
			ZH: "升级磁盘类型或降低磁盘负载。",
		},
	},
	{
		Reason: ScsiEvsIoSuspension, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "an old kernel hangs on a SCSI disk", ZH: "旧内核 SCSI 云硬盘 IO 挂起"},
		Advice: Text{
			EN: "Upgrade the kernel, or use VBD disks.",
			ZH: "升级内核，或改用 VBD 类型磁盘。",
		},
	},
	{
		Reason: DataDiskDetached, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the data disk of the node is gone", ZH: "节点数据盘被卸载"},
		Advice: Text{
			EN: "Attach the disk again, or reset the node.",
			ZH: "重新挂载数据盘，或重置节点。",
		},
	},
	{
		Reason: EmptyDirVGError, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the emptyDir storage pool of the node is damaged", ZH: "节点 emptyDir 存储池异常"},
		Advice: Text{
			EN: "Restore the disk and rebuild the pool.",
			ZH: "恢复磁盘并重建存储池。",
		},
	},
	{
		Reason: LocalPvVGError, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the local volume pool of the node is damaged", ZH: "节点本地持久卷存储池异常"},
		Advice: Text{
			EN: "Restore the disk; data of local volumes may be lost.",
			ZH: "恢复磁盘；本地卷数据可能丢失。",
		},
	},
	{
		Reason: MountPointHung, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "a mount point of the node hangs", ZH: "节点挂载点卡死"},
		Advice: Text{
			EN: "Restore the remote share, or unmount it lazily; reset the node as a last resort.",
			ZH: "恢复远端存储或 lazy umount；最后才重置节点。",
		},
	},
	{
		Reason: NodeProcessDState, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "processes on the node are stuck in the kernel", ZH: "节点存在大量 D 状态进程"},
		Advice: Text{
			EN: "Find the storage they wait for; reboot after confirmation.",
			ZH: "定位其等待的存储；确认后重启。",
		},
	},
	{
		Reason: NodeZombieProcesses, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "zombie processes pile up on the node", ZH: "节点僵尸进程堆积"},
		Advice: Text{
			EN: "Find the parent that does not reap its children.",
			ZH: "查找未回收子进程的父进程。",
		},
	},
	{
		Reason: NodeTaskHung, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the kernel reports hung tasks", ZH: "内核报告任务挂起"},
		Advice: Text{
			EN: "Look at disk and network storage of the node.",
			ZH: "检查节点磁盘与网络存储。",
		},
	},
	{
		Reason: KernelOops, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the kernel of the node reported an oops", ZH: "节点内核 oops"},
		Advice: Text{
			EN: "Cordon, move pods, reboot, and update the kernel.",
			ZH: "隔离、迁移 Pod、重启并升级内核。",
		},
	},
	{
		Reason: RDMANicFault, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "an RDMA card of the node is faulty", ZH: "节点 RDMA 网卡故障"},
		Advice: Text{
			EN: "Open a ticket.",
			ZH: "请提工单。",
		},
	},
	{
		Reason: HostScheduledEvent, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the cloud has planned an event for the host", ZH: "主机存在计划事件"},
		Advice: Text{
			EN: "Drain the node before the window.",
			ZH: "在窗口前排空节点。",
		},
	},
	{
		Reason: NodeNicMissing, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "a network card of the node is missing", ZH: "节点网卡缺失"},
		Advice: Text{
			EN: "Attach the card again or open a ticket.",
			ZH: "重新挂载网卡或提工单。",
		},
	},
	{
		Reason: UnregisterNetDevice, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the kernel waits for a network device to go", ZH: "内核等待释放网络设备"},
		Advice: Text{
			EN: "Reboot the node, and update its kernel.",
			ZH: "重启节点并升级内核。",
		},
	},
	{
		Reason: AufsUmountHung, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "unmounting AUFS hangs on the node", ZH: "节点 AUFS 卸载卡住"},
		Advice: Text{
			EN: "Reboot the node, and use overlayfs.",
			ZH: "重启节点并改用 overlayfs。",
		},
	},
	{
		Reason: NodeCidrExhausted, Domain: NodeDomain, Kind: "Cluster",
		Title: Text{EN: "no pod address range is left for nodes", ZH: "无可分配给节点的容器网段"},
		Advice: Text{
			EN: "Add a container CIDR where the network model supports it.",
			ZH: "在网络模型支持时新增容器网段。",
		},
	},
	{
		Reason: NodeSecurityGroupChanged, Domain: NodeDomain, Kind: "Cluster",
		Title: Text{EN: "security group rules of the nodes were changed", ZH: "节点安全组规则被修改"},
		Advice: Text{
			EN: "Restore the rules that the cluster needs between master and nodes.",
			ZH: "恢复集群所需的控制面与节点间规则。",
		},
	},
	{
		Reason: NodeIpChanged, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the address of the node changed", ZH: "节点 IP 被修改"},
		Advice: Text{
			EN: "Restore the address of the node.",
			ZH: "恢复节点 IP。",
		},
	},
	{
		Reason: NodeOsReinstalledOrKernelChanged, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the operating system of the node was replaced", ZH: "节点操作系统或内核被更换"},
		Advice: Text{
			EN: "Reset the node through CCE.",
			ZH: "通过 CCE 重置节点。",
		},
	},
	{
		Reason: NodeSystemDirDamaged, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "system directories of the node are damaged", ZH: "节点系统目录被破坏"},
		Advice: Text{
			EN: "Reset the node through CCE.",
			ZH: "通过 CCE 重置节点。",
		},
	},
	{
		Reason: NodeCpuManagerStateStale, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the kubelet cannot restore its CPU state", ZH: "kubelet CPU 管理状态文件失效"},
		Advice: Text{
			EN: "Delete cpu_manager_state on the node and restart kubelet.",
			ZH: "删除节点 cpu_manager_state 文件并重启 kubelet。",
		},
	},
	{
		Reason: KubeletCertExpired, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the certificate of the kubelet has expired", ZH: "kubelet 证书过期"},
		Advice: Text{
			EN: "Approve the pending certificate request, or rotate the certificate.",
			ZH: "批准待处理的 CSR 或轮换证书。",
		},
	},
	{
		Reason: NodeOverloaded, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the node is overloaded", ZH: "节点过载"},
		Advice: Text{
			EN: "Limit or move pods; add nodes.",
			ZH: "限制或迁移 Pod；扩容节点。",
		},
	},
	{
		Reason: NodeNetworkDegraded, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the network of the node loses or delays packets", ZH: "节点网络丢包或时延升高"},
		Advice: Text{
			EN: "Cordon the node and move pods; check bandwidth, NIC errors and retransmits of the node.",
			ZH: "隔离节点并迁移 Pod；检查带宽、网卡错误与重传。",
		},
	},
	{
		Reason: NodeHostnameOrCloudInit, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "the first start of the node did not end", ZH: "节点初始化未完成"},
		Advice: Text{
			EN: "Correct the host name or cloud-init, or reset the node.",
			ZH: "修正主机名或 cloud-init，或重置节点。",
		},
	},
	{
		Reason: NodeCreateFailed, Domain: NodeDomain, Kind: "NodePool",
		Title: Text{EN: "a node could not be created", ZH: "节点创建失败"},
		Advice: Text{
			EN: "Read the error of the job: quota, sold out, subnet addresses, key pair, security group.",
			ZH: "查看任务错误：配额、售罄、子网 IP、密钥对、安全组。",
		},
	},
	{
		Reason: NodeInstallFailed, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "a node could not be installed", ZH: "节点安装失败"},
		Advice: Text{
			EN: "Check access to OBS and DNS, the operating system and its disks, then retry.",
			ZH: "检查 OBS/DNS 访问、操作系统与磁盘后重试。",
		},
	},
	{
		Reason: NodeDeleteFailed, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "a node could not be deleted", ZH: "节点删除失败"},
		Advice: Text{
			EN: "Retry, then remove the remaining ECS by hand.",
			ZH: "重试；再手动清理残留 ECS。",
		},
	},
	{
		Reason: CoreDaemonRestarting, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "system pods of the node restart again and again", ZH: "节点系统组件频繁重启"},
		Advice: Text{
			EN: "Read the logs of the component; restart or repair the add-on.",
			ZH: "查看组件日志；重启或修复插件。",
		},
	},
	{
		Reason: PodSandboxCreateFailed, Domain: NodeDomain, Kind: "Node",
		Title: Text{EN: "pod sandboxes cannot be created on the node", ZH: "节点无法创建 Pod 沙箱"},
		Advice: Text{
			EN: "Read the FailedCreatePodSandBox events: network plugin, addresses, pause image, or runtime.",
			ZH: "查看 FailedCreatePodSandBox 事件：网络插件、IP、pause 镜像或运行时。",
		},
	},
}
