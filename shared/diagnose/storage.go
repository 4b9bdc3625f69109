package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// examineStorage is the storage-failure-diagnoser.
func examineStorage(v *view) []incident.Finding {
	g := v.gather()
	for _, c := range v.Objects.PersistentVolumeClaims {
		g.claim(c)
		g.claimUse(c)
	}
	g.absentClaims()
	g.volumes()
	g.attachments()
	g.localVolumes()
	for _, w := range v.workloads {
		for _, p := range w.live() {
			g.mountTrouble(w, p)
			g.unattached(w, p)
		}
		g.volumeLogs(w)
	}
	return g.done()
}

// provisionWords tell why no volume is provisioned; the first that fits decides.
var provisionWords = []struct {
	re     *regexp.Regexp
	reason incident.Reason
}{
	{regexp.MustCompile(`(?i)storageclass(\.storage\.k8s\.io)? "[^"]*" not found`), incident.StorageClassMissing},
	{regexp.MustCompile(`(?i)access ?mode|only supports? ReadWriteOnce|ReadWriteMany.*not support|unsupported access`), incident.PVCAccessModeMismatch},
	{regexp.MustCompile(`(?i)quota ?exceeded|exceeds? .*quota|VolumeLimitExceeded|gigabytes`), incident.EVSQuotaExceeded},
	{regexp.MustCompile(`(?i)bucket name|InvalidBucketName`), incident.OBSBucketNameInvalid},
	{regexp.MustCompile(`(?i)subnet.*(ip|address)|no more IP|not enough ip`), incident.SFSSubnetIPInsufficient},
	{regexp.MustCompile(`(?i)volume ?type|sold ?out|availability zone|not support.* in (az|zone)`), incident.EVSTypeOrAzUnavailable},
	{regexp.MustCompile(`(?i)endpoint`), incident.VpcEndpointMissing},
	{regexp.MustCompile(`(?i)selector is not supported|claim\.Spec\.Selector`), incident.PVCSelectorMismatch},
}

// provisionerWord tells the controllers that make volumes, by what Kubernetes storage drivers call themselves.
var provisionerWord = regexp.MustCompile(`(?i)csi|provisioner`)

// provisioner is the controller that makes volumes, where it can be seen and is not ready.
func (v *view) provisioner() *workload {
	for _, w := range v.inSpace["kube-system"] {
		if provisionerWord.MatchString(w.target.Name) && w.target.Kind != "DaemonSet" && (len(unreadyOf(w)) > 0 || w.desired == 0) {
			return w
		}
	}
	return nil
}

// claim says why a claim is not bound, or not bound rightly.
func (g *gather) claim(c *corev1.PersistentVolumeClaim) {
	v := g.v
	t := claimTarget(c.Namespace, c.Name)
	users := v.usersOf(c)
	if c.DeletionTimestamp != nil {
		if v.age(c.DeletionTimestamp.Time) > 5*time.Minute && slices.Contains(c.Finalizers, "kubernetes.io/pvc-protection") && len(users) > 0 {
			d := g.say(incident.PVCProtectionBlocked, t, c, users)
			d.object(t, "metadata.deletionTimestamp %s, finalizers %v", c.DeletionTimestamp.UTC().Format(time.RFC3339), c.Finalizers).since(c.DeletionTimestamp.Time)
		}
		return
	}
	if c.Status.Phase == corev1.ClaimLost {
		d := g.say(incident.PVCLost, t, c, users)
		d.object(t, "status.phase Lost, spec.volumeName %s", c.Spec.VolumeName).event(v.lastEvent(t, v.ago(24*time.Hour), "ClaimLost"))
		return
	}
	if e := v.lastEvent(t, v.ago(2*time.Hour), "ClaimMisbound"); e != nil {
		g.say(incident.PVCMisbound, t, c, users).event(e).since(observe.FirstSeen(e))
		return
	}
	if e := v.lastEvent(t, v.ago(2*time.Hour), "VolumeResizeFailed"); e != nil && v.resizing(c) {
		g.say(incident.VolumeResizeFailed, t, c, users).event(e).since(observe.FirstSeen(e)).object(t, "requested %s, capacity %s", size(c), capacity(c))
	}
	if c.Status.Phase == corev1.ClaimPending || c.Status.Phase == "" && c.Spec.VolumeName == "" && len(users) > 0 {
		g.pendingClaim(c, users)
	}
}

