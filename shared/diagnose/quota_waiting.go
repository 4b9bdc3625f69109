package diagnose

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"cce-oncall/shared/incident"
)

// waitingFor lists what a namespace expects and does not have, which a quota on a resource may have refused, and how much of the
// resource the smallest of it would take.
func (v *view) waitingFor(namespace string, n corev1.ResourceName) ([]incident.Target, resource.Quantity) {
	one := resource.MustParse("1")
	switch r := quotaReason(string(n)); r {
	case incident.NamespaceServiceQuotaExceeded:
		return v.missingServices(namespace), one
	case incident.NamespaceStorageQuotaExceeded:
		return v.missingClaims(namespace), one
	default:
		return v.lackingPods(namespace, n)
	}
}

// missingServices are the Services of a namespace that callers name and nobody made.
func (v *view) missingServices(namespace string) []incident.Target {
	var out []incident.Target
	for _, u := range v.apps().uses {
		t := incident.Target{Kind: "Service", Namespace: u.namespace, Name: u.service}
		if u.found == nil && u.inCluster && u.sure && u.namespace == namespace && !telemetryKey.MatchString(u.key) && len(out) < 5 {
			out = unite(out, []incident.Target{t})
		}
	}
	for _, s := range v.Objects.StatefulSets {
		if s.Namespace == namespace && s.Spec.ServiceName != "" && v.idx.Service(namespace, s.Spec.ServiceName) == nil {
			out = unite(out, []incident.Target{{Kind: "Service", Namespace: namespace, Name: s.Spec.ServiceName}})
		}
	}
	return out
}

// missingClaims are the claims that pods of a namespace mount and nobody made.
func (v *view) missingClaims(namespace string) []incident.Target {
	have := map[string]bool{}
	for _, c := range v.Objects.PersistentVolumeClaims {
		if c.Namespace == namespace {
			have[c.Name] = true
		}
	}
	var out []incident.Target
	for _, w := range v.inSpace[namespace] {
		if w.template == nil {
			continue
		}
		w.references(func(kind, n, _ string, _ bool) {
			if kind == "PersistentVolumeClaim" && !have[n] {
				out = unite(out, []incident.Target{claimTarget(namespace, n)})
			}
		})
	}
	return out
}

// lackingPods are the workloads with fewer pods than they want, and the smallest request among their pods for the resource.
func (v *view) lackingPods(namespace string, n corev1.ResourceName) ([]incident.Target, resource.Quantity) {
	var out []incident.Target
	var least resource.Quantity
	for _, w := range v.inSpace[namespace] {
		if w.desired <= len(w.live()) || w.template == nil || w.isJob() {
			continue
		}
		out = append(out, w.target)
		need := resource.MustParse("1")
		if n != corev1.ResourcePods && !strings.HasPrefix(string(n), "count/") {
			need = templateSum(w, n)
		}
		if least.IsZero() || need.Cmp(least) < 0 {
			least = need
		}
	}
	return out, least
}

// templateSum adds up what one pod takes of a quota's resource: "cpu" and "requests.cpu" are requests, "limits.cpu" limits.
func templateSum(w *workload, n corev1.ResourceName) resource.Quantity {
	var sum resource.Quantity
	word := strings.TrimPrefix(strings.TrimPrefix(string(n), "requests."), "limits.")
	for _, c := range w.containers() {
		list := c.Resources.Requests
		if strings.HasPrefix(string(n), "limits.") {
			list = c.Resources.Limits
		}
		q, ok := list[corev1.ResourceName(word)]
		if !ok {
			q = c.Resources.Limits[corev1.ResourceName(word)]
		}
		sum.Add(q)
	}
	return sum
}
