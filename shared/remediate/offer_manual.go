package remediate

import (
	"fmt"
	"strings"

	"cce-oncall/shared/incident"
)

// manual is the answer that is always there: what a person does, with commands.
func (b *bench) manual(past History) incident.Solution {
	info := incident.Info(b.cause.Reason)
	advice := info.Advice
	if advice.EN == "" {
		advice = say("Look at the object and its events, and correct what the evidence names.", "查看对象及其事件，按证据所指修正。")
	}
	commands := strings.Join(b.commands(), "\n")
	s := incident.Solution{
		Title:  say("Handle it by hand", "人工处理"),
		Risk:   incident.ReadOnly,
		When:   say("None of the other solutions fits, or you know something that is not on this card.", "其他方案均不合适，或你掌握本卡片之外的信息。"),
		Impact: say("Nothing is changed by this service.", "本服务不做任何变更。"),
		Verify: say("The alarm clears and the next inspection finds nothing.", "告警恢复，且下次巡检无异常。"),
		Manual: incident.Text{EN: advice.EN + "\n" + commands, ZH: advice.In("zh") + "\n" + commands},
	}
	if past.Failed >= handOverAfter {
		s.When = say("%d rounds changed something and did not help: a person should take over.", "已执行 %d 轮变更仍未恢复，建议人工接手。", past.Failed)
	}
	return s
}

// commands look at the object of a cause and around it.
func (b *bench) commands() []string {
	t := b.cause.Target
	ns := "-n " + shell(t.Namespace)
	kind := strings.ToLower(t.Kind)
	switch t.Kind {
	case "Node":
		return []string{
			"kubectl describe node " + shell(t.Name),
			"kubectl get pods -A -o wide --field-selector spec.nodeName=" + shell(t.Name),
		}
	case "Namespace":
		return []string{
			"kubectl describe resourcequota,limitrange -n " + shell(t.Name),
			"kubectl get events -n " + shell(t.Name) + " --sort-by=.lastTimestamp",
		}
	case "Cluster", "NodePool":
		return []string{"kubectl get nodes -o wide", "kubectl get events -A --sort-by=.lastTimestamp"}
	}
	out := []string{fmt.Sprintf("kubectl describe %s %s %s", kind, shell(t.Name), ns)}
	if b.load != nil {
		out = append(out,
			fmt.Sprintf("kubectl get pods %s -o wide", ns),
			fmt.Sprintf("kubectl logs %s %s/%s --all-containers --tail=100", ns, strings.ToLower(b.load.target.Kind), shell(b.load.target.Name)))
	}
	return out
}
