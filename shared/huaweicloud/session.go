// Package huaweicloud speaks to the Huawei Cloud services we read and the few we change: AOM, CCE, LTS, CTS, SMN, CSMS and OBS, one
// file per service. It exists because the official SDK takes no context, retries nothing, loses the error codes of CCE and AOM and
// reads the wall clock; the wire forms here are held against that SDK in the tests. What always holds: every call ends with its
// context, a write whose outcome is unknown is looked up and not repeated blindly, and no error carries a key, a token, a project
// id or an upstream body.
package huaweicloud

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Names of the services as Endpoints knows them.
const (
	AOMService  = "aom"
	CCEService  = "cce"
	CSMSService = "csms"
	CTSService  = "cts"
	LTSService  = "lts"
	OBSService  = "obs"
	SMNService  = "smn"
)

// hostName is the first label of a service's public host where it isn't the service's name (source: SDK regions of csms v1).
var hostName = map[string]string{CSMSService: "kms"}

// Credentials are an access key pair, temporary where Token is set. They print as a placeholder, so that no log can show them.
type Credentials struct {
	AK    string `json:"-"`
	SK    string `json:"-"`
	Token string `json:"-"`
}

// String hides the values from %v and %s.
func (Credentials) String() string { return "[credentials]" }

// GoString hides the values from %#v.
func (Credentials) GoString() string { return "[credentials]" }

// Session is what all calls of one deployment share. It is safe for concurrent use once filled in.
type Session struct {
	Region  string
	Project string
	// Endpoints are base URLs by service name; a missing one is https://{service}.{region}.myhuaweicloud.com.
	Endpoints map[string]string
	// Credentials are asked for at each attempt: FunctionGraph hands fresh ones to each invocation.
	Credentials func(context.Context) (Credentials, error)
	// Transport is shared by all services: NewTransport makes one.
	Transport http.RoundTripper
	Now       func() time.Time
	// Wait pauses between attempts and ends early with ctx; nil means a timer.
	Wait func(ctx context.Context, d time.Duration) error
	// Timeout bounds one attempt, not the call; 0 means 20 s.
	Timeout time.Duration
	// UserAgent names us to the services.
	UserAgent string
}

// NewTransport is a transport with its own limits: the zero http.Transport has none for connecting or for a silent peer.
func NewTransport() *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       60 * time.Second,
		MaxIdleConnsPerHost:   8,
		ForceAttemptHTTP2:     true,
	}
}

// Validate says in one line what is missing before the first call would.
func (s *Session) Validate() error {
	switch {
	case s.Region == "":
		return errors.New("huaweicloud: no region")
	case s.Project == "":
		return errors.New("huaweicloud: no project id")
	case s.Credentials == nil:
		return errors.New("huaweicloud: no source of credentials")
	case s.Transport == nil:
		return errors.New("huaweicloud: no transport")
	case s.Now == nil:
		return errors.New("huaweicloud: no clock")
	}
	for service, base := range s.Endpoints {
		if u, err := url.Parse(base); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return fmt.Errorf("huaweicloud: the endpoint of %s is no http(s) address", service)
		}
	}
	return nil
}

// Endpoint is the base URL of a service, without a slash at its end.
func (s *Session) Endpoint(service string) string {
	if base := s.Endpoints[service]; base != "" {
		return strings.TrimRight(base, "/")
	}
	host := service
	if h := hostName[service]; h != "" {
		host = h
	}
	return "https://" + host + "." + s.Region + ".myhuaweicloud.com"
}

// Signer signs any request to this project, the Kubernetes gateway and FunctionGraph among them, with the credentials of the
// request's own context.
func (s *Session) Signer() func(*http.Request, []byte) error {
	return func(req *http.Request, body []byte) error {
		c, err := s.Credentials(req.Context())
		if err != nil {
			return fmt.Errorf("find keys to sign with: %w", err)
		}
		return Sign(req, body, c, s.Project, s.Now())
	}
}

func (s *Session) wait(ctx context.Context, d time.Duration) error {
	if s.Wait != nil {
		return s.Wait(ctx, d)
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
