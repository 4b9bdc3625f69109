package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/remediate"
)

// await is an incident that waits for people: it ends when its plan expires, or when the trouble went away by itself.
func (x *execution) await(ctx context.Context, s *site, i *incident.Incident) (next, error) {
	now := x.now()
	if cleared, err := x.cleared(ctx, s, i); err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("alarms could not be read while waiting for a decision")
	} else if cleared && !x.stillWrong(ctx, s, i) {
		return x.end(ctx, s, i, incident.Recovered, incident.Text{
			EN: "The alarm cleared before anything was done, and the live state agrees. Nothing was changed by the agent.",
			ZH: "在执行任何操作之前告警已恢复，实时状态一致。助手未做任何变更。",
		})
	}
	if !now.Before(i.Last().Plan.ExpiresAt) {
		return x.end(ctx, s, i, incident.Expired, incident.Text{
			EN: "Nobody decided in time. Nothing was changed. If the alarm is still active, ask for a fresh diagnosis.",
			ZH: "在有效期内无人确认，未做任何变更。若告警仍未恢复，请重新发起诊断。",
		})
	}
	s.tell.Refresh(ctx, i)
	return rest, nil
}

// begin turns a confirmation into an execution: from here on the record says that something may have happened.
func (x *execution) begin(ctx context.Context, s *site, i *incident.Incident, c incident.Confirmation) (next, error) {
	r := i.Last()
	if x.now().Sub(c.At) > time.Duration(x.limits.Expiry) {
		return x.end(ctx, s, i, incident.Expired, incident.Text{
			EN: "The confirmed solution could not begin in time and is not carried out on an old confirmation. Nothing was changed. If the alarm is still active, ask for a fresh diagnosis.",
			ZH: "已确认的方案未能在有效期内开始执行，确认已失效，未做任何变更。若告警仍未恢复，请重新发起诊断。",
		})
	}
	// One at a time in a cluster: two that look at the same past would both find room in it.
	unlock, mine, err := s.turns.TryLock(ctx, beginning)
	if err != nil || !mine {
		return wait(busyLook), err
	}
	ctx, stop := x.keep(ctx, s, beginning)
	defer func() {
		stop()
		if err := unlock(context.WithoutCancel(ctx)); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("the turn to begin could not be given back; it runs out by itself")
		}
	}()
	if why, held, err := x.held(ctx, s, i, c); err != nil {
		return next{}, err
	} else if held {
		s.tell.Ping(ctx, i, fmt.Sprintf("held-%d", r.Number), why)
		return rest, nil // inspect wakes us again
	}
	now := x.now().UTC()
	e := c.Execution(r.Plan, now, now.Add(time.Duration(x.limits.Deadline)))
	e.Seq = 1
	if err := s.book.SaveExecution(ctx, s.cluster.ID, e); err != nil {
		return next{}, err
	}
	r.Execution = e
	zerolog.Ctx(ctx).Info().Str("solution", c.Solution).Str("digest", c.Digest).Msg("execution begins")
	s.tell.Refresh(ctx, i)
	return wait(0), nil
}

// beginning is the turn in which an execution is weighed against the cluster's budget and put on record.
const beginning = "begin-execution"

// off reads the kill switch. Where it cannot be read it counts as unknown, and nothing is done.
func (x *execution) off(ctx context.Context, s *site) (why string, on bool, err error) {
	if x.paused {
		return "PAUSED", true, nil
	}
	return s.book.Paused(ctx)
}

// held says why nothing may begin now: the kill switch, a freeze, the safety budget.
func (x *execution) held(ctx context.Context, s *site, i *incident.Incident, c incident.Confirmation) (incident.Text, bool, error) {
	if why, on, err := x.off(ctx, s); err != nil || on {
		return paused(why), true, err
	}
	sol, _ := i.Last().Plan.Solution(c.Solution)
	if f, on := s.policy.Frozen(sol, x.now()); on {
		return incident.Text{
			EN: "A change freeze is in force until " + f.Until.UTC().Format(time.RFC3339) + ": the confirmed solution waits.",
			ZH: "当前处于变更冻结期（至 " + f.Until.UTC().Format(time.RFC3339) + "），已确认的方案暂缓执行。",
		}, true, nil
	}
	return x.overBudget(ctx, s, i, sol)
}

