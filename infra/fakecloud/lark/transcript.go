package lark

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Entry is one thing that happened.
type Entry struct {
	At time.Time `json:"at"`
	// Kind is "call" (API), "fault", "event", "click", "typed", "attack" or
	// "people" (recall, forward).
	Kind  string `json:"kind"`
	Actor string `json:"actor"` // a person's name, the app, or "platform"
	// Chat and Message say where; Text is what: an operation, a label, a text.
	Chat    string `json:"chat,omitempty"`
	Message string `json:"message,omitempty"`
	Text    string `json:"text"`
	Status  int    `json:"status,omitempty"` // HTTP
	Code    int    `json:"code,omitempty"`   // of the platform, 0 is good
	Detail  string `json:"detail,omitempty"`
}

func (e Entry) String() string {
	s := fmt.Sprintf("%s %-6s %s: %s", e.At.Format("15:04:05.000"), e.Kind, e.Actor, e.Text)
	for _, part := range [][2]string{{"message", e.Message}, {"status", digits(e.Status)}, {"code", digits(e.Code)}, {"", e.Detail}} {
		if part[1] != "" {
			s += " " + part[0] + " " + part[1]
		}
	}
	return s
}

func digits(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// Transcript is everything that happened so far, in order.
func (s *Server) Transcript() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// WriteTranscript writes one line per entry.
func (s *Server) WriteTranscript(w io.Writer) error {
	for _, e := range s.Transcript() {
		if _, err := fmt.Fprintln(w, e); err != nil {
			return fmt.Errorf("writing the transcript: %w", err)
		}
	}
	return nil
}

func (s *Server) note(e Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(e)
}

// record adds an entry. The mutex is held.
func (s *Server) record(e Entry) {
	e.At = s.now()
	s.log = append(s.log, e)
	s.touch()
}

// noteCall records a call to the API. Uploads and tokens are not quoted.
func (s *Server) noteCall(op string, r *http.Request, _ []byte, fail *apiError) {
	e := Entry{Kind: "call", Actor: s.app.Name, Text: op, Message: r.PathValue("id"), Status: http.StatusOK}
	if fail != nil {
		e.Status, e.Code, e.Detail = fail.status, fail.code, fail.msg
	}
	s.note(e)
}

// await runs look after every change until it is satisfied or ctx ends.
func (s *Server) await(ctx context.Context, look func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		done := look()
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// WaitMessage waits for a message that satisfies want, and returns the first one.
func (s *Server) WaitMessage(ctx context.Context, want func(Message) bool) (Message, error) {
	var found Message
	err := s.await(ctx, func() bool {
		for _, m := range s.messages {
			if c := m.clone(); want(c) {
				found = c
				return true
			}
		}
		return false
	})
	if err != nil {
		return Message{}, fmt.Errorf("waiting for a message in Lark: %w", err)
	}
	return found, nil
}

// WaitCard is WaitMessage among the cards that have not been recalled.
func (s *Server) WaitCard(ctx context.Context, want func(Message) bool) (Message, error) {
	return s.WaitMessage(ctx, func(m Message) bool {
		return m.Type == "interactive" && !m.Recalled && want(m)
	})
}
