package lark

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Request is one push as it goes over the wire.
type Request struct {
	URL    string
	Header http.Header
	Body   []byte
}

// Delivery is one attempt to hand an event or a callback over.
type Delivery struct {
	EventID string        `json:"event_id"`
	Type    string        `json:"event_type"`
	Attempt int           `json:"attempt"` // from 1; duplicates continue the count
	At      time.Time     `json:"at"`
	Took    time.Duration `json:"took"`
	Status  int           `json:"status"` // 0 when there was no answer
	Err     string        `json:"err,omitempty"`
	// Final says that no further attempt follows.
	Final bool `json:"final"`
}

// errTooSlow is the cause when a receiver used up its time.
var errTooSlow = errors.New("no answer within the time limit")

// outbound is the client of the push side: no redirects, two seconds to connect.
func outbound() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 4,
			DisableCompression:  true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// envelope wraps an event in the v2 form.
func (s *Server) envelope(id, kind string, event any) []byte {
	created := millis(s.now())
	if s.behaviour.MicrosecondCreateTime {
		created += "000"
	}
	return mustJSON(map[string]any{
		"schema": "2.0",
		"header": map[string]any{
			"event_id": id, "event_type": kind, "create_time": created,
			"token": s.app.VerificationToken, "app_id": s.app.ID, "tenant_key": s.app.TenantKey,
		},
		"event": event,
	})
}

// key is the Encrypt Key in force.
func (s *Server) key() string {
	if s.behaviour.EmptyKey {
		return ""
	}
	return s.app.EncryptKey
}

// request signs a payload for a URL. The mutex is held.
func (s *Server) request(url string, payload []byte) (Request, error) {
	body, err := seal(s.key(), payload)
	if err != nil {
		return Request{}, err
	}
	return s.signed(url, body, s.key(), s.now()), nil
}

// signed makes the headers that captured requests show.
func (s *Server) signed(url string, body []byte, key string, at time.Time) Request {
	timestamp, nonce := strconv.FormatInt(at.Unix(), 10), s.mint.nonce()
	h := s.plainHeader()
	s.setLark(h, "X-Lark-Request-Timestamp", timestamp)
	s.setLark(h, "X-Lark-Request-Nonce", nonce)
	s.setLark(h, "X-Lark-Signature", signature(timestamp, nonce, key, body))
	return Request{URL: url, Header: h, Body: body}
}

func (s *Server) plainHeader() http.Header {
	h := http.Header{}
	h.Set("Content-Type", "application/json;charset=utf-8")
	h.Set("User-Agent", "Go-http-client/1.1")
	h.Set("X-Request-Id", s.mint.hex(32))
	return h
}

func (s *Server) setLark(h http.Header, name, value string) {
	if s.behaviour.LowerCaseHeaders {
		name = string(bytes.ToLower([]byte(name)))
	}
	h[name] = []string{value}
}

// post sends a request and reads the answer within limit of the server's clock.
func (s *Server) post(ctx context.Context, q Request, limit time.Duration) (int, []byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	expired, stop := s.clock.Timer(limit)
	defer stop()
	go func() {
		select {
		case <-expired:
			cancel(errTooSlow)
		case <-ctx.Done():
		}
	}()
	status, body, err := s.exchange(ctx, q)
	if err != nil && errors.Is(context.Cause(ctx), errTooSlow) {
		return 0, nil, errTooSlow
	}
	return status, body, err
}

func (s *Server) exchange(ctx context.Context, q Request) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, q.URL, bytes.NewReader(q.Body))
	if err != nil {
		return 0, nil, fmt.Errorf("pushing: %w", err)
	}
	r.Header = q.Header.Clone()
	resp, err := s.out.Do(r)
	if err != nil {
		return 0, nil, fmt.Errorf("pushing: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, nil, fmt.Errorf("reading the answer to a push: %w", err)
	}
	return resp.StatusCode, body, nil
}

