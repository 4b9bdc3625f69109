package diagnose

import (
	"slices"
	"time"

	"cce-oncall/shared/incident"
)

// class is a set of reasons that behave alike in the table below.
type class func(incident.Reason) bool

func these(r ...incident.Reason) class {
	set := map[incident.Reason]bool{}
	for _, x := range r {
		set[x] = true
	}
	return func(x incident.Reason) bool { return set[x] }
}

func either(c ...class) class {
	return func(r incident.Reason) bool {
		return slices.ContainsFunc(c, func(k class) bool { return k(r) })
	}
}

func domain(d ...incident.Domain) class {
	return func(r incident.Reason) bool { return slices.Contains(d, incident.Info(r).Domain) }
}

func but(c, not class) class {
	return func(r incident.Reason) bool { return c(r) && !not(r) }
}

func symptom(r incident.Reason) bool { return incident.Info(r).Symptom }

// The classes.
var (
	// coarse says that a container ends or is not ready, but not why: a finer finding or a broken dependency explains it.
	coarse = these(incident.AppExitError, incident.LivenessProbeFailed, incident.ReadinessProbeFailed, incident.StartupProbeFailed,
		incident.InitContainerFailed, incident.AppDependencyFailure, incident.KilledBySigkillNotOOM, incident.NoForegroundProcess,
		incident.RolloutTimeout, incident.ReadinessFlapping, incident.ProbeFlaky, incident.JobBackoffLimitExceeded,
		incident.StatefulSetOrdinalBlocked, incident.RolloutHeldByStrategy, incident.CreateContainerError, incident.SegfaultOrAbort,
		incident.QueueConsumerLagging)
	// starving is what a service shows when something it needs is gone.
	starving = either(symptom, these(incident.AppExitError, incident.LivenessProbeFailed, incident.ReadinessProbeFailed,
		incident.StartupProbeFailed, incident.InitContainerFailed, incident.AppDependencyFailure, incident.RolloutTimeout,
		incident.ReadinessFlapping, incident.JobBackoffLimitExceeded, incident.CoreDNSNxDomain, incident.ReadinessProbeTooImpatient,
		incident.LivenessProbeTooImpatient, incident.StartupProbeTooImpatient, incident.StatefulSetOrdinalBlocked,
		incident.KilledBySigkillNotOOM, incident.NoForegroundProcess, incident.IngressUpstreamError, incident.ChangeWorkloadRelease,
		incident.SegfaultOrAbort, incident.PodNetworkDegraded, incident.TrafficSpikeBottleneck,
		incident.QueueConsumerLagging))
	// hints are worth telling and break nobody.
	hints = these(incident.HPANotConfigured, incident.ContainerMemoryHigh, incident.ReplicaLoadImbalance,
		incident.MonitoringGap, incident.AutoscalerNotInstalled, incident.AutoscalerPoolDisabled, incident.NodePoolMaxReached,
		incident.NodeGroupBackoff, incident.ContainerMemoryLeak, incident.HPAMaxReached, incident.PreStopHookFailed,
		incident.DNSSearchAmplification, incident.ScaleDownBlocked, incident.CronJobMissedStarts, incident.NTPDrift)
	changes = domain(incident.ChangeDomain)
	// breaks is what takes a workload or Service away from its callers, or makes it slow.
	breaks = but(domain(incident.AdmissionDomain, incident.SchedulingDomain, incident.ImageDomain, incident.ContainerDomain,
		incident.ApplicationDomain, incident.LifecycleDomain, incident.NetworkDomain, incident.StorageDomain, incident.PerformanceDomain),
		either(symptom, hints))
	// slows makes a workload slow, which lets its callers time out and fail their probes, but does not make them exit.
	slows = either(domain(incident.PerformanceDomain), these(incident.PodNetworkDegraded, incident.NodeNetworkDegraded))
	exits = these(incident.AppExitError, incident.InitContainerFailed, incident.NoForegroundProcess, incident.SegfaultOrAbort, incident.JobBackoffLimitExceeded)
	// nodeLost takes a whole node away.
	nodeLost = these(incident.KubeletDown, incident.NodeControlPlaneDisconnected, incident.NodeEcsStopped, incident.NodeEcsDeleted,
		incident.NodeEcsFaulty, incident.ContainerRuntimeDown, incident.ContainerRuntimeHung, incident.CNIDown, incident.DiskReadonly,
		incident.DiskHung, incident.KernelOops, incident.NodeRebooted, incident.KubeletPLEGUnhealthy, incident.NodeOutOfDisk,
		incident.KubeletCertExpired, incident.NodeCpuManagerStateStale, incident.DataDiskDetached, incident.NodeSystemDirDamaged)
	nodeAny   = domain(incident.NodeDomain)
	podOnNode = either(symptom, coarse, these(incident.TerminatedBySigterm, incident.TaintEviction, incident.PodSandboxCreateFailed,
		incident.CoreDaemonRestarting, incident.PodStuckTerminatingNodeLost, incident.PodStuckTerminatingSigterm, incident.CSIPluginDown,
		incident.CoreDNSNoEndpoint, incident.CoreDNSRestarting, incident.PodNetworkDegraded, incident.VolumeSetUpFailed,
		incident.DeviceMountFailed, incident.StorageIOError, incident.RequestLatencyHigh, incident.RequestErrorsHigh,
		incident.EvictedMemoryPressure, incident.EvictedDiskPressure, incident.EvictedInodePressure, incident.EvictedPidPressure,
		incident.EvictionLoop, incident.CoreDNSUpstreamTimeout, incident.DaemonSetNodeUncovered, incident.LocalPVNodeOffline,
		incident.EVSMultiAttach, incident.VolumeDetachFailed, incident.KubeProxyDown, incident.ReplicaLoadImbalance,
		incident.MetricsServerUnavailable, incident.ImageDiskFull, incident.CoreDNSOverloaded))
	scheduling = domain(incident.SchedulingDomain)
	quotas     = these(incident.ResourceQuotaExceeded, incident.NamespaceCPUQuotaExceeded, incident.NamespaceMemoryQuotaExceeded,
		incident.NamespacePodQuotaExceeded, incident.NamespaceServiceQuotaExceeded, incident.NamespaceStorageQuotaExceeded)
	claims = domain(incident.StorageDomain)
	dns    = these(incident.CoreDNSNoEndpoint, incident.CoreDNSRestarting, incident.CoreDNSConfigInvalid, incident.CoreDNSOverloaded,
		incident.CoreDNSUpstreamTimeout, incident.DNSPort53Blocked)
	// wrongWord is what a person typed wrong for one workload; it also explains what the application says of it.
	wrongWord = these(incident.EnvAddressInvalid, incident.DatabaseAddressInvalid, incident.DatabaseCredentialsInvalid,
		incident.DatabaseMissing, incident.PodDNSConfigInvalid, incident.PodDNSConfigMissing, incident.RBACForbidden)
	// roles name what a workload is for the cluster. They tell more than a crash without a reason, and less than a reason.
	roles = these(incident.ProvisionerNotReady, incident.CoreDNSNoEndpoint, incident.CoreDNSRestarting, incident.MetricsServerUnavailable,
		incident.AdmissionWebhookUnavailable, incident.KubeProxyDown, incident.CNIDown, incident.CSIPluginDown, incident.SchedulerDown,
		incident.ControlPlaneComponentUnhealthy)
	// itself is what can be wrong with one workload.
	itself       = domain(incident.ContainerDomain, incident.ImageDomain, incident.AdmissionDomain, incident.ApplicationDomain, incident.ChangeDomain)
	controlPlane = these(incident.SchedulerDown, incident.ControlPlaneComponentUnhealthy, incident.ClusterUnavailable,
		incident.MasterOverloaded, incident.EtcdPressure)
)

