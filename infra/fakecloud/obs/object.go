package obs

import (
	"bytes"
	"crypto/md5" // Content-MD5 is MD5 by definition
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// putObject stores a new version, or overwrites the only one. If-None-Match is not looked at unless the quirk is off.
func (s *Store) putObject(w http.ResponseWriter, r *http.Request, body []byte, b *bucket, key string) *fault {
	if want := r.Header.Get("Content-Md5"); want != "" {
		sum := md5.Sum(body) // by definition
		if base64.StdEncoding.EncodeToString(sum[:]) != want {
			return refuse(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what was received.")
		}
	}
	if r.ContentLength < 0 {
		return refuse(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	if strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		if s.opt.RejectChunks {
			return refuse(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
		}
		if s.opt.UnframeChunks {
			body = unframe(body)
		}
	}
	if s.opt.Conditions && r.Header.Get("If-None-Match") == "*" && b.newest(key) != nil {
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the preconditions you specified did not hold.")
	}
	v := &version{body: bytes.Clone(body), etag: etag(body), kind: r.Header.Get("Content-Type"), modified: s.opt.Clock(), meta: http.Header{}}
	for name, values := range r.Header {
		low := strings.ToLower(name)
		if strings.HasPrefix(low, "x-amz-meta-") || strings.HasPrefix(low, "x-obs-meta-") || low == "content-encoding" || low == "cache-control" {
			v.meta[name] = values
		}
	}
	s.add(b, key, v)
	if v.id != "null" {
		w.Header().Set("X-Amz-Version-Id", v.id)
		w.Header().Set("X-Obs-Version-Id", v.id)
	}
	w.Header().Set("ETag", v.etag)
	w.WriteHeader(http.StatusOK)
	return nil
}

// add puts a version in its place: with versioning a new one in the order of stamps, otherwise over the one called null.
func (s *Store) add(b *bucket, key string, v *version) {
	if b.versioning != "Enabled" {
		v.id = "null"
		all := slices.DeleteFunc(b.objects[key], func(o *version) bool { return o.id == "null" })
		b.objects[key] = append(all, v)
		return
	}
	v.id = s.stamp()
	all := append(b.objects[key], v)
	slices.SortStableFunc(all, func(x, y *version) int { return strings.Compare(order(x.id), order(y.id)) })
	b.objects[key] = all
}

// order puts what was there before versioning first.
func order(id string) string {
	if id == "null" {
		return ""
	}
	return id
}

// unframe takes the chunk framing of a streaming upload off.
func unframe(body []byte) []byte {
	var out []byte
	for {
		line, rest, ok := bytes.Cut(body, []byte("\r\n"))
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseInt(string(size), 16, 64)
		if !ok || err != nil || n == 0 || int64(len(rest)) < n {
			return out
		}
		out = append(out, rest[:n]...)
		body = bytes.TrimPrefix(rest[n:], []byte("\r\n"))
	}
}

func (b *bucket) find(key, id string) (*version, *fault) {
	if id != "" {
		for _, v := range b.objects[key] {
			if v.id == id {
				return v, nil
			}
		}
		return nil, refuse(http.StatusNotFound, "NoSuchVersion", "The specified version does not exist.")
	}
	if v := b.newest(key); v != nil {
		return v, nil
	}
	return nil, refuse(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
}

func getObject(w http.ResponseWriter, r *http.Request, b *bucket, key string) *fault {
	v, f := b.find(key, r.URL.Query().Get("versionId"))
	if f != nil {
		return f
	}
	h := w.Header()
	if v.deleted {
		h.Set("X-Amz-Delete-Marker", "true")
		return refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	}
	for k, values := range v.meta {
		h[k] = values
	}
	if v.id != "null" {
		h.Set("X-Amz-Version-Id", v.id)
		h.Set("X-Obs-Version-Id", v.id)
	}
	h.Set("ETag", v.etag)
	if v.kind != "" {
		h.Set("Content-Type", v.kind)
	} else {
		h.Set("Content-Type", "binary/octet-stream")
	}
	for name, value := range b.encryption {
		h[name] = value
	}
	if m := r.Header.Get("If-Match"); m != "" && m != "*" && trimQuotes(m) != trimQuotes(v.etag) {
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the preconditions you specified did not hold.")
	}
	http.ServeContent(w, r, "", v.modified, bytes.NewReader(v.body)) // ranges and the conditions of reading
	return nil
}

// deleteObject adds a marker, or with a version id erases that version.
func (s *Store) deleteObject(w http.ResponseWriter, r *http.Request, b *bucket, key string) *fault {
	q := r.URL.Query()
	for name := range q {
		if name != "versionId" && !s.opt.LenientDelete {
			return refuse(http.StatusBadRequest, "InvalidArgument", "the parameter "+name+" is not known")
		}
	}
	id := q.Get("versionId")
	s.erase(w.Header(), b, key, id)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Store) erase(h http.Header, b *bucket, key, id string) {
	switch {
	case id != "":
		b.objects[key] = slices.DeleteFunc(b.objects[key], func(v *version) bool { return v.id == id })
		h.Set("X-Amz-Version-Id", id)
	case b.versioning == "Enabled":
		v := &version{deleted: true, modified: s.opt.Clock()}
		s.add(b, key, v)
		h.Set("X-Amz-Delete-Marker", "true")
		h.Set("X-Amz-Version-Id", v.id)
	default:
		b.objects[key] = slices.DeleteFunc(b.objects[key], func(v *version) bool { return v.id == "null" })
	}
	if len(b.objects[key]) == 0 {
		delete(b.objects, key)
	}
}

// serveTags keeps a version's tags; deleting them must not delete the object.
func (b *bucket) serveTags(w http.ResponseWriter, r *http.Request, body []byte, key string) *fault {
	v, f := b.find(key, r.URL.Query().Get("versionId"))
	if f != nil {
		return f
	}
	switch r.Method {
	case http.MethodPut:
		v.tags = bytes.Clone(body)
		w.WriteHeader(http.StatusOK)
	case http.MethodDelete:
		v.tags = nil
		w.WriteHeader(http.StatusNoContent)
	default:
		if v.tags == nil {
			return refuse(http.StatusNotFound, "NoSuchTagSet", "The TagSet does not exist")
		}
		w.Header().Set("Content-Type", "application/xml")
		_, _ = w.Write(v.tags) // the client went away: nothing is left to tell it
	}
	return nil
}

// deleteMany is POST ?delete; without Content-MD5 the real service refuses it.
func (s *Store) deleteMany(w http.ResponseWriter, r *http.Request, body []byte, b *bucket) *fault {
	if r.Header.Get("Content-Md5") == "" {
		return refuse(http.StatusBadRequest, "InvalidRequest", "Missing required header for this request: Content-MD5")
	}
	var request struct {
		Object []struct {
			Key       string
			VersionID string `xml:"VersionId"`
		}
	}
	if err := xml.Unmarshal(body, &request); err != nil {
		return refuse(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed.")
	}
	type gone struct {
		Key       string
		VersionID string `xml:"VersionId,omitempty"`
	}
	var answer struct {
		XMLName xml.Name `xml:"DeleteResult"`
		Deleted []gone
	}
	for _, o := range request.Object {
		s.erase(http.Header{}, b, o.Key, o.VersionID)
		answer.Deleted = append(answer.Deleted, gone{o.Key, o.VersionID})
	}
	return writeXML(w, answer)
}

func writeXML(w http.ResponseWriter, v any) *fault {
	raw, err := xml.Marshal(v)
	if err != nil {
		return refuse(http.StatusInternalServerError, "InternalError", err.Error())
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(append([]byte(xml.Header), raw...)) // the client went away: nothing is left to tell it
	return nil
}
