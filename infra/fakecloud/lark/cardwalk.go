package lark

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// decodeObject parses exactly one JSON object: no other value, nothing behind.
func decodeObject(raw []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("parsing JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("parsing JSON: more data after the object")
	}
	if v == nil {
		return nil, fmt.Errorf("parsing JSON: null where an object is needed")
	}
	return v, nil
}

// element is a component found while walking a card.
type element struct {
	obj  map[string]any
	path string // JSON pointer from the card's root
	form string // name of the enclosing form
}

// walkElements visits every component of the body in reading order.
func walkElements(card map[string]any, visit func(element)) {
	body, _ := card["body"].(map[string]any)
	walkList(body["elements"], "/body/elements", "", visit)
}

func walkList(list any, path, form string, visit func(element)) {
	items, _ := list.([]any)
	for i, v := range items {
		o, ok := v.(map[string]any)
		if !ok {
			continue
		}
		at := path + "/" + strconv.Itoa(i)
		visit(element{o, at, form})
		inner := form
		if o["tag"] == "form" {
			inner, _ = o["name"].(string)
		}
		walkList(o["columns"], at+"/columns", inner, visit)
		walkList(o["elements"], at+"/elements", inner, visit)
	}
}

// textIn is the text of a text object in a language, falling back as a client
// does: the language, the default content, English, anything.
func textIn(text map[string]any, language string) string {
	i18n, _ := text["i18n_content"].(map[string]any)
	if s, ok := i18n[language].(string); ok {
		return s
	}
	if s, _ := text["content"].(string); s != "" {
		return s
	}
	if s, ok := i18n["en_us"].(string); ok {
		return s
	}
	for _, key := range sortedKeys(i18n) {
		if s, ok := i18n[key].(string); ok {
			return s
		}
	}
	return ""
}

// walkText visits every readable text of a card. Object keys are visited in a
// fixed order that puts headings first.
func walkText(v any, language string, visit func(string)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			walkText(x, language, visit)
		}
	case map[string]any:
		if _, ok := v["content"].(string); ok {
			visit(textIn(v, language))
		}
		switch v["tag"] {
		case "table":
			tableText(v, visit)
			return
		case "chart":
			spec, _ := v["chart_spec"].(map[string]any)
			title, _ := spec["title"].(map[string]any)
			if s, ok := title["text"].(string); ok {
				visit(s)
			}
			return
		}
		for _, key := range readingOrder(v) {
			walkText(v[key], language, visit)
		}
	}
}

func tableText(table map[string]any, visit func(string)) {
	columns, _ := table["columns"].([]any)
	rows, _ := table["rows"].([]any)
	for _, c := range columns {
		column, _ := c.(map[string]any)
		if s, ok := column["display_name"].(string); ok {
			visit(s)
		}
	}
	for _, r := range rows {
		row, _ := r.(map[string]any)
		for _, c := range columns {
			column, _ := c.(map[string]any)
			name, _ := column["name"].(string)
			cellText(row[name], visit)
		}
	}
}

func cellText(cell any, visit func(string)) {
	switch cell := cell.(type) {
	case string:
		visit(cell)
	case json.Number:
		visit(cell.String())
	case []any:
		for _, x := range cell {
			cellText(x, visit)
		}
	case map[string]any:
		cellText(cell["text"], visit)
	}
}

// readingOrder is the order in which the keys of a component appear on screen.
func readingOrder(o map[string]any) []string {
	rank := map[string]int{"header": 1, "title": 2, "subtitle": 3, "text_tag_list": 4, "label": 5, "text": 6, "fields": 7, "body": 8, "columns": 9, "elements": 10}
	keys := slices.DeleteFunc(sortedKeys(o), func(k string) bool {
		return k == "i18n_content" || k == "behaviors" || k == "config"
	})
	slices.SortStableFunc(keys, func(a, b string) int {
		ra, rb := rank[a], rank[b]
		if ra == 0 {
			ra = 99
		}
		if rb == 0 {
			rb = 99
		}
		return ra - rb
	})
	return keys
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
