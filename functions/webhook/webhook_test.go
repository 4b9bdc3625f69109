package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/lark"
	"cce-oncall/shared/record"
	"cce-oncall/shared/tell"
)

var t0 = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

// world is what the flow meets in a test: a verifier that believes, a messenger and a waker that remember.
type world struct {
	t       *testing.T
	bucket  record.Bucket
	now     time.Time
	cb      lark.Callback
	refuse  error
	woken   []Wakeup
	wakeErr error
	replies []string
	inc     *incident.Incident
}

func (w *world) Open(map[string]string, []byte) (lark.Callback, error) { return w.cb, w.refuse }

func (w *world) Wake(_ context.Context, role string, payload any) error {
	if role != "execute" {
		w.t.Errorf("woke %s", role)
	}
	w.woken = append(w.woken, payload.(Wakeup))
	return w.wakeErr
}

func (w *world) Send(context.Context, string, []byte, string) (string, error) {
	return "", errors.New("webhook posts no cards")
}

func (w *world) Update(context.Context, string, []byte) error {
	w.t.Error("webhook updated a card: only execute may")
	return nil
}

func (w *world) ReplyText(_ context.Context, message string, text incident.Text, _ string) (string, error) {
	w.replies = append(w.replies, message+": "+text.EN)
	return "om_reply", nil
}

func (w *world) book(context.Context) *record.Book {
	return &record.Book{Bucket: w.bucket, Writer: "webhook-r1", Now: func() time.Time { return w.now }}
}

var cluster = config.Cluster{ID: "c-1", Name: "demo", Chat: "oc_1", Approvers: []incident.Approver{{ID: "ou_a"}, {ID: "ou_b"}}}

func (w *world) hook() *webhook {
	return &webhook{
		clusters: config.Clusters{cluster}, now: func() time.Time { return w.now }, book: w.book, wake: w,
		verifier: func(context.Context) (verifier, error) { return w, nil },
		policy:   func(c config.Cluster) incident.Policy { return incident.Policy{Approvers: c.Approvers} },
		teller: func(_ context.Context, _ config.Cluster, b *record.Book) (*tell.Teller, error) {
			return &tell.Teller{Cards: w, Book: b, Key: []byte("k"), Now: func() time.Time { return w.now }}, nil
		},
	}
}

