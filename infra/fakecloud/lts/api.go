package lts

import (
	"maps"
	"net/http"
	"slices"

	"cce-oncall/infra/fakecloud/edge"
)

// Service returns the HTTP API (v2) behind the front door.
func (s *Service) Service() edge.Service {
	const groups, one = "/v2/{project}/groups", "/v2/{project}/groups/{group}"
	trace := func(resource, name string) edge.Trace {
		return edge.Trace{Service: "LTS", Resource: resource, Name: name, Of: "group"}
	}
	return edge.Service{
		Name: "lts", Denied: "LTS.0401", Invalid: "LTS.0009", Missing: "LTS.0201",
		Routes: []edge.Route{
			{Method: "GET", Path: groups, Action: "lts:groups:list", Do: s.apiGroups},
			{Method: "POST", Path: groups, Action: "lts:groups:create", Trace: trace("group", "createLogGroup"), Do: s.apiAddGroup},
			{Method: "POST", Path: one, Action: "lts:groups:put", Trace: trace("group", "updateLogGroup"), Do: s.apiSetGroup},
			{Method: "DELETE", Path: one, Action: "lts:groups:delete", Trace: trace("group", "deleteLogGroup"), Do: s.apiDeleteGroup},
			{Method: "GET", Path: one + "/streams", Action: "lts:topics:list", Do: s.apiStreams},
			{Method: "POST", Path: one + "/streams", Action: "lts:topics:create", Trace: trace("stream", "createLogStream"), Do: s.apiAddStream},
			{Method: "PUT", Path: one + "/streams-ttl/{stream}", Action: "lts:topics:put", Trace: trace("stream", "updateLogStream"), Do: s.apiSetStream},
			{Method: "DELETE", Path: one + "/streams/{stream}", Action: "lts:topics:delete", Trace: trace("stream", "deleteLogStream"), Do: s.apiDeleteStream},
			{Method: "POST", Path: one + "/streams/{stream}/content/query", Action: "lts:logs:list", Do: s.apiQuery},
			{Method: "GET", Path: "/v2/{project}/log-streams", Action: "lts:topics:list", Do: s.apiAllStreams},
			{Method: "POST", Path: "/v1/{project}/groups/{group}/tags/action", Action: "lts:groups:put", Do: s.apiTagGroup},
			{Method: "POST", Path: "/v1/{project}/topics/{stream}/tags/action", Action: "lts:topics:put", Do: s.apiTagStream},
		},
	}
}

func (s *Service) apiGroups(*edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []map[string]any{}
	for _, g := range s.groups {
		list = append(list, map[string]any{
			"log_group_id": g.id, "log_group_name": g.name, "log_group_name_alias": g.name, "ttl_in_days": g.days, "creation_time": g.created.UnixMilli(), "tag": maps.Clone(g.tags),
		})
	}
	return edge.OK(map[string]any{"log_groups": list})
}

func (s *Service) apiAddGroup(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Name string `json:"log_group_name"`
		Days int    `json:"ttl_in_days"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	if body.Name == "" || body.Days < 1 || body.Days > 365 {
		return edge.Answer{}, edge.BadRequest("log_group_name and ttl_in_days (1 to 365) are required")
	}
	s.mu.Lock()
	exists := slices.ContainsFunc(s.groups, func(g *group) bool { return g.name == body.Name })
	s.mu.Unlock()
	if exists {
		return edge.Answer{}, &edge.Error{Status: http.StatusBadRequest, Code: "LTS.0103", Message: "The log group name has been existed"}
	}
	return edge.Reply(http.StatusCreated, map[string]string{"log_group_id": s.AddGroup(body.Name, body.Days)})
}

func (s *Service) apiSetGroup(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Days int `json:"ttl_in_days"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.group(c.PathValue("group"))
	if g == nil {
		return edge.Answer{}, edge.NotFound("the log group")
	}
	g.days = body.Days
	return edge.OK(map[string]any{"log_group_id": g.id, "log_group_name": g.name, "ttl_in_days": g.days, "creation_time": g.created.UnixMilli()})
}

