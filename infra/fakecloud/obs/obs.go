// Package obs plays Object Storage Service over its S3 dialect, in memory, with the habits that no public S3 server has and that hurt:
// If-None-Match on a PUT is ignored, the chunk framing of an SDK's trailing checksum is stored as if it were content, a bucket must be
// addressed by its virtual host, a list may not show what a get finds, version ids are clock stamps and not commit numbers.
//
// It is for tests; a demo should keep its archive in an S3 server that people really run.
package obs

import (
	"crypto/md5" // ETags and Content-MD5 are MD5 by definition
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/iam"
)

// Keys finds and judges callers.
type Keys interface {
	Key(accessKey, token string, now time.Time) (iam.Key, error)
	Allowed(c edge.Caller, action string) bool
}

// Options are the store's settings. The zero value of each quirk is OBS's own behaviour, or the harsher reading of it.
type Options struct {
	Region  string
	Clock   func() time.Time
	Keys    Keys
	Faults  *edge.Faults
	Journal *edge.Journal

	PathStyle       bool // serve objects also under /bucket/key
	Conditions      bool // honour If-None-Match: * on a PUT
	UnframeChunks   bool // decode aws-chunked bodies instead of storing the framing
	RejectChunks    bool // answer 400 XAmzContentSHA256Mismatch to aws-chunked bodies
	LenientDelete   bool // take unknown query parameters on DELETE, which documents say are refused
	ListDelay       time.Duration
	StampSkew       func() time.Duration // added to the clock for version stamps
	StrictAddresses bool                 // also refuse HEAD of a bucket by path, which the real service lets pass

	// Backend, when set, keeps what is in the buckets in the place of this memory: a real S3 server of a demo. Signatures, rights,
	// addresses, faults and the settings of buckets stay here; the quirks of storing are then the backend's own.
	Backend func(w http.ResponseWriter, r *http.Request, body []byte, bucket, key string)
}

// Store is all buckets of the account.
type Store struct {
	opt Options

	mu      sync.Mutex
	buckets map[string]*bucket
	counter int
	hidden  map[string]bool // bucket/key that lists leave out
}

type bucket struct {
	name       string
	created    time.Time
	versioning string // "", Enabled, Suspended
	objects    map[string][]*version
	documents  map[string][]byte // sub-resource -> XML or JSON as it was put
	encryption http.Header
}

// version is one state of a key, oldest first in its list.
type version struct {
	id       string
	body     []byte
	etag     string
	kind     string
	modified time.Time
	deleted  bool
	meta     http.Header
	tags     []byte
}

// New makes an empty store.
func New(opt Options) *Store {
	return &Store{opt: opt, buckets: map[string]*bucket{}, hidden: map[string]bool{}}
}

// Configure changes the settings at run time.
func (s *Store) Configure(change func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.opt)
}

// CreateBucket adds a bucket; an existing one is left as it is.
func (s *Store) CreateBucket(name string, versioned bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[name] != nil {
		return
	}
	b := &bucket{name: name, created: s.opt.Clock(), objects: map[string][]*version{}, documents: map[string][]byte{}}
	if versioned {
		b.versioning = "Enabled"
	}
	s.buckets[name] = b
}

// SetPolicy puts a bucket policy.
func (s *Store) SetPolicy(name, policy string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		return errors.New("no such bucket: " + name)
	}
	b.documents["policy"] = []byte(policy)
	return nil
}

// Put stores an object from inside, without a request.
func (s *Store) Put(bucket, key string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.buckets[bucket]; b != nil {
		s.add(b, key, &version{body: slices.Clone(body), etag: etag(body), modified: s.opt.Clock(), meta: http.Header{}})
	}
}

// Object returns the newest state of a key.
func (s *Store) Object(bucket, key string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[bucket]
	if b == nil {
		return nil, false
	}
	if v := b.newest(key); v != nil {
		return slices.Clone(v.body), true
	}
	return nil, false
}

// Objects returns the keys of a bucket that exist, sorted.
func (s *Store) Objects(bucket string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[bucket]
	if b == nil {
		return nil
	}
	return b.keys()
}

// Versions says how many versions a key has, delete markers included.
func (s *Store) Versions(bucket, key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.buckets[bucket]; b != nil {
		return len(b.objects[key])
	}
	return 0
}

// Hide makes lists leave a key out while gets still find it, as after a PUT whose outcome was unclear; hidden false undoes it.
func (s *Store) Hide(bucket, key string, hidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden[bucket+"/"+key] = hidden
}

func (b *bucket) keys() []string {
	var keys []string
	for k := range b.objects {
		if b.newest(k) != nil {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// newest is the current version, nil when there is none or it is a delete marker.
func (b *bucket) newest(key string) *version {
	all := b.objects[key]
	if len(all) == 0 || all[len(all)-1].deleted {
		return nil
	}
	return all[len(all)-1]
}

// IsHost says whether a host belongs to OBS: obs.region... or bucket.obs.region...
func IsHost(host string) bool {
	return strings.HasPrefix(host, "obs.") || strings.Contains(host, ".obs.")
}

// address splits a request into bucket and key.
func address(r *http.Request) (bucketName, key string, virtual bool) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if name, _, ok := strings.Cut(host, ".obs."); ok {
		return name, path, true
	}
	bucketName, key, _ = strings.Cut(path, "/")
	return bucketName, key, false
}

// fault is an S3 error.
type fault struct {
	status        int
	code, message string
}

func (f *fault) Error() string { return fmt.Sprintf("%d %s: %s", f.status, f.code, f.message) }

func refuse(status int, code, message string) *fault { return &fault{status, code, message} }

type errorBody struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string   `xml:"Code"`
	Message   string   `xml:"Message"`
	Resource  string   `xml:"Resource"`
	RequestID string   `xml:"RequestId"`
	HostID    string   `xml:"HostId"`
}

func writeFault(w http.ResponseWriter, r *http.Request, f *fault) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(f.status)
	if r.Method == http.MethodHead {
		return
	}
	raw, err := xml.Marshal(errorBody{Code: f.code, Message: f.message, Resource: r.URL.Path, RequestID: w.Header().Get("X-Amz-Request-Id"), HostID: "emulator"})
	if err != nil {
		return // the status is out; strings always encode
	}
	_, _ = w.Write(append([]byte(xml.Header), raw...)) // the client went away: nothing is left to tell it
}

// stamp makes a version id in OBS's newer form: a constant, the server's milliseconds in hex, a counter. The order of ids is the order
// of clocks, which is all that the real one promises.
func (s *Store) stamp() string {
	at := s.opt.Clock()
	if s.opt.StampSkew != nil {
		at = at.Add(s.opt.StampSkew())
	}
	s.counter++
	return fmt.Sprintf("G001%012XFFFF%08X", at.UnixMilli(), s.counter)
}

func etag(body []byte) string {
	sum := md5.Sum(body) // by definition
	return `"` + hex.EncodeToString(sum[:]) + `"`
}
