package functiongraph

import (
	"bytes"
	"context"

	"github.com/rs/zerolog"
)

// Dropped is the result of an event that cannot be understood. Another delivery would not mend it, so it is no error; who invoked the
// function by hand reads why nothing happened.
type Dropped struct {
	Dropped string `json:"dropped"`
}

// excerpt is how much of such an event the log keeps, in bytes: enough to see what sent it.
const excerpt = 1000

// Drop logs an event that cannot be understood, and its beginning, so that nothing is lost without a trace.
func Drop(ctx context.Context, payload []byte, why error) Dropped {
	zerolog.Ctx(ctx).Error().Err(why).Bytes("event", beginning(payload)).Int("bytes", len(payload)).
		Msg("event cannot be understood; it is dropped")
	return Dropped{why.Error()}
}

// beginning cuts between words: half a secret would not be known for one.
func beginning(payload []byte) []byte {
	if len(payload) <= excerpt {
		return payload
	}
	cut := payload[:excerpt]
	return cut[:bytes.LastIndexAny(cut, " \t\r\n\",;&<>{}[]")+1]
}
