package observe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// CaseVersion is the version of the case file that ReadCase reads and WriteCase writes.
const CaseVersion = 1

// CaseError says what is wrong with a case file, in one line that names the field: "series[0].values[2]".
type CaseError struct {
	Field   string
	Problem string
}

func (e *CaseError) Error() string {
	if e.Field == "" {
		return "case file: " + e.Problem
	}
	return "case file: " + e.Field + ": " + e.Problem
}

func bad(field, format string, args ...any) error {
	return &CaseError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// ReadCase reads a case file. Only version and at must be there; unknown fields are ignored; objects of unknown kinds are kept.
// An object whose fields have the wrong types is kept unread in Objects.Other and becomes a gap, so that it costs nothing else.
// Anything else that is malformed is a *CaseError that names the first such field.
func ReadCase(data []byte) (*Snapshot, error) {
	var file map[string]json.RawMessage
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, bad("", "%s", jsonProblem(data, err))
	}
	if file == nil {
		return nil, bad("", "an object is needed, not null")
	}
	if err := readVersion(file["version"]); err != nil {
		return nil, err
	}
	s := &Snapshot{}
	for _, part := range []struct {
		name string
		read func(json.RawMessage) error
	}{
		{"at", s.readAt},
		{"cluster", func(raw json.RawMessage) error { return readField("cluster", raw, &s.Cluster) }},
		{"question", func(raw json.RawMessage) error { return readField("question", raw, &s.Question) }},
		{"scope", func(raw json.RawMessage) error { return readField("scope", raw, &s.Scope) }},
		{"unreadable", func(raw json.RawMessage) (err error) { s.Unreadable, err = readTexts("unreadable", raw); return err }},
		{"gaps", func(raw json.RawMessage) (err error) { s.Gaps, err = readTexts("gaps", raw); return err }},
		{"alarms", s.readAlarms},
		{"objects", s.readObjects},
		{"series", s.readSeries},
		{"logs", s.readLogs},
		{"changes", s.readChanges},
	} {
		if err := part.read(present(file[part.name])); err != nil {
			return nil, err
		}
	}
	s.Sort()
	s.freeze()
	return s, nil
}

func readVersion(raw json.RawMessage) error {
	if present(raw) == nil {
		return bad("version", "missing; this program reads version %d", CaseVersion)
	}
	var n int
	if err := json.Unmarshal(raw, &n); err != nil {
		return bad("version", "a number is needed, not %s", shown(raw))
	}
	if n != CaseVersion {
		return bad("version", "%d is not known; this program reads version %d", n, CaseVersion)
	}
	return nil
}

func (s *Snapshot) readAt(raw json.RawMessage) error {
	if raw == nil {
		return bad("at", "missing; it is the clock of the case, as in 2026-11-22T07:00:00Z")
	}
	at, err := readTime("at", raw)
	if err != nil {
		return err
	}
	if at.IsZero() {
		return bad("at", "empty; it is the clock of the case, as in 2026-11-22T07:00:00Z")
	}
	s.At = at
	return nil
}

func (s *Snapshot) readAlarms(raw json.RawMessage) error {
	return readArray("alarms", raw, func(field string, item json.RawMessage) error {
		a, err := alarm.ParseEvent(item)
		if err != nil {
			return bad(field, "%s", err)
		}
		s.Alarms = append(s.Alarms, a)
		return nil
	})
}

func (s *Snapshot) readLogs(raw json.RawMessage) error {
	return readArray("logs", raw, func(field string, item json.RawMessage) error {
		var l struct {
			Log
			Lines json.RawMessage `json:"lines"`
		}
		if err := readField(field, item, &l); err != nil {
			return err
		}
		lines, err := readTexts(field+".lines", present(l.Lines))
		if err != nil {
			return err
		}
		l.Log.Lines = lines
		s.Logs = append(s.Logs, l.Log)
		return nil
	})
}

func (s *Snapshot) readChanges(raw json.RawMessage) error {
	return readArray("changes", raw, func(field string, item json.RawMessage) error {
		var c struct {
			At     json.RawMessage `json:"at"`
			Source string          `json:"source"`
			Actor  string          `json:"actor"`
			Verb   string          `json:"verb"`
			Target incident.Target `json:"target"`
			Before json.RawMessage `json:"before"`
			After  json.RawMessage `json:"after"`
		}
		if err := readField(field, item, &c); err != nil {
			return err
		}
		at, err := readTime(field+".at", present(c.At))
		if err != nil {
			return err
		}
		s.Changes = append(s.Changes, Change{
			At: at, Source: c.Source, Actor: c.Actor, Verb: c.Verb, Target: c.Target, Before: asText(c.Before), After: asText(c.After),
		})
		return nil
	})
}

