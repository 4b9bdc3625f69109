package aom

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// query is the body of ListEvents and CountEvents.
type query struct {
	TimeRange string `json:"time_range"`
	Step      int64  `json:"step"`
	Search    string `json:"search"`
	Sort      *struct {
		OrderBy []string `json:"order_by"`
		Order   string   `json:"order"`
	} `json:"sort"`
	Relations []relation `json:"metadata_relation"`
}

type relation struct {
	Key      string   `json:"key"`
	Value    []string `json:"value"`
	Relation string   `json:"relation"`
}

// window reads "startMs.endMs.minutes"; -1 on one side derives it from the other and the minutes, on both from the server's clock.
func (q query) window(now time.Time) (from, to int64, err error) {
	parts := strings.Split(q.TimeRange, ".")
	if len(parts) != 3 {
		return 0, 0, edge.BadRequest("time_range must be startMs.endMs.minutes")
	}
	var n [3]int64
	for i, p := range parts {
		if n[i], err = strconv.ParseInt(p, 10, 64); err != nil {
			return 0, 0, edge.BadRequest("time_range must hold numbers")
		}
	}
	span := n[2] * time.Minute.Milliseconds()
	switch {
	case n[0] < 0 && n[1] < 0:
		to = now.UnixMilli()
		from = to - span
	case n[0] < 0:
		from, to = n[1]-span, n[1]
	case n[1] < 0:
		from, to = n[0], n[0]+span
	default:
		from, to = n[0], n[1]
	}
	if from > to {
		return 0, 0, edge.BadRequest("time_range ends before it starts")
	}
	return from, to, nil
}

// accepts applies search and the metadata relations: every AND must hold, no NOT may, and of the ORs at least one.
func (q query) accepts(e *Event) bool {
	if q.Search != "" {
		found := false
		for _, v := range e.Metadata {
			found = found || strings.Contains(strings.ToLower(v), strings.ToLower(q.Search))
		}
		if !found {
			return false
		}
	}
	anyOr, orHolds := false, false
	for _, r := range q.Relations {
		holds := len(r.Value) == 0 || slices.Contains(r.Value, e.Metadata[r.Key])
		switch r.Relation {
		case "OR":
			anyOr, orHolds = true, orHolds || holds
		case "NOT":
			if holds {
				return false
			}
		default:
			if !holds {
				return false
			}
		}
	}
	return !anyOr || orHolds
}

// find returns what a query asks for. An alarm belongs to a window when it was firing at any time within it.
func (s *Service) find(kind string, q query) ([]Event, error) {
	from, to, err := q.window(s.opt.Clock())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var pool []*Event
	if kind != "history_alert" || s.opt.Overlap {
		for _, e := range s.active {
			pool = append(pool, e)
		}
	}
	for _, e := range s.past {
		plain := e.Metadata["event_type"] == "event"
		if kind != "active_alert" && !(kind == "history_alert" && plain) {
			pool = append(pool, e)
		}
	}
	var out []Event
	for _, e := range pool {
		if e.StartsAt <= to && (e.EndsAt == 0 || e.EndsAt >= from) && q.accepts(e) {
			out = append(out, e.clone())
		}
	}
	q.sort(out)
	return out, nil
}

// sort orders by the asked fields, by default newest first; the serial makes the order total, so that paging loses nothing.
func (q query) sort(events []Event) {
	keys, down := []string{"starts_at"}, true
	if q.Sort != nil && len(q.Sort.OrderBy) > 0 {
		keys, down = q.Sort.OrderBy, q.Sort.Order != "asc"
	}
	slices.SortFunc(events, func(a, b Event) int {
		for _, k := range keys {
			d := a.compare(b, k)
			if down {
				d = -d
			}
			if d != 0 {
				return d
			}
		}
		return strings.Compare(a.SN, b.SN)
	})
}

