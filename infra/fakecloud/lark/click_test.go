package lark

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const running = `{"tag":"markdown","content":"running"}`

func answerCard(c string) string { return `{"card":{"type":"raw","data":` + c + `}}` }

func TestAnswersToAClick(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		want   Answer
	}{
		"nothing":        {200, `{}`, Answer{Status: 200}},
		"toast":          {200, `{"toast":{"type":"success","content":"ok","i18n":{"zh_cn":"好"}}}`, Answer{Status: 200, Toast: &Toast{Type: "success", Content: "ok", I18n: map[string]string{"zh_cn": "好"}}}},
		"card":           {200, answerCard(card(running)), Answer{Status: 200, Card: true}},
		"not 200":        {403, `{}`, Answer{Status: 403, Code: ClickNot200}},
		"redirect":       {302, `{}`, Answer{Status: 302, Code: ClickNot200}},
		"no JSON":        {200, `ok`, Answer{Status: 200, Code: ClickBadBody}},
		"null":           {200, `null`, Answer{Status: 200, Code: ClickBadBody}},
		"empty":          {200, ``, Answer{Status: 200, Code: ClickBadBody}},
		"unknown toast":  {200, `{"toast":{"type":"loud","content":"x"}}`, Answer{Status: 200, Code: ClickBadBody}},
		"unknown key":    {200, `{"code":0}`, Answer{Status: 200, Code: ClickBadBody}},
		"bad card":       {200, answerCard(card(`{"tag":"note"}`)), Answer{Status: 200, Code: ClickBadCard}},
		"card as string": {200, `{"card":{"type":"raw","data":"{}"}}`, Answer{Status: 200, Code: ClickBadCard}},
		"card of 1.0":    {200, answerCard(`{"elements":[]}`), Answer{Status: 200, Code: ClickOldSchema}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			rc := newReceiver(t, says(tt.status, tt.body))
			w.SetURLs("", rc.URL)
			id := w.post(t, card(confirmA))
			got, err := w.Click(t.Context(), approver, id, "k1")
			if err != nil {
				t.Fatal(err)
			}
			got.EventID, got.Token, got.Reason = "", "", ""
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			m, _ := w.Message(id)
			if m.InFlight != 0 || strings.Contains(m.Text(""), "running") != tt.want.Card {
				t.Errorf("after the answer: in flight %d, text %q", m.InFlight, m.Text(""))
			}
		})
	}
}

func TestClickWithoutACallbackURL(t *testing.T) {
	w := newWorld(t)
	got, err := w.Click(t.Context(), approver, w.post(t, card(confirmA)), "k1")
	if err != nil || got.Code != ClickNoURL {
		t.Errorf("%v %+v", err, got)
	}
	w.SetURLs("", "http://127.0.0.1:1/")
	got, err = w.Click(t.Context(), approver, w.Messages("")[0].ID, "k1")
	if err != nil || got.Code != ClickNoConnect {
		t.Errorf("nobody listening: %v %+v", err, got)
	}
}

