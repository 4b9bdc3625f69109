package observe

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// What a card has room for.
const (
	scenePods    = 30
	sceneNodes   = 12
	sceneLines   = 12 // workloads
	sceneChanges = 8
	sceneHPAs    = 5
)

// Scene is what a person wants to see beside a diagnosis: the workloads, pods and nodes that it is about, what changed there, and the
// most telling charts. Without focus, or with the whole cluster in it, it is about whatever is not well anywhere.
func (s *Snapshot) Scene(focus []incident.Target) incident.Scene {
	v := &scene{s: s, x: s.Index()}
	v.aim(focus)
	return incident.Scene{
		Workloads: v.workloadLines(), Pods: v.podLines(), Nodes: v.nodeLines(), HPAs: v.hpaLines(), Changes: v.changeLines(), Charts: v.charts(), Totals: v.totals(),
	}
}

// scene is one scene in the making.
type scene struct {
	s         *Snapshot
	x         *Index
	workloads []incident.Target
	pods      []*corev1.Pod
	nodes     []string // that focus names, or that run its pods
	wide      bool     // about the whole cluster
}

// aim finds what the focus is made of.
func (v *scene) aim(focus []incident.Target) {
	v.wide = len(focus) == 0
	for _, t := range focus {
		t = bare(t)
		switch t.Kind {
		case "Cluster":
			v.wide = true
		case "Node":
			v.addNode(t.Name)
		case "NodePool":
			for _, n := range v.s.Objects.Nodes {
				if n.Labels[NodePoolLabel] == t.Name {
					v.addNode(n.Name)
				}
			}
		case "Pod":
			v.addPods(v.x.PodsOf(t))
			v.addWorkload(v.x.TopOf(t))
		case "Namespace", "Service":
			for _, p := range v.x.PodsOf(t) {
				v.addWorkload(v.x.WorkloadOf(p))
			}
			v.addPods(v.x.PodsOf(t))
		case "PersistentVolumeClaim", "ConfigMap", "Secret":
		default:
			top := v.x.TopOf(t)
			v.addWorkload(top)
			v.addPods(v.x.PodsOf(top))
		}
	}
	if v.wide {
		for _, p := range v.s.Objects.Pods {
			if suspicion(p, v.s.At) > 0 {
				v.addPods([]*corev1.Pod{p})
				v.addWorkload(v.x.WorkloadOf(p))
			}
		}
	}
	for _, p := range v.pods {
		if p.Spec.NodeName != "" {
			v.addNode(p.Spec.NodeName)
		}
	}
}

func (v *scene) addNode(n string) {
	if !slices.Contains(v.nodes, n) {
		v.nodes = append(v.nodes, n)
	}
}

func (v *scene) addWorkload(t incident.Target) {
	if !slices.Contains(v.workloads, t) {
		v.workloads = append(v.workloads, t)
	}
}

func (v *scene) addPods(all []*corev1.Pod) {
	for _, p := range all {
		if !slices.Contains(v.pods, p) {
			v.pods = append(v.pods, p)
		}
	}
}

func (v *scene) podLines() []incident.PodLine {
	pods := slices.Clone(v.pods)
	slices.SortStableFunc(pods, func(a, b *corev1.Pod) int {
		return cmp.Or(cmp.Compare(trouble(b), trouble(a)), compareObjects(a, b))
	})
	var out []incident.PodLine
	for _, p := range pods[:min(scenePods, len(pods))] {
		t := key("Pod", p.Namespace, p.Name)
		t.Cluster = v.s.Cluster.ID
		l := incident.PodLine{
			Target: t, Node: p.Spec.NodeName, Status: PodStatus(p), Ready: podReady(p), CPU: v.latest("container_cpu_limit_ratio", t), Memory: v.latest("container_memory_limit_ratio", t),
			Note: podNote(p),
		}
		for _, c := range p.Status.ContainerStatuses {
			l.Restarts += int(c.RestartCount)
		}
		out = append(out, l)
	}
	return out
}

// fresh is how old a sample may be to speak of now.
const fresh = 10 * time.Minute

// latest is the highest present value of a metric about an object, -1 where it is not known.
func (v *scene) latest(metric string, t incident.Target) float64 {
	highest := -1.0
	for _, s := range v.x.SeriesOf(metric, t) {
		if p, ok := s.Last(); ok && v.s.At.Sub(p.At) <= fresh && p.Value > highest && !math.IsInf(p.Value, 0) {
			highest = p.Value
		}
	}
	return highest
}

func (v *scene) hpaLines() []string {
	var out []string
	for _, t := range v.workloads {
		for _, h := range v.x.HPAsOf(t) {
			if len(out) < sceneHPAs {
				out = append(out, describeHPA(h))
			}
		}
	}
	return out
}

func (v *scene) changeLines() []incident.ChangeLine {
	const within = 24 * time.Hour
	var changes []Change
	for _, c := range v.s.Changes {
		if !c.At.After(v.s.At) && v.s.At.Sub(c.At) <= within && (v.wide || v.near(c)) {
			changes = append(changes, c)
		}
	}
	slices.Reverse(changes)
	var out []incident.ChangeLine
	for _, c := range changes[:min(sceneChanges, len(changes))] {
		out = append(out, incident.ChangeLine{At: c.At, Actor: c.Actor, What: describeChange(c), Target: c.Target})
	}
	return out
}

