package lark

import (
	"slices"
	"strconv"
	"time"
)

// createMessage is im/v1/message/create.
func (s *Server) createMessage(c *call) (answer, *apiError) {
	var in struct {
		ReceiveID string `json:"receive_id"`
		MsgType   string `json:"msg_type"`
		Content   string `json:"content"`
		UUID      string `json:"uuid"`
	}
	if e := c.decode(&in); e != nil {
		return answer{}, e
	}
	chat, e := s.receiver(c.r.URL.Query().Get("receive_id_type"), in.ReceiveID)
	if e != nil {
		return answer{}, e
	}
	return s.send(&Message{ChatID: chat.ID, Type: in.MsgType, Content: in.Content, uuid: in.UUID}, OpCreate)
}

// receiver finds the chat behind a receive_id.
func (s *Server) receiver(kind, id string) (*Chat, *apiError) {
	switch kind {
	case "chat_id":
		if c := s.chat(id); c != nil {
			return c, nil
		}
	case "open_id", "union_id", "user_id", "email":
		u, ok := s.userBy(kind, id)
		if !ok {
			break
		}
		if u.Unavailable {
			return nil, refuse(codeUserOutside, "Bot has NO availability to this user.")
		}
		return s.p2p(u), nil
	default:
		return nil, refuse(codeFieldInvalid, "field validation failed: receive_id_type")
	}
	return nil, refuse(codeReceiver, "The receive_id is invalid. Please check it.")
}

// userBy finds a person by exactly one kind of id.
func (s *Server) userBy(kind, id string) (User, bool) {
	if id == "" {
		return User{}, false
	}
	for _, u := range s.users {
		switch {
		case kind == "open_id" && u.OpenID == id,
			kind == "union_id" && u.UnionID == id,
			kind == "user_id" && u.UserID == id,
			kind == "email" && u.Email == id:
			return u, true
		}
	}
	return User{}, false
}

// replyMessage is im/v1/message/reply.
func (s *Server) replyMessage(c *call) (answer, *apiError) {
	var in struct {
		MsgType       string `json:"msg_type"`
		Content       string `json:"content"`
		ReplyInThread bool   `json:"reply_in_thread"`
		UUID          string `json:"uuid"`
	}
	if e := c.decode(&in); e != nil {
		return answer{}, e
	}
	parent := s.message(c.r.PathValue("id"))
	if parent == nil {
		return answer{}, refuse(codeParam, "Invalid request param: message_id")
	}
	if parent.Recalled {
		return answer{}, refuse(codeRecalled, "The message was recalled.")
	}
	m := &Message{ChatID: parent.ChatID, Type: in.MsgType, Content: in.Content, uuid: in.UUID}
	if e := s.thread(m, parent, in.ReplyInThread); e != nil {
		return answer{}, e
	}
	return s.send(m, OpReply)
}

// thread places a reply below its parent. A reply to a message of a topic stays
// in that topic.
func (s *Server) thread(m, parent *Message, inThread bool) *apiError {
	m.ParentID = parent.ID
	m.RootID = parent.RootID
	if m.RootID == "" {
		m.RootID = parent.ID
	}
	m.ThreadID = parent.ThreadID
	if !inThread || m.ThreadID != "" {
		return nil
	}
	if c := s.chat(parent.ChatID); c != nil && c.NoThreads {
		return refuse(codeNoThreads, "The chat does not support reply in thread.")
	}
	m.ThreadID = s.mint.id("omt_")
	if root := s.message(m.RootID); root != nil {
		if root.ThreadID != "" {
			m.ThreadID = root.ThreadID
		}
		root.ThreadID = m.ThreadID
		root.Seq = s.touch()
	}
	return nil
}

