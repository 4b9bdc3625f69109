package sign_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cce-oncall/infra/fakecloud/sign"
)

var now = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

const skew = 15 * time.Minute

func signed(t *testing.T) (*http.Request, []byte) {
	t.Helper()
	body := []byte(`{"a":1}` + "\n")
	r := httptest.NewRequest(http.MethodPost, "/v2/p/fgs/functions/urn:fss:r:p:function:app:x:latest/invocations?b=2&a=1&a=0", strings.NewReader(string(body)))
	r.Header.Set("X-Project-Id", "p")
	sign.Sign(r, body, "AK", "secret", now)
	return r, body
}

func TestVerify(t *testing.T) {
	tests := []struct {
		name   string
		change func(r *http.Request)
		body   string
		secret string
		at     time.Time
		want   error
	}{
		{name: "as signed", at: now},
		{name: "fourteen minutes late", at: now.Add(14 * time.Minute)},
		{name: "sixteen minutes late", at: now.Add(16 * time.Minute), want: sign.ErrSkew},
		{name: "sixteen minutes early", at: now.Add(-16 * time.Minute), want: sign.ErrSkew},
		{name: "another secret", at: now, secret: "other", want: sign.ErrMismatch},
		{name: "another body", at: now, body: `{"a":2}`, want: sign.ErrMismatch},
		{name: "another method", at: now, change: func(r *http.Request) { r.Method = http.MethodPut }, want: sign.ErrMismatch},
		{name: "another path", at: now, change: func(r *http.Request) { r.URL.Path += "/x" }, want: sign.ErrMismatch},
		{name: "another query", at: now, change: func(r *http.Request) { r.URL.RawQuery = "a=1" }, want: sign.ErrMismatch},
		{name: "another host", at: now, change: func(r *http.Request) { r.Host = "elsewhere" }, want: sign.ErrMismatch},
		{name: "another signed header", at: now, change: func(r *http.Request) { r.Header.Set("X-Project-Id", "q") }, want: sign.ErrMismatch},
		{name: "a header that is not signed", at: now, change: func(r *http.Request) { r.Header.Set("Accept", "x") }},
		{name: "no date", at: now, change: func(r *http.Request) { r.Header.Del("X-Sdk-Date") }, want: sign.ErrDate},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, body := signed(t)
			if tt.change != nil {
				tt.change(r)
			}
			if tt.body != "" {
				body = []byte(tt.body)
			}
			secret := "secret"
			if tt.secret != "" {
				secret = tt.secret
			}
			a, err := sign.Parse(r.Header.Get("Authorization"))
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			if a.AccessKey != "AK" {
				t.Errorf("access key = %q, want AK", a.AccessKey)
			}
			if err := sign.Verify(r, body, a, secret, tt.at, skew); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	tests := map[string]error{
		"":                          sign.ErrUnsigned,
		"Bearer x":                  sign.ErrMalformed,
		"SDK-HMAC-SHA256 Access=AK": sign.ErrMalformed,
		"SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date, Signature=": sign.ErrMalformed,
		"SDK-HMAC-SHA256 Access": sign.ErrMalformed,
		"SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date, Signature=ab": nil,
	}
	for header, want := range tests {
		if _, err := sign.Parse(header); !errors.Is(err, want) {
			t.Errorf("Parse(%q) = %v, want %v", header, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date;host, Signature=ab")
	f.Add("SDK-HMAC-SHA256 ,,=,")
	f.Fuzz(func(t *testing.T, header string) {
		a, err := sign.Parse(header)
		if err == nil && (a.AccessKey == "" || a.Signature == "" || len(a.Headers) == 0) {
			t.Errorf("Parse(%q) gave %+v without an error", header, a)
		}
	})
}
