package lark

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Attack is one way in which somebody tries to get a click accepted that should
// not be, or to get one click counted twice.
type Attack string

// The forgeries reach the callback URL without the platform; a right answer to
// them is a refusal. The others are genuine clicks in a bad constellation.
const (
	Unsigned          Attack = "unsigned"           // plain body, no X-Lark headers at all
	EncryptedUnsigned Attack = "encrypted-unsigned" // genuine body with its headers stripped
	EmptyKeySigned    Attack = "empty-key-signed"   // plain body, signed with no key, as anybody can
	OtherKey          Attack = "other-key"          // encrypted and signed with another Encrypt Key
	WrongToken        Attack = "wrong-token"        // well signed, verification token of another app
	WrongApp          Attack = "wrong-app"
	WrongTenant       Attack = "wrong-tenant"
	Stale             Attack = "stale"          // well signed, two hours ago
	Future            Attack = "future"         // well signed, two hours ahead
	Tampered          Attack = "tampered"       // one byte of the body changed after signing
	TrailingBytes     Attack = "trailing-bytes" // more JSON behind the body, signed as a whole
	TrailingPlain     Attack = "trailing-plain" // more JSON behind the event inside the encryption
	StringValue       Attack = "string-value"   // action.value is a string, which no card of ours has
	FakeChallenge     Attack = "fake-challenge" // a click without headers that calls itself url_verification
	Replay            Attack = "replay"         // a genuine click, then the very same bytes again
	OtherPerson       Attack = "other-person"   // Other clicks, whoever that is
	ForwardedCopy     Attack = "forwarded-copy" // Other clicks on a copy in another chat
	StaleCard         Attack = "stale-card"     // the button of an older version of the card
	DoubleClick       Attack = "double-click"   // the same person twice at once
	TwoPeople         Attack = "two-people"     // User and Other at the same moment
	AfterExpiry       Attack = "after-expiry"   // a click once Wait has passed on the clock
	RepeatedEvent     Attack = "repeated-event" // same event id, freshly signed: a dedupe must catch it
)

// Attacks are all of them, in the order above.
func Attacks() []Attack {
	return []Attack{
		Unsigned, EncryptedUnsigned, EmptyKeySigned, OtherKey, WrongToken, WrongApp, WrongTenant, Stale, Future, Tampered,
		TrailingBytes, TrailingPlain, StringValue, FakeChallenge, Replay, OtherPerson, ForwardedCopy, StaleCard,
		DoubleClick, TwoPeople, AfterExpiry, RepeatedEvent,
	}
}

// Forged reports whether a right answer to every request of the attack is an
// HTTP refusal, or for [StringValue] at least no effect.
func (a Attack) Forged() bool {
	return slices.Index(Attacks(), a) <= slices.Index(Attacks(), FakeChallenge)
}

// Plan is what an attack works with.
type Plan struct {
	Attack Attack `json:"attack"`
	// User, Message and Target are the click that is imitated, as in [Press].
	User    string `json:"user"`
	Message string `json:"message"`
	Target  string `json:"target"`
	// Other is the second person; Chat is where a copy is put (made when empty).
	Other string `json:"other,omitempty"`
	Chat  string `json:"chat,omitempty"`
	// Wait is how long AfterExpiry waits on the server's clock.
	Wait time.Duration `json:"wait,omitempty"`
}

// Outcome is one answer of the app to one request of an attack.
type Outcome struct {
	Status int    `json:"status"` // 0 when there was none
	Body   string `json:"body"`
	Err    string `json:"err,omitempty"`
	// Answer is what the platform made of it, for the genuine clicks.
	Answer *Answer `json:"answer,omitempty"`
}

// Refused reports whether the app turned the request away by HTTP status.
func (o Outcome) Refused() bool { return o.Status >= 400 && o.Status < 500 }

// Attack carries an attack out against the callback URL.
func (s *Server) Attack(ctx context.Context, p Plan) ([]Outcome, error) {
	s.note(Entry{Kind: "attack", Actor: p.User, Message: p.Message, Text: string(p.Attack)})
	if !slices.Contains(Attacks(), p.Attack) {
		return nil, fmt.Errorf("attacking: unknown attack %q", p.Attack)
	}
	click := Press{User: p.User, Message: p.Message, Target: p.Target, Force: true}
	switch p.Attack {
	case OtherPerson:
		click.User = p.Other
		return s.presses(ctx, click)
	case StaleCard:
		click.Revision = 1
		return s.presses(ctx, click)
	case ForwardedCopy:
		return s.attackCopy(ctx, p, click)
	case DoubleClick:
		return s.presses(ctx, click, click)
	case TwoPeople:
		second := click
		second.User = p.Other
		return s.presses(ctx, click, second)
	case AfterExpiry:
		if !s.sleep(p.Wait) {
			return nil, fmt.Errorf("attacking: the server was closed")
		}
		return s.presses(ctx, click)
	}
	requests, err := s.forge(p.Attack, click)
	if err != nil {
		return nil, err
	}
	out := make([]Outcome, 0, len(requests))
	for _, q := range requests {
		out = append(out, s.fire(ctx, q))
	}
	return out, nil
}

