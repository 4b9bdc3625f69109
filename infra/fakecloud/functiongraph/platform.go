// Package functiongraph plays Huawei FunctionGraph on one machine: functions come from real zips, their bootstrap runs as a process
// against the custom runtime's HTTP API, and the platform's habits are kept, the inconvenient ones above all.
//
// What always holds: an instance serves one request at a time; no more than max_instance_num instances exist, and a request over that
// is refused when synchronous and dropped when asynchronous; an asynchronous request is delivered at least once, again after a crash,
// and never above 256 KB; a run that exceeds its timeout or its memory is killed with its process; an instance that idles is released.
package functiongraph

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Limits of the platform (product constraints page).
const (
	MaxAsyncPayload = 256 << 10
	MaxSyncPayload  = 6 << 20
	MaxZip          = 50 << 20
	MaxUserData     = 4096 // characters, all variables together
)

// Credentials gives an agency's temporary credentials to code.
type Credentials interface {
	IssueHeaders(agency string, now time.Time) (map[string]string, error)
}

// Topics is where SMN triggers and destinations go.
type Topics interface {
	Subscribe(topicURN, protocol, endpoint string) (subscriptionURN string, err error)
	Unsubscribe(subscriptionURN string)
	Publish(ctx context.Context, topicURN, subject, message string) error
}

// LogSink receives every line a function writes, for LTS.
type LogSink func(groupID, streamID string, line LogLine)

// Options are the platform's settings. Zero durations take the defaults.
type Options struct {
	Region, Project string
	Dir             string // where packages are unpacked; empty: a temporary directory
	Clock           func() time.Time
	Credentials     Credentials
	Topics          Topics
	LogSink         LogSink
	Log             zerolog.Logger
	// Fetch reads a package that lies in OBS (code_url); without it only inline packages are taken.
	Fetch func(ctx context.Context, url string) ([]byte, error)
	// TriggerTypes are those that the region offers; default all that the emulator knows. Not every region has SMN.
	TriggerTypes []string
	ExtraEnv     []string // given to every process beside the RUNTIME_ variables, such as SSL_CERT_FILE

	IdleTimeout   time.Duration // default 1 min, as the real platform
	StartTimeout  time.Duration // from process start to its first poll; default 30 s
	RetryDelay    time.Duration // between attempts of an asynchronous request; the real one is not documented; default 1 s
	AsyncDelay    time.Duration // from acceptance to first delivery; default none
	QueueOverflow bool          // wait for an instance instead of dropping asynchronous requests over the limit
	OldHeaders    bool          // send only X-CFF-Access-Key and X-CFF-Secret-Key, without the Security pair
}

// Errors a caller may meet.
var (
	ErrNoFunction = errors.New("the function does not exist")
	ErrExists     = errors.New("the function name already exists")
	ErrPackage    = errors.New("the package is not acceptable")
	ErrTooLarge   = errors.New("the payload is too large")
	ErrNoTrigger  = errors.New("the trigger does not exist")
	ErrSetting    = errors.New("the setting is not acceptable")
)

// Platform runs functions.
type Platform struct {
	opt     Options
	own     bool             // Dir is ours to remove
	watch   func() time.Time // the machine's own clock, by which processes are measured whatever the account's clock says
	ended   chan struct{}    // closed by Close
	spawner *spawner

	packages sync.Mutex // one unpacking at a time

	mu        sync.Mutex
	functions map[string]*function // by name
	kills     []*Kill
	copies    map[string]int // asynchronous deliveries to duplicate, by function
	history   []Invocation
	busy      int // runs queued or in flight
	quiet     *sync.Cond
	closed    bool
}

// New makes an empty platform.
func New(opt Options) (*Platform, error) {
	if opt.IdleTimeout == 0 {
		opt.IdleTimeout = time.Minute
	}
	if opt.StartTimeout == 0 {
		opt.StartTimeout = 30 * time.Second
	}
	if opt.RetryDelay == 0 {
		opt.RetryDelay = time.Second
	}
	if opt.TriggerTypes == nil {
		opt.TriggerTypes = []string{TriggerTimer, TriggerSMN, TriggerGateway}
	}
	p := &Platform{opt: opt, watch: time.Now, ended: make(chan struct{}), functions: map[string]*function{}, copies: map[string]int{}, spawner: newSpawner()}
	p.quiet = sync.NewCond(&p.mu)
	if opt.Dir == "" {
		dir, err := os.MkdirTemp("", "functiongraph-")
		if err != nil {
			return nil, fmt.Errorf("make a directory for packages: %w", err)
		}
		p.opt.Dir, p.own = dir, true
		return p, nil
	}
	abs, err := filepath.Abs(opt.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the directory for packages: %w", err)
	}
	p.opt.Dir = abs
	return p, nil
}

