package functiongraph

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// Statuses of a request, in the platform's words.
const (
	StatusWait    = "WAIT"
	StatusRunning = "RUNNING"
	StatusSuccess = "SUCCESS"
	StatusFail    = "FAIL"
	StatusDiscard = "DISCARD"
)

// codeOverLimit says that max_instance_num instances are busy.
const codeOverLimit = "FSS.0429"

// outcome of one run.
type outcome struct {
	status string
	code   string
	why    string
	body   []byte
	again  bool // the platform itself lost the run: it is delivered again whatever the retry policy says
}

// run is one delivery of one request to one instance.
type run struct {
	id      string
	payload []byte
	async   bool
	source  string
	attempt int
	headers map[string]string

	fetched chan struct{} // closed when the process has taken the event
	done    chan outcome
	once    sync.Once

	// Guarded by the platform's mutex.
	queued, delivered time.Time
	peak              int64
	cold              bool
	start             time.Time // of the process
	kills             []*Kill   // rules that this run trips
	logged            int       // index into the function's logs where it began
}

func (r *run) kind() string {
	if r.async {
		return "async"
	}
	return "sync"
}

// finish settles the run; the first outcome stands.
func (r *run) finish(o outcome) { r.once.Do(func() { r.done <- o }) }

// Result of a synchronous request.
type Result struct {
	RequestID string
	Status    string // StatusSuccess or StatusFail
	Code      string // FSS code of a failure
	Message   string
	Body      []byte // what the function answered, also with a failure it reported
	Log       string // last 4 KB of what it wrote
}

// Invoke runs a function synchronously. Failures of the function are a Result; an error means that it was never run, or that ctx ended
// before it did: it then runs on, because its work is not undone by a caller that went away.
func (p *Platform) Invoke(ctx context.Context, ref string, payload []byte, source string) (Result, error) {
	if len(payload) > MaxSyncPayload {
		return Result{}, fmt.Errorf("%w: more than 6 MB", ErrTooLarge)
	}
	if !json.Valid(payload) {
		return Result{}, fmt.Errorf("%w: the event is not JSON", ErrSetting)
	}
	p.mu.Lock()
	f := p.find(ref)
	p.mu.Unlock()
	if f == nil {
		return Result{}, fmt.Errorf("%w: %s", ErrNoFunction, ref)
	}
	p.enter()
	r := &run{id: edge.NewID(), payload: payload, source: source, attempt: 1, queued: p.watch()}
	done := make(chan Result, 1)
	go func() {
		defer p.leave()
		o := p.execute(f, r)
		done <- Result{RequestID: r.id, Status: o.status, Code: o.code, Message: o.why, Body: o.body, Log: p.tail(f, r)}
	}()
	select {
	case result := <-done:
		return result, nil
	case <-ctx.Done():
		return Result{RequestID: r.id}, ctx.Err()
	}
}

// execute runs one delivery to its end and records it.
func (p *Platform) execute(f *function, r *run) outcome {
	r.fetched, r.done = make(chan struct{}), make(chan outcome, 1)
	i, o, ok := p.acquire(f, r)
	if ok {
		o = p.await(f, i, r)
		p.release(f, i, r)
	}
	p.note(f, r, o)
	return o
}

// acquire finds an idle instance or starts one.
func (p *Platform) acquire(f *function, r *run) (*instance, outcome, bool) {
	now := p.opt.Clock()
	p.mu.Lock()
	spec, code := f.spec, f.code
	if p.closed || f.deleted {
		p.mu.Unlock()
		return nil, outcome{status: StatusFail, code: "FSS.0503", why: "the function is gone"}, false
	}
	if i := p.reserve(f, r); i != nil {
		p.mu.Unlock()
		return i, outcome{}, p.grant(i, r, spec, now)
	}
	if spec.MaxInstances >= 0 && len(f.instances) >= spec.MaxInstances {
		p.mu.Unlock()
		return nil, outcome{status: StatusDiscard, code: codeOverLimit, why: "the number of instances has reached its limit"}, false
	}
	i := &instance{
		p: p, f: f, generation: f.generation, limit: int64(spec.MemoryMB) << 20, starting: true, run: r,
		next: make(chan *run, 1), gone: make(chan struct{}),
	}
	f.instances = append(f.instances, i)
	r.cold, r.logged = true, len(f.logs)
	p.mu.Unlock()

	if err := p.launch(i, spec, code); err != nil {
		p.mu.Lock()
		f.instances = slices.DeleteFunc(f.instances, func(o *instance) bool { return o == i })
		p.mu.Unlock()
		close(i.gone)
		p.capacity()
		return nil, outcome{status: StatusFail, code: "FSS.0500", why: err.Error()}, false
	}
	r.start = i.started
	return i, outcome{}, p.grant(i, r, spec, now)
}

