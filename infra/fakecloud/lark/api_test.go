package lark

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTokenIsTheSameUntilHalfAnHourIsLeft(t *testing.T) {
	w := newWorld(t)
	first := w.token
	w.clock.Advance(90 * time.Minute)
	if got := w.login(t); got != first {
		t.Errorf("with 30 minutes left a new token came")
	}
	w.clock.Advance(time.Second)
	second := w.login(t)
	if second == first {
		t.Errorf("with less than 30 minutes left the old token came")
	}
	w.token = first
	if got := w.do(t, "GET", "/open-apis/bot/v3/info", nil); got.code != 0 {
		t.Errorf("the old token stopped working while valid: %s", got.raw)
	}
	w.clock.Advance(30 * time.Minute)
	if got := w.do(t, "GET", "/open-apis/bot/v3/info", nil); got.code != codeBadToken || got.status != 400 {
		t.Errorf("an expired token gives %d %d", got.status, got.code)
	}
}

func TestAuthorisation(t *testing.T) {
	tests := map[string]struct {
		token string
		want  int
	}{
		"none":      {"", codeNoToken},
		"not t- u-": {"abc", codeTokenForm},
		"unknown":   {"t-abc", codeBadToken},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.token = tt.token
			got := w.do(t, "GET", "/open-apis/bot/v3/info", nil)
			if got.code != tt.want || got.status != http.StatusBadRequest {
				t.Errorf("got HTTP %d code %d, want 400 %d", got.status, got.code, tt.want)
			}
			detail, _ := got.json["error"].(map[string]any)
			if detail["log_id"] != got.header.Get("X-Tt-Logid") || detail["log_id"] == "" || detail["troubleshooter"] == nil {
				t.Errorf("error part is %v with header %q", detail, got.header.Get("X-Tt-Logid"))
			}
		})
	}
}

func TestWrongSecretIsHTTP200WithACode(t *testing.T) {
	w := newWorld(t)
	got := w.do(t, "POST", "/open-apis/auth/v3/tenant_access_token/internal", map[string]any{"app_id": w.App().ID, "app_secret": "x"})
	if got.status != 200 || got.code != codeAppCredentials {
		t.Errorf("got HTTP %d code %d", got.status, got.code)
	}
}

func TestBotInfoIsUnderBot(t *testing.T) {
	w := newWorld(t)
	got := w.do(t, "GET", "/open-apis/bot/v3/info", nil)
	bot, _ := got.json["bot"].(map[string]any)
	if bot["open_id"] != w.App().OpenID || got.data != nil {
		t.Errorf("bot info is %s", got.raw)
	}
}

func TestUUIDSendsOneMessageAnHour(t *testing.T) {
	w := newWorld(t)
	first := w.create(t, w.group.ID, card(hello), "inc/1")
	again := w.create(t, w.group.ID, card(hello), "inc/1")
	if first.data["message_id"] != again.data["message_id"] {
		t.Errorf("the same uuid gave %v and %v", first.data["message_id"], again.data["message_id"])
	}
	if n := len(w.Messages(w.group.ID)); n != 1 {
		t.Errorf("%d messages were sent", n)
	}
	w.Configure(func(b *Behaviour) { b.RejectDuplicateUUID = true })
	if got := w.create(t, w.group.ID, card(hello), "inc/1"); got.code != codeBeingSent {
		t.Errorf("with the switch a duplicate gives %d", got.code)
	}
	w.clock.Advance(time.Hour)
	later := w.create(t, w.group.ID, card(hello), "inc/1")
	if later.code != 0 || later.data["message_id"] == first.data["message_id"] {
		t.Errorf("after an hour the uuid is still taken: %s", later.raw)
	}
	if got := w.create(t, w.group.ID, card(hello), strings.Repeat("u", 51)); got.code != codeFieldInvalid {
		t.Errorf("a uuid of 51 gives %d", got.code)
	}
}

