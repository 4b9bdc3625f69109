// Package smn plays the Simple Message Notification service: topics, subscriptions, and delivery to functions and HTTP endpoints in
// the envelopes the real service uses.
//
// Delivery is asynchronous and promises nothing, as documented: a test can have messages dropped, repeated or delayed. A service such
// as AOM may publish to a topic only when the topic's access policy lets it.
package smn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/infra/fakecloud/edge"
)

// MaxMessage is the largest message, in bytes.
const MaxMessage = 256 << 10

// Errors a caller may meet.
var (
	ErrNoTopic        = errors.New("the topic does not exist")
	ErrNoSubscription = errors.New("the subscription does not exist")
	ErrPolicy         = errors.New("the topic's access policy does not let the service publish")
	ErrSetting        = errors.New("the setting is not acceptable")
)

// Functions runs the functions that subscribe.
type Functions interface {
	InvokeAsync(ref string, payload []byte, source string) (requestID string, err error)
}

// Options are the service's settings.
type Options struct {
	Region, Project string
	Clock           func() time.Time
	Functions       Functions
	Base            func() string // where subscribe_url and signing_cert_url lead, such as http://127.0.0.1:8080
	Log             zerolog.Logger
}

// Topic is a place to publish to.
type Topic struct {
	URN, Name, Display string
	Created, Changed   time.Time
	Attributes         map[string]string // access_policy, introduction
	Tags               map[string]string
}

// Subscription is one receiver of a topic.
type Subscription struct {
	URN, Topic, Protocol, Endpoint, Remark string
	Confirmed                              bool
	token                                  string
}

// Message is what was published, for a test to look at.
type Message struct {
	ID        string    `json:"id"`
	Topic     string    `json:"topic"`
	Subject   string    `json:"subject"`
	Body      string    `json:"body"`
	Publisher string    `json:"publisher"`
	At        time.Time `json:"at"`
}

// Unreliable is how deliveries of a topic go wrong. Counts are used up; the delay stays.
type Unreliable struct {
	Topic     string `json:"topic"` // name; empty: any topic
	Drop      int    `json:"drop,omitempty"`
	Duplicate int    `json:"duplicate,omitempty"`
	DelayMS   int    `json:"delayMs,omitempty"`
}

// Service is SMN.
type Service struct {
	opt Options
	key *signer

	mu            sync.Mutex
	topics        map[string]*Topic // by URN
	subscriptions []*Subscription
	messages      []Message
	unreliable    []*Unreliable
	pending       sync.WaitGroup
}

// New makes the service with no topics.
func New(opt Options) (*Service, error) {
	key, err := newSigner(opt.Clock())
	if err != nil {
		return nil, err
	}
	return &Service{opt: opt, key: key, topics: map[string]*Topic{}}, nil
}

// URN is the name of a topic in the account.
func (s *Service) URN(name string) string {
	return "urn:smn:" + s.opt.Region + ":" + s.opt.Project + ":" + name
}

// CreateTopic makes a topic and returns its URN; services (such as "apm") are let publish by its access policy. An existing topic is
// returned as it is: creation is idempotent in the real service too.
func (s *Service) CreateTopic(name, display string, services ...string) (string, error) {
	if name == "" || len(name) > 255 {
		return "", fmt.Errorf("%w: a topic name has 1 to 255 characters", ErrSetting)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	urn := s.URN(name)
	if s.topics[urn] != nil {
		return urn, nil
	}
	now := s.opt.Clock()
	t := &Topic{URN: urn, Name: name, Display: display, Created: now, Changed: now, Attributes: map[string]string{}, Tags: map[string]string{}}
	if len(services) > 0 {
		t.Attributes["access_policy"] = ServicePolicy(urn, services...)
	}
	s.topics[urn] = t
	return urn, nil
}

// ServicePolicy is the access policy that lets cloud services publish.
func ServicePolicy(urn string, services ...string) string {
	raw, err := json.Marshal(map[string]any{
		"Version": "2016-09-07", "Id": "__default_policy_ID",
		"Statement": []map[string]any{{
			"Sid": "__service_pub_0", "Effect": "Allow", "Principal": map[string]any{"Service": services},
			"Action": []string{"SMN:Publish", "SMN:QueryTopicDetail"}, "Resource": urn,
		}},
	})
	if err != nil {
		return "" // strings always encode
	}
	return string(raw)
}

// mayPublish reads the access policy: any Allow statement that names the service, in whatever case.
func (t *Topic) mayPublish(service string) bool {
	var policy struct {
		Statement []struct {
			Effect    string
			Principal struct{ Service []string }
		}
	}
	if json.Unmarshal([]byte(t.Attributes["access_policy"]), &policy) != nil {
		return false
	}
	for _, st := range policy.Statement {
		if st.Effect == "Allow" && slices.ContainsFunc(st.Principal.Service, func(p string) bool { return strings.EqualFold(p, service) }) {
			return true
		}
	}
	return false
}

// Subscribe adds a receiver. Functions are confirmed at once; an HTTP endpoint must fetch the URL it is sent.
func (s *Service) Subscribe(topicURN, protocol, endpoint string) (string, error) {
	if !slices.Contains([]string{"functionstage", "functiongraph", "http", "https", "email", "sms"}, protocol) {
		return "", fmt.Errorf("%w: protocol %q", ErrSetting, protocol)
	}
	s.mu.Lock()
	if s.topics[topicURN] == nil {
		s.mu.Unlock()
		return "", fmt.Errorf("%w: %s", ErrNoTopic, topicURN)
	}
	for _, sub := range s.subscriptions {
		if sub.Topic == topicURN && sub.Protocol == protocol && sub.Endpoint == endpoint {
			s.mu.Unlock()
			return sub.URN, nil
		}
	}
	sub := &Subscription{
		URN: topicURN + ":" + edge.NewID(), Topic: topicURN, Protocol: protocol, Endpoint: endpoint, token: edge.NewID(),
		Confirmed: strings.HasPrefix(protocol, "function"),
	}
	s.subscriptions = append(s.subscriptions, sub)
	s.mu.Unlock()
	if strings.HasPrefix(protocol, "http") {
		s.askConfirmation(*sub)
	}
	return sub.URN, nil
}

// Unsubscribe removes a receiver; an unknown one is none already.
func (s *Service) Unsubscribe(urn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscriptions = slices.DeleteFunc(s.subscriptions, func(x *Subscription) bool { return x.URN == urn })
}

// DeleteTopic removes a topic with its subscriptions.
func (s *Service) DeleteTopic(urn string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics[urn] == nil {
		return fmt.Errorf("%w: %s", ErrNoTopic, urn)
	}
	delete(s.topics, urn)
	s.subscriptions = slices.DeleteFunc(s.subscriptions, func(x *Subscription) bool { return x.Topic == urn })
	return nil
}

// Subscriptions returns the receivers of a topic in the order they were added.
func (s *Service) Subscriptions(topicURN string) []Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Subscription
	for _, x := range s.subscriptions {
		if x.Topic == topicURN {
			out = append(out, *x)
		}
	}
	return out
}

