package smn

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// Service returns the HTTP API (v2) behind the front door.
func (s *Service) Service() edge.Service {
	const topics, topic = "/v2/{project}/notifications/topics", "/v2/{project}/notifications/topics/{topic}"
	trace := func(name string) edge.Trace {
		return edge.Trace{Service: "SMN", Resource: "topic", Name: name, Of: "topic"}
	}
	return edge.Service{
		Name: "smn", Denied: "SMN.00013002", Invalid: "SMN.00011002", Missing: "SMN.00013012",
		Routes: []edge.Route{
			{Method: "POST", Path: topics, Action: "smn:topic:create", Trace: trace("createTopic"), Do: s.apiCreate},
			{Method: "GET", Path: topics, Action: "smn:topic:list", Do: s.apiList},
			{Method: "GET", Path: topic, Action: "smn:topic:get", Do: s.apiTopic},
			{Method: "PUT", Path: topic, Action: "smn:topic:update", Trace: trace("updateTopic"), Do: s.apiUpdate},
			{Method: "DELETE", Path: topic, Action: "smn:topic:delete", Trace: trace("deleteTopic"), Do: s.apiDelete},
			{Method: "POST", Path: topic + "/publish", Action: "smn:topic:publish", Do: s.apiPublish},
			{Method: "GET", Path: topic + "/attributes", Action: "smn:topic:listAttributes", Do: s.apiAttributes},
			{Method: "PUT", Path: topic + "/attributes/{name}", Action: "smn:topic:updateAttribute", Trace: trace("updateTopicAttribute"), Do: s.apiSetAttribute},
			{Method: "DELETE", Path: topic + "/attributes/{name}", Action: "smn:topic:deleteAttribute", Trace: trace("deleteTopicAttribute"), Do: s.apiSetAttribute},
			{Method: "POST", Path: topic + "/subscriptions", Action: "smn:topic:subscribe", Trace: trace("subscribe"), Do: s.apiSubscribe},
			{Method: "GET", Path: topic + "/subscriptions", Action: "smn:topic:listSubscriptionsByTopic", Do: s.apiSubscriptions},
			{Method: "PUT", Path: topic + "/subscriptions/{subscription}", Action: "smn:topic:updateSubscription", Trace: trace("updateSubscription"), Do: s.apiRemark},
			{Method: "DELETE", Path: "/v2/{project}/notifications/subscriptions/{subscription}", Action: "smn:topic:deleteSubscription", Trace: trace("unsubscribe"), Do: s.apiUnsubscribe},
			{Method: "POST", Path: "/v2/{project}/smn_topic/{name}/tags/action", Action: "smn:tag:create", Do: s.apiTag},
			{Method: "GET", Path: "/v2/{project}/smn_topic/{name}/tags", Action: "smn:tag:list", Do: s.apiTags},
			{Method: "GET", Path: "/smn/subscription/subscribe", Open: true, Do: s.apiConfirm},
			{Method: "GET", Path: "/smn/{certificate}", Open: true, Do: s.apiCertificate},
		},
	}
}

func refusal(err error) error {
	switch {
	case errors.Is(err, ErrNoTopic), errors.Is(err, ErrNoSubscription):
		return &edge.Error{Status: http.StatusNotFound, Message: err.Error()}
	case errors.Is(err, ErrSetting):
		return edge.BadRequest(err.Error())
	}
	return err
}

func (s *Service) apiCreate(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Name    string `json:"name"`
		Display string `json:"display_name"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	urn, err := s.CreateTopic(body.Name, body.Display)
	if err != nil {
		return edge.Answer{}, refusal(err)
	}
	return edge.Reply(http.StatusCreated, map[string]string{"request_id": c.RequestID, "topic_urn": urn})
}

func (t *Topic) view() map[string]any {
	return map[string]any{
		"topic_urn": t.URN, "name": t.Name, "display_name": t.Display, "push_policy": 0, "enterprise_project_id": "0", "topic_id": t.URN,
		"create_time": t.Created.UTC().Format(time.RFC3339), "update_time": t.Changed.UTC().Format(time.RFC3339),
	}
}

func (s *Service) apiList(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var urns []string
	for urn, t := range s.topics {
		if name := c.URL.Query().Get("name"); name == "" || t.Name == name {
			urns = append(urns, urn)
		}
	}
	slices.Sort(urns)
	start := min(c.Int("offset", 0), len(urns))
	end := min(start+c.Int("limit", 100), len(urns))
	out := []any{}
	for _, urn := range urns[start:end] {
		out = append(out, s.topics[urn].view())
	}
	return edge.OK(map[string]any{"request_id": c.RequestID, "topic_count": len(urns), "topics": out})
}

// with runs do on the topic of the path.
func (s *Service) with(c *edge.Call, do func(*Topic) (edge.Answer, error)) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[c.PathValue("topic")]
	if t == nil {
		return edge.Answer{}, edge.NotFound("the topic")
	}
	return do(t)
}

func (s *Service) apiTopic(c *edge.Call) (edge.Answer, error) {
	return s.with(c, func(t *Topic) (edge.Answer, error) {
		v := t.view()
		v["request_id"] = c.RequestID
		return edge.OK(v)
	})
}

func (s *Service) apiUpdate(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Display string `json:"display_name"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	return s.with(c, func(t *Topic) (edge.Answer, error) {
		t.Display, t.Changed = body.Display, c.At
		return edge.OK(map[string]string{"request_id": c.RequestID})
	})
}

