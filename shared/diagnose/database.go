package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// databaseReasons are the signs that speak of a database.
var databaseReasons = []struct {
	kind   signKind
	reason incident.Reason
}{
	{signDenied, incident.DatabaseCredentialsInvalid},
	{signReadOnlyDB, incident.DatabaseReadOnly},
	{signTooMany, incident.DatabaseConnectionsExhausted},
	{signNoDatabase, incident.DatabaseMissing},
	{signNoPrivilege, incident.DatabasePermissionDenied},
	{signFullDB, incident.DatabaseOutOfMemory},
}

// databaseSigns reads what an application, or the database itself, says. The target is where the wrong value or the exhausted part
// is: the caller when its own credentials are refused, the database when it is read-only or full.
func (g *gather) databaseSigns(w *workload) {
	v := g.v
	for _, x := range databaseReasons {
		for _, s := range v.signsOf(w, x.kind) {
			if x.kind == signDenied && !v.databaseLine(w, s) {
				continue
			}
			if s.count < 2 && !v.suffering([]*workload{w}) && x.kind != signTooMany && x.kind != signReadOnlyDB && x.kind != signNoPrivilege && x.kind != signFullDB {
				continue // once, and nobody suffers: it was tried again with success
			}
			db := v.databaseOf(w, s)
			t, strength := w.target, 0.9
			switch x.kind {
			case signReadOnlyDB, signTooMany, signNoPrivilege, signFullDB:
				if db != nil {
					t = db.target
				}
			case signDenied, signNoDatabase:
				t = v.wrongSide(w, db, x.kind)
				if t.Kind == w.target.Kind && t.Name == w.target.Name {
					t = v.credentialHolder(w)
				}
			}
			d, fresh := g.on(x.reason, t)
			if fresh {
				i := incident.Info(x.reason)
				d.say(fmt.Sprintf("%s (%s): %s", i.Title.EN, t, quoteTo(s.line, 120)), fmt.Sprintf("%s（%s）：%s", i.Title.ZH, t, quoteTo(s.line, 120))).weigh(strength)
				if db != nil {
					d.object(db.target, "the database that %s calls; %d of %d pods ready", w.target, db.readyCount(), max(db.desired, db.readyCount()))
				}
				g.databaseFields(d, w, db, x.kind)
			}
			d.affects(w.target).affectsPods(unreadyOf(w)...)
			if !d.wordy() {
				d.line(s.pod, s.container, s.line)
			}
		}
	}
}

var databaseTalk = regexp.MustCompile(`(?i)mysql|postgres|pq:|mongo|redis|jdbc|sql|database|db\b|wrongpass|noauth|access denied for user|password authentication failed|sasl|scram|pg_hba|role "|ORA-|amqp|rabbit|kafka|\bnats\b|PLAIN login|ACCESS_REFUSED`)

// databaseLine says whether a refused login is of a database and not of one of the application's own users.
func (v *view) databaseLine(w *workload, s sign) bool {
	if databaseTalk.MatchString(s.line) {
		return true
	}
	return s.host != "" && v.databaseOf(w, s) != nil
}

// databaseOf is the workload behind the host a line names, else the only database that the workload's settings name, else the
// workload itself when it serves a database's port.
func (v *view) databaseOf(w *workload, s sign) *workload {
	a := v.apps()
	if ns, svc := v.hostService(s.host, w.target.Namespace); svc != "" {
		if b := a.behind[name{ns, svc}]; len(b) > 0 {
			return b[0]
		}
	}
	if servesDatabase(w) || len(speaks([]*workload{w}, s.line)) == 1 {
		return w
	}
	if one := speaks(v.calledBy(w), s.line); s.line != "" && len(one) == 1 {
		return one[0]
	}
	var found []*workload
	for _, u := range a.uses {
		if u.caller != w || u.found == nil {
			continue
		}
		for _, b := range a.behind[name{u.namespace, u.service}] {
			if b != w && (aboutDatabase(u.key, u.wire, u.port) || servesDatabase(b)) && !slices.Contains(found, b) {
				found = append(found, b)
			}
		}
	}
	if len(found) > 1 {
		found = speaks(found, s.line)
	}
	if len(found) == 1 {
		return found[0]
	}
	return nil
}

