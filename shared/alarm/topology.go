package alarm

import "regexp"

// Topology is what is known of the cluster: which object belongs to which. It is supplied by whoever looks at the cluster; nil is
// allowed, and so are unknown objects: then names are all there is.
type Topology interface {
	// Owner is what a person would fix instead: the workload of a pod, of a ReplicaSet or Job, of an autoscaler, of a Service or
	// claim that belongs to one workload alone; the node under its own name where the alarm gave its address.
	Owner(Object) (Object, bool)
	// Nodes are the nodes that an object's pods run on.
	Nodes(Object) []string
	// Pool is the pool of a node, empty where it has none.
	Pool(node string) string
}

// suffix is the alphabet of Kubernetes' generated names: no vowels and no digits that look like letters, so that a word that a
// person chose hardly ever looks like one.
const suffix = `[bcdfghjklmnpqrstvwxz2456789]`

var (
	deploymentPod  = regexp.MustCompile(`^(.+)-` + suffix + `{6,10}-` + suffix + `{5}$`)
	cronJobPod     = regexp.MustCompile(`^(.+)-\d{8,10}-` + suffix + `{5}$`)
	cronJobJob     = regexp.MustCompile(`^(.+)-\d{8,10}$`)
	statefulSetPod = regexp.MustCompile(`^(.+)-\d{1,4}$`)
	generatedPod   = regexp.MustCompile(`^(.+)-` + suffix + `{5}$`)
	replicaSetName = regexp.MustCompile(`^(.+)-` + suffix + `{8,10}$`)
)

// ownerByName derives the workload from a name that a controller generated, for an object that the cluster no longer has. kind is
// empty where several controllers name their pods in this way. ok is false where the name tells nothing.
func ownerByName(o Object) (owner Object, ok bool) {
	try := func(re *regexp.Regexp, kind string) bool {
		if m := re.FindStringSubmatch(o.Name); m != nil {
			owner, ok = Object{Kind: kind, Namespace: o.Namespace, Name: m[1]}, true
		}
		return ok
	}
	switch o.Kind {
	case "Pod":
		_ = try(cronJobPod, "CronJob") || try(deploymentPod, "Deployment") || try(statefulSetPod, "StatefulSet") || try(generatedPod, "")
	case "ReplicaSet":
		try(replicaSetName, "Deployment")
	case "Job":
		try(cronJobJob, "CronJob")
	}
	return owner, ok
}

// workloadKinds share their names: a Deployment's pods and the Deployment itself must meet under one key, whatever an alarm knew
// of the kind.
var workloadKinds = map[string]bool{
	"": true, "Deployment": true, "StatefulSet": true, "DaemonSet": true, "ReplicaSet": true, "Job": true, "CronJob": true, "Pod": true,
}
