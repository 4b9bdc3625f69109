package lark

import (
	"slices"
	"time"
)

// The platform's figures.
const (
	apiPerSecond = 50   // per API, app and tenant
	apiPerMinute = 1000 // per API, app and tenant
	chatPerSec   = 5    // to one group, shared by all bots in it
	userPerSec   = 5    // to one person
	messageQPS   = 5    // updates of, and pins on, one message

	cardBytes = 30 << 10  // interactive and post content
	textBytes = 150 << 10 // text content
	imageSize = 10 << 20
	fileSize  = 30 << 20

	uuidLife     = time.Hour
	cardLife     = 14 * 24 * time.Hour // clicks and updates of a 2.0 card
	tokenLife    = 2 * time.Hour
	tokenRenew   = 30 * time.Minute // below this much left a new one is issued
	updateLife   = 30 * time.Minute // token of a click
	updateUses   = 2
	answerWithin = 3 * time.Second // events and callbacks
	proveWithin  = time.Second     // url_verification
)

// retryAfter is when an event that was not answered with 200 is sent again.
var retryAfter = []time.Duration{15 * time.Second, 5 * time.Minute, time.Hour, 6 * time.Hour}

// window counts what happened lately under one key.
type window struct{ times []time.Time }

// room reports whether fewer than n things happened within per before now, and
// otherwise how long until there is room.
func (w *window) room(now time.Time, n int, per time.Duration) (bool, time.Duration) {
	since := now.Add(-per)
	recent := slices.IndexFunc(w.times, func(t time.Time) bool { return t.After(since) })
	if recent < 0 || len(w.times)-recent < n {
		return true, 0
	}
	return false, w.times[len(w.times)-n].Sub(since)
}

func (w *window) add(now time.Time) {
	since := now.Add(-time.Minute)
	w.times = slices.DeleteFunc(w.times, func(t time.Time) bool { return !t.After(since) })
	w.times = append(w.times, now)
}

// take uses one unit of the limit under key. The mutex is held.
func (s *Server) take(key string, n int, per time.Duration) bool {
	if s.behaviour.Unlimited {
		return true
	}
	w := s.window(key)
	ok, _ := w.room(s.now(), n, per)
	if ok {
		w.add(s.now())
	}
	return ok
}

func (s *Server) window(key string) *window {
	w := s.windows[key]
	if w == nil {
		w = &window{}
		s.windows[key] = w
	}
	return w
}

// gateway applies the per-API limits and says how many seconds to wait.
func (s *Server) gateway(op string) (limit, wait int) {
	if s.behaviour.Unlimited {
		return 0, 0
	}
	w, now := s.window("api/"+op), s.now()
	if ok, left := w.room(now, apiPerSecond, time.Second); !ok {
		return apiPerSecond, seconds(left)
	}
	if ok, left := w.room(now, apiPerMinute, time.Minute); !ok {
		return apiPerMinute, seconds(left)
	}
	w.add(now)
	return 0, 0
}

// seconds rounds up: a caller that waits so long finds room.
func seconds(d time.Duration) int {
	return max(1, int((d+time.Second-1)/time.Second))
}

// SpendChat uses up n of the five messages a second that all bots of a group
// share, as another bot would.
func (s *Server) SpendChat(chat string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.window("chat/" + chat).add(s.now())
	}
}
