package fakecloud_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cce-oncall/infra/fakecloud"
	"cce-oncall/infra/fakecloud/functiongraph"
	"cce-oncall/infra/fakecloud/sign"
	"cce-oncall/infra/package/bundle"
)

// api makes one signed call, insists on its status, and returns the body's object (nil when it is none).
func api(t *testing.T, s served, method, path, body string, status int) map[string]any {
	t.Helper()
	path = strings.NewReplacer("{P}", "/v2/"+fakecloud.DefaultProject, "{project}", fakecloud.DefaultProject, "{domain}", fakecloud.DefaultDomain).Replace(path)
	r, err := http.NewRequestWithContext(within(t), method, s.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	sign.Sign(r, []byte(body), fakecloud.DefaultAdminKey, fakecloud.DefaultAdminSecret, wall())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status {
		t.Fatalf("%s %s = %d %s, want %d", method, path, resp.StatusCode, raw, status)
	}
	var object map[string]any
	_ = json.Unmarshal(raw, &object) // an array or nothing is nil
	return object
}

// dig follows keys and list indices into a decoded body.
func dig(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch at := v.(type) {
		case map[string]any:
			v = at[p.(string)]
		case []any:
			if i := p.(int); i < len(at) {
				v = at[i]
				continue
			}
			t.Fatalf("no element %v at %v", p, path)
		default:
			t.Fatalf("nothing at %v of %v", p, path)
		}
	}
	return v
}

func text(t *testing.T, v any, path ...any) string {
	t.Helper()
	got, ok := dig(t, v, path...).(string)
	if !ok {
		t.Fatalf("%v is no text: %v", path, dig(t, v, path...))
	}
	return got
}

// The tests below walk through each resource as the Terraform provider does: create, read, change, delete, in its statuses.

func TestTerraformFunction(t *testing.T) {
	s := serve(t, nil)
	raw, err := bundle.Zip([]byte("#!/bin/sh\n"))
	if err != nil {
		t.Fatal(err)
	}
	create := `{"func_name":"diagnose","package":"oncall","runtime":"Custom","timeout":60,"memory_size":256,"handler":"bootstrap","code_type":"zip","code_filename":"diagnose.zip",
"func_code":{"file":"` + base64.StdEncoding.EncodeToString(raw) + `"},"type":"v2","user_data":"{\"A\":\"1\"}","encrypted_user_data":"{\"S\":\"2\"}","xrole":"config","enterprise_project_id":"",
"log_config":{"group_id":"g","group_name":"gn","stream_id":"st","stream_name":"sn"},"enable_lts_log":true}`
	urn := text(t, api(t, s, "POST", "{P}/fgs/functions", create, 200), "func_urn")
	if !strings.HasSuffix(urn, ":function:oncall:diagnose:latest") {
		t.Fatalf("func_urn = %s", urn)
	}
	bare := strings.TrimSuffix(urn, ":latest")
	api(t, s, "POST", "{P}/fgs/functions", create, 400)
	api(t, s, "PUT", "{P}/fgs/functions/"+urn+"/config", `{"runtime":"Custom","timeout":90,"memory_size":256,"package":"oncall","handler":"bootstrap","app_xrole":"reader","func_vpc":{"vpc_id":"v","subnet_id":"sub"}}`, 200)
	api(t, s, "PUT", "{P}/fgs/functions/"+bare+"/config-max-instance", `{"max_instance_num":2}`, 200)
	api(t, s, "POST", "{P}/functions/"+urn+"/tags/create", `{"tags":[{"key":"k","value":"v"}]}`, 204)

	config := api(t, s, "GET", "{P}/fgs/functions/"+urn+"/config", "", 200)
	for key, want := range map[string]any{
		"func_name": "diagnose", "timeout": 90.0, "app_xrole": "reader", "xrole": "config", "user_data": `{"A":"1"}`, "version": "latest", "enable_lts_log": true, "code_type": "zip",
	} {
		if config[key] != want {
			t.Errorf("%s = %v, want %v", key, config[key], want)
		}
	}
	if _, ok := dig(t, config, "strategy_config", "concurrency").(float64); !ok || dig(t, config, "func_vpc", "vpc_id") != "v" {
		t.Errorf("config = %v", config)
	}
	for _, secret := range []string{"func_code", "encrypted_user_data"} {
		if _, ok := config[secret]; ok {
			t.Errorf("%s is read back", secret)
		}
	}
	if got := api(t, s, "GET", "{P}/fgs/functions/"+urn+"/lts-log-detail", "", 200); got["group_id"] != "g" || got["stream_name"] != "sn" {
		t.Errorf("log detail = %v", got)
	}
	if got := text(t, api(t, s, "GET", "{P}/fgs/functions/"+bare+"/versions", "", 200), "versions", 0, "version"); got != "latest" {
		t.Errorf("version = %s", got)
	}
	api(t, s, "GET", "{P}/fgs/functions/"+urn+"/aliases", "", 200)
	if got := api(t, s, "GET", "{P}/fgs/functions/reservedinstanceconfigs?function_urn="+urn+"&limit=100&marker=0", "", 200); len(got["reserved_instances"].([]any)) != 0 {
		t.Errorf("reserved instances = %v", got)
	}
	api(t, s, "PUT", "{P}/fgs/functions/"+bare+"/async-invoke-config", `{"max_async_event_age_in_seconds":3600,"max_async_retry_attempts":2,"enable_async_status_log":false,"destination_config":{"on_failure":{"destination":"SMN","param":"{\"topic_urn\":\"t\"}"}}}`, 200)
	if got := api(t, s, "GET", "{P}/fgs/functions/"+bare+"/async-invoke-config", "", 200); got["max_async_retry_attempts"] != 2.0 || dig(t, got, "destination_config", "on_failure", "destination") != "SMN" {
		t.Errorf("async = %v", got)
	}
	api(t, s, "PUT", "{P}/fgs/functions/"+bare+"/async-invoke-config", `{"max_async_retry_attempts":4}`, 400)
	api(t, s, "DELETE", "{P}/fgs/functions/"+bare+"/async-invoke-config", "", 204)
	api(t, s, "GET", "{P}/fgs/functions/"+bare+"/async-invoke-config", "", 404)
	s.OBS.CreateBucket("code", true)
	fromOBS := `{"code_type":"obs","code_url":"https://code.obs.cn-north-4.myhuaweicloud.com/fn/diagnose.zip"}`
	api(t, s, "PUT", "{P}/fgs/functions/"+urn+"/code", fromOBS, 400)
	s.OBS.Put("code", "fn/diagnose.zip", raw)
	api(t, s, "PUT", "{P}/fgs/functions/"+urn+"/code", fromOBS, 200)
	api(t, s, "PUT", "{P}/fgs/functions/"+urn+"/code", `{"code_type":"zip","code_filename":"diagnose.zip","func_code":{"file":"bm8gemlw"}}`, 400)
	api(t, s, "DELETE", "{P}/fgs/functions/"+bare, "", 204)
	api(t, s, "GET", "{P}/fgs/functions/"+urn+"/config", "", 404)
}

