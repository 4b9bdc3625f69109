package fakecloud_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"cce-oncall/infra/fakecloud"
)

func TestTerraformKeysAndSecrets(t *testing.T) {
	s := serve(t, nil)
	kms := "/v1.0/{project}/kms/"
	id := text(t, api(t, s, "POST", kms+"create-key", `{"key_alias":"oncall","key_description":"d","key_spec":"AES_256"}`, 200), "key_info", "key_id")
	body := `{"key_id":"` + id + `"}`
	if got := text(t, api(t, s, "POST", kms+"describe-key", body, 200), "key_info", "key_state"); got != "2" {
		t.Errorf("key_state = %s", got)
	}
	api(t, s, "POST", kms+"enable-key-rotation", body, 200)
	api(t, s, "POST", kms+"update-key-rotation-interval", `{"key_id":"`+id+`","rotation_interval":90}`, 200)
	if got := api(t, s, "POST", kms+"get-key-rotation-status", body, 200); got["key_rotation_enabled"] != true || got["rotation_interval"] != 90.0 {
		t.Errorf("rotation = %v", got)
	}
	api(t, s, "POST", kms+"update-key-description", `{"key_id":"`+id+`","key_description":"new"}`, 200)
	api(t, s, "POST", kms+id+"/tags/action", `{"action":"create","tags":[{"key":"k","value":"v"}]}`, 204)
	if got := text(t, api(t, s, "GET", kms+id+"/tags", "", 200), "tags", 0, "key"); got != "k" {
		t.Errorf("tag = %s", got)
	}

	secrets := "/v1/{project}/secrets"
	secret := text(t, api(t, s, "POST", secrets, `{"name":"lark","kms_key_id":"`+id+`","secret_string":"one"}`, 200), "secret", "id")
	api(t, s, "POST", secrets+"/lark/versions", `{"secret_string":"two"}`, 200)
	versions := api(t, s, "GET", secrets+"/lark/versions", "", 200)
	first, second := dig(t, versions, "version_metadatas", 0, "create_time").(float64), dig(t, versions, "version_metadatas", 1, "create_time").(float64)
	if first >= second {
		t.Errorf("create times %v, %v do not tell the versions apart", first, second)
	}
	if got := dig(t, versions, "version_metadatas", 1, "version_stages", 0); got != "SYSCURRENT" {
		t.Errorf("stage of the newest = %v", got)
	}
	if got := text(t, api(t, s, "GET", secrets+"/lark/stages/SYSCURRENT", "", 200), "stage", "version_id"); got != "v2" {
		t.Errorf("current version = %s", got)
	}
	if got := text(t, api(t, s, "GET", secrets+"/lark/versions/v2", "", 200), "version", "secret_string"); got != "two" {
		t.Errorf("secret = %s", got)
	}
	api(t, s, "POST", "/v1/{project}/csms/"+secret+"/tags/action", `{"action":"create","tags":[{"key":"k","value":"v"}]}`, 204)
	api(t, s, "GET", "/v1/{project}/csms/"+secret+"/tags", "", 200)
	api(t, s, "DELETE", secrets+"/lark", "", 204)
	api(t, s, "GET", secrets+"/lark", "", 404)
	if got := api(t, s, "POST", kms+"schedule-key-deletion", `{"key_id":"`+id+`","pending_days":"7"}`, 200); got["key_state"] != "4" || got["key_info"] != nil {
		t.Errorf("deletion = %v", got)
	}
}

