package main

import (
	"context"
	"net/http"

	"github.com/rs/zerolog"

	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/huaweicloud"
)

// pushes is SMN as it posts to the gateway, in regions where FunctionGraph has no trigger for it.
type pushes interface {
	OpenPush(ctx context.Context, body []byte) (huaweicloud.Push, error)
	Confirm(ctx context.Context, p huaweicloud.Push) error
}

// wake runs a function by its role.
type wake interface {
	Wake(ctx context.Context, role string, payload any) error
}

// notification is one as the SMN trigger would have brought it.
type notification struct {
	TopicURN  string `json:"topic_urn"`
	MessageID string `json:"message_id"`
	Subject   string `json:"subject"`
	Message   string `json:"message"`
	Timestamp string `json:"timestamp"`
}

// pushed takes a request from the gateway. A diagnosis takes longer than the gateway waits, so a proven notification becomes an event of
// this same function; 503 lets SMN push again.
func (d *diagnosis) pushed(ctx context.Context, r functiongraph.Request) functiongraph.Response {
	log := zerolog.Ctx(ctx)
	p, err := d.pushes.OpenPush(ctx, r.Body)
	if err == nil && p.Type == huaweicloud.PushConfirmation {
		err = d.pushes.Confirm(ctx, p)
	} else if err == nil && p.Type == huaweicloud.PushNotification {
		err = d.wake.Wake(ctx, "diagnose", map[string]any{"record": []any{map[string]any{
			"event_source": "smn", "smn": notification{p.Topic, p.ID, p.Subject, p.Message, p.Timestamp},
		}}})
	}
	switch {
	case err == nil:
		return functiongraph.JSON(http.StatusOK, []byte(`{}`))
	case huaweicloud.KindOf(err) == huaweicloud.Denied:
		log.Warn().Err(err).Str("address", r.SourceIP).Msg("a push that is not proven to be SMN's was refused")
		return functiongraph.JSON(http.StatusForbidden, []byte(`{"message":"refused"}`))
	}
	log.Error().Err(err).Msg("a push could not be taken")
	return functiongraph.JSON(http.StatusServiceUnavailable, []byte(`{"message":"try again"}`))
}
