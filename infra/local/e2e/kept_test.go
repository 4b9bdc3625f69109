package e2e

import (
	"context"
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// kept OBJECT PART[=TEXT] ... waits until OBS holds, for each PART, an object of the incident with it in its key and TEXT in its body;
// with "-" for OBJECT, anywhere in the bucket.
func kept(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "kept OBJECT|- PART[=TEXT] ..."); err != nil {
		return err
	}
	prefix := ""
	if args[0] != "-" {
		i, err := about(ctx, w, args[0])
		if err != nil {
			return err
		}
		prefix = w.m.Prefix(i)
	}
	return until(ctx, "the record", func() error {
		keys, err := w.m.OBS().List(ctx, prefix)
		if err != nil {
			return err
		}
		for _, want := range args[1:] {
			if err := holds(ctx, w, keys, want); err != nil {
				return fmt.Errorf("%w; there are %q", err, keys)
			}
		}
		return nil
	})
}

func holds(ctx context.Context, w *world, keys []string, want string) error {
	part, text, _ := strings.Cut(want, "=")
	for _, k := range keys {
		if !strings.Contains(k, part) {
			continue
		}
		body, err := w.m.OBS().Get(ctx, k)
		if err != nil {
			return err
		}
		if strings.Contains(string(body), text) {
			return nil
		}
	}
	return fmt.Errorf("no object is %s", want)
}
