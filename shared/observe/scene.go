package observe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"cce-oncall/shared/incident"
)

// How much of a snapshot a person is shown: what does not fit on a card is in the snapshot itself.
const (
	scenePods    = 12
	sceneNodes   = 12
	sceneChanges = 6
	chartLines   = 4
	chartPoints  = 60
)

// Scene is what a person wants to see of the snapshot around the given objects: the workloads, their pods and nodes with watermarks,
// autoscalers, recent changes, the telling charts, and the cluster's totals. Without a focus it is the whole cluster's abnormal part.
func (s *Snapshot) Scene(focus []incident.Target) incident.Scene {
	sc := scener{s: s, x: s.Index()}
	tops, pods := sc.around(focus)
	out := incident.Scene{Totals: sc.totals()}
	for _, t := range tops {
		if line, ok := sc.workload(t); ok {
			out.Workloads = append(out.Workloads, line)
		}
		for _, h := range sc.x.HPAsOf(t) {
			out.HPAs = append(out.HPAs, fmt.Sprintf("%s: %d of %d–%d replicas", h.Name, h.Status.CurrentReplicas, minimum(h.Spec.MinReplicas), h.Spec.MaxReplicas))
		}
		out.Charts = append(out.Charts, sc.charts(t)...)
	}
	for _, p := range pods {
		out.Pods = append(out.Pods, sc.pod(p))
	}
	slices.SortStableFunc(out.Pods, func(a, b incident.PodLine) int {
		return cmp.Or(order(a.Ready, b.Ready), cmp.Compare(b.Restarts, a.Restarts), cmp.Compare(b.CPU, a.CPU))
	})
	out.Pods = out.Pods[:min(len(out.Pods), scenePods)]
	out.Nodes = sc.nodes(focus, pods)
	out.Changes = sc.changes(tops)
	out.Charts = out.Charts[:min(len(out.Charts), 2)]
	return out
}

// order puts what is not so before what is.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case !a:
		return -1
	}
	return 1
}

func minimum(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

type scener struct {
	s *Snapshot
	x *Index
}

// around are the workloads a focus is about and their pods; without a focus, the pods that are not as they should be.
func (sc scener) around(focus []incident.Target) (tops []incident.Target, pods []*corev1.Pod) {
	seen := map[string]bool{}
	add := func(p *corev1.Pod) {
		if k := p.Namespace + "/" + p.Name; !seen[k] {
			seen[k] = true
			pods = append(pods, p)
		}
	}
	if len(focus) == 0 {
		for _, p := range sc.s.Objects.Pods {
			if !podFine(p) {
				add(p)
			}
		}
		return nil, pods
	}
	for _, t := range focus {
		top := sc.x.TopOf(bare(t))
		if !slices.Contains(tops, top) {
			tops = append(tops, top)
		}
		if t.Kind == "Node" || t.Kind == "Namespace" {
			for _, p := range sc.x.PodsOf(bare(t)) {
				if !podFine(p) {
					add(p)
				}
			}
			continue
		}
		for _, p := range sc.x.PodsOf(top) {
			add(p)
		}
	}
	return tops, pods
}

func podFine(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || podIsReady(p)
}

func podIsReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (sc scener) workload(t incident.Target) (incident.WorkloadLine, bool) {
	line := incident.WorkloadLine{Target: t}
	var spec corev1.PodSpec
	switch t.Kind {
	case "Deployment":
		d := sc.x.Deployment(t.Namespace, t.Name)
		if d == nil {
			return line, false
		}
		line.Desired, line.Ready, spec = int(minimum(d.Spec.Replicas)), int(d.Status.ReadyReplicas), d.Spec.Template.Spec
		line.Owner = ownerOf(d.Labels, d.Annotations)
	case "StatefulSet":
		w := sc.x.StatefulSet(t.Namespace, t.Name)
		if w == nil {
			return line, false
		}
		line.Desired, line.Ready, spec = int(minimum(w.Spec.Replicas)), int(w.Status.ReadyReplicas), w.Spec.Template.Spec
		line.Owner = ownerOf(w.Labels, w.Annotations)
	case "DaemonSet":
		w := sc.x.DaemonSet(t.Namespace, t.Name)
		if w == nil {
			return line, false
		}
		line.Desired, line.Ready, spec = int(w.Status.DesiredNumberScheduled), int(w.Status.NumberReady), w.Spec.Template.Spec
		line.Owner = ownerOf(w.Labels, w.Annotations)
	default:
		return line, false
	}
	line.Resources = resourcesOf(spec)
	return line, true
}

// ownerOf is who would take a direct change back.
func ownerOf(labels, annotations map[string]string) string {
	switch {
	case annotations["argocd.argoproj.io/tracking-id"] != "" || labels["argocd.argoproj.io/instance"] != "":
		return "Argo CD"
	case labels["kustomize.toolkit.fluxcd.io/name"] != "" || labels["helm.toolkit.fluxcd.io/name"] != "":
		return "Flux"
	case labels["app.kubernetes.io/managed-by"] == "Helm" || annotations["meta.helm.sh/release-name"] != "":
		return "Helm"
	}
	return ""
}

func resourcesOf(spec corev1.PodSpec) string {
	var parts []string
	for _, c := range spec.Containers {
		r, l := c.Resources.Requests, c.Resources.Limits
		parts = append(parts, fmt.Sprintf("%s cpu %s/%s memory %s/%s", c.Name, amount(r, corev1.ResourceCPU), amount(l, corev1.ResourceCPU), amount(r, corev1.ResourceMemory), amount(l, corev1.ResourceMemory)))
	}
	return strings.Join(parts, "; ")
}

func amount(l corev1.ResourceList, name corev1.ResourceName) string {
	if q, ok := l[name]; ok {
		return q.String()
	}
	return "–"
}

func (sc scener) pod(p *corev1.Pod) incident.PodLine {
	t := key("Pod", p.Namespace, p.Name)
	line := incident.PodLine{Target: t, Node: p.Spec.NodeName, Status: podStatus(p), Ready: podIsReady(p), CPU: sc.latest("container_cpu_limit_ratio", t), Memory: sc.latest("container_memory_limit_ratio", t)}
	for _, c := range p.Status.ContainerStatuses {
		line.Restarts += int(c.RestartCount)
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			line.Note, _, _ = strings.Cut(c.Message, ". ")
		}
	}
	return line
}

