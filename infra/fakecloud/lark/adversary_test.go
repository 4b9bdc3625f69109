package lark

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// guard is a callback receiver that does everything right. The attacks are good
// if it turns them all away, and each is needed if it catches something that the
// check it is named after catches alone.
type guard struct {
	w    *world
	skip string // a check that is left out

	mu      sync.Mutex
	events  map[string]bool
	decided map[string]bool
	effects []string
}

func (g *guard) answer(_ int, r *http.Request, body []byte) (int, string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	plain, refusal := g.prove(r, body)
	if refusal != "" {
		return 401, "{}"
	}
	id := plain["header"].(map[string]any)["event_id"].(string)
	if g.events[id] && g.skip != "dedupe" {
		return 200, `{}`
	}
	g.events[id] = true
	return 200, g.decide(plain["event"].(map[string]any))
}

func (g *guard) prove(r *http.Request, body []byte) (map[string]any, string) {
	app := g.w.App()
	at, nonce, sign := r.Header.Get("X-Lark-Request-Timestamp"), r.Header.Get("X-Lark-Request-Nonce"), r.Header.Get("X-Lark-Signature")
	right := subtle.ConstantTimeCompare([]byte(sign), []byte(signature(at, nonce, app.EncryptKey, body))) == 1
	if !right && g.skip != "signature" {
		return nil, "signature"
	}
	n, err := strconv.ParseInt(at, 10, 64)
	if age := g.w.clock.Now().Sub(time.Unix(n, 0)); (err != nil || age.Abs() > 5*time.Minute) && g.skip != "freshness" && g.skip != "signature" {
		return nil, "freshness"
	}
	var in struct{ Encrypt string }
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&in); err != nil || d.More() && g.skip != "strict" {
		return nil, "JSON"
	}
	plain, err := decodePush(app.EncryptKey, in.Encrypt, g.skip == "strict")
	if err != nil {
		return nil, "encryption"
	}
	header, _ := plain["header"].(map[string]any)
	want := map[string]any{"token": app.VerificationToken, "app_id": app.ID, "tenant_key": app.TenantKey}
	for field, v := range want {
		if header[field] != v && g.skip != field {
			return nil, field
		}
	}
	return plain, ""
}

// decide is the agent's own law: one decision, by an allowed person, on the card
// it was made for, before it expires.
func (g *guard) decide(event map[string]any) string {
	li, _ := g.w.findUser(approver)
	where := event["context"].(map[string]any)
	value, _ := event["action"].(map[string]any)["value"].(map[string]any)
	id, _ := value["id"].(string)
	switch {
	case id == "":
		return `{"toast":{"type":"error","content":"malformed"}}`
	case event["operator"].(map[string]any)["open_id"] != li.OpenID:
		return `{"toast":{"type":"error","content":"not allowed"}}`
	case where["open_chat_id"] != g.w.group.ID:
		return `{"toast":{"type":"error","content":"wrong chat"}}`
	case g.w.clock.Now().Sub(start) > 30*time.Minute:
		return `{"toast":{"type":"error","content":"expired"}}`
	case id != "k2" && len(g.w.Messages("")[0].Revisions) > 1, g.decided[id]:
		return `{"toast":{"type":"warning","content":"no longer open"}}`
	}
	g.decided[id] = true
	g.effects = append(g.effects, id)
	return `{"toast":{"type":"success","content":"accepted"}}`
}

func newGuard(t *testing.T, skip string) *guard {
	t.Helper()
	g := &guard{w: newWorld(t), skip: skip, events: map[string]bool{}, decided: map[string]bool{}}
	rc := newReceiver(t, g.answer)
	g.w.SetURLs("", rc.URL)
	return g
}

func (g *guard) attack(t *testing.T, a Attack) []Outcome {
	t.Helper()
	id := g.w.post(t, card(confirmA))
	if a == StaleCard {
		if got := g.w.patch(t, id, card(strings.Replace(confirmA, "k1", "k2", 1))); got.code != 0 {
			t.Fatal(got.raw)
		}
	}
	done := make(chan []Outcome, 1)
	go func() {
		out, err := g.w.Attack(deadline(t), Plan{Attack: a, User: approver, Other: outsider, Message: id, Target: "k1", Wait: time.Hour})
		if err != nil {
			t.Error(err)
		}
		done <- out
	}()
	if a == AfterExpiry {
		if err := g.w.clock.AwaitTimers(deadline(t), 1); err != nil {
			t.Fatal(err)
		}
		g.w.clock.Advance(time.Hour)
	}
	return <-done
}

