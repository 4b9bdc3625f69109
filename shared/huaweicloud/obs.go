package huaweicloud

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// OBS is one bucket over OBS' S3 dialect. It asks nothing of the store but read-after-write of single objects: OBS ignores
// If-None-Match, and a listing may lag behind a reading.
type OBS struct {
	session *Session
	bucket  string
	client  *s3.Client
}

// OBSOptions are the differences between OBS and the servers that stand in for it.
type OBSOptions struct {
	// PathStyle puts the bucket into the path. OBS itself wants it in the host name: by path, reading works and writing does not.
	PathStyle bool
	// UnsignedPayload leaves the body out of the signature, so that TLS and Content-MD5 alone protect it.
	UnsignedPayload bool
}

// NewOBS opens a bucket. Nothing is sent.
//
// The options of the client are what keeps OBS from storing bytes we did not send: the SDK's default checksums travel in a framing
// (aws-chunked) that OBS stores as part of the object. Content-MD5, which OBS checks, protects the body instead.
func NewOBS(s *Session, bucket string, o OBSOptions) *OBS {
	client := s3.New(s3.Options{
		Region:       s.Region,
		BaseEndpoint: aws.String(s.Endpoint(OBSService)),
		UsePathStyle: o.PathStyle,
		Credentials: aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			c, err := s.Credentials(ctx)
			return aws.Credentials{AccessKeyID: c.AK, SecretAccessKey: c.SK, SessionToken: c.Token, Source: "session"}, err
		}),
		HTTPSignerV4:               clockedSigner{now: s.Now, signer: v4.NewSigner(func(so *v4.SignerOptions) { so.DisableURIPathEscaping = true })},
		HTTPClient:                 &http.Client{Transport: s.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		Retryer:                    aws.NopRetryer{}, // an attempt here knows what to look up before the next
		APIOptions: []func(*middleware.Stack) error{dropXID, func(stack *middleware.Stack) error {
			if o.UnsignedPayload {
				return nil
			}
			return signPayload(stack)
		}},
	})
	return &OBS{session: s, bucket: bucket, client: client}
}

// clockedSigner signs by our clock instead of the SDK's own reading of the machine's.
type clockedSigner struct {
	now    func() time.Time
	signer *v4.Signer
}

// SignHTTP is s3.HTTPSignerV4's.
func (c clockedSigner) SignHTTP(ctx context.Context, credentials aws.Credentials, r *http.Request, payloadHash, service, region string, _ time.Time, optFns ...func(*v4.SignerOptions)) error {
	return c.signer.SignHTTP(ctx, credentials, r, payloadHash, service, region, c.now(), optFns...)
}

// dropXID removes the query parameter x-id that the SDK adds: OBS documents 400 for parameters it does not know.
func dropXID(stack *middleware.Stack) error {
	return stack.Build.Add(middleware.BuildMiddlewareFunc("DropXID", func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
		if req, ok := in.Request.(*smithyhttp.Request); ok {
			query := req.URL.Query()
			query.Del("x-id")
			req.URL.RawQuery = query.Encode()
		}
		return next.HandleBuild(ctx, in)
	}), middleware.After)
}

// signPayload binds the body into the signature where the SDK would leave it out, which it does over HTTPS.
func signPayload(stack *middleware.Stack) error {
	if _, ok := stack.Finalize.Get("ComputePayloadHash"); !ok {
		return nil
	}
	_, err := stack.Finalize.Swap("ComputePayloadHash", &v4.ComputePayloadSHA256{})
	return err
}

const (
	// maxObject bounds what is read into memory.
	maxObject = 64 << 20
	// objectLimit bounds one attempt with an object's whole body.
	objectLimit = 60 * time.Second
	putAttempts = 3
	listPages   = 1000
)

