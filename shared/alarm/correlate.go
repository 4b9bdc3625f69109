package alarm

import (
	"cmp"
	"slices"
	"time"
)

// Options tune Correlate. Zero values are good.
type Options struct {
	Now      time.Time     // when the alarms were read; zero: the latest time among them
	Gap      time.Duration // a pause after which the same object's alarms are a new episode; zero: 30 minutes
	Silences []Silence
	// Mass is how many workloads must show the same trouble at the same time before it counts as one; zero: 8. A quarter of it (at least
	// 3) is enough where the API server refuses objects of one namespace; four times as many are needed where pods merely do not
	// answer, which has as many causes as there are programs.
	Mass int
}

const (
	// lag is how far apart a cause and its effects may be reported: rules are evaluated every minute, most wait for three hits, and
	// a pod may miss its probe before its node misses its lease.
	lag = 5 * time.Minute
	// together is how close alarms of many objects must begin to be one trouble.
	together = 3 * time.Minute
	// outlive is how long effects may go on after their cause has cleared before they stand for themselves again.
	outlive = 10 * time.Minute
)

// Correlate merges alarms into groups: repeated deliveries into one alarm, alarms of one object and its parts into one group, and
// effects into their cause, by topology, time and class. Order and repetition of the input change nothing; groups come with the
// most urgent first. topo may be nil.
func Correlate(alarms []Alarm, topo Topology, opts Options) []Group {
	c := &correlator{topo: topo, opts: opts, units: map[unitID]*unit{}, owners: map[Object]Object{}, nodes: map[Object][]string{}}
	unique := dedupe(alarms)
	if c.opts.Now.IsZero() {
		for _, a := range unique {
			c.opts.Now = later(c.opts.Now, later(a.FiredAt, a.ClearedAt))
		}
	}
	c.opts.Gap = cmp.Or(c.opts.Gap, 30*time.Minute)
	c.opts.Mass = cmp.Or(c.opts.Mass, 8)
	c.place(unique)
	c.splitEpisodes()
	c.fold()
	c.mergeMany()
	return c.groups()
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// dedupe leaves one alarm of each occurrence, in a fixed order. Active and past lists overlap, notifications repeat: the same serial
// number, or the same id fired at the same moment, is the same occurrence. The copy that knows that it cleared knows more.
func dedupe(alarms []Alarm) []*Alarm {
	type occurrence struct {
		id, name string
		object   Object
		at       int64
	}
	order := make([]*Alarm, len(alarms))
	for i := range alarms {
		order[i] = &alarms[i]
	}
	slices.SortFunc(order, compareAlarms)
	bySN := make(map[occurrence]int, len(alarms))
	byID := make(map[occurrence]int, len(alarms))
	out := make([]*Alarm, 0, len(alarms))
	for _, a := range order {
		sn := occurrence{id: a.SN, name: a.Name, object: a.Object}
		id := occurrence{id: a.ID, at: a.FiredAt.UnixMilli(), name: a.Name, object: a.Object}
		at, seen := -1, false
		if a.SN != "" {
			at, seen = lookup(bySN, sn)
		}
		if !seen {
			at, seen = lookup(byID, id)
		}
		if seen && !out[at].Active() && a.FiredAt.After(out[at].ClearedAt) {
			seen = false // the number is used again: this is the next occurrence, and it must not be lost
		}
		if !seen {
			at = len(out)
			out = append(out, a)
		} else if out[at].Active() && !a.Active() {
			both := *out[at] // the caller's alarm stays as it is
			both.ClearedAt = a.ClearedAt
			out[at] = &both
		}
		if a.SN != "" {
			bySN[sn] = at
		}
		byID[id] = at
	}
	return out
}

func lookup[K comparable](m map[K]int, k K) (int, bool) {
	i, ok := m[k]
	return i, ok
}

// compareAlarms is a total order of alarms that differ at all.
func compareAlarms(a, b *Alarm) int {
	// cmp.Or would compare all of it each time, and nearly always the first two decide.
	if c := a.FiredAt.Compare(b.FiredAt); c != 0 {
		return c
	}
	if c := cmp.Compare(a.ID, b.ID); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.SN, b.SN), cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Cluster, b.Cluster), compareObject(a.Object, b.Object),
		-a.ClearedAt.Compare(b.ClearedAt), // the copy that cleared, and the later one of two, comes first and is kept
		cmp.Compare(string(a.Severity), string(b.Severity)), cmp.Compare(a.Message, b.Message), cmp.Compare(string(a.Raw), string(b.Raw)))
}

func compareObject(a, b Object) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Container, b.Container), cmp.Compare(a.Node, b.Node), cmp.Compare(a.UID, b.UID))
}

