// Package lts plays the Log Tank Service: groups, streams, and the search that the agent uses. Lines come from the function platform
// and from whoever drives a scenario (container output, Kubernetes events, audit).
//
// Its habits are kept: times are strings of milliseconds, matches are marked up unless highlight is switched off, and a page
// continues from a line number because the SDK's answer has no scroll id.
package lts

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// keepLines bounds a stream.
const keepLines = 50000

// Line is one log line.
type Line struct {
	At      time.Time
	Content string
	Labels  map[string]string
	number  int64
}

type stream struct {
	id, name string
	days     int
	created  time.Time
	lines    []Line
	tags     map[string]string
}

type group struct {
	id, name string
	days     int
	created  time.Time
	streams  []*stream
	tags     map[string]string
}

// Service is LTS.
type Service struct {
	Clock func() time.Time
	// Delay is how late a line can be found; the real service says within about two minutes.
	Delay time.Duration

	mu     sync.Mutex
	groups []*group
	serial int64
}

// AddGroup makes a log group, or finds the one of that name, and returns its id.
func (s *Service) AddGroup(name string, days int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.groups {
		if g.name == name {
			return g.id
		}
	}
	g := &group{id: edge.NewID(), name: name, days: days, created: s.Clock(), tags: map[string]string{"_sys_enterprise_project_id": "0"}}
	s.groups = append(s.groups, g)
	return g.id
}

// AddStream makes a stream in a group, or finds the one of that name, and returns its id; "" when there is no such group.
func (s *Service) AddStream(groupID, name string, days int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.group(groupID)
	if g == nil {
		return ""
	}
	for _, x := range g.streams {
		if x.name == name {
			return x.id
		}
	}
	x := &stream{id: edge.NewID(), name: name, days: days, created: s.Clock(), tags: map[string]string{"_sys_enterprise_project_id": "0"}}
	g.streams = append(g.streams, x)
	return x.id
}

// Push adds lines to a stream; lines of an unknown stream are dropped, as by a misconfigured collector.
func (s *Service) Push(groupID, streamID string, lines ...Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, x := s.stream(groupID, streamID)
	if x == nil {
		return
	}
	for _, l := range lines {
		if l.At.IsZero() {
			l.At = s.Clock()
		}
		s.serial++
		l.number = l.At.UnixMilli()*1_000_000 + s.serial%1_000_000
		x.lines = append(x.lines, l)
	}
	if len(x.lines) > keepLines {
		x.lines = slices.Delete(x.lines, 0, len(x.lines)-keepLines)
	}
}

func (s *Service) group(id string) *group {
	for _, g := range s.groups {
		if g.id == id {
			return g
		}
	}
	return nil
}

func (s *Service) stream(groupID, streamID string) (*group, *stream) {
	g := s.group(groupID)
	if g == nil {
		return nil, nil
	}
	for _, x := range g.streams {
		if x.id == streamID {
			return g, x
		}
	}
	return g, nil
}

// search is the body of a log query.
type search struct {
	Start      string            `json:"start_time"`
	End        string            `json:"end_time"`
	Labels     map[string]string `json:"labels"`
	Keywords   string            `json:"keywords"`
	Limit      *int              `json:"limit"`
	Desc       bool              `json:"is_desc"`
	Count      bool              `json:"is_count"`
	Highlight  *bool             `json:"highlight"`
	Line       string            `json:"line_num"`
	SearchType string            `json:"search_type"`
}

func (s *Service) apiQuery(c *edge.Call) (edge.Answer, error) {
	var q search
	if err := c.Decode(&q); err != nil {
		return edge.Answer{}, err
	}
	start, err1 := strconv.ParseInt(q.Start, 10, 64)
	end, err2 := strconv.ParseInt(q.End, 10, 64)
	if err1 != nil || err2 != nil || start > end {
		return edge.Answer{}, &edge.Error{Status: http.StatusBadRequest, Code: "LTS.0208", Message: "start_time and end_time must be milliseconds as strings, in order"}
	}
	limit := 50
	if q.Limit != nil {
		limit = *q.Limit
	}
	if limit < 1 || limit > 5000 {
		return edge.Answer{}, &edge.Error{Status: http.StatusBadRequest, Code: "LTS.0208", Message: "limit must be within 1 and 5000"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, x := s.stream(c.PathValue("group"), c.PathValue("stream"))
	if g == nil {
		return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Code: "LTS.0201", Message: "The log group does not exist"}
	}
	if x == nil {
		return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Code: "LTS.0208", Message: "The log stream does not exist"}
	}
	words := keywords(q.Keywords)
	var hits []Line
	for _, l := range x.lines {
		at := l.At.UnixMilli()
		if at >= start && at <= end && s.Clock().Sub(l.At) >= s.Delay && l.has(q.Labels, words) {
			hits = append(hits, l)
		}
	}
	total := len(hits)
	slices.SortFunc(hits, func(a, b Line) int {
		if q.Desc {
			return int(b.number - a.number)
		}
		return int(a.number - b.number)
	})
	hits = q.page(hits)
	hits = hits[:min(limit, len(hits))]
	logs := []map[string]any{}
	for _, l := range hits {
		content := l.Content
		if q.Highlight == nil || *q.Highlight {
			content = mark(content, words)
		}
		labels := l.Labels
		if labels == nil {
			labels = map[string]string{}
		}
		logs = append(logs, map[string]any{"content": content, "line_num": strconv.FormatInt(l.number, 10), "labels": labels})
	}
	answer := map[string]any{"logs": logs, "isQueryComplete": true}
	if q.Count {
		answer["count"] = total
	}
	return edge.OK(answer)
}

// page continues after a line (forwards) or before it (backwards), in the order of the answer.
func (q search) page(hits []Line) []Line {
	if q.Line == "" {
		return hits
	}
	i := slices.IndexFunc(hits, func(l Line) bool { return strconv.FormatInt(l.number, 10) == q.Line })
	switch {
	case i < 0:
		return nil
	case q.SearchType == "backwards":
		return hits[:i]
	}
	return hits[i+1:]
}

func (l Line) has(labels map[string]string, words []string) bool {
	for k, v := range labels {
		if l.Labels[k] != v {
			return false
		}
	}
	text := strings.ToLower(l.Content)
	for _, w := range words {
		if !strings.Contains(text, strings.ToLower(w)) {
			return false
		}
	}
	return true
}

// keywords reads a search as phrases that must all occur; AND and quotes are understood, OR and NOT are not.
func keywords(text string) []string {
	var words []string
	for part := range strings.SplitSeq(text, " AND ") {
		part = strings.Trim(strings.TrimSpace(part), `"#`)
		if part != "" {
			words = append(words, part)
		}
	}
	return words
}

func mark(text string, words []string) string {
	for _, w := range words {
		text = strings.ReplaceAll(text, w, "<HighLightTag>"+w+"</HighLightTag>")
	}
	return text
}
