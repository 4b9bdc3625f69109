package fakecloud_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/def"
	aom "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/aom/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/aom/v2/model"

	"cce-oncall/infra/fakecloud"
	fakeaom "cce-oncall/infra/fakecloud/aom"
)

// cpuRule is the case's alarm rule in the API's own JSON, with the strings that Terraform sends where answers hold numbers.
const cpuRule = `{"alarm_rule_name":"container-cpu","alarm_rule_type":"metric","alarm_rule_enable":true,"prom_instance_id":"prom-1",
"alarm_notifications":{"notification_type":"direct","notification_enable":true,"bind_notification_rule_id":"oncall","notify_resolved":true,"notify_triggered":true,"notify_frequency":"0"},
"metric_alarm_spec":{"monitor_type":"promql","recovery_conditions":{"recovery_timeframe":2},
"trigger_conditions":[{"metric_query_mode":"NATIVE_PROM","metric_name":"cpu","promql":"cpu > 80","promql_for":"1m","trigger_times":"3","trigger_interval":"30s","trigger_type":"FIXED_RATE","thresholds":{"Critical":"80"}}],
"alarm_tags":[{"custom_tags":["route=oncall"],"custom_annotations":["runbook=none"]}]}}`

const hotContainer = `{"metric":{"cluster":"c1","cluster_name":"demo-recovery","namespace":"default","pod":"chat-app-1","container":"chat"},"value":[1,"97.5"]}`

// alarms is a cloud whose clock the test moves, with a rule, a notification rule and a topic.
func alarms(t *testing.T, change func(*fakecloud.Options)) (served, *clock, *instantVectors) {
	t.Helper()
	now := newClock()
	s := serve(t, func(o *fakecloud.Options) {
		o.Clock = now.now
		if change != nil {
			change(o)
		}
	})
	vectors := &instantVectors{}
	prometheus := httptest.NewServer(vectors)
	t.Cleanup(prometheus.Close)
	s.AOM.SetInstance(fakeaom.Instance{ID: "prom-1", Name: "demo", Type: "CCE", URL: prometheus.URL})
	urn, err := s.SMN.CreateTopic("alarms", "", "apm")
	if err != nil {
		t.Fatal(err)
	}
	s.AOM.SetAction(fakeaom.Action{Name: "oncall", Topics: []fakeaom.Topic{{URN: urn, Name: "alarms"}}})
	if err := s.AOM.SetRule([]byte(cpuRule)); err != nil {
		t.Fatal(err)
	}
	return s, now, vectors
}

// steps ticks n times, 30 seconds apart.
func steps(s served, now *clock, n int) {
	for range n {
		now.advance(30 * time.Second)
		s.Tick(context.Background())
	}
}

