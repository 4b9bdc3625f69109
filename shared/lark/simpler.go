package lark

import (
	"encoding/json"
	"regexp"
	"strings"
)

// simplerForm is a plainer edition of a card that the platform refused.
type simplerForm struct {
	name  string
	apply func(card []byte) ([]byte, bool) // false when the card cannot be read
}

// simpler is the order in which a refused card is tried again: first without what is most often refused (charts, mentions of
// people the app does not know, addresses and numbers that leak prevention stops), then nothing but the header and a word why.
var simpler = []simplerForm{{"simple", simplify}, {"bare", bare}}

var (
	personTag = regexp.MustCompile(`<(?:at|person) id='?(ou_[A-Za-z0-9_-]+)'?[^>]*></(?:at|person)>`)
	mail      = regexp.MustCompile(`[A-Za-z0-9.+-]+(?:@|&#64;)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)
	phone     = regexp.MustCompile(`\b1[3-9]\d{9}\b|\+\d[\d -]{7,15}\d`)
)

// simplify takes out charts, writes people as their ids, and masks mail addresses and telephone numbers.
func simplify(b []byte) ([]byte, bool) {
	var c map[string]any
	if json.Unmarshal(b, &c) != nil {
		return nil, false
	}
	c, _ = plainer(c).(map[string]any)
	out, err := json.Marshal(c)
	return out, err == nil
}

func plainer(x any) any {
	switch x := x.(type) {
	case map[string]any:
		for k, v := range x {
			if k != "value" && k != "default_url" { // a button's token and a link are not text
				x[k] = plainer(v)
			}
		}
		return x
	case []any:
		kept := make([]any, 0, len(x))
		for _, v := range x {
			if m, ok := v.(map[string]any); ok && m["tag"] == "chart" {
				v = map[string]any{"tag": "markdown", "content": "(chart left out / 图表未显示)"}
			}
			kept = append(kept, plainer(v))
		}
		return kept
	case string:
		return phone.ReplaceAllString(mail.ReplaceAllString(personTag.ReplaceAllString(x, "$1"), "***"), "***")
	}
	return x
}

// bare keeps the header and says that the rest was refused. It has no buttons: nobody confirms what cannot be read.
func bare(b []byte) ([]byte, bool) {
	var c struct {
		Schema string          `json:"schema"`
		Config json.RawMessage `json:"config"`
		Header json.RawMessage `json:"header"`
		Body   struct {
			Elements []map[string]string `json:"elements"`
		} `json:"body"`
	}
	var in struct {
		Header json.RawMessage `json:"header"`
		Config json.RawMessage `json:"config"`
	}
	if json.Unmarshal(b, &in) != nil || len(in.Header) == 0 || len(in.Config) == 0 {
		return nil, false
	}
	header, ok := simplify(in.Header)
	if !ok {
		return nil, false
	}
	c.Schema, c.Config, c.Header = "2.0", in.Config, header
	c.Body.Elements = []map[string]string{{"tag": "markdown", "content": strings.Join([]string{
		"The chat refused the full card (its content or its form). Nothing can be confirmed here; the full text is in the archive under the incident's id.",
		"会话拒绝了完整卡片（内容或格式原因）。此处无法确认任何方案；完整内容见归档中的该事件。",
	}, "\n")}}
	out, err := json.Marshal(c)
	return out, err == nil
}
