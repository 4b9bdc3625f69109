package incident

// Reason is the name of a cause, CamelCase in the manner of Kubernetes conditions: PodOOMKilled, NodeNotReady.
// Names are keys of the playbook, the cards and the archive: they may be added, never changed.
type Reason string

// Domain groups reasons as people group their work.
type Domain string

// ReasonInfo is what is known of a reason beside any one finding of it.
type ReasonInfo struct {
	Reason Reason
	Domain Domain
	Kind   string // kind of the target a person would fix
	Title  Text   // what is broken, in three to eight words
	Advice Text   // what a person does about it, one or two sentences
	// Symptom marks what is never a root cause by itself (FrequentRestart, PodNotReady): it must be explained or it lowers the verdict.
	Symptom bool
}
