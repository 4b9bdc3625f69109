// Package fakecloud is Huawei Cloud on one machine, as far as this project calls it: one in-memory account, one HTTP address, real
// signatures, real policies, and the habits of the real services that a client has to survive.
//
// It exists because an agent that may change production is believed only when everything around it is allowed to go wrong: calls are
// throttled, refused, delayed, executed without an answer, events come twice or never, processes die in the middle of a run. All of
// this is armed at run time, from Go (the fields of Cloud) or over HTTP (/_admin/).
//
// What always holds: the emulator never answers more kindly than the real service is known to; where documents disagree or are
// silent, the harsher reading is the default and an option holds the other. It imports nothing of the product, so that both can be
// wrong only independently.
package fakecloud

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/infra/fakecloud/aom"
	"cce-oncall/infra/fakecloud/apig"
	"cce-oncall/infra/fakecloud/cce"
	"cce-oncall/infra/fakecloud/cts"
	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/functiongraph"
	"cce-oncall/infra/fakecloud/iam"
	"cce-oncall/infra/fakecloud/kms"
	"cce-oncall/infra/fakecloud/lts"
	"cce-oncall/infra/fakecloud/obs"
	"cce-oncall/infra/fakecloud/smn"
)

// Options describe the account. The zero value is a usable account for tests.
type Options struct {
	Region  string // default cn-north-4
	Project string // 32 hex
	Domain  string // 32 hex
	Clock   func() time.Time
	Log     zerolog.Logger

	// AdminKey is a user that may do everything, as a person with the tenant administrator role does. Defaults are in AdminKey.
	AdminKey, AdminSecret string

	Functions functiongraph.Options // Region, Project, Clock, Credentials and Log are filled in
	AOM       aom.Options
	CCE       cce.Options
	LogDelay  time.Duration // until a log line can be found in LTS
	CTSDelay  time.Duration // until a trace can be found in CTS

	// CCEWritesPerMinute limits each CCE write action; 0 means the ten of the real service, -1 no limit.
	CCEWritesPerMinute int
}

// The defaults of the account, the same everywhere so that tests and scripts can name them.
const (
	DefaultRegion      = "cn-north-4"
	DefaultProject     = "0123456789abcdef0123456789abcdef"
	DefaultDomain      = "fedcba9876543210fedcba9876543210"
	DefaultAdminKey    = "EMULATORACCESSKEY000"
	DefaultAdminSecret = "emulator-secret-key-not-real-0000000000"
)

// Cloud is the account with its services.
type Cloud struct {
	Region, Project, Domain string

	IAM       *iam.Store
	Functions *functiongraph.Platform
	SMN       *smn.Service
	AOM       *aom.Service
	CCE       *cce.Service
	LTS       *lts.Service
	CTS       *cts.Service
	KMS       *kms.Service
	APIG      *apig.Service
	OBS       *obs.Store
	Faults    *edge.Faults
	Journal   *edge.Journal

	gate    *edge.Gate
	handler http.Handler
	clock   func() time.Time
	log     zerolog.Logger

	mu   sync.Mutex
	base string
}

// New makes an account. Close it to end the functions' processes.
func New(opt Options) (*Cloud, error) {
	opt.fill()
	c := &Cloud{
		Region: opt.Region, Project: opt.Project, Domain: opt.Domain, clock: opt.Clock, log: opt.Log,
		IAM: iam.New(opt.Project, opt.Domain, opt.Region), Journal: &edge.Journal{}, Faults: &edge.Faults{},
		LTS: &lts.Service{Clock: opt.Clock, Delay: opt.LogDelay}, CTS: &cts.Service{Clock: opt.Clock, Delay: opt.CTSDelay},
		KMS: &kms.Service{Clock: opt.Clock, Domain: opt.Domain},
	}
	c.IAM.AddUser("admin", opt.AdminKey, opt.AdminSecret, "*")
	c.gate = &edge.Gate{
		Identities: c.IAM, Project: opt.Project, Clock: opt.Clock, Faults: c.Faults, Journal: c.Journal, Limits: &edge.Limits{PerMinute: opt.limits()},
		Record: c.CTS.Record, Log: opt.Log,
	}
	fg := opt.Functions
	fg.Region, fg.Project, fg.Clock, fg.Credentials, fg.Log = opt.Region, opt.Project, opt.Clock, c.IAM, opt.Log
	fg.LogSink = c.sink
	fg.Fetch = func(ctx context.Context, url string) ([]byte, error) { return c.OBS.Read(ctx, url) }
	var err error
	if c.Functions, err = functiongraph.New(fg); err != nil {
		return nil, fmt.Errorf("make the function platform: %w", err)
	}
	c.Faults.Kill = c.Functions.KillBusy
	c.SMN, err = smn.New(smn.Options{Region: opt.Region, Project: opt.Project, Clock: opt.Clock, Functions: c.Functions, Base: c.Base, Log: opt.Log})
	if err != nil {
		return nil, fmt.Errorf("make SMN: %w", err)
	}
	c.Functions.SetTopics(c.SMN)
	a := opt.AOM
	a.Region, a.Project, a.Clock, a.Publisher, a.Log = opt.Region, opt.Project, opt.Clock, c.SMN, opt.Log
	c.AOM = aom.New(a)
	k := opt.CCE
	k.Region, k.Project, k.Clock, k.Gate, k.Log = opt.Region, opt.Project, opt.Clock, c.gate, opt.Log
	c.CCE = cce.New(k)
	c.APIG = apig.New(opt.Region, opt.Clock, c.Functions)
	c.OBS = obs.New(obs.Options{Region: opt.Region, Clock: opt.Clock, Keys: c.IAM, Faults: c.Faults, Journal: c.Journal})
	c.handler = c.mux()
	return c, nil
}

