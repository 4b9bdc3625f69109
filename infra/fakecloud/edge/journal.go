package edge

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// keep bounds the journal: a long demo must not grow without end.
const keep = 20000

// Entry is one call as the cloud saw it.
type Entry struct {
	At        time.Time `json:"at"`
	Service   string    `json:"service"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Action    string    `json:"action,omitempty"`
	Caller    string    `json:"caller,omitempty"`
	Agency    bool      `json:"agency,omitempty"`
	Status    int       `json:"status"` // 0: the connection was dropped
	RequestID string    `json:"requestId"`
	Fault     string    `json:"fault,omitempty"` // id of the fault that spoiled it
	AccessKey string    `json:"-"`
}

// Journal keeps the last calls, so that a test can say what was asked of the cloud and what was never asked.
type Journal struct {
	mu      sync.Mutex
	entries []Entry
}

func (j *Journal) add(e Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
	if len(j.entries) > keep {
		j.entries = slices.Delete(j.entries, 0, len(j.entries)-keep)
	}
}

// Add records a call of a service that does not pass through a Gate (the Kubernetes gateway, OBS).
func (j *Journal) Add(e Entry) { j.add(e) }

// Find returns the calls that match every non-empty argument, oldest first; path is a part of the path.
func (j *Journal) Find(service, method, path string) []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []Entry
	for _, e := range j.entries {
		if (service == "" || e.Service == service) && (method == "" || e.Method == method) && strings.Contains(e.Path, path) {
			out = append(out, e)
		}
	}
	return out
}

// Limits throttles actions by a fixed window of one minute. CCE's writes are limited to about ten a minute (measured by the
// published cluster-api provider). The zero value limits nothing.
type Limits struct {
	PerMinute map[string]int // by IAM action

	mu     sync.Mutex
	window map[string]window
}

type window struct {
	start time.Time
	used  int
}

// Take counts one call; when the budget is spent it says how long the client should wait.
func (l *Limits) Take(action string, now time.Time) (time.Duration, bool) {
	budget, limited := l.PerMinute[action]
	if !limited {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.window == nil {
		l.window = map[string]window{}
	}
	w := l.window[action]
	if now.Sub(w.start) >= time.Minute {
		w = window{start: now}
	}
	w.used++
	l.window[action] = w
	if w.used > budget {
		return w.start.Add(time.Minute).Sub(now), false
	}
	return 0, true
}
