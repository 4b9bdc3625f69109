package observe

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/incident"
)

func TestNamesTellWhosePodsAre(t *testing.T) {
	for pod, want := range map[string]string{
		"web-7c9d8f6b5d-x2vkq":     "Deployment web",
		"web-api-54f87c9d8f-mnb2k": "Deployment web-api",
		"db-0":                     "StatefulSet db",
		"agent-x2vkq":              "DaemonSet agent",
		"store-front":              "Deployment store-front",
		"web":                      "Deployment web",
	} {
		if kind, n := controllerOfPod(pod); kind+" "+n != want {
			t.Errorf("%s: got %s %s, want %s", pod, kind, n, want)
		}
	}
	if n, ok := DeploymentOfSet("web-7c9d8f6b5d"); !ok || n != "web" {
		t.Errorf("a ReplicaSet's name without its hash: %q %v", n, ok)
	}
	if n, ok := DeploymentOfSet("store-front"); ok {
		t.Errorf("a name without a hash is nobody's: %q", n)
	}
}

func TestSeriesWithoutObjects(t *testing.T) {
	s := &Snapshot{At: time.Unix(0, 0), Series: []Series{
		{Labels: map[string]string{"__name__": "m", "namespace": "a", "pod": "web-7c9d8f6b5d-x2vkq"}},
		{Labels: map[string]string{"__name__": "m", "namespace": "a", "pod": "web-7c9d8f6b5d-mnb2k"}},
		{Labels: map[string]string{"__name__": "request_rate", "namespace": "a", "workload": "StatefulSet/db"}},
		{Labels: map[string]string{"__name__": "node_cpu_usage_ratio", "node": "n1"}},
	}}
	x := s.Index()
	web := incident.Target{Kind: "Deployment", Namespace: "a", Name: "web"}
	want := []SeenOnly{{web, []string{"web-7c9d8f6b5d-mnb2k", "web-7c9d8f6b5d-x2vkq"}}, {incident.Target{Kind: "StatefulSet", Namespace: "a", Name: "db"}, nil}}
	if diff := cmp.Diff(want, x.SeenOnly()); diff != "" {
		t.Error(diff)
	}
	if got := len(x.SeriesOf("m", web)); got != 2 {
		t.Errorf("series of a workload known by its pods' names: got %d, want 2", got)
	}
	if diff := cmp.Diff([]string{"n1"}, x.NodesSeen()); diff != "" {
		t.Error(diff)
	}
}
