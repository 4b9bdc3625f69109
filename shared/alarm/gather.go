package alarm

import (
	"cmp"
	"slices"
	"time"
)

// groups makes the result of units: alarms where they count, in order; keys, counts and words.
func (c *correlator) groups() []Group {
	at := map[*unit]int{}
	var tops []*unit
	var parts [][]share
	for _, u := range c.order {
		for _, p := range u.alarms {
			top := p.unit.top()
			i, have := at[top]
			if !have {
				i = len(tops)
				at[top] = i
				tops, parts = append(tops, top), append(parts, nil)
			}
			if n := len(parts[i]); n == 0 || parts[i][n-1].from != u {
				parts[i] = append(parts[i], share{from: u})
			}
			s := &parts[i][len(parts[i])-1]
			s.alarms = append(s.alarms, p)
		}
	}
	out := make([]Group, len(tops))
	for i, top := range tops {
		out[i] = c.group(top, parts[i])
	}
	slices.SortFunc(out, func(a, b Group) int {
		return cmp.Or(-compareUrgency(a.Urgency, b.Urgency), cmp.Compare(a.Severity.rank(), b.Severity.rank()), a.FirstAt.Compare(b.FirstAt), cmp.Compare(a.Key, b.Key))
	})
	return out
}

// share is what one unit gives to a group.
type share struct {
	from   *unit
	alarms []placed
}

func compareUrgency(a, b Urgency) int {
	switch {
	case a == b:
		return 0
	case a.Worse(b) == a:
		return 1
	}
	return -1
}

// group puts one group together from the shares of its units.
func (c *correlator) group(top *unit, shares []share) Group {
	g := Group{Key: top.id.key(), Cluster: top.id.cluster, Root: top.root}
	var all []placed
	var keys []string
	for _, s := range shares {
		all = append(all, s.alarms...)
		if s.from != top {
			keys = append(keys, s.from.id.key())
			g.Folded = append(g.Folded, part(s.from, s.alarms))
		}
	}
	slices.Sort(keys)
	g.Keys = append([]string{g.Key}, slices.Compact(keys)...)
	slices.SortFunc(g.Folded, func(a, b Part) int {
		return cmp.Or(compareObject(a.Object, b.Object), slices.Compare(a.Alarms, b.Alarms))
	})
	slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(a.seq, b.seq) })
	g.Alarms = make([]Alarm, 0, len(all))
	covered := map[string]int{}
	for _, p := range all {
		g.Alarms = append(g.Alarms, *p.Alarm)
		c.count(&g, p, covered)
	}
	if g.Active == 0 {
		for _, p := range all {
			g.Severity = g.Severity.Worse(p.Severity)
		}
	}
	silenced := 0
	for _, n := range covered {
		silenced += n
	}
	if silenced > 0 && silenced == g.Active {
		g.Silenced = sortedKeys(covered)[0]
	}
	g.Root = rootOf(&g)
	g.Flapping = flaps(g.Alarms)
	g.describe(all)
	return g
}

// count adds what one alarm says of the whole.
func (c *correlator) count(g *Group, p placed, covered map[string]int) {
	if g.FirstAt.IsZero() || p.FiredAt.Before(g.FirstAt) {
		g.FirstAt = p.FiredAt
	}
	g.LastAt = later(g.LastAt, later(p.FiredAt, p.ClearedAt))
	if g.ClusterName == "" || p.ClusterName != "" && p.ClusterName < g.ClusterName {
		g.ClusterName = p.ClusterName
	}
	urgency := Ticket
	switch {
	case p.entry != nil:
		urgency = p.entry.Urgency
	case p.Severity == Critical:
		urgency = Page
	}
	g.Urgency = g.Urgency.Worse(urgency)
	if !p.Active() {
		return
	}
	g.Active++
	g.Severity = g.Severity.Worse(p.Severity)
	for _, s := range c.opts.Silences {
		if s.Covers(*p.Alarm, c.opts.Now) {
			covered[s.Name]++
			return
		}
	}
}

// rootOf is the root of a group as a person would name it. Where only generated names are known, one pod is named as it is, and
// several are a workload of unknown kind.
func rootOf(g *Group) Object {
	if g.Root.Kind != "" || g.Root.Name == "" {
		return g.Root
	}
	first := g.Alarms[0].Object
	for i := range g.Alarms {
		if o := g.Alarms[i].Object; o.Kind != first.Kind || o.Name != first.Name || o.Namespace != first.Namespace {
			return Object{Kind: "Workload", Namespace: g.Root.Namespace, Name: g.Root.Name}
		}
	}
	return Object{Kind: first.Kind, Namespace: first.Namespace, Name: first.Name}
}

func part(u *unit, all []placed) Part {
	x := Part{Object: u.root}
	for _, p := range all {
		name := p.Name
		if p.entry != nil {
			name = p.entry.Name
		}
		x.Names = append(x.Names, name)
		x.Alarms = append(x.Alarms, p.ID)
		if p.Active() {
			x.Active++
		}
	}
	slices.Sort(x.Names)
	x.Names = slices.Compact(x.Names)
	slices.Sort(x.Alarms)
	return x
}

// flaps says whether any one alarm fired three times within an hour, with a clearing between: one trouble, told again and again.
func flaps(sorted []Alarm) bool {
	const enough = 3
	type identity struct {
		name   string
		object Object
	}
	times := map[identity][]int{}
	for i := range sorted {
		a := &sorted[i]
		o := a.Object
		o.Node, o.UID = "", ""
		k := identity{a.Name, o}
		times[k] = append(times[k], i)
		n := times[k]
		if len(n) < enough {
			continue
		}
		first, second := &sorted[n[len(n)-enough]], &sorted[n[len(n)-2]]
		cleared := func(x *Alarm, next time.Time) bool { return !x.Active() && !x.ClearedAt.After(next) }
		if a.FiredAt.Sub(first.FiredAt) <= time.Hour && cleared(first, second.FiredAt) && cleared(second, a.FiredAt) {
			return true
		}
	}
	return false
}