// Subscribe saves a request URL the way the developer console does: it sends a
// url_verification without any X-Lark header and saves the URL only if the
// challenge comes back within a second. which is "event" or "callback".
func (s *Server) Subscribe(ctx context.Context, which, url string) error {
	challenge := s.fresh(func() string { return s.mint.hex(36) })
	if err := s.Challenge(ctx, url, s.app.VerificationToken, challenge); err != nil {
		return fmt.Errorf("saving the %s URL: %w", which, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch which {
	case "event":
		s.eventURL = url
	case "callback":
		s.callbackURL = url
	default:
		return fmt.Errorf("saving the %s URL: there are an event and a callback URL only", which)
	}
	return nil
}

// Challenge sends one url_verification with a token of the caller's choice, and
// fails unless the receiver answers 200 with exactly the challenge in time.
func (s *Server) Challenge(ctx context.Context, url, token, challenge string) error {
	payload := mustJSON(map[string]any{"challenge": challenge, "token": token, "type": "url_verification"})
	s.mu.Lock()
	body, err := seal(s.key(), payload)
	q := Request{URL: url, Header: s.plainHeader(), Body: body}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	status, answer, err := s.post(ctx, q, proveWithin)
	if err != nil {
		return fmt.Errorf("challenging %s: %w", url, err)
	}
	var got struct{ Challenge string }
	if status != http.StatusOK || json.Unmarshal(answer, &got) != nil || got.Challenge != challenge {
		return fmt.Errorf("challenging %s: the answer was HTTP %d without the challenge", url, status)
	}
	return nil
}

// fresh calls a maker of ids with the mutex held.
func (s *Server) fresh(id func() string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return id()
}

// push hands an event over in the background, with retries. The mutex is held.
func (s *Server) push(kind string, event any) string {
	id := s.mint.hex(32)
	if s.behaviour.LoseEvents > 0 {
		s.behaviour.LoseEvents--
		s.record(Entry{Kind: "event", Actor: "platform", Text: kind, Detail: "lost on purpose"})
		return id
	}
	if s.eventURL == "" || s.life.Err() != nil {
		return id
	}
	payload := s.envelope(id, kind, event)
	first, err := s.request(s.eventURL, payload)
	if err != nil {
		s.record(Entry{Kind: "event", Actor: "platform", Text: kind, Detail: err.Error()})
		return id
	}
	mode := s.behaviour
	s.pushes.Go(func() { s.deliver(id, kind, payload, first, mode) })
	return id
}

// deliver tries until the receiver answers 200, then sends the duplicates.
func (s *Server) deliver(id, kind string, payload []byte, q Request, mode Behaviour) {
	if !s.sleep(mode.EventDelay) {
		return
	}
	attempt := 1
	for ; ; attempt++ {
		if s.attempt(id, kind, q, attempt, attempt > len(retryAfter)) {
			break
		}
		if attempt > len(retryAfter) || !s.sleep(retryAfter[attempt-1]) {
			return
		}
		q = s.again(q, payload)
	}
	for range mode.DuplicateEvents {
		attempt++
		q = s.again(q, payload)
		s.attempt(id, kind, q, attempt, true)
	}
}

// again is the request of a retry: the same bytes, or freshly signed ones.
func (s *Server) again(q Request, payload []byte) Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.behaviour.ResignRetries {
		return q
	}
	fresh, err := s.request(q.URL, payload)
	if err != nil {
		return q
	}
	return fresh
}

func (s *Server) attempt(id, kind string, q Request, n int, last bool) bool {
	at := s.now()
	status, _, err := s.post(s.life, q, answerWithin)
	good := err == nil && status == http.StatusOK
	d := Delivery{EventID: id, Type: kind, Attempt: n, At: at, Took: s.now().Sub(at), Status: status, Final: good || last}
	if err != nil {
		d.Err = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pushed = append(s.pushed, d)
	s.record(Entry{Kind: "event", Actor: "platform", Text: kind, Status: status, Detail: d.Err})
	return good
}

// sleep waits d of the server's clock and reports whether the server still runs.
func (s *Server) sleep(d time.Duration) bool {
	if d <= 0 {
		return s.life.Err() == nil
	}
	fired, stop := s.clock.Timer(d)
	defer stop()
	select {
	case <-fired:
		return true
	case <-s.life.Done():
		return false
	}
}

// Deliveries are all attempts so far, in order of completion.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.pushed)
}

// WaitDelivery waits until n attempts for an event id are complete, and returns
// them; an empty id means any event.
func (s *Server) WaitDelivery(ctx context.Context, eventID string, n int) ([]Delivery, error) {
	var got []Delivery
	err := s.await(ctx, func() bool {
		got = got[:0]
		for _, d := range s.pushed {
			if eventID == "" || d.EventID == eventID {
				got = append(got, d)
			}
		}
		return len(got) >= n
	})
	if err != nil {
		return slices.Clone(got), fmt.Errorf("waiting for %d deliveries: %w", n, err)
	}
	return slices.Clone(got), nil
}