// unitID is the object that alarms are collected at first: the workload rather than the pod, a node, a claim, the cluster.
type unitID struct {
	cluster, kind, namespace, name string
	episode                        int64
}

// key is a unit's id in one line.
func (u unitID) key() string {
	k := u.cluster + "/" + u.kind + "/" + u.namespace + "/" + u.name
	if u.episode != 0 {
		k += "@" + time.Unix(u.episode, 0).UTC().Format("20060102T150405")
	}
	return k
}

// unit is the alarms of one object.
type unit struct {
	id     unitID
	root   Object
	alarms []placed
	into   *unit // the unit it was folded into
}

// placed is an alarm at its unit, with what the catalogue knows of it.
type placed struct {
	*Alarm
	entry *Entry
	seq   int   // position in the order of all alarms
	unit  *unit // where it counts after folding
}

func (p placed) class() Class {
	if p.entry == nil {
		return ""
	}
	return p.entry.Class
}

// end is until when an alarm may have effects.
func (p placed) end(now time.Time) time.Time {
	if p.Active() {
		return now
	}
	return p.ClearedAt
}

// correlator holds one run.
type correlator struct {
	topo   Topology
	opts   Options
	units  map[unitID]*unit
	owners map[Object]Object
	nodes  map[Object][]string
	order  []*unit
}

func (c *correlator) place(alarms []*Alarm) {
	entries := map[entryKey]*Entry{}
	for i, a := range alarms {
		top := c.owner(a.Object)
		id := unitID{cluster: a.Cluster, kind: top.Kind, namespace: top.Namespace, name: top.Name}
		if workloadKinds[top.Kind] && top.Name != "" {
			id.kind = "workload"
		}
		if top.Name == "" {
			id.kind = firstText(top.Kind, "alarm")
			if top.Kind == "" && top.Namespace == "" { // nothing is known of the object: the alarm itself is what repeats
				id.name = nameKey(a.Name)
			}
		}
		u := c.units[id]
		if u == nil {
			u = &unit{id: id, root: top}
			c.units[id] = u
			c.order = append(c.order, u)
		}
		if (u.root.Kind == "" || u.root.Kind == "Pod") && top.Kind != "" && top.Kind != "Pod" { // another alarm knows the kind
			u.root = top
		}
		u.alarms = append(u.alarms, placed{Alarm: a, seq: i, entry: entryOf(entries, a), unit: u})
	}
}

// entryKey is all that an alarm's entry is found by.
type entryKey struct{ name, title, event, alert, rule, metric, promQL, problem string }

// entryOf looks an entry up once for all alarms that are named alike.
func entryOf(known map[entryKey]*Entry, a *Alarm) *Entry {
	k := entryKey{a.Name, a.TitleZH, a.Labels["event_name"], a.Labels["alertname"], a.Rule.Name, a.Labels["metricName"], a.Rule.PromQL, a.Labels["type"]}
	if e, have := known[k]; have {
		return e
	}
	var p *Entry
	if e, ok := a.Entry(); ok {
		p = &e
	}
	known[k] = p
	return p
}

// owner climbs from an object to what a person would fix: by the cluster's word, else by generated names.
func (c *correlator) owner(o Object) Object {
	o.Container, o.UID = "", ""
	if o.Kind == "Pod" {
		o.Node = ""
	}
	if top, known := c.owners[o]; known {
		return top
	}
	top := Object{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
	found := false
	if c.topo != nil {
		if up, ok := c.topo.Owner(top); ok {
			top, found = Object{Kind: up.Kind, Namespace: up.Namespace, Name: up.Name}, true
		}
	}
	if up, ok := ownerByName(top); !found && ok {
		top = up
	}
	c.owners[o] = top
	return top
}

// splitEpisodes gives what happened to an object and was over long before its present trouble a group of its own.
func (c *correlator) splitEpisodes() {
	for _, u := range slices.Clone(c.order) {
		end := time.Time{}
		start := 0
		for i, p := range u.alarms { // in order of firing
			if i > start && p.FiredAt.Sub(end) > c.opts.Gap {
				c.episode(u, u.alarms[start:i])
				start = i
			}
			end = later(end, later(p.FiredAt, p.end(c.opts.Now)))
		}
		u.alarms = u.alarms[start:]
	}
}

func (c *correlator) episode(u *unit, alarms []placed) {
	id := u.id
	id.episode = alarms[0].FiredAt.Unix()
	past := &unit{id: id, root: u.root, alarms: slices.Clone(alarms)}
	for i := range past.alarms {
		past.alarms[i].unit = past
	}
	c.units[id] = past
	c.order = append(c.order, past)
}
