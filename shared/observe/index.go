package observe

import (
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cce-oncall/shared/incident"
)

// Index answers the questions that every diagnoser asks of a snapshot without walking through it again: who owns this pod, what
// happened to this object, which series speak of it. It is read-only and safe for concurrent use. What it returns belongs to the
// snapshot: do not change it.
type Index struct {
	s *Snapshot

	objects   map[incident.Target]metav1.Object // by kind, namespace and name; the cluster is left out
	pods      map[incident.Target][]*corev1.Pod // of a controller, direct or through its children
	podsOn    map[string][]*corev1.Pod
	podsIn    map[string][]*corev1.Pod // namespace
	labelled  map[labelKey][]*corev1.Pod
	workload  map[incident.Target]incident.Target // of a pod, ReplicaSet or Job: the controller on top
	sets      map[incident.Target][]*appsv1.ReplicaSet
	events    map[incident.Target][]*corev1.Event
	services  map[incident.Target][]*corev1.Service // that select a pod
	slices    map[incident.Target][]*discoveryv1.EndpointSlice
	endpoints map[incident.Target]*corev1.Endpoints //nolint:staticcheck // see Objects
	hpas      map[incident.Target][]*autoscalingv2.HorizontalPodAutoscaler
	pdbs      map[string][]*policyv1.PodDisruptionBudget // namespace
	leases    map[string]*Lease
	pools     map[string]*NodePool
	series    map[string][]int // metric name → positions in Snapshot.Series
	about     map[aboutKey][]int
	logs      map[incident.Target][]int
	changes   map[incident.Target][]int

	unseen        map[incident.Target][]string // see SeenOnly
	controllersIn map[string]bool              // namespaces with a controller
}

type labelKey struct{ namespace, key, value string }

// aboutKey finds series by what they are about: the label "pod", "workload", "node" or "persistentvolumeclaim" and its value.
type aboutKey struct{ metric, label, namespace, value string }

// lazyIndex builds the index of one snapshot once. It knows whose it is, so that a copied snapshot does not answer for another.
type lazyIndex struct {
	owner *Snapshot
	once  sync.Once
	index *Index
}

// Index is the snapshot's index. It is built on first use and kept for snapshots that ReadCase and Builder made; a snapshot put
// together by hand gets a new one each time. The snapshot must not change afterwards.
func (s *Snapshot) Index() *Index {
	if s.lazy == nil || s.lazy.owner != s {
		return newIndex(s)
	}
	s.lazy.once.Do(func() { s.lazy.index = newIndex(s) })
	return s.lazy.index
}

// freeze says that the snapshot will not change any more.
func (s *Snapshot) freeze() { s.lazy = &lazyIndex{owner: s} }

// key is a target without its cluster: within one snapshot there is only one.
func key(kind, namespace, name string) incident.Target {
	return incident.Target{Kind: kind, Namespace: namespace, Name: name}
}

func bare(t incident.Target) incident.Target { return key(t.Kind, t.Namespace, t.Name) }

func newIndex(s *Snapshot) *Index {
	x := &Index{
		s: s, objects: map[incident.Target]metav1.Object{}, pods: map[incident.Target][]*corev1.Pod{}, podsOn: map[string][]*corev1.Pod{},
		podsIn: map[string][]*corev1.Pod{}, labelled: map[labelKey][]*corev1.Pod{}, workload: map[incident.Target]incident.Target{},
		sets: map[incident.Target][]*appsv1.ReplicaSet{}, events: map[incident.Target][]*corev1.Event{},
		services: map[incident.Target][]*corev1.Service{}, slices: map[incident.Target][]*discoveryv1.EndpointSlice{},
		endpoints: map[incident.Target]*corev1.Endpoints{}, //nolint:staticcheck // see Objects
		hpas:      map[incident.Target][]*autoscalingv2.HorizontalPodAutoscaler{}, pdbs: map[string][]*policyv1.PodDisruptionBudget{},
		leases: map[string]*Lease{}, pools: map[string]*NodePool{}, series: map[string][]int{}, about: map[aboutKey][]int{},
		logs: map[incident.Target][]int{}, changes: map[incident.Target][]int{},
	}
	x.indexObjects()
	x.indexOwners()
	x.indexEvents()
	x.indexNetwork()
	x.indexScaling()
	x.indexSignals()
	x.indexUnseen()
	return x
}

func put[T any, P object[T]](x *Index, kind string, all []*T) {
	for _, o := range all {
		p := P(o)
		x.objects[key(kind, p.GetNamespace(), p.GetName())] = p
	}
}

