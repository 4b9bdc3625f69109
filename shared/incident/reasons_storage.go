package incident

// StorageDomain is the domain of: claims, volumes, attachments, mounts.
const StorageDomain Domain = "storage"

// The reasons of this domain.
const (
	WaitForFirstConsumer       Reason = "WaitForFirstConsumer"
	ClaimMissing               Reason = "ClaimMissing"
	PVCAccessModeMismatch      Reason = "PVCAccessModeMismatch"
	PVCCapacityMismatch        Reason = "PVCCapacityMismatch"
	PVCSelectorMismatch        Reason = "PVCSelectorMismatch"
	PVCStorageClassMismatch    Reason = "PVCStorageClassMismatch"
	PVBoundToOtherClaim        Reason = "PVBoundToOtherClaim"
	StorageClassMissing        Reason = "StorageClassMissing"
	ProvisionerNotReady        Reason = "ProvisionerNotReady"
	EVSQuotaExceeded           Reason = "EVSQuotaExceeded"
	EVSTypeOrAzUnavailable     Reason = "EVSTypeOrAzUnavailable"
	SFSSubnetIPInsufficient    Reason = "SFSSubnetIPInsufficient"
	OBSBucketNameInvalid       Reason = "OBSBucketNameInvalid"
	VpcEndpointMissing         Reason = "VpcEndpointMissing"
	PVCLost                    Reason = "PVCLost"
	PVCMisbound                Reason = "PVCMisbound"
	ProvisionCleanupFailed     Reason = "ProvisionCleanupFailed"
	PVReclaimPolicyUnknown     Reason = "PVReclaimPolicyUnknown"
	PVReclaimFailed            Reason = "PVReclaimFailed"
	VolumeResizeFailed         Reason = "VolumeResizeFailed"
	LocalPVNodeOffline         Reason = "LocalPVNodeOffline"
	VolumeAttachmentNotCreated Reason = "VolumeAttachmentNotCreated"
	EVSNodeAttachLimitExceeded Reason = "EVSNodeAttachLimitExceeded"
	EVSMultiAttach             Reason = "EVSMultiAttach"
	EVSResidualAttachment      Reason = "EVSResidualAttachment"
	EVSAttachFailed            Reason = "EVSAttachFailed"
	VolumeDetachFailed         Reason = "VolumeDetachFailed"
	DeviceMountFailed          Reason = "DeviceMountFailed"
	FilesystemDamaged          Reason = "FilesystemDamaged"
	VolumeSetUpFailed          Reason = "VolumeSetUpFailed"
	SFSNfsNetworkBlocked       Reason = "SFSNfsNetworkBlocked"
	SFSTurboSharePathWrong     Reason = "SFSTurboSharePathWrong"
	OBSCredentialInvalid       Reason = "OBSCredentialInvalid"
	MountChownTimeout          Reason = "MountChownTimeout"
	StoragePermissionDenied    Reason = "StoragePermissionDenied"
	VolumeUnmountFailed        Reason = "VolumeUnmountFailed"
	PVCCapacityExhausted       Reason = "PVCCapacityExhausted"
	PVCInodeExhausted          Reason = "PVCInodeExhausted"
	VolumeReadOnly             Reason = "VolumeReadOnly"
	StorageIOError             Reason = "StorageIOError"
	CSIPluginDown              Reason = "CSIPluginDown"
)

