// Package apig plays the dedicated API gateway as Terraform manages it: groups, environments, APIs in front of functions, and their
// publishing. A published API really serves: the gateway finds it by path and method and forwards to the function.
package apig

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/functiongraph"
)

// Functions is the backend of an API.
type Functions interface {
	Forward(w http.ResponseWriter, r *http.Request, b functiongraph.Backend)
}

// Service is the gateway's control plane and its routing table.
type Service struct {
	region    string
	clock     func() time.Time
	functions Functions

	mu     sync.Mutex
	groups map[string]map[string]any
	envs   map[string]map[string]any
	apis   map[string]*api
}

type api struct {
	id        string
	fields    map[string]any
	published map[string]publication // by environment
}

type publication struct {
	id      string
	version string
	at      time.Time
	remark  string
}

// The environment that every gateway has.
const (
	releaseID   = "DEFAULT_ENVIRONMENT_RELEASE_ID"
	releaseName = "RELEASE"
)

// New makes a gateway without APIs.
func New(region string, clock func() time.Time, f Functions) *Service {
	return &Service{
		region: region, clock: clock, functions: f, groups: map[string]map[string]any{}, apis: map[string]*api{},
		envs: map[string]map[string]any{releaseID: {"id": releaseID, "name": releaseName, "remark": "", "create_time": "2020-01-01T00:00:00Z"}},
	}
}

// Serve forwards a request to a published API and reports whether there was one.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	var backend functiongraph.Backend
	found := false
	for _, id := range s.ids() {
		a := s.apis[id]
		if len(a.published) > 0 && a.serves(r) {
			backend, found = a.backend(), true
			break
		}
	}
	s.mu.Unlock()
	if found {
		s.functions.Forward(w, r, backend)
	}
	return found
}

