package remediate

import "cce-oncall/shared/incident"

// move names one way out in the playbook.
type move string

// The moves. Each is worked out by a function that says no where it does not fit.
const (
	scale           move = "scale out"
	raiseHPA        move = "raise the autoscaler's ceiling"
	raiseFloor      move = "raise the autoscaler's floor"
	lowerTarget     move = "lower the autoscaler's target"
	raiseCPU        move = "raise CPU"
	raiseMemory     move = "raise memory"
	lowerCPU        move = "lower the CPU request"
	lowerMemory     move = "lower the memory request"
	addNodes        move = "add nodes"
	burst           move = "burst to CCI"
	rollBackTo      move = "roll back"
	restart         move = "restart"
	resume          move = "resume the rollout"
	restore         move = "restore replicas"
	cordon          move = "cordon"
	drain           move = "cordon and drain"
	replace         move = "replace the node"
	uncordon        move = "uncordon"
	deletePods      move = "delete broken pods"
	suspendTask     move = "suspend the job"
	suspendSchedule move = "suspend the cron job"
	fixSelector     move = "correct the selector"
	fixPort         move = "correct the port"
	expand          move = "expand the volume"
)

// moves are the functions behind the names.
var moves = map[move]func(*bench) (incident.Solution, bool){
	scale:           offerScaleOut,
	raiseHPA:        offerRaiseHPA,
	raiseFloor:      offerRaiseFloor,
	lowerTarget:     offerLowerTarget,
	raiseCPU:        offerRaiseCPU,
	raiseMemory:     offerRaiseMemory,
	lowerCPU:        offerLowerCPU,
	lowerMemory:     offerLowerMemory,
	addNodes:        offerAddNodes,
	burst:           offerBurst,
	rollBackTo:      offerRollBack,
	restart:         offerRestart,
	resume:          offerResume,
	restore:         offerRestoreReplicas,
	cordon:          offerCordon,
	drain:           offerDrain,
	replace:         offerReplace,
	uncordon:        offerUncordon,
	deletePods:      offerDeletePods,
	suspendTask:     offerSuspendJob,
	suspendSchedule: offerSuspendCronJob,
	fixSelector:     offerFixSelector,
	fixPort:         offerFixPort,
	expand:          offerExpandPVC,
}

