package diagnose

import (
	"cce-oncall/shared/incident"
)

// gather collects what several pods or nodes say of one object into one draft for each reason.
type gather struct {
	v    *view
	list []*draft
	at   map[gatherKey]*draft
}

type gatherKey struct {
	r incident.Reason
	t incident.Target
}

func (v *view) gather() *gather { return &gather{v: v, at: map[gatherKey]*draft{}} }

// on is the draft of a reason about an object; fresh says that it was just begun and still needs its sentence.
func (g *gather) on(r incident.Reason, t incident.Target) (d *draft, fresh bool) {
	k := gatherKey{r, t}
	if d := g.at[k]; d != nil {
		return d, false
	}
	d = g.v.draft(r, t)
	g.at[k] = d
	g.list = append(g.list, d)
	return d, true
}

// has says whether a reason was already found of an object.
func (g *gather) has(t incident.Target, reasons ...incident.Reason) bool {
	for _, r := range reasons {
		if g.at[gatherKey{r, t}] != nil {
			return true
		}
	}
	return false
}

// any says whether anything was already found of an object.
func (g *gather) any(t incident.Target) bool {
	for _, d := range g.list {
		if d.f.Target == t {
			return true
		}
	}
	return false
}

// wordy says that a draft already quotes enough: further pods are counted as affected, not quoted.
func (d *draft) wordy() bool { return len(d.f.Evidence) >= 6 }

func (g *gather) done() []incident.Finding {
	out := make([]incident.Finding, 0, len(g.list))
	for _, d := range g.list {
		out = append(out, d.done())
	}
	return out
}
