package fakecloud_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
