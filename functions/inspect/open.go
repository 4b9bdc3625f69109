package main

import (
	"context"

	"cce-oncall/shared/assemble"
	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
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
		book:   k.Book,
		cards:  func(ctx context.Context) (cards, error) { return k.Lark(ctx) },
		style:  k.Look(),
		wake:   k.Invoker(),
		now:    k.Now,
		redact: k.Redact.String,
	}
	return x.handle, nil
}
