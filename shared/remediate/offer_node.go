package remediate

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// node is the node a cause is about.
func (b *bench) node() *corev1.Node {
	want := b.cause.Facts[factNode]
	if b.cause.Target.Kind == "Node" {
		want = b.cause.Target.Name
	}
	for _, n := range b.s.Objects.Nodes {
		if n.Name == want {
			return n
		}
	}
	return nil
}

// aboard are what a drain would do with the pods of a node.
type aboard struct {
	move, stay []*corev1.Pod
	bare       []string // nothing makes them again
	local      []string // they keep data on the node
	blocked    []string // disruption budgets without headroom
	silent     bool     // the kubelet does not answer
}

func (b *bench) aboard(node string) aboard {
	var a aboard
	budgets := map[string]bool{}
	for _, p := range b.s.Objects.Pods {
		if p.Spec.NodeName != node || finished(p) {
			continue
		}
		if stays(p) {
			a.stay = append(a.stay, p)
			continue
		}
		a.move = append(a.move, p)
		if unmovable(p, map[string]string{"localData": "true"}) != "" {
			a.bare = append(a.bare, p.Namespace+"/"+p.Name)
		}
		if unmovable(p, map[string]string{"barePods": "true"}) != "" {
			a.local = append(a.local, p.Namespace+"/"+p.Name)
		}
		for _, pdb := range b.s.Objects.PDBs {
			if pdb.Namespace == p.Namespace && pdb.Status.DisruptionsAllowed <= 0 && selects(pdb.Spec.Selector, p.Labels) {
				budgets[pdb.Namespace+"/"+pdb.Name] = true
			}
		}
	}
	for name := range budgets {
		a.blocked = append(a.blocked, name)
	}
	slices.Sort(a.blocked)
	return a
}

// elsewhere predicts where the pods of a node would go.
func (b *bench) elsewhere(node string, pods []*corev1.Pod) Prediction {
	closed := *b.s
	closed.Objects.Nodes = nil
	for _, n := range b.s.Objects.Nodes {
		if n.Name == node {
			n = n.DeepCopy()
			n.Spec.Unschedulable = true
		}
		closed.Objects.Nodes = append(closed.Objects.Nodes, n)
	}
	set := PodSet{Gone: pods}
	for _, p := range pods {
		moved := p.DeepCopy()
		moved.Spec.NodeName = ""
		moved.Status = corev1.PodStatus{}
		set.Waiting = append(set.Waiting, moved)
	}
	p := Predict(&closed, set)
	p.Waiting, p.Moved = false, true
	return p
}

func (b *bench) nodeTarget(n *corev1.Node) incident.Target { return b.target("Node", "", n.Name) }

func cordonStep(t incident.Target, n *corev1.Node) incident.Step {
	return incident.Step{
		Action: incident.CordonNode, Target: t,
		Expect: map[string]string{"uid": string(n.UID), "unschedulable": cordoned(n)}, Goal: map[string]string{"unschedulable": "true"},
	}
}

// offerCordon keeps new pods off a node that is not to be trusted; what runs there goes on.
func offerCordon(b *bench) (incident.Solution, bool) {
	n := b.node()
	if n == nil || n.Spec.Unschedulable || isControlPlane(n) || virtual(n) {
		return incident.Solution{}, false
	}
	a := b.aboard(n.Name)
	others := b.usable(n.Name)
	return incident.Solution{
		Title:  say("Cordon node %s", "隔离节点 %s（禁止调度）", n.Name),
		Risk:   incident.Reversible,
		When:   say("New pods must not land on it while the cause is looked for.", "排查期间避免新 Pod 调度到该节点。"),
		Change: []incident.Text{change("unschedulable", "false", "true")},
		Impact: say("No pod is stopped: the node keeps its %d pod(s). New pods have %d other node(s) to go to.", "不会停止任何 Pod：该节点上 %d 个 Pod 继续运行；其余 %d 个节点可接收新 Pod。", len(a.move)+len(a.stay), others),
		Resources: say("The free capacity of %s is not used for new pods.", "%s 的空闲资源暂不用于新 Pod。",
			n.Name),
		Scheduling: say("New pods go to the other nodes.", "新 Pod 将调度到其他节点。"),
		Cost:       say("None.", "无。"),
		Verify:     say("The node is unschedulable and no new pod lands there.", "节点变为不可调度，且无新 Pod 调度到该节点。"),
		Rollback:   say("Uncordon, unless somebody had cordoned it before.", "解除隔离（若此前已被他人隔离则保持）。"),
		Prediction: say("Nothing is moved.", "不会迁移任何 Pod。"),
		Steps:      []incident.Step{cordonStep(b.nodeTarget(n), n)},
	}, others > 0
}