// Get reads an object. A missing one is an error with NotFound() true; a missing bucket is not.
func (o *OBS) Get(ctx context.Context, key string) ([]byte, error) {
	const op = "GetObject"
	var body []byte
	err := o.session.retry(ctx, false, func(ctx context.Context) *Error {
		ctx, cancel := context.WithTimeout(ctx, objectLimit)
		defer cancel()
		out, err := o.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &o.bucket, Key: &key})
		if err != nil {
			return o.failed(ctx, op, err)
		}
		defer out.Body.Close()
		body, err = io.ReadAll(io.LimitReader(out.Body, maxObject+1))
		switch {
		case err != nil:
			return o.failed(ctx, op, err)
		case len(body) > maxObject:
			return refused(OBSService, op, fmt.Sprintf("the object is larger than %d MiB", maxObject>>20))
		case out.ContentLength != nil && *out.ContentLength != int64(len(body)):
			return &Error{Service: OBSService, Op: op, Kind: Unavailable, Message: "the object came cut off"}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return body, nil
}

// Put writes an object, whole. When an attempt ends without a clear outcome (OBS: a write that timed out or was answered 500 or
// 503 is undecided) the object is read back: the same bytes are success, and only otherwise is the write repeated.
func (o *OBS) Put(ctx context.Context, key string, body []byte) error {
	for n := 1; ; n++ {
		err := o.put(ctx, key, body)
		if err == nil {
			return nil
		}
		if !err.Transient() || ctx.Err() != nil {
			return err
		}
		if err.Kind == Unavailable {
			if there, readErr := o.Get(ctx, key); readErr == nil && bytes.Equal(there, body) {
				return nil
			}
		}
		if n == putAttempts || o.session.wait(ctx, backoff(n)) != nil {
			return err
		}
	}
}

func (o *OBS) put(ctx context.Context, key string, body []byte) *Error {
	ctx, cancel := context.WithTimeout(ctx, objectLimit)
	defer cancel()
	sum := md5.Sum(body) // what OBS checks; it protects against damage, not against malice
	_, err := o.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &o.bucket, Key: &key, Body: bytes.NewReader(body),
		ContentLength: aws.Int64(int64(len(body))),
		ContentMD5:    aws.String(base64.StdEncoding.EncodeToString(sum[:])),
		ContentType:   aws.String(contentType(key)),
	})
	if err != nil {
		return o.failed(ctx, "PutObject", err)
	}
	return nil
}

func contentType(key string) string {
	switch key[strings.LastIndexByte(key, '.')+1:] {
	case "json":
		return "application/json"
	case "jsonl":
		return "application/x-ndjson"
	case "gz":
		return "application/gzip" // and no Content-Encoding, which some clients would undo
	case "md":
		return "text/markdown; charset=utf-8"
	case "html":
		return "text/html; charset=utf-8"
	case "svg":
		return "image/svg+xml"
	case "txt", "log":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// List gives the keys below a prefix, all pages, sorted. It may lag behind Get: find work with it, decide with Get.
func (o *OBS) List(ctx context.Context, prefix string) ([]string, error) {
	const op = "ListObjectsV2"
	var keys []string
	in := &s3.ListObjectsV2Input{Bucket: &o.bucket, Prefix: &prefix}
	for range listPages {
		var page *s3.ListObjectsV2Output
		err := o.session.retry(ctx, false, func(ctx context.Context) *Error {
			ctx, cancel := context.WithTimeout(ctx, attemptLimit)
			defer cancel()
			var err error
			if page, err = o.client.ListObjectsV2(ctx, in); err != nil {
				return o.failed(ctx, op, err)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			keys = append(keys, aws.ToString(object.Key))
		}
		if !aws.ToBool(page.IsTruncated) {
			slices.Sort(keys)
			return slices.Compact(keys), nil
		}
		next := aws.ToString(page.NextContinuationToken)
		if next == "" || next == aws.ToString(in.ContinuationToken) {
			return nil, notUnderstood(OBSService, op, "a listing that goes on names no next page")
		}
		in.ContinuationToken = &next
	}
	return nil, refused(OBSService, op, fmt.Sprintf("more than %d pages below the prefix", listPages))
}

// failed is an SDK error as ours. The SDK's own text holds addresses and is not repeated.
func (o *OBS) failed(ctx context.Context, op string, err error) *Error {
	hide := o.session.hide(ctx)
	e := &Error{Service: OBSService, Op: op}
	var api smithy.APIError
	if errors.As(err, &api) {
		e.Code, e.Message = clean(api.ErrorCode(), 64, hide), clean(api.ErrorMessage(), maxMessage, hide)
	}
	var resp *smithyhttp.ResponseError
	if !errors.As(err, &resp) || resp.HTTPStatusCode() < 300 {
		return noAnswer(ctx, OBSService, op, innermost(err), hide)
	}
	e.Status = resp.HTTPStatusCode()
	if resp.Response != nil {
		e.RequestID = clean(resp.Response.Header.Get("x-amz-request-id"), 64, hide)
		e.RetryAfter = retryAfter(resp.Response.Header.Get("Retry-After"))
	}
	e.Kind = kindOf(e.Status, e.Code)
	if e.Kind == NotFound && (e.Code != "NoSuchKey" || op == "PutObject") {
		// A bucket that is not there must not read as an object that is not there; a write that finds no key is one that names
		// the bucket in its path.
		e.Kind = Invalid
	}
	if e.Kind == Throttled && e.Status >= 500 && op == "PutObject" {
		e.Kind = Unavailable // OBS: a write answered 503 is undecided
	}
	return e
}

// innermost is the network's error without the operation and address the SDK wraps around it.
func innermost(err error) error {
	var send *smithyhttp.RequestSendError
	if errors.As(err, &send) {
		return send.Err
	}
	var canceled *aws.RequestCanceledError
	if errors.As(err, &canceled) {
		return canceled.Err
	}
	return err
}
