package diagnose

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"cce-oncall/shared/incident"
)

// use is one place where a workload says whom it calls.
type use struct {
	caller    *workload
	container string
	setting   string          // "env CART_ADDR", "args", "ConfigMap shop/app key app.conf"
	key       string          // name of the variable or key
	from      incident.Target // the object that holds the value: the workload, or a ConfigMap
	portKey   string          // the variable that holds the port, where it is apart
	address
	namespace string // of the Service meant
	service   string // name of the Service meant
	found     *corev1.Service
	inCluster bool // the host is written like the name of a Service, so one must exist
}

// application is who calls whom, as the configuration tells: from environment variables, arguments and ConfigMaps.
type application struct {
	v       *view
	uses    []use
	behind  map[name][]*workload // what each Service selects
	fronts  map[*workload][]name // and the other way round
	callees map[*workload]map[name]bool
	heard   func() map[*workload][]name // Services that the logs of a workload name
	out     func() map[*workload][]name // those and the ones its configuration names
	callers map[name][]*workload        // sorted, each once; also of Services that do not exist
}

func newApplication(v *view) *application {
	a := &application{v: v, behind: map[name][]*workload{}, fronts: map[*workload][]name{}, callees: map[*workload]map[name]bool{}, callers: map[name][]*workload{}}
	for _, s := range v.Objects.Services {
		if len(s.Spec.Selector) == 0 {
			continue
		}
		sel := labels.SelectorFromSet(s.Spec.Selector)
		for _, w := range v.inSpace[s.Namespace] {
			if !w.isJob() && sel.Matches(w.label()) {
				k := name{s.Namespace, s.Name}
				a.behind[k] = append(a.behind[k], w)
				a.fronts[w] = append(a.fronts[w], k)
			}
		}
	}
	for _, w := range v.workloads {
		if w.template != nil {
			a.readSettings(w)
		}
	}
	for _, u := range a.uses {
		if u.service == "" {
			continue
		}
		k := name{u.namespace, u.service}
		if a.callees[u.caller] == nil {
			a.callees[u.caller] = map[name]bool{}
		}
		if !a.callees[u.caller][k] {
			a.callees[u.caller][k] = true
			a.callers[k] = append(a.callers[k], u.caller)
		}
	}
	for _, l := range a.callers {
		slices.SortFunc(l, func(x, y *workload) int { return compareTargets(x.target, y.target) })
	}
	a.heard = sync.OnceValue(a.listen)
	a.out = sync.OnceValue(func() map[*workload][]name {
		out := map[*workload][]name{}
		for _, w := range v.workloads {
			out[w] = slices.Concat(a.heard()[w], sortedNames(a.callees[w]))
		}
		return out
	})
	return a
}

// listen reads from the logs whom each workload tries to reach, beside what its configuration says.
func (a *application) listen() map[*workload][]name {
	out := map[*workload][]name{}
	for _, s := range a.v.lines() {
		if s.host == "" {
			continue
		}
		ns, svc := a.v.hostService(s.host, s.w.target.Namespace)
		k := name{ns, svc}
		if svc != "" && !slices.Contains(a.fronts[s.w], k) && !slices.Contains(out[s.w], k) {
			out[s.w] = append(out[s.w], k)
		}
	}
	return out
}

// maxConfigLines bounds how much of a configuration file is looked at for addresses.
const maxConfigLines = 2000

