package infra_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"cce-oncall/infra/fakecloud"
	"cce-oncall/infra/fakecloud/cce"
	"cce-oncall/infra/fakecloud/functiongraph"
	"cce-oncall/infra/fakecloud/sign"
)

// TestApplyToTheEmulatedCloud applies the module to the emulator with whatever provider the CLI configuration of the caller offers:
// apply, clean plan, update, clean plan, destroy. The emulator must hold what was planned, and nothing in the end. The stand-in makes the
// calls that the real provider is known to make; that it was the stand-in is said, because it has proven less.
func TestApplyToTheEmulatedCloud(t *testing.T) {
	w := open(t, t.TempDir())
	if mine := os.Getenv("TF_CLI_CONFIG_FILE"); mine != "" {
		if _, err := os.Stat(mine); err == nil {
			w.config = mine
			w.must(t, "init", "-input=false", "-upgrade")
		}
	}
	if zips := os.Getenv("TERRAFORM_PACKAGES"); zips != "" {
		w.packages = zips
	}
	cloud, err := fakecloud.New(fakecloud.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cluster := "0b6f3d2e-7a41-11f0-9f5d-0255ac100101"
	cloud.CCE.AddCluster(cce.ClusterSpec{ID: cluster, Name: "shop-production", Version: "v1.31"})
	server := httptest.NewServer(refuseTunnels(cloud))
	defer server.Close()
	defer func() {
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	}()
	cloud.SetBase(server.URL)
	override, err := os.ReadFile("emulator_override.tf")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(w.dir, "emulator_override.tf"), override)
	// The provider puts a bucket's name before the host of OBS, which no address on loopback resolves: the emulator is its proxy.
	for _, v := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		t.Setenv(v, server.URL)
	}
	for _, v := range []string{"NO_PROXY", "no_proxy"} {
		t.Setenv(v, "127.0.0.1,localhost")
	}

	endpoints := map[string]any{"obs": "http://obs.cn-north-4.emulator.test"}
	for _, service := range []string{"fgs", "smn", "iam", "aom", "lts", "apig", "kms", "csms", "eps", "vpc", "bss", "eg", "cts", "cce"} {
		endpoints[service] = server.URL
	}
	settings := map[string]any{"provider_endpoints": endpoints, "keep_on_destroy": false, "packages": w.packages}
	out := w.must(t, append([]string{"apply", "-auto-approve"}, w.variables(t, settings)...)...)
	w.clean(t, settings)
	if strings.Contains(out, "ONLY THE STAND-IN PROVIDER IS HERE") {
		t.Log("ONLY THE STAND-IN PROVIDER WAS THERE: it makes the calls that the real one is known to make, and no others. " +
			"Set TF_CLI_CONFIG_FILE to a configuration that offers huaweicloud/huaweicloud 1.97.1 or later to prove the rest.")
	}
	holds(t, cloud)

	drifted(t, w, cloud, settings)

	was := cloud.Journal.Find("", http.MethodPut, "/config")
	for name, v := range map[string]any{
		"paused": true, "log_days": 60, "max_instances": map[string]any{"execute": 3}, "log_level": "debug", "watch_minutes": 5,
		"approvers":        []any{map[string]any{"id": "ou_0123456789abcdef"}, map[string]any{"id": "ou_fedcba9876543210", "risks": []string{"reversible"}}},
		"inspect_schedule": "0 30 * * * ?", "alarm_pace": map[string]any{"interval": "30s", "times": 2}, "keep_days": 400,
		"failure_emails": []string{"oncall@example.com"}, "alarm_ingress": "https", "tags": map[string]any{"team": "platform"}, "lark_encrypt_key": "planted-second-key",
	} {
		settings[name] = v
	}
	w.must(t, append([]string{"apply", "-auto-approve"}, w.variables(t, settings)...)...)
	w.clean(t, settings)
	updated(t, cloud, len(was))
	w.must(t, append([]string{"destroy", "-auto-approve"}, w.variables(t, settings)...)...)
	empty(t, server.URL)
	for _, role := range roles {
		if triggers, err := cloud.Functions.Triggers("cce-oncall-" + role); err == nil {
			t.Errorf("%s is still there, with %d triggers", role, len(triggers))
		}
	}
	for path, n := range made {
		gone := 0
		for _, e := range cloud.Journal.Find("", http.MethodDelete, path) {
			if e.Status/100 == 2 {
				gone++
			}
		}
		if once := path == "/alert/action-rules" || path == "/alarm-rules"; gone != n && (!once || gone == 0) && path != "/events/notification/templates" && path != "/kms/create-key" {
			t.Errorf("%d × DELETE %s, want %d", gone, path, n)
		}
	}
}

