package lark

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Limits of a JSON 2.0 card, from the platform's component pages.
const (
	maxNodes     = 200
	maxTables    = 5
	maxNesting   = 5
	maxInputText = 1000
)

// parts lists the components that may be on a card and the keys each may have: the platform refuses a card for a single other one.
var parts = map[string][]string{
	"plain_text":        {"content", "i18n_content", "text_size", "text_color", "text_align", "lines"},
	"markdown":          {"content", "i18n_content", "text_size", "text_align", "icon", "margin"},
	"hr":                {"margin"},
	"column_set":        {"flex_mode", "horizontal_spacing", "horizontal_align", "background_style", "columns", "margin"},
	"column":            {"width", "weight", "background_style", "padding", "vertical_spacing", "vertical_align", "direction", "elements", "margin"},
	"collapsible_panel": {"expanded", "header", "border", "padding", "vertical_spacing", "elements", "margin", "background_color"},
	"standard_icon":     {"token", "color", "size"},
	"button":            {"type", "size", "width", "text", "icon", "disabled", "disabled_tips", "confirm", "behaviors", "name", "form_action_type", "margin"},
	"form":              {"name", "elements", "direction", "vertical_spacing", "padding", "margin"},
	"input":             {"name", "placeholder", "default_value", "max_length", "input_type", "required", "label", "label_position", "width", "rows"},
	"chart":             {"chart_spec", "aspect_ratio", "height", "color_theme", "preview", "margin"},
	"table":             {"columns", "rows", "page_size", "row_height", "freeze_first_column", "header_style", "margin"},
	"text_tag":          {"text", "color"},
}

