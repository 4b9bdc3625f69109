package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/functiongraph"
	"cce-oncall/infra/fakecloud/lark"
	"cce-oncall/infra/fakecloud/smn"
	"cce-oncall/infra/local/machine"
)

// load NAMESPACE/WORKLOAD CORES
func load(_ context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "load NAMESPACE/WORKLOAD CORES"); err != nil {
		return err
	}
	cores, err := strconv.ParseFloat(args[1], 64)
	w.m.Loads.SetCores(args[0], cores)
	return err
}

// memory NAMESPACE/WORKLOAD MIB
func memory(_ context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "memory NAMESPACE/WORKLOAD MIB"); err != nil {
		return err
	}
	mib, err := strconv.ParseFloat(args[1], 64)
	w.m.Loads.SetMemory(args[0], mib*(1<<20))
	return err
}

func settled(ctx context.Context, _ *testscript.TestScript, w *world, _ []string) error {
	return w.m.Settled(ctx)
}

// replicas NAMESPACE/DEPLOYMENT WANTED READY waits for both.
func replicas(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 3, "replicas NAMESPACE/DEPLOYMENT WANTED READY"); err != nil {
		return err
	}
	namespace, name, _ := strings.Cut(args[0], "/")
	want, err := strconv.ParseInt(args[1], 10, 32)
	if err != nil {
		return err
	}
	ready, err := strconv.ParseInt(args[2], 10, 32)
	if err != nil {
		return err
	}
	return w.m.AwaitReplicas(ctx, namespace, name, int32(want), int32(ready))
}

// harm NAMESPACE/PREFIX FAULT [key=value ...]
func harm(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "harm NAMESPACE/PREFIX FAULT [message=... period=...]"); err != nil {
		return err
	}
	namespace, prefix, _ := strings.Cut(args[0], "/")
	more := map[string]string{}
	for _, a := range args[2:] {
		k, v, _ := strings.Cut(a, "=")
		more[k] = v
	}
	return w.m.Harm(ctx, namespace, prefix, args[1], more)
}

// log NAMESPACE/POD-PREFIX CONTAINER FILE [previous]: before what the file says, the log holds planted secrets.
func writeLog(_ context.Context, ts *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 3, "log NAMESPACE/PREFIX CONTAINER FILE [previous]"); err != nil {
		return err
	}
	namespace, prefix, _ := strings.Cut(args[0], "/")
	file, err := os.Open(ts.MkAbs(args[2]))
	if err != nil {
		return err
	}
	defer file.Close()
	text := io.MultiReader(strings.NewReader(machine.LogOf("INFO", machine.Litter())), file)
	return w.m.Cluster.WriteLog(namespace, prefix, args[1], len(args) > 3, text)
}

// kubelet NODE up|down
func kubelet(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "kubelet NODE up|down"); err != nil {
		return err
	}
	return w.m.Kubelet(ctx, args[0], args[1] == "up")
}

// condition NODE TYPE STATUS REASON MESSAGE
func setCondition(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 5, "condition NODE TYPE STATUS REASON MESSAGE"); err != nil {
		return err
	}
	return w.m.Condition(ctx, args[0], args[1], args[2], args[3], args[4])
}

// event KIND [NAMESPACE/]NAME REASON MESSAGE makes CCE report an event to AOM.
func raiseEvent(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 4, "event KIND [NAMESPACE/]NAME REASON MESSAGE"); err != nil {
		return err
	}
	namespace, name, ok := strings.Cut(args[1], "/")
	if !ok {
		namespace, name = "", args[1]
	}
	w.m.RaiseEvent(ctx, args[0], namespace, name, args[2], args[3])
	return nil
}

// rule NAME SEVERITY PROMQL makes an alarm rule that is evaluated every five seconds.
func rule(_ context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 3, "rule NAME SEVERITY PROMQL"); err != nil {
		return err
	}
	return w.m.SetMetricRule(machine.Rule{Name: args[0], Severity: args[1], Interval: "5s", Times: 1}, args[2])
}

// gauge NAME VALUE label=value ...
func gauge(_ context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "gauge NAME VALUE [label=value ...]"); err != nil {
		return err
	}
	value, err := strconv.ParseFloat(args[1], 64)
	if err != nil {
		return err
	}
	var pairs []string
	for _, a := range args[2:] {
		k, v, _ := strings.Cut(a, "=")
		pairs = append(pairs, k, v)
	}
	return w.m.Gauge(args[0], value, pairs...)
}

// alarm NAME waits until an alarm of that name is active; alarm NAME gone, until none is.
func alarmed(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 1, "alarm NAME [gone]"); err != nil {
		return err
	}
	if len(args) == 1 {
		return w.m.AwaitAlarm(ctx, args[0])
	}
	return until(ctx, "the alarm to clear", func() error {
		if n := len(w.m.Firing(args[0])); n > 0 {
			return fmt.Errorf("%d still fire", n)
		}
		return nil
	})
}

