package observe

import (
	"maps"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Tidy takes from an object what no judgement needs and what must not be kept: managed fields, the copy of itself that kubectl
// apply leaves in an annotation (which would bring secret values back), and the values of a Secret, whose keys stay,
// with the validity of its certificate.
func Tidy(o metav1.Object) {
	o.SetManagedFields(nil)
	o.SetSelfLink("")
	if a := o.GetAnnotations(); a != nil {
		if _, has := a[corev1.LastAppliedConfigAnnotation]; has {
			a = maps.Clone(a)
			delete(a, corev1.LastAppliedConfigAnnotation)
		}
		if len(a) == 0 {
			a = nil
		}
		o.SetAnnotations(a)
	}
	if s, ok := o.(*corev1.Secret); ok {
		noteCertificate(s)
		keys := make(map[string][]byte, len(s.Data)+len(s.StringData))
		for k := range s.Data {
			keys[k] = []byte{}
		}
		for k := range s.StringData {
			keys[k] = []byte{}
		}
		s.Data, s.StringData = keys, nil
		if len(keys) == 0 {
			s.Data = nil
		}
	}
}

func tidyUnstructured(u *unstructured.Unstructured) {
	unstructured.RemoveNestedField(u.Object, "metadata", "managedFields")
	unstructured.RemoveNestedField(u.Object, "metadata", "selfLink")
	unstructured.RemoveNestedField(u.Object, "metadata", "annotations", corev1.LastAppliedConfigAnnotation)
	if u.GetKind() == "Secret" {
		for _, field := range []string{"data", "stringData"} {
			if _, has := u.Object[field]; has {
				u.Object[field] = map[string]any{}
			}
		}
	}
}

// Redacted stands where a value was taken out.
const Redacted = "[redacted]"

// maxConfigMap bounds what is kept of one ConfigMap; CoreDNS's own is kept whole.
const maxConfigMap = 16 << 10

var (
	secretLine = regexp.MustCompile(`(?i)((?:password|passwd|pwd|secret|token|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key|\bak\b|\bsk\b)[\w.\-"']*\s*[:=]\s*)(\S.*)`)
	secretKey  = regexp.MustCompile(`(?i)(password|passwd|secret|token|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key|\.pem$|\.key$)`)
	secretURL  = regexp.MustCompile(`(://[^/\s:@]+:)[^/\s@]+@`)
)

// tidyConfigMap keeps of a ConfigMap what diagnosis needs: everything of CoreDNS's, the values of small ones without what looks
// like a secret, the keys of large ones.
func tidyConfigMap(c *corev1.ConfigMap) *corev1.ConfigMap {
	if c.Namespace == metav1.NamespaceSystem && strings.Contains(c.Name, "coredns") {
		return c
	}
	size := 0
	for _, v := range c.Data {
		size += len(v)
	}
	out := *c
	out.Data, out.BinaryData = nil, nil
	if len(c.Data) > 0 {
		out.Data = make(map[string]string, len(c.Data))
	}
	for k, v := range c.Data {
		if size > maxConfigMap || secretKey.MatchString(k) || strings.Contains(v, "PRIVATE KEY-----") {
			v = Redacted
		}
		v = secretLine.ReplaceAllString(v, "${1}"+Redacted)
		out.Data[k] = secretURL.ReplaceAllString(v, "${1}"+Redacted+"@")
	}
	for k := range c.BinaryData {
		if out.BinaryData == nil {
			out.BinaryData = map[string][]byte{}
		}
		out.BinaryData[k] = []byte{}
	}
	return &out
}
