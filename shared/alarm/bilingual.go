package alarm

import (
	"strings"
	"unicode"
)

// AOM joins the Chinese and the English form of one text by this mark.
const bilingualMark = "##"

// bilingualName splits "调度失败##FailedScheduling". A name in one language is the name; in Chinese it is the title as well.
func bilingualName(s string) (zh, en string) {
	a, b, found := strings.Cut(s, bilingualMark)
	a, b = strings.TrimSpace(a), strings.TrimSpace(strings.TrimLeft(b, "#"))
	switch {
	case !found || b == "":
		if hasHan(a) {
			return a, a
		}
		return "", a
	case a == "":
		return "", b
	case hasHan(b) && !hasHan(a):
		return b, a
	}
	return a, b
}

// bilingualText splits a message in the same way, but only where the two halves tell themselves apart: a mark inside a text that
// somebody wrote is no border.
func bilingualText(s string) (zh, en string) {
	for at := 0; ; {
		i := strings.Index(s[at:], bilingualMark)
		if i < 0 {
			break
		}
		i += at
		a, b := strings.TrimSpace(s[:i]), strings.TrimSpace(strings.TrimLeft(s[i:], "#"))
		switch {
		case a == "":
			return bilingualText(b)
		case b == "":
			return bilingualText(a)
		case hasHan(a) && !hasHan(b):
			return a, b
		case hasHan(b) && !hasHan(a):
			return b, a
		case hasHan(a) && hasHan(b) && strings.Count(s, bilingualMark) == 1:
			return a, b
		}
		at = i + len(bilingualMark)
	}
	if hasHan(s) {
		return s, s
	}
	return "", s
}

func joinBilingual(zh, en string) string {
	if zh == "" || zh == en {
		return en
	}
	return zh + bilingualMark + en
}

func hasHan(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}
