package lark

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/incident"
)

const testSecret = "s3cret-of-the-app"

// platform answers as scripted; the last answer of a path is repeated.
type platform struct {
	*httptest.Server
	mu      sync.Mutex
	tokens  int
	answers []answered // for everything but the token
	asked   []asked
}

type answered struct {
	status int
	body   string
	header map[string]string
}

type asked struct {
	Method, Path, Token, Body string
}

const sent = `{"code":0,"msg":"ok","data":{"message_id":"om_1"}}`

func newPlatform(t *testing.T, answers ...answered) *platform {
	t.Helper()
	p := &platform{answers: answers}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *platform) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/tenant_access_token/internal") {
		p.tokens++
		b, err := json.Marshal(map[string]any{"code": 0, "msg": "ok", "tenant_access_token": "t-token" + string(rune('0'+p.tokens)), "expire": 7200})
		if err != nil {
			panic(err)
		}
		answerWith(w, string(b))
		return
	}
	p.asked = append(p.asked, asked{r.Method, r.URL.RequestURI(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), string(body)})
	a := p.answers[min(len(p.asked), len(p.answers))-1]
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(a.status)
	answerWith(w, a.body)
}

func answerWith(w io.Writer, s string) {
	if _, err := io.WriteString(w, s); err != nil {
		panic(err) // the test's own connection
	}
}

