package lark

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The platform's figures for one card of JSON 2.0.
const (
	maxNodes   = 200 // components and text elements
	maxTables  = 5   // table components and markdown tables together
	maxNesting = 5   // containers in containers
	maxLabel   = 100 // characters of a button
)

// cardCheck is the state of checking one card.
type cardCheck struct {
	components map[string]object
	knowsImage func(key string) bool
	knowsID    func(id string) bool // person

	nodes, tables int
	ids, names    map[string]bool
	where         []string // tags of the containers around the current element
	forms         []*formCheck
}

type formCheck struct{ submit bool }

// checkCard validates a card for sending.
func (s *Server) checkCard(raw []byte) *cardError {
	card, err := decodeObject(raw)
	if err != nil {
		return &cardError{sub: subJSON, msg: "parse card json err, please check whether the card json is correct"}
	}
	if len(card) == 0 {
		return nil // {} is the documented blank card
	}
	if card["schema"] != "2.0" {
		return &cardError{sub: subJSON, msg: `schema must be "2.0": this platform shows cards of JSON 2.0 only`, path: "ROOT -> schema"}
	}
	k := &cardCheck{
		components: components,
		ids:        map[string]bool{},
		names:      map[string]bool{},
		knowsImage: func(key string) bool { return s.uploads[key].kind == "image" },
		knowsID: func(id string) bool {
			_, ok := s.findUser(id)
			return ok
		},
	}
	if e := rootRules(k, "ROOT", card); e != nil {
		return e
	}
	if k.nodes > maxNodes {
		return &cardError{sub: subLimit, msg: fmt.Sprintf("element exceeds the limit (%d > %d)", k.nodes, maxNodes)}
	}
	return nil
}

// checkUpdate validates a card that replaces another: a 2.0 card cannot become
// one of 1.0.
func (s *Server) checkUpdate(raw []byte) *cardError {
	card, err := decodeObject(raw)
	if err == nil && card["schema"] != "2.0" {
		return &cardError{sub: subDowngrade, msg: "a card of schema 2.0 cannot be updated to schema 1.0", path: "ROOT -> schema"}
	}
	return s.checkCard(raw)
}

// rule checks one value of a card.
type rule func(k *cardCheck, at string, v any) *cardError

// object lists the keys a JSON object may have; any other key is refused.
type object map[string]rule

func (o object) check(k *cardCheck, at string, v any) *cardError {
	m, ok := v.(map[string]any)
	if !ok {
		return wrong(at, "an object")
	}
	for _, key := range sortedKeys(m) {
		check, known := o[key]
		if !known {
			return &cardError{sub: subJSON, msg: "unknown property, property: " + key, path: at}
		}
		if e := check(k, at+" -> "+key, m[key]); e != nil {
			return e
		}
	}
	return nil
}

func wrong(at, want string) *cardError {
	return &cardError{sub: subJSON, msg: "type of property is wrong, want " + want, path: at}
}

// elementsRule checks the children of a container.
func elementsRule(k *cardCheck, at string, v any) *cardError {
	list, ok := v.([]any)
	if !ok {
		return wrong(at, "an array of components")
	}
	for i, x := range list {
		if e := k.element(fmt.Sprintf("%s -> [%d]", at, i), x); e != nil {
			return e
		}
	}
	return nil
}

// element checks one component where it stands.
func (k *cardCheck) element(at string, v any) *cardError {
	o, ok := v.(map[string]any)
	if !ok {
		return wrong(at, "a component")
	}
	tag, _ := o["tag"].(string)
	at += fmt.Sprintf("(tag: %s)", tag)
	if tag == "note" || tag == "action" {
		return &cardError{sub: subDropped, msg: "cards of schema V2 no longer support this capability; ErrorValue: unsupported tag " + tag, path: at}
	}
	rules, known := k.components[tag]
	if !known {
		return &cardError{sub: subJSON, msg: "unsupported tag, tag: " + tag, path: at}
	}
	if e := k.place(tag, at, o); e != nil {
		return e
	}
	k.nodes++
	k.where = append(k.where, tag)
	defer func() { k.where = k.where[:len(k.where)-1] }()
	if tag == "form" {
		k.forms = append(k.forms, &formCheck{})
	}
	if e := rules.check(k, at, v); e != nil {
		return e
	}
	return k.finish(tag, at, o)
}

