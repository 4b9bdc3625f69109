package diagnose

import (
	"slices"

	"cce-oncall/shared/incident"
)

// allLinks is the whole table of root causes.
var allLinks = slices.Concat(explains, platformLinks)

// serverWords are what is exactly wrong with the machine under a node; the node's silence follows.
var serverWords = these(incident.NodeIpChanged, incident.NodeOsReinstalledOrKernelChanged, incident.NodeSystemDirDamaged, incident.DataDiskDetached,
	incident.NodeEcsFaulty, incident.NodeEcsStopped, incident.NodeEcsDeleted, incident.KubeletCertExpired, incident.NodeCpuManagerStateStale)

// cutWires are pieces of the cloud around a cluster that were cut.
var cutWires = these(incident.MasterSecurityGroupChanged, incident.NodeSecurityGroupChanged, incident.OverlayPortBlocked, incident.DNSPort53Blocked,
	incident.NodePortBlocked, incident.NetworkAclBlocked, incident.VpcRouteMissing, incident.EgressMissing)

// platformLinks are the explanations among nodes, disks, accelerators and the cloud around the cluster.
var platformLinks = []link{
	{serverWords, but(nodeLost, serverWords), hosts},
	{these(incident.DataDiskDetached), these(incident.EmptyDirVGError, incident.LocalPvVGError, incident.DiskReadonly, incident.DiskHung), hosts},
	{these(incident.ScsiEvsIoSuspension), either(these(incident.DiskHung, incident.NodeTaskHung, incident.NodeProcessDState), nodeLost, podOnNode), hosts},
	{nodeLost, these(incident.NodeLifecycleEvictionSuspended), anywhere},
	{these(incident.NodeAzOutage, incident.NodeSecurityGroupChanged, incident.MasterSecurityGroupChanged), these(incident.NodeLifecycleEvictionSuspended), anywhere},
	{nodeLost, these(incident.TaintEviction), hosts},
	{these(incident.NodeSecurityGroupChanged), these(incident.NodeAzOutage), anywhere},
	{these(incident.MasterSecurityGroupChanged), either(nodeLost, these(incident.ClusterUnavailable, incident.NodeSecurityGroupChanged, incident.NodeAzOutage)), anywhere},
	{these(incident.NodeAzOutage, incident.NodeSecurityGroupChanged, incident.MasterSecurityGroupChanged, incident.NetworkAclBlocked), podOnNode, hosts},
	{these(incident.NodeResolvConfBroken), these(incident.RegistryDNSFailure, incident.CoreDNSUpstreamTimeout), hosts},
	{these(incident.NetworkAclBlocked), either(these(incident.NodeControlPlaneDisconnected, incident.KubeletDown, incident.SFSNfsNetworkBlocked, incident.ELBBackendUnhealthy)), anywhere},
	{these(incident.ELBCapacitySaturated, incident.EIPBandwidthSaturated, incident.NATSaturated), these(incident.PodNetworkDegraded, incident.RequestLatencyHigh, incident.RequestErrorsHigh), anywhere},
	{these(incident.NodePortBlocked), these(incident.ELBBackendUnhealthy), anywhere},
	{these(incident.EgressMissing), these(incident.RegistryNetworkTimeout, incident.RegistryNoEgress, incident.CoreDNSUpstreamTimeout, incident.ImageTooLarge), anywhere},
	{cutWires, these(incident.ServiceNoReadyEndpoint, incident.IngressUpstreamError, incident.PodNetworkDegraded), sameObject},
	{cutWires, these(incident.PodNetworkDegraded), calls},
	{these(incident.ApiServerUnreachableFromPods), these(incident.PodNetworkDegraded), sameObject},
	{these(incident.ELBManuallyModified), these(incident.ELBBackendUnhealthy, incident.LoadBalancerUpdateFailed), sameObject},
	{these(incident.DefaultNetworkAttachmentDeleted), these(incident.CNIDown, incident.PodSandboxCreateFailed), anywhere},
	{these(incident.VpcRouteMissing, incident.IpForwardDisabled, incident.TcpRecycleEnabled, incident.IPVSConnReuse), either(podOnNode, these(incident.CNIDown, incident.KubeProxyDown)), hosts},
	{these(incident.GPUDevicePluginNotReady, incident.GPUCardUnavailable, incident.GPUDriverNotReady), these(incident.InsufficientGPU), anywhere},
	{these(incident.GPUDriverNotReady), these(incident.GPUDevicePluginNotReady), hosts},
	{these(incident.GPUCardUnavailable), either(coarse, symptom), hosts},
	{these(incident.NodeDiskPressure, incident.ThinPoolFull), these(incident.ImageDiskFull), hosts},
	{these(incident.EtcdPressure), these(incident.MasterOverloaded, incident.ClusterUnavailable, incident.ApiServerUnreachableFromPods), anywhere},
	{scheduling, these(incident.AutoscalerTooOld), sameObject},
	{these(incident.SocketsExhausted), either(symptom, coarse, these(incident.ReadinessProbeTooImpatient, incident.LivenessProbeTooImpatient)), sameObject},
	{these(incident.FaultFlagEnabled), these(incident.ApplicationErrors), sameObject},
	{these(incident.FaultFlagEnabled), these(incident.ApplicationErrors), calls},
	{these(incident.AutoscalerUnhealthy), either(symptom, coarse), sameObject},
	{but(itself, either(symptom, coarse)), these(incident.AutoscalerUnhealthy), sameObject},
	{these(incident.RolloutHeldByStrategy), these(incident.RolloutTimeout), sameObject},
	{these(incident.CoreDNSOverloaded), these(incident.DNSSearchAmplification), sameObject},
	{these(incident.ProvisionerNotReady, incident.CSIPluginDown), these(incident.VolumeAttachmentNotCreated), sameObject},
	{these(incident.EVSResidualAttachment, incident.VolumeAttachmentNotCreated), these(incident.EVSAttachFailed), sameObject},
	{but(itself, either(symptom, coarse)), these(incident.MonitoringGap), sameObject},
	{these(incident.MonitoringGap), either(symptom, coarse), sameObject},
	{nodeLost, these(incident.MonitoringGap), anywhere},
}
