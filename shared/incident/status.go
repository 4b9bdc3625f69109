package incident

import "time"

// Status is where an incident stands. Running states end in -ing, final ones are past tense.
type Status string

// The states of an incident.
const (
	Diagnosing           Status = "Diagnosing"
	AwaitingConfirmation Status = "AwaitingConfirmation"
	Executing            Status = "Executing"
	Verifying            Status = "Verifying"
	RollingBack          Status = "RollingBack"
	Recovered            Status = "Recovered"
	Rejected             Status = "Rejected"
	Expired              Status = "Expired"
	RolledBack           Status = "RolledBack"
	HandedOver           Status = "HandedOver"
)

// Final says whether nothing more will happen by itself.
func (s Status) Final() bool {
	switch s {
	case Recovered, Rejected, Expired, RolledBack, HandedOver:
		return true
	case Diagnosing, AwaitingConfirmation, Executing, Verifying, RollingBack:
		return false
	}
	return false
}

// Status follows from what has been written down and the time; it is never stored while the incident is open.
func (i *Incident) Status(now time.Time) Status {
	if i.Closed != nil {
		return i.Closed.Status
	}
	r := i.Last()
	if r == nil {
		return Diagnosing
	}
	if x := r.Execution; x != nil {
		switch {
		case x.Unwinding && x.DoneAt.IsZero():
			return RollingBack
		case x.DoneAt.IsZero():
			return Executing
		default:
			return Verifying
		}
	}
	if r.Plan == nil {
		return Diagnosing
	}
	switch c := r.Consent(); {
	case c.Confirmation != nil:
		return Executing
	case c.Rejected != nil:
		return Rejected
	}
	if !now.Before(r.Plan.ExpiresAt) {
		return Expired
	}
	return AwaitingConfirmation
}
