package diagnose

import (
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"cce-oncall/shared/observe"
)

// TestScenariosWithLess takes one source away from every scenario. Most first causes must stand without it: a diagnosis that hangs
// on one witness is worth little. Those that are only known from the missing source may go.
func TestScenariosWithLess(t *testing.T) {
	base, files := fileMoment(t, "world.yaml"), scenarioFiles(t)
	without := []struct {
		what  string
		strip func(*observe.Snapshot)
		lose  int // how many first causes may be lost
		lost  []string
	}{
		{what: "ReplicaSets", strip: func(s *observe.Snapshot) { s.Objects.ReplicaSets = nil }, lose: 2},
		{what: "EndpointSlices", strip: func(s *observe.Snapshot) { s.Objects.EndpointSlices = nil }},
		{what: "alarms", strip: func(s *observe.Snapshot) { s.Alarms = nil }},
		{what: "logs", strip: func(s *observe.Snapshot) { s.Logs = nil }, lose: 10},
		{what: "events", strip: func(s *observe.Snapshot) { s.Objects.Events = nil }, lose: 20},
		{what: "namespaces, leases and changes", strip: func(s *observe.Snapshot) { s.Objects.Namespaces, s.Objects.Leases, s.Changes = nil, nil, nil }, lose: 4},
	}
	total := 0
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		meant := meantOf(string(a.Comment))
		if meant == "" || a.Files[0].Name != "moment.yaml" {
			continue
		}
		total++
		s, err := observe.ReadCase(buildCase(t, base, readMoment(t, a.Files[0].Data)))
		if err != nil {
			t.Fatal(err)
		}
		for i := range without {
			if hangsOn(string(a.Comment), without[i].what) {
				continue
			}
			less := *s
			without[i].strip(&less)
			d := Judge(&less)
			got := "silent"
			if len(d.Causes) > 0 {
				got = string(d.Causes[0].Reason) + " " + d.Causes[0].Target.String()
			}
			if got != meant {
				without[i].lost = append(without[i].lost, f+": want "+meant+", got "+got)
			}
		}
	}
	for _, w := range without {
		if len(w.lost) > w.lose {
			t.Errorf("without %s %d of %d first causes are lost, %d may be:\n%s", w.what, len(w.lost), total, w.lose, strings.Join(w.lost, "\n"))
		}
	}
}

// hangsOn says whether a scenario's author says that only one source can tell its fault: "told by: logs". What a database or an event
// alone says cannot be found without it, and that is no weakness of the rule.
func hangsOn(comment, source string) bool {
	for _, line := range strings.Split(comment, "\n") {
		if x, ok := strings.CutPrefix(strings.TrimSpace(line), "told by: "); ok && strings.Contains(source, x) {
			return true
		}
	}
	return false
}

func meantOf(comment string) string {
	for _, line := range strings.Split(comment, "\n") {
		line = strings.TrimSpace(line)
		if line == "silent" {
			return line
		}
		for _, word := range []string{"first: ", "only: "} {
			if x, ok := strings.CutPrefix(line, word); ok {
				return x
			}
		}
	}
	return ""
}
