package lark

import (
	"slices"
	"strconv"
)

// batchGetID is contact/v3/users/batch_get_id: mail addresses and mobiles to ids.
// Unknown ones come back without an id.
func (s *Server) batchGetID(c *call) (answer, *apiError) {
	var in struct {
		Emails  []string `json:"emails"`
		Mobiles []string `json:"mobiles"`
	}
	if e := c.decode(&in); e != nil {
		return answer{}, e
	}
	if len(in.Emails) > 50 || len(in.Mobiles) > 50 || len(in.Emails)+len(in.Mobiles) == 0 {
		return answer{}, refuse(codeFieldInvalid, "field validation failed: emails and mobiles take 1 to 50 entries")
	}
	kind := c.r.URL.Query().Get("user_id_type")
	list := []any{}
	for _, mail := range in.Emails {
		list = append(list, s.idEntry("email", mail, kind, func(u User) bool { return u.Email == mail }))
	}
	for _, mobile := range in.Mobiles {
		list = append(list, s.idEntry("mobile", mobile, kind, func(u User) bool { return u.Mobile == mobile }))
	}
	return data(map[string]any{"user_list": list})
}

func (s *Server) idEntry(field, value, kind string, match func(User) bool) map[string]any {
	entry := map[string]any{field: value}
	if i := slices.IndexFunc(s.users, match); i >= 0 && value != "" {
		entry["user_id"] = idOf(s.users[i], kind)
	}
	return entry
}

// idOf is the person's id of a kind; open_id when none is named.
func idOf(u User, kind string) string {
	switch kind {
	case "union_id":
		return u.UnionID
	case "user_id":
		return u.UserID
	}
	return u.OpenID
}

func (s *Server) getUser(c *call) (answer, *apiError) {
	u, ok := s.userBy(orOpenID(c.r.URL.Query().Get("user_id_type")), c.r.PathValue("id"))
	if !ok {
		return answer{}, refuse(40003, "user not found") // ours
	}
	return data(map[string]any{"user": map[string]any{
		"open_id": u.OpenID, "union_id": u.UnionID, "user_id": u.UserID, "name": u.Name, "email": u.Email,
	}})
}

func orOpenID(kind string) string {
	if kind == "" {
		return "open_id"
	}
	return kind
}

// getChat is im/v1/chat/get.
func (s *Server) getChat(c *call) (answer, *apiError) {
	chat, e := s.joined(c)
	if e != nil {
		return answer{}, e
	}
	mode := "group"
	if chat.P2P {
		mode = "p2p"
	}
	return data(map[string]any{"name": chat.Name, "chat_mode": mode, "user_count": strconv.Itoa(len(chat.Members)), "tenant_key": s.app.TenantKey})
}

// members is im/v1/chat_members/get: people only, bots are left out.
func (s *Server) members(c *call) (answer, *apiError) {
	chat, e := s.joined(c)
	if e != nil {
		return answer{}, e
	}
	q := c.r.URL.Query()
	size, _ := strconv.Atoi(q.Get("page_size"))
	if size < 1 || size > 100 {
		size = 20
	}
	from, _ := strconv.Atoi(q.Get("page_token"))
	from = min(max(from, 0), len(chat.Members))
	to := min(from+size, len(chat.Members))
	kind := orOpenID(q.Get("member_id_type"))
	items := []any{}
	for _, id := range chat.Members[from:to] {
		u, _ := s.userBy("open_id", id)
		items = append(items, map[string]any{"member_id_type": kind, "member_id": idOf(u, kind), "name": u.Name, "tenant_key": s.app.TenantKey})
	}
	out := map[string]any{"items": items, "has_more": to < len(chat.Members), "member_total": len(chat.Members)}
	if to < len(chat.Members) {
		out["page_token"] = strconv.Itoa(to)
	}
	return data(out)
}

// isInChat answers for the caller only, which is the bot.
func (s *Server) isInChat(c *call) (answer, *apiError) {
	chat := s.chat(c.r.PathValue("id"))
	return data(map[string]any{"is_in_chat": chat != nil && !chat.BotAbsent})
}

