package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cce-oncall/infra/local/machine"
	"cce-oncall/shared/incident"
)

// TestScenarios runs every script of testdata. The words of the scripts are the keys of commands.
func TestScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("takes many minutes")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata", Cmds: commands, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			w := &world{limit: 2 * time.Minute}
			env.Values[worldKey{}] = w
			env.Defer(func() { w.end(env.T()) })
			return nil
		},
	})
}

// world is one script's machine.
type world struct {
	m     *machine.Machine
	limit time.Duration // of every wait
	name  string
	done  bool // the script ran to its end
}

type worldKey struct{}

// end closes the machine; a script that did not come to its end leaves its transcript and logs behind.
func (w *world) end(t testscript.T) {
	if w.m == nil {
		return
	}
	if !w.done {
		if file, err := os.Create(filepath.Join(os.TempDir(), "cce-oncall-e2e-"+w.name+".log")); err == nil {
			err = errors.Join(w.m.WriteTranscript(file), w.m.WriteLogs(file), chat(file, w.m), file.Close())
			t.Log("what happened is in", file.Name(), err)
		}
	}
	if err := w.m.Close(); err != nil {
		t.Log("close the machine:", err)
	}
}

// chat writes what people read, as it stands at the end.
func chat(to io.Writer, m *machine.Machine) error {
	for _, msg := range m.Lark.Messages("") {
		if _, err := fmt.Fprintf(to, "\n-- message %s\n%s\n%s\n", msg.ID, msg.Title("en_us"), msg.Text("en_us")); err != nil {
			return err
		}
	}
	return nil
}

// command is one word of the scripts. It returns what is wrong; with "!" before the word, something must be.
type command func(ctx context.Context, ts *testscript.TestScript, w *world, args []string) error

// asked makes a testscript command of one that needs a machine.
func asked(do command) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		w := ts.Value(worldKey{}).(*world)
		if w.m == nil {
			ts.Fatalf("the script has no machine yet")
		}
		limit := w.limit
		if neg && limit > 5*time.Second {
			limit = 5 * time.Second // what must not be, must not be for a while
		}
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		err := do(ctx, ts, w, args)
		var wrong wrongToast
		if neg == (err == nil) || errors.As(err, &wrong) {
			ts.Fatalf("%s: %v", strings.Join(args, " "), err)
		}
	}
}

var commands = map[string]func(*testscript.TestScript, bool, []string){
	"machine": begin, "limit": limit, "pass": pass, "setenv": setenv,

	"load": asked(load), "memory": asked(memory), "settled": asked(settled), "replicas": asked(replicas), "harm": asked(harm), "log": asked(writeLog),
	"kubelet": asked(kubelet), "condition": asked(setCondition), "event": asked(raiseEvent), "rule": asked(rule), "gauge": asked(gauge),
	"alarm": asked(alarmed), "spoil": asked(spoil), "spoil-lark": asked(spoilLark), "smn": asked(smnLuck), "lose": asked(lose),
	"fire": asked(fire), "invoke": asked(invoke),

	"await": asked(await), "ended": asked(ended), "offer": asked(offer), "cause": asked(cause), "card": asked(card), "cards": asked(cards), "says": asked(says),
	"click": asked(click), "type": asked(typed), "reply": asked(reply), "forward": asked(forward), "stale-click": asked(staleClick),
	"writes": asked(writes), "unchanged": asked(unchanged), "archive": asked(archive), "kept": asked(kept), "cluster-call": asked(clusterCall), "cloud-call": asked(cloudCall),
	"pool": asked(poolSize), "plant": asked(plant), "shows": asked(shows), "attack": asked(attack), "gone-from": asked(goneFrom), "fails": asked(failedRuns), "logs": asked(logged),
}

// begin brings the machine up: machine [key=value ...] with policy, watch, install, language, nodes.
func begin(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(worldKey{}).(*world)
	if neg || w.m != nil {
		ts.Fatalf("a script has one machine")
	}
	opt := machine.Options{Root: root}
	for _, a := range args {
		key, value, _ := strings.Cut(a, "=")
		switch key {
		case "policy":
			opt.Policy = value
		case "watch":
			opt.Watch = value
		case "language":
			opt.Language = value
		case "nodes":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			opt.Nodes = n
		case "install":
			d, err := time.ParseDuration(value)
			ts.Check(err)
			opt.InstallDelay = d
		default:
			ts.Fatalf("machine knows no %s", key)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	m, err := machine.Start(ctx, opt)
	ts.Check(err)
	w.m, w.name = m, ts.Name()
	bin := filepath.Join(ts.Getenv("WORK"), ".bin")
	ts.Check(os.MkdirAll(bin, 0o755))
	ts.Check(os.WriteFile(filepath.Join(bin, "kubectl"), []byte("#!/bin/sh\nexec "+m.Cluster.Program()+" kubectl \"$@\"\n"), 0o755))
	ts.Setenv("PATH", bin+":"+ts.Getenv("PATH"))
	ts.Setenv("KUBECONFIG", m.Cluster.Kubeconfig)
	ts.Setenv("CLUSTER", m.Cluster.ID)
	ts.Setenv("APPROVER", m.Approvers[0].Name)
	ts.Setenv("SECOND", m.Approvers[1].Name)
	ts.Setenv("STRANGER", m.Bystander.Name)
}

// limit changes how long waits may take.
func limit(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	ts.Value(worldKey{}).(*world).limit = d
}

// pass is the last line of every script: no function failed unexpectedly into the open, and no secret shows anywhere.
func pass(ts *testscript.TestScript, _ bool, _ []string) {
	w := ts.Value(worldKey{}).(*world)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	leaks, err := w.m.Leaks(ctx)
	ts.Check(err)
	if len(leaks) > 0 {
		ts.Fatalf("secrets show: %s", strings.Join(leaks, "; "))
	}
	w.done = true
}

// need checks the number of a command's arguments.
func need(args []string, n int, form string) error {
	if len(args) < n {
		return usage(form)
	}
	return nil
}

type usage string

func (u usage) Error() string { return "usage: " + string(u) }

// about is the newest incident about an object.
func about(ctx context.Context, w *world, object string) (*incident.Incident, error) {
	i, err := w.m.About(ctx, object)
	if err == nil && i.Card == nil {
		err = errors.New("the incident has no card yet")
	}
	return i, err
}

func decode(text string, into any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
