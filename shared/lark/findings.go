package lark

import (
	"fmt"
	"slices"
	"strings"

	"cce-oncall/shared/incident"
)

// How much of each list stands on the card without a click.
const (
	shownLines   = 4
	shownCauses  = 3
	shownGaps    = 4
	shownChanges = 2
	foldedLines  = 20
)

// findings is the diagnosis: key evidence with its chart, possible causes with what speaks against them, and what could not be seen.
func (v View) findings(p pen, c cut) []element {
	return slices.Concat(v.evidence(p, c), v.causes(p, c), v.unseen(p, c))
}

// background is the diagnosis for those who want to look back, folded.
func (v View) background(p pen, c cut) []element {
	if c.detail {
		return nil
	}
	return []element{p.folded(say("Diagnosis and evidence", "诊断与证据"), slices.Concat(v.evidence(p, cut{detail: true, chart: c.chart}), v.causes(p, cut{detail: true}), v.unseen(p, c))...)}
}

// evidence shows the most telling chart, what the first cause rests on, and the watermarks of nodes and pods.
func (v View) evidence(p pen, c cut) []element {
	scene := v.round().Scene
	out := []element{p.heading(say("Key evidence", "关键证据"))}
	if !c.chart {
		for _, ch := range scene.Charts {
			if head, e, ok := p.draw(ch); ok {
				out = append(out, p.small(head), e)
				break
			}
		}
	}
	limit := c.few(shownLines, 2)
	var facts []words
	if cause, ok := v.cause(); ok {
		all := distinct(cause.Evidence)
		for _, e := range all[:min(len(all), limit)] {
			facts = append(facts, bullet(v.evidenceLine(p, e)))
		}
	}
	if len(facts) == 0 {
		facts = append(facts, say("none could be gathered", "未能采集到"))
	}
	out = append(out, p.markdown(lines(facts...)))
	out = append(out, listing(p, nodeColumns(), scene.Nodes, limit, p.nodeLine)...)
	out = append(out, listing(p, podColumns(), scene.Pods, limit, p.podLine)...)
	if around := lines(v.around(p)...); !around.empty() {
		out = append(out, p.markdown(around))
	}
	if c.detail {
		return out
	}
	return append(out, v.moreEvidence(p)...)
}

// listing is a heading in both languages above lines that need only one.
func listing[T any](p pen, head words, all []T, n int, line func(T) words) []element {
	if len(all) == 0 {
		return nil
	}
	var out []words
	for _, x := range all[:min(n, len(all))] {
		out = append(out, bullet(line(x)))
	}
	return []element{p.markdown(head), p.markdown(lines(out...))}
}

// distinct drops facts that read the same: two pods of one workload often say one thing.
func distinct(all []incident.Evidence) []incident.Evidence {
	seen := map[string]bool{}
	var out []incident.Evidence
	for _, e := range all {
		if key := string(e.Source) + " " + e.Statement; !seen[key] {
			seen[key] = true
			out = append(out, e)
		}
	}
	return out
}

// evidenceLine is a fact as it was found, where from, and when it was true.
func (v View) evidenceLine(p pen, e incident.Evidence) words {
	what, from := v.statement(p, e), term(p, sources, e.Source)
	if e.At.IsZero() {
		return say("%s (%s)", "%s（%s）", what, from)
	}
	return say("%s (%s, %s)", "%s（%s，%s）", what, from, p.clock(e.At))
}

// statement quotes a fact. Names of series and of alarm rules are for machines: what they mean is said in their place.
func (v View) statement(p pen, e incident.Evidence) words {
	if e.Source == incident.FromAlarm {
		for _, a := range v.Incident.Alarms {
			if e.Statement == fmt.Sprintf("alarm %s (%s) is firing", a.Name, a.Severity) {
				return say("%s (%s) is firing", "%s（%s）告警中", p.text(alarmTitle(a), 120), term(p, severities, string(a.Severity)))
			}
		}
	}
	name, rest, _ := strings.Cut(e.Statement, " ")
	quantity, known := quantities[name]
	if e.Source != incident.FromMetric || !known {
		return p.data(e.Statement, 220)
	}
	rest = measured(name, rest)
	if value, mean := strings.CutSuffix(rest, " (mean of the last three samples)"); mean {
		return say("%s %s, mean of the last three samples", "%s %s，最近三个采样的均值", quantity, p.data(value, 200))
	}
	return same("%s %s", quantity, p.data(rest, 200))
}

