package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// mountWords tell why a volume is not attached or mounted; the first that fits decides.
var mountWords = []struct {
	re     *regexp.Regexp
	reason incident.Reason
}{
	{regexp.MustCompile(`(?i)multi-attach error`), incident.EVSMultiAttach},
	{regexp.MustCompile(`(?i)(max|limit|exceed|too many).*(attach|volume|disk)|attach.*(limit|exceed|too many)`), incident.EVSNodeAttachLimitExceeded},
	{regexp.MustCompile(`(?i)driver name \S+ not found in the list of registered CSI drivers|CSI driver not found|everest driver not found`), incident.CSIDriverMissingOnNode},
	{regexp.MustCompile(`(?i)detected to be damaged|fsck found errors|Structure needs cleaning|bad superblock`), incident.FilesystemDamaged},
	{regexp.MustCompile(`(?i)access denied by server while mounting|mount\S*: permission denied|mount failed:.*permission denied`), incident.StoragePermissionDenied},
	{regexp.MustCompile(`(?i)(disk|volume)\S* .*(already|still) (attached|in[- ]use)|status (is|of) .*in-use|attached to (another|other) (server|instance|ecs)|VolumeInUse`), incident.EVSResidualAttachment},
	{regexp.MustCompile(`(?i)mount\.nfs|nfs.*(timed out|refused|no route)|port 2049|RPC: `), incident.SFSNfsNetworkBlocked},
	{regexp.MustCompile(`(?i)SignatureDoesNotMatch|InvalidAccessKeyId|AK/SK|403 Forbidden.*(obs|s3)|obsfs.*403`), incident.OBSCredentialInvalid},
	{regexp.MustCompile(`(?i)share-export-location|no such (share|export)`), incident.SFSTurboSharePathWrong},
	{regexp.MustCompile(`(?i)timed out waiting for the condition`), incident.MountChownTimeout},
	{regexp.MustCompile(`(?i)MountVolume\.MountDevice failed`), incident.DeviceMountFailed},
	{regexp.MustCompile(`(?i)AttachVolume\.Attach failed|FailedAttachVolume`), incident.EVSAttachFailed},
	{regexp.MustCompile(`(?i)MountVolume\.SetUp failed|Unable to attach or mount volumes`), incident.VolumeSetUpFailed},
}

// mountTrouble says why a pod waits for its volumes.
func (g *gather) mountTrouble(w *workload, p *corev1.Pod) {
	if p.Spec.NodeName == "" || podReady(p) || p.Status.Phase != corev1.PodPending {
		return
	}
	v := g.v
	var said *corev1.Event
	r := incident.Reason("")
	for _, e := range v.eventsOf(podTarget(p)) {
		if e.Reason != "FailedMount" && e.Reason != "FailedAttachVolume" && e.Reason != "FailedMapVolume" || !v.happened(e, 2*time.Hour) {
			continue
		}
		if missingObject.MatchString(e.Message) || missingKey.MatchString(e.Message) || missingItem.MatchString(e.Message) {
			return // configuration, not storage
		}
		for i, x := range mountWords {
			if x.re.MatchString(e.Message) && (said == nil || i <= rankOf(r)) {
				said, r = e, x.reason
				break
			}
		}
	}
	if said == nil {
		return
	}
	t, claim := w.target, v.claimIn(p, said.Message)
	if r == incident.MountChownTimeout && !v.changesOwner(p) {
		r = incident.VolumeSetUpFailed
	}
	switch {
	case incident.Info(r).Kind == "Node":
		t = nodeTarget(p.Spec.NodeName)
	case incident.Info(r).Kind == "PersistentVolumeClaim" && claim != "":
		t = claimTarget(p.Namespace, claim)
	}
	d, fresh := g.on(r, t)
	if fresh {
		i := incident.Info(r)
		d.say(fmt.Sprintf("%s cannot use its volume: %s", w.target, i.Title.EN), fmt.Sprintf("%s 无法使用存储卷：%s", w.target, i.Title.ZH)).fact(FactClaim, claim).fact(FactNode, p.Spec.NodeName)
	}
	d.affects(w.target).affectsPods(p).since(observe.FirstSeen(said))
	if !d.wordy() {
		d.event(said).object(podTarget(p), "status.phase Pending on node %s, containers wait for volumes", p.Spec.NodeName)
	}
}

func rankOf(r incident.Reason) int {
	for i, x := range mountWords {
		if x.reason == r {
			return i
		}
	}
	return len(mountWords)
}

func (v *view) changesOwner(p *corev1.Pod) bool {
	s := p.Spec.SecurityContext
	return s != nil && s.FSGroup != nil && (s.FSGroupChangePolicy == nil || *s.FSGroupChangePolicy == corev1.FSGroupChangeAlways)
}