func TestTriggerTypesOfARegion(t *testing.T) {
	s := serve(t, func(o *fakecloud.Options) { o.Functions.TriggerTypes = []string{"TIMER", "DEDICATEDGATEWAY"} })
	raw, err := bundle.Zip([]byte("#!/bin/sh\n"))
	if err != nil {
		t.Fatal(err)
	}
	fn, err := s.Functions.Create(functiongraph.Spec{Name: "f", Zip: raw, Timeout: 3 * time.Second, MemoryMB: 128})
	if err != nil {
		t.Fatal(err)
	}
	api(t, s, "POST", "{P}/fgs/triggers/"+fn, `{"trigger_type_code":"SMN","event_data":{"topic_urn":"u"}}`, 400)
	api(t, s, "GET", "{P}/fgs/triggertypes", "", 200)
}

func TestTerraformTrigger(t *testing.T) {
	s := serve(t, nil)
	urn, err := s.SMN.CreateTopic("alarms", "")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := bundle.Zip([]byte("#!/bin/sh\n"))
	if err != nil {
		t.Fatal(err)
	}
	fn, err := s.Functions.Create(functiongraph.Spec{Name: "f", Handler: "bootstrap", Zip: raw, Timeout: 3 * time.Second, MemoryMB: 128, MaxInstances: 1})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		kind, data string
		added      []string // keys that the service adds, which a configuration must ignore
	}{
		{"TIMER", `{"name":"tick","schedule":"3m","schedule_type":"Rate","user_event":"x"}`, nil},
		{"SMN", `{"topic_urn":"` + urn + `"}`, nil},
		{"DEDICATEDGATEWAY", `{"auth":"NONE","func_info":{"timeout":5000},"instance_id":"i","match_mode":"NORMAL","path":"/x","req_method":"POST"}`, []string{"api_id", "sl_domain", "triggerid"}},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			created := api(t, s, "POST", "{P}/fgs/triggers/"+fn, `{"trigger_type_code":"`+tt.kind+`","event_data":`+tt.data+`}`, 201)
			path := "{P}/fgs/triggers/" + fn + "/" + tt.kind + "/" + text(t, created, "trigger_id")
			got := api(t, s, "GET", path, "", 200)
			if got["trigger_status"] != "ACTIVE" {
				t.Errorf("status = %v", got["trigger_status"])
			}
			data, _ := got["event_data"].(map[string]any)
			for _, key := range tt.added {
				if data[key] == nil {
					t.Errorf("%s is not added", key)
				}
				delete(data, key)
			}
			echo, err := json.Marshal(data)
			if err != nil {
				t.Fatal(err)
			}
			if string(echo) != tt.data {
				t.Errorf("event_data = %s, want %s", echo, tt.data)
			}
			if tt.kind == "TIMER" {
				if got := api(t, s, "PUT", path, `{"trigger_status":"DISABLED"}`, 200); got["trigger_status"] != "DISABLED" {
					t.Errorf("after the change: %v", got)
				}
			}
			api(t, s, "DELETE", path, "", 204)
			api(t, s, "GET", path, "", 404)
		})
	}
	if subs := s.SMN.Subscriptions(urn); len(subs) != 0 {
		t.Errorf("the SMN trigger left %v", subs)
	}
}

