package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/shared/advise"
	"cce-oncall/shared/alarm"
	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/lark"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/record"
	"cce-oncall/shared/tell"
)

// history is how far back alarms are read: long enough to see flapping and what came before.
const history = 2 * time.Hour

// diagnosis is the flow. Its fields are what it needs of the world; main fills them.
type diagnosis struct {
	clusters config.Clusters
	windows  []alarm.Window // maintenance
	site     func(context.Context, config.Cluster) (site, error)
	book     func(context.Context) *record.Book
	now      func() time.Time
	pushes   pushes // in regions where SMN comes through the gateway
	wake     wake
	cards    func(context.Context) (cards, error)
	style    lark.Look
}

type cards interface {
	Send(ctx context.Context, chat string, card []byte, uuid string) (messageID string, err error)
}

// site is one cluster as this flow needs it.
type site struct {
	cluster config.Cluster
	alarms  alarms
	look    look
	advise  *advise.Adviser
	tell    *tell.Teller
}

type alarms interface {
	Alarms(ctx context.Context, active bool, window time.Duration) ([]alarm.Alarm, error)
	Mutes(ctx context.Context) ([]alarm.Silence, error)
}

type look interface {
	Build(ctx context.Context, c incident.Cluster, scope observe.Scope, alarms []alarm.Alarm) *observe.Snapshot
}

// handle is the flow, top to bottom. It returns an error only for what another delivery may mend.
func (d *diagnosis) handle(ctx context.Context, payload []byte) (any, error) {
	if ev, err := functiongraph.Decode(payload); err == nil && ev.HTTP != nil {
		return d.pushed(ctx, *ev.HTTP), nil
	}
	asks, strange, err := read(payload, d.clusters)
	if err != nil {
		return functiongraph.Drop(ctx, payload, err), nil
	}
	out := make([]outcome, 0, len(strange))
	for _, s := range strange {
		zerolog.Ctx(ctx).Warn().Str("notification", s.message).Str("cluster", s.cluster).Msg("notification is about a cluster that is not configured; it is left to others")
		out = append(out, outcome{Cluster: s.cluster, What: "not ours"})
	}
	for _, a := range asks {
		o, err := d.answer(ctx, a)
		if err != nil {
			d.trouble(ctx, a, err)
			return nil, err
		}
		out = append(out, o...)
	}
	return out, nil
}

// trouble says on a card that an alarm came in and could not be diagnosed: somebody may be waiting for it. The platform delivers the
// event again, and the card says so; repeated trouble with one event says it once.
func (d *diagnosis) trouble(ctx context.Context, a ask, cause error) {
	ctx = context.WithoutCancel(ctx)
	card, err := lark.ProblemCard(lark.Problem{
		Look: d.style, Cluster: a.cluster.Incident(), At: d.now(), Detail: append(a.words(), cause.Error()),
		What: incident.Text{EN: "An alarm came in and could not be diagnosed", ZH: "收到告警但未能完成诊断"},
		Next: []incident.Text{
			{EN: "Look at the alarm in AOM yourself: this may be a real fault.", ZH: "请直接在 AOM 查看该告警，故障可能真实存在。"},
			{EN: "The diagnosis is tried again by itself; its own card appears if it succeeds.", ZH: "系统会自动重试诊断，成功后将发出诊断卡片。"},
		},
	})
	var c cards
	if err == nil {
		c, err = d.cards(ctx)
	}
	if err == nil {
		_, err = c.Send(ctx, a.cluster.Chat, card, lark.UUID("trouble", a.id))
	}
	if err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("the trouble could not be shown")
	}
}

// outcome is what became of one group of alarms; the function's result, for the log and for people who invoke it by hand.
type outcome struct {
	Cluster  string      `json:"cluster"`
	Incident incident.ID `json:"incident,omitempty"`
	What     string      `json:"what"` // opened, joined, resumed, known, resolved, silenced, informational, not ours
	Key      string      `json:"key,omitempty"`
	Message  string      `json:"message,omitempty"`
}

// answer deals with one ask: read the truth, see what belongs together, and open, join or resume an incident for each group.
func (d *diagnosis) answer(ctx context.Context, a ask) ([]outcome, error) {
	book := d.book(ctx)
	if seen, err := book.Seen(ctx, "ask", a.id); err == nil && seen {
		zerolog.Ctx(ctx).Info().Str("ask", a.id).Msg("event was dealt with before; nothing changes")
		return nil, nil
	}
	s, err := d.site(ctx, a.cluster)
	if err != nil {
		return nil, fmt.Errorf("reach cluster %s: %w", a.cluster.Incident().Label(), err)
	}
	known, gaps := d.read(ctx, s, a)
	snap := s.look.Build(ctx, a.cluster.Incident(), a.scope(), known)
	snap.Question = a.question
	snap.Gaps = append(snap.Gaps, gaps...)
	var out []outcome
	for _, g := range groups(known, snap, a, d.silences(ctx, s)) {
		o, err := d.group(ctx, s, book, snap, g)
		if err != nil {
			return nil, err
		}
		zerolog.Ctx(ctx).Info().Str("incident", string(o.Incident)).Str("key", o.Key).Str("outcome", o.What).Msg("group of alarms dealt with")
		out = append(out, o)
	}
	if _, err := book.First(ctx, "ask", a.id); err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("event could not be marked as dealt with; a repeat will find the incident instead")
	}
	return out, nil
}

