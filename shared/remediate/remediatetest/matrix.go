package remediatetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/remediate"
)

// Scenario is one plan to be carried out in a world that can be made again and again.
type Scenario struct {
	Name string
	// World makes a fresh world whose calls pass through the cut.
	World func(cut *Cut) (World, error)
}

// World is what an execution acts on.
type World struct {
	Actions func() map[incident.ActionKind]remediate.Action // of one executor
	Steps   []incident.Step
	// State is everything the steps are meant to change, as text; neither marks nor versions nor what controllers add. It does
	// not pass the cut.
	State func() (string, error)
	// Settle lets controllers and clouds catch up. It does not pass the cut.
	Settle func() error
	// OneWay says that the steps cannot be taken back: going back is then only asked to leave things as they are.
	OneWay bool
	// Alike names a call as in every other world of the scenario, where it holds a name of this one; nil: as it is.
	Alike func(call string) string
	// Close throws the world away; nil where there is nothing to do.
	Close func() error
}

func (w World) alike(call string) string {
	if w.Alike == nil {
		return call
	}
	return w.Alike(call)
}

// way is what a run is asked to do.
type way string

const (
	forward way = "forward"
	there   way = "forward, then back" // the fault strikes on the way back
	instead way = "back instead"       // after the fault the plan is taken back, not resumed
)

// cell is one run of the matrix.
type cell struct {
	way   way
	fault Fault
	at    int
	call  string
	clean outcome // the undisturbed run of this way
	turn  int     // how many cells of its way and fault were drawn before it
}

// Matrix runs a scenario once undisturbed, then once for every call, fault and way, and returns everything that came out
// differently. Nothing returned means that the steps hold.
func Matrix(s Scenario) []error {
	cells, err := s.cells()
	if err != nil {
		return []error{err}
	}
	return s.check(cells)
}

// Sample runs a part of the matrix, drawn by the seed, where a world is too slow for all of it. Every fault on every way comes up
// as often as the others, as far as there are calls for it.
func Sample(s Scenario, runs int, seed uint64) []error {
	cells, err := s.cells()
	if err != nil {
		return []error{err}
	}
	draw := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a choice, not a secret
	draw.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
	seen := map[string]int{}
	for i, c := range cells {
		kind := string(c.way) + string(c.fault)
		cells[i].turn = seen[kind]
		seen[kind]++
	}
	slices.SortStableFunc(cells, func(a, b cell) int { return a.turn - b.turn })
	return s.check(cells[:min(runs, len(cells))])
}

// cells are all runs there are: what each way calls when nothing disturbs it.
func (s Scenario) cells() ([]cell, error) {
	var all []cell
	for _, w := range []way{forward, there, instead} {
		clean, err := s.run(w, &Cut{})
		if err != nil {
			return nil, fmt.Errorf("%s, %s, undisturbed: %w", s.Name, w, err)
		}
		for i, call := range clean.calls {
			for _, fault := range []Fault{DieBefore, DieAfter, FailBefore, FailAfter, Overtake} {
				all = append(all, cell{way: w, fault: fault, at: i + 1, call: call, clean: clean})
			}
		}
	}
	return all, nil
}

func (s Scenario) check(cells []cell) []error {
	var wrong []error
	for _, c := range cells {
		got, err := s.run(c.way, &Cut{at: c.at, fault: c.fault})
		if err == nil {
			err = got.compare(c.clean, c.way)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s, %s, %s call %d (%s): %w", s.Name, c.way, c.fault, c.at, c.call, err))
		}
	}
	return wrong
}

// outcome is how a run ended.
type outcome struct {
	calls   []string
	start   string
	state   string
	effects []string // each write that changed the state, in order
	states  []incident.Execution
	oneWay  bool
}

