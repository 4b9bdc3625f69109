package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cce-oncall/shared/incident"
)

// FieldManager is the name under which our own changes are written; they are no news to us.
const FieldManager = "cce-oncall"

// rollout is the source of changes that the cluster's own history shows.
const rollout = "rollout"

// edited notes when a person or a tool last changed an object, from its managed fields, which are thrown away right after. Controllers
// write there as well: what they do follows from something else.
func (l *look) edited(kind string, o metav1.Object) {
	var last *metav1.ManagedFieldsEntry
	for i, f := range o.GetManagedFields() {
		if f.Time == nil || f.Subresource == "status" || controller(f.Manager) {
			continue
		}
		if last == nil || f.Time.After(last.Time.Time) {
			last = &o.GetManagedFields()[i]
		}
	}
	if last == nil || l.s.At.Sub(last.Time.Time) > l.limits.Changes || last.Time.After(l.s.At) {
		return
	}
	verb, made := "update", o.GetCreationTimestamp()
	if last.Time.Sub(made.Time) <= time.Second {
		verb = "create"
	}
	if last.Subresource == "scale" {
		verb = "scale"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.s.Changes = append(l.s.Changes, Change{
		At: last.Time.UTC(), Source: rollout, Actor: shorten(last.Manager, 64), Verb: verb, Target: key(kind, o.GetNamespace(), o.GetName()),
	})
}

// controller says whether a field manager is a part of Kubernetes or of CCE that acts by itself, or this agent.
func controller(manager string) bool {
	switch manager {
	case FieldManager, "kube-controller-manager", "kubelet", "kube-scheduler", "kube-apiserver", "cloud-controller-manager", "cluster-autoscaler", "everest-csi-controller",
		"cceaddon", "horizontal-pod-autoscaler", "coredns", "vpa-recommender", "node-problem-detector", "metrics-server":
		return true
	}
	return strings.HasPrefix(manager, FieldManager+"-") || strings.HasSuffix(manager, "-controller-manager")
}

// history reads changes out of objects: a ReplicaSet that is younger than its Deployment is a release, a young node has joined.
func (l *look) history() {
	x := newIndex(l.s)
	for _, d := range l.s.Objects.Deployments {
		l.releases(d, x.ReplicaSetsOf(d.Namespace, d.Name))
	}
	for _, n := range l.s.Objects.Nodes {
		if l.lately(n.CreationTimestamp.Time) {
			l.add(Change{At: n.CreationTimestamp.UTC(), Source: rollout, Verb: "create", Target: key("Node", "", n.Name)})
		}
	}
}

func (l *look) lately(t time.Time) bool {
	return !t.IsZero() && !t.After(l.s.At) && l.s.At.Sub(t) <= l.limits.Changes
}

func (l *look) add(c Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.s.Changes = append(l.s.Changes, c)
}

func (l *look) releases(d *appsv1.Deployment, sets []*appsv1.ReplicaSet) {
	for i, rs := range sets {
		if !l.lately(rs.CreationTimestamp.Time) {
			continue
		}
		c := Change{
			At: rs.CreationTimestamp.UTC(), Source: rollout, Verb: "create", Target: key("Deployment", d.Namespace, d.Name), After: describeRevision(Revision(rs), &rs.Spec.Template),
		}
		if i > 0 {
			c.Verb, c.Before = "update", describeRevision(Revision(sets[i-1]), &sets[i-1].Spec.Template)
		}
		c.Actor = l.takeEdit(c.Target, c.At)
		l.add(c)
	}
}

// takeEdit finds who edited a workload at the moment of a release, and takes that edit away: it is the same change, told with less.
func (l *look) takeEdit(t incident.Target, at time.Time) string {
	const apart = 2 * time.Second
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range l.s.Changes {
		if c.Source == rollout && c.Target == t && c.Verb != "scale" && c.After == "" && c.At.Sub(at).Abs() <= apart {
			l.s.Changes = slices.Delete(l.s.Changes, i, i+1)
			return c.Actor
		}
	}
	return ""
}

// describeRevision names a revision by what people know it by: its images.
func describeRevision(revision int64, t *corev1.PodTemplateSpec) string {
	var images []string
	for _, c := range t.Spec.Containers {
		images = append(images, c.Name+"="+c.Image)
	}
	s := strings.Join(images, ", ")
	if revision > 0 {
		s = fmt.Sprintf("revision %d: %s", revision, s)
	}
	return shorten(s, 300)
}

// revisionCalls read the histories of the StatefulSets and DaemonSets that are looked at in depth.
func (l *look) revisionCalls(in *suspects) []func(context.Context) {
	if l.b.Kube == nil {
		return nil
	}
	spaces := map[string]bool{}
	for _, t := range in.workloads {
		if t.Kind == "StatefulSet" || t.Kind == "DaemonSet" {
			spaces[t.Namespace] = true
		}
	}
	var out []func(context.Context)
	for _, ns := range sortedKeys(spaces) {
		out = append(out, list(l, listing[appsv1.ControllerRevision]{
			source: "controllerrevisions", gvk: appsv1.SchemeGroupVersion.WithKind("ControllerRevision"), done: l.revisions,
			fetch: paged(l.b.Kube.AppsV1().ControllerRevisions(ns).List, func(r *appsv1.ControllerRevisionList) []appsv1.ControllerRevision { return r.Items }),
		}))
	}
	return out
}

func (l *look) revisions(all []*appsv1.ControllerRevision) {
	for _, r := range all {
		if owner := metav1.GetControllerOf(r); owner != nil && l.lately(r.CreationTimestamp.Time) {
			verb := "update"
			if r.Revision <= 1 {
				verb = "create"
			}
			l.add(Change{At: r.CreationTimestamp.UTC(), Source: rollout, Verb: verb, Target: key(owner.Kind, r.Namespace, owner.Name), After: fmt.Sprintf("revision %d", r.Revision)})
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.s.Objects.ControllerRevisions = append(l.s.Objects.ControllerRevisions, all...)
}