// say begins a finding about a claim.
func (g *gather) say(r incident.Reason, t incident.Target, c *corev1.PersistentVolumeClaim, users []*workload) *draft {
	d, fresh := g.on(r, t)
	if !fresh {
		return d
	}
	i := incident.Info(r)
	d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH)).fact(FactClaim, c.Name).fact(FactSize, size(c)).fact(FactClass, className(c))
	for _, w := range users {
		d.affects(w.target)
		d.affectsPods(unreadyOf(w)...)
	}
	return d
}

func size(c *corev1.PersistentVolumeClaim) string {
	q := c.Spec.Resources.Requests[corev1.ResourceStorage]
	return q.String()
}

func capacity(c *corev1.PersistentVolumeClaim) string {
	q := c.Status.Capacity[corev1.ResourceStorage]
	return q.String()
}

func className(c *corev1.PersistentVolumeClaim) string {
	if c.Spec.StorageClassName != nil {
		return *c.Spec.StorageClassName
	}
	return c.Annotations[corev1.BetaStorageClassAnnotation]
}

func (v *view) resizing(c *corev1.PersistentVolumeClaim) bool {
	want, have := c.Spec.Resources.Requests[corev1.ResourceStorage], c.Status.Capacity[corev1.ResourceStorage]
	return want.Cmp(have) > 0
}

func (v *view) usersOf(c *corev1.PersistentVolumeClaim) []*workload {
	var out []*workload
	for _, w := range v.inSpace[c.Namespace] {
		if w.uses("PersistentVolumeClaim", c.Name) {
			out = append(out, w)
		}
	}
	return out
}

func (v *view) class(n string) *storagev1.StorageClass {
	for _, s := range v.Objects.StorageClasses {
		if s.Name == n {
			return s
		}
	}
	return nil
}

// provisions says whether a class makes volumes by itself.
func provisions(s *storagev1.StorageClass) bool {
	return s != nil && s.Provisioner != "kubernetes.io/no-provisioner"
}

func (g *gather) pendingClaim(c *corev1.PersistentVolumeClaim, users []*workload) {
	v := g.v
	t := claimTarget(c.Namespace, c.Name)
	class := v.classOf(c)
	waits := class != nil && class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
	failed := v.lastEvent(t, v.ago(6*time.Hour), "ProvisioningFailed")
	if len(users) == 0 && waits && failed == nil {
		g.waitsForPod(c, class)
	}
	if len(users) == 0 && (waits || class == nil && failed == nil) || v.age(c.CreationTimestamp.Time) < time.Minute {
		return
	}
	r, strength, field, pv := v.whyUnbound(c, class, failed)
	if r == "" || r == incident.ProvisionerNotReady && waits && failed == nil && !v.chosen(users) {
		return
	}
	about := t
	if w := v.provisioner(); w != nil && r == incident.ProvisionerNotReady {
		about = w.target
	}
	d := g.say(r, about, c, users).weigh(strength).affects(t).since(c.CreationTimestamp.Time).fact(FactField, field)
	d.object(t, "status.phase Pending; storageClassName %q, accessModes %v, requests.storage %s%s%s", className(c), c.Spec.AccessModes, size(c),
		orNothing(", volumeName ", c.Spec.VolumeName), orNothing(", selector ", claimSelector(c)))
	d.event(failed)
	if failed == nil {
		d.event(v.lastEvent(t, v.ago(6*time.Hour), "FailedBinding", "ExternalProvisioning", "WaitForPodScheduled"))
	}
	if pv != nil {
		d.object(incident.Target{Kind: "PersistentVolume", Name: pv.Name}, "phase %s; storageClassName %q, accessModes %v, capacity %s%s%s", pv.Status.Phase, pv.Spec.StorageClassName,
			pv.Spec.AccessModes, volumeSize(pv), orNothing(", labels ", selectorText(pv.Labels)), orNothing(", claimRef ", claimRef(pv)))
	}
	if w := v.byTarget[about]; w != nil {
		d.object(about, "%d of its pods are not ready", len(unreadyOf(w)))
	}
	if r == incident.StorageClassMissing {
		d.object(t, "no StorageClass %q among %d classes", className(c), len(v.Objects.StorageClasses))
	}
	if ch, ok := v.changeOf(t); ok {
		d.change(ch, "%s %s: %s → %s", ch.Verb, ch.Target, quote(ch.Before), quote(ch.After)).since(ch.At)
	}
}

