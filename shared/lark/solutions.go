package lark

import (
	"regexp"
	"slices"
	"strings"

	"cce-oncall/shared/incident"
)

// solutions shows each way out in a box of its own, with the button that chooses it: what changes, what will come of it and the
// risk can be read without a click; the rest is folded below.
func (v View) solutions(p pen, c cut, open bool) []element {
	plan := v.round().Plan
	if plan == nil || len(plan.Solutions) == 0 {
		return nil
	}
	head := say("Solutions (preview, nothing done yet)", "恢复方案（预览，尚未执行）")
	if !open {
		head = say("Solutions that were proposed (closed: nothing can be confirmed any more)", "曾提出的方案（已关闭，不能再确认）")
	}
	out := []element{rule(), p.heading(head)}
	shown := plan.Solutions[:min(c.few(10, 6), len(plan.Solutions))]
	for _, s := range shown {
		out = append(out, box(v.solution(p, c, s, open)...))
	}
	if rest := len(plan.Solutions) - len(shown); rest > 0 {
		out = append(out, p.markdown(say("and %s more in the archive", "另有 %s 个方案见归档", num(rest))))
	}
	return out
}

func (v View) solution(p pen, c cut, s incident.Solution, open bool) []element {
	main := []words{bold(say("%s. %s", "%s. %s", p.data(s.ID, 2), p.text(s.Title, 160))), v.forCause(s)}
	if !s.Executable() {
		return []element{p.markdown(lines(append(main, p.manual(s.Manual, c), p.labelled(bold(say("When it fits", "适用场景")), s.When, 200))...))}
	}
	main = append(main, p.changeLines(s, c.few(8, 3))...)
	main = append(main,
		say("**Risk**: %s", "**风险**：%s", term(p, risks, s.Risk)),
		p.labelled(bold(say("Prediction", "预测")), s.Prediction, 400),
		p.labelled(bold(say("Impact", "影响")), s.Impact, 300))
	if s.UnwindOnFailure && len(s.Steps) > 1 {
		main = append(main, say("If a step fails, the ones before it are undone without asking.", "任一步骤失败时，之前的步骤会自动撤销。"))
	}
	if s.NeedsTwo {
		main = append(main, say("Needs the confirmation of **two different people**.", "需要**两名不同人员**确认。"))
	}
	if c.lists {
		main = append(main, p.labelled(say("Undo", "回滚"), s.Rollback, 120))
	}
	out := []element{p.markdown(lines(main...))}
	if detail := p.solutionDetail(s); !c.lists && !detail.empty() {
		out = append(out, p.folded(say("When, resources, scheduling, cost, verification, undo", "适用场景、资源、调度条件、费用、验证、回滚"), p.markdown(detail)))
	}
	if b := v.confirmButton(p, s); open && b != nil {
		out = append(out, b)
	}
	return out
}

// forCause names the cause that a solution is for where the plan is not all for the first one.
func (v View) forCause(s incident.Solution) words {
	r := v.round()
	several := slices.ContainsFunc(r.Plan.Solutions, func(x incident.Solution) bool { return x.Cause != r.Plan.Solutions[0].Cause })
	if !several || s.Cause < 0 || s.Cause >= len(r.Diagnosis.Causes) {
		return words{}
	}
	return grey(say("for cause %s", "针对原因 %s", num(s.Cause+1)))
}

// changeLines is before → after, one line a field.
func (p pen) changeLines(s incident.Solution, n int) []words {
	var out []words
	for i, ch := range s.Change {
		if i == n {
			out = append(out, say("- and %s more fields: **read the full plan in the archive before you confirm**", "- 另有 %s 个字段：**确认前请先查看归档中的完整方案**", num(len(s.Change)-n)))
			break
		}
		out = append(out, bullet(p.text(ch, 240)))
	}
	return out
}

func (p pen) labelled(label words, t incident.Text, n int) words {
	if t.EN == "" && t.ZH == "" {
		return words{}
	}
	return say("%s: %s", "%s：%s", label, p.text(t, n))
}

func (p pen) solutionDetail(s incident.Solution) words {
	return lines(
		p.labelled(bold(say("When it fits", "适用场景")), s.When, 300),
		p.labelled(bold(say("Resources", "资源")), s.Resources, 300),
		p.labelled(bold(say("Scheduling conditions", "调度条件")), s.Scheduling, 300),
		p.labelled(bold(say("Cost", "费用")), s.Cost, 200),
		p.labelled(bold(say("Verification", "验证方式")), s.Verify, 300),
		p.labelled(bold(say("Undo", "回滚方式")), s.Rollback, 300),
	)
}

