package huaweicloud

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func reading() call {
	return call{service: CCEService, op: "ShowCluster", method: http.MethodGet, path: "/api/v3/x"}
}

func writing() call {
	c := reading()
	c.op, c.method, c.write, c.body = "ScaleNodePool", http.MethodPost, true, map[string]int{"n": 1}
	return c
}

func TestErrorBodies(t *testing.T) {
	secretive := "AK " + testAK + " token " + testToken + " of project " + testProject + " sk=" + testSK
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   Error
	}{
		{"CCE as documented", 403, `{"errorCode":"CCE.01403001","errorMessage":"Forbidden."}`, Error{Code: "CCE.01403001", Message: "Forbidden.", Kind: Denied}},
		{"CCE as sent", 400, `{"error_code":"CCE_CM.0004","error_msg":"No scale task needed with desired node count 3"}`, Error{Code: "CCE_CM.0004", Message: "No scale task needed with desired node count 3", Kind: Invalid}},
		{"AOM", 400, `{"error_code":"AOM.0400","error_message":"bad time_range"}`, Error{Code: "AOM.0400", Message: "bad time_range", Kind: Invalid}},
		{"Prometheus", 422, `{"status":"error","errorType":"execution","error":"parse error"}`, Error{Code: "execution", Message: "parse error", Kind: Invalid}},
		{"nested", 409, `{"error":{"code":"IAM.1","message":"exists"}}`, Error{Code: "IAM.1", Message: "exists", Kind: Conflict}},
		{"number as code", 404, `{"code":404,"message":"not here"}`, Error{Code: "404", Message: "not here", Kind: NotFound}},
		{"platform's not found", 400, `{"error_code":"CCE_CM.0003","error_msg":"no such pool"}`, Error{Code: "CCE_CM.0003", Message: "no such pool", Kind: NotFound}},
		{"signature refused", 401, `{"error_msg":"Incorrect IAM authentication information","error_code":"APIGW.0301"}`, Error{Code: "APIGW.0301", Message: "Incorrect IAM authentication information", Kind: Denied}},
		{"gateway throttles", 429, `{"error_code":"APIG.0308","error_msg":"The throttling threshold has been reached"}`, Error{Code: "APIG.0308", Message: "The throttling threshold has been reached", Kind: Throttled}},
		{"throttled by code alone", 400, `{"errorCode":"CCE.02429001","errorMessage":"slow down"}`, Error{Code: "CCE.02429001", Message: "slow down", Kind: Throttled}},
		{"locked by another request", 429, `{"errorCode":"CCE.01429002","errorMessage":"locked"}`, Error{Code: "CCE.01429002", Message: "locked", Kind: Throttled}},
		{"nodes still installing", 403, `{"errorCode":"CCE.01403006","errorMessage":"wait"}`, Error{Code: "CCE.01403006", Message: "wait", Kind: Busy}},
		{"no agency", 403, `{"errorCode":"CCE.01403008","errorMessage":"agency"}`, Error{Code: "CCE.01403008", Message: "agency", Kind: Denied}},
		{"operations in conflict", 400, `{"errorCode":"CCE.01400024","errorMessage":"busy"}`, Error{Code: "CCE.01400024", Message: "busy", Kind: Busy}},
		{"ECS quota", 400, `{"errorCode":"CCE.01400008","errorMessage":"quota"}`, Error{Code: "CCE.01400008", Message: "quota", Kind: Exhausted}},
		{"stale", 409, `{"errorCode":"CCE.01409002","errorMessage":"stale"}`, Error{Code: "CCE.01409002", Message: "stale", Kind: Conflict}},
		{"broken", 500, `{"errorCode":"CCE.01500001","errorMessage":"oops"}`, Error{Code: "CCE.01500001", Message: "oops", Kind: Unavailable}},
		{"a proxy's page", 502, "<html>" + secretive + "</html>", Error{Kind: Unavailable}},
		{"empty", 404, "", Error{Kind: NotFound}},
		{"control characters", 400, "{\"code\":\"X\",\"message\":\"a\\nb\\u0000c\"}", Error{Code: "X", Message: "a b c", Kind: Invalid}},
		{"redirect", 302, `{}`, Error{Kind: Invalid}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t, replies(reply{status: tc.status, body: tc.body, header: map[string]string{"X-Request-Id": "req-1"}}))
			err := c.session().do(t.Context(), writing(), nil)
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("error %v is no *Error", err)
			}
			tc.want.Service, tc.want.Op, tc.want.Status, tc.want.RequestID = CCEService, "ScaleNodePool", tc.status, "req-1"
			if d := cmp.Diff(&tc.want, got, cmp.AllowUnexported(Error{})); d != "" {
				t.Errorf("error (-want +got):\n%s", d)
			}
			silent(t, err.Error())
			if !errors.Is(err, tc.want.Kind) || errors.Is(err, Kind("another")) {
				t.Errorf("%v does not match its kind", err)
			}
			if errors.Is(err, fs.ErrNotExist) != (tc.want.Kind == NotFound) || got.NotFound() != (tc.want.Kind == NotFound) {
				t.Errorf("%v reads wrongly as not found", err)
			}
			if want := tc.want.Kind == Throttled || tc.want.Kind == Busy || tc.want.Kind == Unavailable; got.Transient() != want {
				t.Errorf("%v: transient %v", err, got.Transient())
			}
		})
	}
}

