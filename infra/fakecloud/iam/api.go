package iam

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// sessionTTL is how long the credentials of a run live where the account does not say otherwise.
const sessionTTL = 24 * time.Hour

// IssueHeaders makes a run's credential of an agency in the headers of FunctionGraph's runtime API: the old pair of names and the
// Security pair hold the same temporary key.
func (s *Store) IssueHeaders(agency string, now time.Time) (map[string]string, error) {
	ttl := s.SessionTTL
	if ttl == 0 {
		ttl = sessionTTL
	}
	c, err := s.Issue(agency, now, ttl)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"X-CFF-Access-Key": c.AccessKey, "X-CFF-Secret-Key": c.SecretKey, "X-CFF-Security-Access-Key": c.AccessKey,
		"X-CFF-Security-Secret-Key": c.SecretKey, "X-CFF-Security-Token": c.SecurityToken, "X-CFF-Auth-Token": c.AuthToken,
	}, nil
}

// Service returns the HTTP API that Terraform uses for agencies, roles and projects, behind the front door.
func (s *Store) Service() edge.Service {
	const agencies, roles = "/v3.0/OS-AGENCY/agencies", "/v3.0/OS-ROLE/roles"
	trace := func(resource, name string) edge.Trace {
		return edge.Trace{Service: "IAM", Resource: resource, Name: name, Of: "id"}
	}
	grant := func(scope, root string) []edge.Route {
		path := root + "/agencies/{id}/roles"
		return []edge.Route{
			{Method: "GET", Path: path, Action: "iam:permissions:listRolesForAgency", Do: s.apiGrants(scope)},
			{Method: "PUT", Path: path + "/{role}", Action: "iam:permissions:grantRoleToAgency", Trace: trace("agency", "grantRole"), Do: s.apiGrant(scope, true)},
			{Method: "DELETE", Path: path + "/{role}", Action: "iam:permissions:revokeRoleFromAgency", Trace: trace("agency", "revokeRole"), Do: s.apiGrant(scope, false)},
		}
	}
	inherited := "/v3.0/OS-INHERIT/domains/{domain}/agencies/{id}/roles"
	return edge.Service{
		Name: "iam", Denied: "1100", Invalid: "1101", Missing: "1102",
		Routes: slices.Concat([]edge.Route{
			{Method: "GET", Path: "/v3/projects", Do: s.apiProjects},
			{Method: "GET", Path: "/v3/auth/domains", Do: s.apiDomains},
			{Method: "GET", Path: "/v3/roles", Action: "iam:roles:listRoles", Do: s.apiRoles},
			{Method: "POST", Path: roles, Action: "iam:roles:createRole", Trace: trace("role", "createRole"), Do: s.apiSetRole(true)},
			{Method: "GET", Path: roles + "/{id}", Action: "iam:roles:getRole", Do: s.apiRole},
			{Method: "PATCH", Path: roles + "/{id}", Action: "iam:roles:updateRole", Trace: trace("role", "updateRole"), Do: s.apiSetRole(false)},
			{Method: "DELETE", Path: roles + "/{id}", Action: "iam:roles:deleteRole", Trace: trace("role", "deleteRole"), Do: s.apiDeleteRole},
			{Method: "POST", Path: agencies, Action: "iam:agencies:createAgency", Trace: trace("agency", "createAgency"), Do: s.apiAddAgency},
			{Method: "GET", Path: agencies, Action: "iam:agencies:listAgencies", Do: s.apiAgencies},
			{Method: "GET", Path: agencies + "/{id}", Action: "iam:agencies:getAgency", Do: s.apiAgency},
			{Method: "PUT", Path: agencies + "/{id}", Action: "iam:agencies:updateAgency", Trace: trace("agency", "updateAgency"), Do: s.apiSetAgency},
			{Method: "DELETE", Path: agencies + "/{id}", Action: "iam:agencies:deleteAgency", Trace: trace("agency", "deleteAgency"), Do: s.apiDeleteAgency},
			{Method: "GET", Path: inherited + "/inherited_to_projects", Action: "iam:permissions:listRolesForAgency", Do: s.apiGrants("all")},
			{Method: "PUT", Path: inherited + "/{role}/inherited_to_projects", Action: "iam:permissions:grantRoleToAgency", Trace: trace("agency", "grantRole"), Do: s.apiGrant("all", true)},
			{Method: "DELETE", Path: inherited + "/{role}/inherited_to_projects", Action: "iam:permissions:revokeRoleFromAgency", Trace: trace("agency", "revokeRole"), Do: s.apiGrant("all", false)},
		}, grant("project", "/v3.0/OS-AGENCY/projects/{scope}"), grant("domain", "/v3.0/OS-AGENCY/domains/{scope}")),
	}
}

