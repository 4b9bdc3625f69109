package kms

import (
	"net/http"
	"slices"

	"cce-oncall/infra/fakecloud/edge"
)

func (x *secret) view() map[string]any {
	return map[string]any{
		"id": x.id, "name": x.name, "state": "ENABLED", "kms_key_id": x.key, "description": x.description, "create_time": x.created, "update_time": x.changed,
		"secret_type": "COMMON", "enterprise_project_id": "0", "event_subscriptions": []any{}, "auto_rotation": false,
	}
}

func (v *version) view(x *secret) map[string]any {
	return map[string]any{
		"id": v.id, "create_time": v.created, "version_stages": slices.Clone(v.stages), "expire_time": nil, "kms_key_id": x.key, "secret_name": x.name,
	}
}

type secretBody struct {
	Name        string `json:"name"`
	Key         string `json:"kms_key_id"`
	Description string `json:"description"`
	Text        string `json:"secret_string"`
	Binary      string `json:"secret_binary"`
}

func (s *Service) apiCreate(c *edge.Call) (edge.Answer, error) {
	var body secretBody
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	if body.Name == "" || (body.Text == "" && body.Binary == "") {
		return edge.Answer{}, edge.BadRequest("name and secret_string are required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secrets[body.Name] != nil {
		return edge.Answer{}, &edge.Error{Status: http.StatusBadRequest, Code: "CSMS.1801", Message: "the secret exists already"}
	}
	s.put(body.Name, body.Text, body.Binary)
	x := s.secrets[body.Name]
	x.key, x.description = body.Key, body.Description
	return edge.OK(map[string]any{"secret": x.view()})
}

// with runs do on the secret of the path.
func (s *Service) with(c *edge.Call, do func(*secret) (edge.Answer, error)) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.secrets[c.PathValue("name")]
	if x == nil {
		return edge.Answer{}, errNoSecret(c.PathValue("name"))
	}
	return do(x)
}

func (s *Service) apiGet(c *edge.Call) (edge.Answer, error) {
	return s.with(c, func(x *secret) (edge.Answer, error) { return edge.OK(map[string]any{"secret": x.view()}) })
}

func (s *Service) apiList(*edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, 0, len(s.secrets))
	for n := range s.secrets {
		names = append(names, n)
	}
	slices.Sort(names)
	list := []any{}
	for _, n := range names {
		list = append(list, s.secrets[n].view())
	}
	return edge.OK(map[string]any{"secrets": list, "page_info": map[string]any{"current_count": len(list), "next_marker": nil}})
}

func (s *Service) apiUpdate(c *edge.Call) (edge.Answer, error) {
	var body secretBody
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	return s.with(c, func(x *secret) (edge.Answer, error) {
		x.description = body.Description
		if body.Key != "" {
			x.key = body.Key
		}
		return edge.OK(map[string]any{"secret": x.view()})
	})
}

func (s *Service) apiDelete(c *edge.Call) (edge.Answer, error) {
	return s.with(c, func(x *secret) (edge.Answer, error) {
		delete(s.secrets, x.name)
		return edge.Status(http.StatusNoContent)
	})
}

func (s *Service) apiAddVersion(c *edge.Call) (edge.Answer, error) {
	var body secretBody
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	return s.with(c, func(x *secret) (edge.Answer, error) {
		v := s.put(x.name, body.Text, body.Binary)
		return edge.OK(map[string]any{"version_metadata": v.view(x)})
	})
}

func (s *Service) apiVersions(c *edge.Call) (edge.Answer, error) {
	return s.with(c, func(x *secret) (edge.Answer, error) {
		list := []any{}
		for _, v := range x.versions {
			list = append(list, v.view(x))
		}
		return edge.OK(map[string]any{"version_metadatas": list, "page_info": map[string]any{"current_count": len(list), "next_marker": nil}})
	})
}

func (s *Service) apiVersion(c *edge.Call) (edge.Answer, error) {
	return s.with(c, func(x *secret) (edge.Answer, error) {
		for i, v := range x.versions {
			if v.id != c.PathValue("version") && !(c.PathValue("version") == "latest" && i == len(x.versions)-1) {
				continue
			}
			answer := map[string]any{"version_metadata": v.view(x)}
			if v.binary != "" {
				answer["secret_binary"] = v.binary
			} else {
				answer["secret_string"] = v.text
			}
			return edge.OK(map[string]any{"version": answer})
		}
		return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Code: "CSMS.0405", Message: "the version does not exist"}
	})
}

// apiStage names the version of a stage; its value takes a second call.
func (s *Service) apiStage(c *edge.Call) (edge.Answer, error) {
	return s.with(c, func(x *secret) (edge.Answer, error) {
		for _, v := range x.versions {
			if slices.Contains(v.stages, c.PathValue("stage")) {
				return edge.OK(map[string]any{"stage": map[string]any{
					"name": c.PathValue("stage"), "version_id": v.id, "secret_name": x.name, "update_time": x.changed,
				}})
			}
		}
		return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Code: "CSMS.0406", Message: "the stage does not exist"}
	})
}

func (s *Service) byID(id string) *secret {
	for _, x := range s.secrets {
		if x.id == id {
			return x
		}
	}
	return nil
}

func (s *Service) apiTags(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.byID(c.PathValue("id"))
	if x == nil {
		return edge.Answer{}, errNoSecret(c.PathValue("id"))
	}
	return edge.OK(map[string]any{"tags": edge.TagList(x.tags), "sys_tags": []any{}})
}

func (s *Service) apiTag(c *edge.Call) (edge.Answer, error) {
	var body tagging
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.byID(c.PathValue("id"))
	if x == nil {
		return edge.Answer{}, errNoSecret(c.PathValue("id"))
	}
	body.apply(x.tags)
	return edge.Status(http.StatusNoContent)
}
