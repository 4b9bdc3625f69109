package observe

import (
	"bytes"
	"cmp"
	"slices"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"cce-oncall/shared/alarm"
)

// Sort puts every slice in its order: objects by namespace and name, alarms, events and changes by time, series by labels. Of
// two objects of one kind with the same namespace and name the last one counts.
func (s *Snapshot) Sort() {
	slices.SortStableFunc(s.Alarms, func(a, b alarm.Alarm) int {
		return cmp.Or(a.FiredAt.Compare(b.FiredAt), cmp.Compare(a.ID, b.ID), cmp.Compare(a.SN, b.SN), bytes.Compare(a.Raw, b.Raw))
	})
	for _, k := range kinds {
		k.sort(&s.Objects)
	}
	o := &s.Objects
	slices.SortStableFunc(o.Other, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(a.GetAPIVersion(), b.GetAPIVersion()), cmp.Compare(a.GetKind(), b.GetKind()), compareObjects(a, b))
	})
	keys := make([]string, len(s.Series))
	for i, x := range s.Series {
		keys[i] = x.order()
		points := x.Points
		if !slices.IsSortedFunc(points, comparePoints) {
			slices.SortStableFunc(points, comparePoints)
		}
	}
	sort.Stable(&byKey[Series]{keys, s.Series})
	slices.SortStableFunc(s.Logs, func(a, b Log) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Pod, b.Pod), cmp.Compare(a.Workload, b.Workload),
			cmp.Compare(a.Container, b.Container), compareBool(a.Previous, b.Previous))
	})
	slices.SortStableFunc(s.Changes, func(a, b Change) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Target.String(), b.Target.String()), cmp.Compare(a.Source, b.Source),
			cmp.Compare(a.Verb, b.Verb), cmp.Compare(a.Actor, b.Actor), cmp.Compare(a.Before, b.Before), cmp.Compare(a.After, b.After))
	})
	slices.Sort(s.Unreadable)
	s.Unreadable = slices.Compact(s.Unreadable)
	slices.Sort(s.Gaps)
	s.Gaps = slices.Compact(s.Gaps)
}

// Clone copies the slices but not what they point to: the copy may be sorted, filtered and given other alarms, while objects stay
// shared and must not be changed.
func (s *Snapshot) Clone() *Snapshot {
	c := *s
	c.Alarms = slices.Clone(s.Alarms)
	c.Series = slices.Clone(s.Series)
	for i := range c.Series {
		c.Series[i].Points = slices.Clone(c.Series[i].Points)
	}
	c.Logs = slices.Clone(s.Logs)
	c.Changes = slices.Clone(s.Changes)
	c.Unreadable = slices.Clone(s.Unreadable)
	c.Gaps = slices.Clone(s.Gaps)
	c.Objects.Other = slices.Clone(s.Objects.Other)
	c.freeze()
	return &c
}

func sortedObjects[T any, P object[T]](all []*T) []*T {
	byName := func(a, b *T) int { return compareObjects(P(a), P(b)) }
	out := all
	if !slices.IsSortedFunc(out, byName) {
		out = slices.Clone(all) // never reorder a slice that a reader may hold
		slices.SortStableFunc(out, byName)
	}
	same := func(a, b *T) bool {
		x, y := P(a), P(b)
		return x.GetName() != "" && x.GetNamespace() == y.GetNamespace() && x.GetName() == y.GetName()
	}
	for i := 1; i < len(out); i++ {
		if same(out[i-1], out[i]) {
			return lastOfEach(out, same)
		}
	}
	return out
}

func lastOfEach[T any](sorted []*T, same func(a, b *T) bool) []*T {
	var out []*T
	for i, x := range sorted {
		if i+1 == len(sorted) || !same(x, sorted[i+1]) {
			out = append(out, x)
		}
	}
	return out
}

func compareObjects(a, b metav1.Object) int {
	return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
}

func comparePoints(a, b Point) int { return a.At.Compare(b.At) }

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// byKey sorts values by keys computed once.
type byKey[T any] struct {
	keys   []string
	values []T
}

func (x *byKey[T]) Len() int           { return len(x.keys) }
func (x *byKey[T]) Less(i, j int) bool { return strings.Compare(x.keys[i], x.keys[j]) < 0 }
func (x *byKey[T]) Swap(i, j int) {
	x.keys[i], x.keys[j] = x.keys[j], x.keys[i]
	x.values[i], x.values[j] = x.values[j], x.values[i]
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
