package lark

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"
)

// Client-visible codes of a click that went wrong.
const (
	ClickNoURL     = 200340 // no callback URL, or not published
	ClickTooSlow   = 200341
	ClickNoConnect = 200342
	ClickNoHost    = 200343
	ClickNot200    = 200671
	ClickBadBody   = 200672
	ClickBadCard   = 200673
	ClickOldSchema = subDowngrade
)

// Press is one use of a component of a card.
type Press struct {
	User    string `json:"user"` // any id, mail address or name
	Message string `json:"message"`
	// Target is the component: a label in any language, an element id, a name, a
	// JSON pointer into the card, or a string inside its callback value.
	Target string `json:"target"`
	// Form are the values a person filled in, by component name.
	Form map[string]any `json:"form,omitempty"`
	// Option, Options and Input are for components outside of a form.
	Option  string   `json:"option,omitempty"`
	Options []string `json:"options,omitempty"`
	Input   string   `json:"input,omitempty"`

	// Revision, when not 0, acts on an older content of the message (1 is the
	// first): a client that had not redrawn yet. Negative counts from the end.
	Revision int `json:"revision,omitempty"`
	// Force skips all that a client refuses by itself, as a modified client does.
	Force bool `json:"force,omitempty"`
}

// Toast is the short note a click may answer with.
type Toast struct {
	Type    string            `json:"type"`
	Content string            `json:"content"`
	I18n    map[string]string `json:"i18n,omitempty"`
}

// In is the text in a language.
func (t Toast) In(language string) string {
	if s := t.I18n[language]; s != "" {
		return s
	}
	return t.Content
}

// Answer is what the person sees after a click.
type Answer struct {
	EventID string `json:"event_id,omitempty"`
	// Token is the c-… with which the app may update the card later.
	Token string `json:"-"`
	// Code is 0, or what the client shows.
	Code   int    `json:"code"`
	Reason string `json:"reason,omitempty"`
	Status int    `json:"status,omitempty"` // HTTP
	Toast  *Toast `json:"toast,omitempty"`
	// Card says that the answer replaced the card.
	Card bool          `json:"card,omitempty"`
	URL  string        `json:"url,omitempty"` // an open_url behaviour
	Took time.Duration `json:"took"`
}

// updateToken is the right to update a card after a click.
type updateToken struct {
	message string
	issued  time.Time
	uses    int
	before  string // card to go back to, when used before the click was answered
}

// Click presses a button and waits for the answer, as a person's client does.
// The error is what the client itself refuses; what the app does wrong is in the
// Answer.
func (s *Server) Click(ctx context.Context, user, message, button string) (Answer, error) {
	return s.Press(ctx, Press{User: user, Message: message, Target: button})
}

// Press is Click with everything a person can do.
func (s *Server) Press(ctx context.Context, p Press) (Answer, error) {
	s.mu.Lock()
	c, err := s.prepare(p)
	if err != nil {
		s.mu.Unlock()
		return Answer{}, err
	}
	if !c.callback {
		s.mu.Unlock()
		return Answer{URL: c.answer.URL}, nil
	}
	if s.callbackURL == "" {
		c.answer.Code, c.answer.Reason = ClickNoURL, "the app has no callback URL"
		s.recordClick(c)
		s.mu.Unlock()
		return c.answer, nil
	}
	q, err := s.request(s.callbackURL, s.envelope(c.answer.EventID, "card.action.trigger", c.event))
	if err != nil {
		s.mu.Unlock()
		return Answer{}, err
	}
	s.lock(c)
	s.mu.Unlock()
	return s.resolve(ctx, c, q), nil
}

// click is a press on its way to the app and back.
type click struct {
	press    Press
	user     User
	message  *Message
	label    string
	callback bool
	event    map[string]any
	answer   Answer
}

