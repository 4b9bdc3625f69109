package lark

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What a person's client refuses by itself: nothing is sent to the app.
var (
	ErrNobody     = errors.New("no such person")
	ErrNotThere   = errors.New("the person is not in the chat or cannot see the message")
	ErrNoButton   = errors.New("no such button on the card")
	ErrDisabled   = errors.New("the button is disabled")
	ErrForwarded  = errors.New("a forwarded card does not take clicks")
	ErrNoForward  = errors.New("the card may not be forwarded")
	ErrRequired   = errors.New("a required field is empty")
	ErrCardTooOld = errors.New("the card is older than 14 days")
	ErrRecalled   = errors.New("the message was recalled")
)

// Type makes a person write into a chat. who is any id, mail address or the
// name; "@" and the bot's name in the text mention the bot. The platform pushes
// the message in one-to-one chats and where the bot is mentioned.
func (s *Server) Type(_ context.Context, who, chat, text string) (Message, error) {
	m, _, err := s.write(who, chat, "", text)
	return m, err
}

// Reply is Type as a reply to a message.
func (s *Server) Reply(_ context.Context, who, message, text string) (Message, error) {
	m, _, err := s.write(who, "", message, text)
	return m, err
}

// TypeEvent is Type, and returns the id of the event that was pushed for it,
// empty when none was.
func (s *Server) TypeEvent(_ context.Context, who, chat, text string) (Message, string, error) {
	return s.write(who, chat, "", text)
}

func (s *Server) write(who, chatID, parentID, text string) (Message, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &Message{ChatID: chatID, Type: "text"}
	if parentID != "" {
		parent := s.message(parentID)
		if parent == nil {
			return Message{}, "", fmt.Errorf("replying to %q: %w", parentID, ErrNotThere)
		}
		m.ChatID = parent.ChatID
		if e := s.thread(m, parent, true); e != nil {
			if e = s.thread(m, parent, false); e != nil {
				return Message{}, "", fmt.Errorf("replying to %q: %s", parentID, e.msg)
			}
		}
	}
	u, ok := s.findUser(who)
	if !ok {
		return Message{}, "", fmt.Errorf("typing as %q: %w", who, ErrNobody)
	}
	chat := s.chat(m.ChatID)
	if chat == nil || !slices.Contains(chat.Members, u.OpenID) {
		return Message{}, "", fmt.Errorf("typing as %s: %w", u.Name, ErrNotThere)
	}
	m.Sender = u.OpenID
	m.Content = string(mustJSON(map[string]any{"text": text}))
	s.put(m, "typed")
	s.record(Entry{Kind: "typed", Actor: u.Name, Chat: chat.ID, Message: m.ID, Text: text})
	mentioned := strings.Contains(text, "@"+s.app.Name)
	if !chat.P2P && !mentioned && !s.behaviour.AllGroupMessages || chat.BotAbsent {
		return m.clone(), "", nil
	}
	return m.clone(), s.push("im.message.receive_v1", s.received(u, chat, m, text, mentioned)), nil
}

// received is the event of a message a person sent.
func (s *Server) received(u User, chat *Chat, m *Message, text string, mentioned bool) map[string]any {
	message := map[string]any{
		"message_id": m.ID, "create_time": millis(m.Created), "update_time": millis(m.Updated),
		"chat_id": m.ChatID, "chat_type": "group", "message_type": "text", "user_agent": "Mozilla/5.0 (fake) Lark/7.36",
	}
	if chat.P2P {
		message["chat_type"] = "p2p"
	}
	if mentioned {
		text = strings.ReplaceAll(text, "@"+s.app.Name, "@_user_1")
		message["mentions"] = []any{map[string]any{
			"key": "@_user_1", "id": map[string]any{"open_id": s.app.OpenID, "union_id": "on_" + s.app.OpenID[3:], "user_id": nil},
			"mentioned_type": "bot", "name": s.app.Name, "tenant_key": s.app.TenantKey,
		}}
	}
	message["content"] = string(mustJSON(map[string]any{"text": text}))
	for key, id := range map[string]string{"root_id": m.RootID, "parent_id": m.ParentID, "thread_id": m.ThreadID} {
		if id != "" {
			message[key] = id
		}
	}
	return map[string]any{
		"sender":  map[string]any{"sender_id": userIDs(u), "sender_type": "user", "tenant_key": s.app.TenantKey},
		"message": message,
	}
}

// userIDs shows user_id as null where the person has none to show, which is what
// an app without contact:user.employee_id:readonly gets.
func userIDs(u User) map[string]any {
	ids := map[string]any{"open_id": u.OpenID, "union_id": u.UnionID, "user_id": nil}
	if u.UserID != "" {
		ids["user_id"] = u.UserID
	}
	return ids
}

// Recall takes a message back, as its sender or an owner of the group can.
func (s *Server) Recall(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.message(id)
	if m == nil {
		return fmt.Errorf("recalling %q: %w", id, ErrNotThere)
	}
	s.recall(m)
	s.record(Entry{Kind: "people", Actor: "platform", Chat: m.ChatID, Message: m.ID, Text: "recalled"})
	return nil
}

// Forward copies a message into another chat, as a person does. The card's
// enable_forward decides whether that works.
func (s *Server) Forward(who, id, chatID string) (Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.findUser(who)
	m, chat := s.message(id), s.chat(chatID)
	if !ok || m == nil || chat == nil || m.VisibleTo != "" {
		return Message{}, fmt.Errorf("forwarding %q: %w", id, ErrNotThere)
	}
	if config, _ := m.Card()["config"].(map[string]any); config["enable_forward"] == false {
		return Message{}, fmt.Errorf("forwarding %q: %w", id, ErrNoForward)
	}
	c := &Message{ChatID: chatID, Type: m.Type, Content: m.Content, Sender: u.OpenID, CopyOf: m.ID}
	s.put(c, "forward")
	s.record(Entry{Kind: "people", Actor: u.Name, Chat: chatID, Message: c.ID, Text: "forwarded " + m.ID})
	return c.clone(), nil
}
