package functiongraph

import (
	"slices"
	"strings"
	"time"
)

// Kill tells the platform to lose an instance in the middle of a run, once. An asynchronous request is then delivered again.
type Kill struct {
	Function    string `json:"function"`
	Nth         int    `json:"nth,omitempty"`         // which delivery from now on; 0: the next that trips the rule
	LogContains string `json:"logContains,omitempty"` // as soon as the run writes a line with this in it
	AtResponse  bool   `json:"atResponse,omitempty"`  // when it posts its result, which is then lost
	AfterMS     int    `json:"afterMs,omitempty"`     // this long after delivery; with nothing else: at delivery

	counted bool // no longer open to later deliveries
	fired   bool
}

func (k *Kill) atDelivery() bool { return k.LogContains == "" && !k.AtResponse }

// KillNext arms a rule.
func (p *Platform) KillNext(k Kill) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kills = append(p.kills, &k)
}

// Caller stands in place of a function's name and means the process that made the call.
const Caller = "caller"

// KillBusy kills busy instances now, as a lost machine would: those of a function, or for Caller the one whose run holds the access
// key. It returns when their processes are gone.
func (p *Platform) KillBusy(function, accessKey string) {
	p.mu.Lock()
	var victims []*instance
	for name, f := range p.functions {
		for _, i := range f.instances {
			if i.run != nil && (name == function || function == Caller && i.run.holds(accessKey)) {
				victims = append(victims, i)
			}
		}
	}
	p.mu.Unlock()
	for _, i := range victims {
		i.kill(endInjected)
		<-i.gone
	}
}

// holds says whether the run was given an access key.
func (r *run) holds(accessKey string) bool {
	return accessKey != "" && r.headers["X-CFF-Access-Key"] == accessKey
}

// tripped counts a delivery against the armed rules and returns those it may trip. The platform's mutex is held.
func (p *Platform) tripped(function string) []*Kill {
	var hit []*Kill
	for _, k := range p.kills {
		if k.Function != function {
			continue
		}
		if k.Nth > 1 {
			k.Nth--
			continue
		}
		if k.Nth == 1 || k.atDelivery() {
			k.counted = true
		}
		hit = append(hit, k)
	}
	p.kills = slices.DeleteFunc(p.kills, func(k *Kill) bool { return k.counted })
	return hit
}

// killAfter ends the instance in the middle of the run it now holds.
func (i *instance) killAfter(d time.Duration) {
	if d <= 0 {
		i.kill(endInjected)
		return
	}
	i.p.mu.Lock()
	victim := i.run
	i.p.mu.Unlock()
	time.AfterFunc(d, func() {
		i.p.mu.Lock()
		same := i.run == victim
		i.p.mu.Unlock()
		if same {
			i.kill(endInjected)
		}
	})
}

// killAtResponse reports whether the result was lost with its process.
func (p *Platform) killAtResponse(i *instance, r *run) bool {
	if !p.spend(r, func(k *Kill) bool { return k.AtResponse }) {
		return false
	}
	i.kill(endInjected)
	return true
}

// killAtLog looks at one line of a run.
func (p *Platform) killAtLog(i *instance, r *run, line string) {
	if r != nil && p.spend(r, func(k *Kill) bool { return k.LogContains != "" && strings.Contains(line, k.LogContains) }) {
		i.kill(endInjected)
	}
}

// spend uses up the run's first rule that fits.
func (p *Platform) spend(r *run, fits func(*Kill) bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, k := range r.kills {
		if !k.fired && fits(k) {
			k.fired = true
			r.kills = slices.Delete(r.kills, n, n+1)
			p.kills = slices.DeleteFunc(p.kills, func(o *Kill) bool { return o == k })
			return true
		}
	}
	return false
}