func TestAttacksAgainstAGuardThatChecksEverything(t *testing.T) {
	// how many effects a right receiver lets an attack have
	allowed := map[Attack]int{Replay: 1, DoubleClick: 1, TwoPeople: 1, RepeatedEvent: 1}
	for _, a := range Attacks() {
		t.Run(string(a), func(t *testing.T) {
			g := newGuard(t, "")
			out := g.attack(t, a)
			if got := len(g.effects); got != allowed[a] {
				t.Errorf("%d effects, want %d: %+v", got, allowed[a], out)
			}
			if len(out) == 0 {
				t.Fatal("the attack sent nothing")
			}
			for _, o := range out {
				if o.Err != "" {
					t.Errorf("the receiver did not answer: %s", o.Err)
				}
				if a.Forged() && a != StringValue && !o.Refused() {
					t.Errorf("a forgery was answered with HTTP %d", o.Status)
				}
			}
		})
	}
}

// Leaving out one check lets exactly its attack through, so each attack is aimed.
func TestAttacksAreAimed(t *testing.T) {
	tests := map[string][]Attack{
		"signature":  {EncryptedUnsigned, Stale, Future},
		"freshness":  {Stale, Future},
		"token":      {WrongToken},
		"app_id":     {WrongApp},
		"tenant_key": {WrongTenant},
		"strict":     {TrailingBytes, TrailingPlain},
	}
	forged := slices.DeleteFunc(Attacks(), func(a Attack) bool { return !a.Forged() })
	for skip, want := range tests {
		t.Run(skip, func(t *testing.T) {
			var through []Attack
			for _, a := range forged {
				g := newGuard(t, skip)
				g.attack(t, a)
				if len(g.effects) > 0 {
					through = append(through, a)
				}
			}
			if skip == "signature" { // without it most forgeries work; these three are its own
				through = slices.DeleteFunc(through, func(a Attack) bool { return !slices.Contains(want, a) })
			}
			if diff := cmp.Diff(want, through); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestForgeNeedsNoAddress(t *testing.T) {
	w := newWorld(t)
	id := w.post(t, card(confirmA))
	q, err := w.GenuineClick(Press{User: approver, Message: id, Target: "Confirm solution A"})
	if err != nil {
		t.Fatal(err)
	}
	r := q.HTTP()
	if r.Method != "POST" || r.Header.Get("X-Lark-Signature") == "" {
		t.Errorf("request %s %v", r.Method, r.Header)
	}
	if m, _ := w.Message(id); m.InFlight != 0 {
		t.Errorf("building a request locked the card")
	}
	bad, err := w.Forge(WrongTenant, Press{User: approver, Message: id, Target: "k1"})
	if err != nil || len(bad) != 1 {
		t.Fatalf("%v %v", err, bad)
	}
	plain := open(t, w.App().EncryptKey, bad[0].Body)
	if plain["header"].(map[string]any)["tenant_key"] == w.App().TenantKey {
		t.Errorf("the tenant is still ours")
	}
}

func TestAdminAPI(t *testing.T) {
	w := newWorld(t)
	g := &guard{w: w, events: map[string]bool{}, decided: map[string]bool{}}
	rc := newReceiver(t, g.answer)
	admin := func(method, path string, body any) reply { return w.do(t, method, "/_admin/lark/"+path, body) }
	admin("PUT", "urls", map[string]string{"callback": rc.URL})
	id := w.post(t, card(confirmA))
	if got := admin("POST", "attack", Plan{Attack: Unsigned, User: approver, Message: id, Target: "k1"}); !strings.Contains(got.raw, `"status":401`) {
		t.Errorf("attack gives %s", got.raw)
	}
	if got := admin("POST", "click", Press{User: approver, Message: id, Target: "确认执行方案A"}); !strings.Contains(got.raw, "accepted") {
		t.Errorf("click gives %s", got.raw)
	}
	if got := admin("POST", "click", Press{User: outsider, Message: id, Target: "k1"}); got.status != http.StatusConflict {
		t.Errorf("an outsider's click gives %s", got.raw)
	}
	admin("PUT", "behaviour", map[string]any{"unlimited": true})
	if got := admin("PUT", "behaviour", map[string]any{"empty_key": true}); got.json["unlimited"] != true || got.json["empty_key"] != true {
		t.Errorf("behaviour is %s", got.raw)
	}
	admin("POST", "faults", Fault{On: OpPatch, Times: 1, Code: codeMessageRate})
	if got := w.patch(t, id, card(hello)); got.code != codeMessageRate {
		t.Errorf("the fault gives %d", got.code)
	}
	var kinds []string
	for _, e := range w.Transcript() {
		kinds = append(kinds, e.Kind+" "+e.Text)
	}
	want := []string{"call token", "call create", "attack unsigned", "click Confirm solution A", "fault patch"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
	var text bytes.Buffer
	if err := w.WriteTranscript(&text); err != nil || !strings.Contains(text.String(), "03:07:00.000 click  Li Wei: Confirm solution A") {
		t.Errorf("%v %s", err, text.String())
	}
}