// Misbehave makes deliveries unreliable, in addition to what is already arranged.
func (s *Service) Misbehave(u Unreliable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unreliable = append(s.unreliable, &u)
}

// Behave makes deliveries reliable again.
func (s *Service) Behave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unreliable = nil
}

// Messages returns what was published to a topic (by name, all for ""), oldest first.
func (s *Service) Messages(topic string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.messages {
		if topic == "" || strings.HasSuffix(m.Topic, ":"+topic) {
			out = append(out, m)
		}
	}
	return out
}

// Publish sends a message as the account's owner or one of its functions' platform.
func (s *Service) Publish(ctx context.Context, topicURN, subject, message string) error {
	_, err := s.publish(ctx, topicURN, subject, "account", func(string) string { return message })
	return err
}

// PublishAs sends as a cloud service, which the topic's access policy must allow. texts holds the message per subscriber protocol;
// "default" is used where a protocol has none, as in message_structure.
func (s *Service) PublishAs(ctx context.Context, service, topicURN, subject string, texts map[string]string) error {
	s.mu.Lock()
	t := s.topics[topicURN]
	ok := t != nil && t.mayPublish(service)
	s.mu.Unlock()
	if t == nil {
		return fmt.Errorf("%w: %s", ErrNoTopic, topicURN)
	}
	if !ok {
		return fmt.Errorf("%w: %s on %s", ErrPolicy, service, topicURN)
	}
	_, err := s.publish(ctx, topicURN, subject, service, func(protocol string) string {
		if text, ok := texts[protocol]; ok {
			return text
		}
		return texts["default"]
	})
	return err
}

func (s *Service) publish(ctx context.Context, topicURN, subject, publisher string, text func(protocol string) string) (string, error) {
	if len(subject) > 512 {
		return "", fmt.Errorf("%w: a subject has at most 512 bytes", ErrSetting)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics[topicURN] == nil {
		return "", fmt.Errorf("%w: %s", ErrNoTopic, topicURN)
	}
	m := Message{ID: edge.NewID(), Topic: topicURN, Subject: subject, Body: text("functionstage"), Publisher: publisher, At: s.opt.Clock()}
	if len(m.Body) > MaxMessage {
		return "", fmt.Errorf("%w: a message has at most 256 KB", ErrSetting)
	}
	s.messages = append(s.messages, m)
	for _, sub := range s.subscriptions {
		if sub.Topic != topicURN || !sub.Confirmed {
			continue
		}
		times, delay := s.luck(topicURN)
		to, mine := *sub, m
		mine.Body = text(sub.Protocol)
		for range times {
			s.pending.Go(func() { s.deliver(context.WithoutCancel(ctx), to, mine, delay) })
		}
	}
	return m.ID, nil
}

// luck decides how often and how late one delivery happens.
func (s *Service) luck(topicURN string) (times int, delay time.Duration) {
	times = 1
	for _, u := range s.unreliable {
		if u.Topic != "" && !strings.HasSuffix(topicURN, ":"+u.Topic) {
			continue
		}
		delay += time.Duration(u.DelayMS) * time.Millisecond
		switch {
		case u.Drop > 0:
			u.Drop--
			return 0, delay
		case u.Duplicate > 0:
			u.Duplicate--
			times = 2
		}
	}
	return times, delay
}

// WaitDelivered waits until every accepted message has been handed over or given up.
func (s *Service) WaitDelivered() { s.pending.Wait() }
