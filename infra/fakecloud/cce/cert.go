package cce

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// expiryLayout is the form of expire_at.
const expiryLayout = "2006-01-02 15:04:05 -0700 MST"

// apiCert issues a kubeconfig with a client certificate of the caller's own Kubernetes user. Duration counts days, expire_at wins.
func (s *Service) apiCert(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Days   int    `json:"duration"`
		Expire string `json:"expire_at"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	until, err := expiry(body.Days, body.Expire, c.At)
	if err != nil {
		return edge.Answer{}, edge.BadRequest(err.Error())
	}
	s.mu.Lock()
	cl := s.clusters[c.PathValue("cluster")]
	s.mu.Unlock()
	if cl == nil {
		return edge.Answer{}, missing(ErrNoCluster)
	}
	if cl.spec.ClientCAKey == nil || cl.spec.Server == nil {
		return edge.Answer{}, &edge.Error{Status: http.StatusForbidden, Code: "CCE.01403003", Message: "the cluster's state does not allow the operation"}
	}
	cert, key, err := mint(cl.spec.ClientCACert, cl.spec.ClientCAKey, c.Caller.Kubernetes, c.At, until)
	if err != nil {
		return edge.Answer{}, err
	}
	return edge.OK(map[string]any{
		"kind": "Config", "apiVersion": "v1", "preferences": map[string]any{},
		"clusters": []map[string]any{
			{"name": "internalCluster", "cluster": map[string]any{"server": "https://192.168.0.10:5443", "certificate-authority-data": base64.StdEncoding.EncodeToString(cl.spec.ServerCA)}},
			{"name": "externalCluster", "cluster": map[string]any{"server": cl.spec.Server.String(), "insecure-skip-tls-verify": true}},
		},
		"users": []map[string]any{{"name": "user", "user": map[string]string{
			"client-certificate-data": base64.StdEncoding.EncodeToString(cert), "client-key-data": base64.StdEncoding.EncodeToString(key),
		}}},
		"contexts": []map[string]any{
			{"name": "internal", "context": map[string]string{"cluster": "internalCluster", "user": "user"}},
			{"name": "external", "context": map[string]string{"cluster": "externalCluster", "user": "user"}},
		},
		"current-context": "external",
	})
}

func expiry(days int, at string, now time.Time) (time.Time, error) {
	if at != "" {
		until, err := time.Parse(expiryLayout, at)
		if err != nil {
			return time.Time{}, fmt.Errorf("expire_at %q is not like 2025-01-01 16:00:00 +0000 UTC", at)
		}
		if until.Sub(now) < 15*time.Minute {
			return time.Time{}, errors.New("expire_at must be at least 15 minutes ahead")
		}
		return until, nil
	}
	switch {
	case days == -1:
		days = 1827
	case days < 1 || days > 1827:
		return time.Time{}, errors.New("duration must be -1 or within 1 and 1827 days")
	}
	return now.AddDate(0, 0, days), nil
}

// mint signs a client certificate for a Kubernetes identity.
func mint(caCert, caKey []byte, who edge.Kubernetes, from, until time.Time) (cert, key []byte, err error) {
	block, _ := pem.Decode(caCert)
	if block == nil {
		return nil, nil, errors.New("the client CA certificate is not PEM")
	}
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("read the client CA certificate: %w", err)
	}
	signer, err := parseKey(caKey)
	if err != nil {
		return nil, nil, err
	}
	mine, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a client key: %w", err)
	}
	number, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, nil, fmt.Errorf("make a serial number: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: number, Subject: pkix.Name{CommonName: who.User, Organization: who.Groups},
		NotBefore: from.Add(-5 * time.Minute), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, ca, &mine.PublicKey, signer)
	if err != nil {
		return nil, nil, fmt.Errorf("sign the client certificate: %w", err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(mine)
	if err != nil {
		return nil, nil, fmt.Errorf("write the client key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), nil
}

func parseKey(raw []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errors.New("the client CA key is not PEM")
	}
	if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the client CA key: %w", err)
	}
	signer, ok := k.(crypto.Signer)
	if !ok {
		return nil, errors.New("the client CA key cannot sign")
	}
	return signer, nil
}