func (s *Store) apiProjects(c *edge.Call) (edge.Answer, error) {
	list := []map[string]any{}
	if name := c.URL.Query().Get("name"); (name == "" || name == s.Region) && c.Int("page", 1) == 1 {
		list = append(list, map[string]any{"id": s.Project, "name": s.Region, "domain_id": s.Domain, "enabled": true, "is_domain": false, "parent_id": s.Domain})
	}
	return edge.OK(map[string]any{"projects": list, "links": map[string]any{}})
}

func (s *Store) apiDomains(*edge.Call) (edge.Answer, error) {
	return edge.OK(map[string]any{"domains": []map[string]any{{"id": s.Domain, "name": "emulator", "enabled": true}}, "links": map[string]any{}})
}

func (r *Role) view(domain string) map[string]any {
	v := map[string]any{
		"id": r.ID, "name": r.ID, "display_name": r.DisplayName, "description": r.Description, "type": r.Type, "catalog": "BASE", "policy": r.Policy,
		"flag": "fine_grained", "domain_id": nil, "references": 0,
	}
	if r.Custom {
		v["catalog"], v["domain_id"] = "CUSTOMED", domain
	}
	return v
}

func (s *Store) apiRoles(c *edge.Call) (edge.Answer, error) {
	custom := c.URL.Query().Get("domain_id") != ""
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []map[string]any{}
	if c.Int("page", 1) == 1 {
		for _, id := range s.roleIDs() {
			if r := s.roles[id]; r.Custom == custom {
				list = append(list, r.view(s.Domain))
			}
		}
	}
	return edge.OK(map[string]any{"roles": list, "total_number": len(list), "links": map[string]any{}})
}

