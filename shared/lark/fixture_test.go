package lark

import (
	"fmt"
	"math"
	"time"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// The chat-app case at each moment of its life. at(14, 5) is the clock of the story, in UTC+8.
var east8 = time.FixedZone("UTC+8", 8*3600)

func at(h, m int) time.Time { return time.Date(2026, 11, 22, h, m, 0, 0, east8) }

func deployment() incident.Target {
	return incident.Target{Cluster: "c-1", Kind: "Deployment", Namespace: "default", Name: "chat-app"}
}

func pod(n int) incident.Target {
	return incident.Target{Cluster: "c-1", Kind: "Pod", Namespace: "default", Name: fmt.Sprintf("chat-app-6d5f8b9c7d-%c%c%c%c%c", 'k'+n, 'x'-n, '2'+n, 'p'+n, 'q'+n)}
}

func alarms() []alarm.Alarm {
	cpu := alarm.Alarm{
		ID: "a1", SN: "sn1", Name: "Container CPU usage above 80%", TitleZH: "容器 CPU 使用率超过 80%", Severity: alarm.Critical, Provider: "AOM",
		Object:  alarm.Object{Kind: "Deployment", Namespace: "default", Name: "chat-app"},
		Rule:    alarm.Rule{Name: "chat-app-cpu", Period: time.Minute, Times: 3, Operator: ">", Threshold: "80 %", Value: "97.2 %"},
		FiredAt: at(14, 5),
	}
	more := cpu
	more.ID, more.SN, more.Name, more.TitleZH, more.Severity, more.FiredAt = "a2", "sn2", "Container CPU throttled", "容器 CPU 被限流", alarm.Major, at(14, 6)
	return []alarm.Alarm{cpu, more}
}

func series(name string, from time.Time, level float64) incident.ChartLine {
	l := incident.ChartLine{Name: name}
	for i := range 30 {
		l.Points = append(l.Points, incident.ChartPoint{At: from.Add(time.Duration(i) * time.Minute), Value: math.Round((level+8*math.Sin(float64(i)/4)-math.Max(0, float64(18-i))*2.4)*10) / 10})
	}
	return l
}

func firstScene() incident.Scene {
	return incident.Scene{
		Workloads: []incident.WorkloadLine{{Target: deployment(), Desired: 2, Ready: 2, Resources: "chat: requests cpu 1, memory 512Mi; limits cpu 1, memory 512Mi"}},
		Pods: []incident.PodLine{
			{Target: pod(0), Node: "worker-1", Status: "Running", Ready: true, CPU: 0.972, Memory: 0.41},
			{Target: pod(1), Node: "worker-2", Status: "Running", Ready: true, CPU: 0.968, Memory: 0.4},
		},
		Nodes: []incident.NodeLine{
			{Name: "worker-1", Ready: true, CPU: 0.52, Memory: 0.44, RequestedCPU: 0.64, RequestedMem: 0.5, Pods: 11},
			{Name: "worker-2", Ready: true, CPU: 0.71, Memory: 0.48, RequestedCPU: 0.97, RequestedMem: 0.6, Pods: 14},
		},
		Changes: []incident.ChangeLine{{At: at(11, 20), Actor: "ci-bot", What: "image chat:1.8.2 → chat:1.8.3", Target: deployment()}},
		Charts: []incident.Chart{{
			Title: incident.Text{EN: "CPU of each pod, share of its limit", ZH: "各 Pod CPU 占限制的比例"}, Unit: "%", Threshold: 80,
			Lines: []incident.ChartLine{series(pod(0).Name, at(13, 37), 91), series(pod(1).Name, at(13, 37), 89)},
		}},
		Totals: incident.Totals{Nodes: 2, NodesReady: 2, Pods: 25, PodsReady: 25, Workloads: 9, WorkloadsReady: 9, ActiveAlarms: 2},
	}
}

func firstDiagnosis() incident.Diagnosis {
	return incident.Diagnosis{
		At: at(14, 6), Verdict: incident.Fault,
		Causes: []incident.Finding{
			{
				Reason: incident.ContainerCpuSaturated, Target: deployment(), Confidence: 0.9, Since: at(14, 5),
				Summary: incident.Text{EN: "container CPU at 97 % of its limit", ZH: "容器 CPU 已达限制的 97%"},
				Evidence: []incident.Evidence{
					{Source: incident.FromMetric, Statement: "both pods use 0.97 of their limit of 1 CPU, above 0.80 for 9 minutes", Target: deployment(), At: at(14, 6)},
					{Source: incident.FromAlarm, Statement: "AOM rule chat-app-cpu fired: 97.2 % > 80 %, 3 times in a row", Target: deployment(), At: at(14, 5)},
					{Source: incident.FromMetric, Statement: "requests rose from 120/s to 310/s between 13:50 and 14:00", Target: deployment(), At: at(14, 0)},
					{Source: incident.FromObject, Statement: "no HPA owns the replicas", Target: deployment()},
					{Source: incident.FromLog, Statement: "chat: request queue full, 214 times in 5 minutes", Target: deployment(), At: at(14, 6)},
				},
				Counter: []string{"no restart and no error in the logs, so a runaway loop is less likely"},
			},
			{
				Reason: "ReleaseRegression", Target: deployment(), Confidence: 0.2,
				Summary:  incident.Text{EN: "release chat:1.8.3 needs more CPU per request", ZH: "版本 chat:1.8.3 的单请求 CPU 开销变高"},
				Evidence: []incident.Evidence{{Source: incident.FromChange, Statement: "image changed at 11:20", Target: deployment(), At: at(11, 20)}},
				Counter:  []string{"CPU stayed at 40 % for 2.5 hours after the release"},
			},
		},
		Effects: []incident.Finding{{Reason: "LatencyHigh", Target: incident.Target{Kind: "Service", Namespace: "default", Name: "chat-app"}, Summary: incident.Text{EN: "p95 latency is 2.3 s", ZH: "p95 延迟 2.3 秒"}, ExplainedBy: "ContainerCPUSaturated"}},
		Gaps:    []string{"CTS could not be asked (403): changes made through the console are not seen"},
	}
}

func scaleOut() incident.Solution {
	return incident.Solution{
		ID: "A", Title: incident.Text{EN: "Add replicas: 2 → 4", ZH: "增加副本：2 → 4"}, Risk: incident.Reversible,
		When:       incident.Text{EN: "Load has grown and the application scales horizontally.", ZH: "负载上升且应用可水平扩展。"},
		Change:     []incident.Text{{EN: "Deployment default/chat-app replicas: 2 → 4", ZH: "Deployment default/chat-app 副本数：2 → 4"}},
		Impact:     incident.Text{EN: "No running pod is restarted.", ZH: "不会重启运行中的 Pod。"},
		Resources:  incident.Text{EN: "+2 CPU, +1 GiB memory requested.", ZH: "新增申请 2 CPU、1 GiB 内存。"},
		Scheduling: incident.Text{EN: "Each new pod needs 1 CPU free on a node.", ZH: "每个新 Pod 需要节点上有 1 个空闲 CPU。"},
		Cost:       incident.Text{EN: "None on existing nodes.", ZH: "使用现有节点，无新增费用。"},
		Verify:     incident.Text{EN: "CPU below 80 % of limit and the alarm cleared, 3 looks in a row.", ZH: "CPU 低于限制的 80% 且告警恢复，连续 3 次。"},
		Rollback:   incident.Text{EN: "Replicas back to 2.", ZH: "副本数恢复为 2。"},
		Prediction: incident.Text{EN: "1 of 2 new pods fits (worker-1); 1 stays Pending: worker-2 has 0.1 CPU free, 1 needed.", ZH: "2 个新 Pod 中 1 个可调度（worker-1），1 个将 Pending：worker-2 仅剩 0.1 CPU，需要 1。"},
		Steps:      []incident.Step{{ID: "A1", Action: incident.ScaleOut, Target: deployment(), Expect: map[string]string{"replicas": "2", "uid": "u-1"}, Goal: map[string]string{"replicas": "4"}}},
	}
}

func raiseLimit() incident.Solution {
	return incident.Solution{
		ID: "B", Title: incident.Text{EN: "Raise CPU request and limit: 1 → 2", ZH: "提高 CPU requests/limits：1 → 2"}, Risk: incident.Disruptive,
		When:       incident.Text{EN: "One replica must do more, or the application does not scale horizontally.", ZH: "应用无法水平扩展，需要提升单副本能力。"},
		Change:     []incident.Text{{EN: "container chat cpu request: 1 → 2", ZH: "容器 chat CPU requests：1 → 2"}, {EN: "container chat cpu limit: 1 → 2", ZH: "容器 chat CPU limits：1 → 2"}},
		Impact:     incident.Text{EN: "Both pods are replaced one after the other; at least 1 of 2 stays ready.", ZH: "两个 Pod 逐个重建，期间至少 1 个可用。"},
		Resources:  incident.Text{EN: "+2 CPU requested.", ZH: "新增申请 2 CPU。"},
		Scheduling: incident.Text{EN: "Each pod needs 2 CPU free on a node.", ZH: "每个 Pod 需要节点上有 2 个空闲 CPU。"},
		Cost:       incident.Text{EN: "None on existing nodes.", ZH: "使用现有节点，无新增费用。"},
		Verify:     incident.Text{EN: "As for A.", ZH: "同方案 A。"},
		Rollback:   incident.Text{EN: "Request and limit back to 1; the pods are replaced again.", ZH: "requests/limits 恢复为 1，Pod 会再次重建。"},
		Prediction: incident.Text{EN: "0 of 2 pods fit: no node has 2 CPU free.", ZH: "2 个 Pod 均无法调度：没有节点有 2 个空闲 CPU。"},
		Steps:      []incident.Step{{ID: "B1", Action: incident.AdjustResources, Target: deployment(), Expect: map[string]string{"chat.requests.cpu": "1", "chat.limits.cpu": "1"}, Goal: map[string]string{"chat.requests.cpu": "2", "chat.limits.cpu": "2"}}},
	}
}

func byHand(id string) incident.Solution {
	return incident.Solution{
		ID: id, Title: incident.Text{EN: "Handle manually", ZH: "人工处理"}, Risk: incident.ReadOnly,
		When:   incident.Text{EN: "The load is not wanted (a test, a crawler).", ZH: "负载不是预期的（压测、爬虫）。"},
		Manual: incident.Text{EN: "See who sends the load, then limit it at the ingress.\nkubectl -n default top pod -l app=chat-app\nkubectl -n default logs deploy/chat-app --since=10m", ZH: "先确认流量来源，再在 Ingress 限流。\nkubectl -n default top pod -l app=chat-app\nkubectl -n default logs deploy/chat-app --since=10m"},
	}
}

func firstPlan() *incident.Plan {
	return &incident.Plan{Incident: "INC-20261122-7f3a", Round: 1, Solutions: []incident.Solution{scaleOut(), raiseLimit(), byHand("C")}, At: at(14, 6), ExpiresAt: at(14, 36)}
}

func approval(s incident.Solution, round int, by string, t time.Time) incident.Decision {
	const id = "INC-20261122-7f3a"
	return incident.Decision{ID: "d-" + s.ID + by, Incident: id, Round: round, Solution: s.ID, Digest: s.Digest(id), Verb: incident.Approve, By: by, Chat: "oc_1", Message: "om_1", At: t}
}

// view is the incident as it is when its first plan waits.
func view(l Language) View {
	return View{
		Look: Look{Language: l, Zone: east8, BotName: "oncall"},
		Incident: &incident.Incident{
			ID: "INC-20261122-7f3a", Key: "c-1/default/chat-app", Cluster: incident.Cluster{ID: "c-1", Name: "demo-recovery", Region: "cn-north-4"},
			OpenedAt: at(14, 5), Alarms: alarms(), Card: &incident.Card{Chat: "oc_1", Message: "om_1"},
			Rounds: []incident.Round{{Number: 1, Diagnosis: firstDiagnosis(), Scene: firstScene(), Plan: firstPlan()}},
		},
		Now: at(14, 7), Tokens: map[string]string{"A": "tok-A", "B": "tok-B", ButtonReject: "tok-R"}, Approvers: []string{"ou_alice", "ou_bob"},
		Links: []Link{{Name: incident.Text{EN: "AOM alarm", ZH: "AOM 告警"}, URL: "https://console.example.com/aom"}},
	}
}

func firstExecution() *incident.Execution {
	return &incident.Execution{
		Incident: "INC-20261122-7f3a", Round: 1, Seq: 3,
		Confirmation: incident.Confirmation{Solution: "A", Decisions: []incident.Decision{approval(scaleOut(), 1, "ou_alice", at(14, 9))}, At: at(14, 9)},
		Steps:        []incident.StepRun{{Step: scaleOut().Steps[0], State: incident.StepApplied, Tries: 1, At: at(14, 10)}},
		StartedAt:    at(14, 9), Deadline: at(14, 59),
	}
}

func executing(l Language) View {
	v := view(l)
	v.Now = at(14, 10)
	v.Tokens = map[string]string{ButtonStop: "tok-S"}
	v.Incident.Rounds[0].Decisions = []incident.Decision{approval(scaleOut(), 1, "ou_alice", at(14, 9))}
	v.Incident.Rounds[0].Execution = firstExecution()
	return v
}

func checks(cpu, alarmState, pods, state string) []incident.Check {
	return []incident.Check{
		{Name: incident.Text{EN: "Alarm", ZH: "告警"}, Before: "firing", Now: alarmState, Want: "cleared", State: state},
		{Name: incident.Text{EN: "CPU, share of limit", ZH: "CPU 占限制比例"}, Before: "97 %", Now: cpu, Want: "< 80 %", State: state},
		{Name: incident.Text{EN: "Replicas ready", ZH: "就绪副本"}, Before: "2/2", Now: pods, Want: "4/4", State: map[bool]string{true: "ok", false: "bad"}[pods == "4/4"]},
		{Name: incident.Text{EN: "Free CPU of the nodes", ZH: "节点空闲 CPU"}, Before: "1.1", Now: "0.1", State: "ok"},
		{Name: incident.Text{EN: "Error rate", ZH: "错误率"}, Now: "", Want: "< 1 %", State: "unknown"},
	}
}

func pending() incident.Finding {
	return incident.Finding{
		Reason: "InsufficientCPU", Target: deployment(), Confidence: 0.97, Since: at(14, 10),
		Summary:  incident.Text{EN: "1 of 4 pods Pending: Insufficient cpu", ZH: "4 个 Pod 中有 1 个 Pending：Insufficient cpu"},
		Evidence: []incident.Evidence{{Source: incident.FromEvent, Statement: "FailedScheduling: 0/2 nodes are available: 2 Insufficient cpu.", Target: pod(3), At: at(14, 10)}},
	}
}

func verifying(l Language) View {
	v := executing(l)
	v.Now, v.Tokens = at(14, 13), map[string]string{ButtonUndo: "tok-U"}
	x := v.Incident.Rounds[0].Execution
	x.Steps[0].State, x.Steps[0].At, x.DoneAt = incident.StepSettled, at(14, 11), at(14, 11)
	x.Verification = []incident.Verification{{At: at(14, 13), Outcome: incident.Improving, Clean: 1, Needed: 3, Checks: checks("78 %", "cleared", "3/4", "ok"), Remaining: []incident.Finding{pending()}, NextLook: at(14, 14)}}
	return v
}

func addNode() incident.Solution {
	pool := incident.Target{Cluster: "c-1", Kind: "NodePool", Name: "pool-1"}
	return incident.Solution{
		ID: "D", Title: incident.Text{EN: "Add one node to pool-1: 2 → 3", ZH: "节点池 pool-1 扩容一个节点：2 → 3"}, Risk: incident.Costly, NeedsTwo: true,
		Change:     []incident.Text{{EN: "node pool pool-1 nodes: 2 → 3 (c7n.xlarge.2)", ZH: "节点池 pool-1 节点数：2 → 3（c7n.xlarge.2）"}},
		Impact:     incident.Text{EN: "No running pod is touched; the node takes 3 to 6 minutes.", ZH: "不影响运行中的 Pod；节点约 3–6 分钟就绪。"},
		Cost:       incident.Text{EN: "one more c7n.xlarge.2, billed by the hour", ZH: "新增一台 c7n.xlarge.2，按需计费"},
		Rollback:   incident.Text{EN: "Not undone by the system: removing a node is a person's decision.", ZH: "系统不自动回滚：缩容需人工决定。"},
		Prediction: incident.Text{EN: "the Pending pod fits on the new node (3.9 CPU free).", ZH: "Pending 的 Pod 可调度到新节点（空闲 3.9 CPU）。"},
		Steps:      []incident.Step{{ID: "D1", Action: incident.ScaleOutNodePool, Target: pool, Expect: map[string]string{"nodes": "2"}, Goal: map[string]string{"nodes": "3"}}},
	}
}

// secondRound is when A did not clear it and new letters wait.
func secondRound(l Language) View {
	v := verifying(l)
	v.Now, v.Tokens = at(14, 17), map[string]string{"D": "tok-D", ButtonReject: "tok-R2"}
	x := v.Incident.Rounds[0].Execution
	x.Verification = append(x.Verification, incident.Verification{At: at(14, 16), Outcome: incident.Unchanged, Needed: 3, Final: true, Checks: checks("88 %", "firing", "3/4", "bad"), Remaining: []incident.Finding{pending()}})
	scene := firstScene()
	scene.Workloads[0].Desired, scene.Workloads[0].Ready = 4, 3
	scene.Pods = append([]incident.PodLine{{Target: pod(3), Status: "Pending", CPU: -1, Memory: -1, Note: "0/2 nodes are available: 2 Insufficient cpu"}}, scene.Pods...)
	v.Incident.Rounds = append(v.Incident.Rounds, incident.Round{
		Number: 2, Scene: scene, Diagnosis: incident.Diagnosis{At: at(14, 16), Verdict: incident.Fault, Causes: []incident.Finding{pending()}},
		Plan: &incident.Plan{Incident: v.Incident.ID, Round: 2, Solutions: []incident.Solution{addNode(), byHand("E")}, At: at(14, 16), ExpiresAt: at(14, 46)},
	})
	return v
}

func recovered(l Language) View {
	v := secondRound(l)
	v.Now, v.Tokens = at(14, 31), nil
	for i := range v.Incident.Alarms {
		v.Incident.Alarms[i].ClearedAt = at(14, 27)
	}
	r := v.Incident.Last()
	r.Decisions = []incident.Decision{approval(addNode(), 2, "ou_alice", at(14, 18)), approval(addNode(), 2, "ou_bob", at(14, 19))}
	r.Execution = &incident.Execution{
		Incident: v.Incident.ID, Round: 2, Confirmation: incident.Confirmation{Solution: "D", Decisions: r.Decisions, At: at(14, 19)},
		Steps: []incident.StepRun{{Step: addNode().Steps[0], State: incident.StepSettled, At: at(14, 23)}}, StartedAt: at(14, 19), Deadline: at(15, 9), DoneAt: at(14, 23), Hops: 4,
		Verification: []incident.Verification{{At: at(14, 30), Outcome: incident.Converged, Clean: 3, Needed: 3, Final: true, Checks: checks("61 %", "cleared", "4/4", "ok")}},
	}
	v.Incident.Closed = &incident.Closing{Status: incident.Recovered, At: at(14, 30), Reason: incident.Text{EN: "CPU is at 61 % of its limit and the alarm has cleared, 3 looks in a row.", ZH: "CPU 为限制的 61%，告警已恢复，连续 3 次检查正常。"}}
	return v
}
