package lark

import (
	"net/http"
	"slices"
	"time"
)

// Operations, for [Fault.On] and the transcript.
const (
	OpToken     = "token"
	OpCreate    = "create"
	OpReply     = "reply"
	OpPatch     = "patch"
	OpEdit      = "edit"
	OpDelete    = "delete"
	OpGet       = "get"
	OpUrgent    = "urgent"
	OpImage     = "image"
	OpFile      = "file"
	OpPin       = "pin"
	OpChat      = "chat"
	OpMembers   = "members"
	OpBanner    = "banner"
	OpPeople    = "people"
	OpBot       = "bot"
	OpIPs       = "outbound_ip"
	OpDelayed   = "delayed_update"
	OpEphemeral = "ephemeral"
)

// Fault spoils calls to the API. What it answers with is the first of Drop,
// Body, Code that is set; Status alone gives an empty body of that status, and
// Delay alone a slow but proper answer.
type Fault struct {
	// On is the operation, or "*" for all of them.
	On string `json:"on"`
	// Skip lets so many calls pass first; Times spoils so many, 0 means all.
	Skip  int `json:"skip,omitempty"`
	Times int `json:"times,omitempty"`
	// After lets the call take effect and spoils only its answer: the caller
	// cannot tell that the message was sent.
	After  bool              `json:"after,omitempty"`
	Delay  time.Duration     `json:"delay,omitempty"`
	Drop   bool              `json:"drop,omitempty"`
	Status int               `json:"status,omitempty"` // 400 unless given
	Code   int               `json:"code,omitempty"`
	Msg    string            `json:"msg,omitempty"`
	Body   string            `json:"body,omitempty"`
	Header map[string]string `json:"header,omitempty"`

	used int
}

// slowOnly: the answer comes late but is the right one.
func (f Fault) slowOnly() bool {
	return !f.Drop && f.Status == 0 && f.Code == 0 && f.Body == ""
}

// Inject adds a fault. Faults are tried in the order they were added.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.used = 0
	s.faults = append(s.faults, &f)
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Faults are the faults that still have calls to spoil.
func (s *Server) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Fault, 0, len(s.faults))
	for _, f := range s.faults {
		out = append(out, *f)
	}
	return out
}

// nextFault picks the fault for this call and uses it up.
func (s *Server) nextFault(op string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.On != op && f.On != "*" {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		f.used++
		chosen := *f
		if f.Times > 0 && f.used >= f.Times {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return &chosen
	}
	return nil
}

// hold waits as long as the fault says, or until the caller gives up.
func (s *Server) hold(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	fired, stop := s.clock.Timer(d)
	defer stop()
	select {
	case <-fired:
	case <-r.Context().Done():
	case <-s.life.Done():
	}
}

// spoil answers a call as its fault says.
func (s *Server) spoil(w http.ResponseWriter, op string, f Fault) {
	s.note(Entry{Kind: "fault", Actor: "platform", Text: op, Code: f.Code, Status: f.Status})
	if f.Drop {
		panic(http.ErrAbortHandler) // net/http's way to break the connection
	}
	e := &apiError{status: f.Status, code: f.Code, msg: f.Msg, header: f.Header}
	if e.status == 0 {
		e.status = http.StatusBadRequest
	}
	if f.Body != "" || f.Code == 0 {
		e.raw = []byte(f.Body)
	}
	s.writeError(w, op, e)
}
