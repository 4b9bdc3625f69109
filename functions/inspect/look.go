package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/config"
	"cce-oncall/shared/diagnose"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/lark"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/record"
)

// sure is how sure a finding must be before it is raised as an alarm: below it stands on the inspection's card alone.
const sure = 0.7

// inspect looks at everything, raises what is wrong as alarms, and says what it saw. It never exits silently: what could not be read is
// on the card as well.
func (x *inspection) inspect(ctx context.Context, k config.Cluster, e errand) (any, error) {
	s, err := x.site(ctx, k)
	if err != nil {
		return nil, x.trouble(ctx, k, e, err)
	}
	book := x.book(ctx)
	active, err := s.alarms.Alarms(ctx, true, lookback)
	var gaps []string
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("active alarms could not be read")
		gaps = append(gaps, "active alarms could not be read from AOM")
	}
	snap := s.look.Build(ctx, k.Incident(), observe.Scope{}, active)
	snap.Gaps = append(snap.Gaps, gaps...)
	d := diagnose.Judge(snap)
	raised, err := x.raise(ctx, k, d)
	if err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("findings could not be raised; the next inspection does it again")
	}
	h := x.health(ctx, k, book, snap, d)
	if err := book.SaveInspection(ctx, record.Inspection{
		Cluster: k.Incident(), At: snap.At, Verdict: d.Verdict, Totals: h.Totals, Nodes: h.Nodes, Pods: h.Pods, Causes: d.Causes, Gaps: d.Gaps, Hints: h.CostHints,
	}); err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("inspection could not be recorded")
	}
	if err := x.say(ctx, k, e, h); err != nil {
		return nil, err
	}
	zerolog.Ctx(ctx).Info().Str("verdict", string(d.Verdict)).Int("causes", len(d.Causes)).Int("raised", raised).Int("gaps", len(d.Gaps)).Msg("inspected")
	return map[string]any{"verdict": d.Verdict, "causes": len(d.Causes), "raised": raised}, nil
}

func (x *inspection) health(ctx context.Context, k config.Cluster, book *record.Book, snap *observe.Snapshot, d incident.Diagnosis) lark.Health {
	var focus []incident.Target
	for _, c := range d.Causes {
		focus = append(append(focus, c.Target), c.Affected...)
	}
	scene := snap.Scene(focus)
	h := lark.Health{
		Look: x.style, Cluster: k.Incident(), At: snap.At, From: snap.At.Add(-time.Hour), Totals: scene.Totals, Nodes: scene.Nodes,
		Findings: d.Causes, CostHints: diagnose.CostHints(snap), Gaps: d.Gaps,
	}
	for _, p := range scene.Pods {
		if !p.Ready {
			h.Pods = append(h.Pods, p)
		}
	}
	openings, err := book.Openings(ctx, k.ID)
	if err != nil {
		h.Gaps = append(h.Gaps, "open incidents could not be read from OBS")
		return h
	}
	for _, o := range openings {
		if x.now().Sub(o.At) > remember {
			continue
		}
		inc, found, err := book.Load(ctx, k.ID, o.ID)
		if err != nil || !found || inc.Closed != nil {
			continue
		}
		h.Open = append(h.Open, lark.OpenIncident{ID: inc.ID, Title: lark.Headline(inc, x.now(), x.style), Status: inc.Status(x.now()), Since: inc.OpenedAt})
	}
	return h
}

// raise hands what is wrong and sure to diagnose, in AOM's own form. The id of an alarm is that of its finding, so the same trouble
// found again is the same alarm.
func (x *inspection) raise(ctx context.Context, k config.Cluster, d incident.Diagnosis) (int, error) {
	if d.Verdict != incident.Fault {
		return 0, nil
	}
	r := raised{Cluster: k.ID, ID: "inspect" + x.now().UTC().Format("-20060102150405")}
	for _, c := range d.Causes {
		if c.Confidence < sure {
			continue
		}
		raw, err := x.alarmOf(k, c).Encode()
		if err != nil {
			return 0, err
		}
		r.Alarms = append(r.Alarms, json.RawMessage(raw))
	}
	if len(r.Alarms) == 0 {
		return 0, nil
	}
	if err := x.wake.Wake(ctx, "diagnose", r); err != nil {
		return 0, fmt.Errorf("raise %d findings: %w", len(r.Alarms), err)
	}
	return len(r.Alarms), nil
}

func (x *inspection) alarmOf(k config.Cluster, c incident.Finding) alarm.Alarm {
	info := incident.Info(c.Reason)
	id := "inspect-" + record.Hash([]byte(k.ID + "\n" + string(c.Reason) + "\n" + c.Target.String()))[:24]
	since := c.Since
	if since.IsZero() {
		since = x.now().UTC().Truncate(24 * time.Hour) // the day it was found: the same all day long
	}
	return alarm.Alarm{
		ID: id, SN: id + since.UTC().Format("-20060102150405"), Name: string(c.Reason), TitleZH: info.Title.ZH, Severity: alarm.Major,
		Provider: alarm.FromInspect, Cluster: k.ID, ClusterName: k.Name,
		Object:  alarm.Object{Kind: c.Target.Kind, Namespace: c.Target.Namespace, Name: c.Target.Name},
		Message: x.redact(c.Summary.EN), MessageZH: x.redact(c.Summary.ZH), FiredAt: since.UTC(),
	}
}

// say posts the inspection's card; one run of the timer says it once.
func (x *inspection) say(ctx context.Context, k config.Cluster, e errand, h lark.Health) error {
	card, err := lark.HealthCard(h)
	if err != nil {
		return fmt.Errorf("draw the inspection's card: %w", err)
	}
	return x.send(ctx, k, e, card)
}

func (x *inspection) send(ctx context.Context, k config.Cluster, e errand, card []byte) error {
	c, err := x.cards(ctx)
	if err != nil {
		return err
	}
	if _, err := c.Send(ctx, k.Chat, card, lark.UUID("inspection", k.ID, e.At.UTC().Format(time.RFC3339))); err != nil {
		return fmt.Errorf("post the inspection's card: %w", err)
	}
	return nil
}

// trouble says on a card that a cluster could not be inspected, and why; the error is returned for the log.
func (x *inspection) trouble(ctx context.Context, k config.Cluster, e errand, cause error) error {
	card, err := lark.ProblemCard(lark.Problem{
		Look: x.style, Cluster: k.Incident(), At: x.now(), What: incident.Text{EN: "The cluster could not be inspected", ZH: "集群巡检失败"}, Detail: []string{cause.Error()},
		Next: []incident.Text{{EN: "Nothing is known about its state until this is mended. Check the function's agency and the address of the cluster.", ZH: "在恢复之前无法获知集群状态，请检查函数委托权限与集群访问地址。"}},
	})
	if err == nil {
		err = x.send(ctx, k, e, card)
	}
	if err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("the trouble could not be shown")
	}
	return cause
}
