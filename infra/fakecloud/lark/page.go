package lark

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"
)

//go:embed page
var pageFiles embed.FS

// The page is plain HTML, CSS and JavaScript. It builds everything with DOM
// calls and text nodes, and this policy makes sure that a card which tries
// markup of its own gets nowhere: no inline script or style, no other origin.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pageRoutes serves the page. For tests in a browser these stay as they are:
// data-testid user-select, lang-zh, lang-en, chat-<chat id>, chat-name, message
// (with data-message-id and data-version), card, card-title, card-tag,
// card-button (with data-path and data-name), card-input, card-select,
// card-chart, card-working, updated, thread, message-reply, message-forward,
// mention-bot, composer-input, composer-send, dialog-confirm, dialog-cancel,
// toast (with data-type) and toasts; element ids of a card become
// data-element-id, and a button's accessible name is its label.
func (s *Server) pageRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { servePage(w, r, "index.html") })
	mux.HandleFunc("GET /_chat/{file}", func(w http.ResponseWriter, r *http.Request) { servePage(w, r, r.PathValue("file")) })
	mux.HandleFunc("GET /_chat/state", s.pageState)
	mux.HandleFunc("GET /_chat/events", s.pageEvents)
	mux.HandleFunc("GET /_chat/images/{key}", s.serveImage)
	mux.HandleFunc("POST /_chat/press", s.pagePress)
	mux.HandleFunc("POST /_chat/type", s.pageType)
	mux.HandleFunc("POST /_chat/forward", s.pageForward)
}

func servePage(w http.ResponseWriter, r *http.Request, name string) {
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	http.ServeFileFS(w, r, pageFiles, "page/"+name)
}

// pageMessage is a message as one person's client gets it.
type pageMessage struct {
	ID        string    `json:"id"`
	Chat      string    `json:"chat"`
	Root      string    `json:"root,omitempty"`
	Thread    string    `json:"thread,omitempty"`
	Sender    string    `json:"sender"`
	Role      string    `json:"role,omitempty"`
	Bot       bool      `json:"bot,omitempty"`
	Mine      bool      `json:"mine,omitempty"`
	Type      string    `json:"type"`
	Content   string    `json:"content"`
	Created   time.Time `json:"created"`
	Updated   time.Time `json:"updated"`
	Version   int       `json:"version"`
	Recalled  bool      `json:"recalled,omitempty"`
	Ephemeral bool      `json:"ephemeral,omitempty"`
	Forwarded bool      `json:"forwarded,omitempty"`
	Locked    bool      `json:"locked,omitempty"`
	Pinned    bool      `json:"pinned,omitempty"`
	Urgent    []string  `json:"urgent,omitempty"`
	Seq       int       `json:"seq"`
}

// pageView is what changed for one person since a sequence number.
type pageView struct {
	// Run differs between two servers: a page that outlives one starts afresh.
	Run      string        `json:"run"`
	Seq      int           `json:"seq"`
	Now      time.Time     `json:"now"`
	App      string        `json:"app"`
	Users    []User        `json:"users"`
	Chats    []Chat        `json:"chats"`
	Messages []pageMessage `json:"messages"`
}

// view is what the person may see. The mutex is held.
func (s *Server) view(who string, since int) pageView {
	me, ok := s.findUser(who)
	if !ok && len(s.users) > 0 {
		me = s.users[0]
	}
	v := pageView{Run: s.started, Seq: s.seq, Now: s.now(), App: s.app.Name, Users: slices.Clone(s.users), Chats: []Chat{}, Messages: []pageMessage{}}
	mine := map[string]bool{}
	for _, c := range s.chats {
		if slices.Contains(c.Members, me.OpenID) {
			mine[c.ID] = true
			v.Chats = append(v.Chats, c.clone())
		}
	}
	for _, m := range s.messages {
		if m.Seq > since && mine[m.ChatID] && (m.VisibleTo == "" || m.VisibleTo == me.OpenID) {
			v.Messages = append(v.Messages, s.pageMessage(m, me))
		}
	}
	return v
}

