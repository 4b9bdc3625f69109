package lark

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/incident"
)

func healthy() Health {
	s := firstScene()
	return Health{
		Look: Look{Language: Both, Zone: east8}, Cluster: incident.Cluster{ID: "c-1", Name: "demo-recovery"}, At: at(14, 0), From: at(13, 0),
		Totals: incident.Totals{Nodes: 2, NodesReady: 2, Pods: 25, PodsReady: 25, Workloads: 9, WorkloadsReady: 9}, Nodes: s.Nodes,
	}
}

func unhealthy() Health {
	h := healthy()
	h.Totals.NodesReady, h.Totals.ActiveAlarms, h.Totals.PodsReady = 1, 2, 23
	h.Nodes[1].Ready, h.Nodes[1].BadConditions = false, []string{"KubeletNotReady"}
	h.Findings = []incident.Finding{{Reason: "NodeNotReady", Target: incident.Target{Kind: "Node", Name: "worker-2"}, Confidence: 0.95, Summary: incident.Text{EN: "worker-2 has not reported for 4 min", ZH: "worker-2 已 4 分钟未上报心跳"}}}
	h.Pods = []incident.PodLine{{Target: pod(1), Node: "worker-2", Status: "Unknown", CPU: -1, Memory: -1}}
	h.Open = []OpenIncident{{ID: "INC-1", Title: incident.Text{EN: "default/chat-app: CPU", ZH: "default/chat-app：CPU"}, Status: incident.AwaitingConfirmation, Since: at(13, 50)}}
	h.CostHints = []incident.Text{{EN: "pool-2 is 8 % used: could shrink by 2 nodes", ZH: "pool-2 使用率 8%，可缩容 2 个节点"}}
	h.Gaps = []string{"LTS could not be asked: time-out"}
	return h
}

func problem() Problem {
	return Problem{
		Look: Look{Language: Both, Zone: east8}, Cluster: incident.Cluster{ID: "c-1", Name: "demo-recovery"}, Incident: "INC-20261122-7f3a", At: at(14, 6),
		What:   incident.Text{EN: "the cluster could not be read: the API server answered 403", ZH: "无法读取集群：API Server 返回 403"},
		Detail: []string{`pods is forbidden: User "oncall-read" cannot list resource "pods"`},
		Next:   []incident.Text{{EN: "Bind the cluster role oncall-read to the user oncall-read.", ZH: "请将 ClusterRole oncall-read 绑定到用户 oncall-read。"}},
	}
}

func probe() Probe {
	return Probe{
		Look: Look{Language: Both, Zone: east8}, Cluster: incident.Cluster{ID: "c-1", Name: "demo-recovery"}, At: at(9, 0),
		Checks: []ProbeCheck{
			{Name: incident.Text{EN: "OBS returns the bytes that were put", ZH: "OBS 读回内容与写入一致"}, State: "ok", Detail: "4096 bytes"},
			{Name: incident.Text{EN: "The read identity is refused writes", ZH: "只读身份无法写入"}, State: "bad", Detail: "PATCH was allowed", Fix: incident.Text{EN: "Remove the cluster-admin binding of oncall-read.", ZH: "请移除 oncall-read 的 cluster-admin 绑定。"}},
			{Name: incident.Text{EN: "AOM answers a query", ZH: "AOM 查询可用"}, State: "unknown"},
		},
	}
}

func report() Report {
	return Report{
		Cluster: incident.Cluster{ID: "c-1", Name: "demo-recovery"}, From: at(0, 0), To: at(24, 0), MadeAt: at(24, 5),
		Alarms: AlarmCount{Total: 14, Critical: 2, Major: 7, Minor: 5, Active: 1, Top: []NameCount{{"Container CPU usage above 80%", 6}, {"Pod restarted", 4}}},
		Incidents: []ReportIncident{
			{ID: "INC-1", Title: incident.Text{EN: "default/chat-app: CPU at 97 % of its limit", ZH: "default/chat-app：CPU 达限制的 97%"}, Status: incident.Recovered, OpenedAt: at(14, 5), ClosedAt: at(14, 30), Alarms: 2, Solutions: []string{"A", "D"}},
			{ID: "INC-2", Title: incident.Text{EN: "Node worker-2 NotReady", ZH: "节点 worker-2 NotReady"}, Status: incident.HandedOver, OpenedAt: at(20, 1), ClosedAt: at(20, 40), Alarms: 5},
		},
		Counts:     IncidentCount{Incidents: 2, Merged: 5, Confirmed: 2, Rejected: 0, Expired: 1, Recovered: 1, HandedOver: 1},
		Times:      ReportTimes{ToDiagnosis: SpreadOf([]time.Duration{40 * time.Second, 70 * time.Second}), ToConfirmation: SpreadOf([]time.Duration{4 * time.Minute}), ToRecovery: SpreadOf([]time.Duration{25 * time.Minute})},
		Watermarks: []Watermark{{Name: "worker-2", CPUMean: 0.61, CPUPeak: 0.92, MemoryMean: 0.5, MemoryPeak: 0.55}, {Name: "worker-1", CPUMean: 0.4, CPUPeak: 0.8, MemoryMean: -1, MemoryPeak: -1}},
		Pods:       []incident.PodLine{{Target: pod(2), Status: "CrashLoopBackOff", Restarts: 17, CPU: -1, Memory: 0.99}},
		NodeRisks:  []incident.Text{{EN: "worker-2: 97 % of its CPU is requested", ZH: "worker-2：CPU 申请率 97%"}},
		CostHints:  []incident.Text{{EN: "pool-2 is 8 % used: could shrink by 2 nodes", ZH: "pool-2 使用率 8%，可缩容 2 个节点"}},
		Gaps:       []string{"CTS could not be asked for 02:00 – 03:00"},
	}
}

