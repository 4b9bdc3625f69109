package lark

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// Message is what one bubble in a chat holds. Values handed out are copies.
type Message struct {
	ID       string `json:"message_id"`
	ChatID   string `json:"chat_id"`
	RootID   string `json:"root_id,omitempty"`
	ParentID string `json:"parent_id,omitempty"`
	ThreadID string `json:"thread_id,omitempty"`
	// Sender is the open id of a person, or the app id for the bot.
	Sender  string `json:"sender"`
	FromApp bool   `json:"from_app,omitempty"`
	Type    string `json:"msg_type"`
	// Content is the platform's JSON string for the type; for "interactive" the card.
	Content  string    `json:"content"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
	Recalled bool      `json:"recalled,omitempty"`
	// VisibleTo is the open id of the one person who sees an ephemeral card.
	VisibleTo string `json:"visible_to,omitempty"`
	// CopyOf is the message this one was forwarded from.
	CopyOf string `json:"copy_of,omitempty"`
	Pinned bool   `json:"pinned,omitempty"`
	// Urgent are the people who were buzzed about it.
	Urgent []string `json:"urgent,omitempty"`
	// InFlight counts the clicks on the card that have not been answered yet.
	InFlight int `json:"in_flight,omitempty"`
	// Revisions are all contents the message had, the current one last.
	Revisions []Revision `json:"revisions"`
	// Seq rises with every change anywhere; the page asks for what is newer.
	Seq int `json:"seq"`

	uuid string
}

// Revision is one content of a message and how it came to be: "create",
// "reply", "patch", "callback", "delayed", "edit", "forward" or "revert".
type Revision struct {
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Content string    `json:"content"`
}

func (m *Message) clone() Message {
	c := *m
	c.Urgent = slices.Clone(m.Urgent)
	c.Revisions = slices.Clone(m.Revisions)
	return c
}

// Card is the parsed card of the message, nil when it holds none.
func (m Message) Card() map[string]any {
	if m.Type != "interactive" {
		return nil
	}
	card, err := decodeObject([]byte(m.Content))
	if err != nil {
		return nil
	}
	return card
}

// Title is the header's title in a language ("zh_cn", "en_us"), empty when
// there is none.
func (m Message) Title(language string) string {
	header, _ := m.Card()["header"].(map[string]any)
	title, _ := header["title"].(map[string]any)
	return textIn(title, language)
}

// Text is every text a person can read in the message, in a language, one per
// line and in the order of the card. It is for looking things up, not for show.
func (m Message) Text(language string) string {
	var out bytes.Buffer
	if m.Type == "text" {
		var t struct{ Text string }
		if json.Unmarshal([]byte(m.Content), &t) == nil {
			return t.Text
		}
	}
	line := func(s string) {
		out.WriteString(s)
		out.WriteByte('\n')
	}
	if m.Type == "post" {
		m.postText(language, line)
		return out.String()
	}
	walkText(m.Card(), language, line)
	return out.String()
}

// postText gives the texts of a rich text message in a language, else in whatever it has.
func (m Message) postText(language string, line func(string)) {
	type body struct {
		Title   string
		Content [][]struct{ Tag, Text string }
	}
	var all map[string]body
	if json.Unmarshal([]byte(m.Content), &all) != nil {
		return
	}
	b, ok := all[language]
	for _, other := range []string{"zh_cn", "en_us"} {
		if !ok {
			b, ok = all[other]
		}
	}
	if b.Title != "" {
		line(b.Title)
	}
	for _, paragraph := range b.Content {
		for _, part := range paragraph {
			if part.Text != "" {
				line(part.Text)
			}
		}
	}
}

// Button is one button of a card as a person finds it.
type Button struct {
	// Path is the JSON pointer of the element in the card.
	Path      string
	ElementID string
	Name      string
	// Text is the label by language; "" is the default text.
	Text     map[string]string
	Disabled bool
	// Confirm says that the client asks again before it sends.
	Confirm bool
	// Value is what the callback behaviour carries, nil without one.
	Value any
	// URL is where an open_url behaviour leads.
	URL string
	// Form is the name of the form around it, Action "submit", "reset" or "".
	Form   string
	Action string

	callback bool
}

// Buttons are the buttons of the card from top to bottom.
func (m Message) Buttons() []Button {
	var out []Button
	walkElements(m.Card(), func(e element) {
		if e.obj["tag"] == "button" {
			out = append(out, buttonOf(e))
		}
	})
	return out
}

func buttonOf(e element) Button {
	b := Button{Path: e.path, Form: e.form, Text: map[string]string{}}
	b.ElementID, _ = e.obj["element_id"].(string)
	b.Name, _ = e.obj["name"].(string)
	b.Disabled, _ = e.obj["disabled"].(bool)
	b.Action, _ = e.obj["form_action_type"].(string)
	_, b.Confirm = e.obj["confirm"].(map[string]any)
	if text, ok := e.obj["text"].(map[string]any); ok {
		b.Text[""], _ = text["content"].(string)
		i18n, _ := text["i18n_content"].(map[string]any)
		for language, v := range i18n {
			b.Text[language], _ = v.(string)
		}
	}
	behaviours, given := e.obj["behaviors"].([]any)
	b.callback = !given // without behaviors a click still reports itself
	for _, v := range behaviours {
		o, _ := v.(map[string]any)
		switch o["type"] {
		case "callback":
			b.callback, b.Value = true, o["value"]
		case "open_url":
			b.URL, _ = o["default_url"].(string)
		}
	}
	if b.Action == "submit" {
		b.callback = true
	}
	return b
}

// is reports whether a person who looks for want means this button: by a label
// in any language, element id, name, path, or a string inside its value.
func (b Button) is(want string) bool {
	if want == b.Path || want != "" && (want == b.ElementID || want == b.Name) {
		return true
	}
	for _, text := range b.Text {
		if text == want {
			return true
		}
	}
	if v, ok := b.Value.(map[string]any); ok {
		for _, x := range v {
			if x == want {
				return true
			}
		}
	}
	return false
}
