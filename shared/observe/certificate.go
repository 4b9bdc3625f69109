package observe

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// What is kept of the certificate of a TLS Secret, as annotations: until when it holds and for which hosts. Certificate and key
// themselves go with the other values.
const (
	CertificateNotAfter = "cce-oncall.io/certificate-not-after" // RFC 3339
	CertificateHosts    = "cce-oncall.io/certificate-hosts"     // separated by commas, sorted
)

// noteCertificate reads the certificate of a TLS Secret before its value is dropped. What is no certificate leaves no note.
func noteCertificate(s *corev1.Secret) {
	raw := s.Data[corev1.TLSCertKey]
	if len(raw) == 0 {
		raw = []byte(s.StringData[corev1.TLSCertKey])
	}
	if s.Type != corev1.SecretTypeTLS || len(raw) == 0 {
		return
	}
	block, _ := pem.Decode(raw)
	if block == nil { // twice encoded, as some exports are
		if twice, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(raw))); err == nil {
			block, _ = pem.Decode(twice)
		}
	}
	if block == nil || block.Type != "CERTIFICATE" {
		return
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return
	}
	hosts := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	if len(hosts) == 0 && c.Subject.CommonName != "" {
		hosts = append(hosts, c.Subject.CommonName)
	}
	slices.Sort(hosts)
	const most = 50
	a := maps.Clone(s.Annotations)
	if a == nil {
		a = map[string]string{}
	}
	a[CertificateNotAfter] = c.NotAfter.UTC().Format(time.RFC3339)
	a[CertificateHosts] = strings.Join(hosts[:min(most, len(hosts))], ",")
	s.Annotations = a
}
