package aom

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"cce-oncall/infra/fakecloud/edge"
)

func (s *Service) apiNotified(c *edge.Call) (edge.Answer, error) {
	sn := c.URL.Query().Get("event_sn")
	list := []map[string]any{}
	for _, n := range s.Notifications() {
		if n.SN != sn {
			continue
		}
		list = append(list, map[string]any{
			"action_rule": n.Action, "notifier_channel": "SMN",
			"smn_channel": map[string]any{"sent_time": n.At.UnixMilli(), "smn_topic": n.Topic},
		})
	}
	return edge.OK(map[string]any{"notified_histories": []map[string]any{{"event_sn": sn, "notifications": list}}})
}

func (s *Service) apiSetMute(c *edge.Call) (edge.Answer, error) {
	var m Mute
	if err := c.Decode(&m); err != nil {
		return edge.Answer{}, err
	}
	if m.Name == "" || len(m.Match) == 0 {
		return edge.Answer{}, edge.BadRequest("name and match are required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m.Created, m.Updated = c.At.UnixMilli(), c.At.UnixMilli()
	if old := s.mutes[m.Name]; old != nil {
		m.Created = old.Created
	}
	s.mutes[m.Name] = &m
	return edge.Status(http.StatusNoContent)
}

func (s *Service) apiMutes(*edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []*Mute{}
	for _, name := range slices.Sorted(maps.Keys(s.mutes)) {
		list = append(list, s.mutes[name])
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return edge.Answer{}, err
	}
	return edge.OK(raw)
}

func (s *Service) apiDeleteMutes(c *edge.Call) (edge.Answer, error) {
	var body []struct {
		Name string `json:"name"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range body {
		delete(s.mutes, m.Name)
	}
	return edge.Status(http.StatusNoContent)
}

func (s *Service) apiSetAction(status int) func(*edge.Call) (edge.Answer, error) {
	return func(c *edge.Call) (edge.Answer, error) {
		var a Action
		if err := c.Decode(&a); err != nil {
			return edge.Answer{}, err
		}
		if a.Name == "" || a.Type == "" || len(a.Topics) == 0 || len(a.Topics) > 5 {
			return edge.Answer{}, edge.BadRequest("rule_name, type and one to five smn_topics are required")
		}
		s.mu.Lock()
		known := s.actions[a.Name] != nil
		s.mu.Unlock()
		if known != (c.Method == http.MethodPut) {
			return edge.Answer{}, edge.BadRequest("the notification rule exists already, or does not exist yet: " + a.Name)
		}
		s.SetAction(a)
		if status == http.StatusNoContent {
			return edge.Status(status)
		}
		return edge.Reply(status, map[string]any{})
	}
}

func (s *Service) apiActions(*edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Action{}
	for _, name := range slices.Sorted(maps.Keys(s.actions)) {
		list = append(list, *s.actions[name])
	}
	return edge.OK(map[string]any{"action_rules": list})
}

func (s *Service) apiAction(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.actions[c.PathValue("name")]
	if a == nil {
		return edge.Answer{}, edge.NotFound("the notification rule")
	}
	return edge.OK(*a)
}

func (s *Service) apiDeleteActions(c *edge.Call) (edge.Answer, error) {
	var names []string
	if err := c.Decode(&names); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range names {
		delete(s.actions, n)
	}
	return edge.Status(http.StatusNoContent)
}

func (s *Service) apiSetTemplate(c *edge.Call) (edge.Answer, error) {
	var t Template
	if err := c.Decode(&t); err != nil {
		return edge.Answer{}, err
	}
	var parts []part
	if err := json.Unmarshal([]byte(t.Parts), &parts); t.Name == "" || err != nil || len(parts) == 0 {
		return edge.Answer{}, edge.BadRequest("name and templates (a JSON string of an array) are required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Created, t.Updated, t.Project = c.At.UnixMilli(), c.At.UnixMilli(), "0"
	if old := s.templates[t.Name]; old != nil {
		t.Created = old.Created
	}
	s.templates[t.Name] = &t
	return edge.Status(http.StatusNoContent)
}

func (s *Service) apiTemplates(*edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Template{}
	for _, name := range slices.Sorted(maps.Keys(s.templates)) {
		list = append(list, *s.templates[name])
	}
	return edge.OK(map[string]any{"results": list})
}

func (s *Service) apiTemplate(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.templates[c.PathValue("name")]
	if t == nil {
		return edge.Answer{}, &edge.Error{Status: http.StatusBadRequest, Code: "AOM.08025006", Message: "the message template does not exist", Dialect: edge.In(edge.Snake)}
	}
	return edge.OK(*t)
}

func (s *Service) apiDeleteTemplates(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Names []string `json:"names"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range body.Names {
		delete(s.templates, n)
	}
	return edge.Status(http.StatusNoContent)
}