func TestErrorsShowNoSecret(t *testing.T) {
	secretive := "AK " + testAK + ", token " + testToken + ", project " + testProject + ", sk=" + testSK + ", password=hunter22secret"
	for _, status := range []int{400, 401, 403, 404, 409, 500} {
		for _, body := range []string{
			`{"error_code":"` + testAK + `","error_msg":"` + secretive + `"}`,
			`{"errorCode":"X","errorMessage":"` + strings.Repeat("long ", 200) + secretive + `"}`,
			`{"error":{"code":"X","message":"` + secretive + `"}}`,
			secretive,
		} {
			c := newCloud(t, replies(reply{status: status, body: body, header: map[string]string{"X-Request-Id": testToken}}))
			err := c.session().do(t.Context(), writing(), nil)
			if err == nil {
				t.Fatal("no error")
			}
			silent(t, err.Error())
			if strings.Contains(err.Error(), "hunter22secret") {
				t.Errorf("%v shows a password", err)
			}
			if n := len([]rune(err.Error())); n > 500 {
				t.Errorf("an error of %d characters", n)
			}
		}
	}
}

func TestRetries(t *testing.T) {
	const ok = `{"metadata":{"uid":"x"}}`
	for _, tc := range []struct {
		name    string
		call    call
		replies []reply
		calls   int
		kind    Kind // "" is success
		pauses  [][2]time.Duration
	}{
		{"a reading survives a broken service", reading(), []reply{{status: 500}, {drop: true}, {body: ok}}, 3, "", [][2]time.Duration{{150 * time.Millisecond, 300 * time.Millisecond}, {300 * time.Millisecond, 600 * time.Millisecond}}},
		{"a reading gives up", reading(), []reply{{status: 503}}, 4, Unavailable, [][2]time.Duration{{0, time.Second}, {0, time.Second}, {0, 2 * time.Second}}},
		{"a reading that is wrong is not repeated", reading(), []reply{{status: 400}}, 1, Invalid, nil},
		{"a denied reading is not repeated", reading(), []reply{{status: 403}}, 1, Denied, nil},
		{"a throttled write was refused and is repeated", writing(), []reply{{status: 429}, {status: 202}}, 2, "", [][2]time.Duration{{0, time.Second}}},
		{"a write without an answer is not repeated", writing(), []reply{{drop: true}, {status: 202}}, 1, Unavailable, nil},
		{"a write answered 500 is not repeated", writing(), []reply{{status: 500}, {status: 202}}, 1, Unavailable, nil},
		{"a decimal Retry-After is kept to", writing(), []reply{{status: 429, header: map[string]string{"Retry-After": "2.818"}}, {status: 202}}, 2, "", [][2]time.Duration{{2818 * time.Millisecond, 4 * time.Second}}},
		{"a minute is not waited for inside a call", writing(), []reply{{status: 429, header: map[string]string{"Retry-After": "56.818"}}, {status: 202}}, 1, Throttled, nil},
		{"Retry-After that is no number", reading(), []reply{{status: 429, header: map[string]string{"Retry-After": "soon"}}, {body: ok}}, 2, "", [][2]time.Duration{{0, time.Second}}},
		{"a cut-off answer", reading(), []reply{{header: map[string]string{"Content-Length": "1000"}, body: "{"}, {body: ok}}, 2, "", [][2]time.Duration{{0, time.Second}}},
		{"an answer of another form", reading(), []reply{{body: `{"metadata":"` + testSK + `"}`}}, 1, Invalid, nil},
		{"no JSON", reading(), []reply{{body: `<html>` + testSK}}, 1, Invalid, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t, replies(tc.replies...))
			var out struct {
				Metadata struct {
					UID string `json:"uid"`
				} `json:"metadata"`
			}
			err := c.session().do(t.Context(), tc.call, &out)
			if KindOf(err) != tc.kind || (err == nil) != (tc.kind == "") {
				t.Errorf("error %v, want kind %q", err, tc.kind)
			}
			if err != nil {
				silent(t, err.Error())
			}
			if n := len(c.requests()); n != tc.calls {
				t.Errorf("%d calls, want %d", n, tc.calls)
			}
			pauses := c.pauses()
			if len(pauses) != len(tc.pauses) {
				t.Fatalf("pauses %v, want %d", pauses, len(tc.pauses))
			}
			for i, p := range pauses {
				if p < tc.pauses[i][0] || p > tc.pauses[i][1] {
					t.Errorf("pause %d is %v, want within %v", i, p, tc.pauses[i])
				}
			}
		})
	}
}