func TestMetricAlarmLife(t *testing.T) {
	s, now, vectors := alarms(t, nil)
	vectors.set(hotContainer)
	steps(s, now, 2)
	if got := s.AOM.Active(); len(got) != 0 {
		t.Fatalf("fired after two of three hits: %+v", got)
	}
	steps(s, now, 1)
	active := s.AOM.Active()
	if len(active) != 1 {
		t.Fatalf("%d active alarms after the third hit, want 1", len(active))
	}
	a := active[0]
	want := map[string]string{
		"event_name": "container-cpu", "event_severity": "Critical", "event_type": "alarm", "resource_provider": "AOM", "resource_type": "Container",
		"cluster": "c1", "cluster_name": "demo-recovery", "namespace": "default", "pod": "chat-app-1", "container": "chat", "route": "oncall",
		"resource_id": "alarmName:container-cpu;cluster:c1;cluster_name:demo-recovery;container:chat;namespace:default;pod:chat-app-1",
		"alarmName":   "container-cpu", "prom_instance_id": "prom-1", "metricName": "cpu",
	}
	if diff := cmp.Diff(want, a.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if text, _ := a.Annotations["message"].(string); !strings.Contains(text, "##") || !strings.Contains(text, "97.5") {
		t.Errorf("message %q is not bilingual with the value", text)
	}
	detail, _ := a.Annotations["trigger_detail"].(map[string]any)
	if detail["trigger_value"] != "97.5" || detail["trigger_interval"] != int64(30000) || a.Annotations["runbook"] != "none" {
		t.Errorf("annotations = %v", a.Annotations)
	}
	vectors.set("")
	steps(s, now, 1)
	if len(s.AOM.Active()) != 1 {
		t.Error("cleared after one of two good evaluations")
	}
	steps(s, now, 1)
	if len(s.AOM.Active()) != 0 || len(s.AOM.History()) != 1 {
		t.Fatalf("active %d, history %d; want 0, 1", len(s.AOM.Active()), len(s.AOM.History()))
	}
	if ended := s.AOM.History()[0]; ended.ID != a.ID || ended.SN != a.SN || ended.EndsAt != now.now().UnixMilli() {
		t.Errorf("ended alarm = %s %s ends %d", ended.ID, ended.SN, ended.EndsAt)
	}
	vectors.set(hotContainer)
	steps(s, now, 3)
	again := s.AOM.Active()
	if len(again) != 1 || again[0].ID != a.ID || again[0].SN == a.SN {
		t.Errorf("a second occurrence must keep the id and have a new serial: %+v", again)
	}
}

func TestNotifications(t *testing.T) {
	tests := []struct {
		name          string
		prepare       func(t *testing.T, s served)
		firing, clear []string // parts of the messages, none: no message
		failed        bool
	}{
		{name: "built-in Chinese text", firing: []string{"[AOM][紧急告警产生]", "告警名称：container-cpu;"}, clear: []string{"[AOM][紧急告警恢复]"}},
		{
			name: "a template of one's own",
			prepare: func(t *testing.T, s served) {
				t.Helper()
				if err := s.AOM.SetTemplate("mine", "en-us", map[string]string{
					"email": "mail", "webhook": "id=${id}\nname=${event_name}\npod=$event.metadata.pod\nvalue=$event.annotations.trigger_detail.trigger_value",
				}); err != nil {
					t.Fatal(err)
				}
				s.AOM.SetAction(fakeaom.Action{Name: "oncall", Template: "mine", Topics: []fakeaom.Topic{{URN: s.SMN.URN("alarms")}}})
			},
			firing: []string{"name=container-cpu\npod=chat-app-1\nvalue=97.5"}, clear: []string{"name=container-cpu"},
		},
		{
			name: "a topic that does not let AOM publish",
			prepare: func(t *testing.T, s served) {
				t.Helper()
				urn, err := s.SMN.CreateTopic("closed", "")
				if err != nil {
					t.Fatal(err)
				}
				s.AOM.SetAction(fakeaom.Action{Name: "oncall", Topics: []fakeaom.Topic{{URN: urn}}})
			},
			failed: true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, now, vectors := alarms(t, nil)
			if tt.prepare != nil {
				tt.prepare(t, s)
			}
			vectors.set(hotContainer)
			steps(s, now, 4)
			vectors.set("")
			steps(s, now, 3)
			messages := s.SMN.Messages("")
			want := [][]string{tt.firing, tt.clear}
			if tt.failed {
				want = nil
			}
			if len(messages) != len(want) {
				t.Fatalf("%d messages, want %d: %+v", len(messages), len(want), messages)
			}
			for i, parts := range want {
				for _, part := range parts {
					if !strings.Contains(messages[i].Body, part) {
						t.Errorf("message %d lacks %q:\n%s", i, part, messages[i].Body)
					}
				}
				if messages[i].Publisher != "apm" {
					t.Errorf("publisher = %s, want apm", messages[i].Publisher)
				}
			}
			for _, n := range s.AOM.Notifications() {
				if (n.Error != "") != tt.failed {
					t.Errorf("notification = %+v", n)
				}
			}
		})
	}
}

func TestRuleFailureKeepsTheAlarm(t *testing.T) {
	s, now, vectors := alarms(t, nil)
	vectors.set(hotContainer)
	steps(s, now, 3)
	vectors.set(`{"metric":{},"value":[1,"not a number"]}`)
	steps(s, now, 5)
	if len(s.AOM.Active()) != 1 {
		t.Error("an evaluation that failed cleared the alarm")
	}
	if s.AOM.Failures()["container-cpu"] == "" {
		t.Error("the failure is not told")
	}
}

