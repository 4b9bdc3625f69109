package lark

import (
	"bufio"
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (w *world) get(t *testing.T, path string) (*http.Response, string) {
	t.Helper()
	got := httptest.NewRecorder()
	w.Handler().ServeHTTP(got, httptest.NewRequest("GET", path, nil))
	return got.Result(), got.Body.String()
}

func TestPageIsServedWithItsPolicy(t *testing.T) {
	w := newWorld(t)
	resp, html := w.get(t, "/")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Security-Policy") != pagePolicy {
		t.Fatalf("HTTP %d, policy %q", resp.StatusCode, resp.Header.Get("Content-Security-Policy"))
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		if resp, _ := w.get(t, "/"+m[1]); resp.StatusCode != 200 {
			t.Errorf("%s gives HTTP %d", m[1], resp.StatusCode)
		}
	}
	for _, bad := range []string{"/_chat/../options.go", "/_chat/page", "/_chat/x.js"} {
		if resp, _ := w.get(t, bad); resp.StatusCode < 300 {
			t.Errorf("%s gives HTTP %d", bad, resp.StatusCode)
		}
	}
}

// The page builds its DOM without ever parsing a string as HTML, and loads
// nothing from elsewhere.
func TestPageNeverParsesHTML(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|\beval\(|new Function|(src|href)="(https?:)?//`)
	files, err := fs.Glob(pageFiles, "page/*")
	if err != nil || len(files) < 6 {
		t.Fatalf("%v %v", err, files)
	}
	for _, name := range files {
		raw, err := pageFiles.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if m := forbidden.Find(raw); m != nil {
			t.Errorf("%s contains %q", path.Base(name), m)
		}
	}
}

func TestPageShowsOnlyWhatThePersonMaySee(t *testing.T) {
	w := newWorld(t)
	zhao, _ := w.findUser(reader)
	w.post(t, card(hello))
	secret := w.do(t, "POST", "/open-apis/ephemeral/v1/send", map[string]any{
		"chat_id": w.group.ID, "open_id": zhao.OpenID, "msg_type": "interactive",
		"card": map[string]any{"schema": "2.0", "body": map[string]any{"elements": []any{map[string]any{"tag": "markdown", "content": "only for Zhao"}}}},
	})
	if secret.code != 0 {
		t.Fatal(secret.raw)
	}
	gone := w.post(t, card(`{"tag":"markdown","content":"taken back"}`))
	if err := w.Recall(gone); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ chats, messages int }{approver: {1, 2}, reader: {1, 3}, outsider: {0, 0}}
	for name, want := range tests {
		_, raw := w.get(t, "/_chat/state?user="+url.QueryEscape(name))
		var v pageView
		if err := json.Unmarshal([]byte(raw), &v); err != nil {
			t.Fatal(err)
		}
		if len(v.Chats) != want.chats || len(v.Messages) != want.messages {
			t.Errorf("%s sees %d chats and %d messages, want %+v", name, len(v.Chats), len(v.Messages), want)
		}
		if strings.Contains(raw, "taken back") {
			t.Errorf("%s still gets the recalled text", name)
		}
	}
}

func TestPageFollowsChanges(t *testing.T) {
	w := newWorld(t)
	id := w.post(t, card(hello))
	r, err := http.NewRequestWithContext(deadline(t), "GET", w.url+"/_chat/events?since=0&user="+url.QueryEscape(approver), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	until := func(version int) {
		for lines.Scan() {
			raw, ok := strings.CutPrefix(lines.Text(), "data: ")
			var v pageView
			if !ok || json.Unmarshal([]byte(raw), &v) != nil {
				continue
			}
			for _, m := range v.Messages {
				if m.ID == id && m.Version == version {
					return
				}
			}
		}
		t.Fatalf("version %d never came: %v", version, lines.Err())
	}
	until(1)
	if got := w.patch(t, id, card(confirmA)); got.code != 0 {
		t.Fatal(got.raw)
	}
	until(2)
}

// A page that was open while the server was started anew is told to begin again.
func TestPageSurvivesARestart(t *testing.T) {
	w := newWorld(t)
	w.post(t, card(hello))
	r, err := http.NewRequestWithContext(deadline(t), "GET", w.url+"/_chat/events?since=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", "99999")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if raw, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var v pageView
			if err := json.Unmarshal([]byte(raw), &v); err != nil || len(v.Messages) != 1 || v.Run == "" {
				t.Errorf("%v %+v", err, v)
			}
			return
		}
	}
	t.Error("nothing came")
}

