package infra_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"cce-oncall/shared/observe"
)

// groups are the API groups by client-go's names.
var groups = map[string]string{
	"Core": "", "Apps": "apps", "Batch": "batch", "Autoscaling": "autoscaling", "Policy": "policy", "Networking": "networking.k8s.io", "Discovery": "discovery.k8s.io",
	"Storage": "storage.k8s.io", "Scheduling": "scheduling.k8s.io", "Rbac": "rbac.authorization.k8s.io", "Coordination": "coordination.k8s.io",
}

var groupCall = regexp.MustCompile(`^([A-Z][a-z]+)V[0-9]+$`)

// calls collects what code asks of Kubernetes: "group/resource verb". It follows client-go's chains, variables that hold a group, and the
// two places that hand a resource on: accessTo (get and patch) and leases().
type calls map[string]bool

func (c calls) function(body ast.Node) {
	held := map[string]string{}
	ast.Inspect(body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == len(a.Rhs) {
			for i := range a.Lhs {
				if name, ok := a.Lhs[i].(*ast.Ident); ok {
					if g := groupOf(a.Rhs[i], held); g != "" {
						held[name.Name] = g
					}
				}
			}
		}
		return true
	})
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr: // resource(…).Verb, called or handed on
			if of := resourceOf(n.X, held); of != "" {
				c.add(of, n.Sel.Name)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "accessTo" {
				c.add(resourceOf(n.Args[0], held), "Get", "Patch")
			}
		}
		return true
	})
}

func (c calls) add(resource string, verbs ...string) {
	for _, v := range verbs {
		switch v {
		case "GetLogs":
			c[resource+"/log get"] = true
		case "Evict":
			c["/pods/eviction create"] = true
		default:
			c[resource+" "+strings.ToLower(v)] = true
		}
	}
}

// groupOf is the client-go name of a group's client, and "" for any other expression.
func groupOf(x ast.Expr, held map[string]string) string {
	switch x := x.(type) {
	case *ast.Ident:
		return held[x.Name]
	case *ast.CallExpr:
		if s, ok := x.Fun.(*ast.SelectorExpr); ok {
			if m := groupCall.FindStringSubmatch(s.Sel.Name); m != nil {
				if _, known := groups[m[1]]; known {
					return m[1]
				}
			}
		}
	}
	return ""
}

func resourceOf(x ast.Expr, held map[string]string) string {
	call, ok := x.(*ast.CallExpr)
	if !ok {
		return ""
	}
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if s.Sel.Name == "leases" {
		return "coordination.k8s.io/leases"
	}
	if g := groupOf(s.X, held); g != "" {
		return groups[g] + "/" + strings.ToLower(s.Sel.Name)
	}
	return ""
}

// TestKubernetesRolesAreWhatTheCodeCalls: every call has its right, and every right its call.
func TestKubernetesRolesAreWhatTheCodeCalls(t *testing.T) {
	made := calls{}
	for _, room := range []string{"../../shared/observe", "../../shared/remediate", "../../shared/kube", "../../functions"} {
		err := filepath.WalkDir(room, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && strings.HasSuffix(path, "test") {
				if err == nil {
					err = fs.SkipDir
				}
				return err
			}
			// the probe's write is there to be refused
			if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "/probe.go") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, declared := range file.Decls {
				made.function(declared)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !made["/pods list"] || !made["apps/deployments patch"] || len(made) < 50 {
		t.Fatalf("the calls are not found: %v", slices.Sorted(maps.Keys(made)))
	}
	for _, k := range observe.Custom {
		made[k.Group+"/"+k.Resource+" list"] = true
	}
	want := map[string][]string{}
	for call := range made {
		role := "cce-oncall-read"
		switch {
		case strings.HasPrefix(call, "coordination.k8s.io/leases ") && !strings.HasSuffix(call, " list"):
			role = "cce-oncall-turns"
		case !strings.HasSuffix(call, " list") && !strings.HasSuffix(call, " get"):
			role = "cce-oncall-write"
		}
		want[role] = append(want[role], call)
	}
	got := map[string][]string{}
	for _, file := range []string{"../kubernetes/read.yaml", "../kubernetes/write.yaml"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range strings.Split(string(raw), "\n---\n") {
			var role struct {
				Metadata struct{ Name string }
				Rules    []struct{ APIGroups, Resources, Verbs []string }
			}
			if err := yaml.Unmarshal([]byte(doc), &role); err != nil {
				t.Fatal(err)
			}
			for _, r := range role.Rules {
				for _, g := range r.APIGroups {
					for _, resource := range r.Resources {
						for _, v := range r.Verbs {
							got[role.Metadata.Name] = append(got[role.Metadata.Name], fmt.Sprintf("%s/%s %s", g, resource, v))
						}
					}
				}
			}
		}
	}
	for _, rights := range []map[string][]string{want, got} {
		for role := range rights {
			slices.Sort(rights[role])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is called and what is granted (-called +granted)\n%s", diff)
	}
}
