package incident

// ApplicationDomain is the domain of: what applications say of themselves and of each other.
const ApplicationDomain Domain = "application"

// The reasons of this domain.
const (
	AppDependencyFailure         Reason = "AppDependencyFailure"
	DatabaseCredentialsInvalid   Reason = "DatabaseCredentialsInvalid"
	DatabaseAddressInvalid       Reason = "DatabaseAddressInvalid"
	DatabaseReadOnly             Reason = "DatabaseReadOnly"
	DatabaseConnectionsExhausted Reason = "DatabaseConnectionsExhausted"
	DatabaseMissing              Reason = "DatabaseMissing"
	DatabasePermissionDenied     Reason = "DatabasePermissionDenied"
	DatabaseSlow                 Reason = "DatabaseSlow"
	DatabaseOutOfMemory          Reason = "DatabaseOutOfMemory"
	ListenPortMismatch           Reason = "ListenPortMismatch"
	CommandOfAnotherApp          Reason = "CommandOfAnotherApp"
	ClockSkewed                  Reason = "ClockSkewed"
	PodsDeleted                  Reason = "PodsDeleted"
	QueueConsumerLagging         Reason = "QueueConsumerLagging"
	EnvAddressInvalid            Reason = "EnvAddressInvalid"
	ServiceMissing               Reason = "ServiceMissing"
	RBACForbidden                Reason = "RBACForbidden"
	ApplicationErrors            Reason = "ApplicationErrors"
)