func paused(why string) incident.Text {
	return incident.Text{EN: "The kill switch is set (" + why + "): the confirmed solution waits, nothing is changed.", ZH: "紧急停止开关已打开（" + why + "），已确认的方案暂缓执行，未做任何变更。"}
}

// advance carries the execution as far as it goes without waiting.
func (x *execution) advance(ctx context.Context, s *site, i *incident.Incident, consent incident.Consent) (next, error) {
	e := i.Last().Execution
	switch why, on, err := x.off(ctx, s); {
	case err != nil:
		return next{}, err
	case on && e.Unwinding:
		return x.rest(ctx, s, i, why)
	case on && e.Stopped == "":
		return x.save(ctx, s, i, func(n *incident.Execution) { n.Stopped = "kill switch: " + why })
	}
	if consent.Stop != nil && e.Stopped == "" && !e.Unwinding {
		return x.save(ctx, s, i, func(n *incident.Execution) { n.Stopped = consent.Stop.By })
	}
	if e.Hops > x.limits.Hops && e.Stopped == "" {
		return x.save(ctx, s, i, func(n *incident.Execution) { n.Stopped = "limit of runs" })
	}
	unlock, mine, err := x.targets(ctx, s, e)
	if err != nil || !mine {
		return wait(failing), err
	}
	defer unlock()
	before := e.Seq
	done, err := s.runner.Advance(ctx, e)
	if e.Seq != before {
		s.tell.Refresh(ctx, i)
	}
	if err != nil {
		return next{}, err
	}
	if !done && e.Seq == before {
		return wait(settle), nil
	}
	return wait(0), nil
}

// rest leaves an undo where it is while the kill switch is set; inspect wakes us again.
func (x *execution) rest(ctx context.Context, s *site, i *incident.Incident, why string) (next, error) {
	s.tell.Ping(ctx, i, fmt.Sprintf("held-undo-%d", i.Last().Number), incident.Text{
		EN: "The kill switch is set (" + why + "): the undo waits. What was changed so far is on the card.",
		ZH: "紧急停止开关已打开（" + why + "），回滚暂缓执行。目前已做的变更见卡片。",
	})
	return rest, nil
}

// targets takes the turn of everything the steps change, so that two incidents never work on one object at once.
func (x *execution) targets(ctx context.Context, s *site, e *incident.Execution) (unlock func(), ok bool, err error) {
	var held []func(context.Context) error
	release := func() {
		for _, u := range held {
			if err := u(context.WithoutCancel(ctx)); err != nil {
				zerolog.Ctx(ctx).Warn().Err(err).Msg("a target's turn could not be given back; it runs out by itself")
			}
		}
	}
	seen := map[string]bool{}
	for _, st := range e.Steps {
		name := "target-" + st.Step.Target.Kind + "-" + st.Step.Target.Namespace + "-" + st.Step.Target.Name
		if seen[name] {
			continue
		}
		seen[name] = true
		u, mine, err := s.turns.TryLock(ctx, name)
		if err != nil || !mine {
			release()
			return nil, false, err
		}
		held = append(held, u)
	}
	return release, true, nil
}

// save records a change of the execution that is not the runner's.
func (x *execution) save(ctx context.Context, s *site, i *incident.Incident, change func(*incident.Execution)) (next, error) {
	r := i.Last()
	n := *r.Execution
	change(&n)
	n.Seq++
	if err := s.book.SaveExecution(ctx, s.cluster.ID, &n); err != nil {
		return next{}, err
	}
	r.Execution = &n
	return wait(0), nil
}

// unwind turns the execution around, as a person asked.
func (x *execution) unwind(ctx context.Context, s *site, i *incident.Incident) (next, error) {
	if why, on, err := x.off(ctx, s); err != nil || on {
		if err != nil {
			return next{}, err
		}
		return x.rest(ctx, s, i, why)
	}
	n, err := x.save(ctx, s, i, remediate.Unwind)
	if err == nil {
		s.tell.Refresh(ctx, i)
	}
	return n, err
}