func TestRates(t *testing.T) {
	t.Run("group is shared by all bots", func(t *testing.T) {
		w := newWorld(t)
		w.SpendChat(w.group.ID, 3)
		codes := []int{w.create(t, w.group.ID, card(hello), "").code, w.create(t, w.group.ID, card(hello), "").code, w.create(t, w.group.ID, card(hello), "").code}
		if diff := cmp.Diff([]int{0, 0, codeMessageRate}, codes); diff != "" {
			t.Error(diff)
		}
		w.clock.Advance(time.Second)
		if got := w.create(t, w.group.ID, card(hello), ""); got.code != 0 {
			t.Errorf("a second later: %s", got.raw)
		}
	})
	t.Run("updates of one message", func(t *testing.T) {
		w := newWorld(t)
		id := w.post(t, card(hello))
		for i := range 5 {
			if got := w.patch(t, id, card(hello)); got.code != 0 {
				t.Fatalf("patch %d: %s", i, got.raw)
			}
		}
		if got := w.patch(t, id, card(hello)); got.code != codeMessageRate || got.status != 400 {
			t.Errorf("the sixth patch gives HTTP %d code %d", got.status, got.code)
		}
	})
	t.Run("gateway", func(t *testing.T) {
		w := newWorld(t)
		for range apiPerSecond {
			w.do(t, "GET", "/open-apis/bot/v3/info", nil)
		}
		got := w.do(t, "GET", "/open-apis/bot/v3/info", nil)
		if got.status != 429 || got.code != codeThrottled || got.header.Get("x-ogw-ratelimit-reset") != "1" || got.header.Get("x-ogw-ratelimit-limit") != "50" {
			t.Errorf("got HTTP %d code %d headers %v", got.status, got.code, got.header)
		}
		for range 19 {
			w.clock.Advance(time.Second)
			for range apiPerSecond {
				w.do(t, "GET", "/open-apis/bot/v3/info", nil)
			}
		}
		w.clock.Advance(time.Second)
		got = w.do(t, "GET", "/open-apis/bot/v3/info", nil)
		if got.status != 429 || got.header.Get("x-ogw-ratelimit-reset") != "40" {
			t.Errorf("after 1000 in 20 s: HTTP %d reset %q, want 429 and 40", got.status, got.header.Get("x-ogw-ratelimit-reset"))
		}
	})
}

func TestSizes(t *testing.T) {
	w := newWorld(t)
	big := card(`{"tag":"markdown","content":"` + strings.Repeat("x", cardBytes) + `"}`)
	if got := w.create(t, w.group.ID, big, ""); got.code != codeTooLong {
		t.Errorf("a card over 30 KB gives %d", got.code)
	}
	say := func(n int) int {
		return w.do(t, "POST", "/open-apis/im/v1/messages?receive_id_type=chat_id", map[string]any{
			"receive_id": w.group.ID, "msg_type": "text", "content": `{"text":"` + strings.Repeat("x", n) + `"}`,
		}).code
	}
	if got := []int{say(100_000), say(textBytes)}; !cmp.Equal(got, []int{0, codeTooLong}) {
		t.Errorf("texts of 100 KB and of 150 KB and more give %v", got)
	}
}

func TestReceivers(t *testing.T) {
	w := newWorld(t)
	li, _ := w.findUser(approver)
	w.AddUser(User{Name: "Gone", Email: "gone@example.com", Unavailable: true})
	absent := w.AddChat(Chat{Name: "other", BotAbsent: true})
	muted := w.AddChat(Chat{Name: "muted", Refusal: 230035})
	tests := map[string]struct {
		kind, id string
		want     int
	}{
		"group":        {"chat_id", w.group.ID, 0},
		"person":       {"open_id", li.OpenID, 0},
		"mail":         {"email", li.Email, 0},
		"wrong kind":   {"union_id", li.OpenID, codeReceiver},
		"unknown":      {"chat_id", "oc_x", codeReceiver},
		"no type":      {"", w.group.ID, codeFieldInvalid},
		"not a member": {"chat_id", absent.ID, codeBotOutside},
		"muted":        {"chat_id", muted.ID, 230035},
		"unavailable":  {"email", "gone@example.com", codeUserOutside},
	}
	for name, tt := range tests {
		got := w.do(t, "POST", "/open-apis/im/v1/messages?receive_id_type="+tt.kind,
			map[string]any{"receive_id": tt.id, "msg_type": "text", "content": `{"text":"hi"}`})
		if got.code != tt.want {
			t.Errorf("%s: got %d %s, want %d", name, got.code, got.msg, tt.want)
		}
	}
}

