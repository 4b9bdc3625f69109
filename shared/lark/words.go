package lark

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"cce-oncall/shared/incident"
)

// literal is a wording written in this package. Only constants become one without a visible conversion, which is what keeps foreign
// text out of format strings and markup.
type literal string

// pair is one text in the two languages.
type pair struct{ en, zh string }

func (p pair) join(q pair) pair { return pair{p.en + q.en, p.zh + q.zh} }

// filled leaves no text empty: the platform refuses a component without content.
func (p pair) filled() pair {
	if strings.TrimSpace(p.en) == "" {
		p.en = "–"
	}
	if strings.TrimSpace(p.zh) == "" {
		p.zh = "–"
	}
	return p
}

// words are a text as it stands in markdown and as it stands in plain text, in both languages. They are made by say and by a pen
// only, which escape whatever is not a literal: no other code writes markup.
type words struct{ md, raw pair }

func (w words) empty() bool { return w.raw.en == "" && w.md.en == "" }

// say puts words into a sentence. The wordings take the words by %s, or by %[1]s where the two languages order them differently.
func say(en, zh literal, args ...words) words {
	if len(args) == 0 {
		return words{md: pair{string(en), string(zh)}, raw: pair{string(en), string(zh)}}
	}
	a, b, c, d := make([]any, len(args)), make([]any, len(args)), make([]any, len(args)), make([]any, len(args))
	for i, w := range args {
		a[i], b[i], c[i], d[i] = w.md.en, w.md.zh, w.raw.en, w.raw.zh
	}
	return words{
		md:  pair{fmt.Sprintf(string(en), a...), fmt.Sprintf(string(zh), b...)},
		raw: pair{fmt.Sprintf(string(en), c...), fmt.Sprintf(string(zh), d...)},
	}
}

// same is a wording that needs no translation.
func same(s literal, args ...words) words { return say(s, s, args...) }

// join puts words one after another with a separator between those that are not empty.
func join(sep literal, parts ...words) words {
	var out words
	for _, p := range parts {
		if p.empty() {
			continue
		}
		if !out.empty() {
			out = words{md: out.md.join(pair{string(sep), string(sep)}), raw: out.raw.join(pair{string(sep), string(sep)})}
		}
		out = words{md: out.md.join(p.md), raw: out.raw.join(p.raw)}
	}
	return out
}

func lines(parts ...words) words { return join("\n", parts...) }

// bold and the like dress words in markdown; their plain form stays.
func bold(w words) words { return dress(w, "**", "**") }

func dress(w words, before, after literal) words {
	if w.empty() {
		return w
	}
	w.md = pair{string(before) + w.md.en + string(after), string(before) + w.md.zh + string(after)}
	return w
}

// grey is for what is needed only when looked for. The text says everything: colour adds nothing but rest.
func grey(w words) words { return dress(w, "<font color='grey'>", "</font>") }

// bullet starts a list line.
func bullet(w words) words { return dress(w, "- ", "") }

// num is a number, which needs no escaping.
func num[T int | float64](v T) words {
	s := fmt.Sprintf("%v", v)
	return words{md: pair{s, s}, raw: pair{s, s}}
}

// count is a number with its noun; Chinese has one form for one and many.
func count(n int, one, many, zh literal) words {
	if n == 1 {
		return say("%s "+one, "%s "+zh, num(n))
	}
	return say("%s "+many, "%s "+zh, num(n))
}

// pen writes foreign text: escaped, redacted, bounded, in the wanted languages and on one clock.
type pen struct {
	language Language
	zone     *time.Location
	now      time.Time
	redact   func(string) string
	most     int // characters of any quoted text; zero does not bound beyond what each place does
}

// data quotes text from outside, at most n characters, and not more than three bytes for each of them after escaping: text made of
// markup must not crowd out everything else.
func (p pen) data(s string, n int) words {
	if p.most > 0 {
		n = min(n, p.most)
	}
	if len(s) > longest { // nobody reads that far; cleaning all of it would only take time
		s = s[:longest]
	}
	s = clip(tidy(p.safe(s), n+1), n)
	e := escape(s)
	for m := n; len(e) > 3*n && m > 1; {
		m = min(m-1, m*3*n/len(e))
		s = clip(s, max(m, 1))
		e = escape(s)
	}
	return words{md: pair{e, e}, raw: pair{s, s}}
}

// longest is how much of a text is looked at at all, in bytes.
const longest = 8 << 10

// name quotes an object's name; Kubernetes allows 253 characters.
func (p pen) name(s string) words { return p.data(s, 253) }

