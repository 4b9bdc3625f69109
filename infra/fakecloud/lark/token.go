package lark

import "time"

// tenantToken is one tenant_access_token.
type tenantToken struct {
	value   string
	expires time.Time
}

// issueToken hands out the same token while it has half an hour left, and then a
// new one beside it. Token and expire are at the top level, not under data.
func (s *Server) issueToken(c *call) (answer, *apiError) {
	var in struct {
		AppID     string `json:"app_id"`
		AppSecret string `json:"app_secret"`
	}
	if e := c.decode(&in); e != nil {
		return answer{}, e
	}
	if in.AppID != s.app.ID || in.AppSecret != s.app.Secret {
		e := refuse(codeAppCredentials, "invalid param")
		e.status = 200
		return answer{}, e
	}
	now := s.now()
	if len(s.tokens) == 0 || s.tokens[len(s.tokens)-1].expires.Sub(now) < tokenRenew {
		s.tokens = append(s.tokens, tenantToken{value: "t-" + s.mint.hex(40), expires: now.Add(tokenLife)})
	}
	t := s.tokens[len(s.tokens)-1]
	return answer{flat: true, payload: map[string]any{
		"tenant_access_token": t.value,
		"expire":              int(t.expires.Sub(now) / time.Second),
	}}, nil
}

// RevokeTokens makes every token issued so far invalid, as a rotated secret does.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = nil
}
