package diagnose

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"cce-oncall/shared/incident"
)

// atRest are things that wait by design and look like trouble to an alarm. They are told only when somebody asks: an alarm about the
// object, the scope, or the question. They are symptoms, so none of them is ever called the fault.
func (g *gather) atRest(w *workload) {
	v := g.v
	if !v.asked(w.target) {
		return
	}
	switch o := w.object.(type) {
	case *appsv1.Deployment:
		if o.Spec.MinReadySeconds <= 0 || o.Status.ReadyReplicas <= o.Status.AvailableReplicas {
			return
		}
		for _, p := range w.live() {
			c := condition(p, corev1.PodReady)
			if c == nil || c.Status != corev1.ConditionTrue || v.age(c.LastTransitionTime.Time) >= time.Duration(o.Spec.MinReadySeconds)*time.Second {
				continue
			}
			d, fresh := g.on(incident.MinReadySecondsWaiting, w.target)
			if fresh {
				d.say(fmt.Sprintf("pods of %s are ready and wait for minReadySeconds", w.target), fmt.Sprintf("%s 的 Pod 已就绪，等待 minReadySeconds", w.target)).
					object(w.target, "spec.minReadySeconds %d, ready %d, available %d", o.Spec.MinReadySeconds, o.Status.ReadyReplicas, o.Status.AvailableReplicas)
			}
			d.affectsPods(p).since(c.LastTransitionTime.Time)
		}
	case *appsv1.StatefulSet:
		u := o.Spec.UpdateStrategy.RollingUpdate
		if u == nil || u.Partition == nil || *u.Partition == 0 || o.Status.UpdateRevision == o.Status.CurrentRevision {
			return
		}
		d, _ := g.on(incident.StatefulSetPartitionHeld, w.target)
		d.say(fmt.Sprintf("the update of %s stops at partition %d", w.target, *u.Partition), fmt.Sprintf("%s 的更新停在 partition %d", w.target, *u.Partition)).
			object(w.target, "updateStrategy.rollingUpdate.partition %d, updateRevision %s, currentRevision %s", *u.Partition, o.Status.UpdateRevision, o.Status.CurrentRevision)
	}
}

// waitsForPod is a claim of a class that binds with the first pod, while there is none.
func (g *gather) waitsForPod(c *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) {
	t := claimTarget(c.Namespace, c.Name)
	if !g.v.asked(t) || class == nil || class.VolumeBindingMode == nil || *class.VolumeBindingMode != storagev1.VolumeBindingWaitForFirstConsumer {
		return
	}
	g.say(incident.WaitForFirstConsumer, t, c, nil).object(t, "status.phase Pending; StorageClass %s has volumeBindingMode WaitForFirstConsumer, and no pod uses the claim", class.Name).
		since(c.CreationTimestamp.Time)
}

// scalerAtRest is an autoscaler that has measured and waits: for its window, or because the value is near enough to the wanted one.
func (g *gather) scalerAtRest(h *autoscalingv2.HorizontalPodAutoscaler) {
	v := g.v
	t := target("HorizontalPodAutoscaler", h)
	ref := incident.Target{Kind: h.Spec.ScaleTargetRef.Kind, Namespace: h.Namespace, Name: h.Spec.ScaleTargetRef.Name}
	if !v.asked(t) && !v.asked(ref) {
		return
	}
	c := scaling(h, autoscalingv2.AbleToScale)
	switch {
	case c != nil && (c.Reason == "ScaleDownStabilized" || c.Reason == "ScaleUpStabilized" || c.Reason == "BackoffBoth" || c.Reason == "BackoffUpscale" || c.Reason == "BackoffDownscale"):
		d, _ := g.on(incident.HPACooldown, t)
		d.say(fmt.Sprintf("%s waits for its stabilisation window", t), fmt.Sprintf("%s 处于稳定窗口内", t)).affects(ref).
			object(t, "conditions[AbleToScale]: %s %s: %s", c.Status, c.Reason, quote(c.Message))
	case nearTarget(h) != "":
		d, _ := g.on(incident.HPAWithinTolerance, t)
		d.say(fmt.Sprintf("%s measures a value near enough to its target", t), fmt.Sprintf("%s 的指标在容忍范围内", t)).affects(ref).object(t, "%s", nearTarget(h))
	}
}

// nearTarget is a measured value that is above the wanted one by less than the tolerance of 10 %.
func nearTarget(h *autoscalingv2.HorizontalPodAutoscaler) string {
	for _, m := range h.Spec.Metrics {
		if m.Resource == nil || m.Resource.Target.AverageUtilization == nil {
			continue
		}
		for _, s := range h.Status.CurrentMetrics {
			if s.Resource == nil || s.Resource.Name != m.Resource.Name || s.Resource.Current.AverageUtilization == nil {
				continue
			}
			now, want := *s.Resource.Current.AverageUtilization, *m.Resource.Target.AverageUtilization
			if now > want && 10*now <= 11*want {
				return fmt.Sprintf("%s at %d %%, target %d %%, tolerance 10 %%", m.Resource.Name, now, want)
			}
		}
	}
	return ""
}

// stuckPending is the symptom of a pod outside any set of replicas that has a node and does not begin.
func (g *gather) stuckPending(w *workload) {
	if w.target.Kind != "Pod" && !w.isJob() || g.any(w.target) || w.isJob() && (jobOf(w) == nil || jobDone(jobOf(w))) {
		return
	}
	for _, p := range w.live() {
		if p.Status.Phase != corev1.PodPending || p.Spec.NodeName == "" || g.v.age(p.CreationTimestamp.Time) < 5*time.Minute {
			continue
		}
		d, fresh := g.on(incident.PodPending, w.target)
		if fresh {
			d.say(fmt.Sprintf("%s is pending on its node", w.target), fmt.Sprintf("%s 在节点上一直 Pending", w.target))
		}
		d.affectsPods(p).since(p.CreationTimestamp.Time).object(podTarget(p), "status.phase Pending on node %s for %s", p.Spec.NodeName, spanEN(g.v.age(p.CreationTimestamp.Time)))
	}
}