// calledBy are the workloads behind the Services that the settings of a workload name.
func (v *view) calledBy(w *workload) []*workload {
	var out []*workload
	for _, s := range v.apps().out()[w] {
		for _, b := range v.apps().behind[s] {
			if b != w && !slices.Contains(out, b) {
				out = append(out, b)
			}
		}
	}
	return out
}

// engines are the words by which the drivers of a database are known, and the port it listens on.
var engines = []struct {
	port int32
	talk *regexp.Regexp
}{
	{5432, regexp.MustCompile(`(?i)postgres|\bpq:|psql|SQLSTATE|(table|relation|sequence|schema) |pg_|remaining connection slots|too many clients`)},
	{3306, regexp.MustCompile(`(?i)mysql|mariadb|\((1045|1040|1142|1290|1049|1044|1227)\b|Error 1\d\d\d|SQLSTATE`)},
	{27017, regexp.MustCompile(`(?i)mongo|SASL|SCRAM|\$db|\{ (find|insert|aggregate|update)|not ?(writable)?primary`)},
	{6379, regexp.MustCompile(`(?i)redis|valkey|lettuce|jedis|NOAUTH|WRONGPASS|READONLY|NOPERM|maxmemory|MISCONF`)},
	{9200, regexp.MustCompile(`(?i)elastic|opensearch|cluster_block|circuit_?breaking|index_not_found|all shards|\[parent\]`)},
	{5672, regexp.MustCompile(`(?i)amqp|rabbit|vhost|ACCESS[_-]REFUSED|NOT_FOUND - no|resource alarm`)},
	{9092, regexp.MustCompile(`(?i)kafka|topic|partition|broker`)},
}

// speaks are those of several databases that the words of a line fit.
func speaks(all []*workload, line string) []*workload {
	var out []*workload
	for _, w := range all {
		for _, e := range engines {
			if e.talk.MatchString(line) && slices.ContainsFunc(w.containers(), func(c corev1.Container) bool { return hasPort(c.Ports, e.port) }) {
				out = append(out, w)
				break
			}
		}
	}
	return out
}

// servesDatabase says whether a workload listens on a port that databases use.
func servesDatabase(w *workload) bool {
	for _, c := range w.containers() {
		for _, p := range c.Ports {
			if databasePorts[int(p.ContainerPort)] || p.ContainerPort == 6379 {
				return true
			}
		}
		for _, e := range c.Env {
			if serverSecret.MatchString(e.Name) && !hostKey.MatchString(e.Name) && len(c.Ports) <= 1 && strings.Contains(strings.ToUpper(e.Name), "ROOT") {
				return true
			}
		}
	}
	return false
}

var (
	serverSecret = regexp.MustCompile(`(?i)^(MYSQL|MARIADB|POSTGRES|POSTGRESQL|MONGO_INITDB|MONGO|REDIS)_.*(PASSWORD|USERNAME|USER|DATABASE)$`)
	passwordKey  = regexp.MustCompile(`(?i)(pass(word|wd)?|pwd|secret|user(name)?)$`)
)

// wrongSide decides whether the caller or the database holds the wrong credential. The one that was changed lately; else the caller
// when others get in with theirs; else, when everybody is refused, the database.
func (v *view) wrongSide(w, db *workload, kind signKind) incident.Target {
	if db == nil {
		return w.target
	}
	if v.userGone(w, db) {
		return db.target
	}
	if db == w { // the database itself says it: whose password is it that does not fit?
		if v.changedCredential(db) {
			return db.target
		}
		for _, c := range v.apps().dependents(db) {
			if _, _, differ := credentialsDiffer(c, db); differ || v.changedCredential(c) || v.says(c, kind) {
				return c.target
			}
		}
		return db.target
	}
	if v.changedCredential(w) {
		return w.target
	}
	if v.changedCredential(db) {
		return db.target
	}
	refused, fine := 0, 0
	for _, c := range v.apps().dependents(db) {
		if v.says(c, kind) {
			refused++
		} else if c.readyCount() > 0 {
			fine++
		}
	}
	if refused > 1 && fine == 0 {
		return db.target
	}
	return w.target
}

var noUser = regexp.MustCompile(`(?i)UserNotFound|Could not find user|role "[^"]*" does not exist|user .{0,40}(does not exist|not found)|no such user`)

// userGone says whether the database, or the one that is refused, says that the user does not exist: then the database lost it.
func (v *view) userGone(w, db *workload) bool {
	for _, s := range slices.Concat(v.signsOf(w, signDenied), v.signsOf(db, signDenied)) {
		if noUser.MatchString(s.line) {
			return true
		}
	}
	return false
}

