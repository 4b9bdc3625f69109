package diagnose

import (
	"cmp"
	"slices"
	"time"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// Schedule is how long and how often to look after a change, and how many clean looks in a row make it converged.
type Schedule struct {
	Window   time.Duration
	Interval time.Duration
	Clean    int
}

const (
	// lag is what AOM and the metrics behind it may be late by before a cleared alarm can be seen.
	lag = 2 * time.Minute
	// Rules that do not say so are evaluated every minute and fire after three hits (CCE's recommended alarms).
	usualPeriod = time.Minute
	usualTimes  = 3
	cleanLooks  = 3
	// hopeless is how many looks in a row must show the same thing before waiting longer is given up: a pod that the scheduler has
	// refused, or something that got worse.
	hopeless = 2
)

// Window derives the schedule from the alarm's own rule: period × times until it could fire or clear again, its "for", and the lag.
func Window(r alarm.Rule) Schedule {
	period := cmp.Or(r.Period, usualPeriod)
	times := cmp.Or(r.Times, usualTimes)
	return Schedule{
		Window:   period*time.Duration(times) + r.For + lag,
		Interval: min(max(period/2, 10*time.Second), time.Minute),
		Clean:    cleanLooks,
	}
}

// Trial is a change under verification: the world as the plan saw it, the world now, and what was done in between.
type Trial struct {
	Before      *observe.Snapshot
	Now         *observe.Snapshot // its Alarms are the incident's, in their present state
	Incident    *incident.Incident
	Execution   *incident.Execution // with the looks so far
	AlarmsKnown bool                // AOM could be asked
	Plan        Schedule
}

// Verify is one look after a change. It is Converged only when the alarm's own state and the live world agree, several times in a
// row; what could not be seen is never taken for good.
func Verify(t Trial) incident.Verification {
	w := trial{Trial: t, cause: t.treated()}
	w.was, w.is = Judge(t.Before), Judge(t.Now)
	v := incident.Verification{At: t.Now.At, Needed: max(t.Plan.Clean, 1)}
	v.Checks = w.checks()
	v.Remaining = w.remaining()
	v.New = w.news()
	bad := slices.ContainsFunc(v.Checks, func(c incident.Check) bool { return c.State == bad })
	unknown := slices.ContainsFunc(v.Checks, func(c incident.Check) bool { return c.State == unknown })
	clean := !bad && !unknown && len(v.Remaining) == 0 && len(v.New) == 0
	if clean {
		v.Clean = w.cleanBefore() + 1
	}
	v.Outcome = w.outcome(v, clean, unknown)
	v.Final = w.final(v)
	if v.Final && v.Outcome == incident.Converged && v.Clean < v.Needed {
		v.Outcome = incident.Improving // clean at the last moment is not proof
	}
	if !v.Final {
		v.NextLook = t.Now.At.Add(t.Plan.Interval)
	}
	return v
}

type trial struct {
	Trial
	cause   incident.Finding
	was, is incident.Diagnosis
}

// treated is the cause that the carried out solution is for.
func (t Trial) treated() incident.Finding {
	for _, r := range t.Incident.Rounds {
		if r.Number != t.Execution.Round {
			continue
		}
		s, _ := r.Plan.Solution(t.Execution.Confirmation.Solution)
		if s.Cause >= 0 && s.Cause < len(r.Diagnosis.Causes) {
			return r.Diagnosis.Causes[s.Cause]
		}
	}
	return incident.Finding{}
}

func (w trial) lastLook() *incident.Verification {
	if n := len(w.Execution.Verification); n > 0 {
		return &w.Execution.Verification[n-1]
	}
	return nil
}

func (w trial) cleanBefore() int {
	if l := w.lastLook(); l != nil {
		return l.Clean
	}
	return 0
}

// remaining are the causes of this incident that are still there.
func (w trial) remaining() []incident.Finding {
	var out []incident.Finding
	for _, f := range w.is.Causes {
		if w.ours(f.Target) {
			out = append(out, f)
		}
	}
	return out
}

// ours are the objects that this incident is about: what its rounds named as causes, and what the steps changed.
func (w trial) ours(t incident.Target) bool {
	for _, r := range w.Incident.Rounds {
		for _, c := range r.Diagnosis.Causes {
			if c.Target.Same(t) {
				return true
			}
		}
	}
	return slices.ContainsFunc(w.Execution.Steps, func(s incident.StepRun) bool { return s.Step.Target.Same(t) })
}

// news are causes on other objects that were not there before and began after the change: something else got worse.
func (w trial) news() []incident.Finding {
	var out []incident.Finding
	for _, f := range w.is.Causes {
		if w.ours(f.Target) || f.Confidence < 0.6 || !f.Since.IsZero() && f.Since.Before(w.Execution.StartedAt) {
			continue
		}
		known := slices.ContainsFunc(slices.Concat(w.was.Causes, w.was.Effects), func(o incident.Finding) bool { return o.Target.Same(f.Target) })
		if !known {
			out = append(out, f)
		}
	}
	return out
}

// outcome compares now with before; clean means nothing is wrong and nothing is unknown.
func (w trial) outcome(v incident.Verification, clean, unknown bool) incident.Outcome {
	switch {
	case clean:
		return incident.Converged
	case len(v.New) > 0 || w.fewerReady():
		return incident.Worse
	case w.better():
		return incident.Improving
	case unknown:
		return incident.Inconclusive
	case w.causeGone(): // and everything could be seen: what is invisible is not gone
		return incident.Improving
	default:
		return incident.Unchanged
	}
}

// fewerReady says whether what was changed has fewer ready pods than before the change.
func (w trial) fewerReady() bool {
	before, _, known := readyOf(w.Before, w.focus())
	now, _, seen := readyOf(w.Now, w.focus())
	return known && seen && now < before
}

// better says whether more is ready, or the key metrics moved towards their limits by a tenth.
func (w trial) better() bool {
	before, _, known := readyOf(w.Before, w.focus())
	now, _, seen := readyOf(w.Now, w.focus())
	if known && seen && now > before {
		return true
	}
	for _, m := range keyMetrics {
		was, ok1 := peak(w.Before, m.name, w.focus(), time.Time{})
		is, ok2 := peak(w.Now, m.name, w.focus(), w.Execution.DoneAt)
		if ok1 && ok2 && was >= m.limit && is < was*0.9 {
			return true
		}
	}
	return false
}

// causeGone says whether what was treated is not named any more.
func (w trial) causeGone() bool {
	return !slices.ContainsFunc(w.is.Causes, func(f incident.Finding) bool { return f.Reason == w.cause.Reason && f.Target.Same(w.cause.Target) })
}

// final says whether waiting longer is of no use: enough clean looks, the window is over, or the same hopeless sight twice.
func (w trial) final(v incident.Verification) bool {
	if v.Outcome == incident.Converged && v.Clean >= v.Needed {
		return true
	}
	if !w.Now.At.Before(w.Execution.DoneAt.Add(w.Plan.Window)) {
		return true
	}
	looks := append(slices.Clone(w.Execution.Verification), v)
	if len(looks) < hopeless {
		return false
	}
	return !slices.ContainsFunc(looks[len(looks)-hopeless:], func(l incident.Verification) bool { return l.Outcome != incident.Worse && !stuck(l) })
}

// stuck is a look at which the alarm still fires and the scheduler has refused a pod of ours: capacity does not come by waiting.
func stuck(v incident.Verification) bool {
	firing := slices.ContainsFunc(v.Checks, func(c incident.Check) bool { return c.Name.EN == alarmCheck.EN && c.State == bad })
	refused := slices.ContainsFunc(v.Remaining, func(f incident.Finding) bool {
		return incident.Info(f.Reason).Domain == incident.Info("InsufficientCPU").Domain
	})
	return firing && refused
}
