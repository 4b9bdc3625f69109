package diagnose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// The output document of the case format. Its order of fields is the order people read them in.
type (
	outDocument struct {
		Verdict   incident.Verdict `json:"verdict"`
		Causes    []outFinding     `json:"causes"`
		Effects   []outFinding     `json:"effects"`
		Gaps      []string         `json:"gaps"`
		Look      []string         `json:"look,omitempty"`
		Incidents []outIncident    `json:"incidents"`
		Solutions []outSolution    `json:"solutions"`
	}
	outTarget struct {
		Kind      string `json:"kind"`
		Namespace string `json:"namespace,omitempty"`
		Name      string `json:"name"`
	}
	outEvidence struct {
		Source    incident.Source `json:"source"`
		Statement string          `json:"statement"`
		Target    outTarget       `json:"target"`
		At        string          `json:"at,omitempty"`
	}
	outFinding struct {
		Reason     incident.Reason   `json:"reason"`
		Target     outTarget         `json:"target"`
		Confidence float64           `json:"confidence"`
		Summary    string            `json:"summary"`
		Since      string            `json:"since,omitempty"`
		Evidence   []outEvidence     `json:"evidence"`
		Counter    []string          `json:"counterEvidence"`
		Affected   []outTarget       `json:"affected,omitempty"`
		Explained  incident.Reason   `json:"explainedBy,omitempty"`
		Facts      map[string]string `json:"facts,omitempty"`
	}
	outIncident struct {
		Key    string   `json:"key"`
		Alarms []string `json:"alarms"`
		Cause  int      `json:"cause"` // -1: none of the causes found
	}
	outStep struct {
		Action incident.ActionKind `json:"action"`
		Target outTarget           `json:"target"`
		Expect map[string]string   `json:"expect"`
		Goal   map[string]string   `json:"goal"`
	}
	outSolution struct {
		ID         string        `json:"id"`
		Cause      int           `json:"cause"`
		Title      string        `json:"title"`
		Risk       incident.Risk `json:"risk"`
		When       string        `json:"when"`
		Impact     string        `json:"impact"`
		Verify     string        `json:"verify"`
		Rollback   string        `json:"rollback"`
		Prediction string        `json:"prediction"`
		Steps      []outStep     `json:"steps"`
		Manual     string        `json:"manual"`
	}
)

// Output is the document that diagnose -case prints: the diagnosis in English, indented, with every list present. The same
// diagnosis gives the same bytes.
func Output(s *observe.Snapshot, d incident.Diagnosis, groups []alarm.Group, solutions []incident.Solution) ([]byte, error) {
	doc := outDocument{
		Verdict: d.Verdict, Causes: outFindings(d.Causes), Effects: outFindings(d.Effects), Gaps: list(d.Gaps), Look: d.Look,
		Incidents: outIncidents(s, d, groups), Solutions: []outSolution{},
	}
	for _, x := range solutions {
		o := outSolution{
			ID: x.ID, Cause: x.Cause, Title: x.Title.EN, Risk: x.Risk, When: x.When.EN, Impact: x.Impact.EN, Verify: x.Verify.EN,
			Rollback: x.Rollback.EN, Prediction: x.Prediction.EN, Steps: []outStep{}, Manual: x.Manual.EN,
		}
		for _, x := range x.Steps {
			o.Steps = append(o.Steps, outStep{Action: x.Action, Target: outTargetOf(x.Target), Expect: x.Expect, Goal: x.Goal})
		}
		doc.Solutions = append(doc.Solutions, o)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		return nil, fmt.Errorf("write the diagnosis: %w", err)
	}
	return b.Bytes(), nil
}

// outIncidents says to which cause each group of alarms that opens an incident belongs: the one that is about an object of its alarms, or about what such
// an object depends on.
func outIncidents(s *observe.Snapshot, d incident.Diagnosis, groups []alarm.Group) []outIncident {
	out := make([]outIncident, 0, len(groups))
	v, failure := viewOf(s)
	for _, g := range groups {
		if !g.Opens() {
			continue // a notice, one that is over, or one that is silenced: production opens no incident for it either
		}
		o := outIncident{Key: g.Key, Alarms: []string{}, Cause: -1}
		for _, a := range g.Alarms {
			o.Alarms = append(o.Alarms, a.ID)
		}
		if failure == "" {
			o.Cause = v.causeOf(g, d)
		}
		out = append(out, o)
	}
	return out
}

func (v *view) causeOf(g alarm.Group, d incident.Diagnosis) int {
	about := incident.Finding{}
	for _, a := range g.Alarms {
		about.Affected = unite(about.Affected, v.alarmTargets(a))
	}
	for i := range d.Causes {
		if touchesAny(&d.Causes[i], about.Affected) {
			return i
		}
	}
	e := v.reach(&about)
	for _, rel := range []func(c *reachOf) bool{
		func(c *reachOf) bool { return shares(c, e) }, func(c *reachOf) bool { return e.nodes[c.node] || e.node != "" && c.nodes[e.node] },
		func(c *reachOf) bool { return v.callsAny(e, c) },
	} {
		for i := range d.Causes {
			if rel(v.reach(&d.Causes[i])) {
				return i
			}
		}
	}
	for _, f := range d.Effects {
		if touchesAny(&f, about.Affected) {
			return slices.IndexFunc(d.Causes, func(c incident.Finding) bool { return c.Reason == f.ExplainedBy })
		}
	}
	return -1
}

func outFindings(all []incident.Finding) []outFinding {
	out := make([]outFinding, 0, len(all))
	for _, f := range all {
		o := outFinding{
			Reason: f.Reason, Target: outTargetOf(f.Target), Confidence: f.Confidence, Summary: f.Summary.EN, Since: stamp(f.Since),
			Evidence: make([]outEvidence, 0, len(f.Evidence)), Counter: list(f.Counter), Explained: f.ExplainedBy, Facts: f.Facts,
		}
		for _, e := range f.Evidence {
			o.Evidence = append(o.Evidence, outEvidence{e.Source, e.Statement, outTargetOf(e.Target), stamp(e.At)})
		}
		for _, t := range f.Affected {
			o.Affected = append(o.Affected, outTargetOf(t))
		}
		out = append(out, o)
	}
	return out
}

func outTargetOf(t incident.Target) outTarget { return outTarget{t.Kind, t.Namespace, t.Name} }

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// Markdown is the registry of reasons as a table, by domain, as diagnose -reasons prints it and the README shows it.
func Markdown() string {
	var b strings.Builder
	var domains []incident.Domain
	for _, r := range incident.Reasons {
		if !slices.Contains(domains, r.Domain) {
			domains = append(domains, r.Domain)
		}
	}
	for i, d := range domains {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "### %s\n\n| Reason | Object | What is broken | What a person does |\n|---|---|---|---|\n", upperFirst(string(d)))
		for _, r := range incident.Reasons {
			if r.Domain != d {
				continue
			}
			n := string(r.Reason)
			if r.Symptom {
				n += " (symptom)"
			}
			fmt.Fprintf(&b, "| %s | %s | %s / %s | %s |\n", n, r.Kind, cell(r.Title.EN), cell(r.Title.ZH), cell(r.Advice.EN))
		}
	}
	return b.String()
}

func cell(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s) }