// changedCredential says whether a release or a change touched a user or password of a workload, or a Secret it uses.
func (v *view) changedCredential(w *workload) bool {
	for _, s := range w.sets {
		if s == w.currentSet() {
			continue
		}
		for _, c := range w.containers() {
			for _, e := range c.Env {
				old, had := rawEnv(s.Spec.Template.Spec.Containers, c.Name, e.Name)
				if passwordKey.MatchString(e.Name) && had && !sameEnv(old, e) {
					return true
				}
			}
		}
		break
	}
	for _, c := range v.Changes {
		if c.Target.Kind == "Secret" && c.Target.Namespace == w.target.Namespace && w.template != nil && w.uses("Secret", c.Target.Name) && v.recent(c.At, early) && !ourOwn(c) {
			return true
		}
		if c.Target.Same(w.target) && v.recent(c.At, early) && (passwordWords.MatchString(c.Before) || passwordWords.MatchString(c.After)) {
			return true
		}
	}
	return false
}

var passwordWords = regexp.MustCompile(`(?i)pass(word|wd)|credential|secret`)

func rawEnv(cs []corev1.Container, containerName, key string) (corev1.EnvVar, bool) {
	for _, c := range cs {
		if c.Name == containerName {
			for _, e := range c.Env {
				if e.Name == key {
					return e, true
				}
			}
		}
	}
	return corev1.EnvVar{}, false
}

func sameEnv(a, b corev1.EnvVar) bool {
	if a.Value != b.Value || (a.ValueFrom == nil) != (b.ValueFrom == nil) {
		return false
	}
	if a.ValueFrom == nil {
		return true
	}
	return a.ValueFrom.String() == b.ValueFrom.String()
}

// credentialHolder is the ConfigMap a wrong credential stands in, where the workload takes it from one; else the workload.
func (v *view) credentialHolder(w *workload) incident.Target {
	for _, c := range w.containers() {
		for _, e := range c.Env {
			if r := configRef(e); r != nil && passwordKey.MatchString(e.Name) && v.changedLately(incident.Target{Kind: "ConfigMap", Namespace: w.target.Namespace, Name: r.Name}) {
				return incident.Target{Kind: "ConfigMap", Namespace: w.target.Namespace, Name: r.Name}
			}
		}
	}
	return w.target
}

// databaseFields adds the fields that agree with the log: credentials that differ from the database's own (never their values), and
// settings that make it read-only or small.
func (g *gather) databaseFields(d *draft, w, db *workload, kind signKind) {
	v := g.v
	if kind == signDenied && db != nil && db != w {
		if key, dbKey, differ := credentialsDiffer(w, db); differ {
			d.object(w.target, "env %s is not the value of env %s of %s (values withheld)", key, dbKey, db.target.Name)
		}
	}
	if kind == signDenied || kind == signNoDatabase {
		for _, s := range w.sets {
			if s == w.currentSet() {
				continue
			}
			for _, c := range w.containers() {
				for _, e := range c.Env {
					if old, had := rawEnv(s.Spec.Template.Spec.Containers, c.Name, e.Name); passwordKey.MatchString(e.Name) && had && !sameEnv(old, e) {
						d.object(w.target, "env %s was changed in revision %d (values withheld)", e.Name, revision(w.currentSet()))
					}
				}
			}
			break
		}
	}
	if db == nil {
		return
	}
	word := readOnlyWord
	if kind == signTooMany {
		word = maxWord
	}
	if kind == signReadOnlyDB || kind == signTooMany {
		for _, q := range v.settingsOf(db) {
			if m := word.FindString(q.text); m != "" {
				d.object(q.from, "%s: %s", q.where, quoteTo(m, 80))
			}
		}
	}
}

var (
	readOnlyWord = regexp.MustCompile(`(?i)(super[-_])?read[-_]only\s*[= ]\s*(1|on|true)|default_transaction_read_only\s*=\s*on|--(super[-_])?read[-_]only\b`)
	maxWord      = regexp.MustCompile(`(?i)max_?(user_)?connections\s*[= ]\s*\d+|--max[-_]connections[= ]\d+|maxclients\s+\d+`)
)

// setting is one piece of configuration of a workload as text.
type setting struct {
	from        incident.Target
	where, text string
}

