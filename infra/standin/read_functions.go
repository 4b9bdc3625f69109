package main

import "context"

// readFunction needs five more answers than the configuration, as the provider does.
func readFunction(ctx context.Context, c *client, urn string, _ object) (object, error) {
	at := "{P}/fgs/functions/" + bare(urn)
	config, err := c.call(ctx, "fgs", "GET", at+"/config", nil)
	if err != nil {
		return nil, err
	}
	out := config.take("func_name name", "runtime", "timeout", "memory_size", "package app", "handler", "code_type", "description", "type functiongraph_version",
		"code_url", "user_data", "xrole agency", "app_xrole app_agency", "enable_dynamic_memory", "is_stateful_function", "peering_cidr", "enable_auth_in_header",
		"enable_class_isolation", "enable_lts_log", "func_urn urn", "version")
	if name := config.text("code_filename"); name != "" {
		out["code_filename"] = name
	}
	limits := config.object("strategy_config")
	if out["max_instance_num"], err = number(limits["concurrency"], "strategy_config.concurrency"); err != nil {
		return nil, err
	}
	if _, err = number(limits["concurrent_num"], "strategy_config.concurrent_num"); err != nil {
		return nil, err
	}
	vpc := config.object("func_vpc")
	out["vpc_id"], out["network_id"] = vpc["vpc_id"], vpc["subnet_id"]
	log, err := c.call(ctx, "fgs", "GET", "{P}/fgs/functions/"+urn+"/lts-log-detail", nil)
	if err != nil {
		return nil, err
	}
	for name, v := range log.take("group_id log_group_id", "group_name log_group_name", "stream_id log_stream_id", "stream_name log_stream_name") {
		out[name] = v
	}
	for _, also := range []string{at + "/versions", at + "/aliases", "{P}/fgs/functions/reservedinstanceconfigs?function_urn=" + urn + "&limit=100&marker=0"} {
		if _, err := c.call(ctx, "fgs", "GET", also, nil); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readTrigger takes the event's data as the service has it now, whole: what it adds is a change.
func readTrigger(ctx context.Context, c *client, id string, was object) (object, error) {
	t, err := c.call(ctx, "fgs", "GET", triggerPath(was, id), nil)
	if err != nil {
		return nil, err
	}
	out := t.take("trigger_type_code type", "trigger_status status")
	out["event_data"] = inJSON(t["event_data"])
	return out, nil
}

func readAsync(ctx context.Context, c *client, urn string, _ object) (object, error) {
	a, err := c.call(ctx, "fgs", "GET", "{P}/fgs/functions/"+bare(urn)+"/async-invoke-config", nil)
	if err != nil {
		return nil, err
	}
	out := a.take("max_async_event_age_in_seconds", "max_async_retry_attempts", "enable_async_status_log")
	for _, on := range []string{"on_success", "on_failure"} {
		out[on] = []any{}
		if d := a.object("destination_config").object(on); len(d) > 0 {
			out[on] = []any{map[string]any(d.take("destination", "param"))}
		}
	}
	return out, nil
}

func readGatewayGroup(ctx context.Context, c *client, id string, was object) (object, error) {
	g, err := c.call(ctx, "apig", "GET", gatewayGroups(was)+"/"+id, nil)
	if err != nil {
		return nil, err
	}
	if _, err := c.call(ctx, "apig", "GET", "{P}/apigw/instances/"+was.text("instance_id")+"/env-variables?group_id="+id, nil); err != nil {
		return nil, err
	}
	return g.take("name", "remark description"), nil
}
