package diagnose

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"cce-oncall/shared/incident"
)

// whyUnbound compares a claim with every volume it could have, field by field: the pod's and the claim's own words are the same
// for all of these mistakes.
func (v *view) whyUnbound(c *corev1.PersistentVolumeClaim, class *storagev1.StorageClass, failed *corev1.Event) (incident.Reason, float64, string, *corev1.PersistentVolume) {
	pv, wrong := v.closest(c)
	if failed != nil {
		for _, x := range provisionWords {
			if !x.re.MatchString(failed.Message) {
				continue
			}
			if x.reason == incident.StorageClassMissing && pv != nil && len(wrong) == 1 && wrong[0].reason == incident.PVCStorageClassMismatch {
				break // a volume waits that fits in everything but the class
			}
			if x.reason == incident.StorageClassMissing && pv != nil && len(wrong) == 1 && pv.Spec.StorageClassName == className(c) {
				break // volumes of a class need no StorageClass object
			}
			return x.reason, 1, "", nil
		}
	}
	if pv != nil && len(wrong) > 0 && (!provisions(class) || c.Spec.VolumeName != "" || c.Spec.Selector != nil) {
		strength := 1.0
		if len(wrong) > 1 {
			strength = 0.8
		}
		return wrong[0].reason, strength, wrong[0].field, pv
	}
	n := className(c)
	switch {
	case class == nil && n != "" && len(v.Objects.StorageClasses) > 0:
		return incident.StorageClassMissing, 0.95, "storageClassName", nil
	case c.Spec.Selector != nil && provisions(class):
		return incident.PVCSelectorMismatch, 0.85, "selector", nil
	case failed != nil:
		return incident.ProvisionerNotReady, 0.7, "", nil
	case provisions(class) && v.lastEvent(claimTarget(c.Namespace, c.Name), v.ago(early), "ExternalProvisioning") != nil:
		return incident.ProvisionerNotReady, 0.8, "", nil
	}
	return incident.UnboundImmediatePVC, 0.7, "", pv
}

// difference is one field in which a claim and a volume do not agree.
type difference struct {
	reason incident.Reason
	field  string
	cost   int
}

// closest is the volume that disagrees with the claim the least, and in what. Volumes of another class that somebody else owns are
// not candidates: they have nothing to do with the claim.
func (v *view) closest(c *corev1.PersistentVolumeClaim) (*corev1.PersistentVolume, []difference) {
	var best *corev1.PersistentVolume
	var bestWrong []difference
	bestCost := 1 << 20
	for _, p := range v.Objects.PersistentVolumes {
		if c.Spec.VolumeName != "" && p.Name != c.Spec.VolumeName {
			continue
		}
		wrong := disagreements(c, p)
		cost := 0
		for _, w := range wrong {
			cost += w.cost
		}
		if !v.candidate(c, p, wrong) {
			continue
		}
		if ref := p.Spec.ClaimRef; ref != nil && ref.Name == c.Name && ref.Namespace == c.Namespace {
			cost -= 20
		}
		if p.Name == c.Name || strings.Contains(p.Name, c.Name) || strings.Contains(c.Name, p.Name) {
			cost -= 3
		}
		if cost < bestCost {
			best, bestWrong, bestCost = p, wrong, cost
		}
	}
	return best, bestWrong
}

func (v *view) candidate(c *corev1.PersistentVolumeClaim, p *corev1.PersistentVolume, wrong []difference) bool {
	if c.Spec.VolumeName == p.Name {
		return true
	}
	bound := slices.ContainsFunc(wrong, func(d difference) bool { return d.reason == incident.PVBoundToOtherClaim })
	if !bound {
		return len(wrong) <= 3
	}
	// A volume somebody else owns counts only where everything else was made for this claim.
	return len(wrong) == 1 && (c.Spec.Selector != nil || p.Annotations["pv.kubernetes.io/provisioned-by"] == "")
}

func disagreements(c *corev1.PersistentVolumeClaim, p *corev1.PersistentVolume) []difference {
	var out []difference
	if ref := p.Spec.ClaimRef; ref != nil && (ref.Name != c.Name || ref.Namespace != c.Namespace) || ref != nil && ref.UID != "" && c.UID != "" && ref.UID != c.UID {
		out = append(out, difference{incident.PVBoundToOtherClaim, "claimRef", 6})
	}
	if className(c) != p.Spec.StorageClassName && (c.Spec.StorageClassName != nil || className(c) != "") {
		out = append(out, difference{incident.PVCStorageClassMismatch, "storageClassName", 4})
	}
	for _, m := range c.Spec.AccessModes {
		if !slices.Contains(p.Spec.AccessModes, m) {
			out = append(out, difference{incident.PVCAccessModeMismatch, "accessModes", 2})
			break
		}
	}
	want, have := c.Spec.Resources.Requests[corev1.ResourceStorage], p.Spec.Capacity[corev1.ResourceStorage]
	if want.Cmp(have) > 0 {
		out = append(out, difference{incident.PVCCapacityMismatch, "resources.requests.storage", 2})
	}
	if c.Spec.Selector != nil {
		sel, err := metav1.LabelSelectorAsSelector(c.Spec.Selector)
		if err != nil || !sel.Matches(labels.Set(p.Labels)) {
			out = append(out, difference{incident.PVCSelectorMismatch, "selector", 3})
		}
	}
	return out
}
