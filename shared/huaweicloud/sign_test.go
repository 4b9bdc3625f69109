package huaweicloud

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestSignIsWhatTheSDKComputes(t *testing.T) {
	for _, tc := range []struct {
		name, method, url, contentType, body, token string
	}{
		{"reading", "GET", "/v1/p/groups", "application/json", "", ""},
		{"temporary key", "GET", "/v1/p/groups", "application/json", "", testToken},
		{"query with spaces, plus and order", "GET", "/v1/p/q?step=60&query=sum%28rate%28x%5B1m%5D%29%29+by+%28pod%29+%2B+1&a=2&a=1", "application/json", "", ""},
		{"colon in the path", "POST", "/v2/p/fgs/functions/urn:fss:cn-north-4:p:function:default:f:latest/invocations-async", "application/json", `{"a":"b<c>"}`, testToken},
		{"Chinese text", "POST", "/v2/p/events?search=%E8%B0%83%E5%BA%A6", "application/json; charset=utf-8", `{"s":"调度失败"}`, ""},
		{"Kubernetes merge patch", "PATCH", "/apis/apps/v1/namespaces/default/deployments/web?fieldManager=x", "application/merge-patch+json", `{"spec":{}}`, testToken},
		{"Kubernetes JSON patch", "PATCH", "/api/v1/nodes/10.0.0.1", "application/json-patch+json", `[{"op":"test"}]`, ""},
		{"no content type", "DELETE", "/api/v3/x", "", "", ""},
		{"trailing slash", "GET", "/api/", "application/json", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got, want string
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got, want = r.Header.Get("Authorization"), oracle(t, r, body, testSK)
			}))
			defer server.Close()
			req, err := http.NewRequestWithContext(t.Context(), tc.method, server.URL+tc.url, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Host = "cluster.cce.cn-north-4.myhuaweicloud.com" // a gateway reached at another address
			if tc.contentType != "" {
				req.Header.Set("Content-Type", tc.contentType)
			}
			if err := Sign(req, []byte(tc.body), Credentials{AK: testAK, SK: testSK, Token: tc.token}, testProject, testNow); err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if got != want || got == "" {
				t.Errorf("Authorization\n got %s\nwant %s", got, want)
			}
			signed := between(got, "SignedHeaders=", ",")
			for _, name := range []string{"host", "x-project-id", "x-sdk-date"} {
				if !strings.Contains(signed, name) {
					t.Errorf("%s is not signed: %s", name, signed)
				}
			}
			if (tc.token != "") != strings.Contains(signed, "x-security-token") {
				t.Errorf("token %q, signed headers %s", tc.token, signed)
			}
			if unsigned := req.Header.Get(headerContent) == unsignedPayload; unsigned != (tc.contentType == "application/merge-patch+json") {
				t.Errorf("content type %q: unsigned payload is %v", tc.contentType, unsigned)
			}
		})
	}
}

func TestSignAgainSignsAnew(t *testing.T) {
	req := httptest.NewRequest(http.MethodGet, "http://h/v1/x", nil)
	sign := func(c Credentials, at time.Time) string {
		if err := Sign(req, nil, c, testProject, at); err != nil {
			t.Fatal(err)
		}
		return req.Header.Get("Authorization")
	}
	first := sign(Credentials{AK: testAK, SK: testSK, Token: testToken}, testNow)
	later := sign(Credentials{AK: testAK, SK: testSK}, testNow.Add(time.Minute))
	if first == later || strings.Contains(later, "x-security-token") || strings.Contains(later, "authorization") {
		t.Errorf("a second signature holds parts of the first: %s", later)
	}
	if back := sign(Credentials{AK: testAK, SK: testSK, Token: testToken}, testNow); back != first {
		t.Errorf("the same request signs differently: %s and %s", first, back)
	}
}

func TestSignNeedsAKey(t *testing.T) {
	for _, c := range []Credentials{{}, {AK: testAK}, {SK: testSK}} {
		if err := Sign(httptest.NewRequest(http.MethodGet, "http://h/", nil), nil, c, testProject, testNow); err == nil {
			t.Errorf("signed with %v", c)
		} else {
			silent(t, err.Error())
		}
	}
}

func TestCredentialsDoNotPrint(t *testing.T) {
	c := Credentials{AK: testAK, SK: testSK, Token: testToken}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		silent(t, fmt.Sprintf(format, c))
		silent(t, fmt.Sprintf(format, &c))
		silent(t, fmt.Sprintf(format, struct{ C Credentials }{c}))
	}
}
