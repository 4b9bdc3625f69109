package machine

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Line is one thing that happened, for a person to read.
type Line struct {
	At   time.Time
	Who  string
	What string
}

// Note adds a line to the transcript.
func (m *Machine) Note(who, format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, Line{time.Now(), who, fmt.Sprintf(format, args...)})
}

// Started is when the machine began to start.
func (m *Machine) Started() time.Time { return m.started }

// WriteTranscript writes what people did, what the functions said in the chat and how each of them ran, in order.
func (m *Machine) WriteTranscript(w io.Writer) error {
	m.mu.Lock()
	lines := slices.Clone(m.lines)
	m.mu.Unlock()
	for _, i := range m.Cloud.Functions.Invocations("") {
		how := "warm"
		if i.Cold {
			how = fmt.Sprintf("cold, first poll after %d ms", i.Start.Milliseconds())
		}
		lines = append(lines, Line{i.Finished, strings.TrimPrefix(i.Function, m.Function("")), fmt.Sprintf("ran %.2f s (%s, %s, peak %d MB): %s", i.Duration.Seconds(), i.Source, how, i.Peak>>20, i.Status)})
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return a.At.Compare(b.At) })
	for _, l := range lines {
		if _, err := fmt.Fprintf(w, "%7.1fs  %-9s %s\n", l.At.Sub(m.started).Seconds(), l.Who, l.What); err != nil {
			return fmt.Errorf("write the transcript: %w", err)
		}
	}
	return nil
}

// WriteLogs writes what the functions logged, each line after its time and function.
func (m *Machine) WriteLogs(w io.Writer) error {
	for _, name := range Functions {
		for _, l := range m.Cloud.Functions.Logs(m.Function(name)) {
			if _, err := fmt.Fprintf(w, "%7.1fs  %-9s %s\n", l.At.Sub(m.started).Seconds(), name, l.Text); err != nil {
				return fmt.Errorf("write the functions' logs: %w", err)
			}
		}
	}
	return nil
}
