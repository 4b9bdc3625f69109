package main

import (
	"context"

	"cce-oncall/shared/assemble"
	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/record"
	"cce-oncall/shared/tell"
)

// open wires the flow to the deployment. A configuration under which nothing could be verified stops the start.
func open(k *assemble.Kit) (functiongraph.Handler, error) {
	if k.Config.LarkSecretName == "" {
		if _, err := k.Verifier(context.Background()); err != nil {
			return nil, err
		}
	}
	w := &webhook{
		clusters: k.Config.Clusters,
		verifier: func(ctx context.Context) (verifier, error) { return k.Verifier(ctx) },
		book:     k.Book,
		teller: func(ctx context.Context, c config.Cluster, b *record.Book) (*tell.Teller, error) {
			return k.Teller(ctx, c, b)
		},
		policy: func(c config.Cluster) incident.Policy { return k.Config.PolicyFor(c) },
		wake:   k.Invoker(),
		now:    k.Now,
	}
	return w.handle, nil
}
