package remediatetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"cce-oncall/shared/incident"
)

// errFenced is the refusal of a state that another executor has written.
var errFenced = errors.New("this state of the execution was written by another executor")

// Store keeps every state of one execution, as the archive does. Fenced, it lets each Seq be written once; otherwise the last
// one wins, as in a bucket without conditions.
type Store struct {
	mu     sync.Mutex
	states []incident.Execution
	fenced bool
}

// through is the store as one executor reaches it.
type through struct {
	*Store
	cut *Cut
}

// Save keeps a copy of a state; it passes the cut.
func (s through) Save(_ context.Context, x *incident.Execution) error {
	return s.cut.Do(fmt.Sprintf("save %d", x.Seq), false, func() error { return s.put(x) })
}

func (s *Store) put(x *incident.Execution) error {
	kept, err := clone(x)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fenced && len(s.states) > 0 && x.Seq <= s.states[len(s.states)-1].Seq {
		return errFenced
	}
	s.states = append(s.states, *kept)
	return nil
}

// last is the newest state, as a process that starts anew reads it.
func (s *Store) last() (*incident.Execution, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := 0
	for i := range s.states {
		if s.states[i].Seq >= s.states[newest].Seq {
			newest = i
		}
	}
	return clone(&s.states[newest])
}

func (s *Store) all() []incident.Execution {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]incident.Execution(nil), s.states...)
}

// clone passes through JSON, as every record does.
func clone(x *incident.Execution) (*incident.Execution, error) {
	b, err := json.Marshal(x)
	if err != nil {
		return nil, fmt.Errorf("encoding an execution: %w", err)
	}
	var out incident.Execution
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, fmt.Errorf("decoding an execution: %w", err)
	}
	return &out, nil
}
