package diagnose

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

var (
	update = flag.Bool("update", false, "rewrite the want files of the scenarios")
	dump   = flag.Bool("dump", false, "print the diagnosis of each scenario")
)

// want is what a scenario expects in full. The lines "first:", "also:" and "silent" above the files are what its author means; -update
// never touches them.
type want struct {
	Verdict incident.Verdict `json:"verdict"`
	Causes  []string         `json:"causes,omitempty"`
	Effects []string         `json:"effects,omitempty"`
	Gaps    []string         `json:"gaps,omitempty"`
}

func TestScenarios(t *testing.T) {
	base := fileMoment(t, "world.yaml")
	for _, f := range scenarioFiles(t) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(f, "testdata/"), ".txtar"), func(t *testing.T) { runScenario(t, f, base) })
	}
}

// fileMoment is a moment that scenarios share: the world they happen in, or what is laid over it.
func fileMoment(t *testing.T, file string) moment {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return readMoment(t, raw)
}

func scenarioFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	return files
}

func runScenario(t *testing.T, file string, base moment) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := snapshotOf(t, a, base)
	d := Judge(s)
	if *dump {
		out, err := Output(s, d, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(string(out))
	}
	checkMeant(t, string(a.Comment), d)
	checkFindings(t, d)
	got := want{Verdict: d.Verdict, Gaps: d.Gaps}
	for _, c := range d.Causes {
		got.Causes = append(got.Causes, fmt.Sprintf("%s %s", c.Reason, c.Target))
	}
	for _, e := range d.Effects {
		got.Effects = append(got.Effects, fmt.Sprintf("%s %s by %s", e.Reason, e.Target, e.ExplainedBy))
	}
	slices.Sort(got.Effects)
	wantAt := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
	if *update {
		out, err := yaml.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if wantAt < 0 {
			a.Files = append(a.Files, txtar.File{Name: "want"})
			wantAt = len(a.Files) - 1
		}
		a.Files[wantAt].Data = out
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if wantAt < 0 {
		t.Fatal("no want file: run with -update and read what it wrote")
	}
	var w want
	if err := yaml.UnmarshalStrict(a.Files[wantAt].Data, &w); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, got); diff != "" {
		t.Errorf("want (-) got (+):\n%s", diff)
	}
	again, err := Output(s, Judge(s), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	once, err := Output(s, d, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(once, again) {
		t.Error("a second judgement gives other bytes")
	}
}

func snapshotOf(t *testing.T, a *txtar.Archive, base moment) *observe.Snapshot {
	t.Helper()
	var doc []byte
	for _, f := range a.Files {
		switch f.Name {
		case "moment.yaml":
			doc = buildCase(t, base, readMoment(t, f.Data))
		case "case.json":
			doc = f.Data
		case "want":
		default:
			t.Fatalf("unknown file %s", f.Name)
		}
	}
	s, err := observe.ReadCase(doc)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkMeant holds the diagnosis against what the author meant.
func checkMeant(t *testing.T, comment string, d incident.Diagnosis) {
	t.Helper()
	meant := 0
	is := func(f incident.Finding, s string) bool { return fmt.Sprintf("%s %s", f.Reason, f.Target) == s }
	for _, line := range strings.Split(comment, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "first: "):
			meant++
			if s := strings.TrimPrefix(line, "first: "); len(d.Causes) == 0 || !is(d.Causes[0], s) {
				t.Errorf("first cause must be %q, causes are:\n%s", s, told(d))
			}
			if d.Verdict != incident.Fault {
				t.Errorf("verdict %s, want fault", d.Verdict)
			}
		case strings.HasPrefix(line, "also: "):
			if s := strings.TrimPrefix(line, "also: "); !slices.ContainsFunc(d.Causes, func(f incident.Finding) bool { return is(f, s) }) {
				t.Errorf("%q must be among the causes:\n%s", s, told(d))
			}
		case strings.HasPrefix(line, "only: "):
			meant++
			if s := strings.TrimPrefix(line, "only: "); len(d.Causes) != 1 || !is(d.Causes[0], s) {
				t.Errorf("the only cause must be %q, causes are:\n%s", s, told(d))
			}
		case line == "silent":
			meant++
			if d.Verdict != incident.Healthy || len(d.Causes) > 0 {
				t.Errorf("must stay silent, but:\n%s", told(d))
			}
		case line == "unsure":
			meant++
			if d.Verdict != incident.InsufficientEvidence || len(d.Look) == 0 {
				t.Errorf("must say insufficient evidence and where to look, but:\n%s", told(d))
			}
		}
	}
	if meant == 0 {
		t.Error("a scenario says what is meant: first:, only:, silent or unsure")
	}
}

func told(d incident.Diagnosis) string {
	var b strings.Builder
	fmt.Fprintf(&b, "verdict %s\n", d.Verdict)
	for _, c := range d.Causes {
		fmt.Fprintf(&b, "cause  %.2f %s %s\n", c.Confidence, c.Reason, c.Target)
		for _, e := range c.Evidence {
			fmt.Fprintf(&b, "         %s: %s\n", e.Source, e.Statement)
		}
	}
	for _, c := range d.Effects {
		fmt.Fprintf(&b, "effect %.2f %s %s by %s\n", c.Confidence, c.Reason, c.Target, c.ExplainedBy)
	}
	return b.String()
}

// checkFindings holds every finding against the rules of the house: registered, told in both languages, with evidence, no control
// characters, no symptom as a cause of a fault.
func checkFindings(t *testing.T, d incident.Diagnosis) {
	t.Helper()
	for _, f := range slices.Concat(d.Causes, d.Effects) {
		if !incident.Known(f.Reason) {
			t.Errorf("%s is not registered", f.Reason)
		}
		if f.Summary.EN == "" || f.Summary.ZH == "" || len(f.Evidence) == 0 || f.Target.Name == "" || f.Target.Kind == "" {
			t.Errorf("%s %s: summary %+v, %d pieces of evidence", f.Reason, f.Target, f.Summary, len(f.Evidence))
		}
		if f.Confidence <= 0 || f.Confidence > 0.99 {
			t.Errorf("%s %s: confidence %v", f.Reason, f.Target, f.Confidence)
		}
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsAny(b, "\x1b\x07\x00\u202e") {
			t.Errorf("%s %s carries control characters: %s", f.Reason, f.Target, b)
		}
	}
	if d.Verdict == incident.Fault && len(d.Causes) > 0 && incident.Info(d.Causes[0].Reason).Symptom {
		t.Errorf("a symptom is the first cause: %s", told(d))
	}
}
