package observe

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "k8s.io/apimachinery/pkg/util/json"
)

// leaseKind reads the heartbeats of nodes; other leases are kept as they came.
var leaseKind = kind{
	name: "Lease", version: "coordination.k8s.io/v1", also: map[string]bool{"coordination.k8s.io/v1": true}, namespaced: true,
	read: func(o *Objects, raw json.RawMessage) error {
		var l coordinationv1.Lease
		if err := kjson.Unmarshal(raw, &l); err != nil {
			return err
		}
		if l.Namespace != corev1.NamespaceNodeLease {
			return errElsewhere
		}
		o.Leases = append(o.Leases, nodeLease(&l))
		return nil
	},
	each: func(o *Objects, give func(any)) {
		for _, l := range o.Leases {
			x := coordinationv1.Lease{
				TypeMeta:   metav1.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"},
				ObjectMeta: metav1.ObjectMeta{Namespace: corev1.NamespaceNodeLease, Name: l.Node},
			}
			if !l.RenewedAt.IsZero() {
				x.Spec.RenewTime = &metav1.MicroTime{Time: l.RenewedAt}
			}
			if seconds := int32(l.Lasts / time.Second); seconds > 0 {
				x.Spec.LeaseDurationSeconds = &seconds
			}
			give(&x)
		}
	},
	sort: func(o *Objects) {
		byNode := func(a, b *Lease) int { return cmp.Or(cmp.Compare(a.Node, b.Node), a.RenewedAt.Compare(b.RenewedAt)) }
		if !slices.IsSortedFunc(o.Leases, byNode) {
			o.Leases = slices.Clone(o.Leases)
			slices.SortStableFunc(o.Leases, byNode)
		}
	},
}

func nodeLease(l *coordinationv1.Lease) *Lease {
	out := &Lease{Node: l.Name}
	if l.Spec.RenewTime != nil {
		out.RenewedAt = l.Spec.RenewTime.UTC()
	}
	if l.Spec.LeaseDurationSeconds != nil {
		out.Lasts = time.Duration(*l.Spec.LeaseDurationSeconds) * time.Second
	}
	return out
}
