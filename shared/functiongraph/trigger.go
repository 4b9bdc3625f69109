package functiongraph

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Event is a trigger's payload, told apart by its shape. Exactly one of the pointers is set; Invoke is whatever another function
// or a person sent directly.
type Event struct {
	Timer  *Timer
	SMN    []Notification
	HTTP   *Request
	Invoke json.RawMessage
}

// Timer is a TIMER trigger firing. UserEvent is free text from the trigger's definition.
type Timer struct {
	Name      string
	Time      string
	UserEvent string
}

// Notification is one SMN message. Message is text for people: a hint, never the truth.
type Notification struct {
	TopicURN  string
	MessageID string
	Subject   string
	Message   string
	Timestamp string
}

// Request is an HTTP request through a dedicated API gateway. Header names are as they came: gateways lower-case them.
type Request struct {
	Method   string
	Path     string
	Headers  map[string]string
	Query    map[string]string
	Body     []byte
	SourceIP string
}

// Response is the only form an API gateway accepts; a bare string becomes a 500 there.
type Response struct {
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
}

// JSON makes a gateway response of a JSON body.
func JSON(status int, body []byte) Response {
	return Response{StatusCode: status, Headers: map[string]string{"Content-Type": "application/json; charset=utf-8"}, Body: string(body)}
}

type envelope struct {
	TriggerType    string          `json:"trigger_type"`
	TriggerName    string          `json:"trigger_name"`
	Time           string          `json:"time"`
	UserEvent      json.RawMessage `json:"user_event"`
	Record         []record        `json:"record"`  // function subscribers
	Records        []record        `json:"records"` // workflow subscribers
	HTTPMethod     string          `json:"httpMethod"`
	Path           string          `json:"path"`
	Body           *string         `json:"body"`
	Base64         bool            `json:"isBase64Encoded"`
	Headers        map[string]any  `json:"headers"`
	Query          map[string]any  `json:"queryStringParameters"`
	RequestContext struct {
		SourceIP string `json:"sourceIp"`
	} `json:"requestContext"`
}

type record struct {
	SMN *struct {
		TopicURN  string `json:"topic_urn"`
		MessageID string `json:"message_id"`
		Subject   string `json:"subject"`
		Message   string `json:"message"`
		Timestamp string `json:"timestamp"`
	} `json:"smn"`
}

// Decode tells what a payload is. Platforms vary in spelling (record or records, message_attributes of any type, bodies said to be
// base64 that are not): all of it is accepted; only what is no JSON object is refused.
func Decode(payload []byte) (Event, error) {
	payload = bytes.TrimSpace(payload)
	if len(payload) == 0 || payload[0] != '{' {
		return Event{}, errors.New("the event is not a JSON object")
	}
	var e envelope
	if err := json.Unmarshal(payload, &e); err != nil {
		// A field of an unexpected type is no reason to lose the event: hand it on as it is.
		if !json.Valid(payload) {
			return Event{}, fmt.Errorf("the event is not JSON: %w", err)
		}
		return Event{Invoke: payload}, nil
	}
	switch {
	case strings.EqualFold(e.TriggerType, "TIMER"):
		return Event{Timer: &Timer{Name: e.TriggerName, Time: e.Time, UserEvent: text(e.UserEvent)}}, nil
	case e.HTTPMethod != "" && e.Body != nil || e.HTTPMethod != "" && e.Headers != nil:
		return Event{HTTP: request(e)}, nil
	}
	var notes []Notification
	for _, r := range append(e.Record, e.Records...) {
		if r.SMN != nil {
			notes = append(notes, Notification{r.SMN.TopicURN, r.SMN.MessageID, r.SMN.Subject, r.SMN.Message, r.SMN.Timestamp})
		}
	}
	if len(notes) > 0 {
		return Event{SMN: notes}, nil
	}
	return Event{Invoke: payload}, nil
}

// text accepts user_event as the documented string or as the JSON somebody typed without quoting it.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func request(e envelope) *Request {
	r := &Request{Method: e.HTTPMethod, Path: e.Path, Headers: flat(e.Headers), Query: flat(e.Query), SourceIP: e.RequestContext.SourceIP}
	if e.Body == nil {
		return r
	}
	r.Body = []byte(*e.Body)
	if e.Base64 {
		// The documented sample shows plain JSON beside "true": what does not decode was never encoded.
		if b, err := base64.StdEncoding.DecodeString(*e.Body); err == nil {
			r.Body = b
		}
	}
	return r
}

func flat(m map[string]any) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		switch v := v.(type) {
		case string:
			out[k] = v
		case []any:
			if len(v) > 0 {
				out[k] = fmt.Sprint(v[0])
			}
		case nil:
		default:
			out[k] = fmt.Sprint(v)
		}
	}
	return out
}
