package remediate

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"cce-oncall/shared/incident"
)

// All says whether every pod asked about finds a node.
func (p Prediction) All() bool { return p.Fit == p.Want }

// Scheduler is the answer the scheduler would give for the first pod that does not fit; empty when all do.
func (p Prediction) Scheduler() string {
	if p.Fit >= p.Created || p.Unseen != "" {
		return ""
	}
	why := p.Whole
	if why == "" {
		lines := make([]string, 0, len(p.Why))
		for _, b := range p.Why {
			lines = append(lines, fmt.Sprintf("%d %s", b.Nodes, b.Reason))
		}
		why = strings.Join(lines, ", ")
	}
	return strings.TrimSpace(fmt.Sprintf("0/%d nodes are available: %s", p.Nodes, why))
}

// Text is the prediction in a sentence or two.
func (p Prediction) Text() incident.Text {
	if p.Unseen != "" {
		zh := map[string]string{"nodes": "节点", "pods": " Pod "}[p.Unseen]
		return incident.Text{EN: "Cannot be computed: the " + p.Unseen + " of the cluster were not seen.", ZH: "无法预测：未能获取集群的" + zh + "信息。"}
	}
	en, zh := []string{p.summary()}, []string{p.summaryZH()}
	if s := p.Scheduler(); s != "" {
		en = append(en, s+".")
		zh = append(zh, p.schedulerZH()+"。")
		if p.Preempts {
			en = append(en, "Pods of lower priority could be preempted to make room.")
			zh = append(zh, "可能会抢占低优先级 Pod 以腾出资源。")
		}
	}
	if p.Refused != "" {
		en = append(en, fmt.Sprintf("%d will not be created: %s.", p.Want-p.Created, p.Refused))
		zh = append(zh, fmt.Sprintf("有 %d 个 Pod 将无法创建：%s。", p.Want-p.Created, p.Refused))
	}
	return incident.Text{EN: strings.Join(en, " "), ZH: strings.Join(zh, "")}
}

func (p Prediction) summary() string {
	where, kind := p.where(", "), p.kind()
	switch {
	case p.Want == 0:
		return "No pod has to be placed."
	case p.Rollout && p.All():
		return fmt.Sprintf("All %d pods can be replaced%s.", p.Want, where)
	case p.Rollout:
		return fmt.Sprintf("The rollout stops after %d of %d pods; the old ones keep serving.", p.Fit, p.Want)
	case p.All() && p.Want == 1:
		return "The " + kind + " pod fits" + where + "."
	case p.All():
		return fmt.Sprintf("All %d %s pods fit%s.", p.Want, kind, where)
	case p.Fit == 0 && p.Want == 1:
		return "The " + kind + " pod will not fit."
	case p.Fit == 0:
		return fmt.Sprintf("%d of %d %s pods will not fit.", p.Want, p.Want, kind)
	default:
		return fmt.Sprintf("%d of %d %s pods will not fit; %d will%s.", p.Want-p.Fit, p.Want, kind, p.Fit, where)
	}
}

func (p Prediction) kind() string {
	switch {
	case p.Waiting:
		return "pending"
	case p.Moved:
		return "moved"
	default:
		return "new"
	}
}

func (p Prediction) kindZH() string {
	switch {
	case p.Waiting:
		return "等待中的"
	case p.Moved:
		return "迁移的"
	default:
		return "新"
	}
}

