package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/diagnose"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/remediate"
)

// lastWord is how long the last card is tried before the archive is sealed without it.
const lastWord = time.Hour

// lookback is how far back alarms are read when their state is asked for.
const lookback = 6 * time.Hour

// verify takes one look after a change: the alarm's own state, the same diagnosers on a fresh snapshot, and what got worse.
func (x *execution) verify(ctx context.Context, s *site, i *incident.Incident) (next, error) {
	e := i.Last().Execution
	now := x.now()
	if v := verdict(e); v != nil && now.Before(v.NextLook) {
		return wait(v.NextLook.Sub(now)), nil
	}
	before, err := x.before(ctx, s, i)
	if err != nil {
		return next{}, err
	}
	fresh, alarmsKnown := x.fresh(ctx, s, i)
	v := diagnose.Verify(diagnose.Trial{
		Before: before, Now: fresh, Incident: i, Execution: e, AlarmsKnown: alarmsKnown, Plan: x.schedule(ctx, s, i),
	})
	n, err := x.save(ctx, s, i, func(n *incident.Execution) {
		n.Verification = append(append([]incident.Verification(nil), n.Verification...), v)
	})
	if err != nil {
		return next{}, err
	}
	zerolog.Ctx(ctx).Info().Str("outcome", string(v.Outcome)).Int("clean", v.Clean).Int("needed", v.Needed).Bool("final", v.Final).Msg("verification looked")
	s.tell.Refresh(ctx, i)
	return n, nil
}

// schedule is how long and how often to look, from the alarm's own rule.
func (x *execution) schedule(ctx context.Context, s *site, i *incident.Incident) diagnose.Schedule {
	var rule alarm.Rule
	for _, a := range i.Alarms {
		if rule = a.Rule; rule.Period > 0 {
			break
		}
		name := a.Rule.Name
		if name == "" {
			name = a.Name
		}
		if r, err := s.alarms.Rule(ctx, name); err == nil && r.Period > 0 {
			rule = r
			break
		}
	}
	plan := diagnose.Window(rule)
	plan.Window = min(plan.Window, time.Duration(x.limits.Window))
	return plan
}

// before is the world as it was when the plan was made.
func (x *execution) before(ctx context.Context, s *site, i *incident.Incident) (*observe.Snapshot, error) {
	raw, found, err := s.book.Snapshot(ctx, s.cluster.ID, i.ID, i.Last().Number)
	if err != nil || !found {
		return &observe.Snapshot{At: i.Last().Diagnosis.At, Cluster: i.Cluster}, err
	}
	return observe.ReadCase(raw)
}

// fresh looks at the cluster again, with this incident's alarms as AOM has them now. known is false where AOM could not be asked.
func (x *execution) fresh(ctx context.Context, s *site, i *incident.Incident) (snap *observe.Snapshot, known bool) {
	list, err := x.refreshed(ctx, s, i)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("AOM could not be read; the alarm's state is unknown")
		list = i.Alarms
	}
	snap = s.look.Build(ctx, i.Cluster, scope(i), list)
	if err != nil {
		snap.Gaps = append(snap.Gaps, "the alarm's state could not be read from AOM")
	}
	return snap, err == nil
}

// refreshed are the incident's alarms in their present state, each change of it recorded.
func (x *execution) refreshed(ctx context.Context, s *site, i *incident.Incident) ([]alarm.Alarm, error) {
	state := map[string]alarm.Alarm{}
	for _, active := range []bool{false, true} { // an alarm that is in both is active
		list, err := s.alarms.Alarms(ctx, active, lookback)
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			state[a.ID] = a
		}
	}
	out := make([]alarm.Alarm, 0, len(i.Alarms))
	for n, a := range i.Alarms {
		now, ok := state[a.ID]
		if ok && now.Active() != a.Active() {
			if err := s.book.AddAlarm(ctx, s.cluster.ID, i.ID, now); err != nil {
				return nil, err
			}
			i.Alarms[n] = now
		}
		out = append(out, i.Alarms[n])
	}
	return out, nil
}

func scope(i *incident.Incident) observe.Scope {
	for n := len(i.Rounds) - 1; n >= 0; n-- {
		if c := i.Rounds[n].Diagnosis.Causes; len(c) > 0 {
			return observe.Scope{Namespace: c[0].Target.Namespace, Kind: c[0].Target.Kind, Name: c[0].Target.Name}
		}
	}
	for _, a := range i.Alarms {
		return observe.Scope{Namespace: a.Object.Namespace, Kind: a.Object.Kind, Name: a.Object.Name}
	}
	return observe.Scope{}
}

