package main

import (
	"context"

	"cce-oncall/shared/assemble"
	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
)

// open wires the flow to the deployment.
func open(k *assemble.Kit) (functiongraph.Handler, error) {
	x := &reporting{
		clusters: k.Config.Clusters,
		alarms:   func(_ context.Context, c config.Cluster) alarms { return k.AOM(c) },
		book:     k.Book,
		cards:    func(ctx context.Context) (cards, error) { return k.Lark(ctx) },
		style:    k.Look(),
		zone:     k.Config.Zone(),
		now:      k.Now,
	}
	return x.handle, nil
}
