package obs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"cce-oncall/infra/fakecloud/edge"
)

// maxObject bounds what the memory has to hold.
const maxObject = 256 << 20

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// ServeHTTP answers one S3 request.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucketName, key, virtual := address(r)
	entry := edge.Entry{At: s.opt.Clock(), Service: "obs", Method: r.Method, Path: "/" + bucketName + "/" + key, RequestID: edge.NewID()}
	for _, h := range []string{"X-Amz-Request-Id", "X-Obs-Request-Id"} {
		w.Header().Set(h, entry.RequestID)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxObject))
	if err != nil {
		writeFault(w, r, refuse(http.StatusBadRequest, "EntityTooLarge", "the body is too large or was cut off"))
		return
	}
	caller, f := s.authenticate(r, body, bucketName, key, virtual)
	entry.Caller, entry.Agency, entry.AccessKey = caller.Name, caller.Agency, caller.AccessKey
	resource, action := actionOf(r, key)
	entry.Action = "obs:" + resource + ":" + action
	if f == nil {
		f = s.admit(r, caller, bucketName, key, virtual, entry.Action, action)
	}
	record := &statusWriter{ResponseWriter: w}
	defer func() {
		entry.Status = record.status
		s.opt.Journal.Add(entry)
	}()
	if f != nil {
		writeFault(record, r, f)
		return
	}
	spoiler, spoiled := s.opt.Faults.Take(entry)
	if spoiled {
		entry.Fault = spoiler.ID
		if !spoiler.After && s.opt.Faults.Strike(r, entry, spoiler) {
			writeFault(record, r, spoilt(spoiler))
			return
		}
	}
	if spoiled && spoiler.After {
		s.dispatch(&discard{header: http.Header{}}, r, body, bucketName, key)
		if s.opt.Faults.Strike(r, entry, spoiler) {
			writeFault(record, r, spoilt(spoiler))
			return
		}
	}
	s.dispatch(record, r, body, bucketName, key)
}

func spoilt(f edge.Fault) *fault {
	code := f.Code
	if code == "" {
		code = map[int]string{503: "SlowDown", 403: "AccessDenied", 409: "OperationAborted", 500: "InternalError"}[f.Status]
	}
	message := f.Message
	if message == "" {
		message = "Please reduce your request rate."
	}
	return refuse(f.Status, code, message)
}

// admit checks the address and the rights.
func (s *Store) admit(r *http.Request, c edge.Caller, bucketName, key string, virtual bool, full, action string) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	headsBucket := r.Method == http.MethodHead && key == ""
	if bucketName != "" && !virtual && !s.opt.PathStyle && (s.opt.StrictAddresses || !headsBucket) {
		return refuse(http.StatusForbidden, "VirtualHostDomainRequired", "Virtual host domain is required when accessing a bucket.")
	}
	if !s.opt.Keys.Allowed(c, full) {
		return refuse(http.StatusForbidden, "AccessDenied", "Access Denied")
	}
	if b := s.buckets[bucketName]; b != nil && b.forbids(c, action, key) {
		return refuse(http.StatusForbidden, "AccessDenied", "Access Denied")
	}
	return nil
}

func (s *Store) dispatch(w http.ResponseWriter, r *http.Request, body []byte, bucketName, key string) {
	s.mu.Lock()
	if behind := s.opt.Backend; behind != nil && !s.keepsHere(w, r, bucketName, key) {
		s.mu.Unlock()
		behind(w, r, body, bucketName, key)
		return
	}
	defer s.mu.Unlock()
	b := s.buckets[bucketName]
	var f *fault
	switch {
	case bucketName == "":
		f = s.listBuckets(w)
	case b == nil && r.Method == http.MethodPut && key == "" && len(r.URL.Query()) == 0:
		f = s.putBucket(w, r, bucketName)
	case b == nil:
		f = refuse(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist.")
	case key == "":
		f = s.serveBucket(w, r, body, b)
	default:
		f = s.serveObject(w, r, body, b, key)
	}
	if f != nil {
		writeFault(w, r, f)
	}
}

// keepsHere says whether a request is answered from this memory although a backend keeps the objects: the settings of a bucket, of which
// the policy must go on deciding here. Versioning and the bucket itself are the backend's too. The mutex is held.
func (s *Store) keepsHere(w http.ResponseWriter, r *http.Request, bucketName, key string) bool {
	if bucketName == "" || key != "" {
		return false
	}
	q := r.URL.Query()
	document := slices.ContainsFunc(documents(), func(d document) bool { return d.key != "versioning" && q.Has(d.key) })
	switch {
	case document || r.Method == http.MethodPut && len(q) == 0:
		if s.buckets[bucketName] == nil {
			s.buckets[bucketName] = s.newBucket(r, bucketName)
		}
	case r.Method == http.MethodHead:
		s.bucketHeaders(w.Header())
	case r.Method == http.MethodDelete && len(q) == 0:
		delete(s.buckets, bucketName)
	}
	return document
}

func (s *Store) serveObject(w http.ResponseWriter, r *http.Request, body []byte, b *bucket, key string) *fault {
	if r.URL.Query().Has("tagging") {
		return b.serveTags(w, r, body, key)
	}
	switch r.Method {
	case http.MethodPut:
		return s.putObject(w, r, body, b, key)
	case http.MethodGet, http.MethodHead:
		return getObject(w, r, b, key)
	case http.MethodDelete:
		return s.deleteObject(w, r, b, key)
	}
	return refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

// Read returns the newest state of an object by its URL, https://bucket.obs.region.../key, as another service of the account reads it.
func (s *Store) Read(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("read the address: %w", err)
	}
	bucketName, key, _ := address(r)
	w := &keeping{header: http.Header{}, status: http.StatusOK}
	s.dispatch(w, r, nil, bucketName, key)
	if w.status != http.StatusOK {
		return nil, fmt.Errorf("read %s of %s: status %d", key, bucketName, w.status)
	}
	return w.body.Bytes(), nil
}

// keeping holds an answer for a caller inside.
type keeping struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is the answer's.
func (k *keeping) Header() http.Header { return k.header }

// WriteHeader keeps the status.
func (k *keeping) WriteHeader(code int) { k.status = code }

// Write keeps the body.
func (k *keeping) Write(p []byte) (int, error) { return k.body.Write(p) }

type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (w *statusWriter) WriteHeader(code int) {
	w.status = code
	w.ResponseWriter.WriteHeader(code)
}

// Write notes an implicit 200.
func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// discard swallows the answer that a fault replaces.
type discard struct{ header http.Header }

// Header is of nobody's interest.
func (d *discard) Header() http.Header { return d.header }

// Write forgets.
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader forgets.
func (d *discard) WriteHeader(int) {}

func trimQuotes(s string) string { return strings.Trim(s, `"`) }
