package lark

import (
	"regexp"
	"strings"
	"time"

	"cce-oncall/shared/incident"
)

// Keys of View.Tokens beside the solutions' letters.
const (
	ButtonReject = "reject"
	ButtonStop   = "stop"
	ButtonUndo   = "undo"
)

// ReasonField is the name under which Click.Form holds the reason of a rejection.
const ReasonField = "reason"

// View is an incident as it is shown at one moment. The card is a function of it: the same view gives the same bytes.
type View struct {
	Look
	Incident  *incident.Incident
	Now       time.Time
	Tokens    map[string]string // opaque single-use tokens by button: "A", "B", …, and the keys above; a button without one is not drawn
	Approvers []string          // open_ids of who may confirm
	Links     []Link

	is      incident.Status  // what the law says of it, looked up once: see judged
	consent incident.Consent // of the current round
}

// Link is a button that opens a page.
type Link struct {
	Name incident.Text
	URL  string // http(s)
}

// judged asks the law once; a card asks for the answer in many places.
func (v View) judged() View {
	v.is = v.Incident.Status(v.Now)
	if r := v.Incident.Last(); r != nil {
		v.consent = r.Consent()
	}
	return v
}

// cause is the first cause of the latest round that has one.
func (v View) cause() (incident.Finding, bool) {
	for i := len(v.Incident.Rounds) - 1; i >= 0; i-- {
		if c := v.Incident.Rounds[i].Diagnosis.Causes; len(c) > 0 {
			return c[0], true
		}
	}
	return incident.Finding{}, false
}

// round is the current one, or an empty one before the first diagnosis.
func (v View) round() incident.Round {
	if r := v.Incident.Last(); r != nil {
		return *r
	}
	return incident.Round{}
}

// severity is the worst of the alarms; empty when there are none.
func (v View) severity() string {
	for _, s := range []string{"Critical", "Major", "Minor", "Info"} {
		for _, a := range v.Incident.Alarms {
			if string(a.Severity) == s {
				return s
			}
		}
	}
	return ""
}

// since is when it began: what the cause says, or the first alarm, or when the incident was opened.
func (v View) since() time.Time {
	if c, ok := v.cause(); ok && !c.Since.IsZero() {
		return c.Since
	}
	return v.began()
}

// began is the first alarm, or when the incident was opened.
func (v View) began() time.Time {
	first := v.Incident.OpenedAt
	for i, a := range v.Incident.Alarms {
		if i == 0 || a.FiredAt.Before(first) {
			first = a.FiredAt
		}
	}
	return first
}

// firing counts the alarms that were active when they were last read.
func (v View) firing() int {
	n := 0
	for _, a := range v.Incident.Alarms {
		if a.Active() {
			n++
		}
	}
	return n
}

// short is a target as people say it: default/chat-app, or Node worker-1 for what has no namespace.
func short(t incident.Target) string {
	if t.Namespace == "" {
		return t.String()
	}
	return t.Namespace + "/" + t.Name
}

// headline says what is broken, for whom, since when, and how sure that is. What is over is named by how it began, with the time
// it took.
func (v View) headline(p pen) words {
	c, ok := v.cause()
	if !ok {
		return v.alarmHeadline(p)
	}
	if end := v.Incident.Closed; end != nil && end.Status == incident.Recovered {
		if first := firstCause(v.Incident.Rounds); first.Reason != "" {
			c = first
		}
		return say("%s, %s to %s (%s)", "%s，%s 至 %s（历时 %s）", p.broken(c), p.clock(v.began()), p.clock(end.At), span(end.At.Sub(v.began())))
	}
	return say("%s since %s — sure %s", "%s，自 %s 起（置信度 %s）", p.broken(c), p.clock(v.since()), percent(c.Confidence))
}

// broken is a cause in a few words, with its object unless they name it.
func (p pen) broken(c incident.Finding) words {
	what := p.text(timeless(c.Summary), 130)
	if !strings.Contains(c.Summary.EN, c.Target.Name) && c.Target.Name != "" {
		what = say("%s: %s", "%s：%s", p.data(short(c.Target), 80), what)
	}
	return what
}

// alarmHeadline is for when no cause is known: the alarm's words, and that the cause is open.
func (v View) alarmHeadline(p pen) words {
	what, who := p.data(v.Incident.Key, 80), words{}
	if a := v.Incident.Alarms; len(a) > 0 {
		what = p.text(alarmTitle(a[0]), 80)
		who = p.data(strings.Trim(a[0].Object.Namespace+"/"+a[0].Object.Name, "/"), 80)
	}
	if !who.empty() {
		what = say("%s: %s", "%s：%s", who, what)
	}
	state := say("cause not proven", "原因尚未查明")
	if len(v.Incident.Rounds) == 0 {
		state = say("cause being looked for", "正在定位原因")
	}
	return say("%s since %s — %s", "%s，自 %s 起（%s）", what, p.clock(v.since()), state)
}

func noStop(s string) string { return strings.TrimRight(s, " .。") }

// Summaries end with the time since when, in UTC, since they are also read without a card. A card has one clock and says it there.
var (
	sinceEN = regexp.MustCompile(`,? since [0-9: -]+ UTC \([^()]*\)\.?$`)
	sinceZH = regexp.MustCompile(`，?自 [0-9: -]+ UTC 起（[^（）]*）。?$`)
)

// timeless is a summary without its full stop and its time.
func timeless(t incident.Text) incident.Text {
	return incident.Text{EN: noStop(sinceEN.ReplaceAllString(t.In("en"), "")), ZH: noStop(sinceZH.ReplaceAllString(t.In("zh"), ""))}
}

// verdict is the last look of an execution, nil before the first.
func verdict(x *incident.Execution) *incident.Verification {
	if x == nil || len(x.Verification) == 0 {
		return nil
	}
	return &x.Verification[len(x.Verification)-1]
}

// Headline is an incident in one line, as its card's title says it: for lists, reports and answers.
func Headline(i *incident.Incident, now time.Time, l Look) incident.Text {
	w := title(View{Incident: i, Now: now}.headline(l.pen(now)), 160)
	return incident.Text{EN: w.raw.en, ZH: w.raw.zh}
}
