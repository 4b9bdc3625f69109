package main

import (
	"math/big"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// object is a resource's arguments, or a body of JSON, as plain Go values.
type object map[string]any

func (o object) text(key string) string {
	s, _ := o[key].(string)
	return s
}

func (o object) object(key string) object {
	switch v := o[key].(type) {
	case map[string]any:
		return v
	case object:
		return v
	}
	return nil
}

func (o object) list(key string) []object {
	items, _ := o[key].([]any)
	var out []object
	for _, i := range items {
		if m, ok := i.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// block is the only block of its name; empty where there is none.
func (o object) block(key string) object {
	if l := o.list(key); len(l) > 0 {
		return l[0]
	}
	return object{}
}

func (o object) texts(key string) []string {
	items, _ := o[key].([]any)
	var out []string
	for _, i := range items {
		if s, ok := i.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// pick is a body of some arguments: "name", or "name api_name" where the API has another name. What is not set is left out.
func (o object) pick(names ...string) object {
	out := object{}
	for _, n := range names {
		name, api, other := strings.Cut(n, " ")
		if !other {
			api = name
		}
		if v := o[name]; v != nil && v != "" {
			out[api] = v
		}
	}
	return out
}

// without is a copy that leaves out what is not set, at every depth.
func without(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			if x = without(x); x != nil {
				out[k] = x
			}
		}
		return out
	case object:
		return without(map[string]any(v))
	case []any:
		out := make([]any, 0, len(v))
		for _, x := range v {
			out = append(out, without(x))
		}
		return out
	}
	return v
}

// decode turns Terraform's value into Go's; what is unknown is nil, as what is not set.
func decode(v tftypes.Value) (any, error) {
	if !v.IsKnown() || v.IsNull() {
		return nil, nil
	}
	t := v.Type()
	switch {
	case t.Is(tftypes.String):
		var s string
		err := v.As(&s)
		return s, err
	case t.Is(tftypes.Bool):
		var b bool
		err := v.As(&b)
		return b, err
	case t.Is(tftypes.Number):
		var n big.Float
		err := v.As(&n)
		f, _ := n.Float64()
		return f, err
	case t.Is(tftypes.Map{}), t.Is(tftypes.Object{}):
		var fields map[string]tftypes.Value
		if err := v.As(&fields); err != nil {
			return nil, err
		}
		out := map[string]any{}
		for name, f := range fields {
			x, err := decode(f)
			if err != nil {
				return nil, err
			}
			out[name] = x
		}
		return out, nil
	}
	var items []tftypes.Value
	if err := v.As(&items); err != nil {
		return nil, err
	}
	out := make([]any, 0, len(items))
	for _, i := range items {
		x, err := decode(i)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// arguments decodes a resource.
func arguments(v tftypes.Value) (object, error) {
	x, err := decode(v)
	if err != nil {
		return nil, err
	}
	fields, _ := x.(map[string]any)
	return fields, nil
}

// answered puts what the cloud said of a resource into the places of its computed arguments.
func answered(v tftypes.Value, said object) (tftypes.Value, error) {
	fields := map[string]tftypes.Value{}
	if err := v.As(&fields); err != nil {
		return v, err
	}
	for name, x := range said {
		if f, ok := fields[name]; ok && f.Type().Is(tftypes.String) {
			fields[name] = tftypes.NewValue(tftypes.String, x)
		}
	}
	return tftypes.NewValue(v.Type(), fields), nil
}
