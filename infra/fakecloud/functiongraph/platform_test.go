package functiongraph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/infra/fakecloud/functiongraph"
	"cce-oncall/infra/package/bundle"
)

// bootstrap builds the test function once.
var bootstrap = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "bootstrap-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "bootstrap")
	cmd := exec.Command("go", "build", "-o", out, "./testdata/bootstrap")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the bootstrap: %w: %s", err, text)
	}
	binary, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	return bundle.Zip(binary)
})

func zipped(t *testing.T) []byte {
	t.Helper()
	raw, err := bootstrap()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

type fakeCredentials struct{}

func (fakeCredentials) IssueHeaders(agency string, _ time.Time) (map[string]string, error) {
	return map[string]string{"X-CFF-Security-Access-Key": "AK-" + agency, "X-CFF-Access-Key": "AK-" + agency}, nil
}

type published struct{ topic, message string }

type fakeTopics struct {
	mu   sync.Mutex
	sent []published
}

func (*fakeTopics) Subscribe(topic, protocol, endpoint string) (string, error) {
	return topic + ":" + protocol + ":" + endpoint, nil
}

func (*fakeTopics) Unsubscribe(string) {}

func (f *fakeTopics) Publish(_ context.Context, topic, _, message string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, published{topic, message})
	return nil
}

