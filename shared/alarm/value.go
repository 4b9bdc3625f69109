package alarm

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is kept of a text. AOM promises metadata values of at most 2048 characters; messages are free.
const (
	maxName    = 512
	maxMessage = 8 << 10
	maxLabel   = 2 << 10
	maxLabels  = 128
)

// parts is a JSON object's members, nil for anything else. A string that holds a JSON object counts as that object: AOM and
// notification templates nest JSON in text.
func parts(raw json.RawMessage) map[string]json.RawMessage {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return nil
		}
		raw = bytes.TrimSpace([]byte(s))
	}
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

// texts is a JSON object as flat text, nested values as their JSON; bounded.
func texts(raw json.RawMessage) map[string]string {
	m := parts(raw)
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for _, k := range sortedKeys(m) {
		if len(out) == maxLabels {
			break
		}
		if v := text(m[k]); v != "" && k != "" {
			out[clip(k, maxName)] = clip(v, maxLabel)
		}
	}
	return out
}

// text is a scalar as people would write it: strings unquoted, numbers and booleans as they stand, null as nothing.
func text(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	if raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return strings.TrimSpace(s)
	}
	if raw[0] == '{' || raw[0] == '[' {
		var b bytes.Buffer
		if json.Compact(&b, raw) != nil {
			return ""
		}
		return b.String()
	}
	return string(raw)
}

// clip bounds a text and drops what no reader should meet: control characters (terminal escapes among them), bidirectional
// overrides, invalid UTF-8. Newlines and tabs stay.
func clip(s string, limit int) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == utf8.RuneError, unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
	if len(clean) > limit {
		cut := limit
		for cut > 0 && !utf8.RuneStart(clean[cut]) {
			cut--
		}
		clean = clean[:cut]
	}
	return strings.TrimSpace(clean)
}

// moment reads a time: epoch milliseconds as AOM sends them (epoch seconds where the number is too small to be milliseconds),
// as number or text, or RFC 3339. Zero, negative and absurd values are no time.
func moment(raw json.RawMessage) time.Time {
	s := text(raw)
	if s == "" {
		return time.Time{}
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		const milliFrom, milliTo = 1e11, 1e14 // 1973 to 5138 in milliseconds
		switch {
		case math.IsNaN(n) || n <= 0 || n >= milliTo:
			return time.Time{}
		case n < milliFrom:
			return time.UnixMilli(int64(n * 1000)).UTC()
		}
		return time.UnixMilli(int64(n)).UTC()
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil && t.Unix() > 0 {
			return t.UTC().Truncate(time.Millisecond)
		}
	}
	return time.Time{}
}

func millis(raw json.RawMessage) time.Duration { return millisText(text(raw)) }

// millisText reads a duration: a bare number is milliseconds, as in AOM's trigger_detail; "30s" and "1min" as in its rules.
func millisText(s string) time.Duration {
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		const most = float64(366 * 24 * 3600 * 1000)
		if math.IsNaN(n) || n <= 0 || n > most {
			return 0
		}
		return time.Duration(n) * time.Millisecond
	}
	s = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(s), "in"), "our")
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0
	}
	return d
}

func count(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func firstText(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}
