// Package sign checks the request signature of Huawei Cloud, SDK-HMAC-SHA256, from the server's side.
//
// It exists because a fake that accepts any signature proves nothing about the client. The verifier rebuilds the canonical request
// from what arrived on the wire, takes the list of signed headers it is given (the SDK does not sign host, hand-written clients do),
// and compares in constant time. It holds no keys and reads no clock: both are arguments.
package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Algorithm is the only one the emulator speaks; the SDK's SM3 and ECDSA variants are for other sites.
const Algorithm = "SDK-HMAC-SHA256"

// dateLayout is the form of X-Sdk-Date: UTC, to the second.
const dateLayout = "20060102T150405Z"

// Errors of Parse and Verify; the emulator answers 401 to each.
var (
	ErrUnsigned  = errors.New("the request is not signed")
	ErrMalformed = errors.New("the Authorization header cannot be read")
	ErrDate      = errors.New("X-Sdk-Date is missing or not signed")
	ErrSkew      = errors.New("X-Sdk-Date is too far from the server's clock")
	ErrMismatch  = errors.New("verify aksk signature fail")
)

// Authorization is a parsed Authorization header.
type Authorization struct {
	AccessKey string
	Headers   []string // the signed headers, lower case, in the order given
	Signature string
}

// Parse reads "SDK-HMAC-SHA256 Access=.., SignedHeaders=a;b, Signature=..".
func Parse(header string) (Authorization, error) {
	if header == "" {
		return Authorization{}, ErrUnsigned
	}
	rest, ok := strings.CutPrefix(header, Algorithm+" ")
	if !ok {
		return Authorization{}, ErrMalformed
	}
	var a Authorization
	for field := range strings.SplitSeq(rest, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(field), "=")
		if !ok {
			return Authorization{}, ErrMalformed
		}
		switch key {
		case "Access":
			a.AccessKey = value
		case "SignedHeaders":
			a.Headers = strings.Split(strings.ToLower(value), ";")
		case "Signature":
			a.Signature = value
		}
	}
	if a.AccessKey == "" || a.Signature == "" || len(a.Headers) == 0 {
		return Authorization{}, ErrMalformed
	}
	return a, nil
}

// Verify says whether r with body was signed with secret, within skew of now. r.Host counts as the header host.
func Verify(r *http.Request, body []byte, a Authorization, secret string, now time.Time, skew time.Duration) error {
	date := r.Header.Get("X-Sdk-Date")
	at, err := time.Parse(dateLayout, date)
	if err != nil || !slices.Contains(a.Headers, "x-sdk-date") {
		return ErrDate
	}
	if d := now.Sub(at); d > skew || d < -skew {
		return ErrSkew
	}
	want := signature(canonical(r, body, a.Headers), date, secret)
	if !hmac.Equal([]byte(want), []byte(a.Signature)) {
		return ErrMismatch
	}
	return nil
}

// Sign adds X-Sdk-Date and Authorization to r. The emulator's own admin client and its tests use it; product code has its own.
func Sign(r *http.Request, body []byte, accessKey, secret string, now time.Time) {
	date := now.UTC().Format(dateLayout)
	r.Header.Set("X-Sdk-Date", date)
	headers := []string{"host", "x-sdk-date"}
	for name := range r.Header {
		low := strings.ToLower(name)
		if strings.HasPrefix(low, "x-") && low != "x-sdk-date" && !strings.Contains(low, "_") {
			headers = append(headers, low)
		}
	}
	slices.Sort(headers)
	sig := signature(canonical(r, body, headers), date, secret)
	r.Header.Set("Authorization", Algorithm+" Access="+accessKey+", SignedHeaders="+strings.Join(headers, ";")+", Signature="+sig)
}

func signature(canonical, date, secret string) string {
	sum := sha256.Sum256([]byte(canonical))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(Algorithm + "\n" + date + "\n" + hex.EncodeToString(sum[:])))
	return hex.EncodeToString(mac.Sum(nil))
}

func canonical(r *http.Request, body []byte, headers []string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(r.URL.Path) + "\n" + canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range headers {
		values := slices.Clone(r.Header.Values(name))
		if name == "host" {
			values = []string{requestHost(r)}
		}
		slices.Sort(values)
		for _, v := range values {
			b.WriteString(name + ":" + strings.TrimSpace(v) + "\n")
		}
	}
	b.WriteString("\n" + strings.Join(headers, ";") + "\n" + payloadHash(r, body))
	return b.String()
}

func requestHost(r *http.Request) string {
	if r.Host != "" {
		return r.Host
	}
	return r.URL.Host
}

// payloadHash takes the client's word when it gave one: content types other than JSON are sent as UNSIGNED-PAYLOAD.
func payloadHash(r *http.Request, body []byte) string {
	if h := r.Header.Get("X-Sdk-Content-Sha256"); h != "" {
		return h
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// canonicalPath escapes each segment and always ends in a slash, as the SDK does (a colon of a URN becomes %3A).
func canonicalPath(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = escape(s)
	}
	p := strings.Join(segments, "/")
	if !strings.HasSuffix(p, "/") {
		p += "/"
	}
	return p
}

func canonicalQuery(query url.Values) string {
	keys := make([]string, 0, len(query))
	for k := range query {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var pairs []string
	for _, k := range keys {
		values := slices.Clone(query[k])
		slices.Sort(values)
		for _, v := range values {
			pairs = append(pairs, escape(k)+"="+escape(v))
		}
	}
	return strings.Join(pairs, "&")
}

// escape percent-encodes everything but RFC 3986's unreserved characters; url.QueryEscape differs on space and tilde.
func escape(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}
