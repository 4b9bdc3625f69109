package obs

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// document is a sub-resource of a bucket that is echoed as it was put.
type document struct {
	key     string
	action  string // in the words of policies, behind GetBucket, PutBucket, DeleteBucket
	missing string // code of the 404 when it was never put; empty: the default answers
	initial string
}

func documents() []document {
	return []document{
		{key: "versioning", action: "Versioning", initial: "<VersioningConfiguration/>"},
		{key: "lifecycle", action: "LifecycleConfiguration", missing: "NoSuchLifecycleConfiguration"},
		{key: "tagging", action: "Tagging", missing: "NoSuchTagSet"},
		{key: "encryption", action: "Encryption", missing: "NoSuchEncryptionConfiguration"},
		{key: "policy", action: "Policy", missing: "NoSuchBucketPolicy"},
		{key: "policyStatus", action: "PolicyStatus", initial: "<PolicyStatus><IsPublic>false</IsPublic></PolicyStatus>"},
		{key: "publicAccessBlock", action: "PublicAccessBlock", missing: "NoSuchPublicAccessBlockConfiguration"},
		{key: "cors", action: "CORS", missing: "NoSuchCORSConfiguration"},
		{key: "website", action: "Website", missing: "NoSuchWebsiteConfiguration"},
		{key: "object-lock", action: "ObjectLockConfiguration", missing: "ObjectLockConfigurationNotFoundError"},
		{key: "logging", action: "Logging", initial: "<BucketLoggingStatus/>"},
		{key: "quota", action: "Quota", initial: "<Quota><StorageQuota>0</StorageQuota></Quota>"},
		{key: "acl", action: "Acl", initial: "<AccessControlPolicy><Owner><ID>emulator</ID></Owner><AccessControlList/></AccessControlPolicy>"},
		{key: "customdomain", action: "CustomDomainConfiguration", initial: "<ListBucketCustomDomainsResult/>"},
		{key: "storagePolicy", action: "StoragePolicy", initial: "<StoragePolicy><DefaultStorageClass>STANDARD</DefaultStorageClass></StoragePolicy>"},
		{key: "storageClass", action: "StoragePolicy", initial: "<StorageClass>STANDARD</StorageClass>"},
		{key: "storageinfo", action: "Storage"},
		{key: "location", action: "Location"},
	}
}

// newBucket reads the encryption that a bucket is created with; it shows as the bucket's encryption document and on its objects.
func (s *Store) newBucket(r *http.Request, name string) *bucket {
	b := &bucket{name: name, created: s.opt.Clock(), objects: map[string][]*version{}, documents: map[string][]byte{}, encryption: http.Header{}}
	algorithm := r.Header.Get("X-Obs-Server-Side-Encryption")
	if r.Method != http.MethodPut || algorithm == "" {
		return b
	}
	rule := "<SSEAlgorithm>" + escaped(algorithm) + "</SSEAlgorithm>"
	b.encryption.Set("X-Obs-Server-Side-Encryption", algorithm)
	if key := r.Header.Get("X-Obs-Server-Side-Encryption-Kms-Key-Id"); key != "" {
		rule += "<KMSMasterKeyID>" + escaped(key) + "</KMSMasterKeyID>"
		b.encryption.Set("X-Obs-Server-Side-Encryption-Kms-Key-Id", key)
	}
	b.documents["encryption"] = []byte("<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>" + rule +
		"</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>")
	return b
}

func escaped(text string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		return "" // a buffer takes everything
	}
	return b.String()
}

func (s *Store) bucketHeaders(h http.Header) {
	h.Set("X-Amz-Bucket-Region", s.opt.Region)
	h.Set("X-Obs-Bucket-Location", s.opt.Region)
	h.Set("X-Obs-Version", "3.0")
	h.Set("X-Obs-Storage-Class", "STANDARD")
	h.Set("X-Obs-Epid", "0")
}

