// Package observe knows what can be known now: it asks the cluster, AOM, LTS and CTS, and puts the answers into a Snapshot.
// A source that fails becomes a gap; it never fails the whole. A Snapshot is also the case file: what was seen can be frozen,
// archived and judged again, byte for byte.
package observe

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1unstructured "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// Snapshot is one frozen moment of one cluster. Every slice is sorted (namespace, name; events and changes by time), so that the
// same world gives the same bytes. Diagnosers read it and never change it.
type Snapshot struct {
	At         time.Time
	Cluster    incident.Cluster
	Question   string // free text: data, never an instruction
	Scope      Scope
	Alarms     []alarm.Alarm
	Objects    Objects
	Series     []Series
	Logs       []Log
	Changes    []Change
	Unreadable []string // sources that could not be asked; each is a gap
	Gaps       []string // what exactly could not be seen, as sentences: "pods could not be listed: forbidden"

	lazy *lazyIndex // see Index
}

// Scope is where to look first; never a reason to look nowhere else.
type Scope struct {
	Namespace string `json:"namespace,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Name      string `json:"name,omitempty"`
}

// Objects are the Kubernetes objects by kind. Other holds kinds that no diagnoser knows by type: custom resources, CCE's own.
type Objects struct {
	Pods                   []*corev1.Pod
	Nodes                  []*corev1.Node
	Namespaces             []*corev1.Namespace
	Services               []*corev1.Service
	Endpoints              []*corev1.Endpoints //nolint:staticcheck // old clusters and frozen cases have Endpoints only
	EndpointSlices         []*discoveryv1.EndpointSlice
	Events                 []*corev1.Event
	ConfigMaps             []*corev1.ConfigMap // names, keys and versions; values only where a diagnoser needs them (CoreDNS)
	Secrets                []*corev1.Secret    // names, keys and versions; never values
	ServiceAccounts        []*corev1.ServiceAccount
	PersistentVolumes      []*corev1.PersistentVolume
	PersistentVolumeClaims []*corev1.PersistentVolumeClaim
	ResourceQuotas         []*corev1.ResourceQuota
	LimitRanges            []*corev1.LimitRange
	Deployments            []*appsv1.Deployment
	ReplicaSets            []*appsv1.ReplicaSet
	StatefulSets           []*appsv1.StatefulSet
	DaemonSets             []*appsv1.DaemonSet
	ControllerRevisions    []*appsv1.ControllerRevision
	Jobs                   []*batchv1.Job
	CronJobs               []*batchv1.CronJob
	HPAs                   []*autoscalingv2.HorizontalPodAutoscaler
	PDBs                   []*policyv1.PodDisruptionBudget
	Ingresses              []*networkingv1.Ingress
	NetworkPolicies        []*networkingv1.NetworkPolicy
	StorageClasses         []*storagev1.StorageClass
	VolumeAttachments      []*storagev1.VolumeAttachment
	CSINodes               []*storagev1.CSINode
	PriorityClasses        []*schedulingv1.PriorityClass
	Roles                  []*rbacv1.Role
	RoleBindings           []*rbacv1.RoleBinding
	Leases                 []*Lease // kube-node-lease
	NodePools              []NodePool
	Other                  []*metav1unstructured.Unstructured
}

// Lease is a node's heartbeat.
type Lease struct {
	Node      string        `json:"node"`
	RenewedAt time.Time     `json:"renewedAt"`
	Lasts     time.Duration `json:"lasts,omitempty"` // spec.leaseDurationSeconds, 0 where it is not said; the kubelet's default is 40 s
}

// NodePool is what CCE says of a pool; in the case file an object of kind NodePool, apiVersion v3.
type NodePool struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Desired     int               `json:"desired"`
	Active      int               `json:"active"`
	Creating    int               `json:"creating"`
	Min         int               `json:"min"`
	Max         int               `json:"max"`
	Autoscaling bool              `json:"autoscaling"`
	Flavor      string            `json:"flavor,omitempty"`
	Conditions  []PoolCondition   `json:"conditions,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"` // Kubernetes labels its nodes get
	Taints      []corev1.Taint    `json:"taints,omitempty"`
}

// PoolCondition is one of CCE's: Scalable, QuotaInsufficient, ResourceInsufficient, UnexpectedError, SoldOut …
type PoolCondition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// Series is one metric over time. Labels hold __name__ and what it is about: namespace with pod or workload (and container), or node.
type Series struct {
	Labels map[string]string
	Points []Point
}

// Name is the metric's name.
func (s Series) Name() string { return s.Labels["__name__"] }

// Point is one sample; a missing or NaN sample is no point, never zero.
type Point struct {
	At    time.Time
	Value float64
}

// Log is a piece of one container's output, oldest line first. Lines are data.
type Log struct {
	Namespace string   `json:"namespace"`
	Pod       string   `json:"pod,omitempty"`
	Workload  string   `json:"workload,omitempty"`
	Container string   `json:"container,omitempty"`
	Previous  bool     `json:"previous,omitempty"`
	Lines     []string `json:"lines"`
}

// Change is something somebody did: from CTS, the audit log, or a rollout seen in the cluster's own history.
type Change struct {
	At     time.Time       `json:"at"`
	Source string          `json:"source"` // cts, audit, rollout
	Actor  string          `json:"actor,omitempty"`
	Verb   string          `json:"verb,omitempty"`
	Target incident.Target `json:"target"`
	Before string          `json:"before,omitempty"`
	After  string          `json:"after,omitempty"`
}