func TestPageActions(t *testing.T) {
	w := newWorld(t)
	rc := newReceiver(t, says(200, `{"toast":{"type":"success","content":"accepted"}}`))
	w.SetURLs(rc.URL, rc.URL)
	id := w.post(t, card(hello, confirmA))
	press := map[string]any{"user": approver, "message": id, "path": "/body/elements/1", "version": 1}
	if got := w.do(t, "POST", "/_chat/press", press); !strings.Contains(got.raw, "accepted") {
		t.Errorf("press gives %s", got.raw)
	}
	press["user"] = outsider
	if got := w.do(t, "POST", "/_chat/press", press); got.json["refused"] != "not_there" {
		t.Errorf("an outsider's press gives %s", got.raw)
	}
	if got := w.send(t, "POST", "/_chat/press", "text/plain", []byte(`{}`)); got.status != http.StatusUnsupportedMediaType {
		t.Errorf("a form of another site gets HTTP %d", got.status)
	}
	said := w.do(t, "POST", "/_chat/type", map[string]any{"user": reader, "reply_to": id, "text": "@" + w.App().Name + " status"})
	typed, _ := said.json["id"].(string)
	if m, ok := w.Message(typed); !ok || m.RootID != id || m.ThreadID == "" {
		t.Errorf("a reply gives %s", said.raw)
	}
	copied := w.do(t, "POST", "/_chat/forward", map[string]any{"user": reader, "message": id, "chat": w.group.ID})
	if n, _ := copied.json["id"].(string); n == "" {
		t.Errorf("forward gives %s", copied.raw)
	}
}

// The page in a real browser, where one is installed.
func TestPageInABrowser(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Clock = nil })
	for _, file := range []string{"testdata/alarm.json", "testdata/hostile.json"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		w.post(t, string(raw))
	}
	if _, err := w.Type(t.Context(), reader, w.group.ID, "<img src=x onerror=alert(9)>"); err != nil {
		t.Fatal(err)
	}
	zh := w.dump(t, "zh_cn")
	en := w.dump(t, "en_us")
	for _, want := range []string{"确认执行方案A", "集群 demo-recovery", "紧急", "驳回原因", "证据（5 条）"} {
		if !strings.Contains(zh, want) {
			t.Errorf("the Chinese page lacks %q", want)
		}
	}
	for _, want := range []string{
		">Confirm solution A<", "above 80 %", "Awaiting confirmation", `class="chart-threshold"`, `aria-label="chat-app-7d9f-x2k4p: latest`,
		"<strong>Two replicas cannot carry the load.</strong>", `class="tag tag-green"`, "<li>Node <code>node-a</code> at 71 %<ul>", "@everyone",
		"&lt;img src=x onerror=alert(1)&gt;&lt;script&gt;alert(2)&lt;/script&gt;", "pod_name_x", "*not bold*",
	} {
		if !strings.Contains(en, want) {
			t.Errorf("the English page lacks %q", want)
		}
	}
	markup := regexp.MustCompile(`"[^"]*"`).ReplaceAllStringFunc(en, func(v string) string {
		return regexp.MustCompile(`[ =]`).ReplaceAllString(v, "_") // a value is text, whatever it says
	})
	for _, bad := range []*regexp.Regexp{
		regexp.MustCompile(`<[a-z]+[^>]*\son[a-z]+=`), regexp.MustCompile(`"javascript:`), regexp.MustCompile(`<script>`), regexp.MustCompile(`<iframe`), regexp.MustCompile(`<img[^>]*src="x"`),
	} {
		if m := bad.FindString(markup); m != "" {
			t.Errorf("hostile text became markup: %s", m)
		}
	}
}

// dump is the DOM after the page has drawn itself.
func (w *world) dump(t *testing.T, language string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes seconds to start")
	}
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	address := w.url + "/?live=0&lang=" + language + "&user=" + url.QueryEscape(approver) + "&chat=" + w.group.ID
	out, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=5000", "--dump-dom", address).Output()
	if err != nil {
		t.Fatalf("running %s: %v", browser, err)
	}
	return string(out)
}

func TestEveryWordIsInBothLanguages(t *testing.T) {
	raw, err := pageFiles.ReadFile("page/words.js")
	if err != nil {
		t.Fatal(err)
	}
	halves := strings.SplitN(string(raw), "zh_cn: {", 2)
	if len(halves) != 2 {
		t.Fatal("the languages are not where they were")
	}
	keys := func(text string) map[string]bool {
		out := map[string]bool{}
		for _, m := range regexp.MustCompile(`(\w+): ["{]`).FindAllStringSubmatch(text, -1) {
			out[m[1]] = true
		}
		delete(out, "en_us")
		return out
	}
	if diff := cmp.Diff(keys(halves[0]), keys(halves[1])); diff != "" {
		t.Error(diff)
	}
}
