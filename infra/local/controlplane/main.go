package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/signals"
)

// Children die with the thread that started them (Pdeathsig), so main must keep
// its own.
func init() { runtime.LockOSThread() }

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: controlplane up --dir DIR | controlplane kubectl ..."))
	}
	// Every component parses os.Args on its own account: hide our subcommand.
	name := os.Args[1]
	os.Args = append([]string{name}, os.Args[2:]...)

	switch name {
	case "up":
		fail(up(os.Args[1:]))
	case "etcd":
		fail(runEtcd(os.Args[1:]))
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllermanager.NewControllerManagerCommand()))
	case "kube-scheduler":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	case "kwok":
		fail(runKwok())
	case "kubectl":
		runKubectl(kubectl.NewDefaultKubectlCommand())
	default:
		fail(fmt.Errorf("unknown command %q", name))
	}
}

func runKubectl(command *cobra.Command) {
	if err := cli.RunNoErrOutput(command); err != nil {
		kubectlutil.CheckErr(err)
	}
}

func runKwok() error {
	global := pflag.NewFlagSet("global", pflag.ContinueOnError)
	global.ParseErrorsAllowlist.UnknownFlags = true
	global.Usage = func() {}

	ctx, _ := kwoklog.InitFlags(signals.SetupSignalContext(), global)
	ctx, err := kwokconfig.InitFlags(ctx, global)
	if err != nil {
		return fmt.Errorf("read kwok's stages: %w", err)
	}
	command := kwok.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(global)
	// The Kubernetes components linked into this program have registered a
	// --version flag of another type, on which cobra's own would stumble.
	command.Version = ""
	if err := command.ExecuteContext(ctx); err != nil && ctx.Err() != context.Canceled {
		return fmt.Errorf("run kwok: %w", err)
	}
	return nil
}

func fail(err error) {
	if err == nil {
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, "controlplane:", err)
	os.Exit(1)
}
