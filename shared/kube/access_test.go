package kube

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kubeconfig is one as CCE issues it, in JSON, with an internal context that has a CA and an external one that has none.
func kubeconfig(server string) []byte {
	return fmt.Appendf(nil, `{"kind":"Config","apiVersion":"v1","current-context":"external",
		"clusters":[{"name":"internalCluster","cluster":{"server":"https://10.0.0.1:5443","certificate-authority-data":"Y2E="}},
			{"name":"externalCluster","cluster":{"server":%q,"insecure-skip-tls-verify":true}}],
		"users":[{"name":"user","user":{"token":"%s"}}],
		"contexts":[{"name":"internal","context":{"cluster":"internalCluster","user":"user"}},{"name":"external","context":{"cluster":"externalCluster","user":"user"}}]}`, server, plantedKey)
}

func TestConfig(t *testing.T) {
	sign := func(*http.Request, []byte) error { return nil }
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, kubeconfig("https://1.2.3.4:5443"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		access Access
		host   string // of the server; "" is an error
	}{
		{"gateway", Access{Sign: sign, Cluster: "c", Region: "r"}, "https://c.cce.r.myhuaweicloud.com"},
		{"gateway of another site", Access{Sign: sign, Cluster: "c", Region: "r", Domain: "myhuaweicloud.eu"}, "https://c.cce.r.myhuaweicloud.eu"},
		{"gateway elsewhere", Access{Sign: sign, Cluster: "c", Region: "r", Gateway: "http://127.0.0.1:8443"}, "http://127.0.0.1:8443"},
		{"gateway without a cluster", Access{Sign: sign, Region: "r"}, ""},
		{"gateway at no address", Access{Sign: sign, Cluster: "c", Region: "r", Gateway: "127.0.0.1:1"}, ""},
		{"no way", Access{Cluster: "c"}, ""},
		{"two ways", Access{Sign: sign, KubeconfigPath: file, Cluster: "c", Region: "r"}, ""},
		{"internal context", Access{Kubeconfig: kubeconfig("https://1.2.3.4:5443"), Context: "internal"}, "https://10.0.0.1:5443"},
		{"external context checked by the internal one's CA", Access{Kubeconfig: kubeconfig("https://1.2.3.4:5443")}, "https://1.2.3.4:5443"},
		{"external context and no CA anywhere", Access{Kubeconfig: []byte(strings.Replace(string(kubeconfig("https://1.2.3.4:5443")), `,"certificate-authority-data":"Y2E="`, "", 1))}, ""},
		{"external context with a CA", Access{Kubeconfig: kubeconfig("https://1.2.3.4:5443"), CA: []byte("ca")}, "https://1.2.3.4:5443"},
		{"external context on purpose", Access{Kubeconfig: kubeconfig("https://1.2.3.4:5443"), Insecure: true}, "https://1.2.3.4:5443"},
		{"file", Access{KubeconfigPath: file, Context: "internal"}, "https://10.0.0.1:5443"},
		{"file without a CA", Access{KubeconfigPath: file}, ""},
		{"no such file", Access{KubeconfigPath: file + "x"}, ""},
		{"no such context", Access{Kubeconfig: kubeconfig("https://1.2.3.4:5443"), Context: "third"}, ""},
		{"no kubeconfig", Access{Kubeconfig: []byte(`users: ` + plantedKey)}, ""},
		{"a program for credentials", Access{Kubeconfig: []byte(strings.Replace(string(kubeconfig("https://1.2.3.4:5443")), `"token":"`+plantedKey+`"`, `"exec":{"command":"/bin/sh","apiVersion":"client.authentication.k8s.io/v1","interactiveMode":"Never"}`, 1)), Context: "internal"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Config(t.Context(), tc.access)
			if tc.host == "" {
				if err == nil {
					t.Fatal("no error")
				}
				if strings.Contains(err.Error(), plantedKey) {
					t.Errorf("%v shows the key", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Host != tc.host || got.QPS != 20 || got.Burst != 40 || got.Timeout == 0 || got.UserAgent != "cce-oncall" {
				t.Errorf("host %s, QPS %v, burst %d, timeout %v, agent %s", got.Host, got.QPS, got.Burst, got.Timeout, got.UserAgent)
			}
		})
	}
}

// secured is an API server with a certificate for 127.0.0.1 and example.com (httptest's own).
func secured(t *testing.T) (server *httptest.Server, ca []byte) {
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+plantedKey {
			w.WriteHeader(http.StatusUnauthorized)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, podList)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are the point here
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func TestServerIsChecked(t *testing.T) {
	server, ca := secured(t)
	pinned := func(host string, ca []byte) []byte {
		config := strings.Replace(string(kubeconfig(server.URL)), "https://10.0.0.1:5443", "https://"+host+":5443", 1)
		return []byte(strings.Replace(config, "Y2E=", base64.StdEncoding.EncodeToString(ca), 1))
	}
	for _, tc := range []struct {
		name   string
		access Access
		ok     bool
	}{
		{"given CA", Access{Kubeconfig: kubeconfig(server.URL), CA: ca}, true},
		{"the internal context's CA and name", Access{Kubeconfig: pinned("example.com", ca)}, true},
		{"a certificate for another name", Access{Kubeconfig: pinned("10.9.9.9", ca)}, false},
		{"another authority", Access{Kubeconfig: kubeconfig(server.URL), CA: forged(t)}, false},
		{"unchecked on purpose", Access{Kubeconfig: kubeconfig(server.URL), Insecure: true}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client, err := Client(t.Context(), tc.access)
			if err != nil {
				t.Fatal(err)
			}
			list, err := client.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
			if (err == nil) != tc.ok || tc.ok && len(list.Items) != 1 {
				t.Errorf("list %v, error %v", list, err)
			}
		})
	}
}

// forged is a certificate authority of nobody's.
func forged(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
