package lark

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/infra/fakecloud/lark"
	"cce-oncall/shared/incident"
)

// stage is the emulated platform with one group, and our client, verifier and receiver before it. The emulator shares no code with
// them.
type stage struct {
	*lark.Server
	client *Client
	api    string
	group  lark.Chat

	mu   sync.Mutex
	got  []Callback
	errs []error
	do   func(Callback) []byte // answers a click
}

func newStage(t *testing.T, change ...func(*lark.Options)) *stage {
	t.Helper()
	o := lark.Options{Users: []lark.User{
		{Name: "Alice", OpenID: "ou_alice", Email: "alice@example.com"}, {Name: "Bob", OpenID: "ou_bob", Email: "bob@example.com"},
	}}
	o.Behaviour.Unlimited = true
	for _, c := range change {
		c(&o)
	}
	s := &stage{Server: lark.New(o), do: func(Callback) []byte { return Empty() }}
	api := httptest.NewServer(s.Handler())
	t.Cleanup(func() { s.Close(); api.Close() })
	s.group = s.AddChat(lark.Chat{Name: "oncall", Members: []string{"Alice", "Bob"}})
	app := s.App()
	s.api = api.URL
	s.client = s.newClient(t, nil)
	v, err := NewVerifier(Verifier{EncryptKey: app.EncryptKey, VerificationToken: app.VerificationToken, AppID: app.ID, TenantKey: app.TenantKey, BotOpenID: app.OpenID})
	if err != nil {
		t.Fatal(err)
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.receive(t, v, w, r) }))
	t.Cleanup(receiver.Close)
	for _, which := range []string{"event", "callback"} {
		if err := s.Subscribe(t.Context(), which, receiver.URL); err != nil {
			t.Fatalf("the challenge failed: %v", err)
		}
	}
	return s
}

func (s *stage) newClient(t *testing.T, wait func(context.Context, time.Duration) error) *Client {
	t.Helper()
	c, err := NewClient(Options{BaseURL: s.api, AppID: s.App().ID, AppSecret: s.App().Secret, Wait: wait})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *stage) receive(t *testing.T, v *Verifier, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("read a push: %v", err)
		return
	}
	headers := map[string]string{}
	for k := range r.Header {
		headers[k] = r.Header.Get(k)
	}
	cb, err := v.Open(headers, body)
	s.mu.Lock()
	s.got, s.errs = append(s.got, cb), append(s.errs, err)
	do := s.do
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	out := Empty()
	switch {
	case err != nil:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		if c, ok := cb.(Challenge); ok {
			out = ChallengeAnswer(c)
		} else {
			out = do(cb)
		}
	}
	if _, err := w.Write(out); err != nil {
		t.Errorf("answer a push: %v", err)
	}
}

// last is the newest callback that was opened.
func (s *stage) last() (Callback, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.got) == 0 {
		return nil, errors.New("nothing came")
	}
	return s.got[len(s.got)-1], s.errs[len(s.errs)-1]
}

