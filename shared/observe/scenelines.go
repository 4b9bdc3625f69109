package observe

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	resourcehelper "k8s.io/component-helpers/resource"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

func (v *scene) workloadLines() []incident.WorkloadLine {
	state := map[incident.Target]controllerState{}
	for _, c := range v.controllers() {
		state[c.target] = c
	}
	var out []incident.WorkloadLine
	for _, t := range v.workloads {
		c, known := state[t]
		if !known || len(out) == sceneLines {
			continue
		}
		o, template := v.template(t)
		named := t
		named.Cluster = v.s.Cluster.ID
		out = append(out, incident.WorkloadLine{Target: named, Desired: c.desired, Ready: c.ready, Resources: resources(template), Owner: Keeper(o)})
	}
	return out
}

func (v *scene) template(t incident.Target) (metav1.Object, *corev1.PodTemplateSpec) {
	switch t.Kind {
	case "Deployment":
		if d := v.x.Deployment(t.Namespace, t.Name); d != nil {
			return d, &d.Spec.Template
		}
	case "StatefulSet":
		if d := v.x.StatefulSet(t.Namespace, t.Name); d != nil {
			return d, &d.Spec.Template
		}
	case "DaemonSet":
		if d := v.x.DaemonSet(t.Namespace, t.Name); d != nil {
			return d, &d.Spec.Template
		}
	}
	return nil, nil
}

// resources writes what the containers request and may use: "cpu 500m/1, memory 256Mi/512Mi"; a dash where nothing is set. Containers
// are named where there are several.
func resources(t *corev1.PodTemplateSpec) string {
	if t == nil {
		return ""
	}
	one := func(list corev1.ResourceList, name corev1.ResourceName) string {
		q, ok := list[name]
		if !ok {
			return "-"
		}
		return q.String()
	}
	var out []string
	for _, c := range t.Spec.Containers {
		s := fmt.Sprintf("cpu %s/%s, memory %s/%s", one(c.Resources.Requests, corev1.ResourceCPU), one(c.Resources.Limits, corev1.ResourceCPU),
			one(c.Resources.Requests, corev1.ResourceMemory), one(c.Resources.Limits, corev1.ResourceMemory))
		if len(t.Spec.Containers) > 1 {
			s = c.Name + ": " + s
		}
		out = append(out, s)
	}
	return shorten(strings.Join(out, "; "), 300)
}

// Keeper is who keeps an object as it is and would take back a direct change: a Helm release, an Argo CD application, Flux, or the
// custom resource that owns it. Empty where nobody is known to.
func Keeper(o metav1.Object) string {
	if o == nil {
		return ""
	}
	labels, notes := o.GetLabels(), o.GetAnnotations()
	tracking, _, _ := strings.Cut(notes["argocd.argoproj.io/tracking-id"], ":")
	switch {
	case tracking != "":
		return named("Argo CD", tracking)
	case labels["argocd.argoproj.io/instance"] != "":
		return named("Argo CD", labels["argocd.argoproj.io/instance"])
	case labels["kustomize.toolkit.fluxcd.io/name"] != "":
		return named("Flux", labels["kustomize.toolkit.fluxcd.io/name"])
	case labels["helm.toolkit.fluxcd.io/name"] != "":
		return named("Flux", labels["helm.toolkit.fluxcd.io/name"])
	case notes["meta.helm.sh/release-name"] != "":
		return named("Helm", notes["meta.helm.sh/release-name"])
	case strings.EqualFold(labels["app.kubernetes.io/managed-by"], "helm"):
		return named("Helm", labels["app.kubernetes.io/instance"])
	}
	if owner := metav1.GetControllerOf(o); owner != nil {
		return named(owner.Kind, owner.Name)
	}
	return ""
}

func named(what, name string) string {
	if name == "" {
		return what
	}
	return shorten(what+" ("+name+")", 120)
}

