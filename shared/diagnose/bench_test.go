package diagnose

import (
	"fmt"
	"os"
	"testing"

	"cce-oncall/shared/observe"
)

// largeMoment is a cluster of 100 nodes and 5,000 pods of 250 applications, each with calls to its neighbours, of which several are
// broken at once: two roll-outs, a Service, a node, a quota.
func largeMoment(base moment) moment {
	m := moment{Empty: true, At: base.At, Cluster: base.Cluster}
	for i := range 100 {
		m.Nodes = append(m.Nodes, node{Name: fmt.Sprintf("worker-%03d", i), Zone: fmt.Sprintf("az%d", i%3), CPU: "64", Memory: "256Gi", Pool: "general"})
	}
	for i := range 250 {
		n := fmt.Sprintf("svc-%03d", i)
		m.Apps = append(m.Apps, app{
			Name: n, Namespace: fmt.Sprintf("team-%02d", i/10), Replicas: 20, Image: "registry.example.com/" + n + ":1", Port: 8080, Probe: "/ready",
			Env: map[string]string{"NEXT_URL": fmt.Sprintf("http://svc-%03d:8080", i/10*10+(i+1)%10), "CACHE_ADDR": fmt.Sprintf("svc-%03d:8080", i/10*10+(i+3)%10)},
		})
	}
	m.Pods = []change{
		{Match: "team-03/svc-031-*", State: "crash", Exit: 137, Reason: "OOMKilled", Restarts: 9},
		{Match: "team-07/svc-07*", State: "waiting", Reason: "ImagePullBackOff", Message: "manifest unknown"},
		{Match: "team-09/svc-090-*", State: "crash", Exit: 1, Restarts: 9},
		{Match: "team-12/*", Node: "worker-017", State: "unready", Ago: "9m"},
	}
	m.After = []tree{{"kind": "Node", "metadata": tree{"name": "worker-017"}, "status": tree{"conditions": []any{tree{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "lastTransitionTime": "-10m"}}}}}
	m.Before = []tree{{"kind": "Service", "metadata": tree{"name": "svc-120", "namespace": "team-12"}, "spec": tree{"selector": tree{"app": "svc-12"}}}}
	m.Events = []event3{{About: "Pod/team-07/svc-07*", Reason: "Failed", Message: "Failed to pull image: manifest unknown", First: "20m", Count: 20}}
	m.Logs = []log3{{Namespace: "team-09", Pods: "svc-090-*", Container: "svc-090", Previous: true, Repeat: 40, Lines: []string{"INFO request served", "ERROR dial tcp 10.247.1.1:8080: connect: connection refused", "FATAL giving up"}}}
	for i := range 250 {
		n, ns := fmt.Sprintf("svc-%03d", i), fmt.Sprintf("team-%02d", i/10)
		m.Series = append(m.Series, curve{Metric: "container_cpu_limit_ratio", Namespace: ns, Pods: n + "-*", Shape: "0.3"}, curve{Metric: "request_latency_p95_seconds", Namespace: ns, Workload: n, Shape: "0.05"})
	}
	m.NoBaseline = true
	return m
}

func largeSnapshot(b testing.TB) *observe.Snapshot {
	raw, err := os.ReadFile("testdata/world.yaml")
	if err != nil {
		b.Fatal(err)
	}
	base := readMoment(b, raw)
	s, err := observe.ReadCase(buildCase(b, base, largeMoment(base)))
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkJudge5000Pods is the promise of the case format: a judgement of 5,000 pods stays below two seconds.
func BenchmarkJudge5000Pods(b *testing.B) {
	s := largeSnapshot(b)
	if n := len(s.Objects.Pods); n != 5000 {
		b.Fatalf("%d pods", n)
	}
	b.ReportAllocs()
	for b.Loop() {
		if d := Judge(s); len(d.Causes) == 0 {
			b.Fatal("nothing found")
		}
	}
}
