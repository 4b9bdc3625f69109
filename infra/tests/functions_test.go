package infra_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/robfig/cron/v3"

	"cce-oncall/shared/config"
)

// notOurs are the variables that config reads and Terraform must not set: the platform's own, secrets (CSMS has them), and those of
// a process outside the platform.
var notOurs = []string{
	"RUNTIME_API_ADDR", "RUNTIME_FUNC_NAME", "RUNTIME_PACKAGE", "RUNTIME_TIMEOUT", "RUNTIME_PROJECT_ID", "PROJECT_ID",
	"LARK_APP_SECRET", "LARK_ENCRYPT_KEY", "LARK_VERIFICATION_TOKEN", "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN",
}

// function is the planned function of a role.
func (d *deployment) function(t *testing.T, role string) map[string]any {
	t.Helper()
	f := resources(d.state.Values.RootModule, "fgs_function")[`module.function["`+role+`"].huaweicloud_fgs_function.this`]
	if f == nil {
		t.Fatalf("there is no function %s", role)
	}
	return f
}

func TestEveryVariableIsSetAndNoOther(t *testing.T) {
	d := deployed(t)
	var want []string
	for _, v := range config.Variables() {
		if !slices.Contains(notOurs, v) {
			want = append(want, v)
		}
	}
	for _, role := range roles {
		set := object(t, text(d.function(t, role), "user_data"))
		got := make([]string, 0, len(set))
		vars := map[string]string{"RUNTIME_PROJECT_ID": "0123456789abcdef0123456789abcdef"}
		for name, v := range set {
			got = append(got, name)
			vars[name], _ = v.(string)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-config +Terraform)\n%s", role, diff)
		}
		c, err := config.Load(vars)
		if err != nil {
			t.Fatalf("%s would not start: %v", role, err)
		}
		if c.Clusters[0].Name != "shop-production" || c.Clusters[0].Chat == "" || len(c.Clusters[0].Approvers) != 1 || c.Functions.Value["execute"] != "cce-oncall-execute" || time.Duration(c.Policy.Value.Expiry) != 30*time.Minute {
			t.Errorf("%s reads %+v", role, c)
		}
	}
}

func TestEveryOptionReachesTheFunctions(t *testing.T) {
	w := open(t, t.TempDir())
	plan := w.plan(t, map[string]any{
		"clusters": []any{map[string]any{
			"id": "0b6f3d2e-7a41-11f0-9f5d-0255ac100101", "name": "shop-production", "prometheus": "prom-1", "access": "certificate", "endpoint": "external", "chat": "oc_own",
			"approvers": []any{map[string]any{"id": "ou_own", "name": "Lin", "namespaces": []any{"shop"}, "risks": []any{"reversible"}}},
			"routes":    []any{map[string]any{"namespaces": []any{"pay"}, "chat": "oc_pay"}}, "log_group": "g", "log_stream": "s",
		}},
		"policy": map[string]any{"two_for": []any{"destructive"}, "freezes": []any{map[string]any{"from": "2026-12-31T00:00:00Z", "until": "2027-01-01T00:00:00Z", "reason": "year's end"}}, "rounds": 2},
		"paused": true, "language": "zh", "inline_limit": 10, "max_instances": map[string]any{"execute": 3},
	})
	for address, f := range resources(plan.PlannedValues.RootModule, "fgs_function") {
		vars := map[string]string{"RUNTIME_PROJECT_ID": "0123456789abcdef0123456789abcdef", "RUNTIME_USERDATA": text(f, "user_data")}
		c, err := config.Load(vars)
		if err != nil {
			t.Fatalf("%s would not start: %v", address, err)
		}
		k := c.Clusters[0]
		got := []any{k.Prometheus, k.Kubeconfig, k.Endpoint, k.Chat, k.ChatFor("pay"), k.Approvers[0].Name, k.Approvers[0].Risks[0] == "reversible", k.LogGroup, k.LogStream, c.Paused, c.Language, c.Policy.Value.Rounds, c.Policy.Value.Freezes[0].Reason, text(f, "code_type")}
		want := []any{"prom-1", "certificate", "external", "oc_own", "oc_pay", "Lin", true, "g", "s", true, "zh", 2, "year's end", "obs"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", address, diff)
		}
	}
	if n := len(resources(plan.PlannedValues.RootModule, "obs_bucket_object")); n != 5 {
		t.Errorf("%d packages in OBS, want 5", n)
	}
}

// TestAHundredClustersAreServed keeps what does not fit into variables in an object, which the functions accept under its own sum only.
func TestAHundredClustersAreServed(t *testing.T) {
	w := open(t, t.TempDir())
	clusters := make([]any, 100)
	for i := range clusters {
		clusters[i] = map[string]any{
			"id": fmt.Sprintf("0b6f3d2e-7a41-11f0-9f5d-0255ac100%03d", i), "name": fmt.Sprintf("cluster-of-a-team-%03d", i), "prometheus": fmt.Sprintf("3a1d7e0c-0000-4000-8000-%012d", i%5),
			"approvers": []any{map[string]any{"id": "ou_0123456789abcdef0123456789abcdef", "name": "林"}, map[string]any{"id": "ou_fedcba9876543210fedcba9876543210", "risks": []any{"reversible"}}},
		}
	}
	plan := w.plan(t, map[string]any{"clusters": clusters})
	held := resources(plan.PlannedValues.RootModule, "obs_bucket_object")["huaweicloud_obs_bucket_object.clusters[0]"]
	if held == nil {
		t.Fatal("the list is nowhere")
	}
	for address, f := range resources(plan.PlannedValues.RootModule, "fgs_function") {
		if n := len([]rune(text(f, "user_data"))); n > 4096 {
			t.Errorf("the variables of %s take %d characters", address, n)
		}
		c, err := config.Load(map[string]string{"RUNTIME_PROJECT_ID": "0123456789abcdef0123456789abcdef", "RUNTIME_USERDATA": text(f, "user_data")})
		if err != nil {
			t.Fatalf("%s would not start: %v", address, err)
		}
		if c.ClustersObject != text(held, "key") {
			t.Errorf("%s reads %s, and the list is %s", address, c.ClustersObject, text(held, "key"))
		}
		if err := c.TakeClusters([]byte(text(held, "content"))); err != nil || len(c.Clusters) != 100 || c.Clusters[99].Approvers[0].Name != "林" {
			t.Errorf("%s takes %d clusters, %v", address, len(c.Clusters), err)
		}
	}
	for _, r := range resources(plan.PlannedValues.RootModule, "aomv4_alarm_rule") {
		if n := len(text(r, "metric_alarm_spec", 0, "trigger_conditions", 0, "promql")); n > 4096 {
			t.Logf("a rule's expression has %d characters", n)
		}
	}
}