// prepare finds the component and builds the event. The mutex is held.
func (s *Server) prepare(p Press) (*click, error) {
	u, ok := s.findUser(p.User)
	m := s.message(p.Message)
	if !ok {
		return nil, fmt.Errorf("clicking as %q: %w", p.User, ErrNobody)
	}
	if m == nil || m.Type != "interactive" {
		return nil, fmt.Errorf("clicking on %q: %w", p.Message, ErrNotThere)
	}
	card, err := decodeObject([]byte(contentOf(m, p.Revision)))
	if err != nil {
		return nil, fmt.Errorf("clicking on %q: %w", p.Message, err)
	}
	if !p.Force {
		if err := s.clientAllows(u, m, card); err != nil {
			return nil, fmt.Errorf("clicking on %q: %w", p.Message, err)
		}
	}
	e, found := findComponent(card, p.Target)
	if !found {
		return nil, fmt.Errorf("clicking %q: %w", p.Target, ErrNoButton)
	}
	c := &click{press: p, user: u, message: m}
	action, err := c.action(card, e)
	if err != nil {
		return nil, fmt.Errorf("clicking %q: %w", p.Target, err)
	}
	c.answer.EventID, c.answer.Token = s.mint.hex(32), "c-"+s.mint.hex(40)
	operator := map[string]any{"tenant_key": s.app.TenantKey, "open_id": u.OpenID, "union_id": u.UnionID}
	if u.UserID != "" {
		operator["user_id"] = u.UserID
	}
	c.event = map[string]any{
		"operator": operator, "token": c.answer.Token, "action": action, "host": "im_message",
		"context": map[string]any{"open_message_id": m.ID, "open_chat_id": m.ChatID},
	}
	return c, nil
}

func contentOf(m *Message, revision int) string {
	switch n := len(m.Revisions); {
	case revision > 0 && revision <= n:
		return m.Revisions[revision-1].Content
	case revision < 0 && n+revision > 0:
		return m.Revisions[n+revision-1].Content
	}
	return m.Content
}

// clientAllows is what a genuine client checks before it sends a click.
func (s *Server) clientAllows(u User, m *Message, card map[string]any) error {
	chat := s.chat(m.ChatID)
	config, _ := card["config"].(map[string]any)
	switch {
	case m.Recalled:
		return ErrRecalled
	case chat == nil || !slices.Contains(chat.Members, u.OpenID), m.VisibleTo != "" && m.VisibleTo != u.OpenID:
		return ErrNotThere
	case m.CopyOf != "" && config["enable_forward_interaction"] != true:
		return ErrForwarded
	case s.now().Sub(m.Created) > cardLife:
		return ErrCardTooOld
	}
	return nil
}

func findComponent(card map[string]any, target string) (element, bool) {
	var found element
	walkElements(card, func(e element) {
		tag, _ := e.obj["tag"].(string)
		if found.obj == nil && interactive(tag) && buttonOf(e).is(target) {
			found = e
		}
	})
	return found, found.obj != nil
}

// action is the action part of the event, after the checks a client makes.
func (c *click) action(card map[string]any, e element) (map[string]any, error) {
	b := buttonOf(e)
	tag, _ := e.obj["tag"].(string)
	c.label, c.callback, c.answer.URL = b.Text[""], b.callback, b.URL
	if c.label == "" {
		c.label = tag
	}
	if b.Disabled && !c.press.Force {
		return nil, ErrDisabled
	}
	a := map[string]any{"tag": tag, "timezone": "Asia/Shanghai"}
	if b.Value != nil {
		a["value"] = b.Value
	}
	if b.Name != "" {
		a["name"] = b.Name
	}
	switch {
	case b.Action == "reset", e.form != "" && tag != "button":
		c.callback = false // fields of a form report only when it is submitted
	case b.Action == "submit":
		form, err := c.formValue(card, b.Form)
		if err != nil {
			return nil, err
		}
		a["form_value"] = form
	case tag == "input":
		a["input_value"] = c.press.Input
	case tag == "multi_select_static" || tag == "multi_select_person":
		a["options"] = c.press.Options
	case tag != "button":
		a["option"] = c.press.Option
	}
	return a, nil
}