// manual is what a person does, line by line: commands must not run together.
func (p pen) manual(t incident.Text, c cut) words {
	limit := c.few(12, 4)
	one := func(s string) words {
		var out []words
		for i, l := range strings.Split(strings.TrimSpace(s), "\n") {
			if i == limit {
				out = append(out, same("…"))
				break
			}
			out = append(out, p.data(l, 240))
		}
		return lines(out...)
	}
	en, zh := one(t.In("en")), one(t.In("zh"))
	body := words{md: pair{en.md.en, zh.md.zh}, raw: pair{en.raw.en, zh.raw.zh}}
	return say("For a person, not executed by the system:\n%s", "需人工执行，系统不会自动操作：\n%s", body)
}

// letter is what a solution may be called: it becomes part of an element's id.
var letter = regexp.MustCompile(`^[A-Z]{1,2}$`)

// confirmButton chooses a solution after a second question that repeats what will be done. Graver ones are red.
func (v View) confirmButton(p pen, s incident.Solution) element {
	token := v.Tokens[s.ID]
	if token == "" || !s.Executable() || !letter.MatchString(s.ID) {
		return nil
	}
	kind := "primary"
	if grave(s.Risk) {
		kind = "danger"
	}
	changes := make([]words, 0, 3)
	for _, ch := range s.Change[:min(3, len(s.Change))] {
		changes = append(changes, p.text(ch, 120))
	}
	ask := say("%s. Risk: %s.", "%s。风险：%s。", join("; ", changes...), term(p, riskNames, s.Risk))
	return &button{
		Tag: "button", ID: "confirm_" + s.ID, Type: kind, Text: p.plain(say("Confirm execution of solution %s", "确认执行方案%s", p.data(s.ID, 2))),
		Confirm: &confirm{
			Title: p.plain(say("Execute solution %s: %s?", "确认执行方案%s：%s？", p.data(s.ID, 2), p.text(s.Title, 60))),
			Text:  p.plain(title(ask, 400)),
		},
		Behaviors: callbackTo(token),
	}
}

// asking says how to decide: buttons, words, and the form for a rejection.
func (v View) asking(p pen) []element {
	plan := v.round().Plan
	how := []words{bold(say("How to decide", "如何确认"))}
	if executable(plan) {
		first := p.data(strings.Split(letters(plan), ", ")[0], 2)
		how = append(how, say("Press the button under a solution, or %[1]s **Confirm execution of solution %[2]s** (open: %[3]s)", "点击方案下方的按钮，或%[1]s **确认执行方案%[2]s**（可选：%[3]s）", v.addressed(p), first, p.data(letters(plan), 40)))
		if !strings.Contains(letters(plan), ",") {
			how = append(how, say("Only one solution is open, so **Confirm** alone is enough.", "只有一个可执行方案，直接输入 **确认** 即可。"))
		}
	}
	how = append(how,
		say("To reject: the form below, or type **Reject** and a reason.", "驳回：使用下方表单，或输入 **拒绝** 加原因。"),
		say("Valid until %s. After that nothing can be executed from this card.", "有效期至 %s，过期后此卡片不能再触发执行。", p.stamp(v.expiry(v.round()))))
	out := []element{rule(), p.markdown(lines(how...))}
	if token := v.Tokens[ButtonReject]; token != "" {
		out = append(out, p.rejectForm(token))
	}
	return out
}

// addressed is how words reach the bot: a group's messages come to it only where it is mentioned.
func (v View) addressed(p pen) words {
	if v.BotName == "" {
		return say("mention the bot and type:", " @机器人 并输入：")
	}
	return say("type: **@%s**", "输入：**@%s**", p.data(v.BotName, 40))
}

func (p pen) rejectForm(token string) element {
	return &form{Tag: "form", Name: "reject_form", Elements: []element{
		&input{Tag: "input", Name: ReasonField, MaxLength: maxReason, Placeholder: p.plain(say("Reason (helps the next diagnosis)", "驳回原因（有助于改进后续诊断）"))},
		&button{
			Tag: "button", ID: "reject", Name: "reject_submit", Type: "default", Text: p.plain(say("Reject the plan", "驳回方案")),
			FormAction: "submit", Behaviors: callbackTo(token),
		},
	}}
}
