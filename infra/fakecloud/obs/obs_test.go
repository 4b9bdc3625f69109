package obs_test

import (
	"bytes"
	"context"
	"crypto/md5" // Content-MD5 is MD5 by definition
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/iam"
	"cce-oncall/infra/fakecloud/obs"
)

// wall is the clock by which the SDK signs, so that a store which verifies must have it too.
var wall = time.Now

type fixture struct {
	*obs.Store
	iam    *iam.Store
	faults *edge.Faults
	server *httptest.Server
}

func store(t *testing.T, change func(*obs.Options)) fixture {
	t.Helper()
	f := fixture{iam: iam.New("p", "d", "cn-north-4"), faults: &edge.Faults{}}
	f.iam.AddUser("admin", "AK", "SK", "*")
	opt := obs.Options{Region: "cn-north-4", Clock: wall, Keys: f.iam, Faults: f.faults, Journal: &edge.Journal{}, LenientDelete: true}
	if change != nil {
		change(&opt)
	}
	f.Store = obs.New(opt)
	f.server = httptest.NewServer(f.Store)
	t.Cleanup(f.server.Close)
	return f
}

// client speaks to the store as to OBS: by virtual host, with no default checksums.
func (f fixture) client(change func(*s3.Options)) *s3.Client {
	o := s3.Options{
		Region: "cn-north-4", BaseEndpoint: aws.String("http://obs.cn-north-4.emulator.test"), RetryMaxAttempts: 1,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AK", SecretAccessKey: "SK"}, nil
		}),
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, f.server.Listener.Addr().String())
		}}},
	}
	if change != nil {
		change(&o)
	}
	return s3.New(o)
}

func put(t *testing.T, c *s3.Client, key, body string, change func(*s3.PutObjectInput)) (*s3.PutObjectOutput, error) {
	t.Helper()
	sum := md5.Sum([]byte(body)) // by definition
	in := &s3.PutObjectInput{
		Bucket: aws.String("state"), Key: &key, Body: bytes.NewReader([]byte(body)), ContentType: aws.String("application/json"),
		ContentMD5: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	}
	if change != nil {
		change(in)
	}
	return c.PutObject(t.Context(), in)
}

func get(t *testing.T, c *s3.Client, key string) (string, error) {
	t.Helper()
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("state"), Key: &key})
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	raw, err := io.ReadAll(out.Body)
	return string(raw), err
}

func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestRoundTripAndVersions(t *testing.T) {
	f := store(t, nil)
	f.CreateBucket("state", true)
	c := f.client(nil)
	const key = "runs/v1/a b/中文+&=.json"
	var ids []string
	for _, body := range []string{"one", "two", "three"} {
		out, err := put(t, c, key, body, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, *out.VersionId)
	}
	if got, err := get(t, c, key); err != nil || got != "three" {
		t.Errorf("newest = %q, %v; want three", got, err)
	}
	old, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("state"), Key: aws.String(key), VersionId: &ids[0]})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(old.Body)
	if err != nil || string(raw) != "one" {
		t.Errorf("first version = %q, %v; want one", raw, err)
	}
	listed, err := c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String("state")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range listed.Versions {
		got = append(got, *v.VersionId)
	}
	if diff := cmp.Diff([]string{ids[2], ids[1], ids[0]}, got); diff != "" {
		t.Errorf("versions, newest first (-want +got):\n%s", diff)
	}
	if _, err := get(t, c, "missing"); code(err) != "NoSuchKey" {
		t.Errorf("a missing key answers %s", code(err))
	}
}

func TestListPages(t *testing.T) {
	f := store(t, nil)
	f.CreateBucket("state", false)
	c := f.client(nil)
	var want []string
	for i := range 7 {
		key := fmt.Sprintf("audit/%d.json", i)
		if _, err := put(t, c, key, "x", nil); err != nil {
			t.Fatal(err)
		}
		want = append(want, key)
	}
	if _, err := put(t, c, "other", "x", nil); err != nil {
		t.Fatal(err)
	}
	pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: aws.String("state"), Prefix: aws.String("audit/"), MaxKeys: aws.Int32(3)})
	var got []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			got = append(got, *o.Key)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	grouped, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("state"), Delimiter: aws.String("/")})
	if err != nil {
		t.Fatal(err)
	}
	if len(grouped.CommonPrefixes) != 1 || *grouped.CommonPrefixes[0].Prefix != "audit/" || len(grouped.Contents) != 1 {
		t.Errorf("grouped = %+v %+v", grouped.CommonPrefixes, grouped.Contents)
	}
}

