// Package record is what is kept: where each thing lies, how the parts of an incident are folded together again, and the chain
// that shows whether any of it was changed afterwards. What always holds: an object has one writer, is written before anything is
// said about it, and carries no secret; old records decode for ever; a decision is never made from a listing.
package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Bucket is an object store with read-after-write consistency of single objects and nothing more. Get's error of an object that
// is not there has a NotFound() bool that says so.
type Bucket interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Put(ctx context.Context, key string, body []byte) error
	List(ctx context.Context, prefix string) ([]string, error)
}

// Schema is the version of the envelope. A reader takes every version up to its own.
const Schema = 1

// Envelope is the form of every object. Fields may be added; names never change.
type Envelope struct {
	Schema   int             `json:"schema"`
	Kind     string          `json:"kind"`
	Cluster  string          `json:"cluster"`
	Incident string          `json:"incident,omitempty"`
	Writer   string          `json:"writer"`
	SavedAt  time.Time       `json:"savedAt"`
	Body     json.RawMessage `json:"body"`
}

// Book writes and reads for one invocation of one function. Its Writer names that invocation, so each has a chain of its own.
type Book struct {
	Bucket Bucket
	Writer string // "<function>-<request id>"
	Now    func() time.Time
	Redact func([]byte) []byte

	mu     sync.Mutex
	chains map[string]*chain // by prefix: one chain for each incident this invocation touches
}

// NotFound says whether an error means that an object is not there.
func NotFound(err error) bool {
	var n interface{ NotFound() bool }
	return errors.As(err, &n) && n.NotFound()
}

// missing is Memory's error, and the form every Bucket's should have.
type missing struct{ key string }

func (m missing) Error() string  { return "no object " + m.key }
func (m missing) NotFound() bool { return true }

// put saves one record below an incident's prefix: first its entry in the chain, then itself.
func (b *Book) put(ctx context.Context, cluster, incidentID, prefix, key, kind string, body any) error {
	raw, err := b.seal(cluster, incidentID, kind, body)
	if err != nil {
		return err
	}
	return b.putRaw(ctx, prefix, key, kind, raw)
}

// putRaw saves bytes as they are: what other programs read without knowing of envelopes.
func (b *Book) putRaw(ctx context.Context, prefix, key, kind string, raw []byte) error {
	if err := b.note(ctx, prefix, key, kind, raw); err != nil {
		return err
	}
	if err := b.Bucket.Put(ctx, prefix+key, raw); err != nil {
		return fmt.Errorf("save %s: %w", kind, err)
	}
	return nil
}

func (b *Book) seal(cluster, incidentID, kind string, body any) ([]byte, error) {
	inner, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", kind, err)
	}
	if b.Redact != nil {
		inner = b.Redact(inner)
	}
	raw, err := json.Marshal(Envelope{Schema: Schema, Kind: kind, Cluster: cluster, Incident: incidentID, Writer: b.Writer, SavedAt: b.Now().UTC(), Body: inner})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", kind, err)
	}
	return raw, nil
}

// get reads a record. found is false where there is none; any other trouble is an error, never "not there".
func (b *Book) get(ctx context.Context, key string, body any) (found bool, err error) {
	raw, err := b.Bucket.Get(ctx, key)
	if NotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	if _, err := Decode(raw, body); err != nil {
		return false, fmt.Errorf("decode %s: %w", key, err)
	}
	return true, nil
}

// Decode opens an envelope and, where body is not nil, what is in it.
func Decode(raw []byte, body any) (Envelope, error) {
	var e Envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf("not a record: %w", err)
	}
	if e.Schema < 1 || e.Schema > Schema {
		return e, fmt.Errorf("record of schema %d: this program knows up to %d", e.Schema, Schema)
	}
	if body == nil {
		return e, nil
	}
	dec := json.NewDecoder(bytes.NewReader(e.Body))
	if err := dec.Decode(body); err != nil {
		return e, fmt.Errorf("a %s record: %w", e.Kind, err)
	}
	return e, nil
}
