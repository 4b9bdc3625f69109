package infra_test

import (
	"strings"
	"testing"

	"cce-oncall/shared/alarm"
)

func TestAlarmRulesAreKnownByName(t *testing.T) {
	d := deployed(t)
	const cluster = `cluster=~"0b6f3d2e-7a41-11f0-9f5d-0255ac100101"`
	known := 0
	for address, r := range resources(d.state.Values.RootModule, "aomv4_alarm_rule") {
		notice := dig(r, "alarm_notifications", 0)
		if dig(notice, "notification_enable") != true || text(notice, "bind_notification_rule_id") == "" || dig(notice, "notify_resolved") != true {
			t.Errorf("%s tells nobody: %v", address, notice)
		}
		query := text(r, "metric_alarm_spec", 0, "trigger_conditions", 0, "promql")
		switch {
		case strings.Contains(address, ".silence["):
			if text(notice, "bind_notification_rule_id") != "cce-oncall-silence" || !strings.Contains(query, "absent_over_time(") {
				t.Errorf("the dead-man rule is %v", r)
			}
		case strings.Contains(address, ".event["):
			names := strings.Split(text(r, "event_alarm_spec", 0, "monitor_objects", 0, "event_name"), ";")
			if len(names) < 12 {
				t.Errorf("only %d events", len(names))
			}
			for _, n := range names {
				if _, ok := alarm.Lookup(n); !ok {
					t.Errorf("event %q is not in the catalogue", n)
				}
			}
		default:
			known++
			e, ok := alarm.Lookup(text(r, "name"))
			if !ok || e.Urgency == alarm.Inform {
				t.Errorf("rule %q is not in the catalogue as something to act on", text(r, "name"))
			}
			if strings.ContainsFunc(text(r, "name"), func(c rune) bool { return c > 'z' || c <= ' ' || c == '%' }) {
				t.Errorf("the provider puts the name %q into an address as it is", text(r, "name"))
			}
			if strings.Contains(query, "CLUSTERS") || strings.Count(query, "{") != strings.Count(query, cluster) || strings.Count(query, "(") != strings.Count(query, ")") {
				t.Errorf("%s does not keep to its clusters: %s", address, query)
			}
		}
	}
	if known != 38 {
		t.Errorf("%d metric rules, want the 38 of the recommended set", known)
	}
}

// TestOneRuleServesAllClustersOfAnInstance keeps a hundred clusters below the account's thousand rules.
func TestOneRuleServesAllClustersOfAnInstance(t *testing.T) {
	w := open(t, t.TempDir())
	var clusters []any
	for i, prom := range []string{"", "", "prom-a"} {
		clusters = append(clusters, map[string]any{"id": "0b6f3d2e-7a41-11f0-9f5d-0255ac10010" + string(rune('0'+i)), "name": "cluster-" + string(rune('a'+i)), "prometheus": prom})
	}
	plan := w.plan(t, map[string]any{"clusters": clusters})
	rules := resources(plan.PlannedValues.RootModule, "aomv4_alarm_rule")
	if want := 2*38 + 1 + 3; len(rules) != want {
		t.Errorf("%d rules, want %d: the set for each of two instances, the events, a dead-man rule for each cluster", len(rules), want)
	}
	r := rules[`huaweicloud_aomv4_alarm_rule.metric["0/PodRestartsFrequently"]`]
	if query := text(r, "metric_alarm_spec", 0, "trigger_conditions", 0, "promql"); !strings.Contains(query, `cluster=~"0b6f3d2e-7a41-11f0-9f5d-0255ac100100|0b6f3d2e-7a41-11f0-9f5d-0255ac100101"`) {
		t.Errorf("query %s", query)
	}
}

// TestNotificationTemplateIsUnderstood fills the template as AOM does and reads it as diagnose does.
func TestNotificationTemplateIsUnderstood(t *testing.T) {
	d := deployed(t)
	template := resources(d.state.Values.RootModule, "aom_message_template")["huaweicloud_aom_message_template.alarms"]
	parts, _ := template["templates"].([]any)
	if len(parts) != 2 || text(parts[0], "content") != text(parts[1], "content") {
		t.Fatalf("templates %v", parts)
	}
	fill := strings.NewReplacer("${id}", "7304915028816054001", "${event_name}", "CCE_ContainerCPUHigh_cce-oncall", "${starts_at}", "2026-11-24 15:00:00 GMT+08:00", "${event_severity}", "Critical",
		"${event_type}", "alarm", "${clear_type}", "", "$event.metadata.clusterId", "", "$event.metadata.cluster", "0b6f3d2e-7a41-11f0-9f5d-0255ac100101")
	hint, err := alarm.ParseMessage(fill.Replace(text(parts[0], "content")))
	if err != nil {
		t.Fatal(err)
	}
	if named := hint.Cluster + hint.ClusterName; hint.ID != "7304915028816054001" || !strings.Contains(named, "0b6f3d2e-7a41-11f0-9f5d-0255ac100101") {
		t.Errorf("hint %+v", hint)
	}
	if strings.Contains(text(parts[0], "content"), "message") {
		t.Error("free text is part of the notification: it could forge lines")
	}
}
