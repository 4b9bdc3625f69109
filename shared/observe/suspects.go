package observe

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// suspects is where the second pass looks: what alarms and the question point to, and what looks wrong by itself.
type suspects struct {
	index      *Index
	workloads  []incident.Target // the most suspect first
	pods       []*corev1.Pod     // of these workloads, the worst first within each
	nodes      map[string]bool
	namespaces map[string]bool
}

// Weights of suspicion: what somebody asked about comes before what merely looks odd.
const (
	askedFor   = 1000
	inScope    = 400
	failing    = 100
	unready    = 60
	unsettled  = 30
	neighbour  = 10
	mostOfRank = 8 // pods of one workload that are looked at
)

// suspects ranks the workloads of the cluster and takes the worst, as many as Limits allow.
func (l *look) suspects() *suspects {
	x := newIndex(l.s) // not Snapshot.Index: the snapshot is still growing
	s := &suspects{index: x, nodes: map[string]bool{}, namespaces: map[string]bool{}}
	weight := map[incident.Target]int{}
	for _, t := range l.asked(x) {
		l.ask(s, weight, t)
	}
	for _, p := range l.s.Objects.Pods {
		if w := suspicion(p, l.s.At); w > 0 {
			top := x.WorkloadOf(p)
			weight[top] = max(weight[top], w)
		}
	}
	l.weighControllers(weight)
	if ns := l.s.Scope.Namespace; ns != "" {
		for _, p := range x.PodsIn(ns) {
			top := x.WorkloadOf(p)
			weight[top] = max(weight[top], inScope)
		}
	}
	l.neighbours(s, weight)
	s.rank(weight, l.limits.Workloads)
	return s
}

// asked are the objects that the alarms and the scope name.
func (l *look) asked(x *Index) []incident.Target {
	var out []incident.Target
	topo := l.s.topology(x)
	add := func(o alarm.Object) {
		if o.Name == "" {
			return
		}
		out = append(out, incident.Target{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name})
		if up, ok := topo.Owner(alarm.Object{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}); ok {
			out = append(out, incident.Target{Kind: up.Kind, Namespace: up.Namespace, Name: up.Name})
		}
	}
	if s := l.s.Scope; s.Name != "" {
		add(alarm.Object{Kind: s.Kind, Namespace: s.Namespace, Name: s.Name})
	}
	for _, a := range l.s.Alarms {
		recently := !a.Active() && l.s.At.Sub(a.ClearedAt) > l.limits.Metrics
		if a.Urgency() == alarm.Inform || recently {
			continue
		}
		add(a.Object)
		if a.Object.Node != "" {
			out = append(out, incident.Target{Kind: "Node", Name: a.Object.Node})
		}
	}
	return out
}

func (l *look) ask(s *suspects, weight map[incident.Target]int, t incident.Target) {
	switch t.Kind {
	case "Node":
		s.nodes[t.Name] = true
	case "Namespace":
		s.namespaces[t.Name] = true
		for _, p := range s.index.PodsIn(t.Name) {
			top := s.index.WorkloadOf(p)
			weight[top] = max(weight[top], inScope)
		}
	case "Service", "Ingress", "PersistentVolumeClaim":
		s.namespaces[t.Namespace] = true
		for _, p := range s.index.PodsOf(t) {
			weight[s.index.WorkloadOf(p)] = askedFor
		}
	default:
		top := s.index.TopOf(t)
		if top.Namespace != "" {
			weight[bare(top)] = askedFor
		}
	}
}

// suspicion is how wrong a pod looks: 0 for one that is well, or over and done.
func suspicion(p *corev1.Pod, now time.Time) int {
	if p.Status.Phase == corev1.PodSucceeded {
		return 0
	}
	w := 0
	for _, all := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, c := range all {
			if c.State.Waiting != nil && !slices.Contains([]string{"", "ContainerCreating", "PodInitializing"}, c.State.Waiting.Reason) {
				w = max(w, failing)
			}
			if t := c.State.Terminated; t != nil && t.ExitCode != 0 {
				w = max(w, failing)
			}
			if t := c.LastTerminationState.Terminated; t != nil && now.Sub(t.FinishedAt.Time) < time.Hour {
				w = max(w, failing)
			}
		}
	}
	const patience = 2 * time.Minute // a pod that has just been made may take this long to start
	switch {
	case p.Status.Phase == corev1.PodFailed:
		w = max(w, failing)
	case p.DeletionTimestamp != nil && now.Sub(p.DeletionTimestamp.Time) > patience:
		w = max(w, unready)
	case p.Status.Phase == corev1.PodPending && now.Sub(p.CreationTimestamp.Time) > patience:
		w = max(w, unready)
	case p.Status.Phase == corev1.PodRunning && !podReady(p) && now.Sub(p.CreationTimestamp.Time) > patience:
		w = max(w, unready)
	}
	return w
}

func podReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// weighControllers suspects controllers that lack pods, and those whose autoscaler cannot work.
func (l *look) weighControllers(weight map[incident.Target]int) {
	raise := func(t incident.Target, w int) { weight[t] = max(weight[t], w) }
	o := &l.s.Objects
	for _, d := range o.Deployments {
		if d.Spec.Replicas != nil && d.Status.ReadyReplicas < *d.Spec.Replicas {
			raise(key("Deployment", d.Namespace, d.Name), unready)
		}
	}
	for _, d := range o.StatefulSets {
		if d.Spec.Replicas != nil && d.Status.ReadyReplicas < *d.Spec.Replicas {
			raise(key("StatefulSet", d.Namespace, d.Name), unready)
		}
	}
	for _, d := range o.DaemonSets {
		if d.Status.NumberReady < d.Status.DesiredNumberScheduled {
			raise(key("DaemonSet", d.Namespace, d.Name), unready)
		}
	}
	for _, h := range o.HPAs {
		for _, c := range h.Status.Conditions {
			bad := (c.Type == "AbleToScale" || c.Type == "ScalingActive") && c.Status == corev1.ConditionFalse
			if bad || h.Status.CurrentReplicas >= h.Spec.MaxReplicas && h.Spec.MaxReplicas > 0 {
				raise(key(h.Spec.ScaleTargetRef.Kind, h.Namespace, h.Spec.ScaleTargetRef.Name), unsettled)
			}
		}
	}
}

// neighbours adds what the asked-for workloads may depend on: the others of their namespace, where it is not a large one. A database
// that fills up is all Ready and says so in its own log only.
func (l *look) neighbours(s *suspects, weight map[incident.Target]int) {
	const most = 40
	spaces := map[string]bool{}
	for t, w := range weight {
		if w >= failing {
			spaces[t.Namespace] = true
		}
	}
	for _, ns := range sortedKeys(spaces) {
		tops := map[incident.Target]bool{}
		for _, p := range s.index.PodsIn(ns) {
			tops[s.index.WorkloadOf(p)] = true
		}
		if len(tops) > most || strings.HasPrefix(ns, "kube-") {
			continue
		}
		for t := range tops {
			weight[t] = max(weight[t], neighbour)
		}
	}
}

// rank takes the worst workloads and their worst pods.
func (s *suspects) rank(weight map[incident.Target]int, most int) {
	for t := range weight {
		s.workloads = append(s.workloads, t)
	}
	slices.SortFunc(s.workloads, func(a, b incident.Target) int {
		return cmp.Or(cmp.Compare(weight[b], weight[a]), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	s.workloads = s.workloads[:min(most, len(s.workloads))]
	for _, t := range s.workloads {
		s.namespaces[t.Namespace] = true
		pods := slices.Clone(s.index.PodsOf(t))
		slices.SortStableFunc(pods, func(a, b *corev1.Pod) int {
			return cmp.Or(cmp.Compare(trouble(b), trouble(a)), b.CreationTimestamp.Compare(a.CreationTimestamp.Time), compareObjects(a, b))
		})
		s.pods = append(s.pods, pods[:min(mostOfRank, len(pods))]...)
	}
	delete(s.namespaces, "")
}

// trouble orders the pods of one workload: those that restart or are not ready first.
func trouble(p *corev1.Pod) int {
	n := 0
	for _, c := range p.Status.ContainerStatuses {
		n += min(int(c.RestartCount), 100)
	}
	if !podReady(p) && p.Status.Phase != corev1.PodSucceeded {
		n += 1000
	}
	return n
}
