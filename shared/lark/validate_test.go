package lark

import (
	"fmt"
	"strings"
	"testing"
)

// with is a card of given elements.
func with(elements ...string) string {
	return `{"schema":"2.0","config":{"update_multi":true},"header":{"title":{"tag":"plain_text","content":"x"},"template":"red"},"body":{"elements":[` + strings.Join(elements, ",") + `]}}`
}

func TestValidate(t *testing.T) {
	const (
		text   = `{"tag":"markdown","content":"x"}`
		table  = `{"tag":"table","columns":[],"rows":[]}`
		submit = `{"tag":"button","name":"go","text":{"tag":"plain_text","content":"go"},"form_action_type":"submit","behaviors":[{"type":"callback","value":{"token":"t"}}]}`
		label  = `"text":{"tag":"plain_text","content":"go"}`
	)
	column := func(e string) string {
		return `{"tag":"column_set","columns":[{"tag":"column","elements":[` + e + `]}]}`
	}
	deep := text
	for range 7 {
		deep = column(deep)
	}
	for name, tt := range map[string]struct{ card, want string }{
		"whole":                  {with(text, table, column(text), `{"tag":"form","name":"f","elements":[{"tag":"input","name":"why"},`+submit+`]}`), ""},
		"too large":              {with(`{"tag":"markdown","content":"` + strings.Repeat("x", maxCard) + `"}`), "bytes, more than"},
		"no JSON":                {`{`, "not JSON"},
		"1.0":                    {`{"elements":[]}`, "schema"},
		"own copy for each":      {strings.Replace(with(text), `"update_multi":true`, `"update_multi":false`, 1), "update_multi"},
		"no header":              {strings.Replace(with(text), `"header":{"title":{"tag":"plain_text","content":"x"},"template":"red"},`, "", 1), "header"},
		"no body":                {`{"schema":"2.0","config":{"update_multi":true},"header":{"title":{"tag":"plain_text","content":"x"},"template":"red"}}`, "body"},
		"unknown colour":         {strings.Replace(with(text), `"red"`, `"#ff0000"`, 1), "colour"},
		"empty title":            {strings.Replace(with(text), `"content":"x"`, `"content":""`, 1), "empty"},
		"unknown key":            {with(`{"tag":"markdown","content":"x","colour":"red"}`), `unknown key "colour"`},
		"unknown component":      {with(`{"tag":"note"}`), `unknown component "note"`},
		"no tag":                 {with(`{}`), "unknown component"},
		"unknown language":       {with(`{"tag":"markdown","content":"x","i18n_content":{"zh-CN":"x"}}`), "zh-CN"},
		"201 elements":           {with(strings.Split(strings.Repeat(`{"tag":"hr"};`, 200)+`{"tag":"hr"}`, ";")...), "elements, more than 200"},
		"six tables":             {with(table, table, table, table, table, table), "tables"},
		"table in a column":      {with(column(table)), "table not at the root"},
		"form in a column":       {with(column(`{"tag":"form","name":"f","elements":[` + submit + `]}`)), "form not at the root"},
		"form without a name":    {with(`{"tag":"form","elements":[` + submit + `]}`), "form without a name"},
		"form without a submit":  {with(`{"tag":"form","name":"f","elements":[{"tag":"input","name":"why"}]}`), "submit"},
		"nameless input":         {with(`{"tag":"form","name":"f","elements":[{"tag":"input"},` + submit + `]}`), "name of its own"},
		"two of one name":        {with(`{"tag":"form","name":"f","elements":[{"tag":"input","name":"go"},` + submit + `]}`), "name of its own"},
		"submit outside":         {with(submit), "outside a form"},
		"nested too deep":        {with(deep), "deeper"},
		"bad element id":         {with(`{"tag":"hr","element_id":"1x"}`), "element_id"},
		"element id twice":       {with(`{"tag":"hr","element_id":"a"}`, `{"tag":"hr","element_id":"a"}`), "twice"},
		"dead button":            {with(`{"tag":"button",` + label + `}`), "does nothing"},
		"string value":           {with(`{"tag":"button",` + label + `,"behaviors":[{"type":"callback","value":"x"}]}`), "not an object"},
		"script link":            {with(`{"tag":"button",` + label + `,"behaviors":[{"type":"open_url","default_url":"javascript:x"}]}`), "not http"},
		"confirm without title":  {with(`{"tag":"button",` + label + `,"confirm":{"text":{"tag":"plain_text","content":"?"}},"behaviors":[{"type":"callback","value":{"token":"t"}}]}`), "confirm.title"},
		"long input":             {with(`{"tag":"input","name":"x","max_length":1001}`), "max_length"},
		"everybody is mentioned": {with(`{"tag":"markdown","content":"<at id=all></at>"}`), "everybody"},
		"empty markdown":         {with(`{"tag":"markdown","content":""}`), "without content"},
		"chart without data":     {with(`{"tag":"chart","chart_spec":{"type":"line"}}`), "chart_spec"},
		"four tags":              {strings.Replace(with(text), `"template"`, `"text_tag_list":[`+strings.TrimSuffix(strings.Repeat(`{"tag":"text_tag","text":{"tag":"plain_text","content":"x"}},`, 4), ",")+`],"template"`, 1), "more than 3"},
	} {
		err := Validate([]byte(tt.card))
		if (err == nil) != (tt.want == "") || !strings.Contains(fmt.Sprint(err), tt.want) && tt.want != "" {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func FuzzValidate(f *testing.F) {
	f.Add([]byte(with(`{"tag":"markdown","content":"x"}`)))
	f.Add([]byte(`{"schema":"2.0","body":{"elements":[{"tag":"column_set","columns":[null,1]}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if Validate(b) != nil {
			return
		}
		for _, s := range simpler { // what we would send can also be sent plainer
			out, ok := s.apply(b)
			if !ok {
				t.Fatalf("%s cannot be made %s", b, s.name)
			}
			if err := Validate(out); err != nil && len(out) <= maxCard {
				t.Fatalf("%s of %s: %v", s.name, b, err)
			}
		}
	})
}
