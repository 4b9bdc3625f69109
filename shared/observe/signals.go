package observe

import (
	"slices"
	"strings"
	"time"

	"cce-oncall/shared/incident"
)

// seriesLabels are the labels that say what a series is about, with the kind they stand for.
// A series may carry several: a container's series names its pod and its node.
var seriesLabels = []string{"pod", "workload", "node", "persistentvolumeclaim", "service"}

func (x *Index) indexSignals() {
	for i, s := range x.s.Series {
		name := s.Name()
		x.series[name] = append(x.series[name], i)
		for _, l := range seriesLabels {
			if v := s.Labels[l]; v != "" {
				k := aboutKey{name, l, s.Labels["namespace"], v}
				if l == "node" { // nodes have no namespace; the label is then the exporter's or the container's
					k.namespace = ""
				}
				x.about[k] = append(x.about[k], i)
			}
		}
	}
	for i, l := range x.s.Logs {
		t := key("Pod", l.Namespace, l.Pod)
		if l.Pod == "" {
			t = key("workload", l.Namespace, plainWorkload(l.Workload))
		}
		x.logs[t] = append(x.logs[t], i)
	}
	for i, c := range x.s.Changes {
		x.changes[bare(c.Target)] = append(x.changes[bare(c.Target)], i)
	}
}

// plainWorkload is a workload's name without a kind before it: series and logs may say "web" or "Deployment/web".
func plainWorkload(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// Series are the series of a metric that carry all the wanted labels, in the order of the snapshot.
func (x *Index) Series(metric string, want map[string]string) []Series {
	var out []Series
next:
	for _, i := range x.series[metric] {
		s := x.s.Series[i]
		for k, v := range want {
			if s.Labels[k] != v {
				continue next
			}
		}
		out = append(out, s)
	}
	return out
}

// SeriesOf are the series of a metric about an object: a Pod, a Node, a PersistentVolumeClaim, a Service, or a workload, for which
// the series of the workload itself come first and those of its pods after them.
func (x *Index) SeriesOf(metric string, t incident.Target) []Series {
	label := map[string]string{"Pod": "pod", "Node": "node", "PersistentVolumeClaim": "persistentvolumeclaim", "Service": "service"}[t.Kind]
	if label == "" {
		label = "workload"
	}
	var at []int
	if label == "workload" {
		at = slices.Concat(x.about[aboutKey{metric, label, t.Namespace, t.Name}], x.about[aboutKey{metric, label, t.Namespace, t.Kind + "/" + t.Name}])
		for _, p := range x.PodsOf(t) {
			at = append(at, x.about[aboutKey{metric, "pod", p.Namespace, p.Name}]...)
		}
		for _, n := range x.unseen[bare(t)] {
			at = append(at, x.about[aboutKey{metric, "pod", t.Namespace, n}]...)
		}
	} else {
		at = x.about[aboutKey{metric, label, t.Namespace, t.Name}]
		if len(at) == 0 { // some sources leave the namespace out
			at = x.about[aboutKey{metric, label, "", t.Name}]
		}
	}
	out := make([]Series, 0, len(at))
	for _, i := range at {
		out = append(out, x.s.Series[i])
	}
	return out
}

// Metrics are the names of all series, sorted.
func (x *Index) Metrics() []string { return sortedKeys(x.series) }

// LogsOf are the logs of a pod, or of a workload: its own and those of its pods.
func (x *Index) LogsOf(t incident.Target) []Log {
	var at []int
	if t.Kind == "Pod" {
		at = x.logs[bare(t)]
	} else {
		at = slices.Clone(x.logs[key("workload", t.Namespace, t.Name)])
		for _, p := range x.PodsOf(t) {
			at = append(at, x.logs[key("Pod", p.Namespace, p.Name)]...)
		}
		for _, n := range x.unseen[bare(t)] {
			at = append(at, x.logs[key("Pod", t.Namespace, n)]...)
		}
	}
	out := make([]Log, 0, len(at))
	for _, i := range at {
		out = append(out, x.s.Logs[i])
	}
	return out
}

// ChangesOf are the changes of any of these objects, oldest first.
func (x *Index) ChangesOf(all ...incident.Target) []Change {
	var at []int
	for _, t := range all {
		at = append(at, x.changes[bare(t)]...)
	}
	slices.Sort(at)
	at = slices.Compact(at)
	out := make([]Change, 0, len(at))
	for _, i := range at {
		out = append(out, x.s.Changes[i])
	}
	return out
}

// ChangesNear are the changes that may bear on an object within a time before the snapshot: of the object, its controller on top,
// its autoscalers, and of the ConfigMaps, Secrets, quotas and network policies of its namespace; oldest first.
func (x *Index) ChangesNear(t incident.Target, within time.Duration) []Change {
	top := x.TopOf(t)
	from := x.s.At.Add(-within)
	var out []Change
	for _, c := range x.s.Changes {
		if c.At.Before(from) || c.At.After(x.s.At) {
			continue
		}
		same := bare(c.Target) == bare(t) || bare(x.TopOf(c.Target)) == bare(top)
		around := false
		switch c.Target.Kind {
		case "ConfigMap", "Secret", "ResourceQuota", "LimitRange", "NetworkPolicy", "Service", "ServiceAccount":
			around = c.Target.Namespace == t.Namespace && t.Namespace != ""
		case "Namespace":
			around = c.Target.Name == t.Namespace
		case "Node", "NodePool":
			around = t.Kind == "Node" || t.Kind == "NodePool"
		}
		if same || around {
			out = append(out, c)
		}
	}
	return out
}

// Last is the newest sample of a series; ok is false where it has none.
func (x Series) Last() (p Point, ok bool) {
	if len(x.Points) == 0 {
		return Point{}, false
	}
	return x.Points[len(x.Points)-1], true
}

// Between are the samples from a time up to and including another.
func (x Series) Between(from, to time.Time) []Point {
	i, _ := slices.BinarySearchFunc(x.Points, from, func(p Point, t time.Time) int { return p.At.Compare(t) })
	j := i
	for j < len(x.Points) && !x.Points[j].At.After(to) {
		j++
	}
	return x.Points[i:j]
}
