package alarm

import "slices"

// Routing sends groups to a chat: a rule as it is configured. Empty fields match everything.
type Routing struct {
	Chat       string     `json:"chat"`
	Clusters   []string   `json:"clusters,omitempty"` // ids or names
	Severities []Severity `json:"severities,omitempty"`
	Urgencies  []Urgency  `json:"urgencies,omitempty"`
	Namespaces []string   `json:"namespaces,omitempty"`
	Owners     []string   `json:"owners,omitempty"` // values of an owner label: who the workload belongs to
}

// OwnerLabels are the labels that say whom a workload belongs to, the most telling first.
var OwnerLabels = []string{"owner", "team", "app.kubernetes.io/owner", "app.kubernetes.io/team"}

// Route is the chat of the first rule that matches a group, empty where none does. labels are those of the group's root object;
// an owner that the alarms carry themselves, as a tag of their rule, counts as well.
func Route(rules []Routing, g Group, labels map[string]string) string {
	owners := ownersOf(labels)
	namespaces := []string{g.Root.Namespace}
	for i := range g.Alarms {
		owners = append(owners, ownersOf(g.Alarms[i].Labels)...)
	}
	if g.Root.Namespace == "" {
		if g.Root.Kind == "Namespace" {
			namespaces[0] = g.Root.Name
		}
	}
	for _, r := range rules {
		if anyOf(r.Clusters, g.Cluster, g.ClusterName) && anyOf(r.Severities, g.Severity) && anyOf(r.Urgencies, g.Urgency) &&
			anyOf(r.Namespaces, namespaces...) && anyOf(r.Owners, owners...) {
			return r.Chat
		}
	}
	return ""
}

func ownersOf(labels map[string]string) []string {
	for _, l := range OwnerLabels {
		if v := labels[l]; v != "" {
			return []string{v}
		}
	}
	return nil
}

// anyOf says whether a rule's list is empty or holds one of the values.
func anyOf[T comparable](list []T, values ...T) bool {
	return len(list) == 0 || slices.ContainsFunc(values, func(v T) bool { return slices.Contains(list, v) })
}