// run carries a plan out in a fresh world with one fault.
func (s Scenario) run(w way, cut *Cut) (out outcome, err error) {
	r := &run{cut: cut, store: &Store{fenced: true}}
	if r.world, err = s.World(cut); err != nil {
		return out, fmt.Errorf("making a world: %w", err)
	}
	if r.world.Close != nil {
		defer func() { err = errors.Join(err, r.world.Close()) }()
	}
	if out.start, err = r.world.State(); err != nil {
		return out, err
	}
	out.oneWay = r.world.OneWay
	first := Confirmed(r.world.Steps)
	if err := r.store.put(first); err != nil {
		return out, err
	}
	r.watch(out.start)
	cut.overtake = func() { r.overtaken(w) }
	if w == there { // undisturbed until everything is done
		at := cut.at
		cut.at = 0
		if err := r.toEnd(r.runner(&Cut{}), false); err != nil {
			return out, err
		}
		cut.at, cut.calls = at, nil
	}
	out.calls, err = r.disturbed(w)
	out.effects, out.states = r.effects, r.store.all()
	if err != nil {
		return out, err
	}
	if out.state, err = r.world.State(); err != nil {
		return out, err
	}
	return out, r.broken
}

// Confirmed is an execution of steps as it is before anything has happened.
func Confirmed(steps []incident.Step) *incident.Execution {
	x := &incident.Execution{Incident: "20261122-test", Round: 1, Seq: 1, StartedAt: epoch, Deadline: epoch.Add(24 * time.Hour)}
	x.Confirmation = incident.Confirmation{Solution: "A", Digest: incident.Solution{ID: "A", Steps: steps}.Digest(x.Incident), At: epoch}
	for _, step := range steps {
		x.Steps = append(x.Steps, incident.StepRun{Step: step, State: incident.StepPending})
	}
	return x
}

// Epoch is the clock of every run: it stands still, so that no patience runs out.
func Epoch() time.Time { return epoch }

// epoch is when every run begins.
var epoch = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

// run is one plan on its way.
type run struct {
	cut     *Cut
	world   World
	store   *Store
	seen    string
	effects []string
	broken  error // a law was broken on the way
	late    bool  // an executor has been overtaken
}

func (r *run) runner(cut *Cut) *remediate.Runner {
	return &remediate.Runner{Actions: r.world.Actions(), Store: through{r.store, cut}, Now: Epoch}
}

// watch looks at the state after every write and asks that the record knew of it before.
func (r *run) watch(start string) {
	r.seen = start
	r.cut.after = func(call string, write bool) {
		if !write {
			return
		}
		now, err := r.world.State()
		if err != nil || now == r.seen {
			r.broken = errors.Join(r.broken, err)
			return
		}
		r.seen = now
		r.effects = append(r.effects, r.world.alike(call))
		x, err := r.store.last()
		if err != nil {
			r.broken = errors.Join(r.broken, err)
			return
		}
		if r.world.OneWay && r.late {
			return // nothing in the world can hold a late eviction or a late target of a pool: the lease does
		}
		if !slices.ContainsFunc(x.Steps, func(s incident.StepRun) bool {
			return s.State == incident.StepPrepared || s.State == incident.StepUndoing
		}) {
			r.broken = errors.Join(r.broken, fmt.Errorf("%s changed the world before its intent was in the record", call))
		}
	}
}

// disturbed goes on until the fault has struck or the end is reached, then to the end without one. It returns the calls that
// a fault could have struck.
func (r *run) disturbed(w way) ([]string, error) {
	killed, err := survive(func() error { return r.toEnd(r.runner(r.cut), w == there) })
	calls := slices.Clone(r.cut.calls)
	if err == nil && w != instead {
		return calls, nil
	}
	if !killed && err != nil && !expected(err) {
		return calls, err
	}
	r.cut.at = 0
	return calls, r.toEnd(r.runner(&Cut{}), w != forward)
}

// expected errors end one run of the function; the next one resumes.
func expected(err error) bool {
	var fault errFault
	return errors.As(err, &fault) || errors.Is(err, errFenced) || errors.Is(err, remediate.ErrRaced)
}

// tooLong is how many runs of the function any plan here may take.
const tooLong = 60