func (a *application) readSettings(w *workload) {
	spec := &w.template.Spec
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		values := map[string]string{}
		for _, e := range c.Env {
			from, setting, value := w.target, "env "+e.Name, e.Value
			if r := configRef(e); r != nil {
				m := a.v.configs[name{w.target.Namespace, r.Name}]
				if m == nil {
					continue
				}
				from, value = target("ConfigMap", m), m.Data[r.Key]
				setting = "env " + e.Name + " from ConfigMap " + m.Name + " key " + r.Key
			}
			value = expand(value, values)
			values[e.Name] = value
			a.add(w, c.Name, setting, e.Name, value, from)
		}
		for _, f := range c.EnvFrom {
			if f.ConfigMapRef == nil {
				continue
			}
			m := a.v.configs[name{w.target.Namespace, f.ConfigMapRef.Name}]
			if m == nil {
				continue
			}
			for _, k := range sortedKeys(m.Data) {
				values[k] = m.Data[k]
				a.add(w, c.Name, "env "+k+" from ConfigMap "+m.Name, k, m.Data[k], target("ConfigMap", m))
			}
		}
		a.joinPorts(w, c.Name, values)
		for _, arg := range slices.Concat(c.Command, c.Args) {
			k, val, ok := strings.Cut(strings.TrimLeft(arg, "-"), "=")
			if !ok {
				k, val = "", arg
			}
			for _, word := range strings.Fields(expand(val, values)) {
				a.add(w, c.Name, "argument "+quoteTo(arg, 80), k, word, w.target)
			}
		}
	}
	for _, vol := range spec.Volumes {
		if vol.ConfigMap == nil {
			continue
		}
		if m := a.v.configs[name{w.target.Namespace, vol.ConfigMap.Name}]; m != nil {
			a.readFiles(w, m)
		}
	}
}

func configRef(e corev1.EnvVar) *corev1.ConfigMapKeySelector {
	if e.ValueFrom == nil {
		return nil
	}
	return e.ValueFrom.ConfigMapKeyRef
}

var settingLine = regexp.MustCompile(`^\s*-?\s*["']?([\w.\-]+)["']?\s*[:= ]\s*(.+?)[,;]?\s*$`)

// readFiles looks through mounted configuration, line by line. A file holds many words, so only what is written as an address counts.
func (a *application) readFiles(w *workload, m *corev1.ConfigMap) {
	for _, k := range sortedKeys(m.Data) {
		lines := strings.SplitN(m.Data[k], "\n", maxConfigLines)
		for _, line := range lines {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "//") {
				continue
			}
			key, value := "", line
			if s := settingLine.FindStringSubmatch(line); s != nil && !strings.HasPrefix(s[2], "//") {
				key, value = s[1], strings.Trim(s[2], `"'`)
			}
			a.add(w, "", "ConfigMap "+m.Name+" key "+k+" line "+quoteTo(key, 60), key, value, target("ConfigMap", m))
		}
	}
}

func expand(value string, known map[string]string) string {
	if !strings.Contains(value, "$(") {
		return value
	}
	for _, k := range sortedKeys(known) {
		value = strings.ReplaceAll(value, "$("+k+")", known[k])
	}
	return value
}

func (a *application) add(w *workload, container, setting, key, value string, from incident.Target) {
	for _, x := range addressesIn(key, value) {
		u := use{caller: w, container: container, setting: setting, key: key, from: from, address: x}
		a.resolve(&u)
		if u.found == nil && (!u.inCluster || !u.sure) {
			if u.found == nil && !u.sure {
				continue
			}
		}
		if u.found == nil && strings.HasPrefix(setting, "ConfigMap ") && u.wire == "" && !hostKey.MatchString(key) {
			continue
		}
		a.uses = append(a.uses, u)
	}
}

// joinPorts gives a host that stands in X_HOST the port that stands in X_PORT.
func (a *application) joinPorts(w *workload, container string, values map[string]string) {
	for i := range a.uses {
		u := &a.uses[i]
		if u.caller != w || u.container != container || u.port != 0 || !strings.HasPrefix(u.setting, "env ") {
			continue
		}
		stem := hostKeyTail.ReplaceAllString(u.key, "")
		if stem == u.key && !strings.EqualFold(u.key, "host") {
			continue
		}
		for _, k := range sortedKeys(values) {
			p := portKey.ReplaceAllString(k, "")
			if p == k || !strings.EqualFold(p, stem) {
				continue
			}
			if n, err := strconv.Atoi(values[k]); err == nil && n > 0 && n < 65536 {
				u.port, u.portKey = n, k
			}
		}
	}
}

