package lark

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	larkevent "github.com/larksuite/oapi-sdk-go/v3/event"
	sdkcallback "github.com/larksuite/oapi-sdk-go/v3/event/dispatcher/callback"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"
)

type header = larkevent.EventHeader

// Callback is what a verified request is: Challenge, Click, Message or Other.
type Callback interface{ callback() }

// Challenge asks whether the address is ours. Answer with ChallengeAnswer within one second and do nothing else: it is unsigned.
type Challenge struct{ Answer string }

// Click is somebody's use of a button or form. Who, where and on which message come from the platform; Token is only what our card
// said, and the card may be old or forwarded: everything is looked up by it, nothing believed because of it.
type Click struct {
	EventID  string
	Operator string            // open_id, never empty
	Union    string            // union_id of the same person, where the platform sent one
	Token    string            // our opaque button token; empty when the value was not ours
	Name     string            // of the button or form
	Form     map[string]string // entered values: data
	Message  string            // the card's message id
	Chat     string
	Host     string // im_message, or im_top_notice for the group's banner
	Timezone string // of the person's client
}

// Message is a sentence to the bot.
type Message struct {
	EventID    string
	MessageID  string    // deduplicate by this as well: the platform says so for this event
	Sender     string    // open_id, never empty
	Union      string    // union_id of the same person, where the platform sent one
	SentAt     time.Time // when it was said, by the platform's clock; zero where it does not say
	SenderType string    // user, or bot: ignore bots, or two of them talk for ever
	Chat       string
	ChatType   string // p2p, group, topic_group
	ThreadID   string
	RootID     string // first message of the thread that is replied to: the card, when somebody answers it
	ParentID   string
	Text       string // mentions resolved to @name, mentions of the bot taken out; empty for what is not text: data
	ToBot      bool   // in a private chat, or the bot was mentioned
	Mentions   []Mention
}

// Mention is somebody named in a message.
type Mention struct {
	OpenID string
	Name   string
}

// Other is an event nobody acts on. Answer it like any other, or the platform repeats it.
type Other struct {
	EventID string
	Type    string
}

func (Challenge) callback() {}
func (Click) callback()     {}
func (Message) callback()   {}
func (Other) callback()     {}

func (v *Verifier) callback(e *envelope) (Callback, error) {
	switch e.Header.EventType {
	case "card.action.trigger":
		return click(e)
	case "im.message.receive_v1":
		return v.message(e)
	}
	return Other{EventID: e.Header.EventID, Type: clip(clean(e.Header.EventType), 80)}, nil
}

// action is the SDK's, with a value of any kind: its own type fails on the string that old cards send.
type action struct {
	sdkcallback.CallBackAction
	Value     json.RawMessage            `json:"value"`
	FormValue map[string]json.RawMessage `json:"form_value"`
	Options   json.RawMessage            `json:"options"`
}

func click(e *envelope) (Callback, error) {
	var in struct {
		Operator struct {
			sdkcallback.Operator
			UnionID string `json:"union_id"` // the SDK's lacks it
		} `json:"operator"`
		Action  action              `json:"action"`
		Host    string              `json:"host"`
		Context sdkcallback.Context `json:"context"`
	}
	if json.Unmarshal(e.Event, &in) != nil {
		return nil, refuse(WhyEnvelope)
	}
	if in.Operator.OpenID == "" {
		return nil, refuse(WhyUnidentified)
	}
	if t := in.Operator.TenantKey; t != nil && *t != "" && *t != e.Header.TenantKey {
		return nil, refuse(WhyTenant)
	}
	c := Click{
		EventID: e.Header.EventID, Operator: in.Operator.OpenID, Union: in.Operator.UnionID, Token: buttonToken(in.Action.Value), Name: in.Action.Name,
		Message: in.Context.OpenMessageID, Chat: in.Context.OpenChatID, Host: in.Host, Timezone: in.Action.Timezone,
	}
	if len(in.Action.FormValue) > 0 {
		c.Form = make(map[string]string, len(in.Action.FormValue))
		for name, raw := range in.Action.FormValue {
			var s string
			if json.Unmarshal(raw, &s) == nil { // inputs and single selects; nothing else is on our cards
				c.Form[name] = s
			}
		}
	}
	return c, nil
}

// tokenKey is where a button of ours keeps its token.
const tokenKey = "token"

// buttonToken finds our token in a button's value. A value that is not ours, or not an object, has none.
func buttonToken(raw json.RawMessage) string {
	var value struct {
		Token string `json:"token"`
	}
	if json.Unmarshal(raw, &value) != nil {
		return ""
	}
	return value.Token
}