// place applies the nesting rules.
func (k *cardCheck) place(tag, at string, o map[string]any) *cardError {
	depth := len(k.where)
	inForm := slices.Contains(k.where, "form")
	switch {
	case tag == "table" && depth > 0:
		return &cardError{sub: subJSON, msg: "a table can only be placed at the root of the card", path: at}
	case tag == "form" && depth > 0:
		return &cardError{sub: subJSON, msg: "a form can only be placed at the root of the card", path: at}
	case (tag == "column") != (depth > 0 && k.where[depth-1] == "column_set"):
		return &cardError{sub: subJSON, msg: "columns belong into a column_set and nowhere else", path: at}
	case depth > 2*maxNesting:
		return &cardError{sub: subLimit, msg: "containers are nested too deeply", path: at}
	case inForm && interactive(tag):
		name, _ := o["name"].(string)
		if name == "" {
			return &cardError{sub: subFormName, msg: "an interactive component in a form needs a name", path: at}
		}
		if k.names[name] {
			return &cardError{sub: subFormName, msg: "the name is not unique in the card: " + name, path: at}
		}
		k.names[name] = true
	}
	return nil
}

func interactive(tag string) bool {
	switch tag {
	case "button", "input", "select_static", "multi_select_static", "select_person", "multi_select_person",
		"date_picker", "picker_time", "picker_datetime", "checker", "overflow", "select_img":
		return true
	}
	return false
}

// finish checks what a component must have.
func (k *cardCheck) finish(tag, at string, o map[string]any) *cardError {
	switch tag {
	case "form":
		f := k.forms[len(k.forms)-1]
		k.forms = k.forms[:len(k.forms)-1]
		name, _ := o["name"].(string)
		if name == "" || k.names[name] {
			return &cardError{sub: subFormName, msg: "a form needs a name of its own", path: at}
		}
		k.names[name] = true
		if !f.submit {
			return &cardError{sub: subFormName, msg: "a form needs a button with form_action_type submit", path: at}
		}
	case "button":
		return k.button(at, o)
	case "table":
		k.tables++
		return k.table(at, o)
	case "chart":
		return chartSpec(at, o["chart_spec"])
	case "markdown":
		if _, ok := o["content"].(string); !ok {
			return &cardError{sub: subJSON, msg: "required property is missing, property: content", path: at}
		}
	case "collapsible_panel":
		if _, ok := o["header"].(map[string]any); !ok {
			return &cardError{sub: subJSON, msg: "required property is missing, property: header", path: at}
		}
	}
	return k.tableLimit(at)
}

func (k *cardCheck) tableLimit(at string) *cardError {
	if k.tables > maxTables {
		return &cardError{sub: subLimit, msg: "card table number over limit; ErrorValue: table", path: at}
	}
	return nil
}

func (k *cardCheck) button(at string, o map[string]any) *cardError {
	text, _ := o["text"].(map[string]any)
	if label, _ := text["content"].(string); len([]rune(label)) > maxLabel {
		return &cardError{sub: subJSON, msg: "the text of a button is longer than 100 characters", path: at}
	}
	if text == nil && o["icon"] == nil {
		return &cardError{sub: subJSON, msg: "a button needs a text or an icon", path: at}
	}
	action, _ := o["form_action_type"].(string)
	if action != "" && len(k.forms) == 0 {
		return &cardError{sub: subFormName, msg: "form_action_type outside of a form", path: at}
	}
	if action == "submit" {
		k.forms[len(k.forms)-1].submit = true
	}
	return nil
}