// TestTerraformAgency makes an agency and its policy by API calls only, and checks that they decide.
func TestTerraformAgency(t *testing.T) {
	s := serve(t, nil)
	if got := text(t, api(t, s, "GET", "/v3/projects?domain_id={domain}&per_page=5000&page=1", "", 200), "projects", 0, "id"); got != fakecloud.DefaultProject {
		t.Errorf("project = %s", got)
	}
	agency := text(t, api(t, s, "POST", "/v3.0/OS-AGENCY/agencies", `{"agency":{"name":"reader","domain_id":"{domain}","trust_domain_name":"op_svc_cff","duration":"FOREVER"}}`, 201), "agency", "id")
	role := text(t, api(t, s, "POST", "/v3.0/OS-ROLE/roles", `{"role":{"display_name":"oncall-read","type":"XA","description":"d","policy":{"Version":"1.1","Statement":[
{"Effect":"Allow","Action":["cce:*:*"]},{"Effect":"Deny","Action":["cce:nodepool:scale"]}]}}}`, 201), "role", "id")
	grant := "/v3.0/OS-AGENCY/projects/{project}/agencies/" + agency + "/roles"
	api(t, s, "PUT", grant+"/"+role, "", 204)
	api(t, s, "PUT", grant+"/unknown", "", 404)
	if got := text(t, api(t, s, "GET", grant, "", 200), "roles", 0, "display_name"); got != "oncall-read" {
		t.Errorf("role = %s", got)
	}
	found := false
	for _, r := range api(t, s, "GET", "/v3/roles?domain_id={domain}&per_page=300&page=1", "", 200)["roles"].([]any) {
		found = found || dig(t, r, "display_name") == "oncall-read"
	}
	if !found {
		t.Error("the custom policy is not listed")
	}
	if got := api(t, s, "GET", "/v3/roles?domain_id={domain}&per_page=300&page=2", "", 200); len(got["roles"].([]any)) != 0 {
		t.Error("a second page of roles: the provider would loop")
	}
	cred, err := s.IAM.Issue("reader", wall(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.IAM.Key(cred.AccessKey, cred.SecurityToken, wall())
	if err != nil {
		t.Fatal(err)
	}
	for action, want := range map[string]bool{"cce:cluster:list": true, "cce:nodepool:scale": false, "aom:alarm:list": false} {
		if got := s.IAM.Allowed(key.Caller, action); got != want {
			t.Errorf("Allowed(%s) = %v, want %v", action, got, want)
		}
	}
	if key.Caller.Kubernetes.User != agency {
		t.Errorf("Kubernetes user = %s, want the agency's id %s", key.Caller.Kubernetes.User, agency)
	}
	api(t, s, "DELETE", grant+"/"+role, "", 204)
	if s.IAM.Allowed(key.Caller, "cce:cluster:list") {
		t.Error("a revoked role still allows")
	}
	api(t, s, "PUT", "/v3.0/OS-AGENCY/agencies/"+agency, `{"agency":{"description":"new"}}`, 200)
	api(t, s, "DELETE", "/v3.0/OS-AGENCY/agencies/"+agency, "", 204)
	api(t, s, "GET", "/v3.0/OS-AGENCY/agencies/"+agency, "", 404)
	api(t, s, "POST", "/v3.0/OS-ROLE/roles", `{"role":{"display_name":"bad","type":"XA","policy":{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["everything"]}]}}}`, 400)
}

// TestTerraformGateway publishes an API by calls only and then sends a request through it.
func TestTerraformGateway(t *testing.T) {
	s := serve(t, nil)
	addFunction(t, s, "webhook")
	root := "{P}/apigw/instances/i/"
	group := api(t, s, "POST", root+"api-groups", `{"name":"oncall"}`, 201)
	id := text(t, group, "id")
	api(t, s, "PUT", root+"api-groups/"+id+"/sl-domain-access-settings", `{"sl_domain_access_enabled":true}`, 204)
	api(t, s, "GET", root+"api-groups/"+id, "", 200)
	api(t, s, "GET", root+"env-variables?group_id="+id, "", 200)
	env := text(t, api(t, s, "POST", root+"envs", `{"name":"prod"}`, 201), "id")
	created := api(t, s, "POST", root+"apis", `{"group_id":"`+id+`","name":"lark","type":1,"req_protocol":"HTTPS","req_method":"POST","req_uri":"/lark","auth_type":"NONE","match_mode":"NORMAL","backend_type":"FUNCTION",
"func_info":{"function_urn":"`+strings.TrimSuffix(s.Functions.URN("webhook"), ":latest")+`","invocation_type":"sync","timeout":5000,"version":"latest"}}`, 201)
	lark := text(t, created, "id")
	request := func() int {
		t.Helper()
		r, err := http.NewRequestWithContext(within(t), http.MethodPost, s.url+"/lark", strings.NewReader(`{"do":"apig"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = text(t, group, "sl_domain")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := request(); got != 404 {
		t.Errorf("before it is published: %d, want 404", got)
	}
	action := `{"action":"online","env_id":"` + env + `","api_id":"` + lark + `"}`
	api(t, s, "POST", root+"apis/action", action, 201)
	if got := request(); got != 201 {
		t.Errorf("once published: %d, want the function's 201", got)
	}
	if got := api(t, s, "GET", root+"apis/"+lark, "", 200); got["run_env_id"] != env || got["publish_id"] == "" {
		t.Errorf("api = %v", got)
	}
	if got := dig(t, api(t, s, "GET", root+"apis/publish/"+lark+"?env_id="+env, "", 200), "api_versions", 0, "status"); got != 1.0 {
		t.Errorf("publication = %v", got)
	}
	api(t, s, "DELETE", root+"apis/"+lark, "", 409)
	api(t, s, "POST", root+"apis/action", strings.Replace(action, "online", "offline", 1), 201)
	api(t, s, "DELETE", root+"apis/"+lark, "", 204)
	api(t, s, "DELETE", root+"envs/"+env, "", 204)
	api(t, s, "DELETE", root+"api-groups/"+id, "", 204)
}
