package infra_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cce-oncall/infra/fakecloud"
	"cce-oncall/infra/fakecloud/sign"
)

// TestPoliciesDecideInTheEmulatedAccount makes the planned policies and agencies by the calls that the provider makes, and asks the
// emulated account what they allow.
func TestPoliciesDecideInTheEmulatedAccount(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	d := deployed(t)
	cloud, err := fakecloud.New(fakecloud.Options{Clock: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(cloud)
	defer server.Close()
	defer func() {
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	}()
	call := func(method, path string, body any, status int) map[string]any {
		t.Helper()
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		sign.Sign(r, raw, fakecloud.DefaultAdminKey, fakecloud.DefaultAdminSecret, noon)
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status {
			t.Fatalf("%s %s = %d %s, %v", method, path, resp.StatusCode, answer, err)
		}
		var out map[string]any
		_ = json.Unmarshal(answer, &out) // nothing for 204
		return out
	}
	root := d.state.Values.RootModule
	policies := map[string]string{}
	for _, p := range resources(root, "identity_role") {
		made := call("POST", "/v3.0/OS-ROLE/roles", map[string]any{"role": map[string]any{
			"display_name": p["name"], "type": p["type"], "description": p["description"], "policy": object(t, text(p, "policy")),
		}}, http.StatusCreated)
		policies[text(p, "name")] = text(made, "role", "id")
	}
	for _, a := range resources(root, "identity_agency") {
		made := call("POST", "/v3.0/OS-AGENCY/agencies", map[string]any{"agency": map[string]any{
			"name": a["name"], "domain_id": fakecloud.DefaultDomain, "trust_domain_name": a["delegated_service_name"], "duration": "FOREVER",
		}}, http.StatusCreated)
		grant := func(scope string, names any) {
			list, _ := names.([]any)
			for _, n := range list {
				call("PUT", "/v3.0/OS-AGENCY/"+scope+"/agencies/"+text(made, "agency", "id")+"/roles/"+policies[text(n)], nil, http.StatusNoContent)
			}
		}
		grant("domains/"+fakecloud.DefaultDomain, a["domain_roles"])
		grant("projects/"+fakecloud.DefaultProject, dig(a, "project_role", 0, "roles"))
	}
	for action, who := range map[string]string{
		"aom:alarm:list": "read write", "aom:metric:list": "read write", "cce:nodepool:list": "read write", "cts:trace:list": "read write", "lts:logs:list": "read write",
		"csms:secretVersion:get": "read write", "functiongraph:function:invokeAsync": "read write", "obs:object:PutObject": "read write", "obs:bucket:ListBucket": "read write",
		"cce:nodepool:scale": "write", "cce:node:delete": "write", "cce:nodepool:update": "", "obs:object:DeleteObject": "", "obs:bucket:PutBucketPolicy": "",
		"functiongraph:function:updateFunctionCode": "", "iam:agencies:createAgency": "", "csms:secret:update": "", "aom:alarmRule:delete": "", "smn:topic:updateAttribute": "",
	} {
		for _, agency := range []string{"read", "write"} {
			issued, err := cloud.IAM.Issue("cce-oncall-"+agency, noon, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			key, err := cloud.IAM.Key(issued.AccessKey, issued.SecurityToken, noon)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := cloud.IAM.Allowed(key.Caller, action), strings.Contains(who, agency); got != want {
				t.Errorf("%s may %s: %v, want %v", agency, action, got, want)
			}
		}
	}
}
