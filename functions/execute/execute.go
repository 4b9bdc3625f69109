package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/shared/advise"
	"cce-oncall/shared/alarm"
	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/record"
	"cce-oncall/shared/remediate"
	"cce-oncall/shared/tell"
)

const (
	sitting = 50 * time.Second // how long one run may wait in all: a longer wait is a new run
	reserve = 20 * time.Second // what a step and letting go may need before the run's deadline
	settle  = 3 * time.Second  // between looks at a step that has not settled
	failing = 10 * time.Second // after trouble that may pass

	turnTime = 20 * time.Second // how long a turn lasts without being renewed
	busyLook = 4 * time.Second  // between looks at a turn that another run has
)

// execution is the flow. Its fields are what it needs of the world; main fills them.
type execution struct {
	clusters config.Clusters
	limits   config.Policy
	paused   bool
	site     func(context.Context, config.Cluster, *record.Book) (*site, error)
	book     func(context.Context) *record.Book
	wake     wake
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
}

// site is one cluster as this flow needs it.
type site struct {
	cluster config.Cluster
	policy  incident.Policy
	turns   turns
	alarms  alarms
	look    look
	runner  *remediate.Runner
	advise  *advise.Adviser
	tell    *tell.Teller
	book    *record.Book
}

type turns interface {
	TryLock(ctx context.Context, name string) (unlock func(context.Context) error, ok bool, err error)
	Renew(ctx context.Context, name string) error
}

type alarms interface {
	Alarms(ctx context.Context, active bool, window time.Duration) ([]alarm.Alarm, error)
	Rule(ctx context.Context, name string) (alarm.Rule, error)
}

type look interface {
	Build(ctx context.Context, c incident.Cluster, scope observe.Scope, alarms []alarm.Alarm) *observe.Snapshot
}

type wake interface {
	Wake(ctx context.Context, role string, payload any) error
}

// Wakeup is the event: a pointer, never data.
type Wakeup struct {
	Cluster  string      `json:"cluster"`
	Incident incident.ID `json:"incident"`
	Decision string      `json:"decision,omitempty"`
}

// handle takes the incident's turn and moves it as far as it goes in one sitting. An error asks the platform to deliver again.
func (x *execution) handle(ctx context.Context, payload []byte) (any, error) {
	var w Wakeup
	if err := json.Unmarshal(payload, &w); err != nil {
		return functiongraph.Drop(ctx, payload, err), nil
	}
	k, ok := x.clusters.Find(w.Cluster)
	if !ok || w.Incident == "" {
		return functiongraph.Drop(ctx, payload, fmt.Errorf("cluster %q is not configured, or no incident is named", w.Cluster)), nil
	}
	log := zerolog.Ctx(ctx).With().Str("cluster", k.ID).Str("incident", string(w.Incident)).Logger()
	ctx = log.WithContext(ctx)
	s, err := x.site(ctx, k, x.book(ctx))
	if err != nil {
		return nil, err
	}
	result, err := x.inTurn(ctx, s, "incident-"+string(w.Incident), func(ctx context.Context) (string, error) { return x.sit(ctx, s, w) })
	if err == nil && result == again { // only now that the turn is given back: the next run need not wait for it
		if err := x.wake.Wake(context.WithoutCancel(ctx), "execute", w); err != nil {
			log.Error().Err(err).Msg("execute could not call itself; inspect will find it")
		}
	}
	return map[string]string{"result": result}, err
}

// What a run comes to, beside an incident's status.
const (
	again      = "again"      // execute calls itself
	busy       = "busy"       // another run has the turn
	superseded = "superseded" // another run went on with it
	missing    = "unknown"    // no such incident is on record
)

// inTurn does what only one run may do at a time. A turn whose holder died is free after the lease's time, which has to be waited for
// here: a new process cannot know how long the lease has been as it is.
func (x *execution) inTurn(ctx context.Context, s *site, name string, do func(context.Context) (string, error)) (string, error) {
	log := zerolog.Ctx(ctx)
	begin := x.now()
	for {
		unlock, mine, err := s.turns.TryLock(ctx, name)
		switch {
		case err != nil:
			return "", fmt.Errorf("take the turn %s: %w", name, err)
		case mine:
			defer func() {
				if err := unlock(context.WithoutCancel(ctx)); err != nil {
					log.Warn().Err(err).Msg("turn could not be given back; it runs out by itself")
				}
			}()
			ctx, stop := x.keep(ctx, s, name)
			defer stop()
			return do(ctx)
		case x.now().Sub(begin) > turnTime+busyLook || !fits(ctx, reserve):
			log.Info().Msg("another run has this incident's turn and is alive; nothing to do")
			return busy, nil
		}
		if err := x.sleep(ctx, busyLook); err != nil {
			return "", err
		}
	}
}

// keep renews the turn while it is used, and ends the context when it is lost.
func (x *execution) keep(ctx context.Context, s *site, name string) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for x.sleep(ctx, turnTime/4) == nil {
			if err := s.turns.Renew(ctx, name); err != nil && ctx.Err() == nil {
				zerolog.Ctx(ctx).Warn().Err(err).Msg("turn could not be renewed; letting go")
				cancel(err)
				return
			}
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}

