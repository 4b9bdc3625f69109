package huaweicloud

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/redact"
)

// trace is one CTS record. Numbers may come as text.
type trace struct {
	ID           string `json:"trace_id"`
	Name         string `json:"trace_name"`
	Time         text   `json:"time"`
	RecordTime   text   `json:"record_time"`
	Code         text   `json:"code"`
	ReadOnly     bool   `json:"read_only"`
	ResourceID   string `json:"resource_id"`
	ResourceName string `json:"resource_name"`
	ResourceType string `json:"resource_type"`
	ResourceURL  string `json:"resource_url"`
	Location     string `json:"location_info"`
	Request      string `json:"request"`
	User         struct {
		ID           string `json:"id"`
		Name         string `json:"name"`
		UserName     string `json:"user_name"`
		PrincipalURN string `json:"principal_urn"`
		PrincipalID  string `json:"principal_id"`
	} `json:"user"`
}

// wrote says whether anything was changed: a call that failed or only read changed nothing.
func (t *trace) wrote() bool {
	if code, err := strconv.Atoi(string(t.Code)); err == nil && code >= 400 {
		return false
	}
	return !t.ReadOnly && t.Name != "" && !readVerb.MatchString(t.Name)
}

var readVerb = regexp.MustCompile(`^(?i:get|list|show|query|describe|download|check)`)

// by says whether one of these names or ids made the call. An agency's session is named agency/session, sts::…:assumed-agency:
// agency/session, or by ids, agency:session.
func (t *trace) by(principals []string) bool {
	u := t.User
	var names []string
	for _, n := range []string{u.ID, u.Name, u.UserName, u.PrincipalID, u.PrincipalURN, u.PrincipalURN[strings.LastIndexByte(u.PrincipalURN, ':')+1:]} {
		agency, _, _ := strings.Cut(n, "/")
		id, _, _ := strings.Cut(n, ":")
		names = append(names, n, agency, id)
	}
	return slices.ContainsFunc(principals, func(p string) bool { return p != "" && slices.Contains(names, p) })
}

var clusterMention = regexp.MustCompile(`(?i)cluster(?:s/|_?id"?\s*[:=]\s*"?)([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})`)

// elsewhere says whether the trace names another cluster and not ours. One that names none may be ours.
func (t *trace) elsewhere(cluster string) bool {
	if cluster == "" {
		return false
	}
	if strings.EqualFold(t.ResourceType, "cluster") && t.ResourceID != "" && len(t.ResourceID) == len(cluster) {
		return t.ResourceID != cluster
	}
	other := false
	for _, where := range []string{t.ResourceURL, t.Location, t.Request} {
		for _, m := range clusterMention.FindAllStringSubmatch(where, -1) {
			if strings.EqualFold(m[1], cluster) {
				return false
			}
			other = true
		}
	}
	return other
}

// operations are the trace names whose words do not say what they do (source: the list of CCE operations that CTS records).
var operations = map[string][2]string{
	"claimNodePool": {"delete", "NodePool"}, "deleteOneHost": {"delete", "Node"}, "claimOneHost": {"delete", "Node"}, "removeNodesTask": {"remove", "Node"},
	"resetNodes": {"reset", "Node"}, "MigrateNodesTask": {"migrate", "Node"}, "clusterUpgrade": {"upgrade", "Cluster"}, "operateMasterEIP": {"update", "Cluster"},
	"updateConfiguration": {"update", "Configuration"}, "revokeClusterCert": {"revoke", "ClusterCertificate"},
}

// kinds are the Kubernetes kinds as CTS writes their plurals.
var kinds = map[string]string{
	"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet", "replicasets": "ReplicaSet", "jobs": "Job", "cronjobs": "CronJob",
	"configmaps": "ConfigMap", "secrets": "Secret", "services": "Service", "endpoints": "Endpoints", "ingresses": "Ingress", "pods": "Pod", "namespaces": "Namespace",
	"resourcequotas": "ResourceQuota", "limitranges": "LimitRange", "nodes": "Node", "networkpolicies": "NetworkPolicy", "serviceaccounts": "ServiceAccount",
	"horizontalpodautoscalers": "HorizontalPodAutoscaler", "poddisruptionbudgets": "PodDisruptionBudget", "persistentvolumes": "PersistentVolume",
	"persistentvolumeclaims": "PersistentVolumeClaim", "storageclasses": "StorageClass", "roles": "Role", "rolebindings": "RoleBinding",
	"clusterroles": "ClusterRole", "clusterrolebindings": "ClusterRoleBinding", "addoninstance": "AddonInstance", "nodepool": "NodePool", "node": "Node",
	"cluster": "Cluster", "release": "Release", "accesspolicy": "AccessPolicy",
}

var operationForm = regexp.MustCompile(`^([a-z]+|[A-Z][a-z]+)([A-Z]\w*)$`)

