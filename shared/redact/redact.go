// Package redact knows what may never leave: keys, tokens, certificates, passwords, project ids. Every way out (card, log, archive,
// error, call to another model) passes through a Redactor. It reads no network, clock or environment. What always holds: redacting
// valid JSON gives valid JSON, redacting twice is redacting once, and a literal secret handed in never comes out.
package redact

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Mask stands where a secret was.
const Mask = "[redacted]"

// Redactor removes secrets it was told of (this deployment's own) and what looks like one by form or by name. Safe for concurrent
// use.
type Redactor struct {
	mu       sync.RWMutex
	literals []string
}

// New makes a redactor that also knows these exact values.
func New(literals ...string) *Redactor {
	r := &Redactor{}
	r.Learn(literals...)
	return r
}

// Learn adds exact values, such as credentials fetched after the start. Values under 6 characters are ignored: they would blank out
// prose.
func (r *Redactor) Learn(literals ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := slices.Clone(r.literals)
	for _, l := range literals {
		if len(l) >= 6 && !slices.Contains(known, l) {
			known = append(known, l)
		}
	}
	// The longest first: a secret that is part of another must not leave the rest of it standing.
	slices.SortFunc(known, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	r.literals = known
}

func (r *Redactor) known() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.literals
}

// rule is one form of secret. A rule is only tried on text that holds one of its hints (in lower case): most text holds none.
type rule struct {
	hints []string
	re    *regexp.Regexp
	with  string // empty: what bareKey says is a key
}

// The value of a named secret: up to a quote, blank, separator or escape. It never crosses a quote, so JSON stays JSON.
const value = `[^\s"'\\,;&<>{}\[\]]{3,}`

var rules = []rule{
	// PEM blocks, also with \n escaped inside JSON, and cut off before their end.
	{[]string{"-----begin"}, regexp.MustCompile(`-----BEGIN [A-Z0-9 ]+-----[^"<]*?(-----END [A-Z0-9 ]+-----|$|")`), Mask + `$1`},
	// Kubernetes client certificates and keys as kubeconfig carries them.
	{[]string{"-data", "id-token", "refresh-token"}, regexp.MustCompile(`(?i)((?:client-key-data|client-certificate-data|certificate-authority-data|id-token|refresh-token)\\?"?\s*[:=]\s*\\?"?)[A-Za-z0-9+/=_.-]{8,}`), `${1}` + Mask},
	// JSON web tokens, service account tokens among them.
	{[]string{"eyj"}, regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?`), Mask},
	// IAM tokens: CMS messages in base64 begin with MII and are long.
	{[]string{"mii"}, regexp.MustCompile(`\bMII[A-Za-z0-9+/=_-]{60,}`), Mask},
	// Authorization headers of any scheme.
	{[]string{"authorization"}, regexp.MustCompile(`(?i)((?:proxy-)?authorization\\?"?\s*[:=]\s*\\?"?)(?:(?:basic|bearer|SDK-HMAC-SHA256|AWS4-HMAC-SHA256|V11-HMAC-SHA256)\s+)?[^"\\\r\n<]{4,}`), `${1}` + Mask},
	{[]string{"bearer", "basic"}, regexp.MustCompile(`(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9+/=_.~-]{8,}`), `${1}` + Mask},
	{[]string{"access="}, regexp.MustCompile(`\b(Access=)[A-Za-z0-9]{8,}`), `${1}` + Mask},
	{[]string{"signature="}, regexp.MustCompile(`\b(Signature=)[0-9a-fA-F]{16,}`), `${1}` + Mask},
	// Lark tokens.
	{[]string{"t-", "u-", "a-", "c-"}, regexp.MustCompile(`\b[tuac]-[A-Za-z0-9_.-]{20,}`), Mask},
	// user:password@host in addresses.
	{[]string{"://"}, regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\s/"':@\\]{0,64}:)[^\s/"'@\\]{1,128}(@)`), `${1}` + Mask + `${2}`},
	// name = value, name: value, "name": "value", --name value.
	{[]string{"pass", "pwd", "key", "secret", "token", "credential", "ak", "sk"}, regexp.MustCompile(`(?i)((?:^|[^a-z0-9])(?:[a-z0-9_.-]*(?:password|passwd|passphrase|secret[_-]?(?:access[_-]?)?key|secretkey|access[_-]?key(?:[_-]?id)?|accesskey|api[_-]?key|apikey|private[_-]?key|encrypt[_-]?key|app[_-]?secret|client[_-]?secret|auth[_-]?token|security[_-]?token|access[_-]?token|refresh[_-]?token|session[_-]?token|x-auth-token|x-security-token|verification[_-]?token|credentials?|pwd)|ak|sk|token|secret)\\?["']?\s*(?:[:=]|\s--?\s)\s*\\?["']?)` + value), `${1}` + Mask},
	{[]string{"-"}, regexp.MustCompile(`(?i)(--?(?:password|passwd|token|secret|api-key|access-key|secret-key)[= ])` + value), `${1}` + Mask},
	// Project ids where the context says so: they are 32 hex digits, as much else is.
	{[]string{"project"}, regexp.MustCompile(`(?i)(project[_ -]?id\\?["']?\s*[:=]\s*\\?["']?)[0-9a-f]{32}\b`), `${1}` + Mask},
	{[]string{"/v", "/projects/", "urn:"}, regexp.MustCompile(`(/v[0-9](?:\.[0-9])?/|/projects/|urn:(?:smn|fss):[a-z0-9-]+:)[0-9a-f]{32}\b`), `${1}` + Mask},
	// Bare keys by form: access keys are 20 capitals and digits, secret keys 40 of mixed case.
	{nil, regexp.MustCompile(`\b(?:[A-Z]+[0-9]|[0-9]+[A-Z])[A-Z0-9]*\b`), ""},
	{nil, regexp.MustCompile(`\b[A-Za-z0-9]{40}\b`), ""},
	// A line of a PEM block alone, as a log's line quotes it: 64 of mixed case.
	{nil, regexp.MustCompile(`\b[A-Za-z0-9+/]{64}\b`), ""},
}

// String is s without secrets.
func (r *Redactor) String(s string) string {
	for _, l := range r.known() {
		s = strings.ReplaceAll(s, l, Mask)
	}
	if len(s) < 6 {
		return s
	}
	lower := strings.ToLower(s)
	for _, rule := range rules {
		if !hinted(lower, rule.hints) {
			continue
		}
		if rule.with != "" {
			s = rule.re.ReplaceAllString(s, rule.with)
			continue
		}
		s = rule.re.ReplaceAllStringFunc(s, func(m string) string {
			if bareKey(m) {
				return Mask
			}
			return m
		})
	}
	return s
}

func hinted(lower string, hints []string) bool {
	if hints == nil {
		return len(lower) >= 20
	}
	for _, h := range hints {
		if strings.Contains(lower, h) {
			return true
		}
	}
	return false
}

// bareKey tells a key from a word or a hash: a hash has no mixed case, a word no digits.
func bareKey(m string) bool {
	var upper, lower, digit bool
	for _, c := range m {
		switch {
		case c >= 'A' && c <= 'Z':
			upper = true
		case c >= 'a' && c <= 'z':
			lower = true
		default:
			digit = true
		}
	}
	switch len(m) {
	case 20:
		return upper && digit && !lower
	case 40, 64:
		return upper && lower && digit
	}
	return false
}
