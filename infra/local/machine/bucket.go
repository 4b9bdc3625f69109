package machine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// backend is the real S3 server behind the emulated OBS: OBS has proved who asks and what they may, and what it lets pass is signed
// again here with the one key the server knows.
type backend struct {
	base   *url.URL
	region string
	key    aws.Credentials
	client *http.Client
	now    func() time.Time
}

func newBackend(base, region, accessKey, secret string) (*backend, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("read the object store's address: %w", err)
	}
	return &backend{base: u, region: region, key: aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret}, client: &http.Client{Timeout: time.Minute}, now: time.Now}, nil
}

// serve hands an admitted request to the server. The path style is the server's own.
func (b *backend) serve(w http.ResponseWriter, r *http.Request, body []byte, bucket, key string) {
	resp, err := b.do(r.Context(), r.Method, bucket, key, r.URL.RawQuery, r.Header, body)
	if err != nil {
		http.Error(w, "<Error><Code>ServiceUnavailable</Code></Error>", http.StatusServiceUnavailable)
		return
	}
	defer resp.Body.Close()
	for name, values := range resp.Header {
		if name != "X-Amz-Request-Id" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body) // whoever asked went away
}

// passed are the headers of a request that mean something to the server.
var passed = []string{"Content-Type", "Content-Md5", "If-Match", "If-None-Match", "Range", "X-Amz-Meta-"}

func (b *backend) do(ctx context.Context, method, bucket, key, query string, header http.Header, body []byte) (*http.Response, error) {
	target := *b.base
	target.Path = "/" + bucket
	if key != "" {
		target.Path += "/" + key
	}
	target.RawQuery = query
	req, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("address the object store: %w", err)
	}
	for name, values := range header {
		for _, p := range passed {
			if strings.HasPrefix(name, p) {
				req.Header[name] = values
			}
		}
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(ctx, b.key, req, hash, "s3", b.region, b.now()); err != nil {
		return nil, fmt.Errorf("sign for the object store: %w", err)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reach the object store: %w", err)
	}
	return resp, nil
}

// createBucket makes the bucket that keeps incidents, versioned as the deployed one is.
func (b *backend) createBucket(ctx context.Context, name string) error {
	const versioning = `<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>`
	for _, step := range []struct{ query, body string }{{"", ""}, {"versioning=", versioning}} {
		resp, err := b.do(ctx, http.MethodPut, name, "", step.query, nil, []byte(step.body))
		if err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(resp.Body, 500))
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return fmt.Errorf("make bucket %s: %w", name, err)
		}
		if resp.StatusCode >= http.StatusMultipleChoices && resp.StatusCode != http.StatusConflict {
			return fmt.Errorf("make bucket %s: %s: %s", name, resp.Status, text)
		}
	}
	return nil
}