// toEnd starts the function again and again from the record until it says that it is done.
func (r *run) toEnd(runner *remediate.Runner, back bool) error {
	for range tooLong {
		x, err := r.store.last()
		if err != nil {
			return err
		}
		if back && !x.Unwinding {
			remediate.Unwind(x)
		}
		done, err := runner.Advance(context.Background(), x)
		if err != nil {
			return err
		}
		if done {
			return nil
		}
		if err := r.world.Settle(); err != nil {
			return fmt.Errorf("settling: %w", err)
		}
		r.seen, err = r.world.State()
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("not done after %d runs", tooLong)
}

// overtaken lets another executor finish, while the one at hand stands still in the middle of a call.
func (r *run) overtaken(w way) {
	at := r.cut.at
	r.cut.at = 0
	defer func() { r.late = true }()
	if err := r.toEnd(r.runner(&Cut{}), w != forward); err != nil {
		r.broken = errors.Join(r.broken, fmt.Errorf("overtaking at call %d: %w", at, err))
	}
}

// compare asks for the end state and the effects of the undisturbed run, and for a complete record.
func (o outcome) compare(clean outcome, w way) error {
	want := clean.state
	if w == instead && !o.oneWay {
		want = clean.start
	}
	var wrong []error
	if o.state != want && (w != instead || !o.oneWay) {
		wrong = append(wrong, fmt.Errorf("ended as\n%s\nwant\n%s", o.state, want))
	}
	if w != instead {
		if diff := differ(clean.effects, o.effects); diff != "" {
			wrong = append(wrong, errors.New(diff))
		}
	} else if err := paired(o.effects, clean.effects, o.oneWay); err != nil {
		wrong = append(wrong, err)
	}
	return errors.Join(append(wrong, complete(o.states))...)
}

// differ compares two lists of effects without regard to order.
func differ(want, got []string) string {
	a, b := slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	if slices.Equal(a, b) {
		return ""
	}
	return fmt.Sprintf("effects were\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
}

// paired: what was taken back before its end must have happened at most as often as in an undisturbed run, there and back. With
// a way back for every step it must have been taken back as often as it happened.
func paired(effects, clean []string, oneWay bool) error {
	count, most := map[string]int{}, map[string]int{}
	for _, e := range clean {
		most[e]++
	}
	for _, e := range effects {
		count[e]++
	}
	for e, n := range count {
		limit := most[e]
		if oneWay { // taken back earlier, it may be taken back where the undisturbed run could not any more
			limit = 2 * max(limit, 1)
		}
		if n > limit || !oneWay && n%2 != 0 {
			return fmt.Errorf("%s took effect %d times", e, n)
		}
	}
	return nil
}

// complete asks that no state is missing from the record and that every step went through its states in order.
func complete(states []incident.Execution) error {
	legal := map[incident.StepState][]incident.StepState{
		incident.StepPending:  {incident.StepPrepared, incident.StepFailed},
		incident.StepPrepared: {incident.StepApplied, incident.StepSettled, incident.StepFailed, incident.StepUndoing, incident.StepPending},
		incident.StepApplied:  {incident.StepSettled, incident.StepFailed, incident.StepUndoing},
		incident.StepSettled:  {incident.StepUndoing},
		incident.StepFailed:   {incident.StepUndoing},
		incident.StepUndoing:  {incident.StepUndone, incident.StepUndoFailed},
	}
	for i := 1; i < len(states); i++ {
		if states[i].Seq != states[i-1].Seq+1 {
			return fmt.Errorf("the record jumps from state %d to %d", states[i-1].Seq, states[i].Seq)
		}
		for k, now := range states[i].Steps {
			before := states[i-1].Steps[k]
			if now.State != before.State && !slices.Contains(legal[before.State], now.State) {
				return fmt.Errorf("step %s went from %s to %s", now.Step.ID, before.State, now.State)
			}
		}
	}
	last := states[len(states)-1]
	if last.DoneAt.IsZero() {
		return errors.New("the record does not end")
	}
	return nil
}
