package lark

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/incident"
)

// The card has one clock: a summary's own time, which is in UTC, is taken off.
func TestTimeless(t *testing.T) {
	for _, tt := range []struct{ in, want incident.Text }{
		{incident.Text{EN: "CPU is at 95 % of the limit, since 09:38 UTC (22 min).", ZH: "CPU 达到 limit 的 95%，自 09:38 UTC 起（22 分钟）。"}, incident.Text{EN: "CPU is at 95 % of the limit", ZH: "CPU 达到 limit 的 95%"}},
		{incident.Text{EN: "It fails, since 2026-11-15 10:00 UTC (5 days)."}, incident.Text{EN: "It fails", ZH: "It fails, since 2026-11-15 10:00 UTC (5 days)"}},
		{incident.Text{EN: "It fails since revision 5.", ZH: "自版本 5 起失败。"}, incident.Text{EN: "It fails since revision 5", ZH: "自版本 5 起失败"}},
		{incident.Text{EN: "Quiet", ZH: "正常"}, incident.Text{EN: "Quiet", ZH: "正常"}},
	} {
		if d := cmp.Diff(tt.want, timeless(tt.in)); d != "" {
			t.Errorf("%q (-want +got):\n%s", tt.in.EN, d)
		}
	}
}

func TestHeadline(t *testing.T) {
	v := view(Both)
	want := incident.Text{EN: "default/chat-app: container CPU at 97 % of its limit since 14:05 — sure 90 %", ZH: "default/chat-app：容器 CPU 已达限制的 97%，自 14:05 起（置信度 90%）"}
	if d := cmp.Diff(want, Headline(v.Incident, v.Now, v.Look)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Evidence is for people: names of series and rules are said in words, field paths and log lines stay as they were found.
func TestEvidenceLine(t *testing.T) {
	v := view(Both)
	p := v.pen(v.Now)
	a := v.Incident.Alarms[0]
	for _, tt := range []struct {
		in   incident.Evidence
		want pair
	}{
		{
			incident.Evidence{Source: incident.FromMetric, Statement: "container_cpu_limit_ratio 0.93 (mean of the last three samples)", At: at(14, 5)},
			pair{"CPU, share of the limit: 93 %, mean of the last three samples (metric, 14:05)", "CPU 使用率（占限制） 93 %，最近三个采样的均值（指标，14:05）"},
		},
		{
			incident.Evidence{Source: incident.FromMetric, Statement: "queue_lag stepped from 3 to 900"},
			pair{"queue_lag stepped from 3 to 900 (metric)", "queue_lag stepped from 3 to 900（指标）"},
		},
		{
			incident.Evidence{Source: incident.FromAlarm, Statement: "alarm " + a.Name + " (Critical) is firing"},
			pair{"Container CPU usage above 80% (Critical) is firing (alarm)", "容器 CPU 使用率超过 80%（紧急）告警中（告警）"},
		},
		{
			incident.Evidence{Source: incident.FromObject, Statement: "spec.replicas: 0"},
			pair{"spec.replicas: 0 (object)", "spec.replicas: 0（对象）"},
		},
	} {
		got := v.evidenceLine(p, tt.in).raw
		if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(pair{})); d != "" {
			t.Errorf("%q (-want +got):\n%s", tt.in.Statement, d)
		}
	}
}

// What follows a list is not part of its last item.
func TestEndLists(t *testing.T) {
	got := endLists("- a\n- b\nafter\n1. one\n   more\n- c\n  of c\n\nend")
	if d := cmp.Diff("- a\n- b\n\nafter\n1. one\n   more\n- c\n  of c\n\nend", got); d != "" {
		t.Error(d)
	}
}

func TestAlike(t *testing.T) {
	got := alike([]string{
		"pods could not be listed: forbidden", "changes made through the cloud could not be read: 503", "nodes could not be listed: forbidden", "a could not be listed: forbidden",
		"b could not be listed: forbidden", "events could not be listed: timed out", "c could not be listed: forbidden", "d could not be listed: forbidden",
	})
	want := []string{
		"pods, nodes, a, b and 2 more kinds could not be listed: forbidden", "changes made through the cloud could not be read: 503",
		"events could not be listed: timed out",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// An inspection that could read nothing does not count zeros.
func TestBlindInspection(t *testing.T) {
	card, err := HealthCard(Health{Look: Look{Language: English}, Cluster: incident.Cluster{Name: "demo"}, At: at(14, 5), From: at(13, 5), Gaps: []string{"nodes could not be listed: forbidden", "pods could not be listed: forbidden"}})
	if err != nil {
		t.Fatal(err)
	}
	text := string(card)
	for _, want := range []string{"its state could not be read", "Nodes: **unknown**", "nodes, pods could not be listed: forbidden"} {
		if !strings.Contains(text, want) {
			t.Errorf("the card does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "0 of 0") {
		t.Error("what could not be read was counted as zero")
	}
}