// read asks AOM for what is active and what has been. The message that woke us is only a hint: it stands in where AOM cannot be
// read or does not show the alarm yet.
func (d *diagnosis) read(ctx context.Context, s site, a ask) (known []alarm.Alarm, gaps []string) {
	for _, active := range []bool{true, false} {
		list, err := s.alarms.Alarms(ctx, active, history)
		if err != nil {
			which := map[bool]string{true: "active", false: "past"}[active]
			zerolog.Ctx(ctx).Warn().Err(err).Str("alarms", which).Msg("AOM could not be read")
			gaps = append(gaps, fmt.Sprintf("%s alarms could not be read from AOM: what is said of them comes from the notification alone", which))
			continue
		}
		known = append(known, list...)
	}
	return a.complete(known), gaps
}

// silences are our maintenance windows and AOM's mute rules. A mute rule stops notifications only, so its alarms still reach us; rules
// that cannot be read silence nothing.
func (d *diagnosis) silences(ctx context.Context, s site) []alarm.Silence {
	mutes, err := s.alarms.Mutes(ctx)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("AOM's mute rules could not be read; nothing is silenced by them")
	}
	for _, w := range d.windows {
		mutes = append(mutes, w.Silence())
	}
	return mutes
}

// group opens an incident for a group of alarms, or lets a known one gain them in silence.
func (d *diagnosis) group(ctx context.Context, s site, book *record.Book, snap *observe.Snapshot, g alarm.Group) (outcome, error) {
	o := outcome{Cluster: s.cluster.ID, Key: g.Key}
	if why := idle(g); why != "" {
		o.What = why
		return o, nil
	}
	inc, err := find(ctx, book, s.cluster, g)
	if err != nil {
		return o, err
	}
	o.What = "joined"
	if inc == nil {
		o.What = "opened"
		if inc, err = begin(ctx, book, s.cluster, g, d.now()); err != nil {
			return o, err
		}
	}
	o.Incident = inc.ID
	if err := gain(ctx, book, inc, g.Alarms); err != nil {
		return o, err
	}
	if inc.Closed != nil || inc.Card != nil {
		return o, nil // it is on a card or over: it gained an alarm and stays silent
	}
	if len(inc.Rounds) == 0 {
		if _, err := s.advise.Round(ctx, inc, narrow(snap, g, inc)); err != nil {
			return o, err
		}
	} else if o.What == "joined" {
		o.What = "resumed" // diagnosed before, and cut off before its card was posted
	}
	if err := s.tell.Post(ctx, inc, s.cluster.ChatFor(g.Root.Namespace)); err != nil {
		return o, err
	}
	o.Message = inc.Card.Message
	return o, nil
}

// idle says why a group needs no incident, empty when it needs one.
func idle(g alarm.Group) string {
	switch {
	case g.Urgency == alarm.Inform:
		return "informational"
	case g.Silenced != "":
		return "silenced"
	case g.Active == 0:
		return "resolved"
	}
	return ""
}

// find is the open incident of a group's key, or the one that has this very first alarm already.
func find(ctx context.Context, book *record.Book, c config.Cluster, g alarm.Group) (*incident.Incident, error) {
	for _, key := range append([]string{g.Key}, g.Keys...) { // it may have been opened before its cause showed itself
		opening, found, err := book.Find(ctx, c.ID, key)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		inc, found, err := book.Load(ctx, c.ID, opening.ID)
		if err != nil {
			return nil, err
		}
		if found && inc.Closed == nil {
			return inc, nil
		}
	}
	inc, found, err := book.Load(ctx, c.ID, id(c, g))
	if err != nil || !found {
		return nil, err
	}
	return inc, nil
}

func id(c config.Cluster, g alarm.Group) incident.ID {
	return incident.ID(alarm.IncidentID(c.ID, g.Key, g.FirstAt))
}

// begin records that an incident is opened, before anything else is done about it.
func begin(ctx context.Context, book *record.Book, c config.Cluster, g alarm.Group, now time.Time) (*incident.Incident, error) {
	o := record.Opening{ID: id(c, g), Key: g.Key, Cluster: c.Incident(), Chat: c.ChatFor(g.Root.Namespace), At: now.UTC()}
	if err := book.Open(ctx, o); err != nil {
		return nil, err
	}
	return &incident.Incident{ID: o.ID, Key: o.Key, Cluster: o.Cluster, OpenedAt: o.At}, nil
}

// gain records the occurrences that the incident does not have yet, and those whose state has changed.
func gain(ctx context.Context, book *record.Book, inc *incident.Incident, list []alarm.Alarm) error {
	for _, a := range list {
		at := -1
		for i, has := range inc.Alarms {
			if has.SN == a.SN && has.ID == a.ID {
				at = i
			}
		}
		if at >= 0 && inc.Alarms[at].Active() == a.Active() {
			continue
		}
		if err := book.AddAlarm(ctx, inc.Cluster.ID, inc.ID, a); err != nil {
			return err
		}
		if at >= 0 {
			inc.Alarms[at] = a
		} else {
			inc.Alarms = append(inc.Alarms, a)
		}
	}
	return nil
}

// narrow is the snapshot with this incident's alarms in the foreground. Nothing else is taken away: the cause may lie anywhere.
func narrow(snap *observe.Snapshot, g alarm.Group, inc *incident.Incident) *observe.Snapshot {
	s := snap.Clone()
	s.Alarms = inc.Alarms
	if g.Root.Name != "" {
		s.Scope = observe.Scope{Namespace: g.Root.Namespace, Kind: g.Root.Kind, Name: g.Root.Name}
	}
	return s
}
