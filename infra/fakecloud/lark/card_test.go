package lark

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestCardsThatAreRefused(t *testing.T) {
	table := `{"tag":"table","columns":[{"name":"a","data_type":"text"}],"rows":[{"a":"x"}]}`
	submit := `{"tag":"button","name":"go","form_action_type":"submit","text":{"tag":"plain_text","content":"go"}}`
	many := make([]string, 0, 201)
	for range 201 {
		many = append(many, `{"tag":"hr"}`)
	}
	tests := map[string]struct {
		card string
		sub  int
		in   string // part of the message
	}{
		"no schema":               {`{"header":{"title":{"tag":"plain_text","content":"x"}},"elements":[]}`, subJSON, "schema"},
		"schema 1.0":              {`{"schema":"1.0","elements":[]}`, subJSON, "schema"},
		"not JSON":                {`{"schema":`, subJSON, "parse"},
		"two values":              {card(hello) + `{}`, subJSON, "parse"},
		"unknown top key":         {`{"schema":"2.0","elements":[]}`, subJSON, "property: elements"},
		"unknown component key":   {card(`{"tag":"markdown","content":"x","colour":"red"}`), subJSON, "property: colour"},
		"unknown text key":        {card(`{"tag":"div","text":{"tag":"plain_text","content":"x","i18n":{}}}`), subJSON, "property: i18n"},
		"value on a button":       {card(`{"tag":"button","text":{"tag":"plain_text","content":"x"},"value":{}}`), subJSON, "property: value"},
		"unknown tag":             {card(`{"tag":"blink"}`), subJSON, "tag: blink"},
		"note":                    {card(`{"tag":"note","elements":[]}`), subDropped, "note"},
		"action":                  {card(`{"tag":"action","actions":[]}`), subDropped, "action"},
		"update_multi false":      {`{"schema":"2.0","config":{"update_multi":false}}`, subJSON, "update_multi"},
		"201 components":          {card(many...), subLimit, "exceeds"},
		"six tables":              {card(table, table, table, table, table, table), subLimit, "table number"},
		"markdown tables count":   {card(table, table, table, table, table, `{"tag":"markdown","content":"|a|b|\n|---|---|\n|1|2|"}`), subLimit, "table number"},
		"table in a column":       {card(`{"tag":"column_set","columns":[{"tag":"column","elements":[` + table + `]}]}`), subJSON, "root"},
		"form in a panel":         {card(`{"tag":"collapsible_panel","header":{},"elements":[{"tag":"form","name":"f","elements":[` + submit + `]}]}`), subJSON, "root"},
		"form without a name":     {card(`{"tag":"form","elements":[` + submit + `]}`), subFormName, "name"},
		"form without a submit":   {card(`{"tag":"form","name":"f","elements":[{"tag":"input","name":"why"}]}`), subFormName, "submit"},
		"field without a name":    {card(`{"tag":"form","name":"f","elements":[{"tag":"input"},` + submit + `]}`), subFormName, "name"},
		"two fields of one name":  {card(`{"tag":"form","name":"f","elements":[{"tag":"input","name":"go"},` + submit + `]}`), subFormName, "unique"},
		"submit outside":          {card(submit), subFormName, "outside"},
		"element id with a dash":  {card(`{"tag":"hr","element_id":"a-b"}`), subJSON, "element_id"},
		"element id of 21":        {card(`{"tag":"hr","element_id":"aaaaaaaaaaaaaaaaaaaaa"}`), subJSON, "element_id"},
		"element id twice":        {card(`{"tag":"hr","element_id":"a"}`, `{"tag":"hr","element_id":"a"}`), subJSON, "unique"},
		"chart without fields":    {card(`{"tag":"chart","chart_spec":{"type":"line","data":{"values":[]}}}`), subChart, "xField"},
		"chart without data":      {card(`{"tag":"chart","chart_spec":{"type":"line","xField":"t","yField":"v"}}`), subChart, "data"},
		"chart of unknown type":   {card(`{"tag":"chart","chart_spec":{"type":"lines"}}`), subChart, "lines"},
		"image never uploaded":    {card(`{"tag":"img","img_key":"img_x"}`), subImage, "img_x"},
		"unknown person":          {card(`{"tag":"markdown","content":"<at id=ou_nobody></at>"}`), subPerson, "ou_nobody"},
		"confirm without a title": {card(`{"tag":"button","text":{"tag":"plain_text","content":"x"},"confirm":{"text":{"tag":"plain_text","content":"sure?"}}}`), subJSON, "confirm"},
		"string callback value":   {card(`{"tag":"button","text":{"tag":"plain_text","content":"x"},"behaviors":[{"type":"callback","value":"k"}]}`), subJSON, "object"},
		"hex colour":              {card(`{"tag":"column_set","background_style":"#ff0000","columns":[]}`), subJSON, "colour"},
		"number cell with text":   {card(`{"tag":"table","columns":[{"name":"a","data_type":"number"}],"rows":[{"a":"7"}]}`), subTableRows, "fit"},
		"row height 200px":        {card(`{"tag":"table","row_height":"200px","columns":[{"name":"a"}],"rows":[]}`), subJSON, "124px"},
		"four tags":               {`{"schema":"2.0","header":{"title":{"tag":"plain_text","content":"x"},"text_tag_list":[{"tag":"text_tag"},{"tag":"text_tag"},{"tag":"text_tag"},{"tag":"text_tag"}]}}`, subLimit, "3 tags"},
		"unknown language":        {card(`{"tag":"markdown","content":"x","i18n_content":{"zh-CN":"x"}}`), subJSON, "zh-CN"},
		"header without a title":  {`{"schema":"2.0","header":{"template":"red"}}`, subJSON, "title"},
	}
	s := New(Options{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := s.checkCard([]byte(tt.card))
			if got == nil {
				t.Fatalf("the card was taken: %s", tt.card)
			}
			if got.sub != tt.sub || !strings.Contains(got.Error(), tt.in) {
				t.Errorf("got %v, want sub-code %d and %q", got, tt.sub, tt.in)
			}
		})
	}
}

