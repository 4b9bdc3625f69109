package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestRunIgnoresFileTimes(t *testing.T) {
	dir := t.TempDir()
	binary, to := filepath.Join(dir, "fn"), filepath.Join(dir, "fn.zip")
	if err := os.WriteFile(binary, []byte("code"), 0o755); err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	if err := run([]string{"-o", to, binary}, &first); err != nil {
		t.Fatal(err)
	}
	past := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := os.Chtimes(binary, past, past); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"-o", to, binary}, &second); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() || first.Len() == 0 {
		t.Errorf("first run printed %q, second %q", first.String(), second.String())
	}
}

func TestRunRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"no output":      {"binary"},
		"no binary":      {"-o", filepath.Join(dir, "x.zip")},
		"missing binary": {"-o", filepath.Join(dir, "x.zip"), filepath.Join(dir, "missing")},
	} {
		if err := run(args, &bytes.Buffer{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
