package incident

// ImageDomain is the domain of: images that cannot be pulled.
const ImageDomain Domain = "image"

// The reasons of this domain.
const (
	ImageNotFound          Reason = "ImageNotFound"
	ImageTagNotFound       Reason = "ImageTagNotFound"
	InvalidImageName       Reason = "InvalidImageName"
	ImageAuthDenied        Reason = "ImageAuthDenied"
	ImagePullSecretMissing Reason = "ImagePullSecretMissing"
	RegistryDNSFailure     Reason = "RegistryDNSFailure"
	RegistryNetworkTimeout Reason = "RegistryNetworkTimeout"
	RegistryNoEgress       Reason = "RegistryNoEgress"
	RegistryTLSUntrusted   Reason = "RegistryTLSUntrusted"
	RegistryRateLimited    Reason = "RegistryRateLimited"
	RegistryServerError    Reason = "RegistryServerError"
	ImageTooLarge          Reason = "ImageTooLarge"
	ImageDiskFull          Reason = "ImageDiskFull"
	ImagePullPolicyNever   Reason = "ImagePullPolicyNever"
	ImageArchMismatch      Reason = "ImageArchMismatch"
	ImageLayerMissing      Reason = "ImageLayerMissing"
	PauseImageMissing      Reason = "PauseImageMissing"
)

var imageReasons = []ReasonInfo{
	{
		Reason: ImageNotFound, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "the image does not exist in the registry", ZH: "镜像不存在"},
		Advice: Text{
			EN: "Correct the image name, or roll back: kubectl rollout undo deployment/<name> -n <ns>.",
			ZH: "修正镜像名称，或回滚：kubectl rollout undo deployment/<name> -n <ns>。",
		},
	},
	{
		Reason: ImageTagNotFound, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "the image tag does not exist", ZH: "镜像标签不存在"},
		Advice: Text{
			EN: "Correct the tag, push it, or roll back: kubectl rollout undo deployment/<name> -n <ns>.",
			ZH: "修正镜像标签、补推镜像或回滚：kubectl rollout undo deployment/<name> -n <ns>。",
		},
	},
	{
		Reason: InvalidImageName, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "the image reference is malformed", ZH: "镜像名称格式错误"},
		Advice: Text{
			EN: "Correct the image reference in the template, or roll back.",
			ZH: "修正模板中的镜像地址，或回滚。",
		},
	},
	{
		Reason: ImageAuthDenied, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "the registry refuses the pull credentials", ZH: "镜像仓库拒绝拉取凭据"},
		Advice: Text{
			EN: "Renew the pull secret (SWR long-term login command) and check the permission on the repository.",
			ZH: "更新镜像拉取密钥（SWR 长期登录指令），并确认对仓库有权限。",
		},
	},
	{
		Reason: ImagePullSecretMissing, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "no pull secret for a private image", ZH: "缺少镜像拉取密钥"},
		Advice: Text{
			EN: "Create the secret or attach default-secret: spec.imagePullSecrets of the template or of the service account.",
			ZH: "创建密钥或关联 default-secret：模板或 ServiceAccount 的 imagePullSecrets。",
		},
	},
	{
		Reason: RegistryDNSFailure, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "the registry's name does not resolve", ZH: "镜像仓库域名无法解析"},
		Advice: Text{
			EN: "Check the registry's host name in the image and the DNS of the node (/etc/resolv.conf, private zone, VPC endpoint).",
			ZH: "检查镜像中的仓库域名及节点 DNS（/etc/resolv.conf、内网域名、VPCEP）。",
		},
	},
	{
		Reason: RegistryNetworkTimeout, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "the registry cannot be reached in time", ZH: "访问镜像仓库超时"},
		Advice: Text{
			EN: "Check egress of the nodes: NAT gateway or EIP, VPC endpoint, security group.",
			ZH: "检查节点出网：NAT 网关或 EIP、VPCEP、安全组。",
		},
	},
	{
		Reason: RegistryNoEgress, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "the nodes have no way out to the registry", ZH: "节点无法访问外网镜像仓库"},
		Advice: Text{
			EN: "Add a NAT gateway or mirror the image to SWR.",
			ZH: "配置 NAT 网关，或将镜像同步到 SWR。",
		},
	},
	{
		Reason: RegistryTLSUntrusted, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "the registry's certificate is not trusted", ZH: "镜像仓库证书不受信任"},
		Advice: Text{
			EN: "Add the registry's CA to the nodes, or use a registry with a trusted certificate.",
			ZH: "在节点添加仓库 CA，或使用受信任证书的仓库。",
		},
	},
	{
		Reason: RegistryRateLimited, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "the registry limits the pull rate", ZH: "镜像仓库限流"},
		Advice: Text{
			EN: "Pull with an account, mirror the image to SWR, or wait.",
			ZH: "使用账号拉取、同步镜像到 SWR，或等待限流解除。",
		},
	},
	{
		Reason: RegistryServerError, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "the registry answers with an error", ZH: "镜像仓库返回服务端错误"},
		Advice: Text{
			EN: "Check the state of the registry and retry; kubelet retries by itself.",
			ZH: "检查仓库状态后重试；kubelet 会自动重试。",
		},
	},
	{
		Reason: ImageTooLarge, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "the pull does not end in time", ZH: "镜像过大，拉取超时"},
		Advice: Text{
			EN: "Slim the image, pre-pull it, or use the image cache.",
			ZH: "精简镜像、预拉取或使用镜像缓存。",
		},
	},
	{
		Reason: ImageDiskFull, Domain: ImageDomain, Kind: "Node",
		Title: Text{EN: "the node's image disk is full", ZH: "节点镜像盘空间不足"},
		Advice: Text{
			EN: "Free images and logs or enlarge the data disk of the node.",
			ZH: "清理镜像和日志，或扩容节点数据盘。",
		},
	},
	{
		Reason: ImagePullPolicyNever, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "the policy forbids pulling a missing image", ZH: "拉取策略为 Never 且本地无镜像"},
		Advice: Text{
			EN: "Set imagePullPolicy to IfNotPresent, or preload the image.",
			ZH: "将 imagePullPolicy 改为 IfNotPresent，或预加载镜像。",
		},
	},
	{
		Reason: ImageArchMismatch, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "the image is built for another architecture", ZH: "镜像架构与节点不匹配"},
		Advice: Text{
			EN: "Build a multi-arch image or bind the pods to nodes by kubernetes.io/arch.",
			ZH: "构建多架构镜像，或按 kubernetes.io/arch 限定节点。",
		},
	},
	{
		Reason: ImageLayerMissing, Domain: ImageDomain, Kind: "Deployment",
		Title: Text{EN: "a layer of the image is missing or unusable", ZH: "镜像层缺失或格式不支持"},
		Advice: Text{
			EN: "Build and push the image again with supported media types.",
			ZH: "使用受支持的格式重新构建并推送镜像。",
		},
	},
	{
		Reason: PauseImageMissing, Domain: ImageDomain, Kind: "Node",
		Title: Text{EN: "the sandbox image is missing on the node", ZH: "节点缺少 pause 镜像"},
		Advice: Text{
			EN: "Restore the pause image from a healthy node or reset the node.",
			ZH: "从正常节点恢复 pause 镜像，或重置节点。",
		},
	},
}
