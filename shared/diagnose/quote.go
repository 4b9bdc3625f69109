package diagnose

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longest bounds one quoted piece of text: long enough to recognise a message, short enough for a card.
const longest = 240

var (
	terminalEscape = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[@-Z\\\\-_])")
	secretPair     = regexp.MustCompile(`(?i)\b([\w.-]*(?:password|passwd|pwd|secret|token|api[-_.]?key|access[-_.]?key|private[-_.]?key|credential|authorization)[\w.-]*["']?\s*[:=]\s*)(?:"[^"]*"|'[^']*'|(?:bearer\s+|basic\s+)?[^\s,;&"']+)`)
	secretUserinfo = regexp.MustCompile(`(://[^/\s:@]+:)[^/\s@]+@`)
	longKey        = regexp.MustCompile(`\b[A-Za-z0-9+/_-]{40,}={0,2}`)
)

// quote makes foreign text (messages, log lines, labels) safe to show: no control characters or terminal escapes, no invisible
// direction marks, no secrets, one line, bounded. What is left is data and is never interpreted.
func quote(s string) string { return quoteTo(s, longest) }

func quoteTo(s string, limit int) string {
	if len(s) > 16*limit {
		s = s[:16*limit]
	}
	if strings.IndexByte(s, 0x1b) >= 0 {
		s = terminalEscape.ReplaceAllString(s, "")
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '?'
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if strings.ContainsAny(s, ":=") {
		s = secretPair.ReplaceAllString(s, "${1}***")
		s = secretUserinfo.ReplaceAllString(s, "${1}***@")
	}
	s = longKey.ReplaceAllStringFunc(s, maskKey)
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}

// maskKey hides what looks like a key: long, with letters in both cases and digits. Hashes of images and ids stay.
func maskKey(s string) string {
	var upper, lower, digit bool
	for _, r := range s {
		upper = upper || unicode.IsUpper(r)
		lower = lower || unicode.IsLower(r)
		digit = digit || unicode.IsDigit(r)
	}
	if upper && lower && digit && !strings.Contains(s, "/") {
		return "***"
	}
	return s
}
