package lark

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"
	"github.com/rs/zerolog"

	"cce-oncall/shared/incident"
)

// Message types of the platform that are sent.
const (
	typeCard = "interactive"
	typePost = "post"
)

// UUID is a deduplication key: for one hour the platform sends at most one message with it. The same parts give the same key, so
// that two processes with the same thing to say say it once. 32 characters, of the 50 allowed.
func UUID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Send posts a card to a chat (oc_…) or a person (ou_…) and returns the message id, by which it is updated. With a uuid it may be
// repeated safely. A card the platform refuses is sent again in simpler forms, see simpler.
func (c *Client) Send(ctx context.Context, chat string, card []byte, uuid string) (string, error) {
	kind := "chat_id"
	if strings.HasPrefix(chat, "ou_") {
		kind = "open_id"
	}
	var id string
	err := c.inSomeForm(ctx, card, uuid, func(card []byte, uuid string) (err error) {
		body := larkim.CreateMessageReqBody{ReceiveId: &chat, MsgType: ptr(typeCard), Content: ptr(string(card)), Uuid: optional(uuid)}
		id, err = c.post(ctx, "send card", "/open-apis/im/v1/messages?receive_id_type="+kind, body, uuid != "")
		return err
	})
	return id, err
}

// Update replaces a card whole. While a click on it is being answered the platform refuses (11310, "card action is lock"), and
// above 5 updates a second too (230020): both are waited for until ctx ends. KindGone means: post a new card.
func (c *Client) Update(ctx context.Context, messageID string, card []byte) error {
	return c.inSomeForm(ctx, card, "", func(card []byte, _ string) error {
		body, err := json.Marshal(larkim.PatchMessageReqBody{Content: ptr(string(card))})
		if err != nil {
			return &Error{Op: "update card", Err: err}
		}
		return c.call(ctx, attempt{op: "update card", method: http.MethodPatch, path: messagePath(messageID, ""), body: body, repeatable: true})
	})
}

// Reply answers a message with a card, in its topic if it has one.
func (c *Client) Reply(ctx context.Context, messageID string, card []byte, uuid string) (string, error) {
	var id string
	err := c.inSomeForm(ctx, card, uuid, func(card []byte, uuid string) (err error) {
		body := larkim.ReplyMessageReqBody{MsgType: ptr(typeCard), Content: ptr(string(card)), Uuid: optional(uuid)}
		id, err = c.post(ctx, "reply with card", messagePath(messageID, "/reply"), body, uuid != "")
		return err
	})
	return id, err
}

// ReplyText answers a message in words. It is sent as a post of text runs: a plain text message would interpret <at …> in it.
func (c *Client) ReplyText(ctx context.Context, messageID string, t incident.Text, uuid string) (string, error) {
	content, err := post(t, c.language)
	if err != nil {
		return "", &Error{Op: "reply", Err: err}
	}
	body := larkim.ReplyMessageReqBody{MsgType: ptr(typePost), Content: &content, Uuid: optional(uuid)}
	return c.post(ctx, "reply", messagePath(messageID, "/reply"), body, uuid != "")
}

// Urge marks one of the bot's own messages as urgent for people of the chat, inside the app only (no SMS, no call). It returns
// those who could not be urged. It is not repeated after an unclear failure: nobody should be woken twice.
func (c *Client) Urge(ctx context.Context, messageID string, openIDs []string) ([]string, error) {
	body, err := json.Marshal(larkim.UrgentReceivers{UserIdList: openIDs})
	if err != nil {
		return nil, &Error{Op: "urge", Err: err}
	}
	var got struct {
		Data larkim.UrgentAppMessageRespData `json:"data"`
	}
	err = c.call(ctx, attempt{op: "urge", method: http.MethodPatch, path: messagePath(messageID, "/urgent_app?user_id_type=open_id"), body: body, out: &got})
	return got.Data.InvalidUserIdList, err
}

// Bot is who the app is in chats.
type Bot struct {
	Name   string `json:"app_name"`
	OpenID string `json:"open_id"` // what a mention of the bot carries
}

// Bot asks who the app is.
func (c *Client) Bot(ctx context.Context) (Bot, error) {
	var got struct {
		Bot Bot `json:"bot"` // beside, not under, data
	}
	err := c.call(ctx, attempt{op: "get bot info", method: http.MethodGet, path: "/open-apis/bot/v3/info", out: &got, repeatable: true})
	return got.Bot, err
}

func (c *Client) post(ctx context.Context, op, path string, content any, repeatable bool) (string, error) {
	body, err := json.Marshal(content)
	if err != nil {
		return "", &Error{Op: op, Err: err}
	}
	var got struct {
		Data larkim.CreateMessageRespData `json:"data"`
	}
	if err := c.call(ctx, attempt{op: op, method: http.MethodPost, path: path, body: body, out: &got, repeatable: repeatable}); err != nil {
		return "", err
	}
	if got.Data.MessageId == nil || *got.Data.MessageId == "" {
		return "", &Error{Op: op, HTTP: http.StatusOK, Msg: "answer without a message id"}
	}
	return *got.Data.MessageId, nil
}

// inSomeForm sends a card as it is, then simpler, then bare, for as long as the platform refuses the card itself. A person who is
// waiting gets something that says what is missing; the refusal goes to the log.
func (c *Client) inSomeForm(ctx context.Context, card []byte, uuid string, send func([]byte, string) error) error {
	err := send(card, uuid)
	for _, s := range simpler {
		var e *Error
		if !errors.As(err, &e) || (e.Kind() != KindCard && e.Kind() != KindContent) {
			return err
		}
		plainer, ok := s.apply(card)
		if !ok {
			return err
		}
		zerolog.Ctx(ctx).Warn().Err(err).Str("form", s.name).Msg("card refused, sending a simpler form")
		if uuid != "" { // other content needs another key
			err = send(plainer, UUID(uuid, s.name))
		} else {
			err = send(plainer, "")
		}
	}
	return err
}

// post writes a rich text message of one plain run in each language.
func post(t incident.Text, l Language) (string, error) {
	type run struct {
		Tag  string `json:"tag"`
		Text string `json:"text"`
	}
	type page struct {
		Content [][]run `json:"content"`
	}
	pages := map[string]page{}
	add := func(locale, s string) { pages[locale] = page{Content: [][]run{{{Tag: "text", Text: s}}}} }
	if l != English {
		add("zh_cn", t.In("zh"))
	}
	if l != Chinese {
		add("en_us", t.In("en"))
	}
	b, err := json.Marshal(pages)
	return string(b), err
}

func messagePath(id, rest string) string {
	return "/open-apis/im/v1/messages/" + url.PathEscape(id) + rest
}

func ptr[T any](v T) *T { return &v }

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
