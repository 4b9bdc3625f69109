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
	"cce-oncall/shared/observe"
	"cce-oncall/shared/record"
)

// The two timers of this function, and what a person asks for after a deployment. A watch is cheap and silent and runs every minute;
// an inspection looks at everything and speaks; a probe asks each service that the functions depend on.
const (
	modeInspect = "inspect"
	modeWatch   = "watch"
	modeProbe   = "probe"
)

// inspection is the flow. Its fields are what it needs of the world; main fills them.
type inspection struct {
	clusters config.Clusters
	site     func(context.Context, config.Cluster) (site, error)
	services func(context.Context, config.Cluster) (services, error)
	book     func(context.Context) *record.Book
	cards    func(context.Context) (cards, error)
	style    lark.Look
	wake     wake
	now      func() time.Time
	redact   func(string) string
}

// site is one cluster as this flow needs it.
type site struct {
	alarms alarms
	look   look
}

type alarms interface {
	Alarms(ctx context.Context, active bool, window time.Duration) ([]alarm.Alarm, error)
}

type look interface {
	Build(ctx context.Context, c incident.Cluster, scope observe.Scope, alarms []alarm.Alarm) *observe.Snapshot
}

type cards interface {
	Send(ctx context.Context, chat string, card []byte, uuid string) (messageID string, err error)
}

type wake interface {
	Wake(ctx context.Context, role string, payload any) error
}

// errand is the event for one cluster: what the timer's run fans out into, so that one slow cluster holds up no other.
type errand struct {
	Cluster string    `json:"cluster"`
	Mode    string    `json:"mode"`
	At      time.Time `json:"at"` // when the timer fired: names the run, so that a repeat says nothing twice
}

// handle is the flow: a timer becomes one errand a cluster, an errand is one look at one cluster.
func (x *inspection) handle(ctx context.Context, payload []byte) (any, error) {
	ev, err := functiongraph.Decode(payload)
	if err != nil {
		return functiongraph.Drop(ctx, payload, err), nil
	}
	if ev.Timer != nil {
		return x.fanOut(ctx, *ev.Timer)
	}
	var e errand
	if json.Unmarshal(ev.Invoke, &e) != nil || e.Cluster == "" {
		return functiongraph.Drop(ctx, payload, errors.New("neither a timer nor an errand")), nil
	}
	k, ok := x.clusters.Find(e.Cluster)
	if !ok {
		return functiongraph.Drop(ctx, payload, fmt.Errorf("cluster %q is not configured", e.Cluster)), nil
	}
	log := zerolog.Ctx(ctx).With().Str("cluster", k.ID).Logger()
	ctx = log.WithContext(ctx)
	switch e.Mode {
	case modeWatch:
		return x.watch(ctx, k)
	case modeProbe:
		return x.probe(ctx, k)
	}
	return x.inspect(ctx, k, e)
}

// fanOut sends one errand a cluster. A cluster whose errand cannot be sent is looked at by the next run.
func (x *inspection) fanOut(ctx context.Context, t functiongraph.Timer) (any, error) {
	at, err := time.Parse(time.RFC3339, t.Time)
	if err != nil {
		at = x.now()
	}
	mode := modeInspect
	var event struct {
		Mode string `json:"mode"`
	}
	if json.Unmarshal([]byte(t.UserEvent), &event) == nil && event.Mode == modeWatch {
		mode = modeWatch
	}
	sent := 0
	var last error
	for _, k := range x.clusters {
		if err := x.wake.Wake(ctx, "inspect", errand{Cluster: k.ID, Mode: mode, At: at.UTC()}); err != nil {
			zerolog.Ctx(ctx).Error().Err(err).Str("cluster", k.ID).Msg("cluster could not be sent for inspection")
			last = err
			continue
		}
		sent++
	}
	if sent == 0 && last != nil {
		return nil, fmt.Errorf("no cluster could be sent for inspection: %w", last)
	}
	return map[string]int{"clusters": sent}, nil
}
