package alarm_test

import (
	"testing"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

func TestLookup(t *testing.T) {
	for in, want := range map[string]string{
		"FailedScheduling": "FailedScheduling", "调度失败##FailedScheduling": "FailedScheduling", "状态异常##Unhealthy": "Unhealthy", "Pod健康检查失败##Unhealthy": "Unhealthy",
		"容器CPU使用率大于80%": "ContainerCPUHigh", "容器CPU使用率大于 80％": "ContainerCPUHigh", "container CPU usage > 80%": "ContainerCPUHigh",
		"CCE_容器CPU使用率大于80%_0b6f3d2e-1111-2222-3333-0123456789ab": "ContainerCPUHigh", "CCE_节点Kubelet异常_demo-1": "KUBELETProblem",
		"KubeletProblem": "KUBELETProblem", "kubeletproblem": "KUBELETProblem", "KubePodCrashLooping": "PodRestartsFrequently",
		"Cluster status is Unavailable": "Cluster status is Unavailable", "集群不可用##Cluster status is Unavailable": "Cluster status is Unavailable",
		"Can't find corresponding vm of this node in ECS": "Can't find corresponding vm of this node in ECS",
		"watchdog": "Watchdog", "BackOff": "BackOffStart", "FailedMount": "SetUpAtVolumeFailed",
	} {
		e, ok := alarm.Lookup(in)
		if !ok || e.Name != want {
			t.Errorf("%q: %q, %v; want %q", in, e.Name, ok, want)
		}
	}
	for _, in := range []string{"", "##", "my own rule", "CCE_", "失败"} {
		if e, ok := alarm.Lookup(in); ok {
			t.Errorf("%q was taken for %q", in, e.Name)
		}
	}
}

func TestUrgencyIsNotSeverity(t *testing.T) {
	for _, c := range []struct {
		a    alarm.Alarm
		want alarm.Urgency
	}{
		{alarm.Alarm{Name: "TriggeredScaleUp", Severity: alarm.Major}, alarm.Inform},
		{alarm.Alarm{Name: "Watchdog", Severity: alarm.Critical}, alarm.Inform},
		{alarm.Alarm{Name: "KUBELETIsDown", Severity: alarm.Minor}, alarm.Page},
		{alarm.Alarm{Name: "NodeNotReady", Severity: alarm.Info}, alarm.Page},
		{alarm.Alarm{Name: "own rule", Severity: alarm.Critical}, alarm.Page},
		{alarm.Alarm{Name: "own rule", Severity: alarm.Info}, alarm.Ticket},
		{alarm.Alarm{}, alarm.Ticket},
		{alarm.Alarm{Name: "rule 7", Rule: alarm.Rule{PromQL: `problem_gauge{type="CNIProblem"} >= 1`}, Labels: map[string]string{"type": "CNIProblem"}}, alarm.Page},
		{alarm.Alarm{Name: "rule 8", Labels: map[string]string{"metricName": "aom_cluster_cpu_usage"}}, alarm.Ticket},
	} {
		if got := c.a.Urgency(); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.a.Name, c.a.Severity, got, c.want)
		}
	}
}

// TestCatalogueIsSound: every entry can be found by its name, has both titles, and names causes that exist.
func TestCatalogueIsSound(t *testing.T) {
	known := map[string]bool{}
	for _, r := range incident.Reasons {
		known[string(r.Reason)] = true
	}
	seen := map[string]bool{}
	for _, e := range alarm.Catalogue() {
		if seen[e.Name] {
			t.Errorf("%s is listed twice", e.Name)
		}
		seen[e.Name] = true
		if got, ok := alarm.Lookup(e.Name); !ok || got.Name != e.Name {
			t.Errorf("%s is found as %q", e.Name, got.Name)
		}
		if e.Title == "" || e.TitleZH == "" || e.Class == "" {
			t.Errorf("%s lacks a title or a class", e.Name)
		}
		if len(e.Reasons) == 0 && e.Urgency != alarm.Inform {
			t.Errorf("%s leads to no cause", e.Name)
		}
		for _, r := range e.Reasons {
			if !known[r] {
				t.Errorf("%s names the unknown cause %s", e.Name, r)
			}
		}
		for _, alias := range e.Aliases {
			if got, ok := alarm.Lookup(alias); !ok || got.Name != e.Name {
				t.Errorf("alias %q of %s is found as %q", alias, e.Name, got.Name)
			}
		}
		if e.Kind == "" && e.Class != alarm.Creation && e.Class != alarm.Watchdog {
			t.Errorf("%s speaks of no kind", e.Name)
		}
	}
	if len(seen) < 150 {
		t.Errorf("only %d entries", len(seen))
	}
}