func aomClient(t *testing.T, s served) (*aom.AomClient, *core.HcHttpClient) {
	t.Helper()
	hc, err := aom.AomClientBuilder().WithEndpoint(s.url).WithCredential(adminKeys(t)).WithHttpConfig(httpConfig()).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	return aom.NewAomClient(hc), hc
}

func TestListEventsThroughSDK(t *testing.T) {
	s := serve(t, nil)
	client, _ := aomClient(t, s)
	for i := range 5 {
		cluster := "c1"
		if i == 4 {
			cluster = "c2"
		}
		s.AOM.RaiseEvent(t.Context(), fakeaom.KubernetesEvent{
			Cluster: cluster, ClusterName: "demo", Kind: "Pod", Namespace: "default", Name: fmt.Sprintf("pod-%d", i), UID: fmt.Sprint(i), Node: "n1",
			Reason: "FailedScheduling", Message: "0/2 nodes are available: 2 Insufficient cpu.", At: time.Now().Add(time.Duration(i-10) * time.Second),
		})
	}
	relation := func(key string, values ...string) model.RelationModel {
		and := model.GetRelationModelRelationEnum().AND
		return model.RelationModel{Key: key, Value: &values, Relation: &and}
	}
	list := func(kind string, limit int32, relations ...model.RelationModel) []model.ListEventModel {
		t.Helper()
		var all []model.ListEventModel
		marker := "0"
		for range 10 {
			var asked model.ListEventsRequestType
			if err := json.Unmarshal([]byte(`"`+kind+`"`), &asked); err != nil {
				t.Fatal(err)
			}
			answer, err := client.ListEvents(&model.ListEventsRequest{
				Type: &asked, Limit: &limit, Marker: &marker, Body: &model.EventQueryParam2{TimeRange: "-1.-1.60", MetadataRelation: &relations},
			})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, *answer.Events...)
			marker = answer.PageInfo.NextMarker
			if marker == "" {
				break
			}
		}
		return all
	}
	mine := list("active_alert", 2, relation("clusterId", "c1"))
	var names []string
	for _, e := range mine {
		names = append(names, e.Metadata["name"])
	}
	if diff := cmp.Diff([]string{"pod-3", "pod-2", "pod-1", "pod-0"}, names); diff != "" {
		t.Errorf("active alarms of c1, newest first (-want +got):\n%s", diff)
	}
	want := map[string]string{
		"event_name": "调度失败##FailedScheduling", "event_severity": "Major", "event_type": "alarm", "resource_provider": "CCE", "resource_type": "service",
		"clusterId": "c1", "clusterName": "demo", "kind": "Pod", "name": "pod-3", "namespace": "PAAS.NODE", "nameSpace": "default", "nodeID": "n1",
		"resource_id": "clusterName=demo;clusterID=c1;kind=Pod;namespace=default;name=pod-3;uid=3",
	}
	if diff := cmp.Diff(want, mine[0].Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if !s.AOM.Clear(*mine[0].Id) {
		t.Fatal("the alarm could not be cleared")
	}
	if got := list("active_alert", 100, relation("clusterId", "c1")); len(got) != 3 {
		t.Errorf("%d active alarms after one ended, want 3", len(got))
	}
	if got := list("history_alert", 100); len(got) != 1 || *got[0].EndsAt == 0 {
		t.Errorf("history = %+v", got)
	}
	step := int64(600000)
	counted, err := client.CountEvents(&model.CountEventsRequest{Body: &model.EventQueryParam{TimeRange: "-1.-1.60", Step: &step}})
	if err != nil {
		t.Fatal(err)
	}
	if counted.Summary["Major"] != 5 || len(*counted.Timestamps) != 6 {
		t.Errorf("count = %v over %d steps, want 5 Major over 6", counted.Summary, len(*counted.Timestamps))
	}
}

