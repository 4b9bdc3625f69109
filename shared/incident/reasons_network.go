package incident

// NetworkDomain is the domain of: services, names, policies, load balancers, routes.
const NetworkDomain Domain = "network"

// The reasons of this domain.
const (
	MeshFaultInjected               Reason = "MeshFaultInjected"
	MeshTrafficLimited              Reason = "MeshTrafficLimited"
	MeshTLSMismatch                 Reason = "MeshTLSMismatch"
	CoreDNSNoEndpoint               Reason = "CoreDNSNoEndpoint"
	CoreDNSRestarting               Reason = "CoreDNSRestarting"
	CoreDNSConfigInvalid            Reason = "CoreDNSConfigInvalid"
	CoreDNSOverloaded               Reason = "CoreDNSOverloaded"
	CoreDNSUpstreamTimeout          Reason = "CoreDNSUpstreamTimeout"
	CoreDNSNxDomain                 Reason = "CoreDNSNxDomain"
	DNSSearchAmplification          Reason = "DNSSearchAmplification"
	DNSPort53Blocked                Reason = "DNSPort53Blocked"
	PodDNSConfigMissing             Reason = "PodDNSConfigMissing"
	PodDNSConfigInvalid             Reason = "PodDNSConfigInvalid"
	NetworkPolicyBlocked            Reason = "NetworkPolicyBlocked"
	ServiceSelectorMismatch         Reason = "ServiceSelectorMismatch"
	ServiceSelectsForeignPods       Reason = "ServiceSelectsForeignPods"
	ServiceNoReadyEndpoint          Reason = "ServiceNoReadyEndpoint"
	ServiceTargetPortMismatch       Reason = "ServiceTargetPortMismatch"
	ServicePortMismatch             Reason = "ServicePortMismatch"
	ServiceProtocolMismatch         Reason = "ServiceProtocolMismatch"
	ReadinessFlapping               Reason = "ReadinessFlapping"
	LoadBalancerProvisioningFailed  Reason = "LoadBalancerProvisioningFailed"
	LoadBalancerUpdateFailed        Reason = "LoadBalancerUpdateFailed"
	LoadBalancerDeleteFailed        Reason = "LoadBalancerDeleteFailed"
	ELBManuallyModified             Reason = "ELBManuallyModified"
	ELBBackendUnhealthy             Reason = "ELBBackendUnhealthy"
	ELBCapacitySaturated            Reason = "ELBCapacitySaturated"
	EIPBandwidthSaturated           Reason = "EIPBandwidthSaturated"
	NATSaturated                    Reason = "NATSaturated"
	IngressBackendMismatch          Reason = "IngressBackendMismatch"
	IngressUpstreamError            Reason = "IngressUpstreamError"
	IngressHostPathMismatch         Reason = "IngressHostPathMismatch"
	IngressCertificateExpired       Reason = "IngressCertificateExpired"
	IngressCertificateMismatch      Reason = "IngressCertificateMismatch"
	GatewayRouteMismatch            Reason = "GatewayRouteMismatch"
	NodePortBlocked                 Reason = "NodePortBlocked"
	PodIPExhausted                  Reason = "PodIPExhausted"
	OverlayPortBlocked              Reason = "OverlayPortBlocked"
	VpcRouteMissing                 Reason = "VpcRouteMissing"
	NetworkAclBlocked               Reason = "NetworkAclBlocked"
	EgressMissing                   Reason = "EgressMissing"
	IpForwardDisabled               Reason = "IpForwardDisabled"
	TcpRecycleEnabled               Reason = "TcpRecycleEnabled"
	IPVSConnReuse                   Reason = "IPVSConnReuse"
	DefaultNetworkAttachmentDeleted Reason = "DefaultNetworkAttachmentDeleted"
	ApiServerUnreachableFromPods    Reason = "ApiServerUnreachableFromPods"
	PodNetworkDegraded              Reason = "PodNetworkDegraded"
)

