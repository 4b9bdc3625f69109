package alarm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Group is the alarms of one trouble: an incident, once somebody has to look at it.
type Group struct {
	// Key names the trouble: the cluster and the object it began with. It does not depend on the order of alarms, and stays the same
	// when more of them come.
	Key string
	// Keys are Key and the keys of everything that was folded into the group. An open incident may have been opened under any of
	// them, before its cause showed itself.
	Keys        []string
	Cluster     string
	ClusterName string
	Root        Object // what a person would look at first
	Alarms      []Alarm
	Active      int // alarms still firing
	Flapping    bool
	FirstAt     time.Time // earliest firing
	LastAt      time.Time // latest firing or clearing
	Severity    Severity  // worst that is active, or of all where none is
	Urgency     Urgency
	Silenced    string // name of the silence that covers every active alarm, empty where none does
	Summary     string
	SummaryZH   string
	Folded      []Part // effects by object: what is hidden behind the root, with its count
}

// Part is one object's share of a group.
type Part struct {
	Object Object
	Names  []string // canonical names of its alarms, sorted
	Alarms []string // their ids
	Active int
}

// Opens says whether a group is worth an incident: something fires, nobody silenced it, and it is more than a notice.
func (g Group) Opens() bool { return g.Active > 0 && g.Silenced == "" && g.Urgency != Inform }

// IncidentID is the id of an incident: the day it began and a hash of cluster, key and first firing, so that everybody who sees the
// same first alarm computes the same id.
func IncidentID(cluster, key string, first time.Time) string {
	sum := sha256.Sum256([]byte(cluster + "\x00" + key + "\x00" + strconv.FormatInt(first.Unix(), 10)))
	return first.UTC().Format("20060102") + "-" + hex.EncodeToString(sum[:8])
}

// describe writes the group's one line: how many alarms of what, the commonest first, and since when.
func (g *Group) describe(all []placed) {
	count := map[string]int{}
	title := map[string][2]string{}
	for _, p := range all {
		name := p.Name
		if e := p.entry; e != nil {
			name = e.Name
			title[name] = [2]string{e.Title, e.TitleZH}
		}
		count[name]++
	}
	names := sortedKeys(count)
	sort.SliceStable(names, func(i, j int) bool { return count[names[i]] > count[names[j]] })
	const most = 3
	var en, zh []string
	for i, n := range names {
		if i == most {
			en = append(en, fmt.Sprintf("%d more kinds", len(names)-most))
			zh = append(zh, fmt.Sprintf("另有 %d 类", len(names)-most))
			break
		}
		t, ok := title[n]
		if !ok {
			t = [2]string{n, n}
		}
		en = append(en, fmt.Sprintf("%s ×%d", t[0], count[n]))
		zh = append(zh, fmt.Sprintf("%s ×%d", t[1], count[n]))
	}
	where := strings.TrimSpace(g.Root.Kind + " " + g.Root.path())
	if where == "" {
		where = "unknown object"
	}
	since, sinceZH := "", ""
	if !g.FirstAt.IsZero() {
		at := g.FirstAt.UTC().Format("2006-01-02 15:04:05 UTC")
		since, sinceZH = ", since "+at, "，始于 "+at
	}
	g.Summary = fmt.Sprintf("%s: %s (%d active of %d alarms%s)", where, strings.Join(en, ", "), g.Active, len(g.Alarms), since)
	g.SummaryZH = fmt.Sprintf("%s：%s（共 %d 条告警，%d 条未恢复%s）", where, strings.Join(zh, "，"), len(g.Alarms), g.Active, sinceZH)
	if len(g.Folded) > 0 {
		g.Summary += fmt.Sprintf("; effects on %d more objects", len(g.Folded))
		g.SummaryZH += fmt.Sprintf("；另影响 %d 个对象", len(g.Folded))
	}
}

// path is namespace/name, or the name alone.
func (o Object) path() string {
	if o.Namespace == "" {
		return o.Name
	}
	return o.Namespace + "/" + o.Name
}
