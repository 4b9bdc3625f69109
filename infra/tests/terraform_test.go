// Package infra_test reads what Terraform would do as data and holds it to its promises: least privilege, no secret in clear, complete
// functions, refusals that say what to change. It runs with the stand-in provider, so it needs no account and no network; make tf-check
// builds that and names its place in TERRAFORM_STANDIN.
package infra_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	tfjson "github.com/hashicorp/terraform-json"

	"cce-oncall/infra/package/bundle"
)

var roles = []string{"inspect", "diagnose", "webhook", "execute", "report"}

// workspace is a copy of the module with packages of its own, so that no test leaves anything in the tree.
type workspace struct {
	dir, config, packages string
}

// open makes a workspace; without a stand-in provider the test is skipped.
func open(t *testing.T, dir string) *workspace {
	t.Helper()
	config := os.Getenv("TERRAFORM_STANDIN")
	if config == "" {
		t.Skip("TERRAFORM_STANDIN names no CLI configuration: make tf-check does")
	}
	w := &workspace{dir: filepath.Join(dir, "infra"), config: config, packages: filepath.Join(dir, "build")}
	copyModule(t, "..", w.dir)
	if err := os.MkdirAll(w.packages, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, role := range roles {
		zip, err := bundle.Zip([]byte("#!/bin/sh\n# " + role + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(w.packages, role+".zip"), zip)
	}
	w.must(t, "init", "-input=false")
	return w
}

func copyModule(t *testing.T, from, to string) {
	t.Helper()
	for _, pattern := range []string{"*.tf", "*.yaml", "modules/*/*.tf", "kubernetes/*.yaml", "tests/*.tfvars"} {
		found, err := filepath.Glob(filepath.Join(from, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(found), err)
		}
		for _, file := range found {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(from, file)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(to, name), raw)
		}
	}
}

func write(t *testing.T, file string, raw []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// run calls terraform and returns what it said and its exit code.
func (w *workspace) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "terraform", args...)
	c.Dir = w.dir
	c.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+w.config, "TF_DATA_DIR="+filepath.Join(filepath.Dir(w.dir), "data"), "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "TF_VAR_packages=")
	c.Env = append(c.Env, "TF_CLI_ARGS=-no-color")
	var out, errs strings.Builder
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("terraform %v: %v", args, err)
	}
	return out.String(), errs.String(), c.ProcessState.ExitCode()
}

func (w *workspace) must(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, code := w.run(t, args...)
	if code != 0 {
		t.Fatalf("terraform %v: exit %d\n%s%s", args, code, out, errs)
	}
	return out
}

// variables makes the arguments that name the smallest deployment and what differs from it, in JSON.
func (w *workspace) variables(t *testing.T, differ map[string]any) []string {
	t.Helper()
	args := []string{"-input=false", "-var-file=tests/smallest.tfvars"}
	if len(differ) > 0 {
		raw, err := json.Marshal(differ)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "differ.tfvars.json")
		write(t, file, raw)
		args = append(args, "-var-file="+file)
	}
	return args
}

func (w *workspace) plan(t *testing.T, differ map[string]any) *tfjson.Plan {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan")
	w.must(t, append([]string{"plan", "-out=" + file}, w.variables(t, differ)...)...)
	var plan tfjson.Plan
	if err := json.Unmarshal([]byte(w.must(t, "show", "-json", file)), &plan); err != nil {
		t.Fatal(err)
	}
	return &plan
}

// deployment is the smallest deployment, planned and applied once for all tests that read it.
type deployment struct {
	*workspace
	plan  *tfjson.Plan
	state *tfjson.State
}

var smallest = struct {
	once sync.Once
	dir  string
	made *deployment
}{}

func TestMain(m *testing.M) {
	code := m.Run()
	if smallest.dir != "" {
		_ = os.RemoveAll(smallest.dir) // a temporary folder
	}
	os.Exit(code)
}

func deployed(t *testing.T) *deployment {
	t.Helper()
	smallest.once.Do(func() {
		dir, err := os.MkdirTemp("", "terraform")
		if err != nil {
			t.Fatal(err)
		}
		smallest.dir = dir
		w := open(t, dir)
		d := &deployment{workspace: w, plan: w.plan(t, nil)}
		w.must(t, append([]string{"apply", "-auto-approve"}, w.variables(t, nil)...)...)
		if err := json.Unmarshal([]byte(w.must(t, "show", "-json")), &d.state); err != nil {
			t.Fatal(err)
		}
		smallest.made = d
	})
	if smallest.made == nil {
		t.Skip("there is no deployment to read: see the first test")
	}
	return smallest.made
}

// resources are the resources of a type in a state, by address.
func resources(m *tfjson.StateModule, kind string) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, r := range m.Resources {
		if r.Type == "huaweicloud_"+kind && r.Mode == tfjson.ManagedResourceMode {
			out[r.Address] = r.AttributeValues
		}
	}
	for _, child := range m.ChildModules {
		for address, values := range resources(child, kind) {
			out[address] = values
		}
	}
	return out
}

// dig follows keys and indices into decoded JSON; nil where there is nothing.
func dig(v any, path ...any) any {
	for _, p := range path {
		switch at := v.(type) {
		case map[string]any:
			key, _ := p.(string)
			v = at[key]
		case []any:
			i, ok := p.(int)
			if !ok || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return nil
		}
	}
	return v
}

func text(v any, path ...any) string {
	s, _ := dig(v, path...).(string)
	return s
}

// object decodes JSON that is kept in a string.
func object(t *testing.T, raw string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(raw), &out); err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	return out
}

func TestSecondPlanIsClean(t *testing.T) {
	d := deployed(t)
	out, errs, code := d.run(t, append([]string{"plan", "-detailed-exitcode"}, d.variables(t, nil)...)...)
	if code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
}

func TestOnlyCodeThatChangedIsChanged(t *testing.T) {
	w := open(t, t.TempDir())
	w.must(t, append([]string{"apply", "-auto-approve"}, w.variables(t, nil)...)...)
	zip, err := bundle.Zip([]byte("another commit"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(w.packages, "report.zip"), zip)
	var changed []string
	for _, c := range w.plan(t, nil).ResourceChanges {
		if !c.Change.Actions.NoOp() {
			changed = append(changed, c.Address)
		}
	}
	if want := `module.function["report"].huaweicloud_fgs_function.this`; len(changed) != 1 || changed[0] != want {
		t.Errorf("changed %v, want %s alone", changed, want)
	}
	w.must(t, append([]string{"destroy", "-auto-approve"}, w.variables(t, nil)...)...)
	if out := w.must(t, "state", "list"); strings.TrimSpace(out) != "" {
		t.Errorf("left behind:\n%s", out)
	}
}
