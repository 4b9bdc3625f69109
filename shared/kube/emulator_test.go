package kube_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"cce-oncall/infra/fakecloud"
	fakecce "cce-oncall/infra/fakecloud/cce"
	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/shared/huaweicloud"
	"cce-oncall/shared/kube"
)

// TestEmulatedGateway goes through the emulated CCE gateway, which checks the signature of each request and passes it on as the
// agency's own Kubernetes user.
func TestEmulatedGateway(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC) }
	var seen []string
	apiServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", r.Header.Get("Impersonate-User"), r.Method, r.URL.Path, r.URL.Query().Get("labelSelector"), body)))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Success"}`)
	}))
	defer apiServer.Close()
	target, err := url.Parse(apiServer.URL)
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := fakecloud.New(fakecloud.Options{Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	}()
	server := httptest.NewServer(cloud)
	defer server.Close()
	one := cloud.CCE.AddCluster(fakecce.ClusterSpec{Name: "one", Server: target})
	two := cloud.CCE.AddCluster(fakecce.ClusterSpec{Name: "two"}) // its API server is down
	cloud.IAM.AddAgency("oncall-write", edge.Kubernetes{User: "writer"})
	key, err := cloud.IAM.Issue("oncall-write", now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	access := kube.Access{
		Cluster: one, Region: cloud.Region, Gateway: server.URL,
		Sign: func(r *http.Request, body []byte) error {
			return huaweicloud.Sign(r, body, huaweicloud.Credentials{AK: key.AccessKey, SK: key.SecretKey, Token: key.SecurityToken}, cloud.Project, now())
		},
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	client, err := kube.Client(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	pods, deployments := client.CoreV1().Pods("default"), client.AppsV1().Deployments("default")
	calls := []struct {
		want string
		do   func() error
	}{
		{"writer GET /api/v1/namespaces/default/pods app in (a, b),tier!=x+y", func() error {
			_, err := pods.List(t.Context(), metav1.ListOptions{LabelSelector: "app in (a, b),tier!=x+y"})
			return err
		}},
		{`writer PATCH /apis/apps/v1/namespaces/default/deployments/web  [{"op":"test","path":"/metadata/uid","value":"节点"}]`, func() error {
			_, err := deployments.Patch(t.Context(), "web", types.JSONPatchType, []byte(`[{"op":"test","path":"/metadata/uid","value":"节点"}]`), metav1.PatchOptions{})
			return err
		}},
		{`writer PATCH /apis/apps/v1/namespaces/default/deployments/web  {"spec":{}}`, func() error {
			_, err := deployments.Patch(t.Context(), "web", types.StrategicMergePatchType, []byte(`{"spec":{}}`), metav1.PatchOptions{})
			return err
		}},
		{`writer PUT /apis/apps/v1/namespaces/default/deployments/web/scale  {"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"web","resourceVersion":"7"},"spec":{"replicas":4},"status":{"replicas":0}}`, func() error {
			_, err := deployments.UpdateScale(t.Context(), "web", &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "web", ResourceVersion: "7"}, Spec: autoscalingv1.ScaleSpec{Replicas: 4}}, metav1.UpdateOptions{})
			return err
		}},
		{`writer DELETE /api/v1/namespaces/default/pods/web  {"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"u"}}`, func() error {
			uid := types.UID("u")
			return pods.Delete(t.Context(), "web", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
		}},
		{"writer GET /api", func() error { _, err := client.Discovery().ServerGroups(); return err }},
	}
	for _, c := range calls {
		seen = nil
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		if strings.TrimSpace(strings.ReplaceAll(seen[0], "\n", "")) != c.want {
			t.Errorf("the API server got\n%s\nwant\n%s", seen[0], c.want)
		}
	}

	kindOf := func(access kube.Access) kube.Kind {
		client, err := kube.Client(t.Context(), access)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
		var e *kube.Error
		if !errors.As(kube.Classify("list pods", err), &e) {
			t.Fatalf("error %v", err)
		}
		if strings.Contains(e.Error(), key.AccessKey) {
			t.Errorf("%v shows the key", e)
		}
		return e.Kind
	}
	down := access
	down.Cluster = two
	if kind := kindOf(down); kind != kube.Unavailable {
		t.Errorf("an API server that is down: %s", kind)
	}
	absent := access
	absent.Cluster = "00000000-0000-0000-0000-000000000000"
	if kind := kindOf(absent); kind != kube.NotFound {
		t.Errorf("no such cluster: %s", kind)
	}
	forged := access
	forged.Sign = func(r *http.Request, body []byte) error {
		return huaweicloud.Sign(r, body, huaweicloud.Credentials{AK: key.AccessKey, SK: "guessed", Token: key.SecurityToken}, cloud.Project, now())
	}
	if kind := kindOf(forged); kind != kube.Denied {
		t.Errorf("a forged signature: %s", kind)
	}
	cloud.Faults.Add(edge.Fault{Service: "kubernetes", Times: 1, Status: 429, Code: "APIGW.0308"})
	seen = nil
	if _, err := pods.List(t.Context(), metav1.ListOptions{}); err != nil || len(seen) != 1 {
		t.Errorf("throttled once: %v after %d calls", err, len(seen))
	}
}