// begin is a world with one incident that waits for a decision.
func begin(t *testing.T) *world {
	w := &world{t: t, bucket: &record.Memory{}, now: t0.Add(time.Minute)}
	ctx := t.Context()
	b := w.book(ctx)
	scale := incident.Solution{ID: "A", Risk: incident.Reversible, Title: incident.Text{EN: "Scale out", ZH: "扩容"}, Steps: []incident.Step{{ID: "A1", Action: incident.ScaleOut, Target: incident.Target{Kind: "Deployment", Namespace: "default", Name: "web"}, Expect: map[string]string{"replicas": "2"}, Goal: map[string]string{"replicas": "4"}}}}
	two := incident.Solution{ID: "B", Risk: incident.Costly, NeedsTwo: true, Title: incident.Text{EN: "More nodes", ZH: "加节点"}, Steps: []incident.Step{{ID: "B1", Action: incident.ScaleOutNodePool, Target: incident.Target{Kind: "NodePool", Name: "p"}, Expect: map[string]string{"nodes": "2"}, Goal: map[string]string{"nodes": "3"}}}}
	inc := &incident.Incident{ID: "20261122-1", Key: "Deployment default/web", Cluster: cluster.Incident()}
	plan := &incident.Plan{Incident: inc.ID, Round: 1, Solutions: []incident.Solution{scale, two, {ID: "C", Manual: incident.Text{EN: "look"}}}, At: t0, ExpiresAt: t0.Add(30 * time.Minute)}
	inc.Rounds = []incident.Round{{Number: 1, Plan: plan, Diagnosis: incident.Diagnosis{At: t0, Verdict: incident.Fault}}}
	for _, err := range []error{
		b.Open(ctx, record.Opening{ID: inc.ID, Key: inc.Key, Cluster: inc.Cluster, Chat: "oc_1", At: t0}),
		b.SaveRound(ctx, "c-1", inc.ID, nil, record.Round{Number: 1, Diagnosis: inc.Rounds[0].Diagnosis}, plan),
		b.SaveCard(ctx, "c-1", inc.ID, incident.Card{Chat: "oc_1", Message: "om_1"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Buttons(ctx, []byte("k"), inc, "oc_1", true); err != nil {
		t.Fatal(err)
	}
	w.inc = inc
	return w
}

func (w *world) token(button string) string {
	w.t.Helper()
	tokens, err := w.book(w.t.Context()).Buttons(w.t.Context(), []byte("k"), w.inc, "oc_1", false)
	if err != nil || tokens[button] == "" {
		w.t.Fatalf("no button %s: %v", button, err)
	}
	return tokens[button]
}

// ask sends one callback and returns the answer's status, toast kind and words.
func (w *world) ask(cb lark.Callback) (status int, kind, words string) {
	w.t.Helper()
	w.cb = cb
	out, err := w.hook().handle(w.t.Context(), []byte(`{"httpMethod":"POST","path":"/lark","body":"{}","headers":{}}`))
	if err != nil {
		w.t.Fatal(err)
	}
	r := out.(functiongraph.Response)
	var body struct {
		Toast struct{ Type, Content string }
	}
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
		w.t.Fatalf("answer %q: %v", r.Body, err)
	}
	return r.StatusCode, body.Toast.Type, body.Toast.Content
}

func (w *world) click(button, by, event string) lark.Click {
	return lark.Click{EventID: event, Operator: by, Token: w.token(button), Message: "om_1", Chat: "oc_1"}
}

func (w *world) load() *incident.Incident {
	w.t.Helper()
	i, found, err := w.book(w.t.Context()).Load(w.t.Context(), "c-1", w.inc.ID)
	if err != nil || !found {
		w.t.Fatalf("%v %v", found, err)
	}
	return i
}

func TestClicks(t *testing.T) {
	for _, tc := range []struct {
		name   string
		before func(*world)
		click  func(*world) lark.Click
		kind   string
		says   string
		wakes  int
		status incident.Status
	}{
		{"confirm", nil, func(w *world) lark.Click { return w.click("A", "ou_a", "e1") }, "success", "confirmed", 1, incident.Executing},
		{"first of two", nil, func(w *world) lark.Click { return w.click("B", "ou_a", "e1") }, "success", "second, different person", 1, incident.AwaitingConfirmation},
		{"second of two", func(w *world) { w.ask(w.click("B", "ou_a", "e1")) }, func(w *world) lark.Click { return w.click("B", "ou_b", "e2") }, "success", "confirmed", 2, incident.Executing},
		{"the same person twice", func(w *world) { w.ask(w.click("B", "ou_a", "e1")) }, func(w *world) lark.Click { return w.click("B", "ou_a", "e2") }, "error", "already", 1, incident.AwaitingConfirmation},
		{"stranger", nil, func(w *world) lark.Click { return w.click("A", "ou_x", "e1") }, "error", "not on the list", 0, incident.AwaitingConfirmation},
		{"expired", func(w *world) { w.now = t0.Add(31 * time.Minute) }, func(w *world) lark.Click { return w.click("A", "ou_a", "e1") }, "error", "expired", 0, incident.Expired},
		{"forwarded", nil, func(w *world) lark.Click { c := w.click("A", "ou_a", "e1"); c.Message = "om_copy"; return c }, "error", "original card", 0, incident.AwaitingConfirmation},
		{"other chat", nil, func(w *world) lark.Click { c := w.click("A", "ou_a", "e1"); c.Chat = "oc_2"; return c }, "error", "original card", 0, incident.AwaitingConfirmation},
		{"made-up token", nil, func(w *world) lark.Click { c := w.click("A", "ou_a", "e1"); c.Token = "b-x"; return c }, "error", "not valid", 0, incident.AwaitingConfirmation},
		{"somebody decided before", func(w *world) { w.ask(w.click("A", "ou_b", "e0")) }, func(w *world) lark.Click { return w.click("A", "ou_a", "e1") }, "error", "already confirmed", 1, incident.Executing},
		{"reject", nil, func(w *world) lark.Click {
			c := w.click("reject", "ou_a", "e1")
			c.Form = map[string]string{"reason": "no"}
			return c
		}, "success", "Rejected", 1, incident.Rejected},
		{"stop with nothing running", nil, func(w *world) lark.Click { return w.click("stop", "ou_a", "e1") }, "error", "Nothing is running", 0, incident.AwaitingConfirmation},
		{"wake is lost", func(w *world) { w.wakeErr = errors.New("down") }, func(w *world) lark.Click { return w.click("A", "ou_a", "e1") }, "warning", "delayed", 1, incident.Executing},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := begin(t)
			if tc.before != nil {
				tc.before(w)
			}
			status, kind, says := w.ask(tc.click(w))
			if status != 200 || kind != tc.kind || !strings.Contains(says, tc.says) {
				t.Errorf("%d %s %q, want %s %q", status, kind, says, tc.kind, tc.says)
			}
			if len(w.woken) != tc.wakes {
				t.Errorf("execute was woken %d times, want %d", len(w.woken), tc.wakes)
			}
			if got := w.load().Status(w.now); got != tc.status {
				t.Errorf("status %s, want %s", got, tc.status)
			}
		})
	}
}