func TestEveryCardIsTaken(t *testing.T) {
	s := newStage(t)
	all := otherCards(t, func(any) {})
	for name, v := range states(Both) {
		b, err := IncidentCard(v)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = b
	}
	for name, b := range all {
		id, err := s.client.Send(t.Context(), s.group.ID, b, UUID(name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m, ok := s.Message(id)
		if !ok || m.Content != string(b) {
			t.Errorf("%s: what arrived is not what was sent (a simpler form went out)", name)
		}
		if err := s.client.Update(t.Context(), id, b); err != nil {
			t.Errorf("update %s: %v", name, err)
		}
	}
}

// One incident on one card: posted once by two processes, confirmed by a click that is answered with a new card, updated by another
// writer while the click still locks it.
func TestFromCardToClickToCard(t *testing.T) {
	s := newStage(t)
	card, err := IncidentCard(view(Both))
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.client.Send(t.Context(), s.group.ID, card, UUID("INC-1"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.client.Send(t.Context(), s.group.ID, card, UUID("INC-1")); err != nil || again != id {
		t.Errorf("sent twice: %q and %q, %v", id, again, err)
	}
	running, err := IncidentCard(executing(Both))
	if err != nil {
		t.Fatal(err)
	}
	done, err := IncidentCard(recovered(Both))
	if err != nil {
		t.Fatal(err)
	}
	updated, refused := make(chan error, 1), make(chan struct{})
	var once sync.Once
	other := s.newClient(t, func(ctx context.Context, d time.Duration) error {
		once.Do(func() { close(refused) })
		return timer(ctx, d)
	})
	s.do = func(Callback) []byte { // while the click is being answered, another process updates the card
		go func() { updated <- other.Update(context.Background(), id, done) }()
		<-refused
		return ToastWithCard(ToastSuccess, incident.Text{EN: "Solution A is being carried out.", ZH: "正在执行方案A。"}, running)
	}
	a, err := s.Click(t.Context(), "Alice", id, "确认执行方案A")
	if err != nil || a.Code != 0 || !a.Card || a.Toast.In("zh_cn") != "正在执行方案A。" {
		t.Fatalf("click: %+v, %v", a, err)
	}
	cb, err := s.last()
	want := Click{EventID: a.EventID, Operator: "ou_alice", Token: "tok-A", Message: id, Chat: s.group.ID, Host: "im_message", Timezone: "Asia/Shanghai"}
	if c, ok := cb.(Click); ok {
		want.Union = c.Union // the platform's own choice
	}
	if d := cmp.Diff(Callback(want), cb); d != "" || err != nil || want.Union == "" {
		t.Errorf("callback: %v (-want +got):\n%s", err, d)
	}
	if err := <-updated; err != nil {
		t.Errorf("update after the lock: %v", err)
	}
	if m, _ := s.Message(id); m.Content != string(done) {
		t.Error("the older card won")
	}
}

func TestRejectFormAndTypedWords(t *testing.T) {
	s := newStage(t)
	card, err := IncidentCard(view(Both))
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.client.Send(t.Context(), s.group.ID, card, "")
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Press(t.Context(), lark.Press{User: "Bob", Message: id, Target: "驳回方案", Form: map[string]any{ReasonField: "压测 <at id=all></at>"}})
	if err != nil || a.Code != 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	cb, err := s.last()
	c, ok := cb.(Click)
	if err != nil || !ok || c.Token != "tok-R" || c.Operator != "ou_bob" || c.Form[ReasonField] != "压测 <at id=all></at>" {
		t.Errorf("reject: %#v, %v", cb, err)
	}
}

// A card with a person the app does not know, and one with a telephone number in a tenant that forbids them, still arrive.
func TestRefusedCardsArrivePlainer(t *testing.T) {
	s := newStage(t)
	v := view(Both)
	v.Approvers = []string{"ou_left_the_company"}
	card, err := IncidentCard(v)
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.client.Send(t.Context(), s.group.ID, card, UUID("x"))
	if err != nil {
		t.Fatal(err)
	}
	m, _ := s.Message(id)
	if !strings.Contains(m.Content, "ou_left_the_company") || strings.Contains(m.Content, "<at") || !strings.Contains(m.Content, "tok-A") {
		t.Errorf("arrived as %s", m.Content)
	}
	if err := Validate([]byte(m.Content)); err != nil {
		t.Error(err)
	}
}

func TestGatewayHabits(t *testing.T) {
	s := newStage(t, func(o *lark.Options) { o.Behaviour.LowerCaseHeaders = true })
	card, err := IncidentCard(view(English))
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.client.Send(t.Context(), s.group.ID, card, "")
	if err != nil {
		t.Fatal(err)
	}
	if a, err := s.Click(t.Context(), "Alice", id, "confirm_B"); err != nil || a.Code != 0 {
		t.Errorf("lower-case headers: %+v, %v", a, err)
	}
	s.Configure(func(b *lark.Behaviour) { b.EmptyKey = true })
	a, err := s.Click(t.Context(), "Alice", id, "confirm_B")
	var r *Refusal
	if _, why := s.last(); err != nil || a.Code != lark.ClickNot200 || !errors.As(why, &r) || r.Why != WhySignature {
		t.Errorf("empty key: %+v, %v", a, err)
	}
}

func TestTypedThroughThePlatform(t *testing.T) {
	s := newStage(t)
	app := s.App()
	if _, err := s.Type(t.Context(), "Alice", s.group.ID, "@"+app.Name+" 确认执行方案A"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.WaitDelivery(t.Context(), "", 1); err != nil {
		t.Fatal(err)
	}
	cb, err := s.last()
	m, ok := cb.(Message)
	if err != nil || !ok {
		t.Fatalf("%#v, %v", cb, err)
	}
	if d := cmp.Diff(Command{Kind: CommandConfirm, Letter: "A"}, ParseCommand(m.Text)); d != "" || m.Sender != "ou_alice" || !m.ToBot {
		t.Errorf("%#v: (-want +got):\n%s", m, d)
	}
	if _, err := s.client.ReplyText(t.Context(), m.MessageID, incident.Text{EN: "<b>recorded</b>", ZH: "已记录"}, UUID(m.MessageID)); err != nil {
		t.Fatal(err)
	}
	all := s.Messages(s.group.ID)
	last := all[len(all)-1]
	var content map[string]json.RawMessage
	if last.Type != "post" || json.Unmarshal([]byte(last.Content), &content) != nil || !bytes.Contains(content["zh_cn"], []byte("已记录")) {
		t.Errorf("reply arrived as %s %s", last.Type, last.Content)
	}
}

// The emulator's forgeries: each is refused, all with the same answer. A string for a value is genuine, and no button of ours.
func TestAdversary(t *testing.T) {
	s := newStage(t)
	card, err := IncidentCard(view(Both))
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.client.Send(t.Context(), s.group.ID, card, "")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, a := range lark.Attacks() {
		if !a.Forged() {
			continue
		}
		n++
		out, err := s.Attack(t.Context(), lark.Plan{Attack: a, User: "Alice", Message: id, Target: "confirm_A"})
		if err != nil || len(out) == 0 {
			t.Errorf("%s: %v, %v", a, out, err)
		}
		for _, o := range out {
			if a == lark.StringValue {
				if c, ok := s.last(); o.Status != http.StatusOK || ok != nil || c.(Click).Token != "" {
					t.Errorf("%s: %+v, %#v", a, o, c)
				}
				continue
			}
			if o.Status != http.StatusUnauthorized || o.Body != "{}" {
				t.Errorf("%s: answered %d %s", a, o.Status, o.Body)
			}
		}
	}
	if n < 14 {
		t.Errorf("only %d forgeries were tried", n)
	}
	// The same event twice is the caller's to tell apart: both deliveries carry the same id.
	if _, err := s.Attack(t.Context(), lark.Plan{Attack: lark.RepeatedEvent, User: "Alice", Message: id, Target: "confirm_A"}); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, okA := s.got[len(s.got)-2].(Click)
	b, okB := s.got[len(s.got)-1].(Click)
	if !okA || !okB || a.EventID == "" || a.EventID != b.EventID {
		t.Errorf("repeated event: %#v and %#v", a, b)
	}
}

// What the network does to a call: the message is there once, whatever happened to the answer.
func TestFaultsOfThePlatform(t *testing.T) {
	s := newStage(t)
	c := s.newClient(t, func(ctx context.Context, _ time.Duration) error { return ctx.Err() })
	card, err := IncidentCard(view(English))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]lark.Fault{
		"answer lost":       {On: lark.OpCreate, Times: 1, After: true, Drop: true},
		"request lost":      {On: lark.OpCreate, Times: 1, Drop: true},
		"bad gateway":       {On: lark.OpCreate, Times: 2, Status: 502, Body: "<html>bad gateway</html>"},
		"too fast":          {On: lark.OpCreate, Times: 3, Code: 230020},
		"token outage":      {On: lark.OpToken, Times: 1, Status: 500},
		"being sent":        {On: lark.OpCreate, Times: 1, Code: 230049},
		"answered too late": {On: lark.OpCreate, Times: 1, After: true, Status: 504},
	} {
		s.ClearFaults()
		s.RevokeTokens()
		s.Inject(f)
		before := len(s.Messages(s.group.ID))
		id, err := c.Send(t.Context(), s.group.ID, card, UUID(name))
		if n := len(s.Messages(s.group.ID)) - before; err != nil || id == "" || n != 1 {
			t.Errorf("%s: %q, %v, %d messages", name, id, err, n)
		}
	}
	s.ClearFaults()
	if err := s.ChangeChat(s.group.ID, func(c *lark.Chat) { c.BotAbsent = true }); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, err := c.Send(t.Context(), s.group.ID, card, UUID("absent")); !errors.As(err, &e) || e.Kind() != KindNotInChat || e.Hint().EN == "" {
		t.Errorf("bot not in the chat: %v", err)
	}
}
