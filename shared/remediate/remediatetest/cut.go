package remediatetest

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
)

// Fault is what happens at one call.
type Fault string

// The faults. Die ends the process: nothing after it runs. Fail lets it live with an error that may go away. Before: the call
// has no effect. After: it has, and nobody learns of it.
const (
	DieBefore  Fault = "die before"
	DieAfter   Fault = "die after"
	FailBefore Fault = "fail before"
	FailAfter  Fault = "fail after"
	// Overtake lets another executor carry the plan to its end just before the call, which then goes on as if nothing were.
	Overtake Fault = "overtake"
)

// death is what a killed run panics with.
type death struct{ call string }

// errFault is the error of a call that failed and may be repeated.
type errFault struct{ call string }

func (e errFault) Error() string { return e.call + ": injected fault" }

// Transient says that trying again makes sense.
func (errFault) Transient() bool { return true }

// Cut counts the calls of one run and strikes at one of them. Every call to the world and to the store goes through Do. The
// zero value strikes nowhere.
type Cut struct {
	mu       sync.Mutex
	calls    []string
	at       int // 1-based; 0: nowhere
	fault    Fault
	overtake func()
	after    func(call string, write bool)
	pace     func()      // called at every call, to shake the order of racing executors
	writing  *sync.Mutex // held during a write and what is asked after it; nil: not
}

// Do makes one call of the run. Write says that it may change the world.
func (c *Cut) Do(call string, write bool, f func() error) error {
	strike := c.count(call)
	switch {
	case strike && c.fault == DieBefore:
		panic(death{call})
	case strike && c.fault == FailBefore:
		return errFault{call}
	case strike && c.fault == Overtake:
		c.overtake()
	}
	err := c.carryOut(call, write, f)
	switch {
	case strike && c.fault == DieAfter:
		panic(death{call})
	case strike && c.fault == FailAfter:
		return errFault{call}
	}
	return err
}

func (c *Cut) carryOut(call string, write bool, f func() error) error {
	if write && c.writing != nil {
		c.writing.Lock()
		defer c.writing.Unlock()
	}
	err := f()
	if err == nil && c.after != nil {
		c.after(call, write)
	}
	return err
}

func (c *Cut) count(call string) (strike bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call)
	if c.pace != nil {
		c.pace()
	}
	return c.at == len(c.calls)
}

// RoundTripper passes HTTP calls through the cut; a request other than GET that is no dry run is a write.
func (c *Cut) RoundTripper(next http.RoundTripper) http.RoundTripper { return roundTripper{c, next} }

type roundTripper struct {
	cut  *Cut
	next http.RoundTripper
}

func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	var answer *http.Response
	write := r.Method != http.MethodGet && r.URL.Query().Get("dryRun") == ""
	err := t.cut.Do(r.Method+" "+r.URL.Path, write, func() (err error) {
		answer, err = t.next.RoundTrip(r) //nolint:bodyclose // the caller's to close
		return err
	})
	if err != nil && answer != nil {
		return nil, errors.Join(err, answer.Body.Close())
	}
	return answer, err
}

// survive runs f and says whether it was killed.
func survive(f func() error) (killed bool, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case death:
			killed, err = true, fmt.Errorf("killed at %s", p.call)
		default:
			panic(p)
		}
	}()
	return false, f()
}
