package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"cce-oncall/shared/assemble"
	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/record"
	"cce-oncall/shared/remediate"
)

// open wires the flow to the deployment.
func open(k *assemble.Kit) (functiongraph.Handler, error) {
	x := &execution{
		clusters: k.Config.Clusters,
		limits:   k.Config.Policy.Value,
		paused:   k.Config.Paused,
		book:     k.Book,
		wake:     k.Invoker(),
		now:      k.Now,
		sleep:    sleep,
		site: func(ctx context.Context, c config.Cluster, b *record.Book) (*site, error) {
			s, err := k.Site(ctx, c)
			if err != nil {
				return nil, err
			}
			t, err := k.Teller(ctx, c, b)
			if err != nil {
				return nil, err
			}
			s.Lease.Duration = turnTime
			return &site{
				cluster: c, policy: k.Config.PolicyFor(c), turns: s.Lease, alarms: s.AOM, look: s.Builder, book: b, tell: t, advise: k.Adviser(c, b),
				runner: &remediate.Runner{Actions: remediate.Actions(s.Kube, s.CCE, s.CCE), Store: record.Executions{Book: b, Cluster: c.ID}, Now: k.Now, StepByStep: true},
			}, nil
		},
	}
	return x.handle, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// verifyArchive answers "-verify-archive PREFIX": it recomputes the chains and digests of an incident's archive and names the first
// break. It needs the configuration of the bucket and nothing else. done is false for any other call.
func verifyArchive(args []string, stdout, stderr io.Writer) (code int, done bool) {
	if len(args) != 2 || args[0] != "-verify-archive" {
		return 0, false
	}
	fail := func(err error) (int, bool) {
		_, _ = fmt.Fprintf(stderr, "verify the archive: %v\n", err)
		return 2, true
	}
	c, err := config.FromEnvironment()
	if err != nil {
		return fail(err)
	}
	k, err := assemble.New("execute", c, time.Now)
	if err != nil {
		return fail(err)
	}
	a, err := record.VerifyArchive(context.Background(), k.Bucket(), args[1])
	if err != nil {
		return fail(err)
	}
	_, _ = fmt.Fprintf(stdout, "%s: %d records, %d links in %d chains, sealed: %v\n", a.Prefix, a.Records, a.Links, a.Chains, a.Closed)
	if len(a.Breaks) > 0 {
		_, _ = fmt.Fprintf(stdout, "BROKEN: %s\n", a.Breaks[0])
		return 1, true
	}
	_, _ = fmt.Fprintln(stdout, "intact")
	return 0, true
}
