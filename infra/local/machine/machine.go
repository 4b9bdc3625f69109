package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/infra/fakecloud"
	"cce-oncall/infra/fakecloud/cce"
	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/lark"
)

// Options set a machine up. Root is needed; everything else has a default.
type Options struct {
	Root     string    // the repository
	Zips     string    // folder with the five packages; default Root/build
	Dir      string    // for everything that is written; default a temporary directory, removed at the end
	Progress io.Writer // a line for each thing that is up; nil: silence
	Log      zerolog.Logger

	ClusterID, ClusterName string
	Rule                   Rule
	Nodes                  int           // of the pool at the start; default 2, at most 4
	InstallDelay           time.Duration // of a new node; default 5 s (a real one takes minutes)
	IdleTimeout            time.Duration // until an idle instance is released; default the platform's minute
	Watch                  string        // rate of inspect's watch; default 1m
	Language               string        // of cards; default both
	Policy                 string        // POLICY; default: only destructive steps need two people, everything else as deployed
	FunctionEnv            []string
	Routed                 []string // namespaces whose incidents go to the other chat; with Terraform only
	LarkPort               int      // of the chat page; 0: any
	Terraform              bool     // functions, triggers, topics, rules, agencies, secret and buckets come from applying infra/ instead of from here; Rule, Watch and Policy are then infra's
}

func (o *Options) fill() error {
	set := func(to *string, value string) {
		if *to == "" {
			*to = value
		}
	}
	if o.Root == "" {
		return errors.New("the repository's folder is not given")
	}
	var err error
	if o.Root, err = filepath.Abs(o.Root); err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	set(&o.Zips, filepath.Join(o.Root, "build"))
	set(&o.ClusterID, "0b6f3d2e-7a41-11f0-9f5d-0255ac100101")
	set(&o.ClusterName, "demo-recovery")
	set(&o.Watch, "1m")
	set(&o.Language, "both")
	set(&o.Policy, `{"twoFor":["destructive"]}`)
	set(&o.Rule.Name, CPURule+"_"+o.ClusterID)
	set(&o.Rule.Window, "1m")
	set(&o.Rule.Interval, "5s")
	set(&o.Rule.For, "20s")
	set(&o.Rule.Severity, "Critical")
	o.Rule.Times = max(o.Rule.Times, 1)
	if o.Nodes == 0 {
		o.Nodes = 2
	}
	if o.Nodes < 0 || o.Nodes > len(nodeSuffixes) {
		return fmt.Errorf("a machine begins with 1 to %d nodes", len(nodeSuffixes))
	}
	if o.InstallDelay == 0 {
		o.InstallDelay = 5 * time.Second
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return nil
}

// Machine is the cloud, the cluster and the people.
type Machine struct {
	Cluster   *Cluster
	Cloud     *fakecloud.Cloud
	Lark      *lark.Server
	Chat      lark.Chat
	Other     lark.Chat // another chat with the same people, for what is forwarded
	Approvers []lark.User
	Bystander lark.User // in the chat, and no approver
	Loads     *Loads
	Page      string // address of the chat page

	opt     Options
	started time.Time
	account *account
	sampler *sampler
	metrics *metricsAPI
	nodes   *nodes
	obs     string
	larkURL string
	poolID  string
	made    outputs // of Terraform, where it deploys

	programs []*program
	cancel   context.CancelFunc
	work     sync.WaitGroup
	remove   string // temporary directory

	mu      sync.Mutex
	lines   []Line
	planted map[string]string
}

// Start brings everything up. ctx bounds the start; Close ends the machine.
func Start(ctx context.Context, opt Options) (*Machine, error) {
	if err := opt.fill(); err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.Background())
	m := &Machine{opt: opt, started: time.Now(), Loads: &Loads{}, cancel: cancel}
	if err := m.start(ctx, running); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Machine) start(ctx, running context.Context) error {
	var err error
	if m.opt.Dir == "" {
		if m.remove, err = os.MkdirTemp("", "cce-oncall-"); err != nil {
			return fmt.Errorf("make a directory: %w", err)
		}
		m.opt.Dir = m.remove
	}
	store, prometheus, err := m.startPrograms(ctx)
	if err != nil {
		return err
	}
	if err := m.startCloud(store, prometheus); err != nil {
		return err
	}
	if m.opt.Terraform {
		if err := m.applyTerraform(ctx); err != nil {
			return err
		}
	}
	if err := m.startCluster(ctx, running, prometheus); err != nil {
		return err
	}
	if !m.opt.Terraform {
		if err := m.deploy(); err != nil {
			return err
		}
	}
	m.say("the five functions are deployed")
	m.work.Go(func() { m.Cloud.Run(running) })
	return m.subscribe(ctx)
}

