// Package advise makes one round of an incident: what was seen is frozen, judged, and turned into a plan that people can decide on;
// all of it is recorded before anything is said. diagnose makes the first round, execute every further one, by the same code. What
// always holds: what is judged is exactly what is archived, so that the archive replays to the same words.
package advise

import (
	"context"
	"fmt"
	"time"

	"cce-oncall/shared/diagnose"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/record"
	"cce-oncall/shared/remediate"
)

// Adviser makes rounds.
type Adviser struct {
	Book   *record.Book
	Policy incident.Policy
	Expiry time.Duration // how long a plan may be confirmed
	Redact func([]byte) []byte
	Now    func() time.Time
}

// Freeze is a snapshot as the archive will hold it: without secrets, and its bytes.
func (a *Adviser) Freeze(s *observe.Snapshot) (*observe.Snapshot, []byte, error) {
	raw, err := s.WriteCase()
	if err != nil {
		return nil, nil, fmt.Errorf("freeze the snapshot: %w", err)
	}
	if a.Redact != nil {
		raw = a.Redact(raw)
	}
	frozen, err := observe.ReadCase(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("read the frozen snapshot back: %w", err)
	}
	return frozen, raw, nil
}

// Round judges a snapshot for an incident, proposes what has not been tried, records it as the next round and adds it to i.
func (a *Adviser) Round(ctx context.Context, i *incident.Incident, s *observe.Snapshot) (*incident.Round, error) {
	frozen, raw, err := a.Freeze(s)
	if err != nil {
		return nil, err
	}
	d := diagnose.About(frozen, diagnose.Judge(frozen), i.Alarms, before(i)...)
	r := incident.Round{Number: len(i.Rounds) + 1, Diagnosis: d, Scene: frozen.Scene(focus(i, d))}
	if solutions := remediate.Propose(frozen, d, remediate.HistoryOf(i)); len(solutions) > 0 {
		for n := range solutions {
			solutions[n].NeedsTwo = a.Policy.Two(solutions[n])
		}
		now := a.Now().UTC()
		r.Plan = &incident.Plan{Incident: i.ID, Round: r.Number, Solutions: solutions, At: now, ExpiresAt: now.Add(a.Expiry)}
	}
	err = a.Book.SaveRound(ctx, i.Cluster.ID, i.ID, raw, record.Round{Number: r.Number, Diagnosis: r.Diagnosis, Scene: r.Scene}, r.Plan)
	if err != nil {
		return nil, err
	}
	i.Rounds = append(i.Rounds, r)
	return i.Last(), nil
}

// before is what earlier rounds found at fault and changed: what comes of it belongs to the same incident.
func before(i *incident.Incident) []incident.Target {
	var out []incident.Target
	for _, r := range i.Rounds {
		for _, c := range r.Diagnosis.Causes {
			out = append(out, bare(c.Target))
		}
		if r.Execution == nil {
			continue
		}
		for _, s := range r.Execution.Steps {
			out = append(out, bare(s.Step.Target))
		}
	}
	return out
}

// bare is a target as diagnosers name it, within one cluster.
func bare(t incident.Target) incident.Target {
	return incident.Target{Kind: t.Kind, Namespace: t.Namespace, Name: t.Name}
}

// focus is what the scene is about: the causes, and what the alarms named.
func focus(i *incident.Incident, d incident.Diagnosis) []incident.Target {
	var out []incident.Target
	for _, c := range d.Causes {
		out = append(out, c.Target)
		out = append(out, c.Affected...)
	}
	for _, a := range i.Alarms {
		if a.Object.Name != "" {
			out = append(out, incident.Target{Kind: a.Object.Kind, Namespace: a.Object.Namespace, Name: a.Object.Name})
		}
	}
	return out
}
