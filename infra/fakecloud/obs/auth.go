package obs

import (
	"crypto/hmac"
	"crypto/sha1" // the older OBS signature is HMAC-SHA1 by definition
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/iam"
)

var errSignature = errors.New("the signature does not match")

// authenticate accepts AWS Signature V4 and the older OBS/AWS V2 form that Terraform's client uses.
func (s *Store) authenticate(r *http.Request, body []byte, bucketName, key string, virtual bool) (edge.Caller, *fault) {
	header := r.Header.Get("Authorization")
	if v4, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 "); ok {
		return s.verifyV4(r, body, v4)
	}
	for _, scheme := range []string{"OBS", "AWS"} {
		if v2, ok := strings.CutPrefix(header, scheme+" "); ok {
			return s.verifyV2(r, v2, strings.ToLower(map[string]string{"OBS": "x-obs-", "AWS": "x-amz-"}[scheme]), bucketName, key)
		}
	}
	return edge.Caller{}, refuse(http.StatusForbidden, "AccessDenied", "Access Denied: the request is not signed")
}

func denied(err error) *fault {
	switch {
	case errors.Is(err, iam.ErrUnknownKey):
		return refuse(http.StatusForbidden, "InvalidAccessKeyId", "The access key Id you provided does not exist in our records.")
	case errors.Is(err, errSignature):
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	case errors.Is(err, iam.ErrToken), errors.Is(err, iam.ErrExpired):
		return refuse(http.StatusForbidden, "InvalidToken", "The provided token is invalid or has expired.")
	}
	return refuse(http.StatusForbidden, "AccessDenied", "Access Denied: "+err.Error())
}

func (s *Store) verifyV4(r *http.Request, body []byte, fields string) (edge.Caller, *fault) {
	values := map[string]string{}
	for f := range strings.SplitSeq(fields, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(f), "=")
		values[k] = v
	}
	scope := strings.Split(values["Credential"], "/")
	if len(scope) != 5 {
		return edge.Caller{}, denied(errors.New("the credential scope cannot be read"))
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	now := s.opt.Clock()
	if err != nil || now.Sub(at) > iam.MaxSkew || at.Sub(now) > iam.MaxSkew {
		return edge.Caller{}, refuse(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the server's time is too large.")
	}
	key, err := s.opt.Keys.Key(scope[0], r.Header.Get("X-Amz-Security-Token"), now)
	if err != nil {
		return edge.Caller{}, denied(err)
	}
	payload := r.Header.Get("X-Amz-Content-Sha256")
	if len(payload) == 64 {
		sum := sha256.Sum256(body)
		if hex.EncodeToString(sum[:]) != payload {
			return edge.Caller{}, refuse(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
		}
	}
	sum := sha256.Sum256([]byte(canonicalV4(r, strings.Split(values["SignedHeaders"], ";"), payload)))
	text := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + strings.Join(scope[1:], "/") + "\n" + hex.EncodeToString(sum[:])
	secret := []byte("AWS4" + key.Secret)
	for _, part := range scope[1:] {
		secret = mac(sha256.New, secret, part)
	}
	if want := hex.EncodeToString(mac(sha256.New, secret, text)); !hmac.Equal([]byte(want), []byte(values["Signature"])) {
		return edge.Caller{}, denied(errSignature)
	}
	return key.Caller, nil
}

func mac(h func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(h, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func canonicalV4(r *http.Request, headers []string, payload string) string {
	var b strings.Builder
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	query := strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20")
	b.WriteString(r.Method + "\n" + path + "\n" + query + "\n")
	for _, h := range headers {
		v := strings.Join(r.Header.Values(h), ",")
		switch h {
		case "host":
			v = r.Host
		case "content-length":
			v = r.Header.Get("Content-Length")
			if v == "" {
				v = itoa(r.ContentLength)
			}
		}
		b.WriteString(h + ":" + strings.Join(strings.Fields(v), " ") + "\n")
	}
	b.WriteString("\n" + strings.Join(headers, ";") + "\n" + payload)
	return b.String()
}

// signedParameters are the query keys that the older signature covers.
var signedParameters = []string{
	"acl", "backtosource", "cors", "customdomain", "delete", "deletebucket", "directcoldaccess", "encryption", "inventory", "length", "lifecycle",
	"location", "logging", "metadata", "modify", "name", "notification", "object-lock", "partNumber", "policy", "position", "publicAccessBlock",
	"policyStatus", "bucketStatus", "quota", "rename", "replication", "requestPayment", "restore", "retention", "storageClass", "storagePolicy",
	"storageinfo", "tagging", "torrent", "truncate", "uploadId", "uploads", "versionId", "versioning", "versions", "website", "x-obs-process",
	"x-oss-process", "x-obs-security-token", "x-image-process", "append", "response-cache-control", "response-content-disposition",
	"response-content-encoding", "response-content-language", "response-content-type", "response-expires", "attname", "dispolicy", "mirrorBackToSource",
}

func (s *Store) verifyV2(r *http.Request, credential, prefix, bucketName, key string) (edge.Caller, *fault) {
	accessKey, signature, ok := strings.Cut(credential, ":")
	if !ok {
		return edge.Caller{}, denied(errors.New("the Authorization header cannot be read"))
	}
	k, err := s.opt.Keys.Key(accessKey, r.Header.Get(prefix+"security-token"), s.opt.Clock())
	if err != nil {
		return edge.Caller{}, denied(err)
	}
	date := r.Header.Get("Date")
	var own []string
	for name, v := range r.Header {
		low := strings.ToLower(name)
		if strings.HasPrefix(low, prefix) {
			own = append(own, low+":"+strings.Join(v, ","))
		}
		if low == prefix+"date" {
			date = ""
		}
	}
	slices.Sort(own)
	text := r.Method + "\n" + r.Header.Get("Content-Md5") + "\n" + r.Header.Get("Content-Type") + "\n" + date + "\n"
	for _, line := range own {
		text += line + "\n"
	}
	text += resourceV2(r.URL.Query(), bucketName, key)
	if want := base64.StdEncoding.EncodeToString(mac(sha1.New, []byte(k.Secret), text)); !hmac.Equal([]byte(want), []byte(signature)) {
		return edge.Caller{}, denied(errSignature)
	}
	return k.Caller, nil
}

func resourceV2(query url.Values, bucketName, key string) string {
	resource := "/"
	if bucketName != "" {
		resource += bucketName + "/"
	}
	segments := strings.Split(key, "/")
	for i, seg := range segments {
		segments[i] = strings.ReplaceAll(url.QueryEscape(seg), "+", "%20")
	}
	resource += strings.Join(segments, "/")
	var keys []string
	for k := range query {
		if slices.Contains(signedParameters, k) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for i, k := range keys {
		resource += map[bool]string{true: "?", false: "&"}[i == 0] + k
		if v := query.Get(k); v != "" {
			resource += "=" + v
		}
	}
	return resource
}
