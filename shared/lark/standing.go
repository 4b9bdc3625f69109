package lark

import (
	"maps"
	"slices"
	"strings"
	"time"

	"cce-oncall/shared/incident"
)

// standing is the sentence for each state: what has happened, and what is needed of the reader.
func (v View) standing(p pen, st incident.Status) words {
	r := v.round()
	switch st {
	case incident.Diagnosing:
		return v.diagnosing(p, r)
	case incident.AwaitingConfirmation:
		return v.awaiting(p, r)
	case incident.Executing:
		if by := v.stopper(r); by != "" {
			return say("**Stopping at the next safe point**, as %s asked. No further step is begun.", "**将在下一个安全点停止**（%s 要求），不再开始新的步骤。", p.person(by))
		}
		return say("**Solution %s is being carried out.** Nothing is needed from you; Stop ends it at the next safe point.", "**正在执行方案%s。** 无需操作；如需中止，“停止”会在下一个安全点生效。", p.data(v.letter(r), 2))
	case incident.RollingBack:
		return say("**Solution %s is being undone.** Nothing is needed from you.", "**正在撤销方案%s。** 无需操作。", p.data(v.letter(r), 2))
	case incident.Verifying:
		return v.verifying(p, r)
	case incident.Recovered:
		return say("**Recovered.** The alarm and the live metrics both say so. %s", "**已恢复。** 告警状态与实时指标均已确认。%s", v.reason(p))
	case incident.Rejected:
		return v.rejected(p, r)
	case incident.Expired:
		return say("**Nobody confirmed in time; nothing was changed by this plan.** It was open until %s. %s", "**超时无人确认，该方案未做任何变更。** 有效期至 %s。%s", p.clock(v.expiry(r)), v.reason(p))
	case incident.RolledBack:
		return say("**The change was undone.** The trouble itself is not repaired by that. %s", "**变更已撤销。** 故障本身并未因此修复。%s", v.reason(p))
	case incident.HandedOver:
		return say("**A person must take over; nothing more happens by itself.** %s", "**需要人工接手，系统不再自动处理。** %s", v.reason(p))
	}
	return term(p, statuses, st)
}

func (v View) diagnosing(p pen, r incident.Round) words {
	switch {
	case r.Number == 0:
		return say("**Alarm received, looking at the cluster.** Nothing has been changed.", "**已收到告警，正在采集现场并诊断。** 尚未做任何变更。")
	case r.Diagnosis.Verdict == incident.InsufficientEvidence:
		return say("**The cause is not proven, so no change is proposed.** Nothing has been changed. What to look at is below.", "**证据不足，无法确定原因，因此不提出变更。** 尚未做任何变更，请查看下方排查建议。")
	case r.Diagnosis.Verdict == incident.Healthy:
		return say("**Nothing is wrong by what can be seen now.** Nothing has been changed.", "**目前可见范围内没有异常。** 尚未做任何变更。")
	}
	return say("**Diagnosed; no plan yet.** Nothing has been changed.", "**已诊断，方案生成中。** 尚未做任何变更。")
}

// awaiting tells who must decide until when. No remaining minutes: the card is not redrawn as they pass.
func (v View) awaiting(p pen, r incident.Round) words {
	may := p.people(v.Approvers, p.at)
	if may.empty() {
		may = say("nobody is configured, so nothing can be executed", "未配置审批人，因此无法执行")
	}
	changed := say("Nothing has been changed.", "尚未做任何变更。")
	if len(v.Incident.Rounds) > 1 {
		changed = say("This new plan has changed nothing yet.", "新方案尚未做任何变更。")
	}
	out := say("**Waiting for your decision until %s.** %s May confirm: %s", "**等待确认，%s 前有效。** %s 可确认人：%s", p.clock(v.expiry(r)), changed, may)
	if !executable(r.Plan) {
		out = say("**No safe automatic repair: a person has to act**, as described below. %s Notified: %s", "**没有安全的自动修复方案，需要人工处理**，步骤见下。%s 通知：%s", changed, may)
	}
	return lines(out, p.offered(r.Plan), v.halfConfirmed(p, r))
}

// offered names the solutions in the first lines, so that a small screen shows the choice without scrolling.
func (p pen) offered(plan *incident.Plan) words {
	var out []words
	for i, s := range plan.Solutions {
		if i == 6 {
			break
		}
		out = append(out, say("**%s** %s", "**%s** %s", p.data(s.ID, 2), p.text(s.Title, 80)))
	}
	if len(out) == 0 {
		return words{}
	}
	return say("Choices: %s", "可选方案：%s", join(" · ", out...))
}

