package lark

import (
	"time"

	"cce-oncall/shared/incident"
)

// Problem is something that a person who is waiting must know: we could not do what they wait for.
type Problem struct {
	Look
	Cluster  incident.Cluster
	Incident incident.ID // empty when it is about no incident
	At       time.Time
	What     incident.Text   // "the cluster could not be read: 403 from the API server"
	Changed  bool            // whether anything was changed before it went wrong
	Detail   []string        // errors and facts, quoted
	Next     []incident.Text // what a person does about it
	Links    []Link
}

// ProblemCard says what could not be done, that nothing was changed (or that something was), and what a person does next.
func ProblemCard(o Problem) ([]byte, error) {
	return write(o.Look, o.At, func(p pen, c cut) card {
		s := sheet{
			title:  say("%s: %s", "%s：%s", p.data(o.Cluster.Label(), 60), p.text(incident.Text{EN: noStop(o.What.In("en")), ZH: noStop(o.What.In("zh"))}, 110)),
			colour: carmine,
			tags:   []tag{{say("Agent problem", "值守系统异常"), carmine}, {p.data(o.Cluster.Label(), 40), greyed}},
		}
		state := say("**Nothing was changed.** Do not rely on the on-call agent for this until it is repaired.", "**未做任何变更。** 修复之前请勿依赖值守系统处理此问题。")
		if o.Changed {
			state = say("**Something had already been changed: look at the incident's card.**", "**此前已有变更生效，请查看该事件的卡片。**")
		}
		s.parts = []element{p.markdown(state)}
		if next := p.bullets(say("What to do", "如何处理"), texts(p, o.Next, 300), 6); !next.empty() {
			s.parts = append(s.parts, p.markdown(next))
		}
		if detail := p.bullets(say("Details", "详细信息"), quotes(p, o.Detail, 300), c.few(8, 3)); !detail.empty() {
			s.parts = append(s.parts, p.markdown(detail))
		}
		note := say("%s · times in %s", "%s · 时区 %s", p.stamp(o.At), p.clockName())
		if o.Incident != "" {
			note = say("Incident %s · %s", "事件 %s · %s", p.data(string(o.Incident), 80), note)
		}
		s.parts = append(s.parts, p.footer(o.Links, note, c)...)
		return s.card(p)
	})
}

// bullets is a headed list of at most n lines; empty for none.
func (p pen) bullets(head words, all []words, n int) words {
	if len(all) == 0 {
		return words{}
	}
	out := []words{bold(head)}
	for i, w := range all {
		if i == n {
			out = append(out, say("and %s more", "另有 %s 项", num(len(all)-i)))
			break
		}
		out = append(out, bullet(w))
	}
	return lines(out...)
}

func texts(p pen, all []incident.Text, n int) []words {
	out := make([]words, 0, len(all))
	for _, t := range all {
		out = append(out, p.text(t, n))
	}
	return out
}

func quotes(p pen, all []string, n int) []words {
	out := make([]words, 0, len(all))
	for _, s := range all {
		out = append(out, p.data(s, n))
	}
	return out
}
