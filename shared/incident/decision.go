package incident

import "time"

// Verb is what a person said.
type Verb string

// What can be said on a card.
const (
	Approve Verb = "approve"
	Reject  Verb = "reject"
	Stop    Verb = "stop" // during execution: stop at the next safe point
	Undo    Verb = "undo" // after execution: back to the before-image
)

// Decision is one click or typed sentence, as webhook wrote it down: who said what about exactly which change.
type Decision struct {
	ID       string    `json:"id"` // deterministic: from the platform's event id, so a repeated delivery is the same decision
	Incident ID        `json:"incident"`
	Round    int       `json:"round"`
	Solution string    `json:"solution,omitempty"` // letter; empty for Reject of the whole plan
	Digest   string    `json:"digest,omitempty"`   // Solution.Digest as it was on the card
	Verb     Verb      `json:"verb"`
	By       string    `json:"by"`              // open_id from the verified callback, never from the card's value
	Union    string    `json:"union,omitempty"` // union_id of the same person, where the callback had one: one person is one, under any open_id
	Chat     string    `json:"chat"`
	Message  string    `json:"message"` // message id of the card, or of the typed sentence
	Typed    bool      `json:"typed,omitempty"`
	SaidAt   time.Time `json:"saidAt,omitzero"`   // of typed words, by the platform's clock: they may be delivered hours later
	Comment  string    `json:"comment,omitempty"` // reason given with Reject; data, never instruction
	At       time.Time `json:"at"`
	// Refused is why it had no effect; empty for a decision that counts. A refused decision is kept for the audit.
	Refused string `json:"refused,omitempty"`
}

// SamePerson says whether two decisions are one person's.
func (d Decision) SamePerson(o Decision) bool {
	return d.By == o.By || d.Union != "" && d.Union == o.Union
}

// Confirmation is the consent that an execution acts on: as many different people as the solution needs, all for one digest.
type Confirmation struct {
	Solution  string     `json:"solution"`
	Digest    string     `json:"digest"`
	Decisions []Decision `json:"decisions"`
	At        time.Time  `json:"at"` // when the last needed decision was made
}