// startPrograms starts the three real servers side by side.
func (m *Machine) startPrograms(ctx context.Context) (store *backend, prometheus string, err error) {
	binaries := map[string]string{}
	for _, name := range []string{"controlplane", "prometheus", "objectstore"} {
		if binaries[name], err = locate(ctx, m.opt.Root, name, m.opt.Progress); err != nil {
			return nil, "", err
		}
	}
	const key, secret = "OBJECTSTOREROOTKEY00", "object-store-root-secret-00000000000000"
	var s3, engine struct {
		URL string `json:"url"`
	}
	var mu sync.Mutex
	keep := func(p *program) {
		mu.Lock()
		defer mu.Unlock()
		if p != nil {
			m.programs = append(m.programs, p)
		}
	}
	log := func(name string) string { return filepath.Join(m.opt.Dir, name+".log") }
	jobs := []func() error{
		func() error {
			c, err := startCluster(ctx, m.opt, binaries["controlplane"])
			if err == nil {
				m.Cluster = c
				keep(c.program)
				m.say("Kubernetes is up: %s", c.Server)
			}
			return err
		},
		func() error {
			p, err := launch(ctx, "prometheus", binaries["prometheus"], log("prometheus"), nil, &engine)
			keep(p)
			return err
		},
		func() error {
			args := []string{"--dir", filepath.Join(m.opt.Dir, "objects"), "--access-key", key, "--secret-key", secret, "--region", fakecloud.DefaultRegion}
			p, err := launch(ctx, "objectstore", binaries["objectstore"], log("objectstore"), args, &s3)
			keep(p)
			return err
		},
	}
	if err := together(jobs); err != nil {
		return nil, "", err
	}
	if store, err = newBackend(s3.URL, fakecloud.DefaultRegion, key, secret); err != nil {
		return nil, "", err
	}
	m.say("the PromQL engine and the object store are up")
	if m.opt.Terraform {
		return store, engine.URL, nil
	}
	return store, engine.URL, store.createBucket(ctx, Bucket)
}

