package remediate

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"cce-oncall/shared/incident"
)

// offerRaiseCPU doubles a container's CPU; offerRaiseMemory gives it half as much memory again. Where pods with larger
// requests would not fit, only the limit is raised: the container may then use what its node has idle.
func offerRaiseCPU(b *bench) (incident.Solution, bool) { return b.offerRaise(corev1.ResourceCPU, 2, 1) }

func offerRaiseMemory(b *bench) (incident.Solution, bool) {
	return b.offerRaise(corev1.ResourceMemory, 3, 2)
}

func (b *bench) offerRaise(what corev1.ResourceName, times, over int64) (incident.Solution, bool) {
	if b.load == nil || len(b.load.template.Spec.Containers) == 0 {
		return incident.Solution{}, false
	}
	c := b.container(what)
	if amount(c.Resources, what).IsZero() {
		return incident.Solution{}, false // nothing is requested or limited: there is nothing to raise
	}
	after := c.Resources.DeepCopy()
	for _, list := range []corev1.ResourceList{after.Requests, after.Limits} {
		if q, ok := list[what]; ok {
			list[what] = grown(q, what, times, over)
		}
	}
	p := b.predictResources(c, after)
	if _, limited := c.Resources.Limits[what]; !p.All() && limited {
		only := c.Resources.DeepCopy()
		only.Limits[what] = grown(only.Limits[what], what, times, over)
		if q := b.predictResources(c, only); q.All() {
			after, p = only, q
		}
	}
	if p.Fit == 0 && p.Want > 0 && p.Unseen == "" {
		return incident.Solution{}, false // its rollout would hang at the first pod: more waiting, and nothing gained
	}
	s := b.resourceSolution(c, after, p)
	word := say("memory", "内存")
	if what == corev1.ResourceCPU {
		word = incident.Both("CPU")
	}
	s.Title = incident.Text{
		EN: fmt.Sprintf("Give container %s of %s more %s", c.Name, name(b.load.target), word.EN),
		ZH: fmt.Sprintf("为 %s 的容器 %s 增加%s", name(b.load.target), c.Name, spaced(word.In("zh"))),
	}
	s.When = incident.Text{
		EN: fmt.Sprintf("Each replica needs more %s than it may use; more replicas would not help enough.", word.EN),
		ZH: fmt.Sprintf("单个副本的%s上限不足，仅增加副本效果有限。", word.In("zh")),
	}
	return s, true
}

// grown multiplies a quantity and keeps it readable: CPU in steps of 100m, memory in MiB.
func grown(q resource.Quantity, what corev1.ResourceName, times, over int64) resource.Quantity {
	if what == corev1.ResourceCPU {
		m := q.MilliValue() * times / over
		return *resource.NewMilliQuantity(m, resource.DecimalSI)
	}
	const mebi = 1 << 20
	v := q.Value() * times / over
	return *resource.NewQuantity((v+mebi-1)/mebi*mebi, resource.BinarySI)
}

// offerLower halves what a container asks the scheduler for, as often as it takes for more pods to fit; its limit stays.
func (b *bench) offerLower(what corev1.ResourceName) (incident.Solution, bool) {
	l := b.load
	if l == nil || len(l.template.Spec.Containers) == 0 {
		return incident.Solution{}, false
	}
	c := b.container(what)
	now, ok := c.Resources.Requests[what]
	if !ok || now.IsZero() {
		return incident.Solution{}, false
	}
	fitNow := b.predictResources(c, &c.Resources).Fit
	for part := int64(2); part <= leastPart; part *= 2 {
		after := c.Resources.DeepCopy()
		after.Requests[what] = grown(now, what, 1, part)
		p := b.predictResources(c, after)
		if p.Fit <= fitNow {
			continue
		}
		s := b.resourceSolution(c, after, p)
		s.Title = say("Lower the %[3]s request of container %[1]s of %[2]s", "降低 %[2]s 容器 %[1]s 的 %[3]s 申请量", c.Name, name(l.target), what)
		s.When = say("The pods wait because of what they request, not of what they use.", "Pod 因申请量（而非实际用量）过大而无法调度。")
		return s, true
	}
	return incident.Solution{}, false
}