func (p Prediction) summaryZH() string {
	where, kind := p.where("、"), p.kindZH()
	switch {
	case p.Want == 0:
		return "没有需要调度的 Pod。"
	case p.Rollout && p.All():
		return fmt.Sprintf("%d 个 Pod 均可完成替换%s。", p.Want, where)
	case p.Rollout:
		return fmt.Sprintf("滚动更新将在替换 %d/%d 个 Pod 后停住，旧 Pod 继续提供服务。", p.Fit, p.Want)
	case p.All() && p.Want == 1:
		return fmt.Sprintf("1 个%s Pod 可调度%s。", kind, where)
	case p.All():
		return fmt.Sprintf("%d 个%s Pod 均可调度%s。", p.Want, kind, where)
	case p.Fit == 0 && p.Want == 1:
		return fmt.Sprintf("1 个%s Pod 无法调度。", kind)
	case p.Fit == 0:
		return fmt.Sprintf("%d 个%s Pod 均无法调度。", p.Want, kind)
	default:
		return fmt.Sprintf("%d 个%s Pod 中有 %d 个无法调度，%d 个可调度%s。", p.Want, kind, p.Want-p.Fit, p.Fit, where)
	}
}

// where lists the nodes, the first five of them.
func (p Prediction) where(comma string) string {
	if len(p.On) == 0 {
		return ""
	}
	names := make([]string, 0, len(p.On))
	for i, on := range p.On {
		if i == 5 {
			names = append(names, "…")
			break
		}
		name := on.Node
		if on.Pods > 1 {
			name = fmt.Sprintf("%s ×%d", on.Node, on.Pods)
		}
		names = append(names, name)
	}
	open, shut := " (", ")"
	if comma != ", " {
		open, shut = "（", "）"
	}
	return open + strings.Join(names, comma) + shut
}

func (p Prediction) schedulerZH() string {
	if p.Whole != "" {
		return fmt.Sprintf("0/%d 个节点可用：%s", p.Nodes, reasonZH(p.Whole))
	}
	lines := make([]string, 0, len(p.Why))
	for _, b := range p.Why {
		lines = append(lines, fmt.Sprintf("%d 个节点%s", b.Nodes, spaced(reasonZH(b.Reason))))
	}
	return fmt.Sprintf("0/%d 个节点可用：%s", p.Nodes, strings.Join(lines, "，"))
}

// spaced puts the space that stands between Chinese and Latin letters.
func spaced(s string) string {
	if s != "" && s[0] < utf8.RuneSelf {
		return " " + s
	}
	return s
}

// reasonZH keeps the scheduler's own words behind the Chinese ones, so that they can be searched for.
func reasonZH(reason string) string {
	for _, r := range reasonsZH {
		if strings.HasPrefix(reason, r.en) {
			return r.zh + "（" + reason + "）"
		}
	}
	return "：" + reason
}

// reasonsZH translates the scheduler's filters, longest first where one begins another.
var reasonsZH = []struct{ en, zh string }{
	{"Insufficient cpu", "CPU 不足"},
	{"Insufficient memory", "内存不足"},
	{"Insufficient ephemeral-storage", "临时存储不足"},
	{"Insufficient ", "扩展资源不足"},
	{"Too many pods", "Pod 数已达上限"},
	{"node(s) were unschedulable", "不可调度"},
	{"node(s) had untolerated taint", "存在未容忍的污点"},
	{"node(s) didn't match Pod's node affinity/selector", "不满足节点亲和或选择器"},
	{"node(s) didn't have free ports", "主机端口被占用"},
	{"node(s) had volume node affinity conflict", "与存储卷的节点亲和冲突"},
	{"node(s) had no available volume zone", "不在存储卷所在可用区"},
	{"node(s) exceed max volume count", "挂载卷数已达上限"},
	{"node(s) didn't find available persistent volumes to bind", "没有可绑定的存储卷"},
	{"node(s) unavailable due to PersistentVolumeClaim", "存储卷声明已被其他 Pod 独占"},
	{"node(s) didn't match pod topology spread constraints", "不满足拓扑分布约束"},
	{"node(s) didn't match pod affinity rules", "不满足 Pod 亲和规则"},
	{"node(s) didn't match pod anti-affinity rules", "不满足 Pod 反亲和规则"},
	{"node(s) didn't satisfy existing pods anti-affinity rules", "被已有 Pod 的反亲和规则排斥"},
	{"pod has unbound immediate PersistentVolumeClaims", "存储卷声明尚未绑定"},
	{"persistentvolumeclaim", "存储卷声明异常"},
}
