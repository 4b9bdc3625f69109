package lark

import (
	"encoding/json"

	sdkcallback "github.com/larksuite/oapi-sdk-go/v3/event/dispatcher/callback"

	"cce-oncall/shared/incident"
)

// ToastKind colours the short note a person sees after a click.
type ToastKind string

// The kinds of toast.
const (
	ToastInfo    ToastKind = "info"
	ToastSuccess ToastKind = "success"
	ToastError   ToastKind = "error"
	ToastWarning ToastKind = "warning"
)

// Empty answers what needs no answer. Never nothing and never null: the platform shows an error for those.
func Empty() []byte { return []byte("{}") }

// ChallengeAnswer answers url_verification.
func ChallengeAnswer(c Challenge) []byte {
	return answer(map[string]string{"challenge": c.Answer})
}

// Toast answers a click with a note in both languages: the person's client shows its own.
func Toast(kind ToastKind, t incident.Text) []byte { return ToastWithCard(kind, t, nil) }

// ToastWithCard answers a click with a note and, if card is not empty, replaces the card in the same moment. The person who clicked
// cannot see an older one come back, since the card stays locked until then.
func ToastWithCard(kind ToastKind, t incident.Text, card []byte) []byte {
	out := sdkcallback.CardActionTriggerResponse{Toast: &sdkcallback.Toast{
		Type: string(kind), Content: clip(clean(t.In("en")), 200),
		I18nContent: map[string]string{"en_us": clip(clean(t.In("en")), 200), "zh_cn": clip(clean(t.In("zh")), 200)},
	}}
	if len(card) > 0 && json.Valid(card) {
		out.Card = &sdkcallback.Card{Type: "raw", Data: json.RawMessage(card)}
	}
	return answer(out)
}

func answer(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return Empty()
	}
	return b
}
