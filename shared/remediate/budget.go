package remediate

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// Budget bounds how much may be disturbed across all incidents of a cluster, whatever was confirmed: many small consents given
// in one bad night must not add up to an outage. A zero limit does not bound. It is a law over facts: no clock, no I/O.
type Budget struct {
	Window      time.Duration // the past that counts; zero: an hour
	PerCluster  int           // disruptive, costly or destructive steps in a cluster
	PerPool     int           // node pool scale-outs and node replacements of one pool
	PerWorkload int           // executions that change one workload or node
	// BadNodes is the share of worker nodes (0..1) beyond which no node and no pod is disturbed: when more than that look bad at
	// once it is the network or the control plane, and moving pods about makes it worse. Zero: 0.5.
	BadNodes float64
	Hops     int // invocations of execute for one execution
	Rounds   int // plans tried for one incident
}

const (
	defaultWindow   = time.Hour
	defaultBadNodes = 0.5
)

// Over says why a solution may not begin now; ok means that it may. past are the cluster's executions of any incident; only
// steps that began within the window and may have changed something count, and those that a running execution is about to begin.
func (b Budget) Over(now time.Time, solution incident.Solution, past []incident.Execution, nodes []*corev1.Node) (why incident.Text, over bool) {
	if why, over := b.tooManyBad(solution, nodes); over {
		return why, true
	}
	window := b.Window
	if window == 0 {
		window = defaultWindow
	}
	if why, busy := busy(now, solution, past); busy {
		return why, true
	}
	var done []incident.Step
	touched := map[incident.Target]int{} // by how many executions
	for _, x := range past {
		here := map[incident.Target]bool{}
		for _, s := range x.Steps {
			if effective(s) && now.Sub(s.At) < window || coming(now, x, s) {
				done = append(done, s.Step)
				here[s.Step.Target] = true
			}
		}
		for t := range here {
			touched[t]++
		}
	}
	ours := countSteps(solution.Steps, disruptive)
	if n := countSteps(done, disruptive) + ours; ours > 0 && b.PerCluster > 0 && n > b.PerCluster {
		return say("%[1]d disruptive steps within %[2]s would be more than the %[3]d allowed in this cluster.", "%[2]s 内的扰动性操作将达到 %[1]d 次，超过本集群上限 %[3]d 次。", n, window, b.PerCluster), true
	}
	for _, step := range solution.Steps {
		limit := b.PerWorkload
		if step.Target.Kind == "NodePool" {
			limit = b.PerPool
		}
		if n := touched[step.Target] + 1; limit > 0 && n > limit {
			return say("%[1]s would be changed %[2]d times within %[3]s; %[4]d are allowed.", "%[1]s 在 %[3]s 内将被变更 %[2]d 次，超过上限 %[4]d 次。", step.Target, n, window, limit), true
		}
	}
	return incident.Text{}, false
}

// busy says that another execution is at work on something that the solution changes. Each change would refuse a moved object by
// itself; but neither could be verified or taken back apart from the other.
func busy(now time.Time, solution incident.Solution, past []incident.Execution) (incident.Text, bool) {
	for _, x := range past {
		if !running(now, x) {
			continue
		}
		for _, s := range x.Steps {
			if slices.ContainsFunc(solution.Steps, func(ours incident.Step) bool { return ours.Target.Same(s.Step.Target) }) {
				return say("Another incident's solution is changing %s right now.", "另一事件的方案正在变更 %s。", s.Step.Target), true
			}
		}
	}
	return incident.Text{}, false
}

// running says whether an execution has not come to its end. One that is long past its deadline has been forgotten.
func running(now time.Time, x incident.Execution) bool {
	return !x.StartedAt.IsZero() && x.DoneAt.IsZero() && now.Before(x.Deadline.Add(forgotten))
}

const forgotten = time.Hour

// coming is a step that a running execution has not begun and will.
func coming(now time.Time, x incident.Execution, s incident.StepRun) bool {
	return running(now, x) && !x.Unwinding && x.Stopped == "" && !effective(s)
}

// tooManyBad holds back what disturbs nodes or pods while a large part of the nodes looks bad.
func (b Budget) tooManyBad(solution incident.Solution, nodes []*corev1.Node) (incident.Text, bool) {
	share := b.BadNodes
	if share == 0 {
		share = defaultBadNodes
	}
	bad, workers := 0, 0
	for _, n := range nodes {
		if isControlPlane(n) || virtual(n) {
			continue
		}
		workers++
		if !ready(n) || n.Spec.Unschedulable {
			bad++
		}
	}
	if countSteps(solution.Steps, disruptive) == 0 || float64(bad) <= share*float64(workers) {
		return incident.Text{}, false
	}
	return say("%d of %d nodes look bad at once: that is a fault of the network or the control plane, and moving pods would make it worse.",
		"%d/%d 个节点同时异常：更可能是网络或控制面故障，此时迁移 Pod 会加重影响。", bad, workers), true
}

func countSteps(all []incident.Step, which func(incident.Step) bool) int {
	n := 0
	for _, s := range all {
		if which(s) {
			n++
		}
	}
	return n
}

// disruptive steps stop pods, take nodes out of use, or cost money.
func disruptive(s incident.Step) bool {
	return slices.Contains([]incident.ActionKind{
		incident.AdjustResources, incident.RollBack, incident.RestartRollout, incident.CordonNode, incident.DrainNode, incident.DeletePod,
		incident.SuspendJob, incident.BurstToCCI, incident.ReplaceNode, incident.ScaleOutNodePool, incident.ExpandPVC,
	}, s.Action)
}

// ready says whether a node's kubelet reports it Ready.
func ready(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// Exhausted says why an execution may not go on: out of invocations or out of time. What is left is for people.
func (b Budget) Exhausted(now time.Time, x *incident.Execution) (incident.Text, bool) {
	switch {
	case b.Hops > 0 && x.Hops >= b.Hops:
		return say("The execution has called itself %d times, which is the limit.", "执行已自我唤醒 %d 次，达到上限。", x.Hops), true
	case !x.Deadline.IsZero() && !now.Before(x.Deadline):
		return say("The execution is past its deadline (%s).", "执行已超过截止时间（%s）。", x.Deadline.UTC().Format(time.RFC3339)), true
	default:
		return incident.Text{}, false
	}
}

// Spent says why an incident gets no further plan.
func (b Budget) Spent(past History, rounds int) (incident.Text, bool) {
	switch {
	case past.Failed >= handOverAfter:
		return say("%d plans changed something and the trouble is still there.", "已有 %d 轮方案执行后问题仍未解决。", past.Failed), true
	case b.Rounds > 0 && rounds >= b.Rounds:
		return say("%d plans were tried, which is the limit.", "已尝试 %d 轮方案，达到上限。", rounds), true
	default:
		return incident.Text{}, false
	}
}