// halfConfirmed says that one of two needed people has confirmed.
func (v View) halfConfirmed(p pen, r incident.Round) words {
	all := v.consent.Approvals
	var out []words
	for _, k := range slices.Sorted(maps.Keys(all)) {
		d := all[k][0]
		out = append(out, say("Solution %s: confirmed by %s at %s; **one more person has to confirm**.", "方案%s：%s 已于 %s 确认，**还需另一人确认**。", p.data(k, 2), p.person(d.By), p.clock(d.At)))
	}
	return lines(out[:min(3, len(out))]...)
}

// stopper is who asked for a stop, whether or not execute has seen it yet; empty when nobody has.
func (v View) stopper(r incident.Round) string {
	if r.Execution != nil && r.Execution.Stopped != "" {
		return r.Execution.Stopped
	}
	if d := v.consent.Stop; d != nil {
		return d.By
	}
	return ""
}

func (v View) verifying(p pen, r incident.Round) words {
	look := verdict(r.Execution)
	if d := v.consent.Undo; d != nil {
		return say("**Solution %s will be undone**, as %s asked at %s. Nothing is needed from you.", "**即将撤销方案%s**（%s 于 %s 要求）。无需操作。", p.data(v.letter(r), 2), p.person(d.By), p.clock(d.At))
	}
	if x := r.Execution; x != nil && x.Failed != "" {
		return say("**Solution %s ended without doing all of it:** %s", "**方案%s 未全部完成：** %s", p.data(v.letter(r), 2), p.data(x.Failed, 300))
	}
	done := p.data(v.letter(r), 2)
	switch {
	case look == nil:
		return say("**Solution %s was carried out; watching whether it helps.** Nothing is needed from you.", "**方案%s 已执行，正在观察效果。** 无需操作。", done)
	case look.Final && look.Outcome != incident.Converged:
		return say("**Solution %s was carried out and did not clear it (%s).** A new plan is being made.", "**方案%s 已执行，但问题未解除（%s）。** 正在生成新的方案。", done, term(p, outcomes, look.Outcome))
	case look.Outcome == incident.Worse:
		return say("**It got worse after solution %s.** Nothing further is done by itself; Undo takes the change back.", "**执行方案%s 后情况变差。** 系统不会继续自动变更；可点击“撤销”恢复原状。", done)
	}
	return say("**Solution %s was carried out; watching whether it helps:** %s. Nothing is needed from you.", "**方案%s 已执行，正在观察效果：** %s。无需操作。", done, term(p, outcomes, look.Outcome))
}

func (v View) rejected(p pen, r incident.Round) words {
	out := say("**The plan was rejected; it changed nothing.** %s", "**方案已被驳回，未做任何变更。** %s", v.reason(p))
	d := v.consent.Rejected
	if d == nil {
		return out
	}
	why := say("no reason given", "未填写原因")
	if d.Comment != "" {
		why = p.data(d.Comment, 300)
	}
	return lines(out, say("By %s at %s: %s", "%s 于 %s 驳回：%s", p.person(d.By), p.clock(d.At), why))
}

// reason is why it was closed, in the record's own words.
func (v View) reason(p pen) words {
	if v.Incident.Closed == nil {
		return words{}
	}
	return p.text(v.Incident.Closed.Reason, 400)
}

// expiry is when the plan ends.
func (v View) expiry(r incident.Round) (t time.Time) {
	if r.Plan != nil {
		return r.Plan.ExpiresAt
	}
	return t
}

// letter is the solution being carried out: what was confirmed.
func (v View) letter(r incident.Round) string {
	if r.Execution != nil {
		return r.Execution.Confirmation.Solution
	}
	if c := v.consent.Confirmation; c != nil {
		return c.Solution
	}
	return ""
}

func executable(p *incident.Plan) bool {
	if p == nil {
		return false
	}
	for _, s := range p.Solutions {
		if s.Executable() {
			return true
		}
	}
	return false
}

// letters lists the executable solutions.
func letters(p *incident.Plan) string {
	var out []string
	if p != nil {
		for _, s := range p.Solutions {
			if s.Executable() {
				out = append(out, s.ID)
			}
		}
	}
	return strings.Join(out, ", ")
}
