package lark

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Server is the open platform, its one app, and the chats of its tenant. Its
// methods may be used from many goroutines.
type Server struct {
	app     App
	clock   Clock
	mux     *http.ServeMux
	out     *http.Client
	started string // tells this server from another one

	life   context.Context // ends with Close
	end    context.CancelFunc
	pushes sync.WaitGroup

	mu          sync.Mutex
	changed     chan struct{} // closed and replaced at every change
	seq         int
	mint        mint
	behaviour   Behaviour
	eventURL    string
	callbackURL string

	users    []User
	chats    []Chat
	messages []*Message
	uploads  map[string]upload
	tokens   []tenantToken
	updates  map[string]*updateToken
	sent     map[string]sentOnce // by uuid
	windows  map[string]*window
	faults   []*Fault
	log      []Entry
	pushed   []Delivery
}

// sentOnce remembers which message a uuid made.
type sentOnce struct {
	at time.Time
	id string
}

// New starts a server. Close ends its deliveries.
func New(o Options) *Server {
	s := &Server{
		app:     fillApp(o.App),
		clock:   o.Clock,
		changed: make(chan struct{}),
		uploads: map[string]upload{},
		updates: map[string]*updateToken{},
		sent:    map[string]sentOnce{},
		windows: map[string]*window{},

		behaviour:   o.Behaviour,
		eventURL:    o.EventURL,
		callbackURL: o.CallbackURL,
	}
	if s.clock == nil {
		s.clock = WallClock{}
	}
	s.mint.seed = s.app.ID
	s.started = s.app.ID + "/" + millis(s.now())
	s.out = outbound()
	s.life, s.end = context.WithCancel(context.Background())
	for _, u := range o.Users {
		s.AddUser(u)
	}
	for _, c := range o.Chats {
		s.AddChat(c)
	}
	s.mux = s.routes()
	return s
}

func fillApp(a App) App {
	fill := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	fill(&a.ID, "cli_"+randomHex(16))
	fill(&a.Secret, randomHex(32))
	fill(&a.EncryptKey, randomHex(32))
	fill(&a.VerificationToken, randomHex(32))
	fill(&a.TenantKey, randomHex(16))
	fill(&a.OpenID, "ou_"+randomHex(32))
	fill(&a.Name, "CCE On-Call")
	return a
}

// App is the app with every field filled in.
func (s *Server) App() App { return s.app }

// Handler serves the API under /open-apis/, the page under / and /_chat/, and
// the switches for tests under /_admin/lark/.
func (s *Server) Handler() http.Handler { return s.mux }

// Close stops deliveries and the page's event streams and waits for the former.
// Call it before the http.Server around the Handler is shut down.
func (s *Server) Close() {
	s.end()
	s.pushes.Wait()
}

func (s *Server) now() time.Time { return s.clock.Now() }

// touch announces a change. The mutex is held.
func (s *Server) touch() int {
	s.seq++
	close(s.changed)
	s.changed = make(chan struct{})
	return s.seq
}

// Configure changes the switches.
func (s *Server) Configure(change func(*Behaviour)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.behaviour)
}

// SetURLs points the push side at its receivers without challenging them.
func (s *Server) SetURLs(event, callback string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eventURL, s.callbackURL = event, callback
}

// AddUser adds a person and returns them with every id filled in.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.OpenID == "" {
		u.OpenID = s.mint.id("ou_")
	}
	if u.UnionID == "" {
		u.UnionID = s.mint.id("on_")
	}
	if u.Language == "" {
		u.Language = "zh_cn"
	}
	s.users = append(s.users, u)
	s.touch()
	return u
}

// AddChat adds a chat and returns it with its id. Members may be given by name.
func (s *Server) AddChat(c Chat) Chat {
	s.mu.Lock()
	defer s.mu.Unlock()
	c = c.clone()
	if c.ID == "" {
		c.ID = s.mint.id("oc_")
	}
	for i, who := range c.Members {
		if u, ok := s.findUser(who); ok {
			c.Members[i] = u.OpenID
		}
	}
	s.chats = append(s.chats, c)
	s.touch()
	return c
}

// ChangeChat edits a chat in place: membership, refusals, the bot's presence.
func (s *Server) ChangeChat(id string, change func(*Chat)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chat(id)
	if c == nil {
		return fmt.Errorf("changing chat %q: no such chat", id)
	}
	change(c)
	s.touch()
	return nil
}

// Users are all people, in the order they were added.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.users)
}

// Chats are all chats, in the order they were added.
func (s *Server) Chats() []Chat {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Chat, 0, len(s.chats))
	for _, c := range s.chats {
		out = append(out, c.clone())
	}
	return out
}

// Messages are the messages of a chat, oldest first; all messages for "".
func (s *Server) Messages(chat string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.messages {
		if chat == "" || m.ChatID == chat {
			out = append(out, m.clone())
		}
	}
	return out
}

// Message is one message by id.
func (s *Server) Message(id string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.message(id); m != nil {
		return m.clone(), true
	}
	return Message{}, false
}

// The finders below need the mutex.

// findUser looks a person up by any of their ids, their mail address or name.
func (s *Server) findUser(who string) (User, bool) {
	if who == "" {
		return User{}, false
	}
	for _, u := range s.users {
		if slices.Contains([]string{u.OpenID, u.UnionID, u.UserID, u.Email, u.Name}, who) {
			return u, true
		}
	}
	return User{}, false
}

func (s *Server) chat(id string) *Chat {
	for i := range s.chats {
		if s.chats[i].ID == id {
			return &s.chats[i]
		}
	}
	return nil
}

func (s *Server) message(id string) *Message {
	for _, m := range s.messages {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// p2p is the conversation of a person with the bot, made on first use.
func (s *Server) p2p(u User) *Chat {
	for i := range s.chats {
		if s.chats[i].P2P && slices.Contains(s.chats[i].Members, u.OpenID) {
			return &s.chats[i]
		}
	}
	s.chats = append(s.chats, Chat{ID: s.mint.id("oc_"), Name: u.Name, P2P: true, Members: []string{u.OpenID}})
	return &s.chats[len(s.chats)-1]
}

// put stores a new message with its first revision.
func (s *Server) put(m *Message, by string) {
	now := s.now()
	m.ID = s.mint.id("om_")
	m.Created, m.Updated = now, now
	m.Revisions = []Revision{{At: now, By: by, Content: m.Content}}
	m.Seq = s.touch()
	s.messages = append(s.messages, m)
}

// revise gives a message a new content.
func (s *Server) revise(m *Message, by, content string) {
	m.Content, m.Updated = content, s.now()
	m.Revisions = append(m.Revisions, Revision{At: m.Updated, By: by, Content: content})
	m.Seq = s.touch()
}
