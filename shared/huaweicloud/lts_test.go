package huaweicloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	fakelts "cce-oncall/infra/fakecloud/lts"
	"cce-oncall/shared/observe"
)

func logJSON(number int, pod, container, content string) string {
	b, err := json.Marshal(map[string]any{"content": content, "line_num": fmt.Sprint(number), "labels": map[string]string{"nameSpace": "shop", "podName": pod, "containerName": container}})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func logQuery() observe.LogQuery {
	return observe.LogQuery{Namespace: "shop", From: testNow.Add(-time.Hour), To: testNow, Limit: 100}
}

func TestSearch(t *testing.T) {
	c := newCloud(t, replies(reply{body: `{"logs":[` + strings.Join([]string{
		logJSON(9, "web-6d4cf56db6-x2z9k", "app", "newest\n"), logJSON(8, "web-6d4cf56db6-x2z9k", "proxy", "p"), logJSON(7, "web-api-6d4cf56db6-x2z9k", "app", "not this workload"),
		logJSON(6, "web-6d4cf56db6-bbbbb", "app", "other pod"), logJSON(5, "web-6d4cf56db6-x2z9k", "app", strings.Repeat("长", 2000)), `{"content":"no labels","line_num":4}`,
	}, ",") + `],"isQueryComplete":true}`}))
	q := logQuery()
	q.Workload = "web"
	got, err := (&LTS{Session: c.session(), Group: "g", Stream: "s"}).Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	want := []observe.Log{
		{Namespace: "shop", Pod: "web-6d4cf56db6-bbbbb", Container: "app", Lines: []string{"other pod"}},
		{Namespace: "shop", Pod: "web-6d4cf56db6-x2z9k", Container: "app", Lines: []string{strings.Repeat("长", 1365) + "…", "newest"}},
		{Namespace: "shop", Pod: "web-6d4cf56db6-x2z9k", Container: "proxy", Lines: []string{"p"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("logs (-want +got):\n%s", d)
	}
	r := c.requests()[0]
	if r.method != http.MethodPost || r.path != "/v2/"+testProject+"/groups/g/streams/s/content/query" {
		t.Errorf("request %s %s", r.method, r.path)
	}
	wantBody := fmt.Sprintf(`{"end_time":"%d","highlight":false,"is_desc":true,"labels":{"nameSpace":"shop"},"limit":500,"start_time":"%d"}`, testNow.UnixMilli(), testNow.Add(-time.Hour).UnixMilli())
	if r.body != wantBody {
		t.Errorf("body %s\nwant %s", r.body, wantBody)
	}
}

func TestSearchPages(t *testing.T) {
	c := newCloud(t, func(n int, _ *http.Request, _ []byte) reply {
		var lines []string
		for i := range 500 {
			lines = append(lines, logJSON(10000-n*500-i, "web-0", "app", fmt.Sprint(10000-n*500-i)))
		}
		return reply{body: `{"logs":[` + strings.Join(lines, ",") + `]}`}
	})
	q := logQuery()
	q.Pod, q.Limit = "web-0", 1200
	got, err := (&LTS{Session: c.session()}).Search(t.Context(), q)
	if err != nil || len(got) != 1 {
		t.Fatalf("logs %v, error %v", got, err)
	}
	lines := got[0].Lines
	if len(lines) != 1200 || lines[0] != "8801" || lines[1199] != "10000" {
		t.Errorf("%d lines from %s to %s", len(lines), lines[0], lines[len(lines)-1])
	}
	requests := c.requests()
	if len(requests) != 3 || !strings.Contains(requests[1].body, `"line_num":"9501"`) || !strings.Contains(requests[1].body, `"search_type":"forwards"`) || strings.Contains(requests[0].body, "search_type") {
		t.Errorf("%d requests, second %s", len(requests), requests[1].body)
	}
}

func TestSearchEnds(t *testing.T) {
	same := make([]string, 500)
	for i := range same {
		same[i] = logJSON(i, "other-0", "app", "x")
	}
	c := newCloud(t, replies(reply{body: `{"logs":[` + strings.Join(same, ",") + `]}`})) // the same page for ever
	q := logQuery()
	q.Workload = "web"
	got, err := (&LTS{Session: c.session()}).Search(t.Context(), q)
	if err != nil || len(got) != 0 || len(c.requests()) != 2 {
		t.Errorf("%d logs, %d requests, error %v", len(got), len(c.requests()), err)
	}
}

func TestSearchRefuses(t *testing.T) {
	c := newCloud(t, replies(reply{}))
	for name, spoil := range map[string]func(*observe.LogQuery){
		"no namespace": func(q *observe.LogQuery) { q.Namespace = "" },
		"no lines":     func(q *observe.LogQuery) { q.Limit = 0 },
		"no time":      func(q *observe.LogQuery) { q.To = q.From },
	} {
		q := logQuery()
		spoil(&q)
		if _, err := (&LTS{Session: c.session()}).Search(t.Context(), q); !errors.Is(err, Invalid) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if n := len(c.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestPodOf(t *testing.T) {
	for pod, want := range map[string]bool{
		"web-6d4cf56db6-x2z9k": true, "web-0": true, "web-12": true, "web-x2z9k": true, "web-29384756-x2z9k": true,
		"web": false, "web-": false, "web-api-6d4cf56db6-x2z9k": false, "webx-0": false, "web-api-0": false, "web-proxy": false, "other-0": false, "": false,
	} {
		if got := podOf(pod, "web"); got != want {
			t.Errorf("%q of web: %v", pod, got)
		}
	}
}

func TestEmulatedLogs(t *testing.T) {
	e := emulate(t, "oncall-read", "lts:logs:list")
	group := e.LTS.AddGroup("cce", 7)
	stream := e.LTS.AddStream(group, "stdout", 7)
	var lines []fakelts.Line
	for i := range 1300 {
		pod := []string{"web-6d4cf56db6-x2z9k", "api-0"}[i%2]
		lines = append(lines, fakelts.Line{At: testNow.Add(time.Duration(i-1300) * time.Second), Content: fmt.Sprint("error ", i), Labels: map[string]string{"nameSpace": "shop", "podName": pod, "containerName": "app"}})
	}
	e.LTS.Push(group, stream, lines...)
	l := &LTS{Session: e.session, Group: group, Stream: stream}
	q := logQuery()
	q.Workload, q.Limit = "web", 600
	got, err := l.Search(t.Context(), q)
	if err != nil || len(got) != 1 || len(got[0].Lines) != 600 || got[0].Lines[599] != "error 1298" || got[0].Lines[0] != "error 100" {
		t.Fatalf("%d logs, error %v", len(got), err)
	}
	q.Pod, q.Workload, q.Limit = "api-0", "", 3
	got, err = l.Search(t.Context(), q)
	want := []observe.Log{{Namespace: "shop", Pod: "api-0", Container: "app", Lines: []string{"error 1295", "error 1297", "error 1299"}}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("error %v, logs (-want +got):\n%s", err, d)
	}
	if _, err := (&LTS{Session: e.session, Group: group, Stream: "absent"}).Search(t.Context(), q); !errors.Is(err, NotFound) {
		t.Errorf("absent stream: %v", err)
	}
}
