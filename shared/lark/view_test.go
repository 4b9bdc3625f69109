package lark

import (
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