func (s *Service) apiDeleteGroup(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.groups)
	s.groups = slices.DeleteFunc(s.groups, func(g *group) bool { return g.id == c.PathValue("group") })
	if len(s.groups) == before {
		return edge.Answer{}, edge.NotFound("the log group")
	}
	return edge.Status(http.StatusNoContent)
}

func (x *stream) view() map[string]any {
	return map[string]any{
		"log_stream_id": x.id, "log_stream_name": x.name, "log_stream_name_alias": x.name, "ttl_in_days": x.days, "creation_time": x.created.UnixMilli(),
		"filter_count": 0, "is_favorite": false, "tag": maps.Clone(x.tags),
	}
}

func (s *Service) apiStreams(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.group(c.PathValue("group"))
	if g == nil {
		return edge.Answer{}, edge.NotFound("the log group")
	}
	list := []map[string]any{}
	for _, x := range g.streams {
		list = append(list, x.view())
	}
	return edge.OK(map[string]any{"log_streams": list})
}

func (s *Service) apiAllStreams(c *edge.Call) (edge.Answer, error) {
	q := c.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []map[string]any{}
	for _, g := range s.groups {
		for _, x := range g.streams {
			if (q.Get("log_group_name") == "" || q.Get("log_group_name") == g.name) && (q.Get("log_stream_name") == "" || q.Get("log_stream_name") == x.name) {
				v := x.view()
				v["log_group_id"], v["log_group_name"] = g.id, g.name
				list = append(list, v)
			}
		}
	}
	return edge.OK(map[string]any{"log_streams": list})
}

func (s *Service) apiAddStream(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Name string `json:"log_stream_name"`
		Days int    `json:"ttl_in_days"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	if body.Name == "" {
		return edge.Answer{}, edge.BadRequest("log_stream_name is required")
	}
	id := s.AddStream(c.PathValue("group"), body.Name, body.Days)
	if id == "" {
		return edge.Answer{}, edge.NotFound("the log group")
	}
	return edge.Reply(http.StatusCreated, map[string]string{"log_stream_id": id})
}

func (s *Service) apiSetStream(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Days int `json:"ttl_in_days"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, x := s.stream(c.PathValue("group"), c.PathValue("stream"))
	if x == nil {
		return edge.Answer{}, edge.NotFound("the log stream")
	}
	x.days = body.Days
	return edge.OK(x.view())
}

func (s *Service) apiDeleteStream(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, x := s.stream(c.PathValue("group"), c.PathValue("stream"))
	if x == nil {
		return edge.Answer{}, edge.NotFound("the log stream")
	}
	g.streams = slices.DeleteFunc(g.streams, func(o *stream) bool { return o == x })
	return edge.Status(http.StatusNoContent)
}

type tagging struct {
	Action string     `json:"action"`
	Tags   []edge.Tag `json:"tags"`
}

func (t tagging) apply(to map[string]string) {
	for _, tag := range t.Tags {
		if t.Action == "delete" {
			delete(to, tag.Key)
		} else {
			to[tag.Key] = tag.Value
		}
	}
}

func (s *Service) apiTagGroup(c *edge.Call) (edge.Answer, error) {
	var body tagging
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.group(c.PathValue("group"))
	if g == nil {
		return edge.Answer{}, edge.NotFound("the log group")
	}
	body.apply(g.tags)
	return edge.Status(http.StatusCreated)
}

func (s *Service) apiTagStream(c *edge.Call) (edge.Answer, error) {
	var body tagging
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.groups {
		if _, x := s.stream(g.id, c.PathValue("stream")); x != nil {
			body.apply(x.tags)
			return edge.Status(http.StatusCreated)
		}
	}
	return edge.Answer{}, edge.NotFound("the log stream")
}