// SetTopics connects SMN, which is made after the platform because each needs the other.
func (p *Platform) SetTopics(t Topics) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opt.Topics = t
}

// SetLogSink connects LTS.
func (p *Platform) SetLogSink(s LogSink) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opt.LogSink = s
}

// Create adds a function from its package and returns its URN, which ends in :latest.
func (p *Platform) Create(spec Spec) (string, error) {
	if err := spec.check(); err != nil {
		return "", err
	}
	code, err := p.unpack(spec)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.functions[spec.Name] != nil {
		return "", fmt.Errorf("%w: %s", ErrExists, spec.Name)
	}
	f := &function{
		spec: spec, code: code, urn: p.urn(spec), created: p.opt.Clock(), changed: p.opt.Clock(), triggers: map[string]*Trigger{},
		tags: map[string]string{},
	}
	p.functions[spec.Name] = f
	return f.urn + ":latest", nil
}

// Update changes a function. Its running instances finish what they do and are then released, so that the next request meets the
// new code and settings.
func (p *Platform) Update(name string, change func(*Spec) error) error {
	p.mu.Lock()
	f := p.functions[name]
	if f == nil {
		p.mu.Unlock()
		return fmt.Errorf("%w: %s", ErrNoFunction, name)
	}
	spec := f.spec
	p.mu.Unlock()

	if err := change(&spec); err != nil {
		return err
	}
	if err := spec.check(); err != nil {
		return err
	}
	code, err := p.unpack(spec)
	if err != nil {
		return err
	}
	p.mu.Lock()
	f.spec, f.code, f.changed = spec, code, p.opt.Clock()
	f.generation++
	idle := f.takeIdle()
	p.mu.Unlock()
	for _, i := range idle {
		i.kill(endReplaced)
	}
	return nil
}

// Delete removes a function with its triggers and instances.
func (p *Platform) Delete(name string) error {
	p.mu.Lock()
	f := p.functions[name]
	if f == nil {
		p.mu.Unlock()
		return fmt.Errorf("%w: %s", ErrNoFunction, name)
	}
	delete(p.functions, name)
	f.deleted = true
	instances := f.instances
	triggers := f.sortedTriggers()
	topics := p.opt.Topics
	p.mu.Unlock()
	for _, t := range triggers {
		if t.subscription != "" && topics != nil {
			topics.Unsubscribe(t.subscription)
		}
	}
	for _, i := range instances {
		i.kill(endReplaced)
	}
	return nil
}

// Close kills every process and waits until they are gone.
func (p *Platform) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.ended)
	var all []*instance
	for _, f := range p.functions {
		all = append(all, f.instances...)
	}
	p.mu.Unlock()
	for _, i := range all {
		i.kill(endReplaced)
		<-i.gone
	}
	p.spawner.close()
	if p.own {
		return os.RemoveAll(p.opt.Dir)
	}
	return nil
}

// pause waits, or returns early when the platform is closed.
func (p *Platform) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.ended:
	}
}

// Instances says how many processes a function has now.
func (p *Platform) Instances(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.functions[name]; f != nil {
		return len(f.instances)
	}
	return 0
}

// WaitIdle waits until nothing is queued or running.
func (p *Platform) WaitIdle(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.quiet.Broadcast()
	})
	defer stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.busy > 0 && ctx.Err() == nil {
		p.quiet.Wait()
	}
	return ctx.Err()
}

func (p *Platform) enter() {
	p.mu.Lock()
	p.busy++
	p.mu.Unlock()
}

func (p *Platform) leave() {
	p.mu.Lock()
	if p.busy--; p.busy == 0 {
		p.quiet.Broadcast()
	}
	p.mu.Unlock()
}
