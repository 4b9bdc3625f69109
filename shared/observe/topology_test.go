package observe

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/alarm"
)

func TestTopology(t *testing.T) {
	const more = `,
 {"apiVersion":"v1","kind":"Node","metadata":{"name":"worker"},"status":{"addresses":[{"type":"InternalIP","address":"192.168.0.7"},{"type":"Hostname","address":"host-7"}]}},
 {"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"pv-2"},"spec":{"claimRef":{"namespace":"shop","name":"data"}}},`
	s := mustRead(t, indexCase[:len(`{"version":1,"at":"2026-11-22T07:00:00Z","objects":[`)]+more[2:]+indexCase[len(`{"version":1,"at":"2026-11-22T07:00:00Z","objects":[`):])
	topo := s.Topology()
	owner := func(kind, ns, name string) string {
		o, ok := topo.Owner(alarm.Object{Kind: kind, Namespace: ns, Name: name})
		return fmt.Sprintf("%s %s/%s %v", o.Kind, o.Namespace, o.Name, ok)
	}
	got := map[string]string{
		"pod": owner("Pod", "shop", "web-10-a"), "ReplicaSet": owner("ReplicaSet", "shop", "web-9"), "Deployment": owner("Deployment", "shop", "web"), "Service": owner("Service", "shop", "web"),
		"Service of nothing": owner("Service", "shop", "none"), "HPA": owner("HorizontalPodAutoscaler", "shop", "web-hpa"), "claim": owner("PersistentVolumeClaim", "shop", "data"),
		"volume": owner("PersistentVolume", "", "pv-2"), "node by address": owner("Node", "", "192.168.0.7"), "node": owner("Node", "", "n1"), "unknown node": owner("Node", "", "n9"), "unknown pod": owner("Pod", "x", "y"),
		"nodes of pod": fmt.Sprint(topo.Nodes(alarm.Object{Kind: "Pod", Namespace: "shop", Name: "web-10-a"})), "nodes of workload": fmt.Sprint(topo.Nodes(alarm.Object{Kind: "Deployment", Namespace: "shop", Name: "web"})),
		"pool": topo.Pool("n1"), "no pool": topo.Pool("n9"),
	}
	want := map[string]string{
		"pod": "Deployment shop/web true", "ReplicaSet": "Deployment shop/web true", "Deployment": "Deployment shop/web true", "Service": "Deployment shop/web true",
		"Service of nothing": "Service shop/none false", "HPA": "Deployment shop/web true", "claim": "Deployment shop/web true", "volume": "Deployment shop/web true", "node by address": "Node /worker true",
		"node": "Node /n1 true", "unknown node": "Node /n9 false", "unknown pod": " / false", "nodes of pod": "[n1]", "nodes of workload": "[n1]", "pool": "pool", "no pool": "",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestOneTroubleInACaseIsOneGroup goes the whole way: alarms as AOM sends them, objects as the cluster has them.
func TestOneTroubleInACaseIsOneGroup(t *testing.T) {
	s := mustRead(t, `{"version":1,"at":"2026-11-22T07:10:00Z","alarms":[
	 {"id":"1","starts_at":1795330800000,"metadata":{"event_name":"节点状态异常##NodeNotReady","kind":"Node","name":"n1","clusterId":"c-1"}},
	 {"id":"2","starts_at":1795330860000,"metadata":{"event_name":"Pod健康检查失败##Unhealthy","kind":"Pod","namespace":"PAAS.NODE","nameSpace":"shop","name":"web-10-a","clusterId":"c-1"}},
	 {"id":"3","starts_at":1795330860000,"metadata":{"event_name":"CCE_Deployment副本数不匹配_x","namespace":"shop","deployment":"web","cluster":"c-1"}},
	 {"id":"4","starts_at":1795330860000,"metadata":{"event_name":"拉取镜像失败##FailedPullImage","kind":"Pod","nameSpace":"shop","name":"alone","clusterId":"c-1"}}],`+indexCase[len(`{"version":1,"at":"2026-11-22T07:00:00Z",`):])
	groups := alarm.Correlate(s.Alarms, s.Topology(), alarm.Options{Now: s.At})
	var got []string
	for _, g := range groups {
		got = append(got, fmt.Sprintf("%s: %d", g.Key, len(g.Alarms)))
	}
	if d := cmp.Diff([]string{"c-1/Node//n1: 3", "c-1/workload/shop/alone: 1"}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