// link says that a finding of one class explains one of another when they stand in a relation.
type link struct {
	cause, effect class
	rel           relation
}

// explains is the table of root causes: the first column explains the second when the relation holds. It is data; the order has
// no meaning.
var explains = []link{
	// One object: what is known exactly explains what is only seen.
	{but(breaks, either(coarse, roles)), either(symptom, coarse), sameObject},
	{roles, either(symptom, coarse), sameObject},
	{coarse, symptom, sameObject},
	{but(breaks, these(incident.ApplicationErrors)), these(incident.ChangeWorkloadRelease), sameObject},
	{but(breaks, either(coarse, these(incident.ApplicationErrors))), changes, sameObject},
	{changes, symptom, sameObject},
	{these(incident.ChangeConfig, incident.ChangeGlobalConfig, incident.ChangeSecurityPolicy), coarse, sameObject},
	{changes, starving, calls},
	{wrongWord, these(incident.InitContainerFailed, incident.AppDependencyFailure, incident.CoreDNSNxDomain, incident.DatabaseConnectionsExhausted), sameObject},
	{these(incident.LivenessProbeFailed, incident.StartupProbeFailed), these(incident.ReadinessProbeFailed, incident.AppExitError,
		incident.KilledBySigkillNotOOM, incident.NoForegroundProcess), sameObject},
	{these(incident.AppDependencyFailure), but(coarse, these(incident.AppDependencyFailure)), sameObject},
	{these(incident.AppExitError, incident.InitContainerFailed, incident.SegfaultOrAbort), these(incident.ReadinessProbeFailed, incident.LivenessProbeFailed, incident.StartupProbeFailed,
		incident.RolloutTimeout, incident.JobBackoffLimitExceeded, incident.StatefulSetOrdinalBlocked, incident.RolloutHeldByStrategy,
		incident.ReadinessFlapping), sameObject},
	{these(incident.ReadinessProbeFailed), these(incident.RolloutTimeout, incident.StatefulSetOrdinalBlocked, incident.RolloutHeldByStrategy), sameObject},
	{these(incident.ContainerOOMKilled), these(incident.ContainerMemoryHigh, incident.ContainerMemoryLeak, incident.KilledBySigkillNotOOM, incident.JvmHeapNotContainerAware), sameObject},
	{these(incident.ContainerMemoryLeak), these(incident.ContainerMemoryHigh), sameObject},
	{these(incident.CoreDNSOverloaded), these(incident.ContainerCpuSaturated, incident.HPANotConfigured), sameObject},
	{itself, these(incident.CoreDNSRestarting), sameObject},
	{domain(incident.NetworkDomain), these(incident.ChangeNetworkRoute), sameObject},
	{these(incident.TrafficSpikeBottleneck), these(incident.ContainerCpuSaturated, incident.ContainerMemoryHigh, incident.HPAMaxReached,
		incident.HPANotConfigured), sameObject},
	{these(incident.ContainerCpuSaturated), these(incident.HPANotConfigured, incident.ProbeFlaky, incident.LivenessProbeTooImpatient,
		incident.ReadinessProbeTooImpatient, incident.PodNetworkDegraded, incident.ReplicaLoadImbalance), sameObject},
	{quotas, these(incident.ReplicaSetCreateBlocked, incident.RolloutTimeout, incident.HPAScaleBlocked, incident.ServiceMissing,
		incident.ClaimMissing, incident.EnvAddressInvalid, incident.UnboundImmediatePVC), sameObject},
	{these(incident.AdmissionWebhookUnavailable), these(incident.ReplicaSetCreateBlocked), anywhere},
	{claims, either(scheduling, these(incident.VolumeSetUpFailed)), sameObject},
	{but(claims, these(incident.VolumeSetUpFailed)), these(incident.VolumeSetUpFailed, incident.DeviceMountFailed), sameObject},
	{
		these(incident.StorageClassMissing, incident.ProvisionerNotReady, incident.NamespaceStorageQuotaExceeded, incident.PVCAccessModeMismatch,
			incident.PVCCapacityMismatch, incident.PVCSelectorMismatch, incident.PVCStorageClassMismatch, incident.PVBoundToOtherClaim,
			incident.ClaimMissing, incident.PVCLost, incident.PVCMisbound, incident.EVSQuotaExceeded, incident.EVSTypeOrAzUnavailable),
		these(incident.UnboundImmediatePVC, incident.ProvisionerNotReady), sameObject,
	},
	{
		these(incident.PVCCapacityExhausted, incident.PVCInodeExhausted, incident.VolumeReadOnly, incident.StorageIOError),
		these(incident.DatabaseReadOnly), sameObject,
	},
	{scheduling, these(incident.ScaleUpNotHelpful, incident.NodePoolMaxReached, incident.AutoscalerPoolDisabled, incident.HPAMaxReached,
		incident.AutoscalerNotInstalled), sameObject},
	{
		these(incident.NodePoolSoldOut, incident.NodePoolQuotaInsufficient, incident.NodePoolConfigInvalid, incident.SubnetIPExhausted),
		these(incident.NodeGroupBackoff, incident.ScaleUpTimedOut, incident.NodeCreateFailed), anywhere,
	},
	{these(incident.MetricsServerUnavailable), these(incident.HPAMetricsMissing), anywhere},
	{these(incident.HPARequestsMissing, incident.HPATargetNotFound), these(incident.HPAMetricsMissing), sameObject},
	{these(incident.HPAMetricsMissing, incident.HPARequestsMissing), these(incident.HPANotConfigured), sameObject},
	{these(incident.NodeAzOutage, incident.NodeSecurityGroupChanged, incident.AllNodesBlocked), nodeLost, anywhere},

	{these(incident.ContainerCpuSaturated), these(incident.NodeCpuSaturated, incident.NodeOverloaded), sameObject},
	{these(incident.ContainerMemoryHigh, incident.ContainerMemoryLeak, incident.ContainerOOMKilled), these(incident.NodeSystemOOM), sameObject},
	{roles, these(incident.DaemonSetNodeUncovered), sameObject},
	{these(incident.GarbageCollectionPauses), these(incident.PodNetworkDegraded, incident.ContainerCpuSaturated, incident.ContainerMemoryHigh,
		incident.LivenessProbeTooImpatient, incident.ReadinessProbeTooImpatient, incident.ContainerMemoryLeak), sameObject},
	{these(incident.MeshFaultInjected, incident.MeshTrafficLimited, incident.MeshTLSMismatch, incident.GatewayRouteMismatch), these(incident.PodNetworkDegraded, incident.AppDependencyFailure,
		incident.ChangeNetworkRoute), sameObject},
	{these(incident.FaultFlagEnabled), either(domain(incident.PerformanceDomain), these(incident.PodNetworkDegraded, incident.ContainerOOMKilled, incident.ServiceNoReadyEndpoint)), sameObject},
	{these(incident.FaultFlagEnabled), starving, calls},
	{these(incident.ChangeConfig), either(domain(incident.PerformanceDomain), these(incident.PodNetworkDegraded)), sameObject},
	{these(incident.ContainerCpuSaturated, incident.PVCCapacityExhausted, incident.DiskSlow, incident.DiskHung, incident.ContainerMemoryHigh, incident.ContainerOOMKilled,
		incident.DatabaseConnectionsExhausted), these(incident.DatabaseSlow), sameObject},
	{these(incident.DatabaseSlow), these(incident.DatabaseConnectionsExhausted), calls},
	{these(incident.DatabaseSlow, incident.ClockSkewed), these(incident.PodNetworkDegraded), sameObject},
	{these(incident.ListenPortMismatch, incident.CommandOfAnotherApp), these(incident.ReadinessProbeWrongPort, incident.LivenessProbeWrongPort, incident.StartupProbeWrongPort,
		incident.ServiceTargetPortMismatch, incident.PodNetworkDegraded), sameObject},
	{these(incident.DiskSlow, incident.DiskHung), these(incident.DatabaseSlow), hosts},
	{these(incident.RequestErrorsHigh, incident.RequestLatencyHigh), these(incident.RequestErrorsHigh, incident.RequestLatencyHigh, incident.AppDependencyFailure), calls},
	{these(incident.ReplicasScaledToZero), these(incident.RequestErrorsHigh, incident.RequestLatencyHigh), sameNamespace},
	{but(either(breaks, domain(incident.PerformanceDomain)), either(symptom, these(incident.HPANotConfigured, incident.ReplicaLoadImbalance))), these(incident.RequestErrorsHigh, incident.RequestLatencyHigh, incident.AppDependencyFailure), mayCall},
	{but(slows, either(symptom, these(incident.PodNetworkDegraded, incident.NodeNetworkDegraded, incident.HPANotConfigured))), these(incident.PodNetworkDegraded), mayCall},
	{these(incident.RequestLatencyHigh), these(incident.RequestErrorsHigh), mayCall},
	{
		these(incident.ContainerDiskBusy, incident.ContainerFilesystemFull, incident.SocketsExhausted, incident.ApplicationErrors, incident.ContainerMemoryHigh, incident.ContainerMemoryLeak, incident.AppExitError, incident.ReplicaLoadImbalance),
		these(incident.PodNetworkDegraded), sameObject,
	},
	{these(incident.DiskSlow, incident.DiskHung), these(incident.ContainerDiskBusy), hosts},
	{these(incident.DatabaseSlow), these(incident.ContainerDiskBusy), sameObject},
	{but(slows, symptom), these(incident.ApplicationErrors), sameObject},
	{these(incident.ChangeWorkloadRelease), these(incident.ApplicationErrors), sameObject},

	// Nodes.
	{nodeAny, podOnNode, hosts},
	{nodeLost, either(these(incident.UntoleratedTaint, incident.NodeCordoned), domain(incident.StorageDomain)), hosts},
	{nodeLost, these(incident.NodeControlPlaneDisconnected, incident.NodeReadyFlapping, incident.KubeletPLEGUnhealthy, incident.NodeOverloaded,
		incident.KubeletFrequentRestart, incident.NodeTaskHung, incident.NodeProcessDState, incident.KubeProxyDown, incident.CoreDaemonRestarting,
		incident.PodSandboxCreateFailed, incident.NodeNetworkDegraded), hosts},
	{
		these(incident.ContainerRuntimeDown, incident.CNIDown, incident.DiskReadonly, incident.DiskHung, incident.PauseImageMissing, incident.ImageDiskFull),
		these(incident.PodSandboxCreateFailed, incident.KubeletDown, incident.KubeletPLEGUnhealthy, incident.ContainerRuntimeHung), hosts,
	},
	{these(incident.DiskHung, incident.DiskReadonly), these(incident.ContainerRuntimeDown, incident.ContainerRuntimeHung, incident.DiskSlow,
		incident.CRIFrequentRestart, incident.ContainerdFrequentRestart, incident.DockerFrequentRestart), hosts},
	{
		these(incident.NodeMemoryPressure, incident.NodeSystemOOM, incident.NodeCpuSaturated, incident.NodeDiskPressure, incident.PIDExhausted, incident.FDExhausted),
		these(incident.NodeReadyFlapping, incident.NodeOverloaded, incident.KubeletFrequentRestart, incident.UntoleratedTaint), hosts,
	},
	{these(incident.NodeNetworkDegraded), these(incident.NodeReadyFlapping, incident.ContainerCpuSaturated), hosts},
	{nodeLost, these(incident.InsufficientCPU, incident.InsufficientMemory, incident.TooManyPodsOnNode, incident.NoNodesAvailable,
		incident.PodAntiAffinityConflict, incident.TopologySpreadUnsatisfied, incident.VolumeNodeAffinityConflict, incident.AllNodesBlocked), anywhere},

	// What a workload or Service needs.
	{breaks, these(incident.ServiceNoReadyEndpoint, incident.IngressUpstreamError, incident.ELBBackendUnhealthy), selects},
	{coarse, these(incident.ServiceNoReadyEndpoint), selects},
	{but(breaks, slows), starving, calls},
	{but(slows, symptom), but(starving, exits), calls},
	{breaks, these(incident.DatabaseConnectionsExhausted), calls},
	{these(incident.ServiceSelectorMismatch, incident.ServiceSelectsForeignPods, incident.ServiceTargetPortMismatch, incident.NetworkPolicyBlocked,
		incident.ServiceProtocolMismatch), these(incident.ServiceNoReadyEndpoint, incident.IngressUpstreamError, incident.ELBBackendUnhealthy), sameObject},
	{these(incident.ServiceMissing), these(incident.EnvAddressInvalid, incident.CoreDNSNxDomain, incident.IngressBackendMismatch,
		incident.DatabaseAddressInvalid), calls},
	{these(incident.NetworkPolicyBlocked), starving, sameObject},
	{these(incident.ReplicasScaledToZero), these(incident.CoreDNSNoEndpoint), sameObject},
	{but(itself, either(symptom, coarse)), roles, sameObject},
	{these(incident.CoreDNSConfigInvalid, incident.ChangeGlobalConfig), roles, sameObject},
	{nodeLost, these(incident.EVSMultiAttach, incident.LocalPVNodeOffline, incident.VolumeDetachFailed), anywhere},
	{these(incident.PreemptedByHigherPriority), scheduling, sameObject},
	{dns, either(starving, these(incident.EnvAddressInvalid, incident.RegistryDNSFailure)), anywhere},
	{quotas, starving, calls},
	{these(incident.ServiceMissing), starving, calls},

	// The control plane.
	{controlPlane, either(these(incident.PodPending, incident.ReplicasUnavailable, incident.RolloutTimeout, incident.ControlPlaneNotObserved,
		incident.ServiceNoReadyEndpoint, incident.ReplicaSetCreateBlocked, incident.DaemonSetNodeUncovered), these(incident.ControlPlaneComponentUnhealthy)), anywhere},
	{controlPlane, starving, calls},
}

