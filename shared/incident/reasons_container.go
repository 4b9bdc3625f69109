package incident

// ContainerDomain is the domain of: containers that do not start or do not stay.
const ContainerDomain Domain = "container"

// The reasons of this domain.
const (
	ContainerCommandNotFound       Reason = "ContainerCommandNotFound"
	ContainerPermissionDenied      Reason = "ContainerPermissionDenied"
	ConfigMapMissing               Reason = "ConfigMapMissing"
	SecretMissing                  Reason = "SecretMissing"
	KeyMissing                     Reason = "KeyMissing"
	SecretValueInvalid             Reason = "SecretValueInvalid"
	CreateContainerError           Reason = "CreateContainerError"
	RunAsNonRootViolation          Reason = "RunAsNonRootViolation"
	InitContainerFailed            Reason = "InitContainerFailed"
	PostStartHookFailed            Reason = "PostStartHookFailed"
	PreStopHookFailed              Reason = "PreStopHookFailed"
	AppExitError                   Reason = "AppExitError"
	NoForegroundProcess            Reason = "NoForegroundProcess"
	DockerDaemonError125           Reason = "DockerDaemonError125"
	SegfaultOrAbort                Reason = "SegfaultOrAbort"
	SigpipeTailExit                Reason = "SigpipeTailExit"
	TerminatedBySigterm            Reason = "TerminatedBySigterm"
	KilledBySigkillNotOOM          Reason = "KilledBySigkillNotOOM"
	ContainerOOMKilled             Reason = "ContainerOOMKilled"
	JvmHeapNotContainerAware       Reason = "JvmHeapNotContainerAware"
	LivenessProbeFailed            Reason = "LivenessProbeFailed"
	LivenessProbeWrongPort         Reason = "LivenessProbeWrongPort"
	LivenessProbeWrongProtocol     Reason = "LivenessProbeWrongProtocol"
	LivenessProbeTooImpatient      Reason = "LivenessProbeTooImpatient"
	ReadinessProbeFailed           Reason = "ReadinessProbeFailed"
	ReadinessProbeWrongPort        Reason = "ReadinessProbeWrongPort"
	ReadinessProbeWrongProtocol    Reason = "ReadinessProbeWrongProtocol"
	ReadinessProbeTooImpatient     Reason = "ReadinessProbeTooImpatient"
	StartupProbeFailed             Reason = "StartupProbeFailed"
	StartupProbeWrongPort          Reason = "StartupProbeWrongPort"
	StartupProbeWrongProtocol      Reason = "StartupProbeWrongProtocol"
	StartupProbeTooImpatient       Reason = "StartupProbeTooImpatient"
	ProbeFlaky                     Reason = "ProbeFlaky"
	ReadinessGateUnmet             Reason = "ReadinessGateUnmet"
	PortAlreadyInUse               Reason = "PortAlreadyInUse"
	ConfigMapSecretSubPathDeadlock Reason = "ConfigMapSecretSubPathDeadlock"
	VolumePermissionDenied         Reason = "VolumePermissionDenied"
	FrequentRestart                Reason = "FrequentRestart"
	PodNotReady                    Reason = "PodNotReady"
	PodPending                     Reason = "PodPending"
	ReplicasUnavailable            Reason = "ReplicasUnavailable"
	GPUDriverNotReady              Reason = "GPUDriverNotReady"
	GPUDevicePluginNotReady        Reason = "GPUDevicePluginNotReady"
	GPUCardUnavailable             Reason = "GPUCardUnavailable"
	ThinPoolFull                   Reason = "ThinPoolFull"
)

