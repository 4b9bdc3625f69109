package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

var (
	missingObject = regexp.MustCompile(`(?i)(secret|configmap)s? "([^"]+)" not found`)
	missingKey    = regexp.MustCompile(`(?i)couldn't find key (\S+) in (Secret|ConfigMap) (?:[^/\s]+/)?(\S+)`)
	missingItem   = regexp.MustCompile(`(?i)references non-existent (secret|config) key: (\S+)`)
)

// subPath is the kubelet's word that a file mounted by subPath is not what it was when the pod was made.
var subPath = regexp.MustCompile(`(?i)failed to (prepare|create) subPath|subPath.*(no such file|not a directory|stale)`)

// subPathOf is the ConfigMap or Secret of which a container mounts a part by subPath.
func subPathOf(w *workload) (kind, n string) {
	if w.template == nil {
		return "", ""
	}
	for _, c := range w.containers() {
		for _, m := range c.VolumeMounts {
			for _, vol := range w.template.Spec.Volumes {
				switch {
				case m.SubPath == "" || vol.Name != m.Name:
				case vol.ConfigMap != nil:
					return "ConfigMap", vol.ConfigMap.Name
				case vol.Secret != nil:
					return "Secret", vol.Secret.SecretName
				}
			}
		}
	}
	return "", ""
}

// config says which piece of configuration a container cannot be made without. The kubelet's message names object and key; where
// it is silent, the references of the template are held against the objects.
func (g *gather) config(w *workload, c container, message string, said *corev1.Event) {
	t := podTarget(c.pod)
	r, kind, n, key := g.v.missing(w, message)
	if subPath.MatchString(message) {
		r = incident.ConfigMapSecretSubPathDeadlock
		kind, n = subPathOf(w)
	}
	d, fresh := g.on(r, w.target)
	if fresh {
		what, zh := fmt.Sprintf("%s %s does not exist", kind, n), fmt.Sprintf("%s %s 不存在", kind, n)
		switch {
		case r == incident.KeyMissing:
			what, zh = fmt.Sprintf("%s %s has no key %s", kind, n, key), fmt.Sprintf("%s %s 缺少键 %s", kind, n, key)
		case r == incident.RunAsNonRootViolation:
			what, zh = "runAsNonRoot is set and the image would run as root", "设置了 runAsNonRoot，但镜像会以 root 运行"
		case r == incident.ConfigMapSecretSubPathDeadlock:
			what, zh = fmt.Sprintf("a subPath mount of %s %s cannot follow its change", cmpOr(kind, "a ConfigMap or Secret"), n), fmt.Sprintf("以 subPath 挂载的 %s %s 无法更新", cmpOr(kind, "ConfigMap/Secret"), n)
		case n == "":
			what, zh = quoteTo(message, 120), quoteTo(message, 120)
		}
		d.say(fmt.Sprintf("%s cannot start: %s", w.target, what), fmt.Sprintf("%s 无法启动：%s", w.target, zh))
		d.fact(FactObjectKind, kind).fact(FactObjectName, n).fact(FactKey, key).fact(FactContainer, c.status.Name)
		g.v.quoteReference(d, w, kind, n, key)
	}
	d.affectsPods(c.pod).since(c.pod.CreationTimestamp.Time)
	if d.wordy() {
		return
	}
	if wait := c.status.State.Waiting; wait != nil {
		d.object(t, "%s.state.waiting: reason %s, message %s", c.field(), wait.Reason, quote(wait.Message))
	} else {
		d.object(t, "status.phase: Pending on node %s, containers not created", c.pod.Spec.NodeName)
	}
	d.event(said)
}

// missing reads the kubelet's message, and the template when the message does not tell.
func (v *view) missing(w *workload, message string) (r incident.Reason, kind, n, key string) {
	if strings.Contains(message, "runAsNonRoot") || strings.Contains(message, "run as root") {
		return incident.RunAsNonRootViolation, "", "", ""
	}
	if m := missingKey.FindStringSubmatch(message); m != nil {
		kind = "ConfigMap"
		if strings.EqualFold(m[2], "secret") {
			kind = "Secret"
		}
		return incident.KeyMissing, kind, m[3], m[1]
	}
	if m := missingItem.FindStringSubmatch(message); m != nil {
		kind = "ConfigMap"
		if strings.EqualFold(m[1], "secret") {
			kind = "Secret"
		}
		return incident.KeyMissing, kind, v.holderOf(w, kind), m[2]
	}
	if m := missingObject.FindStringSubmatch(message); m != nil {
		if strings.EqualFold(m[1], "secret") {
			return incident.SecretMissing, "Secret", m[2], ""
		}
		return incident.ConfigMapMissing, "ConfigMap", m[2], ""
	}
	r, kind, n, key = incident.CreateContainerError, "", "", ""
	if w.template == nil {
		return r, kind, n, key
	}
	w.references(func(k, ref, refKey string, optional bool) {
		if optional || n != "" {
			return
		}
		if missing, reason := v.lacks(k, w.target.Namespace, ref, refKey); missing {
			r, kind, n, key = reason, k, ref, refKey
		}
	})
	return r, kind, n, key
}

