package huaweicloud

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
)

// Invented secrets in the forms real ones have; none of them may ever be seen in an error.
const (
	testAK      = "HPUAQ7XKPLANTED0AK01"
	testSK      = "plantedSecretKey0123456789abcdefghijABCD"
	testToken   = "gQpjbi1ub3J0aC00plantedsecuritytoken"
	testProject = "0f5181caba0024e72f89c0045e707b91"
	testCluster = "b1d2c3e4-1111-2222-3333-444455556666"
)

var planted = []string{testAK, testSK, testToken, testProject}

// cloud is a small server in place of the services. Each request's signature is checked with the official SDK's signer.
type cloud struct {
	t      *testing.T
	server *httptest.Server
	answer func(n int, r *http.Request, body []byte) reply

	mu     sync.Mutex
	seen   []seen
	paused []time.Duration
}

type seen struct {
	method, path, query, body string
	header                    http.Header
}

type reply struct {
	status int
	body   string
	header map[string]string
	drop   bool // the connection is closed without an answer
	block  bool // no answer until the caller gives up
}

func newCloud(t *testing.T, answer func(n int, r *http.Request, body []byte) reply) *cloud {
	c := &cloud{t: t, answer: answer}
	c.server = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.server.Close)
	return c
}

// replies answers request after request; the last one stands for all that follow.
func replies(all ...reply) func(int, *http.Request, []byte) reply {
	return func(n int, _ *http.Request, _ []byte) reply { return all[min(n, len(all)-1)] }
}

func (c *cloud) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Errorf("read request: %v", err)
	}
	if want, got := oracle(c.t, r, body, testSK), r.Header.Get("Authorization"); got != want {
		c.t.Errorf("signature of %s %s:\n got %s\nwant %s", r.Method, r.URL, got, want)
	}
	c.mu.Lock()
	n := len(c.seen)
	c.seen = append(c.seen, seen{r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header.Clone()})
	c.mu.Unlock()
	a := c.answer(n, r, body)
	switch {
	case a.block:
		<-r.Context().Done()
		return
	case a.drop:
		panic(http.ErrAbortHandler)
	}
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func (c *cloud) requests() []seen {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]seen(nil), c.seen...)
}

// pauses are what the session waited between attempts.
func (c *cloud) pauses() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.paused...)
}

var testNow = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

func (c *cloud) session() *Session {
	endpoints := map[string]string{}
	for _, s := range []string{AOMService, CCEService, CSMSService, CTSService, LTSService, SMNService} {
		endpoints[s] = c.server.URL
	}
	transport := &http.Transport{DisableKeepAlives: true} // which else repeats a reading itself when a kept connection drops
	c.t.Cleanup(transport.CloseIdleConnections)
	return &Session{
		Region: "cn-north-4", Project: testProject, Endpoints: endpoints, Transport: transport,
		Credentials: func(context.Context) (Credentials, error) {
			return Credentials{AK: testAK, SK: testSK, Token: testToken}, nil
		},
		Now: func() time.Time { return testNow },
		Wait: func(ctx context.Context, d time.Duration) error {
			c.mu.Lock()
			c.paused = append(c.paused, d)
			c.mu.Unlock()
			return ctx.Err()
		},
	}
}

// oracle is the Authorization header the official SDK computes for a request that signs the same headers.
func oracle(t *testing.T, r *http.Request, body []byte, sk string) string {
	t.Helper()
	auth := r.Header.Get("Authorization")
	ak := between(auth, "Access=", ",")
	b := request.NewHttpRequestBuilder().WithEndpoint("http://"+r.Host).WithPath(r.URL.Path).WithMethod(r.Method).WithBody("", string(body))
	for k, v := range r.URL.Query() {
		b = b.AddQueryParam(k, reflect.ValueOf(v))
	}
	for _, name := range strings.Split(between(auth, "SignedHeaders=", ","), ";") {
		if name == "host" {
			b = b.AddHeaderParam("host", r.Host)
			continue
		}
		b = b.AddHeaderParam(http.CanonicalHeaderKey(name), r.Header.Get(name))
	}
	if ct := r.Header.Get("Content-Type"); ct != "" {
		b = b.AddHeaderParam("Content-Type", ct)
	}
	got, err := signer.Sign(b.Build(), ak, sk)
	if err != nil {
		t.Errorf("the SDK cannot sign %s %s: %v", r.Method, r.URL, err)
		return ""
	}
	return got["Authorization"]
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// silent fails the test where text shows a planted secret.
func silent(t *testing.T, text string) {
	t.Helper()
	for _, secret := range planted {
		if strings.Contains(text, secret) || bytes.Contains([]byte(strings.ToLower(text)), []byte(strings.ToLower(secret))) {
			t.Errorf("%q shows %q", text, secret)
		}
	}
}