// podStatus is the STATUS column of kubectl get pods.
func podStatus(p *corev1.Pod) string {
	if p.DeletionTimestamp != nil {
		return "Terminating"
	}
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		switch {
		case c.State.Waiting != nil && c.State.Waiting.Reason != "":
			return c.State.Waiting.Reason
		case c.State.Terminated != nil && c.State.Terminated.Reason != "" && p.Status.Phase != corev1.PodSucceeded:
			return c.State.Terminated.Reason
		}
	}
	if p.Status.Reason != "" {
		return p.Status.Reason
	}
	return string(p.Status.Phase)
}

// latest is the newest sample of the highest series, if it is recent; -1 means unknown, never zero.
func (sc scener) latest(metric string, t incident.Target) float64 {
	top := -1.0
	for _, line := range sc.x.SeriesOf(metric, t) {
		if p, ok := line.Last(); ok && sc.s.At.Sub(p.At) < 5*time.Minute {
			top = max(top, p.Value)
		}
	}
	return top
}

// nodes are those of the focus and of its pods, then the fullest; all of them where they fit.
func (sc scener) nodes(focus []incident.Target, pods []*corev1.Pod) []incident.NodeLine {
	near := map[string]bool{}
	for _, t := range focus {
		if t.Kind == "Node" {
			near[t.Name] = true
		}
	}
	for _, p := range pods {
		near[p.Spec.NodeName] = true
	}
	var out []incident.NodeLine
	for _, n := range sc.s.Objects.Nodes {
		out = append(out, sc.node(n))
	}
	slices.SortStableFunc(out, func(a, b incident.NodeLine) int {
		return cmp.Or(order(!near[a.Name], !near[b.Name]), order(a.Ready, b.Ready), cmp.Compare(max(b.CPU, b.Memory), max(a.CPU, a.Memory)), cmp.Compare(a.Name, b.Name))
	})
	return out[:min(len(out), sceneNodes)]
}

func (sc scener) node(n *corev1.Node) incident.NodeLine {
	t := key("Node", "", n.Name)
	line := incident.NodeLine{Name: n.Name, Unschedulable: n.Spec.Unschedulable, CPU: sc.latest("node_cpu_usage_ratio", t), Memory: sc.latest("node_memory_usage_ratio", t)}
	for _, c := range n.Status.Conditions {
		switch {
		case c.Type == corev1.NodeReady:
			line.Ready = c.Status == corev1.ConditionTrue
		case c.Status == corev1.ConditionTrue:
			line.BadConditions = append(line.BadConditions, string(c.Type))
		}
	}
	var cpu, mem resource.Quantity
	for _, p := range sc.x.PodsOn(n.Name) {
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		line.Pods++
		for _, c := range p.Spec.Containers {
			cpu.Add(c.Resources.Requests[corev1.ResourceCPU])
			mem.Add(c.Resources.Requests[corev1.ResourceMemory])
		}
	}
	line.RequestedCPU, line.RequestedMem = share(cpu, n.Status.Allocatable[corev1.ResourceCPU]), share(mem, n.Status.Allocatable[corev1.ResourceMemory])
	return line
}

