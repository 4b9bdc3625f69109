package incident

// Text is one sentence in the two languages of the cards. ZH may be empty: readers then get EN.
type Text struct {
	EN string `json:"en"`
	ZH string `json:"zh,omitempty"`
}

// In is the text in the wanted language ("zh" or "en").
func (t Text) In(language string) string {
	if language == "zh" && t.ZH != "" {
		return t.ZH
	}
	return t.EN
}

// Both makes a text of one wording that needs no translation: names, numbers, quoted facts.
func Both(s string) Text { return Text{EN: s} }
