package iam

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"
)

// Statement is one sentence of a policy, in the account's own JSON spelling.
type Statement struct {
	Effect    string   `json:"Effect"` // Allow or Deny
	Action    []string `json:"Action"`
	Resource  any      `json:"Resource,omitempty"`
	Condition any      `json:"Condition,omitempty"`
}

// Policy is an IAM policy document. Resources and conditions are kept but not judged: the emulator has one project.
type Policy struct {
	Version   string      `json:"Version"`
	Statement []Statement `json:"Statement"`
}

// Role is a named policy that can be granted to an agency: a system role, or a custom one.
type Role struct {
	ID          string
	DisplayName string
	Description string
	Type        string // XA project scope, AX domain scope
	Custom      bool
	Policy      Policy
}

type verdict int

const (
	silent verdict = iota
	allowed
	denied
)

// Allow is the policy that allows exactly the given actions; they may hold "*".
func Allow(actions ...string) Policy {
	if len(actions) == 0 {
		return Policy{Version: "1.1"}
	}
	return Policy{Version: "1.1", Statement: []Statement{{Effect: "Allow", Action: actions}}}
}

// decide lets a Deny win over any Allow, as IAM does.
func (p Policy) decide(action string) verdict {
	v := silent
	for _, s := range p.Statement {
		for _, pattern := range s.Action {
			if !covers(pattern, action) {
				continue
			}
			if strings.EqualFold(s.Effect, "Deny") {
				return denied
			}
			v = allowed
		}
	}
	return v
}

// formerly are CCE's action names before they were split up; a policy that uses them covers what they became, the certificate of a
// cluster included.
func formerly(pattern string) []string {
	switch strings.ToLower(pattern) {
	case "cce:cluster:get":
		return []string{"cce:cluster:getCluster", "cce:cluster:getEndpoints", "cce:cluster:generateClientCredential"}
	case "cce:node:get":
		return []string{"cce:node:getNode"}
	case "cce:nodepool:get":
		return []string{"cce:nodepool:getNodepool"}
	}
	return nil
}

// covers is matches with the older names understood.
func covers(pattern, action string) bool {
	return matches(pattern, action) || slices.ContainsFunc(formerly(pattern), func(p string) bool { return matches(p, action) })
}

// matches compares "service:resource:verb" patterns with "*" in any place. Action names are compared without case, since the
// published tables disagree on it; a trailing "*" such as functiongraph:function:invoke* covers its whole rest.
func matches(pattern, action string) bool {
	pattern, action = strings.ToLower(pattern), strings.ToLower(action)
	if pattern == "*" || pattern == "*:*:*" {
		return true
	}
	ok, err := path.Match(pattern, action)
	return err == nil && ok
}

// hexID derives a stable 32-hex id, so that a restarted emulator answers with the same ids.
func hexID(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + name))
	return hex.EncodeToString(sum[:16])
}

// systemRoles are the system-defined roles and policies that a deployment of this project might name; an unknown name cannot be
// attached, as in the real account. Their contents are the gist of the published ones.
func systemRoles() []Role {
	table := []struct {
		name    string
		actions []string
	}{
		{"Tenant Guest", []string{"*:*:get*", "*:*:list*", "*:*:show*"}},
		{"Tenant Administrator", []string{"*"}},
		{"CCE FullAccess", []string{"cce:*:*"}},
		{"CCE ReadOnlyAccess", []string{"cce:*:get*", "cce:*:list*"}},
		{"CCE Administrator", []string{"cce:*:*"}},
		{"AOM FullAccess", []string{"aom:*:*"}},
		{"AOM ReadOnlyAccess", []string{"aom:*:get*", "aom:*:list*"}},
		{"SMN Administrator", []string{"smn:*:*"}},
		{"SMN FullAccess", []string{"smn:*:*"}},
		{"SMN ReadOnlyAccess", []string{"smn:*:get*", "smn:*:list*"}},
		{"LTS FullAccess", []string{"lts:*:*"}},
		{"LTS ReadOnlyAccess", []string{"lts:*:get*", "lts:*:list*"}},
		{"LTS Administrator", []string{"lts:*:*"}},
		{"CTS FullAccess", []string{"cts:*:*"}},
		{"CTS ReadOnlyAccess", []string{"cts:*:get*", "cts:*:list*"}},
		{"FunctionGraph FullAccess", []string{"functiongraph:*:*"}},
		{"FunctionGraph ReadOnlyAccess", []string{"functiongraph:*:get*", "functiongraph:*:list*"}},
		{"FunctionGraph CommonOperations", []string{"functiongraph:*:get*", "functiongraph:*:list*", "functiongraph:function:invoke*"}},
		{"OBS Administrator", []string{"obs:*:*"}},
		{"OBS OperateAccess", []string{"obs:object:*", "obs:bucket:get*", "obs:bucket:list*", "obs:bucket:headbucket"}},
		{"KMS Administrator", []string{"kms:*:*"}},
		{"KMS CMKFullAccess", []string{"kms:*:*"}},
		{"CSMS FullAccess", []string{"csms:*:*"}},
		{"CSMS ReadOnlyAccess", []string{"csms:*:get*", "csms:*:list*"}},
		{"APIG Administrator", []string{"apig:*:*"}},
		{"VPC Administrator", []string{"vpc:*:*"}},
	}
	roles := make([]Role, 0, len(table))
	for _, t := range table {
		roles = append(roles, Role{ID: hexID("system-role", t.name), DisplayName: t.name, Type: "XA", Policy: Allow(t.actions...)})
	}
	return roles
}
