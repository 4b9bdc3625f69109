package lark

import (
	"slices"

	"cce-oncall/shared/incident"
)

// history tells in a line each what earlier rounds did and why that was not enough, before a new decision is asked for.
func (v View) history(p pen, c cut, st incident.Status) words {
	if st.Final() { // told at length by done
		return words{}
	}
	rounds := v.Incident.Rounds
	var out []words
	earlier := rounds[:max(0, len(rounds)-1)]
	if c, now := firstCause(rounds), v.round().Diagnosis.Causes; len(earlier) > 0 && c.Reason != "" && (len(now) == 0 || now[0].Reason != c.Reason) {
		out = append(out, bullet(say("Began at %s as: %s", "起因（%s）：%s", p.clock(v.began()), p.broken(c))))
	}
	for _, r := range earlier[max(0, len(earlier)-c.few(4, 2)):] {
		out = append(out, bullet(v.roundLine(p, r)))
	}
	return lines(out...)
}

// firstCause is what the incident began with; empty when the first look proved nothing.
func firstCause(rounds []incident.Round) incident.Finding {
	if len(rounds) == 0 || len(rounds[0].Diagnosis.Causes) == 0 {
		return incident.Finding{}
	}
	return rounds[0].Diagnosis.Causes[0]
}

// roundLine is a past round in one line: which solution, who, when, what came of it, and what was left.
func (v View) roundLine(p pen, r incident.Round) words {
	x := r.Execution
	if x == nil {
		return say("Round %s: nothing was executed", "第 %s 轮：未执行任何变更", num(r.Number))
	}
	who := words{}
	for _, d := range x.Confirmation.Decisions[:min(2, len(x.Confirmation.Decisions))] {
		who = join(" ", who, p.person(d.By))
	}
	out := say("Round %s, %s: solution %s %s, confirmed by %s", "第 %s 轮（%s）：方案%s %s，确认人 %s",
		num(r.Number), p.clock(x.StartedAt), p.data(x.Confirmation.Solution, 2), v.solutionTitle(p, r, x.Confirmation.Solution), who)
	if x.Failed != "" {
		out = say("%s — **not completed:** %s", "%s — **未完成：** %s", out, p.data(x.Failed, 200))
	}
	look := verdict(x)
	if look == nil {
		return out
	}
	out = say("%s — **%s**", "%s — **%s**", out, term(p, outcomes, look.Outcome))
	if len(look.Remaining) > 0 && look.Outcome != incident.Converged {
		out = say("%s: %s", "%s：%s", out, p.text(timeless(look.Remaining[0].Summary), 200))
	}
	return out
}

// done lists what was executed in all rounds, for the closed loop and for whoever takes over.
func (v View) done(p pen, c cut) []element {
	head := bold(say("Executed actions", "已执行的动作"))
	var out []element // one each round: a line after a list would read as part of its last item
	rounds := v.Incident.Rounds
	for _, r := range rounds[max(0, len(rounds)-c.few(4, 2)):] {
		if r.Execution == nil {
			continue
		}
		out = append(out, p.markdown(lines(head, v.roundLine(p, r), v.steps(p, r.Execution, c))))
		head = words{}
	}
	if len(out) == 0 {
		out = append(out, p.markdown(lines(head, say("none: nothing was changed", "无：未做任何变更"))))
	}
	return out
}

// outlook is what remains and what a person does next.
func (v View) outlook(p pen, c cut) []element {
	return []element{p.markdown(lines(v.remainingRisks(p, c), v.advice(p)))}
}

func (v View) remainingRisks(p pen, c cut) words {
	out := []words{bold(say("Remaining risks", "遗留风险"))}
	if v.Incident.Closed != nil {
		for _, t := range v.Incident.Closed.Risks[:min(c.few(6, 3), len(v.Incident.Closed.Risks))] {
			out = append(out, bullet(p.text(t, 240)))
		}
	}
	if n := v.firing(); n > 0 && v.is != incident.Recovered {
		out = append(out, bullet(say("%s still firing when last read", "最近一次读取时仍有 %s", count(n, "alarm was", "alarms were", "条告警未恢复"))))
	}
	if c, ok := v.cause(); ok && v.is == incident.RolledBack {
		out = append(out, bullet(say("The trouble itself: %s", "原问题仍在：%s", p.broken(c))))
	}
	if look := verdict(v.lastExecution()); look != nil && v.is != incident.RolledBack { // that look was before it was undone
		for _, f := range look.Remaining[:min(c.few(4, 2), len(look.Remaining))] {
			out = append(out, bullet(say("%s (%s)", "%s（%s）", p.text(timeless(f.Summary), 200), p.data(f.Target.String(), 120))))
		}
		for i, ch := range look.Checks {
			if i == 12 {
				break
			}
			if ch.State == "unknown" && !c.lists {
				out = append(out, bullet(say("%s could not be seen", "%s 无法获取", p.text(ch.Name, 80))))
			}
		}
	}
	if len(out) == 1 {
		out = append(out, say("none seen by the last look", "最近一次检查未发现"))
	}
	return lines(out[:min(len(out), 9)]...)
}

// advice is the record's, or what always follows from the actions that were taken, or from the state.
func (v View) advice(p pen) words {
	out := []words{bold(say("What to do next", "后续建议"))}
	if v.Incident.Closed != nil {
		for _, t := range v.Incident.Closed.Advice[:min(6, len(v.Incident.Closed.Advice))] {
			out = append(out, bullet(p.text(t, 300)))
		}
	}
	if len(out) == 1 {
		out = append(out, v.followUp(p)...)
	}
	return lines(out[:min(len(out), 7)]...)
}

func (v View) followUp(p pen) []words {
	var out []words
	settled := v.settled()
	switch v.is {
	case incident.Recovered:
		for _, a := range settled {
			if w, known := followUps[a]; known {
				out = append(out, bullet(w))
			}
		}
	case incident.Rejected, incident.RolledBack, incident.HandedOver:
		if len(settled) > 0 {
			out = append(out, bullet(say("What was executed above is still in place: decide whether it stays.", "上述已执行的变更仍然生效：请决定是否保留。")))
		}
		out = append(out, v.usual(p)...)
		out = append(out, bullet(say("Repair it by hand; the evidence and the proposed solutions are below and in the archive. A new card comes if the alarm fires again.", "请人工处理，证据与曾提出的方案见下方及归档。告警再次触发时会发送新的卡片。")))
	case incident.Expired:
		out = append(out, v.usual(p)...)
		out = append(out, bullet(say("Decide whether it can wait. To act: repair it by hand; a new plan is offered on a new card if the alarm fires again.", "请判断是否可以等待。如需处理请人工操作；告警再次触发时会在新卡片上给出新方案。")))
	case incident.Diagnosing, incident.AwaitingConfirmation, incident.Executing, incident.Verifying, incident.RollingBack:
	}
	return out
}

// usual is what people do about the cause, from the registry of reasons; nothing for a name that is not in it.
func (v View) usual(p pen) []words {
	c, ok := v.cause()
	if !ok {
		return nil
	}
	advice := incident.Info(c.Reason).Advice
	if advice.EN == "" {
		return nil
	}
	return []words{bullet(p.text(advice, 300))}
}

// settled are the kinds of action that were taken and stand, each once, in order.
func (v View) settled() []incident.ActionKind {
	var out []incident.ActionKind
	for _, r := range v.Incident.Rounds {
		if r.Execution == nil {
			continue
		}
		for _, s := range r.Execution.Steps {
			if s.State == incident.StepSettled && !slices.Contains(out, s.Step.Action) {
				out = append(out, s.Step.Action)
			}
		}
	}
	return out
}
