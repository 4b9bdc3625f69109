package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/lark"
	"cce-oncall/shared/record"
)

var t0 = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

func lived(id string, status incident.Status, solution string) *incident.Incident {
	s := incident.Solution{ID: "A", Steps: []incident.Step{{ID: "A1", Action: incident.ScaleOut, Goal: map[string]string{"replicas": "4"}}}}
	i := &incident.Incident{
		ID: incident.ID(id), Key: "Deployment default/web", OpenedAt: t0.Add(time.Minute),
		Alarms: []alarm.Alarm{{Name: "cpu", SN: "1", Severity: alarm.Critical, FiredAt: t0}, {Name: "cpu", SN: "2", Severity: alarm.Major, FiredAt: t0.Add(2 * time.Minute)}},
		Rounds: []incident.Round{{Number: 1, Diagnosis: incident.Diagnosis{At: t0.Add(2 * time.Minute)}, Plan: &incident.Plan{Incident: incident.ID(id), Round: 1, Solutions: []incident.Solution{s}, ExpiresAt: t0.Add(time.Hour)}}},
		Closed: &incident.Closing{Status: status, At: t0.Add(20 * time.Minute)},
	}
	if solution != "" {
		d := incident.Decision{ID: "e", Round: 1, Verb: incident.Approve, Solution: solution, Digest: s.Digest(i.ID), By: "ou_a", At: t0.Add(5 * time.Minute)}
		i.Rounds[0].Decisions = []incident.Decision{d}
		i.Rounds[0].Execution = &incident.Execution{Confirmation: incident.Confirmation{Solution: solution}}
	}
	return i
}

func TestTheDayAddsUp(t *testing.T) {
	var r lark.Report
	incidents := []*incident.Incident{lived("20261122-1", incident.Recovered, "A"), lived("20261122-2", incident.Expired, ""), lived("20261122-3", incident.Rejected, "")}
	looks := []record.Inspection{
		{At: t0, Nodes: []incident.NodeLine{{Name: "n1", Ready: true, CPU: 0.4, Memory: 0.5}, {Name: "n2", Ready: true, CPU: -1, Memory: -1}}},
		{At: t0.Add(time.Hour), Nodes: []incident.NodeLine{{Name: "n1", Ready: true, CPU: 0.9, Memory: 0.5}, {Name: "n2", CPU: -1, Memory: -1}}, Pods: []incident.PodLine{{Status: "CrashLoopBackOff"}}},
	}
	tell(&r, incidents, looks, t0.Add(24*time.Hour), lark.Look{})
	counts := lark.IncidentCount{Incidents: 3, Merged: 3, Confirmed: 1, Rejected: 1, Expired: 1, Recovered: 1}
	if diff := cmp.Diff(counts, r.Counts); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	times := lark.ReportTimes{
		ToDiagnosis:    lark.Spread{Count: 3, Median: 2 * time.Minute, Worst: 2 * time.Minute},
		ToConfirmation: lark.Spread{Count: 1, Median: 5 * time.Minute, Worst: 5 * time.Minute},
		ToRecovery:     lark.Spread{Count: 1, Median: 20 * time.Minute, Worst: 20 * time.Minute},
	}
	if diff := cmp.Diff(times, r.Times); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	marks := []lark.Watermark{{Name: "n1", CPUMean: 0.65, CPUPeak: 0.9, MemoryMean: 0.5, MemoryPeak: 0.5}, {Name: "n2", CPUMean: -1, CPUPeak: -1, MemoryMean: -1, MemoryPeak: -1}}
	if diff := cmp.Diff(marks, r.Watermarks); diff != "" {
		t.Errorf("what is unknown is not zero (-want +got)\n%s", diff)
	}
	if len(r.Pods) != 1 || len(r.NodeRisks) != 2 || len(r.Gaps) != 0 {
		t.Errorf("pods %+v, risks %+v, gaps %v", r.Pods, r.NodeRisks, r.Gaps)
	}
}

func TestADayWithoutInspectionsSaysSo(t *testing.T) {
	var r lark.Report
	tell(&r, nil, nil, t0, lark.Look{})
	if len(r.Gaps) != 1 {
		t.Errorf("gaps %v", r.Gaps)
	}
}

func TestAlarmsAreCounted(t *testing.T) {
	end := t0.Add(time.Hour)
	list := []alarm.Alarm{
		{Name: "b", Severity: alarm.Critical, FiredAt: t0},
		{Name: "a", Severity: alarm.Major, FiredAt: t0, ClearedAt: t0.Add(time.Minute)},
		{Name: "b", Severity: alarm.Minor, FiredAt: t0, ClearedAt: end.Add(time.Minute)},
		{Name: "c", Severity: alarm.Info, FiredAt: t0, ClearedAt: t0},
	}
	want := lark.AlarmCount{Total: 4, Critical: 1, Major: 1, Minor: 1, Info: 1, Active: 2, Top: []lark.NameCount{{Name: "b", Count: 2}, {Name: "a", Count: 1}, {Name: "c", Count: 1}}}
	if diff := cmp.Diff(want, countAlarms(list, end)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhichDay(t *testing.T) {
	zone := time.FixedZone("CST", 8*3600)
	x := &reporting{zone: zone, now: func() time.Time { return t0 }}
	for _, tc := range []struct{ event, want string }{
		{`{"trigger_type":"TIMER","time":"2026-11-23T08:30:00+08:00"}`, "2026-11-22"},
		{`{"trigger_type":"TIMER","time":"2026-11-22T17:00:00Z"}`, "2026-11-22"},
		{`{"day":"2026-11-20"}`, "2026-11-20"},
		{`{}`, "2026-11-21"},
	} {
		day, _, err := x.asked([]byte(tc.event))
		if err != nil || day.Format("2006-01-02") != tc.want || day.Location() != zone {
			t.Errorf("%s: %v, %v", tc.event, day, err)
		}
	}
	if _, _, err := x.asked([]byte(`{"day":"tomorrow"}`)); err == nil {
		t.Error("a day that is none was taken")
	}
}
