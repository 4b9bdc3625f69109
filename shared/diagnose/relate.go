package diagnose

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// relation is how a cause must stand to an effect to explain it.
type relation string

const (
	sameObject    relation = "same object"    // the same target, or one that the cause affects
	hosts         relation = "hosts"          // the cause is a node, the effect is of pods on it
	selects       relation = "selects"        // the effect is of a Service, the cause of what it selects
	calls         relation = "calls"          // the effect is of a caller, direct or not, of what the cause breaks
	sameNamespace relation = "same namespace" // both in one namespace
	anywhere      relation = "anywhere"       // one cluster is enough
	mayCall       relation = "may call"       // as calls, or nothing tells who calls whom in the namespace of both
)

// reachOf is what a finding is about, as objects that others depend on.
type reachOf struct {
	workloads map[*workload]bool
	services  map[name]bool
	node      string
	nodes     map[string]bool // nodes the affected pods are on
	podsOn    int             // affected pods with a node
	pods      []*corev1.Pod
}

// reach resolves target and affected objects of a finding to workloads, Services and nodes.
func (v *view) reach(f *incident.Finding) *reachOf {
	r := &reachOf{workloads: map[*workload]bool{}, services: map[name]bool{}, nodes: map[string]bool{}}
	v.reachTarget(r, f.Target)
	for _, t := range f.Affected {
		v.reachTarget(r, t)
	}
	if len(r.pods) == 0 && f.Target.Kind != "Node" {
		for w := range r.workloads {
			r.pods = append(r.pods, unreadyOf(w)...)
		}
	}
	for _, p := range r.pods {
		if p.Spec.NodeName != "" {
			r.nodes[p.Spec.NodeName] = true
			r.podsOn++
		}
	}
	return r
}

func (v *view) reachTarget(r *reachOf, t incident.Target) {
	switch t.Kind {
	case "Node":
		if r.node == "" {
			r.node = t.Name
		}
	case "Service":
		r.services[name{t.Namespace, t.Name}] = true
	case "Pod":
		if p := v.idx.Pod(t.Namespace, t.Name); p != nil {
			r.workloads[v.owner[p]] = true
			r.pods = append(r.pods, p)
		}
	case "PersistentVolumeClaim", "ConfigMap", "Secret", "ServiceAccount":
		for _, w := range v.inSpace[t.Namespace] {
			if w.uses(t.Kind, t.Name) {
				r.workloads[w] = true
			}
		}
	default:
		if w := v.byTarget[t]; w != nil {
			r.workloads[w] = true
		}
	}
}

func unreadyOf(w *workload) []*corev1.Pod {
	var out []*corev1.Pod
	for _, p := range w.live() {
		if !podReady(p) {
			out = append(out, p)
		}
	}
	return out
}

// related says whether the relation holds between a cause and an effect.
func (v *view) related(rel relation, cause, effect *incident.Finding, c, e *reachOf) bool {
	switch rel {
	case sameObject:
		return cause.Target == effect.Target || slices.Contains(cause.Affected, effect.Target) || shares(c, e)
	case hosts:
		if cause.Target.Kind == "Cluster" {
			return v.onAffected(cause, e)
		}
		if c.node == "" || cause.Target.Kind != "Node" {
			return false
		}
		if effect.Target.Kind == "Node" {
			return effect.Target == cause.Target
		}
		return e.nodes[c.node] && (felt(effect.Reason) || v.mostlyOn(e, c.node))
	case selects:
		return effect.Target.Kind == "Service" && v.selectsAny(effect.Target, c)
	case calls:
		return v.callsAny(e, c)
	case mayCall:
		return cause.Target != effect.Target && cause.Target.Namespace == effect.Target.Namespace && len(c.workloads) > 0 && !shares(c, e) && !v.charted(cause.Target.Namespace)
	case sameNamespace:
		return cause.Target.Kind == "Namespace" && cause.Target.Name == effect.Target.Namespace ||
			cause.Target.Namespace != "" && cause.Target.Namespace == effect.Target.Namespace
	case anywhere:
		return true
	}
	return false
}

// shares says whether a cause that is not a whole node or Service touches the workload the effect is of.
func shares(c, e *reachOf) bool {
	for w := range e.workloads {
		if c.workloads[w] {
			return true
		}
	}
	return false
}