func TestTerraformTopic(t *testing.T) {
	s := serve(t, nil)
	urn := text(t, api(t, s, "POST", "{P}/notifications/topics", `{"name":"alarms","display_name":"A"}`, 201), "topic_urn")
	topic := "{P}/notifications/topics/" + urn
	if got := api(t, s, "GET", topic, "", 200); got["display_name"] != "A" || got["push_policy"] != 0.0 {
		t.Errorf("topic = %v", got)
	}
	policy := `{"Version":"2016-09-07","Id":"__default_policy_ID","Statement":[{"Sid":"__service_pub_0","Effect":"Allow","Principal":{"Service":["apm"]},"Action":["SMN:Publish"],"Resource":"` + urn + `"}]}`
	value, err := json.Marshal(map[string]string{"value": policy})
	if err != nil {
		t.Fatal(err)
	}
	api(t, s, "PUT", topic+"/attributes/access_policy", string(value), 200)
	if got := text(t, api(t, s, "GET", topic+"/attributes?name=access_policy", "", 200), "attributes", "access_policy"); got != policy {
		t.Errorf("policy = %s", got)
	}
	if err := s.SMN.PublishAs(t.Context(), "apm", urn, "", map[string]string{"default": "x"}); err != nil {
		t.Errorf("the policy has no effect: %v", err)
	}
	api(t, s, "POST", "{P}/smn_topic/alarms/tags/action", `{"action":"create","tags":[{"key":"k","value":"v"}]}`, 204)
	if got := text(t, api(t, s, "GET", "{P}/smn_topic/alarms/tags", "", 200), "tags", 0, "value"); got != "v" {
		t.Errorf("tag = %s", got)
	}
	sub := text(t, api(t, s, "POST", topic+"/subscriptions", `{"protocol":"functionstage","endpoint":"urn:fss:x","remark":"r"}`, 201), "subscription_urn")
	if got := dig(t, api(t, s, "GET", topic+"/subscriptions", "", 200), "subscriptions", 0, "status"); got != 1.0 {
		t.Errorf("subscription status = %v", got)
	}
	if got := api(t, s, "GET", topic+"/subscriptions?offset=1", "", 200); len(got["subscriptions"].([]any)) != 0 {
		t.Errorf("past the end: %v", got)
	}
	api(t, s, "PUT", topic+"/subscriptions/"+sub, `{"remark":"new"}`, 200)
	api(t, s, "DELETE", "{P}/notifications/subscriptions/"+sub, "", 200)
	api(t, s, "PUT", topic, `{"display_name":"B"}`, 200)
	api(t, s, "DELETE", topic, "", 200)
	api(t, s, "GET", topic, "", 404)
}