// claimIn is the claim of a pod that a message is about: by volume name, by bound volume, or the only one there is.
func (v *view) claimIn(p *corev1.Pod, message string) string {
	var all []string
	for _, vol := range p.Spec.Volumes {
		if vol.PersistentVolumeClaim == nil {
			continue
		}
		n := vol.PersistentVolumeClaim.ClaimName
		all = append(all, n)
		c := v.claim(p.Namespace, n)
		if strings.Contains(message, `"`+vol.Name+`"`) || c != nil && c.Spec.VolumeName != "" && strings.Contains(message, c.Spec.VolumeName) {
			return n
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return ""
}

// attachReasons are the causes for which a disk is not attached to a server.
var attachReasons = these(incident.EVSMultiAttach, incident.EVSNodeAttachLimitExceeded, incident.EVSResidualAttachment)

// attachments reads what the attacher says of itself.
func (g *gather) attachments() {
	v := g.v
	for _, a := range v.Objects.VolumeAttachments {
		if a.Status.AttachError != nil && !a.Status.Attached {
			r := incident.EVSAttachFailed
			for _, x := range mountWords {
				if attachReasons(x.reason) && x.re.MatchString(a.Status.AttachError.Message) {
					r = x.reason
					break
				}
			}
			if pv := a.Spec.Source.PersistentVolumeName; r == incident.EVSResidualAttachment && pv != nil && v.attachedElsewhere(*pv, a.Spec.NodeName) != "" {
				r = incident.EVSMultiAttach // Kubernetes itself still holds it there
			}
			t := nodeTarget(a.Spec.NodeName)
			if r != incident.EVSNodeAttachLimitExceeded {
				t = v.claimOfVolume(a.Spec.Source.PersistentVolumeName)
			}
			d, _ := g.on(r, t)
			i := incident.Info(r)
			d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH)).since(a.Status.AttachError.Time.Time).fact(FactNode, a.Spec.NodeName).
				object(incident.Target{Kind: "VolumeAttachment", Name: a.Name}, "status.attachError: %s", quote(a.Status.AttachError.Message))
		}
		if a.Status.DetachError != nil && v.recent(a.Status.DetachError.Time.Time, 2*time.Hour) && a.Spec.Source.PersistentVolumeName != nil {
			t := incident.Target{Kind: "PersistentVolume", Name: *a.Spec.Source.PersistentVolumeName}
			d, _ := g.on(incident.VolumeDetachFailed, t)
			d.say(fmt.Sprintf("%s cannot be detached", t), fmt.Sprintf("%s 卸载失败", t)).since(a.Status.DetachError.Time.Time).
				object(incident.Target{Kind: "VolumeAttachment", Name: a.Name}, "status.detachError: %s", quote(a.Status.DetachError.Message))
		}
	}
}

func (v *view) claimOfVolume(n *string) incident.Target {
	if n == nil {
		return v.clusterTarget()
	}
	if p := v.idx.PV(*n); p != nil && p.Spec.ClaimRef != nil {
		return claimTarget(p.Spec.ClaimRef.Namespace, p.Spec.ClaimRef.Name)
	}
	return incident.Target{Kind: "PersistentVolume", Name: *n}
}

// full is the share of a volume above which writes are about to fail; CCE's own alarm fires at 97 %.
const full = 0.95

// nearlyFull is where writes that need room in one piece may fail already: the trouble began there at the earliest.
const nearlyFull = 0.9

// claimUse holds the use of a bound claim against its size.
func (g *gather) claimUse(c *corev1.PersistentVolumeClaim) {
	v := g.v
	t := claimTarget(c.Namespace, c.Name)
	for _, x := range []struct {
		metric string
		reason incident.Reason
	}{{"volume_usage_ratio", incident.PVCCapacityExhausted}, {"volume_inodes_usage_ratio", incident.PVCInodeExhausted}} {
		metric, r := x.metric, x.reason
		for _, s := range v.idx.SeriesOf(metric, t) {
			p, ok := s.Last()
			if !ok || p.Value < full || !v.recent(p.At, 30*time.Minute) {
				continue
			}
			d := g.say(r, t, c, v.usersOf(c)).weigh(1)
			first := p.At
			for i := len(s.Points) - 1; i >= 0 && s.Points[i].Value >= nearlyFull; i-- {
				first = s.Points[i].At
			}
			d.metric(t, p.At, "%s: %.0f %% of %s", metric, 100*p.Value, cmpOr(capacity(c), size(c))).object(t, "status.phase %s, capacity %s", c.Status.Phase, capacity(c)).since(first).fact(FactUsage, fmt.Sprintf("%.2f", p.Value))
			for _, w := range v.usersOf(c) {
				for _, x := range v.signsOf(w, signNoSpace) {
					d.line(x.pod, x.container, x.line)
				}
			}
		}
	}
}

