package observe

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
)

const fullCase = `{
  "version": 1, "at": "2026-11-22T15:00:00+08:00", "future": {"x": [1]},
  "cluster": {"id": "0b6f3d2e", "name": "demo-recovery", "region": "cn-north-4", "more": 1},
  "question": "why is <chat> slow?", "scope": {"namespace": "default"},
  "alarms": [{"id": "1", "event_sn": "11", "starts_at": 1795330800000, "ends_at": 0,
    "metadata": {"event_name": "调度失败##FailedScheduling", "event_severity": "Major", "namespace": "PAAS.NODE", "nameSpace": "default",
      "resource_id": "clusterName=demo-recovery;clusterID=0b6f3d2e;kind=Pod;namespace=default;name=chat-app-1;uid=u"},
    "annotations": {"message": "0/2 nodes <are> available"}}],
  "objects": [
    {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b", "namespace": "default", "managedFields": [{"manager": "kubectl"}],
      "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"env\":\"hidden\"}"}}, "spec": {"containers": [{"name": "c"}]}},
    {"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "a"}, "spec": {"containers": []}}]},
    {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 2}}]},
    {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "namespace": "shop",
      "annotations": {"autoscaling.alpha.kubernetes.io/conditions": "[{\"type\":\"ScalingActive\",\"status\":\"False\",\"reason\":\"FailedGetResourceMetric\"}]"}},
      "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5, "targetCPUUtilizationPercentage": 60}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}, "data": {"password": "aHVudGVyMg=="}, "stringData": {"user": "root"}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app", "namespace": "shop"}, "data": {"url": "db.shop:3306", "conf": "host=x\npassword=hunter2\n", "DB_PASSWORD": "hunter2"}},
    {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "n1", "namespace": "kube-node-lease"}, "spec": {"renewTime": "2026-11-22T06:59:55.123456Z"}},
    {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "leader", "namespace": "kube-system"}, "spec": {}},
    {"apiVersion": "v3", "kind": "NodePool", "metadata": {"name": "pool", "uid": "p1"}, "spec": {"initialNodeCount": 3, "autoscaling": {"enable": true, "minNodeCount": 1, "maxNodeCount": 3},
      "nodeTemplate": {"flavor": "c7.large.2", "k8sTags": {"pool": "a"}}}, "status": {"currentNode": 3, "creatingNode": 1, "conditions": [{"type": "Scalable", "status": "False", "reason": "SoldOut"}]}},
    {"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e1"}, "regarding": {"kind": "Pod", "namespace": "default", "name": "b"}, "reason": "BackOff", "note": "back-off", "deprecatedLastTimestamp": "2026-11-22T06:58:00Z", "deprecatedCount": 4},
    {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e2", "namespace": "default"}, "involvedObject": {"kind": "Pod", "namespace": "default", "name": "b"}, "reason": "Failed", "lastTimestamp": "2026-11-22T06:57:00Z"},
    {"apiVersion": "logging.openvessel.io/v1", "kind": "LogConfig", "metadata": {"name": "l", "namespace": "kube-system"}, "spec": {"n": 1.5, "big": 9007199254740993}},
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "odd", "namespace": "shop"}, "spec": {"replicas": "two"}},
    null
  ],
  "series": [
    {"metric": {"__name__": "node_cpu_usage_ratio", "node": "n2"}, "values": [[1795330860, "0.5"], [1795330800.5, "0.25"], [1795330920, "NaN"], [1795330980, null], [1795331040, "+Inf"], [1795331100, 1]]},
    {"metric": {"__name__": "container_restarts_total", "namespace": "default", "pod": "b"}, "value": [1795330860, "3"]}
  ],
  "logs": [{"namespace": "default", "pod": "b", "container": "c", "lines": ["one", "two"]}, {"namespace": "default", "workload": "a", "lines": "x\ny\n"}],
  "changes": [{"at": "2026-11-22T06:50:00Z", "source": "rollout", "actor": "helm", "verb": "update", "target": {"kind": "Deployment", "namespace": "shop", "name": "web"}, "before": "v1", "after": {"image": "v2"}}],
  "unreadable": ["metrics", "logs", "logs"]
}`

