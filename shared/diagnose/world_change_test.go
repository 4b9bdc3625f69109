package diagnose

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// patch merges a manifest into every object of its kind whose namespace and name match (globs), or adds it when none does. Lists of
// named things merge by name. Of a Deployment with "released", the template before the patch is kept as the former revision.
func (w *world) patch(p tree) {
	p = deep(p).(tree)
	kind, ns, n := field(p, "kind"), field(p, "metadata", "namespace"), field(p, "metadata", "name")
	drop := p["delete"] == true
	delete(p, "delete")
	hit := false
	for i := 0; i < len(w.objects); i++ {
		o := w.objects[i]
		if field(o, "kind") != kind || !glob(n, field(o, "metadata", "name")) || ns != "" && field(o, "metadata", "namespace") != ns {
			continue
		}
		hit = true
		if drop {
			w.objects = slices.Delete(w.objects, i, i+1)
			i--
			continue
		}
		former := deep(o)
		name, space := o["metadata"].(tree)["name"], o["metadata"].(tree)["namespace"]
		w.objects[i] = overlay(o, w.times(p)).(tree)
		w.objects[i]["metadata"].(tree)["name"], w.objects[i]["metadata"].(tree)["namespace"] = name, space
		if space == nil {
			delete(w.objects[i]["metadata"].(tree), "namespace")
		}
		if p["released"] != nil && field(o, "kind") == "Deployment" {
			w.objects[i]["old"] = former.(tree)["spec"].(tree)["template"]
		}
	}
	if !hit && !drop {
		if field(p, "apiVersion") == "" {
			w.t.Fatalf("%s %s/%s matches nothing and has no apiVersion to be added", kind, ns, n)
		}
		w.objects = append(w.objects, w.times(p).(tree))
	}
	if !hit && drop {
		w.t.Fatalf("%s %s/%s to delete matches nothing", kind, ns, n)
	}
}