// near says whether a change is of one of the scene's objects, or of the configuration around them.
func (v *scene) near(c Change) bool {
	switch c.Target.Kind {
	case "Node":
		return slices.Contains(v.nodes, c.Target.Name)
	case "ConfigMap", "Secret", "Service", "ResourceQuota", "LimitRange", "NetworkPolicy", "Ingress":
		return slices.ContainsFunc(v.workloads, func(t incident.Target) bool { return t.Namespace == c.Target.Namespace })
	case "Namespace":
		return slices.ContainsFunc(v.workloads, func(t incident.Target) bool { return t.Namespace == c.Target.Name })
	case "NodePool", "Cluster":
		return true
	}
	return slices.Contains(v.workloads, bare(v.x.TopOf(c.Target)))
}

func describeChange(c Change) string {
	s := c.Verb
	switch {
	case c.Before != "" && c.After != "":
		s += ": " + c.Before + " → " + c.After
	case c.After != "":
		s += ": " + c.After
	}
	return shorten(s, 300)
}

func (v *scene) totals() incident.Totals {
	t := incident.Totals{Nodes: len(v.s.Objects.Nodes)}
	for _, n := range v.s.Objects.Nodes {
		if nodeReady(n) {
			t.NodesReady++
		}
	}
	for _, p := range v.s.Objects.Pods {
		if p.Status.Phase == corev1.PodSucceeded {
			continue
		}
		t.Pods++
		if podReady(p) {
			t.PodsReady++
		}
	}
	for _, w := range v.controllers() {
		t.Workloads++
		if w.ready >= w.desired {
			t.WorkloadsReady++
		}
	}
	seen := map[string]bool{}
	for _, a := range v.s.Alarms {
		k := cmp.Or(a.SN, a.ID)
		if a.Active() && a.Urgency() != alarm.Inform && !seen[k] {
			seen[k] = true
			t.ActiveAlarms++
		}
	}
	return t
}

// controller is one workload's wanted against ready.
type controllerState struct {
	target         incident.Target
	desired, ready int
}

func (v *scene) controllers() []controllerState {
	var out []controllerState
	want := func(n *int32) int {
		if n == nil {
			return 1
		}
		return int(*n)
	}
	for _, d := range v.s.Objects.Deployments {
		out = append(out, controllerState{key("Deployment", d.Namespace, d.Name), want(d.Spec.Replicas), int(d.Status.ReadyReplicas)})
	}
	for _, d := range v.s.Objects.StatefulSets {
		out = append(out, controllerState{key("StatefulSet", d.Namespace, d.Name), want(d.Spec.Replicas), int(d.Status.ReadyReplicas)})
	}
	for _, d := range v.s.Objects.DaemonSets {
		out = append(out, controllerState{key("DaemonSet", d.Namespace, d.Name), int(d.Status.DesiredNumberScheduled), int(d.Status.NumberReady)})
	}
	return out
}

// PodStatus is a pod's state in the one word that kubectl get pods shows.
func PodStatus(p *corev1.Pod) string {
	status := cmp.Or(p.Status.Reason, string(p.Status.Phase), "Unknown")
	for i, c := range p.Status.InitContainerStatuses {
		switch {
		case c.State.Terminated != nil && c.State.Terminated.ExitCode == 0, c.Started != nil && *c.Started:
			continue
		case c.State.Terminated != nil:
			return finalStatus(p, "Init:"+cmp.Or(c.State.Terminated.Reason, fmt.Sprintf("ExitCode:%d", c.State.Terminated.ExitCode)))
		case c.State.Waiting != nil && c.State.Waiting.Reason != "" && c.State.Waiting.Reason != "PodInitializing":
			return finalStatus(p, "Init:"+c.State.Waiting.Reason)
		}
		return finalStatus(p, fmt.Sprintf("Init:%d/%d", i, len(p.Spec.InitContainers)))
	}
	running := false
	for _, c := range slices.Backward(p.Status.ContainerStatuses) {
		switch {
		case c.State.Waiting != nil && c.State.Waiting.Reason != "":
			status = c.State.Waiting.Reason
		case c.State.Terminated != nil && c.State.Terminated.Reason != "":
			status = c.State.Terminated.Reason
		case c.State.Terminated != nil:
			status = fmt.Sprintf("ExitCode:%d", c.State.Terminated.ExitCode)
		case c.Ready && c.State.Running != nil:
			running = true
		}
	}
	if status == "Completed" && running {
		status = "NotReady"
		if podReady(p) {
			status = "Running"
		}
	}
	return finalStatus(p, status)
}

func finalStatus(p *corev1.Pod, status string) string {
	if p.DeletionTimestamp == nil {
		return status
	}
	if p.Status.Reason == "NodeLost" {
		return "Unknown"
	}
	return "Terminating"
}

// podNote is why a pod is as it is, in the cluster's own words.
func podNote(p *corev1.Pod) string {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return shorten(c.Message, 200)
		}
	}
	for _, all := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, c := range all {
			if w := c.State.Waiting; w != nil && w.Message != "" {
				return shorten(c.Name+": "+w.Message, 200)
			}
			if t := c.LastTerminationState.Terminated; t != nil {
				return shorten(fmt.Sprintf("%s: last ended %s, exit code %d", c.Name, strings.TrimSpace(t.Reason), t.ExitCode), 200)
			}
		}
	}
	return shorten(p.Status.Message, 200)
}
