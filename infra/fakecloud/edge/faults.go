package edge

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault spoils calls that match it. Empty fields match anything.
type Fault struct {
	ID      string `json:"id"`
	Service string `json:"service,omitempty"` // also kubernetes, obs
	Method  string `json:"method,omitempty"`
	Path    string `json:"path,omitempty"` // a part of the path
	Action  string `json:"action,omitempty"`
	Caller  string `json:"caller,omitempty"` // agency or user name

	Skip  int `json:"skip,omitempty"`  // how many matching calls to let through first
	Times int `json:"times,omitempty"` // how many to spoil; 0: until cleared

	// After lets the call happen and spoils only its answer: the timeout whose outcome the client cannot know.
	After      bool   `json:"after,omitempty"`
	DelayMS    int    `json:"delayMs,omitempty"`
	Status     int    `json:"status,omitempty"` // 0 with no Drop and no Kill: only the delay
	Code       string `json:"code,omitempty"`
	Message    string `json:"message,omitempty"`
	Dialect    string `json:"dialect,omitempty"` // snake, camel, snakeLong
	RetryAfter string `json:"retryAfter,omitempty"`
	Drop       bool   `json:"drop,omitempty"` // close the connection without an answer
	Kill       string `json:"kill,omitempty"` // a function whose busy instances die at this very call, or "caller": the process that made it
}

func (f Fault) matches(e Entry) bool {
	return (f.Service == "" || f.Service == e.Service) &&
		(f.Method == "" || strings.EqualFold(f.Method, e.Method)) &&
		(f.Path == "" || strings.Contains(e.Path, f.Path)) &&
		(f.Action == "" || strings.EqualFold(f.Action, e.Action)) &&
		(f.Caller == "" || f.Caller == e.Caller)
}

// Faults is the set of armed faults. The zero value is usable.
type Faults struct {
	// Kill ends busy instances of a function, or of the caller with that access key; set once before use, may be nil.
	Kill func(function, accessKey string)

	mu    sync.Mutex
	armed []*Fault
}

// Add arms a fault and returns its id.
func (f *Faults) Add(fault Fault) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fault.ID == "" {
		fault.ID = NewID()
	}
	f.armed = append(f.armed, &fault)
	return fault.ID
}

// Clear disarms one fault, or all of them for an empty id.
func (f *Faults) Clear(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = slices.DeleteFunc(f.armed, func(a *Fault) bool { return id == "" || a.ID == id })
}

// List returns the armed faults in the order they were added.
func (f *Faults) List() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Fault, 0, len(f.armed))
	for _, a := range f.armed {
		out = append(out, *a)
	}
	return out
}

// Take uses up the first armed fault that matches the call.
func (f *Faults) Take(e Entry) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, a := range f.armed {
		if !a.matches(e) {
			continue
		}
		if a.Skip > 0 {
			a.Skip--
			continue
		}
		if a.Times > 0 {
			if a.Times--; a.Times == 0 {
				f.armed = slices.Delete(f.armed, i, i+1)
			}
		}
		return *a, true
	}
	return Fault{}, false
}

// Strike carries out the parts of a fault that do not depend on a dialect: it waits, kills, and drops the connection (by a panic
// that net/http understands). It reports whether the fault also refuses the call; otherwise the call goes on as if nothing was.
func (f *Faults) Strike(r *http.Request, e Entry, fault Fault) (refuse bool) {
	if fault.DelayMS > 0 {
		timer := time.NewTimer(time.Duration(fault.DelayMS) * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
	}
	if fault.Kill != "" && f.Kill != nil {
		f.Kill(fault.Kill, e.AccessKey)
	}
	if fault.Drop || fault.Kill != "" {
		panic(http.ErrAbortHandler)
	}
	return fault.Status != 0
}

// spoil reports whether it answered the call.
func (g *Gate) spoil(w http.ResponseWriter, r *http.Request, s Service, e Entry, fault Fault) bool {
	e.Fault, e.Status = fault.ID, fault.Status
	if fault.Status != 0 || fault.Drop || fault.Kill != "" {
		g.Journal.add(e)
	}
	if !g.Faults.Strike(r, e, fault) {
		return false
	}
	fault.Refusal().write(w, s)
	return true
}

// Refusal is the answer that a fault with a status gives.
func (f Fault) Refusal() *Error {
	e := &Error{Status: f.Status, Code: f.Code, Message: f.Message, RetryAfter: f.RetryAfter}
	if f.Dialect != "" {
		if dialect, err := ParseDialect(f.Dialect); err == nil {
			e.Dialect = &dialect
		}
	}
	return e
}