// cleared says whether every alarm of the incident has cleared.
func (x *execution) cleared(ctx context.Context, s *site, i *incident.Incident) (bool, error) {
	list, err := x.refreshed(ctx, s, i)
	if err != nil || len(list) == 0 {
		return false, err
	}
	for _, a := range list {
		if a.Active() {
			return false, nil
		}
	}
	return true, nil
}

// stillWrong says whether a fresh look still shows one of the causes. What cannot be seen counts as still wrong.
func (x *execution) stillWrong(ctx context.Context, s *site, i *incident.Incident) bool {
	snap, known := x.fresh(ctx, s, i)
	d := diagnose.Judge(snap)
	if !known || len(snap.Unreadable) > 0 && len(d.Causes) == 0 {
		return true
	}
	for _, c := range d.Causes {
		for _, was := range i.Last().Diagnosis.Causes {
			if c.Reason == was.Reason && c.Target.Same(was.Target) {
				return true
			}
		}
	}
	return false
}

// conclude draws the consequence of a verification that is over.
func (x *execution) conclude(ctx context.Context, s *site, i *incident.Incident) (next, error) {
	e := i.Last().Execution
	v := verdict(e)
	switch v.Outcome {
	case incident.Converged:
		return x.end(ctx, s, i, incident.Recovered, incident.Text{
			EN: fmt.Sprintf("Solution %s was carried out; the alarm has cleared and %d looks in a row agree.", e.Confirmation.Solution, v.Clean),
			ZH: fmt.Sprintf("方案%s已执行，告警已恢复，连续 %d 次检查结果一致。", e.Confirmation.Solution, v.Clean),
		})
	case incident.Worse:
		return x.offerUndo(ctx, s, i, "worse")
	case incident.Improving, incident.Unchanged, incident.Inconclusive:
	}
	s.tell.Ping(ctx, i, fmt.Sprintf("not-converged-%d", e.Round), incident.Text{
		EN: "Solution " + e.Confirmation.Solution + " was carried out and the alarm has not cleared. The card has a new plan that needs a new confirmation.",
		ZH: "方案" + e.Confirmation.Solution + "已执行，但告警尚未恢复。卡片已更新为新方案，需要再次确认。",
	})
	return x.another(ctx, s, i)
}

// another makes the next round: a fresh look, what has not been tried yet, a new question to people.
func (x *execution) another(ctx context.Context, s *site, i *incident.Incident) (next, error) {
	if why, spent := x.budget().Spent(remediate.HistoryOf(i), len(i.Rounds)); spent {
		return x.end(ctx, s, i, incident.HandedOver, incident.Text{EN: why.EN + " A person must take over.", ZH: why.ZH + "请人工接管。"})
	}
	snap, _ := x.fresh(ctx, s, i)
	r, err := s.advise.Round(ctx, i, snap)
	if err != nil {
		return next{}, err
	}
	if !offers(r) {
		return x.end(ctx, s, i, incident.HandedOver, incident.Text{
			EN: "There is nothing left that the agent can safely do: a person must take over. The card says what was tried and what to look at.",
			ZH: "助手已无可安全执行的方案，请人工接管。卡片中列出了已尝试的操作和排查建议。",
		})
	}
	s.tell.Refresh(ctx, i)
	return rest, nil
}

// offers says whether a round has anything that can be confirmed.
func offers(r *incident.Round) bool {
	if r.Plan == nil {
		return false
	}
	for _, sol := range r.Plan.Solutions {
		if sol.Executable() {
			return true
		}
	}
	return false
}

// end records how the incident ended; the rest is finish's, which may be repeated.
func (x *execution) end(ctx context.Context, s *site, i *incident.Incident, status incident.Status, reason incident.Text) (next, error) {
	c := incident.Closing{Status: status, Reason: reason, At: x.now().UTC()}
	c.Risks, c.Advice = remediate.Aftercare(i)
	if err := s.book.Close(ctx, s.cluster.ID, i.ID, c); err != nil {
		return next{}, err
	}
	zerolog.Ctx(ctx).Info().Str("status", string(status)).Msg("incident closed")
	return wait(0), nil
}

// finish says the last word on the card and seals the archive. It may be cut off anywhere and is done again.
func (x *execution) finish(ctx context.Context, s *site, i *incident.Incident) (next, error) {
	seal, err := s.book.ManifestHash(ctx, s.cluster.ID, i.ID)
	if err != nil {
		return next{}, err
	}
	if seal != "" {
		return rest, nil
	}
	if err := s.tell.Show(ctx, i); err != nil {
		if x.now().Sub(i.Closed.At) < lastWord {
			return next{}, err
		}
		zerolog.Ctx(ctx).Error().Err(err).Msg("the last card could not be shown; the archive is sealed without it")
	}
	s.tell.Ping(ctx, i, "closed", i.Closed.Reason)
	return rest, s.book.Seal(ctx, s.cluster.ID, i.ID)
}
