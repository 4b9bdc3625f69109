package functiongraph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// Service is the platform's HTTP API (v2) behind the front door.
func (p *Platform) Service() edge.Service {
	const functions, function = "/v2/{project}/fgs/functions", "/v2/{project}/fgs/functions/{urn}"
	trace := func(name string) edge.Trace {
		return edge.Trace{Service: "FunctionGraph", Resource: "functions", Name: name, Of: "urn"}
	}
	return edge.Service{
		Name: "functiongraph", Denied: "FSS.0403", Invalid: "FSS.0400", Missing: "FSS.1051",
		Routes: slices.Concat([]edge.Route{
			{Method: "POST", Path: functions, Action: "functiongraph:function:createFunction", Trace: trace("createFunction"), Do: p.apiCreate},
			{Method: "GET", Path: functions, Action: "functiongraph:function:list", Do: p.apiList},
			{Method: "DELETE", Path: function, Action: "functiongraph:function:deleteFunction", Trace: trace("deleteFunction"), Do: p.apiDelete},
			{Method: "GET", Path: function + "/config", Action: "functiongraph:function:getFunctionConfig", Do: p.apiConfig},
			{Method: "PUT", Path: function + "/config", Action: "functiongraph:function:updateFunctionConfig", Trace: trace("updateFunctionConfig"), Do: p.apiUpdateConfig},
			{Method: "PUT", Path: function + "/code", Action: "functiongraph:function:updateFunctionCode", Trace: trace("updateFunctionCode"), Do: p.apiUpdateCode},
			{Method: "GET", Path: function + "/code", Action: "functiongraph:function:getFunctionCode", Do: p.apiCode},
			{Method: "PUT", Path: function + "/config-max-instance", Action: "functiongraph:function:updateMaxInstanceConfig", Trace: trace("updateMaxInstanceConfig"), Do: p.apiMaxInstances},
			{Method: "GET", Path: function + "/lts-log-detail", Action: "functiongraph:function:getFunctionConfig", Do: p.apiLogDetail},
			{Method: "GET", Path: function + "/versions", Action: "functiongraph:function:listVersion", Do: p.apiVersions},
			{Method: "GET", Path: function + "/aliases", Action: "functiongraph:function:listAlias", Do: func(*edge.Call) (edge.Answer, error) { return edge.OK([]any{}) }},
			{Method: "GET", Path: functions + "/reservedinstanceconfigs", Action: "functiongraph:function:getReservedInstanceCount", Do: func(*edge.Call) (edge.Answer, error) {
				return edge.OK(map[string]any{"reserved_instances": []any{}, "page_info": map[string]int{"next_marker": 0, "previous_marker": 0, "current_count": 0}, "count": 0})
			}},
			{Method: "POST", Path: "/v2/{project}/functions/{urn}/tags/create", Action: "functiongraph:function:createTags", Do: p.apiTags(true)},
			{Method: "DELETE", Path: "/v2/{project}/functions/{urn}/tags/delete", Action: "functiongraph:function:deleteTags", Do: p.apiTags(false)},
		}, p.invokeRoutes(function), p.triggerRoutes()),
	}
}

func readConfig(c *edge.Call) (config, map[string]json.RawMessage, error) {
	var body config
	raw := map[string]json.RawMessage{}
	if err := c.Decode(&body); err != nil {
		return body, nil, err
	}
	return body, raw, c.Decode(&raw)
}

func (p *Platform) apiCreate(c *edge.Call) (edge.Answer, error) {
	body, raw, err := readConfig(c)
	if err != nil {
		return edge.Answer{}, err
	}
	if body.Name == "" || body.Package == "" || body.Handler == "" {
		return edge.Answer{}, edge.BadRequest("func_name, package and handler are required")
	}
	spec := Spec{Name: body.Name, MaxInstances: 400}
	if err := body.apply(&spec, raw); err != nil {
		return edge.Answer{}, err
	}
	if spec.Zip, err = p.packageOf(c.Context(), body); err != nil {
		return edge.Answer{}, err
	}
	if _, err := p.Create(spec); err != nil {
		return edge.Answer{}, refusal(err)
	}
	return p.describe(spec.Name)
}

