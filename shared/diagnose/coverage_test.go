package diagnose

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"cce-oncall/shared/incident"
)

// TestEveryReasonIsFoundInAScenario keeps the registry honest: a name that nothing can find would be a promise on the card and in the
// README that is never kept. What a scenario wants is what it was judged to be, so a name that stands there has a rule behind it.
func TestEveryReasonIsFoundInAScenario(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	found := map[incident.Reason]bool{}
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range a.Files {
			if x.Name != "want" {
				continue
			}
			var w want
			if err := yaml.Unmarshal(x.Data, &w); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			for _, line := range append(w.Causes, w.Effects...) {
				n, _, _ := strings.Cut(line, " ")
				found[incident.Reason(n)] = true
			}
		}
	}
	for _, r := range incident.Reasons {
		if !found[r.Reason] {
			t.Errorf("%s: no scenario finds it. Give it a rule and a scenario, or take the name out of the registry", r.Reason)
		}
	}
}

// TestEveryExplanationSpeaksOfReasonsThatAreFound holds the constants of the vocabulary against the registry: one that is declared and
// not registered could stand in the table of root causes and never fire.
func TestEveryExplanationSpeaksOfReasonsThatAreFound(t *testing.T) {
	files, err := filepath.Glob("../incident/reasons_*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no reasons: %v", err)
	}
	declared := regexp.MustCompile(`(?m)^\s+(\w+)\s+Reason\s*= "(\w+)"`)
	n := 0
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllStringSubmatch(string(raw), -1) {
			n++
			if m[1] != m[2] {
				t.Errorf("constant %s holds the name %q", m[1], m[2])
			}
			if !incident.Known(incident.Reason(m[2])) {
				t.Errorf("%s is declared and not registered", m[2])
			}
		}
	}
	if n != len(incident.Reasons) {
		t.Errorf("%d constants, %d registered reasons", n, len(incident.Reasons))
	}
}
