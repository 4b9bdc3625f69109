package functiongraph_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/infra/fakecloud/functiongraph"
)

// hands is a clock that moves only when told.
type hands struct {
	mu sync.Mutex
	at time.Time
}

func (h *hands) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hands) set(at time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = at
	return at
}

func TestTimers(t *testing.T) {
	start := time.Date(2026, 11, 22, 8, 0, 30, 0, time.UTC)
	tests := []struct {
		name, kind, schedule string
		want                 []time.Duration // after start, within 25 hours of ticking every 10 s
		first                string
	}{
		{"rate", "Rate", "6h", []time.Duration{6 * time.Hour, 12 * time.Hour, 18 * time.Hour, 24 * time.Hour}, "2026-11-22T22:00:30+08:00"},
		{"every", "Cron", "@every 12h30m", []time.Duration{12*time.Hour + 30*time.Minute, 25 * time.Hour}, "2026-11-23T04:30:30+08:00"},
		{"cron with seconds and a zone", "Cron", "CRON_TZ=Asia/Shanghai 0 0 9 * * *", []time.Duration{16*time.Hour + 59*time.Minute + 30*time.Second}, "2026-11-23T09:00:00+08:00"},
		{"cron with a question mark", "Cron", "CRON_TZ=UTC 40 0 8 ? * SUN", []time.Duration{10 * time.Second}, "2026-11-22T16:00:40+08:00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clock := &hands{at: start}
			p := platform(t, func(o *functiongraph.Options) { o.Clock = clock.now })
			create(t, p, "f", nil)
			if _, err := p.AddTrigger("f", "TIMER", "ACTIVE", map[string]any{
				"name": "tick", "schedule_type": tt.kind, "schedule": tt.schedule, "user_event": `{"cluster":"c1"}`,
			}); err != nil {
				t.Fatal(err)
			}
			var fired []time.Duration
			seen := 0
			for at := start; !at.After(start.Add(25 * time.Hour)); at = at.Add(10 * time.Second) {
				p.Tick(clock.set(at))
				idle(t, p)
				if n := len(p.Invocations("f")); n > seen {
					seen = n
					fired = append(fired, at.Sub(start))
				}
			}
			if diff := cmp.Diff(tt.want, fired); diff != "" {
				t.Fatalf("fired at (-want +got):\n%s", diff)
			}
			want := `{"version":"v1.0","time":"` + tt.first + `","trigger_type":"TIMER","trigger_name":"tick","user_event":"{\"cluster\":\"c1\"}"}`
			if diff := cmp.Diff(want, p.Invocations("f")[0].Payload); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTimerStatusAndFire(t *testing.T) {
	clock := &hands{at: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)}
	p := platform(t, func(o *functiongraph.Options) { o.Clock = clock.now })
	create(t, p, "f", nil)
	tr, err := p.AddTrigger("f", "TIMER", "DISABLED", map[string]any{"name": "tick", "schedule_type": "Rate", "schedule": "1m"})
	if err != nil {
		t.Fatal(err)
	}
	p.Tick(clock.set(clock.now().Add(time.Hour)))
	idle(t, p)
	if n := len(p.Invocations("f")); n != 0 {
		t.Errorf("a disabled timer fired %d times", n)
	}
	if _, err := p.Fire("f", "tick"); err != nil {
		t.Errorf("fire by name: %v", err)
	}
	if _, err := p.UpdateTrigger("f", tr.ID, "ACTIVE", nil); err != nil {
		t.Fatal(err)
	}
	p.Tick(clock.set(clock.now().Add(time.Hour))) // many times due, fired once
	idle(t, p)
	if n := len(p.Invocations("f")); n != 2 {
		t.Errorf("%d invocations, want one by hand and one by the clock", n)
	}
	if err := p.RemoveTrigger("f", tr.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Fire("f", "tick"); !errors.Is(err, functiongraph.ErrNoTrigger) {
		t.Errorf("firing a deleted trigger: %v", err)
	}
}

func TestTriggersThatAreRefused(t *testing.T) {
	p := platform(t, nil)
	p.SetTopics(&fakeTopics{})
	create(t, p, "f", nil)
	for name, tt := range map[string]struct {
		kind, status string
		data         map[string]any
	}{
		"type of another region":    {"EVENTGRID", "ACTIVE", map[string]any{}},
		"rate out of range":         {"TIMER", "ACTIVE", map[string]any{"name": "x", "schedule_type": "Rate", "schedule": "61m"}},
		"rate in seconds":           {"TIMER", "ACTIVE", map[string]any{"name": "x", "schedule_type": "Rate", "schedule": "30s"}},
		"cron of five words":        {"TIMER", "ACTIVE", map[string]any{"name": "x", "schedule_type": "Cron", "schedule": "every day at nine please"}},
		"a zone and nothing else":   {"TIMER", "ACTIVE", map[string]any{"name": "x", "schedule_type": "Cron", "schedule": "CRON_TZ=UTC"}},
		"unknown zone":              {"TIMER", "ACTIVE", map[string]any{"name": "x", "schedule_type": "Cron", "schedule": "CRON_TZ=Mars/Base 0 0 9 * * *"}},
		"neither rate nor cron":     {"TIMER", "ACTIVE", map[string]any{"name": "x", "schedule_type": "", "schedule": "1m"}},
		"no name":                   {"TIMER", "ACTIVE", map[string]any{"schedule_type": "Rate", "schedule": "1m"}},
		"status":                    {"TIMER", "PAUSED", map[string]any{"name": "x", "schedule_type": "Rate", "schedule": "1m"}},
		"topic missing":             {"SMN", "ACTIVE", map[string]any{}},
		"gateway cannot be stopped": {"DEDICATEDGATEWAY", "DISABLED", map[string]any{"path": "/x"}},
		"gateway without a path":    {"DEDICATEDGATEWAY", "ACTIVE", map[string]any{}},
	} {
		if _, err := p.AddTrigger("f", tt.kind, tt.status, tt.data); !errors.Is(err, functiongraph.ErrSetting) {
			t.Errorf("%s: error = %v, want a refusal", name, err)
		}
	}
	for range 10 {
		if _, err := p.AddTrigger("f", "SMN", "", map[string]any{"topic_urn": "t"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.AddTrigger("f", "SMN", "", map[string]any{"topic_urn": "t"}); !errors.Is(err, functiongraph.ErrSetting) {
		t.Errorf("an eleventh trigger: %v, want a refusal", err)
	}
}

func TestGateway(t *testing.T) {
	p := platform(t, nil)
	create(t, p, "f", nil)
	if _, err := p.AddTrigger("f", "DEDICATEDGATEWAY", "", map[string]any{
		"path": "/lark", "req_method": "POST", "match_mode": "SWA", "func_info": map[string]any{"timeout": float64(1500), "invocation_type": "sync"},
	}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p)
	defer server.Close()
	tests := []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"the function's envelope becomes HTTP", "POST", "/lark/events?x=1&x=2", `{"do":"apig"}`, 201, ""},
		{"a bare string is no envelope", "POST", "/lark", `{"do":"answer","text":"hi"}`, 500, "not a gateway response"},
		{"a failure", "POST", "/lark", `{"do":"fail"}`, 500, "FSS.0500"},
		{"too slow", "POST", "/lark", `{"do":"hang"}`, 504, "Backend timeout"},
		{"another method", "GET", "/lark", ``, 404, "APIG.0101"},
		{"another path", "POST", "/larks", ``, 404, "APIG.0101"},
		{"too large", "POST", "/lark", strings.Repeat("x", functiongraph.MaxGatewayBody+1), 413, "too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(within(t), tt.method, server.URL+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Lark-Signature", "abc")
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			raw, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || !strings.Contains(string(raw), tt.want) {
				t.Fatalf("answer = %d %s, want %d with %q", resp.StatusCode, raw, tt.status, tt.want)
			}
			if tt.status == 201 {
				checkEnvelope(t, resp, raw)
			}
		})
	}
}

// checkEnvelope looks at what the function received, which it sends back.
func checkEnvelope(t *testing.T, resp *http.Response, raw []byte) {
	t.Helper()
	var e struct {
		Body       string            `json:"body"`
		Base64     bool              `json:"isBase64Encoded"`
		Method     string            `json:"httpMethod"`
		Path       string            `json:"path"`
		Query      map[string]string `json:"queryStringParameters"`
		Headers    map[string]string `json:"headers"`
		RequestCtx map[string]string `json:"requestContext"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	body, err := base64.StdEncoding.DecodeString(e.Body)
	if err != nil || string(body) != `{"do":"apig"}` || !e.Base64 {
		t.Errorf("body = %s, base64 %v, %v", body, e.Base64, err)
	}
	if e.Method != "POST" || e.Path != "/lark/events" || e.Query["x"] != "1,2" || e.Headers["x-lark-signature"] != "abc" || e.RequestCtx["sourceIp"] != "127.0.0.1" {
		t.Errorf("envelope = %+v", e)
	}
	if resp.Header.Get("X-Test") != "yes" {
		t.Errorf("the function's header is missing: %v", resp.Header)
	}
}
