package lark

import "cce-oncall/shared/incident"

// The cards' words for what the law names by constants. A name that is not in a table is shown as it is: old records and new
// reasons must still give a card.

var severities = map[string]words{
	"Critical": say("Critical", "紧急"),
	"Major":    say("Major", "重要"),
	"Minor":    say("Minor", "次要"),
	"Info":     say("Info", "提示"),
}

var severityColours = map[string]colour{"Critical": red, "Major": orange, "Minor": yellow, "Info": blue}

var statuses = map[incident.Status]words{
	incident.Diagnosing:           say("Diagnosing", "诊断中"),
	incident.AwaitingConfirmation: say("Awaiting confirmation", "待确认"),
	incident.Executing:            say("Executing", "执行中"),
	incident.Verifying:            say("Verifying", "验证中"),
	incident.RollingBack:          say("Rolling back", "回滚中"),
	incident.Recovered:            say("Recovered", "已恢复"),
	incident.Rejected:             say("Rejected", "已驳回"),
	incident.Expired:              say("Expired", "已过期"),
	incident.RolledBack:           say("Rolled back", "已回滚"),
	incident.HandedOver:           say("Handed over", "已转人工"),
}

// statusColours: what burns is red to yellow by its severity until it is decided; blue is work, green is good, grey is closed
// without repair, carmine and orange need a person.
var statusColours = map[incident.Status]colour{
	incident.Executing:   blue,
	incident.Verifying:   wathet,
	incident.RollingBack: purple,
	incident.Recovered:   green,
	incident.Rejected:    greyed,
	incident.Expired:     orange,
	incident.RolledBack:  greyed,
	incident.HandedOver:  carmine,
}

var risks = map[incident.Risk]words{
	incident.ReadOnly:    say("read-only: changes nothing", "只读：不做变更"),
	incident.Reversible:  say("reversible: can be undone, interrupts nothing", "可逆：可撤销，不中断业务"),
	incident.Disruptive:  say("disruptive: restarts or moves running pods", "有中断：会重启或迁移运行中的 Pod"),
	incident.Costly:      say("costly: raises the bill", "增加费用：会产生新的资源费用"),
	incident.Destructive: say("destructive: cannot be fully undone", "破坏性：无法完全撤销"),
}

// riskNames are the risks in a word.
var riskNames = map[incident.Risk]words{
	incident.ReadOnly:    say("read-only", "只读"),
	incident.Reversible:  say("reversible", "可逆"),
	incident.Disruptive:  say("disruptive", "有中断"),
	incident.Costly:      say("costly", "增加费用"),
	incident.Destructive: say("destructive", "破坏性"),
}

// grave risks get a red button.
func grave(r incident.Risk) bool {
	return r == incident.Disruptive || r == incident.Costly || r == incident.Destructive
}

var stepStates = map[incident.StepState]words{
	incident.StepPending:    say("○ not begun", "○ 未开始"),
	incident.StepPrepared:   say("● being applied", "● 正在下发"),
	incident.StepApplied:    say("● applied, waiting until it has settled", "● 已下发，等待生效"),
	incident.StepSettled:    say("✓ done", "✓ 已完成"),
	incident.StepFailed:     say("✗ failed", "✗ 失败"),
	incident.StepUndoing:    say("● being undone", "● 正在撤销"),
	incident.StepUndone:     say("← undone", "← 已撤销"),
	incident.StepUndoFailed: say("✗ could not be undone", "✗ 撤销失败"),
}

var outcomes = map[incident.Outcome]words{
	incident.Converged:    say("converged: alarm and metrics both say so", "已收敛：告警与指标均已恢复"),
	incident.Improving:    say("improving, not there yet", "正在好转，尚未收敛"),
	incident.Unchanged:    say("not converged: no improvement", "未收敛：没有改善"),
	incident.Worse:        say("worse than before", "比变更前更差"),
	incident.Inconclusive: say("inconclusive: not enough could be seen", "无法判定：可见信息不足"),
}

// sources are where evidence comes from.
var sources = map[incident.Source]words{
	incident.FromObject: say("object", "对象"), incident.FromEvent: say("event", "事件"), incident.FromLog: say("log", "日志"),
	incident.FromMetric: say("metric", "指标"), incident.FromAlarm: say("alarm", "告警"), incident.FromChange: say("change", "变更"),
}

