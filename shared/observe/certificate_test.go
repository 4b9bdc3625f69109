package observe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// A TLS Secret in a case file leaves the validity and the hosts of its certificate, and nothing else of its values.
func TestTheCertificateOfASecretLeavesItsValidityOnly(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	until := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), NotBefore: until.Add(-90 * 24 * time.Hour), NotAfter: until,
		DNSNames: []string{"shop.example.com", "*.shop.example.com"}, Subject: pkix.Name{CommonName: "shop.example.com"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for what, value := range map[string]string{
		"as Kubernetes keeps it": base64.StdEncoding.EncodeToString(text),
		"no certificate":         base64.StdEncoding.EncodeToString([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
	} {
		doc, err := json.Marshal(map[string]any{"version": 1, "at": "2026-11-20T10:00:00Z", "objects": []any{map[string]any{
			"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": map[string]any{"name": "shop-tls", "namespace": "shop"},
			"data": map[string]any{"tls.crt": value, "tls.key": "c2VjcmV0"},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := ReadCase(doc)
		if err != nil {
			t.Fatal(err)
		}
		got := s.Objects.Secrets[0]
		wantAt, wantHosts := "2026-11-20T12:00:00Z", "*.shop.example.com,shop.example.com"
		if what == "no certificate" {
			wantAt, wantHosts = "", ""
		}
		if got.Annotations[CertificateNotAfter] != wantAt || got.Annotations[CertificateHosts] != wantHosts {
			t.Errorf("%s: annotations %v", what, got.Annotations)
		}
		out, err := s.WriteCase()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(out), value[:20]) || strings.Contains(string(out), "c2VjcmV0") {
			t.Errorf("%s: a value of the Secret is kept: %s", what, out)
		}
		again, err := ReadCase(out)
		if err != nil {
			t.Fatal(err)
		}
		if again.Objects.Secrets[0].Annotations[CertificateNotAfter] != wantAt {
			t.Errorf("%s: the note does not survive a second reading: %v", what, again.Objects.Secrets[0].Annotations)
		}
	}
}