// operation splits a trace name into a verb and a kind: updateDeployments is update and Deployment.
func operation(name string) (verb, kind string) {
	if known, ok := operations[name]; ok {
		return known[0], known[1]
	}
	m := operationForm.FindStringSubmatch(name)
	if m == nil {
		return name, ""
	}
	verb, kind = strings.ToLower(m[1]), m[2]
	if k := kinds[strings.ToLower(kind)]; k != "" {
		kind = k
	}
	return verb, kind
}

// asked is what is kept of a request's body.
type asked struct {
	Metadata struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
	Namespace string `json:"namespace"`
	Spec      struct {
		Desired     *int   `json:"desiredNodeCount"`
		Target      *int   `json:"initialNodeCount"`
		Replicas    *int   `json:"replicas"`
		MinReplicas *int   `json:"minReplicas"`
		MaxReplicas *int   `json:"maxReplicas"`
		Version     string `json:"version"`
		Autoscaling struct {
			Enable *bool `json:"enable"`
			Min    *int  `json:"minNodeCount"`
			Max    *int  `json:"maxNodeCount"`
		} `json:"autoscaling"`
		Template struct {
			Spec struct {
				Containers []struct {
					Name  string `json:"name"`
					Image string `json:"image"`
				} `json:"containers"`
			} `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
}

// ask reads a request's body, which CTS keeps as text, sometimes as text in text. A body that is cut off or of another form says
// nothing.
func (t *trace) ask() (a asked) {
	raw := []byte(t.Request)
	var inner string
	if json.Unmarshal(raw, &inner) == nil {
		raw = []byte(inner)
	}
	if json.Unmarshal(raw, &a) != nil {
		return asked{}
	}
	return a
}

// after is the state that was asked for, in the fields we keep.
func (a *asked) after() string {
	var parts []string
	number := func(name string, n *int) {
		if n != nil {
			parts = append(parts, fmt.Sprintf("%s=%d", name, *n))
		}
	}
	number("nodes", a.Spec.Desired)
	number("nodes", a.Spec.Target)
	if e := a.Spec.Autoscaling.Enable; e != nil {
		parts = append(parts, fmt.Sprintf("autoscaling=%t", *e))
	}
	number("minNodes", a.Spec.Autoscaling.Min)
	number("maxNodes", a.Spec.Autoscaling.Max)
	number("replicas", a.Spec.Replicas)
	number("minReplicas", a.Spec.MinReplicas)
	number("maxReplicas", a.Spec.MaxReplicas)
	if a.Spec.Version != "" {
		parts = append(parts, "version="+a.Spec.Version)
	}
	for _, c := range a.Spec.Template.Spec.Containers {
		parts = append(parts, c.Name+" image="+c.Image)
	}
	return strings.Join(parts, ", ")
}

var namespaceInURL = regexp.MustCompile(`(?:namespaces?[/=])([a-z0-9][a-z0-9-]{0,62})`)

const (
	maxActor = 128
	maxAfter = 300
)

func (t *trace) change(cluster string, hide *redact.Redactor) observe.Change {
	verb, kind := operation(t.Name)
	a := t.ask()
	out := observe.Change{
		At: t.at(), Source: "cts", Actor: clean(t.actor(), maxActor, hide), Verb: clean(verb, 64, hide), After: clean(a.after(), maxAfter, hide),
		Target: incident.Target{Cluster: cluster, Kind: kind, Namespace: a.Metadata.Namespace, Name: a.Metadata.Name},
	}
	if out.Target.Kind == "" {
		out.Target.Kind = t.ResourceType
	}
	if out.Target.Namespace == "" {
		out.Target.Namespace = a.Namespace
	}
	if m := namespaceInURL.FindStringSubmatch(t.ResourceURL); out.Target.Namespace == "" && m != nil {
		out.Target.Namespace = m[1]
	}
	if out.Target.Name == "" {
		out.Target.Name = t.ResourceName
	}
	if out.Target.Name == "" {
		out.Target.Name = t.ResourceID
	}
	for _, part := range []*string{&out.Target.Kind, &out.Target.Namespace, &out.Target.Name} {
		*part = clean(*part, 253, hide)
	}
	return out
}

func (t *trace) at() time.Time {
	for _, ms := range []text{t.Time, t.RecordTime} {
		if n, err := strconv.ParseInt(string(ms), 10, 64); err == nil && n > 0 {
			return time.UnixMilli(n).UTC()
		}
	}
	return time.Time{}
}

// actor is the name a person would know: the user's, or the agency's.
func (t *trace) actor() string {
	u := t.User
	for _, n := range []string{u.Name, u.UserName, u.PrincipalURN[strings.LastIndexByte(u.PrincipalURN, ':')+1:], u.PrincipalID, u.ID} {
		if n != "" {
			return n
		}
	}
	return ""
}
