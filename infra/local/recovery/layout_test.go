package recovery

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

// lay makes the cluster of the snapshot: storage, nodes, and the pods that are there already.
func (c *cluster) lay(ctx context.Context) error {
	o := c.snapshot.Objects
	err := each(len(o.CSINodes)+len(o.StorageClasses), func(i int) error {
		if i < len(o.CSINodes) {
			return c.csiNode(ctx, o.CSINodes[i])
		}
		return c.storageClass(ctx, o.StorageClasses[i-len(o.CSINodes)])
	})
	if err != nil {
		return err
	}
	err = each(len(o.Nodes)+len(o.PersistentVolumes), func(i int) error {
		if i < len(o.Nodes) {
			return c.node(ctx, o.Nodes[i])
		}
		return c.disk(ctx, o.PersistentVolumes[i-len(o.Nodes)], o.PersistentVolumeClaims)
	})
	if err != nil {
		return err
	}
	if err := each(len(o.PersistentVolumeClaims), func(i int) error { return c.claim(ctx, o.PersistentVolumeClaims[i]) }); err != nil {
		return err
	}
	if err := each(len(o.Pods), func(i int) error { return c.pod(ctx, o.Pods[i], "old") }); err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, 15*time.Millisecond, time.Minute, true, c.ready)
}

// ready: the controllers have taken the taint of a new node away, and bound the claims that name a disk.
func (c *cluster) ready(ctx context.Context) (bool, error) {
	nodes, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: mine + "=" + c.prefix + "old"})
	if err != nil {
		return false, err
	}
	for _, n := range nodes.Items {
		if slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeNotReady }) {
			return false, nil
		}
	}
	for _, pvc := range c.snapshot.Objects.PersistentVolumeClaims {
		if pvc.Spec.VolumeName == "" {
			continue
		}
		have, err := c.client.CoreV1().PersistentVolumeClaims(c.names[pvc.Namespace]).Get(ctx, c.prefix+pvc.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		if have.Status.Phase != corev1.ClaimBound {
			return false, c.nudge(ctx, have)
		}
	}
	return true, nil
}

