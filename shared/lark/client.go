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
	"net/url"
	"strconv"
	"strings"
	"time"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
)

// Options is what a client needs.
type Options struct {
	BaseURL   string // https://open.feishu.cn or https://open.larksuite.com; plain http only to this machine
	AppID     string
	AppSecret string
	Language  Language      // of texts that the client sends by itself
	Timeout   time.Duration // of one try; zero means 10 s
	Transport http.RoundTripper
	Now       func() time.Time                           // nil means the machine's clock
	Wait      func(context.Context, time.Duration) error // between tries; nil means a timer
}

// Client speaks to the open platform as one app. Safe for concurrent use.
type Client struct {
	base     string
	appID    string
	secret   string
	language Language
	http     *http.Client
	now      func() time.Time
	wait     func(context.Context, time.Duration) error
	tokens   tokenCache
}

// NewClient checks the options; the error names the one that is wrong.
func NewClient(o Options) (*Client, error) {
	base := strings.TrimRight(o.BaseURL, "/")
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return nil, fmt.Errorf("lark: base URL %q is not an http(s) address", o.BaseURL)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("lark: base URL %q would send the app secret in clear: use https", o.BaseURL)
	case o.AppID == "":
		return nil, errors.New("lark: app id is empty")
	case o.AppSecret == "":
		return nil, errors.New("lark: app secret is empty")
	}
	c := &Client{base: base, appID: o.AppID, secret: o.AppSecret, language: o.Language, now: o.Now, wait: o.Wait}
	if c.language == "" {
		c.language = Both
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.wait == nil {
		c.wait = timer
	}
	timeout := o.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	c.http = &http.Client{Transport: o.Transport, Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // the API never redirects; a token must not follow one
	}}
	return c, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func timer(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// attempt is one request. Body is sent as it is; out gets the whole answer, since some answers are not under "data".
type attempt struct {
	op, method, path string
	token            string
	body             []byte
	out              any
	repeatable       bool // doing it twice is doing it once
}

// maxTries bounds a call without a deadline: with the pauses below it spans some 16 s, longer than the 3 s for which a click may
// lock a card.
const maxTries = 7

// call makes a request with a tenant token and tries again while that can help: always when the platform is known to have done
// nothing (throttled, locked, stale token), otherwise only what may be repeated. It ends with ctx, or after maxTries.
func (c *Client) call(ctx context.Context, a attempt) error {
	pause, renewed := 250*time.Millisecond, false
	for n := 1; ; n++ {
		err := c.withToken(ctx, a)
		var e *Error
		if err == nil || !errors.As(err, &e) {
			return err
		}
		if ctx.Err() != nil || n == maxTries || !e.Transient() || !(e.harmless() || a.repeatable) {
			return err
		}
		if e.Kind() == KindToken {
			if renewed {
				return err
			}
			renewed = true
			continue
		}
		delay := max(pause, e.RetryAfter)
		if end, ok := ctx.Deadline(); ok && c.now().Add(delay).After(end) {
			return err
		}
		if c.wait(ctx, delay) != nil {
			return err
		}
		pause = min(2*pause, 4*time.Second)
	}
}

func (c *Client) withToken(ctx context.Context, a attempt) error {
	token, err := c.tenantToken(ctx)
	if err != nil {
		return err
	}
	a.token = token
	err = c.try(ctx, a)
	var e *Error
	if errors.As(err, &e) && e.Kind() == KindToken {
		c.forget(token)
	}
	return err
}

// try makes one request. Every failure is an *Error.
func (c *Client) try(ctx context.Context, a attempt) error {
	req, err := http.NewRequestWithContext(ctx, a.method, c.base+a.path, bytes.NewReader(a.body))
	if err != nil {
		return &Error{Op: a.op, Err: err, Msg: platformWords(err.Error(), c.secret)}
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := c.http.Do(req)
	if err != nil {
		return &Error{Op: a.op, Err: cause(err), Msg: platformWords(cause(err).Error(), c.secret)}
	}
	defer func() { _ = resp.Body.Close() }() // all of it is read below; nothing is lost by a failure here
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return &Error{Op: a.op, Err: err, Msg: platformWords(err.Error(), c.secret)}
	}
	return c.judge(a, resp, body)
}

// judge reads the answer: the code decides, not the status, since failures come with 200 and with 400.
func (c *Client) judge(a attempt, resp *http.Response, body []byte) error {
	e := &Error{Op: a.op, HTTP: resp.StatusCode, LogID: logID(resp.Header), RetryAfter: retryAfter(resp.Header)}
	var head struct {
		Code *int `json:"code"`
		larkcore.CodeError
	}
	if err := json.Unmarshal(body, &head); err != nil || head.Code == nil {
		e.Msg = "answer is not the platform's JSON"
		return e
	}
	if *head.Code != 0 {
		e.Code, e.Msg = *head.Code, platformWords(head.Msg, c.secret)
		if m := subCode.FindStringSubmatch(head.Msg); m != nil {
			e.Sub, _ = strconv.Atoi(m[1]) // digits by the pattern; one too long to be a code stays 0
		}
		if e.LogID == "" && head.Err != nil {
			e.LogID = clip(clean(head.Err.LogID), 80)
		}
		return e
	}
	if resp.StatusCode != http.StatusOK {
		return e
	}
	if a.out == nil {
		return nil
	}
	if err := json.Unmarshal(body, a.out); err != nil {
		e.Msg = "answer of an unexpected form"
		return e
	}
	return nil
}

// cause drops the *url.Error around a network error: it would put the address into logs.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func logID(h http.Header) string {
	if id := h.Get("X-Tt-Logid"); id != "" {
		return clip(clean(id), 80)
	}
	return clip(clean(h.Get("X-Request-Id")), 80)
}

// retryAfter reads the gateway's wait in seconds, at most a minute.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("X-Ogw-Ratelimit-Reset"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, time.Minute)
}