// nodeLines are the nodes of the scene, those that are not well, and the fullest: bad ones first, then by how full they are.
func (v *scene) nodeLines() []incident.NodeLine {
	var all []incident.NodeLine
	for _, n := range v.s.Objects.Nodes {
		all = append(all, v.nodeLine(n))
	}
	rank := func(l incident.NodeLine) int {
		switch {
		case !l.Ready:
			return 3
		case len(l.BadConditions) > 0:
			return 2
		case l.Unschedulable:
			return 1
		}
		return 0
	}
	full := func(l incident.NodeLine) float64 { return max(l.CPU, l.Memory) }
	slices.SortStableFunc(all, func(a, b incident.NodeLine) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(full(b), full(a)), cmp.Compare(a.Name, b.Name))
	})
	if v.wide || len(all) <= sceneNodes {
		return all[:min(sceneNodes, len(all))]
	}
	var out []incident.NodeLine
	for _, l := range all { // with a focus its own nodes are worth more than strangers, however full
		if len(out) < sceneNodes && (slices.Contains(v.nodes, l.Name) || rank(l) > 0) {
			out = append(out, l)
		}
	}
	return out
}

func (v *scene) nodeLine(n *corev1.Node) incident.NodeLine {
	t := key("Node", "", n.Name)
	l := incident.NodeLine{
		Name: n.Name, Ready: nodeReady(n), Unschedulable: n.Spec.Unschedulable, CPU: v.latest("node_cpu_usage_ratio", t), Memory: v.latest("node_memory_usage_ratio", t),
		BadConditions: badConditions(n),
	}
	var cpu, memory resource.Quantity
	for _, p := range v.x.PodsOn(n.Name) {
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		l.Pods++
		r := resourcehelper.PodRequests(p, resourcehelper.PodResourcesOptions{})
		cpu.Add(r[corev1.ResourceCPU])
		memory.Add(r[corev1.ResourceMemory])
	}
	share := func(used resource.Quantity, of corev1.ResourceName) float64 {
		a := n.Status.Allocatable[of]
		s := used.AsApproximateFloat64() / a.AsApproximateFloat64()
		if math.IsNaN(s) || math.IsInf(s, 0) { // nothing is allocatable, or more than a number holds
			return 0
		}
		return s
	}
	l.RequestedCPU, l.RequestedMem = share(cpu, corev1.ResourceCPU), share(memory, corev1.ResourceMemory)
	return l
}

func nodeReady(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// badConditions are the conditions of a node that say something is wrong: Ready that is not True, and what the catalogue knows as a
// trouble of nodes and is True. Other controllers write conditions that are good news.
func badConditions(n *corev1.Node) []string {
	var out []string
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			if c.Status != corev1.ConditionTrue {
				out = append(out, "Ready="+string(c.Status))
			}
			continue
		}
		e, known := alarm.Lookup(string(c.Type))
		if c.Status == corev1.ConditionTrue && known && (e.Kind == "Node" || e.Kind == "") {
			out = append(out, string(c.Type))
		}
	}
	slices.Sort(out)
	return out
}

// describeHPA is one autoscaler in a line: "web: 3 of 2–10 replicas, cpu 93%/60%, ScalingLimited (TooManyReplicas)".
func describeHPA(h *autoscalingv2.HorizontalPodAutoscaler) string {
	least := int32(1)
	if h.Spec.MinReplicas != nil {
		least = *h.Spec.MinReplicas
	}
	parts := []string{fmt.Sprintf("%s: %d of %d–%d replicas", h.Name, h.Status.CurrentReplicas, least, h.Spec.MaxReplicas)}
	for _, m := range h.Spec.Metrics {
		if m.Resource == nil || m.Resource.Target.AverageUtilization == nil {
			continue
		}
		now := "?"
		for _, c := range h.Status.CurrentMetrics {
			if c.Resource != nil && c.Resource.Name == m.Resource.Name && c.Resource.Current.AverageUtilization != nil {
				now = fmt.Sprintf("%d%%", *c.Resource.Current.AverageUtilization)
			}
		}
		parts = append(parts, fmt.Sprintf("%s %s/%d%%", m.Resource.Name, now, *m.Resource.Target.AverageUtilization))
	}
	for _, c := range h.Status.Conditions {
		bad := c.Status == corev1.ConditionFalse && c.Type != autoscalingv2.ScalingLimited || c.Status == corev1.ConditionTrue && c.Type == autoscalingv2.ScalingLimited
		if bad {
			parts = append(parts, fmt.Sprintf("%s=%s (%s)", c.Type, c.Status, c.Reason))
		}
	}
	return shorten(strings.Join(parts, ", "), 300)
}