func (e Event) compare(o Event, key string) int {
	switch key {
	case "starts_at":
		return cmp.Compare(e.StartsAt, o.StartsAt)
	case "arrives_at":
		return cmp.Compare(e.ArrivesAt, o.ArrivesAt)
	case "ends_at":
		return cmp.Compare(e.EndsAt, o.EndsAt)
	}
	return strings.Compare(e.Metadata[key], o.Metadata[key])
}

func (s *Service) apiEvents(c *edge.Call) (edge.Answer, error) {
	var q query
	if err := c.Decode(&q); err != nil {
		return edge.Answer{}, err
	}
	all, err := s.find(c.URL.Query().Get("type"), q)
	if err != nil {
		return edge.Answer{}, err
	}
	limit := c.Int("limit", 1000)
	if limit < 1 || limit > 1000 {
		return edge.Answer{}, edge.BadRequest("limit must be within 1 and 1000")
	}
	start := min(max(c.Int("marker", 0), 0), len(all))
	end := min(start+limit, len(all))
	next := ""
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	page := all[start:end]
	if page == nil {
		page = []Event{}
	}
	return edge.OK(map[string]any{
		"events":    page,
		"page_info": map[string]any{"current_count": len(page), "previous_marker": strconv.Itoa(start), "next_marker": next},
	})
}

func (s *Service) apiCount(c *edge.Call) (edge.Answer, error) {
	var q query
	if err := c.Decode(&q); err != nil {
		return edge.Answer{}, err
	}
	if q.Step <= 0 {
		return edge.Answer{}, edge.BadRequest("step is required, in milliseconds")
	}
	from, to, err := q.window(s.opt.Clock())
	if err != nil {
		return edge.Answer{}, err
	}
	if (to-from)/q.Step > 10000 {
		return edge.Answer{}, edge.BadRequest("step is too small for the time range")
	}
	all, err := s.find(c.URL.Query().Get("type"), q)
	if err != nil {
		return edge.Answer{}, err
	}
	var stamps []int64
	for t := from; t < to; t += q.Step {
		stamps = append(stamps, t)
	}
	counts, summary := map[string][]int{}, map[string]int{}
	for _, severity := range severities {
		counts[severity] = make([]int, len(stamps))
		summary[severity] = 0
	}
	for _, e := range all {
		severity := e.Metadata["event_severity"]
		summary[severity]++
		if i := int((e.StartsAt - from) / q.Step); e.StartsAt >= from && i < len(stamps) && counts[severity] != nil {
			counts[severity][i]++
		}
	}
	series := []map[string]any{}
	for _, severity := range severities {
		series = append(series, map[string]any{"event_severity": severity, "values": counts[severity]})
	}
	return edge.OK(map[string]any{"step": q.Step, "timestamps": stamps, "series": series, "summary": summary})
}

// apiPush reports events, or clears those whose ids are given.
func (s *Service) apiPush(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Events []Event `json:"events"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	clearing := c.URL.Query().Get("action") == "clear"
	for i, e := range body.Events {
		if err := e.check(clearing); err != nil {
			return edge.Answer{}, edge.BadRequest(fmt.Sprintf("events[%d]: %v", i, err))
		}
	}
	for _, e := range body.Events {
		if !clearing {
			s.raise(e)
			continue
		}
		s.mu.Lock()
		s.clear(e.ID, e.EndsAt)
		s.mu.Unlock()
	}
	return edge.Status(http.StatusNoContent)
}

func (e Event) check(clearing bool) error {
	if clearing {
		if e.ID == "" || e.EndsAt == 0 {
			return fmt.Errorf("id and ends_at are required to clear")
		}
		return nil
	}
	for _, key := range []string{"event_name", "event_severity", "event_type", "resource_provider", "resource_type", "resource_id"} {
		if n := len(e.Metadata[key]); n == 0 || n > 2048 {
			return fmt.Errorf("metadata %s must have 1 to 2048 bytes", key)
		}
	}
	if !slices.Contains(severities, e.Metadata["event_severity"]) {
		return fmt.Errorf("event_severity %q", e.Metadata["event_severity"])
	}
	return nil
}

// severities, worst first.
var severities = []string{"Critical", "Major", "Minor", "Info"}
