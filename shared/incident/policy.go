package incident

import (
	"fmt"
	"slices"
	"time"
)

// Policy is who may decide what, and when nothing may be changed. Its zero value allows nobody.
type Policy struct {
	Approvers []Approver `json:"approvers"`
	TwoFor    []Risk     `json:"twoFor"`  // risks that two different people must confirm
	Freezes   []Freeze   `json:"freezes"` // self-imposed windows in which nothing is begun
}

// Approver is one person, by the id that the platform verified.
type Approver struct {
	ID         string   `json:"id"` // open_id, ou_…
	Name       string   `json:"name,omitempty"`
	Namespaces []string `json:"namespaces,omitempty"` // empty: every namespace and what has none (nodes, pools)
	Risks      []Risk   `json:"risks,omitempty"`      // empty: every risk
}

// Freeze is a window in which nothing is begun.
type Freeze struct {
	From       time.Time `json:"from"`
	Until      time.Time `json:"until"`
	Namespaces []string  `json:"namespaces,omitempty"` // empty: all
	Reason     string    `json:"reason,omitempty"`
}

// Refusal is why a decision has no effect. Names are kept in the archive.
type Refusal string

// The refusals, in the order they are checked.
const (
	RefusedClosed        Refusal = "closed"        // the incident has ended
	RefusedWrongChat     Refusal = "wrong-chat"    // forwarded card, or another chat
	RefusedStale         Refusal = "stale"         // a newer plan is on the card
	RefusedUnknown       Refusal = "unknown"       // no such solution, or none that a machine can carry out
	RefusedNotAllowed    Refusal = "not-allowed"   // not on the list for this namespace and risk
	RefusedDecided       Refusal = "decided"       // somebody decided before
	RefusedTwice         Refusal = "twice"         // the same person again, where two are needed
	RefusedExpired       Refusal = "expired"       // the plan's time is over
	RefusedFrozen        Refusal = "frozen"        // a freeze window
	RefusedNothingToStop Refusal = "nothing-to-do" // Stop or Undo where nothing runs or was done
)

// clocks is how far the platform's clock and ours may be apart.
const clocks = 30 * time.Second

// Refuse judges a decision against the incident as it stands. An empty refusal means it counts. The text is for the person who
// clicked; it never names what they are not meant to see.
func (p Policy) Refuse(i *Incident, d Decision) (Refusal, Text) {
	r := i.Last()
	switch {
	case i.Closed != nil:
		return RefusedClosed, Text{"This incident is closed: nothing was changed.", "该事件已关闭，未做任何变更。"}
	case i.Card != nil && d.Chat != i.Card.Chat || i.Card != nil && !d.Typed && d.Message != i.Card.Message:
		return RefusedWrongChat, Text{"Decisions count only on the original card in its own chat. Nothing was changed.", "只有原会话中的原卡片才能确认，未做任何变更。"}
	case r == nil || r.Plan == nil || d.Round != r.Number || d.Incident != i.ID:
		return RefusedStale, Text{"This card shows an older plan. Nothing was changed: please decide on the newest card.", "这是旧方案的卡片，未做任何变更，请在最新卡片上确认。"}
	}
	switch d.Verb {
	case Stop, Undo:
		return p.refuseLater(r, d)
	case Approve, Reject:
		if !d.SaidAt.IsZero() && d.SaidAt.Before(r.Plan.At.Add(-clocks)) { // delivered late: whoever said it cannot have read this plan
			return RefusedStale, Text{"That was said before this plan was made. Nothing was changed: please decide on the newest card.", "该消息早于当前方案，未做任何变更，请在最新卡片上确认。"}
		}
	default:
		return RefusedUnknown, Text{"That is not something this card can do. Nothing was changed.", "无法识别该操作，未做任何变更。"}
	}
	if ref, t := p.refuseSolution(r, d); ref != "" {
		return ref, t
	}
	return p.refuseTime(i, r, d)
}

func (p Policy) refuseSolution(r *Round, d Decision) (Refusal, Text) {
	if d.Verb == Reject {
		if !p.known(d.By) {
			return notAllowed()
		}
		return "", Text{}
	}
	s, ok := r.Plan.Solution(d.Solution)
	if !ok || !s.Executable() {
		return RefusedUnknown, Text{"That solution cannot be executed by the agent. Nothing was changed.", "该方案不能由助手执行，未做任何变更。"}
	}
	if s.Digest(r.Plan.Incident) != d.Digest {
		return RefusedStale, Text{"The plan has changed since this card was drawn. Nothing was changed: please read the newest card.", "方案在此卡片之后已更新，未做任何变更，请查看最新卡片。"}
	}
	if !p.May(d.By, s) {
		return notAllowed()
	}
	return "", Text{}
}

