package huaweicloud

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"
)

const (
	signAlgorithm   = "SDK-HMAC-SHA256"
	signDate        = "20060102T150405Z"
	headerDate      = "X-Sdk-Date"
	headerProject   = "X-Project-Id"
	headerToken     = "X-Security-Token"
	headerContent   = "X-Sdk-Content-Sha256"
	unsignedPayload = "UNSIGNED-PAYLOAD"
)

// signedHeaders are bound by the signature where present, in canonical order. Others (User-Agent, Accept) may be rewritten on the
// way without breaking it.
var signedHeaders = []string{"host", "x-project-id", "x-sdk-content-sha256", "x-sdk-date", "x-security-token"}

var errNoKey = errors.New("sign: no access key or secret key")

// Sign signs req with SDK-HMAC-SHA256, the scheme of Huawei Cloud's API gateways (source: the official SDK's core/auth/signer). It
// sets X-Sdk-Date, X-Project-Id, X-Security-Token and Authorization; body must be what req sends. A body whose Content-Type is
// neither application/json nor application/bson, such as a Kubernetes merge patch, is marked UNSIGNED-PAYLOAD, as the SDK does. Spaces
// in the query are spelt %20 afterwards, which is how they are signed. It fails only without a key.
func Sign(req *http.Request, body []byte, c Credentials, project string, now time.Time) error {
	if c.AK == "" || c.SK == "" {
		return errNoKey
	}
	date := now.UTC().Format(signDate)
	for _, h := range []string{"Authorization", headerToken, headerContent} {
		req.Header.Del(h)
	}
	req.Header.Set(headerDate, date)
	if project != "" {
		req.Header.Set(headerProject, project)
	}
	if c.Token != "" {
		req.Header.Set(headerToken, c.Token)
	}
	hash := unsignedPayload
	if ct := req.Header.Get("Content-Type"); ct == "" || strings.Contains(ct, "application/json") || strings.Contains(ct, "application/bson") {
		hash = hexSHA256(body)
	} else {
		req.Header.Set(headerContent, unsignedPayload)
	}
	req.URL.RawQuery = strings.ReplaceAll(req.URL.RawQuery, "+", "%20")

	names, block := canonicalHeaders(req)
	canonical := strings.Join([]string{req.Method, canonicalPath(req.URL), canonicalQuery(req.URL), block, names, hash}, "\n")
	mac := hmac.New(sha256.New, []byte(c.SK))
	mac.Write([]byte(signAlgorithm + "\n" + date + "\n" + hexSHA256([]byte(canonical))))
	req.Header.Set("Authorization", signAlgorithm+" Access="+c.AK+", SignedHeaders="+names+", Signature="+hex.EncodeToString(mac.Sum(nil)))
	return nil
}

func canonicalHeaders(req *http.Request) (names, block string) {
	var present []string
	var b strings.Builder
	for _, name := range signedHeaders {
		value := req.Header.Get(name)
		if name == "host" {
			value = req.Host
			if value == "" {
				value = req.URL.Host
			}
		}
		if value == "" {
			continue
		}
		present = append(present, name)
		b.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	return strings.Join(present, ";"), b.String()
}

// canonicalPath encodes each segment and ends with a slash, whatever the path on the wire ends with.
func canonicalPath(u *url.URL) string {
	segments := strings.Split(u.EscapedPath(), "/")
	for i, s := range segments {
		if plain, err := url.PathUnescape(s); err == nil {
			s = plain
		}
		segments[i] = escape(s)
	}
	path := strings.Join(segments, "/")
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return path
}

// canonicalQuery sorts keys, then the values of one key, and joins them as k=v.
func canonicalQuery(u *url.URL) string {
	query := u.Query()
	keys := make([]string, 0, len(query))
	for k := range query {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var pairs []string
	for _, k := range keys {
		values := append([]string(nil), query[k]...)
		sort.Strings(values)
		for _, v := range values {
			pairs = append(pairs, escape(k)+"="+escape(v))
		}
	}
	return strings.Join(pairs, "&")
}

// escape percent-encodes all but the unreserved characters of RFC 3986.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
