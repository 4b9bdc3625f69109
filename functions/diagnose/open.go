package main

import (
	"context"

	"cce-oncall/shared/assemble"
	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
)

// open wires the flow to the deployment.
func open(k *assemble.Kit) (functiongraph.Handler, error) {
	d := &diagnosis{
		clusters: k.Config.Clusters,
		windows:  k.Config.Policy.Value.Maintenance,
		book:     k.Book,
		cards:    func(ctx context.Context) (cards, error) { return k.Lark(ctx) },
		style:    k.Look(),
		now:      k.Now,
		pushes:   k.SMN(),
		wake:     k.Invoker(),
		site: func(ctx context.Context, c config.Cluster) (site, error) {
			s, err := k.Site(ctx, c)
			if err != nil {
				return site{}, err
			}
			b := k.Book(ctx)
			t, err := k.Teller(ctx, c, b)
			if err != nil {
				return site{}, err
			}
			return site{cluster: c, alarms: s.AOM, look: s.Builder, advise: k.Adviser(c, b), tell: t}, nil
		},
	}
	return d.handle, nil
}
