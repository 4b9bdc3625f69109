package redact

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// secretName is a member name whose value is a secret whatever it looks like.
var secretName = regexp.MustCompile(`(?i)^(.*(password|[-_]pass|passwd|passphrase|secret[_-]?key|access[_-]?key|api[_-]?key|private[_-]?key|encrypt[_-]?key|app[_-]?secret|client[_-]?secret|[_-]token|authtoken)|token|pwd|ak|sk|authorization|client-key-data|client-certificate-data)$`)

// Bytes is b without secrets. JSON is walked string by string, so that it stays JSON and a secret hidden by escapes is seen;
// anything else is text.
func (r *Redactor) Bytes(b []byte) []byte {
	if !json.Valid(b) {
		return []byte(r.String(string(b)))
	}
	out := make([]byte, 0, len(b))
	var key string
	var around company
	for i := 0; i < len(b); {
		if b[i] != '"' {
			around.pass(b[i])
			out = append(out, b[i])
			i++
			continue
		}
		end := stringEnd(b, i)
		lit := b[i:end]
		i = end
		next := bytes.TrimLeft(b[i:], " \t\r\n")
		isKey := len(next) > 0 && next[0] == ':'
		var s string
		if err := json.Unmarshal(lit, &s); err != nil {
			out = append(out, lit...) // cannot be: the whole was valid
			continue
		}
		clean := r.String(s)
		switch {
		case isKey:
			key = s
		case key != "" && s != "" && secretName.MatchString(key):
			clean, key = Mask, ""
		default:
			clean, key = around.clean(key, s, clean), ""
		}
		if clean == s {
			out = append(out, lit...)
			continue
		}
		out = append(out, quote(clean)...)
	}
	return out
}

// company is what the strings before say of the next one.
type company struct {
	name string // value of the member "name" of the object at hand, as of a variable of a container
	pem  bool   // the block of a key or certificate has begun in a list of lines, and not ended
}

// pass takes note of what stands between two strings.
func (c *company) pass(b byte) {
	switch b {
	case '{', '}':
		c.name = ""
	case ']':
		c.pem = false
	}
}

// pemLine is one line of a block, whatever a log puts before it.
var pemLine = regexp.MustCompile(`[A-Za-z0-9+/=]{12,}\s*$`)

// clean is a member's value in this company: the value of a variable that is named like a secret is one, and so is a line between the
// first and the last of a block.
func (c *company) clean(key, s, clean string) string {
	switch {
	case key == "name":
		c.name = s
	case key == "value" && s != "" && secretName.MatchString(c.name):
		return Mask
	case strings.Contains(s, "-----END "):
		c.pem = false
	case strings.Contains(s, "-----BEGIN "):
		c.pem = true
	case c.pem:
		return pemLine.ReplaceAllString(clean, Mask)
	}
	return clean
}

// stringEnd is the index after the string literal that begins at i.
func stringEnd(b []byte, i int) int {
	for j := i + 1; j < len(b); j++ {
		switch b[j] {
		case '\\':
			j++
		case '"':
			return j + 1
		}
	}
	return len(b)
}

func quote(s string) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string always encodes
		panic(err)
	}
	return bytes.TrimRight(buf.Bytes(), "\n")
}