func TestLifeOfACard(t *testing.T) {
	w := newWorld(t)
	id := w.post(t, card(hello))
	if m, _ := w.Message(id); !strings.HasPrefix(m.ID, "om_") || !strings.HasPrefix(m.ChatID, "oc_") {
		t.Errorf("ids lack their prefixes: %s %s", m.ID, m.ChatID)
	}
	if got := w.do(t, "PUT", "/open-apis/im/v1/messages/"+id, map[string]any{"msg_type": "interactive", "content": card(hello)}); got.code != codeParam {
		t.Errorf("PUT of a card gives %d", got.code)
	}
	if got := w.patch(t, id, `{"config":{"update_multi":true},"elements":[]}`); got.code != codeCard || !strings.Contains(got.msg, "200830") {
		t.Errorf("2.0 to 1.0 gives %d %s", got.code, got.msg)
	}
	if got := w.patch(t, id, strings.Replace(card(hello), "true", "false", 1)); got.code != codeCard {
		t.Errorf("update_multi false gives %d", got.code)
	}
	w.clock.Advance(cardLife)
	w.token = w.login(t)
	if got := w.patch(t, id, card(hello)); got.code != 0 {
		t.Errorf("a patch at 14 days gives %s", got.raw)
	}
	w.clock.Advance(time.Second)
	if got := w.patch(t, id, card(hello)); got.code != codeTooOld {
		t.Errorf("a patch after 14 days gives %d", got.code)
	}
	if err := w.Recall(id); err != nil {
		t.Fatal(err)
	}
	reply := w.do(t, "POST", "/open-apis/im/v1/messages/"+id+"/reply", map[string]any{"msg_type": "text", "content": `{"text":"x"}`})
	if got := []int{w.patch(t, id, card(hello)).code, reply.code}; !cmp.Equal(got, []int{codeRecalled, codeRecalled}) {
		t.Errorf("patch and reply of a recalled card give %v", got)
	}
}

func TestThreads(t *testing.T) {
	w := newWorld(t)
	id := w.post(t, card(hello))
	say := func(to string, inThread bool) reply {
		return w.do(t, "POST", "/open-apis/im/v1/messages/"+to+"/reply",
			map[string]any{"msg_type": "text", "content": `{"text":"x"}`, "reply_in_thread": inThread})
	}
	first := say(id, true)
	inner, _ := first.data["message_id"].(string)
	second := say(inner, false)
	if first.data["thread_id"] == nil || first.data["thread_id"] != second.data["thread_id"] || second.data["root_id"] != id {
		t.Errorf("a reply to a topic left it: %v then %v", first.data, second.data)
	}
	if err := w.ChangeChat(w.group.ID, func(c *Chat) { c.NoThreads = true }); err != nil {
		t.Fatal(err)
	}
	other := w.post(t, card(hello))
	if got := say(other, true); got.code != codeNoThreads {
		t.Errorf("a topic in a group that forbids it gives %d", got.code)
	}
	if got := say(other, false); got.code != 0 || got.data["thread_id"] != nil {
		t.Errorf("the plain reply gives %s", got.raw)
	}
}

