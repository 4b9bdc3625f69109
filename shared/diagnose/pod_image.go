package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// pullWords tell why an image cannot be pulled, by the words of registries and runtimes; the first that fits decides.
var pullWords = []struct {
	re     *regexp.Regexp
	reason incident.Reason
}{
	{regexp.MustCompile(`(?i)couldn't parse image|invalid reference format|InvalidImageName`), incident.InvalidImageName},
	{regexp.MustCompile(`(?i)toomanyrequests|rate limit|\b429\b`), incident.RegistryRateLimited},
	{regexp.MustCompile(`(?i)no such host|server misbehaving|name resolution|lookup \S+ on `), incident.RegistryDNSFailure},
	{regexp.MustCompile(`(?i)x509:|certificate signed by unknown|certificate has expired|tls: failed to verify`), incident.RegistryTLSUntrusted},
	{regexp.MustCompile(`(?i)no space left on device`), incident.ImageDiskFull},
	{regexp.MustCompile(`(?i)no match(ing manifest)? for (platform|\w+/\w+)`), incident.ImageArchMismatch},
	{regexp.MustCompile(`(?i)auth is empty|no basic auth credentials|FailedToRetrieveImagePullSecret`), incident.ImagePullSecretMissing},
	{regexp.MustCompile(`(?i)\b40[13] (unauthorized|forbidden)\b`), incident.ImageAuthDenied},
	{regexp.MustCompile(`(?i)does not exist or may require|insufficient_scope`), incident.ImageNotFound},
	{regexp.MustCompile(`(?i)\b40[13]\b|unauthorized|denied|authorization failed|authentication required|not login|forbidden`), incident.ImageAuthDenied},
	{regexp.MustCompile(`(?i)name unknown|NAME_UNKNOWN|repository \S+ not found|repository does not exist|repo(sitory)? name not known`), incident.ImageNotFound},
	{regexp.MustCompile(`(?i)manifest unknown|MANIFEST_UNKNOWN|manifest for \S+ not found|not found|NotFound`), incident.ImageTagNotFound},
	{regexp.MustCompile(`(?i)media type|unsupported.*layer|layer .* (missing|not exist)|blob unknown`), incident.ImageLayerMissing},
	{regexp.MustCompile(`(?i)i/o timeout|Client\.Timeout|deadline exceeded|request canceled|connection refused|no route to host|network is unreachable|connection reset|handshake timeout|dial tcp`), incident.RegistryNetworkTimeout},
	{regexp.MustCompile(`(?i)\b5\d\d\b|server error`), incident.RegistryServerError},
	{regexp.MustCompile(`(?i)context canceled`), incident.ImageTooLarge},
}

// image says why a container's image does not arrive.
func (g *gather) image(w *workload, c container) {
	wait := c.status.State.Waiting
	t := podTarget(c.pod)
	text := wait.Reason + " " + wait.Message
	var said *corev1.Event
	for _, e := range g.v.eventsOf(t) {
		if e.Reason == "Failed" && strings.Contains(e.Message, "ull image") || e.Reason == "FailedToRetrieveImagePullSecret" || e.Reason == "InspectFailed" {
			said = e
			text += " " + e.Reason + " " + e.Message
		}
	}
	image := c.status.Image
	if c.spec != nil {
		image = c.spec.Image
	}
	r, strength := g.v.pullReason(w, c.pod, wait.Reason, text, image)
	about := w.target
	if r == incident.ImageDiskFull {
		about = nodeTarget(c.pod.Spec.NodeName)
	}
	d, fresh := g.on(r, about)
	if fresh {
		i := incident.Info(r)
		d.say(fmt.Sprintf("%s cannot pull image %s: %s", w.target, image, i.Title.EN), fmt.Sprintf("%s 无法拉取镜像 %s：%s", w.target, image, i.Title.ZH)).
			weigh(strength).fact(FactContainer, c.status.Name).fact(FactImage, image).fact(FactFormerImage, formerImage(w, c.status.Name))
		d.object(w.target, "spec.template.spec.containers[%s].image: %s", c.status.Name, image)
	}
	d.affectsPods(c.pod).since(g.v.firstOf(t, "Failed")).since(c.pod.CreationTimestamp.Time)
	if d.wordy() {
		return
	}
	d.object(t, "%s.state.waiting: reason %s, message %s", c.field(), wait.Reason, quote(wait.Message)).event(said)
	if r == incident.ImagePullSecretMissing {
		d.object(t, "spec.imagePullSecrets: %s", pullSecrets(c.pod))
	}
}

