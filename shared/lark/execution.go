package lark

import (
	"maps"
	"regexp"
	"slices"

	"cce-oncall/shared/incident"
)

// execution tells who confirmed, how far each step is, and offers Stop while that has an effect.
func (v View) execution(p pen, c cut) []element {
	r := v.round()
	x := r.Execution
	after := words{}
	if s, ok := r.Plan.Solution(v.letter(r)); ok && v.is == incident.Executing {
		after = p.labelled(say("Then verified by", "完成后的验证方式"), s.Verify, 240)
	}
	out := []element{p.markdown(lines(v.confirmedBy(p, r), v.steps(p, x, c), after))}
	if token := v.Tokens[ButtonStop]; token != "" && v.stopper(r) == "" && v.is == incident.Executing {
		out = append(out, &button{
			Tag: "button", ID: "stop", Type: "danger", Text: p.plain(say("Stop at the next safe point", "在下一个安全点停止")),
			Confirm: &confirm{
				Title: p.plain(say("Stop the execution?", "停止执行？")),
				Text:  p.plain(say("The step under way is finished, no further one is begun. What was done stays until you choose Undo.", "当前步骤会完成，不再开始新的步骤。已完成的变更会保留，可另行选择撤销。")),
			},
			Behaviors: callbackTo(token),
		})
	}
	return out
}

// confirmedBy names everybody who confirmed, when and how.
func (v View) confirmedBy(p pen, r incident.Round) words {
	var all []incident.Decision
	if r.Execution != nil {
		all = r.Execution.Confirmation.Decisions
	} else if c := v.consent.Confirmation; c != nil {
		all = c.Decisions
	}
	var out []words
	for _, d := range all[:min(3, len(all))] {
		by := say("button", "按钮")
		if d.Typed {
			by = say("typed", "文字")
		}
		out = append(out, say("Solution %s %s: confirmed by %s at %s (%s)", "方案%s %s：%s 于 %s 确认（%s）", p.data(d.Solution, 2), v.solutionTitle(p, r, d.Solution), p.person(d.By), p.clock(d.At), by))
	}
	return lines(out...)
}

func (v View) solutionTitle(p pen, r incident.Round, letter string) words {
	if s, ok := r.Plan.Solution(letter); ok {
		return say("“%s”", "“%s”", p.text(s.Title, 120))
	}
	return words{}
}

func (v View) steps(p pen, x *incident.Execution, c cut) words {
	if x == nil {
		return say("Execution is being started.", "正在启动执行。")
	}
	limit := c.few(12, 5)
	var out []words
	for i, s := range x.Steps {
		if i == limit {
			out = append(out, say("and %s more steps", "另有 %s 个步骤", num(len(x.Steps)-i)))
			break
		}
		out = append(out, p.stepLine(s))
	}
	return lines(out...)
}

// stepLine is one step: what it does to which object, and how far it is.
func (p pen) stepLine(s incident.StepRun) words {
	out := say("%s: %s %s, %s", "%s：%s %s，%s", p.data(s.Step.ID, 12), p.data(string(s.Step.Action), 40), p.data(s.Step.Target.String(), 160), term(p, stepStates, s.State))
	if ch := p.goal(s.Step); !ch.empty() {
		out = say("%s: %s %s (%s), %s", "%s：%s %s（%s），%s", p.data(s.Step.ID, 12), p.data(string(s.Step.Action), 40), p.data(s.Step.Target.String(), 160), ch, term(p, stepStates, s.State))
	}
	if !s.At.IsZero() {
		out = say("%s %s", "%s %s", out, p.clock(s.At))
	}
	if s.Tries > 1 {
		out = say("%s, try %s", "%s，第 %s 次尝试", out, num(s.Tries))
	}
	if s.Error != "" {
		out = say("%s — %s", "%s — %s", out, p.data(s.Error, 240))
	}
	return bullet(out)
}

// goal is what a step makes of what it expects, field by field; what stays as it is goes without saying.
func (p pen) goal(s incident.Step) words {
	var out []words
	for _, k := range slices.Sorted(maps.Keys(s.Goal)) {
		before, ok := s.Expect[k]
		if ok && before == s.Goal[k] {
			continue
		}
		if len(out) == 4 {
			out = append(out, same("…"))
			break
		}
		if ok {
			out = append(out, say("%s %s → %s", "%s %s → %s", p.data(k, 40), p.data(before, 60), p.data(s.Goal[k], 60)))
		} else {
			out = append(out, say("%s → %s", "%s → %s", p.data(k, 40), p.data(s.Goal[k], 60)))
		}
	}
	return join(", ", out...)
}

