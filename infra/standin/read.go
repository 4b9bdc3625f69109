package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// refused is a call that the cloud answered with an error.
type refused struct {
	call   string
	status int
	body   string
}

func (r *refused) Error() string {
	return fmt.Sprintf("%s was answered %d: %s", r.call, r.status, r.body)
}

// errGone says that there is no such resource any more.
var errGone = errors.New("the resource is gone")

func isGone(err error) bool {
	var r *refused
	return errors.Is(err, errGone) || errors.As(err, &r) && r.status == http.StatusNotFound
}

// reader asks the cloud for a resource and names its arguments again. was is what the state holds.
type reader func(ctx context.Context, c *client, id string, was object) (object, error)

// readers make the calls by which the provider refreshes each resource, and take from the answers what it takes: a plan after an apply is
// clean only where the cloud answers as it was told.
var readers = map[string]reader{
	"huaweicloud_fgs_function":                   readFunction,
	"huaweicloud_fgs_function_trigger":           readTrigger,
	"huaweicloud_fgs_async_invoke_configuration": readAsync,
	"huaweicloud_smn_topic":                      readTopic,
	"huaweicloud_smn_subscription":               readSubscription,
	"huaweicloud_lts_group":                      readLogGroup,
	"huaweicloud_lts_stream":                     readLogStream,
	"huaweicloud_aom_message_template":           readTemplate,
	"huaweicloud_aom_alarm_action_rule":          readAction,
	"huaweicloud_aomv4_alarm_rule":               readRule,
	"huaweicloud_kms_key":                        readKey,
	"huaweicloud_csms_secret":                    readSecret,
	"huaweicloud_identity_role":                  readRole,
	"huaweicloud_identity_agency":                readAgency,
	"huaweicloud_apig_group":                     readGatewayGroup,
	"huaweicloud_obs_bucket":                     readBucket,
	"huaweicloud_obs_bucket_object":              readObject,
}

// refresh is a resource as the cloud has it now; a null value: it is gone.
func (c *client) refresh(ctx context.Context, name string, state tftypes.Value) (tftypes.Value, error) {
	read, known := readers[name]
	if c == nil || !known || state.IsNull() {
		return state, nil
	}
	was, err := arguments(state)
	if err != nil {
		return state, err
	}
	said, err := read(ctx, c, was.text("id"), was)
	switch {
	case isGone(err):
		return tftypes.NewValue(state.Type(), nil), nil
	case err != nil:
		return state, err
	}
	fields := map[string]tftypes.Value{}
	if err := state.As(&fields); err != nil {
		return state, err
	}
	for argument, v := range said {
		held, ok := fields[argument]
		if !ok {
			return state, fmt.Errorf("%s has no argument %s", name, argument)
		}
		now, err := encode(v, held.Type())
		if err != nil {
			return state, fmt.Errorf("read %s of %s: %w", argument, name, err)
		}
		same, err := alike(argument, held, now)
		if err != nil {
			return state, err
		}
		if !same {
			fields[argument] = now
		}
	}
	return tftypes.NewValue(state.Type(), fields), nil
}

// alike says whether the provider would see no change: it does not tell what is not set from a zero, nor texts of JSON that mean the same.
func alike(argument string, a, b tftypes.Value) (bool, error) {
	x, err := plain(a)
	if err != nil {
		return false, err
	}
	y, err := plain(b)
	if err != nil {
		return false, err
	}
	if argument == "policy" {
		var left, right any
		if s, ok := x.(string); ok && json.Unmarshal([]byte(s), &left) == nil {
			if t, ok := y.(string); ok && json.Unmarshal([]byte(t), &right) == nil {
				return reflect.DeepEqual(left, right), nil
			}
		}
	}
	return reflect.DeepEqual(x, y), nil
}