func (v *Verifier) message(e *envelope) (Callback, error) {
	var in struct {
		larkim.P2MessageReceiveV1Data
		Message *struct {
			larkim.EventMessage
			Mentions []*mention `json:"mentions"`
		} `json:"message"`
	}
	if json.Unmarshal(e.Event, &in) != nil || in.Message == nil || text(in.Message.MessageId) == "" {
		return nil, refuse(WhyEnvelope)
	}
	if in.Sender == nil || in.Sender.SenderId == nil || text(in.Sender.SenderId.OpenId) == "" {
		return nil, refuse(WhyUnidentified)
	}
	if t := text(in.Sender.TenantKey); t != "" && t != e.Header.TenantKey {
		return nil, refuse(WhyTenant)
	}
	in2 := in.Message
	m := Message{
		EventID: e.Header.EventID, MessageID: text(in2.MessageId), Sender: text(in.Sender.SenderId.OpenId), SenderType: text(in.Sender.SenderType),
		Chat: text(in2.ChatId), ChatType: text(in2.ChatType), ThreadID: text(in2.ThreadId), RootID: text(in2.RootId), ParentID: text(in2.ParentId),
		ToBot: text(in2.ChatType) == "p2p", Union: text(in.Sender.SenderId.UnionId),
	}
	if ms, err := strconv.ParseInt(text(in2.CreateTime), 10, 64); err == nil && ms > 0 { // milliseconds in this event, whatever others do
		m.SentAt = time.UnixMilli(ms).UTC()
	}
	said := spoken(text(in2.MessageType), text(in2.Content))
	for _, n := range in2.Mentions {
		if n == nil || text(n.Key) == "" {
			continue
		}
		id := ""
		if n.Id != nil {
			id = text(n.Id.OpenId)
		}
		m.Mentions = append(m.Mentions, Mention{OpenID: id, Name: text(n.Name)})
		name := "@" + text(n.Name)
		if v.isBot(id, n.MentionedType) {
			name, m.ToBot = "", true
		}
		said = replaceMention(said, text(n.Key), name)
	}
	m.Text = strings.TrimSpace(said)
	return m, nil
}

// mention is the SDK's with the field it lacks.
type mention struct {
	larkim.MentionEvent
	MentionedType string `json:"mentioned_type"`
}

// isBot tells a mention of this bot by its open_id, or by the platform's word for it where ours is not known.
func (v *Verifier) isBot(openID, mentionedType string) bool {
	if v.BotOpenID != "" {
		return openID == v.BotOpenID
	}
	return mentionedType == "bot" || mentionedType == "app"
}

// replaceMention puts a name for a placeholder like @_user_1, and leaves @_user_10 alone.
func replaceMention(s, key, name string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, key)
		if i < 0 {
			break
		}
		rest := s[i+len(key):]
		b.WriteString(s[:i])
		if rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			b.WriteString(key)
		} else {
			b.WriteString(name)
		}
		s = rest
	}
	b.WriteString(s)
	return b.String()
}

// spoken gets the words out of a text or post message; other kinds have none.
func spoken(kind, content string) string {
	switch kind {
	case "text":
		var in struct {
			Text string `json:"text"`
		}
		if json.Unmarshal([]byte(content), &in) == nil {
			return in.Text
		}
	case "post":
		var in struct {
			Title   string `json:"title"`
			Content [][]struct {
				Tag    string   `json:"tag"`
				Text   string   `json:"text"`
				Style  []string `json:"style"`
				UserID string   `json:"user_id"` // of an at: the placeholder
			} `json:"content"`
		}
		if json.Unmarshal([]byte(content), &in) != nil {
			return ""
		}
		lines := []string{in.Title}
		for _, l := range in.Content {
			var b strings.Builder
			for _, run := range l {
				switch run.Tag {
				case "text", "a":
					b.WriteString(struck(run.Text, run.Style))
				case "at":
					b.WriteString(run.UserID)
				default: // an emoji, a picture, code: it may turn the words beside it around
					b.WriteString(" [" + run.Tag + "] " + run.Text)
				}
			}
			lines = append(lines, b.String())
		}
		return strings.TrimSpace(strings.Join(lines, "\n"))
	}
	return ""
}

// struck marks words that were crossed out: they are not said.
func struck(words string, style []string) string {
	if slices.Contains(style, "lineThrough") && strings.TrimSpace(words) != "" {
		return " [crossed out: " + words + "] "
	}
	return words
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
