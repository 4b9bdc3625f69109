package record

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// Opening is the first record of an incident.
type Opening struct {
	ID      incident.ID      `json:"id"`
	Key     string           `json:"key"`
	Cluster incident.Cluster `json:"cluster"`
	Chat    string           `json:"chat"`
	At      time.Time        `json:"at"`
}

// Open records that an incident begins, and points to it from its correlation key, so that further alarms find it.
func (b *Book) Open(ctx context.Context, o Opening) error {
	if err := b.put(ctx, o.Cluster.ID, string(o.ID), Prefix(o.Cluster.ID, o.ID), "opening.json", "opening", o); err != nil {
		return err
	}
	return b.plain(ctx, openKey(o.Cluster.ID, o.Key), o.Cluster.ID, string(o.ID), "open", o)
}

// plain saves what is outside any incident's archive: pointers and marks, all of them derivable.
func (b *Book) plain(ctx context.Context, key, cluster, incidentID, kind string, body any) error {
	raw, err := b.seal(cluster, incidentID, kind, body)
	if err != nil {
		return err
	}
	if err := b.Bucket.Put(ctx, key, raw); err != nil {
		return fmt.Errorf("save %s: %w", kind, err)
	}
	return nil
}

// Find is the incident last opened for a correlation key; found is false where there never was one. It may be closed by now.
func (b *Book) Find(ctx context.Context, cluster, key string) (o Opening, found bool, err error) {
	found, err = b.get(ctx, openKey(cluster, key), &o)
	return o, found, err
}

// Openings lists the incidents last opened for each key: where inspect and typed words look for open work.
func (b *Book) Openings(ctx context.Context, cluster string) ([]Opening, error) {
	keys, err := b.Bucket.List(ctx, fmt.Sprintf("open/v1/%s/", name(cluster)))
	if err != nil {
		return nil, fmt.Errorf("list open incidents: %w", err)
	}
	var out []Opening
	for _, k := range keys {
		var o Opening
		if found, err := b.get(ctx, k, &o); err != nil {
			return nil, err
		} else if found {
			out = append(out, o)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].At.Before(out[j].At) })
	return out, nil
}

// AddAlarm records one occurrence; the same occurrence again is the same object.
func (b *Book) AddAlarm(ctx context.Context, cluster string, id incident.ID, a alarm.Alarm) error {
	return b.put(ctx, cluster, string(id), Prefix(cluster, id), "alarms/"+name(a.SN+"."+a.ID)+".json", "alarm", a)
}

// Round is a diagnosis with what it was made from and what is proposed.
type Round struct {
	Number    int                `json:"number"`
	Diagnosis incident.Diagnosis `json:"diagnosis"`
	Scene     incident.Scene     `json:"scene"`
}

// SaveRound records what was seen (the case file's bytes, which replay), what it means, and what is proposed; in that order, so that a
// plan is never without its reasons.
func (b *Book) SaveRound(ctx context.Context, cluster string, id incident.ID, snapshot []byte, r Round, p *incident.Plan) error {
	prefix := Prefix(cluster, id)
	if snapshot != nil {
		if b.Redact != nil {
			snapshot = b.Redact(snapshot)
		}
		if err := b.putRaw(ctx, prefix, roundKey(r.Number, "snapshot"), "snapshot", snapshot); err != nil {
			return err
		}
	}
	if err := b.put(ctx, cluster, string(id), prefix, roundKey(r.Number, "diagnosis"), "diagnosis", r); err != nil {
		return err
	}
	if p == nil {
		return nil
	}
	return b.put(ctx, cluster, string(id), prefix, roundKey(r.Number, "plan"), "plan", p)
}

// Snapshot is the case file of a round: kept without an envelope, so that "diagnose -case" reads it as it lies in the bucket.
func (b *Book) Snapshot(ctx context.Context, cluster string, id incident.ID, round int) ([]byte, bool, error) {
	raw, err := b.Bucket.Get(ctx, Prefix(cluster, id)+roundKey(round, "snapshot"))
	if NotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the snapshot of round %d: %w", round, err)
	}
	return raw, true, nil
}

// SaveCard records where the incident is shown, and points back from the message to it.
func (b *Book) SaveCard(ctx context.Context, cluster string, id incident.ID, c incident.Card) error {
	if err := b.put(ctx, cluster, string(id), Prefix(cluster, id), "card.json", "card", c); err != nil {
		return err
	}
	return b.plain(ctx, messageKey(c.Message), cluster, string(id), "message", Shown{Cluster: cluster, Incident: id})
}

// Shown says which incident a message shows.
type Shown struct {
	Cluster  string      `json:"cluster"`
	Incident incident.ID `json:"incident"`
}