// formValue collects the fields of a form: what was filled in, else the initial
// value.
func (c *click) formValue(card map[string]any, form string) (map[string]any, error) {
	out := map[string]any{}
	var missing error
	walkElements(card, func(e element) {
		tag, _ := e.obj["tag"].(string)
		name, _ := e.obj["name"].(string)
		if e.form != form || tag == "form" || tag == "button" || name == "" {
			return
		}
		v, given := c.press.Form[name]
		for _, key := range []string{"default_value", "initial_option", "selected_values"} {
			if !given && e.obj[key] != nil {
				v, given = e.obj[key], true
			}
		}
		if !given {
			v = ""
		}
		out[name] = v
		if e.obj["required"] == true && v == "" && missing == nil && !c.press.Force {
			missing = fmt.Errorf("field %s: %w", name, ErrRequired)
		}
	})
	return out, missing
}

// lock marks the card while the click is on its way. The mutex is held.
func (s *Server) lock(c *click) {
	c.message.InFlight++
	c.message.Seq = s.touch()
	s.updates[c.answer.Token] = &updateToken{message: c.message.ID, issued: s.now()}
}

// resolve sends the click, waits, and applies the answer.
func (s *Server) resolve(ctx context.Context, c *click, q Request) Answer {
	at := s.now()
	status, body, err := s.post(ctx, q, answerWithin)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.answer.Took, c.answer.Status = s.now().Sub(at), status
	c.message.InFlight--
	c.message.Seq = s.touch()
	if u := s.updates[c.answer.Token]; u.before != "" {
		s.revise(c.message, "revert", u.before)
	}
	switch {
	case err != nil:
		c.answer.Code, c.answer.Reason = codeOfError(err), err.Error()
	case status != http.StatusOK:
		c.answer.Code, c.answer.Reason = ClickNot200, fmt.Sprintf("the app answered HTTP %d", status)
	default:
		s.apply(c, body)
	}
	s.recordClick(c)
	return c.answer
}

func codeOfError(err error) int {
	var dns *net.DNSError
	switch {
	case errors.Is(err, errTooSlow):
		return ClickTooSlow
	case errors.As(err, &dns):
		return ClickNoHost
	}
	return ClickNoConnect
}

// apply reads the app's answer: {}, a toast, a card, or both.
func (s *Server) apply(c *click, body []byte) {
	bad := func(code int, why string) { c.answer.Code, c.answer.Reason = code, why }
	if s.behaviour.LenientNull && bytes.Equal(bytes.TrimSpace(body), []byte("null")) {
		return
	}
	if _, err := decodeObject(body); err != nil {
		bad(ClickBadBody, err.Error())
		return
	}
	var in struct {
		Toast *Toast `json:"toast"`
		Card  *struct {
			Type string          `json:"type"`
			Data json.RawMessage `json:"data"`
		} `json:"card"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		bad(ClickBadBody, err.Error())
		return
	}
	if in.Toast != nil && !slices.Contains([]string{"info", "success", "error", "warning", ""}, in.Toast.Type) {
		bad(ClickBadBody, "unknown toast type "+in.Toast.Type)
		return
	}
	if in.Card != nil {
		if in.Card.Type != "raw" || len(in.Card.Data) == 0 || in.Card.Data[0] != '{' || len(in.Card.Data) > cardBytes {
			bad(ClickBadCard, "the card is not a raw card object of at most 30 KB")
			return
		}
		if e := s.checkUpdate(in.Card.Data); e != nil {
			code := ClickBadCard
			if e.sub == subDowngrade {
				code = ClickOldSchema
			}
			bad(code, e.Error())
			return
		}
		if c.message.CopyOf == "" {
			s.revise(c.message, "callback", string(in.Card.Data))
			c.answer.Card = true
		}
	}
	c.answer.Toast = in.Toast
}

func (s *Server) recordClick(c *click) {
	e := Entry{
		Kind: "click", Actor: c.user.Name, Chat: c.message.ChatID, Message: c.message.ID,
		Text: c.label, Status: c.answer.Status, Code: c.answer.Code, Detail: c.answer.Reason,
	}
	if c.answer.Toast != nil {
		e.Detail = c.answer.Toast.Content
	}
	s.record(e)
}
