package record

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"

	"cce-oncall/shared/incident"
)

// Link is one entry of a chain: this writer is about to save these bytes under this key. Each link names the hash of the one
// before it, so a link cannot be changed or left out without the next one showing it.
type Link struct {
	Seq    int       `json:"seq"`
	Prev   string    `json:"prev"` // hash of the previous link's bytes; zeros for the first
	Writer string    `json:"writer"`
	At     time.Time `json:"at"`
	Key    string    `json:"key"` // below the incident's prefix
	Kind   string    `json:"kind"`
	SHA256 string    `json:"sha256"` // of the record's bytes as stored
}

type chain struct {
	seq  int
	prev string
}

const (
	chainDir    = "chain/"
	manifestKey = "manifest.json"
	genesis     = "0000000000000000000000000000000000000000000000000000000000000000"
)

// note adds a link. Chains are per writer, for a single one would need an atomic append, which the store does not have.
func (b *Book) note(ctx context.Context, prefix, key, kind string, raw []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.chains == nil {
		b.chains = map[string]*chain{}
	}
	c := b.chains[prefix]
	if c == nil {
		c = &chain{prev: genesis}
		b.chains[prefix] = c
	}
	link := Link{Seq: c.seq + 1, Prev: c.prev, Writer: b.Writer, At: b.Now().UTC(), Key: key, Kind: kind, SHA256: Hash(raw)}
	body, err := json.Marshal(link)
	if err != nil {
		return fmt.Errorf("encode a link of the chain: %w", err)
	}
	at := fmt.Sprintf("%s%s%s/%05d.json", prefix, chainDir, name(b.Writer), link.Seq)
	if err := b.Bucket.Put(ctx, at, body); err != nil {
		return fmt.Errorf("save the chain before %s: %w", kind, err)
	}
	c.seq, c.prev = link.Seq, Hash(body)
	return nil
}

// Manifest is written when an incident is closed: every record and its hash. Its own hash stands in the daily report.
type Manifest struct {
	Incident incident.ID       `json:"incident"`
	Records  map[string]string `json:"records"` // key below the prefix → SHA-256
}

// Archive is what verifying an incident's archive found. Breaks is empty when every record is as it was written.
type Archive struct {
	Prefix  string   `json:"prefix"`
	Records int      `json:"records"`
	Links   int      `json:"links"`
	Chains  int      `json:"chains"`
	Closed  bool     `json:"closed"` // a manifest seals it
	Breaks  []string `json:"breaks"` // in order of discovery; the first is the first break
}

// VerifyArchive recomputes every chain, every record's hash, every plan's digests below an incident's prefix.
func VerifyArchive(ctx context.Context, bucket Bucket, prefix string) (Archive, error) {
	if !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	a := Archive{Prefix: prefix}
	keys, err := bucket.List(ctx, prefix)
	if err != nil {
		return a, fmt.Errorf("list the archive: %w", err)
	}
	if len(keys) == 0 {
		return a, fmt.Errorf("there is no archive below %s", prefix)
	}
	sort.Strings(keys)
	objects := map[string][]byte{}
	for _, k := range keys {
		raw, err := bucket.Get(ctx, k)
		if err != nil {
			return a, fmt.Errorf("read %s: %w", k, err)
		}
		objects[strings.TrimPrefix(k, prefix)] = raw
	}
	known := a.chainsOf(objects)
	a.recordsOf(objects, known)
	a.sealOf(objects)
	a.digestsOf(objects)
	return a, nil
}

func (a *Archive) broken(format string, args ...any) {
	a.Breaks = append(a.Breaks, fmt.Sprintf(format, args...))
}

// announced is what the chains say of a key: the hashes it was written with, and whether each write was certainly finished.
type announced struct {
	hashes map[string]bool
	sure   bool
}

