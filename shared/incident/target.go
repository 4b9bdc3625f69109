package incident

import "strings"

// Target names one object that a finding is about or a step changes. Cluster is the CCE cluster id; it may be empty where
// only one cluster is in view (a frozen case). Kind is the Kubernetes kind, or Cluster, NodePool, Container for what has none.
type Target struct {
	Cluster   string `json:"cluster,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String is Kind namespace/name, as people say it: "Deployment default/web", "Node worker-1".
func (t Target) String() string {
	if t.Namespace == "" {
		return strings.TrimSpace(t.Kind + " " + t.Name)
	}
	return t.Kind + " " + t.Namespace + "/" + t.Name
}

// Same says whether two targets are the same object, whatever either knows of the cluster.
func (t Target) Same(o Target) bool {
	return t.Kind == o.Kind && t.Namespace == o.Namespace && t.Name == o.Name &&
		(t.Cluster == o.Cluster || t.Cluster == "" || o.Cluster == "")
}

// Cluster is which cluster an incident, a snapshot or a card speaks of.
type Cluster struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"`
	Region string `json:"region,omitempty"`
}

// Label is the name people use, or the id where there is no name.
func (c Cluster) Label() string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}
