package functiongraph

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// config is a function's JSON, both in requests and answers; Extra fields are carried beside it.
type config struct {
	Name         string    `json:"func_name"`
	Package      string    `json:"package"`
	Runtime      string    `json:"runtime"`
	Timeout      int       `json:"timeout"`
	Memory       int       `json:"memory_size"`
	Handler      string    `json:"handler"`
	Description  string    `json:"description"`
	CodeType     string    `json:"code_type,omitempty"`
	CodeURL      string    `json:"code_url,omitempty"`
	CodeFile     string    `json:"code_filename,omitempty"`
	UserData     string    `json:"user_data,omitempty"`
	Encrypted    string    `json:"encrypted_user_data,omitempty"`
	Agency       string    `json:"xrole,omitempty"`
	AppAgency    string    `json:"app_xrole,omitempty"`
	EnableLTS    *bool     `json:"enable_lts_log,omitempty"`
	LogConfig    *logSpec  `json:"log_config,omitempty"`
	FuncCode     *funcCode `json:"func_code,omitempty"`
	MaxInstances *int      `json:"max_instance_num,omitempty"`
}

type logSpec struct {
	GroupID    string `json:"group_id"`
	GroupName  string `json:"group_name"`
	StreamID   string `json:"stream_id"`
	StreamName string `json:"stream_name"`
}

type funcCode struct {
	File string `json:"file"`
}

// echoed are the settings that only need to be read back.
var echoed = []string{
	"func_vpc", "initializer_handler", "initializer_timeout", "ephemeral_storage", "enable_dynamic_memory", "is_stateful_function",
	"lts_custom_tag", "network_controller", "user_data_encrypt_kms_key_id", "code_encrypt_kms_key_id", "enable_auth_in_header", "domain_names",
	"pre_stop_handler", "pre_stop_timeout", "peering_cidr",
}

// apply writes what the request gives into the spec; fields it leaves out keep their value.
func (c config) apply(s *Spec, raw map[string]json.RawMessage) error {
	given := func(key string) bool { return raw[key] != nil && string(raw[key]) != "null" }
	set := func(key string, to *string, value string) {
		if given(key) {
			*to = value
		}
	}
	set("package", &s.Package, c.Package)
	set("runtime", &s.Runtime, c.Runtime)
	set("handler", &s.Handler, c.Handler)
	set("description", &s.Description, c.Description)
	set("code_type", &s.CodeType, c.CodeType)
	set("code_url", &s.CodeURL, c.CodeURL)
	set("code_filename", &s.CodeFile, c.CodeFile)
	set("xrole", &s.Agency, c.Agency)
	set("app_xrole", &s.AppAgency, c.AppAgency)
	if given("timeout") {
		if c.Timeout < 3 || c.Timeout > 259200 {
			return edge.BadRequest("timeout must be within 3 and 259200 seconds")
		}
		s.Timeout = time.Duration(c.Timeout) * time.Second
	}
	if given("memory_size") {
		if c.Memory < 128 || c.Memory > 10240 {
			return edge.BadRequest("memory_size must be within 128 and 10240 MB")
		}
		s.MemoryMB = c.Memory
	}
	if err := variables(c.UserData, given("user_data"), &s.UserData); err != nil {
		return err
	}
	if err := variables(c.Encrypted, given("encrypted_user_data"), &s.Encrypted); err != nil {
		return err
	}
	if c.EnableLTS != nil {
		s.LogEnabled = *c.EnableLTS
	}
	if c.LogConfig != nil {
		s.LogGroup, s.LogStream = c.LogConfig.GroupID, c.LogConfig.StreamID
		s.LogEnabled = s.LogEnabled || c.LogConfig.GroupID != ""
	}
	s.Extra = maps.Clone(s.Extra)
	if s.Extra == nil {
		s.Extra = map[string]json.RawMessage{}
	}
	for _, key := range append([]string{"log_config"}, echoed...) {
		if given(key) {
			s.Extra[key] = raw[key]
		}
	}
	return nil
}

func variables(text string, given bool, to *map[string]string) error {
	if !given {
		return nil
	}
	vars := map[string]string{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &vars); err != nil {
			return edge.BadRequest("user_data is not a JSON object of strings")
		}
	}
	if len(vars) > 20 {
		return &edge.Error{Status: http.StatusBadRequest, Code: "FSS.1017", Message: "more than 20 environment variables"}
	}
	*to = vars
	return nil
}