// packageOf reads a function's zip from the request, or from OBS where the request names it.
func (p *Platform) packageOf(ctx context.Context, c config) ([]byte, error) {
	switch {
	case c.FuncCode != nil && c.FuncCode.File != "":
		raw, err := base64.StdEncoding.DecodeString(c.FuncCode.File)
		if err != nil {
			return nil, edge.BadRequest("func_code.file is not base64")
		}
		return raw, nil
	case c.CodeType == "obs" && c.CodeURL != "" && p.opt.Fetch != nil:
		raw, err := p.opt.Fetch(ctx, c.CodeURL)
		if err != nil {
			return nil, &edge.Error{Status: http.StatusBadRequest, Code: "FSS.1068", Message: "the package cannot be read from OBS: " + err.Error()}
		}
		return raw, nil
	}
	return nil, edge.BadRequest("func_code, or code_url with code_type obs, is required")
}

func (p *Platform) apiUpdateConfig(c *edge.Call) (edge.Answer, error) {
	body, raw, err := readConfig(c)
	if err != nil {
		return edge.Answer{}, err
	}
	return p.change(c, func(s *Spec) error { return body.apply(s, raw) })
}

func (p *Platform) apiUpdateCode(c *edge.Call) (edge.Answer, error) {
	body, raw, err := readConfig(c)
	if err != nil {
		return edge.Answer{}, err
	}
	zip, err := p.packageOf(c.Context(), body)
	if err != nil {
		return edge.Answer{}, err
	}
	return p.change(c, func(s *Spec) error {
		s.Zip = zip
		return body.apply(s, raw)
	})
}

