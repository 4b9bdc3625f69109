package remediatetest

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"cce-oncall/shared/incident"
)

func (g *ground) restart() ([]incident.Step, error) {
	d, err := g.web(1)
	if err != nil {
		return nil, err
	}
	return []incident.Step{g.step(incident.RestartRollout, "Deployment", d.UID, map[string]string{"restartedAt": ""}, map[string]string{"restartedAt": "2026-11-22T07:00:00Z"})}, nil
}

func (g *ground) resume() ([]incident.Step, error) {
	d, err := g.web(1)
	if err != nil {
		return nil, err
	}
	paused := []byte(`{"spec":{"paused":true}}`)
	if _, err := g.direct.AppsV1().Deployments(g.namespace).Patch(context.Background(), d.Name, types.MergePatchType, paused, metav1.PatchOptions{}); err != nil {
		return nil, err
	}
	return []incident.Step{g.step(incident.ResumeRollout, "Deployment", d.UID, map[string]string{"paused": "true"}, map[string]string{"paused": "false"})}, nil
}

func (g *ground) restore() ([]incident.Step, error) {
	d, err := g.web(0)
	if err != nil {
		return nil, err
	}
	return []incident.Step{g.step(incident.RestoreReplicas, "Deployment", d.UID, map[string]string{"replicas": "0"}, map[string]string{"replicas": "1"})}, nil
}

// burst stands a node of the bursting add-on beside the workload; by its name it is a virtual one.
func (g *ground) burst() ([]incident.Step, error) {
	virtual := "bursting-" + g.name
	if _, err := g.worker(virtual); err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, err
	}
	d, err := g.web(1)
	if err != nil {
		return nil, err
	}
	return []incident.Step{g.step(incident.BurstToCCI, "Deployment", d.UID, map[string]string{"burst": ""}, map[string]string{"burst": "localPrefer"})}, nil
}

func (g *ground) adjustHPA() ([]incident.Step, error) {
	percent := int32(80)
	h, err := g.direct.AutoscalingV2().HorizontalPodAutoscalers(g.namespace).Create(context.Background(), &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			MaxReplicas: 4, ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"},
			Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
				Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &percent},
			}}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return []incident.Step{g.step(incident.AdjustHPA, "HorizontalPodAutoscaler", h.UID,
		map[string]string{"minReplicas": "1", "maxReplicas": "4", "utilization.cpu": "80"}, map[string]string{"minReplicas": "2", "maxReplicas": "8", "utilization.cpu": "60"})}, nil
}

