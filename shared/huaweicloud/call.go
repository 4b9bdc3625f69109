package huaweicloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cce-oncall/shared/redact"
)

const (
	readAttempts  = 4
	writeAttempts = 3
	attemptLimit  = 20 * time.Second
	backoffFirst  = 300 * time.Millisecond
	backoffLimit  = 5 * time.Second
	// patience is the longest pause inside one call. CCE may ask for a minute; who can wait that long re-triggers itself.
	patience = 15 * time.Second
	maxBody  = 16 << 20 // LTS, the widest of them, answers at most 10 MB
)

// call is one request as the service documents it.
type call struct {
	service string
	op      string
	method  string
	path    string // escaped, begins with a slash
	query   url.Values
	header  map[string]string
	body    any  // encoded as JSON; nil sends none
	write   bool // not repeated when its outcome is unknown
}

// path joins escaped segments.
func path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}

// do makes the call, again where that is safe and may help, and decodes the answer into out. A nil out, or an empty answer,
// decodes nothing. Every error is an *Error.
func (s *Session) do(ctx context.Context, c call, out any) error {
	var body []byte
	if c.body != nil {
		var err error
		if body, err = json.Marshal(c.body); err != nil {
			return refused(c.service, c.op, "the request cannot be encoded")
		}
	}
	var answer []byte
	err := s.retry(ctx, c.write, func(ctx context.Context) *Error {
		var err *Error
		answer, err = s.attempt(ctx, c, body)
		return err
	})
	if err != nil {
		return err
	}
	if out == nil || len(bytes.TrimSpace(answer)) == 0 {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return notUnderstood(c.service, c.op, shape(err))
	}
	return nil
}

// shape says where an answer differs from the documented form without repeating any of it.
func shape(err error) string {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		return fmt.Sprintf("field %s is %s", t.Field, strings.SplitN(t.Value, " ", 2)[0])
	}
	return "no valid JSON"
}

// retry runs one attempt after another. A throttled attempt was refused and may always be repeated; an attempt without a clear
// outcome only when it reads.
func (s *Session) retry(ctx context.Context, write bool, attempt func(context.Context) *Error) error {
	limit := readAttempts
	if write {
		limit = writeAttempts
	}
	for n := 1; ; n++ {
		err := attempt(ctx)
		if err == nil {
			return nil
		}
		again := err.Kind == Throttled || err.Kind == Unavailable && !write
		if !again || n == limit || ctx.Err() != nil {
			return err
		}
		pause := backoff(n)
		if err.RetryAfter > 0 {
			pause = err.RetryAfter + pause/4
		}
		if deadline, ok := ctx.Deadline(); pause > patience || ok && time.Until(deadline) < pause {
			return err
		}
		if s.wait(ctx, pause) != nil {
			return err
		}
	}
}

// backoff doubles from attempt to attempt; the upper half of it is random, so that many callers do not return together.
func backoff(n int) time.Duration {
	d := min(backoffFirst<<(n-1), backoffLimit)
	return d/2 + rand.N(d/2)
}

// attempt sends the call once.
func (s *Session) attempt(ctx context.Context, c call, body []byte) ([]byte, *Error) {
	limit := s.Timeout
	if limit == 0 {
		limit = attemptLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	creds, err := s.Credentials(ctx)
	if err != nil {
		return nil, &Error{Service: c.service, Op: c.op, Kind: Denied, Message: "no credentials for this call", cause: err}
	}
	hide := redact.New(creds.AK, creds.SK, creds.Token, s.Project)
	req, err := s.request(ctx, c, body, creds)
	if err != nil {
		return nil, refused(c.service, c.op, clean(err.Error(), maxMessage, hide))
	}
	resp, err := s.Transport.RoundTrip(req)
	if err != nil {
		return nil, noAnswer(ctx, c.service, c.op, err, hide)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case resp.StatusCode >= 300:
		return nil, refusal(c.service, c.op, resp.StatusCode, resp.Header, answer, hide)
	case err != nil:
		return nil, noAnswer(ctx, c.service, c.op, err, hide)
	case len(answer) > maxBody:
		return nil, notUnderstood(c.service, c.op, fmt.Sprintf("more than %d MiB", maxBody>>20))
	}
	return answer, nil
}

// hide knows the secrets of this context's calls.
func (s *Session) hide(ctx context.Context) *redact.Redactor {
	c, err := s.Credentials(ctx)
	if err != nil {
		return redact.New(s.Project)
	}
	return redact.New(c.AK, c.SK, c.Token, s.Project)
}

func (s *Session) request(ctx context.Context, c call, body []byte, creds Credentials) (*http.Request, error) {
	address := s.Endpoint(c.service) + c.path
	if len(c.query) > 0 {
		address += "?" + c.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, c.method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the endpoint of %s cannot be used", c.service)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if s.UserAgent != "" {
		req.Header.Set("User-Agent", s.UserAgent)
	}
	for k, v := range c.header {
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	if err := Sign(req, body, creds, s.Project, s.Now()); err != nil {
		return nil, err
	}
	return req, nil
}
