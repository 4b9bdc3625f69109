package remediatetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/remediate"
)

// Race lets executors carry out one plan at once, as when a wake is delivered twice and the lease is lost, in an order that the
// seed shakes. Fenced, the store keeps each state once, and the record must be complete; otherwise only the world is asked:
// the end state and one effect a step, whatever the record says.
func Race(s Scenario, seed uint64, executors int, fenced bool) error {
	clean, err := s.run(forward, &Cut{})
	if err != nil {
		return fmt.Errorf("%s, undisturbed: %w", s.Name, err)
	}
	cut := &Cut{pace: shake(seed)}
	world, err := s.World(cut)
	if err != nil {
		return fmt.Errorf("making a world: %w", err)
	}
	defer func() {
		if world.Close != nil {
			err = errors.Join(err, world.Close())
		}
	}()
	store := &Store{fenced: fenced}
	if err := store.put(Confirmed(world.Steps)); err != nil {
		return err
	}
	writes := &counted{world: world, seen: clean.start}
	cut.after, cut.writing = writes.after, &writes.mu
	var all sync.WaitGroup
	results := make([]error, executors)
	for i := range executors {
		all.Go(func() { results[i] = race(world, store, cut, writes.settle) })
	}
	all.Wait()
	if err := errors.Join(append(results, writes.err)...); err != nil {
		return fmt.Errorf("%s, seed %d: %w", s.Name, seed, err)
	}
	state, err := world.State()
	if err != nil {
		return err
	}
	if state != clean.state {
		return fmt.Errorf("%s, seed %d: ended as\n%s\nwant\n%s", s.Name, seed, state, clean.state)
	}
	if diff := differ(clean.effects, writes.effects); diff != "" {
		return fmt.Errorf("%s, seed %d: %s", s.Name, seed, diff)
	}
	if fenced {
		return complete(store.all())
	}
	return nil
}

// race is one executor: it goes on from the record until the record says that all is done.
func race(w World, store *Store, cut *Cut, settle func() error) error {
	runner := &remediate.Runner{Actions: w.Actions(), Store: through{store, cut}, Now: Epoch}
	for range 50 * tooLong {
		x, err := store.last()
		if err != nil {
			return err
		}
		done, err := runner.Advance(context.Background(), x)
		switch {
		case err != nil && !expected(err):
			return err
		case done && err == nil:
			return store.failed(x)
		}
		if err := settle(); err != nil {
			return err
		}
		runtime.Gosched()
	}
	return fmt.Errorf("not done after %d runs", 50*tooLong)
}

// failed: without a fence an executor that came late may write down that it found its own work done by somebody else.
func (s *Store) failed(x *incident.Execution) error {
	if x.Failed != "" && s.fenced {
		return fmt.Errorf("ended as failed: %s", x.Failed)
	}
	return nil
}

// shake yields a random number of times at every call.
func shake(seed uint64) func() {
	r := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // an order, not a secret
	return func() {
		for range r.IntN(4) {
			runtime.Gosched()
		}
	}
}

// counted notes the writes that changed the state. The lock is held during each write, so that a change is noted for the write
// that made it; reads and the time between a read and a write stay open to the race.
type counted struct {
	mu      sync.Mutex
	world   World
	seen    string
	effects []string
	err     error
}

// settle lets the controllers go on; what they change is no effect of a step.
func (c *counted) settle() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.world.Settle(); err != nil {
		return err
	}
	now, err := c.world.State()
	c.seen = now
	return err
}

func (c *counted) after(call string, write bool) {
	if !write {
		return
	}
	now, err := c.world.State()
	if err != nil {
		c.err = errors.Join(c.err, err)
		return
	}
	if now != c.seen {
		c.seen = now
		c.effects = append(c.effects, c.world.alike(call))
	}
}