func (g *ground) autoscaler() (string, error) {
	h, err := g.direct.AutoscalingV2().HorizontalPodAutoscalers(g.namespace).Get(context.Background(), "web", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return Show(h.Spec)
}

// rollBackStateful gives a StatefulSet a second revision.
func (g *ground) rollBackStateful() ([]incident.Step, error) {
	ctx, one := context.Background(), int32(1)
	sets, labels := g.direct.AppsV1().StatefulSets(g.namespace), map[string]string{"app": "web"}
	s, err := sets.Create(ctx, &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       appsv1.StatefulSetSpec{Replicas: &one, ServiceName: "web", Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: g.template(labels)},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("making a stateful set: %w", err)
	}
	if err := until("the stateful set", g.inOrder); err != nil {
		return nil, err
	}
	image := []byte(`[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"app:2"}]`)
	if _, err := sets.Patch(ctx, s.Name, types.JSONPatchType, image, metav1.PatchOptions{}); err != nil {
		return nil, err
	}
	if err := until("its second revision", g.inOrder); err != nil {
		return nil, err
	}
	kept, err := g.direct.AppsV1().ControllerRevisions(g.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	by := map[int64]string{}
	for _, r := range kept.Items {
		by[r.Revision] = r.Name
	}
	return []incident.Step{g.step(incident.RollBack, "StatefulSet", s.UID,
		map[string]string{"revision": "2", "from": by[2]}, map[string]string{"revision": "1", "to": by[1]})}, nil
}

func (g *ground) inOrder(ctx context.Context) (bool, error) {
	s, err := g.direct.AppsV1().StatefulSets(g.namespace).Get(ctx, "web", metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	return s.Status.ObservedGeneration >= s.Generation && s.Status.CurrentRevision == s.Status.UpdateRevision && s.Status.AvailableReplicas == wanted(s.Spec.Replicas), nil
}

func (g *ground) settleStateful() error { return g.look("the stateful set", g.inOrder) }

func (g *ground) stateful() (string, error) {
	s, err := g.direct.AppsV1().StatefulSets(g.namespace).Get(context.Background(), "web", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	c := s.Spec.Template.Spec.Containers[0]
	return Show(wanted(s.Spec.Replicas), c.Image, c.Resources, s.Spec.Template.Annotations)
}

func (g *ground) uncordon() ([]incident.Step, error) {
	n, err := g.worker(g.own())
	if err != nil {
		return nil, err
	}
	closed := []byte(`{"spec":{"unschedulable":true}}`)
	if _, err := g.direct.CoreV1().Nodes().Patch(context.Background(), n.Name, types.MergePatchType, closed, metav1.PatchOptions{}); err != nil {
		return nil, err
	}
	return []incident.Step{{
		Action: incident.UncordonNode, Target: incident.Target{Kind: "Node", Name: n.Name},
		Expect: map[string]string{"uid": string(n.UID), "unschedulable": "true"}, Goal: map[string]string{"unschedulable": "false"},
	}}, nil
}

// replace takes the machine of an empty node away; the cloud that makes another is played.
func (g *ground) replace() ([]incident.Step, error) {
	n, err := g.worker(g.own())
	if err != nil {
		return nil, err
	}
	id := []byte(`{"spec":{"providerID":"ecs-1"}}`)
	if _, err := g.direct.CoreV1().Nodes().Patch(context.Background(), n.Name, types.MergePatchType, id, metav1.PatchOptions{}); err != nil {
		return nil, err
	}
	t := incident.Target{Kind: "Node", Name: n.Name}
	return []incident.Step{
		{Action: incident.CordonNode, Target: t, Expect: map[string]string{"uid": string(n.UID), "unschedulable": "false"}, Goal: map[string]string{"unschedulable": "true"}},
		{Action: incident.ReplaceNode, Target: t, Expect: map[string]string{"uid": string(n.UID)}, Goal: map[string]string{"replaced": "true"}},
	}, nil
}

// replaced lets the node of a deleted machine go.
func (g *ground) replaced() error {
	g.cloud.mu.Lock()
	gone := len(g.cloud.Deleted) > 0
	g.cloud.mu.Unlock()
	if !gone {
		return nil
	}
	if err := g.direct.CoreV1().Nodes().Delete(context.Background(), g.own(), metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}

// machine is whether the node is closed or gone, and which machines were deleted.
func (g *ground) machine() (string, error) {
	g.cloud.mu.Lock()
	deleted := append([]string(nil), g.cloud.Deleted...)
	g.cloud.mu.Unlock()
	n, err := g.direct.CoreV1().Nodes().Get(context.Background(), g.own(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return Show("gone", deleted)
	case err != nil:
		return "", err
	}
	return Show(n.Spec.Unschedulable, deleted)
}

func (g *ground) deletePod() ([]incident.Step, error) {
	if _, err := g.web(1); err != nil {
		return nil, err
	}
	pods, err := g.direct.CoreV1().Pods(g.namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 1 {
		return nil, errors.Join(err, fmt.Errorf("%d pods, not one", len(pods.Items)))
	}
	g.target = pods.Items[0].Name
	s := g.step(incident.DeletePod, "Pod", pods.Items[0].UID, map[string]string{}, map[string]string{"absent": "true"})
	s.Target.Name = g.target
	return []incident.Step{s}, nil
}

// doomed is whether the pod that is to go is still meant to stay.
func (g *ground) doomed() (string, error) {
	p, err := g.direct.CoreV1().Pods(g.namespace).Get(context.Background(), g.target, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return Show("gone")
	case err != nil:
		return "", err
	case p.DeletionTimestamp != nil:
		return Show("gone")
	}
	return Show("there")
}

// suspendJob makes a job whose pod finds no node: it is active for as long as it may.
func (g *ground) suspendJob() ([]incident.Step, error) {
	template := g.template(nil)
	template.Spec.RestartPolicy, template.Spec.NodeSelector = corev1.RestartPolicyNever, map[string]string{"matrix": "nowhere"}
	j, err := g.direct.BatchV1().Jobs(g.namespace).Create(context.Background(), &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: batchv1.JobSpec{Template: template},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("making a job: %w", err)
	}
	return []incident.Step{g.step(incident.SuspendJob, "Job", j.UID, map[string]string{"suspend": "false"}, map[string]string{"suspend": "true"})},
		until("the job's pod", g.asActive)
}

func (g *ground) asActive(ctx context.Context) (bool, error) {
	j, err := g.direct.BatchV1().Jobs(g.namespace).Get(ctx, "web", metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	return (j.Status.Active > 0) == !*j.Spec.Suspend, nil
}

func (g *ground) settleJob() error { return g.look("the job", g.asActive) }

func (g *ground) job() (string, error) {
	j, err := g.direct.BatchV1().Jobs(g.namespace).Get(context.Background(), "web", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return Show(j.Spec.Suspend)
}

func (g *ground) suspendCronJob() ([]incident.Step, error) {
	template := g.template(nil)
	template.Spec.RestartPolicy = corev1.RestartPolicyNever
	j, err := g.direct.BatchV1().CronJobs(g.namespace).Create(context.Background(), &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       batchv1.CronJobSpec{Schedule: "0 0 1 1 *", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("making a cron job: %w", err)
	}
	return []incident.Step{g.step(incident.SuspendCronJob, "CronJob", j.UID, map[string]string{"suspend": "false"}, map[string]string{"suspend": "true"})}, nil
}

func (g *ground) cronJob() (string, error) {
	j, err := g.direct.BatchV1().CronJobs(g.namespace).Get(context.Background(), "web", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return Show(j.Spec.Suspend)
}

// expand makes a claim and the disk it is bound to.
func (g *ground) expand() ([]incident.Step, error) {
	ctx, grows, class := context.Background(), true, "matrix-"+g.name
	_, err := g.direct.StorageV1().StorageClasses().Create(ctx, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: class}, Provisioner: driver, AllowVolumeExpansion: &grows}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("making a storage class: %w", err)
	}
	size := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("10Gi")}
	once := []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	_, err = g.direct.CoreV1().PersistentVolumes().Create(ctx, &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: g.namespace}, Spec: corev1.PersistentVolumeSpec{
		Capacity: size, AccessModes: once, StorageClassName: class, PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
		ClaimRef:               &corev1.ObjectReference{Namespace: g.namespace, Name: "web"},
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: g.namespace}},
	}}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("making a volume: %w", err)
	}
	pvc, err := g.direct.CoreV1().PersistentVolumeClaims(g.namespace).Create(ctx, &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: once, StorageClassName: &class, VolumeName: g.namespace, Resources: corev1.VolumeResourceRequirements{Requests: size},
	}}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("making a claim: %w", err)
	}
	return []incident.Step{g.step(incident.ExpandPVC, "PersistentVolumeClaim", pvc.UID, map[string]string{"size": "10Gi"}, map[string]string{"size": "15Gi"})},
		until("the claim to be bound", func(ctx context.Context) (bool, error) {
			c, err := g.direct.CoreV1().PersistentVolumeClaims(g.namespace).Get(ctx, "web", metav1.GetOptions{})
			return err == nil && c.Status.Phase == corev1.ClaimBound, err
		})
}

func (g *ground) claim() (string, error) {
	c, err := g.direct.CoreV1().PersistentVolumeClaims(g.namespace).Get(context.Background(), "web", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return Show(c.Spec.Resources)
}

// resize plays the storage driver: a disk is as large as its claim asks.
func (g *ground) resize() error {
	claims := g.direct.CoreV1().PersistentVolumeClaims(g.namespace)
	c, err := claims.Get(context.Background(), "web", metav1.GetOptions{})
	if err != nil {
		return err
	}
	asked := c.Spec.Resources.Requests[corev1.ResourceStorage]
	grown := fmt.Appendf(nil, `{"status":{"capacity":{"storage":%q}}}`, asked.String())
	_, err = claims.Patch(context.Background(), "web", types.MergePatchType, grown, metav1.PatchOptions{}, "status")
	return err
}
