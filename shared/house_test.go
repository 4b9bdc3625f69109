package shared

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "cce-oncall/"

// room is what a folder of shared/ may know. A folder that is not listed fails until a line here has been argued for.
type room struct {
	pure bool     // no network, files, clients, loggers; never asks for the time
	may  []string // rooms it may import
}

var rooms = map[string]room{
	"alarm":         {pure: true},
	"incident":      {pure: true, may: []string{"alarm"}},
	"redact":        {pure: true},
	"observe":       {may: []string{"alarm", "incident"}}, // alarm: a case file holds AOM events
	"diagnose":      {pure: true, may: []string{"alarm", "incident", "observe"}},
	"remediate":     {may: []string{"incident", "observe"}},
	"record":        {may: []string{"alarm", "incident", "redact"}},
	"lark":          {may: []string{"alarm", "incident", "redact"}},
	"huaweicloud":   {may: []string{"alarm", "incident", "observe", "record", "redact"}},
	"kube":          {},
	"functiongraph": {},
	"config":        {may: []string{"alarm", "incident"}}, // approvers and risks are the law's words
	// assemble is where the configuration becomes adapters: the five mains would repeat it otherwise.
	"assemble": {may: []string{"advise", "config", "functiongraph", "huaweicloud", "kube", "lark", "observe", "record", "redact", "tell"}},
	// advise makes one round of an incident and tell shows it: diagnose and execute do both, and may not know each other.
	"advise": {may: []string{"diagnose", "incident", "observe", "record", "remediate"}},
	"tell":   {may: []string{"incident", "lark", "record"}},
	// remediatetest is the crash matrix, used by remediate's own tests and again over a real API server.
	"remediate/remediatetest": {may: []string{"incident", "observe", "remediate"}},
}

// impure are imports by which a judgement would get data that it was not given.
var impure = []string{"net", "os", "io/ioutil", "log", "syscall", "k8s.io/client-go", "github.com/rs/zerolog", "github.com/huaweicloud", "github.com/aws", "github.com/larksuite"}

// data are packages below an impure one that only calculate.
var data = []string{"net/netip", "net/url"}

func TestHouse(t *testing.T) {
	seen := map[string]bool{}
	walkGo(t, ".", func(path string, file *ast.File) {
		name := filepath.ToSlash(filepath.Dir(path))
		if name == "." {
			return
		}
		r, known := rooms[name]
		if !known {
			if !seen[name] {
				t.Errorf("shared/%s is no known room: argue for it in house_test.go", name)
			}
			seen[name] = true
			return
		}
		seen[name] = true
		test := strings.HasSuffix(path, "_test.go")
		for _, imp := range imports(file) {
			if other, ours := strings.CutPrefix(imp, module); ours {
				checkImport(t, path, name, r, other, test)
			} else if r.pure && !test && matches(imp, impure) && !matches(imp, data) {
				t.Errorf("%s: the pure room %s imports %s", path, name, imp)
			}
		}
		if r.pure && !test {
			forbidClock(t, path, file)
		}
	})
	for name := range rooms {
		if !seen[name] && name != "remediate/remediatetest" {
			t.Errorf("room %s is listed and empty", name)
		}
	}
}

func checkImport(t *testing.T, path, name string, r room, other string, test bool) {
	switch {
	case strings.HasPrefix(other, "functions/"):
		t.Errorf("%s: nothing in shared imports functions", path)
	case other == "events" && test, strings.HasPrefix(other, "infra/fakecloud") && test, test && other == "shared/"+name:
	case strings.HasPrefix(other, "shared/"):
		if to := strings.TrimPrefix(other, "shared/"); to != name && !slices.Contains(r.may, to) && !test {
			t.Errorf("%s: %s may not import %s", path, name, to)
		}
	default:
		t.Errorf("%s: %s may not import %s", path, name, other)
	}
}

// TestOnlyConfigReadsTheEnvironment keeps hidden inputs out.
func TestOnlyConfigReadsTheEnvironment(t *testing.T) {
	for _, root := range []string{".", "../functions"} {
		walkGo(t, root, func(path string, file *ast.File) {
			if strings.HasPrefix(filepath.ToSlash(path), "config/") || strings.HasSuffix(path, "_test.go") {
				return
			}
			for _, call := range []string{"Getenv", "LookupEnv", "Environ"} {
				if uses(file, "os", call) {
					t.Errorf("%s calls os.%s: only config reads the environment", path, call)
				}
			}
		})
	}
}

// TestFunctionsDoNotKnowEachOther: what two flows share belongs in a room.
func TestFunctionsDoNotKnowEachOther(t *testing.T) {
	walkGo(t, "../functions", func(path string, file *ast.File) {
		for _, imp := range imports(file) {
			if strings.HasPrefix(imp, module+"functions/") {
				t.Errorf("%s imports %s", path, imp)
			}
			if strings.HasPrefix(imp, module+"infra/") && !strings.HasSuffix(path, "_test.go") {
				t.Errorf("%s imports %s", path, imp)
			}
		}
	})
}

// TestFakecloudKnowsNothingOfUs: an emulator that shares code with what it tests proves nothing.
func TestFakecloudKnowsNothingOfUs(t *testing.T) {
	walkGo(t, "../infra/fakecloud", func(path string, file *ast.File) {
		for _, imp := range imports(file) {
			if strings.HasPrefix(imp, module+"shared") || strings.HasPrefix(imp, module+"functions") {
				t.Errorf("%s imports %s", path, imp)
			}
		}
	})
}

// TestEveryRoomSaysWhy: a package comment in each folder with Go code.
func TestEveryRoomSaysWhy(t *testing.T) {
	said := map[string]bool{}
	for _, root := range []string{".", "../functions", "../events", "../infra"} {
		walkGo(t, root, func(path string, file *ast.File) {
			if strings.HasSuffix(path, "_test.go") {
				return
			}
			dir := filepath.Dir(path)
			said[dir] = said[dir] || file.Doc != nil
		})
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

// TestTopLevel: the user fixed it.
func TestTopLevel(t *testing.T) {
	allowed := []string{"functions", "shared", "infra", "events", "go.mod", "go.sum", "Makefile", "README.md", "build"}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}

func walkGo(t *testing.T, root string, visit func(path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		visit(path, file)
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

func imports(file *ast.File) []string {
	var out []string
	for _, i := range file.Imports {
		out = append(out, strings.Trim(i.Path.Value, `"`))
	}
	return out
}

func matches(imp string, list []string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return imp == p || strings.HasPrefix(imp, p+"/") })
}

func forbidClock(t *testing.T, path string, file *ast.File) {
	for _, call := range []string{"Now", "Since", "Until", "After", "Sleep", "Tick", "NewTimer", "NewTicker"} {
		if uses(file, "time", call) {
			t.Errorf("%s uses time.%s: a pure room is given its time", path, call)
		}
	}
}

func uses(file *ast.File, pkg, name string) bool {
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == pkg && x.Obj == nil && s.Sel.Name == name {
				found = true
			}
		}
		return true
	})
	return found
}