func TestPushEventsThroughSDK(t *testing.T) {
	s := serve(t, nil)
	client, _ := aomClient(t, s)
	id := "7"
	event := model.EventModel{
		Id: &id, Metadata: map[string]string{
			"event_name": "found", "event_severity": "Major", "event_type": "alarm", "resource_provider": "inspect", "resource_type": "Pod", "resource_id": "name:x",
		},
		Annotations: map[string]any{"message": "text"},
	}
	push := func(action string, e model.EventModel) error {
		t.Helper()
		r := &model.PushEventsRequest{Body: &model.EventList{Events: []model.EventModel{e}}}
		if action != "" {
			clear := model.GetPushEventsRequestActionEnum().CLEAR
			r.Action = &clear
		}
		return second(client.PushEvents(r))
	}
	if err := push("", event); err != nil {
		t.Fatal(err)
	}
	if err := push("", event); err != nil {
		t.Fatal(err)
	}
	if got := s.AOM.Active(); len(got) != 1 || got[0].ID != "7" {
		t.Fatalf("active after two reports of one alarm: %+v", got)
	}
	bad := event
	bad.Metadata = map[string]string{"event_name": "x"}
	if e := refusal(t, push("", bad)); e.StatusCode != 400 {
		t.Errorf("incomplete metadata: %d, want 400", e.StatusCode)
	}
	ends := time.Now().UnixMilli()
	event.EndsAt = &ends
	if err := push("clear", event); err != nil {
		t.Fatal(err)
	}
	if len(s.AOM.Active()) != 0 || len(s.AOM.History()) != 1 {
		t.Errorf("active %d, history %d after the clear", len(s.AOM.Active()), len(s.AOM.History()))
	}
}

