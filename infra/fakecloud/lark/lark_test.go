package lark

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2025, 11, 24, 3, 7, 0, 0, time.UTC)

// world is a platform with one group, two people in it and one outside.
type world struct {
	*Server
	clock *ManualClock
	url   string
	group Chat
	token string
}

const (
	approver = "Li Wei"
	reader   = "Zhao Min"
	outsider = "Eve"
)

func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	clock := NewManualClock(start)
	o := Options{Clock: clock, Users: []User{
		{Name: approver, Email: "li.wei@example.com", Mobile: "+8613800000001", UserID: "e1001", Role: "approver"},
		{Name: reader, Email: "zhao.min@example.com"},
		{Name: outsider, Email: "eve@example.com"},
	}}
	for _, c := range change {
		c(&o)
	}
	s := New(o)
	web := httptest.NewServer(s.Handler())
	t.Cleanup(func() { s.Close(); web.Close() })
	w := &world{Server: s, clock: clock, url: web.URL}
	w.group = s.AddChat(Chat{Name: "oncall", Members: []string{approver, reader}})
	w.token = w.login(t)
	return w
}

func (w *world) login(t *testing.T) string {
	t.Helper()
	got := w.do(t, "POST", "/open-apis/auth/v3/tenant_access_token/internal", map[string]any{"app_id": w.App().ID, "app_secret": w.App().Secret})
	token, _ := got.json["tenant_access_token"].(string)
	if token == "" {
		t.Fatalf("no token at the top level of %s", got.raw)
	}
	return token
}

type reply struct {
	status int
	header http.Header
	code   int
	msg    string
	json   map[string]any
	data   map[string]any
	raw    string
}

// do calls the API with the world's token; body is JSON unless it is a string.
func (w *world) do(t *testing.T, method, path string, body any) reply {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return w.send(t, method, path, "application/json; charset=utf-8", raw)
}

func (w *world) send(t *testing.T, method, path, contentType string, raw []byte) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.url+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	if w.token != "" {
		r.Header.Set("Authorization", "Bearer "+w.token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out := reply{status: resp.StatusCode, header: resp.Header}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out.raw = string(b)
	if json.Unmarshal(b, &out.json) == nil {
		code, _ := out.json["code"].(float64)
		out.code = int(code)
		out.msg, _ = out.json["msg"].(string)
		out.data, _ = out.json["data"].(map[string]any)
	}
	return out
}

// post sends a card to the group and returns its message id.
func (w *world) post(t *testing.T, card string) string {
	t.Helper()
	got := w.create(t, w.group.ID, card, "")
	id, _ := got.data["message_id"].(string)
	if id == "" {
		t.Fatalf("the card was refused: %s", got.raw)
	}
	return id
}

func (w *world) create(t *testing.T, chat, card, uuid string) reply {
	t.Helper()
	return w.do(t, "POST", "/open-apis/im/v1/messages?receive_id_type=chat_id",
		map[string]any{"receive_id": chat, "msg_type": "interactive", "content": card, "uuid": uuid})
}

func (w *world) patch(t *testing.T, id, card string) reply {
	t.Helper()
	return w.do(t, "PATCH", "/open-apis/im/v1/messages/"+id, map[string]any{"content": card})
}

// card is a card of the given elements.
func card(elements ...string) string {
	return `{"schema":"2.0","config":{"update_multi":true},"header":{"title":{"tag":"plain_text","content":"CPU high","i18n_content":{"zh_cn":"CPU 过高"}},"template":"red"},"body":{"elements":[` +
		strings.Join(elements, ",") + `]}}`
}

const (
	confirmA = `{"tag":"button","element_id":"confirm_a","type":"primary_filled","text":{"tag":"plain_text","content":"Confirm solution A","i18n_content":{"zh_cn":"确认执行方案A"}},"behaviors":[{"type":"callback","value":{"id":"k1"}}]}`
	hello    = `{"tag":"markdown","content":"**hello**"}`
)

// receiver is the app's side of pushes.
type receiver struct {
	*httptest.Server
	got    chan Request
	answer func(n int, r *http.Request, body []byte) (int, string)
}

func newReceiver(t *testing.T, answer func(n int, r *http.Request, body []byte) (int, string)) *receiver {
	t.Helper()
	rc := &receiver{got: make(chan Request, 64), answer: answer}
	n := 0
	counter := make(chan int, 1)
	counter <- n
	rc.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		n := <-counter + 1
		counter <- n
		rc.got <- Request{URL: r.URL.Path, Header: r.Header, Body: body}
		status, text := rc.answer(n, r, body)
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}))
	t.Cleanup(rc.Close)
	return rc
}

func says(status int, text string) func(int, *http.Request, []byte) (int, string) {
	return func(int, *http.Request, []byte) (int, string) { return status, text }
}

// deadline is how long a test waits for a state at most.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}