// WriteCase is the snapshot as a case file: parts in a fixed order, every list sorted, one element a line. What ReadCase reads
// from it is written as the same bytes again. It holds no managed fields and no value of a Secret (see Tidy).
func (s *Snapshot) WriteCase() ([]byte, error) {
	c := s.Clone()
	c.Sort()
	var w caseWriter
	w.field("version", CaseVersion)
	w.field("at", c.At.UTC().Format(time.RFC3339Nano))
	if c.Cluster != (incident.Cluster{}) {
		w.field("cluster", c.Cluster)
	}
	if c.Question != "" {
		w.field("question", c.Question)
	}
	if c.Scope != (Scope{}) {
		w.field("scope", c.Scope)
	}
	w.list("alarms", func(add func(any)) {
		for _, a := range c.Alarms {
			raw, err := a.Encode()
			w.fail(err)
			add(raw)
		}
	})
	w.list("objects", func(add func(any)) { c.Objects.each(add) })
	w.list("series", func(add func(any)) {
		for _, x := range c.Series {
			add(x.encode())
		}
	})
	w.list("logs", func(add func(any)) {
		for _, l := range c.Logs {
			if l.Lines == nil {
				l.Lines = []string{}
			}
			add(l)
		}
	})
	w.list("changes", func(add func(any)) {
		for _, x := range c.Changes {
			add(x.encode())
		}
	})
	w.list("unreadable", func(add func(any)) {
		for _, x := range c.Unreadable {
			add(x)
		}
	})
	w.list("gaps", func(add func(any)) {
		for _, x := range c.Gaps {
			add(x)
		}
	})
	return w.done()
}

func (c Change) encode() any {
	at := ""
	if !c.At.IsZero() {
		at = c.At.UTC().Format(time.RFC3339Nano)
	}
	return struct {
		At     string          `json:"at,omitempty"`
		Source string          `json:"source"`
		Actor  string          `json:"actor,omitempty"`
		Verb   string          `json:"verb,omitempty"`
		Target incident.Target `json:"target"`
		Before string          `json:"before,omitempty"`
		After  string          `json:"after,omitempty"`
	}{at, c.Source, c.Actor, c.Verb, c.Target, c.Before, c.After}
}

// caseWriter lays a case file out. The first error stops it.
type caseWriter struct {
	buf bytes.Buffer
	err error
}

func (w *caseWriter) fail(err error) {
	if w.err == nil && err != nil {
		w.err = fmt.Errorf("write case file: %w", err)
	}
}

func (w *caseWriter) key(name string) {
	if w.buf.Len() == 0 {
		w.buf.WriteString("{\n")
	} else {
		w.buf.WriteString(",\n")
	}
	fmt.Fprintf(&w.buf, "%q: ", name)
}

func (w *caseWriter) value(v any) {
	e := json.NewEncoder(&w.buf)
	e.SetEscapeHTML(false)
	w.fail(e.Encode(v))
	if n := w.buf.Len(); n > 0 && w.buf.Bytes()[n-1] == '\n' {
		w.buf.Truncate(n - 1)
	}
}

func (w *caseWriter) field(name string, v any) {
	w.key(name)
	w.value(v)
}

func (w *caseWriter) list(name string, fill func(add func(any))) {
	n := 0
	fill(func(v any) {
		if n == 0 {
			w.key(name)
			w.buf.WriteString("[\n")
		} else {
			w.buf.WriteString(",\n")
		}
		w.value(v)
		n++
	})
	if n > 0 {
		w.buf.WriteString("\n]")
	}
}

func (w *caseWriter) done() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	w.buf.WriteString("\n}\n")
	return w.buf.Bytes(), nil
}

// present is nil for a part that is missing or null.
func present(raw json.RawMessage) json.RawMessage {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	return raw
}

func readField(field string, raw json.RawMessage, into any) error {
	if raw == nil {
		return nil
	}
	err := json.Unmarshal(raw, into)
	if err == nil {
		return nil
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		if inner := strings.TrimPrefix(wrong.Field, "Log."); inner != "" {
			field += "." + inner
		}
		return bad(field, "%s is needed, not %s", kindWord(wrong.Type.Kind()), wrong.Value)
	}
	return bad(field, "%s", err)
}

func readArray(field string, raw json.RawMessage, item func(field string, raw json.RawMessage) error) error {
	if raw == nil {
		return nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return bad(field, "a list is needed, not %s", shown(raw))
	}
	for i, one := range items {
		if one = present(one); one == nil {
			continue
		}
		if err := item(fmt.Sprintf("%s[%d]", field, i), one); err != nil {
			return err
		}
	}
	return nil
}

// readTexts reads a list of texts; one text alone counts as its lines.
func readTexts(field string, raw json.RawMessage) ([]string, error) {
	var one string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &one) == nil {
		if one == "" {
			return nil, nil
		}
		return strings.Split(strings.TrimRight(one, "\n"), "\n"), nil
	}
	var out []string
	if raw != nil && !bytes.Contains(raw, []byte("null")) && json.Unmarshal(raw, &out) == nil {
		return slices.Clip(out), nil
	}
	out = nil // one odd element: read them one by one, to name it
	err := readArray(field, raw, func(field string, item json.RawMessage) error {
		var s string
		if err := json.Unmarshal(item, &s); err != nil {
			return bad(field, "a text is needed, not %s", shown(item))
		}
		out = append(out, s)
		return nil
	})
	return slices.Clip(out), err
}

func readTime(field string, raw json.RawMessage) (time.Time, error) {
	var s string
	if raw == nil {
		return time.Time{}, nil
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return time.Time{}, bad(field, "a time as in 2026-11-22T07:00:00Z is needed, not %s", shown(raw))
	}
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return time.Time{}, bad(field, "a time as in 2026-11-22T07:00:00Z is needed, not %s", shown(raw))
	}
	return t.UTC(), nil
}

// asText keeps a text as it is and anything else as its JSON.
func asText(raw json.RawMessage) string {
	raw = present(raw)
	var s string
	if raw == nil || json.Unmarshal(raw, &s) == nil {
		return s
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return ""
	}
	return b.String()
}
