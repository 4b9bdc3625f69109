package config

import (
	"reflect"
	"sort"
	"strings"
)

// Variables are the names of every environment variable that Config reads, sorted; what deploys us must set these and no others.
func Variables() []string {
	var out []string
	for _, v := range variables() {
		out = append(out, v)
	}
	sort.Strings(out)
	return out
}

func variable(field string) string {
	if v := variables()[field]; v != "" {
		return v
	}
	return field
}

// variables maps Config's fields to their variables.
func variables() map[string]string {
	out := map[string]string{}
	t := reflect.TypeOf(Config{})
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("env"), ",")
		if name != "" && name != "-" {
			out[t.Field(i).Name] = name
		}
	}
	return out
}