// otherCards draws every card that is not an incident's, after spoil has had its way with what is drawn.
func otherCards(t testing.TB, spoil func(any)) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	keep := func(name string, b []byte, err error) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = b
	}
	h, u, o, pr, r := healthy(), unhealthy(), problem(), probe(), report()
	for _, v := range []any{&h, &u, &o, &pr, &r} {
		spoil(v)
	}
	b, err := HealthCard(h)
	keep("health-normal", b, err)
	b, err = HealthCard(u)
	keep("health-abnormal", b, err)
	b, err = ProblemCard(o)
	keep("problem", b, err)
	b, err = ProbeCard(pr)
	keep("probe", b, err)
	b, err = ReportCard(r, h.Look, nil)
	keep("report", b, err)
	return out
}

func TestOtherCards(t *testing.T) {
	for name, b := range otherCards(t, func(any) {}) {
		golden(t, name, b, nil)
	}
}

// A cluster is called normal only when everything was looked at and nothing was wrong.
func TestNormalIsEarned(t *testing.T) {
	for name, spoil := range map[string]func(*Health){
		"":                   func(*Health) {},
		"a gap":              func(h *Health) { h.Gaps = []string{"metrics"} },
		"an alarm":           func(h *Health) { h.Totals.ActiveAlarms = 1 },
		"a node down":        func(h *Health) { h.Totals.NodesReady-- },
		"a workload":         func(h *Health) { h.Totals.WorkloadsReady-- },
		"a finding":          func(h *Health) { h.Findings = unhealthy().Findings },
		"an open incident":   func(h *Health) { h.Open = unhealthy().Open },
		"an abnormal pod":    func(h *Health) { h.Pods = unhealthy().Pods },
		"everything at once": func(h *Health) { *h = unhealthy() },
	} {
		h := healthy()
		spoil(&h)
		h.Language = English
		b, err := HealthCard(h)
		if err != nil {
			t.Fatal(err)
		}
		c := read(t, b)
		if normal := c.Header.Title.Content == "Cluster demo-recovery is normal" && c.Header.Template == "green"; normal != (name == "") {
			t.Errorf("with %q: %q in %s", name, c.Header.Title.Content, c.Header.Template)
		}
		if strings.Contains(string(b), "is normal") != (name == "") {
			t.Errorf("with %q the card says normal somewhere", name)
		}
	}
}

func TestSpreadOf(t *testing.T) {
	for _, tt := range []struct {
		in   []time.Duration
		want Spread
	}{
		{nil, Spread{}},
		{[]time.Duration{5}, Spread{1, 5, 5}},
		{[]time.Duration{9, 1, 4}, Spread{3, 4, 9}},
		{[]time.Duration{9, 1, 4, 2}, Spread{4, 2, 9}},
	} {
		if d := cmp.Diff(tt.want, SpreadOf(tt.in)); d != "" {
			t.Errorf("%v (-want +got):\n%s", tt.in, d)
		}
	}
}

func TestSpan(t *testing.T) {
	for in, want := range map[time.Duration][2]string{
		0: {"0 s", "0 秒"}, 59 * time.Second: {"59 s", "59 秒"}, 90 * time.Second: {"1 min 30 s", "1 分 30 秒"}, 5 * time.Minute: {"5 min", "5 分钟"}, 25*time.Minute + 20*time.Second: {"25 min", "25 分钟"},
		time.Hour: {"1 h", "1 小时"}, 90 * time.Minute: {"1 h 30 min", "1 小时 30 分钟"}, 47 * time.Hour: {"47 h", "47 小时"}, 50 * time.Hour: {"2 days", "2 天"}, 59*time.Minute + 40*time.Second: {"60 min", "60 分钟"},
	} {
		if got := span(in).raw; got.en != want[0] || got.zh != want[1] {
			t.Errorf("%v: %q, %q", in, got.en, got.zh)
		}
	}
}