// late is how much later than its effect a cause may have been noticed; early is how much earlier it may have begun: a fault that
// was there for half a day before hurt nobody then.
const (
	late  = 10 * time.Minute
	early = 12 * time.Hour
)

// inTime says whether a cause can have led to an effect, as far as both times are known.
func inTime(cause, effect *incident.Finding) bool {
	if cause.Since.IsZero() || effect.Since.IsZero() || cause.Target == effect.Target {
		return true
	}
	return !cause.Since.After(effect.Since.Add(late)) && !cause.Since.Before(effect.Since.Add(-early))
}

// separate tells causes from effects by the table, and ranks both.
func (v *view) separate(all []incident.Finding) (causes, effects []incident.Finding) {
	reaches := make([]*reachOf, len(all))
	for i := range all {
		reaches[i] = v.reach(&all[i])
	}
	explainers := make([][]int, len(all))
	for e := range all {
		for c := range all {
			if c != e && all[c].Confidence >= sureEnough && inTime(&all[c], &all[e]) && v.explained(&all[c], &all[e], reaches[c], reaches[e]) {
				explainers[e] = append(explainers[e], c)
			}
		}
	}
	root := roots(all, explainers)
	scores := v.rank(all, root, reaches)
	for i := range all {
		f := all[i]
		if root[i] == i {
			causes = append(causes, f)
			continue
		}
		f.ExplainedBy = all[best(explainers[i], root, scores)].Reason
		effects = append(effects, f)
	}
	byScore(causes, all, scores)
	byScore(effects, all, scores)
	return causes, effects
}

