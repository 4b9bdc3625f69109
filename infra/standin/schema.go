package main

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

//go:embed schema.txt
var schemaText string

// schema is what the provider knows, by name.
type schema struct {
	provider  *tfprotov5.Schema
	resources map[string]*tfprotov5.Schema
	data      map[string]*tfprotov5.Schema
}

// parseSchema reads the lines of schema.txt; an error names the line.
func parseSchema(text string) (*schema, error) {
	s := &schema{resources: map[string]*tfprotov5.Schema{}, data: map[string]*tfprotov5.Schema{}}
	var open []*tfprotov5.SchemaBlock // the blocks around the line, outermost first
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		depth := (len(line) - len(strings.TrimLeft(line, " "))) / 2
		if depth > len(open) {
			return nil, fmt.Errorf("schema line %d is indented too far", n+1)
		}
		open = open[:depth]
		var err error
		switch words[0] {
		case "provider", "resource", "data":
			open = append(open, s.begin(words[0], words[1]))
		case "block":
			var nested *tfprotov5.SchemaNestedBlock
			if nested, err = nestedBlock(words[1:]); err == nil {
				parent := open[len(open)-1]
				parent.BlockTypes = append(parent.BlockTypes, nested)
				open = append(open, nested.Block)
			}
		case "required", "optional", "computed":
			for _, word := range words[1:] {
				var a *tfprotov5.SchemaAttribute
				if a, err = attribute(words[0], word); err != nil {
					break
				}
				block := open[len(open)-1]
				block.Attributes = append(block.Attributes, a)
			}
		default:
			err = fmt.Errorf("%q is not known", words[0])
		}
		if err != nil {
			return nil, fmt.Errorf("schema line %d: %w", n+1, err)
		}
	}
	return s, nil
}

func (s *schema) begin(kind, name string) *tfprotov5.SchemaBlock {
	made := &tfprotov5.Schema{Block: &tfprotov5.SchemaBlock{}}
	id := &tfprotov5.SchemaAttribute{Name: "id", Type: tftypes.String, Optional: true, Computed: true}
	switch kind {
	case "provider":
		s.provider = made
		return made.Block
	case "resource":
		s.resources[name] = made
	case "data":
		s.data[name] = made
	}
	made.Block.Attributes = append(made.Block.Attributes, id)
	return made.Block
}

func nestedBlock(words []string) (*tfprotov5.SchemaNestedBlock, error) {
	if len(words) != 4 {
		return nil, fmt.Errorf("a block has a name, a nesting, a least and a most")
	}
	nesting := map[string]tfprotov5.SchemaNestedBlockNestingMode{
		"single": tfprotov5.SchemaNestedBlockNestingModeSingle, "list": tfprotov5.SchemaNestedBlockNestingModeList, "set": tfprotov5.SchemaNestedBlockNestingModeSet,
	}[words[1]]
	least, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("block %s: %w", words[0], err)
	}
	most, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("block %s: %w", words[0], err)
	}
	return &tfprotov5.SchemaNestedBlock{TypeName: words[0], Nesting: nesting, MinItems: least, MaxItems: most, Block: &tfprotov5.SchemaBlock{}}, nil
}

func attribute(kind, word string) (*tfprotov5.SchemaAttribute, error) {
	name, kindOf, ok := strings.Cut(word, ":")
	if !ok {
		return nil, fmt.Errorf("%q has no type", word)
	}
	a := &tfprotov5.SchemaAttribute{Name: name, Required: kind == "required", Optional: kind == "optional", Computed: kind == "computed"}
	for strings.HasSuffix(kindOf, "*") || strings.HasSuffix(kindOf, "!") {
		a.Computed = a.Computed || strings.HasSuffix(kindOf, "*")
		a.Sensitive = a.Sensitive || strings.HasSuffix(kindOf, "!")
		kindOf = kindOf[:len(kindOf)-1]
	}
	var err error
	a.Type, err = typeOf(kindOf)
	return a, err
}

// typeOf reads string, number, bool, list(T), set(T), map(T) and object({a:T,b:T}).
func typeOf(text string) (tftypes.Type, error) {
	switch text {
	case "string":
		return tftypes.String, nil
	case "number":
		return tftypes.Number, nil
	case "bool":
		return tftypes.Bool, nil
	}
	outer, inner, ok := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	if !ok {
		return nil, fmt.Errorf("%q is no type", text)
	}
	if outer == "object" {
		fields := map[string]tftypes.Type{}
		for field := range strings.SplitSeq(strings.Trim(inner, "{}"), ",") {
			name, kind, _ := strings.Cut(field, ":")
			t, err := typeOf(kind)
			if err != nil {
				return nil, err
			}
			fields[name] = t
		}
		return tftypes.Object{AttributeTypes: fields}, nil
	}
	t, err := typeOf(inner)
	if err != nil {
		return nil, err
	}
	switch outer {
	case "list":
		return tftypes.List{ElementType: t}, nil
	case "set":
		return tftypes.Set{ElementType: t}, nil
	case "map":
		return tftypes.Map{ElementType: t}, nil
	}
	return nil, fmt.Errorf("%q is no type", text)
}
