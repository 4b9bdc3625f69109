package huaweicloud

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// store is an object store that keeps the bytes it receives, as OBS does, and refuses what OBS documents as refused.
type store struct {
	t      *testing.T
	server *httptest.Server

	mu      sync.Mutex
	objects map[string][]byte
	types   map[string]string
	puts    int
	paths   []string
	fault   func(r *http.Request, n int) string // "", or what goes wrong with the n-th request of this method
	counts  map[string]int
}

func newStore(t *testing.T) *store {
	s := &store{t: t, objects: map[string][]byte{}, types: map[string]string{}, counts: map[string]int{}}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = append(s.paths, r.Host+r.URL.Path)
	s.check(r, body)
	n := s.counts[r.Method]
	s.counts[r.Method]++
	fault := ""
	if s.fault != nil {
		fault = s.fault(r, n)
	}
	key := strings.TrimPrefix(r.URL.Path, "/")
	if fault == "refuse-after" || fault == "drop-after" {
		s.objects[key] = body
	}
	switch fault {
	case "drop", "drop-after":
		panic(http.ErrAbortHandler)
	case "busy", "refuse-after":
		xmlError(w, http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
		return
	case "broken":
		xmlError(w, http.StatusInternalServerError, "InternalError", "x")
		return
	case "denied":
		xmlError(w, http.StatusForbidden, "AccessDenied", "key "+testAK+" token "+testToken+" project "+testProject+" sk="+testSK)
		return
	case "no bucket":
		xmlError(w, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
		return
	case "no key":
		xmlError(w, http.StatusNotFound, "NoSuchKey", "x")
		return
	}
	switch {
	case r.Method == http.MethodPut:
		s.puts++
		s.objects[key], s.types[key] = body, r.Header.Get("Content-Type")
	case r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "2":
		s.list(w, r)
	case r.Method == http.MethodGet:
		object, ok := s.objects[key]
		if !ok {
			xmlError(w, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
			return
		}
		_, _ = w.Write(object)
	}
}

// check holds each request against what OBS accepts without damage.
func (s *store) check(r *http.Request, body []byte) {
	for name, bad := range map[string]bool{
		"x-id in the query":       r.URL.Query().Has("x-id"),
		"aws-chunked framing":     strings.Contains(strings.Join(r.Header.Values("Content-Encoding"), ","), "aws-chunked"),
		"a trailer":               r.Header.Get("X-Amz-Trailer") != "" || r.Header.Get("X-Amz-Decoded-Content-Length") != "",
		"a default checksum":      strings.Contains(fmt.Sprint(r.Header), "X-Amz-Checksum"),
		"a chunked body":          len(r.TransferEncoding) > 0,
		"no temporary token":      r.Header.Get("X-Amz-Security-Token") != testToken,
		"no AWS4 signature":       !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="+testAK+"/"),
		"a header that asks for ": r.Header.Get("Expect") != "",
	} {
		if bad {
			s.t.Errorf("%s %s carries %s", r.Method, r.URL, name)
		}
	}
	sum := sha256.Sum256(body)
	if h := r.Header.Get("X-Amz-Content-Sha256"); h != "UNSIGNED-PAYLOAD" && h != hex.EncodeToString(sum[:]) {
		s.t.Errorf("%s %s: payload hash %s is not the body's", r.Method, r.URL, h)
	}
	if r.Method == http.MethodPut {
		digest := md5.Sum(body)
		if got := r.Header.Get("Content-MD5"); got != base64.StdEncoding.EncodeToString(digest[:]) {
			s.t.Errorf("Content-MD5 %q is not the body's", got)
		}
		if r.ContentLength != int64(len(body)) {
			s.t.Errorf("Content-Length %d of %d bytes", r.ContentLength, len(body))
		}
	}
}

func xmlError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("x-amz-request-id", "obs-req")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}

// list answers three keys a page.
func (s *store) list(w http.ResponseWriter, r *http.Request) {
	type content struct{ Key string }
	var out struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []content
	}
	var keys []string
	for k := range s.objects {
		if strings.HasPrefix(k, r.URL.Query().Get("prefix")) && k > r.URL.Query().Get("continuation-token") {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	if len(keys) > 3 {
		keys, out.IsTruncated, out.NextContinuationToken = keys[:3], true, keys[2]
	}
	for _, k := range keys {
		out.Contents = append(out.Contents, content{k})
	}
	_ = xml.NewEncoder(w).Encode(out)
}

// open is a bucket on the store, in its host name as OBS wants it.
func (s *store) open(o OBSOptions) *OBS {
	addr := s.server.Listener.Addr().String()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}
	session := &Session{
		Region: "cn-north-4", Project: testProject, Transport: transport, Endpoints: map[string]string{OBSService: "http://obs.test"},
		Credentials: func(context.Context) (Credentials, error) {
			return Credentials{AK: testAK, SK: testSK, Token: testToken}, nil
		},
		Now:  func() time.Time { return testNow },
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	return NewOBS(session, "state", o)
}

func TestOBSRoundTrip(t *testing.T) {
	for name, body := range map[string][]byte{
		"incidents/a.json": []byte(`{"a":1}`), "empty": {}, "snapshots/2026/11/22/x y+z&é.jsonl.gz": bytes.Repeat([]byte{0, 255, '\r', '\n'}, 300<<10),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			bucket := s.open(OBSOptions{})
			if err := bucket.Put(t.Context(), name, body); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(s.objects[name], body) {
				t.Errorf("stored %d bytes, sent %d", len(s.objects[name]), len(body))
			}
			got, err := bucket.Get(t.Context(), name)
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("read %d bytes, error %v", len(got), err)
			}
			if want := contentType(name); s.types[name] != want {
				t.Errorf("content type %s, want %s", s.types[name], want)
			}
		})
	}
}

