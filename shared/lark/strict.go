package lark

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

var (
	errTrailing  = errors.New("data after the JSON value")
	errNotObject = errors.New("not a JSON object")
	errTwice     = errors.New("a key appears twice")
	errDeep      = errors.New("nested too deeply")
)

// maxDepth bounds nesting: the platform's deepest callback has six levels.
const maxDepth = 64

// strict decodes exactly one JSON object with nothing behind it and no key given twice (in any case of letters, since
// encoding/json ignores case), so that no two readers can see different things in the same bytes. Appended bytes, as a length
// extension of the platform's unkeyed hash would need, end here. Unknown keys are allowed: the platform adds some.
func strict(b []byte, out any) error {
	if err := single(b); err != nil {
		return err
	}
	return json.Unmarshal(b, out)
}

func single(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return errNotObject
	}
	if err := object(d, 1); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}

func object(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return errNotObject
		}
		key = strings.ToLower(key)
		if seen[key] {
			return errTwice
		}
		seen[key] = true
		if err := value(d, depth); err != nil {
			return err
		}
	}
	_, err := d.Token() // the closing brace
	return err
}

func value(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		return object(d, depth+1)
	case json.Delim('['):
		for d.More() {
			if err := value(d, depth+1); err != nil {
				return err
			}
		}
		_, err = d.Token() // the closing bracket
	}
	return err
}
