package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/diagnose"
	"cce-oncall/shared/incident"
)

// TestTheReadmeCountsTrue keeps the tables of the README what the registries and the scenarios say.
func TestTheReadmeCountsTrue(t *testing.T) {
	const file = "../../README.md"
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	whole := string(readme)
	for name, want := range map[string]string{"reasons": diagnose.Markdown(), "coverage": coverage(t)} {
		begin, end := "<!-- "+name+" begin -->\n", "\n<!-- "+name+" end -->"
		head, rest, ok := strings.Cut(whole, begin)
		got, tail, also := strings.Cut(rest, end)
		if !ok || !also {
			t.Fatalf("README.md has no %s between its marks", name)
		}
		want = strings.TrimSpace(want)
		if diff := cmp.Diff(want, got); diff != "" && !*update {
			t.Errorf("make golden writes the %s anew (-printed +README)\n%s", name, diff)
		}
		whole = head + begin + want + end + tail
	}
	if *update {
		if err := os.WriteFile(file, []byte(whole), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// coverage counts reasons by domain, alarms by urgency, and scenarios by field.
func coverage(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	table := func(head string, rows []string, count map[string]int) {
		all := 0
		fmt.Fprintf(&b, "| %s |\n|---|---|\n", head)
		for _, r := range rows {
			all += count[r]
			fmt.Fprintf(&b, "| %s | %d |\n", r, count[r])
		}
		fmt.Fprintf(&b, "| **all** | **%d** |\n\n", all)
	}
	count := func(name string, rows *[]string, n map[string]int) {
		if n[name]++; n[name] == 1 {
			*rows = append(*rows, name)
		}
	}
	var domains, urgencies, fields []string
	byDomain, byUrgency, byField := map[string]int{}, map[string]int{}, map[string]int{}
	for _, r := range incident.Reasons {
		count(strings.ToUpper(string(r.Domain[:1]))+string(r.Domain[1:]), &domains, byDomain)
	}
	for _, e := range alarm.Catalogue() {
		count(map[alarm.Urgency]string{alarm.Page: "wake somebody", alarm.Ticket: "can wait for the day", alarm.Inform: "only inform"}[e.Urgency], &urgencies, byUrgency)
	}
	files, err := filepath.Glob("../../shared/diagnose/testdata/*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		count(filepath.Base(filepath.Dir(f)), &fields, byField)
	}
	slices.Sort(urgencies)
	table("domain | reasons", domains, byDomain)
	table("alarms and events of CCE that | in the catalogue", urgencies, byUrgency)
	table("scenarios of | files", fields, byField)
	return b.String()
}
