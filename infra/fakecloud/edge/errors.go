package edge

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Dialect is how a service spells an error body. Clients must read all of them: the SDK itself understands only Snake.
type Dialect int

// The spellings seen in documents and live answers.
const (
	Snake     Dialect = iota // {"error_code","error_msg"}: the API gateway and most services
	Camel                    // {"errorCode","errorMessage"}: CCE's documents, AOM's metric API
	SnakeLong                // {"error_code","error_message"}: AOM's documents
)

// Error is an answer that refuses. A zero Code or Dialect takes the service's own.
type Error struct {
	Status     int
	Code       string
	Message    string
	Dialect    *Dialect
	RetryAfter string // header, seconds, may be fractional as the real gateway sends it
}

func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message) }

// In makes a dialect usable in an Error.
func In(d Dialect) *Dialect { return &d }

// BadRequest is the service's 400.
func BadRequest(message string) *Error {
	return &Error{Status: http.StatusBadRequest, Message: message}
}

// NotFound is the service's 404.
func NotFound(what string) *Error {
	return &Error{Status: http.StatusNotFound, Message: what + " does not exist"}
}

// Unauthorized is the API gateway's 401, whatever the service.
func Unauthorized(cause error) *Error {
	return &Error{
		Status: http.StatusUnauthorized, Code: "APIGW.0301", Dialect: In(Snake),
		Message: "Incorrect IAM authentication information: " + cause.Error(),
	}
}

// Forbidden is a service's refusal of an action that no policy allows.
func Forbidden(s Service, action string) *Error {
	return &Error{Status: http.StatusForbidden, Code: s.Denied, Message: "Policy doesn't allow " + action + " to be performed."}
}

// Throttled is the API gateway's 429.
func Throttled(retryAfter time.Duration) *Error {
	e := &Error{
		Status: http.StatusTooManyRequests, Code: "APIGW.0308", Dialect: In(Snake),
		Message: "The throttling threshold has been reached: policy user over ratelimit,limit:10,time:1 minute",
	}
	if retryAfter > 0 {
		e.RetryAfter = strconv.FormatFloat(retryAfter.Seconds(), 'f', 3, 64)
	}
	return e
}

func (e *Error) write(w http.ResponseWriter, s Service) {
	code := e.Code
	if code == "" {
		switch e.Status {
		case http.StatusBadRequest:
			code = s.Invalid
		case http.StatusForbidden:
			code = s.Denied
		case http.StatusNotFound:
			code = s.Missing
		}
	}
	dialect := s.Dialect
	if e.Dialect != nil {
		dialect = *e.Dialect
	}
	if e.RetryAfter != "" {
		w.Header().Set("Retry-After", e.RetryAfter)
	}
	WriteJSON(w, e.Status, dialect.body(code, e.Message, w.Header().Get("X-Request-Id")))
}

func (d Dialect) body(code, message, requestID string) map[string]string {
	switch d {
	case Camel:
		return map[string]string{"errorCode": code, "errorMessage": message}
	case SnakeLong:
		return map[string]string{"error_code": code, "error_message": message, "request_id": requestID}
	default:
		return map[string]string{"error_code": code, "error_msg": message, "request_id": requestID}
	}
}

// ParseDialect reads the name used by the admin API.
func ParseDialect(name string) (Dialect, error) {
	switch strings.ToLower(name) {
	case "", "snake":
		return Snake, nil
	case "camel":
		return Camel, nil
	case "snakelong":
		return SnakeLong, nil
	}
	return Snake, fmt.Errorf("unknown error dialect %q", name)
}

// NewID is a random id of 32 hex digits, the form of the cloud's request and resource ids.
func NewID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return hex.EncodeToString(b)
}

// Write answers with an error that needs no service's defaults, for servers beside the Gate.
func (e *Error) Write(w http.ResponseWriter) { e.write(w, Service{}) }