// chosen says whether the scheduler has chosen a node for a pod that waits for the claim.
func (v *view) chosen(users []*workload) bool {
	return slices.ContainsFunc(users, func(w *workload) bool {
		return slices.ContainsFunc(w.live(), func(p *corev1.Pod) bool { return p.Spec.NodeName != "" })
	})
}

func (v *view) classOf(c *corev1.PersistentVolumeClaim) *storagev1.StorageClass {
	if n := className(c); n != "" || c.Spec.StorageClassName != nil {
		return v.class(n)
	}
	for _, s := range v.Objects.StorageClasses {
		if s.Annotations["storageclass.kubernetes.io/is-default-class"] == "true" {
			return s
		}
	}
	return nil
}

func claimSelector(c *corev1.PersistentVolumeClaim) string {
	if c.Spec.Selector == nil {
		return ""
	}
	return selectorText(c.Spec.Selector.MatchLabels)
}

func volumeSize(p *corev1.PersistentVolume) string {
	q := p.Spec.Capacity[corev1.ResourceStorage]
	return q.String()
}

func claimRef(p *corev1.PersistentVolume) string {
	if p.Spec.ClaimRef == nil {
		return ""
	}
	return p.Spec.ClaimRef.Namespace + "/" + p.Spec.ClaimRef.Name
}

// absentClaims are claims that pods mount and nobody made.
func (g *gather) absentClaims() {
	v := g.v
	for _, w := range v.workloads {
		if w.template == nil || len(unreadyOf(w)) == 0 {
			continue
		}
		w.references(func(kind, n, _ string, _ bool) {
			if kind != "PersistentVolumeClaim" || v.claim(w.target.Namespace, n) != nil || v.unreadable("persistentvolumeclaims") {
				return
			}
			said := v.pendingMessage(w)
			if len(v.Objects.PersistentVolumeClaims) == 0 && said == "" {
				return
			}
			t := claimTarget(w.target.Namespace, n)
			d, fresh := g.on(incident.ClaimMissing, t)
			if fresh {
				d.say(fmt.Sprintf("%s mounts claim %s, which does not exist", w.target, n), fmt.Sprintf("%s 引用的 PVC %s 不存在", w.target, n)).fact(FactClaim, n)
			}
			d.object(w.target, "spec.template.spec.volumes: persistentVolumeClaim.claimName %s; no such claim in namespace %s", n, w.target.Namespace).affects(w.target).affectsPods(unreadyOf(w)...)
			for _, p := range unreadyOf(w) {
				d.since(p.CreationTimestamp.Time)
			}
		})
	}
}

// pendingMessage is what the scheduler says of a pod that waits.
func (v *view) pendingMessage(w *workload) string {
	for _, p := range unreadyOf(w) {
		if c := condition(p, corev1.PodScheduled); c != nil && c.Status == corev1.ConditionFalse {
			return c.Message
		}
	}
	return ""
}

// volumes looks at PersistentVolumes that failed.
func (g *gather) volumes() {
	for _, p := range g.v.Objects.PersistentVolumes {
		t := incident.Target{Kind: "PersistentVolume", Name: p.Name}
		if p.Status.Phase == corev1.VolumeFailed {
			d, _ := g.on(incident.PVReclaimFailed, t)
			d.say(fmt.Sprintf("%s could not be reclaimed", t), fmt.Sprintf("%s 回收失败", t)).object(t, "status.phase Failed: %s", quote(p.Status.Message)).
				event(g.v.lastEvent(t, g.v.ago(24*time.Hour), "VolumeFailedDelete", "VolumeFailedRecycle"))
		}
		if e := g.v.lastEvent(t, g.v.ago(2*time.Hour), "VolumeUnknownReclaimPolicy"); e != nil {
			d, _ := g.on(incident.PVReclaimPolicyUnknown, t)
			d.say(fmt.Sprintf("%s has an unknown reclaim policy", t), fmt.Sprintf("%s 回收策略未知", t)).event(e).object(t, "spec.persistentVolumeReclaimPolicy: %s", p.Spec.PersistentVolumeReclaimPolicy)
		}
	}
}