// lacks says whether a ConfigMap or Secret, or a key of it, is not there, as far as such objects were read at all.
func (v *view) lacks(kind, namespace, n, key string) (bool, incident.Reason) {
	keys, seen, any := map[string]bool{}, false, false
	switch kind {
	case "ConfigMap":
		any = len(v.Objects.ConfigMaps) > 0
		if m := v.configs[name{namespace, n}]; m != nil {
			seen = true
			for k := range m.Data {
				keys[k] = true
			}
			for k := range m.BinaryData {
				keys[k] = true
			}
		}
	case "Secret":
		any = len(v.Objects.Secrets) > 0
		for _, s := range v.Objects.Secrets {
			if s.Namespace == namespace && s.Name == n {
				seen = true
				for k := range s.Data {
					keys[k] = true
				}
			}
		}
	default:
		return false, ""
	}
	switch {
	case !any:
		return false, ""
	case !seen && kind == "Secret":
		return true, incident.SecretMissing
	case !seen:
		return true, incident.ConfigMapMissing
	case key != "" && len(keys) > 0 && !keys[key]:
		return true, incident.KeyMissing
	}
	return false, ""
}

// holderOf is the mounted object of a kind, where the template mounts exactly one.
func (v *view) holderOf(w *workload, kind string) string {
	n := ""
	w.references(func(k, ref, key string, _ bool) {
		if k == kind && key == "" && n == "" {
			n = ref
		}
	})
	return n
}

// quoteReference says where the template names the missing object, and that the list of such objects does not hold it.
func (v *view) quoteReference(d *draft, w *workload, kind, n, key string) {
	if n == "" || w.template == nil {
		return
	}
	named := false
	w.references(func(k, ref, refKey string, _ bool) {
		if !named && k == kind && ref == n {
			named = true
			d.object(w.target, "template refers to %s %s%s", kind, n, orNothing(" key ", refKey))
		}
	})
	if missing, _ := v.lacks(kind, w.target.Namespace, n, key); missing && key == "" {
		d.object(w.target, "no %s %s among the %ss of namespace %s", kind, n, kind, w.target.Namespace)
	}
}

func orNothing(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// startWords tell why a created container could not be started.
var startWords = []struct {
	re     *regexp.Regexp
	reason incident.Reason
}{
	{regexp.MustCompile(`(?i)OOM-killed|oom killed|memory limit too low|cannot allocate memory|possibly OOM`), incident.ContainerOOMKilled},
	{regexp.MustCompile(`(?i)exec format error`), incident.ImageArchMismatch},
	{regexp.MustCompile(`(?i)setenv: invalid argument`), incident.SecretValueInvalid},
	{regexp.MustCompile(`(?i)nvidia|libcuda|gpu`), incident.GPUDriverNotReady},
	{regexp.MustCompile(`(?i)thin pool has`), incident.ThinPoolFull},
	{regexp.MustCompile(`(?i)address already in use|port is already allocated`), incident.PortAlreadyInUse},
	{regexp.MustCompile(`(?i)postStart`), incident.PostStartHookFailed},
	{regexp.MustCompile(`(?i)(exec|starting container process|task).*(executable file not found|no such file or directory)|executable file not found|stat .*: no such file`), incident.ContainerCommandNotFound},
	{regexp.MustCompile(`(?i)(exec|starting container process).*permission denied|permission denied: unknown|exec .*: permission denied`), incident.ContainerPermissionDenied},
	{regexp.MustCompile(`(?i)not a directory|mounting .* to rootfs`), incident.VolumeSetUpFailed},
}

// start says why a container was refused by the runtime.
func (g *gather) start(w *workload, c container, reason, message string) {
	text := message
	if t := c.status.LastTerminationState.Terminated; t != nil {
		text += " " + t.Message
	}
	said := g.v.lastEvent(podTarget(c.pod), g.v.ago(2*fresh), "Failed", "FailedPostStartHook")
	if said != nil {
		text += " " + said.Reason + " " + said.Message
	}
	r, strength := incident.CreateContainerError, 0.8
	if reason == "PostStartHookError" {
		r = incident.PostStartHookFailed
	}
	for _, x := range startWords {
		if x.re.MatchString(text) {
			r, strength = x.reason, 1
			break
		}
	}
	about := w.target
	if i := incident.Info(r); i.Kind == "Node" && c.pod.Spec.NodeName != "" {
		about = nodeTarget(c.pod.Spec.NodeName)
	}
	d, fresh := g.on(r, about)
	if fresh {
		i := incident.Info(r)
		d.say(fmt.Sprintf("container %s of %s cannot start: %s", c.status.Name, w.target, i.Title.EN),
			fmt.Sprintf("%s 的容器 %s 无法启动：%s", w.target, c.status.Name, i.Title.ZH)).weigh(strength)
		g.limits(d, c)
	}
	d.affectsPods(c.pod).since(c.pod.CreationTimestamp.Time)
	if d.wordy() {
		return
	}
	d.object(podTarget(c.pod), "%s.state.waiting: reason %s, message %s", c.field(), reason, quote(message)).event(said)
	if c.spec != nil && (r == incident.ContainerCommandNotFound || r == incident.ContainerPermissionDenied) {
		d.object(podTarget(c.pod), "spec.containers[%s].command: %s", c.spec.Name, quote(strings.Join(append(append([]string{}, c.spec.Command...), c.spec.Args...), " ")))
	}
}

// limits keeps what a playbook needs to resize a container.
func (g *gather) limits(d *draft, c container) {
	d.fact(FactContainer, c.status.Name)
	if c.spec == nil {
		return
	}
	q := func(l corev1.ResourceList, n corev1.ResourceName) string {
		if x, ok := l[n]; ok {
			return x.String()
		}
		return ""
	}
	d.fact(FactCPULimit, q(c.spec.Resources.Limits, corev1.ResourceCPU)).fact(FactMemoryLimit, q(c.spec.Resources.Limits, corev1.ResourceMemory)).
		fact(FactCPURequest, q(c.spec.Resources.Requests, corev1.ResourceCPU)).fact(FactMemoryRequest, q(c.spec.Resources.Requests, corev1.ResourceMemory))
}
