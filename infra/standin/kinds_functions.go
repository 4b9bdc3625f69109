package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// bare is a function's URN without its version.
func bare(urn string) string { return strings.TrimSuffix(urn, ":latest") }

func functionConfig(in object) object {
	body := in.pick("name func_name", "app package", "runtime", "timeout", "memory_size", "handler", "description", "user_data", "encrypted_user_data", "agency xrole", "app_agency app_xrole")
	if in.text("vpc_id") != "" {
		body["func_vpc"] = in.pick("vpc_id", "network_id subnet_id")
	}
	body["enable_lts_log"] = in["enable_lts_log"]
	body["log_config"] = in.pick("log_group_id group_id", "log_group_name group_name", "log_stream_id stream_id", "log_stream_name stream_name")
	return body
}

func functionCode(in object) object {
	body := in.pick("code_type", "code_url", "code_filename")
	if code := in.text("func_code"); code != "" {
		body["func_code"] = object{"file": code}
	}
	return body
}

func makeFunction(ctx context.Context, c *client, in object) (object, error) {
	body := functionConfig(in)
	delete(body, "app_xrole") // it comes with the first change
	for k, v := range functionCode(in) {
		body[k] = v
	}
	body["type"] = "v2"
	made, err := c.call(ctx, "fgs", "POST", "{P}/fgs/functions", body)
	if err != nil {
		return nil, err
	}
	urn := made.text("func_urn")
	if _, err := c.call(ctx, "fgs", "PUT", "{P}/fgs/functions/"+urn+"/config", functionConfig(in)); err != nil {
		return nil, err
	}
	if err := limitInstances(ctx, c, urn, in); err != nil {
		return nil, err
	}
	if tags := tagList(in); len(tags) > 0 {
		if _, err := c.call(ctx, "fgs", "POST", "{P}/functions/"+urn+"/tags/create", object{"tags": tags}); err != nil {
			return nil, err
		}
	}
	return object{"id": urn, "urn": urn, "version": "latest"}, nil
}

func limitInstances(ctx context.Context, c *client, urn string, in object) error {
	n, err := strconv.Atoi(in.text("max_instance_num"))
	if err != nil {
		return fmt.Errorf("max_instance_num is no number: %w", err)
	}
	_, err = c.call(ctx, "fgs", "PUT", "{P}/fgs/functions/"+bare(urn)+"/config-max-instance", object{"max_instance_num": n})
	return err
}

func changeFunction(ctx context.Context, c *client, urn string, in, was object) error {
	if _, err := c.call(ctx, "fgs", "PUT", "{P}/fgs/functions/"+urn+"/config", functionConfig(in)); err != nil {
		return err
	}
	if _, err := c.call(ctx, "fgs", "PUT", "{P}/fgs/functions/"+urn+"/code", functionCode(in)); err != nil {
		return err
	}
	if in["max_instance_num"] != was["max_instance_num"] {
		if err := limitInstances(ctx, c, urn, in); err != nil {
			return err
		}
	}
	if inJSON(in["tags"]) == inJSON(was["tags"]) {
		return nil
	}
	at := "{P}/functions/" + bare(urn) + "/tags/"
	if old := tagList(was); len(old) > 0 {
		if _, err := c.call(ctx, "fgs", "DELETE", at+"delete", object{"tags": old}); err != nil {
			return err
		}
	}
	if tags := tagList(in); len(tags) > 0 {
		_, err := c.call(ctx, "fgs", "POST", at+"create", object{"tags": tags})
		return err
	}
	return nil
}

func triggerPath(in object, id string) string {
	path := "{P}/fgs/triggers/" + in.text("function_urn")
	if id != "" {
		path += "/" + in.text("type") + "/" + id
	}
	return path
}

// makeTrigger keeps what the service made of the event's data, as the provider's reading does.
func makeTrigger(ctx context.Context, c *client, in object) (object, error) {
	made, err := c.call(ctx, "fgs", "POST", triggerPath(in, ""), object{"trigger_type_code": in.text("type"), "event_data": json.RawMessage(in.text("event_data"))})
	if err != nil {
		return nil, err
	}
	return object{"id": made.text("trigger_id"), "status": made.text("trigger_status"), "event_data": inJSON(made["event_data"])}, nil
}

func changeTrigger(ctx context.Context, c *client, id string, in, _ object) error {
	_, err := c.call(ctx, "fgs", "PUT", triggerPath(in, id), object{"trigger_status": in.text("status"), "event_data": json.RawMessage(in.text("event_data"))})
	return err
}

func removeTrigger(ctx context.Context, c *client, id string, was object) error {
	_, err := c.call(ctx, "fgs", "DELETE", triggerPath(was, id), nil)
	return err
}

func makeAsync(ctx context.Context, c *client, in object) (object, error) {
	return object{"id": in.text("function_urn")}, changeAsync(ctx, c, in.text("function_urn"), in, nil)
}

func changeAsync(ctx context.Context, c *client, urn string, in, _ object) error {
	body := in.pick("max_async_event_age_in_seconds", "max_async_retry_attempts", "enable_async_status_log")
	if failed := in.block("on_failure"); len(failed) > 0 {
		body["destination_config"] = object{"on_failure": failed.pick("destination", "param")}
	}
	_, err := c.call(ctx, "fgs", "PUT", "{P}/fgs/functions/"+bare(urn)+"/async-invoke-config", body)
	return err
}

func gatewayGroups(in object) string {
	return "{P}/apigw/instances/" + in.text("instance_id") + "/api-groups"
}

func makeGatewayGroup(ctx context.Context, c *client, in object) (object, error) {
	made, err := c.call(ctx, "apig", "POST", gatewayGroups(in), in.pick("name", "description remark"))
	return object{"id": made.text("id")}, err
}

func removeGatewayGroup(ctx context.Context, c *client, id string, was object) error {
	_, err := c.call(ctx, "apig", "DELETE", gatewayGroups(was)+"/"+id, nil)
	return err
}
