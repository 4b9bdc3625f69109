package huaweicloud

import (
	"net/http"
	"strings"
	"testing"
)

func TestSecret(t *testing.T) {
	const value = `{"app_secret":"hunter22secret"}`
	version := `{"version":{"version_metadata":{"id":"v2"},"secret_string":"{\"app_secret\":\"hunter22secret\"}"}}`
	base := "/v1/" + testProject + "/secrets/lark/"
	for _, tc := range []struct {
		name  string
		paths map[string]reply
		want  string
		kind  Kind
		calls int
	}{
		{"latest", map[string]reply{"versions/latest": {body: version}}, value, "", 1},
		{"binary", map[string]reply{"versions/latest": {body: `{"version":{"secret_binary":"aHVudGVyMjJzZWNyZXQ="}}`}}, "hunter22secret", "", 1},
		{"by its stage", map[string]reply{"versions/latest": {status: 400, body: `{"error_code":"CSMS.0401"}`}, "stages/SYSCURRENT": {body: `{"stage":{"name":"SYSCURRENT","version_id":"v2"}}`}, "versions/v2": {body: version}}, value, "", 3},
		{"not there", nil, "", NotFound, 2},
		{"denied", map[string]reply{"versions/latest": {status: 403, body: `{"error_code":"CSMS.0403","error_msg":"` + testAK + `"}`}}, "", Denied, 1},
		{"stage without a version", map[string]reply{"stages/SYSCURRENT": {body: `{}`}}, "", Invalid, 2},
		{"no value", map[string]reply{"versions/latest": {body: `{"version":{"secret_string":""}}`}, "stages/SYSCURRENT": {body: `{"stage":{"version_id":"v2"}}`}, "versions/v2": {body: `{"version":{"secret_binary":"hunter22secret!"}}`}}, "", Invalid, 3},
		{"another form", map[string]reply{"versions/latest": {body: `{"version":{"secret_string":["hunter22secret"]}}`}, "stages/SYSCURRENT": {body: `hunter22secret`}}, "", Invalid, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t, func(_ int, r *http.Request, _ []byte) reply {
				if a, ok := tc.paths[strings.TrimPrefix(r.URL.Path, base)]; ok {
					return a
				}
				return reply{status: http.StatusNotFound}
			})
			got, err := (&CSMS{Session: c.session()}).Secret(t.Context(), "lark")
			if got != tc.want || KindOf(err) != tc.kind || (err == nil) != (tc.kind == "") {
				t.Errorf("value of %d bytes, error %v, want kind %q", len(got), err, tc.kind)
			}
			if len(c.requests()) != tc.calls {
				t.Errorf("%d requests, want %d", len(c.requests()), tc.calls)
			}
			if err == nil {
				return
			}
			silent(t, err.Error())
			if !strings.Contains(err.Error(), `"lark"`) || strings.Contains(err.Error(), "hunter22secret") {
				t.Errorf("error %v does not name the secret, or tells it", err)
			}
		})
	}
	if _, err := (&CSMS{Session: newCloud(t, replies(reply{})).session()}).Secret(t.Context(), ""); KindOf(err) != Invalid {
		t.Errorf("no name: %v", err)
	}
}