// drifted changes and removes something behind Terraform's back, insists that the next plan says exactly that, and has it put right.
func drifted(t *testing.T, w *workspace, cloud *fakecloud.Cloud, settings map[string]any) {
	t.Helper()
	if err := cloud.Functions.Update("cce-oncall-report", func(s *functiongraph.Spec) error { s.MemoryMB = 1024; return nil }); err != nil {
		t.Fatal(err)
	}
	if !cloud.AOM.DeleteRule("CCE_events_cce-oncall") {
		t.Fatal("the rule on events is not there")
	}
	var found []string
	for _, c := range w.plan(t, settings).ResourceChanges {
		if !c.Change.Actions.NoOp() && c.Mode == tfjson.ManagedResourceMode {
			found = append(found, fmt.Sprint(c.Address, " ", c.Change.Actions))
		}
	}
	slices.Sort(found)
	if diff := cmp.Diff([]string{"huaweicloud_aomv4_alarm_rule.event[0] [create]", `module.function["report"].huaweicloud_fgs_function.this [update]`}, found); diff != "" {
		t.Errorf("what the plan finds of what was changed behind its back (-want +got)\n%s", diff)
	}
	w.must(t, append([]string{"apply", "-auto-approve"}, w.variables(t, settings)...)...)
	w.clean(t, settings)
}

// empty asks the account for everything that a deployment makes, and finds nothing.
func empty(t *testing.T, address string) {
	t.Helper()
	const project = "/" + fakecloud.DefaultProject
	for path, list := range map[string]string{
		"/v2" + project + "/fgs/functions": "functions", "/v2" + project + "/notifications/topics": "topics", "/v2" + project + "/groups": "log_groups",
		"/v4" + project + "/alarm-rules": "alarm_rules", "/v2" + project + "/alert/action-rules": "action_rules", "/v2" + project + "/events/notification/templates": "results",
		"/v3.0/OS-AGENCY/agencies": "agencies", "/v3/roles?domain_id=" + fakecloud.DefaultDomain: "roles", "/v1" + project + "/secrets": "secrets",
		"/v2" + project + "/apigw/instances/0123456789abcdef0123456789abcdef/api-groups": "groups",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		sign.Sign(r, nil, fakecloud.DefaultAdminKey, fakecloud.DefaultAdminSecret, time.Now())
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var answer map[string]any
		err = json.NewDecoder(resp.Body).Decode(&answer)
		_ = resp.Body.Close() // it was read
		all, ok := answer[list].([]any)
		left := slices.DeleteFunc(slices.Clone(all), func(x any) bool { return strings.HasPrefix(text(x, "name"), "aom.built-in.") }) // templates that every account has
		if err != nil || !ok || len(left) > 0 {
			t.Errorf("after destroy GET %s says %v, %v", path, answer, err)
		}
	}
}

// updated insists that the change reached the functions: all are paused, and execute alone has another limit.
func updated(t *testing.T, cloud *fakecloud.Cloud, before int) {
	t.Helper()
	if n := len(cloud.Journal.Find("", http.MethodPut, "/config")) - before; n < len(roles) {
		t.Errorf("%d functions were configured again, want %d", n, len(roles))
	}
	for _, e := range cloud.Journal.Find("", "", "") {
		if e.Status >= 400 && e.Status != http.StatusNotFound {
			t.Errorf("%s %s was answered %d", e.Method, e.Path, e.Status)
		}
	}
}

// made is how often what was created: by the end of a path.
var made = map[string]int{"/alarm-rules": 40, "/alert/action-rules": 2, "/events/notification/templates": 1, "/notifications/topics": 2, "/OS-AGENCY/agencies": 3, "/OS-ROLE/roles": 5, "/secrets": 1, "/kms/create-key": 1}

// clean insists on a plan without changes.
func (w *workspace) clean(t *testing.T, settings map[string]any) {
	t.Helper()
	if out, errs, code := w.run(t, append([]string{"plan", "-detailed-exitcode"}, w.variables(t, settings)...)...); code != 0 {
		t.Fatalf("the second plan is not clean: exit %d\n%s%s", code, out, errs)
	}
}

// holds compares the emulated account with what was planned.
func holds(t *testing.T, cloud *fakecloud.Cloud) {
	t.Helper()
	want := map[string][]string{"inspect": {"TIMER", "TIMER"}, "diagnose": {"SMN"}, "webhook": {"DEDICATEDGATEWAY"}, "execute": {}, "report": {"TIMER"}}
	for role, kinds := range want {
		triggers, err := cloud.Functions.Triggers("cce-oncall-" + role)
		if err != nil {
			t.Errorf("%s: %v", role, err)
			continue
		}
		got := []string{}
		for _, tr := range triggers {
			got = append(got, tr.Type)
		}
		if !slices.Equal(got, kinds) {
			t.Errorf("%s has the triggers %v, want %v", role, got, kinds)
		}
	}
	for path, n := range made {
		got := 0
		for _, e := range cloud.Journal.Find("", http.MethodPost, path) {
			if strings.HasSuffix(e.Path, path) && e.Status/100 == 2 {
				got++
			}
		}
		if got != n {
			t.Errorf("%d × POST %s, want %d", got, path, n)
		}
	}
	for _, e := range cloud.Journal.Find("", "", "") {
		if e.Status >= 400 && e.Status != http.StatusNotFound {
			t.Errorf("%s %s was answered %d", e.Method, e.Path, e.Status)
		}
	}
}

// refuseTunnels lets no call leave: a proxy is asked for a tunnel only for an address that is not the emulator's.
func refuseTunnels(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			http.Error(w, "no call leaves the emulated cloud", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}
