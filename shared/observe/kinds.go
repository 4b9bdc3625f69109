package observe

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "k8s.io/apimachinery/pkg/util/json"
)

// kind is one Kubernetes kind that Objects holds by type.
type kind struct {
	name       string
	version    string          // apiVersion it is written with
	also       map[string]bool // older versions of the same shape
	namespaced bool
	read       func(*Objects, json.RawMessage) error // adds one
	each       func(*Objects, func(any))             // gives each, with apiVersion and kind set
	sort       func(*Objects)
}

// object is what every Kubernetes type is.
type object[T any] interface {
	*T
	metav1.Object
	GetObjectKind() schema.ObjectKind
}

// typed makes the kind of a typed list.
func typed[T any, P object[T]](version, name string, namespaced bool, list func(*Objects) *[]*T, older ...string) kind {
	also := map[string]bool{version: true}
	for _, v := range older {
		also[v] = true
	}
	gvk := schema.FromAPIVersionAndKind(version, name)
	return kind{
		name: name, version: version, also: also, namespaced: namespaced,
		read: func(o *Objects, raw json.RawMessage) error {
			x := P(new(T))
			if err := kjson.Unmarshal(raw, x); err != nil {
				return err
			}
			x.GetObjectKind().SetGroupVersionKind(gvk)
			if namespaced && x.GetNamespace() == "" {
				x.SetNamespace(metav1.NamespaceDefault)
			}
			Tidy(x)
			l := list(o)
			*l = append(*l, (*T)(x))
			return nil
		},
		each: func(o *Objects, give func(any)) {
			for _, x := range *list(o) {
				if m, ok := any(x).(*corev1.ConfigMap); ok {
					x = any(tidyConfigMap(m)).(*T)
				}
				c := P(new(T))
				*c = *x
				c.GetObjectKind().SetGroupVersionKind(gvk)
				give(c)
			}
		},
		sort: func(o *Objects) {
			l := list(o)
			*l = sortedObjects[T, P](*l)
		},
	}
}

// kinds is the registry of what Objects holds by type, in the order of a case file. Events, HorizontalPodAutoscalers, Leases and
// NodePools have files of their own, since they come in more than one shape.
var kinds = []kind{
	typed("v1", "Node", false, func(o *Objects) *[]*corev1.Node { return &o.Nodes }),
	typed("v1", "Namespace", false, func(o *Objects) *[]*corev1.Namespace { return &o.Namespaces }),
	typed("v1", "Pod", true, func(o *Objects) *[]*corev1.Pod { return &o.Pods }),
	typed("v1", "Service", true, func(o *Objects) *[]*corev1.Service { return &o.Services }),
	typed("v1", "Endpoints", true, func(o *Objects) *[]*corev1.Endpoints { return &o.Endpoints }), //nolint:staticcheck // see Objects
	typed("discovery.k8s.io/v1", "EndpointSlice", true, func(o *Objects) *[]*discoveryv1.EndpointSlice { return &o.EndpointSlices }),
	typed("v1", "ConfigMap", true, func(o *Objects) *[]*corev1.ConfigMap { return &o.ConfigMaps }),
	typed("v1", "Secret", true, func(o *Objects) *[]*corev1.Secret { return &o.Secrets }),
	typed("v1", "ServiceAccount", true, func(o *Objects) *[]*corev1.ServiceAccount { return &o.ServiceAccounts }),
	typed("v1", "PersistentVolume", false, func(o *Objects) *[]*corev1.PersistentVolume { return &o.PersistentVolumes }),
	typed("v1", "PersistentVolumeClaim", true, func(o *Objects) *[]*corev1.PersistentVolumeClaim { return &o.PersistentVolumeClaims }),
	typed("v1", "ResourceQuota", true, func(o *Objects) *[]*corev1.ResourceQuota { return &o.ResourceQuotas }),
	typed("v1", "LimitRange", true, func(o *Objects) *[]*corev1.LimitRange { return &o.LimitRanges }),
	typed("apps/v1", "Deployment", true, func(o *Objects) *[]*appsv1.Deployment { return &o.Deployments }, "apps/v1beta2"),
	typed("apps/v1", "ReplicaSet", true, func(o *Objects) *[]*appsv1.ReplicaSet { return &o.ReplicaSets }, "apps/v1beta2"),
	typed("apps/v1", "StatefulSet", true, func(o *Objects) *[]*appsv1.StatefulSet { return &o.StatefulSets }, "apps/v1beta2"),
	typed("apps/v1", "DaemonSet", true, func(o *Objects) *[]*appsv1.DaemonSet { return &o.DaemonSets }, "apps/v1beta2"),
	typed("apps/v1", "ControllerRevision", true, func(o *Objects) *[]*appsv1.ControllerRevision { return &o.ControllerRevisions }),
	typed("batch/v1", "Job", true, func(o *Objects) *[]*batchv1.Job { return &o.Jobs }),
	typed("batch/v1", "CronJob", true, func(o *Objects) *[]*batchv1.CronJob { return &o.CronJobs }, "batch/v1beta1"),
	hpaKind,
	typed("policy/v1", "PodDisruptionBudget", true, func(o *Objects) *[]*policyv1.PodDisruptionBudget { return &o.PDBs }, "policy/v1beta1"),
	typed("networking.k8s.io/v1", "Ingress", true, func(o *Objects) *[]*networkingv1.Ingress { return &o.Ingresses }),
	typed("networking.k8s.io/v1", "NetworkPolicy", true, func(o *Objects) *[]*networkingv1.NetworkPolicy { return &o.NetworkPolicies }),
	typed("storage.k8s.io/v1", "StorageClass", false, func(o *Objects) *[]*storagev1.StorageClass { return &o.StorageClasses }),
	typed("storage.k8s.io/v1", "VolumeAttachment", false, func(o *Objects) *[]*storagev1.VolumeAttachment { return &o.VolumeAttachments }),
	typed("storage.k8s.io/v1", "CSINode", false, func(o *Objects) *[]*storagev1.CSINode { return &o.CSINodes }),
	typed("scheduling.k8s.io/v1", "PriorityClass", false, func(o *Objects) *[]*schedulingv1.PriorityClass { return &o.PriorityClasses }),
	typed("rbac.authorization.k8s.io/v1", "Role", true, func(o *Objects) *[]*rbacv1.Role { return &o.Roles }),
	typed("rbac.authorization.k8s.io/v1", "RoleBinding", true, func(o *Objects) *[]*rbacv1.RoleBinding { return &o.RoleBindings }),
	leaseKind,
	poolKind,
	eventKind,
}

