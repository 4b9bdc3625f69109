package aom

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"cce-oncall/infra/fakecloud/edge"
)

// Service returns the HTTP API behind the front door.
func (s *Service) Service() edge.Service {
	trace := func(resource, name string) edge.Trace {
		return edge.Trace{Service: "AOM", Resource: resource, Name: name, Of: "name"}
	}
	const actions, templates = "/v2/{project}/alert/action-rules", "/v2/{project}/events/notification/templates"
	return edge.Service{
		Name: "aom", Dialect: edge.SnakeLong, Denied: "AOM.0403", Invalid: "AOM.02001001", Missing: "AOM.0404",
		Routes: slices.Concat([]edge.Route{
			{Method: "POST", Path: "/v2/{project}/events", Action: "aom:alarm:list", Do: s.apiEvents},
			{Method: "POST", Path: "/v2/{project}/events/statistic", Action: "aom:alarm:list", Do: s.apiCount},
			{Method: "PUT", Path: "/v2/{project}/push/events", Action: "aom:alarm:put", Do: s.apiPush},
			{Method: "GET", Path: "/v2/{project}/alarm-notified-histories", Action: "aom:alarm:list", Do: s.apiNotified},
			{Method: "POST", Path: "/v2/{project}/alert/mute-rules", Action: "aom:muteRule:create", Trace: trace("muteRule", "addMuteRule"), Do: s.apiSetMute},
			{Method: "PUT", Path: "/v2/{project}/alert/mute-rules", Action: "aom:muteRule:update", Trace: trace("muteRule", "updateMuteRule"), Do: s.apiSetMute},
			{Method: "GET", Path: "/v2/{project}/alert/mute-rules", Action: "aom:muteRule:list", Do: s.apiMutes},
			{Method: "DELETE", Path: "/v2/{project}/alert/mute-rules", Action: "aom:muteRule:delete", Trace: trace("muteRule", "deleteMuteRule"), Do: s.apiDeleteMutes},
			{Method: "POST", Path: actions, Action: "aom:actionRule:create", Trace: trace("actionRule", "addActionRule"), Do: s.apiSetAction(http.StatusOK)},
			{Method: "PUT", Path: actions, Action: "aom:actionRule:update", Trace: trace("actionRule", "updateActionRule"), Do: s.apiSetAction(http.StatusNoContent)},
			{Method: "GET", Path: actions, Action: "aom:actionRule:list", Do: s.apiActions},
			{Method: "GET", Path: actions + "/{name}", Action: "aom:actionRule:get", Do: s.apiAction},
			{Method: "DELETE", Path: actions, Action: "aom:actionRule:delete", Trace: trace("actionRule", "deleteActionRule"), Do: s.apiDeleteActions},
			{Method: "POST", Path: templates, Action: "aom:messageTemplate:create", Trace: trace("template", "addTemplate"), Do: s.apiSetTemplate},
			{Method: "PUT", Path: templates, Action: "aom:messageTemplate:update", Trace: trace("template", "updateTemplate"), Do: s.apiSetTemplate},
			{Method: "GET", Path: templates, Action: "aom:messageTemplate:list", Do: s.apiTemplates},
			{Method: "DELETE", Path: templates, Action: "aom:messageTemplate:delete", Trace: trace("template", "deleteTemplate"), Do: s.apiDeleteTemplates},
			{Method: "GET", Path: "/v2/{project}/events/notification/template/{name}", Action: "aom:messageTemplate:get", Do: s.apiTemplate},
			{Method: "POST", Path: "/v4/{project}/alarm-rules", Action: "aom:alarmRule:create", Trace: trace("alarmRule", "addAlarmRule"), Do: s.apiSetRule},
			{Method: "GET", Path: "/v4/{project}/alarm-rules", Action: "aom:alarmRule:list", Do: s.apiRules},
			{Method: "DELETE", Path: "/v4/{project}/alarm-rules", Action: "aom:alarmRule:delete", Trace: trace("alarmRule", "deleteAlarmRule"), Do: s.apiDeleteRules},
			{Method: "GET", Path: "/v1/{project}/aom/prometheus", Action: "aom:prometheusInstances:list", Do: s.apiInstances},
		}, s.promRoutes()),
	}
}

// promRoutes are the Prometheus HTTP API of the default instance and of each instance by id.
func (s *Service) promRoutes() []edge.Route {
	var routes []edge.Route
	for _, root := range []string{"/v1/{project}/aom/api/v1", "/v1/{project}/{instance}/aom/api/v1"} {
		for _, op := range []string{"/query", "/query_range", "/labels", "/series"} {
			for _, method := range []string{"GET", "POST"} {
				routes = append(routes, edge.Route{Method: method, Path: root + op, Action: "aom:metric:list", Do: s.forward(op)})
			}
		}
		routes = append(routes,
			edge.Route{Method: "GET", Path: root + "/metadata", Action: "aom:metric:list", Do: s.forward("/metadata")},
			edge.Route{Method: "GET", Path: root + "/label/{label}/values", Action: "aom:metric:list", Do: s.forward("")},
		)
	}
	return routes
}

// forward passes a query on to the instance's server. The parameters stand in the URL, also of a POST, as the SDK sends them; a form
// body is taken too.
func (s *Service) forward(op string) func(*edge.Call) (edge.Answer, error) {
	return func(c *edge.Call) (edge.Answer, error) {
		id := c.PathValue("instance")
		if id == "" {
			id = "0"
		}
		s.mu.Lock()
		i, ok := s.instances[id]
		s.mu.Unlock()
		if !ok {
			return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Code: "AOM.11003404", Message: "the Prometheus instance does not exist", Dialect: edge.In(edge.Camel)}
		}
		params := c.URL.Query()
		if form, err := url.ParseQuery(string(c.Body)); err == nil && strings.HasPrefix(c.Request.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			for k, v := range form {
				params[k] = v
			}
		}
		path := op
		if path == "" {
			path = "/label/" + url.PathEscape(c.PathValue("label")) + "/values"
		}
		r, err := http.NewRequestWithContext(c.Context(), http.MethodGet, strings.TrimSuffix(i.URL, "/")+"/api/v1"+path+"?"+params.Encode(), nil)
		if err != nil {
			return edge.Answer{}, err
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return edge.Answer{}, &edge.Error{Status: http.StatusBadGateway, Code: "APIGW.0202", Message: "Backend unavailable", Dialect: edge.In(edge.Snake)}
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			return edge.Answer{}, err
		}
		return edge.Reply(resp.StatusCode, raw)
	}
}

func (s *Service) apiInstances(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []map[string]any{}
	ids := make([]string, 0, len(s.instances))
	for id := range s.instances {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		i := s.instances[id]
		if t := c.URL.Query().Get("prom_type"); t != "" && t != i.Type {
			continue
		}
		if want := c.URL.Query().Get("prom_id"); want != "" && want != id {
			continue
		}
		list = append(list, map[string]any{
			"prom_id": id, "prom_name": i.Name, "prom_type": i.Type, "project_id": s.opt.Project, "is_deleted_tag": 0, "enterprise_project_id": "0",
			"prom_spec_config": map[string]string{"prom_http_api_endpoint": "https://aom." + s.opt.Region + ".myhuaweicloud.com/v1/" + s.opt.Project + "/" + id, "region_id": s.opt.Region},
		})
	}
	return edge.OK(map[string]any{"prometheus": list})
}