func (v *view) pullReason(w *workload, p *corev1.Pod, waiting, text, image string) (incident.Reason, float64) {
	switch waiting {
	case "InvalidImageName":
		return incident.InvalidImageName, 1
	case "ErrImageNeverPull":
		return incident.ImagePullPolicyNever, 1
	}
	for _, x := range pullWords {
		if !x.re.MatchString(text) {
			continue
		}
		switch x.reason {
		case incident.ImageAuthDenied:
			if len(p.Spec.ImagePullSecrets) == 0 || v.noPullSecret(p) {
				return incident.ImagePullSecretMissing, 0.95
			}
		case incident.ImageNotFound:
			if strings.Contains(text, "may require") || strings.Contains(text, "insufficient_scope") {
				if v.noPullSecret(p) || len(p.Spec.ImagePullSecrets) == 0 && v.neighboursUseSecret(image) {
					return incident.ImagePullSecretMissing, 0.9
				}
			}
		case incident.ImageTagNotFound:
			if strings.Contains(image, "@sha256:") {
				return incident.ImageNotFound, 0.95
			}
		case incident.RegistryNetworkTimeout:
			if v.noWayOut(image, text) {
				return incident.RegistryNoEgress, 0.9
			}
			return x.reason, 0.9
		}
		return x.reason, 1
	}
	if v.noPullSecret(p) {
		return incident.ImagePullSecretMissing, 0.8
	}
	// Nobody said why. A former revision that pulled the same repository leaves only the tag.
	if f := formerImage(w, ""); f != "" && repository(f) == repository(image) && f != image {
		return incident.ImageTagNotFound, 0.7
	}
	return incident.ImageNotFound, 0.6
}

// noPullSecret says whether every pull secret that the pod names is missing, where Secrets could be read at all.
func (v *view) noPullSecret(p *corev1.Pod) bool {
	if len(p.Spec.ImagePullSecrets) == 0 || len(v.Objects.Secrets) == 0 {
		return false
	}
	for _, r := range p.Spec.ImagePullSecrets {
		for _, s := range v.Objects.Secrets {
			if s.Namespace == p.Namespace && s.Name == r.Name {
				return false
			}
		}
	}
	return true
}

// neighboursUseSecret says whether other pods pull from the same registry with a secret.
func (v *view) neighboursUseSecret(image string) bool {
	host, _, ok := strings.Cut(image, "/")
	if !ok || !strings.ContainsAny(host, ".:") {
		return false
	}
	for _, p := range v.Objects.Pods {
		if len(p.Spec.ImagePullSecrets) == 0 || !podReady(p) {
			continue
		}
		for _, c := range p.Spec.Containers {
			if strings.HasPrefix(c.Image, host+"/") {
				return true
			}
		}
	}
	return false
}

func pullSecrets(p *corev1.Pod) string {
	if len(p.Spec.ImagePullSecrets) == 0 {
		return "none"
	}
	var out []string
	for _, s := range p.Spec.ImagePullSecrets {
		out = append(out, s.Name)
	}
	return strings.Join(out, ", ")
}

// repository is an image without tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		return image[:i]
	}
	return image
}

// formerImage is what the container ran in the revision before, or in a pod that is ready; "" for the first container of any name
// when none is given, and "" when unknown.
func formerImage(w *workload, containerName string) string {
	pick := func(cs []corev1.Container) string {
		for _, c := range cs {
			if containerName == "" || c.Name == containerName {
				return c.Image
			}
		}
		return ""
	}
	now := pick(w.containers())
	for _, s := range w.sets {
		if f := pick(s.Spec.Template.Spec.Containers); f != "" && f != now {
			return f
		}
	}
	for _, p := range w.pods {
		if f := pick(p.Spec.Containers); podReady(p) && f != "" && f != now {
			return f
		}
	}
	return ""
}
