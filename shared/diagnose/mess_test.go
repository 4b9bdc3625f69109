package diagnose

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// TestScenariosInAMess lays over every scenario what a real cluster is full of: old restarts, records of old evictions, optional
// dependencies, noisy logs, orphans. No first cause may change, and nobody may be woken.
func TestScenariosInAMess(t *testing.T) {
	base, mess := fileMoment(t, "world.yaml"), fileMoment(t, "mess.yaml")
	for _, f := range scenarioFiles(t) {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if a.Files[0].Name != "moment.yaml" || strings.Contains(string(a.Comment), "\nunsure") {
			continue
		}
		m := readMoment(t, a.Files[0].Data)
		if m.Empty {
			continue
		}
		t.Run(strings.TrimSuffix(strings.TrimPrefix(f, "testdata/"), ".txtar"), func(t *testing.T) {
			if m.Nodes == nil {
				m.Nodes = base.Nodes
			}
			m.Nodes = append(slices.Clone(m.Nodes), mess.Nodes...)
			m.Apps = append(slices.Clone(mess.Apps), m.Apps...)
			m.Before = append(slices.Clone(mess.Before), m.Before...)
			m.Pods = append(slices.Clone(mess.Pods), m.Pods...)
			m.After = append(slices.Clone(m.After), mess.After...)
			m.Events = append(slices.Clone(mess.Events), m.Events...)
			m.Logs = append(slices.Clone(mess.Logs), m.Logs...)
			m.Changes = append(slices.Clone(mess.Changes), m.Changes...)
			m.Alarms = append(slices.Clone(m.Alarms), mess.Alarms...)
			s, err := observe.ReadCase(buildCase(t, base, m))
			if err != nil {
				t.Fatal(err)
			}
			d := Judge(s)
			comment := strings.ReplaceAll(string(a.Comment), "only: ", "first: ")
			checkMeant(t, comment, d)
			for _, c := range d.Causes {
				if c.Target.Namespace == "yard" && c.Reason != incident.PodNotReady {
					t.Errorf("the mess is taken for a fault: %s %s", c.Reason, c.Target)
				}
			}
		})
	}
}
