package remediate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	storagehelpers "k8s.io/component-helpers/storage/volume"

	"cce-oncall/shared/observe"
)

// volumes is what the snapshot knows of storage, by name.
type volumes struct {
	claims  map[string]*corev1.PersistentVolumeClaim // namespace/name
	byName  map[string]*corev1.PersistentVolume
	all     []*corev1.PersistentVolume
	classes map[string]*storagev1.StorageClass
	limits  map[string]map[string]int // node → CSI driver → how many volumes it attaches
}

func newVolumes(s *observe.Snapshot) volumes {
	v := volumes{
		claims: map[string]*corev1.PersistentVolumeClaim{}, byName: map[string]*corev1.PersistentVolume{},
		classes: map[string]*storagev1.StorageClass{}, limits: map[string]map[string]int{}, all: s.Objects.PersistentVolumes,
	}
	for _, c := range s.Objects.PersistentVolumeClaims {
		v.claims[c.Namespace+"/"+c.Name] = c
	}
	for _, pv := range s.Objects.PersistentVolumes {
		v.byName[pv.Name] = pv
	}
	for _, sc := range s.Objects.StorageClasses {
		v.classes[sc.Name] = sc
	}
	for _, n := range s.Objects.CSINodes {
		for _, d := range n.Spec.Drivers {
			if d.Allocatable != nil && d.Allocatable.Count != nil {
				if v.limits[n.Name] == nil {
					v.limits[n.Name] = map[string]int{}
				}
				v.limits[n.Name][d.Name] = int(*d.Allocatable.Count)
			}
		}
	}
	return v
}

// claim is one volume of a pod: bound to a disk that is somewhere, or to be bound where the pod goes.
type claim struct {
	pvc    *corev1.PersistentVolumeClaim
	volume *corev1.PersistentVolume // nil: not bound yet
	class  *storagev1.StorageClass  // of an unbound one
}

// key tells volumes apart when they are counted against a node's limit.
func (c claim) key() string {
	if c.volume != nil {
		return c.volume.Name
	}
	return c.pvc.Namespace + "/" + c.pvc.Name
}

func (c claim) driver() string {
	switch {
	case c.volume != nil && c.volume.Spec.CSI != nil:
		return c.volume.Spec.CSI.Driver
	case c.volume == nil && c.class != nil:
		return c.class.Provisioner
	default:
		return ""
	}
}

// claimsOf reads the volumes of a pod; whole is why it cannot be scheduled anywhere.
func (v volumes) claimsOf(p *corev1.Pod) (out []claim, whole string) {
	for _, vol := range p.Spec.Volumes {
		var pvc *corev1.PersistentVolumeClaim
		switch {
		case vol.PersistentVolumeClaim != nil:
			name := vol.PersistentVolumeClaim.ClaimName
			if pvc = v.claims[p.Namespace+"/"+name]; pvc == nil {
				return nil, fmt.Sprintf("persistentvolumeclaim %q not found", name)
			}
		case vol.Ephemeral != nil && vol.Ephemeral.VolumeClaimTemplate != nil:
			pvc = &corev1.PersistentVolumeClaim{Spec: vol.Ephemeral.VolumeClaimTemplate.Spec}
			pvc.Namespace, pvc.Name = p.Namespace, p.Name+"-"+vol.Name
		default:
			continue
		}
		c, why := v.claim(pvc)
		if why != "" {
			return nil, why
		}
		out = append(out, c)
	}
	return out, ""
}

func (v volumes) claim(pvc *corev1.PersistentVolumeClaim) (claim, string) {
	if pvc.DeletionTimestamp != nil {
		return claim{}, fmt.Sprintf("persistentvolumeclaim %q is being deleted", pvc.Name)
	}
	if pvc.Status.Phase == corev1.ClaimLost {
		return claim{}, fmt.Sprintf("persistentvolumeclaim %q bound to non-existent persistentvolume %q", pvc.Name, pvc.Spec.VolumeName)
	}
	if pvc.Spec.VolumeName != "" {
		return claim{pvc: pvc, volume: v.byName[pvc.Spec.VolumeName]}, ""
	}
	class := v.classes[storagehelpers.GetPersistentVolumeClaimClass(pvc)]
	if class == nil || class.VolumeBindingMode == nil || *class.VolumeBindingMode != storagev1.VolumeBindingWaitForFirstConsumer {
		return claim{}, "pod has unbound immediate PersistentVolumeClaims"
	}
	return claim{pvc: pvc, class: class}, ""
}