func together(jobs []func() error) error {
	errs := make([]error, len(jobs))
	var wait sync.WaitGroup
	for i, job := range jobs {
		wait.Go(func() { errs[i] = job() })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// startCloud opens the account and the chat.
func (m *Machine) startCloud(store *backend, prometheus string) error {
	m.nodes = &nodes{client: m.Cluster.Client, size: nodeSize()}
	var err error
	if m.account, err = openAccount(m.opt, m.Cluster, store, prometheus, m.nodes); err != nil {
		return err
	}
	m.Cloud = m.account.cloud
	// OBS is found by its host name; a listener of its own needs none.
	if m.obs, err = m.account.serve(m.Cloud.OBS); err != nil {
		return err
	}
	m.Lark = lark.New(lark.Options{App: lark.App{Name: "CCE On-Call"}, Users: people()})
	var names []string
	for _, u := range m.Lark.Users() {
		names = append(names, u.OpenID)
		if u.Role == "approver" {
			m.Approvers = append(m.Approvers, u)
		} else {
			m.Bystander = u
		}
	}
	m.Chat = m.Lark.AddChat(lark.Chat{Name: "CCE on-call", Members: names})
	m.Other = m.Lark.AddChat(lark.Chat{Name: "Chat team", Members: names})
	if m.larkURL, err = m.account.serveAt(m.Lark.Handler(), m.opt.LarkPort); err != nil {
		return err
	}
	m.Page = m.larkURL + "/"
	m.say("the cloud is up: %s; the chat: %s", m.account.base, m.Page)
	return nil
}

// startCluster fills the cluster: roles, nodes, workloads, measurements.
func (m *Machine) startCluster(ctx, running context.Context, prometheus string) error {
	if err := m.permit(ctx); err != nil {
		return err
	}
	var names []string
	for _, suffix := range nodeSuffixes[:m.opt.Nodes] {
		names = append(names, Pool+"-"+suffix)
	}
	var err error
	m.poolID, err = m.Cloud.CCE.AddPool(m.opt.ClusterID, cce.PoolSpec{
		Name: Pool, Flavor: "c7n.xlarge.2", Nodes: names, Autoscaling: cce.Autoscaling{Min: 1, Max: 10},
	})
	if err != nil {
		return fmt.Errorf("make the node pool: %w", err)
	}
	for _, n := range names {
		if err := m.nodes.Add(ctx, cce.PoolInfo{Cluster: m.opt.ClusterID, ID: m.poolID, Name: Pool, Flavor: "c7n.xlarge.2"}, n); err != nil {
			return err
		}
	}
	for _, ns := range []string{"shop", "monitoring"} {
		if _, err := m.Cluster.Kubectl(ctx, "", "create", "namespace", ns); err != nil {
			return err
		}
	}
	for _, file := range []string{"system.yaml", "apps.yaml"} {
		text, err := manifest(file)
		if err != nil {
			return err
		}
		if err := m.Cluster.Apply(ctx, littered(text)); err != nil {
			return fmt.Errorf("apply %s: %w", file, err)
		}
	}
	if err := m.scatter(ctx); err != nil {
		return err
	}
	if err := m.settled(ctx); err != nil {
		return err
	}
	m.say("%d nodes and their workloads are running", m.opt.Nodes)
	return m.measure(ctx, running, prometheus)
}

// permit gives the two identities their roles in the cluster.
func (m *Machine) permit(ctx context.Context) error {
	if m.opt.Terraform {
		return m.Cluster.Apply(ctx, m.made.Manifests.Value)
	}
	reader, _ := m.Cloud.IAM.FindAgency(ReadAgency)
	writer, _ := m.Cloud.IAM.FindAgency(WriteAgency)
	return m.Cluster.permit(ctx, m.opt.Root, reader.Kubernetes.User, writer.Kubernetes.User)
}

// measure begins to write what the cluster uses.
func (m *Machine) measure(ctx, running context.Context, prometheus string) error {
	m.Loads.SetCores("default/chat-app", 1.5)
	m.Loads.SetCores("shop/orders", 0.5)
	var err error
	if m.sampler, err = newSampler(running, m.opt, m.Cluster.Client, prometheus, m.Loads); err != nil {
		return err
	}
	if m.metrics, err = startMetricsAPI(ctx, m.Cluster, m.sampler); err != nil {
		return err
	}
	if err := m.sampler.past(ctx, time.Now()); err != nil {
		return fmt.Errorf("write the past hour: %w", err)
	}
	m.work.Go(func() {
		m.sampler.run(running, func(err error) { m.opt.Log.Warn().Err(err).Msg("a moment was not measured") })
	})
	m.say("metrics are written every %s, with an hour of history", sampleEvery)
	return nil
}

// subscribe saves the callback address in the app's settings, which the platform challenges first.
func (m *Machine) subscribe(ctx context.Context) error {
	for _, which := range []string{"event", "callback"} {
		err := poll(ctx, "the webhook to answer Lark's challenge", func(ctx context.Context) (bool, error) {
			err := m.Lark.Subscribe(ctx, which, m.account.webhook)
			return err == nil, err
		})
		if err != nil {
			return err
		}
	}
	m.say("Lark has challenged the webhook and saved it")
	return nil
}

// Close ends everything and waits for it.
func (m *Machine) Close() error {
	m.cancel()
	var errs []error
	if m.Lark != nil {
		m.Lark.Close()
	}
	if m.account != nil {
		errs = append(errs, m.account.close())
	}
	if m.metrics != nil {
		errs = append(errs, m.metrics.server.Close())
	}
	m.work.Wait()
	var ending sync.WaitGroup
	for _, p := range m.programs {
		ending.Go(p.stop)
	}
	ending.Wait()
	if m.remove != "" {
		errs = append(errs, os.RemoveAll(m.remove))
	}
	return errors.Join(errs...)
}

// say tells of progress, and keeps it for the transcript.
func (m *Machine) say(format string, args ...any) {
	m.Note("machine", format, args...)
	_, _ = fmt.Fprintf(m.opt.Progress, "%6.1fs  "+format+"\n", append([]any{time.Since(m.started).Seconds()}, args...)...)
}

// Faults are the armed faults of the cloud's APIs.
func (m *Machine) Faults() *edge.Faults { return m.Cloud.Faults }
