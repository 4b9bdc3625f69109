package lark

import "fmt"

// Language chooses what a card is written in.
type Language string

// The languages. Both puts the two into one card: each reader's client shows its own, any other client shows English.
const (
	Chinese Language = "zh"
	English Language = "en"
	Both    Language = "both"
)

// ParseLanguage reads a setting.
func ParseLanguage(s string) (Language, error) {
	switch l := Language(s); l {
	case Chinese, English, Both:
		return l, nil
	}
	return "", fmt.Errorf("language %q is none of zh, en, both", s)
}