func (q *question) againstVolumes(n *place) []string {
	if reason := q.againstExclusive(n); reason != "" {
		return []string{reason}
	}
	if reason := q.againstLimits(n); reason != "" {
		return []string{reason}
	}
	taken := map[string]*corev1.PersistentVolume{}
	for _, c := range q.claims {
		if reason := q.w.volumes.against(c, n.node, taken); reason != "" {
			return []string{reason}
		}
	}
	return nil
}

// against is why a node cannot reach a volume, or none can be made for it there.
func (v volumes) against(c claim, n *corev1.Node, taken map[string]*corev1.PersistentVolume) string {
	switch {
	case c.pvc.Spec.VolumeName != "" && c.volume == nil:
		return "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
	case c.volume != nil && storagehelpers.CheckNodeAffinity(c.volume, n.Labels) != nil:
		return "node(s) had volume node affinity conflict"
	case c.volume != nil && otherZone(c.volume, n):
		return "node(s) had no available volume zone"
	case c.volume != nil:
		return ""
	}
	found, err := storagehelpers.FindMatchingVolume(c.pvc, v.all, n, taken, false, true)
	switch {
	case err == nil && found != nil:
		taken[found.Name] = found
		return ""
	case c.class.Provisioner == "kubernetes.io/no-provisioner", !allowed(c.class, n):
		return "node(s) didn't find available persistent volumes to bind"
	default:
		return ""
	}
}

// zoneKeys are the labels by which a volume says where it is; several zones are joined by "__".
var zoneKeys = []string{corev1.LabelTopologyZone, corev1.LabelTopologyRegion, corev1.LabelFailureDomainBetaZone, corev1.LabelFailureDomainBetaRegion}

func otherZone(pv *corev1.PersistentVolume, n *corev1.Node) bool {
	somewhere := slices.ContainsFunc(zoneKeys, func(k string) bool { return n.Labels[k] != "" })
	for _, key := range zoneKeys {
		where, ok := pv.Labels[key]
		if !ok || !somewhere {
			continue
		}
		at := n.Labels[key]
		if at == "" { // the old label and the new one say the same
			at = n.Labels[strings.Replace(key, "failure-domain.beta.kubernetes.io", "topology.kubernetes.io", 1)]
		}
		if !slices.Contains(strings.Split(where, "__"), at) {
			return true
		}
	}
	return false
}

// allowed says whether a class makes volumes where the node is.
func allowed(sc *storagev1.StorageClass, n *corev1.Node) bool {
	if len(sc.AllowedTopologies) == 0 {
		return true
	}
	for _, t := range sc.AllowedTopologies {
		ok := true
		for _, e := range t.MatchLabelExpressions {
			ok = ok && slices.Contains(e.Values, n.Labels[e.Key])
		}
		if ok {
			return true
		}
	}
	return false
}

// againstExclusive keeps a second pod off a ReadWriteOncePod claim.
func (q *question) againstExclusive(n *place) string {
	for _, c := range q.claims {
		if !slices.Contains(c.pvc.Spec.AccessModes, corev1.ReadWriteOncePod) {
			continue
		}
		for _, at := range q.w.nodes {
			for _, p := range at.pods {
				if p.Namespace == q.pod.Namespace && uses(p, c.pvc.Name) {
					return "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
				}
			}
		}
	}
	return ""
}

func uses(p *corev1.Pod, claim string) bool {
	return slices.ContainsFunc(p.Spec.Volumes, func(v corev1.Volume) bool {
		return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim
	})
}

// againstLimits counts the volumes a node has attached by CSI driver.
func (q *question) againstLimits(n *place) string {
	limits := q.w.volumes.limits[n.node.Name]
	if len(limits) == 0 || len(q.claims) == 0 {
		return ""
	}
	attached := map[string]map[string]bool{}
	for _, p := range n.pods {
		claims, _ := q.w.volumes.claimsOf(p) // what cannot be read is not attached
		countVolumes(attached, claims)
	}
	before := map[string]int{}
	for driver, volumes := range attached {
		before[driver] = len(volumes)
	}
	countVolumes(attached, q.claims)
	for _, driver := range slices.Sorted(maps.Keys(attached)) {
		if limit, ok := limits[driver]; ok && len(attached[driver]) > limit && len(attached[driver]) > before[driver] {
			return "node(s) exceed max volume count"
		}
	}
	return ""
}

func countVolumes(into map[string]map[string]bool, claims []claim) {
	for _, c := range claims {
		if d := c.driver(); d != "" {
			if into[d] == nil {
				into[d] = map[string]bool{}
			}
			into[d][c.key()] = true
		}
	}
}