func TestUrgentPinMembersIDs(t *testing.T) {
	w := newWorld(t)
	id := w.post(t, card(hello))
	li, _ := w.findUser(approver)
	eve, _ := w.findUser(outsider)
	buzz := func(ids ...string) reply {
		return w.do(t, "PATCH", "/open-apis/im/v1/messages/"+id+"/urgent_app?user_id_type=open_id", map[string]any{"user_id_list": ids})
	}
	if got := buzz(li.OpenID, eve.OpenID); !cmp.Equal(got.data["invalid_user_id_list"], []any{eve.OpenID}) {
		t.Errorf("urgent gives %s", got.raw)
	}
	if got := buzz(eve.OpenID); got.code != codeParam {
		t.Errorf("urgent for nobody in the chat gives %d", got.code)
	}
	if got := w.do(t, "POST", "/open-apis/im/v1/pins", map[string]any{"message_id": id}); got.code != 0 {
		t.Errorf("pin gives %s", got.raw)
	}
	if m, _ := w.Message(id); !m.Pinned || !cmp.Equal(m.Urgent, []string{li.OpenID}) {
		t.Errorf("the message is pinned %v, urgent for %v", m.Pinned, m.Urgent)
	}
	got := w.do(t, "POST", "/open-apis/contact/v3/users/batch_get_id?user_id_type=open_id",
		map[string]any{"emails": []string{li.Email, "nobody@example.com"}, "mobiles": []string{li.Mobile}})
	want := []any{
		map[string]any{"email": li.Email, "user_id": li.OpenID},
		map[string]any{"email": "nobody@example.com"},
		map[string]any{"mobile": li.Mobile, "user_id": li.OpenID},
	}
	if diff := cmp.Diff(want, got.data["user_list"]); diff != "" {
		t.Error(diff)
	}
	members := w.do(t, "GET", "/open-apis/im/v1/chats/"+w.group.ID+"/members?member_id_type=open_id", nil)
	if n := len(members.data["items"].([]any)); n != 2 {
		t.Errorf("the group lists %d members, bots left out it has 2", n)
	}
}

func TestEphemeral(t *testing.T) {
	w := newWorld(t)
	zhao, _ := w.findUser(reader)
	send := func(c any) reply {
		return w.do(t, "POST", "/open-apis/ephemeral/v1/send", map[string]any{"chat_id": w.group.ID, "open_id": zhao.OpenID, "msg_type": "interactive", "card": c})
	}
	plain := map[string]any{"schema": "2.0", "body": map[string]any{"elements": []any{map[string]any{"tag": "markdown", "content": "not allowed"}}}}
	got := send(plain)
	id, _ := got.data["message_id"].(string)
	if m, ok := w.Message(id); !ok || m.VisibleTo != zhao.OpenID {
		t.Fatalf("ephemeral gives %s", got.raw)
	}
	if got := w.patch(t, id, card(hello)); got.code != codeParam {
		t.Errorf("patching an ephemeral card gives %d", got.code)
	}
	if got := send("{}"); got.code == 0 {
		t.Errorf("a card given as a string was taken")
	}
}

func TestFaults(t *testing.T) {
	w := newWorld(t)
	t.Run("refused once after one good call", func(t *testing.T) {
		w.Inject(Fault{On: OpCreate, Skip: 1, Times: 1, Code: 230027, Msg: "no"})
		codes := []int{w.create(t, w.group.ID, card(hello), "").code, w.create(t, w.group.ID, card(hello), "").code, w.create(t, w.group.ID, card(hello), "").code}
		if diff := cmp.Diff([]int{0, 230027, 0}, codes); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a proxy's page", func(t *testing.T) {
		w.Inject(Fault{On: "*", Times: 1, Status: 502, Body: "<html>Bad Gateway</html>"})
		if got := w.create(t, w.group.ID, card(hello), ""); got.status != 502 || got.json != nil {
			t.Errorf("got HTTP %d %s", got.status, got.raw)
		}
	})
	t.Run("sent, but the answer is lost", func(t *testing.T) {
		before := len(w.Messages(""))
		w.clock.Advance(time.Second)
		w.Inject(Fault{On: OpCreate, Times: 1, After: true, Drop: true})
		r, err := http.NewRequestWithContext(t.Context(), "POST", w.url+"/open-apis/im/v1/messages?receive_id_type=chat_id",
			strings.NewReader(fmt.Sprintf(`{"receive_id":%q,"msg_type":"text","content":"{\"text\":\"x\"}"}`, w.group.ID)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+w.token)
		if resp, err := http.DefaultClient.Do(r); err == nil {
			resp.Body.Close()
			t.Errorf("an answer came: HTTP %d", resp.StatusCode)
		}
		if n := len(w.Messages("")) - before; n != 1 {
			t.Errorf("%d messages were sent, want 1", n)
		}
	})
	if left := w.Faults(); len(left) != 0 {
		t.Errorf("faults are left: %v", left)
	}
}