func TestOBSAddresses(t *testing.T) {
	for _, tc := range []struct {
		o    OBSOptions
		want string
	}{{OBSOptions{}, "state.obs.test/k"}, {OBSOptions{PathStyle: true}, "obs.test/state/k"}} {
		s := newStore(t)
		if err := s.open(tc.o).Put(t.Context(), "k", []byte("x")); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{tc.want}, s.paths); d != "" {
			t.Error(d)
		}
	}
}

func TestOBSSignsThePayloadOverTLS(t *testing.T) {
	for _, unsigned := range []bool{false, true} {
		var hash string
		server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { hash = r.Header.Get("X-Amz-Content-Sha256") }))
		defer server.Close()
		s := newStore(t).open(OBSOptions{}).session
		s.Transport, s.Endpoints = server.Client().Transport, map[string]string{OBSService: server.URL}
		if err := NewOBS(s, "state", OBSOptions{PathStyle: true, UnsignedPayload: unsigned}).Put(t.Context(), "k", []byte("body")); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte("body"))
		want := hex.EncodeToString(sum[:])
		if unsigned {
			want = "UNSIGNED-PAYLOAD"
		}
		if hash != want {
			t.Errorf("unsigned %v: payload hash %s", unsigned, hash)
		}
	}
}

func TestOBSPutInDoubt(t *testing.T) {
	faults := func(all ...string) func(*http.Request, int) string {
		return func(r *http.Request, n int) string {
			if r.Method != http.MethodPut || n >= len(all) {
				return ""
			}
			return all[n]
		}
	}
	for _, tc := range []struct {
		name  string
		fault func(*http.Request, int) string
		kind  Kind
		tries int
	}{
		{"lost answer, stored", faults("drop-after"), "", 1},
		{"lost answer, not stored", faults("drop"), "", 2},
		{"503 though stored", faults("refuse-after"), "", 1},
		{"503", faults("busy", "busy"), "", 3},
		{"500 for ever", faults("broken", "broken", "broken", "broken"), Unavailable, 3},
		{"denied", faults("denied"), Denied, 1},
		{"no bucket", faults("no bucket"), Invalid, 1},
		{"addressed wrongly", faults("no key"), Invalid, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStore(t)
			s.objects["k"] = []byte("before")
			s.fault = tc.fault
			err := s.open(OBSOptions{}).Put(t.Context(), "k", []byte("after"))
			if KindOf(err) != tc.kind || (err == nil) != (tc.kind == "") {
				t.Errorf("error %v, want kind %q", err, tc.kind)
			}
			if s.counts[http.MethodPut] != tc.tries {
				t.Errorf("%d writes, want %d", s.counts[http.MethodPut], tc.tries)
			}
			if want := map[bool]string{true: "after", false: "before"}[tc.kind == ""]; string(s.objects["k"]) != want {
				t.Errorf("the object holds %q", s.objects["k"])
			}
			if err != nil {
				silent(t, err.Error())
				if strings.Contains(err.Error(), "obs.test") {
					t.Errorf("%v shows an address", err)
				}
			}
		})
	}
}

func TestOBSGet(t *testing.T) {
	once := func(what string) func(*http.Request, int) string {
		return func(_ *http.Request, n int) string {
			if n == 0 {
				return what
			}
			return ""
		}
	}
	for _, tc := range []struct {
		name, key string
		fault     func(*http.Request, int) string
		kind      Kind
	}{
		{"there", "k", nil, ""},
		{"not there", "missing", nil, NotFound},
		{"no bucket", "k", once("no bucket"), Invalid},
		{"denied", "k", once("denied"), Denied},
		{"busy once", "k", once("busy"), ""},
		{"lost once", "k", once("drop"), ""},
		{"broken", "k", func(*http.Request, int) string { return "broken" }, Unavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStore(t)
			s.objects["k"] = []byte("v")
			s.fault = tc.fault
			got, err := s.open(OBSOptions{}).Get(t.Context(), tc.key)
			if KindOf(err) != tc.kind || (err == nil) != (string(got) == "v") {
				t.Errorf("%q, error %v", got, err)
			}
			if errors.Is(err, fs.ErrNotExist) != (tc.kind == NotFound) {
				t.Errorf("error %v reads wrongly as not there", err)
			}
			if err != nil {
				silent(t, err.Error())
			}
		})
	}
}

func TestOBSList(t *testing.T) {
	s := newStore(t)
	var want []string
	for i := range 8 {
		key := fmt.Sprintf("incidents/%d/a b.json", i)
		s.objects[key] = []byte("x")
		want = append(want, key)
	}
	s.objects["other/1"] = []byte("x")
	got, err := s.open(OBSOptions{}).List(t.Context(), "incidents/")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("keys (-want +got):\n%s", d)
	}
	none, err := s.open(OBSOptions{}).List(t.Context(), "nothing/")
	if err != nil || len(none) != 0 {
		t.Errorf("%v, error %v", none, err)
	}
}

func TestOBSEndsWithItsContext(t *testing.T) {
	s := newStore(t)
	release := make(chan struct{})
	s.fault = func(*http.Request, int) string { <-release; return "drop" }
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.open(OBSOptions{}).Put(ctx, "k", []byte("x")); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, Unavailable) {
		t.Errorf("error %v", err)
	}
}
