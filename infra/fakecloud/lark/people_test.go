package lark

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// upload posts a multipart form with one file.
func (w *world) upload(t *testing.T, path, field string, raw []byte, values map[string]string) reply {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for k, v := range values {
		if err := form.WriteField(k, v); err != nil {
			t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile(field, "a.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return w.send(t, "POST", "/open-apis/im/v1/"+path, form.FormDataContentType(), body.Bytes())
}

func TestUploads(t *testing.T) {
	w := newWorld(t)
	var pic bytes.Buffer
	if err := png.Encode(&pic, image.NewRGBA(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	up := w.upload(t, "images", "image", pic.Bytes(), map[string]string{"image_type": "message"})
	key, _ := up.data["image_key"].(string)
	if !strings.HasPrefix(key, "img_") {
		t.Fatalf("image gives %s", up.raw)
	}
	resp, shown := w.get(t, "/_chat/images/"+key)
	if resp.Header.Get("Content-Type") != "image/png" || shown != pic.String() {
		t.Errorf("the page gets %d bytes of %s", len(shown), resp.Header.Get("Content-Type"))
	}
	file := w.upload(t, "files", "file", []byte("log"), map[string]string{"file_type": "stream", "file_name": "pod.log"})
	if name, _ := file.data["file_key"].(string); !strings.HasPrefix(name, "file_") {
		t.Errorf("file gives %s", file.raw)
	}
	tests := map[string]reply{
		"empty image":    w.upload(t, "images", "image", nil, map[string]string{"image_type": "message"}),
		"no image":       w.upload(t, "images", "image", []byte("text"), map[string]string{"image_type": "message"}),
		"avatar":         w.upload(t, "images", "image", pic.Bytes(), map[string]string{"image_type": "avatar"}),
		"unknown type":   w.upload(t, "files", "file", []byte("x"), map[string]string{"file_type": "exe", "file_name": "a"}),
		"not a form":     w.do(t, "POST", "/open-apis/im/v1/images", map[string]string{"image_type": "message"}),
		"too many pixel": w.upload(t, "images", "image", wide(t), map[string]string{"image_type": "message"}),
	}
	for name, got := range tests {
		if got.code == 0 || got.status != http.StatusBadRequest {
			t.Errorf("%s gives HTTP %d code %d", name, got.status, got.code)
		}
	}
}

func wide(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, 12001, 1))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestOtherMessageCalls(t *testing.T) {
	w := newWorld(t)
	text := func(s string) map[string]any {
		return map[string]any{"msg_type": "text", "content": `{"text":"` + s + `"}`}
	}
	first := text("one")
	first["receive_id"] = w.group.ID
	id := w.do(t, "POST", "/open-apis/im/v1/messages?receive_id_type=chat_id", first).data["message_id"].(string)
	at := "/open-apis/im/v1/messages/" + id
	if got := w.do(t, "PUT", at, text("two")); got.code != 0 {
		t.Fatalf("editing a text gives %s", got.raw)
	}
	got := w.do(t, "GET", at, nil)
	item, _ := got.data["items"].([]any)[0].(map[string]any)
	if item["updated"] != true || item["body"].(map[string]any)["content"] != `{"text":"two"}` {
		t.Errorf("get gives %s", got.raw)
	}
	if got := w.patch(t, id, card(hello)); got.code != codeParam {
		t.Errorf("patching a text gives %d", got.code)
	}
	if got := w.do(t, "DELETE", at, nil); got.code != 0 {
		t.Errorf("delete gives %s", got.raw)
	}
	if got := w.do(t, "DELETE", at, nil); got.code != codeRecalled {
		t.Errorf("deleting twice gives %d", got.code)
	}
	person, err := w.Type(t.Context(), approver, w.group.ID, "mine")
	if err != nil {
		t.Fatal(err)
	}
	if got := w.do(t, "DELETE", "/open-apis/im/v1/messages/"+person.ID, nil); got.code != codePermission {
		t.Errorf("deleting a person's message gives %d", got.code)
	}
}

func TestChatsAndPeople(t *testing.T) {
	w := newWorld(t)
	li, _ := w.findUser(approver)
	id := w.post(t, card(hello))
	chat := "/open-apis/im/v1/chats/" + w.group.ID
	if got := w.do(t, "POST", chat+"/top_notice/put_top_notice", map[string]any{"chat_top_notice": []any{map[string]any{"action_type": "1", "message_id": id}}}); got.code != 0 {
		t.Errorf("banner gives %s", got.raw)
	}
	if c := w.Chats()[0]; c.Banner != id {
		t.Errorf("the banner is %q", c.Banner)
	}
	if got := w.do(t, "GET", chat, nil); got.data["name"] != "oncall" || got.data["chat_mode"] != "group" {
		t.Errorf("chat is %s", got.raw)
	}
	if got := w.do(t, "GET", chat+"/members/is_in_chat", nil); got.data["is_in_chat"] != true {
		t.Errorf("is_in_chat is %s", got.raw)
	}
	if got := w.do(t, "GET", "/open-apis/contact/v3/users/"+li.OpenID, nil); got.data["user"].(map[string]any)["name"] != approver {
		t.Errorf("user is %s", got.raw)
	}
	if got := w.do(t, "GET", "/open-apis/event/v1/outbound_ip", nil); !cmp.Equal(got.data["ip_list"], []any{"127.0.0.1"}) {
		t.Errorf("outbound ips are %s", got.raw)
	}
	if err := w.ChangeChat(w.group.ID, func(c *Chat) { c.BotAbsent = true }); err != nil {
		t.Fatal(err)
	}
	if got := w.do(t, "GET", chat+"/members", nil); got.code == 0 {
		t.Errorf("a bot outside lists the members")
	}
}

func TestTextOfEverything(t *testing.T) {
	w := newWorld(t)
	id := w.post(t, card(
		`{"tag":"table","columns":[{"name":"p","display_name":"Pod","data_type":"text"},{"name":"s","display_name":"State","data_type":"options"},{"name":"c","display_name":"CPU","data_type":"number"}],"rows":[{"p":"a-1","s":[{"text":"Running","color":"green"}],"c":93.5}]}`,
		`{"tag":"chart","chart_spec":{"type":"line","title":{"text":"CPU"},"data":{"values":[]},"xField":"x","yField":"y"}}`,
		`{"tag":"div","text":{"tag":"plain_text","content":"","i18n_content":{"en_us":"only English"}}}`,
	))
	m, _ := w.Message(id)
	want := "CPU 过高\nPod\nState\nCPU\na-1\nRunning\n93.5\nCPU\nonly English\n"
	if diff := cmp.Diff(want, m.Text("zh_cn")); diff != "" {
		t.Error(diff)
	}
}

func TestLateEvents(t *testing.T) {
	w := newWorld(t)
	rc := newReceiver(t, says(200, "{}"))
	w.SetURLs(rc.URL, "")
	w.Configure(func(b *Behaviour) { b.EventDelay = time.Minute })
	_, late, err := w.TypeEvent(t.Context(), approver, w.group.ID, "@"+w.App().Name+" first")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.clock.AwaitTimers(deadline(t), 1); err != nil {
		t.Fatal(err)
	}
	w.Configure(func(b *Behaviour) { b.EventDelay = 0 })
	_, early, err := w.TypeEvent(t.Context(), approver, w.group.ID, "@"+w.App().Name+" second")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WaitDelivery(deadline(t), early, 1); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	if _, err := w.WaitDelivery(deadline(t), late, 1); err != nil {
		t.Fatal(err)
	}
	if all := w.Deliveries(); all[0].EventID != early || all[1].EventID != late {
		t.Errorf("the events came in order")
	}
}

// A slow answer is the right answer, late.
func TestSlowFault(t *testing.T) {
	w := newWorld(t)
	w.Inject(Fault{On: OpBot, Times: 1, Delay: 2 * time.Second})
	done := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		r := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), "GET", "/open-apis/bot/v3/info", nil)
		r.Header.Set("Authorization", "Bearer "+w.token)
		got := httptest.NewRecorder()
		w.Handler().ServeHTTP(got, r)
		done <- got
	}()
	if err := w.clock.AwaitTimers(deadline(t), 1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
		t.Fatal("the answer did not wait")
	default:
	}
	w.clock.Advance(2 * time.Second)
	if got := <-done; got.Code != 200 || !strings.Contains(got.Body.String(), `"code":0`) {
		t.Errorf("the late answer is %s", got.Body)
	}
	w.Inject(Fault{On: "*", Code: 1})
	w.ClearFaults()
	if got := w.do(t, "GET", "/open-apis/bot/v3/info", nil); got.code != 0 {
		t.Errorf("a cleared fault gives %s", got.raw)
	}
}

func TestRevokedTokens(t *testing.T) {
	w := newWorld(t)
	w.RevokeTokens()
	if got := w.do(t, "GET", "/open-apis/bot/v3/info", nil); got.code != codeBadToken {
		t.Errorf("a revoked token gives %d", got.code)
	}
	w.token = w.login(t)
	if got := w.do(t, "GET", "/open-apis/bot/v3/info", nil); got.code != 0 {
		t.Errorf("a new token gives %d", got.code)
	}
}