// sit moves the incident step by step until it is done, waits for people, or the sitting is over; then execute calls itself.
func (x *execution) sit(ctx context.Context, s *site, w Wakeup) (string, error) {
	begin := x.now()
	for {
		inc, found, err := s.book.Load(ctx, s.cluster.ID, w.Incident, w.Decision)
		if err != nil {
			return "", err
		}
		if !found {
			zerolog.Ctx(ctx).Error().Msg("incident is not on record; nothing to do")
			return missing, nil
		}
		next, err := x.step(ctx, s, inc)
		if err != nil {
			if lost(err) {
				zerolog.Ctx(ctx).Warn().Err(err).Msg("turn was lost to another run; letting go")
				return superseded, nil
			}
			zerolog.Ctx(ctx).Error().Err(err).Msg("step did not succeed; it will be tried again")
			next = wait(failing)
		}
		if next.rest {
			return string(inc.Status(x.now())), nil
		}
		if x.now().Add(next.wait).Sub(begin) > sitting || !fits(ctx, next.wait+reserve) {
			return x.hop(ctx, s, w)
		}
		if err := x.sleep(ctx, next.wait); err != nil {
			return x.hop(ctx, s, w)
		}
	}
}

// next is what a step leaves to do: rest until somebody wakes us, or come again after a wait.
type next struct {
	rest bool
	wait time.Duration
}

var rest = next{rest: true}

func wait(d time.Duration) next { return next{wait: max(d, 0)} }

func fits(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > d
}

// lost says that another run has gone on with this incident.
func lost(err error) bool {
	var s record.ErrSuperseded
	return errors.As(err, &s) || errors.Is(err, remediate.ErrRaced)
}

// hop counts a call of execute by itself in the record: the platform has no loop protection of its own.
func (x *execution) hop(ctx context.Context, s *site, w Wakeup) (string, error) {
	ctx = context.WithoutCancel(ctx)
	inc, found, err := s.book.Load(ctx, s.cluster.ID, w.Incident, w.Decision)
	if err != nil {
		return "", err
	}
	if !found {
		return missing, nil
	}
	r := inc.Last()
	if inc.Closed != nil || r == nil || r.Execution == nil && !x.startable(r) {
		return string(inc.Status(x.now())), nil // nothing counts the calls here: inspect asks again at its own pace
	}
	if r.Execution != nil {
		hopped := *r.Execution
		hopped.Hops++
		hopped.HoppedAt = x.now().UTC()
		hopped.Seq++
		if err := s.book.SaveExecution(ctx, s.cluster.ID, &hopped); err != nil {
			if lost(err) {
				return superseded, nil
			}
			return "", err
		}
	}
	return again, nil
}

// startable says whether a round has a confirmation that may still begin.
func (x *execution) startable(r *incident.Round) bool {
	c := r.Consent().Confirmation
	return c != nil && x.now().Sub(c.At) <= time.Duration(x.limits.Expiry)
}

// step makes the one move that the facts call for.
func (x *execution) step(ctx context.Context, s *site, i *incident.Incident) (next, error) {
	r := i.Last()
	if i.Closed != nil {
		return x.finish(ctx, s, i)
	}
	if r == nil || r.Plan == nil && r.Execution == nil {
		return rest, nil // diagnose has not finished; its event is delivered again, or inspect raises it
	}
	consent := s.policy.Confirmed(i)
	e := r.Execution
	switch {
	case e == nil && consent.Rejected != nil:
		return x.end(ctx, s, i, incident.Rejected, rejected(*consent.Rejected))
	case e == nil && consent.Confirmation == nil:
		return x.await(ctx, s, i)
	case e == nil:
		return x.begin(ctx, s, i, *consent.Confirmation)
	case consent.Undo != nil && e.Undoable():
		return x.unwind(ctx, s, i)
	case e.DoneAt.IsZero():
		return x.advance(ctx, s, i, consent)
	case e.Unwinding:
		return x.unwound(ctx, s, i)
	case e.Failed != "" || e.Stopped != "":
		return x.broken(ctx, s, i)
	case (verdict(e) == nil || !verdict(e).Final) && e.Hops > x.limits.Hops:
		return x.end(ctx, s, i, incident.HandedOver, incident.Text{
			EN: fmt.Sprintf("Solution %s was carried out, and %d runs could not find out what came of it. A person must look.", e.Confirmation.Solution, e.Hops),
			ZH: fmt.Sprintf("方案%s已执行，但经过 %d 次运行仍无法确认结果，请人工检查。", e.Confirmation.Solution, e.Hops),
		})
	case verdict(e) == nil || !verdict(e).Final:
		return x.verify(ctx, s, i)
	default:
		return x.conclude(ctx, s, i)
	}
}

func verdict(e *incident.Execution) *incident.Verification {
	if len(e.Verification) == 0 {
		return nil
	}
	return &e.Verification[len(e.Verification)-1]
}
