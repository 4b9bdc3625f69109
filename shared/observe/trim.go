package observe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// recent says whether an event is young enough to tell of the present, and cuts what is too long.
func (l *look) recent(e *corev1.Event) bool {
	const most = 2 << 10
	if len(e.Message) > most {
		e.Message = strings.ToValidUTF8(e.Message[:most], "")
	}
	return l.s.At.Sub(LastSeen(e)) <= l.limits.Window
}

// newest keeps the newest events, warnings before the others: they name causes, the others fill in the timeline. A page's worth more
// than will be kept is let through, so that pruning does not sort for every page.
func (l *look) newest(all []*corev1.Event) []*corev1.Event {
	if len(all) <= 2*l.limits.Events {
		return all
	}
	return l.cutEvents(all)
}

func (l *look) cutEvents(all []*corev1.Event) []*corev1.Event {
	slices.SortStableFunc(all, func(a, b *corev1.Event) int {
		return cmp.Or(-compareBool(a.Type == corev1.EventTypeWarning, b.Type == corev1.EventTypeWarning), LastSeen(b).Compare(LastSeen(a)), compareObjects(a, b))
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(all) > l.limits.Events {
		clear(all[l.limits.Events:])
		all = all[:l.limits.Events]
		l.s.gap(fmt.Sprintf("of the events of the last %s only %d were kept: warnings first, the newest of them", spell(l.limits.Window), l.limits.Events))
	}
	return all
}

// trimEvents brings the kept events down to their number, after the last page.
func (l *look) trimEvents() {
	if len(l.s.Objects.Events) > l.limits.Events {
		l.s.Objects.Events = slices.Clone(l.cutEvents(l.s.Objects.Events))
	}
}

// latestRevisions keeps of each Deployment the ReplicaSets with pods and the three newest revisions: what runs, what ran before, and
// what could be gone back to. Old ones are most of a cluster's ReplicaSets.
func latestRevisions(all []*appsv1.ReplicaSet) []*appsv1.ReplicaSet {
	const kept = 3
	newest := map[string][]int64{}
	owner := func(rs *appsv1.ReplicaSet) string {
		if o := metav1.GetControllerOf(rs); o != nil {
			return rs.Namespace + "/" + o.Name
		}
		return ""
	}
	for _, rs := range all {
		o := owner(rs)
		newest[o] = append(newest[o], Revision(rs))
	}
	for o, revisions := range newest {
		slices.SortFunc(revisions, func(a, b int64) int { return cmp.Compare(b, a) })
		newest[o] = revisions[:min(kept, len(revisions))]
	}
	out := all[:0]
	for _, rs := range all {
		o := owner(rs)
		wanted := rs.Spec.Replicas == nil || *rs.Spec.Replicas > 0 || rs.Status.Replicas > 0
		if wanted || o == "" || slices.Contains(newest[o], Revision(rs)) {
			out = append(out, rs)
		}
	}
	clear(all[len(out):])
	return out
}

// slimConfigMap takes out of a ConfigMap what is never kept.
func slimConfigMap(c *corev1.ConfigMap) bool {
	if c.Name == "kube-root-ca.crt" { // one in each namespace, all alike
		for k := range c.Data {
			c.Data[k] = Redacted
		}
		return true
	}
	*c = *tidyConfigMap(c)
	return true
}

// dropConfigMapValues leaves the values of ConfigMaps only where something is looked at in depth: elsewhere their names, keys and
// versions are enough.
func (l *look) dropConfigMapValues(in *suspects) {
	for i, c := range l.s.Objects.ConfigMaps {
		if in.namespaces[c.Namespace] || c.Namespace == metav1.NamespaceSystem && strings.Contains(c.Name, "coredns") || len(c.Data) == 0 {
			continue
		}
		keys := *c
		keys.Data = make(map[string]string, len(c.Data))
		for k := range c.Data {
			keys.Data[k] = Redacted
		}
		l.s.Objects.ConfigMaps[i] = &keys
	}
}
