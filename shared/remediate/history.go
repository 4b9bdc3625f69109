package remediate

import (
	"slices"

	"cce-oncall/shared/incident"
)

// History is what an incident has been through before this round.
type History struct {
	Letters []string  // used by earlier plans; they keep their meaning
	Tried   []Attempt // what was carried out
	Failed  int       // rounds that changed something and did not converge
}

// Attempt is one step that was carried out for a cause.
type Attempt struct {
	Reason    incident.Reason
	Cause     incident.Target
	Action    incident.ActionKind
	Target    incident.Target
	Converged bool
}

// HistoryOf reads an incident's record. A round whose step was refused changed nothing: it counts as not tried.
func HistoryOf(i *incident.Incident) History {
	var h History
	for _, r := range i.Rounds {
		if r.Plan == nil {
			continue
		}
		for _, s := range r.Plan.Solutions {
			h.Letters = append(h.Letters, s.ID)
		}
		if r.Execution == nil {
			continue
		}
		solution, ok := r.Plan.Solution(r.Execution.Confirmation.Solution)
		if !ok {
			continue
		}
		h.read(r, solution)
	}
	return h
}

func (h *History) read(r incident.Round, solution incident.Solution) {
	converged := false
	if looks := r.Execution.Verification; len(looks) > 0 {
		converged = looks[len(looks)-1].Outcome == incident.Converged
	}
	var cause incident.Finding
	if solution.Cause >= 0 && solution.Cause < len(r.Diagnosis.Causes) {
		cause = r.Diagnosis.Causes[solution.Cause]
	}
	changed := false
	for _, s := range r.Execution.Steps {
		if !effective(s) {
			continue
		}
		changed = true
		h.Tried = append(h.Tried, Attempt{Reason: cause.Reason, Cause: cause.Target, Action: s.Step.Action, Target: s.Step.Target, Converged: converged})
	}
	if changed && !converged {
		h.Failed++
	}
}

// effective says whether a step changed something at some time.
func effective(s incident.StepRun) bool {
	switch s.State {
	case incident.StepApplied, incident.StepSettled, incident.StepUndoing, incident.StepUndone, incident.StepUndoFailed:
		return true
	case incident.StepFailed, incident.StepPrepared:
		return len(s.Receipt) > 0
	case incident.StepPending:
		return false
	}
	return false
}

// inVain says whether all of a solution's steps were tried before for the same cause without convergence. A cordon that did not
// help alone may still begin a drain.
func (h History) inVain(cause incident.Finding, s incident.Solution) bool {
	tried := func(step incident.Step) bool {
		return slices.ContainsFunc(h.Tried, func(a Attempt) bool {
			return !a.Converged && a.Reason == cause.Reason && a.Cause.Same(cause.Target) && a.Action == step.Action && a.Target.Same(step.Target)
		})
	}
	return s.Executable() && !slices.ContainsFunc(s.Steps, func(step incident.Step) bool { return !tried(step) })
}

// letter is the n-th letter that no plan of this incident has used: A … Z, then AA …
func (h History) letter(n int) string {
	for i := 0; ; i++ {
		l := letterAt(i)
		if slices.Contains(h.Letters, l) {
			continue
		}
		if n == 0 {
			return l
		}
		n--
	}
}

func letterAt(i int) string {
	l := string(rune('A' + i%26))
	if i >= 26 {
		return letterAt(i/26-1) + l
	}
	return l
}
