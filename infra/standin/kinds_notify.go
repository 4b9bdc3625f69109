package main

import "context"

const topics, actionRules, templates = "{P}/notifications/topics", "{P}/alert/action-rules", "{P}/events/notification/templates"

func makeTopic(ctx context.Context, c *client, in object) (object, error) {
	made, err := c.call(ctx, "smn", "POST", topics, in.pick("name", "display_name"))
	if err != nil {
		return nil, err
	}
	urn := made.text("topic_urn")
	if err := c.tag(ctx, "smn", "{P}/smn_topic/"+in.text("name")+"/tags/action", in); err != nil {
		return nil, err
	}
	return object{"id": urn, "topic_urn": urn}, publishers(ctx, c, urn, in)
}

// publishers lets services of the cloud publish to a topic.
func publishers(ctx context.Context, c *client, urn string, in object) error {
	if in.text("services_publish_allowed") == "" {
		return nil
	}
	policy := inJSON(object{"Version": "2016-09-07", "Id": "__default_policy_ID", "Statement": []any{object{
		"Sid": "__service_pub_0", "Effect": "Allow", "Principal": object{"Service": []string{in.text("services_publish_allowed")}}, "Action": []string{"SMN:Publish"}, "Resource": urn,
	}}})
	_, err := c.call(ctx, "smn", "PUT", topics+"/"+urn+"/attributes/access_policy", object{"value": policy})
	return err
}

func changeTopic(ctx context.Context, c *client, urn string, in, was object) error {
	if _, err := c.call(ctx, "smn", "PUT", topics+"/"+urn, in.pick("display_name")); err != nil {
		return err
	}
	if err := c.retag(ctx, "smn", "{P}/smn_topic/"+in.text("name")+"/tags/action", in, was); err != nil {
		return err
	}
	return publishers(ctx, c, urn, in)
}

func makeSubscription(ctx context.Context, c *client, in object) (object, error) {
	made, err := c.call(ctx, "smn", "POST", topics+"/"+in.text("topic_urn")+"/subscriptions", in.pick("protocol", "endpoint", "remark"))
	urn := made.text("subscription_urn")
	return object{"id": urn, "subscription_urn": urn}, err
}

func changeSubscription(ctx context.Context, c *client, urn string, in, _ object) error {
	_, err := c.call(ctx, "smn", "PUT", topics+"/"+in.text("topic_urn")+"/subscriptions/"+urn, in.pick("remark"))
	return err
}

func makeLogGroup(ctx context.Context, c *client, in object) (object, error) {
	made, err := c.call(ctx, "lts", "POST", "{P}/groups", in.pick("group_name log_group_name", "ttl_in_days"))
	if err != nil {
		return nil, err
	}
	id := made.text("log_group_id")
	return object{"id": id}, c.tag(ctx, "lts", "/v1/{project}/groups/"+id+"/tags/action", in)
}

func changeLogGroup(ctx context.Context, c *client, id string, in, was object) error {
	if _, err := c.call(ctx, "lts", "POST", "{P}/groups/"+id, in.pick("ttl_in_days")); err != nil {
		return err
	}
	return c.retag(ctx, "lts", "/v1/{project}/groups/"+id+"/tags/action", in, was)
}

func makeLogStream(ctx context.Context, c *client, in object) (object, error) {
	made, err := c.call(ctx, "lts", "POST", "{P}/groups/"+in.text("group_id")+"/streams", in.pick("stream_name log_stream_name", "ttl_in_days"))
	return object{"id": made.text("log_stream_id")}, err
}

func changeLogStream(ctx context.Context, c *client, id string, in, _ object) error {
	_, err := c.call(ctx, "lts", "PUT", "{P}/groups/"+in.text("group_id")+"/streams-ttl/"+id, in.pick("ttl_in_days"))
	return err
}

func removeLogStream(ctx context.Context, c *client, id string, was object) error {
	_, err := c.call(ctx, "lts", "DELETE", "{P}/groups/"+was.text("group_id")+"/streams/"+id, nil)
	return err
}

func templateBody(in object) object {
	body := in.pick("name", "locale", "description desc", "source")
	parts := []any{}
	for _, t := range in.list("templates") {
		parts = append(parts, t.pick("sub_type subType", "content", "topic", "version"))
	}
	body["templates"] = inJSON(parts)
	return body
}

func makeTemplate(ctx context.Context, c *client, in object) (object, error) {
	_, err := c.call(ctx, "aom", "POST", templates, templateBody(in))
	return object{"id": in.text("name")}, err
}

func changeTemplate(ctx context.Context, c *client, _ string, in, _ object) error {
	_, err := c.call(ctx, "aom", "PUT", templates, templateBody(in))
	return err
}

func removeTemplate(ctx context.Context, c *client, id string, _ object) error {
	_, err := c.call(ctx, "aom", "DELETE", templates, object{"names": []string{id}})
	return err
}

func actionBody(in object) object {
	body := in.pick("name rule_name", "type", "user_name", "description desc", "notification_template")
	all := []any{}
	for _, t := range in.list("smn_topics") {
		all = append(all, t.pick("topic_urn", "name"))
	}
	body["smn_topics"] = all
	return body
}

func makeAction(ctx context.Context, c *client, in object) (object, error) {
	_, err := c.call(ctx, "aom", "POST", actionRules, actionBody(in))
	return object{"id": in.text("name")}, err
}

func changeAction(ctx context.Context, c *client, _ string, in, _ object) error {
	_, err := c.call(ctx, "aom", "PUT", actionRules, actionBody(in))
	return err
}

func removeAction(ctx context.Context, c *client, id string, _ object) error {
	_, err := c.call(ctx, "aom", "DELETE", actionRules, []string{id})
	return err
}

// ruleBody has the names of the arguments but for the first level, and single blocks are objects.
func ruleBody(in object) any {
	body := in.pick("name alarm_rule_name", "type alarm_rule_type", "enable alarm_rule_enable", "description alarm_rule_description", "prom_instance_id")
	body["alarm_notifications"] = map[string]any(in.block("alarm_notifications"))
	if spec := in.block("metric_alarm_spec"); len(spec) > 0 {
		whole := map[string]any{}
		for k, v := range spec {
			whole[k] = v
		}
		whole["recovery_conditions"] = map[string]any(spec.block("recovery_conditions"))
		body["metric_alarm_spec"] = whole
	}
	if spec := in.block("event_alarm_spec"); len(spec) > 0 {
		body["event_alarm_spec"] = map[string]any(spec)
	}
	return without(body)
}

func makeRule(ctx context.Context, c *client, in object) (object, error) {
	_, err := c.call(ctx, "aom", "POST", "/v4/{project}/alarm-rules?action_id=add-alarm-action", ruleBody(in))
	return object{"id": in.text("name")}, err
}

func changeRule(ctx context.Context, c *client, _ string, in, _ object) error {
	_, err := c.call(ctx, "aom", "POST", "/v4/{project}/alarm-rules?action_id=update-alarm-action", ruleBody(in))
	return err
}

func removeRule(ctx context.Context, c *client, id string, _ object) error {
	_, err := c.call(ctx, "aom", "DELETE", "/v4/{project}/alarm-rules", object{"alarm_rules": []string{id}})
	return err
}
