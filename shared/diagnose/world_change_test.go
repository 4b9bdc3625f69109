package diagnose

import (
	"slices"
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
