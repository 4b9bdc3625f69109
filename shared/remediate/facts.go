package remediate

// The keys of Finding.Facts that solutions are computed from. The diagnosers' room lists them all; a test holds the two together.
const (
	factContainer     = "container"
	factRollback      = "rollbackRevision"
	factDiff          = "templateDiff"
	factFormer        = "formerReplicas"
	factServicePort   = "servicePort"
	factRightPort     = "rightPort"
	factProtocol      = "protocol"
	factRightSelector = "rightSelector"
	factClaim         = "claim"
	factNode          = "node"
	factNodePool      = "nodePool"
	factTaint         = "taint"
	factQuota         = "quota"
	factResource      = "resource"
	factObjectKind    = "objectKind"
	factObjectName    = "objectName"
	factUsage         = "usage"
)