func (s *Service) ids() []string {
	ids := make([]string, 0, len(s.apis))
	for id := range s.apis {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (a *api) text(key string) string {
	v, _ := a.fields[key].(string)
	return v
}

func (a *api) serves(r *http.Request) bool {
	if m := a.text("req_method"); m != "ANY" && m != r.Method {
		return false
	}
	path := a.text("req_uri")
	if a.text("match_mode") == "SWA" {
		return r.URL.Path == path || strings.HasPrefix(r.URL.Path, strings.TrimSuffix(path, "/")+"/")
	}
	return r.URL.Path == path
}

func (a *api) backend() functiongraph.Backend {
	info, _ := a.fields["func_info"].(map[string]any)
	text := func(key string) string {
		v, _ := info[key].(string)
		return v
	}
	b := functiongraph.Backend{Function: text("function_urn"), APIID: a.id, Stage: releaseName, Async: text("invocation_type") == "async"}
	if ms, ok := info["timeout"].(float64); ok {
		b.Timeout = time.Duration(ms) * time.Millisecond
	}
	return b
}

// Service returns the HTTP API (v2) behind the front door.
func (s *Service) Service() edge.Service {
	const root = "/v2/{project}/apigw/instances/{instance}"
	trace := func(resource, name, of string) edge.Trace {
		return edge.Trace{Service: "APIG", Resource: resource, Name: name, Of: of}
	}
	return edge.Service{
		Name: "apig", Denied: "APIG.1005", Invalid: "APIG.2011", Missing: "APIG.3002",
		Routes: []edge.Route{
			{Method: "POST", Path: root + "/api-groups", Action: "apig:groups:create", Trace: trace("group", "createGroup", "instance"), Do: s.apiAddGroup},
			{Method: "GET", Path: root + "/api-groups", Action: "apig:groups:list", Do: s.apiGroups},
			{Method: "GET", Path: root + "/api-groups/{id}", Action: "apig:groups:get", Do: s.one(&s.groups, "the group")},
			{Method: "PUT", Path: root + "/api-groups/{id}", Action: "apig:groups:update", Trace: trace("group", "updateGroup", "id"), Do: s.update(&s.groups, "the group")},
			{Method: "DELETE", Path: root + "/api-groups/{id}", Action: "apig:groups:delete", Trace: trace("group", "deleteGroup", "id"), Do: s.remove(&s.groups, "the group")},
			{Method: "PUT", Path: root + "/api-groups/{id}/sl-domain-access-settings", Action: "apig:groups:update", Do: s.apiDomainAccess},
			{Method: "GET", Path: root + "/env-variables", Action: "apig:variables:list", Do: func(*edge.Call) (edge.Answer, error) {
				return edge.OK(map[string]any{"variables": []any{}, "total": 0, "size": 0})
			}},
			{Method: "POST", Path: root + "/envs", Action: "apig:envs:create", Trace: trace("env", "createEnv", "instance"), Do: s.apiAddEnv},
			{Method: "GET", Path: root + "/envs", Action: "apig:envs:list", Do: s.apiEnvs},
			{Method: "PUT", Path: root + "/envs/{id}", Action: "apig:envs:update", Do: s.update(&s.envs, "the environment")},
			{Method: "DELETE", Path: root + "/envs/{id}", Action: "apig:envs:delete", Do: s.remove(&s.envs, "the environment")},
			{Method: "POST", Path: root + "/apis", Action: "apig:apis:create", Trace: trace("api", "createApi", "instance"), Do: s.apiAdd},
			{Method: "POST", Path: root + "/apis/action", Action: "apig:apis:publish", Trace: trace("api", "publishApi", "instance"), Do: s.apiPublish},
			{Method: "GET", Path: root + "/apis/publish/{id}", Action: "apig:apis:get", Do: s.apiPublished},
			{Method: "GET", Path: root + "/apis/{id}", Action: "apig:apis:get", Do: s.apiGet},
			{Method: "PUT", Path: root + "/apis/{id}", Action: "apig:apis:update", Trace: trace("api", "updateApi", "id"), Do: s.apiUpdate},
			{Method: "DELETE", Path: root + "/apis/{id}", Action: "apig:apis:delete", Trace: trace("api", "deleteApi", "id"), Do: s.apiDelete},
		},
	}
}

func (s *Service) apiAddGroup(c *edge.Call) (edge.Answer, error) {
	var body map[string]any
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	if body["name"] == nil {
		return edge.Answer{}, edge.BadRequest("name is required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id, at := edge.NewID(), c.At.UTC().Format(time.RFC3339)
	g := map[string]any{
		"id": id, "name": body["name"], "remark": body["remark"], "status": 1, "sl_domain": id + ".apic." + s.region + ".huaweicloudapis.com",
		"register_time": at, "update_time": at, "url_domains": []any{}, "sl_domain_access_enabled": true, "on_sell_status": 2,
	}
	s.groups[id] = g
	return edge.Reply(http.StatusCreated, g)
}

func (s *Service) apiGroups(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := sorted(s.groups)
	start := min(c.Int("offset", 0), len(list))
	list = list[start:]
	return edge.OK(map[string]any{"groups": list, "size": len(list), "total": len(s.groups)})
}

func sorted(m map[string]map[string]any) []map[string]any {
	ids := make([]string, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out := make([]map[string]any, 0, len(m))
	for _, id := range ids {
		out = append(out, m[id])
	}
	return out
}

func (s *Service) one(from *map[string]map[string]any, what string) func(*edge.Call) (edge.Answer, error) {
	return func(c *edge.Call) (edge.Answer, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if v := (*from)[c.PathValue("id")]; v != nil {
			return edge.OK(copied(v))
		}
		return edge.Answer{}, edge.NotFound(what)
	}
}

func copied(v map[string]any) map[string]any {
	out := map[string]any{}
	for k, x := range v {
		out[k] = x
	}
	return out
}

func (s *Service) update(in *map[string]map[string]any, what string) func(*edge.Call) (edge.Answer, error) {
	return func(c *edge.Call) (edge.Answer, error) {
		var body map[string]any
		if err := c.Decode(&body); err != nil {
			return edge.Answer{}, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		v := (*in)[c.PathValue("id")]
		if v == nil {
			return edge.Answer{}, edge.NotFound(what)
		}
		for k, x := range body {
			v[k] = x
		}
		v["update_time"] = c.At.UTC().Format(time.RFC3339)
		return edge.OK(copied(v))
	}
}

func (s *Service) remove(from *map[string]map[string]any, what string) func(*edge.Call) (edge.Answer, error) {
	return func(c *edge.Call) (edge.Answer, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if (*from)[c.PathValue("id")] == nil {
			return edge.Answer{}, edge.NotFound(what)
		}
		delete(*from, c.PathValue("id"))
		return edge.Status(http.StatusNoContent)
	}
}

func (s *Service) apiDomainAccess(c *edge.Call) (edge.Answer, error) {
	if _, err := s.update(&s.groups, "the group")(c); err != nil {
		return edge.Answer{}, err
	}
	return edge.Status(http.StatusNoContent)
}

func (s *Service) apiAddEnv(c *edge.Call) (edge.Answer, error) {
	var body map[string]any
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := edge.NewID()
	env := map[string]any{"id": id, "name": body["name"], "remark": body["remark"], "create_time": c.At.UTC().Format(time.RFC3339)}
	s.envs[id] = env
	return edge.Reply(http.StatusCreated, env)
}

func (s *Service) apiEnvs(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := sorted(s.envs)
	list = list[min(c.Int("offset", 0), len(list)):]
	return edge.OK(map[string]any{"envs": list, "size": len(list), "total": len(s.envs)})
}

func (s *Service) apiAdd(c *edge.Call) (edge.Answer, error) {
	var body map[string]any
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	group, _ := body["group_id"].(string)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groups[group] == nil {
		return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Code: "APIG.3001", Message: "the API group does not exist"}
	}
	a := &api{id: edge.NewID(), fields: body, published: map[string]publication{}}
	at := c.At.UTC().Format(time.RFC3339)
	body["id"], body["register_time"], body["update_time"], body["group_name"] = a.id, at, at, s.groups[group]["name"]
	s.apis[a.id] = a
	return edge.Reply(http.StatusCreated, a.view())
}

// view adds where the API is published, joined by bars when there are several places.
func (a *api) view() map[string]any {
	v := copied(a.fields)
	envs := make([]string, 0, len(a.published))
	for e := range a.published {
		envs = append(envs, e)
	}
	slices.Sort(envs)
	var ids []string
	for _, e := range envs {
		ids = append(ids, a.published[e].id)
	}
	v["run_env_id"], v["publish_id"] = strings.Join(envs, "|"), strings.Join(ids, "|")
	return v
}

func (s *Service) with(c *edge.Call, id string, do func(*api) (edge.Answer, error)) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apis[id]
	if a == nil {
		return edge.Answer{}, edge.NotFound("the API")
	}
	return do(a)
}

func (s *Service) apiGet(c *edge.Call) (edge.Answer, error) {
	return s.with(c, c.PathValue("id"), func(a *api) (edge.Answer, error) { return edge.OK(a.view()) })
}

func (s *Service) apiUpdate(c *edge.Call) (edge.Answer, error) {
	var body map[string]any
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	return s.with(c, c.PathValue("id"), func(a *api) (edge.Answer, error) {
		for k, v := range body {
			a.fields[k] = v
		}
		a.fields["update_time"] = c.At.UTC().Format(time.RFC3339)
		return edge.OK(a.view())
	})
}

func (s *Service) apiDelete(c *edge.Call) (edge.Answer, error) {
	return s.with(c, c.PathValue("id"), func(a *api) (edge.Answer, error) {
		if len(a.published) > 0 {
			return edge.Answer{}, &edge.Error{Status: http.StatusConflict, Code: "APIG.3424", Message: "the API is published: take it offline first"}
		}
		delete(s.apis, a.id)
		return edge.Status(http.StatusNoContent)
	})
}

func (s *Service) apiPublish(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Action string `json:"action"`
		Env    string `json:"env_id"`
		API    string `json:"api_id"`
		Remark string `json:"remark"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	return s.with(c, body.API, func(a *api) (edge.Answer, error) {
		if s.envs[body.Env] == nil {
			return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Code: "APIG.3003", Message: "the environment does not exist"}
		}
		p := publication{id: edge.NewID(), version: edge.NewID(), at: c.At, remark: body.Remark}
		if body.Action == "offline" {
			delete(a.published, body.Env)
		} else {
			a.published[body.Env] = p
		}
		return edge.Reply(http.StatusCreated, map[string]any{
			"publish_id": p.id, "api_id": a.id, "api_name": a.text("name"), "env_id": body.Env, "remark": body.Remark, "publish_time": c.At.UTC().Format(time.RFC3339), "version_id": p.version,
		})
	})
}

func (s *Service) apiPublished(c *edge.Call) (edge.Answer, error) {
	return s.with(c, c.PathValue("id"), func(a *api) (edge.Answer, error) {
		list := []map[string]any{}
		for env, p := range a.published {
			if want := c.URL.Query().Get("env_id"); want != "" && want != env {
				continue
			}
			list = append(list, map[string]any{
				"version_id": p.version, "version_no": p.at.UTC().Format("20060102150405"), "api_id": a.id, "env_id": env, "env_name": s.envs[env]["name"],
				"remark": p.remark, "publish_time": p.at.UTC().Format(time.RFC3339), "status": 1,
			})
		}
		slices.SortFunc(list, func(x, y map[string]any) int {
			return strings.Compare(x["version_id"].(string), y["version_id"].(string))
		})
		return edge.OK(map[string]any{"api_versions": list, "size": len(list), "total": len(list)})
	})
}
