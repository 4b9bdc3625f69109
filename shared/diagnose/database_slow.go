package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	"cce-oncall/shared/incident"
)

var diskMetric = regexp.MustCompile(`(?i)io_?(time|wait|util)|iowait|disk.*(latency|await|util|time)|fs_.*(latency|time|await)|(read|write)_latency|fsync`)

// slowDatabases looks at databases whose callers wait for them: the database says so itself, its disk is busy, or those who call it say
// that their statements are cut off.
func (g *gather) slowDatabases() {
	for _, w := range g.v.workloads {
		if servesDatabase(w) && !system(w.target.Namespace) {
			g.slowDatabase(w)
		}
	}
}

func (g *gather) slowDatabase(db *workload) {
	v := g.v
	own, n := v.signsOf(db, signSlowDB), 0
	if v.answers(db) && !v.degraded(db) {
		own = nil // it answers as ever, whatever it grumbles
	}
	for _, s := range own {
		n += s.count
	}
	var theirs []sign
	waiting := 0 // callers that are slow, or say that they wait
	for _, c := range v.apps().dependents(db) {
		said := false
		for _, s := range v.signsOf(c, signSlowDB) {
			if v.databaseOf(c, s) == db {
				theirs, said = append(theirs, s), true
				n += s.count
			}
		}
		if _, _, slow := v.slow(c); slow || said {
			waiting++
		}
	}
	busy, at := "", jump{}
	for _, m := range v.idx.Metrics() {
		if !diskMetric.MatchString(m) || strings.HasPrefix(m, "node_") {
			continue
		}
		for _, s := range v.seriesOf(m, db) {
			if j, ok := v.step(s); ok && j.after > j.before && j.ratio(0.001) >= 3 {
				busy, at = fmt.Sprintf("%s stepped from %.3g to %.3g", m, j.before, j.after), j
			}
		}
	}
	if n < 3 && busy == "" || waiting == 0 && !v.asked(db.target) {
		return
	}
	d, _ := g.on(incident.DatabaseSlow, db.target)
	d.weigh(0.9).say(fmt.Sprintf("%s answers too slowly, and %d of its callers wait", db.target, waiting), fmt.Sprintf("%s 响应缓慢，%d 个调用方在等待", db.target, waiting)).affects(db.target).affectsPods(db.live()...)
	d.object(db.target, "%d of %d pods ready", db.readyCount(), max(db.desired, db.readyCount()))
	if busy != "" {
		d.metric(db.target, at.at, "%s", busy).since(at.at)
	}
	for _, s := range append(own, theirs...) {
		if !d.wordy() {
			d.line(s.pod, s.container, s.line)
		}
	}
	for _, c := range v.apps().dependents(db) {
		d.affects(c.target)
		if j, m, ok := v.slow(c); ok && !d.wordy() {
			d.metric(c.target, j.at, "%s stepped from %.3g to %.3g", m, j.before, j.after).since(j.at)
		}
	}
}
