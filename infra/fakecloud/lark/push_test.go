package lark

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/larksuite/oapi-sdk-go/v3/core/httpserverext"
	"github.com/larksuite/oapi-sdk-go/v3/event/dispatcher"
	"github.com/larksuite/oapi-sdk-go/v3/event/dispatcher/callback"
)

func TestSignatureVectors(t *testing.T) {
	tests := []struct{ key, body, want string }{
		{"test key", `{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}`, "7be4dad66ceafb3ec306fe13fc410c20ec52ae6386eb5ebf23c6526c9df218d0"},
		{"", `{"schema":"2.0"}`, "307dc32b4410cd3e6c66cc23ef52eb99c031a1c2a92cfb0f655664ae9a663278"},
	}
	for _, tt := range tests {
		if got := signature("1700000000", "123456789", tt.key, []byte(tt.body)); got != tt.want {
			t.Errorf("key %q: got %s, want %s", tt.key, got, tt.want)
		}
	}
}

// open undoes encrypt with a padding check of its own.
func open(t *testing.T, key string, body []byte) map[string]any {
	t.Helper()
	var in struct{ Encrypt string }
	if err := json.Unmarshal(body, &in); err != nil {
		t.Fatal(err)
	}
	out, err := decodePush(key, in.Encrypt, false)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEventIsEncryptedAndSigned(t *testing.T) {
	w := newWorld(t)
	rc := newReceiver(t, says(200, "{}"))
	w.SetURLs(rc.URL+"/event", "")
	m, id, err := w.TypeEvent(t.Context(), approver, w.group.ID, "@"+w.App().Name+" Confirm execution of solution A")
	if err != nil {
		t.Fatal(err)
	}
	q := <-rc.got
	at, nonce := q.Header.Get("X-Lark-Request-Timestamp"), q.Header.Get("X-Lark-Request-Nonce")
	if want := signature(at, nonce, w.App().EncryptKey, q.Body); q.Header.Get("X-Lark-Signature") != want {
		t.Errorf("signature %q, want %q", q.Header.Get("X-Lark-Signature"), want)
	}
	if at != "1763953620" || len(nonce) != 9 || q.Header.Get("Content-Type") != "application/json;charset=utf-8" {
		t.Errorf("timestamp %s nonce %s type %s", at, nonce, q.Header.Get("Content-Type"))
	}
	got := open(t, w.App().EncryptKey, q.Body)
	li, _ := w.findUser(approver)
	want := map[string]any{
		"schema": "2.0",
		"header": map[string]any{
			"event_id": id, "event_type": "im.message.receive_v1", "create_time": "1763953620000",
			"token": w.App().VerificationToken, "app_id": w.App().ID, "tenant_key": w.App().TenantKey,
		},
		"event": map[string]any{
			"sender": map[string]any{"sender_id": map[string]any{"open_id": li.OpenID, "union_id": li.UnionID, "user_id": "e1001"}, "sender_type": "user", "tenant_key": w.App().TenantKey},
			"message": map[string]any{
				"message_id": m.ID, "chat_id": w.group.ID, "chat_type": "group", "message_type": "text",
				"create_time": "1763953620000", "update_time": "1763953620000", "user_agent": "Mozilla/5.0 (fake) Lark/7.36",
				"content": `{"text":"@_user_1 Confirm execution of solution A"}`,
				"mentions": []any{map[string]any{
					"key": "@_user_1", "mentioned_type": "bot", "name": w.App().Name, "tenant_key": w.App().TenantKey,
					"id": map[string]any{"open_id": w.App().OpenID, "union_id": "on_" + w.App().OpenID[3:], "user_id": nil},
				}},
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsPushed(t *testing.T) {
	w := newWorld(t)
	li, _ := w.findUser(approver)
	p2p := w.AddChat(Chat{Name: approver, P2P: true, Members: []string{li.OpenID}})
	rc := newReceiver(t, says(200, "{}"))
	w.SetURLs(rc.URL, "")
	tests := map[string]struct {
		chat, text string
		all, want  bool
	}{
		"group, bot not mentioned":      {w.group.ID, "hello all", false, false},
		"group, all-messages scope":     {w.group.ID, "hello all", true, true},
		"group, mentioned":              {w.group.ID, "@" + w.App().Name + " status", false, true},
		"one-to-one needs no mentioned": {p2p.ID, "status", false, true},
	}
	for name, tt := range tests {
		w.Configure(func(b *Behaviour) { b.AllGroupMessages = tt.all })
		_, id, err := w.TypeEvent(t.Context(), approver, tt.chat, tt.text)
		if err != nil {
			t.Fatal(err)
		}
		if (id != "") != tt.want {
			t.Errorf("%s: pushed %v", name, id != "")
		}
	}
	if _, err := w.Type(t.Context(), outsider, w.group.ID, "let me in"); !errors.Is(err, ErrNotThere) {
		t.Errorf("an outsider typed into the group: %v", err)
	}
}

func TestRetriesKeepTheEventID(t *testing.T) {
	for _, resign := range []bool{false, true} {
		w := newWorld(t)
		w.Configure(func(b *Behaviour) { b.ResignRetries = resign })
		rc := newReceiver(t, says(500, "no"))
		w.SetURLs(rc.URL, "")
		_, id, err := w.TypeEvent(t.Context(), approver, w.group.ID, "@"+w.App().Name+" hi")
		if err != nil {
			t.Fatal(err)
		}
		ctx := deadline(t)
		for n, d := range append([]time.Duration{0}, retryAfter...) {
			if n > 0 {
				if err := w.clock.AwaitTimers(ctx, 1); err != nil {
					t.Fatal(err)
				}
				w.clock.Advance(d)
			}
			if _, err := w.WaitDelivery(ctx, id, n+1); err != nil {
				t.Fatal(err)
			}
		}
		all := w.Deliveries()
		if len(all) != 5 || !all[4].Final || all[3].Final {
			t.Fatalf("deliveries: %+v", all)
		}
		if span := all[4].At.Sub(all[0].At); span != 7*time.Hour+5*time.Minute+15*time.Second {
			t.Errorf("the retries span %v", span)
		}
		first, last := <-rc.got, Request{}
		for range 4 {
			last = <-rc.got
		}
		same := first.Header.Get("X-Lark-Request-Timestamp") == last.Header.Get("X-Lark-Request-Timestamp")
		if same == resign {
			t.Errorf("resign %v: timestamps equal is %v", resign, same)
		}
		if diff := cmp.Diff(open(t, w.App().EncryptKey, first.Body), open(t, w.App().EncryptKey, last.Body)); diff != "" {
			t.Errorf("a retry differs: %s", diff)
		}
	}
}

func TestSlowReceiverIsRetried(t *testing.T) {
	w := newWorld(t)
	hang := make(chan struct{})
	rc := newReceiver(t, func(n int, r *http.Request, _ []byte) (int, string) {
		if n == 1 {
			<-hang
		}
		return 200, "{}"
	})
	defer close(hang)
	w.SetURLs(rc.URL, "")
	_, id, err := w.TypeEvent(t.Context(), approver, w.group.ID, "@"+w.App().Name+" hi")
	if err != nil {
		t.Fatal(err)
	}
	<-rc.got
	w.clock.Advance(answerWithin)
	got, err := w.WaitDelivery(deadline(t), id, 1)
	if err != nil || got[0].Status != 0 || got[0].Err != errTooSlow.Error() || got[0].Took != answerWithin {
		t.Fatalf("%v %+v", err, got)
	}
	if err := w.clock.AwaitTimers(deadline(t), 1); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(retryAfter[0])
	if got, err = w.WaitDelivery(deadline(t), id, 2); err != nil || got[1].Status != 200 {
		t.Errorf("%v %+v", err, got)
	}
}

func TestDuplicatesAndLosses(t *testing.T) {
	w := newWorld(t)
	rc := newReceiver(t, says(200, "{}"))
	w.SetURLs(rc.URL, "")
	w.Configure(func(b *Behaviour) { b.DuplicateEvents = 2; b.LoseEvents = 1 })
	if _, _, err := w.TypeEvent(t.Context(), approver, w.group.ID, "@"+w.App().Name+" lost"); err != nil {
		t.Fatal(err)
	}
	_, id, err := w.TypeEvent(t.Context(), approver, w.group.ID, "@"+w.App().Name+" thrice")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WaitDelivery(deadline(t), id, 3); err != nil {
		t.Fatal(err)
	}
	if n := len(w.Deliveries()); n != 3 {
		t.Errorf("%d deliveries in all", n)
	}
	for range 3 {
		q := <-rc.got
		header := open(t, w.App().EncryptKey, q.Body)["header"].(map[string]any)
		if header["event_id"] != id {
			t.Errorf("a duplicate has event id %v", header["event_id"])
		}
	}
}

func TestModes(t *testing.T) {
	w := newWorld(t)
	rc := newReceiver(t, says(200, "{}"))
	w.SetURLs(rc.URL, "")
	w.Configure(func(b *Behaviour) { b.EmptyKey = true })
	if _, err := w.Type(t.Context(), approver, w.group.ID, "@"+w.App().Name); err != nil {
		t.Fatal(err)
	}
	q := <-rc.got
	at, nonce := q.Header.Get("X-Lark-Request-Timestamp"), q.Header.Get("X-Lark-Request-Nonce")
	if !bytes.Contains(q.Body, []byte(`"schema":"2.0"`)) || q.Header.Get("X-Lark-Signature") != signature(at, nonce, "", q.Body) {
		t.Errorf("without a key: %s %v", q.Body, q.Header)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.behaviour.LowerCaseHeaders = true
	low := w.signed("http://x", nil, "k", start)
	if _, lower := map[string][]string(low.Header)["x-lark-signature"]; !lower || low.Header.Get("X-Lark-Signature") != "" {
		t.Errorf("lower-case mode sends %v", low.Header)
	}
}

func TestChallenge(t *testing.T) {
	w := newWorld(t)
	var seen http.Header
	good := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		seen = r.Header
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		in := open(t, w.App().EncryptKey, body)
		if in["token"] != w.App().VerificationToken || in["type"] != "url_verification" {
			t.Errorf("challenge is %v", in)
		}
		writeJSON(rw, 200, map[string]any{"challenge": in["challenge"]})
	}))
	defer good.Close()
	if err := w.Subscribe(t.Context(), "callback", good.URL); err != nil {
		t.Fatal(err)
	}
	for name := range seen {
		if strings.HasPrefix(name, "X-Lark") {
			t.Errorf("the challenge carries %s", name)
		}
	}
	bad := newReceiver(t, says(200, `{"challenge":"other"}`))
	if err := w.Subscribe(t.Context(), "event", bad.URL); err == nil {
		t.Errorf("a wrong challenge was accepted")
	}
	hang := make(chan struct{})
	slow := newReceiver(t, func(int, *http.Request, []byte) (int, string) { <-hang; return 200, "" })
	defer close(hang)
	done := make(chan error, 1)
	go func() { done <- w.Subscribe(context.WithoutCancel(t.Context()), "event", slow.URL) }()
	<-slow.got
	w.clock.Advance(proveWithin)
	if err := <-done; !errors.Is(err, errTooSlow) {
		t.Errorf("a challenge after a second gives %v", err)
	}
}

// The official dispatcher reads what we push, click and event.
func TestOfficialDispatcherUnderstands(t *testing.T) {
	w := newWorld(t)
	clicked := make(chan string, 1)
	d := dispatcher.NewEventDispatcher(w.App().VerificationToken, w.App().EncryptKey).
		OnP2CardActionTrigger(func(_ context.Context, e *callback.CardActionTriggerEvent) (*callback.CardActionTriggerResponse, error) {
			clicked <- e.Event.Operator.OpenID + " " + e.Event.Action.Value["id"].(string) + " " + e.Event.Context.OpenMessageID
			return &callback.CardActionTriggerResponse{Toast: &callback.Toast{Type: "success", Content: "accepted"}}, nil
		})
	app := httptest.NewServer(http.HandlerFunc(httpserverext.NewEventHandlerFunc(d)))
	defer app.Close()
	if err := w.Subscribe(t.Context(), "callback", app.URL); err != nil {
		t.Fatal(err)
	}
	id := w.post(t, card(confirmA))
	got, err := w.Click(t.Context(), approver, id, "确认执行方案A")
	if err != nil || got.Code != 0 || got.Toast == nil || got.Toast.Content != "accepted" {
		t.Fatalf("%v %+v", err, got)
	}
	li, _ := w.findUser(approver)
	if e := <-clicked; e != li.OpenID+" k1 "+id {
		t.Errorf("the app saw %q", e)
	}
}

// decodePush is the receiver's decryption; lax reads one value and forgets the rest.
func decodePush(key, sealed string, lax bool) (map[string]any, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(raw) < 32 || len(raw)%16 != 0 {
		return nil, errors.New("not a sealed body")
	}
	sum := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(raw)-16)
	cipher.NewCBCDecrypter(block, raw[:16]).CryptBlocks(plain, raw[16:])
	n := int(plain[len(plain)-1])
	if n < 1 || n > 16 || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errors.New("bad padding")
	}
	plain = plain[:len(plain)-n]
	if lax {
		var out map[string]any
		err := json.NewDecoder(bytes.NewReader(plain)).Decode(&out)
		return out, err
	}
	return decodeObject(plain)
}
