package alarm

import (
	"regexp"
	"sort"
	"strings"
)

var (
	resourceKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.\-]{0,63}$`)
	dnsLabel    = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	objectName  = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9._:]{0,251}[A-Za-z0-9])?$`)
)

// parseResourceID reads both grammars: "k=v;k=v" of CCE's events and "k:v;k:v" of AOM's rules. The separator that comes first
// decides for the whole text, so a value may hold the other one, and its own. A piece that starts with no key belongs to the
// value before it. The first value of a key counts.
func parseResourceID(s string) map[string]string {
	sep := "="
	if i := strings.IndexAny(s, "=:"); i >= 0 {
		sep = s[i : i+1]
	}
	out := map[string]string{}
	last := ""
	for _, piece := range strings.Split(s, ";") {
		k, v, found := strings.Cut(piece, sep)
		k = strings.TrimSpace(k)
		if !found || !resourceKey.MatchString(k) || (sep == ":" && strings.HasPrefix(v, "//")) {
			if last != "" && piece != "" {
				out[last] += ";" + piece
			}
			continue
		}
		if _, have := out[k]; have {
			last = ""
			continue
		}
		out[k] = strings.TrimSpace(v)
		last = k
	}
	return out
}

// namedKinds are the metadata keys and Prometheus labels that name an object of a kind, the most telling first. A label that
// kube-state-metrics had to move aside (exported_…) speaks of the object; the plain one then speaks of the scraped exporter.
var namedKinds = []struct {
	kind string
	keys []string
}{
	{"HorizontalPodAutoscaler", []string{"horizontalpodautoscaler", "hpa"}},
	{"CronJob", []string{"cronjob", "cronjob_name"}},
	{"Job", []string{"job_name"}},
	{"Deployment", []string{"deployment", "deploymentName", "deployment_name"}},
	{"StatefulSet", []string{"statefulset", "statefulset_name"}},
	{"DaemonSet", []string{"daemonset", "daemonset_name"}},
	{"ReplicaSet", []string{"replicaset"}},
	{"PersistentVolumeClaim", []string{"persistentvolumeclaim", "pvc", "pvcName"}},
	{"PersistentVolume", []string{"persistentvolume", "pv"}},
	{"Pod", []string{"exported_pod", "pod", "podName", "pod_name", "podname"}},
	{"NodePool", []string{"nodepool", "nodepoolName", "nodePoolName", "node_pool", "nodeGroup"}},
	{"Node", []string{"exported_node", "node", "nodeName", "node_name", "nodename", "kubernetes_node", "nodeIP", "hostIP", "host_ip"}},
	{"Ingress", []string{"ingress", "exported_ingress"}},
	{"Service", []string{"exported_service", "service_name", "serviceName"}},
}

var kindNames = func() map[string]string {
	out := map[string]string{}
	for _, k := range []string{
		"Pod", "Node", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Service", "Ingress", "Endpoints",
		"EndpointSlice", "HorizontalPodAutoscaler", "PersistentVolumeClaim", "PersistentVolume", "StorageClass", "Namespace", "ConfigMap",
		"Secret", "ResourceQuota", "LimitRange", "PodDisruptionBudget", "NetworkPolicy", "VolumeAttachment", "Lease",
		"CronHorizontalPodAutoscaler", "CustomedHorizontalPodAutoscaler", "Cluster", "NodePool", "Container",
	} {
		out[strings.ToLower(k)] = k
	}
	for short, k := range map[string]string{
		"deploy": "Deployment", "sts": "StatefulSet", "ds": "DaemonSet", "rs": "ReplicaSet", "cj": "CronJob", "svc": "Service", "ing": "Ingress",
		"hpa": "HorizontalPodAutoscaler", "pvc": "PersistentVolumeClaim", "pv": "PersistentVolume", "ns": "Namespace", "host": "Node",
		"cronhpa": "CronHorizontalPodAutoscaler", "customedhpa": "CustomedHorizontalPodAutoscaler", "nodegroup": "NodePool",
	} {
		out[short] = k
	}
	return out
}()

// kindOf is a kind as Kubernetes spells it; a kind that is not known is kept as it came if it could be one.
func kindOf(s string) string {
	s = strings.TrimSpace(s)
	if k, ok := kindNames[strings.ToLower(s)]; ok {
		return k
	}
	if resourceKey.MatchString(s) {
		return s
	}
	return ""
}