// reserve takes the most recently used idle instance of the current code. The platform's mutex is held.
func (p *Platform) reserve(f *function, r *run) *instance {
	for _, i := range slices.Backward(f.instances) {
		if i.run == nil && !i.starting && i.generation == f.generation && i.why() == endExited {
			i.run = r
			if i.idle != nil {
				i.idle.Stop()
			}
			r.start, r.logged = i.started, len(f.logs)
			resetPeak(i.pid())
			return i
		}
	}
	return nil
}

// grant gives the run its credentials and offers it to the process. It always succeeds: a missing agency leaves the headers out.
func (p *Platform) grant(i *instance, r *run, spec Spec, now time.Time) bool {
	granted := map[string]string{}
	if agency := spec.credentialAgency(); agency != "" && p.opt.Credentials != nil {
		headers, err := p.opt.Credentials.IssueHeaders(agency, now)
		if err != nil {
			p.opt.Log.Warn().Err(err).Str("function", spec.Name).Msg("the function runs without credentials")
		}
		for k, v := range headers {
			if p.opt.OldHeaders && strings.Contains(k, "Security-Access") || p.opt.OldHeaders && strings.Contains(k, "Security-Secret") {
				continue
			}
			granted[k] = v
		}
	}
	p.mu.Lock()
	r.headers = granted
	p.mu.Unlock()
	i.next <- r
	return true
}

// await waits for the outcome: an answer, the timeout, or the death of the process.
func (p *Platform) await(f *function, i *instance, r *run) outcome {
	p.mu.Lock()
	timeout := f.spec.Timeout
	p.mu.Unlock()
	start := time.NewTimer(p.opt.StartTimeout)
	defer start.Stop()
	select {
	case <-r.fetched:
	case o := <-r.done:
		return o
	case <-i.gone:
		return r.settled(i.epitaph())
	case <-start.C:
		i.kill(endTimeout)
		<-i.gone
		return outcome{status: StatusFail, code: "FSS.0408", why: "the bootstrap did not ask for a request in time"}
	}
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	select {
	case o := <-r.done:
		return o
	case <-i.gone:
		return r.settled(i.epitaph())
	case <-limit.C:
		i.kill(endTimeout)
		<-i.gone
		return r.settled(i.epitaph())
	}
}

// settled prefers an answer that came in the same moment as the process's end.
func (r *run) settled(otherwise outcome) outcome {
	select {
	case o := <-r.done:
		return o
	default:
		return otherwise
	}
}

// epitaph turns why a process ended into the outcome of the run it held.
func (i *instance) epitaph() outcome {
	switch i.why() {
	case endTimeout:
		return outcome{status: StatusFail, code: "FSS.0408", why: "the function invocation timed out"}
	case endMemory:
		return outcome{status: StatusFail, code: "FSS.0500", why: "the function exceeded its memory limit"}
	case endInjected:
		return outcome{status: StatusFail, code: "FSS.0500", why: "the instance was lost", again: true}
	case endReplaced:
		return outcome{status: StatusFail, code: "FSS.0500", why: "the instance was replaced", again: true}
	case endIdle, endExited:
	}
	return outcome{status: StatusFail, code: "FSS.0500", why: "the function process exited"}
}

// release returns the instance to service, or ends it when its code is stale.
func (p *Platform) release(f *function, i *instance, r *run) {
	p.mu.Lock()
	i.run, i.last = nil, r.id
	i.served++
	stale := i.generation != f.generation || p.closed || f.deleted
	if !stale {
		if i.idle == nil {
			i.idle = time.AfterFunc(p.opt.IdleTimeout, func() { p.retire(i) })
		} else {
			i.idle.Reset(p.opt.IdleTimeout)
		}
	}
	p.mu.Unlock()
	if stale {
		i.kill(endReplaced)
	}
	p.capacity()
}

// retire releases an instance that idled.
func (p *Platform) retire(i *instance) {
	p.mu.Lock()
	if i.run != nil {
		p.mu.Unlock()
		return
	}
	i.mu.Lock()
	if i.end == "" {
		i.end = endIdle // before the mutex is given up, so that reserve does not take it
	}
	i.mu.Unlock()
	p.mu.Unlock()
	i.kill(endIdle)
}

// capacity wakes asynchronous requests that wait for an instance.
func (p *Platform) capacity() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quiet.Broadcast()
}

// delivered notes that the process took the event, and arms the kills that this run trips.
func (p *Platform) delivered(i *instance, r *run) {
	p.mu.Lock()
	r.delivered = p.watch()
	r.kills = p.tripped(i.f.spec.Name)
	kills := r.kills
	p.mu.Unlock()
	close(r.fetched)
	for _, k := range kills {
		if k.atDelivery() {
			i.killAfter(time.Duration(k.AfterMS) * time.Millisecond)
		}
	}
}