// unwound ends an incident whose change was taken back.
func (x *execution) unwound(ctx context.Context, s *site, i *incident.Incident) (next, error) {
	e := i.Last().Execution
	undone, stays := false, []incident.StepRun(nil)
	for _, st := range e.Steps {
		undone = undone || st.State == incident.StepUndone
		if remediate.NoWayBack(st) {
			stays = append(stays, st)
		}
	}
	for _, st := range e.Steps {
		if st.State == incident.StepUndoFailed && !(undone && remediate.NoWayBack(st)) {
			return x.end(ctx, s, i, incident.HandedOver, incident.Text{
				EN: fmt.Sprintf("Step %s could not be undone: %s. A person must look at %s now.", st.Step.ID, st.Error, st.Step.Target),
				ZH: fmt.Sprintf("步骤 %s 未能回滚：%s。请立即人工检查 %s。", st.Step.ID, st.Error, st.Step.Target),
			})
		}
	}
	if len(stays) > 0 {
		return x.end(ctx, s, i, incident.RolledBack, incident.Text{
			EN: fmt.Sprintf("What can be taken back has been. Step %s stays (%s). The original problem is still there: a person must take over.", stays[0].Step.ID, stays[0].Error),
			ZH: fmt.Sprintf("可回滚的变更均已回滚，步骤 %s 的变更保留（%s）。原问题仍然存在，请人工处理。", stays[0].Step.ID, stays[0].Error),
		})
	}
	return x.end(ctx, s, i, incident.RolledBack, incident.Text{
		EN: "Everything that was changed has been taken back. The original problem is still there: a person must take over.",
		ZH: "所有变更已回滚，原问题仍然存在，请人工处理。",
	})
}

// broken is an execution that ended before its end: stopped by a person, or failed. Where nothing was changed there is a fresh
// preview; where something was, people decide about undoing it.
func (x *execution) broken(ctx context.Context, s *site, i *incident.Incident) (next, error) {
	e := i.Last().Execution
	if !e.Undoable() && e.Stopped == "" {
		s.tell.Ping(ctx, i, fmt.Sprintf("moved-%d", e.Round), incident.Text{
			EN: "Solution " + e.Confirmation.Solution + " was not carried out: " + e.Failed + ". Nothing was changed; here is a fresh preview.",
			ZH: "方案" + e.Confirmation.Solution + "未执行：" + e.Failed + "。未做任何变更，以下为最新预览。",
		})
		return x.another(ctx, s, i)
	}
	if !e.Undoable() {
		return x.end(ctx, s, i, incident.HandedOver, incident.Text{
			EN: "The execution was stopped before anything was changed. The problem is still there: a person must take over.",
			ZH: "执行已在变更之前停止，问题仍然存在，请人工处理。",
		})
	}
	return x.offerUndo(ctx, s, i, "broken")
}

// offerUndo leaves the Undo button on the card, and hands over when nobody uses it in time.
func (x *execution) offerUndo(ctx context.Context, s *site, i *incident.Incident, event string) (next, error) {
	e := i.Last().Execution
	if x.now().Sub(e.DoneAt) > time.Duration(x.limits.Expiry) {
		return x.end(ctx, s, i, incident.HandedOver, incident.Text{
			EN: "The change was made and did not help, and nobody chose to undo it in time. A person must take over; the card says what was changed.",
			ZH: "变更已执行但未奏效，且在有效期内无人选择回滚，请人工处理。卡片中列出了已做的变更。",
		})
	}
	s.tell.Refresh(ctx, i)
	s.tell.Ping(ctx, i, fmt.Sprintf("%s-%d", event, e.Round), incident.Text{
		EN: "Something was changed and it did not go well. The card says what; press Undo to take it back.",
		ZH: "变更已执行但结果不理想，详情见卡片。可点击“回滚”撤销该变更。",
	})
	return rest, nil
}

func rejected(d incident.Decision) incident.Text {
	if d.Comment == "" {
		return incident.Text{EN: "The plan was rejected. Nothing was changed; a person takes over.", ZH: "方案已被拒绝，未做任何变更，由人工处理。"}
	}
	return incident.Text{EN: "The plan was rejected: " + d.Comment + ". Nothing was changed; a person takes over.", ZH: "方案已被拒绝：" + d.Comment + "。未做任何变更，由人工处理。"}
}
