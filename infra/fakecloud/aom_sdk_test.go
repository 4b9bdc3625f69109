package fakecloud_test

import (
	"encoding/json"
	"fmt"
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
			Reason: "FailedScheduling", Message: "0/2 nodes are available: 2 Insufficient cpu.", At: wall().Add(time.Duration(i-10) * time.Second),
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
	ends := wall().UnixMilli()
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
			HttpStatusCode int            `json:"-"` // the SDK finds it by this name
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
