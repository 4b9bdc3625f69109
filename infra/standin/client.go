package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" // the older OBS signature is HMAC-SHA1 by definition
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"cce-oncall/infra/fakecloud/sign"
)

// client makes the calls by which a resource comes to be, in an account whose addresses are given.
type client struct {
	endpoints                 map[string]string // by service, with a scheme and without a slash at the end
	key, secret               string
	project, domain, inRegion string
	http                      *http.Client
	now                       func() time.Time
}

// dial is nil without endpoints: then there is nobody to call, and what a cloud would answer is made up.
func dial(config object) *client {
	endpoints := map[string]string{}
	for service, address := range config.object("endpoints") {
		if s, ok := address.(string); ok && s != "" {
			endpoints[service] = strings.TrimSuffix(s, "/")
		}
	}
	if len(endpoints) == 0 {
		return nil
	}
	or := func(v, fallback string) string {
		if v == "" {
			return fallback
		}
		return v
	}
	return &client{
		endpoints: endpoints, key: config.text("access_key"), secret: config.text("secret_key"), project: or(config.text("project_id"), project),
		domain: or(config.text("domain_id"), domain), inRegion: or(config.text("region"), region), http: &http.Client{Timeout: time.Minute}, now: time.Now,
	}
}

// call makes one signed call. {P} is /v2/{project}; {project} and {domain} are the account's. A 404 to a DELETE is as good as done.
func (c *client) call(ctx context.Context, service, method, path string, body any) (object, error) {
	base, ok := c.endpoints[service]
	if !ok {
		return nil, fmt.Errorf("endpoints names no address of %s", service)
	}
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("write the body of %s %s: %w", method, path, err)
		}
	}
	path = strings.NewReplacer("{P}", "/v2/"+c.project, "{project}", c.project, "{domain}", c.domain).Replace(path)
	r, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", service, err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Project-Id", c.project)
	sign.Sign(r, raw, c.key, c.secret, c.now())
	answer, err := c.send(r)
	if err != nil || len(answer) == 0 || answer[0] != '{' {
		return nil, err
	}
	var out object
	if err := json.Unmarshal(answer, &out); err != nil {
		return nil, fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	return out, nil
}

// store is an exchange whose answer says nothing more.
func (c *client) store(ctx context.Context, method, bucket, path string, header map[string]string, body []byte) error {
	_, err := c.exchange(ctx, method, bucket, path, header, body)
	return err
}

// exchange makes one call to OBS at the bucket's own address, in the older signature that the provider's client uses.
func (c *client) exchange(ctx context.Context, method, bucket, path string, header map[string]string, body []byte) ([]byte, error) {
	base, err := url.Parse(c.endpoints["obs"])
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("endpoints names no address of obs")
	}
	r, err := http.NewRequestWithContext(ctx, method, base.Scheme+"://"+bucket+"."+base.Host+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("address the bucket %s: %w", bucket, err)
	}
	r.Header.Set("Date", c.now().UTC().Format(http.TimeFormat))
	var own []string
	for name, v := range header {
		r.Header.Set(name, v)
		if low := strings.ToLower(name); strings.HasPrefix(low, "x-obs-") {
			own = append(own, low+":"+v+"\n")
		}
	}
	slices.Sort(own)
	mac := hmac.New(sha1.New, []byte(c.secret))
	mac.Write([]byte(method + "\n\n" + r.Header.Get("Content-Type") + "\n" + r.Header.Get("Date") + "\n" + strings.Join(own, "") + "/" + bucket + path))
	r.Header.Set("Authorization", "OBS "+c.key+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return c.send(r)
}

func (c *client) send(r *http.Request) ([]byte, error) {
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("call the cloud: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("read the answer to %s %s: %w", r.Method, r.URL.Path, err)
	}
	done := r.Method == http.MethodDelete && resp.StatusCode == http.StatusNotFound
	if resp.StatusCode >= http.StatusMultipleChoices && !done {
		return nil, &refused{call: r.Method + " " + r.URL.Path, status: resp.StatusCode, body: fmt.Sprintf("%.300s", raw)}
	}
	return raw, nil
}
