package diagnose

// The keys of Finding.Facts: what the playbook needs to compute a solution without parsing prose. Beside each key, the reasons
// that set it. A key is absent when the value is not known.
const (
	FactContainer      = "container"     // container name: image, config, exit, probe, OOM, CPU and memory reasons
	FactImage          = "image"         // the image that is wanted: image reasons
	FactFormerImage    = "formerImage"   // the image of the revision before: image reasons
	FactCPULimit       = "cpuLimit"      // quantity: ContainerCpuSaturated, ContainerOOMKilled, TrafficSpikeBottleneck
	FactMemoryLimit    = "memoryLimit"   // quantity: ContainerOOMKilled, ContainerMemoryHigh, ContainerMemoryLeak
	FactCPURequest     = "cpuRequest"    // quantity: the same, and Insufficient*, *RequestExceedsAnyNode
	FactMemoryRequest  = "memoryRequest" // quantity: the same
	FactReplicas       = "replicas"      // wanted replicas now: capacity and performance reasons, ReplicasScaledToZero
	FactFormerReplicas = "formerReplicas"
	FactPendingPods    = "pendingPods" // how many pods wait: scheduling reasons

	FactRollback     = "rollbackRevision" // number to roll back to: any reason of a Deployment whose new revision fails and whose former one was healthy
	FactFromRevision = "currentRevision"  // the revision that fails
	FactDiff         = "templateDiff"     // the fields that the release changed, "; " between them

	FactObjectKind = "objectKind" // SecretMissing, ConfigMapMissing, KeyMissing, RBACForbidden
	FactObjectName = "objectName" // the same
	FactKey        = "key"        // KeyMissing

	FactProbe         = "probe"         // liveness, readiness, startup: probe reasons
	FactProbePort     = "probePort"     // the port it asks
	FactRightPort     = "rightPort"     // the port that is served: probe, targetPort and address reasons
	FactService       = "service"       // name: Service and address reasons
	FactServicePort   = "servicePort"   // port of the Service: ServiceTargetPortMismatch, ServiceProtocolMismatch, ServicePortMismatch
	FactPortName      = "portName"      // name of that port, where it has one
	FactTargetPort    = "targetPort"    // its targetPort now
	FactProtocol      = "protocol"      // what the pods serve: ServiceProtocolMismatch
	FactSelector      = "selector"      // the selector now, as k=v,k=v: ServiceSelectorMismatch, ServiceSelectsForeignPods
	FactRightSelector = "rightSelector" // the selector that selects the intended workload
	FactWorkload      = "workload"      // Kind/name of the intended workload: the same

	FactEnv       = "env"       // name of the variable: EnvAddressInvalid, DatabaseAddressInvalid
	FactValue     = "value"     // host:port as it is
	FactRightHost = "rightHost" // the name that was probably meant

	FactQuota     = "quota"     // name of the ResourceQuota: quota reasons
	FactResource  = "resource"  // the resource that is used up or requested: quota and scheduling reasons
	FactHard      = "hard"      // its bound
	FactUsed      = "used"      // its use
	FactNodePool  = "nodePool"  // pool name: node pool reasons
	FactTaint     = "taint"     // key=value:effect: UntoleratedTaint
	FactClaim     = "claim"     // PVC name: storage reasons
	FactSize      = "size"      // quantity of the claim: PVCCapacityExhausted, PVCCapacityMismatch
	FactClass     = "class"     // StorageClass name
	FactField     = "field"     // the field in which claim and volume differ
	FactHPA       = "hpa"       // name of the HPA: autoscaling reasons, and saturation where one exists
	FactMin       = "min"       // its minReplicas
	FactMax       = "max"       // its maxReplicas
	FactPredicted = "predicted" // when a growing value meets its limit, RFC 3339: ContainerMemoryLeak
	FactUsage     = "usage"     // share of the limit, 0..1: saturation reasons
	FactNode      = "node"      // node name
)
