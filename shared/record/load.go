package record

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// Load folds the parts of an incident together. Decisions given by id are read by their key even if a listing does not show them
// yet. found is false where the incident was never opened.
func (b *Book) Load(ctx context.Context, cluster string, id incident.ID, decisions ...string) (*incident.Incident, bool, error) {
	prefix := Prefix(cluster, id)
	var o Opening
	found, err := b.get(ctx, prefix+"opening.json", &o)
	if err != nil || !found {
		return nil, false, err
	}
	inc := &incident.Incident{ID: o.ID, Key: o.Key, Cluster: o.Cluster, OpenedAt: o.At}
	keys, err := b.Bucket.List(ctx, prefix)
	if err != nil {
		return nil, false, fmt.Errorf("list incident %s: %w", id, err)
	}
	if err := b.loadAlarms(ctx, prefix, keys, inc); err != nil {
		return nil, false, err
	}
	var card incident.Card
	if found, err = b.get(ctx, prefix+"card.json", &card); err != nil {
		return nil, false, err
	} else if found {
		inc.Card = &card
	}
	if err := b.loadRounds(ctx, prefix, keys, inc); err != nil {
		return nil, false, err
	}
	if err := b.loadDecisions(ctx, prefix, keys, decisions, inc); err != nil {
		return nil, false, err
	}
	var closing incident.Closing
	if found, err = b.get(ctx, prefix+"closing.json", &closing); err != nil {
		return nil, false, err
	} else if found {
		inc.Closed = &closing
	}
	return inc, true, nil
}

func (b *Book) loadAlarms(ctx context.Context, prefix string, keys []string, inc *incident.Incident) error {
	for _, k := range keys {
		if !strings.HasPrefix(k, prefix+"alarms/") {
			continue
		}
		var a alarm.Alarm
		if found, err := b.get(ctx, k, &a); err != nil {
			return err
		} else if found {
			inc.Alarms = append(inc.Alarms, a)
		}
	}
	sort.SliceStable(inc.Alarms, func(i, j int) bool {
		a, b := inc.Alarms[i], inc.Alarms[j]
		if !a.FiredAt.Equal(b.FiredAt) {
			return a.FiredAt.Before(b.FiredAt)
		}
		return a.SN < b.SN
	})
	return nil
}

func (b *Book) loadRounds(ctx context.Context, prefix string, keys []string, inc *incident.Incident) error {
	for n := 1; ; n++ {
		var r Round
		found, err := b.get(ctx, prefix+roundKey(n, "diagnosis"), &r)
		if err != nil || !found {
			return err
		}
		round := incident.Round{Number: n, Diagnosis: r.Diagnosis, Scene: r.Scene}
		var p incident.Plan
		if found, err = b.get(ctx, prefix+roundKey(n, "plan"), &p); err != nil {
			return err
		} else if found {
			round.Plan = &p
		}
		if round.Execution, err = b.lastExecution(ctx, prefix, keys, n); err != nil {
			return err
		}
		inc.Rounds = append(inc.Rounds, round)
	}
}

// lastExecution starts from the highest state a listing shows and goes on by known keys, for a listing may be late.
func (b *Book) lastExecution(ctx context.Context, prefix string, keys []string, round int) (*incident.Execution, error) {
	seq := 0
	stem := prefix + fmt.Sprintf("round-%02d/execution-", round)
	for _, k := range keys {
		if rest, ok := strings.CutPrefix(k, stem); ok {
			if n, err := strconv.Atoi(strings.TrimSuffix(rest, ".json")); err == nil && n > seq {
				seq = n
			}
		}
	}
	var last *incident.Execution
	for n := max(seq, 1); ; n++ {
		var x incident.Execution
		found, err := b.get(ctx, prefix+executionKey(round, n), &x)
		if err != nil {
			return nil, err
		}
		if !found {
			return last, nil
		}
		last = &x
	}
}

func (b *Book) loadDecisions(ctx context.Context, prefix string, keys, wanted []string, inc *incident.Incident) error {
	want := map[string]bool{}
	for _, id := range wanted {
		want[prefix+"decisions/"+name(id)+".json"] = true
	}
	for _, k := range keys {
		if strings.HasPrefix(k, prefix+"decisions/") {
			want[k] = true
		}
	}
	var all []incident.Decision
	for _, k := range sorted(want) {
		var d incident.Decision
		if found, err := b.get(ctx, k, &d); err != nil {
			return err
		} else if found {
			all = append(all, d)
		}
	}
	sort.SliceStable(all, func(i, j int) bool {
		if !all[i].At.Equal(all[j].At) {
			return all[i].At.Before(all[j].At)
		}
		return all[i].ID < all[j].ID
	})
	for _, d := range all {
		for i := range inc.Rounds {
			if inc.Rounds[i].Number == d.Round {
				inc.Rounds[i].Decisions = append(inc.Rounds[i].Decisions, d)
			}
		}
	}
	return nil
}

// IDs are the incidents opened on a day, from a listing: for reports, never for decisions.
func (b *Book) IDs(ctx context.Context, cluster, day string) ([]incident.ID, error) {
	keys, err := b.Bucket.List(ctx, day)
	if err != nil {
		return nil, fmt.Errorf("list the incidents of cluster %s: %w", cluster, err)
	}
	seen := map[string]bool{}
	for _, k := range keys {
		if id, ok := idOf(day, k); ok {
			seen[string(id)] = true
		}
	}
	var out []incident.ID
	for _, id := range sorted(seen) {
		out = append(out, incident.ID(id))
	}
	return out, nil
}