// ByMessage finds the incident that a message shows.
func (b *Book) ByMessage(ctx context.Context, message string) (s Shown, found bool, err error) {
	found, err = b.get(ctx, messageKey(message), &s)
	return s, found, err
}

// SaveCardBody keeps a card as it was sent: what a person was shown when they decided.
func (b *Book) SaveCardBody(ctx context.Context, cluster string, id incident.ID, card []byte) error {
	key := fmt.Sprintf("cards/%s-%s.json", b.Now().UTC().Format("20060102T150405.000"), name(b.Writer))
	return b.put(ctx, cluster, string(id), Prefix(cluster, id), key, "card-body", json.RawMessage(card))
}

// Token is what a button's opaque id stands for. Nothing a card says is believed but this id.
type Token struct {
	Cluster  string        `json:"cluster"`
	Incident incident.ID   `json:"incident"`
	Round    int           `json:"round"`
	Verb     incident.Verb `json:"verb"`
	Solution string        `json:"solution,omitempty"`
	Digest   string        `json:"digest,omitempty"`
	Chat     string        `json:"chat"`
}

// SaveToken keeps what a button stands for, before the button is shown.
func (b *Book) SaveToken(ctx context.Context, id string, t Token) error {
	return b.plain(ctx, tokenKey(id), t.Cluster, string(t.Incident), "token", t)
}

// Token is what a button's id stands for; found is false for an id that was never given out.
func (b *Book) Token(ctx context.Context, id string) (t Token, found bool, err error) {
	if id == "" || len(id) > 200 {
		return t, false, nil
	}
	found, err = b.get(ctx, tokenKey(id), &t)
	return t, found, err
}

// SaveDecision records what a person said, refused or not. Its id comes from the platform's event, so a repeated delivery is one.
func (b *Book) SaveDecision(ctx context.Context, cluster string, d incident.Decision) error {
	return b.put(ctx, cluster, string(d.Incident), Prefix(cluster, d.Incident), "decisions/"+name(d.ID)+".json", "decision", d)
}

// Decision finds one by its id.
func (b *Book) Decision(ctx context.Context, cluster string, id incident.ID, decision string) (d incident.Decision, found bool, err error) {
	found, err = b.get(ctx, Prefix(cluster, id)+"decisions/"+name(decision)+".json", &d)
	return d, found, err
}

// ErrSuperseded means that somebody else has written this state of an execution: the caller has lost its turn and must let go.
type ErrSuperseded struct{ Seq int }

func (e ErrSuperseded) Error() string {
	return fmt.Sprintf("state %d of this execution was already written by another run", e.Seq)
}

// SaveExecution writes the state x.Seq of an execution. States are written once: where one is there already, another run has gone
// on and this one must stop.
func (b *Book) SaveExecution(ctx context.Context, cluster string, x *incident.Execution) error {
	key := executionKey(x.Round, x.Seq)
	prefix := Prefix(cluster, x.Incident)
	found, err := b.get(ctx, prefix+key, nil)
	if err != nil {
		return err
	}
	if found {
		return ErrSuperseded{Seq: x.Seq}
	}
	return b.put(ctx, cluster, string(x.Incident), prefix, key, "execution", x)
}

// Executions saves the states of one cluster's executions; it is what remediate's runner keeps its record with.
type Executions struct {
	Book    *Book
	Cluster string
}

// Save writes the state x.Seq, once.
func (e Executions) Save(ctx context.Context, x *incident.Execution) error {
	return e.Book.SaveExecution(ctx, e.Cluster, x)
}

// Close records how an incident ended and seals its archive. Closing twice changes nothing: the first word stands.
func (b *Book) Close(ctx context.Context, cluster string, id incident.ID, c incident.Closing) error {
	prefix := Prefix(cluster, id)
	var there incident.Closing
	found, err := b.get(ctx, prefix+"closing.json", &there)
	if err != nil {
		return err
	}
	if !found {
		if err := b.put(ctx, cluster, string(id), prefix, "closing.json", "closing", c); err != nil {
			return err
		}
	}
	return nil
}

// Seal writes the manifest: every record and every link of the incident with its hash. Called once the last card has been sent.
func (b *Book) Seal(ctx context.Context, cluster string, id incident.ID) error {
	prefix := Prefix(cluster, id)
	keys, err := b.Bucket.List(ctx, prefix)
	if err != nil {
		return fmt.Errorf("list the archive: %w", err)
	}
	m := Manifest{Incident: id, Records: map[string]string{}}
	for _, k := range keys {
		rel := strings.TrimPrefix(k, prefix)
		if rel == manifestKey {
			continue
		}
		raw, err := b.Bucket.Get(ctx, k)
		if err != nil {
			return fmt.Errorf("read %s: %w", k, err)
		}
		m.Records[rel] = Hash(raw)
	}
	return b.put(ctx, cluster, string(id), prefix, manifestKey, "manifest", m)
}
