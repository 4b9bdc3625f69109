package lark

import (
	"slices"

	"cce-oncall/shared/incident"
)

// IncidentCard draws the one card of an incident. Its order is the order of the questions of somebody who was woken: what is broken
// and how sure is that (title), what must I do (first line), what is affected, why do you think so, what else could it be, what do
// you propose and what will it do, how do I say yes. Buttons exist only while pressing them does something.
func IncidentCard(v View) ([]byte, error) {
	v = v.judged()
	return write(v.Look, v.Now, func(p pen, c cut) card { return v.sheet(p, c).card(p) })
}

func (v View) sheet(p pen, c cut) sheet {
	st := v.is
	s := sheet{
		title:    v.headline(p),
		subtitle: say("%s · %s", "%s · %s", p.data(v.Incident.Cluster.Label(), 60), p.data(string(v.Incident.ID), 50)),
		colour:   v.colour(st),
		tags:     v.tags(p, st),
	}
	if st.Final() {
		s.title = same("%s · %s", term(p, statuses, st), s.title)
	}
	s.summary = say("[%s] %s", "[%s] %s", term(p, statuses, st), s.title)
	if st.Final() {
		s.summary = s.title
	}
	s.parts = slices.Concat(v.now(p, c, st), v.body(p, c, st), v.foot(p, c))
	return s
}

func (v View) colour(st incident.Status) colour {
	if c, ok := statusColours[st]; ok {
		return c
	}
	if c, ok := severityColours[v.severity()]; ok {
		return c
	}
	return orange
}

func (v View) tags(p pen, st incident.Status) []tag {
	var out []tag
	if s := v.severity(); s != "" {
		out = append(out, tag{term(p, severities, s), severityColours[s]})
	}
	return append(out, tag{term(p, statuses, st), v.colour(st)}, tag{p.data(v.Incident.Cluster.Label(), 40), greyed})
}

// now is the first line: where it stands and what a person must do.
func (v View) now(p pen, c cut, st incident.Status) []element {
	out := []element{p.markdown(v.standing(p, st))}
	if h := v.history(p, c, st); !h.empty() {
		out = append(out, p.markdown(h))
	}
	return out
}

// body is what a state needs; closed incidents show what was done before what was wrong.
func (v View) body(p pen, c cut, st incident.Status) []element {
	switch st {
	case incident.Diagnosing:
		return slices.Concat(v.facts(p), v.findings(p, c))
	case incident.AwaitingConfirmation:
		return slices.Concat(v.facts(p), v.findings(p, c), v.solutions(p, c, true), v.asking(p))
	case incident.Executing, incident.RollingBack:
		return slices.Concat(v.execution(p, c), v.facts(p), v.background(p, c))
	case incident.Verifying:
		return slices.Concat(v.execution(p, c), v.verification(p, c), v.undo(p), v.facts(p), v.background(p, c))
	case incident.Recovered, incident.RolledBack:
		return slices.Concat(v.done(p, c), v.verification(p, c), v.outlook(p, c), v.facts(p), v.background(p, c))
	case incident.HandedOver:
		return slices.Concat(v.done(p, c), v.verification(p, c), v.undo(p), v.outlook(p, c), v.facts(p), v.findings(p, c), v.solutions(p, c, false))
	case incident.Rejected, incident.Expired:
		return slices.Concat(v.done(p, c), v.outlook(p, c), v.facts(p), v.findings(p, c), v.solutions(p, c, false))
	}
	return slices.Concat(v.facts(p), v.findings(p, c))
}

// foot names the incident and the clock.
func (v View) foot(p pen, c cut) []element {
	note := say("Incident %s · card of %s · times in %s", "事件 %s · 卡片更新于 %s · 时区 %s", p.data(string(v.Incident.ID), 80), p.stamp(v.Now), p.clockName())
	return p.footer(v.Links, note, c)
}