// While a click is on its way the card is locked, and a delayed update made too
// early is undone by the answer.
func TestCardIsLockedUntilAnswered(t *testing.T) {
	w := newWorld(t)
	hold := make(chan struct{})
	rc := newReceiver(t, func(int, *http.Request, []byte) (int, string) { <-hold; return 200, "{}" })
	w.SetURLs("", rc.URL)
	id := w.post(t, card(confirmA))
	done := make(chan Answer, 1)
	go func() {
		got, err := w.Click(context.WithoutCancel(t.Context()), approver, id, "k1")
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	q := <-rc.got
	token := open(t, w.App().EncryptKey, q.Body)["event"].(map[string]any)["token"].(string)
	if got := w.patch(t, id, card(hello)); got.code != codeCard || !strings.Contains(got.msg, "11310") || !strings.Contains(got.msg, "card action is lock") {
		t.Errorf("a patch during the click gives %d %s", got.code, got.msg)
	}
	update := func(token, c string) reply {
		return w.send(t, "POST", "/open-apis/interactive/v1/card/update", "application/json", fmt.Appendf(nil, `{"token":%q,"card":%s}`, token, c))
	}
	if got := update(token, card(running)); got.code != 0 {
		t.Errorf("an early update gives %s", got.raw)
	}
	close(hold)
	<-done
	if m, _ := w.Message(id); strings.Contains(m.Text(""), "running") {
		t.Errorf("the early update survived the answer: %q", m.Text(""))
	}
	if got := w.patch(t, id, card(hello)); got.code != 0 {
		t.Errorf("a patch after the answer gives %s", got.raw)
	}
	if got := update(token, card(running)); got.code != 0 {
		t.Errorf("the second update gives %s", got.raw)
	}
	if got := update(token, card(running)); got.code != codeUpdateUsed {
		t.Errorf("the third update gives %d", got.code)
	}
	if got := update("c-none", card(running)); got.code != codeUpdateForm {
		t.Errorf("an unknown token gives %d", got.code)
	}
	fresh, err := w.Press(t.Context(), Press{User: approver, Message: id, Target: "k1", Revision: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := update(fresh.Token, `"{}"`); !strings.Contains(got.msg, "200621") {
		t.Errorf("a card as a string gives %s", got.raw)
	}
	w.clock.Advance(updateLife + time.Second)
	if got := update(fresh.Token, card(running)); got.code != codeUpdateExpired {
		t.Errorf("after half an hour the token gives %d", got.code)
	}
}

func TestSlowClickIs200341(t *testing.T) {
	w := newWorld(t)
	hold := make(chan struct{})
	defer close(hold)
	rc := newReceiver(t, func(int, *http.Request, []byte) (int, string) { <-hold; return 200, "{}" })
	w.SetURLs("", rc.URL)
	id := w.post(t, card(confirmA))
	done := make(chan Answer, 1)
	go func() {
		got, err := w.Click(context.WithoutCancel(t.Context()), approver, id, "k1")
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	<-rc.got
	w.clock.Advance(answerWithin)
	if got := <-done; got.Code != ClickTooSlow || got.Took != answerWithin {
		t.Errorf("got %+v", got)
	}
}

func TestWhatTheClientRefuses(t *testing.T) {
	w := newWorld(t)
	w.SetURLs("", newReceiver(t, says(200, "{}")).URL)
	disabled := strings.Replace(confirmA, `"type":"primary_filled"`, `"disabled":true`, 1)
	form := `{"tag":"form","name":"f","elements":[{"tag":"input","name":"why","required":true},{"tag":"button","name":"go","form_action_type":"submit","text":{"tag":"plain_text","content":"Reject"}}]}`
	id := w.post(t, card(confirmA))
	gone := w.post(t, card(confirmA))
	if err := w.Recall(gone); err != nil {
		t.Fatal(err)
	}
	side := w.AddChat(Chat{Name: "side", Members: []string{approver, outsider}})
	fwd, err := w.Forward(approver, id, side.ID)
	if err != nil {
		t.Fatal(err)
	}
	closed := w.post(t, strings.Replace(card(confirmA), `"update_multi":true`, `"enable_forward":false`, 1))
	if _, err := w.Forward(approver, closed, side.ID); !errors.Is(err, ErrNoForward) {
		t.Errorf("forwarding a card that forbids it: %v", err)
	}
	tests := map[string]struct {
		press Press
		want  error
	}{
		"nobody":        {Press{User: "Nobody", Message: id, Target: "k1"}, ErrNobody},
		"outsider":      {Press{User: outsider, Message: id, Target: "k1"}, ErrNotThere},
		"no button":     {Press{User: approver, Message: id, Target: "k2"}, ErrNoButton},
		"disabled":      {Press{User: approver, Message: w.post(t, card(disabled)), Target: "k1"}, ErrDisabled},
		"recalled":      {Press{User: approver, Message: gone, Target: "k1"}, ErrRecalled},
		"forwarded":     {Press{User: outsider, Message: fwd.ID, Target: "k1"}, ErrForwarded},
		"required":      {Press{User: approver, Message: w.post(t, card(form)), Target: "Reject"}, ErrRequired},
		"forced anyway": {Press{User: outsider, Message: fwd.ID, Target: "k1", Force: true}, nil},
	}
	for name, tt := range tests {
		if _, err := w.Press(t.Context(), tt.press); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	w.clock.Advance(cardLife + time.Second)
	if _, err := w.Click(t.Context(), approver, id, "k1"); !errors.Is(err, ErrCardTooOld) {
		t.Errorf("after 14 days: %v", err)
	}
}

func TestFormValues(t *testing.T) {
	w := newWorld(t)
	rc := newReceiver(t, says(200, "{}"))
	w.SetURLs("", rc.URL)
	id := w.post(t, card(`{"tag":"form","name":"f","elements":[{"tag":"input","name":"why"},{"tag":"select_static","name":"how","initial_option":"soon","options":[{"text":{"tag":"plain_text","content":"Soon"},"value":"soon"}]},{"tag":"button","name":"go","form_action_type":"submit","text":{"tag":"plain_text","content":"Reject"},"behaviors":[{"type":"callback","value":{"id":"r1"}}]}]}`))
	if _, err := w.Press(t.Context(), Press{User: approver, Message: id, Target: "r1", Form: map[string]any{"why": "wrong cause"}}); err != nil {
		t.Fatal(err)
	}
	q := <-rc.got
	event := open(t, w.App().EncryptKey, q.Body)["event"].(map[string]any)
	want := map[string]any{
		"tag": "button", "name": "go", "timezone": "Asia/Shanghai", "value": map[string]any{"id": "r1"},
		"form_value": map[string]any{"why": "wrong cause", "how": "soon"},
	}
	if diff := cmp.Diff(want, event["action"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"open_message_id": id, "open_chat_id": w.group.ID}, event["context"]); diff != "" {
		t.Error(diff)
	}
}

func TestWaitCard(t *testing.T) {
	w := newWorld(t)
	got := make(chan Message, 1)
	ctx := deadline(t)
	go func() {
		m, err := w.WaitCard(ctx, func(m Message) bool { return strings.Contains(m.Text("zh_cn"), "CPU 过高") && len(m.Buttons()) == 1 })
		if err != nil {
			t.Error(err)
		}
		got <- m
	}()
	w.post(t, card(hello))
	id := w.post(t, card(confirmA))
	if m := <-got; m.ID != id || m.Title("en_us") != "CPU high" {
		t.Errorf("waited for %s, got %s %q", id, m.ID, m.Title("en_us"))
	}
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.WaitCard(short, func(Message) bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("a wait without end gives %v", err)
	}
}
