package main

import (
	"context"

	"cce-oncall/shared/assemble"
	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/lark"
)

// open wires the flow to the deployment.
func open(k *assemble.Kit) (functiongraph.Handler, error) {
	x := &inspection{
		clusters: k.Config.Clusters,
		site: func(ctx context.Context, c config.Cluster) (site, error) {
			s, err := k.Site(ctx, c)
			if err != nil {
				return site{}, err
			}
			return site{alarms: s.AOM, look: s.Builder}, nil
		},
		services: func(ctx context.Context, c config.Cluster) (services, error) { return reach(ctx, k, c) },

		book:   k.Book,
		cards:  func(ctx context.Context) (cards, error) { return k.Lark(ctx) },
		style:  k.Look(),
		wake:   k.Invoker(),
		now:    k.Now,
		redact: k.Redact.String,
	}
	return x.handle, nil
}

// reach gathers what a probe asks. A cluster that cannot even be addressed leaves its part nil, and the probe says so.
func reach(ctx context.Context, k *assemble.Kit, c config.Cluster) (services, error) {
	s := services{records: k.OBS(), guard: k.OBS(), alarms: k.AOM(c), metrics: k.AOM(c)}
	site, err := k.Site(ctx, c)
	if err == nil {
		s.kube, s.pools, s.alarms, s.metrics = site.Kube, site.CCE, site.AOM, site.AOM
	}
	s.bot = func(ctx context.Context) (lark.Bot, error) {
		client, err := k.Lark(ctx)
		if err != nil {
			return lark.Bot{}, err
		}
		return client.Bot(ctx)
	}
	return s, err
}