// usable counts the other nodes that take pods.
func (b *bench) usable(but string) int {
	n := 0
	for _, o := range b.s.Objects.Nodes {
		if o.Name != but && ready(o) && !o.Spec.Unschedulable && !virtual(o) {
			n++
		}
	}
	return n
}

// offerDrain moves the pods off a node, where at least one of them finds another.
func offerDrain(b *bench) (incident.Solution, bool) {
	n := b.node()
	if n == nil || isControlPlane(n) || virtual(n) || b.usable(n.Name) == 0 {
		return incident.Solution{}, false
	}
	a := b.aboard(n.Name)
	a.silent = !ready(n)
	if len(a.move) == 0 {
		return incident.Solution{}, false
	}
	t := b.nodeTarget(n)
	p := b.elsewhere(n.Name, a.move)
	if p.Fit == 0 && p.Unseen == "" {
		return incident.Solution{}, false
	}
	steps, lines := b.drainSteps(t, n, a)
	s := incident.Solution{
		Title:      say("Cordon and drain node %s", "隔离并排空节点 %s", n.Name),
		Risk:       incident.Disruptive,
		When:       say("The node harms what runs on it, and the pods can run elsewhere.", "节点已影响其上业务，且 Pod 可在其他节点运行。"),
		Change:     lines,
		Impact:     a.impact(),
		Resources:  say("The pods' requests move to other nodes.", "Pod 的资源占用转移到其他节点。"),
		Scheduling: say("Each pod needs another node that takes it.", "每个 Pod 都需要有其他节点可接收。"),
		Cost:       say("None by itself.", "本身不增加费用。"),
		Verify:     say("No evictable pod is left on the node, the workloads are available elsewhere, the alarm clears.", "节点上无可驱逐 Pod，负载在其他节点可用，告警恢复。"),
		Rollback:   say("Uncordon the node; moved pods stay where they are.", "解除隔离；已迁移的 Pod 不会迁回。"),
		Prediction: p.Text(),
		Steps:      steps,
	}
	if len(a.bare) > 0 {
		s.Risk = incident.Destructive
	}
	return s, true
}

// drainSteps say in the goal what a person approves to lose.
func (b *bench) drainSteps(t incident.Target, n *corev1.Node, a aboard) ([]incident.Step, []incident.Text) {
	goal := map[string]string{"drained": "true"}
	lines := []incident.Text{say("evictable pods: %d → 0", "可驱逐 Pod：%d → 0", len(a.move))}
	if len(a.bare) > 0 {
		goal["barePods"] = "true"
	}
	if len(a.local) > 0 {
		goal["localData"] = "true"
	}
	drain := incident.Step{Action: incident.DrainNode, Target: t, Expect: map[string]string{"uid": string(n.UID)}, Goal: goal}
	if n.Spec.Unschedulable {
		return []incident.Step{drain}, lines
	}
	return []incident.Step{cordonStep(t, n), drain}, append([]incident.Text{change("unschedulable", "false", "true")}, lines...)
}

func (a aboard) impact() incident.Text {
	out := []incident.Text{say("Evicts %d pod(s), which start again elsewhere; %d of DaemonSets and static ones stay.", "驱逐 %d 个 Pod 并在其他节点重建；%d 个 DaemonSet/静态 Pod 保留。", len(a.move), len(a.stay))}
	if len(a.bare) > 0 {
		out = append(out, say("Not made again, as nothing controls them: %s.", "以下 Pod 无控制器，不会重建：%s。", strings.Join(firstOf(a.bare, 5), ", ")))
	}
	if len(a.local) > 0 {
		out = append(out, say("Lose the data in their emptyDir: %s.", "以下 Pod 的 emptyDir 数据将丢失：%s。", strings.Join(firstOf(a.local, 5), ", ")))
	}
	if len(a.blocked) > 0 {
		out = append(out, say("These disruption budgets allow none now, so the drain waits for them: %s.", "以下 PodDisruptionBudget 当前不允许中断，排空将等待：%s。", strings.Join(firstOf(a.blocked, 5), ", ")))
	} else {
		out = append(out, say("No disruption budget stands in the way.", "无 PodDisruptionBudget 阻挡。"))
	}
	if a.silent {
		out = append(out, say("The node does not answer: the pods stay Terminating there until it is back or deleted, and those of StatefulSets start elsewhere only then.",
			"节点无响应：旧 Pod 会停留在 Terminating，直至节点恢复或被删除；StatefulSet 的 Pod 届时才会在其他节点启动。"))
	}
	return join(out...)
}

