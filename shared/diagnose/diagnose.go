// Package diagnose says what a snapshot means. Diagnosers are values over data; none knows another. It reads no network, clock,
// or environment: the same snapshot gives the same findings, every time.
package diagnose

import (
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// Diagnoser is one skill. Run looks at the snapshot and returns what is wrong in its field, without caring what explains it.
type Diagnoser struct {
	Name string // the skill's published name: "pod-failure-diagnoser"
	Doc  string // one line; the README's table is printed from these
	Run  func(*observe.Snapshot) []incident.Finding
}