func (s *Server) putBanner(c *call) (answer, *apiError) {
	var in struct {
		List []struct {
			ActionType string `json:"action_type"`
			MessageID  string `json:"message_id"`
		} `json:"chat_top_notice"`
	}
	if e := c.decode(&in); e != nil {
		return answer{}, e
	}
	chat, e := s.joined(c)
	if e != nil {
		return answer{}, e
	}
	for _, n := range in.List {
		if m := s.message(n.MessageID); m != nil && m.ChatID == chat.ID {
			chat.Banner = m.ID
			s.touch()
		}
	}
	return data(nil)
}

// joined is the chat of the path, if the bot is in it.
func (s *Server) joined(c *call) (*Chat, *apiError) {
	chat := s.chat(c.r.PathValue("id"))
	switch {
	case chat == nil:
		return nil, refuse(232006, "Your request specifies a chat_id which is invalid.") // ours
	case chat.BotAbsent:
		return nil, refuse(232011, "Operator can NOT be out of the chat.") // ours
	}
	return chat, nil
}

// botInfo is bot/v3/info: the payload is under bot, not data.
func (s *Server) botInfo(*call) (answer, *apiError) {
	return answer{flat: true, payload: map[string]any{"bot": map[string]any{
		"activate_status": 2, "app_name": s.app.Name, "open_id": s.app.OpenID, "ip_white_list": []any{},
	}}}, nil
}

func (s *Server) outboundIPs(*call) (answer, *apiError) {
	return data(map[string]any{"ip_list": []any{"127.0.0.1"}, "has_more": false})
}

// sendEphemeral shows a card, given as an object, to one member of a group.
// Component-level i18n does not work there and is refused.
func (s *Server) sendEphemeral(c *call) (answer, *apiError) {
	var in struct {
		ChatID  string         `json:"chat_id"`
		OpenID  string         `json:"open_id"`
		UserID  string         `json:"user_id"`
		Email   string         `json:"email"`
		MsgType string         `json:"msg_type"`
		Card    map[string]any `json:"card"`
	}
	if e := c.decode(&in); e != nil {
		return answer{}, e
	}
	chat := s.chat(in.ChatID)
	if chat == nil || chat.P2P || in.MsgType != "interactive" || in.Card == nil {
		return answer{}, refuse(codeParam, "Invalid request param")
	}
	if e := s.maySend(chat); e != nil {
		return answer{}, e
	}
	u, ok := s.firstUser(in.OpenID, in.UserID, in.Email)
	if !ok || !slices.Contains(chat.Members, u.OpenID) {
		return answer{}, refuse(codeParam, "Invalid request param: the user is not in the chat")
	}
	raw := mustJSON(in.Card)
	if bad := s.checkCard(raw); bad != nil {
		return answer{}, bad.api()
	}
	if hasKey(in.Card, "i18n_content") {
		return answer{}, (&cardError{sub: subJSON, msg: "i18n_content is not supported in an ephemeral card"}).api()
	}
	m := &Message{ChatID: chat.ID, Type: "interactive", Content: string(raw), Sender: s.app.ID, FromApp: true, VisibleTo: u.OpenID}
	s.put(m, OpEphemeral)
	return data(map[string]any{"message_id": m.ID})
}

func (s *Server) firstUser(openID, userID, email string) (User, bool) {
	for _, by := range [][2]string{{"open_id", openID}, {"user_id", userID}, {"email", email}} {
		if u, ok := s.userBy(by[0], by[1]); ok {
			return u, true
		}
	}
	return User{}, false
}

func (s *Server) deleteEphemeral(c *call) (answer, *apiError) {
	var in struct {
		MessageID string `json:"message_id"`
	}
	if e := c.decode(&in); e != nil {
		return answer{}, e
	}
	m := s.message(in.MessageID)
	if m == nil || m.VisibleTo == "" {
		return answer{}, refuse(codeParam, "Invalid request param: message_id")
	}
	s.recall(m)
	return data(nil)
}
