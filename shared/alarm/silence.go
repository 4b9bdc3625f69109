package alarm

import (
	"slices"
	"time"
)

// Silence keeps alarms from opening incidents: a maintenance window of ours, or a mute rule of AOM's, which only stops
// notifications there, so that its alarms still reach us. Silenced alarms are counted and kept.
type Silence struct {
	Name   string
	Covers func(a Alarm, at time.Time) bool
}

// Window is a maintenance window as it is configured. Empty lists cover everything.
type Window struct {
	Name       string    `json:"name"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Clusters   []string  `json:"clusters,omitempty"` // ids or names
	Namespaces []string  `json:"namespaces,omitempty"`
	Names      []string  `json:"names,omitempty"` // alarms, by any name that Lookup knows
}

// Silence is the window as a silence. It covers from its first moment up to, not including, its last.
func (w Window) Silence() Silence {
	return Silence{Name: w.Name, Covers: func(a Alarm, at time.Time) bool {
		if at.Before(w.From) || !at.Before(w.To) {
			return false
		}
		if len(w.Clusters) > 0 && !slices.Contains(w.Clusters, a.Cluster) && !slices.Contains(w.Clusters, a.ClusterName) {
			return false
		}
		if len(w.Namespaces) > 0 && !slices.Contains(w.Namespaces, a.Object.Namespace) {
			return false
		}
		return len(w.Names) == 0 || slices.ContainsFunc(w.Names, func(n string) bool { return sameName(n, a.Name) })
	}}
}
