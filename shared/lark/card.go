package lark

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// The platform refuses cards above 30 KB, and stores styled text larger than it was sent; the budget leaves room for that.
const (
	maxCard = 30 * 1024
	budget  = 28 * 1024
)

// Look is how cards are written: for whom, on which clock, and what must not be shown. The zero Look is English and UTC.
type Look struct {
	Language Language
	Zone     *time.Location
	Redact   func(string) string // applied to every text from outside before it is escaped; nil leaves them as they are
	BotName  string              // how people address the bot in the group; empty says "the bot"
}

func (l Look) pen(now time.Time) pen {
	p := pen{language: l.Language, zone: l.Zone, now: now, redact: l.Redact}
	if p.language == "" {
		p.language = English
	}
	if p.zone == nil {
		p.zone = time.UTC
	}
	return p
}

// cut is what a card leaves out to fit.
type cut struct {
	detail   bool // evidence beyond the first few lines, folded lists
	language bool // the second language
	chart    bool
	lists    bool // long lists, and texts beyond chars
	chars    int  // with lists: characters that are left of each text
}

// cuts is the fixed order in which a card that is too large gives things up.
var cuts = []cut{
	{},
	{detail: true},
	{detail: true, language: true},
	{detail: true, language: true, chart: true},
	{detail: true, language: true, chart: true, lists: true, chars: 160},
	{detail: true, language: true, chart: true, lists: true, chars: 60},
	{detail: true, language: true, chart: true, lists: true, chars: 32},
}

// few is how much of a list is shown: all that is usual, or less where lists are cut.
func (c cut) few(usual, less int) int {
	if c.lists {
		return less
	}
	return usual
}

// said names what was left out; empty when nothing was.
func (c cut) said(p pen) words {
	if c == (cut{}) {
		return words{}
	}
	var gone []words
	if c.detail {
		gone = append(gone, say("evidence detail", "证据明细"))
	}
	if c.language {
		gone = append(gone, say("the Chinese text", "中文文本"))
	}
	if c.chart {
		gone = append(gone, say("the chart", "图表"))
	}
	if c.lists {
		gone = append(gone, say("long lists and texts", "较长的列表和文本"))
	}
	return say("Left out because a card holds 30 KB: %s. All of it is in the archive.", "因卡片上限 30 KB，以下内容未显示：%s。完整内容见归档。", join(", ", gone...))
}

// write makes the card that loses least among those that fit. The last cut bounds every list and text, so that it should always
// fit; should it not, a stub says so, because silence would be worse.
func write(l Look, now time.Time, build func(p pen, c cut) card) ([]byte, error) {
	for _, c := range cuts {
		p := l.pen(now)
		p.most = c.chars
		if c.language && p.language == Both {
			p.language = English
		} else if p.language != Both {
			c.language = false
		}
		b, err := encode(build(p, c))
		if err != nil {
			return nil, err
		}
		if len(b) <= budget && Validate(b) == nil {
			return b, nil
		}
	}
	return encode(stub(l.pen(now), build).card(l.pen(now)))
}

// stub is what is sent when no form of a card can be: its title, and where to read on. It has no buttons.
func stub(p pen, build func(p pen, c cut) card) sheet {
	full := build(p, cuts[len(cuts)-1])
	s := sheet{colour: orange, title: say("An incident needs you; its card could not be drawn", "有事件需要处理，但卡片无法生成")}
	if t := full.Header.Title; t != nil {
		s.title = p.data(t.Content, 120)
	}
	s.parts = []element{p.markdown(say("**This card could not be drawn.** Nothing can be confirmed here; all of it is in the archive.", "**卡片无法生成。** 此处无法确认任何方案；完整内容见归档。"))}
	return s
}

// encode writes a card without HTML escapes, which would cost five bytes for each of the many angle brackets.
func encode(c card) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		return nil, fmt.Errorf("encode card: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// sheet is a card before it is put into the platform's form.
type sheet struct {
	title    words
	subtitle words
	colour   colour
	tags     []tag
	summary  words
	parts    []element
}

type tag struct {
	text   words
	colour colour
}

// card puts the sheet together.
func (s sheet) card(p pen) card {
	h := cardHeader{Title: p.plain(title(s.title, 160)), Template: s.colour}
	if !s.subtitle.empty() {
		h.Subtitle = p.plain(title(s.subtitle, 120))
	}
	h.Tags = p.tags(s.tags, func(t pair) string { return p.first(t) })
	if p.language == Both {
		h.I18nTags = &i18nTags{ZH: p.tags(s.tags, func(t pair) string { return t.zh }), EN: p.tags(s.tags, func(t pair) string { return t.en })}
	}
	if s.summary.empty() {
		s.summary = s.title
	}
	return card{
		Schema: "2.0",
		Config: config{UpdateMulti: true, EnableForward: true, WidthMode: "fill", Summary: &summary{Content: p.first(title(s.summary, 120).raw)}},
		Header: h,
		Body:   body{Spacing: "medium", Elements: s.parts},
	}
}

func (p pen) tags(all []tag, in func(pair) string) []textTag {
	out := make([]textTag, 0, len(all))
	for _, t := range all {
		out = append(out, textTag{Tag: "text_tag", Text: &plainText{Tag: "plain_text", Content: in(title(t.text, 40).raw.filled())}, Color: t.colour})
	}
	return out
}