func (o *Options) fill() {
	set := func(to *string, value string) {
		if *to == "" {
			*to = value
		}
	}
	set(&o.Region, DefaultRegion)
	set(&o.Project, DefaultProject)
	set(&o.Domain, DefaultDomain)
	set(&o.AdminKey, DefaultAdminKey)
	set(&o.AdminSecret, DefaultAdminSecret)
	if o.Clock == nil {
		o.Clock = time.Now
	}
}

// limits are CCE's: about ten writes a minute.
func (o *Options) limits() map[string]int {
	n := o.CCEWritesPerMinute
	if n < 0 {
		return nil
	}
	if n == 0 {
		n = 10
	}
	limits := map[string]int{}
	for _, action := range []string{"cce:nodepool:scale", "cce:nodepool:update", "cce:node:delete", "cce:cluster:generateClientCredential"} {
		limits[action] = n
	}
	return limits
}

// sink carries what functions write into the LTS stream that their configuration names.
func (c *Cloud) sink(group, stream string, l functiongraph.LogLine) {
	c.LTS.Push(group, stream, lts.Line{At: l.At, Content: l.Text, Labels: map[string]string{"funcName": l.Function, "requestId": l.RequestID}})
}

func (c *Cloud) mux() http.Handler {
	mux := http.NewServeMux()
	for _, s := range []edge.Service{
		c.IAM.Service(), c.Functions.Service(), c.SMN.Service(), c.AOM.Service(), c.CCE.Service(), c.LTS.Service(), c.CTS.Service(),
		c.KMS.Service(), c.APIG.Service(),
	} {
		c.gate.Mount(mux, s)
	}
	mux.Handle("/_admin/", c.admin())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		edge.WriteJSON(w, http.StatusNotFound, map[string]string{
			"error_code": "APIGW.0101", "error_msg": "The API does not exist or has not been published in the environment", "request_id": edge.NewID(),
		})
	})
	return mux
}

// ServeHTTP serves every service on one address. Paths do not collide; three things are chosen by the Host header: a cluster's
// Kubernetes gateway ({cluster}.cce....), OBS (obs.... and {bucket}.obs....), and the domain of a gateway group ({id}.apic....).
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if id, ok := cce.ClusterOf(host); ok {
		c.CCE.Gateway(w, r, id)
		return
	}
	if obs.IsHost(host) {
		c.OBS.ServeHTTP(w, r)
		return
	}
	if strings.Contains(host, ".apic.") {
		c.ServeGateway(w, r)
		return
	}
	c.handler.ServeHTTP(w, r)
}

// ServeGateway serves the dedicated API gateway: APIs published through APIG first, then the paths of gateway triggers.
func (c *Cloud) ServeGateway(w http.ResponseWriter, r *http.Request) {
	if c.APIG.Serve(w, r) {
		return
	}
	c.Functions.ServeHTTP(w, r)
}

// Gateway is the Kubernetes gateway of one cluster for a listener of its own, whatever the Host header says.
func (c *Cloud) Gateway(cluster string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.CCE.Gateway(w, r, cluster) })
}

// SetBase tells the account under which address it is served, for the URLs it hands out.
func (c *Cloud) SetBase(url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = strings.TrimSuffix(url, "/")
}

// Base is what SetBase was told.
func (c *Cloud) Base() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base
}

// Tick lets everything that goes by the clock happen once: timers, alarm rules, expiry of alarms.
func (c *Cloud) Tick(ctx context.Context) {
	now := c.clock()
	c.Functions.Tick(now)
	c.AOM.Tick(ctx, now)
}

// Run ticks until ctx ends.
func (c *Cloud) Run(ctx context.Context) {
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.Tick(ctx)
		}
	}
}

// Close ends what runs: functions, installs, deliveries.
func (c *Cloud) Close() error {
	c.CCE.Close()
	err := c.Functions.Close()
	c.SMN.WaitDelivered()
	if err != nil {
		return fmt.Errorf("close the function platform: %w", err)
	}
	return nil
}