var (
	elementID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,19}$`)
	templates = []string{"blue", "wathet", "turquoise", "green", "yellow", "orange", "red", "carmine", "violet", "purple", "indigo", "grey", "default"}
	atAll     = regexp.MustCompile(`(?i)<at\s[^>]*all`)
)

// Validate says what the platform would refuse a card for: size, structure, unknown keys, limits. It also refuses what it would
// accept and we never send: a mention of all, and links that are not http(s). nil means neither was found.
func Validate(b []byte) error {
	if len(b) > maxCard {
		return fmt.Errorf("card has %d bytes, more than %d", len(b), maxCard)
	}
	var c map[string]any
	if err := json.Unmarshal(b, &c); err != nil {
		return fmt.Errorf("card is not JSON: %w", err)
	}
	v := &validator{ids: map[string]bool{}}
	v.keys("card", c, "schema", "config", "header", "body", "card_link")
	if c["schema"] != "2.0" {
		v.fail("schema is not 2.0")
	}
	v.config(c["config"])
	v.header(c["header"])
	if b, ok := c["body"].(map[string]any); ok {
		v.keys("body", b, "direction", "padding", "horizontal_spacing", "vertical_spacing", "horizontal_align", "vertical_align", "elements")
		v.elements(b["elements"], place{})
	} else {
		v.fail("body is missing")
	}
	if v.nodes > maxNodes {
		v.fail("%d elements, more than %d", v.nodes, maxNodes)
	}
	if v.tables > maxTables {
		v.fail("%d tables, more than %d", v.tables, maxTables)
	}
	return errors.Join(v.errs...)
}

type validator struct {
	errs   []error
	ids    map[string]bool
	nodes  int
	tables int
}

// place is where in the card an element stands.
type place struct {
	depth int
	form  *formState
}

type formState struct {
	names  map[string]bool
	submit bool
}

func (v *validator) fail(format string, args ...any) {
	if len(v.errs) < 20 {
		v.errs = append(v.errs, fmt.Errorf(format, args...))
	}
}

func (v *validator) keys(what string, m map[string]any, allowed ...string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(allowed, k) {
			v.fail("%s has the unknown key %q", what, k)
		}
	}
}

func (v *validator) config(x any) {
	m, _ := x.(map[string]any)
	v.keys("config", m, "update_multi", "enable_forward", "enable_forward_interaction", "width_mode", "summary", "locales", "use_custom_translation")
	if m["update_multi"] != true {
		v.fail("config.update_multi is not true")
	}
}

func (v *validator) header(x any) {
	m, ok := x.(map[string]any)
	if !ok {
		v.fail("header is missing")
		return
	}
	v.keys("header", m, "title", "subtitle", "text_tag_list", "i18n_text_tag_list", "template", "icon", "padding")
	if t, _ := m["template"].(string); !slices.Contains(templates, t) {
		v.fail("header.template %q is no colour", t)
	}
	v.plain("header.title", m["title"])
	if m["subtitle"] != nil {
		v.plain("header.subtitle", m["subtitle"])
	}
	lists := []any{m["text_tag_list"]}
	if in, ok := m["i18n_text_tag_list"].(map[string]any); ok {
		v.keys("i18n_text_tag_list", in, "zh_cn", "en_us")
		lists = append(lists, in["zh_cn"], in["en_us"])
	}
	for _, l := range lists {
		tags, _ := l.([]any)
		if len(tags) > 3 {
			v.fail("header has %d tags, more than 3", len(tags))
		}
		for _, t := range tags {
			tag, _ := t.(map[string]any)
			v.node(tag, place{})
			v.plain("text_tag", tag["text"])
		}
	}
}

func (v *validator) plain(what string, x any) {
	m, _ := x.(map[string]any)
	if m["tag"] != "plain_text" {
		v.fail("%s is not a plain_text", what)
		return
	}
	if s, _ := m["content"].(string); s == "" {
		v.fail("%s is empty", what)
	}
	v.node(m, place{})
}

func (v *validator) elements(x any, p place) {
	list, ok := x.([]any)
	if !ok {
		v.fail("elements is not a list")
		return
	}
	for _, e := range list {
		m, _ := e.(map[string]any)
		v.element(m, p)
	}
}

// element checks one component where it stands, and those inside it.
func (v *validator) element(m map[string]any, p place) {
	v.node(m, p)
	tag, _ := m["tag"].(string)
	if p.depth > maxNesting {
		v.fail("%s is nested deeper than %d", tag, maxNesting)
		return
	}
	in := place{depth: p.depth + 1, form: p.form}
	switch tag {
	case "markdown":
		v.markdown(m)
	case "column_set":
		columns, _ := m["columns"].([]any)
		for _, c := range columns {
			col, _ := c.(map[string]any)
			v.node(col, p)
			v.elements(col["elements"], in)
		}
	case "collapsible_panel":
		if p.form != nil {
			v.fail("collapsible_panel inside a form")
		}
		v.panelHeader(m["header"])
		v.elements(m["elements"], in)
	case "form":
		v.form(m, p)
	case "table":
		v.tables++
		if p.depth > 0 {
			v.fail("table not at the root")
		}
	case "button":
		v.button(m, p)
	case "input":
		v.input(m, p)
	case "chart":
		v.chart(m)
	}
}

// node counts a component and checks its keys and id.
func (v *validator) node(m map[string]any, _ place) {
	v.nodes++
	tag, _ := m["tag"].(string)
	allowed, known := parts[tag]
	if !known {
		v.fail("unknown component %q", tag)
		return
	}
	v.keys(tag, m, append([]string{"tag", "element_id"}, allowed...)...)
	if in, ok := m["i18n_content"].(map[string]any); ok {
		v.keys("i18n_content", in, "zh_cn", "en_us")
	}
	if id, ok := m["element_id"].(string); ok {
		if !elementID.MatchString(id) {
			v.fail("element_id %q is not a letter followed by at most 19 letters, digits or underscores", id)
		}
		if v.ids[id] {
			v.fail("element_id %q appears twice", id)
		}
		v.ids[id] = true
	}
}

func (v *validator) markdown(m map[string]any) {
	texts := []any{m["content"]}
	if in, ok := m["i18n_content"].(map[string]any); ok {
		texts = append(texts, in["zh_cn"], in["en_us"])
	}
	for _, t := range texts {
		s, ok := t.(string)
		if !ok || s == "" {
			v.fail("markdown without content")
		}
		if atAll.MatchString(s) {
			v.fail("markdown mentions everybody")
		}
	}
}

func (v *validator) panelHeader(x any) {
	m, _ := x.(map[string]any)
	v.keys("collapsible_panel.header", m, "title", "icon", "icon_position", "icon_expanded_angle", "width", "background_color", "padding", "vertical_align")
	v.plain("collapsible_panel.header.title", m["title"])
}

func (v *validator) form(m map[string]any, p place) {
	if p.depth > 0 || p.form != nil {
		v.fail("form not at the root")
	}
	if s, _ := m["name"].(string); s == "" {
		v.fail("form without a name")
	}
	f := &formState{names: map[string]bool{}}
	v.elements(m["elements"], place{depth: p.depth + 1, form: f})
	if !f.submit {
		v.fail("form without a submit button")
	}
}

// named checks that what is entered in a form can be told apart.
func (v *validator) named(m map[string]any, p place) {
	if p.form == nil {
		return
	}
	name, _ := m["name"].(string)
	if name == "" || p.form.names[name] {
		v.fail("%v in a form needs a name of its own, has %q", m["tag"], name)
	}
	p.form.names[name] = true
}

func (v *validator) button(m map[string]any, p place) {
	v.named(m, p)
	v.plain("button.text", m["text"])
	if a, has := m["form_action_type"]; has {
		if p.form == nil || (a != "submit" && a != "reset") {
			v.fail("form_action_type %v outside a form or unknown", a)
		} else if a == "submit" {
			p.form.submit = true
		}
	}
	if c, has := m["confirm"].(map[string]any); has {
		v.keys("button.confirm", c, "title", "text")
		v.plain("button.confirm.title", c["title"])
		v.plain("button.confirm.text", c["text"])
	}
	behaviors, _ := m["behaviors"].([]any)
	if len(behaviors) == 0 {
		v.fail("button does nothing")
	}
	for _, x := range behaviors {
		b, _ := x.(map[string]any)
		v.behavior(b)
	}
}

func (v *validator) behavior(b map[string]any) {
	v.keys("behavior", b, "type", "value", "default_url", "pc_url", "ios_url", "android_url")
	switch b["type"] {
	case "callback":
		if m, ok := b["value"].(map[string]any); !ok || len(m) == 0 {
			v.fail("callback value is not an object")
		}
	case "open_url":
		u, _ := b["default_url"].(string)
		if !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
			v.fail("link %q is not http(s)", u)
		}
	default:
		v.fail("unknown behavior %v", b["type"])
	}
}

func (v *validator) input(m map[string]any, p place) {
	v.named(m, p)
	if n, ok := m["max_length"].(float64); ok && (n < 1 || n > maxInputText) {
		v.fail("input.max_length %v is not 1 to %d", n, maxInputText)
	}
	if m["placeholder"] != nil {
		v.plain("input.placeholder", m["placeholder"])
	}
}

func (v *validator) chart(m map[string]any) {
	s, _ := m["chart_spec"].(map[string]any)
	if t, _ := s["type"].(string); t == "" || s["data"] == nil {
		v.fail("chart_spec without type or data")
	}
}
