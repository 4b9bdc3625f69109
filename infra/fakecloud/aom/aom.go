// Package aom plays Application Operations Management: alarms and events, alarm rules evaluated against a Prometheus-compatible
// server, the PromQL API per Prometheus instance, and notifications through SMN.
//
// What always holds: an alarm is active until its condition has been gone for the recovery timeframe, then it moves to the history
// with its end; silencing concerns notifications only; the two resource_id grammars (k:v of rules, k=v of CCE events) and the
// bilingual texts are those of the real service, because clients stumble over them.
package aom

import (
	"context"
	"crypto/rand"
	"hash/fnv"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// autoClear is when an alarm ends by itself if nobody clears it: three days.
const autoClear = 3 * 24 * time.Hour

// keepHistory bounds what ListEvents can find.
const keepHistory = 20000

// Publisher is SMN as AOM uses it.
type Publisher interface {
	PublishAs(ctx context.Context, service, topicURN, subject string, texts map[string]string) error
}

// Options are the service's settings.
type Options struct {
	Region, Project string
	Clock           func() time.Time
	Publisher       Publisher
	Log             zerolog.Logger
	// ShortNames makes CCE events carry the English name only instead of 中文##English; both have been reported.
	ShortNames bool
	// FreshIDs gives an alarm a new id each time it fires; whether the real id is stable is not documented.
	FreshIDs bool
	// Overlap lists active alarms in the history too, as consumers have seen with duplicated serials.
	Overlap bool
}

// Event is one alarm or event, in the service's own JSON.
type Event struct {
	StartsAt        int64             `json:"starts_at"`
	EndsAt          int64             `json:"ends_at"` // 0: not cleared
	ArrivesAt       int64             `json:"arrives_at"`
	Timeout         int64             `json:"timeout"`
	ResourceGroupID string            `json:"resource_group_id,omitempty"`
	Project         string            `json:"enterprise_project_id"`
	Metadata        map[string]string `json:"metadata"`
	Annotations     map[string]any    `json:"annotations"`
	AttachRule      map[string]any    `json:"attach_rule"`
	Policy          map[string]any    `json:"policy,omitempty"`
	ID              string            `json:"id"`
	SN              string            `json:"event_sn"`
}

func (e *Event) active() bool { return e.EndsAt == 0 && e.Metadata["event_type"] != "event" }

func (e *Event) clone() Event {
	c := *e
	c.Metadata, c.Annotations = maps.Clone(e.Metadata), maps.Clone(e.Annotations)
	c.AttachRule, c.Policy = maps.Clone(e.AttachRule), maps.Clone(e.Policy)
	return c
}

// Service is AOM.
type Service struct {
	opt Options

	mu          sync.Mutex
	active      map[string]*Event // by id
	past        []*Event          // cleared alarms and plain events, oldest first
	rules       map[string]*Rule
	actions     map[string]*Action
	templates   map[string]*Template
	mutes       map[string]*Mute
	instances   map[string]Instance // Prometheus instances by id
	sent        []Sent
	accumulated map[string][]time.Time // event rule and object -> occurrences
}

// Instance is a Prometheus instance and the server that answers for it.
type Instance struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Type    string `json:"type"` // CCE, default, ...
	Cluster string `json:"cluster,omitempty"`
	URL     string `json:"url"` // root of a Prometheus-compatible HTTP API
}

// New makes the service with the built-in templates and no rules.
func New(opt Options) *Service {
	s := &Service{
		opt: opt, active: map[string]*Event{}, rules: map[string]*Rule{}, actions: map[string]*Action{}, mutes: map[string]*Mute{},
		instances: map[string]Instance{}, accumulated: map[string][]time.Time{}, templates: map[string]*Template{},
	}
	for _, t := range builtinTemplates() {
		s.templates[t.Name] = &t
	}
	return s
}

// SetInstance adds or changes a Prometheus instance; id "0" is the default instance.
func (s *Service) SetInstance(i Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instances[i.ID] = i
}

// Active returns the active alarms, oldest first.
func (s *Service) Active() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Event
	for _, e := range s.active {
		out = append(out, e.clone())
	}
	sortEvents(out)
	return out
}

// History returns the cleared alarms and the plain events, oldest first.
func (s *Service) History() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Event
	for _, e := range s.past {
		out = append(out, e.clone())
	}
	sortEvents(out)
	return out
}

func sortEvents(events []Event) {
	slices.SortFunc(events, func(a, b Event) int {
		if a.StartsAt != b.StartsAt {
			return int(a.StartsAt - b.StartsAt)
		}
		return strings.Compare(a.SN, b.SN)
	})
}

// Push adds an alarm or event as it is given, filling in what is missing, and returns its id. An active alarm of the same id is
// refreshed instead of repeated. Nothing is notified: see RaiseEvent for that.
func (s *Service) Push(e Event) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.push(e).ID
}

func (s *Service) push(e Event) *Event {
	now := s.opt.Clock().UnixMilli()
	if e.ID == "" {
		e.ID = serial()
	}
	if e.StartsAt == 0 {
		e.StartsAt = now
	}
	if e.Timeout == 0 {
		e.Timeout = autoClear.Milliseconds()
	}
	if e.Project == "" {
		e.Project = "0"
	}
	if e.Metadata == nil {
		e.Metadata = map[string]string{}
	}
	if e.Annotations == nil {
		e.Annotations = map[string]any{}
	}
	if e.AttachRule == nil {
		e.AttachRule = map[string]any{}
	}
	e.ArrivesAt = now
	if known := s.active[e.ID]; known != nil && e.active() {
		known.ArrivesAt, known.Annotations = now, e.Annotations
		return known
	}
	if e.SN == "" {
		e.SN = serial()
	}
	stored := &e
	if !stored.active() {
		s.keepPast(stored)
		return stored
	}
	s.active[e.ID] = stored
	return stored
}

func (s *Service) keepPast(e *Event) {
	s.past = append(s.past, e)
	if len(s.past) > keepHistory {
		s.past = slices.Delete(s.past, 0, len(s.past)-keepHistory)
	}
}

// Clear ends an active alarm and reports whether there was one.
func (s *Service) Clear(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clear(id, s.opt.Clock().UnixMilli()) != nil
}

func (s *Service) clear(id string, at int64) *Event {
	e := s.active[id]
	if e == nil {
		return nil
	}
	delete(s.active, id)
	e.EndsAt = at
	s.keepPast(e)
	return e
}

// serial is a random decimal of 19 digits, the form of ids and serials seen in captures.
func serial() string {
	n, err := rand.Int(rand.Reader, big.NewInt(9e18))
	if err != nil {
		return "1000000000000000000" // crypto/rand does not fail
	}
	return strconv.FormatInt(n.Int64()/10+1e18, 10)
}

// stableID derives such a decimal from what identifies an alarm.
func stableID(parts ...string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.Join(parts, "\x00"))) // a hash takes everything
	return strconv.FormatUint(h.Sum64()%9e18/10+1e18, 10)
}
