package lark

import (
	"encoding/json"
	"time"
)

// patchCard is im/v1/message/patch: it replaces the whole card.
func (s *Server) patchCard(c *call) (answer, *apiError) {
	var in struct {
		Content string `json:"content"`
	}
	if e := c.decode(&in); e != nil {
		return answer{}, e
	}
	m, e := s.ownMessage(c.r.PathValue("id"))
	if e != nil {
		return answer{}, e
	}
	switch {
	case m.Type != "interactive" || m.VisibleTo != "":
		return answer{}, refuse(codeParam, "Invalid request param: the message is not a card that can be updated")
	case s.now().Sub(m.Created) > cardLife:
		return answer{}, refuse(codeTooOld, "Message sent over 14 days cannot be modified.")
	case len(in.Content) > cardBytes:
		return answer{}, refuse(codeTooLong, "The length of the message content reaches its limit.")
	}
	if bad := s.checkUpdate([]byte(in.Content)); bad != nil {
		return answer{}, bad.api()
	}
	if !s.take("message/"+m.ID, messageQPS, time.Second) {
		return answer{}, refuse(codeMessageRate, "This operation triggers the frequency limit.")
	}
	if m.InFlight > 0 {
		return answer{}, (&cardError{sub: subLimit, msg: "card action is lock"}).api()
	}
	s.revise(m, OpPatch, in.Content)
	return data(nil)
}

// delayedUpdate is interactive/v1/card/update: a card, as an object, for the
// token of a click. While the click is unanswered the update is accepted and
// undone by the answer, which is why it has to come after it.
func (s *Server) delayedUpdate(c *call) (answer, *apiError) {
	var in struct {
		Token string          `json:"token"`
		Card  json.RawMessage `json:"card"`
	}
	if e := c.decode(&in); e != nil {
		return answer{}, e
	}
	u := s.updates[in.Token]
	switch {
	case u == nil:
		return answer{}, refuse(codeUpdateForm, "the token is malformed")
	case s.now().Sub(u.issued) > updateLife:
		return answer{}, refuse(codeUpdateExpired, "the token has expired")
	case u.uses >= updateUses:
		return answer{}, refuse(codeUpdateUsed, "the token has been used twice")
	case len(in.Card) > cardBytes:
		return answer{}, refuse(codeTooLong, "The length of the card reaches its limit.")
	case len(in.Card) == 0 || in.Card[0] != '{':
		return answer{}, (&cardError{sub: subJSON, msg: "parse card json err, please check whether the card json is correct"}).api()
	}
	m := s.message(u.message)
	if m.Recalled {
		return answer{}, refuse(codeRecalled, "The message was recalled.")
	}
	if bad := s.checkUpdate(in.Card); bad != nil {
		return answer{}, bad.api()
	}
	u.uses++
	if m.InFlight > 0 && u.before == "" {
		u.before = m.Content
	}
	s.revise(m, OpDelayed, string(in.Card))
	return data(nil)
}