func TestEveryRefusalIsKept(t *testing.T) {
	w := begin(t)
	w.ask(w.click("A", "ou_x", "e1"))
	d := w.load().Last().Decisions
	if len(d) != 1 || d[0].Refused != string(incident.RefusedNotAllowed) || d[0].By != "ou_x" {
		t.Errorf("%+v", d)
	}
}

func TestARepeatedClickIsOneDecision(t *testing.T) {
	w := begin(t)
	w.ask(w.click("A", "ou_a", "e1"))
	_, kind, says := w.ask(w.click("A", "ou_a", "e1"))
	if kind != "info" || !strings.Contains(says, "before") || len(w.woken) != 1 || len(w.load().Last().Decisions) != 1 {
		t.Errorf("%s %q, %d wakes, %d decisions", kind, says, len(w.woken), len(w.load().Last().Decisions))
	}
}

// slow is a store that does not answer.
type slow struct{ record.Bucket }

func (slow) Get(context.Context, string) ([]byte, error) { return nil, errors.New("503 SlowDown") }

func TestNothingIsConfirmedThatCouldNotBeRecorded(t *testing.T) {
	w := begin(t)
	click := w.click("A", "ou_a", "e1")
	w.bucket = slow{w.bucket}
	status, kind, says := w.ask(click)
	if status != 200 || kind != "error" || !strings.Contains(says, "could not be recorded") || len(w.woken) != 0 {
		t.Errorf("%d %s %q %v", status, kind, says, w.woken)
	}
}

func TestTyped(t *testing.T) {
	for _, tc := range []struct {
		text  string
		by    string
		says  string
		wakes int
	}{
		{"Confirm execution of solution A", "ou_a", "confirmed and will be executed", 1},
		{"确认执行方案A", "ou_a", "confirmed and will be executed", 1},
		{"confirm", "ou_a", "More than one solution", 0},
		{"don't confirm A", "ou_a", "", 0},
		{"confirm A and B", "ou_a", "", 0},
		{"confirm Z", "ou_a", "No open plan", 0},
		{"confirm A", "ou_x", "not on the list", 0},
		{"reject too risky", "ou_a", "Rejected", 1},
		{"status", "ou_a", "AwaitingConfirmation", 0},
		{"help", "ou_a", "You can reply", 0},
		{"nice weather", "ou_a", "You can reply", 0},
	} {
		t.Run(tc.text, func(t *testing.T) {
			w := begin(t)
			w.ask(lark.Message{EventID: "e1", MessageID: "om_9", Sender: tc.by, SenderType: "user", Chat: "oc_1", Text: tc.text, ToBot: true})
			if len(w.replies) != 1 || !strings.Contains(w.replies[0], tc.says) {
				t.Errorf("replies %q, want %q", w.replies, tc.says)
			}
			if len(w.woken) != tc.wakes {
				t.Errorf("woken %d times, want %d", len(w.woken), tc.wakes)
			}
		})
	}
}

// lossy is a store that keeps what it is given and loses the answer.
type lossy struct{ record.Bucket }

func (l lossy) Put(ctx context.Context, key string, body []byte) error {
	return errors.Join(l.Bucket.Put(ctx, key, body), errors.New("connection reset"))
}

func TestARecordInDoubtIsCalledSo(t *testing.T) {
	w := begin(t)
	click := w.click("A", "ou_a", "e1")
	store := w.bucket
	w.bucket = lossy{store}
	_, kind, says := w.ask(click)
	if kind != "error" || !strings.Contains(says, "not certain") || strings.Contains(says, "nothing was changed") {
		t.Errorf("%s %q", kind, says)
	}
	w.bucket = store
	if _, kind, says = w.ask(w.click("A", "ou_a", "e2")); kind != "success" && !strings.Contains(says, "already confirmed") {
		t.Errorf("pressed again: %s %q", kind, says)
	}
	if n := w.load().Last().Consent().Confirmation; n == nil || len(n.Decisions) != 1 {
		t.Errorf("%+v", n)
	}
}

// TestWordsToOthers: "confirm A" below a colleague's message is an answer to the colleague.
func TestWordsToOthers(t *testing.T) {
	w := begin(t)
	w.ask(lark.Message{MessageID: "om_9", Sender: "ou_a", SenderType: "user", Chat: "oc_1", RootID: "om_lunch", ParentID: "om_lunch", Text: "confirm A"})
	if len(w.replies) != 0 || len(w.woken) != 0 || len(w.load().Last().Decisions) != 0 {
		t.Errorf("%q %v", w.replies, w.woken)
	}
	w.ask(lark.Message{MessageID: "om_10", Sender: "ou_a", SenderType: "user", Chat: "oc_1", RootID: "om_1", ParentID: "om_lunch", Text: "confirm A"})
	if len(w.replies) != 1 || len(w.woken) != 1 {
		t.Errorf("below the card: %q %v", w.replies, w.woken)
	}
}