// presses clicks all at once.
func (s *Server) presses(ctx context.Context, clicks ...Press) ([]Outcome, error) {
	out := make([]Outcome, len(clicks))
	errs := make([]error, len(clicks))
	var all sync.WaitGroup
	for i, c := range clicks {
		all.Go(func() {
			a, err := s.Press(ctx, c)
			errs[i] = err
			out[i] = Outcome{Status: a.Status, Answer: &a}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Server) attackCopy(ctx context.Context, p Plan, click Press) ([]Outcome, error) {
	s.mu.Lock()
	original := s.message(p.Message)
	u, known := s.findUser(p.Other)
	if original == nil || !known {
		s.mu.Unlock()
		return nil, fmt.Errorf("attacking with a copy of %q as %q: %w", p.Message, p.Other, ErrNotThere)
	}
	if p.Chat == "" {
		p.Chat = s.mint.id("oc_")
		s.chats = append(s.chats, Chat{ID: p.Chat, Name: "elsewhere", Members: []string{u.OpenID}})
	}
	// Whoever forges does not ask enable_forward.
	c := &Message{ChatID: p.Chat, Type: original.Type, Content: original.Content, Sender: u.OpenID, CopyOf: original.ID}
	s.put(c, "forward")
	s.mu.Unlock()
	click.User, click.Message = p.Other, c.ID
	return s.presses(ctx, click)
}

// fire sends a forged request. It neither locks a card nor changes anything.
func (s *Server) fire(ctx context.Context, q Request) Outcome {
	status, body, err := s.post(ctx, q, answerWithin)
	o := Outcome{Status: status, Body: string(body)}
	if err != nil {
		o.Err = err.Error()
	}
	return o
}

// Forge builds the requests of a forgery without sending them, for use against
// a handler that has no address.
func (s *Server) Forge(a Attack, click Press) ([]Request, error) {
	click.Force = true
	return s.forge(a, click)
}

func (s *Server) forge(a Attack, p Press) ([]Request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.prepare(p)
	if err != nil {
		return nil, err
	}
	id := c.answer.EventID
	payload := s.envelope(id, "card.action.trigger", c.event)
	now, url, key := s.now(), s.callbackURL, s.app.EncryptKey
	switch a {
	case Unsigned:
		return []Request{{URL: url, Header: s.plainHeader(), Body: payload}}, nil
	case EmptyKeySigned:
		return []Request{s.signed(url, payload, "", now)}, nil
	case FakeChallenge:
		return []Request{{URL: url, Header: s.plainHeader(), Body: edit(payload, func(m map[string]any) {
			m["type"], m["challenge"], m["token"] = "url_verification", "x", s.app.VerificationToken
		})}}, nil
	case OtherKey:
		key = randomHex(32)
	case WrongToken, WrongApp, WrongTenant:
		field := map[Attack]string{WrongToken: "token", WrongApp: "app_id", WrongTenant: "tenant_key"}[a]
		payload = edit(payload, func(m map[string]any) { m["header"].(map[string]any)[field] = "not-ours-" + randomHex(12) })
	case StringValue:
		payload = edit(payload, func(m map[string]any) {
			action := m["event"].(map[string]any)["action"].(map[string]any)
			action["value"] = string(mustJSON(action["value"]))
		})
	case TrailingPlain:
		payload = append(payload, []byte(`{"event":{}}`)...)
	}
	body, err := seal(key, payload)
	if err != nil {
		return nil, err
	}
	return s.wrap(a, url, body, payload, key, now)
}

// wrap signs a sealed body in the way of the attack.
func (s *Server) wrap(a Attack, url string, body, payload []byte, key string, now time.Time) ([]Request, error) {
	switch a {
	case EncryptedUnsigned:
		return []Request{{URL: url, Header: s.plainHeader(), Body: body}}, nil
	case Stale:
		return []Request{s.signed(url, body, key, now.Add(-2*time.Hour))}, nil
	case Future:
		return []Request{s.signed(url, body, key, now.Add(2*time.Hour))}, nil
	case Tampered:
		q := s.signed(url, body, key, now)
		q.Body = bytes.Clone(body)
		at := len(q.Body) / 2
		q.Body[at] = map[bool]byte{true: 'B', false: 'A'}[q.Body[at] == 'A']
		return []Request{q}, nil
	case TrailingBytes:
		return []Request{s.signed(url, append(bytes.Clone(body), []byte(`{"encrypt":"x"}`)...), key, now)}, nil
	case Replay:
		q := s.signed(url, body, key, now)
		return []Request{q, q}, nil
	case RepeatedEvent:
		again, err := seal(key, payload)
		if err != nil {
			return nil, err
		}
		return []Request{s.signed(url, body, key, now), s.signed(url, again, key, now)}, nil
	}
	return []Request{s.signed(url, body, key, now)}, nil
}

// edit changes a decoded copy of a JSON object.
func edit(payload []byte, change func(map[string]any)) []byte {
	m, err := decodeObject(payload)
	if err != nil {
		panic("lark: editing what envelope made: " + err.Error())
	}
	change(m)
	return mustJSON(m)
}

// GenuineClick builds the request of a click without sending it or locking the
// card: for benchmarks and for tests of a handler that has no address.
func (s *Server) GenuineClick(p Press) (Request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.prepare(p)
	if err != nil {
		return Request{}, err
	}
	return s.request(s.callbackURL, s.envelope(c.answer.EventID, "card.action.trigger", c.event))
}

// HTTP makes a request that can be given to a handler.
func (q Request) HTTP() *http.Request {
	r, err := http.NewRequest(http.MethodPost, orRoot(q.URL), bytes.NewReader(q.Body))
	if err != nil {
		panic("lark: building a request: " + err.Error())
	}
	r.Header = q.Header.Clone()
	return r
}

func orRoot(url string) string {
	if url == "" {
		return "/"
	}
	return url
}

// MarshalJSON shows the body as text.
func (q Request) MarshalJSON() ([]byte, error) {
	header := map[string]string{}
	for k, v := range q.Header {
		header[k] = strings.Join(v, ",")
	}
	return json.Marshal(map[string]any{"url": q.URL, "header": header, "body": string(q.Body)})
}
