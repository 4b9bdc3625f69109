package kube

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	gatewayAttempts = 4
	gatewayPatience = 10 * time.Second
	gatewayBackoff  = 400 * time.Millisecond
)

// gateway signs each request for CCE's API gateway. Readings that were throttled or found no gateway are repeated; writings never:
// what they did is for the caller to look up.
type gateway struct {
	next http.RoundTripper
	sign func(*http.Request, []byte) error
	host string
	wait func(context.Context, time.Duration) error
}

func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		IdleConnTimeout:       60 * time.Second,
		MaxIdleConnsPerHost:   8,
		ForceAttemptHTTP2:     true,
	}
}

var errNoStream = errors.New("the CCE gateway has no exec, attach, port-forward or proxy")

// RoundTrip is http.RoundTripper's.
func (g *gateway) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := drain(req)
	if err != nil {
		return nil, err
	}
	if streams(req) {
		return nil, errNoStream
	}
	for n := 1; ; n++ {
		signed := req.Clone(req.Context())
		signed.Host = g.host
		if len(body) > 0 {
			signed.Body, signed.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			signed.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		} else {
			signed.Body, signed.GetBody, signed.ContentLength = nil, nil, 0
		}
		if p := req.URL.Path; p == "/api" || p == "/apis" {
			signed.Header.Set("Accept", "application/json") // no aggregated discovery
		}
		if err := g.sign(signed, body); err != nil {
			return nil, err
		}
		resp, err := g.next.RoundTrip(signed)
		d, again := retryRead(req, resp, err, n)
		if !again {
			return resp, err
		}
		if resp != nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
			resp.Body.Close()
		}
		if err := pause(req.Context(), g.wait, d); err != nil {
			return nil, err
		}
	}
}

func drain(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	return io.ReadAll(req.Body)
}

// streams recognises the subresources that need a connection of their own.
func streams(req *http.Request) bool {
	if req.Header.Get("Upgrade") != "" {
		return true
	}
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	if len(parts) < 5 || parts[0] != "api" || parts[2] != "namespaces" || parts[4] != "pods" || len(parts) < 7 {
		return false
	}
	switch parts[6] {
	case "exec", "attach", "portforward", "proxy":
		return true
	}
	return false
}

// retryRead says whether and after which pause a reading is repeated. A gateway that asks for more patience than we have gets none.
func retryRead(req *http.Request, resp *http.Response, err error, n int) (time.Duration, bool) {
	if req.Method != http.MethodGet || n >= gatewayAttempts || req.Context().Err() != nil {
		return 0, false
	}
	base := gatewayBackoff << (n - 1)
	d := base/2 + rand.N(base/2)
	if err == nil {
		switch resp.StatusCode {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		default:
			return 0, false
		}
		if s, err := strconv.ParseFloat(resp.Header.Get("Retry-After"), 64); err == nil && s > 0 && s < 3600 {
			d += time.Duration(s * float64(time.Second))
		}
	}
	if deadline, ok := req.Context().Deadline(); d > gatewayPatience || ok && time.Until(deadline) < d {
		return 0, false
	}
	return d, true
}

// pause waits with the given function, or a timer where there is none.
func pause(ctx context.Context, wait func(context.Context, time.Duration) error, d time.Duration) error {
	if wait != nil {
		return wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