// times turns "-12m" in fields of time into a time before the moment.
func (w *world) times(x any) any {
	switch v := x.(type) {
	case tree:
		out := tree{}
		for k, y := range v {
			out[k] = w.times(y)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, y := range v {
			out[i] = w.times(y)
		}
		return out
	case string:
		if len(v) > 2 && v[0] == '-' && v[1] >= '0' && v[1] <= '9' {
			if d, err := time.ParseDuration(v[1:]); err == nil {
				return w.at.Add(-d).Format(time.RFC3339)
			}
		}
	}
	return x
}

func overlay(old, now any) any {
	switch n := now.(type) {
	case tree:
		o, ok := old.(tree)
		if !ok {
			o = tree{}
		}
		out := tree{}
		for k, v := range o {
			out[k] = v
		}
		for k, v := range n {
			if v == nil {
				delete(out, k)
				continue
			}
			out[k] = overlay(out[k], v)
		}
		return out
	case []any:
		o := asList(old)
		key := ""
		for _, k := range []string{"name", "type"} {
			if keyed(o, k) && keyed(n, k) {
				key = k
				break
			}
		}
		if key == "" {
			return n
		}
		out := slices.Clone(o)
		for _, v := range n {
			m := v.(tree)
			i := slices.IndexFunc(out, func(x any) bool { return x.(tree)[key] == m[key] })
			switch {
			case m["delete"] == true:
				if i >= 0 {
					out = slices.Delete(out, i, i+1)
				}
			case i < 0:
				out = append(out, m)
			default:
				out[i] = overlay(out[i], m)
			}
		}
		return out
	}
	return now
}

func keyed(l []any, key string) bool {
	if len(l) == 0 {
		return false
	}
	for _, x := range l {
		m, ok := x.(tree)
		if !ok || m[key] == nil {
			return false
		}
	}
	return true
}

// become gives the matching pods their state.
func (w *world) become(c change) {
	ns, pattern, _ := strings.Cut(c.Match, "/")
	hit := false
	for i := 0; i < len(w.objects); i++ {
		o := w.objects[i]
		if field(o, "kind") != "Pod" || field(o, "metadata", "namespace") != ns || !glob(pattern, field(o, "metadata", "name")) || c.Node != "" && field(o, "spec", "nodeName") != c.Node {
			continue
		}
		if c.Which == "new" && !strings.Contains(field(o, "metadata", "name"), "-zw4q") {
			continue
		}
		hit = true
		if c.State == "absent" {
			w.objects = slices.Delete(w.objects, i, i+1)
			i--
			continue
		}
		w.state(o, c)
	}
	if !hit {
		w.t.Fatalf("no pod matches %q", c.Match)
	}
}

func (w *world) state(o tree, c change) {
	m, spec, status := o["metadata"].(tree), o["spec"].(tree), o["status"].(tree)
	if c.Age != "" {
		m["creationTimestamp"] = w.ago(c.Age)
	}
	ago := c.Ago
	if ago == "" {
		ago = "40s"
	}
	statuses := "containerStatuses"
	if c.Init {
		statuses = "initContainerStatuses"
	}
	of := func(apply func(s tree)) {
		for _, s := range list3(status, statuses) {
			if c.Container == "" || s["name"] == c.Container {
				apply(s)
			}
		}
	}
	unready := func(since string) {
		setCond(status, "Ready", "False", "ContainersNotReady", w.ago(since))
		setCond(status, "ContainersReady", "False", "ContainersNotReady", w.ago(since))
	}
	last := func() tree {
		return tree{"terminated": tree{"exitCode": c.Exit, "reason": c.Reason, "message": c.Message, "finishedAt": w.ago(ago), "startedAt": w.ago(ago)}}
	}
	switch c.State {
	case "crash":
		if c.Reason == "" {
			c.Reason = "Error"
		}
		since := c.Age
		if since == "" {
			since = "25m"
		}
		unready(since)
		of(func(s tree) {
			s["ready"], s["restartCount"], s["lastState"] = false, c.Restarts, last()
			s["state"] = tree{"waiting": tree{"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}
		})
		if c.Init {
			status["phase"] = "Pending"
			for _, s := range list3(status, "containerStatuses") {
				s["ready"], s["state"] = false, tree{"waiting": tree{"reason": "PodInitializing"}}
			}
		}
	case "waiting":
		unready("20m")
		status["phase"] = "Pending"
		of(func(s tree) {
			s["ready"], s["started"], s["state"] = false, false, tree{"waiting": tree{"reason": c.Reason, "message": c.Message}}
		})
	case "unready":
		unready(ago)
		of(func(s tree) { s["ready"], s["restartCount"] = false, c.Restarts })
	case "last":
		of(func(s tree) {
			s["restartCount"], s["lastState"], s["state"] = c.Restarts, last(), tree{"running": tree{"startedAt": w.ago(ago)}}
		})
	case "pending", "silent":
		delete(spec, "nodeName")
		status["phase"] = "Pending"
		delete(status, "containerStatuses")
		delete(status, "podIP")
		status["conditions"] = nil
		if c.State == "pending" {
			status["conditions"] = []any{tree{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": c.Message, "lastTransitionTime": m["creationTimestamp"]}}
			if c.Message == "" {
				delete(status, "conditions")
			}
		}
	case "creating":
		unready("10m")
		status["phase"] = "Pending"
		of(func(s tree) {
			s["ready"], s["started"], s["state"] = false, false, tree{"waiting": tree{"reason": "ContainerCreating"}}
		})
	case "failed", "evicted":
		status["phase"], status["reason"], status["message"] = "Failed", c.Reason, c.Message
		if c.State == "evicted" {
			status["reason"] = "Evicted"
		}
		status["startTime"] = w.ago(ago)
		of(func(s tree) {
			s["ready"] = false
			s["state"] = tree{"terminated": tree{"exitCode": 137, "reason": "Error", "finishedAt": w.ago(ago)}}
		})
		unready(ago)
	case "terminating":
		m["deletionTimestamp"], m["deletionGracePeriodSeconds"] = w.ago(ago), 30
		unready(ago)
	case "":
	default:
		w.t.Fatalf("pod state %q", c.State)
	}
}

func setCond(status tree, kind, value, reason, since string) {
	for _, c := range list3(status, "conditions") {
		if c["type"] == kind {
			c["status"], c["reason"], c["lastTransitionTime"] = value, reason, since
		}
	}
}

// settle writes the statuses of controllers and the endpoints of Services from what became of the pods.
func (w *world) settle() {
	isReady := func(p tree) bool {
		for _, c := range list3(p, "status", "conditions") {
			if c["type"] == "Ready" {
				return c["status"] == "True"
			}
		}
		return false
	}
	pods := func(keep func(tree) bool) (all, ready int, which []tree) {
		for _, o := range w.objects {
			if o["kind"] == "Pod" && keep(o) && field(o, "status", "phase") != "Failed" {
				all++
				which = append(which, o)
				if isReady(o) {
					ready++
				}
			}
		}
		return all, ready, which
	}
	for _, o := range slices.Clone(w.objects) {
		ns, n := field(o, "metadata", "namespace"), field(o, "metadata", "name")
		ownedBy := func(p tree) bool {
			for _, r := range list3(p, "metadata", "ownerReferences") {
				if field(p, "metadata", "namespace") == ns && (r["name"] == n && r["kind"] == o["kind"] || o["kind"] == "Deployment" && strings.HasPrefix(field(p, "metadata", "name"), n+"-"+hash(n+"old")+"-") ||
					o["kind"] == "Deployment" && strings.HasPrefix(field(p, "metadata", "name"), n+"-"+hash(n+"4")+"-") || o["kind"] == "Deployment" && strings.HasPrefix(field(p, "metadata", "name"), n+"-"+hash(n+"5")+"-")) {
					return true
				}
			}
			return false
		}
		switch o["kind"] {
		case "Deployment", "StatefulSet":
			all, ready, _ := pods(ownedBy)
			o["status"] = tree{"observedGeneration": 3, "replicas": all, "updatedReplicas": all, "readyReplicas": ready, "availableReplicas": ready}
		case "ReplicaSet":
			all, ready, _ := pods(ownedBy)
			o["status"] = tree{"replicas": all, "readyReplicas": ready, "availableReplicas": ready}
		case "DaemonSet":
			all, ready, _ := pods(ownedBy)
			o["status"] = tree{"desiredNumberScheduled": len(w.nodes), "currentNumberScheduled": all, "numberReady": ready, "numberUnavailable": len(w.nodes) - ready}
		case "Service":
			w.endpoints(o, pods, isReady)
		}
	}
}

func (w *world) endpoints(s tree, pods func(func(tree) bool) (int, int, []tree), isReady func(tree) bool) {
	sel, _ := s["spec"].(tree)["selector"].(tree)
	if len(sel) == 0 {
		return
	}
	ns, n := field(s, "metadata", "namespace"), field(s, "metadata", "name")
	_, _, which := pods(func(p tree) bool {
		if field(p, "metadata", "namespace") != ns {
			return false
		}
		l, _ := p["metadata"].(tree)["labels"].(tree)
		for k, v := range sel {
			if l[k] != v {
				return false
			}
		}
		return true
	})
	var ends []any
	for _, p := range which {
		if ip := field(p, "status", "podIP"); ip != "" {
			ends = append(ends, tree{"addresses": []any{ip}, "conditions": tree{"ready": isReady(p)}, "nodeName": field(p, "spec", "nodeName"), "targetRef": tree{"kind": "Pod", "namespace": ns, "name": field(p, "metadata", "name")}})
		}
	}
	w.objects = append(w.objects, tree{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": tree{"namespace": ns, "name": n + "-x2k9p", "labels": tree{"kubernetes.io/service-name": n}}, "addressType": "IPv4", "endpoints": ends, "ports": []any{}})
}

// event writes one event for each object that matches "Kind/namespace/glob" or "Node/name".
func (w *world) event(e event3) {
	kind, rest, _ := strings.Cut(e.About, "/")
	ns, pattern, namespaced := strings.Cut(rest, "/")
	if !namespaced {
		ns, pattern = "", rest
	}
	var names []string
	for _, o := range w.objects {
		if field(o, "kind") == kind && (ns == "" || field(o, "metadata", "namespace") == ns) && glob(pattern, field(o, "metadata", "name")) {
			names = append(names, field(o, "metadata", "name"))
		}
	}
	if len(names) == 0 && !strings.ContainsAny(pattern, "*?[") {
		names = []string{pattern}
	}
	kindOf := e.Type
	if kindOf == "" {
		kindOf = "Warning"
	}
	ago, first := e.Ago, e.First
	if ago == "" {
		ago = "1m"
	}
	if first == "" {
		first = ago
	}
	for _, n := range names {
		space := ns
		if space == "" {
			space = "default"
		}
		w.objects = append(w.objects, tree{"apiVersion": "v1", "kind": "Event", "metadata": tree{"namespace": space, "name": fmt.Sprintf("%s.%x", n, len(w.objects))}, "involvedObject": tree{"kind": kind, "namespace": ns, "name": n},
			"reason": e.Reason, "message": e.Message, "type": kindOf, "count": max(e.Count, 1), "firstTimestamp": w.ago(first), "lastTimestamp": w.ago(ago)})
	}
}

func (w *world) timed(all []tree) []any {
	var out []any
	for _, c := range all {
		c = deep(c).(tree)
		c["at"] = w.ago(field(c, "ago"))
		delete(c, "ago")
		out = append(out, c)
	}
	return out
}

// alarms writes AOM event objects from a short form: name, severity, about (Kind/namespace/name), ago, cleared, message.
func (w *world) alarms() []any {
	var out []any
	for i, a := range w.moment.Alarms {
		if a["metadata"] != nil {
			out = append(out, a)
			continue
		}
		kind, rest, _ := strings.Cut(field(a, "about"), "/")
		ns, n, namespaced := strings.Cut(rest, "/")
		if !namespaced {
			ns, n = "", rest
		}
		if strings.ContainsAny(n, "*?") {
			for _, o := range w.objects {
				if field(o, "kind") == kind && field(o, "metadata", "namespace") == ns && glob(n, field(o, "metadata", "name")) {
					n = field(o, "metadata", "name")
					break
				}
			}
		}
		ms := func(s string) int64 {
			if s == "" {
				return 0
			}
			d, err := time.ParseDuration(s)
			if err != nil {
				w.t.Fatal(err)
			}
			return w.at.Add(-d).UnixMilli()
		}
		severity := field(a, "severity")
		if severity == "" {
			severity = "Major"
		}
		out = append(out, tree{"id": fmt.Sprintf("al-%d", i+1), "event_sn": fmt.Sprintf("sn-%d", i+1), "starts_at": ms(field(a, "ago")), "ends_at": ms(field(a, "cleared")),
			"metadata": tree{"event_name": field(a, "name"), "event_severity": severity, "event_type": "alarm", "resource_provider": "CCE", "resource_type": kind,
				"resource_id": fmt.Sprintf("clusterName=ferry-prod;clusterID=7c1f;kind=%s;namespace=%s;name=%s;uid=u-%d", kind, ns, n, i)},
			"annotations": tree{"message": field(a, "message")}})
	}
	return out
}

func (w *world) logs() []any {
	var out []any
	for _, l := range w.moment.Logs {
		lines := l.Lines
		for range max(0, l.Repeat-1) {
			lines = append(slices.Clone(lines), l.Lines...)
		}
		if l.Pods == "" {
			out = append(out, tree{"namespace": l.Namespace, "workload": l.Workload, "container": l.Container, "previous": l.Previous, "lines": lines})
			continue
		}
		for _, o := range w.objects {
			if field(o, "kind") == "Pod" && field(o, "metadata", "namespace") == l.Namespace && glob(l.Pods, field(o, "metadata", "name")) {
				out = append(out, tree{"namespace": l.Namespace, "pod": field(o, "metadata", "name"), "container": l.Container, "previous": l.Previous, "lines": lines})
			}
		}
	}
	return out
}

// series spells curves out, and gives every other application its healthy ones.
func (w *world) series() []any {
	var out []any
	if len(w.moment.Series) == 0 {
		return out
	}
	taken := map[string]bool{}
	for _, c := range w.moment.Series {
		base := tree{"__name__": c.Metric}
		if c.Namespace != "" {
			base["namespace"] = c.Namespace
		}
		if c.Container != "" {
			base["container"] = c.Container
		}
		add := func(key, value string) {
			l := deep(base).(tree)
			l[key] = value
			taken[c.Metric+"/"+c.Namespace+"/"+key+"/"+value] = true
			if key == "pod" {
				taken[c.Metric+"/"+c.Namespace+"/ofpod/"+value] = true
			}
			out = append(out, tree{"metric": l, "values": w.points(c.Shape, c.Span)})
		}
		switch {
		case c.Pods != "":
			for _, o := range w.objects {
				if field(o, "kind") == "Pod" && field(o, "metadata", "namespace") == c.Namespace && glob(c.Pods, field(o, "metadata", "name")) {
					add("pod", field(o, "metadata", "name"))
				}
			}
		case c.Workload != "":
			add("workload", c.Workload)
		case c.Node != "":
			add("node", c.Node)
		case c.Service != "":
			add("service", c.Service)
		case c.Claim != "":
			add("persistentvolumeclaim", c.Claim)
		}
	}
	if w.moment.NoBaseline {
		return out
	}
	for _, o := range w.objects {
		ns, n := field(o, "metadata", "namespace"), field(o, "metadata", "name")
		switch {
		case o["kind"] == "Pod" && ns == "ferry":
			for m, shape := range map[string]string{"container_cpu_limit_ratio": "0.22", "container_memory_limit_ratio": "0.48", "container_cpu_usage_cores": "0.11"} {
				if !taken[m+"/"+ns+"/pod/"+n] {
					out = append(out, tree{"metric": tree{"__name__": m, "namespace": ns, "pod": n}, "values": w.points(shape, "")})
				}
			}
		case o["kind"] == "Deployment" && ns == "ferry":
			for m, shape := range map[string]string{"request_latency_p95_seconds": "0.042", "request_success_ratio": "0.9991", "request_rate": "35"} {
				if !taken[m+"/"+ns+"/workload/"+n] {
					out = append(out, tree{"metric": tree{"__name__": m, "namespace": ns, "workload": n}, "values": w.points(shape, "")})
				}
			}
		case o["kind"] == "Node":
			for m, shape := range map[string]string{"node_cpu_usage_ratio": "0.31", "node_memory_usage_ratio": "0.55", "node_tcp_retransmits": "0.8"} {
				if !taken[m+"//node/"+n] {
					out = append(out, tree{"metric": tree{"__name__": m, "node": n}, "values": w.points(shape, "")})
				}
			}
		}
	}
	return out
}

// points draws a shape over a span (one hour by default), a sample a minute: "0.2" level, "0.2 -> 0.9 @20m" a step, "0.3 ~> 0.9" a
// slope, "0.4 -> gone @10m" samples that end. A small ripple is added, the same every time.
func (w *world) points(shape, span string) []any {
	over := time.Hour
	if span != "" {
		d, err := time.ParseDuration(span)
		if err != nil {
			w.t.Fatal(err)
		}
		over = d
	}
	step := over / 60
	shape, when, _ := strings.Cut(shape, "@")
	at := w.at.Add(-20 * time.Minute)
	if when = strings.TrimSpace(when); when != "" {
		d, err := time.ParseDuration(when)
		if err != nil {
			w.t.Fatal(err)
		}
		at = w.at.Add(-d)
	}
	value := func(s string) float64 {
		s = strings.TrimSpace(s)
		if s == "gone" || s == "nan" {
			return math.NaN()
		}
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			w.t.Fatalf("shape %q: %v", shape, err)
		}
		return x
	}
	var from, to float64
	slope := false
	if a, b, ok := strings.Cut(shape, "->"); ok {
		from, to = value(a), value(b)
	} else if a, b, ok := strings.Cut(shape, "~>"); ok {
		from, to, slope = value(a), value(b), true
	} else {
		from = value(shape)
		to = from
	}
	var out []any
	for i := range 61 {
		t := w.at.Add(-over + time.Duration(i)*step)
		x := from
		switch {
		case slope:
			x = from + (to-from)*float64(i)/60
		case !t.Before(at):
			x = to
		}
		if math.IsNaN(x) {
			if shape == "nan" || strings.TrimSpace(shape) == "nan" {
				out = append(out, []any{t.Unix(), "NaN"})
			}
			continue
		}
		x *= 1 + 0.01*float64((i*7)%5-2)
		out = append(out, []any{t.Unix(), strconv.FormatFloat(x, 'g', 8, 64)})
	}
	return out
}
