// Package e2e holds the whole of it against scenarios: the five zips, a real control plane, a real PromQL engine and S3 server, the
// emulated cloud and Lark, and people who click and type. Each scenario is a script in testdata; it has a machine of its own.
package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"

	"cce-oncall/infra/local/machine"
	"cce-oncall/shared/incident"
)

const root = "../../.."

// start brings a machine up for one test, and shows what happened when the test fails.
func start(ctx context.Context, t *testing.T, opt machine.Options) *machine.Machine {
	t.Helper()
	opt.Root = root
	opt.Log = zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel)
	m, err := machine.Start(ctx, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			explain(t, m)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// explain writes the transcript and the functions' logs beside the test's output.
func explain(t *testing.T, m *machine.Machine) {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "cce-oncall-e2e")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Error(err)
		return
	}
	file, err := os.Create(filepath.Join(dir, filepath.Base(t.Name())+".log"))
	if err != nil {
		t.Error(err)
		return
	}
	defer file.Close()
	if err := m.WriteTranscript(file); err != nil {
		t.Error(err)
	}
	if err := m.WriteLogs(file); err != nil {
		t.Error(err)
	}
	t.Logf("what happened is in %s", file.Name())
}

// verify recomputes the archive of a closed incident.
func verify(ctx context.Context, t *testing.T, m *machine.Machine, i *incident.Incident) {
	t.Helper()
	a, err := m.VerifyArchive(ctx, i)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Breaks) > 0 || !a.Closed || a.Records == 0 {
		t.Errorf("the archive of %s does not verify: %+v", i.ID, a)
	}
}
