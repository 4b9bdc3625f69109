package edge_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/infra/fakecloud/edge"
)

type identities struct{ refused error }

func (i identities) Authenticate(*http.Request, []byte, time.Time) (edge.Caller, error) {
	return edge.Caller{Name: "agency", Agency: true}, i.refused
}

func (identities) Allowed(_ edge.Caller, action string) bool { return action == "x:thing:read" }

// gate serves one route of each kind.
func gate(t *testing.T, dialect edge.Dialect, ids identities) (*edge.Gate, *[]edge.Traced, string) {
	t.Helper()
	var traced []edge.Traced
	g := &edge.Gate{
		Identities: ids, Project: "p", Clock: func() time.Time { return time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC) }, Faults: &edge.Faults{},
		Journal: &edge.Journal{}, Limits: &edge.Limits{PerMinute: map[string]int{"x:thing:read": 2}}, Record: func(tr edge.Traced) { traced = append(traced, tr) },
	}
	mux := http.NewServeMux()
	g.Mount(mux, edge.Service{
		Name: "x", Dialect: dialect, Denied: "X.403", Invalid: "X.400", Missing: "X.404",
		Routes: []edge.Route{
			{Method: "GET", Path: "/v1/{project}/read", Action: "x:thing:read", Do: func(*edge.Call) (edge.Answer, error) { return edge.OK(map[string]int{"n": 1}) }},
			{Method: "GET", Path: "/v1/{project}/denied", Action: "x:thing:write", Do: func(*edge.Call) (edge.Answer, error) { return edge.Status(200) }},
			{Method: "GET", Path: "/v1/{project}/missing", Do: func(*edge.Call) (edge.Answer, error) { return edge.Answer{}, edge.NotFound("it") }},
			{Method: "GET", Path: "/v1/{project}/broken", Do: func(*edge.Call) (edge.Answer, error) { return edge.Answer{}, errors.New("bug") }},
			{Method: "GET", Path: "/open", Open: true, Do: func(*edge.Call) (edge.Answer, error) { return edge.Status(204) }},
			{Method: "POST", Path: "/v1/{project}/things/{id}", Trace: edge.Trace{Service: "X", Resource: "thing", Name: "makeThing", Of: "id"}, Do: func(c *edge.Call) (edge.Answer, error) {
				var body struct{ Name string }
				if err := c.Decode(&body); err != nil {
					return edge.Answer{}, err
				}
				return edge.Reply(201, body)
			}},
		},
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return g, &traced, server.URL
}

func get(t *testing.T, url string) (int, map[string]any, http.Header) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &body); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
	}
	return resp.StatusCode, body, resp.Header
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		name, path string
		ids        identities
		dialect    edge.Dialect
		status     int
		key, want  string // of the body
	}{
		{"allowed", "/v1/p/read", identities{}, edge.Snake, 200, "", ""},
		{"another project", "/v1/q/read", identities{}, edge.Snake, 403, "error_code", "X.403"},
		{"denied", "/v1/p/denied", identities{}, edge.Snake, 403, "error_msg", "Policy doesn't allow x:thing:write to be performed."},
		{"denied, camel", "/v1/p/denied", identities{}, edge.Camel, 403, "errorCode", "X.403"},
		{"missing, long", "/v1/p/missing", identities{}, edge.SnakeLong, 404, "error_message", "it does not exist"},
		{"not signed", "/v1/p/read", identities{refused: errors.New("no")}, edge.Camel, 401, "error_code", "APIGW.0301"},
		{"open, not signed", "/open", identities{refused: errors.New("no")}, edge.Snake, 204, "", ""},
		{"a bug", "/v1/p/broken", identities{}, edge.Snake, 500, "error_code", "APIGW.0500"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, _, url := gate(t, tt.dialect, tt.ids)
			status, body, header := get(t, url+tt.path)
			if status != tt.status || header.Get("X-Request-Id") == "" {
				t.Errorf("answer = %d, request id %q; want %d and an id", status, header.Get("X-Request-Id"), tt.status)
			}
			if tt.key != "" && body[tt.key] != tt.want {
				t.Errorf("body = %v, want %s = %s", body, tt.key, tt.want)
			}
			entries := g.Journal.Find("x", "GET", tt.path)
			if len(entries) != 1 || entries[0].Status != tt.status || entries[0].RequestID != header.Get("X-Request-Id") {
				t.Errorf("journal = %+v", entries)
			}
		})
	}
}

func TestThrottleSaysHowLong(t *testing.T) {
	_, _, url := gate(t, edge.Snake, identities{})
	for range 2 {
		if status, _, _ := get(t, url+"/v1/p/read"); status != 200 {
			t.Fatalf("within the budget: %d", status)
		}
	}
	status, body, header := get(t, url+"/v1/p/read")
	if status != 429 || body["error_code"] != "APIGW.0308" || header.Get("Retry-After") != "60.000" {
		t.Errorf("over the budget: %d %v, Retry-After %q", status, body, header.Get("Retry-After"))
	}
}

func TestFaultOrder(t *testing.T) {
	g, traced, url := gate(t, edge.Snake, identities{})
	post := func() int {
		t.Helper()
		resp, err := http.Post(url+"/v1/p/things/7", "application/json", nil)
		if err != nil {
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := post(); got != 400 {
		t.Errorf("an empty body: %d, want 400", got)
	}
	second := g.Faults.Add(edge.Fault{Method: "POST", Skip: 1, Times: 1, Status: 503})
	g.Faults.Add(edge.Fault{Path: "/things/", Times: 1, Drop: true})
	if diff := cmp.Diff([]int{0, 503, 400}, []int{post(), post(), post()}); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	g.Faults.Add(edge.Fault{ID: "slow", DelayMS: 1})
	if got := post(); got != 400 {
		t.Errorf("only a delay: %d, want the usual 400", got)
	}
	g.Faults.Clear(second)
	if left := g.Faults.List(); len(left) != 1 || left[0].ID != "slow" {
		t.Errorf("left = %+v", left)
	}
	g.Faults.Clear("")
	if left := g.Faults.List(); len(left) != 0 {
		t.Errorf("left after clearing all = %+v", left)
	}
	if len(*traced) != 0 {
		t.Errorf("failed writes were traced: %+v", *traced)
	}
}