// clusterScoped says whether objects of a kind live in no namespace.
func clusterScoped(kind string) bool {
	switch kind {
	case "Node", "PersistentVolume", "StorageClass", "Namespace", "VolumeAttachment", "Cluster", "NodePool":
		return true
	}
	return false
}

// identify fills in what the alarm speaks of. What it says outright wins over what its labels suggest.
func identify(a *Alarm, meta, ids map[string]string) {
	pick := func(keys ...string) string { return pickName(meta, ids, keys...) }
	a.Cluster = pick("clusterId", "clusterID", "cluster_id", "cluster")
	a.ClusterName = clip(firstText(meta["clusterName"], meta["cluster_name"], ids["clusterName"], meta["clusterAliasName"], ids["clusterAliasName"]), maxName)

	entry, _ := a.Entry()
	o := Object{
		Namespace: pickNamespace(meta, ids),
		Container: pick("exported_container", "container", "containerName", "container_name"),
		Node:      pick(keysOf("Node")...),
		UID:       pick("uid", "podID", "podId"),
	}
	o.Kind = kindOf(firstText(meta["kind"], ids["kind"]))
	if o.Kind == "ConfigMap" && entry.Kind == "NodePool" { // the autoscaler tells of pools on the ConfigMap that holds its status
		o.Kind = ""
	}
	if o.Kind != "" {
		o.Name = firstText(pick("name", "objectName"), pick(keysOf(o.Kind)...))
	} else {
		o.Kind, o.Name = guess(entry, pick)
	}
	switch {
	case o.Kind == "Container": // a container is found through its pod
		if o.Container == "" {
			o.Container = o.Name
		}
		if p := pick(keysOf("Pod")...); p != "" {
			o.Kind, o.Name = "Pod", p
		}
	case o.Kind == "Node" && o.Name == "":
		o.Name = o.Node
	case o.Kind == "Cluster":
		o.Name = a.Cluster
	}
	if o.Kind == "Node" {
		o.Node = o.Name
	}
	if o.Kind != "Pod" && o.Kind != "Container" {
		o.Container = ""
	}
	if clusterScoped(o.Kind) {
		o.Namespace = ""
	}
	a.Object = o
}

// guess names the object from the labels: of the kind that the catalogue knows for this alarm, else of the most telling label.
// Exporters leave labels of their own pod on series about other things, so a known kind is worth more than any order.
func guess(e Entry, pick func(...string) string) (kind, name string) {
	switch e.Kind {
	case "":
	case "Cluster":
		return e.Kind, ""
	case "Node":
		if n := pick(keysOf(e.Kind)...); n != "" {
			return e.Kind, n
		}
		if n, _, _ := strings.Cut(pick("instance"), ":"); n != "" {
			return e.Kind, n
		}
	default:
		if n := pick(append(keysOf(e.Kind), "name", "objectName")...); n != "" {
			return e.Kind, n
		}
	}
	for _, k := range namedKinds {
		if n := pick(k.keys...); n != "" {
			return k.kind, n
		}
	}
	if n := pick("exported_namespace", "nameSpace", "namespace"); dnsLabel.MatchString(n) {
		return "Namespace", n
	}
	return e.Kind, ""
}

func keysOf(kind string) []string {
	for _, k := range namedKinds {
		if k.kind == kind {
			return k.keys
		}
	}
	return nil
}

// pickName is the first of the keys that holds what can be a name, in the metadata or else in the resource id.
func pickName(meta, ids map[string]string, keys ...string) string {
	for _, m := range []map[string]string{meta, ids} {
		for _, k := range keys {
			if v := m[k]; v != "" && objectName.MatchString(v) {
				return v
			}
		}
	}
	return ""
}

// pickNamespace is the Kubernetes namespace. AOM uses the key "namespace" for its metric namespaces too (PAAS.NODE, CUSTOMMETRICS):
// those are no DNS labels, so they cannot be mistaken. "nameSpace" is only ever the Kubernetes one.
func pickNamespace(meta, ids map[string]string) string {
	keys := []string{"nameSpace", "exported_namespace", "namespace", "k8s_namespace", "kubernetes_namespace", "namespaceName", "namespace_name", "podNamespace"}
	for _, k := range keys {
		for _, m := range []map[string]string{meta, ids} {
			if v := m[k]; dnsLabel.MatchString(v) {
				return v
			}
		}
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
