package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// Judge is the root-cause-analyzer: it runs every diagnoser, merges what they found, tells causes from effects and ranks the
// causes. The same snapshot gives the same diagnosis. A diagnoser that fails becomes a gap and takes nothing else with it.
func Judge(s *observe.Snapshot) incident.Diagnosis {
	d := incident.Diagnosis{At: s.At.UTC()}
	v, err := viewOf(s)
	if err != "" {
		d.Verdict, d.Gaps = incident.InsufficientEvidence, append(gaps(s), err)
		d.Look = []string{"the snapshot itself: it holds objects that could not be put in order"}
		return d
	}
	var found []incident.Finding
	d.Gaps = gaps(s)
	for _, k := range skills {
		f, failure := k.examine(v)
		found = append(found, f...)
		if failure != "" {
			d.Gaps = append(d.Gaps, failure)
		}
	}
	all := merge(found)
	v.absorbChanges(&all)
	v.attachAlarms(all)
	d.Causes, d.Effects = v.separate(all)
	d.Gaps = append(d.Gaps, v.missingLogs(d.Causes)...)
	slices.Sort(d.Gaps)
	d.Gaps = slices.Compact(d.Gaps)
	v.conclude(&d)
	return d
}

// viewOf builds the lookups; a snapshot with objects nobody can read (a pod without a name is fine, a nil is not) is a gap.
func viewOf(s *observe.Snapshot) (v *view, failure string) {
	defer func() {
		if p := recover(); p != nil {
			v, failure = nil, fmt.Sprintf("the snapshot could not be indexed: %s", quote(fmt.Sprint(p)))
		}
	}()
	return newView(s), ""
}

// examine runs one skill. Its panic is a gap, so that one broken object costs one skill and not the diagnosis.
func (k skill) examine(v *view) (found []incident.Finding, failure string) {
	defer func() {
		if p := recover(); p != nil {
			found, failure = nil, fmt.Sprintf("%s failed and could not judge: %s", k.name, quote(fmt.Sprint(p)))
		}
	}()
	found = k.run(v)
	for i := range found {
		found[i].Diagnoser = k.name
	}
	return found, ""
}

// merge makes one finding of all that say the same reason of the same object: evidence of each, confidence of all together.
func merge(found []incident.Finding) []incident.Finding {
	type key struct {
		reason incident.Reason
		target incident.Target
	}
	at := map[key]int{}
	var out []incident.Finding
	for _, f := range found {
		k := key{f.Reason, f.Target}
		i, seen := at[k]
		if !seen {
			at[k] = len(out)
			out = append(out, f)
			continue
		}
		out[i] = join(out[i], f)
	}
	slices.SortStableFunc(out, func(a, b incident.Finding) int {
		return cmp.Or(compareTargets(a.Target, b.Target), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}

// join adds b's evidence to a, which keeps its reason, target and words.
func join(a, b incident.Finding) incident.Finding {
	strength := max(strengthOf(a), strengthOf(b))
	a.Evidence = unite(a.Evidence, b.Evidence)
	sortEvidence(a.Evidence)
	a.Counter = unite(a.Counter, b.Counter)
	a.Affected = unite(a.Affected, b.Affected)
	slices.SortFunc(a.Affected, compareTargets)
	if a.Since.IsZero() || (!b.Since.IsZero() && b.Since.Before(a.Since)) {
		a.Since = b.Since
	}
	a.Facts = uniteFacts(a.Facts, b.Facts)
	a.Confidence = confidence(strength, a.Evidence, a.Counter)
	return a
}

func uniteFacts(a, b map[string]string) map[string]string {
	if len(b) == 0 {
		return a
	}
	out := map[string]string{}
	for k, x := range b {
		out[k] = x
	}
	for k, x := range a {
		out[k] = x
	}
	return out
}

func unite[T comparable](a, b []T) []T {
	out := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// attachAlarms cites every active alarm with the findings that speak of its object: it is one more kind of evidence.
func (v *view) attachAlarms(all []incident.Finding) {
	for _, a := range v.Alarms {
		if !a.Active() || informational(a) {
			continue
		}
		about := v.alarmTargets(a)
		for i := range all {
			f := &all[i]
			if !touchesAny(f, about) {
				continue
			}
			strength := strengthOf(*f)
			f.Evidence = unite(f.Evidence, []incident.Evidence{{
				Source: incident.FromAlarm, Target: f.Target, At: a.FiredAt.UTC(),
				Statement: fmt.Sprintf("alarm %s (%s) is firing", alarmName(a), a.Severity),
			}})
			sortEvidence(f.Evidence)
			f.Confidence = confidence(strength, f.Evidence, f.Counter)
		}
	}
}

func touchesAny(f *incident.Finding, about []incident.Target) bool {
	for _, t := range about {
		if f.Target == t || slices.Contains(f.Affected, t) {
			return true
		}
	}
	return false
}

// gaps are the sources that could not be asked.
func gaps(s *observe.Snapshot) []string {
	out := slices.Clone(s.Gaps)
	for _, u := range s.Unreadable {
		if !slices.ContainsFunc(s.Gaps, func(sentence string) bool { return speaksOf(sentence, u) }) {
			out = append(out, quote(u)+" could not be read")
		}
	}
	return out
}

// speaksOf says whether a sentence about a gap already names the source that could not be asked: the sentence says more.
func speaksOf(sentence, source string) bool {
	sentence, source = strings.ToLower(sentence), strings.ToLower(source)
	if source == "objects" && strings.HasPrefix(sentence, "the cluster could not be read") {
		return true
	}
	return strings.HasPrefix(sentence, source+" ") || strings.HasPrefix(sentence, "not all "+source+" ")
}

// missingLogs names the containers that ended without an explanation and whose output was not seen.
func (v *view) missingLogs(causes []incident.Finding) []string {
	var out []string
	for _, f := range causes {
		if f.Reason != incident.AppExitError && f.Reason != incident.InitContainerFailed {
			continue
		}
		if slices.ContainsFunc(f.Evidence, func(e incident.Evidence) bool { return e.Source == incident.FromLog }) {
			continue
		}
		if w := v.byTarget[f.Target]; w != nil && len(v.logsOf(w)) > 0 {
			continue
		}
		out = append(out, "previous logs of "+strings.ToLower(f.Target.Kind)+" "+f.Target.Namespace+"/"+f.Target.Name+" could not be read")
	}
	return out
}
