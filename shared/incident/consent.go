package incident

import "time"

// Consent is what the decisions of a round come to so far. Decisions count in the order they were made; a refused one never does.
type Consent struct {
	Approvals    map[string][]Decision // by solution letter, different people, oldest first
	Confirmation *Confirmation         // the first solution that had all the approvals it needs
	Rejected     *Decision
	Stop         *Decision
	Undo         *Decision
}

// Needed is how many different people must confirm a solution.
func (s Solution) Needed() int {
	if s.NeedsTwo {
		return 2
	}
	return 1
}

// Consent folds the round's decisions. The first solution to gather its approvals is confirmed; a rejection before that closes the
// round; whatever comes after either has no effect, except Stop and Undo.
func (r *Round) Consent() Consent {
	c := Consent{Approvals: map[string][]Decision{}}
	for i := range r.Decisions {
		d := r.Decisions[i]
		if d.Refused != "" || d.Round != r.Number {
			continue
		}
		switch d.Verb {
		case Approve:
			if c.Confirmation == nil && c.Rejected == nil {
				c.approve(r.Plan, d)
			}
		case Reject:
			if c.Confirmation == nil && c.Rejected == nil {
				c.Rejected = &d
			}
		case Stop:
			if c.Stop == nil {
				c.Stop = &d
			}
		case Undo:
			if c.Undo == nil {
				c.Undo = &d
			}
		}
	}
	return c
}

func (c *Consent) approve(p *Plan, d Decision) {
	s, ok := p.Solution(d.Solution)
	if !ok || !s.Executable() || s.Digest(p.Incident) != d.Digest || !d.At.Before(p.ExpiresAt) {
		return
	}
	for _, earlier := range c.Approvals[d.Solution] {
		if earlier.SamePerson(d) {
			return
		}
	}
	c.Approvals[d.Solution] = append(c.Approvals[d.Solution], d)
	if len(c.Approvals[d.Solution]) >= s.Needed() {
		c.Confirmation = &Confirmation{Solution: s.ID, Digest: d.Digest, Decisions: c.Approvals[d.Solution], At: d.At}
	}
}

// Execution begins with every step pending. Deadline is absolute.
func (c Confirmation) Execution(p *Plan, now, deadline time.Time) *Execution {
	s, _ := p.Solution(c.Solution)
	x := &Execution{Incident: p.Incident, Round: p.Round, Confirmation: c, UnwindOnFailure: s.UnwindOnFailure, StartedAt: now, Deadline: deadline}
	for _, step := range s.Steps {
		x.Steps = append(x.Steps, StepRun{Step: step, State: StepPending, At: now})
	}
	return x
}
