package cce_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/infra/fakecloud/cce"
	"cce-oncall/infra/fakecloud/edge"
)

var now = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

type caller struct{}

func (caller) Authenticate(*http.Request, []byte, time.Time) (edge.Caller, error) {
	return edge.Caller{Name: "reader", Kubernetes: edge.Kubernetes{User: "reader-id", Groups: []string{"oncall"}}}, nil
}
func (caller) Allowed(edge.Caller, string) bool { return true }

// service is CCE behind a server, with its caller already known.
func service(t *testing.T) (*cce.Service, func(method, path, body string, status int) []byte) {
	t.Helper()
	gate := &edge.Gate{Identities: caller{}, Project: "p", Clock: func() time.Time { return now }, Faults: &edge.Faults{}, Journal: &edge.Journal{}, Limits: &edge.Limits{}}
	s := cce.New(cce.Options{Region: "r", Project: "p", Clock: gate.Clock, Gate: gate})
	t.Cleanup(s.Close)
	mux := http.NewServeMux()
	gate.Mount(mux, s.Service())
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return s, func(method, path, body string, status int) []byte {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != status {
			t.Fatalf("%s %s = %d %s, want %d", method, path, resp.StatusCode, raw, status)
		}
		return raw
	}
}

func authority(t *testing.T) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})
}

func TestCertificates(t *testing.T) {
	s, call := service(t)
	cert, key := authority(t)
	server, err := url.Parse("https://127.0.0.1:6443")
	if err != nil {
		t.Fatal(err)
	}
	id := s.AddCluster(cce.ClusterSpec{Name: "demo", Server: server, ClientCACert: cert, ClientCAKey: key})
	path := "/api/v3/projects/p/clusters/" + id + "/clustercert"
	tests := []struct {
		name, body string
		status     int
		until      time.Time
	}{
		{"days", `{"duration":2}`, 200, now.AddDate(0, 0, 2)},
		{"the longest", `{"duration":-1}`, 200, now.AddDate(0, 0, 1827)},
		{"fifteen minutes", `{"duration":30,"expire_at":"2026-11-22 08:15:00 +0000 UTC"}`, 200, now.Add(15 * time.Minute)},
		{"too soon", `{"expire_at":"2026-11-22 08:14:00 +0000 UTC"}`, 400, time.Time{}},
		{"another form of time", `{"expire_at":"2026-11-22T09:00:00Z"}`, 400, time.Time{}},
		{"neither", `{}`, 400, time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := call("POST", path, tt.body, tt.status)
			if tt.status != 200 {
				return
			}
			var config struct {
				Current string `json:"current-context"`
				Users   []struct {
					User struct {
						Cert string `json:"client-certificate-data"`
					} `json:"user"`
				} `json:"users"`
			}
			if err := json.Unmarshal(raw, &config); err != nil {
				t.Fatal(err)
			}
			text, err := base64.StdEncoding.DecodeString(config.Users[0].User.Cert)
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(text)
			issued, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if issued.Subject.CommonName != "reader-id" || issued.Subject.Organization[0] != "oncall" || !issued.NotAfter.Equal(tt.until) {
				t.Errorf("issued to %v until %v, want reader-id of oncall until %v", issued.Subject, issued.NotAfter, tt.until)
			}
		})
	}
	other := s.AddCluster(cce.ClusterSpec{Name: "no-authority"})
	call("POST", "/api/v3/projects/p/clusters/"+other+"/clustercert", `{"duration":1}`, 403)
}

func TestAccessPolicyBindsInTheCluster(t *testing.T) {
	var seen []string
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		var object struct {
			Kind     string
			RoleRef  struct{ Name string }
			Subjects []struct{ Kind, Name string }
		}
		line := r.Method + " " + r.URL.Path
		if json.Unmarshal(raw, &object) == nil {
			line += " " + object.Kind + " " + object.RoleRef.Name + " " + object.Subjects[0].Kind + " " + object.Subjects[0].Name
		}
		seen = append(seen, line)
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer backend.Close()
	server, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	s, call := service(t)
	id := s.AddCluster(cce.ClusterSpec{Name: "demo", Server: server})
	body := `{"kind":"AccessPolicy","apiVersion":"v3","name":"read","clusters":["` + id + `"],"accessScope":{"namespaces":["*"]},"policyType":"CCEViewPolicy","principal":{"type":"agency","ids":["agency-id"]}}`
	var made struct {
		ID string `json:"policyId"`
	}
	if err := json.Unmarshal(call("POST", "/api/v3/access-policies", body, 201), &made); err != nil {
		t.Fatal(err)
	}
	call("PUT", "/api/v3/access-policies/"+made.ID, strings.Replace(strings.Replace(body, `"*"`, `"default"`, 1), "View", "Edit", 1), 200)
	call("GET", "/api/v3/access-policies/"+made.ID, "", 200)
	call("DELETE", "/api/v3/access-policies/"+made.ID, "", 200)
	call("GET", "/api/v3/access-policies/"+made.ID, "", 404)
	const wide, narrow = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings"
	name := "/cce-access-policy-" + made.ID
	want := []string{
		"DELETE " + wide + name, "POST " + wide + " ClusterRoleBinding view User agency-id",
		"DELETE " + wide + name, "DELETE " + narrow + name, "POST " + narrow + " RoleBinding edit User agency-id",
		"DELETE " + narrow + name,
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("what the API server saw (-want +got):\n%s", diff)
	}
	call("POST", "/api/v3/access-policies", strings.Replace(body, "CCEViewPolicy", "Everything", 1), 400)
	call("POST", "/api/v3/access-policies", strings.Replace(body, id, "unknown", 1), 404)
}

// TestUpdatePoolTrap pins the trap of the real call: an edit without ignoreInitialNodeCount empties the pool.
func TestUpdatePoolTrap(t *testing.T) {
	s, call := service(t)
	id := s.AddCluster(cce.ClusterSpec{Name: "demo"})
	pool, err := s.AddPool(id, cce.PoolSpec{Name: "workers", Nodes: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	target := func(raw []byte) int {
		t.Helper()
		var p struct {
			Spec struct {
				Target int `json:"initialNodeCount"`
			} `json:"spec"`
		}
		if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&p); err != nil {
			t.Fatal(err)
		}
		return p.Spec.Target
	}
	path := "/api/v3/projects/p/clusters/" + id + "/nodepools/" + pool
	if got := target(call("PUT", path, `{"spec":{"ignoreInitialNodeCount":true,"autoscaling":{"enable":true,"maxNodeCount":9}}}`, 200)); got != 2 {
		t.Errorf("target after a careful edit = %d, want 2", got)
	}
	if got := target(call("PUT", path, `{"spec":{"autoscaling":{"enable":true,"maxNodeCount":9}}}`, 200)); got != 0 {
		t.Errorf("target after a careless edit = %d, want 0", got)
	}
}
