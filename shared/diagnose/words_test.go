package diagnose

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/observe"
)

// What is said precisely is not said coarsely as well.
func TestAGapIsSaidOnce(t *testing.T) {
	for _, c := range []struct {
		name       string
		gaps       []string
		unreadable []string
		want       []string
	}{
		{"coarse only", nil, []string{"logs"}, []string{"logs could not be read"}},
		{"precise", []string{"pods could not be listed: forbidden"}, []string{"pods"}, []string{"pods could not be listed: forbidden"}},
		{"in part", []string{"not all pods could be listed (500 were): timed out"}, []string{"pods"}, []string{"not all pods could be listed (500 were): timed out"}},
		{"the whole cluster", []string{"the cluster could not be read: no access is configured"}, []string{"objects"}, []string{"the cluster could not be read: no access is configured"}},
		{"of another source", []string{"logs of pods could not be read: forbidden"}, []string{"pods", "metrics"}, []string{"logs of pods could not be read: forbidden", "pods could not be read", "metrics could not be read"}},
	} {
		if diff := cmp.Diff(c.want, gaps(&observe.Snapshot{Gaps: c.gaps, Unreadable: c.unreadable})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// An alarm is called by whatever it carries that is a name; never by an empty place in a sentence.
func TestAnAlarmWithoutANameIsCalledSomething(t *testing.T) {
	for want, a := range map[string]alarm.Alarm{
		"PodRestarts":    {Name: "PodRestarts", TitleZH: "x"},
		"频繁重启":           {TitleZH: "频繁重启", Rule: alarm.Rule{Name: "r"}},
		"rule-7":         {Rule: alarm.Rule{Name: "rule-7"}},
		"kube_pod":       {Labels: map[string]string{"metricName": "kube_pod"}},
		"without a name": {Name: "\x1b[0m \t"},
	} {
		if got := alarmName(a); got != want {
			t.Errorf("%+v is called %q, want %q", a, got, want)
		}
	}
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	d := Judge(&observe.Snapshot{At: now, Alarms: []alarm.Alarm{{ID: "1", Severity: alarm.Critical, FiredAt: now.Add(-time.Minute), Object: alarm.Object{Kind: "Pod", Namespace: "a", Name: "b"}}}})
	for _, l := range d.Look {
		if strings.Contains(l, "alarm  ") {
			t.Errorf("an empty name in a sentence: %q", l)
		}
	}
	if len(d.Look) == 0 {
		t.Error("an alarm that nothing explains must be looked at")
	}
}

// The document lists the incidents that production would open: no notices, nothing that is over, nothing that is silenced.
func TestIncidentsAreThoseThatOpen(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	pod := alarm.Object{Kind: "Pod", Namespace: "a", Name: "b"}
	groups := []alarm.Group{
		{Key: "open", Active: 1, Urgency: alarm.Page, Alarms: []alarm.Alarm{{ID: "1", Object: pod}}},
		{Key: "notice", Active: 1, Urgency: alarm.Inform, Alarms: []alarm.Alarm{{ID: "2", Object: pod}}},
		{Key: "over", Active: 0, Urgency: alarm.Page, Alarms: []alarm.Alarm{{ID: "3", Object: pod, ClearedAt: now}}},
		{Key: "silenced", Active: 1, Urgency: alarm.Page, Silenced: "night", Alarms: []alarm.Alarm{{ID: "4", Object: pod}}},
	}
	s := &observe.Snapshot{At: now}
	out, err := Output(s, Judge(s), groups, nil)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Incidents []struct {
			Key    string   `json:"key"`
			Alarms []string `json:"alarms"`
		} `json:"incidents"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Incidents) != 1 || doc.Incidents[0].Key != "open" || len(doc.Incidents[0].Alarms) != 1 {
		t.Errorf("incidents: %+v", doc.Incidents)
	}
}
