// Package kms plays the key and secret services: master keys as far as Terraform manages them, and secrets with versions and stages
// as functions read them. Nothing is encrypted: the emulator has no secrets worth it.
package kms

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

type key struct {
	id, alias, description, spec, state string
	created                             time.Time
	rotating                            bool
	interval                            int
	tags                                map[string]string
}

type version struct {
	id      string
	text    string
	binary  string
	created int64
	stages  []string
}

type secret struct {
	id, name, key, description string
	created, changed           int64
	versions                   []*version
	tags                       map[string]string
}

// Service is KMS and CSMS.
type Service struct {
	Clock  func() time.Time
	Domain string

	mu      sync.Mutex
	keys    map[string]*key
	secrets map[string]*secret
	last    int64
}

// current is the stage that names the newest version.
const current = "SYSCURRENT"

// PutSecret makes a secret or adds a version to it, and returns the version's id.
func (s *Service) PutSecret(name, text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(name, text, "").id
}

// put adds a version. The mutex is held.
func (s *Service) put(name, text, binary string) *version {
	if s.secrets == nil {
		s.secrets = map[string]*secret{}
	}
	now := s.stamp()
	x := s.secrets[name]
	if x == nil {
		x = &secret{id: edge.NewID(), name: name, created: now, tags: map[string]string{}}
		s.secrets[name] = x
	}
	for _, v := range x.versions {
		if i := slices.Index(v.stages, current); i >= 0 {
			v.stages = slices.Delete(v.stages, i, i+1)
			v.stages = append(v.stages, "SYSPREVIOUS")
		} else {
			v.stages = slices.DeleteFunc(v.stages, func(st string) bool { return st == "SYSPREVIOUS" })
		}
	}
	v := &version{id: "v" + strconv.Itoa(len(x.versions)+1), text: text, binary: binary, created: now, stages: []string{current}}
	x.versions = append(x.versions, v)
	x.changed = now
	return v
}

// stamp is now in milliseconds, but never twice the same: versions are told apart by it.
func (s *Service) stamp() int64 {
	s.last = max(s.last+1, s.Clock().UnixMilli())
	return s.last
}

// Service returns the HTTP API of both services, which share a host, behind the front door.
func (s *Service) Service() edge.Service {
	const k, c = "/v1.0/{project}/kms", "/v1/{project}/secrets"
	trace := func(service, resource, name, of string) edge.Trace {
		return edge.Trace{Service: service, Resource: resource, Name: name, Of: of}
	}
	cmk := func(name, action string, do func(*key, *edge.Call) (edge.Answer, error)) edge.Route {
		return edge.Route{Method: "POST", Path: k + "/" + name, Action: "kms:cmk:" + action, Do: s.withKey(do)}
	}
	return edge.Service{
		Name: "kms", Denied: "KMS.0301", Invalid: "KMS.0205", Missing: "CSMS.0404",
		Routes: []edge.Route{
			{Method: "POST", Path: k + "/create-key", Action: "kms:cmk:create", Trace: trace("KMS", "cmk", "createKey", "project"), Do: s.apiCreateKey},
			cmk("describe-key", "get", s.apiDescribeKey),
			cmk("enable-key-rotation", "enableRotation", func(x *key, _ *edge.Call) (edge.Answer, error) { x.rotating = true; return empty() }),
			cmk("disable-key-rotation", "disableRotation", func(x *key, _ *edge.Call) (edge.Answer, error) { x.rotating = false; return empty() }),
			cmk("update-key-rotation-interval", "updateRotation", s.apiInterval),
			cmk("get-key-rotation-status", "getRotation", s.apiRotation),
			cmk("update-key-alias", "update", s.apiAlias),
			cmk("update-key-description", "update", s.apiDescription),
			cmk("enable-key", "enable", func(x *key, _ *edge.Call) (edge.Answer, error) { x.state = "2"; return s.keyAnswer(x) }),
			cmk("disable-key", "disable", func(x *key, _ *edge.Call) (edge.Answer, error) { x.state = "3"; return s.keyAnswer(x) }),
			cmk("schedule-key-deletion", "scheduleKeyDeletion", func(x *key, _ *edge.Call) (edge.Answer, error) {
				x.state = "4"
				return edge.OK(map[string]string{"key_id": x.id, "key_state": "4"})
			}),
			{Method: "POST", Path: k + "/{key}/tags/action", Action: "kms:cmkTag:create", Do: s.apiTagKey},
			{Method: "GET", Path: k + "/{key}/tags", Action: "kms:cmkTag:list", Do: s.apiKeyTags},
			{Method: "POST", Path: c, Action: "csms:secret:create", Trace: trace("CSMS", "secret", "createSecret", "project"), Do: s.apiCreate},
			{Method: "GET", Path: c, Action: "csms:secret:list", Do: s.apiList},
			{Method: "GET", Path: c + "/{name}", Action: "csms:secret:get", Do: s.apiGet},
			{Method: "PUT", Path: c + "/{name}", Action: "csms:secret:update", Trace: trace("CSMS", "secret", "updateSecret", "name"), Do: s.apiUpdate},
			{Method: "DELETE", Path: c + "/{name}", Action: "csms:secret:delete", Trace: trace("CSMS", "secret", "deleteSecret", "name"), Do: s.apiDelete},
			{Method: "POST", Path: c + "/{name}/versions", Action: "csms:secretVersion:create", Trace: trace("CSMS", "secret", "createSecretVersion", "name"), Do: s.apiAddVersion},
			{Method: "GET", Path: c + "/{name}/versions", Action: "csms:secretVersion:list", Do: s.apiVersions},
			{Method: "GET", Path: c + "/{name}/versions/{version}", Action: "csms:secretVersion:get", Do: s.apiVersion},
			{Method: "GET", Path: c + "/{name}/stages/{stage}", Action: "csms:secretStage:get", Do: s.apiStage},
			{Method: "GET", Path: "/v1/{project}/csms/{id}/tags", Action: "csms:secretTag:list", Do: s.apiTags},
			{Method: "POST", Path: "/v1/{project}/csms/{id}/tags/action", Action: "csms:secretTag:create", Do: s.apiTag},
		},
	}
}

