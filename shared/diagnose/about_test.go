package diagnose

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

func alarmOf(t incident.Target, at time.Time) alarm.Alarm {
	return alarm.Alarm{ID: "x", Name: "something", Severity: alarm.Major, Object: alarm.Object{Kind: t.Kind, Namespace: t.Namespace, Name: t.Name}, FiredAt: at}
}

// In every scenario: an alarm about a cause's object, or about the object of an effect, keeps a cause.
func TestAboutKeepsWhatBelongs(t *testing.T) {
	base := fileMoment(t, "world.yaml")
	for _, file := range scenarioFiles(t) {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := snapshotOf(t, a, base)
		s.Question = ""
		d := Judge(s)
		for _, c := range d.Causes {
			got := About(s, d, []alarm.Alarm{alarmOf(c.Target, s.At)})
			if !slices.ContainsFunc(got.Causes, func(f incident.Finding) bool { return f.Reason == c.Reason && f.Target == c.Target }) {
				t.Errorf("%s: an alarm about %s loses the cause %s", file, c.Target, c.Reason)
			}
		}
		for _, e := range d.Effects {
			got := About(s, d, []alarm.Alarm{alarmOf(e.Target, s.At)})
			if len(got.Causes) == 0 {
				t.Errorf("%s: an alarm about %s loses %s, which explains its %s", file, e.Target, e.ExplainedBy, e.Reason)
			}
		}
	}
}

// Of two troubles in one cluster each incident tells its own, and an alarm that neither belongs to says so.
func TestAboutLeavesOutWhatDoesNot(t *testing.T) {
	a, err := txtar.ParseFile("testdata/mixed/two-faults.txtar")
	if err != nil {
		t.Fatal(err)
	}
	s := snapshotOf(t, a, fileMoment(t, "world.yaml"))
	d := Judge(s)
	push := incident.Target{Kind: "Deployment", Namespace: "ferry", Name: "beacon-push"}
	tide := incident.Target{Kind: "Service", Namespace: "ferry", Name: "tide-forecast"}
	gone := incident.Target{Kind: "Deployment", Namespace: "ferry", Name: "vanished"}
	for _, tt := range []struct {
		name  string
		about []incident.Target
		want  []incident.Reason
	}{
		{"the workload's", []incident.Target{push}, []incident.Reason{"SecretMissing"}},
		{"the Service's", []incident.Target{tide}, []incident.Reason{"ServiceTargetPortMismatch"}},
		{"both", []incident.Target{tide, push}, []incident.Reason{"SecretMissing", "ServiceTargetPortMismatch"}},
		{"what is gone", []incident.Target{gone}, nil},
		{"no object at all", []incident.Target{{}}, []incident.Reason{"SecretMissing", "ServiceTargetPortMismatch"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var alarms []alarm.Alarm
			for _, o := range tt.about {
				alarms = append(alarms, alarmOf(o, s.At))
			}
			got := About(s, d, alarms)
			var reasons []incident.Reason
			for _, c := range got.Causes {
				reasons = append(reasons, c.Reason)
			}
			slices.Sort(reasons)
			if diff := cmp.Diff(tt.want, reasons); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if wantLook := tt.want == nil; wantLook != (len(got.Look) == 3) || wantLook != (got.Verdict == incident.InsufficientEvidence) {
				t.Errorf("verdict %s, look %q", got.Verdict, got.Look)
			}
		})
	}
}