// TestQuirks pins the habits that the fake exists for, and that each can be switched off where it has a switch.
func TestQuirks(t *testing.T) {
	t.Run("If-None-Match is ignored", func(t *testing.T) {
		for _, honoured := range []bool{false, true} {
			f := store(t, func(o *obs.Options) { o.Conditions = honoured })
			f.CreateBucket("state", true)
			c := f.client(nil)
			winners := 0
			for range 2 {
				if _, err := put(t, c, "claim", "x", func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }); err == nil {
					winners++
				}
			}
			if want := map[bool]int{false: 2, true: 1}[honoured]; winners != want {
				t.Errorf("honoured %v: %d winners, want %d", honoured, winners, want)
			}
		}
	})
	t.Run("chunk framing is stored", func(t *testing.T) {
		checksums := func(in *s3.PutObjectInput) {
			in.ChecksumAlgorithm, in.ContentMD5 = types.ChecksumAlgorithmCrc32, nil
			in.Body = bytes.NewReader([]byte("content"))
		}
		for _, unframed := range []bool{false, true} {
			f := store(t, func(o *obs.Options) { o.UnframeChunks = unframed })
			f.CreateBucket("state", false)
			tls := httptest.NewTLSServer(f.Store)
			defer tls.Close()
			c := f.client(func(o *s3.Options) {
				o.BaseEndpoint = aws.String("https://obs.cn-north-4.emulator.test")
				transport := tls.Client().Transport.(*http.Transport).Clone()
				transport.TLSClientConfig.InsecureSkipVerify = true // a test server under another name
				transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
					return (&net.Dialer{}).DialContext(ctx, network, tls.Listener.Addr().String())
				}
				o.HTTPClient = &http.Client{Transport: transport}
			})
			if _, err := put(t, c, "k", "content", checksums); err != nil {
				t.Fatal(err)
			}
			stored, _ := f.Object("state", "k")
			if same := string(stored) == "content"; same != unframed {
				t.Errorf("unframed %v: stored %q", unframed, stored)
			}
		}
	})
	t.Run("only virtual hosts", func(t *testing.T) {
		f := store(t, nil)
		f.CreateBucket("state", false)
		c := f.client(func(o *s3.Options) { o.UsePathStyle = true })
		if _, err := put(t, c, "k", "x", nil); code(err) != "VirtualHostDomainRequired" {
			t.Errorf("a PUT by path answers %s", code(err))
		}
		if _, err := c.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("state")}); err != nil {
			t.Errorf("a HEAD by path, which the real service lets pass, answers %v", err)
		}
	})
	t.Run("a list may lag behind", func(t *testing.T) {
		f := store(t, nil)
		f.CreateBucket("state", false)
		c := f.client(nil)
		if _, err := put(t, c, "k", "x", nil); err != nil {
			t.Fatal(err)
		}
		f.Hide("state", "k", true)
		listed, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("state")})
		if err != nil || len(listed.Contents) != 0 {
			t.Errorf("the list shows %d objects, %v; want none", len(listed.Contents), err)
		}
		if got, err := get(t, c, "k"); err != nil || got != "x" {
			t.Errorf("get = %q, %v", got, err)
		}
	})
	t.Run("unknown parameters of a delete", func(t *testing.T) {
		f := store(t, func(o *obs.Options) { o.LenientDelete = false })
		f.CreateBucket("state", false)
		_, err := f.client(nil).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("state"), Key: aws.String("k")})
		if code(err) != "InvalidArgument" {
			t.Errorf("the SDK's x-id on a delete answers %s, want InvalidArgument", code(err))
		}
	})
}