func empty() (edge.Answer, error) { return edge.OK(map[string]any{}) }

func (s *Service) withKey(do func(*key, *edge.Call) (edge.Answer, error)) func(*edge.Call) (edge.Answer, error) {
	return func(c *edge.Call) (edge.Answer, error) {
		var body struct {
			ID string `json:"key_id"`
		}
		if err := c.Decode(&body); err != nil {
			return edge.Answer{}, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		x := s.keys[body.ID]
		if x == nil {
			return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Code: "KMS.0205", Message: "the key does not exist"}
		}
		return do(x, c)
	}
}

func (s *Service) apiCreateKey(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Alias       string `json:"key_alias"`
		Description string `json:"key_description"`
		Spec        string `json:"key_spec"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.keys {
		if x.alias == body.Alias && x.state != "4" {
			return edge.Answer{}, &edge.Error{Status: http.StatusBadRequest, Code: "KMS.1104", Message: "the alias exists already"}
		}
	}
	if body.Spec == "" {
		body.Spec = "AES_256"
	}
	id := edge.NewID()
	x := &key{
		id: id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:], alias: body.Alias, description: body.Description, spec: body.Spec,
		state: "2", created: s.Clock(), interval: 365, tags: map[string]string{},
	}
	if s.keys == nil {
		s.keys = map[string]*key{}
	}
	s.keys[x.id] = x
	return edge.OK(map[string]any{"key_info": map[string]string{"key_id": x.id, "domain_id": s.Domain}})
}

func (s *Service) keyAnswer(x *key) (edge.Answer, error) {
	return edge.OK(map[string]any{"key_info": map[string]string{"key_id": x.id, "key_state": x.state}})
}

func (s *Service) apiDescribeKey(x *key, _ *edge.Call) (edge.Answer, error) {
	return edge.OK(map[string]any{"key_info": map[string]string{
		"key_id": x.id, "domain_id": s.Domain, "key_alias": x.alias, "key_description": x.description, "key_spec": x.spec,
		"creation_date": strconv.FormatInt(x.created.UnixMilli(), 10), "scheduled_deletion_date": "", "key_state": x.state, "default_key_flag": "0",
		"expiration_time": "", "origin": "kms", "key_usage": "ENCRYPT_DECRYPT", "keystore_id": "0", "sys_enterprise_project_id": "0",
	}})
}

func (s *Service) apiInterval(x *key, c *edge.Call) (edge.Answer, error) {
	var body struct {
		Interval int `json:"rotation_interval"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	if body.Interval < 30 || body.Interval > 365 {
		return edge.Answer{}, edge.BadRequest("rotation_interval must be within 30 and 365")
	}
	x.interval = body.Interval
	return empty()
}

func (s *Service) apiRotation(x *key, _ *edge.Call) (edge.Answer, error) {
	return edge.OK(map[string]any{"key_rotation_enabled": x.rotating, "rotation_interval": x.interval, "number_of_rotations": 0, "last_rotation_time": ""})
}

func (s *Service) apiAlias(x *key, c *edge.Call) (edge.Answer, error) {
	var body struct {
		Alias string `json:"key_alias"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	x.alias = body.Alias
	return s.keyAnswer(x)
}

func (s *Service) apiDescription(x *key, c *edge.Call) (edge.Answer, error) {
	var body struct {
		Description string `json:"key_description"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	x.description = body.Description
	return s.keyAnswer(x)
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

func (s *Service) apiTagKey(c *edge.Call) (edge.Answer, error) {
	var body tagging
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.keys[c.PathValue("key")]
	if x == nil {
		return edge.Answer{}, edge.NotFound("the key")
	}
	body.apply(x.tags)
	return edge.Status(http.StatusNoContent)
}

func (s *Service) apiKeyTags(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.keys[c.PathValue("key")]
	if x == nil {
		return edge.Answer{}, edge.NotFound("the key")
	}
	return edge.OK(map[string]any{"tags": edge.TagList(x.tags), "existTagsNum": len(x.tags)})
}

// errNoSecret is the answer for an unknown name.
func errNoSecret(name string) error {
	return &edge.Error{Status: http.StatusNotFound, Code: "CSMS.0404", Message: fmt.Sprintf("secret %s does not exist", name)}
}
