package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	testCluster = "b1d2c3e4-1111-2222-3333-444455556666"
	testHost    = testCluster + ".cce.cn-north-4.myhuaweicloud.com"
	plantedKey  = "HPUAQ7XKPLANTED0AK01"
)

// api is the gateway's other side: it keeps what it was asked and answers in order, the last answer for all that follow.
type api struct {
	server *httptest.Server
	mu     sync.Mutex
	seen   []*http.Request
	bodies []string
	answer []answer
	paused []time.Duration
}

type answer struct {
	status int
	body   string
	header map[string]string
}

func newAPI(t *testing.T, answers ...answer) *api {
	a := &api{answer: answers}
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		n := len(a.seen)
		a.seen, a.bodies = append(a.seen, r.Clone(context.Background())), append(a.bodies, string(body))
		a.mu.Unlock()
		is := answers[min(n, len(answers)-1)]
		w.Header().Set("Content-Type", "application/json")
		for k, v := range is.header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(is.status)
		_, _ = io.WriteString(w, is.body)
	}))
	t.Cleanup(a.server.Close)
	return a
}

func signature(host, body string) string { return fmt.Sprintf("signed %s %x", host, body) }

// access signs by naming host and body, which the tests can read back.
func (a *api) access() Access {
	return Access{
		Cluster: testCluster, Region: "cn-north-4", Gateway: a.server.URL,
		Sign: func(r *http.Request, body []byte) error {
			r.Header.Set("Authorization", signature(r.Host, string(body)))
			return nil
		},
		Wait: func(ctx context.Context, d time.Duration) error {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.paused = append(a.paused, d)
			return ctx.Err()
		},
	}
}

const podList = `{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web"}}]}`

func TestGatewaySignsEachRequest(t *testing.T) {
	a := newAPI(t, answer{200, podList, nil}, answer{200, `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web"}}`, nil})
	client, err := Client(t.Context(), a.access())
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app in (a, b)"})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("list %v, error %v", list, err)
	}
	patch := `{"metadata":{"labels":{"a":"b"}}}`
	if _, err := client.CoreV1().Pods("default").Patch(t.Context(), "web", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	read, write := a.seen[0], a.seen[1]
	if read.Host != testHost || read.Header.Get("Authorization") != strings.TrimSpace(signature(testHost, "")) || !strings.Contains(read.Header.Get("Accept"), "application/json") || strings.Contains(read.Header.Get("Accept"), "protobuf") {
		t.Errorf("reading: host %s, header %v", read.Host, read.Header)
	}
	if write.Header.Get("Authorization") != signature(testHost, patch) || a.bodies[1] != patch || write.Header.Get("Content-Type") != "application/merge-patch+json" {
		t.Errorf("patch: header %v, body %s", write.Header, a.bodies[1])
	}
}

func TestGatewaySpeaksJSONOnly(t *testing.T) {
	a := newAPI(t, answer{201, `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x"}}`, nil})
	client, err := Client(t.Context(), a.access())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().ConfigMaps("default").Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "x"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if ct := a.seen[0].Header.Get("Content-Type"); ct != "application/json" || !json.Valid([]byte(a.bodies[0])) {
		t.Errorf("content type %s, body %q", ct, a.bodies[0])
	}
	if _, err := client.Discovery().ServerGroups(); err != nil {
		t.Fatal(err)
	}
	last := a.seen[len(a.seen)-1]
	if p := last.URL.Path; p != "/api" && p != "/apis" {
		t.Fatalf("last request %s", p)
	}
	if accept := last.Header.Get("Accept"); accept != "application/json" {
		t.Errorf("discovery asks for %s", accept)
	}
}

func TestGatewayRepeatsReadingsAlone(t *testing.T) {
	const throttled = `{"error_code":"APIGW.0308","error_msg":"The throttling threshold has been reached"}`
	for _, tc := range []struct {
		name    string
		write   bool
		answers []answer
		calls   int
		kind    Kind
	}{
		{"throttled reading", false, []answer{{429, throttled, nil}, {503, "", nil}, {200, podList, nil}}, 3, ""},
		{"reading without a gateway", false, []answer{{502, "", nil}}, 4, Unavailable},
		{"short Retry-After", false, []answer{{429, throttled, map[string]string{"Retry-After": "1.5"}}, {200, podList, nil}}, 2, ""},
		{"long Retry-After", false, []answer{{429, throttled, map[string]string{"Retry-After": "56.818"}}, {200, podList, nil}}, 1, Throttled},
		{"server error", false, []answer{{500, "", nil}}, 1, Unavailable},
		{"throttled write", true, []answer{{429, throttled, nil}, {200, "{}", nil}}, 1, Throttled},
		{"write without a gateway", true, []answer{{502, "", nil}, {200, "{}", nil}}, 1, Unavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newAPI(t, tc.answers...)
			client, err := Client(t.Context(), a.access())
			if err != nil {
				t.Fatal(err)
			}
			if tc.write {
				err = client.CoreV1().Pods("default").Delete(t.Context(), "web", metav1.DeleteOptions{})
			} else {
				_, err = client.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
			}
			err = Classify("ask", err)
			var e *Error
			if (tc.kind == "") != (err == nil) || errors.As(err, &e) && e.Kind != tc.kind {
				t.Errorf("error %v, want kind %q", err, tc.kind)
			}
			if len(a.seen) != tc.calls || len(a.paused) != tc.calls-1 {
				t.Errorf("%d calls and %d pauses, want %d calls", len(a.seen), len(a.paused), tc.calls)
			}
		})
	}
}

