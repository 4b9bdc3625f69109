// Package tell shows an incident to people and keeps what they were shown. What always holds: what a button stands for is kept
// before the button is seen; a card says what has been recorded, never what is about to happen; a card that cannot be shown is
// logged and tried again at the next step, and holds nothing up.
package tell

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/lark"
	"cce-oncall/shared/record"
)

// Cards is what the messenger must be able to do.
type Cards interface {
	Send(ctx context.Context, chat string, card []byte, uuid string) (messageID string, err error)
	Update(ctx context.Context, messageID string, card []byte) error
	ReplyText(ctx context.Context, messageID string, t incident.Text, uuid string) (string, error)
}

// Teller shows the incidents of one cluster.
type Teller struct {
	Cards     Cards
	Book      *record.Book
	Look      lark.Look
	Key       []byte   // makes the buttons' ids
	Approvers []string // who may confirm: named on the card
	Now       func() time.Time
}

// Draw is the incident's card as it is now, without saving or sending anything.
func (t *Teller) Draw(ctx context.Context, i *incident.Incident, chat string) ([]byte, error) {
	return t.draw(ctx, i, chat, false)
}

func (t *Teller) draw(ctx context.Context, i *incident.Incident, chat string, save bool) ([]byte, error) {
	buttons, err := t.Book.Buttons(ctx, t.Key, i, chat, save)
	if err != nil {
		return nil, err
	}
	card, err := lark.IncidentCard(lark.View{Look: t.Look, Incident: i, Now: t.Now(), Tokens: buttons, Approvers: t.Approvers})
	if err != nil {
		return nil, fmt.Errorf("draw the card of %s: %w", i.ID, err)
	}
	return card, nil
}

// Post sends the first card. Two processes that post it at once send one message: the platform sends one for an uuid.
func (t *Teller) Post(ctx context.Context, i *incident.Incident, chat string) error {
	card, err := t.draw(ctx, i, chat, true)
	if err != nil {
		return err
	}
	if err := t.Book.SaveCardBody(ctx, i.Cluster.ID, i.ID, card); err != nil {
		return err
	}
	message, err := t.Cards.Send(ctx, chat, card, lark.UUID("card", string(i.ID)))
	if err != nil {
		return fmt.Errorf("post the card of %s: %w", i.ID, err)
	}
	i.Card = &incident.Card{Chat: chat, Message: message}
	return t.Book.SaveCard(ctx, i.Cluster.ID, i.ID, *i.Card)
}

// Refresh redraws the card in place. Only execute calls it: one writer for one message. Its failure is logged: the next step draws
// the card again.
func (t *Teller) Refresh(ctx context.Context, i *incident.Incident) {
	if err := t.Show(ctx, i); err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Str("incident", string(i.ID)).Msg("card could not be updated")
	}
}

// Show redraws the card in place and says whether that succeeded: for the last word on an incident.
func (t *Teller) Show(ctx context.Context, i *incident.Incident) error {
	if i.Card == nil {
		return nil
	}
	card, err := t.draw(ctx, i, i.Card.Chat, true)
	if err != nil {
		return err
	}
	if err := t.Cards.Update(ctx, i.Card.Message, card); err != nil {
		return fmt.Errorf("update the card of %s: %w", i.ID, err)
	}
	return t.Book.SaveCardBody(ctx, i.Cluster.ID, i.ID, card)
}

// Ping says a sentence below the card, since a changed card alone wakes nobody. event names what happened: the same event is said
// once.
func (t *Teller) Ping(ctx context.Context, i *incident.Incident, event string, text incident.Text) {
	if i.Card == nil {
		return
	}
	if _, err := t.Cards.ReplyText(ctx, i.Card.Message, text, lark.UUID("ping", string(i.ID), event)); err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Str("incident", string(i.ID)).Str("event", event).Msg("reply could not be posted")
	}
}
