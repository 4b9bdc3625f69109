package remediate

import (
	"fmt"

	"cce-oncall/shared/incident"
)

// Aftercare is what stays risky after an incident has recovered, and what a person should do about it in daylight: from what was
// really carried out, step by step.
func Aftercare(i *incident.Incident) (risks, advice []incident.Text) {
	seen := map[string]bool{}
	add := func(list *[]incident.Text, t incident.Text) {
		if !seen[t.EN] {
			seen[t.EN] = true
			*list = append(*list, t)
		}
	}
	for _, r := range i.Rounds {
		if r.Execution == nil {
			continue
		}
		for _, s := range r.Execution.Steps {
			if !effective(s) || s.State == incident.StepUndone {
				continue
			}
			if risk, ok := leftBehind(s.Step); ok {
				add(&risks, risk)
			}
			if todo, ok := inDaylight(s.Step); ok {
				add(&advice, todo)
			}
		}
	}
	return risks, advice
}

// leftBehind is what a step leaves behind that may bite later.
func leftBehind(s incident.Step) (incident.Text, bool) {
	t := s.Target
	text := func(en, zh string, args ...any) (incident.Text, bool) {
		return incident.Text{EN: fmt.Sprintf(en, args...), ZH: fmt.Sprintf(zh, args...)}, true
	}
	switch s.Action {
	case incident.ScaleOut, incident.RestoreReplicas, incident.AdjustResources, incident.AdjustHPA, incident.FixServiceSelector, incident.FixServicePort, incident.BurstToCCI:
		return text("%s was changed in the cluster only: the next release from its manifest may take that back.", "%s 仅在集群内修改，下次按清单发布时可能被覆盖。", t)
	case incident.ScaleOutNodePool:
		return text("Node pool %s keeps the added nodes, and their cost, until somebody scales it in; a cluster autoscaler may do so earlier than wanted.", "节点池 %s 新增的节点会持续计费，直至人工缩容；若启用了弹性伸缩，也可能被提前缩容。", t.Name)
	case incident.RollBack:
		return text("%s runs its former release: what the newer one brought is missing.", "%s 已回退到旧版本，新版本的功能暂不可用。", t)
	case incident.CordonNode, incident.DrainNode:
		return text("%s takes no new pods: the cluster has that much less room.", "%s 不再接收新 Pod，集群可用容量相应减少。", t)
	case incident.SuspendJob, incident.SuspendCronJob:
		return text("%s is suspended: its work is not being done.", "%s 已暂停，相关任务不会执行。", t)
	case incident.ExpandPVC:
		return text("%s is larger for good: a volume cannot be shrunk.", "%s 已扩容且无法缩小。", t)
	case incident.RestartRollout, incident.DeletePod:
		return text("%s was restarted: if the fault is in the program, it comes back.", "%s 已重启，若问题源于程序本身，可能再次出现。", t)
	case incident.UncordonNode, incident.ReplaceNode, incident.ResumeRollout, incident.Manual:
	}
	return incident.Text{}, false
}

// inDaylight is what a person does after a step, so that the next night is quiet.
func inDaylight(s incident.Step) (incident.Text, bool) {
	t := s.Target
	text := func(en, zh string, args ...any) (incident.Text, bool) {
		return incident.Text{EN: fmt.Sprintf(en, args...), ZH: fmt.Sprintf(zh, args...)}, true
	}
	switch s.Action {
	case incident.ScaleOut, incident.RestoreReplicas:
		return text("Put %s replicas of %s into its manifest, or give it an autoscaler for such loads.", "将 %[2]s 的副本数 %[1]s 写入部署清单，或为其配置弹性伸缩策略。", s.Goal["replicas"], t)
	case incident.AdjustResources, incident.AdjustHPA, incident.FixServiceSelector, incident.FixServicePort, incident.BurstToCCI:
		return text("Put the change of %s into its manifest.", "将 %s 的变更写入部署清单。", t)
	case incident.ScaleOutNodePool:
		return text("When the load is over, scale node pool %s in again; if such loads come often, let the cluster autoscaler do it.", "负载回落后请将节点池 %s 缩容；若经常出现此类负载，建议启用节点弹性伸缩。", t.Name)
	case incident.RollBack:
		return text("Find what was wrong with the release of %s before it is rolled out again.", "再次发布 %s 之前，请先定位新版本的问题。", t)
	case incident.CordonNode, incident.DrainNode:
		return text("Repair or replace %s, then uncordon it.", "修复或更换 %s 后恢复调度。", t)
	case incident.SuspendJob, incident.SuspendCronJob:
		return text("Mend %s and resume it.", "修复 %s 后恢复运行。", t)
	case incident.RestartRollout, incident.DeletePod, incident.ExpandPVC, incident.UncordonNode, incident.ReplaceNode, incident.ResumeRollout, incident.Manual:
	}
	return incident.Text{}, false
}
