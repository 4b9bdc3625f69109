package alarm

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// explains says which classes of alarms on pods, workloads and nodes can be effects of a cause of a class, beyond the cause's own
// object.
var explains = map[Class][]Class{
	NodeDown:   {Availability, Starting, Volume, NodeDown, NodeOther, Network},
	NodeMemory: {Availability, Memory},
	NodeDisk:   {Availability, Starting, Image, Volume},
	NodeCPU:    {Availability},
	Plane:      {NodeDown, Scheduling, Creation, Scaling},
	Pool:       {Scheduling, Pool},
}

// cannotAdd are the alarms of pools that say why pods wait; the others of their class are about nodes that should go.
var cannotAdd = map[string]bool{
	"ScaleUpTimedOut": true, "ScaleUpFailed": true, "FailedToScaleUpGroup": true, "NodePoolSoldOut": true, "NodeGroupInBackOff": true,
	"FixNodeGroupSizeError": true, "NodeCreateFailed": true, "NodeInstallFailed": true, "Failed to create node by nodepool": true,
	"Failed to install the node": true,
}

// isCause says whether an alarm may explain others. Of a control plane only what stops it does: that CCE could not delete a key pair
// troubles nobody's pods.
func isCause(p placed) bool {
	switch class := p.class(); {
	case len(explains[class]) == 0 || p.entry.Urgency == Inform:
		return false
	case class == Plane:
		return p.entry.Urgency == Page
	case class == Pool:
		return cannotAdd[p.entry.Name]
	}
	return true
}

func canExplain(cause, effect Class) bool { return slices.Contains(explains[cause], effect) }

// inTime says whether an effect began while its cause lasted, give or take the lag of both, and has not outlived it for long: an
// effect that goes on without its cause is a trouble of its own.
func (c *correlator) inTime(cause *span, effect placed) bool {
	if effect.FiredAt.Before(cause.from.Add(-lag)) || effect.FiredAt.After(cause.to.Add(lag)) {
		return false
	}
	return cause.active || !effect.Active() || c.opts.Now.Sub(cause.to) <= outlive
}

// span is when a unit suffered from alarms of one class.
type span struct {
	unit   *unit
	class  Class
	from   time.Time
	to     time.Time
	active bool
}

// spans are the classes of a unit's alarms with their times.
func (c *correlator) spans(u *unit) []*span {
	var out []*span
	for _, p := range u.alarms {
		class := p.class()
		if !isCause(p) {
			continue
		}
		i := slices.IndexFunc(out, func(s *span) bool { return s.class == class })
		if i < 0 {
			out = append(out, &span{unit: u, class: class, from: p.FiredAt, to: p.end(c.opts.Now), active: p.Active()})
			continue
		}
		s := out[i]
		s.to = later(s.to, p.end(c.opts.Now))
		s.active = s.active || p.Active()
	}
	return out
}

// fold moves alarms into the unit that explains them: nodes that fell together into one, what ran on a bad node to the node, what
// waits for nodes to the pool that cannot give them, everything to a control plane that is down.
func (c *correlator) fold() {
	onNode := map[[2]string][]*span{} // cluster, node
	ofCluster := map[string][]*span{} // control plane
	pools := map[string][]*span{}
	for _, u := range c.order {
		for _, s := range c.spans(u) {
			switch {
			case s.class == Plane:
				ofCluster[u.id.cluster] = append(ofCluster[u.id.cluster], s)
			case s.class == Pool:
				pools[u.id.cluster] = append(pools[u.id.cluster], s)
			case u.root.Kind == "Node":
				k := [2]string{u.id.cluster, u.root.Name}
				onNode[k] = append(onNode[k], s)
			}
		}
	}
	down := map[string][]*span{} // cluster
	for _, all := range onNode {
		for _, s := range all {
			if s.class == NodeDown {
				down[s.unit.id.cluster] = append(down[s.unit.id.cluster], s)
			}
		}
	}
	for _, cluster := range sortedKeys(down) {
		c.uniteNodes(down[cluster])
	}
	for _, u := range c.order {
		c.foldNode(u, ofCluster[u.id.cluster], pools[u.id.cluster])
	}
	for _, u := range c.order {
		for i := range u.alarms {
			p := &u.alarms[i]
			cause := c.causeOf(u, *p, onNode, ofCluster[u.id.cluster], pools[u.id.cluster], down[u.id.cluster])
			if cause != nil && cause.unit.top() != u.top() {
				p.unit = cause.unit
			}
		}
	}
}