var applicationReasons = []ReasonInfo{
	{
		Reason: ApplicationErrors, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "the application fails requests by an error of its own", ZH: "应用自身报错导致请求失败"},
		Advice: Text{
			EN: "Read the error in its log; roll back if a release came before it: kubectl logs -n <ns> deploy/<name>.",
			ZH: "查看应用日志中的报错；若此前有发布则回滚：kubectl logs -n <ns> deploy/<name>。",
		},
	},
	{
		Reason: DatabaseSlow, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "the database answers too slowly", ZH: "数据库响应缓慢"},
		Advice: Text{
			EN: "Look for locks, slow queries, a busy disk or CPU of the database; end the blocking session or add the missing index.",
			ZH: "排查数据库的锁等待、慢查询、磁盘或 CPU 瓶颈；终止阻塞会话或补充索引。",
		},
	},
	{
		Reason: DatabaseOutOfMemory, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "the database or cache has no memory left for writes", ZH: "数据库/缓存内存已满，拒绝写入"},
		Advice: Text{
			EN: "Raise maxmemory (and the container's limit), set an eviction policy, or find what fills it.",
			ZH: "调大 maxmemory（及容器 limit）、配置淘汰策略，或排查写入来源。",
		},
	},
	{
		Reason: ListenPortMismatch, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "the application listens on another port than is declared", ZH: "应用监听端口与声明不一致"},
		Advice: Text{
			EN: "Make the setting of the port, containerPort, probes and targetPort agree, or roll back.",
			ZH: "使应用端口配置、containerPort、探针与 targetPort 保持一致，或回滚。",
		},
	},
	{
		Reason: CommandOfAnotherApp, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "the container runs the command of another application", ZH: "容器运行了其他应用的启动命令"},
		Advice: Text{
			EN: "Correct command and args of the template, or roll back.",
			ZH: "修正模板中的 command/args，或回滚。",
		},
	},
	{
		Reason: ClockSkewed, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "the application's clock differs from the others'", ZH: "应用时钟偏差，令牌/证书校验失败"},
		Advice: Text{
			EN: "Compare the clock of pod, node and issuer (date -u); repair time synchronisation, or recreate the pod.",
			ZH: "对比 Pod、节点与签发方时钟（date -u）；修复时间同步或重建 Pod。",
		},
	},
	{
		Reason: PodsDeleted, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "pods are deleted from outside and replaced", ZH: "Pod 被外部删除并重建"},
		Advice: Text{
			EN: "Find who deletes them: the audit log, a chaos experiment, a descheduler, or a script.",
			ZH: "通过审计日志确认删除来源：混沌实验、descheduler 或脚本。",
		},
	},
	{
		Reason: DatabasePermissionDenied, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "the database user may not do what it must", ZH: "数据库用户权限不足"},
		Advice: Text{
			EN: "Give the role or privilege back to the database user that the log names; find out who revoked it.",
			ZH: "为日志中的数据库用户恢复角色/权限，并确认是谁回收的。",
		},
	},
	{
		Reason: QueueConsumerLagging, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "a consumer falls behind its queue", ZH: "消费者积压，消费跟不上生产"},
		Advice: Text{
			EN: "Read the consumer's log: it is stuck on a message, slow, or too few. Repair it or add replicas; look at what fills the queue too.",
			ZH: "查看消费者日志：是否卡在某条消息、处理过慢或副本过少；修复或扩容，同时排查生产侧是否突增。",
		},
	},
	{
		Reason: AppDependencyFailure, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "a dependency of the application fails", ZH: "应用依赖不可用"},
		Advice: Text{
			EN: "Find the dependency named in the log and repair that one first.",
			ZH: "根据日志找到依赖对象并优先修复。",
		},
	},
	{
		Reason: DatabaseCredentialsInvalid, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "the database refuses the credentials", ZH: "数据库凭据错误"},
		Advice: Text{
			EN: "Correct user or password where it was changed: in the env or secret of the one that is refused, or in the database.",
			ZH: "在变更处修正用户名/密码：被拒绝方的环境变量/Secret 或数据库侧。",
		},
	},
	{
		Reason: DatabaseAddressInvalid, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "the configured database address is wrong", ZH: "数据库地址配置错误"},
		Advice: Text{
			EN: "Correct host or port in the environment or config of the workload, or roll back.",
			ZH: "修正工作负载环境变量/配置中的主机或端口，或回滚。",
		},
	},
	{
		Reason: DatabaseReadOnly, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "the database accepts no writes", ZH: "数据库处于只读状态"},
		Advice: Text{
			EN: "Check read_only, replication role and disk of the database; make it writable or point to the primary.",
			ZH: "检查数据库 read_only、主从角色与磁盘；恢复可写或指向主库。",
		},
	},
	{
		Reason: DatabaseConnectionsExhausted, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "the database has no connections left", ZH: "数据库连接数耗尽"},
		Advice: Text{
			EN: "Find who holds the connections; lower pools or raise the maximum.",
			ZH: "排查连接占用方；减小连接池或调大最大连接数。",
		},
	},
	{
		Reason: DatabaseMissing, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "the database or schema does not exist", ZH: "数据库或库表不存在"},
		Advice: Text{
			EN: "Create the database, or correct its name in the configuration of the caller.",
			ZH: "创建数据库，或修正调用方配置中的库名。",
		},
	},
	{
		Reason: EnvAddressInvalid, Domain: ApplicationDomain, Kind: "Deployment",
		Title: Text{EN: "an environment variable names a wrong address", ZH: "环境变量中的地址错误"},
		Advice: Text{
			EN: "Correct the variable (kubectl set env deployment/<name> -n <ns> KEY=host:port), or roll back.",
			ZH: "修正环境变量（kubectl set env deployment/<name> -n <ns> KEY=host:port），或回滚。",
		},
	},
	{
		Reason: ServiceMissing, Domain: ApplicationDomain, Kind: "Service",
		Title: Text{EN: "a Service that callers use does not exist", ZH: "调用方依赖的 Service 不存在"},
		Advice: Text{
			EN: "Create the Service again; the callers name it, and its pods may still run.",
			ZH: "重新创建该 Service；调用方仍在引用，后端 Pod 可能仍在运行。",
		},
	},
	{
		Reason: RBACForbidden, Domain: ApplicationDomain, Kind: "ServiceAccount",
		Title: Text{EN: "the service account may not do what it must", ZH: "ServiceAccount 权限不足"},
		Advice: Text{
			EN: "Grant the missing verb by a Role and RoleBinding: kubectl auth can-i <verb> <resource> --as=system:serviceaccount:<ns>:<name>.",
			ZH: "通过 Role/RoleBinding 授权：kubectl auth can-i <verb> <resource> --as=system:serviceaccount:<ns>:<name>。",
		},
	},
}
