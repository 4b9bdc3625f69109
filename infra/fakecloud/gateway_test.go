package fakecloud_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	fakecce "cce-oncall/infra/fakecloud/cce"
	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/sign"
)

// TestKubernetesGateway checks that a signed call reaches the API server as the agency's own user, and never as what it claims to be.
func TestKubernetesGateway(t *testing.T) {
	type seen struct{ Method, Path, User, Groups, Auth, Token, Body string }
	var got []seen
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		got = append(got, seen{
			r.Method, r.URL.RequestURI(), r.Header.Get("Impersonate-User"), strings.Join(r.Header.Values("Impersonate-Group"), ","),
			r.Header.Get("Authorization"), r.Header.Get("X-Security-Token"), string(body),
		})
		w.WriteHeader(http.StatusOK)
	}))
	defer backend.Close()
	server, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, nil)
	cluster := s.CCE.AddCluster(fakecce.ClusterSpec{Name: "demo-recovery", Server: server})
	s.IAM.AddAgency("writer", edge.Kubernetes{User: "oncall-writer", Groups: []string{"oncall"}})
	cred, err := s.IAM.Issue("writer", wall(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	call := func(method, path, body string, change func(*http.Request)) int {
		t.Helper()
		r, err := http.NewRequestWithContext(within(t), method, s.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = cluster + ".cce.cn-north-4.myhuaweicloud.com"
		r.Header.Set("X-Security-Token", cred.SecurityToken)
		r.Header.Set("Impersonate-User", "system:admin")
		r.Header.Set("Impersonate-Group", "system:masters")
		if change != nil {
			change(r)
		}
		sign.Sign(r, []byte(body), cred.AccessKey, cred.SecretKey, wall())
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if code := call("PATCH", "/apis/apps/v1/namespaces/default/deployments/chat-app?fieldManager=x", `{"spec":{"replicas":4}}`, func(r *http.Request) {
		r.Header.Set("Content-Type", "application/merge-patch+json")
		r.Header.Set("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD")
	}); code != 200 {
		t.Errorf("a signed patch answers %d", code)
	}
	want := []seen{{"PATCH", "/apis/apps/v1/namespaces/default/deployments/chat-app?fieldManager=x", "oncall-writer", "oncall", "", "", `{"spec":{"replicas":4}}`}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what the API server saw (-want +got):\n%s", diff)
	}
	if code := call("POST", "/api/v1/namespaces/default/pods/chat-app/exec?command=sh", "", nil); code != 403 {
		t.Errorf("exec answers %d, want 403", code)
	}
	if code := call("GET", "/api/v1/pods", "", func(r *http.Request) { r.Host = "nobody.cce.cn-north-4.myhuaweicloud.com" }); code != 404 {
		t.Errorf("another cluster answers %d, want 404", code)
	}
	s.Faults.Add(edge.Fault{Service: "kubernetes", Times: 1, Status: 429, Code: "APIGW.0308"})
	if code := call("GET", "/api/v1/pods", "", nil); code != 429 {
		t.Errorf("flow control answers %d, want 429", code)
	}
	if len(got) != 1 {
		t.Errorf("the API server saw %d calls, want 1", len(got))
	}
	traces := s.CTS.All()
	if len(traces) != 1 || traces[0].Name != "updateDeployments" || traces[0].ResourceID != "chat-app" || traces[0].User.Type != "AssumedAgency" {
		t.Errorf("traces = %+v", traces)
	}
}
