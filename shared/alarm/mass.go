package alarm

import (
	"cmp"
	"slices"
	"time"
)

// begin is when a unit began to show a class of trouble.
type begin struct {
	unit *unit
	at   time.Time
}

// crowd is where the same trouble may be one: a class within a cluster, or within a namespace where the class is bound to one.
type crowd struct {
	cluster, namespace string
	class              Class
}

// mergeMany makes one unit of many workloads that began to show the same trouble at the same time: a registry that is gone, a quota
// that is used up. Their root is the namespace that they share, or else the cluster.
func (c *correlator) mergeMany() {
	crowds := c.crowds()
	keys := make([]crowd, 0, len(crowds))
	for k := range crowds {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b crowd) int {
		return cmp.Or(cmp.Compare(a.cluster, b.cluster), cmp.Compare(a.class, b.class), cmp.Compare(a.namespace, b.namespace))
	})
	for _, k := range keys {
		all := crowds[k]
		slices.SortFunc(all, func(a, b begin) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.unit.id.key(), b.unit.id.key())) })
		for start := 0; start < len(all); {
			end := start + 1
			for end < len(all) && all[end].at.Sub(all[start].at) <= together {
				end++
			}
			if end-start >= c.enough(k.class) {
				unite(all[start:end])
			}
			start = end
		}
	}
}

func (c *correlator) enough(class Class) int {
	switch class {
	case Creation:
		return max(3, c.opts.Mass/4)
	case Availability, Starting:
		return 4 * c.opts.Mass
	}
	return c.opts.Mass
}

func (c *correlator) crowds() map[crowd][]begin {
	out := map[crowd][]begin{}
	for _, u := range c.order {
		if u.id.kind != "workload" || u.into != nil || u.id.episode != 0 {
			continue
		}
		seen := map[Class]bool{}
		for _, p := range u.alarms {
			class := p.class()
			if p.unit != u || seen[class] {
				continue
			}
			k := crowd{cluster: u.id.cluster, class: class}
			switch class {
			case Creation:
				k.namespace = u.id.namespace
			case Image, Scheduling, Availability, Starting, Volume, Network:
			default:
				continue
			}
			seen[class] = true
			out[k] = append(out[k], begin{u, p.FiredAt})
		}
	}
	return out
}

// unite makes one unit of a wave; the earliest gives the key.
func unite(wave []begin) {
	first := wave[0].unit.top()
	root := Object{Kind: "Namespace", Name: first.id.namespace}
	for _, b := range wave {
		if b.unit.id.namespace != first.id.namespace {
			root = Object{Kind: "Cluster", Name: first.id.cluster}
		}
	}
	for _, b := range wave {
		if t := b.unit.top(); t != first {
			t.into = first
		}
	}
	if first.root.Kind != "Cluster" {
		first.root = root
	}
}
