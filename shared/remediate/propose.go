package remediate

import (
	"fmt"
	"slices"
	"sync"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

const (
	causesAnswered = 3 // a card is read at night: the likeliest causes only
	offersPerCause = 3 // and the Manual after them
	handOverAfter  = 2 // rounds that did not help; then people take over
)

// Propose turns the causes of a diagnosis into solutions, the likeliest cause first, best solution first, Manual after the
// likeliest cause of each object. It is pure. Nothing but Manual is offered where the evidence is too thin for a change (no fault was established, or
// nothing but an alarm speaks for the cause) and after two rounds that changed something and did not converge.
func Propose(s *observe.Snapshot, d incident.Diagnosis, past History) []incident.Solution {
	var out []incident.Solution
	world := sync.OnceValue(func() *world { return newWorld(s) })
	for i, cause := range d.Causes[:min(len(d.Causes), causesAnswered)] {
		b := newBench(s, cause, world)
		group := []incident.Solution{}
		if d.Verdict == incident.Fault && established(cause) && past.Failed < handOverAfter {
			group = append(group, b.offers(past, out)...)
		}
		if !slices.ContainsFunc(d.Causes[:i], func(o incident.Finding) bool { return o.Target.Same(cause.Target) }) {
			group = append(group, b.manual(past)) // one for an object is enough, with its likeliest cause
		}
		for _, solution := range group {
			solution.Cause = i
			out = append(out, solution)
		}
	}
	for n := range out {
		out[n].ID = past.letter(n)
		for k := range out[n].Steps {
			out[n].Steps[k].ID = fmt.Sprintf("%s%d", out[n].ID, k+1)
		}
	}
	return out
}

// established: a change needs more than an alarm to stand on.
func established(cause incident.Finding) bool {
	return slices.ContainsFunc(cause.Evidence, func(e incident.Evidence) bool { return e.Source != incident.FromAlarm })
}

// offers are the fitting solutions of the playbook for a cause, best first. What would be reverted by the object's owner comes
// after a way through the owner.
func (b *bench) offers(past History, already []incident.Solution) []incident.Solution {
	var out []incident.Solution
	for _, m := range playbook[b.cause.Reason] {
		solution, ok := moves[m](b)
		if !ok || past.inVain(b.cause, solution) || slices.ContainsFunc(append(already, out...), sameSteps(solution)) {
			continue
		}
		if out = append(out, solution); len(out) == offersPerCause {
			break
		}
	}
	return b.throughOwner(out)
}

func sameSteps(a incident.Solution) func(incident.Solution) bool {
	return func(o incident.Solution) bool {
		return slices.EqualFunc(a.Steps, o.Steps, func(x, y incident.Step) bool { return x.Action == y.Action && x.Target == y.Target }) && len(a.Steps) > 0
	}
}
