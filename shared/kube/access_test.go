package kube

import (
	"encoding/pem"
	"fmt"
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
		{"external context without a CA", Access{Kubeconfig: kubeconfig("https://1.2.3.4:5443")}, ""},
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

func TestPinnedCertificateAuthority(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+plantedKey {
			w.WriteHeader(http.StatusUnauthorized)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, podList)
	}))
	defer server.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	client, err := Client(t.Context(), Access{Kubeconfig: kubeconfig(server.URL), CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := client.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) != 1 {
		t.Errorf("list %v, error %v", list, err)
	}
}