func (p *Platform) apiMaxInstances(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Max *int `json:"max_instance_num"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	if body.Max == nil {
		return edge.Answer{}, edge.BadRequest("max_instance_num is required")
	}
	return p.change(c, func(s *Spec) error {
		s.MaxInstances = *body.Max
		return nil
	})
}

// change applies a request to the function in the path and answers with its new configuration.
func (p *Platform) change(c *edge.Call, apply func(*Spec) error) (edge.Answer, error) {
	name, err := p.named(c)
	if err != nil {
		return edge.Answer{}, err
	}
	if err := p.Update(name, apply); err != nil {
		return edge.Answer{}, refusal(err)
	}
	return p.describe(name)
}

// named finds the function of the path and returns its name.
func (p *Platform) named(c *edge.Call) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.find(c.PathValue("urn"))
	if f == nil {
		return "", &edge.Error{Status: http.StatusNotFound, Code: "FSS.1051", Message: "Not found the function"}
	}
	return f.spec.Name, nil
}

func (p *Platform) apiConfig(c *edge.Call) (edge.Answer, error) {
	name, err := p.named(c)
	if err != nil {
		return edge.Answer{}, err
	}
	return p.describe(name)
}

func (p *Platform) describe(name string) (edge.Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.functions[name]
	if f == nil {
		return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Code: "FSS.1051", Message: "Not found the function"}
	}
	return edge.OK(f.view())
}

// view never holds the code or the encrypted variables, as the real service never returns them.
func (f *function) view() map[string]any {
	s := f.spec
	v := map[string]any{
		"func_urn": f.urn + ":latest", "func_id": f.urn + ":latest", "func_name": s.Name, "package": s.Package, "runtime": s.Runtime,
		"timeout": int(s.Timeout / time.Second), "memory_size": s.MemoryMB, "handler": s.Handler, "description": s.Description,
		"code_type": s.CodeType, "code_url": s.CodeURL, "code_filename": s.CodeFile, "code_size": f.code.size, "digest": f.code.digest,
		"user_data": "", "xrole": s.Agency, "app_xrole": s.AppAgency, "version": "latest", "type": "v2", "enable_lts_log": s.LogEnabled,
		"enterprise_project_id": "0", "last_modified": f.changed.UTC().Format(time.RFC3339), "func_vpc": nil, "depend_version_list": []any{},
		"strategy_config": map[string]int{"concurrency": s.MaxInstances, "concurrent_num": 1},
		"mount_config":    map[string]any{"mount_user": map[string]int{"user_id": -1, "user_group_id": -1}, "func_mounts": []any{}},
	}
	if len(s.UserData) > 0 {
		if raw, err := json.Marshal(s.UserData); err == nil {
			v["user_data"] = string(raw)
		}
	}
	for _, key := range echoed {
		if raw, ok := s.Extra[key]; ok {
			v[key] = raw
		}
	}
	return v
}

func (p *Platform) apiList(c *edge.Call) (edge.Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := make([]string, 0, len(p.functions))
	for n, f := range p.functions {
		if strings.Contains(n, c.URL.Query().Get("func_name")) && (c.URL.Query().Get("package_name") == "" || f.spec.Package == c.URL.Query().Get("package_name")) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	start := min(c.Int("marker", 0), len(names))
	end := min(start+min(c.Int("maxitems", 400), 400), len(names))
	out := []any{}
	for _, n := range names[start:end] {
		out = append(out, p.functions[n].view())
	}
	return edge.OK(map[string]any{"functions": out, "next_marker": end, "count": len(names)})
}

func (p *Platform) apiDelete(c *edge.Call) (edge.Answer, error) {
	name, err := p.named(c)
	if err != nil {
		return edge.Answer{}, err
	}
	if err := p.Delete(name); err != nil {
		return edge.Answer{}, refusal(err)
	}
	return edge.Status(http.StatusNoContent)
}

func (p *Platform) apiCode(c *edge.Call) (edge.Answer, error) {
	name, err := p.named(c)
	if err != nil {
		return edge.Answer{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.functions[name]
	return edge.OK(map[string]any{
		"func_urn": f.urn + ":latest", "func_name": name, "code_type": f.spec.CodeType, "code_size": f.code.size, "digest": f.code.digest,
		"last_modified": f.changed.UTC().Format(time.RFC3339),
	})
}

func (p *Platform) apiLogDetail(c *edge.Call) (edge.Answer, error) {
	name, err := p.named(c)
	if err != nil {
		return edge.Answer{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.functions[name].spec
	detail := logSpec{GroupID: s.LogGroup, StreamID: s.LogStream}
	if raw, ok := s.Extra["log_config"]; ok {
		if err := json.Unmarshal(raw, &detail); err != nil {
			return edge.Answer{}, fmt.Errorf("read back the log configuration: %w", err)
		}
	}
	return edge.OK(detail)
}

func (p *Platform) apiVersions(c *edge.Call) (edge.Answer, error) {
	name, err := p.named(c)
	if err != nil {
		return edge.Answer{}, err
	}
	return edge.OK(map[string]any{
		"versions": []map[string]any{{"version": "latest", "func_urn": p.URN(name), "version_description": ""}}, "next_marker": 1, "count": 1,
	})
}

func (p *Platform) apiTags(add bool) func(*edge.Call) (edge.Answer, error) {
	return func(c *edge.Call) (edge.Answer, error) {
		var body struct {
			Tags []struct{ Key, Value string } `json:"tags"`
		}
		if err := c.Decode(&body); err != nil {
			return edge.Answer{}, err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		f := p.find(c.PathValue("urn"))
		if f == nil {
			return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Code: "FSS.1051", Message: "Not found the function"}
		}
		for _, t := range body.Tags {
			if add {
				f.tags[t.Key] = t.Value
			} else {
				delete(f.tags, t.Key)
			}
		}
		return edge.Status(http.StatusNoContent)
	}
}

// refusal turns the platform's errors into its answers.
func refusal(err error) error {
	switch {
	case errors.Is(err, ErrNoFunction):
		return &edge.Error{Status: http.StatusNotFound, Code: "FSS.1051", Message: "Not found the function"}
	case errors.Is(err, ErrNoTrigger):
		return &edge.Error{Status: http.StatusNotFound, Code: "FSS.0404", Message: err.Error()}
	case errors.Is(err, ErrExists):
		return &edge.Error{Status: http.StatusBadRequest, Code: "FSS.1061", Message: err.Error()}
	case errors.Is(err, ErrTooLarge):
		return &edge.Error{Status: http.StatusRequestEntityTooLarge, Code: "FSS.0413", Message: err.Error()}
	case errors.Is(err, ErrPackage), errors.Is(err, ErrSetting):
		return &edge.Error{Status: http.StatusBadRequest, Code: "FSS.0400", Message: err.Error()}
	}
	return err
}