func TestCardsThatAreShown(t *testing.T) {
	tests := map[string]string{
		"blank":          `{}`,
		"every language": card(`{"tag":"markdown","content":"x","i18n_content":{"zh_cn":"好","en_us":"good"}}`),
		"at everybody":   card(`{"tag":"markdown","content":"<at id=all></at>"}`),
		"at inside code": card(`{"tag":"markdown","content":"` + "`<at id=ou_nobody></at>`" + `"}`),
		"200 components": card(strings.TrimSuffix(strings.Repeat(`{"tag":"hr"},`, 199), ",")),
		"form":           card(`{"tag":"form","name":"f","elements":[{"tag":"input","name":"why","required":true,"label":{"tag":"plain_text","content":"Why"}},{"tag":"column_set","columns":[{"tag":"column","elements":[{"tag":"button","name":"go","form_action_type":"submit","text":{"tag":"plain_text","content":"Reject"},"behaviors":[{"type":"callback","value":{"id":"r"}}]}]}]}]}`),
		"chart":          card(`{"tag":"chart","aspect_ratio":"2:1","chart_spec":{"type":"line","data":[{"id":"cpu","values":[{"t":"03:00","v":81.5}]}],"xField":"t","yField":"v","seriesField":"s","markLine":[{"y":80}]}}`),
		"columns":        card(`{"tag":"column_set","flex_mode":"stretch","horizontal_spacing":"8px","columns":[{"tag":"column","width":"weighted","weight":2,"padding":"8px 0px 8px 0px","elements":[{"tag":"div","fields":[{"is_short":true,"text":{"tag":"lark_md","content":"**a**"}}]}]}]}`),
	}
	s := New(Options{})
	for name, c := range tests {
		if e := s.checkCard([]byte(c)); e != nil {
			t.Errorf("%s was refused: %v", name, e)
		}
	}
}

// The refusal on the wire is 230099 with the sub-code in the message.
func TestRefusalOnTheWire(t *testing.T) {
	w := newWorld(t)
	got := w.create(t, w.group.ID, card(`{"tag":"note"}`), "")
	if got.status != 400 || got.code != codeCard || !strings.Contains(got.msg, "ext=ErrCode: 200861; ErrMsg: ") || !strings.Contains(got.msg, "ErrPath: ROOT -> body -> elements -> [0](tag: note)") {
		t.Errorf("got HTTP %d code %d %q", got.status, got.code, got.msg)
	}
	if len(w.Messages("")) != 0 {
		t.Errorf("a refused card was sent")
	}
}

// Whatever arrives as a card, the check answers; and what it takes can be read.
func FuzzCheckCard(f *testing.F) {
	f.Add(card(hello, confirmA))
	for _, file := range []string{"testdata/alarm.json", "testdata/hostile.json"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	f.Add(`{"schema":"2.0","body":{"elements":[{"tag":"table","columns":[{}],"rows":[1]}]}}`)
	f.Add(`{"schema":"2.0","header":{"title":null}}`)
	f.Fuzz(func(t *testing.T, raw string) {
		s := New(Options{})
		if s.checkCard([]byte(raw)) != nil {
			return
		}
		if !json.Valid([]byte(raw)) {
			t.Fatalf("invalid JSON was taken as a card: %q", raw)
		}
		m := Message{Type: "interactive", Content: raw}
		m.Text("zh_cn")
		m.Buttons()
	})
}
