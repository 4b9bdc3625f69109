package infra_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBadInputIsRefusedInOneSentence plans with one thing wrong at a time.
func TestBadInputIsRefusedInOneSentence(t *testing.T) {
	w := open(t, t.TempDir())
	many := make([]any, 60)
	for i := range many {
		many[i] = map[string]any{"from": "2026-12-31T00:00:00Z", "until": "2027-01-01T00:00:00Z", "reason": fmt.Sprintf("the end of year %d", i)}
	}
	for name, tc := range map[string]struct {
		differ map[string]any
		spoil  func(t *testing.T, zip string)
		says   string
	}{
		"a wrong cluster id":    {differ: map[string]any{"clusters": []any{map[string]any{"id": "shop", "name": "shop-production"}}}, says: "shop is no cluster id: copy the 36-character id"},
		"no approvers":          {differ: map[string]any{"approvers": []any{}}, says: "approvers are missing for shop-production: set approvers"},
		"no trigger there":      {differ: map[string]any{"region": "af-south-1"}, says: `set alarm_ingress = "https"`},
		"no zip":                {spoil: remove, says: "is not there: run make build"},
		"an unreadable zip":     {spoil: func(t *testing.T, zip string) { write(t, zip, []byte("<html>")) }, says: "is no readable zip: run make build again"},
		"too many freezes":      {differ: map[string]any{"policy": map[string]any{"freezes": many}}, says: "of the 4096 characters that a function may have, although the clusters are not among them: name fewer freezes"},
		"a cluster CCE lacks":   {differ: map[string]any{"verify_clusters": true}, says: "CCE knows no cluster 0b6f3d2e-7a41-11f0-9f5d-0255ac100101 in cn-north-4: correct the id"}, // the stand-in finds none
		"a lone execute":        {differ: map[string]any{"max_instances": map[string]any{"execute": 1}}, says: "max_instances of execute, inspect and diagnose are at least 2"},
		"a bucket name":         {differ: map[string]any{"bucket_prefix": "Shop_"}, says: "bucket_prefix is 2 to 56 lower-case letters"},
		"a chat without prefix": {differ: map[string]any{"chat_id": "shop"}, says: "it begins with oc_"},
	} {
		t.Run(name, func(t *testing.T) {
			zip := filepath.Join(w.packages, "diagnose.zip")
			whole, err := os.ReadFile(zip)
			if err != nil {
				t.Fatal(err)
			}
			if tc.spoil != nil {
				tc.spoil(t, zip)
				defer write(t, zip, whole)
			}
			_, errs, code := w.run(t, append([]string{"plan"}, w.variables(t, tc.differ)...)...)
			said := strings.Join(strings.Fields(strings.ReplaceAll(errs, "│", " ")), " ")
			if code != 1 || !strings.Contains(said, tc.says) {
				t.Fatalf("exit %d, want it to say %q:\n%s", code, tc.says, errs)
			}
			if strings.Contains(said, "planted") {
				t.Error("the refusal shows a secret")
			}
		})
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// TestVariablesAreDescribed keeps the module readable: each variable has a type and says what it is for.
func TestVariablesAreDescribed(t *testing.T) {
	files, err := filepath.Glob("../*.tf")
	if err != nil {
		t.Fatal(err)
	}
	module, err := filepath.Glob("../modules/*/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	begin := regexp.MustCompile(`(?m)^variable "([a-z_]+)" \{$`)
	seen := 0
	for _, file := range append(files, module...) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range begin.FindAllStringSubmatchIndex(string(raw), -1) {
			body, _, _ := strings.Cut(string(raw)[at[1]:], "\n}\n")
			seen++
			if !strings.Contains(body, "\n  description ") || !strings.Contains(body, "\n  type ") {
				t.Errorf("%s: %s has no type or description", file, string(raw)[at[2]:at[3]])
			}
		}
	}
	if seen < 40 {
		t.Errorf("found %d variables only", seen)
	}
}
