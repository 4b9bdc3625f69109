package main

import (
	"context"
	"time"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/remediate"
)

// overBudget asks the safety budget across incidents: what was disturbed in this cluster lately, and how many nodes look bad now.
func (x *execution) overBudget(ctx context.Context, s *site, i *incident.Incident, sol incident.Solution) (incident.Text, bool, error) {
	past, err := x.lately(ctx, s, i)
	if err != nil {
		return incident.Text{}, false, err
	}
	snap := s.look.Build(ctx, i.Cluster, scope(i), i.Alarms)
	why, over := x.budget().Over(x.now(), sol, past, snap.Objects.Nodes)
	return why, over, nil
}

func (x *execution) budget() remediate.Budget {
	return remediate.Budget{PerCluster: x.limits.PerHour, PerPool: 2, PerWorkload: 3, BadNodes: x.limits.BadShare, Hops: x.limits.Hops, Rounds: x.limits.Rounds}
}

// lately are the executions of the cluster's incidents that began within a day, this incident's own among them.
func (x *execution) lately(ctx context.Context, s *site, i *incident.Incident) ([]incident.Execution, error) {
	openings, err := s.book.Openings(ctx, s.cluster.ID)
	if err != nil {
		return nil, err
	}
	var out []incident.Execution
	add := func(inc *incident.Incident) {
		for _, r := range inc.Rounds {
			if r.Execution != nil {
				out = append(out, *r.Execution)
			}
		}
	}
	add(i)
	for _, o := range openings {
		if o.ID == i.ID || x.now().Sub(o.At) > 24*time.Hour {
			continue
		}
		inc, found, err := s.book.Load(ctx, s.cluster.ID, o.ID)
		if err != nil {
			return nil, err
		}
		if found {
			add(inc)
		}
	}
	return out, nil
}