// around is what else happened near: alarms that were merged, and recent changes.
func (v View) around(p pen) []words {
	out := v.related(p)
	changes := v.round().Scene.Changes
	for _, ch := range changes[:min(shownChanges, len(changes))] {
		out = append(out, bullet(p.changeLine(ch)))
	}
	return out
}

// related names the alarms that were merged into this one, each name once; more of the same name are counted beside the alarm.
func (v View) related(p pen) []words {
	var titles []incident.Text
	for _, a := range v.Incident.Alarms {
		if t := alarmTitle(a); !slices.Contains(titles, t) {
			titles = append(titles, t)
		}
	}
	var names []words
	for _, t := range after(titles, 1) {
		names = append(names, p.text(t, 80))
	}
	if len(names) == 0 {
		return nil
	}
	return []words{bullet(enumerate(say("Related alarms", "相关告警"), names, 5))}
}

func (p pen) changeLine(ch incident.ChangeLine) words {
	who := words{}
	if ch.Actor != "" {
		who = say(" by %s", "，操作者 %s", p.data(ch.Actor, 80))
	}
	return say("Change %s: %s, %s%s", "变更 %s：%s，%s%s", p.clock(ch.At), p.data(ch.Target.String(), 120), p.data(ch.What, 160), who)
}

// roll collects lines up to a bound and counts the rest without writing them.
type roll struct {
	lines []words
	n     int
}

func (r *roll) add(line func() words) {
	r.n++
	if len(r.lines) < foldedLines {
		r.lines = append(r.lines, bullet(line()))
	}
}

// moreEvidence folds what did not fit above: further statements, nodes, pods, resources, HPAs, changes, and explained symptoms.
func (v View) moreEvidence(p pen) []element {
	r, more := v.round(), &roll{}
	if c, ok := v.cause(); ok {
		for _, e := range after(distinct(c.Evidence), shownLines) {
			more.add(func() words { return v.evidenceLine(p, e) })
		}
	}
	for _, l := range after(r.Scene.Nodes, shownLines) {
		more.add(func() words { return say("Node %s", "节点 %s", p.nodeLine(l)) })
	}
	for _, l := range after(r.Scene.Pods, shownLines) {
		more.add(func() words { return say("Pod %s", "Pod %s", p.podLine(l)) })
	}
	for _, w := range r.Scene.Workloads {
		if w.Resources != "" || w.Owner != "" {
			more.add(func() words {
				return say("%s: %s", "%s：%s", p.data(w.Target.String(), 120), p.data(joinText(w.Resources, w.Owner), 200))
			})
		}
	}
	for _, h := range r.Scene.HPAs {
		more.add(func() words { return say("HPA %s", "HPA %s", p.data(h, 200)) })
	}
	for _, ch := range after(r.Scene.Changes, shownChanges) {
		more.add(func() words { return p.changeLine(ch) })
	}
	for _, e := range r.Diagnosis.Effects {
		more.add(func() words {
			return say("Symptom: %s (explained by %s)", "症状：%s（由 %s 引起）", p.text(e.Summary, 200), p.data(string(e.ExplainedBy), 60))
		})
	}
	if more.n == 0 {
		return nil
	}
	if rest := more.n - len(more.lines); rest > 0 {
		more.lines = append(more.lines, say("and %s more, in the archive", "其余 %s 条见归档", num(rest)))
	}
	return []element{p.folded(say("More evidence: %s", "更多证据：%s", count(more.n, "line", "lines", "条")), p.markdown(lines(more.lines...)))}
}