func (s *Service) apiDelete(c *edge.Call) (edge.Answer, error) {
	if err := s.DeleteTopic(c.PathValue("topic")); err != nil {
		return edge.Answer{}, refusal(err)
	}
	return edge.OK(map[string]string{"request_id": c.RequestID})
}

func (s *Service) apiPublish(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Subject   string `json:"subject"`
		Message   string `json:"message"`
		Structure string `json:"message_structure"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	texts := map[string]string{"default": body.Message}
	if body.Structure != "" {
		texts = map[string]string{}
		if err := json.Unmarshal([]byte(body.Structure), &texts); err != nil || texts["default"] == "" {
			return edge.Answer{}, edge.BadRequest("message_structure is not a JSON object with a default")
		}
	}
	if texts["default"] == "" {
		return edge.Answer{}, edge.BadRequest("a message is required")
	}
	id, err := s.publish(c.Context(), c.PathValue("topic"), body.Subject, c.Caller.Name, func(protocol string) string {
		if text, ok := texts[protocol]; ok {
			return text
		}
		return texts["default"]
	})
	if err != nil {
		return edge.Answer{}, refusal(err)
	}
	return edge.OK(map[string]string{"request_id": c.RequestID, "message_id": id})
}

func (s *Service) apiAttributes(c *edge.Call) (edge.Answer, error) {
	return s.with(c, func(t *Topic) (edge.Answer, error) {
		attributes := map[string]string{"access_policy": t.Attributes["access_policy"], "introduction": t.Attributes["introduction"]}
		if name := c.URL.Query().Get("name"); name != "" {
			attributes = map[string]string{name: t.Attributes[name]}
		}
		return edge.OK(map[string]any{"request_id": c.RequestID, "attributes": attributes})
	})
}

func (s *Service) apiSetAttribute(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Value string `json:"value"`
	}
	if c.Method == http.MethodPut {
		if err := c.Decode(&body); err != nil {
			return edge.Answer{}, err
		}
	}
	return s.with(c, func(t *Topic) (edge.Answer, error) {
		t.Attributes[c.PathValue("name")] = body.Value
		return edge.OK(map[string]string{"request_id": c.RequestID})
	})
}

func (s *Service) apiSubscribe(c *edge.Call) (edge.Answer, error) {
	var body struct{ Protocol, Endpoint, Remark string }
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	urn, err := s.Subscribe(c.PathValue("topic"), body.Protocol, body.Endpoint)
	if err != nil {
		return edge.Answer{}, refusal(err)
	}
	if err := s.remark(urn, body.Remark); err != nil {
		return edge.Answer{}, refusal(err)
	}
	return edge.Reply(http.StatusCreated, map[string]string{"request_id": c.RequestID, "subscription_urn": urn})
}

func (s *Service) remark(urn, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.subscriptions {
		if x.URN == urn {
			x.Remark = text
			return nil
		}
	}
	return ErrNoSubscription
}

func (s *Service) apiSubscriptions(c *edge.Call) (edge.Answer, error) {
	all := s.Subscriptions(c.PathValue("topic"))
	start := min(c.Int("offset", 0), len(all))
	end := min(start+c.Int("limit", 100), len(all))
	out := []map[string]any{}
	for _, x := range all[start:end] {
		status := 0
		if x.Confirmed {
			status = 1
		}
		out = append(out, map[string]any{
			"topic_urn": x.Topic, "protocol": x.Protocol, "subscription_urn": x.URN, "owner": s.opt.Project, "endpoint": x.Endpoint,
			"remark": x.Remark, "status": status, "filter_polices": []any{},
		})
	}
	return edge.OK(map[string]any{"request_id": c.RequestID, "subscription_count": len(all), "subscriptions": out})
}

func (s *Service) apiRemark(c *edge.Call) (edge.Answer, error) {
	var body struct{ Remark string }
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	if err := s.remark(c.PathValue("subscription"), body.Remark); err != nil {
		return edge.Answer{}, refusal(err)
	}
	return edge.OK(map[string]string{"request_id": c.RequestID})
}

func (s *Service) apiUnsubscribe(c *edge.Call) (edge.Answer, error) {
	s.Unsubscribe(c.PathValue("subscription"))
	return edge.OK(map[string]string{"request_id": c.RequestID})
}

func (s *Service) apiTag(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Action string
		Tags   []struct{ Key, Value string }
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[s.URN(c.PathValue("name"))]
	if t == nil {
		return edge.Answer{}, edge.NotFound("the topic")
	}
	for _, tag := range body.Tags {
		if body.Action == "delete" {
			delete(t.Tags, tag.Key)
		} else {
			t.Tags[tag.Key] = tag.Value
		}
	}
	return edge.Status(http.StatusNoContent)
}

func (s *Service) apiTags(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[s.URN(c.PathValue("name"))]
	if t == nil {
		return edge.Answer{}, edge.NotFound("the topic")
	}
	return edge.OK(map[string]any{"tags": edge.TagList(t.Tags)})
}

func (s *Service) apiConfirm(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := c.URL.Query().Get("token")
	for _, x := range s.subscriptions {
		if token != "" && x.token == token {
			x.Confirmed = true
			return edge.OK(map[string]string{"subscription_urn": x.URN})
		}
	}
	return edge.Answer{}, edge.NotFound("the subscription")
}

func (s *Service) apiCertificate(c *edge.Call) (edge.Answer, error) {
	if !strings.HasSuffix(c.PathValue("certificate"), ".pem") {
		return edge.Answer{}, edge.NotFound("the file")
	}
	c.Header.Set("Content-Type", "application/x-pem-file")
	return edge.OK(s.key.cert)
}