var ordinal = regexp.MustCompile(`-\d+$`)

// resolve finds the Service that a host means, from where the caller is: short name, name.namespace, or the full name.
func (a *application) resolve(u *use) {
	if ownHost(u.host) {
		return
	}
	parts := strings.Split(u.host, ".")
	ns, svc := u.caller.target.Namespace, parts[0]
	switch {
	case len(parts) == 1:
		u.inCluster = true
	case len(parts) == 2:
		ns = parts[1]
		u.inCluster = a.v.spaces[ns]
		if h := a.v.idx.Service(u.caller.target.Namespace, parts[1]); h != nil && h.Spec.ClusterIP == corev1.ClusterIPNone && !u.inCluster || h != nil && !u.inCluster && ordinal.MatchString(parts[0]) {
			ns, svc = u.caller.target.Namespace, parts[1] // a pod of a StatefulSet behind a headless Service of the caller's own namespace
		}
		if !u.inCluster {
			if a.v.idx.Service(u.caller.target.Namespace, svc) != nil { // a Service of that name, in a namespace nobody knows
				u.inCluster = true
			}
		}
	case parts[2] == "svc":
		ns, u.inCluster = parts[1], true
	case len(parts) >= 4 && parts[3] == "svc": // a pod of a StatefulSet behind a headless Service
		ns, svc, u.inCluster = parts[2], parts[1], true
	default:
		return
	}
	if s := a.v.idx.Service(ns, svc); s != nil {
		u.found, u.inCluster = s, true
	}
	if len(parts) == 3 && u.found == nil && parts[2] != "svc" {
		u.inCluster = false
	}
	if u.inCluster {
		u.namespace, u.service = ns, svc
	}
}

// reaches says whether a workload calls, over at most eight hops, one of the workloads or Services.
func (a *application) reaches(from *workload, to *reachOf) bool {
	seen := map[*workload]bool{from: true}
	level := []*workload{from}
	for hop := 0; hop < 8 && len(level) > 0; hop++ {
		var next []*workload
		for _, w := range level {
			for _, s := range a.out()[w] {
				if to.services[s] {
					return true
				}
				for _, b := range a.behind[s] {
					if to.workloads[b] && b != from {
						return true
					}
					if !seen[b] {
						seen[b] = true
						next = append(next, b)
					}
				}
			}
		}
		level = next
	}
	return false
}

// callersOf are the workloads whose configuration names the Service.
func (a *application) callersOf(namespace, service string) []*workload {
	return a.callers[name{namespace, service}]
}

// dependents are the callers of a workload through any Service in front of it.
func (a *application) dependents(w *workload) []*workload {
	var out []*workload
	for _, s := range a.fronts[w] {
		for _, c := range a.callers[s] {
			if c != w && !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	slices.SortFunc(out, func(x, y *workload) int { return compareTargets(x.target, y.target) })
	return out
}

// nearest is the Service of the namespace whose name is most like the wanted one, "" when none is near.
func (v *view) nearest(namespace, wanted string) string {
	best, bestAt := "", 1<<30
	for _, s := range v.Objects.Services {
		if s.Namespace != namespace || s.Name == wanted {
			continue
		}
		d := distance(s.Name, wanted)
		if strings.Contains(wanted, s.Name) && len(s.Name) >= 4 || strings.Contains(s.Name, wanted) && len(wanted) >= 4 {
			d = min(d, 2)
		}
		if d <= max(2, len(wanted)/4) && (d < bestAt || d == bestAt && cmp.Less(s.Name, best)) {
			best, bestAt = s.Name, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete or replace.
func distance(a, b string) int {
	if len(a) > 63 || len(b) > 63 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		last := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			keep := row[j]
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j]+1, row[j-1]+1, last+cost)
			last = keep
		}
	}
	return row[len(b)]
}
