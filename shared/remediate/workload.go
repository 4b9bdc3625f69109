package remediate

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// workload is what Deployment, StatefulSet and DaemonSet have in common.
type workload struct {
	object
	replicas int32 // wanted; a DaemonSet: nodes it should run on
	template *corev1.PodTemplateSpec
	selector *metav1.LabelSelector
	paused   bool
	// status
	observed  bool // the controller has seen the present spec
	updated   int32
	ready     int32
	available int32
	total     int32
	late      string // since when it is past its progress deadline, RFC 3339; empty: it is not
}

func workloadOf(obj object) (workload, error) {
	switch w := obj.(type) {
	case *appsv1.Deployment:
		out := workload{
			object: w, replicas: deref(w.Spec.Replicas), template: &w.Spec.Template, selector: w.Spec.Selector, paused: w.Spec.Paused,
			observed: w.Status.ObservedGeneration >= w.Generation, updated: w.Status.UpdatedReplicas,
			ready: w.Status.ReadyReplicas, available: w.Status.AvailableReplicas, total: w.Status.Replicas,
		}
		for _, c := range w.Status.Conditions {
			if c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded" {
				out.late = c.LastUpdateTime.UTC().Format(time.RFC3339)
			}
		}
		return out, nil
	case *appsv1.StatefulSet:
		updated := w.Status.UpdatedReplicas
		if w.Status.CurrentRevision == w.Status.UpdateRevision { // then the controller counts them as current only
			updated = max(updated, w.Status.CurrentReplicas)
		}
		return workload{
			object: w, replicas: deref(w.Spec.Replicas), template: &w.Spec.Template, selector: w.Spec.Selector,
			observed: w.Status.ObservedGeneration >= w.Generation, updated: updated,
			ready: w.Status.ReadyReplicas, available: w.Status.AvailableReplicas, total: w.Status.Replicas,
		}, nil
	case *appsv1.DaemonSet:
		return workload{
			object: w, replicas: w.Status.DesiredNumberScheduled, template: &w.Spec.Template, selector: w.Spec.Selector,
			observed: w.Status.ObservedGeneration >= w.Generation, updated: w.Status.UpdatedNumberScheduled,
			ready: w.Status.NumberReady, available: w.Status.NumberAvailable, total: w.Status.CurrentNumberScheduled,
		}, nil
	default:
		return workload{}, fmt.Errorf("%T: %w", obj, errKind)
	}
}

func deref(n *int32) int32 {
	if n == nil {
		return 1 // what the API server makes of an absent replica count
	}
	return *n
}

// rolledOut says whether a workload's present spec has taken hold: every replica is of the present template and available, or
// those that are not have got the scheduler's answer that they fit nowhere. The second is as far as the step itself can come:
// waiting changes nothing, and verification will say that a pod is Pending. A rollout that was late before the change may still
// be called so for a moment after it; that is not counted against the change.
func rolledOut(ctx context.Context, client kubernetes.Interface, obj object, before image) (bool, error) {
	w, err := workloadOf(obj)
	if err != nil {
		return false, err
	}
	if !w.observed {
		return false, nil
	}
	if w.updated >= w.replicas && w.total == w.replicas && w.available >= w.replicas {
		return true, nil
	}
	if w.late != "" && w.late != before.Late {
		return false, ErrFailed{Why: fmt.Sprintf("the rollout of %s made no progress within its deadline: %d of %d replicas updated, %d available",
			w.GetName(), w.updated, w.replicas, w.available)}
	}
	stuck, err := unschedulable(ctx, client, w)
	if err != nil {
		return false, err
	}
	missing := w.replicas - min(w.available, w.updated)
	return stuck > 0 && stuck >= missing, nil
}

// unschedulable counts a workload's pods that the scheduler has found no node for.
func unschedulable(ctx context.Context, client kubernetes.Interface, w workload) (int32, error) {
	selector, err := metav1.LabelSelectorAsSelector(w.selector)
	if err != nil {
		return 0, fmt.Errorf("selector of %s: %w", w.GetName(), err)
	}
	pods, err := client.CoreV1().Pods(w.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return 0, kubeError("listing the pods of "+w.GetName(), err)
	}
	var n int32
	for i := range pods.Items {
		if reason, pending := unschedulableReason(&pods.Items[i]); pending && reason != "" {
			n++
		}
	}
	return n, nil
}

// unschedulableReason is the scheduler's message for a pod it found no node for.
func unschedulableReason(p *corev1.Pod) (string, bool) {
	if p.Spec.NodeName != "" || p.DeletionTimestamp != nil {
		return "", false
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return c.Message, true
		}
	}
	return "", false
}