func (v *view) settingsOf(w *workload) []setting {
	var out []setting
	for _, c := range w.containers() {
		for _, a := range slices.Concat(c.Command, c.Args) {
			out = append(out, setting{w.target, "containers[" + c.Name + "].args", a})
		}
		for _, e := range c.Env {
			if e.ValueFrom == nil {
				out = append(out, setting{w.target, "containers[" + c.Name + "].env", e.Name + "=" + e.Value})
			}
		}
	}
	if w.template == nil {
		return out
	}
	w.references(func(kind, n, _ string, _ bool) {
		if m := v.configs[name{w.target.Namespace, n}]; kind == "ConfigMap" && m != nil {
			for _, k := range sortedKeys(m.Data) {
				for _, line := range strings.Split(m.Data[k], "\n") {
					out = append(out, setting{target("ConfigMap", m), "key " + k, strings.TrimSpace(line)})
				}
			}
		}
	})
	return out
}

// credentialsDiffer compares passwords that stand in plain values on both sides. Values are compared and never kept.
func credentialsDiffer(w, db *workload) (key, dbKey string, differ bool) {
	var have []corev1.EnvVar
	for _, c := range db.containers() {
		for _, e := range c.Env {
			if serverSecret.MatchString(e.Name) && strings.Contains(strings.ToUpper(e.Name), "PASS") && e.Value != "" {
				have = append(have, e)
			}
		}
	}
	if len(have) == 0 {
		return "", "", false
	}
	for _, c := range w.containers() {
		for _, e := range c.Env {
			if e.Value == "" || !strings.Contains(strings.ToUpper(e.Name), "PASS") && !strings.Contains(strings.ToUpper(e.Name), "PWD") {
				continue
			}
			if !slices.ContainsFunc(have, func(x corev1.EnvVar) bool { return x.Value == e.Value }) {
				return e.Name, have[0].Name, true
			}
		}
	}
	return "", "", false
}

// silentCredentials is a caller that uses the database's own user with another password, as both are written in plain values; the
// values are compared and never kept.
func (g *gather) silentCredentials(w *workload) {
	v := g.v
	db := v.databaseOf(w, sign{})
	if db == nil || db == w {
		return
	}
	key, dbKey, differ := credentialsDiffer(w, db)
	user, same := sharedUser(w, db)
	if !differ || !same {
		return
	}
	d, fresh := g.on(incident.DatabaseCredentialsInvalid, w.target)
	if fresh {
		d.say(fmt.Sprintf("%s uses the database user of %s with another password", w.target, db.target), fmt.Sprintf("%s 使用 %s 的数据库用户，但密码不一致", w.target, db.target)).weigh(0.85).affects(w.target)
	}
	d.object(w.target, "env %s is not the value of env %s of %s, for the same user %s (values withheld)", key, dbKey, db.target.Name, user)
}

// sharedUser is the variable by which a caller names the very user the database was made with.
func sharedUser(w, db *workload) (string, bool) {
	for _, c := range db.containers() {
		for _, e := range c.Env {
			if !serverSecret.MatchString(e.Name) || !strings.Contains(strings.ToUpper(e.Name), "USER") || e.Value == "" {
				continue
			}
			for _, wc := range w.containers() {
				for _, x := range wc.Env {
					if x.Value == e.Value && strings.Contains(strings.ToUpper(x.Name), "USER") {
						return x.Name, true
					}
				}
			}
		}
	}
	return "", false
}

// readOnlySettings is a database that is told to be read-only while others write to it: their logs say so even if nothing fails.
func (g *gather) readOnlySettings() {
	v := g.v
	for _, w := range v.workloads {
		if !servesDatabase(w) {
			continue
		}
		for _, q := range v.settingsOf(w) {
			m := readOnlyWord.FindString(q.text)
			if m == "" || !v.changedLately(q.from) && !v.asked(w.target) && !v.changedLately(w.target) {
				continue
			}
			d, fresh := g.on(incident.DatabaseReadOnly, w.target)
			if fresh {
				d.say(fmt.Sprintf("%s is set to read-only", w.target), fmt.Sprintf("%s 被设置为只读", w.target)).affects(w.target).weigh(0.8)
			}
			d.object(q.from, "%s: %s", q.where, quoteTo(m, 80))
			if c, ok := v.changeOf(q.from); ok {
				d.change(c, "%s %s: %s → %s", c.Verb, c.Target, quote(c.Before), quote(c.After)).since(c.At)
			}
		}
	}
}
