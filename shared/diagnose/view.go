package diagnose

import (
	"cmp"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// view is a snapshot with the lookups that diagnosers share. It is built once a judgement and only read afterwards.
type view struct {
	*observe.Snapshot
	workloads []*workload // every controller and every bare pod, sorted by target
	byTarget  map[incident.Target]*workload
	owner     map[*corev1.Pod]*workload
	idx       *observe.Index
	configs   map[name]*corev1.ConfigMap
	spaces    map[string]bool // namespaces that exist, as far as objects tell
	inSpace   map[string][]*workload

	degradedAt map[*workload]time.Time // what degradedSince has found so far
	extremes   map[string]float64      // what extreme has found so far
	steps      map[*observe.Point]stepResult

	computed map[ratioKey][]observe.Series // what ratios has computed so far

	apps  func() *application
	lines func() []sign
	said  func() map[*workload][]sign // the same by who said it
}

type name struct{ namespace, name string }

func newView(s *observe.Snapshot) *view {
	v := &view{
		Snapshot: s, idx: s.Index(), byTarget: map[incident.Target]*workload{}, owner: map[*corev1.Pod]*workload{},
		configs: map[name]*corev1.ConfigMap{}, spaces: map[string]bool{}, inSpace: map[string][]*workload{}, degradedAt: map[*workload]time.Time{}, extremes: map[string]float64{}, steps: map[*observe.Point]stepResult{}, computed: map[ratioKey][]observe.Series{},
	}
	o := &s.Objects
	for _, x := range o.ConfigMaps {
		v.configs[name{x.Namespace, x.Name}] = x
	}
	for _, x := range o.Namespaces {
		v.spaces[x.Name] = true
	}
	for _, x := range o.Services {
		v.spaces[x.Namespace] = true
	}
	for _, x := range o.Pods {
		v.spaces[x.Namespace] = true
	}
	v.gatherWorkloads()
	v.apps = sync.OnceValue(func() *application { return newApplication(v) })
	v.lines = sync.OnceValue(func() []sign { return readSigns(v) })
	v.said = sync.OnceValue(func() map[*workload][]sign {
		out := map[*workload][]sign{}
		for _, s := range v.lines() {
			out[s.w] = append(out[s.w], s)
		}
		return out
	})
	return v
}

// eventsOf are the events about one object, oldest first.
func (v *view) eventsOf(t incident.Target) []*corev1.Event {
	return v.idx.EventsOf(t)
}

// lastEvent is the newest event about an object with one of the reasons, not older than the given time; nil when there is none.
func (v *view) lastEvent(t incident.Target, after time.Time, reasons ...string) *corev1.Event {
	all := v.eventsOf(t)
	for i := len(all) - 1; i >= 0; i-- {
		if slices.Contains(reasons, all[i].Reason) && (observe.LastSeen(all[i]).IsZero() || !observe.LastSeen(all[i]).Before(after)) {
			return all[i]
		}
	}
	return nil
}

// ago is a time before the snapshot.
func (v *view) ago(d time.Duration) time.Time { return v.At.Add(-d) }

// recent says whether something happened within the span before the snapshot.
func (v *view) recent(t time.Time, within time.Duration) bool {
	return !t.IsZero() && !t.Before(v.ago(within))
}

// happened says whether an event was seen within the span before the snapshot. One that carries no time at all is taken for new.
func (v *view) happened(e *corev1.Event, within time.Duration) bool {
	at := observe.LastSeen(e)
	return at.IsZero() || v.recent(at, within)
}

func (v *view) age(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return v.At.Sub(t)
}

func involved(e *corev1.Event) incident.Target {
	return incident.Target{Kind: e.InvolvedObject.Kind, Namespace: e.InvolvedObject.Namespace, Name: e.InvolvedObject.Name}
}

func podTarget(p *corev1.Pod) incident.Target {
	return incident.Target{Kind: "Pod", Namespace: p.Namespace, Name: p.Name}
}

func nodeTarget(n string) incident.Target { return incident.Target{Kind: "Node", Name: n} }

func serviceTarget(s *corev1.Service) incident.Target {
	return incident.Target{Kind: "Service", Namespace: s.Namespace, Name: s.Name}
}

func claimTarget(namespace, n string) incident.Target {
	return incident.Target{Kind: "PersistentVolumeClaim", Namespace: namespace, Name: n}
}

// clusterTarget is the cluster as a whole.
func (v *view) clusterTarget() incident.Target {
	n := v.Cluster.Label()
	if n == "" {
		n = "cluster"
	}
	return incident.Target{Kind: "Cluster", Name: n}
}

// system says whether a namespace belongs to the platform. CCE and Kubernetes keep their own parts there.
func system(namespace string) bool {
	switch namespace {
	case "kube-system", "kube-public", "kube-node-lease", "monitoring", "local-path-storage":
		return true
	}
	return false
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// unreadable says whether a source of this name could not be asked.
func (v *view) unreadable(source string) bool {
	return slices.ContainsFunc(v.Unreadable, func(s string) bool { return s == source || s == "objects" })
}
