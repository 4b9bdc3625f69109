package huaweicloud

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"cce-oncall/shared/redact"
)

// FuzzRefusal: whatever a service or a proxy answers, the error is one bounded line without our secrets.
func FuzzRefusal(f *testing.F) {
	f.Add(400, `{"errorCode":"CCE.01400001","errorMessage":"bad"}`, "r", "1.5")
	f.Add(502, `<html>`+testSK, testToken, "-1")
	f.Add(404, `{"error":{"error":{"error":{"code":7}}}}`, "", "1e308")
	f.Add(429, `{"code":null,"message":["`+testAK+`"]}`, "\n", "NaN")
	f.Fuzz(func(t *testing.T, status int, body, request, retry string) {
		body = strings.Replace(body, "x", testSK, 1) // our key may stand anywhere in it
		e := refusal(CCEService, "Op", status, http.Header{"X-Request-Id": {request}, "Retry-After": {retry}}, []byte(body), redact.New(planted...))
		text := e.Error()
		silent(t, text)
		if len([]rune(text)) > 500 || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%q is no line", text)
		}
		if e.RetryAfter < 0 || e.RetryAfter > time.Hour {
			t.Errorf("Retry-After %q is read as %v", retry, e.RetryAfter)
		}
		if e.Kind == "" {
			t.Error("no kind")
		}
	})
}

// FuzzResult: an answer of PromQL is either refused or gives finite points only.
func FuzzResult(f *testing.F) {
	f.Add("matrix", `[{"metric":{"a":"b"},"values":[[1,"2"],[2,"NaN"],[3,"-1"]]}]`)
	f.Add("vector", `[{"metric":null,"value":[1.5,"+Inf"]}]`)
	f.Add("scalar", `[1,"2"]`)
	f.Add("matrix", `[{"values":[[1e300,"2"]]},null,{}]`)
	f.Fuzz(func(t *testing.T, kind, raw string) {
		series, err := readResult(kind, []byte(raw))
		if err != nil {
			return
		}
		for _, s := range series {
			if s.Labels == nil || len(s.Points) == 0 {
				t.Errorf("series %v has no labels or no points", s)
			}
			for _, p := range s.Points {
				if p.Value != p.Value || p.Value-p.Value != 0 || p.Value == -1 || p.At.Location() != time.UTC {
					t.Errorf("point %v", p)
				}
			}
		}
	})
}