// offerReplace has CCE make a new machine for a node of a pool: drained where it is alive, at once where it is dead.
func offerReplace(b *bench) (incident.Solution, bool) {
	n := b.node()
	if n == nil || isControlPlane(n) || virtual(n) {
		return incident.Solution{}, false
	}
	pool, ok := b.poolOf(n)
	if !ok || blocked(pool) != "" {
		return incident.Solution{}, false
	}
	a, t := b.aboard(n.Name), b.nodeTarget(n)
	var steps []incident.Step
	var lines []incident.Text
	p := b.elsewhere(n.Name, a.move)
	switch {
	case ready(n) && len(a.move) > 0:
		steps, lines = b.drainSteps(t, n, a)
	case !n.Spec.Unschedulable:
		steps, lines = []incident.Step{cordonStep(t, n)}, []incident.Text{change("unschedulable", "false", "true")}
	}
	steps = append(steps, incident.Step{
		Action: incident.ReplaceNode, Target: t, Expect: map[string]string{"uid": string(n.UID)}, Goal: map[string]string{"replaced": "true"},
	})
	return incident.Solution{
		Title:      say("Replace node %s by a new one of pool %s", "用节点池 %[2]s 的新节点替换 %[1]s", n.Name, pool.Name),
		Risk:       incident.Destructive,
		When:       say("The machine is broken beyond what a restart can mend.", "节点已损坏，无法通过重启恢复。"),
		Change:     append(lines, say("machine of %s: deleted, the pool makes another", "%s 对应的云服务器：删除，由节点池新建", n.Name)),
		Impact:     join(a.impact(), say("Everything on the node's own disks is lost.", "节点本地磁盘上的数据全部丢失。")),
		Resources:  say("The number of nodes stays %d; one is missing for some minutes.", "节点数保持 %d；期间短暂缺少一个节点。", pool.Desired),
		Scheduling: say("Pool %s must be able to make a node of flavor %s.", "节点池 %s 需能创建 %s 规格的节点。", pool.Name, named(pool.Flavor)),
		Cost:       say("The same number of nodes of flavor %s.", "%s 节点数量不变。", named(pool.Flavor)),
		Verify:     say("The old node is gone, a new one is Ready, no pod Pending, the alarm clears.", "旧节点已移除，新节点 Ready，无 Pending Pod，告警恢复。"),
		Rollback:   say("Not possible: the machine is deleted.", "无法回退：云服务器已删除。"),
		Prediction: p.Text(),
		Steps:      steps,
	}, true
}

func (b *bench) poolOf(n *corev1.Node) (observe.NodePool, bool) {
	for _, p := range b.s.Objects.NodePools {
		if p.Name != defaultPool && (p.ID != "" && n.Labels[poolIDLabel] == p.ID || p.Name != "" && n.Labels[poolNameLabel] == p.Name) {
			return p, true
		}
	}
	return observe.NodePool{}, false
}