// send checks a message of the bot, applies the uuid rule and stores it.
func (s *Server) send(m *Message, by string) (answer, *apiError) {
	if len(m.uuid) > 50 {
		return answer{}, refuse(codeFieldInvalid, "field validation failed: uuid is longer than 50")
	}
	if first, e := s.sentBefore(m.uuid); first != nil || e != nil {
		if e != nil {
			return answer{}, e
		}
		return data(s.messageData(first))
	}
	chat := s.chat(m.ChatID)
	if e := s.maySend(chat); e != nil {
		return answer{}, e
	}
	if e := s.checkContent(m.Type, m.Content); e != nil {
		return answer{}, e
	}
	if !s.take("chat/"+chat.ID, chatPerSec, time.Second) {
		return answer{}, refuse(codeMessageRate, "This operation triggers the frequency limit.")
	}
	m.Sender, m.FromApp = s.app.ID, true
	s.put(m, by)
	if m.uuid != "" {
		s.sent[m.uuid] = sentOnce{at: s.now(), id: m.ID}
	}
	return data(s.messageData(m))
}

// sentBefore finds the message that a uuid made within the last hour.
func (s *Server) sentBefore(uuid string) (*Message, *apiError) {
	once, ok := s.sent[uuid]
	if uuid == "" || !ok || s.now().Sub(once.at) >= uuidLife {
		return nil, nil
	}
	if s.behaviour.RejectDuplicateUUID {
		return nil, refuse(codeBeingSent, "The message is being sent.")
	}
	return s.message(once.id), nil
}

func (s *Server) maySend(chat *Chat) *apiError {
	switch {
	case chat.BotAbsent:
		return refuse(codeBotOutside, "Bot/User can NOT be out of the chat.")
	case chat.Refusal != 0:
		return refuse(chat.Refusal, "The chat refuses the message.")
	}
	return nil
}

// checkContent validates the content string of a message type.
func (s *Server) checkContent(kind, content string) *apiError {
	limit := cardBytes
	if kind == "text" {
		limit = textBytes
	}
	if len(content) > limit {
		return refuse(codeTooLong, "The length of the message content reaches its limit.")
	}
	if kind == "interactive" {
		if e := s.checkCard([]byte(content)); e != nil {
			return e.api()
		}
		return nil
	}
	in, err := decodeObject([]byte(content))
	if err != nil {
		return refuse(codeParam, "invalid message content, ext=content is not a JSON object")
	}
	switch kind {
	case "text":
		if text, _ := in["text"].(string); text == "" {
			return refuse(codeParam, "invalid message content, ext=text is empty")
		}
	case "image", "file":
		key, _ := in[kind+"_key"].(string)
		if s.uploads[key].kind != kind {
			return refuse(codeParam, "invalid message content, ext=invalid %s_key", kind)
		}
	case "post":
		if len(in) == 0 {
			return refuse(codeParam, "invalid message content, ext=post is empty")
		}
	default:
		return refuse(codeParam, "Invalid request param: msg_type")
	}
	return nil
}

