package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// replaced are the arguments whose change makes the provider replace the resource, of those that infra uses (ForceNew in its source).
var replaced = map[string][]string{
	"huaweicloud_fgs_function":                   {"name", "runtime", "functiongraph_version", "region"},
	"huaweicloud_fgs_function_trigger":           {"function_urn", "type", "region"},
	"huaweicloud_fgs_async_invoke_configuration": {"function_urn", "region"},
	"huaweicloud_smn_topic":                      {"name", "region"},
	"huaweicloud_smn_subscription":               {"topic_urn", "endpoint", "protocol", "region"},
	"huaweicloud_lts_group":                      {"group_name", "region"},
	"huaweicloud_lts_stream":                     {"group_id", "stream_name", "region"},
	"huaweicloud_aom_message_template":           {"name", "source", "region"},
	"huaweicloud_aom_alarm_action_rule":          {"name", "region"},
	"huaweicloud_aomv4_alarm_rule":               {"name", "type", "region"},
	"huaweicloud_kms_key":                        {"key_algorithm", "region"},
	"huaweicloud_csms_secret":                    {"name", "region"},
	"huaweicloud_apig_group":                     {"instance_id", "region"},
	"huaweicloud_obs_bucket":                     {"bucket", "region"},
	"huaweicloud_obs_bucket_object":              {"bucket", "key", "region"},
}

// fixed are the arguments whose change the provider refuses.
var fixed = map[string][]string{"huaweicloud_identity_agency": {"name"}}

// replacing names the arguments that make a change a replacement.
func replacing(name string, prior, proposed tftypes.Value) ([]*tftypes.AttributePath, error) {
	if prior.IsNull() || proposed.IsNull() {
		return nil, nil
	}
	was, is := map[string]tftypes.Value{}, map[string]tftypes.Value{}
	if err := prior.As(&was); err != nil {
		return nil, err
	}
	if err := proposed.As(&is); err != nil {
		return nil, err
	}
	for _, argument := range fixed[name] {
		if !was[argument].Equal(is[argument]) {
			return nil, fmt.Errorf("%s: %s cannot be changed", name, argument)
		}
	}
	var paths []*tftypes.AttributePath
	for _, argument := range replaced[name] {
		if before, after := was[argument], is[argument]; !before.IsNull() && !before.Equal(after) {
			paths = append(paths, tftypes.NewAttributePath().WithAttributeName(argument))
		}
	}
	return paths, nil
}

// valid refuses what the provider refuses before it calls anybody, of the arguments that infra uses. What is not yet known is let pass.
func valid(name string, v tftypes.Value) error {
	in, err := arguments(v)
	if err != nil || in == nil {
		return err
	}
	unknown := map[string]tftypes.Value{}
	if err := v.As(&unknown); err != nil {
		return err
	}
	known := func(argument string) bool { return unknown[argument].IsFullyKnown() }
	set := func(argument string) bool {
		return !known(argument) || !unknown[argument].IsNull() && !empty(in[argument])
	}
	among := func(argument string, values ...string) error {
		if known(argument) && in.text(argument) != "" && !slices.Contains(values, in.text(argument)) {
			return fmt.Errorf("%s: expected %s to be one of %v, got %s", name, argument, values, in.text(argument))
		}
		return nil
	}
	isJSON := func(argument string) error {
		if known(argument) && in.text(argument) != "" && !json.Valid([]byte(in.text(argument))) {
			return fmt.Errorf("%s: %q contains an invalid JSON", name, argument)
		}
		return nil
	}
	within := func(argument string, from, to float64) error {
		n, err := strconv.ParseFloat(fmt.Sprint(in[argument]), 64)
		if known(argument) && in[argument] != nil && (err != nil || n < from || n > to) {
			return fmt.Errorf("%s: expected %s to be in the range (%v - %v), got %v", name, argument, from, to, in[argument])
		}
		return nil
	}
	together := func(a, b string) error {
		if set(a) != set(b) {
			return fmt.Errorf("%s: %s and %s must be specified together", name, a, b)
		}
		return nil
	}
	never := func(a, b string) error {
		if set(a) && set(b) {
			return fmt.Errorf("%s: %s conflicts with %s", name, a, b)
		}
		return nil
	}
	one := func(a, b string) error {
		if set(a) == set(b) {
			return fmt.Errorf("%s: one of %s and %s must be specified", name, a, b)
		}
		return nil
	}
	var all []error
	switch name {
	case "huaweicloud_fgs_function":
		all = []error{among("functiongraph_version", "v1", "v2"), together("vpc_id", "network_id"), never("app", "package"), never("agency", "xrole")}
	case "huaweicloud_fgs_function_trigger":
		all = []error{among("status", "ACTIVE", "DISABLED"), isJSON("event_data")}
	case "huaweicloud_identity_role":
		all = []error{isJSON("policy")}
	case "huaweicloud_identity_agency":
		all = []error{one("delegated_service_name", "delegated_domain_name")}
	case "huaweicloud_aomv4_alarm_rule":
		all = []error{one("metric_alarm_spec", "event_alarm_spec")}
	case "huaweicloud_obs_bucket":
		all = []error{isJSON("policy"), among("policy_format", "obs", "s3"), among("sse_algorithm", "kms", "AES256"), among("storage_class", "STANDARD", "WARM", "COLD", "DEEP_ARCHIVE")}
	case "huaweicloud_kms_key":
		all = []error{within("pending_days", 7, 1096), within("rotation_interval", 30, 365)}
	}
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	}
	return false
}