func TestGatewayHasNoStreams(t *testing.T) {
	a := newAPI(t, answer{200, "{}", nil})
	client, err := Client(t.Context(), a.access())
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"exec", "attach", "portforward", "proxy"} {
		err := client.CoreV1().RESTClient().Post().Namespace("default").Resource("pods").Name("web").SubResource(sub).Do(t.Context()).Error()
		var e *Error
		if !errors.As(Classify("open a shell", err), &e) || e.Kind != Invalid || e.Transient() {
			t.Errorf("%s: error %v", sub, err)
		}
	}
	if len(a.seen) != 0 {
		t.Errorf("%d requests were sent", len(a.seen))
	}
	if _, err := client.CoreV1().Pods("exec").Get(t.Context(), "exec", metav1.GetOptions{}); err != nil {
		t.Errorf("a pod of that name: %v", err)
	}
}

func TestGatewayEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	access := newAPI(t, answer{}).access()
	access.Gateway = server.URL
	client, err := Client(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{})
	if err = Classify("list pods", err); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestGatewaySigningFails(t *testing.T) {
	a := newAPI(t, answer{200, "{}", nil})
	access := a.access()
	access.Sign = func(*http.Request, []byte) error { return errors.New("no credentials for " + plantedKey) }
	client, err := Client(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
	if err == nil || len(a.seen) != 0 {
		t.Fatalf("error %v, %d requests", err, len(a.seen))
	}
	if text := Classify("list pods", err).Error(); strings.Contains(text, plantedKey) {
		t.Errorf("%s shows the key", text)
	}
}

func TestClassify(t *testing.T) {
	status := func(code int, reason metav1.StatusReason, message string) string {
		b, err := json.Marshal(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, tc := range []struct {
		name   string
		status int
		body   string
		kind   Kind
		text   string
	}{
		{"RBAC", 403, status(403, metav1.StatusReasonForbidden, `deployments.apps "web" is forbidden: User "x" cannot patch`), Denied, `patch web: denied (403): deployments.apps "web" is forbidden: User "x" cannot patch`},
		{"gone", 404, status(404, metav1.StatusReasonNotFound, `deployments.apps "web" not found`), NotFound, `patch web: not found (404): deployments.apps "web" not found`},
		{"changed meanwhile", 409, status(409, metav1.StatusReasonConflict, "modified"), Conflict, "patch web: conflict (409): modified"},
		{"there already", 409, status(409, metav1.StatusReasonAlreadyExists, "exists"), Exists, "patch web: exists (409): exists"},
		{"failed test of a JSON patch", 422, status(422, metav1.StatusReasonInvalid, "the server rejected our request"), Invalid, "patch web: invalid (422): the server rejected our request"},
		{"overloaded", 429, status(429, metav1.StatusReasonTooManyRequests, "busy"), Throttled, "patch web: throttled (429): busy"},
		{"broken", 500, status(500, metav1.StatusReasonInternalError, "etcd\nleader changed"), Unavailable, "patch web: unavailable (500): etcd leader changed"},
		{"the gateway's own refusal", 401, `{"error_code":"APIGW.0301","error_msg":"AK ` + plantedKey + `"}`, Denied, "patch web: denied (401)"},
		{"a proxy's page", 502, `<html>` + plantedKey, Unavailable, "patch web: unavailable (502)"},
		{"the gateway does not know the cluster", 404, `{"error_msg":"` + plantedKey + `"}`, NotFound, "patch web: not found (404)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newAPI(t, answer{tc.status, tc.body, nil})
			client, err := Client(t.Context(), a.access())
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.AppsV1().Deployments("default").Patch(t.Context(), "web", types.MergePatchType, []byte("{}"), metav1.PatchOptions{})
			err = Classify("patch web", err)
			var e *Error
			if !errors.As(err, &e) || e.Kind != tc.kind || err.Error() != tc.text {
				t.Fatalf("error %v\nwant  %s (%s)", err, tc.text, tc.kind)
			}
			if e.Transient() != (tc.kind == Throttled || tc.kind == Unavailable) {
				t.Errorf("%v: transient %v", err, e.Transient())
			}
			if tc.kind == NotFound && !apierrors.IsNotFound(err) {
				t.Error("client-go's own test no longer knows it")
			}
		})
	}
	if Classify("x", nil) != nil {
		t.Error("no error became one")
	}
	long := Classify("x", apierrors.NewBadRequest(strings.Repeat("é", 1000)))
	if n := len([]rune(long.Error())); n > 350 {
		t.Errorf("an error of %d characters", n)
	}
}
