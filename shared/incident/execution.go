package incident

import (
	"encoding/json"
	"time"
)

// StepState is how far a step has come.
type StepState string

// Prepared means the intent and the before-image are saved and the change may or may not have happened: apply again, or undo.
// Undoing is the same on the way back.
const (
	StepPending    StepState = "Pending"
	StepPrepared   StepState = "Prepared"
	StepApplied    StepState = "Applied"
	StepSettled    StepState = "Settled"
	StepFailed     StepState = "Failed"
	StepUndoing    StepState = "Undoing"
	StepUndone     StepState = "Undone"
	StepUndoFailed StepState = "UndoFailed"
)

// Receipt is a step's before-image: what Undo needs and what an auditor reads. Opaque outside its action; small; no secrets.
type Receipt = json.RawMessage

// StepRun is a step on its way.
type StepRun struct {
	Step    Step      `json:"step"`
	State   StepState `json:"state"`
	Receipt Receipt   `json:"receipt,omitempty"`
	Error   string    `json:"error,omitempty"` // a sentence a person can act on
	Tries   int       `json:"tries,omitempty"`
	At      time.Time `json:"at,omitzero"` // of the last change of state
}

// Execution is one confirmed solution being carried out. Seq grows with every save: one object a state, written once.
type Execution struct {
	Incident     ID           `json:"incident"`
	Round        int          `json:"round"`
	Seq          int          `json:"seq"`
	Confirmation Confirmation `json:"confirmation"`
	Steps        []StepRun    `json:"steps"`
	Unwinding    bool         `json:"unwinding,omitempty"` // going back
	// UnwindOnFailure: a failed step takes back the ones before it without asking; copied from the solution.
	UnwindOnFailure bool           `json:"unwindOnFailure,omitempty"`
	Stopped         string         `json:"stopped,omitempty"` // open_id of who said Stop
	Failed          string         `json:"failed,omitempty"`  // why it ended without doing all of it
	Hops            int            `json:"hops"`              // how often execute has called itself for it
	HoppedAt        time.Time      `json:"hoppedAt,omitzero"` // when it last did
	StartedAt       time.Time      `json:"startedAt"`
	Deadline        time.Time      `json:"deadline"`               // absolute; after it nothing new is begun
	DoneAt          time.Time      `json:"doneAt,omitzero"`        // all steps settled, undone or failed
	Verification    []Verification `json:"verification,omitempty"` // each look, oldest first; the last one decides
}

// Outcome is what verification says of the world after a change.
type Outcome string

// The outcomes.
const (
	Converged    Outcome = "converged"
	Improving    Outcome = "improving"
	Unchanged    Outcome = "unchanged"
	Worse        Outcome = "worse"
	Inconclusive Outcome = "inconclusive"
)

// Verification is one look after a change: both the alarm's own state and live metrics must say so before it is Converged.
type Verification struct {
	At        time.Time `json:"at"`
	Outcome   Outcome   `json:"outcome"`
	Clean     int       `json:"clean"` // clean looks in a row so far
	Needed    int       `json:"needed"`
	Final     bool      `json:"final"` // the window is over: Outcome is the verdict
	Checks    []Check   `json:"checks"`
	Remaining []Finding `json:"remaining,omitempty"`
	New       []Finding `json:"new,omitempty"` // what got worse against the before-image
	NextLook  time.Time `json:"nextLook,omitzero"`
}

// Check is one thing verification looked at.
type Check struct {
	Name   Text   `json:"name"`
	Before string `json:"before,omitempty"`
	Now    string `json:"now"`
	Want   string `json:"want,omitempty"`
	State  string `json:"state"` // ok, bad, unknown
}