func platform(t *testing.T, change func(*functiongraph.Options)) *functiongraph.Platform {
	t.Helper()
	opt := functiongraph.Options{
		Region: "cn-north-4", Project: "p", Clock: time.Now, Credentials: fakeCredentials{}, RetryDelay: 10 * time.Millisecond, Dir: t.TempDir(),
	}
	if change != nil {
		change(&opt)
	}
	p, err := functiongraph.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func create(t *testing.T, p *functiongraph.Platform, name string, change func(*functiongraph.Spec)) {
	t.Helper()
	spec := functiongraph.Spec{Name: name, Handler: "bootstrap", Zip: zipped(t), Timeout: 20 * time.Second, MemoryMB: 256, MaxInstances: 4}
	if change != nil {
		change(&spec)
	}
	if _, err := p.Create(spec); err != nil {
		t.Fatal(err)
	}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func invoke(t *testing.T, p *functiongraph.Platform, name, event string) functiongraph.Result {
	t.Helper()
	r, err := p.Invoke(within(t), name, []byte(event), "test")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func async(t *testing.T, p *functiongraph.Platform, name, event string) string {
	t.Helper()
	id, err := p.InvokeAsync(name, []byte(event), "test")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func idle(t *testing.T, p *functiongraph.Platform) {
	t.Helper()
	if err := p.WaitIdle(within(t)); err != nil {
		t.Fatal(err)
	}
}

// outcomes lists "attempt status code" of every delivery.
func outcomes(p *functiongraph.Platform, name string) []string {
	var out []string
	for _, i := range p.Invocations(name) {
		out = append(out, strings.TrimSpace(fmt.Sprint(i.Attempt, " ", i.Status, " ", i.Code)))
	}
	return out
}

func TestAnswerAndReuse(t *testing.T) {
	p := platform(t, nil)
	create(t, p, "f", nil)
	r := invoke(t, p, "f", `{"do":"answer","text":"hello"}`)
	if r.Status != functiongraph.StatusSuccess || string(r.Body) != `"hello"` {
		t.Fatalf("result = %s %s %s, want hello", r.Status, r.Message, r.Body)
	}
	if line, err := p.WaitLog(within(t), "f", "begin 1"); err != nil || line.RequestID != r.RequestID {
		t.Errorf("the function's line = %+v, %v; want it under request %s", line, err, r.RequestID)
	}
	if got := string(invoke(t, p, "f", `{"do":"served"}`).Body); got != "2" {
		t.Errorf("second request was number %s of its instance, want 2: the instance was not kept", got)
	}
	all := p.Invocations("f")
	if !all[0].Cold || all[1].Cold {
		t.Errorf("cold = %v, %v; want true, false", all[0].Cold, all[1].Cold)
	}
	if all[0].FirstResponse <= 0 || all[0].Start <= 0 || all[0].Peak <= 0 {
		t.Errorf("start %v, first response %v, peak %d: all must be measured", all[0].Start, all[0].FirstResponse, all[0].Peak)
	}
}

func TestEnvironmentAndCredentials(t *testing.T) {
	t.Setenv("HOST_SECRET", "must not reach a function")
	p := platform(t, nil)
	create(t, p, "f", func(s *functiongraph.Spec) {
		s.UserData, s.Encrypted, s.Agency, s.AppAgency = map[string]string{"A": "1"}, map[string]string{"B": "2"}, "config", "reader"
	})
	var got struct {
		Env     []string
		Headers map[string]string
		Cwd     string
	}
	if err := json.Unmarshal(invoke(t, p, "f", `{"do":"env"}`).Body, &got); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, kv := range got.Env {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	for k, want := range map[string]string{
		"RUNTIME_FUNC_NAME": "f", "RUNTIME_TIMEOUT": "20", "RUNTIME_MEMORY": "256", "RUNTIME_PROJECT_ID": "p", "RUNTIME_PACKAGE": "default",
		"RUNTIME_HANDLER": "bootstrap", "RUNTIME_USERDATA": `{"A":"1","B":"2"}`, "HOST_SECRET": "",
	} {
		if env[k] != want {
			t.Errorf("%s = %q, want %q", k, env[k], want)
		}
	}
	if got.Cwd != filepath.Dir(env["RUNTIME_CODE_ROOT"]) {
		t.Errorf("cwd %q is not the parent of the code root %q", got.Cwd, env["RUNTIME_CODE_ROOT"])
	}
	if h := got.Headers; h["x-cff-security-access-key"] != "AK-reader" || h["x-cff-invoke-type"] != "sync" || h["x-cff-request-id"] == "" {
		t.Errorf("headers = %v", h)
	}
}

func TestFailures(t *testing.T) {
	p := platform(t, nil)
	create(t, p, "f", nil)
	create(t, p, "hurried", func(s *functiongraph.Spec) { s.Timeout = 500 * time.Millisecond })
	create(t, p, "small", func(s *functiongraph.Spec) { s.Timeout, s.MemoryMB = time.Minute, 128 })
	create(t, p, "stillborn", nil)
	empty, err := bundle.Zip([]byte("not a program"))
	if err != nil {
		t.Fatal(err)
	}
	create(t, p, "garbage", func(s *functiongraph.Spec) { s.Zip = empty })
	tests := []struct{ name, function, event, code, message string }{
		{"reported", "f", `{"do":"fail","text":"no"}`, "FSS.0500", "the function reported an error"},
		{"crash", "f", `{"do":"crash"}`, "FSS.0500", "the function process exited"},
		{"timeout", "hurried", `{"do":"hang"}`, "FSS.0408", "the function invocation timed out"},
		{"memory", "small", `{"do":"eat","mb":200}`, "FSS.0500", "the function exceeded its memory limit"},
		{"ends before it asks", "stillborn", `{}`, "FSS.0500", "the function process exited"},
		{"not a program", "garbage", `{}`, "FSS.0500", "start the bootstrap"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := invoke(t, p, tt.function, tt.event)
			if r.Status != functiongraph.StatusFail || r.Code != tt.code || !strings.Contains(r.Message, tt.message) {
				t.Errorf("result = %s %s %q, want FAIL %s %q", r.Status, r.Code, r.Message, tt.code, tt.message)
			}
		})
	}
	if r := invoke(t, p, "f", `{"do":"answer","text":"alive"}`); r.Status != functiongraph.StatusSuccess {
		t.Errorf("after all that, a good request gives %s %s", r.Status, r.Message)
	}
}

func TestInstanceLimit(t *testing.T) {
	tests := []struct {
		name  string
		queue bool
		want  []string
	}{
		{"drops over the limit", false, []string{"1 DISCARD FSS.0429", "1 SUCCESS"}},
		{"queues over the limit", true, []string{"1 DISCARD FSS.0429", "1 SUCCESS", "1 SUCCESS"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := platform(t, func(o *functiongraph.Options) { o.QueueOverflow = tt.queue })
			create(t, p, "f", func(s *functiongraph.Spec) { s.MaxInstances = 1 })
			async(t, p, "f", `{"do":"eat","mb":8}`)
			if _, err := p.WaitLog(within(t), "f", "ate"); err != nil {
				t.Fatal(err)
			}
			if r := invoke(t, p, "f", `{"do":"answer"}`); r.Status != functiongraph.StatusDiscard || r.Code != "FSS.0429" {
				t.Errorf("a synchronous request over the limit = %s %s, want DISCARD FSS.0429", r.Status, r.Code)
			}
			if tt.queue {
				async(t, p, "f", `{"do":"answer"}`)
			}
			idle(t, p)
			var got []string
			for _, o := range outcomes(p, "f") {
				if len(got) == 0 || o != got[0] { // a queued request is looked at several times
					got = append(got, o)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("deliveries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAsyncRetries(t *testing.T) {
	tests := []struct {
		name   string
		policy *functiongraph.AsyncConfig
		want   []string
		told   int
	}{
		{"no policy: never again", nil, []string{"1 FAIL FSS.0500"}, 0},
		{
			"two retries, then the destination",
			&functiongraph.AsyncConfig{MaxAge: time.Hour, Retries: 2, OnFailure: &functiongraph.Destination{Kind: "SMN", Param: `{"topic_urn":"dead"}`}},
			[]string{"1 FAIL FSS.0500", "2 FAIL FSS.0500", "3 FAIL FSS.0500"},
			1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			topics := &fakeTopics{}
			p := platform(t, nil)
			p.SetTopics(topics)
			create(t, p, "f", func(s *functiongraph.Spec) { s.Async = tt.policy })
			async(t, p, "f", `{"do":"crash"}`)
			idle(t, p)
			if diff := cmp.Diff(tt.want, outcomes(p, "f")); diff != "" {
				t.Errorf("deliveries (-want +got):\n%s", diff)
			}
			if len(topics.sent) != tt.told {
				t.Fatalf("%d messages to the destination, want %d", len(topics.sent), tt.told)
			}
			if tt.told == 1 && (topics.sent[0].topic != "dead" || !strings.Contains(topics.sent[0].message, `"approximate_invoke_count":3`)) {
				t.Errorf("destination got %+v", topics.sent[0])
			}
		})
	}
}

func TestUpdateReplacesInstances(t *testing.T) {
	p := platform(t, nil)
	create(t, p, "f", nil)
	invoke(t, p, "f", `{"do":"answer"}`)
	if err := p.Update("f", func(s *functiongraph.Spec) error {
		s.UserData = map[string]string{"NEW": "yes"}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if r := invoke(t, p, "f", `{"do":"env"}`); !bytes.Contains(r.Body, []byte(`{\"NEW\":\"yes\"}`)) {
		t.Errorf("the new setting did not reach the function: %s", r.Body)
	}
	if got := string(invoke(t, p, "f", `{"do":"served"}`).Body); got != "2" {
		t.Errorf("request number %s of its instance, want 2", got)
	}
}

func TestIdleRelease(t *testing.T) {
	p := platform(t, func(o *functiongraph.Options) { o.IdleTimeout = 20 * time.Millisecond })
	create(t, p, "f", nil)
	invoke(t, p, "f", `{"do":"answer"}`)
	ctx := within(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for p.Instances("f") > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("an idle instance was never released")
		}
	}
	invoke(t, p, "f", `{"do":"answer"}`)
	if last := p.Invocations("f")[1]; !last.Cold {
		t.Error("the request after the release did not start a new process")
	}
}

func TestLimits(t *testing.T) {
	p := platform(t, nil)
	create(t, p, "f", nil)
	big := fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", functiongraph.MaxAsyncPayload))
	if _, err := p.InvokeAsync("f", []byte(big), "test"); err == nil {
		t.Error("an asynchronous event above 256 KB was taken")
	}
	if _, err := p.InvokeAsync("f", []byte("no json"), "test"); err == nil {
		t.Error("an event that is not JSON was taken")
	}
	if _, err := p.InvokeAsync("nobody", []byte("{}"), "test"); err == nil {
		t.Error("an event for no function was taken")
	}
	if _, err := p.Create(functiongraph.Spec{Name: "f", Zip: zipped(t), Timeout: time.Second, MemoryMB: 128}); err == nil {
		t.Error("a second function of the same name was created")
	}
	if _, err := p.Create(functiongraph.Spec{Name: "g", Zip: []byte("no zip"), Timeout: time.Second, MemoryMB: 128}); err == nil {
		t.Error("a package that is no zip was taken")
	}
	long := map[string]string{"A": strings.Repeat("x", functiongraph.MaxUserData)}
	if _, err := p.Create(functiongraph.Spec{Name: "g", Zip: zipped(t), Timeout: time.Second, MemoryMB: 128, UserData: long}); err == nil {
		t.Error("variables above 4096 characters were taken")
	}
}
