package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

const (
	accessKey = "local"
	secretKey = "local-secret"
	domain    = "obs.test"
	bucket    = "records"
)

// One server for all: a process can have only one.
func TestObjectStore(t *testing.T) {
	url := start(t)
	client := newClient(url, secretKey)
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	t.Run("round trip", func(t *testing.T) { roundTrip(t, client) })
	t.Run("round trip by virtual host", func(t *testing.T) { roundTrip(t, virtualHostClient(t, url)) })
	t.Run("versions", func(t *testing.T) { versions(t, client) })
	t.Run("bad signature", func(t *testing.T) {
		_, err := newClient(url, "guessed").ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
		if code(err) != "SignatureDoesNotMatch" {
			t.Errorf("a wrong secret: %v, want SignatureDoesNotMatch", err)
		}
	})
	t.Run("unsigned", func(t *testing.T) {
		response, err := http.Get(url + "/" + bucket)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("a request without signature: %s, want 403", response.Status)
		}
	})
}

func start(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--dir", t.TempDir(), "--access-key", accessKey, "--secret-key", secretKey, "--domain", domain}, writer)
		_ = writer.CloseWithError(errors.New("the server ended"))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	var started struct {
		URL string `json:"url"`
	}
	if err := json.NewDecoder(reader).Decode(&started); err != nil {
		t.Fatal(err)
	}
	return started.URL
}

func newClient(url, secret string, change ...func(*s3.Options)) *s3.Client {
	return s3.New(s3.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(url),
		UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret}, nil
		}),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}, change...)
}

// virtualHostClient addresses buckets as OBS wants it; every name leads to the
// server.
func virtualHostClient(t *testing.T, server string) *s3.Client {
	t.Helper()
	where, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, where.Host)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return newClient("http://"+domain+":"+where.Port(), secretKey, func(o *s3.Options) {
		o.UsePathStyle = false
		o.HTTPClient = &http.Client{Transport: transport}
	})
}

func roundTrip(t *testing.T, client *s3.Client) {
	keys := []string{"incidents/2026/11/22/a.json", "incidents/2026/11/22/b.json", "other.json"}
	for _, key := range keys {
		put(t, client, key, "content of "+key)
	}
	for _, key := range keys {
		if got, want := get(t, client, key, nil), "content of "+key; got != want {
			t.Errorf("get %s = %q, want %q", key, got, want)
		}
	}
	list := func(prefix string) []string {
		page, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String(prefix)})
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, object := range page.Contents {
			found = append(found, aws.ToString(object.Key))
		}
		return found
	}
	if got := list("incidents/"); !slices.Equal(got, keys[:2]) {
		t.Errorf("list = %v, want %v", got, keys[:2])
	}
	for _, key := range keys {
		if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := list(""); len(got) > 0 {
		t.Errorf("list after delete = %v", got)
	}
	_, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(keys[0])})
	if code(err) != "NoSuchKey" {
		t.Errorf("get after delete: %v, want NoSuchKey", err)
	}
}

func versions(t *testing.T, client *s3.Client) {
	versioned := aws.String("versioned")
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: versioned}); err != nil {
		t.Fatal(err)
	}
	_, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket:                  versioned,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	var written []string
	for _, text := range []string{"first", "second"} {
		answer, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: versioned, Key: aws.String("k"), Body: bytes.NewReader([]byte(text))})
		if err != nil {
			t.Fatal(err)
		}
		written = append([]string{aws.ToString(answer.VersionId)}, written...)
	}
	page, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: versioned})
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, version := range page.Versions {
		listed = append(listed, aws.ToString(version.VersionId))
	}
	if !slices.Equal(listed, written) {
		t.Errorf("versions = %v, want %v, the newest first", listed, written)
	}
	first, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: versioned, Key: aws.String("k"), VersionId: aws.String(written[1])})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Body.Close() }()
	if text, err := io.ReadAll(first.Body); err != nil || string(text) != "first" {
		t.Errorf("the first version = %q, %v", text, err)
	}
}

func put(t *testing.T, client *s3.Client, key, text string) {
	t.Helper()
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader([]byte(text))})
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, client *s3.Client, key string, version *string) string {
	t.Helper()
	answer, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), VersionId: version})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// code is S3's word for what is wrong.
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}