var containerReasons = []ReasonInfo{
	{
		Reason: ContainerCommandNotFound, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the container's command does not exist", ZH: "容器启动命令不存在"},
		Advice: Text{
			EN: "Correct command and args of the template, or roll back when the new revision brought it.",
			ZH: "修正模板的 command/args；若由新版本引入则回滚。",
		},
	},
	{
		Reason: ContainerPermissionDenied, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the container's command may not be executed", ZH: "容器启动命令无执行权限"},
		Advice: Text{
			EN: "Correct the file mode in the image or the user in securityContext; roll back if it is new.",
			ZH: "修正镜像内文件权限或 securityContext 用户；若为新版本引入则回滚。",
		},
	},
	{
		Reason: ConfigMapMissing, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "a ConfigMap that the pod needs is missing", ZH: "Pod 引用的 ConfigMap 不存在"},
		Advice: Text{
			EN: "Restore the ConfigMap or correct its name in the template: kubectl get cm -n <ns>.",
			ZH: "恢复该 ConfigMap 或修正模板中的名称：kubectl get cm -n <ns>。",
		},
	},
	{
		Reason: SecretMissing, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "a Secret that the pod needs is missing", ZH: "Pod 引用的 Secret 不存在"},
		Advice: Text{
			EN: "Restore the Secret or correct its name in the template: kubectl get secret -n <ns>.",
			ZH: "恢复该 Secret 或修正模板中的名称：kubectl get secret -n <ns>。",
		},
	},
	{
		Reason: KeyMissing, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "a ConfigMap or Secret lacks a wanted key", ZH: "ConfigMap/Secret 缺少所需的键"},
		Advice: Text{
			EN: "Add the key, or correct the key's name in the template.",
			ZH: "补充该键，或修正模板中引用的键名。",
		},
	},
	{
		Reason: SecretValueInvalid, Domain: ContainerDomain, Kind: "Secret",
		Title: Text{EN: "a secret's value cannot be used", ZH: "Secret 的值无法使用"},
		Advice: Text{
			EN: "Create the secret again with valid values (no NUL bytes, encoded exactly once).",
			ZH: "使用合法值重新创建 Secret（不含 NUL、仅编码一次）。",
		},
	},
	{
		Reason: CreateContainerError, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the runtime cannot create the container", ZH: "运行时无法创建容器"},
		Advice: Text{
			EN: "Read the waiting message; a stuck old container is cleared by deleting the pod, otherwise check the runtime of the node.",
			ZH: "查看 waiting 信息；残留容器可删除 Pod 解决，否则检查节点运行时。",
		},
	},
	{
		Reason: RunAsNonRootViolation, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the image would run as root, which is forbidden", ZH: "镜像以 root 运行，违反 runAsNonRoot"},
		Advice: Text{
			EN: "Set a numeric runAsUser other than 0, or build the image with a non-root user.",
			ZH: "设置非 0 的 runAsUser，或构建非 root 用户镜像。",
		},
	},
	{
		Reason: InitContainerFailed, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "an init container fails", ZH: "Init 容器失败"},
		Advice: Text{
			EN: "Read its log: kubectl logs <pod> -n <ns> -c <init container>; correct it or roll back.",
			ZH: "查看日志：kubectl logs <pod> -n <ns> -c <init 容器>；修正或回滚。",
		},
	},
	{
		Reason: PostStartHookFailed, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the postStart hook fails", ZH: "postStart 钩子失败"},
		Advice: Text{
			EN: "Correct lifecycle.postStart in the template.",
			ZH: "修正模板中的 lifecycle.postStart。",
		},
	},
	{
		Reason: PreStopHookFailed, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the preStop hook fails", ZH: "preStop 钩子失败"},
		Advice: Text{
			EN: "Correct lifecycle.preStop; until then termination takes the full grace period.",
			ZH: "修正 lifecycle.preStop；修复前终止会耗满宽限期。",
		},
	},
	{
		Reason: AppExitError, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the application exits with an error", ZH: "应用异常退出"},
		Advice: Text{
			EN: "Read the last lines of the previous container: kubectl logs <pod> -n <ns> --previous; correct it, or roll back when only the new revision fails.",
			ZH: "查看上一次容器日志：kubectl logs <pod> -n <ns> --previous；修复，或仅新版本失败时回滚。",
		},
	},
	{
		Reason: NoForegroundProcess, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the container ends at once, without error", ZH: "容器无前台进程，正常退出后反复重启"},
		Advice: Text{
			EN: "Run the process in the foreground, or use a Job if it is meant to end.",
			ZH: "让进程前台运行；若本应结束请改用 Job。",
		},
	},
	{
		Reason: DockerDaemonError125, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the runtime refuses to run the container", ZH: "运行时拒绝启动容器（退出码 125）"},
		Advice: Text{
			EN: "Check the runtime options of the container and the runtime on the node.",
			ZH: "检查容器运行参数及节点运行时。",
		},
	},
	{
		Reason: SegfaultOrAbort, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the application crashes (segfault or abort)", ZH: "应用崩溃（段错误或 abort）"},
		Advice: Text{
			EN: "Give the core dump and last log lines to the developers; roll back if the revision is new.",
			ZH: "将 core dump 与日志交给开发；若为新版本请回滚。",
		},
	},
	{
		Reason: SigpipeTailExit, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the start script dies of a broken pipe", ZH: "启动脚本因管道断开退出（退出码 141）"},
		Advice: Text{
			EN: "Change the start script so that it does not pipe its log through tail.",
			ZH: "修改启动脚本，避免通过 tail 输出日志。",
		},
	},
	{
		Reason: TerminatedBySigterm, Domain: ContainerDomain, Kind: "Deployment", Symptom: true,
		Title: Text{EN: "containers were asked to stop", ZH: "容器收到 SIGTERM 正常停止"},
		Advice: Text{
			EN: "Look for who asked: a rollout, an eviction, a liveness probe, or a node shutdown.",
			ZH: "查找请求来源：升级、驱逐、存活探针或节点关机。",
		},
	},
	{
		Reason: KilledBySigkillNotOOM, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "containers are killed, not for memory", ZH: "容器被 SIGKILL 终止（非 OOM）"},
		Advice: Text{
			EN: "Look for a liveness kill after the grace period, a node shutdown, or a process on the node that kills it.",
			ZH: "排查存活探针超时强杀、节点关机或节点上的外部进程。",
		},
	},
	{
		Reason: ContainerOOMKilled, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the container exceeds its memory limit", ZH: "容器超出内存限制被 OOM 终止"},
		Advice: Text{
			EN: "Raise the memory limit or repair the leak; roll back if the new revision uses more. Check kubectl top pod.",
			ZH: "调大内存 limit 或修复泄漏；新版本占用更多则回滚。可用 kubectl top pod 核对。",
		},
	},
	{
		Reason: JvmHeapNotContainerAware, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the Java heap ignores the container limit", ZH: "Java 堆未按容器限制配置"},
		Advice: Text{
			EN: "Set -XX:MaxRAMPercentage (at most 75, or 50 below 1 GiB) or -Xmx below the limit.",
			ZH: "设置 -XX:MaxRAMPercentage（不超过 75，小于 1GiB 时 50）或小于 limit 的 -Xmx。",
		},
	},
	{
		Reason: LivenessProbeFailed, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the liveness probe fails and restarts it", ZH: "存活探针失败导致重启"},
		Advice: Text{
			EN: "Check whether the application hangs or the probe is wrong; correct the probe or the application, or roll back.",
			ZH: "确认是应用卡死还是探针配置错误；修正探针/应用或回滚。",
		},
	},
	{
		Reason: LivenessProbeWrongPort, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the liveness probe asks the wrong port", ZH: "存活探针端口错误"},
		Advice: Text{
			EN: "Set the probe to the port that the container listens on, or roll back the change.",
			ZH: "将探针端口改为容器实际监听端口，或回滚该变更。",
		},
	},
	{
		Reason: LivenessProbeWrongProtocol, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the liveness probe speaks the wrong protocol", ZH: "存活探针协议错误"},
		Advice: Text{
			EN: "Use the kind of probe that the port serves (httpGet, grpc or tcpSocket), or roll back.",
			ZH: "使用与端口一致的探针类型（httpGet、grpc 或 tcpSocket），或回滚。",
		},
	},
	{
		Reason: LivenessProbeTooImpatient, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the liveness probe kills it before it is up", ZH: "存活探针过早判定失败"},
		Advice: Text{
			EN: "Add a startupProbe, or raise initialDelaySeconds, timeoutSeconds or failureThreshold.",
			ZH: "增加 startupProbe，或调大 initialDelaySeconds、timeoutSeconds、failureThreshold。",
		},
	},
	{
		Reason: ReadinessProbeFailed, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the readiness probe fails, so it gets no traffic", ZH: "就绪探针失败，不接收流量"},
		Advice: Text{
			EN: "Check the application and its dependencies; the container runs but says it is not ready.",
			ZH: "检查应用及其依赖；容器在运行但未就绪。",
		},
	},
	{
		Reason: ReadinessProbeWrongPort, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the readiness probe asks the wrong port", ZH: "就绪探针端口错误"},
		Advice: Text{
			EN: "Set the probe to the port that the container listens on, or roll back the change.",
			ZH: "将探针端口改为容器实际监听端口，或回滚该变更。",
		},
	},
	{
		Reason: ReadinessProbeWrongProtocol, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the readiness probe speaks the wrong protocol", ZH: "就绪探针协议错误"},
		Advice: Text{
			EN: "Use the kind of probe that the port serves (httpGet, grpc or tcpSocket), or roll back.",
			ZH: "使用与端口一致的探针类型（httpGet、grpc 或 tcpSocket），或回滚。",
		},
	},
	{
		Reason: ReadinessProbeTooImpatient, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the readiness probe times out too early", ZH: "就绪探针超时过短"},
		Advice: Text{
			EN: "Raise timeoutSeconds or failureThreshold of the readiness probe to what the application needs.",
			ZH: "按应用实际耗时调大就绪探针 timeoutSeconds 或 failureThreshold。",
		},
	},
	{
		Reason: StartupProbeFailed, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the startup probe fails", ZH: "启动探针失败"},
		Advice: Text{
			EN: "Correct the startup of the application, or raise failureThreshold × periodSeconds.",
			ZH: "修复应用启动问题，或调大 failureThreshold × periodSeconds。",
		},
	},
	{
		Reason: StartupProbeWrongPort, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the startup probe asks the wrong port", ZH: "启动探针端口错误"},
		Advice: Text{
			EN: "Set the probe to the port that the container listens on, or roll back the change.",
			ZH: "将探针端口改为容器实际监听端口，或回滚该变更。",
		},
	},
	{
		Reason: StartupProbeWrongProtocol, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the startup probe speaks the wrong protocol", ZH: "启动探针协议错误"},
		Advice: Text{
			EN: "Use the kind of probe that the port serves (httpGet, grpc or tcpSocket), or roll back.",
			ZH: "使用与端口一致的探针类型（httpGet、grpc 或 tcpSocket），或回滚。",
		},
	},
	{
		Reason: StartupProbeTooImpatient, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the startup probe gives too little time", ZH: "启动探针等待时间过短"},
		Advice: Text{
			EN: "Raise failureThreshold × periodSeconds above the time that the container needs to start.",
			ZH: "将 failureThreshold × periodSeconds 调大到启动耗时以上。",
		},
	},
	{
		Reason: ProbeFlaky, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "a probe fails now and then under load", ZH: "探针在高负载下偶发失败"},
		Advice: Text{
			EN: "Raise the probe's timeout and relieve the node's CPU.",
			ZH: "调大探针超时，并缓解节点 CPU 压力。",
		},
	},
	{
		Reason: ReadinessGateUnmet, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "a readiness gate is not fulfilled", ZH: "就绪门控条件未满足"},
		Advice: Text{
			EN: "Check the controller that sets the condition in spec.readinessGates (for example the ELB).",
			ZH: "检查设置 readinessGates 条件的控制器（如 ELB）。",
		},
	},
	{
		Reason: PortAlreadyInUse, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "a port that the container needs is taken", ZH: "容器所需端口已被占用"},
		Advice: Text{
			EN: "Give one of the containers (application, sidecar, hostNetwork pod) another port, or roll back.",
			ZH: "为冲突的容器（应用、sidecar、hostNetwork Pod）更换端口，或回滚。",
		},
	},
	{
		Reason: ConfigMapSecretSubPathDeadlock, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "a subPath mount keeps an old version", ZH: "subPath 挂载未随配置更新"},
		Advice: Text{
			EN: "Create the pods again; a subPath mount never sees an updated ConfigMap or Secret.",
			ZH: "重建 Pod；subPath 挂载不会感知 ConfigMap/Secret 更新。",
		},
	},
	{
		Reason: VolumePermissionDenied, Domain: ContainerDomain, Kind: "Deployment",
		Title: Text{EN: "the container may not use its volume", ZH: "容器对存储卷无权限"},
		Advice: Text{
			EN: "Set fsGroup and runAsUser to fit the files of the volume, or correct their owner.",
			ZH: "设置与卷文件匹配的 fsGroup/runAsUser，或修正文件属主。",
		},
	},
	{
		Reason: FrequentRestart, Domain: ContainerDomain, Kind: "Deployment", Symptom: true,
		Title: Text{EN: "containers restart again and again", ZH: "容器频繁重启"},
		Advice: Text{
			EN: "Find what ends them: last state, exit code and previous log.",
			ZH: "通过上次状态、退出码和上次日志定位原因。",
		},
	},
	{
		Reason: PodNotReady, Domain: ContainerDomain, Kind: "Deployment", Symptom: true,
		Title: Text{EN: "pods are not ready", ZH: "Pod 未就绪"},
		Advice: Text{
			EN: "Find why: conditions, probes, containers.",
			ZH: "从 conditions、探针、容器状态定位原因。",
		},
	},
	{
		Reason: PodPending, Domain: ContainerDomain, Kind: "Deployment", Symptom: true,
		Title: Text{EN: "pods stay pending", ZH: "Pod 长时间 Pending"},
		Advice: Text{
			EN: "Find why: scheduling, volumes, image, sandbox.",
			ZH: "从调度、存储、镜像、沙箱定位原因。",
		},
	},
	{
		Reason: ReplicasUnavailable, Domain: ContainerDomain, Kind: "Deployment", Symptom: true,
		Title: Text{EN: "fewer replicas are available than wanted", ZH: "可用副本数不足"},
		Advice: Text{
			EN: "Find why the missing replicas do not become available.",
			ZH: "定位缺失副本不可用的原因。",
		},
	},
	{
		Reason: GPUDriverNotReady, Domain: ContainerDomain, Kind: "Node",
		Title: Text{EN: "the GPU driver of the node does not work", ZH: "节点 GPU 驱动异常"},
		Advice: Text{
			EN: "Install or upgrade the driver through the add-on, then reboot the node.",
			ZH: "通过插件安装/升级驱动并重启节点。",
		},
	},
	{
		Reason: GPUDevicePluginNotReady, Domain: ContainerDomain, Kind: "Node",
		Title: Text{EN: "the GPU device plugin does not register devices", ZH: "GPU 设备插件未就绪"},
		Advice: Text{
			EN: "Repair the GPU add-on pod on the node.",
			ZH: "修复节点上的 GPU 插件 Pod。",
		},
	},
	{
		Reason: GPUCardUnavailable, Domain: ContainerDomain, Kind: "Node",
		Title: Text{EN: "a GPU card is lost or faulty", ZH: "GPU 卡丢失或故障"},
		Advice: Text{
			EN: "Isolate the card or the node, and open a ticket.",
			ZH: "隔离该卡或节点，并提工单。",
		},
	},
	{
		Reason: ThinPoolFull, Domain: ContainerDomain, Kind: "Node",
		Title: Text{EN: "the runtime's thin pool is full", ZH: "容器运行时 thin pool 已满"},
		Advice: Text{
			EN: "Remove unused images and containers, or enlarge the data disk.",
			ZH: "清理无用镜像与容器，或扩容数据盘。",
		},
	},
}
