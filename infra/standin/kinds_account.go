package main

import (
	"context"
	"crypto/sha1" // what the provider keeps of a secret
	"encoding/hex"
	"encoding/json"
	"fmt"
)

const (
	kmsRoot, agencies = "/v1.0/{project}/kms/", "/v3.0/OS-AGENCY/agencies"
	customRoles       = "/v3.0/OS-ROLE/roles"
)

func makeKey(ctx context.Context, c *client, in object) (object, error) {
	made, err := c.call(ctx, "kms", "POST", kmsRoot+"create-key", in.pick("key_alias", "key_description"))
	if err != nil {
		return nil, err
	}
	id := made.object("key_info").text("key_id")
	if in["rotation_enabled"] == true {
		if _, err := c.call(ctx, "kms", "POST", kmsRoot+"enable-key-rotation", object{"key_id": id}); err != nil {
			return nil, err
		}
		interval := object{"key_id": id, "rotation_interval": in["rotation_interval"]}
		if _, err := c.call(ctx, "kms", "POST", kmsRoot+"update-key-rotation-interval", interval); err != nil {
			return nil, err
		}
	}
	return object{"id": id, "key_id": id, "domain_id": made.object("key_info").text("domain_id"), "key_state": "2"}, c.tag(ctx, "kms", kmsRoot+id+"/tags/action", in)
}

func changeKey(ctx context.Context, c *client, id string, in, was object) error {
	for argument, call := range map[string]string{"key_description": "update-key-description", "key_alias": "update-key-alias"} {
		if in[argument] == was[argument] {
			continue
		}
		if _, err := c.call(ctx, "kms", "POST", kmsRoot+call, object{"key_id": id, argument: in[argument]}); err != nil {
			return err
		}
	}
	if in["rotation_interval"] != was["rotation_interval"] {
		if _, err := c.call(ctx, "kms", "POST", kmsRoot+"update-key-rotation-interval", object{"key_id": id, "rotation_interval": in["rotation_interval"]}); err != nil {
			return err
		}
	}
	return c.retag(ctx, "kms", kmsRoot+id+"/tags/action", in, was)
}

func removeKey(ctx context.Context, c *client, id string, was object) error {
	days := was.text("pending_days")
	if days == "" {
		days = "7"
	}
	_, err := c.call(ctx, "kms", "POST", kmsRoot+"schedule-key-deletion", object{"key_id": id, "pending_days": days})
	return err
}

// Secrets are served beside the keys.
func makeSecret(ctx context.Context, c *client, in object) (object, error) {
	made, err := c.call(ctx, "kms", "POST", "/v1/{project}/secrets", in.pick("name", "kms_key_id", "description", "secret_text secret_string"))
	if err != nil {
		return nil, err
	}
	id := made.object("secret").text("id")
	return object{"id": id + "/" + in.text("name"), "secret_id": id, "latest_version": "v1"}, c.tag(ctx, "kms", "/v1/{project}/csms/"+id+"/tags/action", in)
}

func changeSecret(ctx context.Context, c *client, _ string, in, was object) error {
	at := "/v1/{project}/secrets/" + in.text("name")
	if in["description"] != was["description"] || in["kms_key_id"] != was["kms_key_id"] {
		if _, err := c.call(ctx, "kms", "PUT", at, in.pick("kms_key_id", "description")); err != nil {
			return err
		}
	}
	if sum := sha1.Sum([]byte(in.text("secret_text"))); hex.EncodeToString(sum[:]) != was.text("secret_text") {
		if _, err := c.call(ctx, "kms", "POST", at+"/versions", in.pick("secret_text secret_string")); err != nil {
			return err
		}
	}
	return c.retag(ctx, "kms", "/v1/{project}/csms/"+was.text("secret_id")+"/tags/action", in, was)
}

func removeSecret(ctx context.Context, c *client, _ string, was object) error {
	_, err := c.call(ctx, "kms", "DELETE", "/v1/{project}/secrets/"+was.text("name"), nil)
	return err
}

func roleBody(in object) object {
	body := in.pick("name display_name", "type", "description")
	body["policy"] = json.RawMessage(in.text("policy"))
	return object{"role": body}
}

func makeRole(ctx context.Context, c *client, in object) (object, error) {
	made, err := c.call(ctx, "iam", "POST", customRoles, roleBody(in))
	return object{"id": made.object("role").text("id")}, err
}

func changeRole(ctx context.Context, c *client, id string, in, _ object) error {
	_, err := c.call(ctx, "iam", "PATCH", customRoles+"/"+id, roleBody(in))
	return err
}

func makeAgency(ctx context.Context, c *client, in object) (object, error) {
	made, err := c.call(ctx, "iam", "POST", agencies, object{"agency": object{
		"name": in.text("name"), "domain_id": c.domain, "trust_domain_name": in.text("delegated_service_name"), "description": in.text("description"), "duration": in.text("duration"),
	}})
	if err != nil {
		return nil, err
	}
	id := made.object("agency").text("id")
	return object{"id": id}, grant(ctx, c, id, in)
}

func changeAgency(ctx context.Context, c *client, id string, in, _ object) error {
	if _, err := c.call(ctx, "iam", "PUT", agencies+"/"+id, object{"agency": in.pick("description", "duration")}); err != nil {
		return err
	}
	return grant(ctx, c, id, in)
}

// grant attaches the policies, which the account is asked for by name.
func grant(ctx context.Context, c *client, id string, in object) error {
	ids := map[string]string{}
	for _, of := range []string{"", "&domain_id={domain}"} {
		answer, err := c.call(ctx, "iam", "GET", "/v3/roles?per_page=300&page=1"+of, nil)
		if err != nil {
			return err
		}
		for _, r := range answer.list("roles") {
			ids[r.text("display_name")] = r.text("id")
		}
	}
	give := func(scope string, names []string) error {
		for _, n := range names {
			if ids[n] == "" {
				return fmt.Errorf("the account has no policy %s", n)
			}
			if _, err := c.call(ctx, "iam", "PUT", "/v3.0/OS-AGENCY/"+scope+"/agencies/"+id+"/roles/"+ids[n], nil); err != nil {
				return err
			}
		}
		return nil
	}
	for _, p := range in.list("project_role") {
		if p.text("project") != c.inRegion {
			return fmt.Errorf("the stand-in knows the project %s only, not %s", c.inRegion, p.text("project"))
		}
		if err := give("projects/"+c.project, p.texts("roles")); err != nil {
			return err
		}
	}
	return give("domains/"+c.domain, in.texts("domain_roles"))
}
