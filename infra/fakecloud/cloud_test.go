package fakecloud_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"

	"cce-oncall/infra/fakecloud"
	"cce-oncall/infra/fakecloud/edge"
)

// clock is a clock that moves only when told.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	return c.at
}

// wall is the clock by which the official SDKs sign, so that a cloud which verifies must have it too.
var wall = time.Now

// served is a cloud behind an HTTP server.
type served struct {
	*fakecloud.Cloud
	url string
}

func serve(t *testing.T, change func(*fakecloud.Options)) served {
	t.Helper()
	opt := fakecloud.Options{}
	if change != nil {
		change(&opt)
	}
	opt.Functions.Dir = t.TempDir()
	c, err := fakecloud.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c)
	c.SetBase(server.URL)
	t.Cleanup(func() {
		server.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return served{c, server.URL}
}

// adminKeys are the credentials of the account's administrator in the official SDK.
func adminKeys(t *testing.T) *basic.Credentials {
	t.Helper()
	return keys(t, fakecloud.DefaultAdminKey, fakecloud.DefaultAdminSecret, "")
}

func keys(t *testing.T, ak, sk, token string) *basic.Credentials {
	t.Helper()
	c, err := basic.NewCredentialsBuilder().WithAk(ak).WithSk(sk).WithSecurityToken(token).WithProjectId(fakecloud.DefaultProject).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// agencyKeys are temporary credentials of a new agency with the given actions.
func agencyKeys(t *testing.T, s served, now time.Time, name string, actions ...string) *basic.Credentials {
	t.Helper()
	s.IAM.AddAgency(name, edge.Kubernetes{User: name}, actions...)
	c, err := s.IAM.Issue(name, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return keys(t, c.AccessKey, c.SecretKey, c.SecurityToken)
}

func httpConfig() *config.HttpConfig {
	return config.DefaultHttpConfig().WithUserAgent("test").WithTimeout(30 * time.Second)
}

// refusal reads the SDK's error.
func refusal(t *testing.T, err error) *sdkerr.ServiceResponseError {
	t.Helper()
	var e *sdkerr.ServiceResponseError
	if !errors.As(err, &e) {
		t.Fatalf("error = %v, want the service's refusal", err)
	}
	return e
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for a state.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("never happened: %s", what)
		case <-tick.C:
		}
	}
}

// instantVectors is a Prometheus server that answers every query with the samples it holds.
type instantVectors struct {
	mu      sync.Mutex
	body    string
	queries []string
}

func (p *instantVectors) set(body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.body = body
}

func (p *instantVectors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queries = append(p.queries, r.URL.Path+" "+r.URL.Query().Get("query"))
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[` + p.body + `]}}`))
}