// spoil JSON arms a fault of the cloud's APIs; spoil clear disarms all.
func spoil(_ context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 1, "spoil JSON|clear"); err != nil {
		return err
	}
	if args[0] == "clear" {
		w.m.Faults().Clear("")
		return nil
	}
	var f edge.Fault
	if err := decode(args[0], &f); err != nil {
		return err
	}
	w.m.Faults().Add(f)
	return nil
}

// spoil-lark JSON arms a fault of the chat platform; spoil-lark clear disarms all.
func spoilLark(_ context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 1, "spoil-lark JSON|clear"); err != nil {
		return err
	}
	if args[0] == "clear" {
		w.m.Lark.ClearFaults()
		return nil
	}
	var f lark.Fault
	if err := decode(args[0], &f); err != nil {
		return err
	}
	w.m.Lark.Inject(f)
	return nil
}

// smn drop|duplicate N
func smnLuck(_ context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "smn drop|duplicate N"); err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	switch args[0] {
	case "drop":
		w.m.Cloud.SMN.Misbehave(smn.Unreliable{Drop: n})
	case "duplicate":
		w.m.Cloud.SMN.Misbehave(smn.Unreliable{Duplicate: n})
	default:
		return usage("smn drop|duplicate N")
	}
	return err
}

// lose FUNCTION response | log TEXT | after DURATION | at SERVICE METHOD PATH [before] [skip=N]: the process is lost there, once.
func lose(_ context.Context, _ *testscript.TestScript, w *world, args []string) error {
	const form = "lose FUNCTION response | log TEXT | after DURATION | at SERVICE METHOD PATH [before] [skip=N]"
	if err := need(args, 2, form); err != nil {
		return err
	}
	k := functiongraph.Kill{Function: args[0]}
	switch {
	case args[1] == "response":
		k.AtResponse = true
	case args[1] == "log" && len(args) > 2:
		k.LogContains = args[2]
	case args[1] == "after" && len(args) > 2:
		d, err := time.ParseDuration(args[2])
		if err != nil {
			return err
		}
		k.AfterMS = int(d.Milliseconds())
	case args[1] == "at" && len(args) > 4:
		f := edge.Fault{Service: args[2], Method: args[3], Path: args[4], Times: 1, After: true, Kill: args[0]}
		for _, a := range args[5:] {
			if n, ok := strings.CutPrefix(a, "skip="); ok {
				f.Skip, _ = strconv.Atoi(n) // 0 when it is no number: nothing is skipped
			}
			f.After = f.After && a != "before"
		}
		w.m.Faults().Add(f)
		return nil
	default:
		return usage(form)
	}
	w.m.Cloud.Functions.KillNext(k)
	return nil
}

// fire FUNCTION TIMER
func fire(_ context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "fire FUNCTION TIMER"); err != nil {
		return err
	}
	_, err := w.m.Cloud.Functions.Fire(args[0], args[1])
	return err
}

// invoke FUNCTION JSON runs a function and shows its result on the script's standard output.
func invoke(ctx context.Context, ts *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "invoke FUNCTION JSON"); err != nil {
		return err
	}
	if !json.Valid([]byte(args[1])) {
		return fmt.Errorf("%s is not JSON", args[1])
	}
	r, err := w.m.Cloud.Functions.Invoke(ctx, args[0], []byte(args[1]), "api")
	if err != nil {
		return err
	}
	ts.Logf("%s: %s", r.Status, r.Body)
	if r.Status != functiongraph.StatusSuccess {
		return fmt.Errorf("%s: %s", r.Code, r.Message)
	}
	return nil
}

// pool N waits until CCE's node pool has so many active nodes.
func poolSize(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 1, "pool NODES"); err != nil {
		return err
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	return until(ctx, "the pool's size", func() error {
		names, err := w.m.Cloud.CCE.Nodes(w.m.Cluster.ID, w.m.Pool(), "Active")
		if err == nil && len(names) != want {
			err = fmt.Errorf("the pool has %d nodes", len(names))
		}
		return err
	})
}

// plant WHAT VALUE names a secret that the scenario has put into the cluster; it may show nowhere.
func plant(_ context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "plant WHAT VALUE"); err != nil {
		return err
	}
	w.m.Plant(args[0], args[1])
	return nil
}

// shows VALUE PLACE ... says that the search for secrets would find a value in each of these places, if it were one.
func shows(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "shows VALUE PLACE ..."); err != nil {
		return err
	}
	found, err := w.m.Shows(ctx, map[string]string{"it": args[0]})
	if err != nil {
		return err
	}
	for _, place := range args[1:] {
		if !strings.Contains(strings.Join(found, "\n"), "it is in "+place) {
			return fmt.Errorf("it is not found in %s, but in %d other places", place, len(found))
		}
	}
	return nil
}

// until asks until what is wanted holds; the last objection explains a wait in vain.
func until(ctx context.Context, what string, holds func() error) error {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	var objection error
	for {
		err := holds()
		if err == nil {
			return nil
		}
		if objection == nil || ctx.Err() == nil { // what is cut off by the limit says nothing
			objection = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, objection)
		case <-ticker.C:
		}
	}
}
