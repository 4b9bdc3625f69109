// Command prometheus is a real Prometheus engine that is told its samples
// instead of scraping them.
//
// The agent reasons over PromQL, and whether a query is right is decided by
// details a hand-written fake gets wrong: staleness, extrapolation, label
// matching, the exact shape of an empty answer. So this program links the real
// storage and the real query engine. Scraping, rules and everything that would
// need a configuration are left out, because a scenario wants to say itself
// what was measured, and when: POST /ingest takes samples of the past month in
// any order.
//
//	prometheus [--listen 127.0.0.1:0]
//
// The first line on stdout is {"url":"http://127.0.0.1:PORT"}. It runs until
// SIGTERM and forgets everything then. The answers are those of Prometheus' own
// HTTP API under /api/v1: query, query_range, series, labels and
// label/NAME/values; /healthz is ours.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "prometheus:", err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	flags := flag.NewFlagSet("prometheus", flag.ContinueOnError)
	address := flags.String("listen", "127.0.0.1:0", "address to serve on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()

	dir, err := os.MkdirTemp("", "prometheus-")
	if err != nil {
		return fmt.Errorf("make a directory for the samples: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	db, err := openDB(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: newAPI(db, time.Now), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	started := map[string]string{"url": "http://" + listener.Addr().String()}
	if err := json.NewEncoder(os.Stdout).Encode(started); err != nil {
		return fmt.Errorf("say where: %w", err)
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