// felt are the reasons that one slow replica is enough for: its callers wait for it now and then.
var felt = these(incident.RequestLatencyHigh, incident.RequestErrorsHigh, incident.PodNetworkDegraded)

// mostlyOn says whether at least half of the affected pods are on a node, or all of them on nodes that are lost, this one among them.
func (v *view) mostlyOn(e *reachOf, node string) bool {
	n, lost := 0, 0
	for _, p := range e.pods {
		if p.Spec.NodeName == node {
			n++
		}
		if x := v.idx.Node(p.Spec.NodeName); x != nil && nodeReady(x) != corev1.ConditionTrue {
			lost++
		}
	}
	return n > 0 && (2*n >= e.podsOn || lost == e.podsOn)
}

// onAffected says whether all pods of an effect that have a node are on nodes that a cause of the whole cluster took away.
func (v *view) onAffected(cause *incident.Finding, e *reachOf) bool {
	for _, p := range e.pods {
		if p.Spec.NodeName != "" && !slices.Contains(cause.Affected, nodeTarget(p.Spec.NodeName)) {
			return false
		}
	}
	return e.podsOn > 0
}

func (v *view) selectsAny(t incident.Target, c *reachOf) bool {
	for _, w := range v.apps().behind[name{t.Namespace, t.Name}] {
		if c.workloads[w] {
			return true
		}
	}
	return false
}

// callsAny says whether something the effect is about calls, over any number of hops, something the cause is about.
func (v *view) callsAny(e, c *reachOf) bool {
	a := v.apps()
	for w := range e.workloads {
		if c.workloads[w] {
			continue // the same workload is not its own caller
		}
		if a.reaches(w, c) {
			return true
		}
	}
	for s := range e.services {
		for _, w := range a.behind[s] {
			if !c.workloads[w] && a.reaches(w, c) {
				return true
			}
		}
	}
	return false
}

// uses says whether the template refers to a claim, ConfigMap, Secret or service account by name.
func (w *workload) uses(kind, n string) bool {
	if w.template == nil {
		return false
	}
	if kind == "ServiceAccount" {
		sa := w.template.Spec.ServiceAccountName
		return sa == n || sa == "" && n == "default"
	}
	found := false
	w.references(func(k, ref, _ string, _ bool) { found = found || (k == kind && ref == n) })
	if !found && kind == "PersistentVolumeClaim" {
		for _, p := range w.pods {
			for _, vol := range p.Spec.Volumes {
				found = found || vol.PersistentVolumeClaim != nil && vol.PersistentVolumeClaim.ClaimName == n
			}
		}
	}
	return found
}

// references gives every ConfigMap, Secret and claim that the template names, with the key where one is asked for.
func (w *workload) references(give func(kind, n, key string, optional bool)) {
	spec := &w.template.Spec
	yes := func(b *bool) bool { return b != nil && *b }
	for _, vol := range spec.Volumes {
		switch {
		case vol.ConfigMap != nil:
			give("ConfigMap", vol.ConfigMap.Name, "", yes(vol.ConfigMap.Optional))
		case vol.Secret != nil:
			give("Secret", vol.Secret.SecretName, "", yes(vol.Secret.Optional))
		case vol.PersistentVolumeClaim != nil:
			give("PersistentVolumeClaim", vol.PersistentVolumeClaim.ClaimName, "", false)
		case vol.Projected != nil:
			for _, s := range vol.Projected.Sources {
				if s.ConfigMap != nil {
					give("ConfigMap", s.ConfigMap.Name, "", yes(s.ConfigMap.Optional))
				}
				if s.Secret != nil {
					give("Secret", s.Secret.Name, "", yes(s.Secret.Optional))
				}
			}
		}
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, f := range c.EnvFrom {
			if f.ConfigMapRef != nil {
				give("ConfigMap", f.ConfigMapRef.Name, "", yes(f.ConfigMapRef.Optional))
			}
			if f.SecretRef != nil {
				give("Secret", f.SecretRef.Name, "", yes(f.SecretRef.Optional))
			}
		}
		for _, e := range c.Env {
			if e.ValueFrom == nil {
				continue
			}
			if r := e.ValueFrom.ConfigMapKeyRef; r != nil {
				give("ConfigMap", r.Name, r.Key, yes(r.Optional))
			}
			if r := e.ValueFrom.SecretKeyRef; r != nil {
				give("Secret", r.Name, r.Key, yes(r.Optional))
			}
		}
	}
}