func (v *view) explained(cause, effect *incident.Finding, c, e *reachOf) bool {
	for _, l := range allLinks {
		if l.effect(effect.Reason) && l.cause(cause.Reason) && v.related(l.rel, cause, effect, c, e) {
			return l.rel != calls || !v.brokeItself(effect, c)
		}
	}
	return false
}

// brokeItself says whether a workload exits only since its own release, with a former revision that served, and does not say a word
// about what it calls: then what it calls is not why.
func (v *view) brokeItself(effect *incident.Finding, c *reachOf) bool {
	w := v.byTarget[effect.Target]
	if w == nil || !exits(effect.Reason) || effect.Facts[FactRollback] == "" || len(v.logsOf(w)) == 0 {
		return false
	}
	for _, s := range v.signsOf(w) {
		ns, svc := v.hostService(s.host, w.target.Namespace)
		if svc == "" {
			continue
		}
		if c.services[name{ns, svc}] || slices.ContainsFunc(v.apps().behind[name{ns, svc}], func(b *workload) bool { return c.workloads[b] }) {
			return false
		}
	}
	return !v.says(w, signRefused, signTimeout, signNoHost, signUpstream)
}

// roots gives every finding the index of the cause at the end of its explanations; a cause is its own. In a ring (each explains
// the other) the one with the most confidence is the cause, an earlier one before a later.
func roots(all []incident.Finding, explainers [][]int) []int {
	root := make([]int, len(all))
	for i := range root {
		root[i] = -1
	}
	var settle func(int)
	settle = func(c int) { // everything that c explains, directly or not, belongs to it
		for e := range all {
			if root[e] < 0 && slices.Contains(explainers[e], c) {
				root[e] = root[c]
				settle(e)
			}
		}
	}
	for i := range all {
		if len(explainers[i]) == 0 {
			root[i] = i
		}
	}
	for i := range all {
		if root[i] == i {
			settle(i)
		}
	}
	for {
		next := -1
		for i := range all {
			if root[i] < 0 && (next < 0 || likelier(&all[i], &all[next])) {
				next = i
			}
		}
		if next < 0 {
			return root
		}
		root[next] = next
		settle(next)
	}
}

func likelier(a, b *incident.Finding) bool {
	as, bs := incident.Info(a.Reason).Symptom, incident.Info(b.Reason).Symptom
	if as != bs {
		return bs
	}
	if a.Confidence != b.Confidence {
		return a.Confidence > b.Confidence
	}
	return !a.Since.IsZero() && (b.Since.IsZero() || a.Since.Before(b.Since))
}

// best picks which explanation to name: one that is itself a cause, then the one with the best score.
func best(explainers, root []int, scores []float64) int {
	pick := explainers[0]
	for _, c := range explainers[1:] {
		if r, p := root[c] == c, root[pick] == pick; r != p {
			if r {
				pick = c
			}
			continue
		}
		if scores[c] > scores[pick] {
			pick = c
		}
	}
	return pick
}