// playbook is which moves answer a reason, best first. A move that does not fit what the snapshot shows is passed over. A
// reason that is not here has no safe move: it is a person's work and gets Manual, as every reason does at last.
var playbook = map[incident.Reason][]move{
	// Admission: what a release asks for is refused; going back helps, raising a quota is for its owner.
	incident.ResourceQuotaExceeded:        {lowerCPU, rollBackTo},
	incident.NamespaceCPUQuotaExceeded:    {lowerCPU, rollBackTo},
	incident.NamespaceMemoryQuotaExceeded: {lowerMemory, rollBackTo},
	incident.QuotaRequiresRequestsLimits:  {rollBackTo},
	incident.LimitRangeViolation:          {rollBackTo},
	incident.AdmissionWebhookDenied:       {rollBackTo},
	incident.PodSecurityViolation:         {rollBackTo},
	incident.ServiceAccountMissing:        {rollBackTo},
	incident.PriorityClassMissing:         {rollBackTo},
	incident.ReplicaSetCreateBlocked:      {rollBackTo},
	incident.RolloutTimeout:               {rollBackTo, addNodes},
	incident.RolloutPaused:                {resume},
	incident.RolloutHeldByStrategy:        {addNodes, rollBackTo},
	incident.StatefulSetOrdinalBlocked:    {rollBackTo, deletePods},
	incident.DaemonSetNodeUncovered:       {rollBackTo},
	incident.ReplicasScaledToZero:         {restore},
	incident.JobBackoffLimitExceeded:      {suspendSchedule},
	incident.JobDeadlineExceeded:          {suspendSchedule},
	incident.JobTooManyPods:               {suspendTask, suspendSchedule},
	incident.CronJobInconsistent:          {suspendSchedule},

	// Scheduling: capacity where capacity is short, the former template where the new one asks for what no node has.
	incident.InsufficientCPU:              {addNodes, lowerCPU, burst},
	incident.InsufficientMemory:           {addNodes, lowerMemory, burst},
	incident.CPURequestExceedsAnyNode:     {lowerCPU, rollBackTo, addNodes},
	incident.MemoryRequestExceedsAnyNode:  {lowerMemory, rollBackTo, addNodes},
	incident.InsufficientEphemeralStorage: {addNodes, rollBackTo},
	incident.InsufficientGPU:              {addNodes},
	incident.TooManyPodsOnNode:            {addNodes, burst},
	incident.NoNodesAvailable:             {addNodes, burst},
	incident.NodeSelectorMismatch:         {rollBackTo, addNodes},
	incident.NodeAffinityMismatch:         {rollBackTo, addNodes},
	incident.PodAntiAffinityConflict:      {addNodes, rollBackTo},
	incident.TopologySpreadUnsatisfied:    {addNodes, rollBackTo},
	incident.NodeCordoned:                 {uncordon, addNodes},
	incident.VolumeNodeAffinityConflict:   {addNodes},
	incident.HostPortConflict:             {addNodes, rollBackTo},
	incident.UnexpectedAdmissionError:     {deletePods},
	incident.NodeAffinityPredicateFailed:  {deletePods},
	incident.OutOfNodeResourceAdmission:   {deletePods},
	incident.SchedulerUnknown:             {rollBackTo},
	incident.PreemptedByHigherPriority:    {addNodes, burst},
	incident.SchedulingGated:              {rollBackTo},
	incident.PodPending:                   {addNodes, burst},

	// Images: the former image runs; a registry that fails is not mended from here.
	incident.ImageNotFound:          {rollBackTo},
	incident.ImageTagNotFound:       {rollBackTo},
	incident.InvalidImageName:       {rollBackTo},
	incident.ImageAuthDenied:        {rollBackTo},
	incident.ImagePullSecretMissing: {rollBackTo},
	incident.RegistryDNSFailure:     {rollBackTo},
	incident.RegistryNetworkTimeout: {rollBackTo},
	incident.RegistryNoEgress:       {rollBackTo},
	incident.RegistryTLSUntrusted:   {rollBackTo},
	incident.RegistryRateLimited:    {rollBackTo},
	incident.RegistryServerError:    {rollBackTo},
	incident.ImageTooLarge:          {rollBackTo},
	incident.ImageDiskFull:          {cordon, drain, replace},
	incident.ImagePullPolicyNever:   {rollBackTo},
	incident.ImageArchMismatch:      {rollBackTo},
	incident.ImageLayerMissing:      {rollBackTo},
	incident.PauseImageMissing:      {cordon, drain, replace},

	// Containers: the former revision where the failing pods are of the new one; more memory where memory ran out.
	incident.ContainerCommandNotFound:       {rollBackTo},
	incident.ContainerPermissionDenied:      {rollBackTo},
	incident.ConfigMapMissing:               {rollBackTo},
	incident.SecretMissing:                  {rollBackTo},
	incident.KeyMissing:                     {rollBackTo},
	incident.CreateContainerError:           {rollBackTo, deletePods},
	incident.RunAsNonRootViolation:          {rollBackTo},
	incident.InitContainerFailed:            {rollBackTo},
	incident.PostStartHookFailed:            {rollBackTo},
	incident.PreStopHookFailed:              {rollBackTo},
	incident.AppExitError:                   {rollBackTo},
	incident.ListenPortMismatch:             {rollBackTo},
	incident.CommandOfAnotherApp:            {rollBackTo},
	incident.NoForegroundProcess:            {rollBackTo},
	incident.DockerDaemonError125:           {rollBackTo},
	incident.SegfaultOrAbort:                {rollBackTo},
	incident.SigpipeTailExit:                {rollBackTo},
	incident.KilledBySigkillNotOOM:          {rollBackTo},
	incident.ContainerOOMKilled:             {raiseMemory, rollBackTo},
	incident.JvmHeapNotContainerAware:       {raiseMemory, rollBackTo},
	incident.LivenessProbeFailed:            {rollBackTo},
	incident.LivenessProbeWrongPort:         {rollBackTo},
	incident.LivenessProbeWrongProtocol:     {rollBackTo},
	incident.LivenessProbeTooImpatient:      {rollBackTo},
	incident.ReadinessProbeFailed:           {rollBackTo, restart},
	incident.ReadinessProbeWrongPort:        {rollBackTo},
	incident.ReadinessProbeWrongProtocol:    {rollBackTo},
	incident.ReadinessProbeTooImpatient:     {rollBackTo},
	incident.StartupProbeFailed:             {rollBackTo},
	incident.StartupProbeWrongPort:          {rollBackTo},
	incident.StartupProbeWrongProtocol:      {rollBackTo},
	incident.StartupProbeTooImpatient:       {rollBackTo},
	incident.ProbeFlaky:                     {raiseCPU, rollBackTo},
	incident.PortAlreadyInUse:               {rollBackTo},
	incident.ConfigMapSecretSubPathDeadlock: {restart},
	incident.VolumePermissionDenied:         {rollBackTo},
	incident.FrequentRestart:                {rollBackTo},
	incident.PodNotReady:                    {rollBackTo},
	incident.ReplicasUnavailable:            {rollBackTo},
	incident.GPUDriverNotReady:              {cordon, drain, replace},
	incident.GPUDevicePluginNotReady:        {cordon, drain},
	incident.GPUCardUnavailable:             {cordon, drain, replace},
	incident.ThinPoolFull:                   {cordon, drain, replace},

	// Load. Where an autoscaler owns the replicas, scaling out is its target, floor or ceiling, whichever holds it back.
	incident.RequestErrorsHigh:       {rollBackTo, scale},
	incident.RequestLatencyHigh:      {lowerTarget, scale, raiseCPU, rollBackTo},
	incident.ContainerCpuSaturated:   {lowerTarget, scale, raiseCPU},
	incident.ContainerMemoryHigh:     {raiseMemory, scale},
	incident.ContainerMemoryLeak:     {restart, rollBackTo, raiseMemory},
	incident.GarbageCollectionPauses: {rollBackTo, raiseMemory, restart},
	incident.QueueConsumerLagging:    {lowerTarget, scale},
	incident.ContainerDiskBusy:       {rollBackTo, restart},
	incident.ContainerFilesystemFull: {restart},
	incident.SocketsExhausted:        {restart, rollBackTo, scale},
	incident.ApplicationErrors:       {rollBackTo, restart},
	incident.TrafficSpikeBottleneck:  {lowerTarget, scale, raiseCPU},
	incident.ReplicaLoadImbalance:    {restart, scale},
	incident.HPANotConfigured:        {scale, raiseCPU},
	incident.HPAMaxReached:           {raiseHPA, addNodes},
	incident.HPAMetricsMissing:       {raiseFloor},
	incident.HPARequestsMissing:      {raiseFloor, rollBackTo},
	incident.HPAScaleBlocked:         {raiseFloor},

	// Evictions and stuck pods: the node is the patient.
	incident.EvictedMemoryPressure:       {cordon, drain},
	incident.EvictedDiskPressure:         {cordon, drain},
	incident.EvictedInodePressure:        {cordon, drain},
	incident.EvictedPidPressure:          {cordon, drain},
	incident.EvictedEphemeralLimit:       {rollBackTo},
	incident.EvictionLoop:                {deletePods, addNodes},
	incident.TaintEviction:               {cordon, drain},
	incident.PodStuckTerminatingNodeLost: {cordon, replace},
	incident.SpotNodeReclaimed:           {drain},

	// Nodes: keep new pods off first; move what runs while the kubelet can still stop it; replace what is broken for good.
	incident.NodeControlPlaneDisconnected:     {cordon, drain, replace},
	incident.NodeEcsStopped:                   {cordon, drain, replace},
	incident.NodeEcsFaulty:                    {cordon, drain, replace},
	incident.NodeReadyFlapping:                {cordon, drain},
	incident.KubeletDown:                      {cordon, drain, replace},
	incident.KubeletFrequentRestart:           {cordon, drain},
	incident.KubeletPLEGUnhealthy:             {cordon, drain, replace},
	incident.ContainerRuntimeDown:             {cordon, drain, replace},
	incident.ContainerRuntimeHung:             {cordon, drain, replace},
	incident.ContainerdFrequentRestart:        {cordon, drain},
	incident.DockerFrequentRestart:            {cordon, drain},
	incident.CRIFrequentRestart:               {cordon, drain},
	incident.CNIDown:                          {cordon, drain, replace},
	incident.KubeProxyDown:                    {cordon, drain},
	incident.PodIdentityAgentDown:             {cordon, drain},
	incident.NTPDrift:                         {cordon},
	incident.NodeResolvConfBroken:             {cordon, drain},
	incident.ConntrackFull:                    {cordon, drain},
	incident.FDExhausted:                      {cordon, drain},
	incident.PIDExhausted:                     {cordon, drain},
	incident.NodeMemoryPressure:               {cordon, drain},
	incident.NodeSystemOOM:                    {cordon, drain},
	incident.NodeCpuSaturated:                 {cordon, drain},
	incident.NodeDiskPressure:                 {cordon, drain},
	incident.NodeOutOfDisk:                    {cordon, drain},
	incident.DiskReadonly:                     {cordon, drain, replace},
	incident.DiskHung:                         {cordon, drain, replace},
	incident.DiskSlow:                         {cordon, drain},
	incident.ScsiEvsIoSuspension:              {cordon, drain, replace},
	incident.DataDiskDetached:                 {cordon, drain, replace},
	incident.EmptyDirVGError:                  {cordon, drain, replace},
	incident.LocalPvVGError:                   {cordon},
	incident.MountPointHung:                   {cordon, drain, replace},
	incident.NodeProcessDState:                {cordon, drain, replace},
	incident.NodeZombieProcesses:              {cordon, drain},
	incident.NodeTaskHung:                     {cordon, drain, replace},
	incident.KernelOops:                       {cordon, drain, replace},
	incident.RDMANicFault:                     {cordon, drain, replace},
	incident.HostScheduledEvent:               {drain, replace},
	incident.NodeNicMissing:                   {cordon, drain, replace},
	incident.UnregisterNetDevice:              {cordon, drain, replace},
	incident.AufsUmountHung:                   {cordon, drain, replace},
	incident.NodeIpChanged:                    {cordon, replace},
	incident.NodeOsReinstalledOrKernelChanged: {cordon, replace},
	incident.NodeSystemDirDamaged:             {cordon, drain, replace},
	incident.NodeCpuManagerStateStale:         {cordon, replace},
	incident.KubeletCertExpired:               {cordon, replace},
	incident.NodeOverloaded:                   {cordon, drain},
	incident.NodeNetworkDegraded:              {cordon, drain, replace},
	incident.NodeHostnameOrCloudInit:          {replace},
	incident.NodeInstallFailed:                {replace},
	incident.CoreDaemonRestarting:             {cordon, drain},
	incident.PodSandboxCreateFailed:           {cordon, drain},
	incident.CSIPluginDown:                    {cordon, drain},
	incident.VolumeUnmountFailed:              {cordon, drain},
	incident.EVSNodeAttachLimitExceeded:       {cordon, addNodes},
	incident.MaxVolumeCountReached:            {addNodes},
	incident.CSIDriverMissingOnNode:           {cordon, drain},
	incident.NodeNotSupportsContainer:         {cordon},
	incident.VpcRouteMissing:                  {cordon, drain},
	incident.IpForwardDisabled:                {cordon, drain},
	incident.TcpRecycleEnabled:                {cordon, drain},
	incident.IPVSConnReuse:                    {cordon, drain},

	// Network.
	incident.PodDNSConfigMissing:       {rollBackTo},
	incident.PodDNSConfigInvalid:       {rollBackTo},
	incident.CoreDNSNoEndpoint:         {restore, rollBackTo, restart},
	incident.CoreDNSRestarting:         {raiseMemory, rollBackTo},
	incident.CoreDNSOverloaded:         {scale, raiseCPU},
	incident.ServiceSelectorMismatch:   {fixSelector},
	incident.ServiceSelectsForeignPods: {fixSelector},
	incident.ServiceTargetPortMismatch: {fixPort},
	incident.ServicePortMismatch:       {fixPort},
	incident.ServiceProtocolMismatch:   {fixPort},
	incident.ReadinessFlapping:         {scale, rollBackTo},
	incident.PodNetworkDegraded:        {restart, deletePods},

	// Storage.
	incident.StoragePermissionDenied: {rollBackTo},
	incident.MountChownTimeout:       {rollBackTo},
	incident.VolumeSetUpFailed:       {rollBackTo, deletePods},
	incident.PVCCapacityExhausted:    {expand},
	incident.PVCInodeExhausted:       {expand},
	incident.StorageIOError:          {deletePods},

	// Autoscaling of nodes: a person's count goes above the autoscaler's ceiling.
	incident.AutoscalerNotInstalled:    {addNodes, burst},
	incident.AutoscalerUnhealthy:       {addNodes, burst},
	incident.AutoscalerTooOld:          {addNodes},
	incident.AutoscalerPoolDisabled:    {addNodes, burst},
	incident.NodePoolMaxReached:        {addNodes, burst},
	incident.ScaleUpNotHelpful:         {addNodes, lowerCPU, rollBackTo},
	incident.NodePoolSoldOut:           {addNodes, burst},
	incident.NodePoolQuotaInsufficient: {addNodes, burst},
	incident.SubnetIPExhausted:         {addNodes},
	incident.ScaleUpTimedOut:           {addNodes, burst},
	incident.NodeGroupBackoff:          {addNodes, burst},

	// Applications and changes: the former revision, where the wrong value came with the new one.
	incident.AppDependencyFailure:   {rollBackTo},
	incident.DatabaseAddressInvalid: {rollBackTo},
	incident.DatabaseMissing:        {rollBackTo},
	incident.EnvAddressInvalid:      {rollBackTo},
	incident.ChangeWorkloadRelease:  {rollBackTo},
	incident.FaultFlagEnabled:       {rollBackTo},
	incident.DatabaseOutOfMemory:    {raiseMemory, rollBackTo},
	incident.DatabaseSlow:           {rollBackTo},
	incident.ChangeConfig:           {rollBackTo},
	incident.ChangeNetworkRoute:     {fixSelector, fixPort},
	incident.ChangeNodeInfra:        {uncordon},
}