// leastPart: below an eighth of the request it is another application's size.
const leastPart = 8

func offerLowerCPU(b *bench) (incident.Solution, bool) { return b.offerLower(corev1.ResourceCPU) }

func offerLowerMemory(b *bench) (incident.Solution, bool) { return b.offerLower(corev1.ResourceMemory) }

func (b *bench) predictResources(c *corev1.Container, after *corev1.ResourceRequirements) Prediction {
	template := b.load.template.DeepCopy()
	if i, _ := containerNamed(template.Spec.Containers, c.Name); i < len(template.Spec.Containers) {
		template.Spec.Containers[i].Resources = *after
	}
	return b.world().rollout(b.load, *template)
}

// resourceSolution is everything about a change of requests and limits but its title and scenario.
func (b *bench) resourceSolution(c *corev1.Container, after *corev1.ResourceRequirements, p Prediction) incident.Solution {
	l := b.load
	expect := map[string]string{"uid": string(l.GetUID()), "container": c.Name}
	goal := map[string]string{"container": c.Name}
	var lines []incident.Text
	for _, key := range []string{"requests.cpu", "limits.cpu", "requests.memory", "limits.memory"} {
		before, now := quantityAt(c.Resources, key), quantityAt(*after, key)
		if before != now {
			expect[key], goal[key] = before, now
			lines = append(lines, change(c.Name+" "+key, before, now))
		}
	}
	surge, unavailable := pace(l)
	more := amounts(after.Requests)
	for k, v := range amounts(c.Resources.Requests) {
		more[k] -= v
	}
	s := incident.Solution{
		Risk:   incident.Disruptive,
		Change: lines,
		Impact: join(say("Restarts all %d pod(s) by a rollout: up to %d more and %d fewer at a time.", "滚动重启全部 %d 个 Pod：过程中最多多出 %d 个、最多减少 %d 个。",
			l.replicas, surge, unavailable), l.headroom()),
		Scheduling: l.conditions(),
		Cost:       say("None by itself: no node is added.", "本身不增加费用：不新增节点。"),
		Verify: say("The rollout completes, %d of %d replicas available, the alarm clears.", "滚动更新完成，%d/%d 个副本可用，告警恢复。",
			l.replicas, l.replicas),
		Rollback:   say("The former requests and limits, by another rollout.", "再次滚动更新，恢复原 requests/limits。"),
		Prediction: p.Text(),
		Steps:      []incident.Step{{Action: incident.AdjustResources, Target: l.target, Expect: expect, Goal: goal}},
	}
	s.Resources = requestedMore(more, int64(l.replicas))
	if len(amounts(after.Limits)) > 0 && sameValue(c.Resources.Requests, after.Requests) {
		s.Resources = join(s.Resources, say("What is used above them is what the node has idle.", "超出部分使用节点空闲资源。"))
	}
	return s
}

// requestedMore says by how much the requests of all replicas change.
func requestedMore(per map[corev1.ResourceName]int64, replicas int64) incident.Text {
	more, less := map[corev1.ResourceName]int64{}, map[corev1.ResourceName]int64{}
	for k, v := range per {
		if v > 0 {
			more[k] = v
		} else if v < 0 {
			less[k] = -v
		}
	}
	switch {
	case len(more) > 0:
		return incident.Text{EN: fmt.Sprintf("%s more requested in all.", listed(more, replicas)), ZH: fmt.Sprintf("申请量共增加 %s。", listedZH(more, replicas))}
	case len(less) > 0:
		return incident.Text{EN: fmt.Sprintf("%s less requested in all.", listed(less, replicas)), ZH: fmt.Sprintf("申请量共减少 %s。", listedZH(less, replicas))}
	default:
		return say("Requests do not change.", "申请量不变。")
	}
}
