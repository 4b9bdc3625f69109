package functiongraph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDecode(t *testing.T) {
	smn := `{"topic_urn":"urn:smn:r:p:t","message_id":"m1","subject":"s","message":"text","timestamp":"2018-01-09T07:11:40Z","message_attributes":%s}`
	note := []Notification{{TopicURN: "urn:smn:r:p:t", MessageID: "m1", Subject: "s", Message: "text", Timestamp: "2018-01-09T07:11:40Z"}}
	for _, tc := range []struct {
		name, payload string
		want          Event
	}{
		{
			"timer", `{"version":"v1.0","time":"2018-06-01T08:30:00+08:00","trigger_type":"TIMER","trigger_name":"t","user_event":"{\"mode\":\"watch\"}"}`,
			Event{Timer: &Timer{Name: "t", Time: "2018-06-01T08:30:00+08:00", UserEvent: `{"mode":"watch"}`}},
		},
		{"timer whose user_event nobody quoted", `{"trigger_type":"TIMER","user_event":{"mode":"watch"}}`, Event{Timer: &Timer{UserEvent: `{"mode":"watch"}`}}},
		{"smn", `{"record":[{"smn":` + fmt.Sprintf(smn, `"None"`) + `}]}`, Event{SMN: note}},
		{"smn workflow spelling", `{"records":[{"smn":` + fmt.Sprintf(smn, `null`) + `}]}`, Event{SMN: note}},
		{"smn attributes object", `{"record":[{"smn":` + fmt.Sprintf(smn, `{"a":1}`) + `}]}`, Event{SMN: note}},
		{
			"gateway base64", `{"httpMethod":"POST","path":"/x","isBase64Encoded":true,"body":"eyJhIjoxfQ==","headers":{"x":"y"},"requestContext":{"sourceIp":"1.2.3.4"},"queryStringParameters":{"q":["1"]}}`,
			Event{HTTP: &Request{Method: "POST", Path: "/x", Headers: map[string]string{"x": "y"}, Query: map[string]string{"q": "1"}, Body: []byte(`{"a":1}`), SourceIP: "1.2.3.4"}},
		},
		{
			"gateway raw that says base64", `{"httpMethod":"POST","isBase64Encoded":true,"body":"{\"a\":1}"}`,
			Event{HTTP: &Request{Method: "POST", Headers: map[string]string{}, Query: map[string]string{}, Body: []byte(`{"a":1}`)}},
		},
		{"another function", `{"cluster":"c"}`, Event{Invoke: json.RawMessage(`{"cluster":"c"}`)}},
		{"odd types", `{"record":5}`, Event{Invoke: json.RawMessage(`{"record":5}`)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Decode([]byte(tc.payload))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	for _, bad := range []string{"", "null", "[]", "text", "{", `"x"`} {
		if e, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%q was taken for %+v", bad, e)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"record":[{"smn":{"message":"x"}}]}`))
	f.Add([]byte(`{"httpMethod":"POST","body":"e30=","isBase64Encoded":true}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Decode(b)
		n := 0
		for _, set := range []bool{e.Timer != nil, e.SMN != nil, e.HTTP != nil, e.Invoke != nil} {
			if set {
				n++
			}
		}
		if err == nil && n != 1 || err != nil && n != 0 {
			t.Errorf("%q: %d kinds, %v", b, n, err)
		}
	})
}

// platform is the runtime API with a few events to hand out.
type platform struct {
	events  []string
	header  http.Header
	replies chan string
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Path == "/v1/runtime/invocation/request" {
		if len(p.events) == 0 {
			<-r.Context().Done()
			return
		}
		for k, v := range p.header {
			w.Header()[k] = v
		}
		w.Header().Set("X-Cff-Request-Id", fmt.Sprint("r", len(p.events)))
		_, _ = io.WriteString(w, p.events[0])
		p.events = p.events[1:]
		return
	}
	body, _ := io.ReadAll(r.Body)
	p.replies <- strings.TrimPrefix(r.URL.Path, "/v1/runtime/invocation/") + " " + string(body)
}

func settings(addr string) Settings {
	return Settings{
		APIAddr: addr, Function: "f", Timeout: time.Minute, Margin: time.Second, Now: func() time.Time { return time.Unix(0, 0) },
		Redact: func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("planted"), []byte("***")) },
	}
}

func TestServe(t *testing.T) {
	p := &platform{
		events:  []string{`{"do":"value"}`, `{"do":"panic"}`, `{"do":"error"}`, `{"do":"nothing"}`},
		header:  http.Header{"X-Cff-Security-Access-Key": {"ak"}, "X-Cff-Security-Secret-Key": {"sk"}, "X-Cff-Security-Token": {"tok"}, "X-Cff-Invoke-Type": {"async"}},
		replies: make(chan string, 4),
	}
	srv := httptest.NewServer(p)
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var log bytes.Buffer
	seen := make(chan Invocation, 4)
	done := make(chan error)
	go func() {
		done <- Start(ctx, settings(strings.TrimPrefix(srv.URL, "http://")), nil, io.Discard, &log, func(ctx context.Context, payload []byte) (any, error) {
			seen <- InvocationFrom(ctx)
			if _, ok := ctx.Deadline(); !ok {
				return nil, errors.New("no deadline")
			}
			switch {
			case bytes.Contains(payload, []byte("panic")):
				panic("planted")
			case bytes.Contains(payload, []byte("error")):
				return nil, errors.New("it said planted")
			case bytes.Contains(payload, []byte("nothing")):
				return nil, nil
			}
			return map[string]int{"n": 1}, nil
		})
	}()
	var got []string
	for range 4 {
		got = append(got, <-p.replies)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	want := []string{
		`response/r4 {"n":1}`,
		`error/r3 {"errorMessage":"the function failed on this event (request r3): see its log","errorType":"FunctionError"}`,
		`error/r2 {"errorMessage":"it said ***","errorType":"FunctionError"}`,
		`response/r1 {}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	inv := <-seen
	if diff := cmp.Diff(Invocation{RequestID: "r4", Async: true, Credentials: Credentials{"ak", "sk", "tok"}}, inv); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if strings.Contains(log.String(), "planted") || !strings.Contains(log.String(), `"request_id":"r4"`) {
		t.Errorf("log: %s", log.String())
	}
}

func TestStartOutsideThePlatform(t *testing.T) {
	file := filepath.Join(t.TempDir(), "e.json")
	if err := os.WriteFile(file, []byte(`{"x":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	echo := func(_ context.Context, b []byte) (any, error) { return b, nil }
	for _, tc := range []struct {
		args      []string
		out, fail string
	}{
		{[]string{"-event", file}, "{\"x\":1}\n", ""},
		{[]string{"-event", file + ".missing"}, "", "read the event"},
		{nil, "", "RUNTIME_API_ADDR"},
		{[]string{"-what"}, "", "unknown arguments"},
	} {
		var out bytes.Buffer
		err := Start(t.Context(), settings(""), tc.args, &out, io.Discard, echo)
		if out.String() != tc.out || (err == nil) != (tc.fail == "") || err != nil && !strings.Contains(err.Error(), tc.fail) {
			t.Errorf("%v: %q, %v", tc.args, out.String(), err)
		}
	}
}

// What cannot be understood leaves its beginning in the log and the reason in the result, and no secret in either: not even half of one
// that stands where the log's excerpt ends.
func TestDrop(t *testing.T) {
	for _, at := range []int{10, excerpt - 36, excerpt - 34, excerpt, 5 * excerpt} {
		payload := `{"about":"odd","more":"` + strings.Repeat("x ", at/2) + `","k":"planted"}`
		file := filepath.Join(t.TempDir(), "e.json")
		if err := os.WriteFile(file, []byte(payload), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, log bytes.Buffer
		err := Start(t.Context(), settings(""), []string{"-event", file}, &out, &log, func(ctx context.Context, b []byte) (any, error) {
			return Drop(ctx, b, errors.New("planted is no cluster")), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for where, text := range map[string]string{"log": log.String(), "result": out.String()} {
			if strings.Contains(text, "plan") {
				t.Errorf("at %d the %s holds a part of the secret: %s", at, where, text)
			}
		}
		if !strings.Contains(log.String(), `about`) || !strings.Contains(log.String(), "it is dropped") || !strings.Contains(out.String(), "is no cluster") {
			t.Errorf("at %d: log %s, result %s", at, log.String(), out.String())
		}
	}
}

func TestWake(t *testing.T) {
	var got []string
	status := []int{429, 500, 202}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.URL.Path+" "+r.Header.Get("X-Signed")+" "+string(body))
		w.WriteHeader(status[0])
		status = status[1:]
	}))
	defer srv.Close()
	i := &Invoker{
		Endpoint: srv.URL, Region: "cn-north-4", Project: "p", Package: "default", Names: map[string]string{"execute": "prod-execute"}, Client: srv.Client(),
		Sign: func(r *http.Request, body []byte) error { r.Header.Set("X-Signed", fmt.Sprint(len(body))); return nil },
	}
	if err := i.Wake(t.Context(), "execute", map[string]string{"a": "b"}); err != nil {
		t.Fatal(err)
	}
	line := "/v2/p/fgs/functions/urn:fss:cn-north-4:p:function:default:prod-execute:latest/invocations-async 9 {\"a\":\"b\"}"
	if diff := cmp.Diff([]string{line, line, line}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	status = []int{403}
	var ie *InvokeError
	if err := i.Wake(t.Context(), "execute", 1); !errors.As(err, &ie) || ie.Status != 403 || len(got) != 4 {
		t.Errorf("a refusal was tried %d times more: %v", len(got)-4, err)
	}
	if err := i.Wake(t.Context(), "execute", strings.Repeat("x", MaxAsyncPayload)); err == nil || len(got) != 4 {
		t.Errorf("an event over the limit was sent: %v", err)
	}
}