// client waits without waiting and remembers for how long.
func (p *platform) client(t *testing.T, waits *[]time.Duration) *Client {
	t.Helper()
	c, err := NewClient(Options{
		BaseURL: p.URL, AppID: "cli_a1", AppSecret: testSecret,
		Now: func() time.Time { return testNow },
		Wait: func(ctx context.Context, d time.Duration) error {
			if waits != nil {
				*waits = append(*waits, d)
			}
			return ctx.Err()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNewClientRefuses(t *testing.T) {
	whole := Options{BaseURL: "https://open.feishu.cn", AppID: "a", AppSecret: "s"}
	for name, spoil := range map[string]func(*Options){
		"no address":     func(o *Options) { o.BaseURL = "" },
		"another scheme": func(o *Options) { o.BaseURL = "ftp://open.feishu.cn" },
		"secret in clear over the network": func(o *Options) {
			o.BaseURL = "http://open.feishu.cn"
		},
		"no app id": func(o *Options) { o.AppID = "" },
		"no secret": func(o *Options) { o.AppSecret = "" },
	} {
		o := whole
		spoil(&o)
		if _, err := NewClient(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	whole.BaseURL += "/"
	if c, err := NewClient(whole); err != nil || c.base != "https://open.feishu.cn" || c.http.Timeout != 10*time.Second {
		t.Errorf("whole options: %v, %v", c, err)
	}
}

func TestSend(t *testing.T) {
	p := newPlatform(t, answered{status: 200, body: sent})
	c := p.client(t, nil)
	id, err := c.Send(t.Context(), "oc_1", []byte(`{"schema":"2.0"}`), "u1")
	if err != nil || id != "om_1" {
		t.Fatalf("%q, %v", id, err)
	}
	if _, err := c.Send(t.Context(), "ou_1", []byte(`{"schema":"2.0"}`), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Reply(t.Context(), "om_1/../x", []byte(`{"schema":"2.0"}`), "u2"); err != nil {
		t.Fatal(err)
	}
	if err := c.Update(t.Context(), "om_1", []byte(`{"schema":"2.0"}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReplyText(t.Context(), "om_1", incident.Text{EN: `<at user_id="all">x</at>`, ZH: "好"}, "u3"); err != nil {
		t.Fatal(err)
	}
	want := []asked{
		{"POST", "/open-apis/im/v1/messages?receive_id_type=chat_id", "t-token1", `{"receive_id":"oc_1","msg_type":"interactive","content":"{\"schema\":\"2.0\"}","uuid":"u1"}`},
		{"POST", "/open-apis/im/v1/messages?receive_id_type=open_id", "t-token1", `{"receive_id":"ou_1","msg_type":"interactive","content":"{\"schema\":\"2.0\"}"}`},
		{"POST", "/open-apis/im/v1/messages/om_1%2F..%2Fx/reply", "t-token1", `{"content":"{\"schema\":\"2.0\"}","msg_type":"interactive","uuid":"u2"}`},
		{"PATCH", "/open-apis/im/v1/messages/om_1", "t-token1", `{"content":"{\"schema\":\"2.0\"}"}`},
		{"POST", "/open-apis/im/v1/messages/om_1/reply", "t-token1", `{"content":"{\"en_us\":{\"content\":[[{\"tag\":\"text\",\"text\":\"\\u003cat user_id=\\\"all\\\"\\u003ex\\u003c/at\\u003e\"}]]},\"zh_cn\":{\"content\":[[{\"tag\":\"text\",\"text\":\"好\"}]]}}","msg_type":"post","uuid":"u3"}`},
	}
	if d := cmp.Diff(want, p.asked); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if p.tokens != 1 {
		t.Errorf("%d tokens fetched", p.tokens)
	}
}

func TestUrgeAndBot(t *testing.T) {
	p := newPlatform(t, answered{status: 200, body: `{"code":0,"data":{"invalid_user_id_list":["ou_2"]}}`}, answered{status: 200, body: `{"code":0,"bot":{"app_name":"oncall","open_id":"ou_bot"}}`})
	c := p.client(t, nil)
	missed, err := c.Urge(t.Context(), "om_1", []string{"ou_1", "ou_2"})
	if err != nil || !cmp.Equal(missed, []string{"ou_2"}) {
		t.Errorf("%v, %v", missed, err)
	}
	bot, err := c.Bot(t.Context())
	if err != nil || bot != (Bot{Name: "oncall", OpenID: "ou_bot"}) {
		t.Errorf("%v, %v", bot, err)
	}
	if p.asked[0].Path != "/open-apis/im/v1/messages/om_1/urgent_app?user_id_type=open_id" || p.asked[1].Path != "/open-apis/bot/v3/info" {
		t.Errorf("asked %v", p.asked)
	}
}

// What is tried again, how often, and after which pauses.
func TestRetries(t *testing.T) {
	lock := answered{status: 400, body: `{"code":230099,"msg":"Failed to create card content, ext=ErrCode: 11310; ErrMsg: card action is lock; ","error":{"log_id":"L1"}}`}
	rate := answered{status: 400, body: `{"code":230020,"msg":"rate"}`}
	gateway := answered{status: 429, body: `{"code":99991400,"msg":"request trigger frequency limit"}`, header: map[string]string{"X-Ogw-Ratelimit-Reset": "3"}}
	fault := answered{status: 502, body: "<html>bad gateway</html>"}
	stale := answered{status: 200, body: `{"code":99991663,"msg":"Invalid access token for authorization"}`}
	ok := answered{status: 200, body: sent}
	const ms = time.Millisecond
	update := func(c *Client, ctx context.Context) error { return c.Update(ctx, "om_1", []byte(`{}`)) }
	send := func(uuid string) func(*Client, context.Context) error {
		return func(c *Client, ctx context.Context) error {
			_, err := c.Send(ctx, "oc_1", []byte(`{}`), uuid)
			return err
		}
	}
	urge := func(c *Client, ctx context.Context) error {
		_, err := c.Urge(ctx, "om_1", []string{"ou_1"})
		return err
	}
	for _, tt := range []struct {
		name    string
		do      func(*Client, context.Context) error
		answers []answered
		asked   int
		tokens  int
		waits   []time.Duration
		kind    Kind // empty: it succeeded
	}{
		{"locked card", update, []answered{lock, lock, ok}, 3, 1, []time.Duration{250 * ms, 500 * ms}, ""},
		{"locked for ever", update, []answered{lock}, 7, 1, []time.Duration{250 * ms, 500 * ms, 1000 * ms, 2000 * ms, 4000 * ms, 4000 * ms}, KindLocked},
		{"too fast", send(""), []answered{rate, ok}, 2, 1, []time.Duration{250 * ms}, ""},
		{"gateway names the wait", send(""), []answered{gateway, ok}, 2, 1, []time.Duration{3 * time.Second}, ""},
		{"fault with a uuid", send("u"), []answered{fault, ok}, 2, 1, []time.Duration{250 * ms}, ""},
		{"fault without a uuid: may have been sent", send(""), []answered{fault, ok}, 1, 1, nil, KindServer},
		{"fault while urging: nobody is woken twice", urge, []answered{fault, ok}, 1, 1, nil, KindServer},
		{"stale token is replaced at once", send(""), []answered{stale, ok}, 2, 2, nil, ""},
		{"token refused twice", send(""), []answered{stale}, 2, 2, nil, KindToken},
		{"quota", send("u"), []answered{{status: 400, body: `{"code":99991403,"msg":"quota"}`}}, 1, 1, nil, KindQuota},
		{"not in the chat", send("u"), []answered{{status: 400, body: `{"code":230002,"msg":"Bot can NOT be out of the chat."}`}}, 1, 1, nil, KindNotInChat},
		{"recalled", update, []answered{{status: 400, body: `{"code":230011,"msg":"recalled"}`}}, 1, 1, nil, KindGone},
		{"no message id", send("u"), []answered{{status: 200, body: `{"code":0,"data":{}}`}}, 1, 1, nil, KindServer},
		{"no code at all", send(""), []answered{{status: 200, body: `{}`}}, 1, 1, nil, KindServer},
	} {
		p := newPlatform(t, tt.answers...)
		var waits []time.Duration
		err := tt.do(p.client(t, &waits), t.Context())
		var e *Error
		if errors.As(err, &e) != (tt.kind != "") || (e != nil && e.Kind() != tt.kind) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.kind)
		}
		if len(p.asked) != tt.asked || p.tokens != tt.tokens {
			t.Errorf("%s: %d requests and %d tokens, want %d and %d", tt.name, len(p.asked), p.tokens, tt.asked, tt.tokens)
		}
		if d := cmp.Diff(tt.waits, waits); d != "" {
			t.Errorf("%s: pauses (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestDeadlineEndsRetries(t *testing.T) {
	p := newPlatform(t, answered{status: 400, body: `{"code":230020,"msg":"rate"}`})
	ctx, cancel := context.WithCancel(t.Context())
	c := p.client(t, nil)
	c.wait = func(context.Context, time.Duration) error { cancel(); return ctx.Err() }
	err := c.Update(ctx, "om_1", []byte(`{}`))
	var e *Error
	if !errors.As(err, &e) || e.Code != 230020 || len(p.asked) != 1 {
		t.Errorf("%v after %d requests", err, len(p.asked))
	}
}

// A refused card goes out simpler, then bare, each under a key of its own.
func TestRefusedCardIsSimplified(t *testing.T) {
	refused := answered{status: 400, body: `{"code":230099,"msg":"ext=ErrCode: 100290; ErrMsg: invalid user id"}`}
	card := `{"schema":"2.0","config":{"update_multi":true},"header":{"title":{"tag":"plain_text","content":"x"},"template":"red"},"body":{"elements":[` +
		`{"tag":"markdown","content":"may confirm: <at id=ou_x></at>, call 13812345678 or a@b.cn"},{"tag":"chart","chart_spec":{"type":"line","data":{}}},{"tag":"button","text":{"tag":"plain_text","content":"A"},"behaviors":[{"type":"callback","value":{"token":"13812345678"}}]}]}}`
	for _, tt := range []struct {
		answers []answered
		parts   []string
		not     []string
	}{
		{[]answered{refused, {status: 200, body: sent}}, []string{`may confirm: ou_x, call *** or ***`, `\"token\":\"13812345678\"`, "图表未显示"}, []string{`chart_spec`, `<at`}},
		{[]answered{refused, refused, {status: 200, body: sent}}, []string{`The chat refused the full card`}, []string{`callback`, `<at`, `chart_spec`}},
	} {
		p := newPlatform(t, tt.answers...)
		id, err := p.client(t, nil).Send(t.Context(), "oc_1", []byte(card), "u1")
		if err != nil || id != "om_1" {
			t.Fatalf("%q, %v", id, err)
		}
		keys := map[string]bool{}
		for _, a := range p.asked {
			var body struct{ UUID, Content string }
			if err := json.Unmarshal([]byte(a.Body), &body); err != nil {
				t.Fatal(err)
			}
			keys[body.UUID] = true
			if len(body.UUID) > 50 {
				t.Errorf("key of %d characters", len(body.UUID))
			}
		}
		if len(keys) != len(p.asked) {
			t.Errorf("%d keys for %d different contents", len(keys), len(p.asked))
		}
		var last struct{ Content string }
		if err := json.Unmarshal([]byte(p.asked[len(p.asked)-1].Body), &last); err != nil {
			t.Fatal(err)
		}
		if err := Validate([]byte(last.Content)); err != nil {
			t.Errorf("what was sent in the end is not valid: %v", err)
		}
		body := p.asked[len(p.asked)-1].Body
		for _, want := range tt.parts {
			if !strings.Contains(strings.ReplaceAll(body, `\\\"`, `\"`), want) && !strings.Contains(body, want) {
				t.Errorf("%q is missing in %s", want, body)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(body, not) {
				t.Errorf("%q is still in %s", not, body)
			}
		}
	}
}

func TestErrorsTellNoSecrets(t *testing.T) {
	p := newPlatform(t, answered{status: 400, body: `{"code":99991672,"msg":"Access denied for t-token1abcdef and ` + testSecret + `\nBearer abc","error":{"log_id":"L9"}}`})
	_, err := p.client(t, nil).Send(t.Context(), "oc_1", []byte(`{}`), "u")
	for _, secret := range []string{testSecret, "t-token1", "Bearer abc", "\n"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q is in %q", secret, err)
		}
	}
	want := "lark: send card: code 99991672 Access denied for *** and *** *** (log id L9): grant the app the scope im:message:send_as_bot (and im:message.urgent for urgent messages), then publish a new version"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	p.Close()
	_, err = p.client(t, nil).Send(t.Context(), "oc_1", []byte(`{}`), "")
	var e *Error
	if !errors.As(err, &e) || e.Kind() != KindUnreachable || !e.Transient() || strings.Contains(err.Error(), "open-apis") {
		t.Errorf("unreachable: %v", err)
	}
}

func TestTokenIsFetchedOnceForMany(t *testing.T) {
	p := newPlatform(t, answered{status: 200, body: sent})
	c := p.client(t, nil)
	var now atomic.Int64
	c.now = func() time.Time { return testNow.Add(time.Duration(now.Load())) }
	all := func() {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := c.Send(context.Background(), "oc_1", []byte(`{}`), "u"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	all()
	now.Store(int64(7200*time.Second - tokenMargin - 1))
	all()
	if p.tokens != 1 {
		t.Errorf("%d tokens before the first ran out", p.tokens)
	}
	now.Add(1)
	all()
	if p.tokens != 2 {
		t.Errorf("%d tokens after it ran out", p.tokens)
	}
}

func TestFailedTokenFetchIsNotShared(t *testing.T) {
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/internal") {
			answerWith(w, sent)
			return
		}
		if n.Add(1) == 1 {
			answerWith(w, `{"code":10014,"msg":"app secret invalid"}`)
			return
		}
		answerWith(w, `{"code":0,"tenant_access_token":"t-x","expire":7200}`)
	}))
	defer srv.Close()
	p := &platform{Server: srv}
	c := p.client(t, nil)
	_, err := c.Send(t.Context(), "oc_1", []byte(`{}`), "u")
	var e *Error
	if !errors.As(err, &e) || e.Kind() != KindSetup || e.Hint().ZH == "" {
		t.Errorf("wrong secret: %v", err)
	}
	if _, err := c.Send(t.Context(), "oc_1", []byte(`{}`), "u"); err != nil {
		t.Errorf("after it was set right: %v", err)
	}
}

func TestUUID(t *testing.T) {
	if a, b := UUID("ab", "c"), UUID("a", "bc"); a == b || len(a) > 50 || a != UUID("ab", "c") {
		t.Errorf("%q, %q", a, b)
	}
}