// text quotes a sentence that another room wrote, in both languages: it may carry names and log lines, so it is data here.
func (p pen) text(t incident.Text, n int) words {
	en, zh := p.data(t.In("en"), n), p.data(t.In("zh"), n)
	return words{md: pair{en.md.en, zh.md.zh}, raw: pair{en.raw.en, zh.raw.zh}}
}

func (p pen) safe(s string) string {
	if p.redact == nil {
		return s
	}
	return p.redact(s)
}

// openID is what the platform calls a person to this app. Anything else in an at or person tag makes it refuse the whole card.
var openID = regexp.MustCompile(`^ou_[A-Za-z0-9_-]{1,64}$`)

// at names a person and notifies them.
func (p pen) at(id string) words { return p.who(id, "<at id=%s></at>") }

// person names a person without notifying.
func (p pen) person(id string) words {
	return p.who(id, "<person id='%s' show_name=true show_avatar=false style='normal'></person>")
}

func (p pen) who(id string, tag literal) words {
	w := p.data(id, 80)
	if openID.MatchString(id) {
		s := fmt.Sprintf(string(tag), id)
		w.md = pair{s, s}
	}
	return w
}

func (p pen) people(ids []string, one func(string) words) words {
	var all []words
	for i, id := range ids {
		if i == 20 {
			all = append(all, say("and %s more", "等共 %s 人", num(len(ids)-20)))
			break
		}
		all = append(all, one(id))
	}
	return join(" ", all...)
}

// clock tells a time of day, with the date unless it is today. All times of a card are on one clock, named at its foot.
func (p pen) clock(t time.Time) words {
	if t.IsZero() {
		return say("unknown", "未知")
	}
	t, now := t.In(p.zone), p.now.In(p.zone)
	form := "15:04"
	if t.Year() != now.Year() {
		form = "2006-01-02 15:04"
	} else if t.YearDay() != now.YearDay() {
		form = "01-02 15:04"
	}
	s := t.Format(form)
	return words{md: pair{s, s}, raw: pair{s, s}}
}

// stamp is date and time in full.
func (p pen) stamp(t time.Time) words {
	s := t.In(p.zone).Format("2006-01-02 15:04")
	return words{md: pair{s, s}, raw: pair{s, s}}
}

// clockName is the clock's name: "UTC", "UTC+8".
func (p pen) clockName() words {
	_, offset := p.now.In(p.zone).Zone()
	s := "UTC"
	if offset != 0 {
		s = fmt.Sprintf("UTC%+d", offset/3600)
		if m := offset % 3600 / 60; m != 0 {
			s += fmt.Sprintf(":%02d", max(m, -m))
		}
	}
	return words{md: pair{s, s}, raw: pair{s, s}}
}

// span is a duration as people say it.
func span(d time.Duration) words {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return say("%s s", "%s 秒", num(int(d/time.Second)))
	case d < 10*time.Minute && d%time.Minute != 0:
		return say("%s min %s s", "%s 分 %s 秒", num(int(d/time.Minute)), num(int(d%time.Minute/time.Second)))
	case d < time.Hour:
		return say("%s min", "%s 分钟", num(int(d.Round(time.Minute)/time.Minute)))
	case d < 48*time.Hour:
		d = d.Round(time.Minute)
		if d%time.Hour == 0 {
			return say("%s h", "%s 小时", num(int(d/time.Hour)))
		}
		return say("%s h %s min", "%s 小时 %s 分钟", num(int(d/time.Hour)), num(int(d%time.Hour/time.Minute)))
	}
	return say("%s days", "%s 天", num(int(d/(24*time.Hour))))
}

// percent is a share of one; unknown is said, never shown as zero.
func percent(v float64) words {
	if v < 0 || v != v {
		return say("unknown", "未知")
	}
	return say("%s %%", "%s%%", num(int(v*100+0.5)))
}

// plain writes words where nothing is interpreted.
func (p pen) plain(w words) *plainText {
	t := w.raw.filled()
	return &plainText{Tag: "plain_text", Content: p.first(t), I18n: p.both(t)}
}

// markdown writes words as rich text.
func (p pen) markdown(w words) *markdown {
	t := w.md.filled()
	t = pair{endLists(t.en), endLists(t.zh)}
	return &markdown{Tag: "markdown", Content: p.first(t), I18n: p.both(t)}
}

func (p pen) first(t pair) string {
	if p.language == Chinese {
		return t.zh
	}
	return t.en
}

func (p pen) both(t pair) *i18n {
	if p.language != Both || t.en == t.zh {
		return nil
	}
	return &i18n{ZH: t.zh, EN: t.en}
}

// title bounds words for a place of one or two lines.
func title(w words, n int) words {
	cut := func(s string) string { return clip(strings.ReplaceAll(s, "\n", " "), n) }
	w.raw = pair{cut(w.raw.en), cut(w.raw.zh)}
	return w
}
