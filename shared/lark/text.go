package lark

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var terminal = regexp.MustCompile(`\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)`)

// clean makes foreign text one honest line: no terminal sequences, control characters, line breaks, or invisible and
// direction-changing characters that would make it read as something it is not.
func clean(s string) string {
	s = terminal.ReplaceAllString(strings.ToValidUTF8(s, "�"), "")
	var b strings.Builder
	b.Grow(len(s))
	blank := false
	for _, r := range s {
		if unicode.IsControl(r) || unicode.IsSpace(r) {
			blank = b.Len() > 0
			continue
		}
		if unicode.Is(unicode.Cf, r) { // zero-width, byte order mark, bidirectional overrides, soft hyphen
			continue
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// clip shortens to at most n characters, and says so with an ellipsis.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return strings.TrimRight(string(r[:n-1]), " ") + "…"
}

// entities are the characters that mean something in the platform's markdown, as the HTML entities its documentation gives for
// quoting them.
var entities = strings.NewReplacer(
	"&", "&#38;", "<", "&#60;", ">", "&#62;", "*", "&#42;", "_", "&#95;", "`", "&#96;", "~", "&#126;",
	"[", "&#91;", "]", "&#93;", "#", "&#35;", "|", "&#124;", `\`, "&#92;", "://", "&#58;//", "$", "&#36;",
)

var (
	listMark = regexp.MustCompile(`^([-+]|\d+[.)]) `)
	emoji    = regexp.MustCompile(`:([A-Za-z0-9]+):`)
)

// escape quotes a cleaned line for markdown: no mention, link, image, font, table, heading, list or emoji can come out of it.
func escape(s string) string {
	s = entities.Replace(s)
	s = emoji.ReplaceAllString(s, "&#58;$1&#58;")
	if m := listMark.FindString(s); m != "" {
		mark := strings.TrimSuffix(m, " ")
		last := mark[len(mark)-1]
		s = mark[:len(mark)-1] + map[byte]string{'-': "&#45;", '+': "&#43;", '.': "&#46;", ')': "&#41;"}[last] + " " + s[len(m):]
	}
	return s
}