func (s *Server) pageMessage(m *Message, me User) pageMessage {
	p := pageMessage{
		ID: m.ID, Chat: m.ChatID, Root: m.RootID, Thread: m.ThreadID, Bot: m.FromApp, Sender: s.app.Name, Mine: m.Sender == me.OpenID,
		Type: m.Type, Content: m.Content, Created: m.Created, Updated: m.Updated, Version: len(m.Revisions), Recalled: m.Recalled,
		Ephemeral: m.VisibleTo != "", Forwarded: m.CopyOf != "", Locked: m.InFlight > 0, Pinned: m.Pinned, Seq: m.Seq,
	}
	if m.Recalled {
		p.Content = "" // gone for everybody
	}
	if u, ok := s.userBy("open_id", m.Sender); ok {
		p.Sender, p.Role = u.Name, u.Role
	}
	for _, id := range m.Urgent {
		if u, ok := s.userBy("open_id", id); ok {
			p.Urgent = append(p.Urgent, u.Name)
		}
	}
	return p
}

func (s *Server) pageState(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	v := s.view(r.URL.Query().Get("user"), -1)
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, v)
}

// pageEvents streams changes as server-sent events until the client leaves.
func (s *Server) pageEvents(w http.ResponseWriter, r *http.Request) {
	since, _ := strconv.Atoi(r.URL.Query().Get("since"))
	if last, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil {
		since = last
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flush := http.NewResponseController(w)
	fmt.Fprint(w, ": here\n\n")
	if flush.Flush() != nil {
		return
	}
	for first := true; ; first = false {
		s.mu.Lock()
		changed := s.changed
		if first && since > s.seq {
			since = -1 // the number is another server's
		}
		v := s.view(r.URL.Query().Get("user"), since)
		s.mu.Unlock()
		if v.Seq > since {
			since = v.Seq
			fmt.Fprintf(w, "id: %d\ndata: %s\n\n", since, mustJSON(v))
			if flush.Flush() != nil {
				return
			}
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		case <-s.life.Done():
			return
		}
	}
}

// pageBody reads a JSON request. The content type makes another site's page
// unable to post here without being asked first, which is never granted.
func pageBody(w http.ResponseWriter, r *http.Request, v any) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		http.Error(w, "application/json is needed", http.StatusUnsupportedMediaType)
		return false
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(v); err != nil {
		http.Error(w, "the body is not JSON", http.StatusBadRequest)
		return false
	}
	return true
}

func (s *Server) pagePress(w http.ResponseWriter, r *http.Request) {
	var in struct {
		User    string         `json:"user"`
		Message string         `json:"message"`
		Path    string         `json:"path"`
		Version int            `json:"version"`
		Form    map[string]any `json:"form"`
		Option  string         `json:"option"`
		Options []string       `json:"options"`
		Input   string         `json:"input"`
	}
	if !pageBody(w, r, &in) {
		return
	}
	got, err := s.Press(r.Context(), Press{
		User: in.User, Message: in.Message, Target: in.Path, Revision: in.Version,
		Form: in.Form, Option: in.Option, Options: in.Options, Input: in.Input,
	})
	if err != nil {
		writeJSON(w, http.StatusConflict, map[string]any{"refused": clientWords(err)})
		return
	}
	writeJSON(w, http.StatusOK, got)
}

// clientWords names a client's refusal for the page to put into its language.
func clientWords(err error) string {
	for word, e := range map[string]error{
		"nobody": ErrNobody, "not_there": ErrNotThere, "no_button": ErrNoButton, "disabled": ErrDisabled, "forwarded": ErrForwarded,
		"no_forward": ErrNoForward, "required": ErrRequired, "too_old": ErrCardTooOld, "recalled": ErrRecalled,
	} {
		if errors.Is(err, e) {
			return word
		}
	}
	return "other"
}

func (s *Server) pageType(w http.ResponseWriter, r *http.Request) {
	var in struct {
		User    string `json:"user"`
		Chat    string `json:"chat"`
		Text    string `json:"text"`
		ReplyTo string `json:"reply_to"`
	}
	if !pageBody(w, r, &in) {
		return
	}
	m, _, err := s.write(in.User, in.Chat, in.ReplyTo, in.Text)
	if err != nil {
		writeJSON(w, http.StatusConflict, map[string]any{"refused": clientWords(err)})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"id": m.ID})
}

func (s *Server) pageForward(w http.ResponseWriter, r *http.Request) {
	var in struct {
		User    string `json:"user"`
		Message string `json:"message"`
		Chat    string `json:"chat"`
	}
	if !pageBody(w, r, &in) {
		return
	}
	m, err := s.Forward(in.User, in.Message, in.Chat)
	if err != nil {
		writeJSON(w, http.StatusConflict, map[string]any{"refused": clientWords(err)})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"id": m.ID})
}