// foldNode moves a node as a whole, with what was folded into it: into a control plane that has lost its nodes, or into the pool that
// it could not join.
func (c *correlator) foldNode(u *unit, plane, pools []*span) {
	if u.root.Kind != "Node" || u.into != nil {
		return
	}
	for _, p := range u.alarms {
		for _, s := range plane {
			if canExplain(Plane, p.class()) && c.inTime(s, p) && s.unit.top() != u {
				u.into = s.unit.top()
				return
			}
		}
		for _, s := range pools {
			if p.class() == Pool && s.unit.root.Kind == "NodePool" && c.inTime(s, p) && s.unit.top() != u {
				u.into = s.unit.top()
				return
			}
		}
	}
}

// causeOf is the span that explains an alarm of a unit, nil where it stands for itself.
func (c *correlator) causeOf(u *unit, p placed, onNode map[[2]string][]*span, plane, pools, down []*span) *span {
	class := p.class()
	if u.root.Kind == "Node" || p.entry != nil && p.entry.Urgency == Inform {
		return nil
	}
	for _, s := range plane {
		if s.unit != u && canExplain(Plane, class) && c.inTime(s, p) {
			return s
		}
	}
	nodes := c.nodesOf(p)
	for _, n := range nodes {
		for _, s := range onNode[[2]string{u.id.cluster, n}] {
			// An alarm of unknown meaning about something on a dead node is an effect until the node is back.
			if (canExplain(s.class, class) || class == "" && s.class == NodeDown) && c.inTime(s, p) {
				return s
			}
		}
	}
	return c.elsewhere(p, len(nodes) > 0, pools, down)
}

// elsewhere looks for the cause of an alarm about something that runs on no bad node: pods that lost their node or wait for one say
// so in their message; in an outage of many nodes, what cannot be placed anywhere belongs to it.
func (c *correlator) elsewhere(p placed, housed bool, pools, down []*span) *span {
	class := p.class()
	text := strings.ToLower(p.Message)
	lost := strings.Contains(text, "node.kubernetes.io/unreachable") || strings.Contains(text, "node.kubernetes.io/not-ready")
	short := class == Scheduling && (strings.Contains(text, "insufficient") || text == "" || p.entry.Name == "NotTriggerScaleUp")
	const outage = 3
	homeless := len(down) >= outage && (short || !housed && canExplain(NodeDown, class))
	if lost && (class == Scheduling || class == Availability) || homeless {
		for _, s := range down {
			if c.inTime(s, p) {
				return s
			}
		}
	}
	if short {
		for _, s := range pools {
			if c.inTime(s, p) {
				return s
			}
		}
	}
	return nil
}

// nodesOf are the nodes that an alarm's object runs on: what the alarm says, else the topology.
func (c *correlator) nodesOf(p placed) []string {
	if p.Object.Node != "" {
		node := Object{Kind: "Node", Name: p.Object.Node}
		return []string{c.owner(node).Name}
	}
	if c.topo == nil {
		return nil
	}
	o := p.Object
	o.Container, o.UID = "", ""
	if n, known := c.nodes[o]; known {
		return n
	}
	n := c.topo.Nodes(o)
	c.nodes[o] = n
	return n
}

// uniteNodes makes one unit of nodes that went down together: three or more of a cluster, or two of one pool, each within minutes of
// the one before. The earliest gives the key.
func (c *correlator) uniteNodes(down []*span) {
	slices.SortFunc(down, func(a, b *span) int {
		return cmp.Or(a.from.Compare(b.from), cmp.Compare(a.unit.id.name, b.unit.id.name), cmp.Compare(a.unit.id.episode, b.unit.id.episode))
	})
	for start := 0; start < len(down); {
		end := start + 1
		for end < len(down) && down[end].from.Sub(down[end-1].from) <= together {
			end++
		}
		wave := down[start:end]
		start = end
		if len(wave) < 2 || len(wave) == 2 && !c.samePool(wave) {
			continue
		}
		first := wave[0].unit
		for _, s := range wave[1:] {
			if s.unit != first {
				s.unit.into = first
			}
		}
		if c.samePool(wave) {
			first.root = Object{Kind: "NodePool", Name: c.topo.Pool(wave[0].unit.id.name)}
		} else {
			first.root = Object{Kind: "Cluster", Name: first.id.cluster}
		}
	}
}

func (c *correlator) samePool(wave []*span) bool {
	if c.topo == nil {
		return false
	}
	pool := c.topo.Pool(wave[0].unit.id.name)
	return pool != "" && !slices.ContainsFunc(wave, func(s *span) bool { return c.topo.Pool(s.unit.id.name) != pool })
}

// top is the unit that a unit was folded into in the end.
func (u *unit) top() *unit {
	for u.into != nil {
		u = u.into
	}
	return u
}
