package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/config"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/record"
)

const (
	grace    = 2 * time.Minute   // what the ordinary way may take before something counts as lost
	stalled  = 100 * time.Second // an execution that has not written for so long has lost its run
	remember = 14 * 24 * time.Hour
	lookback = 2 * time.Hour
)

// wakeup is the event that execute takes.
type wakeup struct {
	Cluster  string      `json:"cluster"`
	Incident incident.ID `json:"incident"`
}

// raised is the event by which diagnose is handed alarms.
type raised struct {
	Cluster string            `json:"cluster"`
	ID      string            `json:"id"`
	Alarms  []json.RawMessage `json:"alarms"`
}

// watch finds what was lost on the way and sets it going again: alarms that no notification brought, incidents without a card,
// confirmations nobody acted on, executions whose run died, plans whose time is over. It changes nothing itself.
func (x *inspection) watch(ctx context.Context, k config.Cluster) (any, error) {
	s, err := x.site(ctx, k)
	if err != nil {
		return nil, err
	}
	book := x.book(ctx)
	openings, err := book.Openings(ctx, k.ID)
	if err != nil {
		return nil, err
	}
	active, aerr := s.alarms.Alarms(ctx, true, lookback)
	if aerr != nil {
		zerolog.Ctx(ctx).Warn().Err(aerr).Msg("active alarms could not be read")
	}
	done := map[string]int{}
	known := map[string]bool{}
	for _, o := range openings {
		if x.now().Sub(o.At) > remember {
			continue
		}
		inc, found, err := book.Load(ctx, k.ID, o.ID)
		if err != nil || !found {
			zerolog.Ctx(ctx).Warn().Err(err).Str("incident", string(o.ID)).Msg("an open incident could not be read")
			continue
		}
		for _, a := range inc.Alarms {
			known[a.SN+"/"+a.ID] = true
		}
		what := x.lost(inc, active, aerr == nil)
		if what == "" && inc.Closed != nil && x.now().Sub(inc.Closed.At) > stalled {
			if seal, err := book.ManifestHash(ctx, k.ID, inc.ID); err == nil && seal == "" {
				what = "unsealed"
			}
		}
		if what == "" {
			continue
		}
		if err := x.again(ctx, k, inc, what); err != nil {
			zerolog.Ctx(ctx).Error().Err(err).Str("incident", string(inc.ID)).Str("lost", what).Msg("could not be set going again")
			continue
		}
		zerolog.Ctx(ctx).Info().Str("incident", string(inc.ID)).Str("lost", what).Msg("set going again")
		done[what]++
	}
	if n := x.unnoticed(ctx, k, book, active, known); n > 0 {
		done["unnoticed alarms"] = n
	}
	return done, nil
}

// lost says what an incident is waiting for in vain, empty when it is on its way.
func (x *inspection) lost(i *incident.Incident, active []alarm.Alarm, alarmsKnown bool) string {
	now := x.now()
	if i.Closed != nil {
		return ""
	}
	if i.Card == nil {
		if now.Sub(i.OpenedAt) > grace {
			return "no card"
		}
		return ""
	}
	r := i.Last()
	switch i.Status(now) {
	case incident.AwaitingConfirmation:
		if alarmsKnown && !firing(i, active) && now.Sub(i.OpenedAt) > grace {
			return "alarm cleared"
		}
	case incident.Expired, incident.Rejected:
		return "not closed"
	case incident.Executing, incident.Verifying, incident.RollingBack:
		if now.Sub(moved(r)) > stalled {
			return "stalled"
		}
	case incident.Diagnosing:
		if now.Sub(i.OpenedAt) > grace && r != nil && r.Plan == nil && alarmsKnown && !firing(i, active) {
			return "alarm cleared"
		}
	case incident.Recovered, incident.RolledBack, incident.HandedOver:
	}
	return ""
}

func firing(i *incident.Incident, active []alarm.Alarm) bool {
	for _, a := range i.Alarms {
		if a.Provider == alarm.FromInspect && a.Active() {
			return true // ours: AOM does not know it
		}
		for _, b := range active {
			if a.ID == b.ID {
				return true
			}
		}
	}
	return false
}

// moved is when a round last wrote anything.
func moved(r *incident.Round) time.Time {
	var last time.Time
	later := func(t time.Time) {
		if t.After(last) {
			last = t
		}
	}
	for _, d := range r.Decisions {
		if d.Refused == "" {
			later(d.At)
		}
	}
	if e := r.Execution; e != nil {
		later(e.StartedAt)
		later(e.DoneAt)
		later(e.HoppedAt)
		for _, s := range e.Steps {
			later(s.At)
		}
		for _, v := range e.Verification {
			later(v.At)
		}
	}
	return last
}

// again wakes whoever lost it.
func (x *inspection) again(ctx context.Context, k config.Cluster, i *incident.Incident, what string) error {
	if what == "no card" {
		r := raised{Cluster: k.ID, ID: "resume-" + string(i.ID) + x.now().UTC().Format("-200601021504")}
		for _, a := range i.Alarms {
			if len(a.Raw) > 0 {
				r.Alarms = append(r.Alarms, a.Raw)
			}
		}
		return x.wake.Wake(ctx, "diagnose", r)
	}
	return x.wake.Wake(ctx, "execute", wakeup{Cluster: k.ID, Incident: i.ID})
}

// unnoticed raises active alarms that no incident has: SMN drops messages without a word. Each is raised again every ten minutes
// until an incident has it or it clears.
func (x *inspection) unnoticed(ctx context.Context, k config.Cluster, book *record.Book, active []alarm.Alarm, known map[string]bool) int {
	r := raised{Cluster: k.ID, ID: "unnoticed" + x.now().UTC().Truncate(time.Minute).Format("-200601021504")}
	for _, a := range active {
		if known[a.SN+"/"+a.ID] || x.now().Sub(a.FiredAt) < grace || len(a.Raw) == 0 {
			continue
		}
		if e, ok := alarm.Lookup(a.Name); ok && e.Urgency == alarm.Inform {
			continue
		}
		mark := a.SN + a.ID + x.now().UTC().Truncate(10*time.Minute).Format("-200601021504")
		if first, err := book.First(ctx, "unnoticed", mark); err != nil || !first {
			continue
		}
		r.Alarms = append(r.Alarms, a.Raw)
	}
	if len(r.Alarms) == 0 {
		return 0
	}
	if err := x.wake.Wake(ctx, "diagnose", r); err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("unnoticed alarms could not be raised")
		return 0
	}
	return len(r.Alarms)
}
