package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	startLimit = 2 * time.Minute // a loaded machine has taken half of it
	stopGrace  = time.Second     // nothing is kept, so nothing is lost
	portTries  = 3
)

//go:embed audit-policy.yaml
var auditPolicy []byte

// usable is what up prints when the cluster may be used.
type usable struct {
	Kubeconfig string `json:"kubeconfig"`
	Server     string `json:"server"`
	CAFile     string `json:"caFile"`
	Logs       string `json:"logs"`
	AuditLog   string `json:"auditLog"`
}

func up(args []string) error {
	var s settings
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	flags.StringVar(&s.dir, "dir", "", "directory for everything the cluster writes")
	flags.UintVar(&s.lease, "lease", 4, "duration of a node's lease in seconds; 600 with a thousand nodes")
	flags.DurationVar(&s.grace, "node-monitor-grace-period", 8*time.Second, "silence after which a node is Unknown; 30m with a thousand nodes")
	flags.DurationVar(&s.hpaSync, "hpa-sync-period", 3*time.Second, "time between two looks of a HorizontalPodAutoscaler")
	untilEOF := flags.Bool("until-stdin-eof", false, "stop also when stdin ends, that is when whoever holds its other end is gone")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if s.dir == "" || flags.NArg() > 0 {
		return errors.New("usage: controlplane up --dir DIR")
	}
	var err error
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return fmt.Errorf("resolve --dir: %w", err)
	}

	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if *untilEOF {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}

	c, err := startOnFreePorts(ctx, s)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer c.stop()
	if err := json.NewEncoder(os.Stdout).Encode(c.usable); err != nil {
		return fmt.Errorf("say that the cluster is usable: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-c.ended:
		return err
	}
}

// A cluster is the running components and where to find them.
type cluster struct {
	usable
	children []*child
	logs     *http.Server
	ended    chan error // the first component that ended by itself
}

// startOnFreePorts starts the cluster. Ports are found by opening and closing
// them, so another process may take one in between: then it tries others.
func startOnFreePorts(ctx context.Context, s settings) (*cluster, error) {
	for try := 1; ; try++ {
		c := &cluster{ended: make(chan error, 8)}
		err := c.start(ctx, s)
		if err == nil {
			return c, nil
		}
		c.stop()
		if try == portTries || !strings.Contains(err.Error(), "address already in use") {
			return nil, err
		}
	}
}

func (c *cluster) start(ctx context.Context, s settings) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()

	// A new authority makes every older object useless (service account tokens to
	// begin with), so each start is a new cluster. Logs may be fixtures: they stay.
	for _, old := range []string{"etcd", "pki", "audit.log"} {
		if err := os.RemoveAll(filepath.Join(s.dir, old)); err != nil {
			return fmt.Errorf("remove the last run's %s: %w", old, err)
		}
	}
	logs := filepath.Join(s.dir, "logs")
	for _, dir := range []string{logs, filepath.Join(s.dir, "pki")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make a directory: %w", err)
		}
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the log server: %w", err)
	}
	p := ports{logs: listener.Addr().(*net.TCPAddr).Port}
	if err := findPorts(&p.etcd, &p.etcdPeer, &p.apiserver, &p.kwok); err != nil {
		return err
	}
	server := "https://" + loopback(p.apiserver)
	id, err := newIdentities(s.dir, server)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.dir, "audit-policy.yaml"), auditPolicy, 0o600); err != nil {
		return fmt.Errorf("write the audit policy: %w", err)
	}
	if err := writeStages(filepath.Join(s.dir, "stages.yaml")); err != nil {
		return err
	}
	c.usable = usable{
		Kubeconfig: id.admin,
		Server:     server,
		CAFile:     id.ca.crt("ca"),
		Logs:       logs,
		AuditLog:   filepath.Join(s.dir, "audit.log"),
	}

	if c.logs, err = newLogServer(logs, id.ca); err != nil {
		return err
	}
	go func() {
		if err := serveLogs(c.logs, listener); err != nil {
			c.ended <- err
		}
	}()
	client, err := newClient(id.admin)
	if err != nil {
		return err
	}

	if err := c.run(s.dir, "etcd", etcdArgs(s, p)); err != nil {
		return err
	}
	if err := c.run(s.dir, "kube-apiserver", apiserverArgs(s, p, id)); err != nil {
		return err
	}
	err = c.wait(ctx, "the API server", func() bool {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() == nil
	})
	if err != nil {
		return err
	}
	// These would end, or be slow to come back, if they met an API server that is
	// not ready.
	for name, args := range map[string][]string{
		"kube-controller-manager": controllerManagerArgs(s, id),
		"kube-scheduler":          schedulerArgs(id),
		"kwok":                    kwokArgs(s, p, id),
	} {
		if err := c.run(s.dir, name, args); err != nil {
			return err
		}
	}
	// Pods are refused until the controller manager has made this account.
	return c.wait(ctx, "the default service account", func() bool {
		_, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err == nil
	})
}

func (c *cluster) run(dir, name string, args []string) error {
	child, err := startChild(dir, name, args)
	if err != nil {
		return err
	}
	c.children = append(c.children, child)
	go func() {
		<-child.done
		c.ended <- child.died()
	}()
	return nil
}

// wait returns when the condition holds, or says why it never will.
func (c *cluster) wait(ctx context.Context, what string, holds func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case err := <-c.ended:
			return err
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

func (c *cluster) stop() {
	if c.logs != nil {
		_ = c.logs.Close()
	}
	stopChildren(c.children, stopGrace)
}

func newClient(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the admin's kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return client, nil
}

// findPorts holds all ports open until the last is found, or the same one could
// come twice.
func findPorts(found ...*int) error {
	for _, port := range found {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = listener.Close() }()
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	return nil
}