// nudge makes the volume controller look at a claim again, which it otherwise does four times a minute: it may have looked before it
// heard of the disk.
func (c *cluster) nudge(ctx context.Context, pvc *corev1.PersistentVolumeClaim) error {
	c.nudges++
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"%s":"%d"}}}`, mine, c.nudges)
	_, err := c.client.CoreV1().PersistentVolumeClaims(pvc.Namespace).Patch(ctx, pvc.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

// meta is an object's name and labels in the control plane.
func (c *cluster) meta(name string, labels map[string]string, kind string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Name: c.prefix + name, Labels: map[string]string{mine: c.prefix + kind}}
	for k, v := range labels {
		m.Labels[k] = v
	}
	return m
}

func (c *cluster) node(ctx context.Context, n *corev1.Node) error {
	now := metav1.Now()
	n = &corev1.Node{ObjectMeta: c.meta(n.Name, n.Labels, "old"), Spec: *n.Spec.DeepCopy(), Status: *n.Status.DeepCopy()}
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastHeartbeatTime: now, LastTransitionTime: now}}
	_, err := c.client.CoreV1().Nodes().Create(ctx, n, metav1.CreateOptions{})
	return err
}

func (c *cluster) csiNode(ctx context.Context, n *storagev1.CSINode) error {
	_, err := c.client.StorageV1().CSINodes().Create(ctx, &storagev1.CSINode{ObjectMeta: c.meta(n.Name, n.Labels, "old"), Spec: *n.Spec.DeepCopy()}, metav1.CreateOptions{})
	return err
}

func (c *cluster) storageClass(ctx context.Context, s *storagev1.StorageClass) error {
	meta := c.meta(s.Name, s.Labels, "old")
	s = s.DeepCopy()
	s.ObjectMeta = meta
	_, err := c.client.StorageV1().StorageClasses().Create(ctx, s, metav1.CreateOptions{})
	return err
}

// class is the name of a storage class here; none stays none.
func (c *cluster) class(name string) string {
	if name == "" {
		return ""
	}
	return c.prefix + name
}

// disk makes a volume; one that is bound in the snapshot is kept for its claim, and bound by the controller.
func (c *cluster) disk(ctx context.Context, v *corev1.PersistentVolume, claims []*corev1.PersistentVolumeClaim) error {
	v = &corev1.PersistentVolume{ObjectMeta: c.meta(v.Name, v.Labels, "old"), Spec: *v.Spec.DeepCopy()}
	v.Spec.StorageClassName, v.Spec.ClaimRef = c.class(v.Spec.StorageClassName), nil
	v.Spec.CSI.VolumeHandle = v.Name
	for _, pvc := range claims {
		if c.prefix+pvc.Spec.VolumeName == v.Name {
			v.Spec.ClaimRef = &corev1.ObjectReference{Namespace: c.names[pvc.Namespace], Name: c.prefix + pvc.Name}
		}
	}
	_, err := c.client.CoreV1().PersistentVolumes().Create(ctx, v, metav1.CreateOptions{})
	return err
}

func (c *cluster) claim(ctx context.Context, pvc *corev1.PersistentVolumeClaim) error {
	out := &corev1.PersistentVolumeClaim{ObjectMeta: c.meta(pvc.Name, pvc.Labels, "old"), Spec: *pvc.Spec.DeepCopy()}
	class := c.class(*pvc.Spec.StorageClassName)
	out.Spec.StorageClassName = &class
	if pvc.Spec.VolumeName != "" {
		out.Spec.VolumeName = c.prefix + pvc.Spec.VolumeName
	}
	_, err := c.client.CoreV1().PersistentVolumeClaims(c.names[pvc.Namespace]).Create(ctx, out, metav1.CreateOptions{})
	return err
}

// pod makes a pod as it is in the snapshot: on its node, over, or on its way out.
func (c *cluster) pod(ctx context.Context, p *corev1.Pod, kind string) error {
	out := &corev1.Pod{ObjectMeta: c.meta(p.Name, p.Labels, kind), Spec: *p.Spec.DeepCopy()}
	if out.Spec.NodeName != "" {
		out.Spec.NodeName = c.prefix + out.Spec.NodeName
		// The taint manager would evict what is here already, which is not what is asked.
		out.Spec.Tolerations = append(out.Spec.Tolerations, corev1.Toleration{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute})
	}
	for _, list := range [][]corev1.Container{out.Spec.InitContainers, out.Spec.Containers} {
		for i := range list {
			list[i].Image = "app:1"
		}
	}
	for _, v := range out.Spec.Volumes {
		v.PersistentVolumeClaim.ClaimName = c.prefix + v.PersistentVolumeClaim.ClaimName
	}
	if out.Spec.Overhead != nil {
		class := runtimeClass
		out.Spec.RuntimeClassName = &class
	}
	pods := c.client.CoreV1().Pods(c.names[p.Namespace])
	made, err := pods.Create(ctx, out, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("make pod %s: %w", out.Name, err)
	}
	if p.Status.Phase == corev1.PodSucceeded {
		made.Status.Phase = corev1.PodSucceeded
		if made, err = pods.UpdateStatus(ctx, made, metav1.UpdateOptions{}); err != nil {
			return fmt.Errorf("end pod %s: %w", out.Name, err)
		}
	}
	if p.DeletionTimestamp != nil { // nobody on its node confirms it
		return pods.Delete(ctx, made.Name, metav1.DeleteOptions{})
	}
	return nil
}

// provision plays the storage driver: where the scheduler has chosen a node for a claim, it makes a disk that the whole topology of the
// class reaches.
func (c *cluster) provision(ctx context.Context, namespace string) error {
	for _, pvc := range c.snapshot.Objects.PersistentVolumeClaims {
		class := c.classOf(*pvc.Spec.StorageClassName)
		if class == nil || pvc.Namespace != namespace {
			continue
		}
		have, err := c.client.CoreV1().PersistentVolumeClaims(c.names[namespace]).Get(ctx, c.prefix+pvc.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		chosen := have.Annotations["volume.kubernetes.io/selected-node"] != ""
		switch {
		case !chosen || have.Status.Phase == corev1.ClaimBound:
		case class.Provisioner == "kubernetes.io/no-provisioner" || c.made:
			if err := c.nudge(ctx, have); err != nil {
				return err
			}
		default:
			c.made = true
			if err := c.provide(ctx, have, class); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *cluster) provide(ctx context.Context, pvc *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) error {
	v := &corev1.PersistentVolume{ObjectMeta: c.meta("made", nil, "old"), Spec: corev1.PersistentVolumeSpec{
		Capacity: pvc.Spec.Resources.Requests, AccessModes: pvc.Spec.AccessModes, VolumeMode: pvc.Spec.VolumeMode, StorageClassName: *pvc.Spec.StorageClassName,
		ClaimRef:               &corev1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: pvc.Namespace, Name: pvc.Name, UID: pvc.UID},
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: class.Provisioner, VolumeHandle: c.prefix + "made"}},
	}}
	for _, t := range class.AllowedTopologies {
		var term corev1.NodeSelectorTerm
		for _, e := range t.MatchLabelExpressions {
			term.MatchExpressions = append(term.MatchExpressions, corev1.NodeSelectorRequirement{Key: e.Key, Operator: corev1.NodeSelectorOpIn, Values: e.Values})
		}
		v.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{term}}}
	}
	if _, err := c.client.CoreV1().PersistentVolumes().Create(ctx, v, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("make a disk: %w", err)
	}
	return nil
}

func (c *cluster) classOf(name string) *storagev1.StorageClass {
	for _, s := range c.snapshot.Objects.StorageClasses {
		if s.Name == name {
			return s
		}
	}
	return nil
}
