package main

import (
	"context"
	"crypto/sha1" // what the provider keeps of a secret
	"encoding/hex"
	"fmt"
)

func readKey(ctx context.Context, c *client, id string, _ object) (object, error) {
	answer, err := c.call(ctx, "kms", "POST", kmsRoot+"describe-key", object{"key_id": id})
	if err != nil {
		return nil, err
	}
	key := answer.object("key_info")
	if state := key.text("key_state"); state == "4" || state == "" {
		return nil, errGone // scheduled for deletion
	}
	out := key.take("key_id", "domain_id", "key_alias", "key_description", "key_state")
	rotation, err := c.call(ctx, "kms", "POST", kmsRoot+"get-key-rotation-status", object{"key_id": id})
	if err != nil {
		return nil, err
	}
	out["rotation_enabled"], out["rotation_interval"] = rotation["key_rotation_enabled"], rotation["rotation_interval"]
	tags, err := c.call(ctx, "kms", "GET", kmsRoot+id+"/tags", nil)
	out["tags"] = tagsOf(tags.list("tags"))
	return out, err
}

// readSecret reads the newest version's text and keeps its sum.
func readSecret(ctx context.Context, c *client, _ string, was object) (object, error) {
	at := "/v1/{project}/secrets/" + was.text("name")
	answer, err := c.call(ctx, "kms", "GET", at, nil)
	if err != nil {
		return nil, err
	}
	secret := answer.object("secret")
	out := secret.take("name", "kms_key_id", "description", "id secret_id")
	versions, err := c.call(ctx, "kms", "GET", at+"/versions", nil)
	if err != nil {
		return nil, err
	}
	newest, created := "", 0.0
	for _, v := range versions.list("version_metadatas") {
		when, ok := v["create_time"].(float64)
		if !ok {
			return nil, fmt.Errorf("create_time is %v: the provider insists on a number", v["create_time"])
		}
		if when > created {
			newest, created = v.text("id"), when
		}
	}
	version, err := c.call(ctx, "kms", "GET", at+"/versions/"+newest, nil)
	if err != nil {
		return nil, err
	}
	out["latest_version"] = newest
	sum := sha1.Sum([]byte(version.object("version").text("secret_string")))
	out["secret_text"] = hex.EncodeToString(sum[:])
	tags, err := c.call(ctx, "kms", "GET", "/v1/{project}/csms/"+secret.text("id")+"/tags", nil)
	out["tags"] = tagsOf(tags.list("tags"))
	return out, err
}

func readRole(ctx context.Context, c *client, id string, _ object) (object, error) {
	answer, err := c.call(ctx, "iam", "GET", customRoles+"/"+id, nil)
	if err != nil {
		return nil, err
	}
	role := answer.object("role")
	out := role.take("display_name name", "type", "description")
	out["policy"] = inJSON(role["policy"])
	return out, nil
}

func readAgency(ctx context.Context, c *client, id string, was object) (object, error) {
	answer, err := c.call(ctx, "iam", "GET", agencies+"/"+id, nil)
	if err != nil {
		return nil, err
	}
	out := answer.object("agency").take("name", "trust_domain_name delegated_service_name", "description", "duration")
	granted := func(path string) ([]any, error) {
		roles, err := c.call(ctx, "iam", "GET", path, nil)
		names := []any{}
		for _, r := range roles.list("roles") {
			names = append(names, r.text("display_name"))
		}
		return names, err
	}
	if out["domain_roles"], err = granted("/v3.0/OS-AGENCY/domains/{domain}/agencies/" + id + "/roles"); err != nil {
		return nil, err
	}
	if out["all_resources_roles"], err = granted("/v3.0/OS-INHERIT/domains/{domain}/agencies/" + id + "/roles/inherited_to_projects"); err != nil {
		return nil, err
	}
	projects, err := c.call(ctx, "iam", "GET", "/v3/projects?domain_id={domain}&per_page=5000&page=1", nil)
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, p := range projects.list("projects") {
		ids[p.text("name")] = p.text("id")
	}
	in := []any{}
	for _, p := range was.list("project_role") {
		roles, err := granted("/v3.0/OS-AGENCY/projects/" + ids[p.text("project")] + "/agencies/" + id + "/roles")
		if err != nil {
			return nil, err
		}
		in = append(in, map[string]any{"project": p.text("project"), "roles": roles})
	}
	out["project_role"] = in
	return out, nil
}
