// Package incident is the vocabulary and the law: what an incident is made of, and what follows from it. It is put together
// from facts that were written down, so its Status is computed and never stored. It reads no network, clock or environment.
package incident

import (
	"time"

	"cce-oncall/shared/alarm"
)

// ID names an incident for ever: day and hash of its key and first firing, so that two diagnoses of one alarm agree on it.
type ID string

// Incident is one trouble from the first alarm to the last word.
type Incident struct {
	ID       ID            `json:"id"`
	Key      string        `json:"key"` // correlation key: what further alarms are matched by
	Cluster  Cluster       `json:"cluster"`
	OpenedAt time.Time     `json:"openedAt"`
	Alarms   []alarm.Alarm `json:"alarms"`
	Card     *Card         `json:"card,omitempty"`   // the one message about it; nil until it was sent
	Rounds   []Round       `json:"rounds"`           // each: look, propose, ask, do, verify
	Closed   *Closing      `json:"closed,omitempty"` // nil while open
}

// Card is where the incident is shown.
type Card struct {
	Chat    string `json:"chat"`
	Message string `json:"message"`
}

// Round is one turn of the loop: a diagnosis, what is proposed, what people decided, what was done, what came of it.
type Round struct {
	Number    int        `json:"number"` // from 1
	Diagnosis Diagnosis  `json:"diagnosis"`
	Scene     Scene      `json:"scene"`
	Plan      *Plan      `json:"plan,omitempty"`
	Decisions []Decision `json:"decisions,omitempty"` // oldest first
	Execution *Execution `json:"execution,omitempty"`
}

// Plan is a set of alternatives offered on one card.
type Plan struct {
	Incident  ID         `json:"incident"`
	Round     int        `json:"round"`
	Solutions []Solution `json:"solutions"`
	At        time.Time  `json:"at"`
	ExpiresAt time.Time  `json:"expiresAt"`
}

// Solution finds one by its letter, in either case.
func (p *Plan) Solution(letter string) (Solution, bool) {
	if p == nil {
		return Solution{}, false
	}
	for _, s := range p.Solutions {
		if s.ID == letter {
			return s, true
		}
	}
	return Solution{}, false
}

// Closing is how an incident ended.
type Closing struct {
	Status Status    `json:"status"` // Recovered, Rejected, Expired, RolledBack or HandedOver
	Reason Text      `json:"reason"` // why, in a sentence a person can act on
	At     time.Time `json:"at"`
	Risks  []Text    `json:"risks,omitempty"`  // what may still go wrong
	Advice []Text    `json:"advice,omitempty"` // what people should do next
}

// Last is the current round, nil before the first diagnosis.
func (i *Incident) Last() *Round {
	if len(i.Rounds) == 0 {
		return nil
	}
	return &i.Rounds[len(i.Rounds)-1]
}
