package lark

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, plain []byte) Callback {
	t.Helper()
	body := seal(testKey, plain)
	got, err := newVerifier(t).Open(sign(testKey, testNow, body), body)
	if err != nil {
		var r *Refusal
		errors.As(err, &r)
		t.Fatalf("refused: %s", r.Why)
	}
	return got
}

func TestClickValues(t *testing.T) {
	for _, tt := range []struct {
		name, value, token string
	}{
		{"ours", `{"token":"x"}`, "x"},
		{"a string", `"x"`, ""},
		{"a list", `[1]`, ""},
		{"null", `null`, ""},
		{"token of another kind", `{"token":5}`, ""},
		{"none", `{}`, ""},
	} {
		got := open(t, event("card.action.trigger", testToken, testApp, testTenant, strings.Replace(clickBody, `{"token":"tok-A"}`, tt.value, 1)))
		c, ok := got.(Click)
		if !ok || c.Token != tt.token || c.Operator != "ou_alice" {
			t.Errorf("%s: %#v", tt.name, got)
		}
	}
	form := strings.Replace(clickBody, `"tag":"button"`, `"tag":"button","form_value":{"reason":"too <b>risky</b>","n":3,"many":["a"]}`, 1)
	c, ok := open(t, event("card.action.trigger", testToken, testApp, testTenant, form)).(Click)
	if !ok || !cmp.Equal(c.Form, map[string]string{"reason": "too <b>risky</b>"}) {
		t.Errorf("form: %#v", c)
	}
}

func TestOpenMessage(t *testing.T) {
	message := func(chatType, kind, content, mentions string) []byte {
		c, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		return event("im.message.receive_v1", testToken, testApp, testTenant, `{"sender":{"sender_id":{"open_id":"ou_alice","user_id":null},"sender_type":"user","tenant_key":"tenant1"},`+
			`"message":{"message_id":"om_2","root_id":"om_1","parent_id":"om_1","chat_id":"oc_1","thread_id":"omt_1","chat_type":"`+chatType+`","message_type":"`+kind+`","content":`+string(c)+mentions+`}}`)
	}
	base := Message{EventID: "ev1", MessageID: "om_2", Sender: "ou_alice", SenderType: "user", Chat: "oc_1", ChatType: "group", ThreadID: "omt_1", RootID: "om_1", ParentID: "om_1"}
	bot := `,"mentions":[{"key":"@_user_1","id":{"open_id":"ou_bot"},"name":"oncall","tenant_key":"tenant1"}]`
	two := `,"mentions":[{"key":"@_user_1","id":{"open_id":"ou_bot"},"name":"oncall"},{"key":"@_user_2","id":{"open_id":"ou_bob"},"name":"Bob"},null]`
	for _, tt := range []struct {
		name  string
		plain []byte
		want  func(m *Message)
	}{
		{"mention of the bot", message("group", "text", `{"text":"@_user_1 确认执行方案A"}`, bot), func(m *Message) {
			m.Text, m.ToBot, m.Mentions = "确认执行方案A", true, []Mention{{"ou_bot", "oncall"}}
		}},
		{"another mention", message("group", "text", `{"text":"@_user_1 ask @_user_2 and @_user_20"}`, two), func(m *Message) {
			m.Text, m.ToBot, m.Mentions = "ask @Bob and @_user_20", true, []Mention{{"ou_bot", "oncall"}, {"ou_bob", "Bob"}}
		}},
		{"nobody mentioned", message("group", "text", `{"text":"hello"}`, ""), func(m *Message) { m.Text = "hello" }},
		{"private", message("p2p", "text", `{"text":"status"}`, ""), func(m *Message) { m.Text, m.ChatType, m.ToBot = "status", "p2p", true }},
		{"post", message("group", "post", `{"title":"","content":[[{"tag":"at","user_id":"@_user_1"},{"tag":"text","text":" confirm A"}]]}`, bot), func(m *Message) {
			m.Text, m.ToBot, m.Mentions = "confirm A", true, []Mention{{"ou_bot", "oncall"}}
		}},
		{"image", message("group", "image", `{"image_key":"k"}`, ""), func(*Message) {}},
		{"recalled", message("group", "text", ``, ""), func(*Message) {}},
	} {
		want := base
		tt.want(&want)
		if d := cmp.Diff(Callback(want), open(t, tt.plain)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestOpenOther(t *testing.T) {
	if d := cmp.Diff(Callback(Other{EventID: "ev1", Type: "im.chat.updated_v1"}), open(t, event("im.chat.updated_v1", testToken, testApp, testTenant, `{}`))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	old := []byte(`{"ts":"1","uuid":"u1","token":"v-token","type":"event_callback","event":{"type":"approval_instance","app_id":"cli_a1","tenant_key":"tenant1"}}`)
	if d := cmp.Diff(Callback(Other{EventID: "u1", Type: "v1.approval_instance"}), open(t, old)); d != "" {
		t.Errorf("old envelope (-want +got):\n%s", d)
	}
}
