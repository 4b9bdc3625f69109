package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func TestSchemaKnowsWhatInfraUses(t *testing.T) {
	s, err := parseSchema(schemaText)
	if err != nil {
		t.Fatal(err)
	}
	used := regexp.MustCompile(`(?m)^(resource|data) "(huaweicloud_[a-z0-9_]+)"`)
	found := 0
	for _, pattern := range []string{"../*.tf", "../modules/*/*.tf"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range used.FindAllStringSubmatch(string(raw), -1) {
				found++
				if m[1] == "resource" && s.resources[m[2]] == nil || m[1] == "data" && s.data[m[2]] == nil {
					t.Errorf("%s: %s is not known", file, m[2])
				}
			}
		}
	}
	if found < 15 {
		t.Errorf("found %d resources only", found)
	}
}

func TestSchemaLines(t *testing.T) {
	s, err := parseSchema("resource r\n  required a:string b:map(string)\n  optional c:number*! d:list(object({x:bool,y:string}))\n  block k set 0 2\n    computed e:bool\nprovider p\n  optional endpoints:map(string)\n")
	if err != nil {
		t.Fatal(err)
	}
	block := s.resources["r"].Block
	byName := map[string]*tfprotov5.SchemaAttribute{}
	for _, a := range block.Attributes {
		byName[a.Name] = a
	}
	if c := byName["c"]; !c.Optional || !c.Computed || !c.Sensitive || !c.Type.Is(tftypes.Number) {
		t.Errorf("c = %+v", c)
	}
	if want := (tftypes.List{ElementType: tftypes.Object{AttributeTypes: map[string]tftypes.Type{"x": tftypes.Bool, "y": tftypes.String}}}); !byName["d"].Type.Equal(want) {
		t.Errorf("d = %v", byName["d"].Type)
	}
	if k := block.BlockTypes[0]; k.TypeName != "k" || k.MaxItems != 2 || k.Nesting != tfprotov5.SchemaNestedBlockNestingModeSet || !k.Block.Attributes[0].Computed {
		t.Errorf("k = %+v", k)
	}
	for _, wrong := range []string{"resource r\n  required a", "resource r\n  required a:text", "resource r\n      required a:string", "resource r\n  block k list 0", "thing x"} {
		if _, err := parseSchema(wrong); err == nil || !strings.HasPrefix(err.Error(), "schema line ") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestSecretsAreKeptAsHashes(t *testing.T) {
	kind := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"secret_text": tftypes.String, "name": tftypes.String}}
	v, err := hashed(tftypes.NewValue(kind, map[string]tftypes.Value{"secret_text": tftypes.NewValue(tftypes.String, "abc"), "name": tftypes.NewValue(tftypes.String, "n")}))
	if err != nil {
		t.Fatal(err)
	}
	if text := v.String(); !strings.Contains(text, "a9993e364706816aba3e25717850c26c9cd0d89d") || strings.Contains(text, `"abc"`) {
		t.Errorf("kept as %s", text)
	}
}