// messageData is the message as the API shows it.
func (s *Server) messageData(m *Message) map[string]any {
	sender := map[string]any{"id": m.Sender, "id_type": "open_id", "sender_type": "user", "tenant_key": s.app.TenantKey}
	if m.FromApp {
		sender["id_type"], sender["sender_type"] = "app_id", "app"
	}
	out := map[string]any{
		"message_id": m.ID, "chat_id": m.ChatID, "msg_type": m.Type,
		"create_time": millis(m.Created), "update_time": millis(m.Updated),
		"deleted": m.Recalled, "updated": len(m.Revisions) > 1,
		"sender": sender, "body": map[string]any{"content": m.Content},
	}
	for key, id := range map[string]string{"root_id": m.RootID, "parent_id": m.ParentID, "thread_id": m.ThreadID} {
		if id != "" {
			out[key] = id
		}
	}
	return out
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// ownMessage finds a message that the bot itself sent and that still exists.
func (s *Server) ownMessage(id string) (*Message, *apiError) {
	m := s.message(id)
	switch {
	case m == nil:
		return nil, refuse(codeParam, "Invalid request param: message_id")
	case !m.FromApp || m.CopyOf != "":
		return nil, refuse(codePermission, "Lack of necessary permissions: the message was not sent by this app")
	case m.Recalled:
		return nil, refuse(codeRecalled, "The message was recalled.")
	}
	return m, nil
}

// editMessage is im/v1/message/update: text and post only, at most 20 times.
func (s *Server) editMessage(c *call) (answer, *apiError) {
	var in struct {
		MsgType string `json:"msg_type"`
		Content string `json:"content"`
	}
	if e := c.decode(&in); e != nil {
		return answer{}, e
	}
	m, e := s.ownMessage(c.r.PathValue("id"))
	if e != nil {
		return answer{}, e
	}
	if (in.MsgType != "text" && in.MsgType != "post") || m.Type == "interactive" || len(m.Revisions) > 20 {
		return answer{}, refuse(codeParam, "Invalid request param: this message cannot be edited")
	}
	if e := s.checkContent(in.MsgType, in.Content); e != nil {
		return answer{}, e
	}
	m.Type = in.MsgType
	s.revise(m, OpEdit, in.Content)
	return data(s.messageData(m))
}

// deleteMessage recalls a message of the bot.
func (s *Server) deleteMessage(c *call) (answer, *apiError) {
	m, e := s.ownMessage(c.r.PathValue("id"))
	if e != nil {
		return answer{}, e
	}
	s.recall(m)
	return data(nil)
}

func (s *Server) recall(m *Message) {
	m.Recalled = true
	m.Updated = s.now()
	m.Seq = s.touch()
}

// getMessage is im/v1/message/get.
func (s *Server) getMessage(c *call) (answer, *apiError) {
	m := s.message(c.r.PathValue("id"))
	if m == nil {
		return answer{}, refuse(codeParam, "Invalid request param: message_id")
	}
	return data(map[string]any{"items": []any{s.messageData(m)}})
}

// urgent is im/v1/message/urgent_app and its paid siblings.
func (s *Server) urgent(c *call) (answer, *apiError) {
	var in struct {
		UserIDList []string `json:"user_id_list"`
	}
	if e := c.decode(&in); e != nil {
		return answer{}, e
	}
	m, e := s.ownMessage(c.r.PathValue("id"))
	if e != nil {
		return answer{}, e
	}
	kind := c.r.URL.Query().Get("user_id_type")
	chat := s.chat(m.ChatID)
	invalid := []string{}
	var reached []string
	for _, id := range in.UserIDList {
		u, ok := s.userBy(kind, id)
		if !ok || !slices.Contains(chat.Members, u.OpenID) {
			invalid = append(invalid, id)
			continue
		}
		reached = append(reached, u.OpenID)
	}
	if len(reached) == 0 || len(in.UserIDList) > 200 {
		return answer{}, refuse(codeParam, "Invalid request param: user_id_list")
	}
	for _, id := range reached {
		if !slices.Contains(m.Urgent, id) {
			m.Urgent = append(m.Urgent, id)
		}
	}
	m.Seq = s.touch()
	return data(map[string]any{"invalid_user_id_list": invalid})
}

// pin is im/v1/pin/create.
func (s *Server) pin(c *call) (answer, *apiError) {
	var in struct {
		MessageID string `json:"message_id"`
	}
	if e := c.decode(&in); e != nil {
		return answer{}, e
	}
	m := s.message(in.MessageID)
	if m == nil || m.Recalled {
		return answer{}, refuse(codeParam, "Invalid request param: message_id")
	}
	if !s.take("pin/"+m.ID, messageQPS, time.Second) {
		return answer{}, refuse(codeMessageRate, "This operation triggers the frequency limit.")
	}
	m.Pinned = true
	m.Seq = s.touch()
	return data(map[string]any{"pin": map[string]any{
		"message_id": m.ID, "chat_id": m.ChatID, "operator_id": s.app.ID,
		"operator_id_type": "app_id", "create_time": millis(s.now()),
	}})
}

func (s *Server) unpin(c *call) (answer, *apiError) {
	if m := s.message(c.r.PathValue("id")); m != nil {
		m.Pinned = false
		m.Seq = s.touch()
	}
	return data(nil)
}