func (p Policy) refuseTime(i *Incident, r *Round, d Decision) (Refusal, Text) {
	c := r.Consent()
	switch {
	case c.Confirmation != nil:
		return RefusedDecided, Text{
			fmt.Sprintf("Solution %s was already confirmed. Your click changed nothing.", c.Confirmation.Solution),
			fmt.Sprintf("方案%s已被确认，本次点击未产生影响。", c.Confirmation.Solution),
		}
	case c.Rejected != nil:
		return RefusedDecided, Text{"This plan was already rejected. Nothing was changed.", "该方案已被拒绝，未做任何变更。"}
	case !d.At.Before(r.Plan.ExpiresAt):
		return RefusedExpired, Text{"This plan has expired. Nothing was changed: a fresh look at the cluster is needed first.", "方案已过期，未做任何变更，需要重新诊断。"}
	}
	if d.Verb == Reject {
		return "", Text{}
	}
	for _, earlier := range c.Approvals[d.Solution] {
		if earlier.SamePerson(d) {
			return RefusedTwice, Text{"You have confirmed already: a second, different person must confirm this solution.", "您已确认，该方案还需另一位审批人确认。"}
		}
	}
	s, _ := r.Plan.Solution(d.Solution)
	if f, frozen := p.Frozen(s, d.At); frozen {
		return RefusedFrozen, Text{
			fmt.Sprintf("A change freeze is in force until %s: nothing was changed.", f.Until.UTC().Format("2006-01-02 15:04 UTC")),
			fmt.Sprintf("当前处于变更冻结期(至 %s),未做任何变更。", f.Until.UTC().Format("2006-01-02 15:04 UTC")),
		}
	}
	return "", Text{}
}

func (p Policy) refuseLater(r *Round, d Decision) (Refusal, Text) {
	if !p.known(d.By) {
		return notAllowed()
	}
	x := r.Execution
	if d.Verb == Undo && x != nil { // to take a change back is to change: it needs who may make it
		if s, ok := r.Plan.Solution(x.Confirmation.Solution); !ok || !p.May(d.By, s) {
			return notAllowed()
		}
	}
	switch {
	case d.Verb == Stop && (r.Consent().Confirmation == nil || x != nil && !x.DoneAt.IsZero()):
		return RefusedNothingToStop, Text{"Nothing is running that could be stopped.", "当前没有正在执行的操作。"}
	case d.Verb == Undo && (x == nil || !x.Undoable()):
		return RefusedNothingToStop, Text{"Nothing was changed that could be undone.", "没有可回滚的变更。"}
	case d.Verb == Undo && d.Digest != "" && d.Digest != x.Confirmation.Digest:
		return RefusedStale, Text{"This card shows an older change. Nothing was undone.", "这是旧变更的卡片，未执行回滚。"}
	}
	return "", Text{}
}

func notAllowed() (Refusal, Text) {
	return RefusedNotAllowed, Text{"You are not on the list of people who may decide this. Nothing was changed.", "您不在该操作的审批人名单中，未做任何变更。"}
}

func (p Policy) known(who string) bool {
	return who != "" && slices.ContainsFunc(p.Approvers, func(a Approver) bool { return a.ID == who })
}

// May says whether a person may approve a solution: its risk, and the namespace of every step.
func (p Policy) May(who string, s Solution) bool {
	if who == "" {
		return false
	}
	for _, a := range p.Approvers {
		if a.ID != who || len(a.Risks) > 0 && !slices.Contains(a.Risks, s.Risk) {
			continue
		}
		if len(a.Namespaces) == 0 || !slices.ContainsFunc(s.Steps, func(st Step) bool { return !slices.Contains(a.Namespaces, st.Target.Namespace) }) {
			return true
		}
	}
	return false
}

// strictest is a plan with every demand for a second person: what it says itself, and what the policy says now.
func (p Policy) strictest(plan *Plan) *Plan {
	if plan == nil {
		return nil
	}
	out := *plan
	out.Solutions = slices.Clone(plan.Solutions)
	for n := range out.Solutions {
		out.Solutions[n].NeedsTwo = out.Solutions[n].NeedsTwo || p.Two(out.Solutions[n])
	}
	return &out
}

// Two says whether a solution needs two different people.
func (p Policy) Two(s Solution) bool { return slices.Contains(p.TwoFor, s.Risk) }

// Frozen says whether a freeze window covers a solution at a moment.
func (p Policy) Frozen(s Solution, at time.Time) (Freeze, bool) {
	for _, f := range p.Freezes {
		if at.Before(f.From) || !at.Before(f.Until) {
			continue
		}
		if len(f.Namespaces) == 0 || slices.ContainsFunc(s.Steps, func(st Step) bool { return slices.Contains(f.Namespaces, st.Target.Namespace) }) {
			return f, true
		}
	}
	return Freeze{}, false
}

// Undoable says whether an execution has changed anything that is not undone already.
func (x *Execution) Undoable() bool {
	if x.Unwinding {
		return false
	}
	return slices.ContainsFunc(x.Steps, func(s StepRun) bool {
		return s.State == StepPrepared || s.State == StepApplied || s.State == StepSettled || s.State == StepFailed && len(s.Receipt) > 0
	})
}

// Confirmed re-judges a round's decisions from the facts alone, in the order they were made, and returns what they come to. It is how
// execute decides, whatever webhook thought: an answer given in haste binds nobody.
func (p Policy) Confirmed(i *Incident) Consent {
	r := i.Last()
	if r == nil {
		return Consent{}
	}
	judged := *i
	judged.Closed = nil
	round := *r
	round.Decisions = nil
	round.Plan = p.strictest(r.Plan)
	judged.Rounds = append(slices.Clone(i.Rounds[:len(i.Rounds)-1]), round)
	last := judged.Last()
	for _, d := range r.Decisions {
		if d.Refused != "" {
			continue
		}
		if ref, _ := p.Refuse(&judged, d); ref == "" {
			last.Decisions = append(last.Decisions, d)
		}
	}
	return last.Consent()
}