func (k *cardCheck) table(at string, o map[string]any) *cardError {
	columns, _ := o["columns"].([]any)
	rows, ok := o["rows"].([]any)
	if len(columns) == 0 || len(columns) > 50 || !ok {
		return &cardError{sub: subTableRows, msg: "a table needs 1 to 50 columns, and rows", path: at}
	}
	kinds := map[string]string{}
	for _, c := range columns {
		column, _ := c.(map[string]any)
		name, _ := column["name"].(string)
		if name == "" || kinds[name] != "" {
			return &cardError{sub: subTableRows, msg: "a column needs a name of its own", path: at}
		}
		kinds[name], _ = column["data_type"].(string)
		if kinds[name] == "" {
			kinds[name] = "text"
		}
	}
	for i, r := range rows {
		row, ok := r.(map[string]any)
		if !ok {
			return &cardError{sub: subTableRows, msg: fmt.Sprintf("row %d is not an object", i), path: at}
		}
		for _, name := range sortedKeys(row) {
			if !cellFits(kinds[name], row[name]) {
				return &cardError{sub: subTableRows, msg: fmt.Sprintf("row %d, column %q: the value does not fit type %q", i, name, kinds[name]), path: at}
			}
		}
	}
	return k.tableLimit(at)
}

func cellFits(kind string, v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case json.Number:
		return kind != "persons" && kind != "options"
	case string:
		return kind != "number" && kind != "date" || v == ""
	case []any:
		return kind == "options" || kind == "persons"
	case bool:
		return kind == "text"
	}
	return false
}

// chartSpec checks the outline of a VChart specification.
func chartSpec(at string, v any) *cardError {
	bad := func(format string, args ...any) *cardError {
		return &cardError{sub: subChart, msg: "chart spec is invalid: " + fmt.Sprintf(format, args...), path: at}
	}
	spec, ok := v.(map[string]any)
	if !ok {
		return bad("chart_spec is not an object")
	}
	kind, _ := spec["type"].(string)
	var need []string
	switch kind {
	case "line", "area", "bar", "scatter":
		need = []string{"xField", "yField"}
	case "pie", "rose":
		need = []string{"valueField", "categoryField"}
	case "radar":
		need = []string{"valueField", "categoryField"}
	case "common":
		if list, _ := spec["series"].([]any); len(list) == 0 {
			return bad("a common chart needs series")
		}
	case "funnel", "wordCloud", "linearProgress", "circularProgress", "progress", "gauge":
	default:
		return bad("type %q is unknown", kind)
	}
	for _, key := range need {
		if spec[key] == nil {
			return bad("%s is missing", key)
		}
	}
	return chartData(spec["data"], bad)
}

func chartData(v any, bad func(string, ...any) *cardError) *cardError {
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	if len(list) == 0 {
		return bad("data is empty")
	}
	for _, x := range list {
		set, ok := x.(map[string]any)
		if !ok {
			return bad("data is neither an object nor a list of objects")
		}
		values, ok := set["values"].([]any)
		if !ok {
			return bad("data.values is not a list")
		}
		for _, p := range values {
			if _, ok := p.(map[string]any); !ok {
				return bad("a value is not an object")
			}
		}
	}
	return nil
}

var (
	elementID  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,19}$`)
	atPerson   = regexp.MustCompile(`<at\s+ids?\s*=\s*["']?([^"'>\s]*)["']?\s*>`)
	personTag  = regexp.MustCompile(`<person\s+id\s*=\s*["']?([^"'>\s]*)`)
	tableRule  = regexp.MustCompile(`(?m)^[ \t]*\|?[ \t]*:?-{3,}:?[ \t]*\|[-:| \t]*$`)
	codeFence  = regexp.MustCompile("(?s)```.*?(```|$)")
	codeInline = regexp.MustCompile("`[^`\n]*`")
)

// markup checks what a markdown text refers to.
func (k *cardCheck) markup(at, text string, tables bool) *cardError {
	text = codeInline.ReplaceAllString(codeFence.ReplaceAllString(text, ""), "")
	var ids []string
	for _, m := range atPerson.FindAllStringSubmatch(text, -1) {
		ids = append(ids, strings.Split(m[1], ",")...)
	}
	for _, m := range personTag.FindAllStringSubmatch(text, -1) {
		ids = append(ids, m[1])
	}
	for _, id := range ids {
		if id != "all" && !k.knowsID(id) {
			return &cardError{sub: subPerson, msg: "at or person id is invalid: " + id, path: at}
		}
	}
	if tables {
		n := len(tableRule.FindAllString(text, -1))
		k.tables += n
		if n > 4 {
			return &cardError{sub: subLimit, msg: "card table number over limit; ErrorValue: markdown table", path: at}
		}
	}
	return nil
}
