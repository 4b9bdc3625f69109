// Package cts plays the Cloud Trace Service: who changed what through the cloud's own APIs. Writes of the emulated services are
// recorded by themselves, so that an agent also meets its own changes among the traces, and must not mistake them for the cause.
package cts

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// keep is how long traces can be queried: seven days.
const keep = 7 * 24 * time.Hour

// Trace is one recorded operation, in the service's own JSON.
type Trace struct {
	ResourceID   string `json:"resource_id,omitempty"`
	ResourceName string `json:"resource_name,omitempty"`
	ResourceType string `json:"resource_type"`
	Name         string `json:"trace_name"`
	Rating       string `json:"trace_rating"` // normal, warning, incident
	Type         string `json:"trace_type"`   // ApiCall, ConsoleAction, SystemAction
	Request      string `json:"request,omitempty"`
	Response     string `json:"response,omitempty"`
	Code         string `json:"code,omitempty"` // HTTP status
	Message      string `json:"message,omitempty"`
	RecordTime   int64  `json:"record_time"`
	Time         int64  `json:"time"`
	ID           string `json:"trace_id"`
	User         User   `json:"user"`
	Service      string `json:"service_type"`
	SourceIP     string `json:"source_ip,omitempty"`
	RequestID    string `json:"request_id,omitempty"`
	ReadOnly     bool   `json:"read_only"`
}

// User is who did it. An agency's session has type AssumedAgency and its own principal.
type User struct {
	ID           string `json:"id,omitempty"`
	Name         string `json:"name"`
	UserName     string `json:"user_name,omitempty"`
	AccessKey    string `json:"access_key_id,omitempty"`
	PrincipalURN string `json:"principal_urn,omitempty"`
	PrincipalID  string `json:"principal_id,omitempty"`
	Type         string `json:"type,omitempty"`
}

// Service is CTS.
type Service struct {
	Clock func() time.Time
	// Delay is how late a trace can be found: the real service needs minutes.
	Delay time.Duration

	mu     sync.Mutex
	traces []Trace
}

// Push adds a trace, such as a console action that a test makes up; id and times are filled in.
func (s *Service) Push(t Trace) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Clock()
	if t.ID == "" {
		t.ID = edge.NewID()
	}
	if t.Time == 0 {
		t.Time = now.UnixMilli()
	}
	if t.RecordTime == 0 {
		t.RecordTime = now.UnixMilli()
	}
	if t.Rating == "" {
		t.Rating = "normal"
	}
	if t.Type == "" {
		t.Type = "ApiCall"
	}
	s.traces = append(s.traces, t)
	s.traces = slices.DeleteFunc(s.traces, func(o Trace) bool { return now.UnixMilli()-o.RecordTime > keep.Milliseconds() })
	return t.ID
}

// Record keeps a successful write of an emulated service.
func (s *Service) Record(t edge.Traced) {
	user := User{ID: t.Caller.ID, Name: t.Caller.Name, UserName: t.Caller.Name, AccessKey: t.Caller.AccessKey, Type: "User", PrincipalID: t.Caller.ID}
	if t.Caller.Agency {
		user.Type, user.PrincipalURN = "AssumedAgency", "sts::assumed-agency:"+t.Caller.Name+"/functiongraph"
		user.PrincipalID = t.Caller.ID + ":functiongraph"
	}
	request := string(t.Request)
	if !json.Valid(t.Request) || len(t.Request) > 4096 {
		request = "" // function packages and binary bodies are not kept
	}
	s.Push(Trace{
		Service: t.Service, ResourceType: t.Resource, Name: t.Name, ResourceID: t.ResourceID, ResourceName: t.ResourceID, Request: request,
		Code: strconv.Itoa(t.Status), User: user, SourceIP: t.SourceIP, RequestID: t.RequestID, Time: t.At.UnixMilli(),
	})
}

// All returns every trace, oldest first.
func (s *Service) All() []Trace {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.traces)
}

// Service returns the HTTP API (v3) behind the front door.
func (s *Service) Service() edge.Service {
	return edge.Service{
		Name: "cts", Denied: "CTS.0002", Invalid: "CTS.0001", Missing: "CTS.0015",
		Routes: []edge.Route{{Method: http.MethodGet, Path: "/v3/{project}/traces", Action: "cts:trace:list", Do: s.apiTraces}},
	}
}

func (s *Service) apiTraces(c *edge.Call) (edge.Answer, error) {
	q := c.URL.Query()
	if q.Get("trace_type") != "system" && q.Get("trace_type") != "data" {
		return edge.Answer{}, edge.BadRequest("trace_type must be system or data")
	}
	limit := c.Int("limit", 10)
	if limit < 1 || limit > 200 {
		return edge.Answer{}, edge.BadRequest("limit must be within 1 and 200")
	}
	to := int64(c.Int("to", int(c.At.UnixMilli())))
	from := int64(c.Int("from", int(to-time.Hour.Milliseconds())))
	s.mu.Lock()
	defer s.mu.Unlock()
	var hits []Trace
	for _, t := range slices.Backward(s.traces) {
		if c.At.UnixMilli()-t.RecordTime < s.Delay.Milliseconds() || !t.matches(q.Get, from, to) {
			continue
		}
		hits = append(hits, t)
	}
	slices.SortStableFunc(hits, func(a, b Trace) int { return cmp.Compare(b.Time, a.Time) }) // newest first
	if next := q.Get("next"); next != "" {
		i := slices.IndexFunc(hits, func(t Trace) bool { return t.ID == next })
		hits = hits[i+1:]
	}
	hits = hits[:min(limit, len(hits))]
	marker := ""
	if len(hits) > 0 {
		marker = hits[len(hits)-1].ID
	}
	if hits == nil {
		hits = []Trace{}
	}
	return edge.OK(map[string]any{"traces": hits, "meta_data": map[string]any{"count": len(hits), "marker": marker}})
}

// matches lets trace_id override every other filter, as the real call does.
func (t Trace) matches(get func(string) string, from, to int64) bool {
	if id := get("trace_id"); id != "" {
		return t.ID == id
	}
	for name, have := range map[string]string{
		"service_type": t.Service, "resource_type": t.ResourceType, "resource_id": t.ResourceID, "resource_name": t.ResourceName,
		"trace_name": t.Name, "trace_rating": t.Rating, "user": t.User.Name, "access_key_id": t.User.AccessKey,
	} {
		if want := get(name); want != "" && want != have {
			return false
		}
	}
	return t.Time >= from && t.Time <= to
}
