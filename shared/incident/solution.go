package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Risk is said in words, since inverted number scales are in circulation.
type Risk string

// The risks, least first.
const (
	ReadOnly    Risk = "read-only"
	Reversible  Risk = "reversible"
	Disruptive  Risk = "disruptive"
	Costly      Risk = "costly"
	Destructive Risk = "destructive"
)

// ActionKind names one recovery move. Names may be added, never changed: archived plans carry them.
type ActionKind string

// The recovery moves.
const (
	ScaleOut           ActionKind = "ScaleOut"
	AdjustResources    ActionKind = "AdjustResources"
	AdjustHPA          ActionKind = "AdjustHPA"
	ScaleOutNodePool   ActionKind = "ScaleOutNodePool"
	RollBack           ActionKind = "RollBack"
	RestartRollout     ActionKind = "RestartRollout"
	CordonNode         ActionKind = "CordonNode"
	UncordonNode       ActionKind = "UncordonNode"
	DrainNode          ActionKind = "DrainNode"
	DeletePod          ActionKind = "DeletePod"
	SuspendJob         ActionKind = "SuspendJob"
	SuspendCronJob     ActionKind = "SuspendCronJob"
	RestoreReplicas    ActionKind = "RestoreReplicas"
	FixServiceSelector ActionKind = "FixServiceSelector"
	FixServicePort     ActionKind = "FixServicePort"
	ExpandPVC          ActionKind = "ExpandPVC"
	BurstToCCI         ActionKind = "BurstToCCI"
	ReplaceNode        ActionKind = "ReplaceNode"
	ResumeRollout      ActionKind = "ResumeRollout"
	Manual             ActionKind = "Manual"
)

// Step is one change: what it expects to find and what it makes of it, both absolute. A person approves exactly this.
type Step struct {
	ID     string            `json:"id"` // "A1": solution letter and position
	Action ActionKind        `json:"action"`
	Target Target            `json:"target"`
	Expect map[string]string `json:"expect"` // before: the values seen in the preview, among them uid
	Goal   map[string]string `json:"goal"`   // after: absolute values, never "+3"
}

// Solution is one way out, previewed. At most one solution of a plan is carried out. Letters never change within an incident.
type Solution struct {
	ID         string `json:"id"` // A, B, C …
	Cause      int    `json:"cause"`
	Title      Text   `json:"title"`
	Risk       Risk   `json:"risk"`
	When       Text   `json:"when"`       // the scenario it fits
	Change     []Text `json:"change"`     // before → after, one line a field
	Impact     Text   `json:"impact"`     // pods restarted, disruption, PDB headroom
	Resources  Text   `json:"resources"`  // what it takes: CPU, memory, nodes
	Scheduling Text   `json:"scheduling"` // conditions for it to be scheduled
	Cost       Text   `json:"cost"`       // change of cost
	Verify     Text   `json:"verify"`     // how it will be verified
	Rollback   Text   `json:"rollback"`   // how it is undone
	Prediction Text   `json:"prediction"` // computed: which pods fit where, why the rest do not
	Steps      []Step `json:"steps"`
	Manual     Text   `json:"manual"`             // not empty: a person does it, with commands; then there are no steps
	NeedsTwo   bool   `json:"needsTwo,omitempty"` // two different people must confirm
	// UnwindOnFailure: a step that fails takes back the ones before it without asking again. Part of what is approved.
	UnwindOnFailure bool `json:"unwindOnFailure,omitempty"`
}

// Digest binds a confirmation to exactly what runs: incident, letter, and every step with its expect and goal. Hex SHA-256 of
// canonical JSON (encoding/json sorts map keys), as it is after storage: bytes that are no UTF-8 are replaced there.
func (s Solution) Digest(of ID) string {
	type bound struct {
		Incident ID     `json:"incident"`
		Solution string `json:"solution"`
		Steps    []Step `json:"steps"`
		Unwind   bool   `json:"unwindOnFailure,omitempty"`
	}
	var stored bound
	if err := json.Unmarshal(mustMarshal(bound{of, s.ID, s.Steps, s.UnwindOnFailure}), &stored); err != nil {
		panic(err)
	}
	sum := sha256.Sum256(mustMarshal(stored))
	return hex.EncodeToString(sum[:])
}

// mustMarshal is for strings and maps of strings, which always marshal.
func mustMarshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// Executable says whether a machine can carry it out.
func (s Solution) Executable() bool { return len(s.Steps) > 0 }

// Known says whether r is one of the risks.
func (r Risk) Known() bool {
	switch r {
	case ReadOnly, Reversible, Disruptive, Costly, Destructive:
		return true
	}
	return false
}