// TestWordsThatCameLate: the platform delivers a sentence again for hours; it speaks of what there was to read when it was said.
func TestWordsThatCameLate(t *testing.T) {
	w := begin(t)
	m := lark.Message{MessageID: "om_9", Sender: "ou_a", Union: "on_a", SenderType: "user", Chat: "oc_1", RootID: "om_1", Text: "confirm A", SentAt: t0.Add(-5 * time.Minute)}
	w.ask(m)
	if len(w.replies) != 1 || !strings.Contains(w.replies[0], "before this plan") || len(w.woken) != 0 {
		t.Errorf("%q %v", w.replies, w.woken)
	}
	if d := w.load().Last().Decisions; len(d) != 1 || d[0].Refused != string(incident.RefusedStale) || d[0].Union != "on_a" {
		t.Errorf("%+v", d)
	}
	m.MessageID, m.SentAt = "om_10", t0.Add(10*time.Second)
	w.ask(m)
	if len(w.woken) != 1 {
		t.Errorf("%q", w.replies)
	}
}

func TestOnePersonWithTwoIDsIsOne(t *testing.T) {
	w := begin(t)
	for n, by := range []string{"ou_a", "ou_b"} {
		c := w.click("B", by, fmt.Sprint("e", n))
		c.Union = "on_1"
		w.ask(c)
	}
	if c := w.load().Last().Consent(); c.Confirmation != nil || len(c.Approvals["B"]) != 1 {
		t.Errorf("%+v", c)
	}
}

func TestTalkBelowACardIsLeftAlone(t *testing.T) {
	w := begin(t)
	w.ask(lark.Message{MessageID: "om_9", Sender: "ou_a", SenderType: "user", Chat: "oc_1", RootID: "om_1", Text: "I am looking at it"})
	w.ask(lark.Message{MessageID: "om_10", Sender: "ou_a", SenderType: "bot", Chat: "oc_1", Text: "confirm A", ToBot: true})
	if len(w.replies) != 0 || len(w.woken) != 0 {
		t.Errorf("%q %v", w.replies, w.woken)
	}
}

func TestWhatIsNotBelieved(t *testing.T) {
	w := begin(t)
	w.refuse = &lark.Refusal{Why: lark.WhySignature}
	out, err := w.hook().handle(t.Context(), []byte(`{"httpMethod":"POST","body":"{}"}`))
	if err != nil {
		t.Fatal(err)
	}
	if r := out.(functiongraph.Response); r.StatusCode != 401 || strings.Contains(r.Body, "signature") {
		t.Errorf("%+v", r)
	}
	for _, payload := range []string{"", "[]", `{"record":[]}`} {
		out, err := w.hook().handle(t.Context(), []byte(payload))
		if r, ok := out.(functiongraph.Response); err != nil || !ok || r.StatusCode != 400 {
			t.Errorf("%q: %+v %v", payload, out, err)
		}
	}
}

func TestChallengeTouchesNothing(t *testing.T) {
	w := begin(t)
	w.bucket = slow{w.bucket}
	w.cb = lark.Challenge{Answer: "abc"}
	out, err := w.hook().handle(t.Context(), []byte(`{"httpMethod":"POST","body":"{}"}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"challenge":"abc"}`, out.(functiongraph.Response).Body); diff != "" {
		t.Error(diff)
	}
}

func TestTwoPeopleAtOnce(t *testing.T) {
	w := begin(t)
	hook := w.hook()
	done := make(chan struct{})
	for n, by := range []string{"ou_a", "ou_b"} {
		go func() {
			defer func() { done <- struct{}{} }()
			d := incident.Decision{
				ID: fmt.Sprint("e", n), Incident: w.inc.ID, Round: 1, Solution: "A", Verb: incident.Approve, By: by, Chat: "oc_1", Message: "om_1", At: w.now,
				Digest: w.inc.Rounds[0].Plan.Solutions[0].Digest(w.inc.ID),
			}
			quiet := *hook
			quiet.wake = nowhere{}
			quiet.decide(t.Context(), w.book(t.Context()), cluster, d)
		}()
	}
	<-done
	<-done
	c := (incident.Policy{Approvers: cluster.Approvers}).Confirmed(w.load())
	if c.Confirmation == nil || len(c.Confirmation.Decisions) != 1 {
		t.Errorf("two clicks at once came to %+v", c.Confirmation)
	}
}

type nowhere struct{}

func (nowhere) Wake(context.Context, string, any) error { return nil }