func (a *Archive) chainsOf(objects map[string][]byte) map[string]*announced {
	writers := map[string][]string{}
	for _, k := range sorted(objects) {
		if rest, ok := strings.CutPrefix(k, chainDir); ok {
			w, _, _ := strings.Cut(rest, "/")
			writers[w] = append(writers[w], k)
		}
	}
	a.Chains = len(writers)
	known := map[string]*announced{}
	for _, w := range sorted(writers) {
		prev := genesis
		for i, k := range writers[w] {
			a.Links++
			var l Link
			if err := json.Unmarshal(objects[k], &l); err != nil {
				a.broken("%s is not a link of a chain", k)
				break
			}
			if l.Seq != i+1 || !strings.HasSuffix(k, fmt.Sprintf("/%05d.json", i+1)) {
				a.broken("%s: link %d of the chain is missing", k, i+1)
				break
			}
			if l.Prev != prev {
				a.broken("%s: it does not follow the link before it", k)
				break
			}
			if canonical, err := json.Marshal(l); err != nil || !bytes.Equal(canonical, objects[k]) {
				a.broken("%s is not as it was written", k)
				break
			}
			prev = Hash(objects[k])
			if known[l.Key] == nil {
				known[l.Key] = &announced{hashes: map[string]bool{}}
			}
			known[l.Key].hashes[l.SHA256] = true
			// A writer that went on after announcing had saved it; only its last word may have been cut off by a crash.
			known[l.Key].sure = known[l.Key].sure || i+1 < len(writers[w])
		}
	}
	return known
}

func (a *Archive) recordsOf(objects map[string][]byte, known map[string]*announced) {
	for _, k := range sorted(objects) {
		if strings.HasPrefix(k, chainDir) {
			continue
		}
		a.Records++
		switch n := known[k]; {
		case n == nil:
			a.broken("%s stands in no chain: it was not written by a function", k)
		case !n.hashes[Hash(objects[k])]:
			a.broken("%s is not what was written", k)
		}
	}
	for _, k := range sorted(known) {
		if _, ok := objects[k]; !ok && known[k].sure {
			a.broken("%s was written and is gone", k)
		}
	}
}

func (a *Archive) sealOf(objects map[string][]byte) {
	raw, ok := objects[manifestKey]
	if !ok {
		return
	}
	a.Closed = true
	var m Manifest
	if _, err := Decode(raw, &m); err != nil {
		a.broken("%s: %v", manifestKey, err)
		return
	}
	for _, k := range sorted(m.Records) {
		raw, ok := objects[k]
		switch {
		case !ok:
			a.broken("%s is sealed in the manifest and is gone", k)
		case Hash(raw) != m.Records[k]:
			a.broken("%s differs from the manifest", k)
		}
	}
}

// digestsOf checks that what was confirmed and carried out is what the plan on the card said.
func (a *Archive) digestsOf(objects map[string][]byte) {
	plans := map[int]incident.Plan{}
	for _, k := range sorted(objects) {
		if strings.HasPrefix(k, chainDir) || !strings.HasSuffix(k, "/plan.json") {
			continue
		}
		var p incident.Plan
		if _, err := Decode(objects[k], &p); err != nil {
			a.broken("%s: %v", k, err)
			continue
		}
		plans[p.Round] = p
	}
	for _, k := range sorted(objects) {
		if strings.HasPrefix(k, chainDir) || !strings.Contains(k, "/execution-") {
			continue
		}
		var x incident.Execution
		if _, err := Decode(objects[k], &x); err != nil {
			a.broken("%s: %v", k, err)
			continue
		}
		p := plans[x.Round]
		s, ok := p.Solution(x.Confirmation.Solution)
		if !ok {
			a.broken("%s carries out solution %q, which no plan offered", k, x.Confirmation.Solution)
			continue
		}
		ran := s
		ran.Steps = nil
		for _, r := range x.Steps {
			ran.Steps = append(ran.Steps, r.Step)
		}
		if d := s.Digest(p.Incident); x.Confirmation.Digest != d || ran.Digest(p.Incident) != d {
			a.broken("%s carries out something else than solution %s of the plan", k, s.ID)
		}
		for _, d := range x.Confirmation.Decisions {
			if d.Digest != x.Confirmation.Digest {
				a.broken("%s: decision %s confirmed another change", k, d.ID)
			}
		}
	}
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
