package lark

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var terminal = regexp.MustCompile(`\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)`)

// clean makes foreign text one honest line: no terminal sequences, control characters, line breaks, or invisible and
// direction-changing characters that would make it read as something it is not.
func clean(s string) string { return tidy(s, math.MaxInt) }

// tidy is clean for text of which only the beginning is wanted: it ends after n characters.
func tidy(s string, n int) string {
	s = strings.ToValidUTF8(s, "�")
	if strings.IndexByte(s, 0x1b) >= 0 {
		s = terminal.ReplaceAllString(s, "")
	}
	var b strings.Builder
	blank := false
	for _, r := range s {
		if unicode.IsControl(r) || unicode.IsSpace(r) {
			blank = b.Len() > 0
			continue
		}
		if unicode.Is(unicode.Cf, r) { // zero-width, byte order mark, bidirectional overrides, soft hyphen
			continue
		}
		if n--; n < 0 {
			break
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
	ordered = regexp.MustCompile(`^(\d+)([.)])`)
	emoji   = regexp.MustCompile(`:([A-Za-z0-9]+):`)
)

// escape quotes a cleaned line for markdown: no mention, link, image, font, table, heading, list, rule or emoji can come out of it.
func escape(s string) string {
	s = entities.Replace(s)
	s = emoji.ReplaceAllString(s, "&#58;$1&#58;")
	if s == "" {
		return s
	}
	if c := s[0]; c == '-' || c == '+' || c == '=' { // list, rule, heading underline
		return fmt.Sprintf("&#%d;%s", c, s[1:])
	}
	if m := ordered.FindStringSubmatch(s); m != nil {
		return fmt.Sprintf("%s&#%d;%s", m[1], m[2][0], s[len(m[0]):])
	}
	return s
}

// endLists puts an empty line after each list: in markdown a line that follows a list's item belongs to the item.
func endLists(md string) string {
	lines := strings.Split(md, "\n")
	out := make([]string, 0, len(lines))
	for i, l := range lines {
		if i > 0 && strings.HasPrefix(lines[i-1], "- ") && l != "" && !strings.HasPrefix(l, "- ") && !strings.HasPrefix(l, " ") {
			out = append(out, "")
		}
		out = append(out, l)
	}
	return strings.Join(out, "\n")
}