func TestEveryFunctionIsComplete(t *testing.T) {
	d := deployed(t)
	type want struct {
		memory, timeout, retries float64
		agency                   string
	}
	async := resources(d.state.Values.RootModule, "fgs_async_invoke_configuration")
	streams := map[string]bool{}
	for role, w := range map[string]want{
		"inspect": {512, 300, 1, "cce-oncall-read"}, "diagnose": {512, 300, 3, "cce-oncall-read"}, "webhook": {256, 10, 0, "cce-oncall-read"},
		"execute": {512, 900, 0, "cce-oncall-write"}, "report": {256, 120, 3, "cce-oncall-read"},
	} {
		f := d.function(t, role)
		got := []any{f["memory_size"], f["timeout"], f["agency"], f["app_agency"], f["runtime"], f["handler"], f["code_type"], f["enable_lts_log"], f["functiongraph_version"]}
		if diff := cmp.Diff([]any{w.memory, w.timeout, w.agency, w.agency, "Custom", "bootstrap", "zip", true, "v2"}, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", role, diff)
		}
		for _, must := range []string{"log_group_id", "log_group_name", "log_stream_id", "log_stream_name", "max_instance_num", "func_code", "app"} {
			if text(f, must) == "" {
				t.Errorf("%s has no %s", role, must)
			}
		}
		streams[text(f, "log_stream_id")] = true
		a := async[`module.function["`+role+`"].huaweicloud_fgs_async_invoke_configuration.this`]
		topic := object(t, text(a, "on_failure", 0, "param"))["topic_urn"]
		if a["max_async_retry_attempts"] != w.retries || text(a, "on_failure", 0, "destination") != "SMN" || !strings.HasSuffix(text(topic), ":cce-oncall-failures") {
			t.Errorf("%s is repeated as %v", role, a)
		}
	}
	if len(streams) != 5 {
		t.Errorf("the functions share log streams: %v", streams)
	}
}

func TestTriggers(t *testing.T) {
	d := deployed(t)
	got := map[string]string{}
	for address, tr := range resources(d.state.Values.RootModule, "fgs_function_trigger") {
		data := object(t, text(tr, "event_data"))
		what := text(tr, "type")
		switch what {
		case "TIMER":
			if text(data, "schedule_type") == "Cron" {
				parser := cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
				if _, err := parser.Parse(text(data, "schedule")); err != nil || !strings.HasPrefix(text(data, "schedule"), "CRON_TZ=Asia/Shanghai ") {
					t.Errorf("%s: schedule %q, %v", address, text(data, "schedule"), err)
				}
			}
			what += " " + text(data, "schedule") + " " + text(data, "user_event")
		case "SMN":
			what += " " + text(data, "topic_urn")
		case "DEDICATEDGATEWAY":
			what += " " + text(data, "req_method") + " " + text(data, "path") + " " + text(data, "auth")
		}
		urn := strings.Split(text(tr, "function_urn"), ":")
		got[address] = urn[len(urn)-2] + " ← " + what
	}
	want := map[string]string{
		`huaweicloud_fgs_function_trigger.timer["inspect"]`:   `cce-oncall-inspect ← TIMER CRON_TZ=Asia/Shanghai 0 0 * * * ? {"mode":"inspect"}`,
		`huaweicloud_fgs_function_trigger.timer["watch"]`:     `cce-oncall-inspect ← TIMER 1m {"mode":"watch"}`,
		`huaweicloud_fgs_function_trigger.timer["report"]`:    `cce-oncall-report ← TIMER CRON_TZ=Asia/Shanghai 0 0 9 * * ? {}`,
		`huaweicloud_fgs_function_trigger.alarms[0]`:          `cce-oncall-diagnose ← SMN urn:smn:cn-north-4:0123456789abcdef0123456789abcdef:cce-oncall`,
		`huaweicloud_fgs_function_trigger.gateway["webhook"]`: `cce-oncall-webhook ← DEDICATEDGATEWAY POST /cce-oncall/lark NONE`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestNoSecretInClear looks at everything that a plan or a state shows but the input variables themselves, which Terraform repeats.
func TestNoSecretInClear(t *testing.T) {
	d := deployed(t)
	for what, v := range map[string]any{
		"planned values": d.plan.PlannedValues, "changes": d.plan.ResourceChanges, "output changes": d.plan.OutputChanges, "configuration": d.plan.Config, "state": d.state,
	} {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) < 20 {
			t.Errorf("%s is empty", what)
		}
		if strings.Contains(string(raw), "planted") {
			t.Errorf("%s shows a secret", what)
		}
	}
}
