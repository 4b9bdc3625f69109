package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
)

// Documents of a bucket, as the provider reads them.
type (
	statusRead    struct{ Status string }
	lifecycleRead struct {
		Rule []struct {
			ID, Prefix, Status             string
			Transition                     []struct{ Days, StorageClass string }
			Expiration                     struct{ Days string }
			NoncurrentVersionExpiration    struct{ NoncurrentDays string }
			AbortIncompleteMultipartUpload struct{ DaysAfterInitiation string }
		}
	}
	loggingRead struct {
		Agency         string
		LoggingEnabled struct{ TargetBucket, TargetPrefix string }
	}
	encryptionRead struct {
		Rule struct {
			ApplyServerSideEncryptionByDefault struct{ SSEAlgorithm, KMSMasterKeyID string }
		}
	}
)

// document reads one of a bucket; nothing where it was never put.
func (c *client) document(ctx context.Context, bucket, what string, into any) error {
	raw, err := c.exchange(ctx, "GET", bucket, "/?"+what, nil, nil)
	var r *refused
	if errors.As(err, &r) && r.status == http.StatusNotFound {
		return nil
	}
	if err != nil || into == nil {
		return err
	}
	if text, ok := into.(*string); ok {
		*text = string(raw)
		return nil
	}
	if err := xml.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read the %s of %s: %w", what, bucket, err)
	}
	return nil
}

func readBucket(ctx context.Context, c *client, name string, _ object) (object, error) {
	if _, err := c.exchange(ctx, "HEAD", name, "/", nil, nil); err != nil {
		return nil, err
	}
	var versioning statusRead
	var lifecycle lifecycleRead
	var logging loggingRead
	var encryption encryptionRead
	var tagging taggingXML
	policy := ""
	for what, into := range map[string]any{
		"versioning": &versioning, "lifecycle": &lifecycle, "logging": &logging, "encryption": &encryption, "tagging": &tagging, "policy": &policy,
		"quota": nil, "website": nil, "cors": nil, "storagePolicy": nil, "storageinfo": nil, "customdomain": nil,
	} {
		if err := c.document(ctx, name, what, into); err != nil {
			return nil, err
		}
	}
	if policy != "" && !json.Valid([]byte(policy)) {
		return nil, fmt.Errorf("the policy of %s is no JSON: %.100s", name, policy)
	}
	by := encryption.Rule.ApplyServerSideEncryptionByDefault
	tags := map[string]any{}
	for _, t := range tagging.TagSet.Tag {
		tags[t.Key] = t.Value
	}
	out := object{
		"bucket": name, "versioning": versioning.Status == "Enabled", "policy": policy, "tags": tags,
		"encryption": by.SSEAlgorithm != "", "sse_algorithm": by.SSEAlgorithm, "kms_key_id": by.KMSMasterKeyID, "lifecycle_rule": lifecycle.blocks(), "logging": []any{},
	}
	if to := logging.LoggingEnabled; to.TargetBucket != "" {
		out["logging"] = []any{map[string]any{"target_bucket": to.TargetBucket, "target_prefix": to.TargetPrefix, "agency": logging.Agency}}
	}
	return out, nil
}

func (l lifecycleRead) blocks() []any {
	one := func(days string) []any {
		if days == "" {
			return []any{}
		}
		return []any{map[string]any{"days": days}}
	}
	out := []any{}
	for _, r := range l.Rule {
		moves := []any{}
		for _, t := range r.Transition {
			moves = append(moves, map[string]any{"days": t.Days, "storage_class": map[string]string{"STANDARD_IA": "WARM", "GLACIER": "COLD"}[t.StorageClass]})
		}
		out = append(out, map[string]any{
			"name": r.ID, "prefix": r.Prefix, "enabled": r.Status == "Enabled", "transition": moves,
			"expiration": one(r.Expiration.Days), "noncurrent_version_expiration": one(r.NoncurrentVersionExpiration.NoncurrentDays),
			"abort_incomplete_multipart_upload": one(r.AbortIncompleteMultipartUpload.DaysAfterInitiation), "noncurrent_version_transition": []any{},
		})
	}
	return out
}

func readObject(ctx context.Context, c *client, _ string, was object) (object, error) {
	if _, err := c.exchange(ctx, "HEAD", was.text("bucket"), "/"+was.text("key"), nil, nil); err != nil {
		return nil, err
	}
	return was.take("bucket", "key"), nil
}
