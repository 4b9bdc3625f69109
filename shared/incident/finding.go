package incident

import "time"

// Source is the kind of thing a fact was read from. Two facts of different sources are independent.
type Source string

// The sources a fact may come from; the words of the case file.
const (
	FromEvent  Source = "event"
	FromObject Source = "object"
	FromMetric Source = "metric"
	FromLog    Source = "log"
	FromAlarm  Source = "alarm"
	FromChange Source = "change"
)

// Evidence is one quoted fact: small enough to keep, exact enough to check. At is when it was true (zero: at the snapshot).
type Evidence struct {
	Source    Source    `json:"source"`
	Statement string    `json:"statement"`
	Target    Target    `json:"target"`
	At        time.Time `json:"at,omitzero"`
}

// Finding is one thing that is wrong, as one diagnoser sees it. It is a cause until another finding explains it.
type Finding struct {
	Reason      Reason     `json:"reason"`
	Target      Target     `json:"target"` // the object a person would fix
	Diagnoser   string     `json:"diagnoser,omitempty"`
	Confidence  float64    `json:"confidence"` // 0..1; earned by independent kinds of evidence
	Summary     Text       `json:"summary"`    // what is broken, for whom, in one sentence
	Since       time.Time  `json:"since,omitzero"`
	Evidence    []Evidence `json:"evidence,omitempty"`
	Counter     []string   `json:"counterEvidence,omitempty"` // what speaks against it
	Affected    []Target   `json:"affected,omitempty"`        // objects that suffer from it: pods, services
	ExplainedBy Reason     `json:"explainedBy,omitempty"`     // set on effects only
	// Facts are what the playbook needs to compute a solution without parsing prose: "container", "revision", "limit", …
	Facts map[string]string `json:"facts,omitempty"`
}

// Verdict is what a diagnosis comes to.
type Verdict string

// The verdicts of the case file.
const (
	Fault                Verdict = "fault"
	Healthy              Verdict = "healthy"
	InsufficientEvidence Verdict = "insufficient-evidence"
)

// Diagnosis is what a snapshot means. Causes are most likely first; Effects are explained by a cause; Gaps could not be seen.
type Diagnosis struct {
	At      time.Time `json:"at"`
	Verdict Verdict   `json:"verdict"`
	Causes  []Finding `json:"causes,omitempty"`
	Effects []Finding `json:"effects,omitempty"`
	Gaps    []string  `json:"gaps,omitempty"`
	Look    []string  `json:"look,omitempty"` // with insufficient evidence: what a person should look at
}