// TestRuleThroughSDK adds a rule with the official client and reads it back as numbers where it sent numbers or strings.
func TestRuleThroughSDK(t *testing.T) {
	s, _, _ := alarms(t, func(o *fakecloud.Options) { o.Clock = time.Now })
	client, _ := aomClient(t, s)
	answer, err := client.ListMetricOrEventAlarmRule(&model.ListMetricOrEventAlarmRuleRequest{})
	if err != nil {
		t.Fatal(err)
	}
	rules := *answer.AlarmRules
	if len(rules) != 1 || *rules[0].AlarmNotifications.NotifyFrequency != 0 || *rules[0].MetricAlarmSpec.TriggerConditions[0].TriggerTimes != 3 || rules[0].AlarmRuleId == 0 {
		t.Errorf("rules = %+v", rules)
	}
	var body model.AddOrUpdateAlarmRuleV4RequestBody
	if err := json.Unmarshal([]byte(strings.ReplaceAll(strings.ReplaceAll(cpuRule, `"notify_frequency":"0"`, `"notify_frequency":0`), `"trigger_times":"3"`, `"trigger_times":3`)), &body); err != nil {
		t.Fatal(err)
	}
	body.AlarmRuleName = "second"
	if _, err := client.AddOrUpdateMetricOrEventAlarmRule(&model.AddOrUpdateMetricOrEventAlarmRuleRequest{ActionId: "add-alarm-action", Body: &body}); err != nil {
		t.Fatal(err)
	}
	if e := refusal(t, second(client.AddOrUpdateMetricOrEventAlarmRule(&model.AddOrUpdateMetricOrEventAlarmRuleRequest{ActionId: "add-alarm-action", Body: &body}))); e.StatusCode != 400 {
		t.Errorf("the same rule again: %d, want 400", e.StatusCode)
	}
	if _, err := client.DeleteMetricOrEventAlarmRule(&model.DeleteMetricOrEventAlarmRuleRequest{Body: &model.DeleteAlarmRuleV4RequestBody{AlarmRules: []string{"second"}}}); err != nil {
		t.Fatal(err)
	}
	answer, err = client.ListMetricOrEventAlarmRule(&model.ListMetricOrEventAlarmRuleRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if len(*answer.AlarmRules) != 1 {
		t.Errorf("%d rules after the delete, want 1", len(*answer.AlarmRules))
	}
}

// TestPromQLPerInstance queries the path that the SDK lacks, with its own signing.
func TestPromQLPerInstance(t *testing.T) {
	s, _, vectors := alarms(t, func(o *fakecloud.Options) { o.Clock = time.Now })
	vectors.set(hotContainer)
	_, hc := aomClient(t, s)
	query := func(instance string) (map[string]any, error) {
		type request struct {
			Query string `json:"query"`
		}
		type response struct {
			Status         string         `json:"status"`
			Data           map[string]any `json:"data"`
			HttpStatusCode int            `json:"-"` //nolint:revive // the SDK finds it by this name
		}
		d := def.NewHttpRequestDefBuilder().WithMethod("GET").WithPath("/v1/{project_id}/" + instance + "aom/api/v1/query").WithResponse(new(response)).
			WithContentType("application/json").WithRequestField(def.NewFieldDef().WithName("Query").WithJsonTag("query").WithLocationType(def.Query)).Build()
		got, err := hc.Sync(&request{Query: "cpu > 80"}, d)
		if err != nil {
			return nil, err
		}
		return got.(*response).Data, nil
	}
	data, err := query("prom-1/")
	if err != nil {
		t.Fatal(err)
	}
	if data["resultType"] != "vector" || len(data["result"].([]any)) != 1 {
		t.Errorf("data = %v", data)
	}
	if _, err := query("nobody/"); err == nil {
		t.Error("an unknown instance answers")
	}
	if _, err := query(""); err == nil {
		t.Error("the default instance answers though there is none")
	}
	if last := vectors.queries[len(vectors.queries)-1]; last != "/api/v1/query cpu > 80" {
		t.Errorf("the server was asked %q", last)
	}
}

func TestEventRules(t *testing.T) {
	const rule = `{"alarm_rule_name":"scheduling","alarm_rule_type":"event","alarm_rule_enable":true,
"alarm_notifications":{"notification_type":"direct","notification_enable":true,"bind_notification_rule_id":"oncall"},
"event_alarm_spec":{"alarm_source":"systemEvent","event_source":"CCE","monitor_objects":[{"event_name":"调度失败##FailedScheduling;重启##BackOffStart","clusterId":"c1"}],"trigger_conditions":[%s]}}`
	raise := func(s served, cluster, reason, uid string) {
		s.AOM.RaiseEvent(context.Background(), fakeaom.KubernetesEvent{Cluster: cluster, Kind: "Pod", Namespace: "default", Name: "p", UID: uid, Reason: reason, Message: "m"})
	}
	tests := []struct {
		name, condition string
		events          func(s served)
		want            int
	}{
		{"immediately", `{"trigger_type":"immediately","event_name":"调度失败##FailedScheduling"}`, func(s served) { raise(s, "c1", "FailedScheduling", "1") }, 1},
		{"another cluster", `{"trigger_type":"immediately","event_name":"调度失败##FailedScheduling"}`, func(s served) { raise(s, "c2", "FailedScheduling", "1") }, 0},
		{"another event", `{"trigger_type":"immediately","event_name":"调度失败##FailedScheduling"}`, func(s served) { raise(s, "c1", "BackOffStart", "1") }, 0},
		{
			"accumulated", `{"trigger_type":"accumulative","event_name":"x##FailedScheduling","aggregation_window":300,"operator":">=","thresholds":{"Critical":3}}`,
			func(s served) {
				for range 3 {
					raise(s, "c1", "FailedScheduling", "1")
				}
			}, 1,
		},
		{
			"accumulated over several objects does not count", `{"trigger_type":"accumulative","event_name":"x##FailedScheduling","aggregation_window":300,"operator":">=","thresholds":{"Critical":3}}`,
			func(s served) {
				for _, uid := range []string{"1", "2", "3"} {
					raise(s, "c1", "FailedScheduling", uid)
				}
			}, 0,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _, _ := alarms(t, nil)
			if err := s.AOM.SetRule(fmt.Appendf(nil, rule, tt.condition)); err != nil {
				t.Fatal(err)
			}
			tt.events(s)
			if got := len(s.SMN.Messages("")); got != tt.want {
				t.Errorf("%d notifications, want %d", got, tt.want)
			}
		})
	}
}
