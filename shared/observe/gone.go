package observe

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// goneCalls deal with what active alarms name and the cluster no longer has: that is said, and for pods the log service may still know
// what they wrote.
func (l *look) goneCalls(in *suspects) []func(context.Context) {
	var out []func(context.Context)
	seen := map[incident.Target]bool{}
	for _, a := range l.s.Alarms {
		t := key(a.Object.Kind, a.Object.Namespace, a.Object.Name)
		if !a.Active() || a.Urgency() == alarm.Inform || seen[t] || !l.missing(in.index, t) {
			continue
		}
		seen[t] = true
		l.missed("", fmt.Sprintf("%s is not in the cluster: of what its alarm says only the alarm is left", t), false)
		if t.Kind != "Pod" || l.b.Logs == nil || len(out) == l.limits.LogPods {
			continue
		}
		out = append(out, func(ctx context.Context) {
			call, cancel := l.limited(ctx)
			defer cancel()
			found, err := l.b.Logs.Search(call, LogQuery{
				Namespace: t.Namespace, Pod: t.Name, From: a.FiredAt.Add(-l.limits.Metrics), To: l.s.At, Limit: int(l.limits.LogLines),
			})
			if err != nil {
				l.missed("logs", fmt.Sprintf("logs of %s could not be read: %s", t, reason(err)), false)
				return
			}
			for _, f := range found {
				l.addLog(f)
			}
		})
	}
	return out
}

// missing says whether an object is surely not there: its kind was listed, and it was not among them.
func (l *look) missing(x *Index, t incident.Target) bool {
	sources := map[string]string{"Pod": "pods", "Node": "nodes", "Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "Service": "services", "PersistentVolumeClaim": "persistentvolumeclaims"}
	source, known := sources[t.Kind]
	if !known || t.Name == "" || l.b.Kube == nil || slices.Contains(l.s.Unreadable, source) {
		return false
	}
	if t.Kind == "Node" {
		return x.Node(t.Name) == nil && !slices.ContainsFunc(l.s.Objects.Nodes, func(n *corev1.Node) bool { return hasAddress(n, t.Name) })
	}
	return !x.Has(t.Kind, t.Namespace, t.Name)
}

func hasAddress(n *corev1.Node, address string) bool {
	for _, a := range n.Status.Addresses {
		if a.Address == address {
			return true
		}
	}
	return false
}