func TestRetryAfterIsHandedOn(t *testing.T) {
	c := newCloud(t, replies(reply{status: 429, header: map[string]string{"Retry-After": "56.818"}}))
	var e *Error
	if err := c.session().do(t.Context(), writing(), nil); !errors.As(err, &e) || e.RetryAfter != 56818*time.Millisecond {
		t.Errorf("error %#v", e)
	}
}

func TestContextEndsACall(t *testing.T) {
	blocked := newCloud(t, replies(reply{block: true}))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := blocked.session().do(ctx, reading(), nil)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, Unavailable) {
		t.Errorf("error %v", err)
	}
	if n := len(blocked.requests()); n != 1 {
		t.Errorf("%d calls after the deadline", n)
	}
	silent(t, err.Error())

	gone, give := context.WithCancel(t.Context())
	s := blocked.session()
	credentials := s.Credentials
	s.Credentials = func(ctx context.Context) (Credentials, error) { give(); return credentials(ctx) }
	if err := s.do(gone, reading(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestASilentServiceIsAskedAgain(t *testing.T) {
	c := newCloud(t, replies(reply{block: true}, reply{body: `{}`}))
	s := c.session()
	s.Timeout = 50 * time.Millisecond
	if err := s.do(t.Context(), reading(), nil); err != nil {
		t.Errorf("error %v", err)
	}
	if n := len(c.requests()); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

func TestNoPauseBeyondTheDeadline(t *testing.T) {
	c := newCloud(t, replies(reply{status: 429, header: map[string]string{"Retry-After": "10"}}))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := c.session().do(ctx, reading(), nil); !errors.Is(err, Throttled) {
		t.Errorf("error %v", err)
	}
	if p := c.pauses(); len(p) != 0 {
		t.Errorf("waited %v", p)
	}
}

func TestNoAddressInErrors(t *testing.T) {
	s := newCloud(t, replies(reply{})).session()
	s.Endpoints[CCEService] = "http://127.0.0.1:1" // nobody listens
	err := s.do(t.Context(), call{service: CCEService, op: "ShowCluster", method: http.MethodGet, path: path("api", testProject)}, nil)
	if !errors.Is(err, Unavailable) {
		t.Fatalf("error %v", err)
	}
	silent(t, err.Error())
}

func TestMissingCredentials(t *testing.T) {
	c := newCloud(t, replies(reply{}))
	s := c.session()
	s.Credentials = func(context.Context) (Credentials, error) {
		return Credentials{}, errors.New("agency of " + testProject + " gave " + testAK)
	}
	err := s.do(t.Context(), reading(), nil)
	if !errors.Is(err, Denied) {
		t.Errorf("error %v", err)
	}
	silent(t, err.Error())
	if n := len(c.requests()); n != 0 {
		t.Errorf("%d calls without credentials", n)
	}
}

func TestEndpoints(t *testing.T) {
	s := &Session{Region: "cn-north-4", Endpoints: map[string]string{AOMService: "http://127.0.0.1:9/base/"}}
	for service, want := range map[string]string{
		AOMService: "http://127.0.0.1:9/base", CCEService: "https://cce.cn-north-4.myhuaweicloud.com",
		CSMSService: "https://kms.cn-north-4.myhuaweicloud.com", OBSService: "https://obs.cn-north-4.myhuaweicloud.com",
	} {
		if got := s.Endpoint(service); got != want {
			t.Errorf("%s: %s, want %s", service, got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	good := newCloud(t, replies(reply{})).session()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Session){
		"region":      func(s *Session) { s.Region = "" },
		"project":     func(s *Session) { s.Project = "" },
		"credentials": func(s *Session) { s.Credentials = nil },
		"transport":   func(s *Session) { s.Transport = nil },
		"clock":       func(s *Session) { s.Now = nil },
		"endpoint":    func(s *Session) { s.Endpoints = map[string]string{AOMService: "aom.example"} },
	} {
		bad := *good
		spoil(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
