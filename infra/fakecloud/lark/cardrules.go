package lark

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The keys below are those of the card JSON 2.0 reference, component by
// component. What a component's page does not list is refused, because the
// platform refuses it.

func anything(*cardCheck, string, any) *cardError { return nil }

func text(_ *cardCheck, at string, v any) *cardError {
	if _, ok := v.(string); !ok {
		return wrong(at, "a string")
	}
	return nil
}

func flag(_ *cardCheck, at string, v any) *cardError {
	if _, ok := v.(bool); !ok {
		return wrong(at, "a boolean")
	}
	return nil
}

func anyObject(_ *cardCheck, at string, v any) *cardError {
	if _, ok := v.(map[string]any); !ok {
		return wrong(at, "an object")
	}
	return nil
}

func number(low, high int) rule {
	return func(_ *cardCheck, at string, v any) *cardError {
		n, ok := v.(json.Number)
		f, err := n.Float64()
		if !ok || err != nil || f < float64(low) || f > float64(high) {
			return wrong(at, "a number from "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
		}
		return nil
	}
}

func oneOf(words ...string) rule {
	return func(_ *cardCheck, at string, v any) *cardError {
		if s, ok := v.(string); !ok || !slices.Contains(words, s) {
			return wrong(at, strings.Join(words, ", "))
		}
		return nil
	}
}

// pixels are one to four lengths such as "8px 0 8px 0".
func pixels(low, high int) rule {
	return func(_ *cardCheck, at string, v any) *cardError {
		s, _ := v.(string)
		parts := strings.Fields(s)
		if len(parts) == 0 || len(parts) > 4 {
			return wrong(at, "one to four lengths in px")
		}
		for _, p := range parts {
			n, err := strconv.Atoi(strings.TrimSuffix(p, "px"))
			if err != nil || n < low || n > high {
				return wrong(at, "lengths from "+strconv.Itoa(low)+"px to "+strconv.Itoa(high)+"px")
			}
		}
		return nil
	}
}

// size is a word of the list or a length.
func size(low, high int, words ...string) rule {
	return func(k *cardCheck, at string, v any) *cardError {
		if s, ok := v.(string); ok && slices.Contains(words, s) {
			return nil
		}
		return pixels(low, high)(k, at, v)
	}
}

// colour is a name or rgba(); hexadecimal colours work in chart specs only.
func colour(_ *cardCheck, at string, v any) *cardError {
	if s, ok := v.(string); !ok || strings.HasPrefix(s, "#") {
		return wrong(at, "a colour name or rgba()")
	}
	return nil
}

func list(of rule) rule {
	return func(k *cardCheck, at string, v any) *cardError {
		items, ok := v.([]any)
		if !ok {
			return wrong(at, "an array")
		}
		for i, x := range items {
			if e := of(k, at+" -> ["+strconv.Itoa(i)+"]", x); e != nil {
				return e
			}
		}
		return nil
	}
}

func byLanguage(of rule) rule {
	return func(k *cardCheck, at string, v any) *cardError {
		m, ok := v.(map[string]any)
		if !ok {
			return wrong(at, "an object by language")
		}
		for _, key := range sortedKeys(m) {
			if !slices.Contains(languages, key) {
				return &cardError{sub: subJSON, msg: "unknown property, property: " + key, path: at}
			}
			if e := of(k, at+" -> "+key, m[key]); e != nil {
				return e
			}
		}
		return nil
	}
}

var languages = []string{
	"zh_cn", "en_us", "ja_jp", "zh_hk", "zh_tw", "id_id", "vi_vn", "th_th",
	"pt_br", "es_es", "ko_kr", "de_de", "fr_fr", "it_it", "ru_ru", "ms_my",
}

// texts is a text object of one of the tags. Every one counts as an element.
func texts(tags ...string) rule {
	return func(k *cardCheck, at string, v any) *cardError {
		o, ok := v.(map[string]any)
		if !ok {
			return wrong(at, "a text object")
		}
		tag, _ := o["tag"].(string)
		if !slices.Contains(tags, tag) {
			return wrong(at+" -> tag", strings.Join(tags, ", "))
		}
		k.nodes++
		rules := maps.Clone(textKeys)
		if tag != "plain_text" {
			rules["content"] = markup(tag == "markdown")
			rules["i18n_content"] = byLanguage(markup(tag == "markdown"))
		}
		return rules.check(k, at, v)
	}
}

var textKeys = object{
	"tag": text, "content": text, "i18n_content": byLanguage(text), "text_size": text,
	"text_color": colour, "text_align": oneOf("left", "center", "right"), "lines": number(1, 999),
}

// markup is a markdown string. Only the default text's tables are counted: a
// client shows one language.
func markup(tables bool) rule {
	return func(k *cardCheck, at string, v any) *cardError {
		s, ok := v.(string)
		if !ok {
			return wrong(at, "a string")
		}
		return k.markup(at, s, tables && !strings.Contains(at, "i18n_content"))
	}
}

func iconRule(k *cardCheck, at string, v any) *cardError {
	o, _ := v.(map[string]any)
	if o["tag"] == "custom_icon" {
		return object{"tag": text, "img_key": imageKey, "size": pixels(1, 999)}.check(k, at, v)
	}
	return object{"tag": oneOf("standard_icon"), "token": text, "color": colour, "img_key": text, "size": pixels(1, 999)}.check(k, at, v)
}

func imageKey(k *cardCheck, at string, v any) *cardError {
	key, _ := v.(string)
	if !k.knowsImage(key) {
		return &cardError{sub: subImage, msg: "image key is invalid: " + key, path: at}
	}
	return nil
}

func personID(k *cardCheck, at string, v any) *cardError {
	id, _ := v.(string)
	if !k.knowsID(id) {
		return &cardError{sub: subPerson, msg: "at or person id is invalid: " + id, path: at}
	}
	return nil
}

func idRule(k *cardCheck, at string, v any) *cardError {
	id, _ := v.(string)
	switch {
	case !elementID.MatchString(id):
		return &cardError{sub: subJSON, msg: "element_id takes 1 to 20 letters, digits and underscores and begins with a letter: " + id, path: at}
	case k.ids[id]:
		return &cardError{sub: subJSON, msg: "element_id is not unique: " + id, path: at}
	}
	k.ids[id] = true
	return nil
}

func confirmRule(k *cardCheck, at string, v any) *cardError {
	o, _ := v.(map[string]any)
	if o["title"] == nil || o["text"] == nil {
		return &cardError{sub: subJSON, msg: "confirm needs a title and a text", path: at}
	}
	return object{"title": texts("plain_text"), "text": texts("plain_text")}.check(k, at, v)
}

func behaviourRule(k *cardCheck, at string, v any) *cardError {
	o, _ := v.(map[string]any)
	switch o["type"] {
	case "open_url":
		return object{"type": text, "default_url": text, "pc_url": text, "ios_url": text, "android_url": text}.check(k, at, v)
	case "callback":
		return object{"type": text, "value": anyObject}.check(k, at, v)
	}
	return wrong(at+" -> type", "open_url or callback")
}

// with adds keys to those that every component has.
func with(parts ...object) object {
	out := object{"tag": text, "element_id": idRule, "margin": pixels(-99, 99)}
	for _, p := range parts {
		maps.Copy(out, p)
	}
	return out
}

var (
	spacing = size(0, 99, "small", "medium", "large", "extra_large", "default")
	layout  = object{
		"direction": oneOf("vertical", "horizontal"), "padding": pixels(0, 99),
		"horizontal_spacing": spacing, "vertical_spacing": spacing,
		"horizontal_align": oneOf("left", "center", "right"), "vertical_align": oneOf("top", "center", "bottom"),
	}
	field = object{
		"name": text, "required": flag, "disabled": flag, "width": size(100, 9999, "default", "fill"),
		"placeholder": texts("plain_text"), "behaviors": list(behaviourRule), "confirm": confirmRule, "disabled_tips": texts("plain_text"),
	}
	option  = object{"text": texts("plain_text"), "value": text, "icon": iconRule}
	jumpURL = object{"multi_url": object{"url": text, "pc_url": text, "ios_url": text, "android_url": text}.check}
	header  = object{
		"title": texts("plain_text", "lark_md"), "subtitle": texts("plain_text", "lark_md"),
		"text_tag_list": textTags, "i18n_text_tag_list": byLanguage(textTags),
		"template": oneOf("blue", "wathet", "turquoise", "green", "yellow", "orange", "red", "carmine", "violet", "purple", "indigo", "grey", "default"),
		"icon":     iconRule, "padding": pixels(0, 99),
	}
	config = object{
		"update_multi": func(_ *cardCheck, at string, v any) *cardError {
			if v != true {
				return &cardError{sub: subJSON, msg: "update_multi can only be true in schema 2.0", path: at}
			}
			return nil
		},
		"enable_forward": flag, "enable_forward_interaction": flag, "use_custom_translation": flag,
		"width_mode": oneOf("default", "compact", "fill"), "locales": list(oneOf(languages...)),
		"summary":        object{"content": text, "i18n_content": byLanguage(text)}.check,
		"streaming_mode": flag, "streaming_config": anyObject, "style": anyObject,
	}
)

func textTags(k *cardCheck, at string, v any) *cardError {
	items, _ := v.([]any)
	if len(items) > 3 {
		return &cardError{sub: subLimit, msg: "a header shows at most 3 tags", path: at}
	}
	k.nodes += len(items)
	return list(object{"tag": oneOf("text_tag"), "element_id": idRule, "text": texts("plain_text"), "color": colour}.check)(k, at, v)
}

func rootRules(k *cardCheck, at string, card map[string]any) *cardError {
	return object{
		"schema": oneOf("2.0"), "config": config.check, "header": headerRule,
		"card_link": object{"url": text, "pc_url": text, "ios_url": text, "android_url": text}.check,
		"body":      with(layout, object{"elements": elementsRule}).check,
	}.check(k, at, card)
}

func headerRule(k *cardCheck, at string, v any) *cardError {
	o, _ := v.(map[string]any)
	if o["title"] == nil {
		return &cardError{sub: subJSON, msg: "required property is missing, property: title", path: at}
	}
	return header.check(k, at, v)
}

// components are the rules by tag.
var components = map[string]object{
	"markdown": with(object{"content": markup(true), "i18n_content": byLanguage(markup(true)), "text_size": text, "text_align": oneOf("left", "center", "right"), "icon": iconRule}),
	"div":      with(object{"text": texts("plain_text", "lark_md"), "fields": list(object{"is_short": flag, "text": texts("plain_text", "lark_md")}.check), "icon": iconRule, "width": size(16, 999, "fill", "auto")}),
	"hr":       with(),
	"img": with(object{
		"img_key": imageKey, "i18n_img_key": byLanguage(imageKey), "alt": texts("plain_text"), "title": texts("plain_text", "lark_md"), "corner_radius": text,
		"scale_type": text, "size": text, "transparent": flag, "preview": flag, "mode": text, "custom_width": number(1, 9999), "compact_width": flag,
	}),
	"person":      with(object{"user_id": personID, "size": text, "show_avatar": flag, "show_name": flag, "style": text}),
	"person_list": with(object{"persons": list(object{"id": personID}.check), "lines": number(1, 99), "size": text, "show_name": flag, "show_avatar": flag, "drop_invalid_user_id": flag, "icon": iconRule}),
	"chart": with(object{
		"chart_spec": anything, "aspect_ratio": oneOf("1:1", "2:1", "4:3", "16:9"), "height": size(1, 999, "auto"), "preview": flag,
		"color_theme": oneOf("brand", "rainbow", "complementary", "converse", "primary"),
	}),
	"table": with(object{
		"columns": list(object{
			"name": text, "display_name": text, "width": text, "data_type": oneOf("text", "lark_md", "options", "number", "persons", "date", "markdown"),
			"horizontal_align": oneOf("left", "center", "right"), "vertical_align": oneOf("top", "center", "bottom"), "date_format": text,
			"format": object{"symbol": text, "precision": number(0, 10), "separator": flag}.check,
		}.check),
		"rows": anything, "page_size": number(1, 10), "row_height": size(32, 124, "low", "middle", "high", "auto"), "row_max_height": pixels(32, 999), "freeze_first_column": flag,
		"header_style": object{"text_align": oneOf("left", "center", "right"), "text_size": text, "background_style": oneOf("grey", "none"), "text_color": colour, "bold": flag, "lines": number(1, 99)}.check,
	}),
	"column_set": with(object{
		"columns": elementsRule, "flex_mode": oneOf("none", "stretch", "flow", "bisect", "trisect"), "background_style": colour,
		"horizontal_spacing": spacing, "horizontal_align": oneOf("left", "center", "right"), "action": jumpURL.check,
	}),
	"column": with(layout, object{
		"elements": elementsRule, "width": size(16, 600, "auto", "weighted"), "weight": number(1, 5), "background_style": colour, "action": jumpURL.check,
	}),
	"collapsible_panel": with(layout, object{
		"expanded": flag, "background_color": colour, "elements": elementsRule,
		"border": object{"color": colour, "corner_radius": text}.check,
		"header": object{
			"title": texts("plain_text", "markdown", "lark_md"), "background_color": colour, "vertical_align": oneOf("top", "center", "bottom"), "padding": pixels(-99, 99),
			"position": text, "width": oneOf("fill", "auto", "auto_when_fold"), "icon": iconRule, "icon_position": oneOf("left", "right", "follow_text"), "icon_expanded_angle": number(-180, 180),
		}.check,
	}),
	"interactive_container": with(layout, object{
		"elements": elementsRule, "width": text, "height": text, "background_style": colour, "has_border": flag, "border_color": colour, "corner_radius": text,
		"behaviors": list(behaviourRule), "disabled": flag, "disabled_tips": texts("plain_text"), "hover_tips": texts("plain_text"), "confirm": confirmRule,
	}),
	"form": with(layout, object{"name": text, "elements": elementsRule}),
	"button": with(object{
		"type": oneOf("default", "primary", "danger", "text", "primary_text", "danger_text", "primary_filled", "danger_filled", "laser"),
		"size": oneOf("tiny", "small", "medium", "large"), "width": size(100, 9999, "default", "fill"),
		"text": texts("plain_text"), "icon": iconRule, "hover_tips": texts("plain_text"), "disabled": flag, "disabled_tips": texts("plain_text"),
		"confirm": confirmRule, "behaviors": list(behaviourRule), "name": text, "form_action_type": oneOf("submit", "reset"),
	}),
	"input": with(field, object{
		"default_value": text, "i18n_default_value": byLanguage(text), "max_length": number(1, 1000), "input_type": oneOf("text", "multiline_text", "password"),
		"rows": number(1, 99), "auto_resize": flag, "max_rows": number(1, 99), "show_icon": flag, "label": texts("plain_text"), "label_position": oneOf("top", "left"), "value": anything,
	}),
	"select_static":       with(field, object{"type": oneOf("default", "text"), "options": list(option.check), "initial_option": text, "initial_index": number(0, 999)}),
	"multi_select_static": with(field, object{"type": oneOf("default", "text"), "options": list(option.check), "selected_values": list(text)}),
	"select_person":       with(field, object{"type": oneOf("default", "text"), "options": list(object{"value": personID}.check), "initial_option": text}),
	"multi_select_person": with(field, object{"type": oneOf("default", "text"), "options": list(object{"value": personID}.check), "selected_values": list(text)}),
	"date_picker":         with(field, object{"initial_date": text}),
	"picker_time":         with(field, object{"initial_time": text}),
	"picker_datetime":     with(field, object{"initial_datetime": text}),
	"checker":             with(field, object{"checked": flag, "text": texts("plain_text", "lark_md"), "overall_checkable": flag, "button_area": anyObject, "checked_style": anyObject, "padding": pixels(0, 99), "hover_tips": texts("plain_text")}),
	"overflow": with(field, object{"options": list(object{
		"text": texts("plain_text"), "value": text,
		"multi_url": object{"url": text, "pc_url": text, "ios_url": text, "android_url": text}.check,
	}.check)}),
}

// mustJSON encodes a value that came out of a JSON decoder.
func mustJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("lark: encoding a decoded value: " + err.Error())
	}
	return raw
}

// hasKey reports whether any object inside v has the key.
func hasKey(v any, key string) bool {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if k == key || hasKey(x, key) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return hasKey(x, key) })
	}
	return false
}
