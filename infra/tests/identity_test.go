package infra_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// writes are the verbs of an action that change something.
var writes = []string{"create", "update", "delete", "put", "set", "add", "remove", "scale", "upgrade", "modify", "grant", "revoke", "reset", "start", "stop", "reboot", "operate", "bind", "attach", "publish", "invoke"}

// own are the writes that looking takes: to our records and their data keys, to wake another function, to tell of a failure.
var own = []string{"kms:dek:create", "functiongraph:function:invokeAsync", "smn:topic:publish", "obs:object:PutObject"}

// actions are those that the policies of an agency allow.
func (d *deployment) actions(t *testing.T, agency string) []string {
	t.Helper()
	root := d.state.Values.RootModule
	policies := map[string]map[string]any{}
	for _, p := range resources(root, "identity_role") {
		policies[text(p, "name")] = p
	}
	a := resources(root, "identity_agency")[`huaweicloud_identity_agency.function["`+agency+`"]`]
	names, _ := a["domain_roles"].([]any)
	regional, _ := dig(a, "project_role", 0, "roles").([]any)
	var out []string
	for _, n := range append(slices.Clone(names), regional...) {
		p := policies[text(n)]
		if p == nil {
			t.Fatalf("%s has the policy %v, which this deployment does not make", agency, n)
		}
		statements, _ := object(t, text(p, "policy"))["Statement"].([]any)
		for _, s := range statements {
			if text(s, "Effect") != "Allow" {
				t.Errorf("%s: effect %q", text(p, "name"), text(s, "Effect"))
			}
			list, _ := dig(s, "Action").([]any)
			for _, action := range list {
				out = append(out, text(action))
				global := strings.HasPrefix(text(action), "obs:")
				if global != (text(p, "type") == "AX") {
					t.Errorf("%s: %v is in a policy of type %s", text(p, "name"), action, text(p, "type"))
				}
				if global && !strings.Contains(text(s, "Resource", 0), "-state") {
					t.Errorf("%v reaches %v", action, dig(s, "Resource"))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

func TestLeastPrivilege(t *testing.T) {
	d := deployed(t)
	read, write := d.actions(t, "read"), d.actions(t, "write")
	for _, action := range append(slices.Clone(read), write...) {
		if strings.Contains(action, "*") || strings.Count(action, ":") != 2 {
			t.Errorf("%q is not one action", action)
		}
	}
	for _, action := range read {
		verb := strings.ToLower(action[strings.LastIndexByte(action, ':')+1:])
		if slices.ContainsFunc(writes, func(w string) bool { return strings.HasPrefix(verb, w) }) && !slices.Contains(own, action) {
			t.Errorf("the read agency may %s", action)
		}
	}
	var more []string
	for _, action := range write {
		if !slices.Contains(read, action) {
			more = append(more, action)
		}
	}
	if diff := cmp.Diff([]string{"cce:node:delete", "cce:nodepool:scale"}, more); diff != "" {
		t.Errorf("what only the write agency may (-want +got)\n%s", diff)
	}
	for address, a := range resources(d.state.Values.RootModule, "identity_agency") {
		want := map[bool]string{true: "op_svc_obs", false: "op_svc_cff"}[strings.HasSuffix(address, ".audit")]
		if text(a, "delegated_service_name") != want {
			t.Errorf("%s trusts %s", address, text(a, "delegated_service_name"))
		}
	}
}

// taken names what takes an action: a call in the source of shared/, or what the platform does in a function's name.
var taken = map[string]string{
	"aom:alarm:list": "ListEvents", "aom:alarmRule:list": "ListMetricOrEventAlarmRule", "aom:muteRule:list": "ListMuteRule", "aom:metric:list": "query_range",
	"cce:cluster:getCluster": "ShowCluster", "cce:node:list": "ListNodes", "cce:node:getNode": `"ShowNode"`, "cce:nodepool:list": "ListNodePools", "cce:nodepool:getNodepool": "ShowNodePool",
	"cce:addonInstance:list": "ListAddonInstances", "cce:addonInstance:get": "ShowAddonInstance", "cts:trace:list": "ListTraces", "lts:logs:list": "ListLogs",
	"csms:secretVersion:get": "ShowSecretVersion", "csms:secretStage:get": "ShowSecretStage", "functiongraph:function:invokeAsync": "invocations-async",
	"cce:nodepool:scale": "ScaleNodePool", "cce:node:delete": "DeleteNode", "obs:object:GetObject": "GetObject", "obs:object:PutObject": "PutObject",
	"obs:bucket:ListBucket": "ListObjectsV2",
	"kms:cmk:get":           "", // OBS itself, with the data keys below
	"kms:dek:create":        "", "kms:dek:encrypt": "", "kms:dek:decrypt": "",
	"smn:topic:publish": "", "smn:topic:list": "", // FunctionGraph itself, for a run given up
}

// TestEveryActionIsTaken: nobody holds a right that nothing uses.
func TestEveryActionIsTaken(t *testing.T) {
	d := deployed(t)
	var source strings.Builder
	err := filepath.WalkDir("../../shared", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		source.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]bool{}
	for _, action := range append(d.actions(t, "read"), d.actions(t, "write")...) {
		held[action] = true
	}
	for action := range held {
		if by, known := taken[action]; !known || !strings.Contains(source.String(), by) {
			t.Errorf("nothing takes %s (%q)", action, by)
		}
	}
	for action := range taken {
		if !held[action] {
			t.Errorf("nobody may %s, which is taken", action)
		}
	}
}

func TestBuckets(t *testing.T) {
	d := deployed(t)
	buckets := resources(d.state.Values.RootModule, "obs_bucket")
	for address, b := range buckets {
		if b["versioning"] != true || b["encryption"] != true || text(b, "sse_algorithm") != "kms" || text(b, "kms_key_id") == "" || b["acl"] != "private" || b["force_destroy"] != false {
			t.Errorf("%s: %v", address, b)
		}
		denied := map[string]bool{}
		statements, _ := object(t, text(b, "policy"))["Statement"].([]any)
		for _, s := range statements {
			if text(s, "Effect") != "Deny" {
				t.Errorf("%s allows something by its policy", address)
			}
			if p, _ := dig(s, "Principal", "ID").([]any); len(p) != 2 || !strings.HasSuffix(text(p[0]), ":agency/cce-oncall-read") || !strings.HasSuffix(text(p[1]), ":agency/cce-oncall-write") {
				t.Errorf("%s: principals %v", address, p)
			}
			actions, _ := dig(s, "Action").([]any)
			for _, a := range actions {
				if text(s, "Sid") != "FunctionsNeverChangeCode" {
					denied[text(a)] = true
				}
			}
		}
		for _, a := range []string{"DeleteObject", "DeleteObjectVersion", "PutBucketPolicy", "PutLifecycleConfiguration", "PutBucketVersioning"} {
			if !denied[a] {
				t.Errorf("%s lets the functions %s", address, a)
			}
		}
		if strings.HasSuffix(address, ".state") && (!strings.Contains(text(b, "policy"), "/code/*") || !strings.Contains(text(b, "policy"), "/config/*")) {
			t.Error("the functions could change their code, or who may confirm what")
		}
		if strings.HasSuffix(address, ".state") && denied["PutObject"] {
			t.Error("the functions could not write records")
		}
	}
	prefixes := map[string]bool{}
	rules, _ := dig(buckets["huaweicloud_obs_bucket.state"], "lifecycle_rule").([]any)
	for _, r := range rules {
		prefixes[text(r, "prefix")] = true
	}
	if len(prefixes) != len(rules) || prefixes[""] || prefixes["control/"] {
		t.Errorf("lifecycle rules overlap, or end the kill switch: %v", prefixes)
	}
}

func TestKubernetesRights(t *testing.T) {
	d := deployed(t)
	manifests := text(d.state.Values.Outputs["kubernetes_manifests"].Value)
	type rule struct{ APIGroups, Resources, Verbs []string }
	type thing struct {
		Kind     string
		Metadata struct{ Name, Namespace string }
		Rules    []rule
		RoleRef  struct{ Kind, Name string }
		Subjects []struct{ Kind, Name string }
	}
	roles, bound := map[string][]rule{}, map[string][]string{}
	for _, doc := range strings.Split(manifests, "---\n") {
		var x thing
		if err := yaml.Unmarshal([]byte(doc), &x); err != nil {
			t.Fatal(err)
		}
		key := x.Metadata.Namespace + "/" + x.Metadata.Name
		switch x.Kind {
		case "ClusterRole", "Role":
			roles[key] = x.Rules
		case "ClusterRoleBinding", "RoleBinding":
			if x.RoleRef.Kind != strings.TrimSuffix(x.Kind, "Binding") || x.RoleRef.Name != x.Metadata.Name {
				t.Errorf("%s binds %s %s", key, x.RoleRef.Kind, x.RoleRef.Name)
			}
			for _, s := range x.Subjects {
				bound[s.Name] = append(bound[s.Name], key)
			}
		}
	}
	read, write := text(d.state.Values.Outputs["agencies"].Value, "read"), text(d.state.Values.Outputs["agencies"].Value, "write")
	slices.Sort(bound[write])
	if diff := cmp.Diff(map[string][]string{read: {"/cce-oncall-read"}, write: {"/cce-oncall-read", "/cce-oncall-write", "cce-oncall/cce-oncall-turns"}}, bound); diff != "" {
		t.Errorf("who has what (-want +got)\n%s", diff)
	}
	for _, r := range roles["/cce-oncall-read"] {
		for _, v := range r.Verbs {
			if !slices.Contains([]string{"get", "list", "watch"}, v) || slices.Contains(r.Resources, "secrets") {
				t.Errorf("the read identity may %s %v", v, r.Resources)
			}
		}
	}
	for key, rules := range roles {
		if len(rules) == 0 {
			t.Errorf("role %s is empty", key)
		}
		for _, r := range rules {
			if all := strings.Join(append(append(append([]string{}, r.APIGroups...), r.Resources...), r.Verbs...), " "); strings.Contains(all, "*") {
				t.Errorf("role %s has a wildcard: %s", key, all)
			}
		}
	}
}