func TestTerraformLogs(t *testing.T) {
	s := serve(t, nil)
	group := text(t, api(t, s, "POST", "{P}/groups", `{"log_group_name":"g","ttl_in_days":7}`, 201), "log_group_id")
	if got := dig(t, api(t, s, "GET", "{P}/groups", "", 200), "log_groups", 0); dig(t, got, "log_group_id") != group || dig(t, got, "tag", "_sys_enterprise_project_id") != "0" {
		t.Errorf("group = %v", got)
	}
	api(t, s, "POST", "{P}/groups/"+group, `{"ttl_in_days":30}`, 200)
	api(t, s, "POST", "/v1/{project}/groups/"+group+"/tags/action", `{"action":"create","tags":[{"key":"k","value":"v"}]}`, 201)
	stream := text(t, api(t, s, "POST", "{P}/groups/"+group+"/streams", `{"log_stream_name":"s","ttl_in_days":7}`, 201), "log_stream_id")
	if got := text(t, api(t, s, "GET", "{P}/groups/"+group+"/streams", "", 200), "log_streams", 0, "log_stream_id"); got != stream {
		t.Errorf("stream = %s", got)
	}
	api(t, s, "PUT", "{P}/groups/"+group+"/streams-ttl/"+stream, `{"ttl_in_days":30}`, 200)
	api(t, s, "DELETE", "{P}/groups/"+group+"/streams/"+stream, "", 204)
	api(t, s, "DELETE", "{P}/groups/"+group, "", 204)
	if got := api(t, s, "GET", "{P}/groups", "", 200); len(got["log_groups"].([]any)) != 0 {
		t.Errorf("groups left: %v", got)
	}
}

func TestTerraformAlarms(t *testing.T) {
	s := serve(t, nil)
	rules := "{P}/alert/action-rules"
	body := `{"rule_name":"oncall","type":"1","user_name":"admin","notification_template":"aom.built-in.template.zh","smn_topics":[{"topic_urn":"urn","name":"alarms"}]}`
	api(t, s, "POST", rules, body, 200)
	api(t, s, "POST", rules, body, 400)
	api(t, s, "PUT", rules, strings.Replace(body, `"type"`, `"desc":"d","type"`, 1), 204)
	if got := api(t, s, "GET", rules+"/oncall", "", 200); got["desc"] != "d" || dig(t, got, "smn_topics", 0, "topic_urn") != "urn" {
		t.Errorf("notification rule = %v", got)
	}
	if _, ok := api(t, s, "GET", rules+"/oncall", "", 200)["create_time"].(float64); !ok {
		t.Error("create_time is no number")
	}
	api(t, s, "DELETE", rules, `["oncall"]`, 204)
	api(t, s, "GET", rules+"/oncall", "", 404)

	alarmRules := "/v4/{project}/alarm-rules"
	api(t, s, "POST", alarmRules+"?action_id=add-alarm-action", cpuRule, 200)
	rule := dig(t, api(t, s, "GET", alarmRules+"?name=container-cpu", "", 200), "alarm_rules", 0)
	for _, path := range [][]any{
		{"alarm_rule_id"}, {"alarm_create_time"}, {"alarm_notifications", "notify_frequency"}, {"metric_alarm_spec", "trigger_conditions", 0, "trigger_times"},
	} {
		if _, ok := dig(t, rule, path...).(float64); !ok {
			t.Errorf("%v is no number: the provider would crash", path)
		}
	}
	api(t, s, "POST", alarmRules+"?action_id=update-alarm-action", strings.Replace(cpuRule, `"Critical"`, `"Major"`, 1), 200)
	api(t, s, "DELETE", alarmRules, `{"alarm_rules":["container-cpu"]}`, 200)
	if got := api(t, s, "GET", alarmRules+"?name=container-cpu", "", 200); len(got["alarm_rules"].([]any)) != 0 {
		t.Errorf("rules left: %v", got)
	}

	templates := "{P}/events/notification/templates"
	parts, err := json.Marshal([]map[string]string{{"subType": "webhook", "content": "${id}"}})
	if err != nil {
		t.Fatal(err)
	}
	template, err := json.Marshal(map[string]string{"name": "mine", "locale": "en-us", "templates": string(parts)})
	if err != nil {
		t.Fatal(err)
	}
	api(t, s, "POST", templates, string(template), 204)
	if got := text(t, api(t, s, "GET", "{P}/events/notification/template/mine", "", 200), "templates"); got != string(parts) {
		t.Errorf("templates = %s", got)
	}
	api(t, s, "DELETE", templates, `{"names":["mine"]}`, 204)
	if got := api(t, s, "GET", "{P}/events/notification/template/mine", "", 400); got["error_code"] != "AOM.08025006" {
		t.Errorf("a missing template answers %v", got)
	}
}
