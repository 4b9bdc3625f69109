package main

import (
	"context"
	"encoding/json"
	"fmt"
)

// kind is how one kind of resource is made and unmade by calls. What always holds: these are the calls that the provider makes for the
// arguments that infra uses, in its order, and no others.
type kind struct {
	make   func(ctx context.Context, c *client, in object) (object, error)       // what the cloud decided, the id among it
	change func(ctx context.Context, c *client, id string, in, was object) error // nil: nothing of it may change
	remove func(ctx context.Context, c *client, id string, was object) error
}

// kinds are the resources that are called for; any other is only made up.
var kinds = map[string]kind{
	"huaweicloud_fgs_function":                   {makeFunction, changeFunction, deletes("fgs", "{P}/fgs/functions/%s", bare)},
	"huaweicloud_fgs_function_trigger":           {makeTrigger, changeTrigger, removeTrigger},
	"huaweicloud_fgs_async_invoke_configuration": {makeAsync, changeAsync, deletes("fgs", "{P}/fgs/functions/%s/async-invoke-config", bare)},
	"huaweicloud_smn_topic":                      {makeTopic, changeTopic, deletes("smn", "{P}/notifications/topics/%s", same)},
	"huaweicloud_smn_subscription":               {makeSubscription, changeSubscription, deletes("smn", "{P}/notifications/subscriptions/%s", same)},
	"huaweicloud_lts_group":                      {makeLogGroup, changeLogGroup, deletes("lts", "{P}/groups/%s", same)},
	"huaweicloud_lts_stream":                     {makeLogStream, changeLogStream, removeLogStream},
	"huaweicloud_aom_message_template":           {makeTemplate, changeTemplate, removeTemplate},
	"huaweicloud_aom_alarm_action_rule":          {makeAction, changeAction, removeAction},
	"huaweicloud_aomv4_alarm_rule":               {makeRule, changeRule, removeRule},
	"huaweicloud_kms_key":                        {makeKey, changeKey, removeKey},
	"huaweicloud_csms_secret":                    {makeSecret, changeSecret, removeSecret},
	"huaweicloud_identity_role":                  {makeRole, changeRole, deletes("iam", "/v3.0/OS-ROLE/roles/%s", same)},
	"huaweicloud_identity_agency":                {makeAgency, changeAgency, deletes("iam", "/v3.0/OS-AGENCY/agencies/%s", same)},
	"huaweicloud_apig_group":                     {makeGatewayGroup, nil, removeGatewayGroup},
	"huaweicloud_obs_bucket":                     {makeBucket, changeBucket, removeBucket},
	"huaweicloud_obs_bucket_object":              {makeObject, changeObject, removeObject},
}

func same(id string) string { return id }

// deletes is a DELETE of one path with the id in it.
func deletes(service, path string, of func(string) string) func(context.Context, *client, string, object) error {
	return func(ctx context.Context, c *client, id string, _ object) error {
		_, err := c.call(ctx, service, "DELETE", fmt.Sprintf(path, of(id)), nil)
		return err
	}
}

// apply makes the calls of one change. in are the arguments to come, with secrets and code in clear; nil: the resource goes.
func (c *client) apply(ctx context.Context, name string, was, in object) (object, error) {
	k, known := kinds[name]
	id := was.text("id")
	switch {
	case c == nil || !known:
		return nil, nil
	case in == nil:
		return nil, k.remove(ctx, c, id, was)
	case was == nil:
		return k.make(ctx, c, in)
	case k.change == nil:
		return nil, fmt.Errorf("the stand-in changes no %s: destroy and apply again", name)
	}
	return nil, k.change(ctx, c, id, in, was)
}

// clusters answers the data source: the ids of all clusters of the region.
func (c *client) clusters(ctx context.Context) ([]string, error) {
	answer, err := c.call(ctx, "cce", "GET", "/api/v3/projects/{project}/clusters", nil)
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, i := range answer.list("items") {
		ids = append(ids, i.object("metadata").text("uid"))
	}
	return ids, nil
}

func tagList(in object) []map[string]any {
	tags := []map[string]any{}
	for k, v := range in.object("tags") {
		tags = append(tags, map[string]any{"key": k, "value": v})
	}
	return tags
}

// retag takes the old tags away and adds the new, where they differ.
func (c *client) retag(ctx context.Context, service, path string, in, was object) error {
	if inJSON(in["tags"]) == inJSON(was["tags"]) {
		return nil
	}
	if old := tagList(was); len(old) > 0 {
		if _, err := c.call(ctx, service, "POST", path, object{"action": "delete", "tags": old}); err != nil {
			return err
		}
	}
	return c.tag(ctx, service, path, in)
}

// tag makes a call that adds tags, unless there are none.
func (c *client) tag(ctx context.Context, service, path string, in object) error {
	tags := tagList(in)
	if len(tags) == 0 {
		return nil
	}
	_, err := c.call(ctx, service, "POST", path, object{"action": "create", "tags": tags})
	return err
}

func inJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "" // maps of strings always encode
	}
	return string(raw)
}