// quantities are what series mean: evidence names them as the case file does.
var quantities = map[string]words{
	"container_cpu_usage_cores":              say("CPU use, cores:", "CPU 用量（核）"),
	"container_cpu_limit_ratio":              say("CPU, share of the limit:", "CPU 使用率（占限制）"),
	"container_cpu_throttled_seconds":        say("CPU throttling, seconds per second:", "CPU 受限时间（秒/秒）"),
	"container_memory_working_set_bytes":     say("memory working set:", "内存工作集"),
	"container_memory_limit_ratio":           say("memory, share of the limit:", "内存使用率（占限制）"),
	"container_restarts_total":               say("restarts:", "重启次数"),
	"network_receive_bytes_per_second":       say("network received per second:", "网络接收（每秒）"),
	"network_transmit_bytes_per_second":      say("network sent per second:", "网络发送（每秒）"),
	"filesystem_usage_ratio":                 say("file system used:", "文件系统使用率"),
	"volume_usage_ratio":                     say("volume used:", "存储卷使用率"),
	"request_rate":                           say("requests per second:", "请求速率（次/秒）"),
	"request_success_ratio":                  say("share of requests that succeed:", "请求成功率"),
	"request_latency_p50_seconds":            say("latency p50, seconds:", "时延 P50（秒）"),
	"request_latency_p90_seconds":            say("latency p90, seconds:", "时延 P90（秒）"),
	"request_latency_p95_seconds":            say("latency p95, seconds:", "时延 P95（秒）"),
	"request_latency_p99_seconds":            say("latency p99, seconds:", "时延 P99（秒）"),
	"node_cpu_usage_ratio":                   say("node CPU:", "节点 CPU 使用率"),
	"node_memory_usage_ratio":                say("node memory:", "节点内存使用率"),
	"node_filesystem_usage_ratio":            say("node file system used:", "节点文件系统使用率"),
	"node_network_receive_bytes_per_second":  say("node network received per second:", "节点网络接收（每秒）"),
	"node_network_transmit_bytes_per_second": say("node network sent per second:", "节点网络发送（每秒）"),
	"node_tcp_retransmits":                   say("TCP retransmits of the node:", "节点 TCP 重传"),
}

// checkMarks differ by shape, not by colour alone, and are in every font.
var checkMarks = map[string]words{"ok": same("✓"), "bad": same("✗"), "unknown": same("?")}

// values are the words that verification writes into a check, where a reader of Chinese wants his own.
var values = map[string]words{
	"firing": say("firing", "告警中"), "active": say("firing", "告警中"), "cleared": say("cleared", "已恢复"), "resolved": say("cleared", "已恢复"),
	"gone": say("gone", "已消失"), "could not be seen": say("could not be seen", "无法获取"), "no data": say("no data", "无数据"), "AOM could not be asked": say("AOM could not be asked", "无法查询 AOM"),
	"unknown": say("unknown", "未知"), "none": say("none", "无"), "yes": say("yes", "是"), "no": say("no", "否"), "": same("?"),
}

// followUps are what people should still do after an action has helped, where the record brings no advice of its own.
var followUps = map[incident.ActionKind]words{
	incident.ScaleOut:           say("Decide whether the new replica count stays: put it into the manifest or the chart, or let an HPA own it.", "确认新的副本数是否长期保留：写回部署清单或 Helm Chart，或交由 HPA 管理。"),
	incident.AdjustResources:    say("Put the new requests and limits into the manifest, or the next release takes them back.", "把新的 requests/limits 写回部署清单，否则下次发布会被还原。"),
	incident.AdjustHPA:          say("Put the new HPA bounds into the manifest and check the namespace's quota against the new maximum.", "把新的 HPA 上下限写回清单，并核对命名空间配额能否容纳新的最大副本数。"),
	incident.ScaleOutNodePool:   say("The added node is billed from now on: check whether the pool should scale in again when the load is gone.", "新增节点已开始计费：负载回落后请评估是否缩容节点池。"),
	incident.RollBack:           say("The release that failed is still in the pipeline: stop it there before it is rolled out again.", "失败的版本仍在发布流水线中：请先在流水线中停止，避免再次发布。"),
	incident.RestartRollout:     say("A restart treats the symptom: find out why it was needed.", "重启只缓解症状：请继续排查根因。"),
	incident.CordonNode:         say("The node takes no new pods: repair or replace it, then uncordon it.", "该节点已停止调度：修复或更换后请恢复调度。"),
	incident.DrainNode:          say("The node is empty and cordoned: repair or replace it, then uncordon it.", "该节点已排空并停止调度：修复或更换后请恢复调度。"),
	incident.ReplaceNode:        say("Keep the old node's logs if the cause of its failure is not known yet.", "如节点故障原因未明，请保留旧节点日志以便分析。"),
	incident.DeletePod:          say("Watch whether the new pod goes the same way.", "请关注新 Pod 是否再次出现同样问题。"),
	incident.SuspendJob:         say("The job is suspended: repair and resume it, or delete it.", "该 Job 已挂起：修复后恢复，或删除。"),
	incident.SuspendCronJob:     say("The cron job runs no more until somebody resumes it.", "该 CronJob 在恢复之前不会再运行。"),
	incident.RestoreReplicas:    say("Find out who set the replicas to the wrong number (see the changes).", "请查明副本数被谁改错（见变更记录）。"),
	incident.FixServiceSelector: say("Put the corrected selector into the manifest.", "请把修正后的 selector 写回清单。"),
	incident.FixServicePort:     say("Put the corrected port into the manifest.", "请把修正后的端口写回清单。"),
	incident.ExpandPVC:          say("A volume never shrinks: check what fills it.", "云盘无法缩容：请排查占用空间的原因。"),
	incident.BurstToCCI:         say("Pods in CCI are billed by use: move them back when there is room.", "CCI 上的 Pod 按用量计费：有余量后请迁回。"),
	incident.UncordonNode:       say("Watch the node: it takes new pods again.", "该节点已恢复调度，请持续观察。"),
	incident.ResumeRollout:      say("Watch the rollout to its end.", "请观察发布直至完成。"),
}

// term looks a word up, or shows the name itself.
func term[K ~string](p pen, table map[K]words, k K) words {
	if w, ok := table[k]; ok {
		return w
	}
	return p.data(string(k), 60)
}