var storageReasons = []ReasonInfo{
	{
		Reason: WaitForFirstConsumer, Domain: StorageDomain, Kind: "PersistentVolumeClaim", Symptom: true,
		Title: Text{EN: "the claim waits for its first pod", ZH: "PVC 等待首个消费者"},
		Advice: Text{
			EN: "Nothing: it binds when a pod uses it.",
			ZH: "无需处理：有 Pod 使用时自动绑定。",
		},
	},
	{
		Reason: ClaimMissing, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "a claim that a pod mounts does not exist", ZH: "Pod 引用的 PVC 不存在"},
		Advice: Text{
			EN: "Create the claim or correct claimName in the template: kubectl get pvc -n <ns>.",
			ZH: "创建 PVC 或修正模板中的 claimName：kubectl get pvc -n <ns>。",
		},
	},
	{
		Reason: PVCAccessModeMismatch, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "no volume offers the wanted access mode", ZH: "没有卷支持所需访问模式"},
		Advice: Text{
			EN: "Correct accessModes of the claim (it must be created anew), or provide a volume that offers them.",
			ZH: "修正 PVC 的 accessModes（需重建），或提供支持该模式的卷。",
		},
	},
	{
		Reason: PVCCapacityMismatch, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the claim asks for more than any volume has", ZH: "PVC 申请容量超过可用卷"},
		Advice: Text{
			EN: "Lower the request of the claim, or provide a larger volume.",
			ZH: "降低 PVC 申请容量，或提供更大的卷。",
		},
	},
	{
		Reason: PVCSelectorMismatch, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the claim's selector fits no volume", ZH: "PVC 选择器未匹配任何卷"},
		Advice: Text{
			EN: "Correct spec.selector of the claim, or the labels of the volume.",
			ZH: "修正 PVC 的 selector 或卷标签。",
		},
	},
	{
		Reason: PVCStorageClassMismatch, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "claim and volume name different storage classes", ZH: "PVC 与卷的存储类不一致"},
		Advice: Text{
			EN: "Give claim and volume the same storageClassName (the claim must be created anew).",
			ZH: "使 PVC 与卷的 storageClassName 一致（需重建 PVC）。",
		},
	},
	{
		Reason: PVBoundToOtherClaim, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the wanted volume belongs to another claim", ZH: "目标卷已绑定其他 PVC"},
		Advice: Text{
			EN: "Name a free volume, or release the old claim and clear claimRef.",
			ZH: "使用空闲卷，或释放旧 PVC 并清除 claimRef。",
		},
	},
	{
		Reason: StorageClassMissing, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the storage class does not exist", ZH: "存储类不存在"},
		Advice: Text{
			EN: "Create the StorageClass or correct storageClassName: kubectl get sc.",
			ZH: "创建 StorageClass 或修正 storageClassName：kubectl get sc。",
		},
	},
	{
		Reason: ProvisionerNotReady, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "nobody provisions the volume", ZH: "存储供应组件未就绪"},
		Advice: Text{
			EN: "Repair the provisioner (everest-csi-controller): kubectl get pods -n kube-system.",
			ZH: "修复存储控制器（everest-csi-controller）：kubectl get pods -n kube-system。",
		},
	},
	{
		Reason: EVSQuotaExceeded, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the disk quota of the account is used up", ZH: "云硬盘配额不足"},
		Advice: Text{
			EN: "Raise the EVS quota or delete unused disks.",
			ZH: "提升云硬盘配额或删除无用磁盘。",
		},
	},
	{
		Reason: EVSTypeOrAzUnavailable, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the disk type is not offered in this zone", ZH: "该可用区不支持此磁盘类型"},
		Advice: Text{
			EN: "Use another disk type or zone.",
			ZH: "更换磁盘类型或可用区。",
		},
	},
	{
		Reason: SFSSubnetIPInsufficient, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the subnet has no address for the share", ZH: "子网 IP 不足，无法创建文件系统"},
		Advice: Text{
			EN: "Use a larger subnet.",
			ZH: "使用更大的子网。",
		},
	},
	{
		Reason: OBSBucketNameInvalid, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the bucket's name is not allowed", ZH: "OBS 桶名不合法"},
		Advice: Text{
			EN: "Correct the bucket name.",
			ZH: "修正桶名。",
		},
	},
	{
		Reason: VpcEndpointMissing, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the VPC endpoint for the share is missing", ZH: "缺少访问存储的 VPCEP"},
		Advice: Text{
			EN: "Create the VPC endpoint.",
			ZH: "创建 VPC 终端节点。",
		},
	},
	{
		Reason: PVCLost, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the volume of the claim is gone", ZH: "PVC 绑定的卷已丢失"},
		Advice: Text{
			EN: "Restore the PersistentVolume or the data from backup.",
			ZH: "恢复 PersistentVolume 或从备份恢复数据。",
		},
	},
	{
		Reason: PVCMisbound, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "claim and volume do not name each other", ZH: "PVC 与 PV 绑定关系错误"},
		Advice: Text{
			EN: "Correct volumeName of the claim or claimRef of the volume.",
			ZH: "修正 PVC 的 volumeName 或 PV 的 claimRef。",
		},
	},
	{
		Reason: ProvisionCleanupFailed, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "a half-made disk was left behind", ZH: "供应失败的磁盘未清理"},
		Advice: Text{
			EN: "Delete the orphaned disk by hand.",
			ZH: "手动删除残留磁盘。",
		},
	},
	{
		Reason: PVReclaimPolicyUnknown, Domain: StorageDomain, Kind: "PersistentVolume",
		Title: Text{EN: "the reclaim policy is unknown", ZH: "回收策略未知"},
		Advice: Text{
			EN: "Set persistentVolumeReclaimPolicy to Retain or Delete.",
			ZH: "将 persistentVolumeReclaimPolicy 设为 Retain 或 Delete。",
		},
	},
	{
		Reason: PVReclaimFailed, Domain: StorageDomain, Kind: "PersistentVolume",
		Title: Text{EN: "the volume could not be reclaimed", ZH: "卷回收失败"},
		Advice: Text{
			EN: "Detach the disk, delete its snapshots, check the permission.",
			ZH: "卸载磁盘、删除快照并检查权限。",
		},
	},
	{
		Reason: VolumeResizeFailed, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the volume could not be expanded", ZH: "卷扩容失败"},
		Advice: Text{
			EN: "Check allowVolumeExpansion; restart the pod when the file system waits for it.",
			ZH: "检查 allowVolumeExpansion；如需等待文件系统扩容请重启 Pod。",
		},
	},
	{
		Reason: LocalPVNodeOffline, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the node of a local volume is down", ZH: "本地卷所在节点不可用"},
		Advice: Text{
			EN: "Recover the node; the data lives only there.",
			ZH: "恢复该节点；数据仅存于此。",
		},
	},
	{
		Reason: VolumeAttachmentNotCreated, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "nobody attaches the disk", ZH: "未创建卷挂载请求"},
		Advice: Text{
			EN: "Repair the attacher of the CSI controller.",
			ZH: "修复 CSI 控制器的 attacher。",
		},
	},
	{
		Reason: EVSNodeAttachLimitExceeded, Domain: StorageDomain, Kind: "Node",
		Title: Text{EN: "the node cannot take more disks", ZH: "节点挂盘数达上限"},
		Advice: Text{
			EN: "Spread the pods or use a larger flavor.",
			ZH: "分散 Pod 或使用更大规格。",
		},
	},
	{
		Reason: EVSMultiAttach, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the disk is still attached to another node", ZH: "云硬盘仍挂载在其他节点"},
		Advice: Text{
			EN: "Stop the old pod and wait for the detach; when its node is dead, detach only after checking.",
			ZH: "停止旧 Pod 并等待卸载；若旧节点已死，确认后再卸载。",
		},
	},
	{
		Reason: EVSResidualAttachment, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "a stale attachment holds the disk", ZH: "云硬盘残留挂载"},
		Advice: Text{
			EN: "Detach it by force after making sure nobody writes.",
			ZH: "确认无写入后强制卸载。",
		},
	},
	{
		Reason: EVSAttachFailed, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the disk cannot be attached", ZH: "云硬盘挂载失败"},
		Advice: Text{
			EN: "Check the state of the disk in EVS.",
			ZH: "检查云硬盘状态。",
		},
	},
	{
		Reason: VolumeDetachFailed, Domain: StorageDomain, Kind: "PersistentVolume",
		Title: Text{EN: "the volume cannot be detached", ZH: "卷卸载失败"},
		Advice: Text{
			EN: "Check node and disk; look for processes that use it.",
			ZH: "检查节点与磁盘；排查占用进程。",
		},
	},
	{
		Reason: DeviceMountFailed, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the device cannot be mounted", ZH: "设备挂载失败"},
		Advice: Text{
			EN: "Read the event: file system, kernel module or device.",
			ZH: "查看事件：文件系统、内核模块或设备。",
		},
	},
	{
		Reason: FilesystemDamaged, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the file system of the volume is damaged", ZH: "卷文件系统损坏"},
		Advice: Text{
			EN: "Take a snapshot, then run fsck offline.",
			ZH: "先做快照，再离线执行 fsck。",
		},
	},
	{
		Reason: VolumeSetUpFailed, Domain: StorageDomain, Kind: "Deployment",
		Title: Text{EN: "a volume of the pod cannot be set up", ZH: "Pod 卷挂载失败"},
		Advice: Text{
			EN: "Read the FailedMount event: kubectl describe pod -n <ns>.",
			ZH: "查看 FailedMount 事件：kubectl describe pod -n <ns>。",
		},
	},
	{
		Reason: SFSNfsNetworkBlocked, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the NFS server cannot be reached", ZH: "无法访问 NFS 服务"},
		Advice: Text{
			EN: "Open ports 111, 2049 and check VPC and share.",
			ZH: "放通 111、2049 端口，检查 VPC 与共享。",
		},
	},
	{
		Reason: SFSTurboSharePathWrong, Domain: StorageDomain, Kind: "PersistentVolume",
		Title: Text{EN: "the share path of the volume is wrong", ZH: "文件系统共享路径错误"},
		Advice: Text{
			EN: "Create the volume again with the right export location.",
			ZH: "使用正确的共享路径重建 PV。",
		},
	},
	{
		Reason: OBSCredentialInvalid, Domain: StorageDomain, Kind: "Secret",
		Title: Text{EN: "the object storage credentials are refused", ZH: "OBS 凭据无效"},
		Advice: Text{
			EN: "Renew the secret with the access key.",
			ZH: "更新访问密钥 Secret。",
		},
	},
	{
		Reason: MountChownTimeout, Domain: StorageDomain, Kind: "Deployment",
		Title: Text{EN: "changing file owners takes too long", ZH: "修改卷文件属主超时"},
		Advice: Text{
			EN: "Set fsGroupChangePolicy to OnRootMismatch.",
			ZH: "将 fsGroupChangePolicy 设为 OnRootMismatch。",
		},
	},
	{
		Reason: StoragePermissionDenied, Domain: StorageDomain, Kind: "Deployment",
		Title: Text{EN: "access to the storage is denied", ZH: "存储访问被拒绝"},
		Advice: Text{
			EN: "Align uid, fsGroup and the permissions of the share.",
			ZH: "统一 uid、fsGroup 与共享权限。",
		},
	},
	{
		Reason: VolumeUnmountFailed, Domain: StorageDomain, Kind: "Node",
		Title: Text{EN: "a volume cannot be unmounted", ZH: "卷卸载失败（设备忙）"},
		Advice: Text{
			EN: "Find the process that uses it; reboot the node as a last resort.",
			ZH: "查找占用进程；最后才重启节点。",
		},
	},
	{
		Reason: PVCCapacityExhausted, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the volume is full", ZH: "存储卷已满"},
		Advice: Text{
			EN: "Expand the claim (cannot be undone) or delete data.",
			ZH: "扩容 PVC（不可缩）或清理数据。",
		},
	},
	{
		Reason: PVCInodeExhausted, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the volume has no inode left", ZH: "存储卷 inode 耗尽"},
		Advice: Text{
			EN: "Delete small files, or create the volume anew with more inodes.",
			ZH: "清理小文件，或重建更多 inode 的卷。",
		},
	},
	{
		Reason: VolumeReadOnly, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the volume became read-only", ZH: "存储卷变为只读"},
		Advice: Text{
			EN: "Find the cause on disk and node; run fsck, then mount it again.",
			ZH: "排查磁盘与节点；fsck 后重新挂载。",
		},
	},
	{
		Reason: StorageIOError, Domain: StorageDomain, Kind: "PersistentVolumeClaim",
		Title: Text{EN: "the volume reports input/output errors", ZH: "存储卷 IO 错误"},
		Advice: Text{
			EN: "Check whether the disk was detached by hand; recreate the pod.",
			ZH: "检查磁盘是否被手动卸载；重建 Pod。",
		},
	},
	{
		Reason: CSIPluginDown, Domain: StorageDomain, Kind: "Node",
		Title: Text{EN: "the storage plugin does not work on the node", ZH: "节点存储插件异常"},
		Advice: Text{
			EN: "Restart the everest-csi-driver pod of the node.",
			ZH: "重启节点上的 everest-csi-driver Pod。",
		},
	},
}