func (s *Store) putBucket(w http.ResponseWriter, r *http.Request, name string) *fault {
	s.buckets[name] = s.newBucket(r, name)
	w.Header().Set("Location", "/"+name)
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Store) serveBucket(w http.ResponseWriter, r *http.Request, body []byte, b *bucket) *fault {
	q := r.URL.Query()
	for _, d := range documents() {
		if q.Has(d.key) {
			return s.serveDocument(w, r, body, b, d)
		}
	}
	switch {
	case r.Method == http.MethodPost && q.Has("delete"):
		return s.deleteMany(w, r, body, b)
	case r.Method == http.MethodPut: // one's own bucket may be made again
		w.WriteHeader(http.StatusOK)
		return nil
	case r.Method == http.MethodHead:
		s.bucketHeaders(w.Header())
		w.WriteHeader(http.StatusOK)
		return nil
	case r.Method == http.MethodDelete:
		if len(b.objects) > 0 {
			return refuse(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty.")
		}
		delete(s.buckets, b.name)
		w.WriteHeader(http.StatusNoContent)
		return nil
	case r.Method == http.MethodGet && q.Has("versions"):
		return s.listVersions(w, r, b)
	case r.Method == http.MethodGet:
		return s.listObjects(w, r, b)
	}
	return refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

func (s *Store) serveDocument(w http.ResponseWriter, r *http.Request, body []byte, b *bucket, d document) *fault {
	switch r.Method {
	case http.MethodPut, http.MethodPost:
		b.documents[d.key] = bytes.Clone(body)
		if d.key == "versioning" {
			var v struct{ Status string }
			if err := xml.Unmarshal(body, &v); err != nil {
				return refuse(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed.")
			}
			b.versioning = v.Status
		}
		w.WriteHeader(http.StatusOK)
		return nil
	case http.MethodDelete:
		delete(b.documents, d.key)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	raw, ok := b.documents[d.key]
	switch {
	case d.key == "versioning" && !ok && b.versioning != "":
		raw = []byte("<VersioningConfiguration><Status>" + b.versioning + "</Status></VersioningConfiguration>")
	case d.key == "storageinfo":
		raw = b.storage()
	case d.key == "location":
		raw = []byte("<Location>" + s.opt.Region + "</Location>") // not AWS's element: SDKs misread it
	case !ok && d.missing != "":
		return refuse(http.StatusNotFound, d.missing, "The specified configuration does not exist.")
	case !ok:
		raw = []byte(d.initial)
	}
	w.Header().Set("Content-Type", map[bool]string{true: "application/json", false: "application/xml"}[d.key == "policy"])
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(raw) // the client went away: nothing is left to tell it
	return nil
}

func (b *bucket) storage() []byte {
	size, n := 0, 0
	for _, all := range b.objects {
		for _, v := range all {
			size += len(v.body)
			n++
		}
	}
	return []byte("<GetBucketStorageInfoResult><Size>" + strconv.Itoa(size) + "</Size><ObjectNumber>" + strconv.Itoa(n) + "</ObjectNumber></GetBucketStorageInfoResult>")
}

func (s *Store) listBuckets(w http.ResponseWriter) *fault {
	type entry struct {
		Name         string
		CreationDate string
	}
	var answer struct {
		XMLName xml.Name `xml:"ListAllMyBucketsResult"`
		Buckets struct{ Bucket []entry }
	}
	var names []string
	for n := range s.buckets {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		answer.Buckets.Bucket = append(answer.Buckets.Bucket, entry{n, s.buckets[n].created.UTC().Format(time.RFC3339)})
	}
	return writeXML(w, answer)
}

type listed struct {
	Key          string
	LastModified string
	ETag         string
	Size         int
	StorageClass string
}

type prefix struct{ Prefix string }

// listObjects serves both list versions. Keys that were put within the list delay, or are hidden, are not shown.
func (s *Store) listObjects(w http.ResponseWriter, r *http.Request, b *bucket) *fault {
	q := r.URL.Query()
	limit := 1000
	if n, err := strconv.Atoi(q.Get("max-keys")); err == nil && n >= 0 {
		limit = min(n, 1000)
	}
	after := max(q.Get("start-after"), q.Get("continuation-token"), q.Get("marker"))
	var answer struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Name                  string
		Prefix                string
		Delimiter             string `xml:",omitempty"`
		MaxKeys               int
		KeyCount              int
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		NextMarker            string `xml:",omitempty"`
		Contents              []listed
		CommonPrefixes        []prefix
	}
	answer.Name, answer.Prefix, answer.Delimiter, answer.MaxKeys = b.name, q.Get("prefix"), q.Get("delimiter"), limit
	last := ""
	for _, key := range b.keys() {
		v := b.newest(key)
		if key <= after || !strings.HasPrefix(key, answer.Prefix) || s.hidden[b.name+"/"+key] || s.opt.Clock().Sub(v.modified) < s.opt.ListDelay {
			continue
		}
		group := ""
		if answer.Delimiter != "" {
			if head, _, ok := strings.Cut(key[len(answer.Prefix):], answer.Delimiter); ok {
				group = answer.Prefix + head + answer.Delimiter
			}
		}
		if group != "" && (group <= after || len(answer.CommonPrefixes) > 0 && answer.CommonPrefixes[len(answer.CommonPrefixes)-1].Prefix == group) {
			continue
		}
		if len(answer.Contents)+len(answer.CommonPrefixes) == limit {
			answer.IsTruncated, answer.NextContinuationToken, answer.NextMarker = true, last, last
			break
		}
		if group != "" {
			answer.CommonPrefixes = append(answer.CommonPrefixes, prefix{group})
			last = group + "\U0010ffff" // past everything in the group
			continue
		}
		answer.Contents = append(answer.Contents, listed{key, v.modified.UTC().Format("2006-01-02T15:04:05.000Z"), v.etag, len(v.body), "STANDARD"})
		last = key
	}
	answer.KeyCount = len(answer.Contents) + len(answer.CommonPrefixes)
	return writeXML(w, answer)
}

type listedVersion struct {
	XMLName      xml.Name
	Key          string
	VersionID    string `xml:"VersionId"`
	IsLatest     bool
	LastModified string
	ETag         string `xml:",omitempty"`
	Size         int
}

// listVersions shows the newest first within a key, by the stamps of the ids.
func (s *Store) listVersions(w http.ResponseWriter, r *http.Request, b *bucket) *fault {
	q := r.URL.Query()
	limit := 1000
	if n, err := strconv.Atoi(q.Get("max-keys")); err == nil && n >= 0 {
		limit = min(n, 1000)
	}
	var answer struct {
		XMLName             xml.Name `xml:"ListVersionsResult"`
		Name                string
		Prefix              string
		MaxKeys             int
		IsTruncated         bool
		NextKeyMarker       string `xml:",omitempty"`
		NextVersionIDMarker string `xml:"NextVersionIdMarker,omitempty"`
		Entries             []listedVersion
	}
	answer.Name, answer.Prefix, answer.MaxKeys = b.name, q.Get("prefix"), limit
	var keys []string
	for k := range b.objects {
		if strings.HasPrefix(k, answer.Prefix) && !s.hidden[b.name+"/"+k] {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	keyMarker, idMarker := q.Get("key-marker"), q.Get("version-id-marker")
	started := keyMarker == ""
	for _, key := range keys {
		for i, v := range slices.Backward(b.objects[key]) {
			if !started {
				started = key > keyMarker || key == keyMarker && idMarker == v.id
				if key <= keyMarker {
					continue
				}
			}
			if len(answer.Entries) == limit {
				previous := answer.Entries[limit-1]
				answer.IsTruncated, answer.NextKeyMarker, answer.NextVersionIDMarker = true, previous.Key, previous.VersionID
				return writeXML(w, answer)
			}
			entry := listedVersion{
				XMLName: xml.Name{Local: "Version"}, Key: key, VersionID: v.id, IsLatest: i == len(b.objects[key])-1,
				LastModified: v.modified.UTC().Format("2006-01-02T15:04:05.000Z"), ETag: v.etag, Size: len(v.body),
			}
			if v.deleted {
				entry.XMLName.Local = "DeleteMarker"
			}
			answer.Entries = append(answer.Entries, entry)
		}
	}
	return writeXML(w, answer)
}
