package lark

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Clock is all the server knows of time.
type Clock interface {
	// Now is the current time.
	Now() time.Time
	// Timer delivers once after d. stop frees it and may be called repeatedly.
	Timer(d time.Duration) (fired <-chan time.Time, stop func())
}

// WallClock is the clock of the machine.
type WallClock struct{}

// Now implements Clock.
func (WallClock) Now() time.Time { return time.Now() }

// Timer implements Clock.
func (WallClock) Timer(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// ManualClock moves only when told to.
type ManualClock struct {
	mu      sync.Mutex
	now     time.Time
	pending []*manualTimer
	changed chan struct{}
}

type manualTimer struct {
	at time.Time
	c  chan time.Time
}

// NewManualClock stands at start until it is advanced.
func NewManualClock(start time.Time) *ManualClock {
	return &ManualClock{now: start, changed: make(chan struct{})}
}

// Now implements Clock.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Timer implements Clock.
func (c *ManualClock) Timer(d time.Duration) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &manualTimer{at: c.now.Add(d), c: make(chan time.Time, 1)}
	if d <= 0 {
		t.c <- c.now
		return t.c, func() {}
	}
	c.pending = append(c.pending, t)
	c.announce()
	return t.c, func() { c.drop(t) }
}

// Advance moves the clock and fires every timer that is then due.
func (c *ManualClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.pending = slices.DeleteFunc(c.pending, func(t *manualTimer) bool {
		if t.at.After(c.now) {
			return false
		}
		t.c <- c.now
		return true
	})
	c.announce()
}

// AwaitTimers returns when at least n timers are pending, so that a test can
// advance the clock after the code under test has begun to wait.
func (c *ManualClock) AwaitTimers(ctx context.Context, n int) error {
	for {
		c.mu.Lock()
		enough, changed := len(c.pending) >= n, c.changed
		c.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *ManualClock) drop(t *manualTimer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = slices.DeleteFunc(c.pending, func(o *manualTimer) bool { return o == t })
	c.announce()
}

// announce wakes AwaitTimers. The mutex is held.
func (c *ManualClock) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}