func share(part, whole resource.Quantity) float64 {
	if whole.IsZero() {
		return 0
	}
	return part.AsApproximateFloat64() / whole.AsApproximateFloat64()
}

func (sc scener) changes(tops []incident.Target) []incident.ChangeLine {
	var out []incident.ChangeLine
	for _, t := range tops {
		for _, c := range sc.x.ChangesNear(t, 24*time.Hour) {
			what := strings.TrimSpace(c.Verb + " " + c.Target.Kind)
			if c.Before != "" || c.After != "" {
				what += ": " + clipText(c.Before, 120) + " → " + clipText(c.After, 120)
			}
			line := incident.ChangeLine{At: c.At, Actor: c.Actor, What: what, Target: c.Target}
			if !slices.Contains(out, line) {
				out = append(out, line)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b incident.ChangeLine) int { return b.At.Compare(a.At) })
	return out[:min(len(out), sceneChanges)]
}

func clipText(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}

// charts are an object's CPU and memory as shares of their limit over the last hour, the fuller one first.
func (sc scener) charts(t incident.Target) []incident.Chart {
	kinds := []struct {
		metric string
		title  incident.Text
		limit  float64
	}{
		{"container_cpu_limit_ratio", incident.Text{EN: "Container CPU, % of limit", ZH: "容器 CPU 使用率（%）"}, 80},
		{"container_memory_limit_ratio", incident.Text{EN: "Container memory, % of limit", ZH: "容器内存使用率（%）"}, 80},
		{"node_cpu_usage_ratio", incident.Text{EN: "Node CPU, %", ZH: "节点 CPU 使用率（%）"}, 80},
		{"node_memory_usage_ratio", incident.Text{EN: "Node memory, %", ZH: "节点内存使用率（%）"}, 80},
	}
	type drawn struct {
		chart incident.Chart
		top   float64
	}
	var all []drawn
	for _, k := range kinds {
		c := incident.Chart{Title: k.title, Unit: "%", Threshold: k.limit}
		top := 0.0
		for _, line := range sc.x.SeriesOf(k.metric, t) {
			points := thin(line.Between(sc.s.At.Add(-time.Hour), sc.s.At))
			if len(points) < 2 {
				continue
			}
			for i := range points {
				points[i].Value *= 100
				top = max(top, points[i].Value)
			}
			c.Lines = append(c.Lines, incident.ChartLine{Name: cmp.Or(line.Labels["pod"], line.Labels["node"], line.Labels["workload"], t.Name), Points: points})
		}
		if len(c.Lines) > 0 {
			slices.SortStableFunc(c.Lines, func(a, b incident.ChartLine) int {
				return cmp.Compare(b.Points[len(b.Points)-1].Value, a.Points[len(a.Points)-1].Value)
			})
			c.Lines = c.Lines[:min(len(c.Lines), chartLines)]
			all = append(all, drawn{c, top})
		}
	}
	slices.SortStableFunc(all, func(a, b drawn) int { return cmp.Compare(b.top, a.top) })
	var out []incident.Chart
	for _, d := range all {
		out = append(out, d.chart)
	}
	return out
}

// thin keeps at most chartPoints samples, the newest always among them.
func thin(in []Point) []incident.ChartPoint {
	step := max(1, (len(in)+chartPoints-1)/chartPoints)
	var out []incident.ChartPoint
	for i := (len(in) - 1) % step; i >= 0 && i < len(in); i += step {
		out = append(out, incident.ChartPoint{At: in[i].At, Value: in[i].Value})
	}
	return out
}

func (sc scener) totals() incident.Totals {
	var t incident.Totals
	for _, n := range sc.s.Objects.Nodes {
		t.Nodes++
		if sc.node(n).Ready {
			t.NodesReady++
		}
	}
	for _, p := range sc.s.Objects.Pods {
		if p.Status.Phase == corev1.PodSucceeded {
			continue
		}
		t.Pods++
		if podIsReady(p) {
			t.PodsReady++
		}
	}
	count := func(want, ready int32) {
		t.Workloads++
		if ready >= want {
			t.WorkloadsReady++
		}
	}
	for _, d := range sc.s.Objects.Deployments {
		count(minimum(d.Spec.Replicas), d.Status.ReadyReplicas)
	}
	for _, d := range sc.s.Objects.StatefulSets {
		count(minimum(d.Spec.Replicas), d.Status.ReadyReplicas)
	}
	for _, d := range sc.s.Objects.DaemonSets {
		count(d.Status.DesiredNumberScheduled, d.Status.NumberReady)
	}
	for _, a := range sc.s.Alarms {
		if a.Active() {
			t.ActiveAlarms++
		}
	}
	return t
}
