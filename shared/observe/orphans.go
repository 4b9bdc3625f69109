package observe

import (
	"regexp"
	"slices"
	"strings"

	"cce-oncall/shared/incident"
)

// Signals may outlive objects: a frozen case or a cluster that refuses to list its pods still has the series and logs of pods that no
// object speaks of. Their names tell whose they are, since controllers build them by rule.

// generated is the alphabet of the suffixes that Kubernetes generates: no vowels and none of 0, 1 and 3 (k8s.io/apimachinery, util/rand).
const generated = "[bcdfghjklmnpqrstvwxz2456789]"

var (
	setName        = regexp.MustCompile(`^(.+)-` + generated + `{6,10}$`)
	deploymentsPod = regexp.MustCompile(`^(.+)-` + generated + `{6,10}-` + generated + `{5}$`)
	ordinalPod     = regexp.MustCompile(`^(.+)-\d{1,4}$`)
	daemonsPod     = regexp.MustCompile(`^(.+)-` + generated + `{5}$`)
)

// DeploymentOfSet is the Deployment that a ReplicaSet's name speaks of: its own name, a dash, and a hash.
func DeploymentOfSet(set string) (string, bool) {
	if m := setName.FindStringSubmatch(set); m != nil {
		return m[1], true
	}
	return "", false
}

// controllerOfPod is the kind and name of what a pod's name speaks of; a name built by no rule is taken for the workload's own.
func controllerOfPod(pod string) (kind, name string) {
	for _, x := range []struct {
		kind string
		re   *regexp.Regexp
	}{{"Deployment", deploymentsPod}, {"StatefulSet", ordinalPod}, {"DaemonSet", daemonsPod}} {
		if m := x.re.FindStringSubmatch(pod); m != nil {
			return x.kind, m[1]
		}
	}
	return "Deployment", pod
}

// SeenOnly is a workload that series or logs speak of and no object does.
type SeenOnly struct {
	Target incident.Target
	Pods   []string // sorted
}

// SeenOnly are the workloads without any object, of namespaces in which the snapshot holds neither pods nor controllers: elsewhere a
// series without object is of something that is gone. Sorted.
func (x *Index) SeenOnly() []SeenOnly {
	var out []SeenOnly
	for t, pods := range x.unseen {
		if x.inhabited(t.Namespace) {
			continue
		}
		out = append(out, SeenOnly{t, pods})
	}
	slices.SortFunc(out, func(a, b SeenOnly) int { return strings.Compare(a.Target.String(), b.Target.String()) })
	return out
}

// NodesSeen are the nodes of the snapshot, and where it holds none, those that series speak of; sorted.
func (x *Index) NodesSeen() []string {
	names := map[string]bool{}
	for _, n := range x.s.Objects.Nodes {
		names[n.Name] = true
	}
	if len(names) == 0 {
		for k := range x.about {
			if k.label == "node" && strings.HasPrefix(k.metric, "node_") {
				names[k.value] = true
			}
		}
	}
	return sortedKeys(names)
}

func (x *Index) inhabited(namespace string) bool {
	return x.controllersIn[namespace] || len(x.podsIn[namespace]) > 0
}

func (x *Index) indexUnseen() {
	x.controllersIn, x.unseen = map[string]bool{}, map[incident.Target][]string{}
	for t := range x.objects {
		if t.Kind == "Deployment" || t.Kind == "StatefulSet" || t.Kind == "DaemonSet" {
			x.controllersIn[t.Namespace] = true
		}
	}
	for k := range x.about {
		switch k.label {
		case "pod":
			x.unseenPod(k.namespace, k.value)
		case "workload":
			x.unseenWorkload(k.namespace, k.value)
		}
	}
	for t := range x.logs {
		if t.Kind == "Pod" {
			x.unseenPod(t.Namespace, t.Name)
		} else {
			x.unseenWorkload(t.Namespace, t.Name)
		}
	}
	for t, pods := range x.unseen {
		slices.Sort(pods)
		x.unseen[t] = slices.Compact(pods)
	}
}

// unseenPod files a pod without object under the workload that its name speaks of. A workload whose pods are known has no others.
func (x *Index) unseenPod(namespace, pod string) {
	if x.Has("Pod", namespace, pod) || len(x.podsIn[namespace]) > 0 {
		return
	}
	kind, name := controllerOfPod(pod)
	t := x.knownAs(kind, namespace, name)
	if whole := x.knownAs("", namespace, pod); whole.Kind != "" { // "web-2" may be the name of a Deployment
		t = whole
	}
	x.unseen[t] = append(x.unseen[t], pod)
}

func (x *Index) unseenWorkload(namespace, name string) {
	kind := "Deployment"
	if i := strings.IndexByte(name, '/'); i > 0 {
		kind, name = name[:i], name[i+1:]
	}
	t := x.knownAs("", namespace, name)
	if t.Kind == "" {
		t = key(kind, namespace, name)
	}
	if _, have := x.unseen[t]; !have {
		x.unseen[t] = nil
	}
}

// knownAs is the controller of this name that the snapshot holds, else the given kind.
func (x *Index) knownAs(kind, namespace, name string) incident.Target {
	for _, k := range []string{"Deployment", "StatefulSet", "DaemonSet"} {
		if x.Has(k, namespace, name) {
			return key(k, namespace, name)
		}
	}
	if kind == "" {
		return incident.Target{}
	}
	return key(kind, namespace, name)
}
