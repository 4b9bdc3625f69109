package lark

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// adminRoutes are the switches for a driver that is another process. Bodies are
// JSON; durations are nanoseconds, as encoding/json writes time.Duration.
//
//	GET    /_admin/lark/transcript              everything that happened
//	GET    /_admin/lark/messages?chat=ID        messages with all revisions
//	GET    /_admin/lark/chats                   chats
//	POST   /_admin/lark/chats                   Chat → Chat
//	PUT    /_admin/lark/chats                   Chat: replaces the one of that id
//	GET    /_admin/lark/users                   people
//	POST   /_admin/lark/users                   User → User
//	GET    /_admin/lark/deliveries              attempts to push events
//	GET    /_admin/lark/behaviour               switches
//	PUT    /_admin/lark/behaviour               some of the switches → all of them
//	PUT    /_admin/lark/urls                    {event, callback}: set without a challenge
//	POST   /_admin/lark/subscribe               {which, url}: set after a challenge
//	GET    /_admin/lark/faults                  faults that are left
//	POST   /_admin/lark/faults                  Fault
//	DELETE /_admin/lark/faults                  remove all
//	POST   /_admin/lark/click                   Press → Answer
//	POST   /_admin/lark/type                    {user, chat, text, reply_to} → Message
//	POST   /_admin/lark/recall                  {message}
//	POST   /_admin/lark/forward                 {user, message, chat} → Message
//	POST   /_admin/lark/attack                  Plan → []Outcome
//	GET    /_admin/lark/attacks                 names of all attacks
//	POST   /_admin/lark/revoke_tokens           every tenant token becomes invalid
func (s *Server) adminRoutes(mux *http.ServeMux) {
	const at = "/_admin/lark/"
	get := func(name string, read func(*http.Request) any) {
		mux.HandleFunc("GET "+at+name, func(w http.ResponseWriter, r *http.Request) { writeJSON(w, http.StatusOK, read(r)) })
	}
	get("transcript", func(*http.Request) any { return s.Transcript() })
	get("messages", func(r *http.Request) any { return s.Messages(r.URL.Query().Get("chat")) })
	get("chats", func(*http.Request) any { return s.Chats() })
	get("users", func(*http.Request) any { return s.Users() })
	get("deliveries", func(*http.Request) any { return s.Deliveries() })
	get("behaviour", func(*http.Request) any { return s.Behaviour() })
	get("faults", func(*http.Request) any { return s.Faults() })
	get("attacks", func(*http.Request) any { return Attacks() })

	mux.HandleFunc("POST "+at+"chats", act(func(_ context.Context, c Chat) (any, error) { return s.AddChat(c), nil }))
	mux.HandleFunc("PUT "+at+"chats", act(func(_ context.Context, c Chat) (any, error) {
		return c, s.ChangeChat(c.ID, func(old *Chat) { *old = c.clone() })
	}))
	mux.HandleFunc("POST "+at+"users", act(func(_ context.Context, u User) (any, error) { return s.AddUser(u), nil }))
	mux.HandleFunc("PUT "+at+"behaviour", act(s.adminBehaviour))
	mux.HandleFunc("PUT "+at+"urls", act(func(_ context.Context, in struct{ Event, Callback string }) (any, error) {
		s.SetURLs(in.Event, in.Callback)
		return struct{}{}, nil
	}))
	mux.HandleFunc("POST "+at+"subscribe", act(func(ctx context.Context, in struct{ Which, URL string }) (any, error) {
		return struct{}{}, s.Subscribe(ctx, in.Which, in.URL)
	}))
	mux.HandleFunc("POST "+at+"faults", act(func(_ context.Context, f Fault) (any, error) {
		s.Inject(f)
		return s.Faults(), nil
	}))
	mux.HandleFunc("DELETE "+at+"faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		writeJSON(w, http.StatusOK, struct{}{})
	})
	mux.HandleFunc("POST "+at+"click", act(func(ctx context.Context, p Press) (any, error) { return s.Press(ctx, p) }))
	mux.HandleFunc("POST "+at+"type", act(s.adminType))
	mux.HandleFunc("POST "+at+"recall", act(func(_ context.Context, in struct{ Message string }) (any, error) {
		return struct{}{}, s.Recall(in.Message)
	}))
	mux.HandleFunc("POST "+at+"forward", act(func(_ context.Context, in struct{ User, Message, Chat string }) (any, error) {
		return s.Forward(in.User, in.Message, in.Chat)
	}))
	mux.HandleFunc("POST "+at+"attack", act(func(ctx context.Context, p Plan) (any, error) { return s.Attack(ctx, p) }))
	mux.HandleFunc("POST "+at+"revoke_tokens", act(func(context.Context, struct{}) (any, error) {
		s.RevokeTokens()
		return struct{}{}, nil
	}))
}

// act is an endpoint that takes a JSON value and answers with one.
func act[In any](do func(context.Context, In) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		if !pageBody(w, r, &in) {
			return
		}
		out, err := do(r.Context(), in)
		if err != nil {
			writeJSON(w, http.StatusConflict, map[string]string{"error": err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, out)
	}
}

// Behaviour are the switches as they stand.
func (s *Server) Behaviour() Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.behaviour
}

// adminBehaviour changes only the switches that are named.
func (s *Server) adminBehaviour(_ context.Context, change json.RawMessage) (any, error) {
	now := s.Behaviour()
	if err := json.Unmarshal(change, &now); err != nil {
		return nil, errors.New("the switches are not JSON of the right types")
	}
	s.Configure(func(b *Behaviour) { *b = now })
	return now, nil
}

func (s *Server) adminType(_ context.Context, in struct {
	User    string `json:"user"`
	Chat    string `json:"chat"`
	Text    string `json:"text"`
	ReplyTo string `json:"reply_to"`
},
) (any, error) {
	m, _, err := s.write(in.User, in.Chat, in.ReplyTo, in.Text)
	return m, err
}
