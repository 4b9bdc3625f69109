package functiongraph_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/infra/fakecloud/functiongraph"
)

func TestKills(t *testing.T) {
	tests := []struct {
		name string
		kill functiongraph.Kill
		want []string
	}{
		{"at delivery", functiongraph.Kill{Function: "f"}, []string{"1 FAIL FSS.0500", "2 SUCCESS"}},
		{"at a log line", functiongraph.Kill{Function: "f", LogContains: "half way"}, []string{"1 FAIL FSS.0500", "2 SUCCESS"}},
		{"at the response", functiongraph.Kill{Function: "f", AtResponse: true}, []string{"1 FAIL FSS.0500", "2 SUCCESS"}},
		{"a line that never comes", functiongraph.Kill{Function: "f", LogContains: "never"}, []string{"1 SUCCESS"}},
		{"at the second delivery", functiongraph.Kill{Function: "f", Nth: 2}, []string{"1 SUCCESS"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := platform(t, nil)
			create(t, p, "f", nil)
			p.KillNext(tt.kill)
			async(t, p, "f", `{"do":"log","text":"half way"}`)
			idle(t, p)
			if diff := cmp.Diff(tt.want, outcomes(p, "f")); diff != "" {
				t.Errorf("deliveries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDuplicate(t *testing.T) {
	p := platform(t, nil)
	create(t, p, "f", nil)
	p.Duplicate("f", 1)
	first, second := async(t, p, "f", `{"do":"answer"}`), async(t, p, "f", `{"do":"answer"}`)
	idle(t, p)
	count := map[string]int{}
	for _, i := range p.Invocations("f") {
		count[i.RequestID]++
	}
	if diff := cmp.Diff(map[string]int{first: 2, second: 1}, count); diff != "" {
		t.Errorf("deliveries per request (-want +got):\n%s", diff)
	}
}