func TestFaults(t *testing.T) {
	f := store(t, nil)
	f.CreateBucket("state", true)
	c := f.client(nil)
	f.faults.Add(edge.Fault{Service: "obs", Method: "PUT", Times: 1, Status: 503})
	if _, err := put(t, c, "k", "x", nil); code(err) != "SlowDown" || f.Versions("state", "k") != 0 {
		t.Errorf("throttled: %s with %d versions, want SlowDown with none", code(err), f.Versions("state", "k"))
	}
	f.faults.Add(edge.Fault{Service: "obs", Method: "PUT", Times: 1, After: true, Drop: true})
	if _, err := put(t, c, "k", "x", nil); err == nil || f.Versions("state", "k") != 1 {
		t.Errorf("a lost answer: %v with %d versions, want an error with one", err, f.Versions("state", "k"))
	}
	f.faults.Add(edge.Fault{Service: "obs", Action: "obs:object:GetObject", Times: 1, Status: 403})
	if _, err := get(t, c, "k"); code(err) != "AccessDenied" {
		t.Errorf("refused: %s", code(err))
	}
}

func TestRights(t *testing.T) {
	f := store(t, nil)
	f.CreateBucket("audit", true)
	f.iam.AddAgency("reader", edge.Kubernetes{}, "obs:object:PutObject", "obs:object:GetObject", "obs:object:DeleteObject", "obs:bucket:ListBucket")
	if err := f.SetPolicy("audit", `{"Version":"2008-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":["*"]},"Action":["s3:DeleteObject","s3:DeleteObjectVersion"],"Resource":["arn:aws:s3:::audit/*"]}]}`); err != nil {
		t.Fatal(err)
	}
	cred, err := f.iam.Issue("reader", wall(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	as := func(ak, sk, token string) *s3.Client {
		return f.client(func(o *s3.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: ak, SecretAccessKey: sk, SessionToken: token}, nil
			})
		})
	}
	mine := as(cred.AccessKey, cred.SecretKey, cred.SecurityToken)
	write := func(c *s3.Client) error {
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("audit"), Key: aws.String("k"), Body: bytes.NewReader([]byte("x"))})
		return err
	}
	if err := write(mine); err != nil {
		t.Errorf("an allowed write: %v", err)
	}
	tests := []struct {
		name string
		do   func() error
		want string
	}{
		{"delete, allowed by IAM, denied by the bucket", func() error {
			_, err := mine.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("audit"), Key: aws.String("k")})
			return err
		}, "AccessDenied"},
		{"versions, not allowed", func() error {
			_, err := mine.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String("audit")})
			return err
		}, "AccessDenied"},
		{"without the token", func() error { return write(as(cred.AccessKey, cred.SecretKey, "")) }, "InvalidToken"},
		{"wrong secret", func() error { return write(as("AK", "wrong", "")) }, "SignatureDoesNotMatch"},
		{"unknown key", func() error { return write(as("NOBODY", "x", "")) }, "InvalidAccessKeyId"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := code(tt.do()); got != tt.want {
				t.Errorf("answer = %s, want %s", got, tt.want)
			}
		})
	}
	if f.Versions("audit", "k") != 1 {
		t.Errorf("%d versions, want the one that was written", f.Versions("audit", "k"))
	}
}

// TestBackend checks that with a backend the objects are its own, while rights and settings are still decided here.
func TestBackend(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	f := store(t, func(o *obs.Options) {
		o.Backend = func(w http.ResponseWriter, r *http.Request, _ []byte, bucket, key string) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, r.Method+" "+bucket+" "+key)
			w.WriteHeader(http.StatusOK)
		}
	})
	c := f.client(nil)
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("audit")}); err != nil {
		t.Fatal(err)
	}
	policy := `{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject*","Resource":"arn:aws:s3:::audit/*"}]}`
	if _, err := c.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("audit"), Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	got, err := c.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: aws.String("audit")})
	if err != nil || *got.Policy != policy {
		t.Errorf("policy = %v, %v", got, err)
	}
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("audit"), Key: aws.String("k"), Body: bytes.NewReader([]byte("x"))}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("audit"), Key: aws.String("k")}); code(err) != "AccessDenied" {
		t.Errorf("a denied delete answers %s", code(err))
	}
	if diff := cmp.Diff([]string{"PUT audit ", "PUT audit k"}, seen); diff != "" {
		t.Errorf("what the backend saw (-want +got):\n%s", diff)
	}
}

func TestConcurrentPuts(t *testing.T) {
	f := store(t, nil)
	f.CreateBucket("state", true)
	c := f.client(nil)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			if _, err := put(t, c, "k", fmt.Sprint(i), nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := f.Versions("state", "k"); n != 16 {
		t.Errorf("%d versions of 16 concurrent writes", n)
	}
}