func mustRead(t *testing.T, data string) *Snapshot {
	t.Helper()
	s, err := ReadCase([]byte(data))
	if err != nil {
		t.Fatalf("ReadCase: %v", err)
	}
	return s
}

func mustWrite(t *testing.T, s *Snapshot) string {
	t.Helper()
	b, err := s.WriteCase()
	if err != nil {
		t.Fatalf("WriteCase: %v", err)
	}
	return string(b)
}

func TestReadCaseKeepsEveryPart(t *testing.T) {
	s := mustRead(t, fullCase)
	o := s.Objects
	got := map[string]any{
		"at": s.At.Format(time.RFC3339), "cluster": s.Cluster.Label(), "question": s.Question, "scope": s.Scope.Namespace,
		"alarm":       s.Alarms[0].Name + " " + s.Alarms[0].Object.Namespace + "/" + s.Alarms[0].Object.Name,
		"pods":        []string{o.Pods[0].Namespace + "/" + o.Pods[0].Name, o.Pods[1].Namespace + "/" + o.Pods[1].Name},
		"deployments": len(o.Deployments), "hpa": *o.HPAs[0].Spec.Metrics[0].Resource.Target.AverageUtilization,
		"hpaReason": o.HPAs[0].Status.Conditions[0].Reason, "lease": o.Leases[0].RenewedAt.Format(time.RFC3339Nano),
		"pool":   []int{o.NodePools[0].Desired, o.NodePools[0].Active, o.NodePools[0].Creating, o.NodePools[0].Max},
		"events": []string{o.Events[0].Reason, o.Events[1].Reason}, "eventNamespace": o.Events[1].Namespace, "times": Times(o.Events[1]),
		"other": len(o.Other), "gaps": s.Gaps, "unreadable": s.Unreadable,
		"series": []string{s.Series[0].Name(), s.Series[1].Name()}, "points": s.Series[1].Points,
		"workloadLog": s.Logs[0].Lines, "after": s.Changes[0].After,
	}
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	want := map[string]any{
		"at": "2026-11-22T07:00:00Z", "cluster": "demo-recovery", "question": "why is <chat> slow?", "scope": "default",
		"alarm": "FailedScheduling default/chat-app-1", "pods": []string{"default/a", "default/b"},
		"deployments": 1, "hpa": int32(60), "hpaReason": "FailedGetResourceMetric", "lease": "2026-11-22T06:59:55.123456Z",
		"pool": []int{3, 2, 1, 3}, "events": []string{"Failed", "BackOff"}, "eventNamespace": "default", "times": 4,
		"other": 3, "gaps": []string{"Deployment shop/odd could not be read: spec.replicas: a number is needed, not string"},
		"unreadable": []string{"logs", "metrics"}, "series": []string{"container_restarts_total", "node_cpu_usage_ratio"},
		"points":      []Point{{at(1795330800500), 0.25}, {at(1795330860000), 0.5}, {at(1795331040000), math.Inf(1)}, {at(1795331100000), 1}},
		"workloadLog": []string{"x", "y"}, "after": `{"image":"v2"}`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestWriteCaseIsAFixedPoint(t *testing.T) {
	for name, in := range map[string]string{"full": fullCase, "least": `{"version":1,"at":"2026-11-22T07:00:00Z"}`} {
		t.Run(name, func(t *testing.T) {
			s := mustRead(t, in)
			once := mustWrite(t, s)
			again := mustRead(t, once)
			if d := cmp.Diff(once, mustWrite(t, again)); d != "" {
				t.Errorf("second writing differs (-first +second)\n%s", d)
			}
			for i, c := range s.Objects.ConfigMaps { // values that look secret are not written
				s.Objects.ConfigMaps[i] = tidyConfigMap(c)
			}
			if d := cmp.Diff(s, again, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Snapshot{})); d != "" {
				t.Errorf("read back differs (-written +read)\n%s", d)
			}
		})
	}
}

func TestWriteCaseKeepsSecretsOut(t *testing.T) {
	s := mustRead(t, fullCase)
	if got := s.Objects.ConfigMaps[0].Data["DB_PASSWORD"]; got != "hunter2" {
		t.Errorf("a case file's own ConfigMap value was lost on reading: %q", got)
	}
	out := mustWrite(t, s)
	for _, secret := range []string{"hunter2", "aHVudGVyMg", "hidden", "managedFields", "last-applied"} {
		if strings.Contains(out, secret) {
			t.Errorf("%q was written:\n%s", secret, out)
		}
	}
	for _, kept := range []string{`"password":""`, `"url":"db.shop:3306"`, `host=x`, "why is <chat> slow?"} {
		if !strings.Contains(out, kept) {
			t.Errorf("%q was not written:\n%s", kept, out)
		}
	}
}

func TestWriteCaseDoesNotDependOnOrder(t *testing.T) {
	s := mustRead(t, fullCase)
	want := mustWrite(t, s)
	reverse := *s
	reverse.Objects.Pods = []*corev1.Pod{s.Objects.Pods[1], s.Objects.Pods[0]}
	reverse.Objects.Events = []*corev1.Event{s.Objects.Events[1], s.Objects.Events[0]}
	reverse.Series = []Series{s.Series[1], s.Series[0]}
	reverse.Logs = []Log{s.Logs[1], s.Logs[0]}
	if d := cmp.Diff(want, mustWrite(t, &reverse)); d != "" {
		t.Errorf("(-sorted +reversed)\n%s", d)
	}
	if reverse.Objects.Pods[0] != s.Objects.Pods[1] {
		t.Error("writing reordered the caller's slice")
	}
}

func TestReadCaseNamesTheField(t *testing.T) {
	with := func(part string) string { return `{"version":1,"at":"2026-11-22T07:00:00Z",` + part + `}` }
	for _, c := range []struct{ name, in, field, problem string }{
		{"empty", ``, "", "not JSON"},
		{"text", "hello", "", "not JSON: line 1, column 1"},
		{"cut", "{\n \"version\": 1,\n \"at\": ", "", "line 3"},
		{"list", `[]`, "", "an object is needed, not array"},
		{"null", `null`, "", "an object is needed"},
		{"two documents", `{"version":1,"at":"2026-11-22T07:00:00Z"} {}`, "", "not JSON"},
		{"no version", `{"at":"2026-11-22T07:00:00Z"}`, "version", "missing"},
		{"later version", `{"version":2,"at":"2026-11-22T07:00:00Z"}`, "version", "2 is not known"},
		{"odd version", `{"version":"1","at":"2026-11-22T07:00:00Z"}`, "version", `a number is needed, not "1"`},
		{"no at", `{"version":1}`, "at", "missing"},
		{"empty at", `{"version":1,"at":""}`, "at", "empty"},
		{"odd at", `{"version":1,"at":"yesterday"}`, "at", `not "yesterday"`},
		{"number at", `{"version":1,"at":1795330800}`, "at", "not 1795330800"},
		{"cluster", with(`"cluster":"demo"`), "cluster", "an object is needed, not string"},
		{"cluster name", with(`"cluster":{"name":3}`), "cluster.name", "a text is needed, not number"},
		{"question", with(`"question":[]`), "question", "a text is needed"},
		{"alarms", with(`"alarms":{}`), "alarms", "a list is needed, not an object"},
		{"alarm", with(`"alarms":[{},7]`), "alarms[1]", "a JSON object is needed"},
		{"objects", with(`"objects":"x"`), "objects", `a list is needed, not "x"`},
		{"object", with(`"objects":[{"kind":"Pod"},[]]`), "objects[1]", "an object is needed, not a list"},
		{"item", with(`"objects":[{"kind":"PodList","items":[3]}]`), "objects[0].items[0]", "an object is needed, not 3"},
		{"items", with(`"objects":[{"kind":"List","items":{}}]`), "objects[0].items", "a list is needed"},
		{"labels", with(`"series":[{"metric":[]}]`), "series[0].metric", "an object is needed"},
		{"label", with(`"series":[{"metric":{"pod":3}}]`), "series[0].metric.pod", "a text is needed"},
		{"value", with(`"series":[{"values":[[1,"1"],[2,"2"],[3,"x"]]}]`), "series[0].values[2]", `"x" is no number`},
		{"pair", with(`"series":[{"values":[[1]]}]`), "series[0].values[0]", "is needed"},
		{"time", with(`"series":[{"values":[["soon","1"]]}]`), "series[0].values[0]", "no time in seconds"},
		{"milliseconds", with(`"series":[{"values":[[1795330800000,"1"]]}]`), "series[0].values[0]", "no time in seconds"},
		{"line", with(`"logs":[{"lines":["a",2]}]`), "logs[0].lines[1]", "a text is needed, not 2"},
		{"log", with(`"logs":[{"pod":true}]`), "logs[0].pod", "a text is needed"},
		{"change", with(`"changes":[{"at":"later"}]`), "changes[0].at", `not "later"`},
		{"target", with(`"changes":[{"target":{"kind":1}}]`), "changes[0].target.kind", "a text is needed"},
		{"unreadable", with(`"unreadable":[1]`), "unreadable[0]", "a text is needed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadCase([]byte(c.in))
			var e *CaseError
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a CaseError", err)
			}
			if e.Field != c.field || !strings.Contains(e.Problem, c.problem) {
				t.Errorf("got field %q, problem %q; want %q, %q", e.Field, e.Problem, c.field, c.problem)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

func TestEndlessQuantityIsAGapAndNoHang(t *testing.T) {
	s := mustRead(t, `{"version":1,"at":"2026-11-22T07:00:00Z","objects":[
		{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1","labels":{"commit":"12e3456789"}},"status":{"allocatable":{"cpu":"4"}}},
		{"apiVersion":"v1","kind":"Node","metadata":{"name":"n2"},"status":{"allocatable":{"cpu":"1e2000000000"}}},
		{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","resources":{"limits":{"memory":"1e-90000000"}}}]}}]}`)
	if len(s.Objects.Nodes) != 1 || len(s.Objects.Pods) != 0 || len(s.Objects.Other) != 2 {
		t.Errorf("%d nodes, %d pods, %d others", len(s.Objects.Nodes), len(s.Objects.Pods), len(s.Objects.Other))
	}
	want := []string{
		"Node n2 could not be read: status.allocatable.cpu: the quantity is beyond all measure",
		"Pod p could not be read: spec.containers.resources.limits.memory: the quantity is beyond all measure",
	}
	if d := cmp.Diff(want, s.Gaps); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	s.Scene(nil)
}

func FuzzReadCase(f *testing.F) {
	f.Add([]byte(fullCase))
	f.Add([]byte(`{"version":1,"at":"2026-11-22T07:00:00Z","objects":[{"kind":"Node","apiVersion":"v1","status":{"capacity":{"cpu":"x"}}}]}`))
	f.Add([]byte(`{"version":1,"at":"2026-11-22T07:00:00Z","series":[{"metric":{},"values":[[0.0001,"-0"]]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ReadCase(data)
		if err != nil {
			return
		}
		once, err := s.WriteCase()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := ReadCase(once)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, once)
		}
		twice, err := again.WriteCase()
		if err != nil {
			t.Fatalf("second writing: %v", err)
		}
		if !bytes.Equal(once, twice) {
			t.Fatalf("not a fixed point:\n%s\n%s", once, twice)
		}
	})
}
