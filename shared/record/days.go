package record

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"cce-oncall/shared/incident"
)

// Inspection is what one look at the whole cluster found; the daily report reads the day's.
type Inspection struct {
	Cluster incident.Cluster    `json:"cluster"`
	At      time.Time           `json:"at"`
	Verdict incident.Verdict    `json:"verdict"`
	Totals  incident.Totals     `json:"totals"`
	Nodes   []incident.NodeLine `json:"nodes,omitempty"`
	Pods    []incident.PodLine  `json:"pods,omitempty"` // the abnormal ones
	Causes  []incident.Finding  `json:"causes,omitempty"`
	Gaps    []string            `json:"gaps,omitempty"`
	Hints   []incident.Text     `json:"hints,omitempty"` // cost and risk hints
}

// SaveInspection keeps an inspection.
func (b *Book) SaveInspection(ctx context.Context, i Inspection) error {
	return b.plain(ctx, inspectionKey(i.Cluster.ID, i.At), i.Cluster.ID, "", "inspection", i)
}

// Inspections are those of a day (UTC), oldest first, from a listing.
func (b *Book) Inspections(ctx context.Context, cluster string, day time.Time) ([]Inspection, error) {
	prefix := fmt.Sprintf("inspections/v1/%s/%s/", name(cluster), day.UTC().Format("2006/01/02"))
	keys, err := b.Bucket.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("list inspections: %w", err)
	}
	var out []Inspection
	for _, k := range keys {
		var i Inspection
		if found, err := b.get(ctx, k, &i); err != nil {
			return nil, err
		} else if found {
			out = append(out, i)
		}
	}
	return out, nil
}

// SaveReport keeps a day's report.
func (b *Book) SaveReport(ctx context.Context, cluster string, day time.Time, report any) error {
	return b.plain(ctx, ReportKey(cluster, day), cluster, "", "report", report)
}

// Report reads a day's report.
func (b *Book) Report(ctx context.Context, cluster string, day time.Time, report any) (bool, error) {
	return b.get(ctx, ReportKey(cluster, day), report)
}

// ManifestHash is the seal of a closed incident's archive; empty where it is not sealed.
func (b *Book) ManifestHash(ctx context.Context, cluster string, id incident.ID) (string, error) {
	raw, err := b.Bucket.Get(ctx, Prefix(cluster, id)+manifestKey)
	if NotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the manifest of %s: %w", id, err)
	}
	return Hash(raw), nil
}

// First says whether an event is seen for the first time, and marks it as seen. Two deliveries at one moment may both be first:
// what follows must be harmless twice; the mark only spares work and chatter.
func (b *Book) First(ctx context.Context, kind, id string) (bool, error) {
	var at time.Time
	found, err := b.get(ctx, seenKey(kind, id), &at)
	if err != nil || found {
		return false, err
	}
	return true, b.plain(ctx, seenKey(kind, id), "", "", "seen", b.Now().UTC())
}

// Seen says whether an event was marked, without marking it.
func (b *Book) Seen(ctx context.Context, kind, id string) (bool, error) {
	return b.get(ctx, seenKey(kind, id), nil)
}

// PauseKey is the kill switch: while this object is there, nothing is executed. Its body is a sentence saying why.
const PauseKey = "control/v1/pause.json"

// Paused reads the kill switch. A person sets it by putting any object under PauseKey; {"reason": "…"} is shown on cards.
func (b *Book) Paused(ctx context.Context) (reason string, paused bool, err error) {
	raw, err := b.Bucket.Get(ctx, PauseKey)
	if NotFound(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read the kill switch: %w", err)
	}
	var p struct {
		Reason string `json:"reason"`
	}
	if json.Unmarshal(raw, &p) != nil || p.Reason == "" {
		p.Reason = "the kill switch is set"
	}
	return p.Reason, true, nil
}
