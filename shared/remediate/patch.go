package remediate

import (
	"bytes"
	"encoding/json"
)

// operation is one line of an RFC 6902 JSON Patch.
type operation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value,omitempty"`
}

// patchOf is the change as one JSON Patch: every field must still have its old value, nobody else may have left a mark since the
// object was read, and ours goes with the change or not at all. Annotations hold the mark, so that they must be as they were
// read; a JSON Patch cannot ask for something to be absent, so that where they or an old value are, nothing of the object may
// have changed (resourceVersion). That is asked only then: a workload that rolls out has its status written many times a second.
func patchOf(obj object, fields []field, mark string) ([]byte, error) {
	var ops []operation
	test := func(path string, value any) error {
		v, err := canonical(value)
		if err == nil {
			ops = append(ops, operation{Op: "test", Path: path, Value: v})
		}
		return err
	}
	if err := test("/metadata/uid", obj.GetUID()); err != nil {
		return nil, err
	}
	notes := obj.GetAnnotations()
	strict := len(notes) == 0
	if !strict {
		if err := test("/metadata/annotations", notes); err != nil {
			return nil, err
		}
	}
	for _, f := range fields {
		if f.Before == nil {
			strict = true
			continue
		}
		ops = append(ops, operation{Op: "test", Path: f.Path, Value: f.Before})
	}
	if version := obj.GetResourceVersion(); strict && version != "" {
		if err := test("/metadata/resourceVersion", version); err != nil {
			return nil, err
		}
	}
	for _, f := range fields {
		if op, changes := f.operation(); changes {
			ops = append(ops, op)
		}
	}
	value, err := canonical(mark)
	if err != nil {
		return nil, err
	}
	if len(notes) == 0 {
		ops = append(ops, operation{Op: "add", Path: "/metadata/annotations", Value: json.RawMessage(`{}`)})
	}
	ops = append(ops, operation{Op: "add", Path: "/metadata/annotations/" + escape(markKey), Value: value})
	return json.Marshal(ops)
}

// operation is what makes a field's value of before into that of after.
func (f field) operation() (op operation, changes bool) {
	switch {
	case bytes.Equal(f.Before, f.After):
		return operation{}, false
	case f.After == nil:
		return operation{Op: "remove", Path: f.Path}, true
	case f.Before == nil:
		return operation{Op: "add", Path: f.Path, Value: f.After}, true
	default:
		return operation{Op: "replace", Path: f.Path, Value: f.After}, true
	}
}