// after is what follows the first n.
func after[T any](all []T, n int) []T { return all[min(n, len(all)):] }

func joinText(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + ", " + b
}

// causes lists what it may be, most likely first, each with how sure that is and what speaks against it.
func (v View) causes(p pen, c cut) []element {
	d := v.round().Diagnosis
	out := []words{bold(say("Possible causes", "可能原因"))}
	if len(d.Causes) == 0 {
		out = append(out, say("none is proven", "尚无证据充分的原因"))
	}
	for i, f := range d.Causes {
		if i == shownCauses {
			out = append(out, say("and %s less likely, in the archive", "另有 %s 个可能性较低的原因，见归档", num(len(d.Causes)-i)))
			break
		}
		out = append(out, p.causeLine(i+1, f, c))
	}
	if n := len(d.Effects); n > 0 {
		out = append(out, say("%s explained by these.", "%s由上述原因引起。", count(n, "symptom is", "symptoms are", "个症状")))
	}
	for i, l := range d.Look {
		if i == 0 {
			out = append(out, bold(say("What to look at", "建议排查")))
		}
		if i == shownGaps {
			break
		}
		out = append(out, bullet(p.data(l, 200)))
	}
	return []element{p.markdown(lines(out...))}
}

func (p pen) causeLine(n int, f incident.Finding, c cut) words {
	what := grey(say("(%s, %s)", "（%s，%s）", p.data(string(f.Reason), 60), p.data(f.Target.String(), 120)))
	since := words{}
	if !f.Since.IsZero() {
		since = say(" since %s", "，自 %s 起", p.clock(f.Since))
	}
	out := say("%s. %s%s — **sure %s** %s", "%s. %s%s — **置信度 %s** %s", num(n), p.text(timeless(f.Summary), 220), since, percent(f.Confidence), what)
	if n > 1 && len(f.Evidence) > 0 && !c.lists {
		out = lines(out, say("   For: %s", "   支持：%s", p.data(f.Evidence[0].Statement, 200)))
	}
	for i, against := range f.Counter {
		if i == 2 || c.lists {
			break
		}
		out = lines(out, say("   Against: %s", "   反证：%s", p.data(against, 200)))
	}
	if len(f.Counter) == 0 {
		out = lines(out, say("   Against: nothing found", "   反证：未发现"))
	}
	return out
}

// unseen lists what could not be looked at; nothing there was guessed.
func (v View) unseen(p pen, c cut) []element {
	gaps := alike(v.round().Diagnosis.Gaps)
	if len(gaps) == 0 {
		return nil
	}
	limit := c.few(shownGaps, 2)
	head := bold(say("Could not be seen (not guessed)", "未能获取的信息（未作猜测）"))
	if rest := len(gaps) - limit; rest > 0 {
		head = say("%s, %s more in the archive", "%s，另有 %s 项见归档", head, num(rest))
	}
	return listing(p, head, gaps, limit, func(g string) words { return p.data(g, 200) })
}

// alike puts gaps that say the same of several sources into one line: where an identity may read nothing, forty lines would say so.
func alike(gaps []string) []string {
	const named = 4
	sources := map[string][]string{}
	var out []string
	for _, g := range gaps {
		source, why, ok := strings.Cut(g, " could not be ")
		if !ok || strings.Contains(source, " ") {
			out = append(out, g)
			continue
		}
		if sources[why] == nil {
			out = append(out, " could not be "+why)
		}
		sources[why] = append(sources[why], source)
	}
	for i, g := range out {
		why, ok := strings.CutPrefix(g, " could not be ")
		if !ok {
			continue
		}
		all := sources[why]
		list := strings.Join(all[:min(named, len(all))], ", ")
		if rest := len(all) - named; rest > 0 {
			list = fmt.Sprintf("%s and %d more kinds", list, rest)
		}
		out[i] = list + g
	}
	return out
}