var networkReasons = []ReasonInfo{
	{
		Reason: MeshFaultInjected, Domain: NetworkDomain, Kind: "VirtualService",
		Title: Text{EN: "the mesh aborts or delays requests on purpose", ZH: "服务网格规则主动注入中断或延迟"},
		Advice: Text{
			EN: "Remove the fault section of the rule if the experiment is over: kubectl edit virtualservice -n <ns> <name>.",
			ZH: "确认演练已结束后删除规则中的 fault 段：kubectl edit virtualservice -n <ns> <name>。",
		},
	},
	{
		Reason: MeshTrafficLimited, Domain: NetworkDomain, Kind: "DestinationRule",
		Title: Text{EN: "a rule of the mesh allows too few connections", ZH: "网格连接池限制过小，请求被拒绝"},
		Advice: Text{
			EN: "Raise connectionPool of the DestinationRule, or remove it: refused requests carry the flag UO in the proxy's log.",
			ZH: "调大或移除 DestinationRule 的 connectionPool；被拒请求在代理日志中标记为 UO。",
		},
	},
	{
		Reason: MeshTLSMismatch, Domain: NetworkDomain, Kind: "PeerAuthentication",
		Title: Text{EN: "the two sides of the mesh disagree about mutual TLS", ZH: "网格双向 TLS 配置不一致"},
		Advice: Text{
			EN: "Make the PeerAuthentication and the tls mode of the DestinationRules agree (ISTIO_MUTUAL with STRICT), or go back to PERMISSIVE.",
			ZH: "使 PeerAuthentication 与 DestinationRule 的 tls 模式一致（STRICT 对应 ISTIO_MUTUAL），或恢复为 PERMISSIVE。",
		},
	},
	{
		Reason: CoreDNSNoEndpoint, Domain: NetworkDomain, Kind: "Deployment",
		Title: Text{EN: "cluster DNS has no running pod", ZH: "集群 DNS 无可用后端"},
		Advice: Text{
			EN: "Restore the CoreDNS pods: kubectl get deploy,pods -n kube-system -l k8s-app=kube-dns.",
			ZH: "恢复 CoreDNS：kubectl get deploy,pods -n kube-system -l k8s-app=kube-dns。",
		},
	},
	{
		Reason: CoreDNSRestarting, Domain: NetworkDomain, Kind: "Deployment",
		Title: Text{EN: "cluster DNS restarts again and again", ZH: "CoreDNS 频繁重启"},
		Advice: Text{
			EN: "Check its memory limit and its Corefile: kubectl logs -n kube-system -l k8s-app=kube-dns --previous.",
			ZH: "检查内存限制与 Corefile：kubectl logs -n kube-system -l k8s-app=kube-dns --previous。",
		},
	},
	{
		Reason: CoreDNSConfigInvalid, Domain: NetworkDomain, Kind: "ConfigMap",
		Title: Text{EN: "the configuration of cluster DNS is wrong", ZH: "CoreDNS 配置错误"},
		Advice: Text{
			EN: "Restore the former Corefile: kubectl edit cm coredns -n kube-system.",
			ZH: "恢复原 Corefile：kubectl edit cm coredns -n kube-system。",
		},
	},
	{
		Reason: CoreDNSOverloaded, Domain: NetworkDomain, Kind: "Deployment",
		Title: Text{EN: "cluster DNS is overloaded", ZH: "CoreDNS 过载"},
		Advice: Text{
			EN: "Scale CoreDNS out (one per node) or use NodeLocal DNSCache.",
			ZH: "扩容 CoreDNS（每节点至多一个）或启用 NodeLocal DNSCache。",
		},
	},
	{
		Reason: CoreDNSUpstreamTimeout, Domain: NetworkDomain, Kind: "Deployment",
		Title: Text{EN: "the upstream of cluster DNS does not answer", ZH: "CoreDNS 上游超时"},
		Advice: Text{
			EN: "Check the upstream servers in the Corefile and the VPC DNS.",
			ZH: "检查 Corefile 中的上游与 VPC DNS。",
		},
	},
	{
		Reason: CoreDNSNxDomain, Domain: NetworkDomain, Kind: "Deployment",
		Title: Text{EN: "a name that is asked for does not exist", ZH: "所查询的域名不存在"},
		Advice: Text{
			EN: "Correct the name in the caller, or create the Service.",
			ZH: "修正调用方中的域名或创建 Service。",
		},
	},
	{
		Reason: DNSSearchAmplification, Domain: NetworkDomain, Kind: "Deployment",
		Title: Text{EN: "search lists multiply the lookups", ZH: "DNS search 域放大查询"},
		Advice: Text{
			EN: "Use full names with a final dot, or lower ndots.",
			ZH: "使用带点结尾的完整域名，或调低 ndots。",
		},
	},
	{
		Reason: DNSPort53Blocked, Domain: NetworkDomain, Kind: "Cluster",
		Title: Text{EN: "port 53 is blocked", ZH: "53 端口被阻断"},
		Advice: Text{
			EN: "Restore the security group rule for port 53 from the container network.",
			ZH: "恢复容器网段到 53 端口的安全组规则。",
		},
	},
	{
		Reason: PodDNSConfigMissing, Domain: NetworkDomain, Kind: "Deployment",
		Title: Text{EN: "dnsPolicy None without any DNS configuration", ZH: "dnsPolicy 为 None 但无 dnsConfig"},
		Advice: Text{
			EN: "Set dnsPolicy ClusterFirst, or give dnsConfig.nameservers.",
			ZH: "将 dnsPolicy 设为 ClusterFirst，或补充 dnsConfig.nameservers。",
		},
	},
	{
		Reason: PodDNSConfigInvalid, Domain: NetworkDomain, Kind: "Deployment",
		Title: Text{EN: "the pod's own DNS settings do not resolve Services", ZH: "Pod DNS 配置无法解析集群服务"},
		Advice: Text{
			EN: "Set dnsPolicy back to ClusterFirst, or correct dnsConfig.nameservers; roll back if it is new.",
			ZH: "将 dnsPolicy 改回 ClusterFirst 或修正 nameservers；若为新变更请回滚。",
		},
	},
	{
		Reason: NetworkPolicyBlocked, Domain: NetworkDomain, Kind: "NetworkPolicy",
		Title: Text{EN: "a network policy blocks wanted traffic", ZH: "网络策略阻断所需流量"},
		Advice: Text{
			EN: "Add an allow rule for the caller, or remove the policy: kubectl describe networkpolicy -n <ns>.",
			ZH: "为调用方添加放行规则或移除策略：kubectl describe networkpolicy -n <ns>。",
		},
	},
	{
		Reason: ServiceSelectorMismatch, Domain: NetworkDomain, Kind: "Service",
		Title: Text{EN: "the Service's selector matches no pods", ZH: "Service 选择器未匹配任何 Pod"},
		Advice: Text{
			EN: "Correct spec.selector of the Service to the labels of its pods: kubectl get pods -n <ns> --show-labels.",
			ZH: "将 spec.selector 修正为 Pod 标签：kubectl get pods -n <ns> --show-labels。",
		},
	},
	{
		Reason: ServiceSelectsForeignPods, Domain: NetworkDomain, Kind: "Service",
		Title: Text{EN: "the Service sends traffic to another application", ZH: "Service 选中了其他应用的 Pod"},
		Advice: Text{
			EN: "Make the selector specific again: its endpoints belong to another application.",
			ZH: "修正选择器：当前端点属于其他应用。",
		},
	},
	{
		Reason: ServiceNoReadyEndpoint, Domain: NetworkDomain, Kind: "Service", Symptom: true,
		Title: Text{EN: "the Service has no ready endpoint", ZH: "Service 无就绪后端"},
		Advice: Text{
			EN: "Repair the pods behind it.",
			ZH: "修复其后端 Pod。",
		},
	},
	{
		Reason: ServiceTargetPortMismatch, Domain: NetworkDomain, Kind: "Service",
		Title: Text{EN: "targetPort is not what the pods listen on", ZH: "Service targetPort 与容器端口不一致"},
		Advice: Text{
			EN: "Set targetPort to the port the container listens on: kubectl edit svc <name> -n <ns>.",
			ZH: "将 targetPort 改为容器监听端口：kubectl edit svc <name> -n <ns>。",
		},
	},
	{
		Reason: ServicePortMismatch, Domain: NetworkDomain, Kind: "Service",
		Title: Text{EN: "the Service no longer serves the port callers use", ZH: "Service 端口与调用方不一致"},
		Advice: Text{
			EN: "Restore the port that the callers use, or change the callers.",
			ZH: "恢复调用方使用的端口，或修改调用方。",
		},
	},
	{
		Reason: ServiceProtocolMismatch, Domain: NetworkDomain, Kind: "Service",
		Title: Text{EN: "the Service's protocol differs from the pods'", ZH: "Service 协议与容器不一致"},
		Advice: Text{
			EN: "Set protocol of the port to what the container serves (TCP or UDP).",
			ZH: "将端口协议改为容器实际协议（TCP 或 UDP）。",
		},
	},
	{
		Reason: ReadinessFlapping, Domain: NetworkDomain, Kind: "Deployment",
		Title: Text{EN: "endpoints come and go", ZH: "后端就绪状态抖动"},
		Advice: Text{
			EN: "Correct the readiness probe or relieve the load.",
			ZH: "修正就绪探针或缓解负载。",
		},
	},
	{
		Reason: LoadBalancerProvisioningFailed, Domain: NetworkDomain, Kind: "Service",
		Title: Text{EN: "the load balancer could not be created", ZH: "负载均衡创建失败"},
		Advice: Text{
			EN: "Read the event: quota, subnet, ELB id, annotation, listener port or agency.",
			ZH: "查看事件：配额、子网、ELB ID、注解、监听端口或委托。",
		},
	},
	{
		Reason: LoadBalancerUpdateFailed, Domain: NetworkDomain, Kind: "Service",
		Title: Text{EN: "the load balancer could not be updated", ZH: "负载均衡更新失败"},
		Advice: Text{
			EN: "Undo manual edits on the ELB, check quota, then reconcile.",
			ZH: "撤销 ELB 上的手动修改，检查配额后重新同步。",
		},
	},
	{
		Reason: LoadBalancerDeleteFailed, Domain: NetworkDomain, Kind: "Service",
		Title: Text{EN: "the load balancer could not be deleted", ZH: "负载均衡删除失败"},
		Advice: Text{
			EN: "Clear dependencies and deletion protection of the ELB.",
			ZH: "清理 ELB 依赖与删除保护。",
		},
	},
	{
		Reason: ELBManuallyModified, Domain: NetworkDomain, Kind: "Service",
		Title: Text{EN: "a managed ELB was changed by hand", ZH: "受管 ELB 被手动修改"},
		Advice: Text{
			EN: "Restore it through the Service or Ingress object.",
			ZH: "通过 Service/Ingress 恢复。",
		},
	},
	{
		Reason: ELBBackendUnhealthy, Domain: NetworkDomain, Kind: "Service",
		Title: Text{EN: "the ELB holds ready pods for unhealthy", ZH: "ELB 后端健康检查异常"},
		Advice: Text{
			EN: "Check port, path and security group of the health check.",
			ZH: "检查健康检查端口、路径与安全组。",
		},
	},
	{
		Reason: ELBCapacitySaturated, Domain: NetworkDomain, Kind: "Service",
		Title: Text{EN: "the ELB is at its capacity", ZH: "ELB 容量饱和"},
		Advice: Text{
			EN: "Use a larger flavor, or split the traffic.",
			ZH: "升级规格或拆分流量。",
		},
	},
	{
		Reason: EIPBandwidthSaturated, Domain: NetworkDomain, Kind: "Service",
		Title: Text{EN: "the public bandwidth is exhausted", ZH: "EIP 带宽饱和"},
		Advice: Text{
			EN: "Raise the bandwidth.",
			ZH: "提升带宽。",
		},
	},
	{
		Reason: NATSaturated, Domain: NetworkDomain, Kind: "Cluster",
		Title: Text{EN: "the NAT gateway is saturated", ZH: "NAT 网关饱和"},
		Advice: Text{
			EN: "Use a larger gateway or more addresses.",
			ZH: "升级网关规格或增加 EIP。",
		},
	},
	{
		Reason: IngressBackendMismatch, Domain: NetworkDomain, Kind: "Ingress",
		Title: Text{EN: "the Ingress names a service or port that is absent", ZH: "Ingress 后端服务或端口不存在"},
		Advice: Text{
			EN: "Correct the backend of the Ingress, or create the Service: kubectl describe ingress -n <ns>.",
			ZH: "修正 Ingress 后端或创建 Service：kubectl describe ingress -n <ns>。",
		},
	},
	{
		Reason: IngressUpstreamError, Domain: NetworkDomain, Kind: "Ingress", Symptom: true,
		Title: Text{EN: "the gateway answers 502, 503 or 504", ZH: "网关返回 502/503/504"},
		Advice: Text{
			EN: "Find which backend fails behind the gateway.",
			ZH: "定位网关后失败的后端。",
		},
	},
	{
		Reason: IngressHostPathMismatch, Domain: NetworkDomain, Kind: "Ingress",
		Title: Text{EN: "no rule fits the requested host and path", ZH: "请求的域名/路径无匹配规则"},
		Advice: Text{
			EN: "Correct host and path of the rule.",
			ZH: "修正规则的 host 与 path。",
		},
	},
	{
		Reason: IngressCertificateExpired, Domain: NetworkDomain, Kind: "Secret",
		Title: Text{EN: "the certificate of the Ingress has expired", ZH: "Ingress 证书过期"},
		Advice: Text{
			EN: "Renew the certificate in the secret.",
			ZH: "更新 Secret 中的证书。",
		},
	},
	{
		Reason: IngressCertificateMismatch, Domain: NetworkDomain, Kind: "Secret",
		Title: Text{EN: "the certificate does not fit the host", ZH: "证书与域名不匹配"},
		Advice: Text{
			EN: "Replace the certificate with one for this host and a full chain.",
			ZH: "替换为匹配域名且链完整的证书。",
		},
	},
	{
		Reason: GatewayRouteMismatch, Domain: NetworkDomain, Kind: "Ingress",
		Title: Text{EN: "a route sends a path to the wrong service", ZH: "网关路由指向错误的服务"},
		Advice: Text{
			EN: "Correct the backend of the route: the service it names does not serve this path.",
			ZH: "修正路由后端：所指服务不提供该路径。",
		},
	},
	{
		Reason: NodePortBlocked, Domain: NetworkDomain, Kind: "Cluster",
		Title: Text{EN: "node ports are blocked", ZH: "NodePort 被阻断"},
		Advice: Text{
			EN: "Restore the security group rule for 30000-32767.",
			ZH: "恢复 30000-32767 的安全组规则。",
		},
	},
	{
		Reason: PodIPExhausted, Domain: NetworkDomain, Kind: "Cluster",
		Title: Text{EN: "no pod address is left", ZH: "Pod IP 已耗尽"},
		Advice: Text{
			EN: "Add a container subnet or release addresses.",
			ZH: "增加容器子网或释放 IP。",
		},
	},
	{
		Reason: OverlayPortBlocked, Domain: NetworkDomain, Kind: "Cluster",
		Title: Text{EN: "traffic between nodes is blocked", ZH: "节点间容器网络被阻断"},
		Advice: Text{
			EN: "Restore the security group rule for udp/4789 between nodes.",
			ZH: "恢复节点间 udp/4789 的安全组规则。",
		},
	},
	{
		Reason: VpcRouteMissing, Domain: NetworkDomain, Kind: "Node",
		Title: Text{EN: "the route of the node's container range is missing", ZH: "节点容器网段路由缺失"},
		Advice: Text{
			EN: "Restore the route in the VPC route table.",
			ZH: "在 VPC 路由表恢复该路由。",
		},
	},
	{
		Reason: NetworkAclBlocked, Domain: NetworkDomain, Kind: "Cluster",
		Title: Text{EN: "a network ACL denies traffic", ZH: "网络 ACL 拒绝流量"},
		Advice: Text{
			EN: "Correct the rule of the ACL.",
			ZH: "修正 ACL 规则。",
		},
	},
	{
		Reason: EgressMissing, Domain: NetworkDomain, Kind: "Cluster",
		Title: Text{EN: "there is no way out of the cluster", ZH: "集群无出网路径"},
		Advice: Text{
			EN: "Add a NAT gateway or bind an EIP.",
			ZH: "配置 NAT 网关或绑定 EIP。",
		},
	},
	{
		Reason: IpForwardDisabled, Domain: NetworkDomain, Kind: "Node",
		Title: Text{EN: "the node does not forward packets", ZH: "节点未开启 IP 转发"},
		Advice: Text{
			EN: "Set net.ipv4.ip_forward to 1 again.",
			ZH: "将 net.ipv4.ip_forward 恢复为 1。",
		},
	},
	{
		Reason: TcpRecycleEnabled, Domain: NetworkDomain, Kind: "Node",
		Title: Text{EN: "tcp_tw_recycle drops connections", ZH: "tcp_tw_recycle 导致丢连接"},
		Advice: Text{
			EN: "Restore the setting to 0.",
			ZH: "将该参数恢复为 0。",
		},
	},
	{
		Reason: IPVSConnReuse, Domain: NetworkDomain, Kind: "Node",
		Title: Text{EN: "IPVS reuses connections to old pods", ZH: "IPVS 复用旧连接"},
		Advice: Text{
			EN: "Update the kernel or set conn_reuse_mode.",
			ZH: "升级内核或设置 conn_reuse_mode。",
		},
	},
	{
		Reason: DefaultNetworkAttachmentDeleted, Domain: NetworkDomain, Kind: "Cluster",
		Title: Text{EN: "the default network definition was deleted", ZH: "默认网络定义被删除"},
		Advice: Text{
			EN: "Create default-network again.",
			ZH: "重新创建 default-network。",
		},
	},
	{
		Reason: ApiServerUnreachableFromPods, Domain: NetworkDomain, Kind: "Cluster",
		Title: Text{EN: "pods cannot reach the API server", ZH: "Pod 无法访问 API Server"},
		Advice: Text{
			EN: "Check kube-proxy, security groups and control plane.",
			ZH: "检查 kube-proxy、安全组与控制面。",
		},
	},
	{
		Reason: PodNetworkDegraded, Domain: NetworkDomain, Kind: "Deployment",
		Title: Text{EN: "the workload's network loses or delays packets", ZH: "工作负载网络丢包或时延升高"},
		Advice: Text{
			EN: "Recreate the pod on another node; check bandwidth limits, policies and retransmits.",
			ZH: "将 Pod 重建到其他节点；检查带宽限制、策略与重传。",
		},
	},
}