func (s *Store) roleIDs() []string {
	ids := make([]string, 0, len(s.roles))
	for id := range s.roles {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (s *Store) apiSetRole(create bool) func(*edge.Call) (edge.Answer, error) {
	return func(c *edge.Call) (edge.Answer, error) {
		var body struct {
			Role struct {
				DisplayName string `json:"display_name"`
				Description string `json:"description"`
				Type        string `json:"type"`
				Policy      Policy `json:"policy"`
			} `json:"role"`
		}
		if err := c.Decode(&body); err != nil {
			return edge.Answer{}, err
		}
		if err := body.Role.Policy.check(); err != nil {
			return edge.Answer{}, edge.BadRequest(err.Error())
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		r := s.roles[c.PathValue("id")]
		if create {
			for _, o := range s.roles {
				if o.DisplayName == body.Role.DisplayName {
					return edge.Answer{}, &edge.Error{Status: http.StatusConflict, Code: "1104", Message: "the policy name exists already"}
				}
			}
			r = &Role{ID: edge.NewID(), Custom: true}
		}
		if r == nil || !r.Custom {
			return edge.Answer{}, edge.NotFound("the policy")
		}
		r.DisplayName, r.Description, r.Type, r.Policy = body.Role.DisplayName, body.Role.Description, body.Role.Type, body.Role.Policy
		s.roles[r.ID] = r
		status := http.StatusOK
		if create {
			status = http.StatusCreated
		}
		return edge.Reply(status, map[string]any{"role": r.view(s.Domain)})
	}
}

// check refuses what the real service refuses: another version, no statement, an effect or action it cannot read.
func (p Policy) check() error {
	if p.Version != "1.1" && p.Version != "1.0" {
		return errors.New("the policy's Version must be 1.1")
	}
	if len(p.Statement) == 0 {
		return errors.New("the policy needs a Statement")
	}
	for _, st := range p.Statement {
		if st.Effect != "Allow" && st.Effect != "Deny" {
			return errors.New("a statement's Effect must be Allow or Deny")
		}
		for _, a := range st.Action {
			if a != "*" && strings.Count(a, ":") != 2 {
				return errors.New("action " + a + " is not service:resource:operation")
			}
		}
	}
	return nil
}

func (s *Store) apiRole(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.roles[c.PathValue("id")]
	if r == nil {
		return edge.Answer{}, edge.NotFound("the policy")
	}
	return edge.OK(map[string]any{"role": r.view(s.Domain)})
}

func (s *Store) apiDeleteRole(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.roles[c.PathValue("id")]
	if r == nil || !r.Custom {
		return edge.Answer{}, edge.NotFound("the policy")
	}
	delete(s.roles, r.ID)
	return edge.Status(http.StatusOK)
}

func (a *Agency) view(domain string) map[string]any {
	return map[string]any{
		"id": a.ID, "name": a.Name, "domain_id": domain, "trust_domain_id": hexID("domain", a.Trust), "trust_domain_name": a.Trust, "description": a.Description,
		"duration": a.Duration, "create_time": a.Created.UTC().Format("2006-01-02T15:04:05.000000"), "expire_time": nil,
	}
}

type agencyBody struct {
	Agency struct {
		Name        string `json:"name"`
		Trust       string `json:"trust_domain_name"`
		Description string `json:"description"`
		Duration    any    `json:"duration"`
	} `json:"agency"`
}

// duration answers in hours or FOREVER, whatever form it was given in.
func duration(v any) string {
	switch d := v.(type) {
	case string:
		switch d {
		case "", "FOREVER":
			return "FOREVER"
		case "ONEDAY":
			return "24"
		}
		return d
	case float64:
		return strconv.Itoa(int(d) * 24)
	}
	return "FOREVER"
}

func (s *Store) apiAddAgency(c *edge.Call) (edge.Answer, error) {
	var body agencyBody
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	if body.Agency.Name == "" || body.Agency.Trust == "" {
		return edge.Answer{}, edge.BadRequest("name and trust_domain_name are required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byName(body.Agency.Name) != nil {
		return edge.Answer{}, &edge.Error{Status: http.StatusConflict, Code: "1109", Message: "the agency name exists already"}
	}
	a := &Agency{
		ID: edge.NewID(), Name: body.Agency.Name, Trust: body.Agency.Trust, Description: body.Agency.Description, Duration: duration(body.Agency.Duration),
		Created: c.At,
	}
	a.Kubernetes = edge.Kubernetes{User: a.ID}
	s.agencies[a.ID] = a
	return edge.Reply(http.StatusCreated, map[string]any{"agency": a.view(s.Domain)})
}

// withAgency runs do on the agency of the path.
func (s *Store) withAgency(c *edge.Call, do func(*Agency) (edge.Answer, error)) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.agencies[c.PathValue("id")]
	if a == nil {
		return edge.Answer{}, edge.NotFound("the agency")
	}
	return do(a)
}

func (s *Store) apiAgency(c *edge.Call) (edge.Answer, error) {
	return s.withAgency(c, func(a *Agency) (edge.Answer, error) { return edge.OK(map[string]any{"agency": a.view(s.Domain)}) })
}

func (s *Store) apiAgencies(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []map[string]any{}
	for _, a := range s.agencies {
		if name := c.URL.Query().Get("name"); name == "" || name == a.Name {
			list = append(list, a.view(s.Domain))
		}
	}
	slices.SortFunc(list, func(a, b map[string]any) int { return strings.Compare(a["id"].(string), b["id"].(string)) })
	return edge.OK(map[string]any{"agencies": list})
}

func (s *Store) apiSetAgency(c *edge.Call) (edge.Answer, error) {
	var body agencyBody
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	return s.withAgency(c, func(a *Agency) (edge.Answer, error) {
		a.Description = body.Agency.Description
		if body.Agency.Duration != nil {
			a.Duration = duration(body.Agency.Duration)
		}
		return edge.OK(map[string]any{"agency": a.view(s.Domain)})
	})
}

func (s *Store) apiDeleteAgency(c *edge.Call) (edge.Answer, error) {
	return s.withAgency(c, func(a *Agency) (edge.Answer, error) {
		delete(s.agencies, a.ID)
		return edge.Status(http.StatusNoContent)
	})
}

func (s *Store) scope(kind string, c *edge.Call) string {
	if kind == "all" {
		return "all"
	}
	return kind + ":" + c.PathValue("scope")
}

func (s *Store) apiGrants(kind string) func(*edge.Call) (edge.Answer, error) {
	return func(c *edge.Call) (edge.Answer, error) {
		return s.withAgency(c, func(a *Agency) (edge.Answer, error) {
			list := []map[string]any{}
			for _, g := range a.Roles {
				if r := s.roles[g.Role]; r != nil && g.Scope == s.scope(kind, c) {
					list = append(list, r.view(s.Domain))
				}
			}
			return edge.OK(map[string]any{"roles": list})
		})
	}
}

func (s *Store) apiGrant(kind string, give bool) func(*edge.Call) (edge.Answer, error) {
	return func(c *edge.Call) (edge.Answer, error) {
		return s.withAgency(c, func(a *Agency) (edge.Answer, error) {
			g := Grant{Role: c.PathValue("role"), Scope: s.scope(kind, c)}
			if s.roles[g.Role] == nil {
				return edge.Answer{}, edge.NotFound("the role")
			}
			a.Roles = slices.DeleteFunc(a.Roles, func(o Grant) bool { return o == g })
			if give {
				a.Roles = append(a.Roles, g)
			}
			return edge.Status(http.StatusNoContent)
		})
	}
}
