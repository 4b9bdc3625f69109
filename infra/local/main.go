// Command local runs the whole journey on one machine:
//
//	local demo [-auto] [-deploy terraform] [-port 8080] [-dir DIR] [-logs FILE]
//
// brings the cloud up, prints the address of the chat and drives the case of the container whose CPU is too high; with -auto it also
// clicks, prints the transcript and what was measured, and exits 0 only if the alarm converged and the archive verifies.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/infra/local/machine"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		cancel()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, errs io.Writer) (err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(errs)
	auto := flags.Bool("auto", false, "click by itself")
	deploy := flags.String("deploy", "", "terraform: functions, triggers, topics and rules come from applying infra/")
	port := flags.Int("port", 0, "port of the chat page")
	root := flags.String("root", ".", "the repository")
	dir := flags.String("dir", "", "folder to keep everything in; default a temporary one, removed at the end")
	logs := flags.String("logs", "", "file for what the functions and the cloud log")
	if len(args) == 0 || args[0] != "demo" {
		return errors.New("usage: local demo [-auto] [-deploy terraform] [-port PORT]")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	opt := machine.Options{Root: *root, Dir: *dir, Progress: out, LarkPort: *port, Log: zerolog.Nop()}
	var file io.Writer = io.Discard
	if *logs != "" {
		f, err := os.Create(filepath.Clean(*logs))
		if err != nil {
			return fmt.Errorf("open the log: %w", err)
		}
		defer f.Close()
		file = f
		opt.Log = zerolog.New(file).With().Timestamp().Logger()
	}
	switch *deploy {
	case "":
	case "terraform":
		opt.Terraform = true
	default:
		return fmt.Errorf("-deploy %s: only terraform is known", *deploy)
	}
	starting, cancel := context.WithTimeout(ctx, 45*time.Minute) // the very first build is long
	defer cancel()
	m, err := machine.Start(starting, opt)
	if err != nil {
		return err
	}
	defer func() {
		if closing := m.Close(); err == nil {
			err = closing
		}
	}()
	err = (&demo{m: m, auto: *auto, out: out}).run(ctx)
	return errors.Join(err, m.WriteLogs(file))
}
