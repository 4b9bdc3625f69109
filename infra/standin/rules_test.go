package main

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// resource builds a resource of a kind from the arguments that are given; the others are not set.
func resource(t *testing.T, name string, given map[string]any) tftypes.Value {
	t.Helper()
	s, err := parseSchema(schemaText)
	if err != nil {
		t.Fatal(err)
	}
	v, err := encode(given, s.resources[name].ValueType())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRefusesWhatTheProviderRefuses(t *testing.T) {
	const function, rule, key, bucket = "huaweicloud_fgs_function", "huaweicloud_aomv4_alarm_rule", "huaweicloud_kms_key", "huaweicloud_obs_bucket"
	block := []any{map[string]any{}}
	for _, tc := range []struct {
		kind  string
		given map[string]any
		says  string // empty: it is taken
	}{
		{function, map[string]any{"functiongraph_version": "v2", "agency": "a", "app": "default"}, ""},
		{function, map[string]any{"functiongraph_version": "v3"}, "functiongraph_version to be one of [v1 v2]"},
		{function, map[string]any{"vpc_id": "v"}, "must be specified together"},
		{function, map[string]any{"agency": "a", "xrole": "b"}, "agency conflicts with xrole"},
		{"huaweicloud_fgs_function_trigger", map[string]any{"status": "ON"}, "status to be one of"},
		{"huaweicloud_fgs_function_trigger", map[string]any{"event_data": "{"}, "invalid JSON"},
		{"huaweicloud_identity_role", map[string]any{"policy": "Allow"}, "invalid JSON"},
		{"huaweicloud_identity_agency", map[string]any{"name": "a"}, "one of delegated_service_name and delegated_domain_name"},
		{rule, map[string]any{"metric_alarm_spec": block, "event_alarm_spec": block}, "one of metric_alarm_spec and event_alarm_spec"},
		{rule, map[string]any{"metric_alarm_spec": block}, ""},
		{key, map[string]any{"pending_days": "6"}, "range (7 - 1096)"},
		{key, map[string]any{"pending_days": "30", "rotation_interval": 365}, ""},
		{key, map[string]any{"rotation_interval": 366}, "range (30 - 365)"},
		{bucket, map[string]any{"policy_format": "iam"}, "policy_format to be one of"},
	} {
		err := valid(tc.kind, resource(t, tc.kind, tc.given))
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s %v: %v, want %q", tc.kind, tc.given, err, tc.says)
		}
	}
}

func TestReplacesWhatTheProviderReplaces(t *testing.T) {
	const topic, agency = "huaweicloud_smn_topic", "huaweicloud_identity_agency"
	was := resource(t, topic, map[string]any{"name": "a", "display_name": "A"})
	for changed, want := range map[string]int{"name": 1, "display_name": 0} {
		given := map[string]any{"name": "a", "display_name": "A"}
		given[changed] = "b"
		if paths, err := replacing(topic, was, resource(t, topic, given)); err != nil || len(paths) != want {
			t.Errorf("another %s: %v, %v, want %d", changed, paths, err, want)
		}
	}
	if _, err := replacing(agency, resource(t, agency, map[string]any{"name": "a"}), resource(t, agency, map[string]any{"name": "b"})); err == nil {
		t.Error("the name of an agency was changed")
	}
}

// TestSeesDriftAsTheProviderDoes: what is not set is a zero, a set has no order, and a policy's JSON has no spelling.
func TestSeesDriftAsTheProviderDoes(t *testing.T) {
	const bucket = "huaweicloud_obs_bucket"
	for name, tc := range map[string]struct {
		argument string
		a, b     map[string]any
		same     bool
	}{
		"nothing and a zero":     {"quota", map[string]any{}, map[string]any{"quota": 0}, true},
		"another number":         {"quota", map[string]any{"quota": 1}, map[string]any{"quota": 2}, false},
		"nothing and no tags":    {"tags", map[string]any{}, map[string]any{"tags": map[string]any{}}, true},
		"another tag":            {"tags", map[string]any{"tags": map[string]any{"a": "1"}}, map[string]any{"tags": map[string]any{"a": "2"}}, false},
		"a set in another order": {"user_domain_names", map[string]any{"user_domain_names": []any{"a", "b"}}, map[string]any{"user_domain_names": []any{"b", "a"}}, true},
		"a policy, reformatted":  {"policy", map[string]any{"policy": `{"a":1,"b":[2]}`}, map[string]any{"policy": `{ "b": [2], "a": 1 }`}, true},
		"another policy":         {"policy", map[string]any{"policy": `{"a":1}`}, map[string]any{"policy": `{"a":2}`}, false},
		"a policy and none":      {"policy", map[string]any{"policy": `{"a":1}`}, map[string]any{}, false},
	} {
		fields := [2]map[string]tftypes.Value{{}, {}}
		for i, given := range []map[string]any{tc.a, tc.b} {
			if err := resource(t, bucket, given).As(&fields[i]); err != nil {
				t.Fatal(err)
			}
		}
		same, err := alike(tc.argument, fields[0][tc.argument], fields[1][tc.argument])
		if err != nil || same != tc.same {
			t.Errorf("%s: %v, %v, want %v", name, same, err, tc.same)
		}
	}
}

func TestInsistsOnNumbersWhereTheProviderPanics(t *testing.T) {
	if _, err := number("3", "trigger_times"); err == nil || !strings.Contains(err.Error(), "trigger_times is 3 (string)") {
		t.Errorf("a text was taken for a number: %v", err)
	}
	if n, err := number(3.0, "trigger_times"); err != nil || n != "3" {
		t.Errorf("3 is %v, %v", n, err)
	}
}
