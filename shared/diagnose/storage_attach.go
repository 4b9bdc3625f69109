package diagnose

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// attachGrace is how long the attacher may take before its silence is worth a word.
const attachGrace = 3 * time.Minute

// unattached are volumes of a scheduled pod for which nobody has asked the cloud: the pod waits, the claim is bound, and no
// VolumeAttachment exists for volume and node.
func (g *gather) unattached(w *workload, p *corev1.Pod) {
	v := g.v
	if p.Spec.NodeName == "" || p.Status.Phase != corev1.PodPending || !v.waitsToBeCreated(p) || len(v.Objects.VolumeAttachments) == 0 || v.unreadable("volumeattachments") {
		return
	}
	if c := condition(p, corev1.PodScheduled); c == nil || v.age(c.LastTransitionTime.Time) < attachGrace || v.age(p.CreationTimestamp.Time) < attachGrace {
		return
	}
	if n := v.idx.Node(p.Spec.NodeName); n != nil && nodeReady(n) != corev1.ConditionTrue {
		return
	}
	for _, vol := range p.Spec.Volumes {
		if vol.PersistentVolumeClaim == nil {
			continue
		}
		c := v.claim(p.Namespace, vol.PersistentVolumeClaim.ClaimName)
		if c == nil || c.Status.Phase != corev1.ClaimBound {
			continue
		}
		pv := v.idx.VolumeOf(c)
		if pv == nil || !blockDisk(pv) || v.attachmentOf(pv.Name, p.Spec.NodeName) || v.attachedElsewhere(pv.Name, p.Spec.NodeName) != "" {
			continue
		}
		t := claimTarget(p.Namespace, c.Name)
		if x := v.provisioner(); x != nil {
			d, _ := g.on(incident.ProvisionerNotReady, x.target)
			d.say(fmt.Sprintf("%s does not run, and volumes wait for it", x.target), fmt.Sprintf("%s 未运行，存储卷无法挂接", x.target)).affects(t, x.target).
				object(x.target, "%d of its pods are not ready", len(unreadyOf(x)))
		}
		d, _ := g.on(incident.VolumeAttachmentNotCreated, t)
		d.say(fmt.Sprintf("nobody attaches the volume of %s to %s", t, p.Spec.NodeName), fmt.Sprintf("%s 的存储卷未被挂接到 %s", t, p.Spec.NodeName)).affects(w.target).affectsPods(p).
			object(podTarget(p), "Pending on node %s for %s, no container created", p.Spec.NodeName, spanEN(v.age(p.CreationTimestamp.Time))).
			object(incident.Target{Kind: "PersistentVolume", Name: pv.Name}, "no VolumeAttachment for it on %s, among %d that exist", p.Spec.NodeName, len(v.Objects.VolumeAttachments)).
			since(p.CreationTimestamp.Time).fact(FactClaim, c.Name).fact(FactNode, p.Spec.NodeName).weigh(0.95)
	}
}

// blockDisk says whether a volume is a disk of the CSI driver that must be attached to one server.
func blockDisk(p *corev1.PersistentVolume) bool {
	if p.Spec.CSI == nil {
		return false
	}
	for _, m := range p.Spec.AccessModes {
		if m == corev1.ReadWriteMany || m == corev1.ReadOnlyMany {
			return false
		}
	}
	return true
}

func (v *view) attachmentOf(pv, node string) bool {
	for _, a := range v.Objects.VolumeAttachments {
		if a.Spec.Source.PersistentVolumeName != nil && *a.Spec.Source.PersistentVolumeName == pv && a.Spec.NodeName == node {
			return true
		}
	}
	return false
}

// attachedElsewhere is another node that Kubernetes knows to hold the volume.
func (v *view) attachedElsewhere(pv, node string) string {
	for _, a := range v.Objects.VolumeAttachments {
		if a.Spec.Source.PersistentVolumeName != nil && *a.Spec.Source.PersistentVolumeName == pv && a.Spec.NodeName != node {
			return a.Spec.NodeName
		}
	}
	return ""
}