// offerUncordon opens a node again that is healthy and was cordoned.
func offerUncordon(b *bench) (incident.Solution, bool) {
	n := b.node()
	if n == nil || !n.Spec.Unschedulable || !ready(n) || isControlPlane(n) {
		return incident.Solution{}, false
	}
	opened := *b.s
	opened.Objects.Nodes = slices.Clone(b.s.Objects.Nodes)
	for i, o := range opened.Objects.Nodes {
		if o.Name == n.Name {
			o = o.DeepCopy()
			o.Spec.Unschedulable = false
			o.Spec.Taints = slices.DeleteFunc(o.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeUnschedulable })
			opened.Objects.Nodes[i] = o
		}
	}
	all := &bench{s: &opened}
	p := Predict(&opened, PodSet{Waiting: all.waiting()})
	return incident.Solution{
		Title:      say("Uncordon node %s", "解除节点 %s 的隔离", n.Name),
		Risk:       incident.Reversible,
		When:       say("It is healthy and whoever cordoned it is done.", "节点健康，且隔离它的工作已完成。"),
		Change:     []incident.Text{change("unschedulable", "true", "false")},
		Impact:     say("New pods may land there. Ask first who cordoned it and why.", "新 Pod 可调度到该节点。请先确认是谁、为何隔离。"),
		Resources:  say("Its free capacity counts again.", "其空闲资源重新可用。"),
		Scheduling: say("It must stay Ready.", "节点需保持 Ready。"),
		Cost:       say("None.", "无。"),
		Verify:     say("The node takes pods and they become ready.", "节点可接收 Pod 且 Pod 就绪。"),
		Rollback:   say("Cordon again.", "重新隔离。"),
		Prediction: p.Text(),
		Steps: []incident.Step{{
			Action: incident.UncordonNode, Target: b.nodeTarget(n),
			Expect: map[string]string{"uid": string(n.UID), "unschedulable": "true"}, Goal: map[string]string{"unschedulable": "false"},
		}},
	}, true
}

// mostPods is a limit of our own: how many pods one confirmation may delete.
const mostPods = 5

// offerDeletePods deletes pods that are stuck or have failed, so that their controller makes them again.
func offerDeletePods(b *bench) (incident.Solution, bool) {
	var steps []incident.Step
	var lines []incident.Text
	var again []*corev1.Pod
	for _, p := range b.broken() {
		if len(steps) == mostPods {
			break
		}
		steps = append(steps, b.deletion(p))
		lines = append(lines, change("pod "+p.Namespace+"/"+p.Name, string(p.Status.Phase), "deleted"))
		if !finished(p) {
			again = append(again, p)
		}
	}
	if len(steps) == 0 {
		return incident.Solution{}, false
	}
	p := b.elsewhere("", again)
	p.Moved = false
	return incident.Solution{
		Title:      say("Delete %d broken pod(s)", "删除 %d 个异常 Pod", len(steps)),
		Risk:       incident.Disruptive,
		When:       say("They are stuck in a state that they do not leave by themselves; their controller makes new ones.", "Pod 卡在无法自行恢复的状态，控制器会重建。"),
		Change:     lines,
		Impact:     say("Only pods that do not serve are deleted.", "只删除未提供服务的 Pod。"),
		Resources:  say("None in the end.", "最终资源占用不变。"),
		Scheduling: say("The new pods need a node.", "新 Pod 需要有节点可调度。"),
		Cost:       say("None.", "无。"),
		Verify:     say("The pods are gone, new ones are ready, the alarm clears.", "旧 Pod 已删除，新 Pod 就绪，告警恢复。"),
		Rollback:   say("Not possible and not needed: the controller makes new ones.", "无法也无需回退：控制器会重建。"),
		Prediction: p.Text(),
		Steps:      steps,
	}, true
}

func (b *bench) deletion(p *corev1.Pod) incident.Step {
	return incident.Step{
		Action: incident.DeletePod, Target: b.target("Pod", p.Namespace, p.Name),
		Expect: map[string]string{"uid": string(p.UID), "phase": string(p.Status.Phase)}, Goal: map[string]string{"absent": "true"},
	}
}

// broken are the pods of a cause that do not serve: failed ones of its workload, the pod it names, those not ready on its node.
func (b *bench) broken() []*corev1.Pod {
	var out []*corev1.Pod
	for _, p := range b.s.Objects.Pods {
		if podReady(p) || p.Status.Phase == corev1.PodSucceeded || p.DeletionTimestamp != nil || ownerless(p) {
			continue
		}
		named := b.cause.Target.Kind == "Pod" && b.cause.Target.Same(b.target("Pod", p.Namespace, p.Name))
		affected := slices.ContainsFunc(b.cause.Affected, func(t incident.Target) bool { return t.Same(b.target("Pod", p.Namespace, p.Name)) })
		owned := b.load != nil && p.Namespace == b.load.target.Namespace && b.owns(b.load, p) && (p.Status.Phase == corev1.PodFailed || affected)
		if named || owned || affected && b.load == nil {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, c *corev1.Pod) int {
		return strings.Compare(fmt.Sprint(a.Namespace, "/", a.Name), fmt.Sprint(c.Namespace, "/", c.Name))
	})
	return out
}

func ownerless(p *corev1.Pod) bool { return len(p.OwnerReferences) == 0 }
