package kube

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLeaseRace(t *testing.T) {
	const racers, rounds = 8, 40
	store, client := newLeases()
	all := make([]*Lease, racers)
	for i := range all {
		all[i], _ = newLease(client, fmt.Sprint("racer-", i))
	}
	for round := range rounds {
		name := fmt.Sprint("target-", round/2) // odd rounds race for a lease that was given back
		var winners atomic.Int32
		unlocks := make([]func(context.Context) error, racers)
		var start, done sync.WaitGroup
		start.Add(1)
		for i, l := range all {
			done.Go(func() {
				start.Wait()
				unlock, ok, err := l.TryLock(context.Background(), name)
				if err != nil {
					t.Errorf("racer %d: %v", i, err)
				}
				if ok {
					winners.Add(1)
					unlocks[i] = unlock
				}
			})
		}
		start.Done()
		done.Wait()
		if n := winners.Load(); n != 1 {
			t.Fatalf("round %d: %d winners", round, n)
		}
		for i, unlock := range unlocks {
			if unlock == nil {
				continue
			}
			if !strings.HasPrefix(store.holder(name), fmt.Sprint("racer-", i, "/")) {
				t.Errorf("racer %d won, the lease says %s", i, store.holder(name))
			}
			if err := unlock(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestLeaseRaceForADeadHoldersLease(t *testing.T) {
	const racers = 8
	_, client := newLeases()
	dead, _ := newLease(client, "dead")
	if _, got := try(t, dead, "web"); got != "got" {
		t.Fatal(got)
	}
	all := make([]*Lease, racers)
	for i := range all {
		l, c := newLease(client, fmt.Sprint("racer-", i))
		if _, got := try(t, l, "web"); got != "held" {
			t.Fatal(got)
		}
		c.move(2 * time.Minute)
		all[i] = l
	}
	var winners atomic.Int32
	var start, done sync.WaitGroup
	start.Add(1)
	for _, l := range all {
		done.Go(func() {
			start.Wait()
			if _, ok, err := l.TryLock(context.Background(), "web"); err != nil {
				t.Error(err)
			} else if ok {
				winners.Add(1)
			}
		})
	}
	start.Done()
	done.Wait()
	if n := winners.Load(); n != 1 {
		t.Errorf("%d winners", n)
	}
}

func TestOneLeaseOfManyGoroutines(t *testing.T) {
	_, client := newLeases()
	l, _ := newLease(client, "a")
	var winners atomic.Int32
	var done sync.WaitGroup
	for range 16 {
		done.Go(func() {
			if _, ok, err := l.TryLock(context.Background(), "web"); err != nil {
				t.Error(err)
			} else if ok {
				winners.Add(1)
			}
		})
	}
	done.Wait()
	if n := winners.Load(); n != 1 {
		t.Errorf("%d winners", n)
	}
}