// volumeLogs reads what applications say of their volumes.
func (g *gather) volumeLogs(w *workload) {
	v := g.v
	for _, x := range []struct {
		kind   signKind
		reason incident.Reason
	}{
		{signReadOnlyVolume, incident.VolumeReadOnly},
		{signIOError, incident.StorageIOError},
		{signNoSpace, incident.PVCCapacityExhausted},
		{signNoPermission, incident.VolumePermissionDenied},
	} {
		for _, s := range v.signsOf(w, x.kind) {
			claim, mount := v.claimAt(w, s.line)
			if x.kind == signNoPermission {
				g.volumePermission(w, s, mount)
				continue
			}
			if claim == "" || x.kind == signReadOnlyVolume && v.mountsReadOnly(w, s.container) {
				continue
			}
			t := claimTarget(w.target.Namespace, claim)
			if g.has(t, x.reason) {
				continue
			}
			d, _ := g.on(x.reason, t)
			i := incident.Info(x.reason)
			d.say(fmt.Sprintf("%s says of its volume: %s", w.target, i.Title.EN), fmt.Sprintf("%s 日志显示：%s", w.target, i.Title.ZH)).weigh(0.9).line(s.pod, s.container, s.line).
				affects(w.target).fact(FactClaim, claim).object(w.target, "mounts claim %s", claim)
			if c := v.claim(w.target.Namespace, claim); c != nil {
				d.fact(FactSize, size(c)).fact(FactClass, className(c))
			}
		}
	}
}

// volumePermission is a container that may not use a path of a mounted volume.
func (g *gather) volumePermission(w *workload, s sign, mount string) {
	if mount == "" || len(unreadyOf(w)) == 0 && !g.v.suffering([]*workload{w}) {
		return
	}
	d, fresh := g.on(incident.VolumePermissionDenied, w.target)
	if !fresh {
		return
	}
	d.say(fmt.Sprintf("%s may not use its volume at %s", w.target, mount), fmt.Sprintf("%s 对挂载路径 %s 无权限", w.target, mount)).line(s.pod, s.container, s.line).
		object(w.target, "volumeMounts: %s; securityContext: %s", mount, userText(w)).affects(w.target).affectsPods(unreadyOf(w)...).fact(FactContainer, s.container)
}

func userText(w *workload) string {
	var out []string
	num := func(n string, p *int64) {
		if p != nil {
			out = append(out, fmt.Sprintf("%s %d", n, *p))
		}
	}
	if s := w.template.Spec.SecurityContext; s != nil {
		num("runAsUser", s.RunAsUser)
		num("fsGroup", s.FSGroup)
	}
	for _, c := range w.containers() {
		if c.SecurityContext != nil {
			num(c.Name+".runAsUser", c.SecurityContext.RunAsUser)
		}
	}
	return cmpOr(strings.Join(out, ", "), "none")
}

// claimAt is the claim that is mounted at a path which a line names, or the only claim of the workload; mount is that path, for a
// volume of any kind.
func (v *view) claimAt(w *workload, line string) (claim, mount string) {
	if w.template == nil {
		return "", ""
	}
	volumes := map[string]corev1.Volume{}
	only, n := "", 0
	for _, vol := range w.template.Spec.Volumes {
		volumes[vol.Name] = vol
		if vol.PersistentVolumeClaim != nil {
			only, n = vol.PersistentVolumeClaim.ClaimName, n+1
		}
	}
	for _, p := range w.pods { // claims made from a template have the pod's name
		for _, vol := range p.Spec.Volumes {
			if _, known := volumes[vol.Name]; !known && vol.PersistentVolumeClaim != nil {
				volumes[vol.Name] = vol
				only, n = vol.PersistentVolumeClaim.ClaimName, n+1
			}
		}
	}
	for _, c := range slices.Concat(w.template.Spec.InitContainers, w.containers()) {
		for _, m := range c.VolumeMounts {
			if len(m.MountPath) < 2 || !strings.Contains(line, strings.TrimRight(m.MountPath, "/")) || len(m.MountPath) <= len(mount) {
				continue
			}
			mount = m.MountPath
			claim = ""
			if x := volumes[m.Name].PersistentVolumeClaim; x != nil {
				claim = x.ClaimName
			}
		}
	}
	if mount == "" && n == 1 {
		claim = only
	}
	return claim, mount
}

func (v *view) mountsReadOnly(w *workload, containerName string) bool {
	for _, c := range w.containers() {
		if containerName != "" && c.Name != containerName {
			continue
		}
		if c.SecurityContext != nil && c.SecurityContext.ReadOnlyRootFilesystem != nil && *c.SecurityContext.ReadOnlyRootFilesystem {
			return true
		}
	}
	return false
}
