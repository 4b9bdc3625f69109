package incident

// ChangeDomain is the domain of: changes that may have caused something, and what cannot be seen.
const ChangeDomain Domain = "change"

// The reasons of this domain.
const (
	FaultFlagEnabled      Reason = "FaultFlagEnabled"
	ChangeWorkloadRelease Reason = "ChangeWorkloadRelease"
	ChangeConfig          Reason = "ChangeConfig"
	ChangeGlobalConfig    Reason = "ChangeGlobalConfig"
	ChangeNetworkRoute    Reason = "ChangeNetworkRoute"
	ChangeSecurityPolicy  Reason = "ChangeSecurityPolicy"
	ChangeNodeInfra       Reason = "ChangeNodeInfra"
	MonitoringGap         Reason = "MonitoringGap"
)

var changeReasons = []ReasonInfo{
	{
		Reason: FaultFlagEnabled, Domain: ChangeDomain, Kind: "ConfigMap",
		Title: Text{EN: "a flag that provokes a fault is switched on", ZH: "用于制造故障的特性开关被打开"},
		Advice: Text{
			EN: "Switch the flag off in the configuration, and restart its readers when they do not reload it.",
			ZH: "在配置中关闭该开关；如应用不会自动重载，则重启相关工作负载。",
		},
	},
	{
		Reason: ChangeWorkloadRelease, Domain: ChangeDomain, Kind: "Deployment",
		Title: Text{EN: "a new release broke the workload", ZH: "新版本发布引发故障"},
		Advice: Text{
			EN: "Roll back: kubectl rollout undo deployment/<name> -n <ns>.",
			ZH: "回滚：kubectl rollout undo deployment/<name> -n <ns>。",
		},
	},
	{
		Reason: ChangeConfig, Domain: ChangeDomain, Kind: "ConfigMap",
		Title: Text{EN: "a configuration change broke its users", ZH: "配置变更引发故障"},
		Advice: Text{
			EN: "Restore the former version and restart its users.",
			ZH: "恢复旧版本并重启使用方。",
		},
	},
	{
		Reason: ChangeGlobalConfig, Domain: ChangeDomain, Kind: "ConfigMap",
		Title: Text{EN: "a cluster-wide configuration was changed", ZH: "集群全局配置被修改"},
		Advice: Text{
			EN: "Restore the former configuration.",
			ZH: "恢复原配置。",
		},
	},
	{
		Reason: ChangeNetworkRoute, Domain: ChangeDomain, Kind: "Service",
		Title: Text{EN: "a change of routing broke traffic", ZH: "流量路由变更引发故障"},
		Advice: Text{
			EN: "Restore the former object.",
			ZH: "恢复原对象。",
		},
	},
	{
		Reason: ChangeSecurityPolicy, Domain: ChangeDomain, Kind: "Cluster",
		Title: Text{EN: "a change of security policy broke something", ZH: "安全策略变更引发故障"},
		Advice: Text{
			EN: "Restore the former policy.",
			ZH: "恢复原策略。",
		},
	},
	{
		Reason: ChangeNodeInfra, Domain: ChangeDomain, Kind: "Node",
		Title: Text{EN: "a change of nodes broke something", ZH: "节点变更引发故障"},
		Advice: Text{
			EN: "Undo the change.",
			ZH: "撤销该变更。",
		},
	},
	{
		Reason: MonitoringGap, Domain: ChangeDomain, Kind: "Cluster",
		Title: Text{EN: "monitoring is missing", ZH: "监控数据缺失"},
		Advice: Text{
			EN: "Install or repair the monitoring add-ons; what is not seen is unknown, not healthy.",
			ZH: "安装/修复监控插件；缺失的数据应视为未知而非健康。",
		},
	},
}
