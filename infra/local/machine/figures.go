package machine

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"cce-oncall/infra/fakecloud/functiongraph"
)

// Figures are what was measured of one function.
type Figures struct {
	Function      string
	Binary, Zip   int64 // bytes
	Runs          int
	Start         time.Duration // from process start to the first poll; the slowest seen
	FirstResponse time.Duration // from process start to the first answer; the slowest seen
	Longest       time.Duration
	Peak          int64 // bytes of resident memory
	Failed        int
}

// Figures measures the functions so far.
func (m *Machine) Figures() []Figures {
	var out []Figures
	for _, name := range Functions {
		f := Figures{Function: name, Zip: size(filepath.Join(m.opt.Zips, name+".zip")), Binary: size(filepath.Join(m.opt.Zips, "bin", name, "bootstrap"))}
		for _, i := range m.Cloud.Functions.Invocations(m.Function(name)) {
			f.Runs++
			f.Start, f.FirstResponse = max(f.Start, i.Start), max(f.FirstResponse, i.FirstResponse)
			f.Longest, f.Peak = max(f.Longest, i.Duration), max(f.Peak, i.Peak)
			if i.Status != functiongraph.StatusSuccess {
				f.Failed++
			}
		}
		out = append(out, f)
	}
	return out
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// WriteFigures writes them as a table.
func (m *Machine) WriteFigures(w io.Writer) error {
	const mb = 1 << 20
	_, err := fmt.Fprintf(w, "%-9s %10s %9s %5s %12s %15s %9s %10s\n", "function", "binary MB", "zip MB", "runs", "start ms", "first answer ms", "longest s", "peak MB")
	for _, f := range m.Figures() {
		if err != nil {
			break
		}
		_, err = fmt.Fprintf(w, "%-9s %10.1f %9.1f %5d %12d %15d %9.2f %10.1f\n", f.Function, float64(f.Binary)/mb, float64(f.Zip)/mb, f.Runs,
			f.Start.Milliseconds(), f.FirstResponse.Milliseconds(), f.Longest.Seconds(), float64(f.Peak)/mb)
	}
	if err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	return nil
}
