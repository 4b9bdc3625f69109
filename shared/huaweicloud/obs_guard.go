package huaweicloud

import (
	"bytes"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// PutNew writes an object on condition that there is none (If-None-Match: *), once. OBS documents no such condition for writes, so
// nothing is decided by it: a deployment's probe asks what this region makes of it. Conflict means that it was honoured.
func (o *OBS) PutNew(ctx context.Context, key string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	_, err := o.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &o.bucket, Key: &key, Body: bytes.NewReader(body), ContentLength: aws.Int64(int64(len(body))), IfNoneMatch: aws.String("*"),
	})
	if err != nil {
		return o.failed(ctx, "PutObject", err)
	}
	return nil
}

// Delete tries to remove an object. Nothing in the functions deletes; a deployment's probe asks for it to be told Denied.
func (o *OBS) Delete(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	if _, err := o.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &o.bucket, Key: &key}); err != nil {
		return o.failed(ctx, "DeleteObject", err)
	}
	return nil
}