// undo offers the way back where the flow has given a token for it.
func (v View) undo(p pen) []element {
	token := v.Tokens[ButtonUndo]
	r := v.round()
	if token == "" || r.Execution == nil || v.consent.Undo != nil {
		return nil
	}
	s, _ := r.Plan.Solution(v.letter(r))
	return []element{&button{
		Tag: "button", ID: "undo", Type: "danger", Text: p.plain(say("Undo solution %s", "撤销方案%s", p.data(v.letter(r), 2))),
		Confirm: &confirm{
			Title: p.plain(say("Undo solution %s?", "撤销方案%s？", p.data(v.letter(r), 2))),
			Text:  p.plain(join(" ", say("Everything it changed goes back to what it was before.", "所有变更将恢复为执行前的状态。"), p.text(s.Rollback, 200))),
		},
		Behaviors: callbackTo(token),
	}}
}

// verification is the last look: each check before, now and wanted; clean looks; what is left and what is new.
func (v View) verification(p pen, c cut) []element {
	look := verdict(v.lastExecution())
	if look == nil {
		return nil
	}
	limit := c.few(12, 6)
	out := []words{bold(say("Verification at %s: %s", "%s 验证结果：%s", p.clock(look.At), term(p, outcomes, look.Outcome)))}
	for i, ch := range look.Checks {
		if i == limit {
			out = append(out, say("and %s more checks", "另有 %s 项检查", num(len(look.Checks)-i)))
			break
		}
		out = append(out, p.checkLine(ch))
	}
	if look.Needed > 0 && !look.Final {
		out = append(out, say("Clean looks in a row: %s of %s", "连续正常：%s / %s 次", num(look.Clean), num(look.Needed)))
	}
	if !look.NextLook.IsZero() && !look.Final {
		out = append(out, say("Next look: %s", "下次检查：%s", p.clock(look.NextLook)))
	}
	out = append(out, p.findingLines(say("New since the change", "变更后新出现"), look.New, 3)...)
	if !v.is.Final() { // then they are told as remaining risks
		out = append(out, p.findingLines(say("Still wrong", "仍存在的问题"), look.Remaining, 3)...)
	}
	return []element{p.markdown(lines(out...))}
}

// lastExecution is the latest there was: a round that was never confirmed has none.
func (v View) lastExecution() *incident.Execution {
	for i := len(v.Incident.Rounds) - 1; i >= 0; i-- {
		if x := v.Incident.Rounds[i].Execution; x != nil {
			return x
		}
	}
	return nil
}

func (p pen) checkLine(ch incident.Check) words {
	mark, ok := checkMarks[ch.State]
	if !ok {
		mark = checkMarks["unknown"]
	}
	out := say("%s %s: **%s**", "%s %s：**%s**", mark, p.text(ch.Name, 80), p.value(ch.Now))
	if ch.Before != "" {
		out = say("%s %s: %s → **%s**", "%s %s：%s → **%s**", mark, p.text(ch.Name, 80), p.value(ch.Before), p.value(ch.Now))
	}
	if ch.Want != "" {
		out = say("%s (want %s)", "%s（期望 %s）", out, p.value(ch.Want))
	}
	return out
}

// stillFiring is how verification counts alarms that have not cleared.
var stillFiring = regexp.MustCompile(`^(\d{1,6}) firing$`)

// value is what a check saw: a figure as it is, a known word in the reader's language.
func (p pen) value(s string) words {
	if w, ok := values[s]; ok {
		return w
	}
	if m := stillFiring.FindStringSubmatch(s); m != nil {
		return say("%s firing", "%s 条告警中", p.data(m[1], 6))
	}
	return p.data(s, 80)
}

func (p pen) findingLines(head words, all []incident.Finding, n int) []words {
	if len(all) == 0 {
		return nil
	}
	out := []words{bold(head)}
	for i, f := range all {
		if i == n {
			out = append(out, say("and %s more", "另有 %s 项", num(len(all)-i)))
			break
		}
		out = append(out, bullet(say("%s (%s)", "%s（%s）", p.text(f.Summary, 200), p.data(f.Target.String(), 120))))
	}
	return out
}
