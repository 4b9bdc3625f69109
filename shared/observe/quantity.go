package observe

import (
	"regexp"

	kjson "k8s.io/apimachinery/pkg/util/json"
)

// endless matches a quantity whose exponent has so many digits that computing with it takes minutes and gigabytes. No API server
// keeps one; a file can hold it.
var endless = regexp.MustCompile(`^[+-]?[0-9.]+[eE][+-]?[0-9]{4,}$`)

// quantityFields are where Kubernetes objects hold quantities.
var quantityFields = map[string]bool{
	"requests": true, "limits": true, "allocatable": true, "capacity": true, "hard": true, "used": true, "overhead": true, "min": true, "max": true,
	"default": true, "defaultRequest": true, "maxLimitRequestRatio": true, "allocatedResources": true, "sizeLimit": true, "divisor": true, "value": true, "averageValue": true,
}

// endlessQuantity finds the field of an object that holds such a quantity, empty where none does.
func endlessQuantity(raw []byte) string {
	if !mayBeEndless(raw) {
		return ""
	}
	var m map[string]any
	if kjson.Unmarshal(raw, &m) != nil {
		return ""
	}
	return findEndless(m, "", false)
}

// mayBeEndless looks for a digit, an e, and four digits more, which hardly any object holds; only then it is worth a closer look.
func mayBeEndless(raw []byte) bool {
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	for i := 1; i+4 < len(raw); i++ {
		if raw[i]|0x20 != 'e' || !digit(raw[i-1]) && raw[i-1] != '.' {
			continue
		}
		j := i + 1
		if raw[j] == '+' || raw[j] == '-' {
			j++
		}
		n := 0
		for ; j < len(raw) && digit(raw[j]); j++ {
			n++
		}
		if n >= 4 {
			return true
		}
	}
	return false
}

func findEndless(v any, path string, quantity bool) string {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			if at := findEndless(v[k], joinPath(path, k), quantity || quantityFields[k]); at != "" {
				return at
			}
		}
	case []any:
		for _, e := range v {
			if at := findEndless(e, path, quantity); at != "" {
				return at
			}
		}
	case string:
		if quantity && endless.MatchString(v) {
			return path
		}
	}
	return ""
}

func joinPath(path, k string) string {
	if path == "" {
		return k
	}
	return path + "." + k
}
