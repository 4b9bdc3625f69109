package remediate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// The labels CCE gives every node of a pool.
const (
	poolNameLabel = "cce.cloud.com/cce-nodepool"
	poolIDLabel   = "cce.cloud.com/cce-nodepool-id"
)

// defaultPool is CCE's pool of nodes that belong to none; it cannot be scaled.
const defaultPool = "DefaultPool"

// mostNodes is a limit of our own: how many nodes one confirmation may add.
const mostNodes = 5

// growth is what it takes of one pool to get waiting pods placed.
type growth struct {
	pool  observe.NodePool
	nodes int
	p     Prediction
}

// offerAddNodes scales out the pool that takes the fewest nodes to place the pods that wait for capacity.
func offerAddNodes(b *bench) (incident.Solution, bool) {
	waiting := b.waiting()
	if len(waiting) == 0 {
		return incident.Solution{}, false
	}
	var best *growth
	for _, pool := range b.s.Objects.NodePools {
		g, ok := b.grow(pool, waiting)
		if ok && (best == nil || g.p.Fit > best.p.Fit || g.p.Fit == best.p.Fit && g.nodes < best.nodes) {
			best = &g
		}
	}
	if best == nil {
		return incident.Solution{}, false
	}
	return b.addNodes(*best), true
}

// waiting are the pods of the cause's workload that have no node, else all such pods of the cluster.
func (b *bench) waiting() []*corev1.Pod {
	if b.load != nil {
		return b.load.waitingPods()
	}
	var out []*corev1.Pod
	for _, p := range b.s.Objects.Pods {
		if _, stuck := unschedulableReason(p); stuck && waiting(p) {
			out = append(out, p)
		}
	}
	return out
}

// grow finds the smallest number of nodes of a pool that places the most of the waiting pods.
func (b *bench) grow(pool observe.NodePool, waiting []*corev1.Pod) (growth, bool) {
	if pool.ID == "" || pool.Name == defaultPool || pool.ID == defaultPool || blocked(pool) != "" {
		return growth{}, false
	}
	before := b.world().predict(PodSet{Waiting: waiting}).Fit
	best := growth{pool: pool}
	var extra []*corev1.Node
	for n := 1; n <= mostNodes; n++ {
		node, ok := nodeOf(b.s, pool, n)
		if !ok {
			return growth{}, false
		}
		extra = append(extra, node)
		p := b.world().predict(PodSet{Waiting: waiting}, extra...)
		if p.Fit > max(best.p.Fit, before) {
			best.nodes, best.p = n, p
		}
		if p.All() {
			break
		}
	}
	return best, best.nodes > 0
}

// nodeOf is the n-th node to come in a pool, made after one that is there. Without a model there is nothing to compute from.
func nodeOf(s *observe.Snapshot, pool observe.NodePool, n int) (*corev1.Node, bool) {
	like := modelOf(s, pool)
	if like == nil {
		return nil, false
	}
	name := fmt.Sprintf("%s-new-%d", pool.Name, n)
	out := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: maps.Clone(like.Labels)}}
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	maps.Copy(out.Labels, pool.Labels)
	out.Labels[corev1.LabelHostname] = name
	out.Spec.Taints = slices.Clone(pool.Taints)
	out.Status.Allocatable = like.Status.Allocatable
	return out, true
}

// modelOf is the node that a new one of the pool will be like: one of the pool, else one of its flavor, else, where no node
// says which pool it is of, the smallest.
func modelOf(s *observe.Snapshot, pool observe.NodePool) *corev1.Node {
	var flavor, smallest *corev1.Node
	pooled := false
	for _, n := range s.Objects.Nodes {
		if n.Labels[poolIDLabel] == pool.ID || n.Labels[poolNameLabel] == pool.Name {
			return n
		}
		pooled = pooled || n.Labels[poolIDLabel] != "" || n.Labels[poolNameLabel] != ""
		if flavor == nil && pool.Flavor != "" && n.Labels[corev1.LabelInstanceTypeStable] == pool.Flavor {
			flavor = n
		}
		if !isControlPlane(n) && !virtual(n) && (smallest == nil || n.Status.Allocatable.Cpu().Cmp(*smallest.Status.Allocatable.Cpu()) < 0) {
			smallest = n
		}
	}
	if flavor != nil || pooled {
		return flavor
	}
	return smallest
}

func isControlPlane(n *corev1.Node) bool {
	_, yes := n.Labels["node-role.kubernetes.io/control-plane"]
	return yes
}

// virtual nodes stand for serverless capacity; the CCI bursting add-on names its node bursting-node.
func virtual(n *corev1.Node) bool {
	return n.Labels["type"] == "virtual-kubelet" || strings.HasPrefix(n.Name, "bursting-")
}

func (b *bench) addNodes(g growth) incident.Solution {
	pool, want := g.pool, g.pool.Desired+g.nodes
	target := b.target("NodePool", "", pool.Name)
	flavor := named(pool.Flavor)
	s := incident.Solution{
		Title: say("Add %d node(s) to node pool %s", "为节点池 %[2]s 增加 %[1]d 个节点", g.nodes, pool.Name),
		Risk:  incident.Costly,
		When:  say("The cluster has no room for pods that are needed.", "集群剩余资源不足以容纳所需的 Pod。"),
		Change: []incident.Text{
			change("nodes of "+pool.Name, strconv.Itoa(pool.Desired), strconv.Itoa(want)),
		},
		Impact:    say("No running pod is touched; the scheduler places the waiting pods by itself once a node is ready (some minutes).", "不影响正在运行的 Pod；节点就绪后（需数分钟）调度器会自动调度等待中的 Pod。"),
		Resources: say("%d node(s) of flavor %s.", "%d 个规格为 %s 的节点。", g.nodes, flavor),
		Cost:      say("%d more node(s) of flavor %s, billed from creation until deleted.", "新增 %d 个 %s 节点，自创建起计费，直至删除。", g.nodes, flavor),
		Verify:    say("%d node(s) active in the pool and Ready, no pod Pending, the alarm clears.", "节点池 %d 个节点均为可用且 Ready，无 Pending Pod，告警恢复。", want),
		Rollback: say("Not by machine: a lower count lets CCE delete nodes of its choosing. When no longer needed: drain the new node, then delete it in the console.",
			"不自动回退：调低节点数会由 CCE 任选节点删除。不再需要时，请先排空新节点，再在控制台删除。"),
		Prediction: g.p.Text(),
		Scheduling: say("Quota, subnet addresses and stock of the flavor in its zone.", "需要有 ECS 配额、子网 IP，且该规格在可用区未售罄。"),
		Steps: []incident.Step{{
			Action: incident.ScaleOutNodePool, Target: target,
			Expect: map[string]string{"uid": pool.ID, "nodes": strconv.Itoa(pool.Desired)},
			Goal:   map[string]string{"nodes": strconv.Itoa(want)},
		}},
	}
	if pool.Autoscaling {
		s.Scheduling = join(s.Scheduling, say("The pool scales by itself (%d to %d nodes) and may take an idle node away again.", "节点池已开启自动伸缩（%d～%d 个节点），空闲节点可能被自动缩容。", pool.Min, pool.Max))
	}
	return s
}
