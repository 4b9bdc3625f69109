package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
)

// Documents of a bucket, as OBS writes them.
type (
	versioningXML struct {
		XMLName xml.Name `xml:"VersioningConfiguration"`
		Status  string
	}
	lifecycleXML struct {
		XMLName xml.Name `xml:"LifecycleConfiguration"`
		Rule    []lifecycleRule
	}
	lifecycleRule struct {
		ID, Prefix, Status             string
		Transition                     []transition `xml:",omitempty"`
		Expiration                     *days        `xml:",omitempty"`
		NoncurrentVersionExpiration    *laterDays   `xml:",omitempty"`
		AbortIncompleteMultipartUpload *sinceDays   `xml:",omitempty"`
	}
	transition struct {
		Days         any
		StorageClass string
	}
	days       struct{ Days any }
	laterDays  struct{ NoncurrentDays any }
	sinceDays  struct{ DaysAfterInitiation any }
	loggingXML struct {
		XMLName        xml.Name `xml:"BucketLoggingStatus"`
		Agency         string
		LoggingEnabled struct{ TargetBucket, TargetPrefix string }
	}
	tagXML     struct{ Key, Value string }
	taggingXML struct {
		XMLName xml.Name `xml:"Tagging"`
		TagSet  struct{ Tag []tagXML }
	}
)

func makeBucket(ctx context.Context, c *client, in object) (object, error) {
	name := in.text("bucket")
	header := map[string]string{"X-Obs-Acl": in.text("acl")}
	if in["encryption"] == true {
		header["X-Obs-Server-Side-Encryption"] = in.text("sse_algorithm")
		header["X-Obs-Server-Side-Encryption-Kms-Key-Id"] = in.text("kms_key_id")
	}
	if err := c.store(ctx, "PUT", name, "/", header, nil); err != nil {
		return nil, err
	}
	return object{"id": name}, changeBucket(ctx, c, name, in, nil)
}

func changeBucket(ctx context.Context, c *client, name string, in, _ object) error {
	if policy := in.text("policy"); policy != "" {
		if err := c.store(ctx, "PUT", name, "/?policy", nil, []byte(policy)); err != nil {
			return err
		}
	}
	documents := map[string]any{"lifecycle": lifecycle(in)}
	if in["versioning"] == true {
		documents["versioning"] = versioningXML{Status: "Enabled"}
	}
	if l := in.block("logging"); len(l) > 0 {
		to := loggingXML{Agency: l.text("agency")}
		to.LoggingEnabled.TargetBucket, to.LoggingEnabled.TargetPrefix = l.text("target_bucket"), l.text("target_prefix")
		documents["logging"] = to
	}
	if tags := in.object("tags"); len(tags) > 0 {
		var t taggingXML
		for k, v := range tags {
			t.TagSet.Tag = append(t.TagSet.Tag, tagXML{k, fmt.Sprint(v)})
		}
		documents["tagging"] = t
	}
	for what, document := range documents {
		raw, err := xml.Marshal(document)
		if err != nil {
			return fmt.Errorf("write the %s of %s: %w", what, name, err)
		}
		if err := c.store(ctx, "PUT", name, "/?"+what, nil, raw); err != nil {
			return err
		}
	}
	return nil
}

func lifecycle(in object) lifecycleXML {
	var out lifecycleXML
	for _, r := range in.list("lifecycle_rule") {
		rule := lifecycleRule{ID: r.text("name"), Prefix: r.text("prefix"), Status: "Enabled"}
		for _, t := range r.list("transition") {
			rule.Transition = append(rule.Transition, transition{t["days"], map[string]string{"WARM": "STANDARD_IA", "COLD": "GLACIER"}[t.text("storage_class")]})
		}
		if n := r.block("expiration")["days"]; n != nil {
			rule.Expiration = &days{n}
		}
		if n := r.block("noncurrent_version_expiration")["days"]; n != nil {
			rule.NoncurrentVersionExpiration = &laterDays{n}
		}
		if n := r.block("abort_incomplete_multipart_upload")["days"]; n != nil {
			rule.AbortIncompleteMultipartUpload = &sinceDays{n}
		}
		out.Rule = append(out.Rule, rule)
	}
	return out
}

// removeBucket removes an empty bucket; what force_destroy does is left to the provider.
func removeBucket(ctx context.Context, c *client, name string, _ object) error {
	return c.store(ctx, "DELETE", name, "/", nil, nil)
}

func makeObject(ctx context.Context, c *client, in object) (object, error) {
	return object{"id": in.text("key")}, changeObject(ctx, c, "", in, nil)
}

func changeObject(ctx context.Context, c *client, _ string, in, _ object) error {
	body := []byte(in.text("content"))
	if file := in.text("source"); file != "" {
		var err error
		if body, err = os.ReadFile(file); err != nil {
			return fmt.Errorf("read the object's source: %w", err)
		}
	}
	header := map[string]string{}
	if kind := in.text("content_type"); kind != "" {
		header["Content-Type"] = kind
	}
	return c.store(ctx, "PUT", in.text("bucket"), "/"+in.text("key"), header, body)
}

func removeObject(ctx context.Context, c *client, _ string, was object) error {
	return c.store(ctx, "DELETE", was.text("bucket"), "/"+was.text("key"), nil, nil)
}