// plain decodes a value without its zeros, and with its sets in order.
func plain(v tftypes.Value) (any, error) {
	if v.IsNull() || !v.IsKnown() {
		return nil, nil
	}
	t := v.Type()
	if t.Is(tftypes.Map{}) || t.Is(tftypes.Object{}) {
		fields := map[string]tftypes.Value{}
		if err := v.As(&fields); err != nil {
			return nil, err
		}
		out := map[string]any{}
		for name, f := range fields {
			x, err := plain(f)
			if err != nil {
				return nil, err
			}
			if x != nil {
				out[name] = x
			}
		}
		if len(out) == 0 {
			return nil, nil
		}
		return out, nil
	}
	if t.Is(tftypes.List{}) || t.Is(tftypes.Set{}) {
		var items []tftypes.Value
		if err := v.As(&items); err != nil {
			return nil, err
		}
		var out []any
		for _, i := range items {
			x, err := plain(i)
			if err != nil {
				return nil, err
			}
			out = append(out, x)
		}
		if t.Is(tftypes.Set{}) {
			slices.SortFunc(out, func(a, b any) int { return slices.Compare([]byte(inJSON(a)), []byte(inJSON(b))) })
		}
		if len(out) == 0 {
			return nil, nil
		}
		return out, nil
	}
	x, err := decode(v)
	if err != nil || x == "" || x == false || x == 0.0 {
		return nil, err
	}
	return x, nil
}

// encode turns what an answer says into Terraform's value of a type. A number where a text is expected and the reverse are taken, as the
// provider's own conversions take them.
func encode(v any, t tftypes.Type) (tftypes.Value, error) {
	if v == nil {
		return tftypes.NewValue(t, nil), nil
	}
	switch kind := t.(type) {
	case tftypes.List:
		items, err := encodeAll(v, kind.ElementType)
		return tftypes.NewValue(t, items), err
	case tftypes.Set:
		items, err := encodeAll(v, kind.ElementType)
		return tftypes.NewValue(t, items), err
	case tftypes.Map:
		out := map[string]tftypes.Value{}
		for name, x := range fieldsOf(v) {
			f, err := encode(x, kind.ElementType)
			if err != nil {
				return tftypes.Value{}, err
			}
			out[name] = f
		}
		return tftypes.NewValue(t, out), nil
	case tftypes.Object:
		out := map[string]tftypes.Value{}
		for name, of := range kind.AttributeTypes {
			f, err := encode(fieldsOf(v)[name], of)
			if err != nil {
				return tftypes.Value{}, err
			}
			out[name] = f
		}
		return tftypes.NewValue(t, out), nil
	}
	return encodeOne(v, t)
}

func fieldsOf(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case object:
		return v
	}
	return nil
}

func encodeAll(v any, of tftypes.Type) ([]tftypes.Value, error) {
	items, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%T is no list", v)
	}
	out := make([]tftypes.Value, 0, len(items))
	for _, i := range items {
		x, err := encode(i, of)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

func encodeOne(v any, t tftypes.Type) (tftypes.Value, error) {
	switch x := v.(type) {
	case string:
		if t.Is(tftypes.String) {
			return tftypes.NewValue(t, x), nil
		}
		if n, err := strconv.ParseFloat(x, 64); err == nil && t.Is(tftypes.Number) {
			return tftypes.NewValue(t, big.NewFloat(n)), nil
		}
	case float64:
		if t.Is(tftypes.Number) {
			return tftypes.NewValue(t, big.NewFloat(x)), nil
		}
		if t.Is(tftypes.String) {
			return tftypes.NewValue(t, strconv.FormatFloat(x, 'f', -1, 64)), nil
		}
	case int:
		return encodeOne(float64(x), t)
	case bool:
		if t.Is(tftypes.Bool) {
			return tftypes.NewValue(t, x), nil
		}
	}
	return tftypes.Value{}, fmt.Errorf("%v (%T) is no %s", v, v, t)
}

// take names the fields of an answer as arguments: "name", or "api_name name". What the answer lacks is taken as not set.
func (o object) take(names ...string) object {
	out := object{}
	for _, n := range names {
		api, name := n, n
		if i := slices.Index([]byte(n), ' '); i >= 0 {
			api, name = n[:i], n[i+1:]
		}
		out[name] = o[api]
	}
	return out
}

// tagsOf reads a list of tags.
func tagsOf(list []object) map[string]any {
	tags := map[string]any{}
	for _, t := range list {
		tags[t.text("key")] = t["value"]
	}
	return tags
}

// number is a count that the provider takes for one: it ends with a panic where the service answers a text.
func number(v any, field string) (any, error) {
	if v == nil {
		return "0", nil
	}
	n, ok := v.(float64)
	if !ok {
		return nil, fmt.Errorf("%s is %v (%T): the provider insists on a number", field, v, v)
	}
	return strconv.FormatFloat(n, 'f', -1, 64), nil
}
