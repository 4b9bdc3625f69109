package machine

import (
	"context"
	"fmt"
	"html"
	"strings"

	"cce-oncall/infra/fakecloud/lark"
)

// Card waits for a card in the on-call chat whose text, in either language, has all the words in it, and returns its newest state.
func (m *Machine) Card(ctx context.Context, words ...string) (lark.Message, error) {
	msg, err := m.Lark.WaitCard(ctx, func(c lark.Message) bool {
		return c.ChatID == m.Chat.ID && c.FromApp && reads(c, words)
	})
	if err != nil {
		return msg, fmt.Errorf("wait for a card with %q: %w", words, err)
	}
	return msg, nil
}

// Says waits until a message of the bot, card or not, reads so.
func (m *Machine) Says(ctx context.Context, words ...string) (lark.Message, error) {
	msg, err := m.Lark.WaitMessage(ctx, func(c lark.Message) bool { return c.FromApp && !c.Recalled && reads(c, words) })
	if err != nil {
		return msg, fmt.Errorf("wait for a message with %q: %w", words, err)
	}
	return msg, nil
}

func reads(c lark.Message, words []string) bool {
	text := html.UnescapeString(c.Text("en_us") + "\n" + c.Text("zh_cn"))
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// Button finds a button of a card by the beginning of its label in any language.
func Button(c lark.Message, label string) (lark.Button, bool) {
	for _, b := range c.Buttons() {
		for _, text := range b.Text {
			if strings.HasPrefix(text, label) {
				return b, true
			}
		}
	}
	return lark.Button{}, false
}

// AwaitButton waits until a card shows a button whose label begins so: a round is recorded a moment before its card is drawn.
func (m *Machine) AwaitButton(ctx context.Context, message, label string) error {
	_, err := m.Lark.WaitCard(ctx, func(c lark.Message) bool {
		_, shown := Button(c, label)
		return c.ID == message && shown
	})
	if err != nil {
		return fmt.Errorf("wait for the button %q: %w", label, err)
	}
	return nil
}

// Click presses the button whose label begins so, as a person, and returns what the person sees.
func (m *Machine) Click(ctx context.Context, who, message, label string) (lark.Answer, error) {
	c, ok := m.Lark.Message(message)
	if !ok {
		return lark.Answer{}, fmt.Errorf("there is no message %s", message)
	}
	b, ok := Button(c, label)
	if !ok {
		return lark.Answer{}, fmt.Errorf("the card has no button %q, but %s", label, captions(c))
	}
	got, err := m.Lark.Press(ctx, lark.Press{User: who, Message: message, Target: b.Path})
	if err != nil {
		return got, fmt.Errorf("click %q: %w", label, err)
	}
	toast := ""
	if got.Toast != nil {
		toast = got.Toast.In("en_us")
	}
	m.Note(who, "clicks %q: %s", label, toast)
	return got, nil
}

func captions(c lark.Message) string {
	var out []string
	for _, b := range c.Buttons() {
		out = append(out, fmt.Sprintf("%q", b.Text[""]))
	}
	return "[" + strings.Join(out, " ") + "]"
}

// Type writes into the on-call chat, to the bot.
func (m *Machine) Type(ctx context.Context, who, text string) (lark.Message, error) {
	m.Note(who, "types %q", text)
	return m.Lark.Type(ctx, who, m.Chat.ID, "@"+m.Lark.App().Name+" "+text)
}

// Reply answers a card with words, to the bot.
func (m *Machine) Reply(ctx context.Context, who, message, text string) (lark.Message, error) {
	m.Note(who, "replies %q", text)
	return m.Lark.Reply(ctx, who, message, "@"+m.Lark.App().Name+" "+text)
}
