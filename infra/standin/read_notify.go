package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

func readTopic(ctx context.Context, c *client, urn string, was object) (object, error) {
	t, err := c.call(ctx, "smn", "GET", topics+"/"+urn, nil)
	if err != nil {
		return nil, err
	}
	out := t.take("topic_urn", "name", "display_name")
	a, err := c.call(ctx, "smn", "GET", topics+"/"+urn+"/attributes?name=access_policy", nil)
	if err != nil {
		return nil, err
	}
	if out["services_publish_allowed"], err = publishing(a.object("attributes").text("access_policy")); err != nil {
		return nil, err
	}
	if a, err = c.call(ctx, "smn", "GET", topics+"/"+urn+"/attributes?name=introduction", nil); err != nil {
		return nil, err
	}
	out["introduction"] = a.object("attributes")["introduction"]
	tags, err := c.call(ctx, "smn", "GET", "{P}/smn_topic/"+was.text("name")+"/tags", nil)
	out["tags"] = tagsOf(tags.list("tags"))
	return out, err
}

// publishing is the service that the topic's policy lets publish.
func publishing(policy string) (string, error) {
	if policy == "" {
		return "", nil
	}
	var p object
	if err := json.Unmarshal([]byte(policy), &p); err != nil {
		return "", fmt.Errorf("read the topic's policy: %w", err)
	}
	for _, s := range p.list("Statement") {
		if services := s.object("Principal").texts("Service"); s.text("Sid") == "__service_pub_0" && len(services) > 0 {
			return services[0], nil
		}
	}
	return "", nil
}

func readSubscription(ctx context.Context, c *client, id string, was object) (object, error) {
	at := topics + "/" + was.text("topic_urn") + "/subscriptions"
	for offset := 0; ; {
		page, err := c.call(ctx, "smn", "GET", fmt.Sprintf("%s?offset=%d&limit=100", at, offset), nil)
		if err != nil {
			return nil, err
		}
		all := page.list("subscriptions")
		if len(all) == 0 {
			return nil, errGone
		}
		for _, s := range all {
			if s.text("subscription_urn") == id {
				return s.take("topic_urn", "protocol", "endpoint", "remark"), nil
			}
		}
		offset += len(all)
	}
}

// readLogGroup finds the group in the list of all, for there is no other way.
func readLogGroup(ctx context.Context, c *client, id string, _ object) (object, error) {
	all, err := c.call(ctx, "lts", "GET", "{P}/groups", nil)
	if err != nil {
		return nil, err
	}
	for _, g := range all.list("log_groups") {
		if g.text("log_group_id") == id {
			out := g.take("log_group_name group_name", "ttl_in_days")
			tags := map[string]any{}
			for k, v := range g.object("tag") {
				if k != "_sys_enterprise_project_id" {
					tags[k] = v
				}
			}
			out["tags"] = tags
			return out, nil
		}
	}
	return nil, errGone
}

func readLogStream(ctx context.Context, c *client, id string, was object) (object, error) {
	all, err := c.call(ctx, "lts", "GET", "{P}/groups/"+was.text("group_id")+"/streams", nil)
	if err != nil {
		return nil, err
	}
	for _, s := range all.list("log_streams") {
		if s.text("log_stream_id") == id {
			return s.take("log_stream_name stream_name", "ttl_in_days"), nil
		}
	}
	return nil, errGone
}

func readTemplate(ctx context.Context, c *client, id string, _ object) (object, error) {
	t, err := c.call(ctx, "aom", "GET", "{P}/events/notification/template/"+id, nil)
	var r *refused
	if errors.As(err, &r) && r.status == http.StatusBadRequest {
		return nil, errGone // AOM's word for a template that it does not have
	}
	if err != nil {
		return nil, err
	}
	var parts []map[string]any
	if err := json.Unmarshal([]byte(t.text("templates")), &parts); err != nil {
		return nil, fmt.Errorf("read the template's parts: %w", err)
	}
	out := t.take("name", "locale", "desc description", "source")
	all := []any{}
	for _, p := range parts {
		all = append(all, map[string]any(object(p).take("subType sub_type", "content", "topic", "version")))
	}
	out["templates"] = all
	return out, nil
}

func readAction(ctx context.Context, c *client, id string, _ object) (object, error) {
	a, err := c.call(ctx, "aom", "GET", actionRules+"/"+id, nil)
	if err != nil {
		return nil, err
	}
	out := a.take("rule_name name", "type", "user_name", "desc description", "notification_template")
	all := []any{}
	for _, t := range a.list("smn_topics") {
		all = append(all, map[string]any(t.take("topic_urn", "name")))
	}
	out["smn_topics"] = all
	return out, nil
}

func readRule(ctx context.Context, c *client, id string, was object) (object, error) {
	answer, err := c.call(ctx, "aom", "GET", "/v4/{project}/alarm-rules?name="+id, nil)
	if err != nil {
		return nil, err
	}
	rules := answer.list("alarm_rules")
	if len(rules) == 0 {
		return nil, errGone
	}
	r := rules[0]
	if _, err := number(r["alarm_rule_id"], "alarm_rule_id"); err != nil {
		return nil, err
	}
	out := r.take("alarm_rule_name name", "alarm_rule_type type", "alarm_rule_enable enable", "alarm_rule_description description", "prom_instance_id")
	notify := r.object("alarm_notifications")
	how := notify.take("notification_type", "route_group_enable", "route_group_rule", "notification_enable", "bind_notification_rule_id", "notify_resolved", "notify_triggered")
	if how["notify_frequency"], err = number(notify["notify_frequency"], "notify_frequency"); err != nil {
		return nil, err
	}
	out["alarm_notifications"] = []any{map[string]any(how)}
	if out["metric_alarm_spec"], err = metricSpec(r.object("metric_alarm_spec")); err != nil {
		return nil, err
	}
	out["event_alarm_spec"] = eventSpec(r.object("event_alarm_spec"))
	return out, nil
}

func metricSpec(spec object) (any, error) {
	if spec == nil {
		return []any{}, nil
	}
	out := spec.take("monitor_type", "no_data_conditions", "monitor_objects", "alarm_tags")
	out["recovery_conditions"] = []any{map[string]any(spec.object("recovery_conditions").take("recovery_timeframe"))}
	conditions := []any{}
	for _, t := range spec.list("trigger_conditions") {
		condition := t.take("metric_query_mode", "metric_name", "metric_labels", "promql", "trigger_interval", "trigger_type", "aggregation_type", "aggregation_window", "operator",
			"thresholds", "query_match", "aggregate_type", "metric_statistic_method", "expression", "mix_promql", "metric_namespace", "metric_unit", "promql_expr", "promql_for", "aom_monitor_level")
		var err error
		if condition["trigger_times"], err = number(t["trigger_times"], "trigger_times"); err != nil {
			return nil, err
		}
		conditions = append(conditions, map[string]any(condition))
	}
	out["trigger_conditions"] = conditions
	return []any{map[string]any(out)}, nil
}

func eventSpec(spec object) any {
	if spec == nil {
		return []any{}
	}
	return []any{map[string]any(spec.take("alarm_source", "event_source", "trigger_conditions", "monitor_objects"))}
}
