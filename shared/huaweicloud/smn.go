package huaweicloud

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// SMN publishes messages to topics.
type SMN struct{ Session *Session }

const (
	maxSubject     = 512
	maxPublication = 256 << 10
)

// Publish sends a message to everyone who subscribed to the topic. A subject over SMN's 512 bytes is cut, a message over 256 KB
// refused. After an Unavailable error the message may have been sent. Source: PublishMessage.
func (s *SMN) Publish(ctx context.Context, topic, subject, message string) error {
	const op = "PublishMessage"
	if topic == "" || message == "" {
		return refused(SMNService, op, "no topic or no message")
	}
	if len(message) > maxPublication {
		return refused(SMNService, op, fmt.Sprintf("the message has %d bytes, more than the %d SMN takes", len(message), maxPublication))
	}
	subject = strings.Join(strings.Fields(subject), " ")
	if len(subject) > maxSubject {
		subject = strings.ToValidUTF8(subject[:maxSubject], "")
	}
	return s.Session.do(ctx, call{
		service: SMNService, op: op, method: http.MethodPost, path: path("v2", s.Session.Project, "notifications", "topics", topic, "publish"), write: true,
		header: map[string]string{"Content-Type": "application/json;charset=UTF-8"},
		body:   map[string]string{"subject": subject, "message": message},
	}, nil)
}