// each gives every object as it is written to a case file.
func (o *Objects) each(give func(any)) {
	for _, k := range kinds {
		k.each(o, give)
	}
	for _, u := range o.Other {
		give(u.Object)
	}
}

// head is what tells the kind of an object before it is read by type.
type head struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Items      json.RawMessage `json:"items"`
	Metadata   struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
}

func (s *Snapshot) readObjects(raw json.RawMessage) error {
	return readArray("objects", raw, func(field string, item json.RawMessage) error { return s.readObject(field, item, head{}) })
}

// readObject reads one object or one list of them. from is the head of the list it was found in: items of a typed list need not
// repeat it.
func (s *Snapshot) readObject(field string, raw json.RawMessage, from head) error {
	if raw[0] != '{' {
		return bad(field, "an object is needed, not %s", shown(raw))
	}
	var h head
	if err := kjson.Unmarshal(raw, &h); err != nil {
		var wrong *json.UnmarshalTypeError
		if !errors.As(err, &wrong) {
			return bad(field, "%s", err)
		}
	}
	if items := present(h.Items); items != nil && strings.HasSuffix(h.Kind, "List") {
		return readArray(field+".items", items, func(field string, item json.RawMessage) error {
			return s.readObject(field, item, head{APIVersion: h.APIVersion, Kind: strings.TrimSuffix(h.Kind, "List")})
		})
	}
	if h.Kind == "" && from.Kind != "" {
		h.Kind, h.APIVersion = from.Kind, from.APIVersion
	}
	for _, k := range kinds {
		if k.name != h.Kind || !k.also[h.APIVersion] {
			continue
		}
		if at := endlessQuantity(raw); at != "" {
			s.gap(fmt.Sprintf("%s could not be read: %s: the quantity is beyond all measure", nameOf(h), at))
			break
		}
		err := k.read(&s.Objects, toMicros(raw))
		if err == nil {
			return nil
		}
		if !errors.Is(err, errElsewhere) {
			s.gap(fmt.Sprintf("%s could not be read: %s", nameOf(h), typeProblem(err)))
		}
		break
	}
	return s.keep(field, raw, h)
}

// keep puts an object that is not read by type into Other.
func (s *Snapshot) keep(field string, raw json.RawMessage, h head) error {
	var m map[string]any
	if err := kjson.Unmarshal(raw, &m); err != nil {
		return bad(field, "%s", err)
	}
	u := &unstructured.Unstructured{Object: m}
	if _, has := m["kind"]; !has && h.Kind != "" {
		m["kind"], m["apiVersion"] = h.Kind, h.APIVersion
	}
	tidyUnstructured(u)
	s.Objects.Other = append(s.Objects.Other, u)
	return nil
}

// errElsewhere is a kind's way of saying that an object of its name belongs into Other.
var errElsewhere = errors.New("belongs elsewhere")

func nameOf(h head) string {
	name := h.Kind
	if h.Metadata.Namespace != "" {
		return name + " " + h.Metadata.Namespace + "/" + h.Metadata.Name
	}
	return strings.TrimSpace(name + " " + h.Metadata.Name)
}

func typeProblem(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Sprintf("%s: %s is needed, not %s", wrong.Field, kindWord(wrong.Type.Kind()), wrong.Value)
	}
	return err.Error()
}

// gap notes what could not be seen, once.
func (s *Snapshot) gap(sentence string) {
	for _, g := range s.Gaps {
		if g == sentence {
			return
		}
	}
	s.Gaps = append(s.Gaps, sentence)
}
