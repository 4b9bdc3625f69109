package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cce-oncall/shared/huaweicloud"
)

const deployedOutputs = `{"functions":{"value":{"inspect":"urn:fss:cn-north-4:p:function:default:cce-oncall-inspect:latest"}},"clusters":{"value":{"shop":"c-1"}}}`

func TestRun(t *testing.T) {
	const good, bad = `[{"Name":{"en":"OBS works"},"State":"ok"}]`, `[{"Name":{"en":"AOM answers"},"State":"bad","Detail":"403","Fix":{"en":"let it"}}]`
	for name, tc := range map[string]struct {
		outputs, result string
		status          int
		says, fails     string
	}{
		"works":          {outputs: deployedOutputs, result: good, status: 200, says: "ok       OBS works"},
		"something not":  {outputs: deployedOutputs, result: bad, status: 200, says: "to do: let it", fails: "not everything works for shop"},
		"refused":        {outputs: deployedOutputs, status: 403, fails: "FunctionGraph answered 403"},
		"older function": {outputs: deployedOutputs, result: `null`, status: 200, fails: "is its code of this version?"},
		"not deployed":   {outputs: `{}`, fails: "run make deploy first"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || string(body) != `{"cluster":"c-1","mode":"probe"}` || !strings.HasSuffix(r.URL.Path, ":cce-oncall-inspect:latest/invocations") || !strings.HasPrefix(r.Header.Get("Authorization"), "SDK-HMAC-SHA256 ") {
					t.Errorf("asked %s %s %v", r.URL.Path, body, err)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, `{"result":`+quote(tc.result)+`}`)
			}))
			defer server.Close()
			file := filepath.Join(t.TempDir(), "outputs.json")
			if err := os.WriteFile(file, []byte(tc.outputs), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			p := prober{keys: huaweicloud.Credentials{AK: "a", SK: "s"}, endpoint: server.URL, client: server.Client(), now: func() time.Time { return time.Unix(1800000000, 0) }, out: &out}
			err := p.run(t.Context(), file)
			if (err == nil) != (tc.fails == "") || err != nil && !strings.Contains(err.Error(), tc.fails) || !strings.Contains(out.String(), tc.says) {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}

func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }
