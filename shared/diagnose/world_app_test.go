package diagnose

import (
	"fmt"
	"hash/fnv"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

type (
	node struct {
		Name, Zone, CPU, Memory, Pool string
	}
	pool struct {
		Name                     string
		Active, Min, Max, Wanted int
		Autoscaling              bool
		Conditions               []tree
	}
	class3 struct{ Name, Provisioner, Mode string }
	app    struct {
		Name, Namespace, Kind, Image, Probe, Service, ClusterIP, Protocol string
		Replicas, Port                                                    int
		Env                                                               map[string]string
		Labels                                                            map[string]string
		Config                                                            *struct{ Name, Key, Text string }
		Claim                                                             *struct{ Name, Size, Class, Path string }
	}
	route struct {
		Name, Namespace, Host string
		Paths                 map[string]string
	}
	// change is what became of the pods that match.
	change struct {
		Match     string `json:"match"` // namespace/glob
		Which     string `json:"which"` // "new": only pods of the newest revision
		Node      string `json:"node"`  // only pods on this node
		State     string `json:"state"` // crash, waiting, unready, pending, silent, creating, evicted, terminating, last, failed, absent
		Container string `json:"container"`
		Init      bool   `json:"init"`
		Reason    string `json:"reason"`
		Message   string `json:"message"`
		Exit      int    `json:"exit"`
		Restarts  int    `json:"restarts"`
		Ago       string `json:"ago"` // when it last happened
		Age       string `json:"age"` // of the pod
	}
	event3 struct {
		About, Reason, Message, Type, Ago, First string
		Count                                    int
	}
	curve struct {
		Pod                                                                             string `json:"pod"` // by its name, also without an object
		Metric, Namespace, Pods, Workload, Node, Service, Claim, Container, Shape, Span string
	}
	log3 struct {
		Namespace, Pods, Workload, Container string
		Previous                             bool
		Lines                                []string
		Repeat                               int
	}
)

func (w *world) node(n node) tree {
	return tree{
		"apiVersion": "v1", "kind": "Node", "metadata": tree{"name": n.Name, "creationTimestamp": w.ago("2400h"), "labels": tree{
			"kubernetes.io/hostname":      n.Name,
			"topology.kubernetes.io/zone": n.Zone, "cce.cloud.com/cce-nodepool": n.Pool, "kubernetes.io/arch": "amd64",
		}},
		"spec": tree{"providerID": "ecs-" + n.Name},
		"status": tree{
			"capacity": tree{"cpu": n.CPU, "memory": n.Memory, "pods": "110"}, "allocatable": tree{"cpu": n.CPU, "memory": n.Memory, "pods": "110"},
			"nodeInfo": tree{"kubeletVersion": "v1.30.4", "containerRuntimeVersion": "containerd://1.7.11", "osImage": "HCE 2.0"},
			"conditions": []any{
				cond("MemoryPressure", "False", "KubeletHasSufficientMemory", w.ago("2400h")), cond("DiskPressure", "False", "KubeletHasNoDiskPressure", w.ago("2400h")),
				cond("PIDPressure", "False", "KubeletHasSufficientPID", w.ago("2400h")), cond("KubeletProblem", "False", "KubeletIsUp", w.ago("2400h")),
				cond("CRIProblem", "False", "CRIIsUp", w.ago("2400h")), cond("Ready", "True", "KubeletReady", w.ago("2400h")),
			},
		},
	}
}

func cond(kind, status, reason, since string) tree {
	return tree{"type": kind, "status": status, "reason": reason, "lastTransitionTime": since, "lastHeartbeatTime": since}
}

func (w *world) app(a app) {
	kind := a.Kind
	if kind == "" {
		kind = "Deployment"
	}
	labels := tree{"app": a.Name}
	for k, v := range a.Labels {
		labels[k] = v
	}
	c := tree{"name": a.Name, "image": a.Image, "resources": tree{"requests": tree{"cpu": "100m", "memory": "128Mi"}, "limits": tree{"cpu": "500m", "memory": "512Mi"}}}
	if a.Port != 0 {
		p := tree{"name": "main", "containerPort": a.Port}
		if a.Protocol != "" {
			p["protocol"] = a.Protocol
		}
		c["ports"] = []any{p}
	}
	switch {
	case a.Probe == "tcp":
		c["readinessProbe"] = tree{"tcpSocket": tree{"port": a.Port}, "periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 1}
		c["livenessProbe"] = tree{"tcpSocket": tree{"port": a.Port}, "initialDelaySeconds": 15, "periodSeconds": 20, "failureThreshold": 3, "timeoutSeconds": 1}
	case a.Probe != "":
		c["readinessProbe"] = tree{"httpGet": tree{"path": a.Probe, "port": a.Port}, "periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 2}
		c["livenessProbe"] = tree{"httpGet": tree{"path": a.Probe, "port": a.Port}, "initialDelaySeconds": 15, "periodSeconds": 20, "failureThreshold": 3, "timeoutSeconds": 2}
	}
	var env []any
	for _, k := range slices.Sorted(maps.Keys(a.Env)) {
		env = append(env, tree{"name": k, "value": a.Env[k]})
	}
	c["env"] = env
	spec := tree{"containers": []any{c}, "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "serviceAccountName": "default", "schedulerName": "default-scheduler"}
	if a.Config != nil {
		w.objects = append(w.objects, tree{"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(a.Namespace, a.Config.Name, nil), "data": tree{a.Config.Key: a.Config.Text}})
		spec["volumes"] = []any{tree{"name": "config", "configMap": tree{"name": a.Config.Name}}}
		c["volumeMounts"] = []any{tree{"name": "config", "mountPath": "/etc/" + a.Name}}
	}
	o := tree{"apiVersion": "apps/v1", "kind": kind, "metadata": meta(a.Namespace, a.Name, labels), "spec": tree{
		"replicas": a.Replicas, "selector": tree{"matchLabels": tree{"app": a.Name}},
		"template": tree{"metadata": tree{"labels": labels}, "spec": spec},
	}}
	o["metadata"].(tree)["creationTimestamp"] = w.ago("700h")
	o["metadata"].(tree)["generation"] = 3
	if a.Claim != nil {
		c["volumeMounts"] = []any{tree{"name": a.Claim.Name, "mountPath": a.Claim.Path}}
		o["spec"].(tree)["volumeClaimTemplates"] = []any{tree{"metadata": tree{"name": a.Claim.Name}, "spec": tree{"storageClassName": a.Claim.Class, "accessModes": []any{"ReadWriteOnce"}, "resources": tree{"requests": tree{"storage": a.Claim.Size}}}}}
		for i := range a.Replicas {
			w.claim(a, fmt.Sprintf("%s-%s-%d", a.Claim.Name, a.Name, i))
		}
	}
	if kind == "StatefulSet" {
		o["spec"].(tree)["serviceName"] = a.Name
	}
	if kind == "DaemonSet" {
		delete(o["spec"].(tree), "replicas")
	}
	w.objects = append(w.objects, o)
	if a.Port == 0 {
		return
	}
	svc := a.Service
	if svc == "" {
		svc = a.Name
	}
	p := tree{"name": "main", "port": a.Port, "targetPort": a.Port}
	if a.Protocol != "" {
		p["protocol"] = a.Protocol
	}
	s := tree{"apiVersion": "v1", "kind": "Service", "metadata": meta(a.Namespace, svc, nil), "spec": tree{"selector": tree{"app": a.Name}, "ports": []any{p}, "type": "ClusterIP", "clusterIP": a.ClusterIP}}
	w.objects = append(w.objects, s)
}

func meta(ns, n string, labels tree) tree {
	m := tree{"namespace": ns, "name": n, "uid": ns + "/" + n}
	if labels != nil {
		m["labels"] = maps.Clone(labels)
	}
	return m
}

func (w *world) claim(a app, n string) {
	w.objects = append(w.objects,
		tree{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta(a.Namespace, n, nil), "spec": tree{
			"storageClassName": a.Claim.Class, "accessModes": []any{"ReadWriteOnce"},
			"resources": tree{"requests": tree{"storage": a.Claim.Size}}, "volumeName": "pvc-" + n,
		}, "status": tree{"phase": "Bound", "capacity": tree{"storage": a.Claim.Size}, "accessModes": []any{"ReadWriteOnce"}}},
		tree{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": tree{"name": "pvc-" + n, "annotations": tree{"pv.kubernetes.io/provisioned-by": "everest-csi-provisioner"}}, "spec": tree{
			"storageClassName": a.Claim.Class, "accessModes": []any{"ReadWriteOnce"},
			"capacity": tree{"storage": a.Claim.Size}, "claimRef": tree{"namespace": a.Namespace, "name": n, "uid": a.Namespace + "/" + n},
		}, "status": tree{"phase": "Bound"}})
}

func ingress(r route) tree {
	var paths []any
	for _, p := range slices.Sorted(maps.Keys(r.Paths)) {
		svc, port, _ := strings.Cut(r.Paths[p], ":")
		n, _ := strconv.Atoi(port)
		paths = append(paths, tree{"path": p, "pathType": "Prefix", "backend": tree{"service": tree{"name": svc, "port": tree{"number": n}}}})
	}
	return tree{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta(r.Namespace, r.Name, nil), "spec": tree{"rules": []any{tree{"host": r.Host, "http": tree{"paths": paths}}}}}
}

func hash(s string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s))
	return strconv.FormatUint(uint64(h.Sum32()), 36)
}

// spread makes the ReplicaSets and pods of a controller.
func (w *world) spread(o tree) {
	ns, n, kind := field(o, "metadata", "namespace"), field(o, "metadata", "name"), field(o, "kind")
	replicas := num(o, "spec", "replicas")
	released, _ := o["released"].(string)
	old, _ := o["old"].(tree)
	partial := o["rollout"] == "partial"
	delete(o, "released")
	delete(o, "old")
	delete(o, "rollout")
	switch kind {
	case "DaemonSet":
		for _, host := range w.nodes {
			w.pod(ns, n, kind, n, "", n+"-"+hash(host)[:5], host, o, "700h")
		}
	case "StatefulSet":
		for i := range replicas {
			p := w.pod(ns, n, kind, n, "", fmt.Sprintf("%s-%d", n, i), w.place(), o, "300h")
			for _, c := range list3(o, "spec", "volumeClaimTemplates") {
				vol := field(c, "metadata", "name")
				spec := p["spec"].(tree)
				spec["volumes"] = append(asList(spec["volumes"]), tree{"name": vol, "persistentVolumeClaim": tree{"claimName": fmt.Sprintf("%s-%s-%d", vol, n, i)}})
			}
		}
	case "Deployment":
		revision, age, prior := "4", "120h", 0
		if released != "" {
			revision, age = "5", released
			if partial {
				prior = replicas
			}
			h := hash(n + "old")
			w.set(ns, n, h, "4", prior, old, "120h")
			for i := range prior {
				w.pod(ns, n+"-"+h, "ReplicaSet", n, h, fmt.Sprintf("%s-%s-vt4q%d", n, h, i), w.place(), tree{"spec": tree{"template": old}}, "120h")
			}
		}
		count := replicas
		if partial {
			count = 1
		}
		h := hash(n + revision)
		w.set(ns, n, h, revision, count, deep(o["spec"].(tree)["template"]).(tree), age)
		for i := range count {
			w.pod(ns, n+"-"+h, "ReplicaSet", n, h, fmt.Sprintf("%s-%s-zw4q%d", n, h, i), w.place(), o, age)
		}
	}
}

func (w *world) place() string {
	if len(w.nodes) == 0 {
		return ""
	}
	workers := slices.DeleteFunc(slices.Clone(w.nodes), func(n string) bool { return strings.HasPrefix(n, "ctl-") })
	w.next++
	return workers[w.next%len(workers)]
}

func (w *world) set(ns, n, h, revision string, replicas int, template tree, age string) {
	template = deep(template).(tree)
	template["metadata"].(tree)["labels"].(tree)["pod-template-hash"] = h
	labels := deep(template["metadata"].(tree)["labels"]).(tree)
	m := meta(ns, n+"-"+h, labels)
	m["annotations"] = tree{"deployment.kubernetes.io/revision": revision}
	m["creationTimestamp"] = w.ago(age)
	m["ownerReferences"] = []any{tree{"apiVersion": "apps/v1", "kind": "Deployment", "name": n, "uid": ns + "/" + n, "controller": true}}
	w.objects = append(w.objects, tree{"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": m, "spec": tree{"replicas": replicas, "selector": tree{"matchLabels": labels}, "template": template}, "status": tree{"replicas": replicas}})
}

func (w *world) pod(ns, owner, ownerKind, _, h, n, host string, o tree, age string) tree {
	template := deep(o["spec"].(tree)["template"]).(tree)
	labels := template["metadata"].(tree)["labels"].(tree)
	api := "apps/v1"
	if h != "" {
		labels["pod-template-hash"] = h
	}
	m := meta(ns, n, labels)
	m["creationTimestamp"] = w.ago(age)
	m["ownerReferences"] = []any{tree{"apiVersion": api, "kind": ownerKind, "name": owner, "uid": ns + "/" + owner, "controller": true}}
	spec := template["spec"].(tree)
	spec["nodeName"] = host
	p := tree{"apiVersion": "v1", "kind": "Pod", "metadata": m, "spec": spec}
	up := w.ago(age)
	if d, err := time.ParseDuration(age); err == nil && d > time.Minute {
		up = w.at.Add(-d + 20*time.Second).Format(time.RFC3339)
	}
	var statuses, inits []any
	for _, c := range list3(spec, "containers") {
		statuses = append(statuses, tree{"name": c["name"], "image": c["image"], "ready": true, "started": true, "restartCount": 0, "state": tree{"running": tree{"startedAt": up}}})
	}
	for _, c := range list3(spec, "initContainers") {
		inits = append(inits, tree{"name": c["name"], "image": c["image"], "ready": true, "restartCount": 0, "state": tree{"terminated": tree{"exitCode": 0, "reason": "Completed", "finishedAt": up}}})
	}
	p["status"] = tree{"phase": "Running", "podIP": fmt.Sprintf("10.16.%d.%d", w.next%200, len(w.objects)%250), "containerStatuses": statuses, "initContainerStatuses": inits, "conditions": []any{
		cond("PodScheduled", "True", "", w.ago(age)), cond("Initialized", "True", "", up), cond("ContainersReady", "True", "", up), cond("Ready", "True", "", up),
	}}
	w.objects = append(w.objects, p)
	return p
}

func field(o tree, path ...string) string {
	for i, k := range path {
		if i == len(path)-1 {
			s, _ := o[k].(string)
			return s
		}
		o, _ = o[k].(tree)
	}
	return ""
}

func num(o tree, path ...string) int {
	for i, k := range path {
		if i == len(path)-1 {
			switch n := o[k].(type) {
			case int:
				return n
			case float64:
				return int(n)
			case int64:
				return int(n)
			}
			return 0
		}
		o, _ = o[k].(tree)
	}
	return 0
}

func asList(x any) []any {
	l, _ := x.([]any)
	return l
}

func list3(o tree, path ...string) []tree {
	for _, k := range path[:len(path)-1] {
		o, _ = o[k].(tree)
	}
	var out []tree
	for _, x := range asList(o[path[len(path)-1]]) {
		if m, ok := x.(tree); ok {
			out = append(out, m)
		}
	}
	return out
}

func deep(x any) any {
	switch v := x.(type) {
	case tree:
		out := tree{}
		for k, y := range v {
			out[k] = deep(y)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, y := range v {
			out[i] = deep(y)
		}
		return out
	}
	return x
}

func glob(pattern, s string) bool {
	ok, err := path.Match(pattern, s)
	return err == nil && ok
}
