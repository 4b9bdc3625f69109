package alarm

import (
	"cmp"
	"slices"
	"time"
)

// groups makes the result of units: alarms where they count, in order; keys, counts and words.
func (c *correlator) groups() []Group {
	at := map[*unit]int{}
	var out []Group
	var homes []map[*unit][]placed
	var cover []map[string]int
	for _, u := range c.order {
		for _, p := range u.alarms {
			top := p.unit.top()
			i, have := at[top]
			if !have {
				i = len(out)
				at[top] = i
				out = append(out, Group{Key: top.id.key(), Cluster: top.id.cluster, Root: top.root})
				homes = append(homes, map[*unit][]placed{})
				cover = append(cover, map[string]int{})
			}
			c.count(&out[i], p, cover[i])
			homes[i][u] = append(homes[i][u], p)
		}
	}
	tops := make([]*unit, len(out))
	for u, i := range at {
		tops[i] = u
	}
	for i := range out {
		c.finish(&out[i], tops[i], homes[i])
	}
	slices.SortFunc(out, func(a, b Group) int {
		return cmp.Or(-compareUrgency(a.Urgency, b.Urgency), cmp.Compare(a.Severity.rank(), b.Severity.rank()), a.FirstAt.Compare(b.FirstAt), cmp.Compare(a.Key, b.Key))
	})
	return out
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

// count adds one alarm to a group.
func (c *correlator) count(g *Group, p placed, cover map[string]int) {
	g.Alarms = append(g.Alarms, *p.Alarm)
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
			cover[s.Name]++
			break
		}
	}
	silenced := 0
	for _, n := range cover {
		silenced += n
	}
	g.Silenced = ""
	if silenced == g.Active {
		g.Silenced = sortedKeys(cover)[0]
	}
}

func (c *correlator) finish(g *Group, top *unit, homes map[*unit][]placed) {
	if g.Active == 0 {
		for i := range g.Alarms {
			g.Severity = g.Severity.Worse(g.Alarms[i].Severity)
		}
	}
	g.Root = c.rootOf(g)
	slices.SortFunc(g.Alarms, func(a, b Alarm) int { return compareAlarms(&a, &b) })
	g.Flapping = flaps(g.Alarms)
	keys := map[string]bool{}
	titles := map[string]*Entry{}
	for u, all := range homes {
		for _, p := range all {
			if p.entry != nil {
				titles[p.Name] = p.entry
			}
		}
		keys[u.id.key()] = true
		if u != top {
			g.Folded = append(g.Folded, part(u, all))
		}
	}
	delete(keys, g.Key)
	g.Keys = append([]string{g.Key}, sortedKeys(keys)...)
	slices.SortFunc(g.Folded, func(a, b Part) int { return compareObject(a.Object, b.Object) })
	g.describe(titles)
}

// rootOf is the root of a group as a person would name it. Where only generated names are known, one pod is named as it is, and
// several are a workload of unknown kind.
func (c *correlator) rootOf(g *Group) Object {
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
