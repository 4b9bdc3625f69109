// Package edge is the front door that every emulated service shares: it gives each request an id, finds the caller, asks whether the
// caller may, lets a test spoil the call, writes the answer in the service's own dialect, and remembers what happened.
//
// What always holds: a handler runs only for an authenticated caller whose policies allow the route's action (unless the route is
// declared open); every answer carries X-Request-Id; every call, also a refused or spoiled one, is in the journal.
package edge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// maxBody bounds a request; the largest real one is a function package of 50 MB in base64.
const maxBody = 100 << 20

// Kubernetes is how the cluster gateway presents a caller to the API server; RBAC decides from there.
type Kubernetes struct {
	User   string   `json:"user"`
	Groups []string `json:"groups,omitempty"`
}

// Caller is an authenticated principal.
type Caller struct {
	ID         string // 32 hex: the IAM user or agency id
	Name       string
	Agency     bool
	AccessKey  string
	Kubernetes Kubernetes
}

// Identities finds and judges callers.
type Identities interface {
	Authenticate(r *http.Request, body []byte, now time.Time) (Caller, error)
	Allowed(c Caller, action string) bool
}

// Call is one request on its way into a service.
type Call struct {
	*http.Request
	Body      []byte
	Caller    Caller
	RequestID string
	At        time.Time
	Header    http.Header // of the answer
}

// Decode reads the JSON body into v; an unreadable one is the service's 400.
func (c *Call) Decode(v any) error {
	dec := json.NewDecoder(bytes.NewReader(c.Body))
	if err := dec.Decode(v); err != nil {
		return BadRequest("the request body cannot be read: " + err.Error())
	}
	return nil
}

// Int reads a query parameter as a number, or gives the default when it is missing or unreadable.
func (c *Call) Int(name string, otherwise int) int {
	if n, err := strconv.Atoi(c.URL.Query().Get(name)); err == nil {
		return n
	}
	return otherwise
}

// Answer is what a handler gives back. A nil Body writes no body; []byte is written as it is, anything else as JSON.
type Answer struct {
	Status int
	Body   any
}

// OK is 200 with a body.
func OK(body any) (Answer, error) { return Answer{Status: http.StatusOK, Body: body}, nil }

// Status is a bare status.
func Status(code int) (Answer, error) { return Answer{Status: code}, nil }

// Reply is any status with a body.
func Reply(code int, body any) (Answer, error) { return Answer{Status: code, Body: body}, nil }

// Route is one operation of a service.
type Route struct {
	Method string
	Path   string // net/http pattern, with {project} where the project id stands
	Action string // IAM action; empty: any caller of the account
	Open   bool   // no credentials needed
	Trace  Trace  // what CTS records of a successful write; zero for reads
	Do     func(*Call) (Answer, error)
}

// Trace names a write in CTS.
type Trace struct {
	Service  string // CCE, FunctionGraph, ...
	Resource string // cluster, nodepool, ...
	Name     string // scaleNodePool, ...
	Of       string // path variable that holds the resource's id
}

// Service is a set of routes with one dialect of errors.
type Service struct {
	Name    string // aom, cce, cts, functiongraph, iam, kms, lts, smn, apig
	Dialect Dialect
	Denied  string // code of 403
	Invalid string // code of 400
	Missing string // code of 404
	Routes  []Route
}

// Gate is the front door. Its fields are set once, before the first request.
type Gate struct {
	Identities Identities
	Project    string
	Clock      func() time.Time
	Faults     *Faults
	Journal    *Journal
	Limits     *Limits
	Record     func(Traced) // a successful write, for CTS; may be nil
	Log        zerolog.Logger
}

// Traced is a successful write as CTS keeps it.
type Traced struct {
	Trace
	ResourceID string
	Caller     Caller
	Request    []byte
	Status     int
	RequestID  string
	SourceIP   string
	At         time.Time
}

// Mount adds a service's routes to mux.
func (g *Gate) Mount(mux *http.ServeMux, s Service) {
	for _, r := range s.Routes {
		mux.Handle(r.Method+" "+r.Path, g.handle(s, r))
	}
}

func (g *Gate) handle(s Service, route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := &Call{Request: r, RequestID: NewID(), At: g.Clock(), Header: w.Header()}
		w.Header().Set("X-Request-Id", call.RequestID)
		entry := Entry{At: call.At, Service: s.Name, Method: r.Method, Path: r.URL.Path, Action: route.Action, RequestID: call.RequestID}

		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			g.answer(w, s, entry, Answer{}, BadRequest("the body could not be read"))
			return
		}
		call.Body = body
		caller, err := g.admit(s, route, call)
		entry.Caller, entry.Agency, entry.AccessKey = caller.Name, caller.Agency, caller.AccessKey
		if err != nil {
			g.answer(w, s, entry, Answer{}, err)
			return
		}
		call.Caller = caller
		fault, spoiled := g.Faults.Take(entry)
		if spoiled && !fault.After && g.spoil(w, r, s, entry, fault) {
			return
		}
		answer, err := route.Do(call)
		if err == nil && route.Trace.Name != "" && g.Record != nil {
			g.Record(Traced{
				Trace: route.Trace, ResourceID: r.PathValue(route.Trace.Of), Caller: caller, Request: body,
				Status: answer.Status, RequestID: call.RequestID, SourceIP: r.RemoteAddr, At: call.At,
			})
		}
		if spoiled && fault.After && g.spoil(w, r, s, entry, fault) {
			return
		}
		g.answer(w, s, entry, answer, err)
	})
}

// admit answers who is calling, or why the call goes no further.
func (g *Gate) admit(s Service, route Route, call *Call) (Caller, error) {
	if route.Open {
		return Caller{}, nil
	}
	caller, err := g.Identities.Authenticate(call.Request, call.Body, call.At)
	if err != nil {
		return Caller{}, Unauthorized(err)
	}
	if p := call.PathValue("project"); p != "" && p != g.Project {
		return caller, &Error{Status: http.StatusForbidden, Code: s.Denied, Message: "the project does not belong to the caller"}
	}
	if route.Action != "" && !g.Identities.Allowed(caller, route.Action) {
		return caller, Forbidden(s, route.Action)
	}
	if wait, ok := g.Limits.Take(route.Action, call.At); !ok {
		return caller, Throttled(wait)
	}
	return caller, nil
}

func (g *Gate) answer(w http.ResponseWriter, s Service, e Entry, a Answer, err error) {
	if err != nil {
		var known *Error
		if !errors.As(err, &known) {
			known = &Error{Status: http.StatusInternalServerError, Code: "APIGW.0500", Message: err.Error()}
			g.Log.Error().Err(err).Str("service", s.Name).Str("path", e.Path).Msg("the emulator failed")
		}
		e.Status = known.Status
		g.Journal.add(e)
		known.write(w, s)
		return
	}
	e.Status = a.Status
	g.Journal.add(e)
	WriteJSON(w, a.Status, a.Body)
}

// WriteJSON writes body with a status: nothing for nil, bytes as they are, anything else as JSON.
func WriteJSON(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	raw, ok := body.([]byte)
	if !ok {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			http.Error(w, fmt.Sprintf("the answer cannot be written as JSON: %v", err), http.StatusInternalServerError)
			return
		}
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
	}
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the client went away: nothing is left to tell it
}

// Tag is a resource tag as most services spell it.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// TagList turns tags into a sorted list.
func TagList(tags map[string]string) []Tag {
	out := make([]Tag, 0, len(tags))
	for k, v := range tags {
		out = append(out, Tag{k, v})
	}
	slices.SortFunc(out, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	return out
}
