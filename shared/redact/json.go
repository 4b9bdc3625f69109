package redact

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// secretName is a member name whose value is a secret whatever it looks like.
var secretName = regexp.MustCompile(`(?i)^(.*(password|passwd|passphrase|secret[_-]?key|access[_-]?key|api[_-]?key|private[_-]?key|encrypt[_-]?key|app[_-]?secret|client[_-]?secret|[_-]token|authtoken)|token|pwd|ak|sk|authorization|client-key-data|client-certificate-data)$`)

// Bytes is b without secrets. JSON is walked string by string, so that it stays JSON and a secret hidden by escapes is seen;
// anything else is text.
func (r *Redactor) Bytes(b []byte) []byte {
	if !json.Valid(b) {
		return []byte(r.String(string(b)))
	}
	out := make([]byte, 0, len(b))
	var key string
	for i := 0; i < len(b); {
		if b[i] != '"' {
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
		if !isKey && key != "" && s != "" && secretName.MatchString(key) {
			clean = Mask
		}
		if isKey {
			key = s
		} else {
			key = ""
		}
		if clean == s {
			out = append(out, lit...)
			continue
		}
		out = append(out, quote(clean)...)
	}
	return out
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
