package diagnose

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"cce-oncall/shared/observe"
)

// FuzzJudge changes case files at random: whatever can be read can be judged, without a diagnoser that gives up, and twice alike.
func FuzzJudge(f *testing.F) {
	raw, err := os.ReadFile("testdata/world.yaml")
	if err != nil {
		f.Fatal(err)
	}
	base := readMoment(f, raw)
	base.Apps = base.Apps[:4] // small seeds are changed more often
	for _, n := range []string{"pods/oom", "network/selector", "scheduling/node-selector", "autoscaling/requests-missing", "nodes/kubelet-dead-fields", "pods/readiness-port"} {
		a, err := txtar.ParseFile(filepath.Join("testdata", n+".txtar"))
		if err != nil {
			f.Fatal(err)
		}
		m := readMoment(f, a.Files[0].Data)
		f.Add(buildCase(f, base, m))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := observe.ReadCase(data)
		if err != nil {
			return
		}
		d := Judge(s)
		for _, g := range d.Gaps {
			if strings.Contains(g, "failed and could not judge") || strings.Contains(g, "could not be indexed") {
				t.Errorf("a diagnoser gave up: %s", g)
			}
		}
		once, err := Output(s, d, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Output(s, Judge(s), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(once, again) {
			t.Error("a second judgement gives other bytes")
		}
	})
}
