package observe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf8"
)

// jsonProblem says where a text stops being JSON, in lines and columns as editors count them.
func jsonProblem(data []byte, err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at := min(int(syntax.Offset), len(data))
		line := 1 + bytes.Count(data[:at], []byte{'\n'})
		column := at - bytes.LastIndexByte(data[:at], '\n') - 1
		return fmt.Sprintf("not JSON: line %d, column %d: %s", line, max(column, 1), syntax.Error())
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return "an object is needed, not " + wrong.Value
	}
	return "not JSON: " + err.Error()
}

// shown quotes the beginning of a value for an error.
func shown(raw json.RawMessage) string {
	const most = 40
	s := string(raw)
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	if len(s) > 0 && (s[0] == '{' || s[0] == '[') {
		return map[byte]string{'{': "an object", '[': "a list"}[s[0]]
	}
	if quoted := strconv.Quote(s); quoted != `"`+s+`"` && s[0] != '"' {
		return quoted
	}
	return s
}

func kindWord(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map, reflect.Pointer, reflect.Interface:
		return "an object"
	default:
		return "a number"
	}
}