func (x *Index) indexObjects() {
	o := &x.s.Objects
	put(x, "Pod", o.Pods)
	put(x, "Node", o.Nodes)
	put(x, "Namespace", o.Namespaces)
	put(x, "Service", o.Services)
	put(x, "ConfigMap", o.ConfigMaps)
	put(x, "Secret", o.Secrets)
	put(x, "ServiceAccount", o.ServiceAccounts)
	put(x, "PersistentVolume", o.PersistentVolumes)
	put(x, "PersistentVolumeClaim", o.PersistentVolumeClaims)
	put(x, "Deployment", o.Deployments)
	put(x, "ReplicaSet", o.ReplicaSets)
	put(x, "StatefulSet", o.StatefulSets)
	put(x, "DaemonSet", o.DaemonSets)
	put(x, "Job", o.Jobs)
	put(x, "CronJob", o.CronJobs)
	put(x, "HorizontalPodAutoscaler", o.HPAs)
	put(x, "Ingress", o.Ingresses)
	put(x, "StorageClass", o.StorageClasses)
	put(x, "PriorityClass", o.PriorityClasses)
	for _, l := range o.Leases {
		x.leases[l.Node] = l
	}
	for i := range o.NodePools {
		x.pools[o.NodePools[i].Name] = &o.NodePools[i]
	}
	for _, p := range o.Pods {
		x.podsIn[p.Namespace] = append(x.podsIn[p.Namespace], p)
		if p.Spec.NodeName != "" {
			x.podsOn[p.Spec.NodeName] = append(x.podsOn[p.Spec.NodeName], p)
		}
		for k, v := range p.Labels {
			l := labelKey{p.Namespace, k, v}
			x.labelled[l] = append(x.labelled[l], p)
		}
	}
	for _, b := range o.PDBs {
		x.pdbs[b.Namespace] = append(x.pdbs[b.Namespace], b)
	}
}

// Object is one object by its address; ok is false where the snapshot does not hold it.
func (x *Index) Object(t incident.Target) (metav1.Object, bool) {
	o, ok := x.objects[bare(t)]
	return o, ok
}

// Has says whether the snapshot holds an object.
func (x *Index) Has(kind, namespace, name string) bool {
	_, ok := x.objects[key(kind, namespace, name)]
	return ok
}

func get[T any](x *Index, kind, namespace, name string) *T {
	o, _ := any(x.objects[key(kind, namespace, name)]).(*T)
	return o
}

// Pod is nil where the snapshot does not hold it; so are the following.
func (x *Index) Pod(namespace, name string) *corev1.Pod {
	return get[corev1.Pod](x, "Pod", namespace, name)
}

// Node by name.
func (x *Index) Node(name string) *corev1.Node { return get[corev1.Node](x, "Node", "", name) }

// Service by namespace and name.
func (x *Index) Service(namespace, name string) *corev1.Service {
	return get[corev1.Service](x, "Service", namespace, name)
}

// Deployment by namespace and name.
func (x *Index) Deployment(namespace, name string) *appsv1.Deployment {
	return get[appsv1.Deployment](x, "Deployment", namespace, name)
}

// StatefulSet by namespace and name.
func (x *Index) StatefulSet(namespace, name string) *appsv1.StatefulSet {
	return get[appsv1.StatefulSet](x, "StatefulSet", namespace, name)
}

// DaemonSet by namespace and name.
func (x *Index) DaemonSet(namespace, name string) *appsv1.DaemonSet {
	return get[appsv1.DaemonSet](x, "DaemonSet", namespace, name)
}

// PVC is a PersistentVolumeClaim by namespace and name.
func (x *Index) PVC(namespace, name string) *corev1.PersistentVolumeClaim {
	return get[corev1.PersistentVolumeClaim](x, "PersistentVolumeClaim", namespace, name)
}

// PV is a PersistentVolume by name.
func (x *Index) PV(name string) *corev1.PersistentVolume {
	return get[corev1.PersistentVolume](x, "PersistentVolume", "", name)
}

// Lease is a node's heartbeat, nil where there is none.
func (x *Index) Lease(node string) *Lease { return x.leases[node] }

// EventsOf are the events about an object, newest last.
func (x *Index) EventsOf(t incident.Target) []*corev1.Event { return x.events[bare(t)] }

func (x *Index) indexEvents() {
	for _, e := range x.s.Objects.Events { // sorted by time already
		t := key(e.InvolvedObject.Kind, e.InvolvedObject.Namespace, e.InvolvedObject.Name)
		if e.InvolvedObject.Kind == "Node" {
			t.Namespace = ""
		}
		x.events[t] = append(x.events[t], e)
	}
	for t, all := range x.events {
		if !slices.IsSortedFunc(all, compareEvents) {
			slices.SortStableFunc(all, compareEvents)
			x.events[t] = all
		}
	}
}
