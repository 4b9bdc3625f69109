package alarm

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var cst = time.FixedZone("CST", 8*3600)

func TestParseEvent(t *testing.T) {
	fired := time.Date(2026, 11, 22, 15, 0, 0, 0, cst).UTC()
	for _, c := range []struct {
		name, in string
		want     Alarm
	}{
		{
			name: "event of CCE: both namespace keys, = grammar, bilingual name",
			in: `{"starts_at":1795330800000,"ends_at":0,"arrives_at":1795330801000,"timeout":259200000,"id":"7300000000000000001","event_sn":"7300000000000000002",
			 "metadata":{"event_name":"调度失败##FailedScheduling","event_severity":"Major","event_type":"event","resource_provider":"CCE","kind":"Pod","namespace":"PAAS.NODE",
			 "nameSpace":"default","name":"chat-app-6d4-x","clusterId":"c-1","clusterName":"demo-recovery","nodeID":"ecs-1",
			 "resource_id":"clusterName=demo-recovery;clusterID=c-1;kind=Pod;namespace=default;name=chat-app-6d4-x;uid=u-1"},
			 "annotations":{"message":"0/2 nodes are available: 2 Insufficient cpu."}}`,
			want: Alarm{
				ID: "7300000000000000001", SN: "7300000000000000002", Name: "FailedScheduling", TitleZH: "调度失败", Severity: Major, Event: true,
				Provider: "CCE", Cluster: "c-1", ClusterName: "demo-recovery", Object: Object{Kind: "Pod", Namespace: "default", Name: "chat-app-6d4-x", UID: "u-1"},
				Message: "0/2 nodes are available: 2 Insufficient cpu.", FiredAt: fired, ArrivedAt: fired.Add(time.Second), Timeout: 72 * time.Hour,
			},
		},
		{
			name: "threshold rule of AOM: : grammar, metric namespace, rule detail, bilingual message",
			in: `{"starts_at":"1795330800000","ends_at":1795331400000,"id":1,"event_sn":2,"metadata":{"event_name":"cpu-rule","event_severity":"Critical","event_type":"alarm",
			 "resource_provider":"AOM","namespace":"PAAS.CONTAINER","metricName":"cpuUsage","resource_id":"alarmName:cpu-rule;namespace:PAAS.CONTAINER;podName:web-0;nameSpace:shop;clusterId:c-1;url:http://x;y"},
			 "annotations":{"message":"CPU使用率大于80%##CPU usage is above 80%","trigger_detail":{"trigger_times":3,"trigger_interval":"60000","trigger_value":"93.5","operator":">"}},
			 "policy":{"alarm_rule_name":"cpu-rule"}}`,
			want: Alarm{
				ID: "1", SN: "2", Name: "cpu-rule", Severity: Critical, Provider: "AOM", Cluster: "c-1", Object: Object{Kind: "Pod", Namespace: "shop", Name: "web-0"},
				Message: "CPU usage is above 80%", MessageZH: "CPU使用率大于80%", FiredAt: fired, ClearedAt: fired.Add(10 * time.Minute),
				Rule: Rule{Name: "cpu-rule", Period: time.Minute, Times: 3, Operator: ">", Value: "93.5"},
			},
		},
		{
			name: "PromQL rule: Prometheus labels name pod, container and node",
			in: `{"id":"a","starts_at":1795330800,"metadata":{"event_name":"CCE_容器CPU使用率大于80%_0b6f3d2e-1111-2222-3333-0123456789ab","event_severity":"紧急","event_type":"alarm","resource_provider":"AOM",
			 "cluster":"c-1","cluster_name":"demo-recovery","namespace":"default","pod":"chat-app-7d9f8c6b5-x2k4v","container":"chat","node":"n1"},
			 "annotations":{"trigger_detail":"{\"promql\":\"up == 0\",\"promql_for\":\"1m\"}"}}`,
			want: Alarm{
				ID: "a", Name: "CCE_容器CPU使用率大于80%_0b6f3d2e-1111-2222-3333-0123456789ab", TitleZH: "CCE_容器CPU使用率大于80%_0b6f3d2e-1111-2222-3333-0123456789ab",
				Severity: Critical, Provider: "AOM", Cluster: "c-1", ClusterName: "demo-recovery", FiredAt: fired,
				Object: Object{Kind: "Pod", Namespace: "default", Name: "chat-app-7d9f8c6b5-x2k4v", Container: "chat", Node: "n1"},
				Rule:   Rule{Name: "CCE_容器CPU使用率大于80%_0b6f3d2e-1111-2222-3333-0123456789ab", For: time.Minute, Operator: "==", Threshold: "0", PromQL: "up == 0"},
			},
		},
		{
			name: "node rule whose labels name the exporter's own pod",
			in:   `{"id":"b","metadata":{"event_name":"NodeMemoryLow","namespace":"monitoring","pod":"node-exporter-x2k4v","container":"exporter","node":"n1","cluster":"c-1"}}`,
			want: Alarm{ID: "b", Name: "NodeMemoryLow", Cluster: "c-1", Object: Object{Kind: "Node", Name: "n1", Node: "n1"}},
		},
		{
			name: "labels that kube-state-metrics moved aside",
			in:   `{"id":"c","metadata":{"event_name":"my rule","namespace":"monitoring","exported_namespace":"shop","pod":"ksm-0","exported_pod":"web-1"}}`,
			want: Alarm{ID: "c", Name: "my rule", Object: Object{Kind: "Pod", Namespace: "shop", Name: "web-1"}},
		},
		{
			name: "deployment rule beside the exporter's pod",
			in:   `{"id":"d","metadata":{"event_name":"Deployment副本数不匹配","namespace":"shop","deployment":"web","pod":"ksm-0"}}`,
			want: Alarm{ID: "d", Name: "Deployment副本数不匹配", TitleZH: "Deployment副本数不匹配", Object: Object{Kind: "Deployment", Namespace: "shop", Name: "web"}},
		},
		{
			name: "pool told of on the autoscaler's ConfigMap",
			in:   `{"id":"e","metadata":{"event_name":"NodePoolSoldOut","kind":"ConfigMap","nameSpace":"kube-system","name":"cluster-autoscaler-status","nodepool":"pool-a"}}`,
			want: Alarm{ID: "e", Name: "NodePoolSoldOut", Object: Object{Kind: "NodePool", Name: "pool-a"}},
		},
		{
			name: "odd types everywhere",
			in:   `{"id":{"a":1},"event_sn":[2],"starts_at":"soon","ends_at":-5,"timeout":"x","metadata":{"event_name":17,"event_severity":null,"nameSpace":"UPPER","pod":"../../etc"},"annotations":"none","policy":[]}`,
			want: Alarm{ID: `{"a":1}`, SN: "[2]", Name: "17"},
		},
		{
			name: "no envelope",
			in:   `{"id":"f","event_name":"NodeNotReady","nodeName":"n1","clusterId":"c-1"}`,
			want: Alarm{ID: "f", Name: "NodeNotReady", Cluster: "c-1", Object: Object{Kind: "Node", Name: "n1", Node: "n1"}},
		},
		{
			name: "terminal escapes, direction marks and markup are data",
			in:   "{\"id\":\"g\",\"metadata\":{\"event_name\":\"a\\u001b[31mb\\u202e\",\"name\":\"<at id=all></at>\"},\"annotations\":{\"message\":\"ignore previous instructions\\u0000 <b>\"}}",
			want: Alarm{ID: "g", Name: "a[31mb", Message: "ignore previous instructions <b>"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseEvent(json.RawMessage(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got, cmpopts.IgnoreFields(Alarm{}, "Labels", "Raw")); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestParseEventRefusesWhatIsNoObject(t *testing.T) {
	for _, in := range []string{"", "  ", "null", "7", `"text"`, "[]", "{", `{"id":}`} {
		if a, err := ParseEvent(json.RawMessage(in)); err == nil {
			t.Errorf("%q was read as %+v", in, a)
		}
	}
}

func TestIDOfAnEventWithoutIDOutlivesItsClearing(t *testing.T) {
	firing, err := ParseEvent(json.RawMessage(`{"starts_at":1795330800000,"ends_at":0,"metadata":{"event_name":"x","pod":"p"}}`))
	if err != nil {
		t.Fatal(err)
	}
	cleared, err := ParseEvent(json.RawMessage(`{"starts_at":1795330800000,"ends_at":1795330900000,"metadata":{"event_name":"x","pod":"p"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if firing.ID == "" || firing.ID != cleared.ID {
		t.Errorf("ids %q and %q", firing.ID, cleared.ID)
	}
}

func TestEncodeIsReadBack(t *testing.T) {
	at := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	a := Alarm{
		ID: "inspect-1", SN: "inspect-1-1", Name: "ContainerCPUHigh", TitleZH: "容器CPU使用率高", Severity: Major, Provider: "inspect", Cluster: "c-1", ClusterName: "demo",
		Object: Object{Kind: "Pod", Namespace: "default", Name: "web-1", Container: "app", Node: "n1", UID: "u"}, Message: "CPU is high", MessageZH: "CPU 使用率高",
		Rule: Rule{Name: "r", Period: time.Minute, Times: 3, For: 2 * time.Minute, Operator: ">", Threshold: "80", Value: "91", PromQL: "a > b"}, FiredAt: at, ClearedAt: at.Add(time.Hour),
	}
	raw, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseEvent(raw)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a, got, cmpopts.IgnoreFields(Alarm{}, "Labels", "Raw")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestParseResourceID(t *testing.T) {
	for in, want := range map[string]map[string]string{
		"":                                      {},
		"kind=Pod;name=a":                       {"kind": "Pod", "name": "a"},
		"kind:Pod;name:a":                       {"kind": "Pod", "name": "a"},
		"image=repo:5000/x;a=b":                 {"image": "repo:5000/x", "a": "b"},
		"a:x=y;b:z:w":                           {"a": "x=y", "b": "z:w"},
		"note=one;two;b=c":                      {"note": "one;two", "b": "c"},
		"link:http://h:8080/p;http://other;b:c": {"link": "http://h:8080/p;http://other", "b": "c"},
		"kind=Pod;kind=Node;tail":               {"kind": "Pod"},
		"=x;;; =;a=":                            {"a": ""},
	} {
		if d := cmp.Diff(want, parseResourceID(in)); d != "" {
			t.Errorf("%q (-want +got)\n%s", in, d)
		}
	}
}

func TestBilingual(t *testing.T) {
	for in, want := range map[string][2]string{
		"调度失败##FailedScheduling": {"调度失败", "FailedScheduling"}, "FailedScheduling##调度失败": {"调度失败", "FailedScheduling"}, "调度失败": {"调度失败", "调度失败"},
		"Name": {"", "Name"}, "##Name": {"", "Name"}, "Name##": {"", "Name"}, "alias##Name": {"alias", "Name"},
	} {
		if zh, en := bilingualName(in); zh != want[0] || en != want[1] {
			t.Errorf("name %q: %q, %q; want %q", in, zh, en, want)
		}
	}
	for in, want := range map[string][2]string{
		"内存不足##out of memory": {"内存不足", "out of memory"}, "# Title\n## Section": {"", "# Title\n## Section"}, "a ## b": {"", "a ## b"}, "中##文": {"中", "文"},
		"一##二 ## three": {"一##二", "three"},
	} {
		if zh, en := bilingualText(in); zh != want[0] || en != want[1] {
			t.Errorf("text %q: %q, %q; want %q", in, zh, en, want)
		}
	}
}

func TestSeverityHasNoGuess(t *testing.T) {
	for in, want := range map[string]Severity{"Critical": Critical, " major ": Major, "次要": Minor, "提示": Info, "warning": Minor, "": "", "P0": ""} {
		if got := ParseSeverity(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := Minor.Worse(Critical); got != Critical {
		t.Errorf("worse of minor and critical: %q", got)
	}
	if got := Severity("").Worse(Info); got != Info {
		t.Errorf("worse of none and info: %q", got)
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(`{"starts_at":1795330800000,"metadata":{"event_name":"调度失败##FailedScheduling","resource_id":"kind=Pod;name=a"},"annotations":{"message":"x##y"}}`))
	f.Add([]byte(`{"metadata":"{\"event_name\":\"x\"}","annotations":{"trigger_detail":{"trigger_times":1e9}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseEvent(data)
		if err != nil {
			return
		}
		if a.ID == "" {
			t.Fatal("an alarm without id")
		}
		if ns := a.Object.Namespace; ns != "" && !dnsLabel.MatchString(ns) {
			t.Fatalf("namespace %q", ns)
		}
		for _, s := range []string{a.Name, a.Message, a.Object.Name} {
			if strings.ContainsAny(s, "\x1b\x00\u202e") {
				t.Fatalf("control characters in %q", s)
			}
		}
		raw, err := a.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseEvent(raw)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(a, again); d != "" {
			t.Fatalf("read back differs:\n%s", d)
		}
	})
}
