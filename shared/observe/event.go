package observe

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "k8s.io/apimachinery/pkg/util/json"
)

// eventKind reads events of both APIs into the older type, which every consumer knows.
var eventKind = kind{
	name: "Event", version: "v1", also: map[string]bool{"v1": true, "events.k8s.io/v1": true}, namespaced: true,
	read: func(o *Objects, raw json.RawMessage) error {
		var h head
		if err := kjson.Unmarshal(raw, &h); err != nil {
			return err
		}
		var e *corev1.Event
		if h.APIVersion == "events.k8s.io/v1" {
			var n eventsv1.Event
			if err := kjson.Unmarshal(raw, &n); err != nil {
				return err
			}
			e = olderEvent(&n)
		} else {
			e = &corev1.Event{}
			if err := kjson.Unmarshal(raw, e); err != nil {
				return err
			}
		}
		if e.Namespace == "" {
			e.Namespace = cmp.Or(e.InvolvedObject.Namespace, metav1.NamespaceDefault)
		}
		e.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Event"}
		Tidy(e)
		o.Events = append(o.Events, e)
		return nil
	},
	each: func(o *Objects, give func(any)) {
		for _, e := range o.Events {
			c := *e
			c.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Event"}
			give(&c)
		}
	},
	sort: func(o *Objects) {
		if !slices.IsSortedFunc(o.Events, compareEvents) {
			o.Events = slices.Clone(o.Events)
			slices.SortStableFunc(o.Events, compareEvents)
		}
	},
}

func olderEvent(n *eventsv1.Event) *corev1.Event {
	e := &corev1.Event{
		ObjectMeta: n.ObjectMeta, InvolvedObject: n.Regarding, Related: n.Related, Reason: n.Reason, Message: n.Note, Type: n.Type,
		Action: n.Action, EventTime: n.EventTime, ReportingController: n.ReportingController, ReportingInstance: n.ReportingInstance,
		Source: n.DeprecatedSource, FirstTimestamp: n.DeprecatedFirstTimestamp, LastTimestamp: n.DeprecatedLastTimestamp,
		Count: n.DeprecatedCount,
	}
	if n.Series != nil {
		e.Series = &corev1.EventSeries{Count: n.Series.Count, LastObservedTime: n.Series.LastObservedTime}
	}
	return e
}

func compareEvents(a, b *corev1.Event) int {
	return cmp.Or(LastSeen(a).Compare(LastSeen(b)), compareObjects(a, b), cmp.Compare(a.UID, b.UID),
		cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Message, b.Message))
}

// LastSeen is when an event happened for the last time. Its writers fill in different fields: the old recorder lastTimestamp, the
// new one eventTime and series.
func LastSeen(e *corev1.Event) time.Time {
	last := e.LastTimestamp.Time
	if e.Series != nil && e.Series.LastObservedTime.After(last) {
		last = e.Series.LastObservedTime.Time
	}
	for _, t := range []time.Time{e.EventTime.Time, e.FirstTimestamp.Time, e.CreationTimestamp.Time} {
		if last.IsZero() {
			last = t
		}
	}
	return last.UTC()
}

// FirstSeen is when an event happened for the first time.
func FirstSeen(e *corev1.Event) time.Time {
	for _, t := range []time.Time{e.FirstTimestamp.Time, e.EventTime.Time, e.CreationTimestamp.Time, e.LastTimestamp.Time} {
		if !t.IsZero() {
			return t.UTC()
		}
	}
	return time.Time{}
}

// Times is how often an event happened, at least once.
func Times(e *corev1.Event) int {
	n := int(e.Count)
	if e.Series != nil {
		n = max(n, int(e.Series.Count))
	}
	return max(n, 1)
}
