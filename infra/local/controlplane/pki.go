package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// An authority signs certificates and writes them into one folder.
type authority struct {
	dir  string
	name string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes a certificate authority for one run of the cluster. None is
// ever reused: a token or certificate of an older run must not work.
func newAuthority(dir, name string) (*authority, error) {
	a := &authority{dir: dir, name: name}
	template := certificate(pkix.Name{CommonName: name})
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("make the key of %s: %w", name, err)
	}
	a.cert, err = a.write(name, template, template, a.key)
	return a, err
}

// issue writes NAME.crt and NAME.key, good for a client and for a server on
// loopback.
func (a *authority) issue(name string, subject pkix.Name) error {
	template := certificate(subject)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)}
	template.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the key of %s: %w", name, err)
	}
	_, err = a.write(name, template, a.cert, key)
	return err
}

// kubeconfig issues a client certificate and writes a kubeconfig with nothing
// but data in it, so that the file can be handed on or copied elsewhere.
func (a *authority) kubeconfig(name, server string, subject pkix.Name) (string, error) {
	if err := a.issue(name, subject); err != nil {
		return "", err
	}
	config := clientcmdapi.NewConfig()
	cluster, user := clientcmdapi.NewCluster(), clientcmdapi.NewAuthInfo()
	cluster.Server = server
	var err error
	for file, data := range map[string]*[]byte{
		a.crt(a.name): &cluster.CertificateAuthorityData,
		a.crt(name):   &user.ClientCertificateData,
		a.pem(name):   &user.ClientKeyData,
	} {
		if *data, err = os.ReadFile(file); err != nil {
			return "", fmt.Errorf("read back %s: %w", file, err)
		}
	}
	config.Clusters["local"] = cluster
	config.AuthInfos[name] = user
	config.Contexts["local"] = &clientcmdapi.Context{Cluster: "local", AuthInfo: name}
	config.CurrentContext = "local"
	file := filepath.Join(filepath.Dir(a.dir), name+".kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		return "", fmt.Errorf("write the kubeconfig of %s: %w", name, err)
	}
	return file, nil
}

func (a *authority) crt(name string) string { return filepath.Join(a.dir, name+".crt") }
func (a *authority) pem(name string) string { return filepath.Join(a.dir, name+".key") }

func (a *authority) write(name string, template, parent *x509.Certificate, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", name, err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the key of %s: %w", name, err)
	}
	if err := writePEM(a.crt(name), "CERTIFICATE", der); err != nil {
		return nil, err
	}
	if err := writePEM(a.pem(name), "EC PRIVATE KEY", keyDER); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func certificate(subject pkix.Name) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      subject,
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(30 * 24 * time.Hour),
	}
}

func writePEM(file, kind string, der []byte) error {
	data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(file), err)
	}
	return nil
}
