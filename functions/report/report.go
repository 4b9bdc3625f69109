package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/lark"
	"cce-oncall/shared/record"
)

// reporting is the flow. Its fields are what it needs of the world; main fills them.
type reporting struct {
	clusters config.Clusters
	alarms   func(context.Context, config.Cluster) alarms
	book     func(context.Context) *record.Book
	cards    func(context.Context) (cards, error)
	style    lark.Look
	zone     *time.Location
	now      func() time.Time
}

type alarms interface {
	Alarms(ctx context.Context, active bool, window time.Duration) ([]alarm.Alarm, error)
}

type cards interface {
	Send(ctx context.Context, chat string, card []byte, uuid string) (messageID string, err error)
}

// handle reports the day before the timer fired, or the day an event names: {"day": "2026-11-22", "cluster": "…"}; a day that is not
// over yet is reported as far as it has come.
func (x *reporting) handle(ctx context.Context, payload []byte) (any, error) {
	day, only, err := x.asked(payload)
	if err != nil {
		return functiongraph.Drop(ctx, payload, err), nil
	}
	var failed []error
	made := map[string]string{}
	for _, k := range x.clusters {
		if only != "" && only != k.ID && only != k.Name {
			continue
		}
		message, err := x.one(ctx, k, day)
		if err != nil {
			zerolog.Ctx(ctx).Error().Err(err).Str("cluster", k.ID).Msg("report could not be made")
			failed = append(failed, err)
			continue
		}
		made[k.ID] = message
	}
	return made, errors.Join(failed...)
}

// asked is the day to report, from its first moment in the deployment's zone.
func (x *reporting) asked(payload []byte) (day time.Time, cluster string, err error) {
	ev, err := functiongraph.Decode(payload)
	if err != nil {
		return day, "", err
	}
	at := x.now()
	var ask struct {
		Day     string `json:"day"`
		Cluster string `json:"cluster"`
	}
	if ev.Timer != nil {
		if t, err := time.Parse(time.RFC3339, ev.Timer.Time); err == nil {
			at = t
		}
	} else if err := json.Unmarshal(ev.Invoke, &ask); err != nil {
		return day, "", fmt.Errorf("neither a timer nor a day: %w", err)
	}
	if ask.Day != "" {
		day, err = time.ParseInLocation("2006-01-02", ask.Day, x.zone)
		return day, ask.Cluster, err
	}
	y, m, d := at.In(x.zone).Date()
	return time.Date(y, m, d-1, 0, 0, 0, 0, x.zone), ask.Cluster, nil
}

// one makes, keeps and posts one cluster's report, in that order.
func (x *reporting) one(ctx context.Context, k config.Cluster, day time.Time) (message string, err error) {
	book := x.book(ctx)
	from, to := day, day.AddDate(0, 0, 1)
	r := lark.Report{Cluster: k.Incident(), From: from, To: to, MadeAt: x.now().UTC()}
	incidents, err := x.incidents(ctx, book, k, from, to)
	if err != nil {
		return "", err
	}
	if list, err := x.fired(ctx, k, from, to); err != nil {
		r.Gaps = append(r.Gaps, "alarms could not be read from AOM: only those of incidents are counted")
		r.Alarms = countAlarms(merged(incidents), to)
	} else {
		r.Alarms = countAlarms(list, to)
	}
	looks, err := x.inspections(ctx, book, k, from, to)
	if err != nil {
		return "", err
	}
	tell(&r, incidents, looks, x.now(), x.style)
	if err := book.SaveReport(ctx, k.ID, from, kept{r, seals(ctx, book, k.ID, incidents)}); err != nil {
		return "", err
	}
	card, err := lark.ReportCard(r, x.style, nil)
	if err != nil {
		return "", fmt.Errorf("draw the report: %w", err)
	}
	c, err := x.cards(ctx)
	if err != nil {
		return "", err
	}
	uuid := lark.UUID("report", k.ID, from.Format("2006-01-02"), r.MadeAt.Truncate(10*time.Minute).Format(time.RFC3339))
	if message, err = c.Send(ctx, k.Chat, card, uuid); err != nil {
		return "", fmt.Errorf("post the report: %w", err)
	}
	return message, nil
}

// kept is the report as it is archived: with the seals of the incidents it speaks of, so that whoever changes an archive later has to
// change the report as well.
type kept struct {
	lark.Report
	Seals map[incident.ID]string `json:"seals"`
}

func seals(ctx context.Context, book *record.Book, cluster string, incidents []*incident.Incident) map[incident.ID]string {
	out := map[incident.ID]string{}
	for _, i := range incidents {
		seal, err := book.ManifestHash(ctx, cluster, i.ID)
		if err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Str("incident", string(i.ID)).Msg("seal could not be read")
			continue
		}
		if seal != "" {
			out[i.ID] = seal
		}
	}
	return out
}

// incidents are those that were opened within the day; ids carry the day in UTC, so two of those days are looked through.
func (x *reporting) incidents(ctx context.Context, book *record.Book, k config.Cluster, from, to time.Time) ([]*incident.Incident, error) {
	var out []*incident.Incident
	for day := from.UTC().Truncate(24*time.Hour).AddDate(0, 0, -1); day.Before(to); day = day.AddDate(0, 0, 1) {
		ids, err := book.IDs(ctx, k.ID, record.Day(k.ID, day))
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			i, found, err := book.Load(ctx, k.ID, id)
			if err != nil {
				return nil, err
			}
			if found && !i.OpenedAt.Before(from) && i.OpenedAt.Before(to) {
				out = append(out, i)
			}
		}
	}
	return out, nil
}

func (x *reporting) inspections(ctx context.Context, book *record.Book, k config.Cluster, from, to time.Time) ([]record.Inspection, error) {
	var out []record.Inspection
	for day := from.UTC().Truncate(24 * time.Hour); day.Before(to); day = day.AddDate(0, 0, 1) {
		list, err := book.Inspections(ctx, k.ID, day)
		if err != nil {
			return nil, err
		}
		for _, i := range list {
			if !i.At.Before(from) && i.At.Before(to) {
				out = append(out, i)
			}
		}
	}
	return out, nil
}

// fired are the alarms that AOM knows to have fired within the day.
func (x *reporting) fired(ctx context.Context, k config.Cluster, from, to time.Time) ([]alarm.Alarm, error) {
	window := x.now().Sub(from) + time.Hour
	seen := map[string]bool{}
	var out []alarm.Alarm
	for _, active := range []bool{true, false} {
		list, err := x.alarms(ctx, k).Alarms(ctx, active, window)
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			if key := a.SN + "/" + a.ID; !seen[key] && !a.FiredAt.Before(from) && a.FiredAt.Before(to) {
				seen[key] = true
				out = append(out, a)
			}
		}
	}
	return out, nil
}
