package fakecloud_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestAdminAPI(t *testing.T) {
	s := serve(t, nil)
	admin := func(method, path, body string, status int) string {
		t.Helper()
		r, err := http.NewRequestWithContext(within(t), method, s.url+"/_admin/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != status {
			t.Fatalf("%s %s = %d %s, want %d", method, path, resp.StatusCode, raw, status)
		}
		return string(raw)
	}
	admin("GET", "health", "", 200)
	var fault struct{ ID string }
	if err := json.Unmarshal([]byte(admin("POST", "faults", `{"service":"aom","status":429,"times":2,"retryAfter":"1"}`, 200)), &fault); err != nil {
		t.Fatal(err)
	}
	api(t, s, "POST", "{P}/events", `{"time_range":"-1.-1.60"}`, 429)
	admin("DELETE", "faults?id="+fault.ID, "", 204)
	api(t, s, "POST", "{P}/events", `{"time_range":"-1.-1.60"}`, 200)
	admin("POST", "events", `{"cluster":"c1","kind":"Pod","name":"p","namespace":"default","reason":"OOMKilling","message":"m"}`, 200)
	if got := admin("GET", "alarms", "", 200); !strings.Contains(got, "##OOMKilling") {
		t.Errorf("alarms = %s", got)
	}
	if got := admin("GET", "calls?service=aom&caller=admin", "", 200); strings.Count(got, `"requestId"`) != 2 {
		t.Errorf("calls = %s", got)
	}
	admin("POST", "faults", "nonsense", 400)
	admin("POST", "functions/nobody/fire/tick", "", 404)
	cluster := s.CCE.AddCluster(demoCluster())
	addPool(t, s, cluster)
	admin("POST", "clusters/"+cluster+"/pools/workers", `{"max":2}`, 204)
	admin("POST", "clusters/"+url.PathEscape(cluster)+"/phase", `{"phase":"Unavailable"}`, 204)
	if got := text(t, api(t, s, "GET", "/api/v3/projects/{project}/clusters/"+cluster, "", 200), "status", "phase"); got != "Unavailable" {
		t.Errorf("phase = %s", got)
	}
	if left := s.Faults.List(); len(left) != 0 {
		t.Errorf("faults left: %+v", left)
	}
}
