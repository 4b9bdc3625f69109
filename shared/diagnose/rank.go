package diagnose

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"cce-oncall/shared/incident"
)

// What moves a cause up or down besides its confidence. The numbers are small against the confidence, so that they order what is
// about equally certain and never lift a guess above a fact.
const (
	wantedBonus   = 0.15 // an alarm, the scope or the question is about it or about something it explains
	freshBonus    = 0.10 // it began within two hours before the trouble was noticed
	stalePenalty  = 0.40 // it was there for more than half a day before
	blastBonus    = 0.05 // for each doubling of the objects it explains or affects, up to four
	coarsePenalty = 0.25 // it says that something fails, not why
	hintPenalty   = 0.30 // it breaks nobody
	systemPenalty = 0.05 // a part of the platform that nothing else depends on in this snapshot
	fresh         = 2 * time.Hour
)

// rank scores every finding. Symptoms stay below every cause.
func (v *view) rank(all []incident.Finding, root []int, reaches []*reachOf) []float64 {
	onset := v.onset(all)
	wanted := make([]bool, len(all))
	follow := make([]map[incident.Target]bool, len(all))
	for i := range all {
		follow[i] = map[incident.Target]bool{}
	}
	for i := range all {
		r := root[i]
		wanted[r] = wanted[r] || v.wanted(&all[i], reaches[i])
		if r != i && all[i].Target != all[r].Target { // its own symptoms make nothing reach farther
			follow[r][all[i].Target] = true
		}
	}
	scores := make([]float64, len(all))
	for i := range all {
		f := &all[i]
		s := f.Confidence
		if wanted[i] {
			s += wantedBonus
		}
		if !f.Since.IsZero() && !onset.IsZero() {
			switch before := onset.Sub(f.Since); {
			case before > early:
				s -= stalePenalty
			case before <= fresh:
				s += freshBonus
			}
		} else {
			s += freshBonus / 2 // a field says what is wrong, not since when
		}
		blast := len(follow[i])
		s += blastBonus * math.Min(4, math.Log2(float64(1+blast)))
		switch {
		case hints(f.Reason):
			s -= hintPenalty
		case coarse(f.Reason) || changes(f.Reason):
			s -= coarsePenalty
		}
		if system(f.Target.Namespace) && blast == 0 && !wanted[i] {
			s -= systemPenalty
		}
		if symptom(f.Reason) {
			s -= 2
		}
		scores[i] = s
	}
	return scores
}

// onset is when the trouble was first noticed: the first alarm that still fires, else the newest fault that has been there for
// less than a day, else unknown. What is much older than that is background.
func (v *view) onset(all []incident.Finding) time.Time {
	var t time.Time
	for _, a := range v.Alarms {
		if a.Active() && !informational(a) && !a.FiredAt.IsZero() && (t.IsZero() || a.FiredAt.Before(t)) && v.recent(a.FiredAt, 24*time.Hour) {
			t = a.FiredAt
		}
	}
	if !t.IsZero() {
		return t
	}
	for _, f := range all {
		if !f.Since.IsZero() && v.recent(f.Since, 24*time.Hour) && f.Since.After(t) {
			t = f.Since
		}
	}
	return t
}

// wanted says whether somebody asked about it: an alarm that fires, the scope, or a name in the question.
func (v *view) wanted(f *incident.Finding, r *reachOf) bool {
	if slices.ContainsFunc(f.Evidence, func(e incident.Evidence) bool { return e.Source == incident.FromAlarm }) {
		return true
	}
	if v.Scope.Name != "" && v.Scope.Name == f.Target.Name && (v.Scope.Namespace == "" || v.Scope.Namespace == f.Target.Namespace) {
		return true
	}
	if v.Scope.Name == "" && v.Scope.Namespace != "" && v.Scope.Namespace == f.Target.Namespace {
		return true
	}
	if v.Question == "" {
		return false
	}
	if named(v.Question, f.Target.Name) {
		return true
	}
	for w := range r.workloads {
		if named(v.Question, w.target.Name) {
			return true
		}
	}
	return false
}

// named says whether a text holds a name as a whole word. The text is data: nothing in it is followed.
func named(text, n string) bool {
	if len(n) < 3 {
		return false
	}
	for at := 0; ; {
		i := strings.Index(text[at:], n)
		if i < 0 {
			return false
		}
		i += at
		before := i == 0 || !nameByte(text[i-1])
		after := i+len(n) >= len(text) || !nameByte(text[i+len(n)])
		if before && after {
			return true
		}
		at = i + 1
	}
}

func nameByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-'
}

// byScore orders findings by the scores of the list they were taken from, equal ones by target and reason.
func byScore(some, all []incident.Finding, scores []float64) {
	type key struct {
		r incident.Reason
		t incident.Target
	}
	score := map[key]float64{}
	for i, f := range all {
		score[key{f.Reason, f.Target}] = scores[i]
	}
	slices.SortStableFunc(some, func(a, b incident.Finding) int {
		return cmp.Or(cmp.Compare(score[key{b.Reason, b.Target}], score[key{a.Reason, a.Target}]),
			compareTargets(a.Target, b.Target), cmp.Compare(a.Reason, b.Reason))
	})
}
