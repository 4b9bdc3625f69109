package huaweicloud

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"cce-oncall/shared/redact"
)

// Kind is what a failed call means to the caller; errors.Is(err, NotFound) asks for it.
type Kind string

// Kinds of failure.
const (
	Denied      Kind = "denied"      // who we are may not do this
	NotFound    Kind = "not found"   // the thing is not there; also matches fs.ErrNotExist
	Conflict    Kind = "conflict"    // it exists, or has changed since it was read
	Busy        Kind = "busy"        // its state does not allow this now; it will (CCE.01403003 and its neighbours)
	Throttled   Kind = "throttled"   // too many requests: refused, nothing was done
	Exhausted   Kind = "exhausted"   // a quota stands in the way: waiting does not help, a person does
	Invalid     Kind = "invalid"     // the request itself is wrong, or the answer was not understood
	Unavailable Kind = "unavailable" // no answer or a broken service; what a write did is unknown
)

// Error makes a kind usable as the target of errors.Is.
func (k Kind) Error() string { return string(k) }

// Error is a failed call. Message is the service's own words, redacted and cut; never the body as it came.
type Error struct {
	Service    string
	Op         string
	Status     int    // HTTP status; 0 when there was no answer
	Code       string // CCE.01403001, APIGW.0308, NoSuchKey
	Message    string
	RequestID  string
	Kind       Kind
	RetryAfter time.Duration // what a throttled service asked for; 0 when it did not say
	cause      error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Service + " " + e.Op + ": " + string(e.Kind))
	if e.Status != 0 {
		b.WriteString(" (" + strconv.Itoa(e.Status))
		if e.Code != "" {
			b.WriteString(" " + e.Code)
		}
		b.WriteString(")")
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.RequestID != "" {
		b.WriteString(" [request " + e.RequestID + "]")
	}
	return b.String()
}

// Unwrap gives the network's or the context's own error, so that errors.Is(err, context.DeadlineExceeded) holds.
func (e *Error) Unwrap() error { return e.cause }

// Is matches a Kind; NotFound also matches fs.ErrNotExist, which a consumer can ask for without knowing this package.
func (e *Error) Is(target error) bool {
	if k, ok := target.(Kind); ok {
		return e.Kind == k
	}
	return target == fs.ErrNotExist && e.NotFound()
}

// NotFound says whether the thing asked for is not there; any other trouble is not that.
func (e *Error) NotFound() bool { return e.Kind == NotFound }

// Transient says whether the same call may succeed later without anybody's help.
func (e *Error) Transient() bool {
	return e.Kind == Throttled || e.Kind == Unavailable || e.Kind == Busy
}

// KindOf is the kind of err, or "" when it is none of ours.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

const maxMessage = 240

// refusal is the error of an answer with a status of 400 and above. Both spellings of the body are understood (CCE documents
// errorCode/errorMessage and sends error_code/error_msg; AOM error_code/error_message), as are code/message, a nested error object
// and Prometheus' own errorType/error.
func refusal(service, op string, status int, header http.Header, body []byte, r *redact.Redactor) *Error {
	code, message := readRefusal(body)
	e := &Error{
		Service: service, Op: op, Status: status,
		Code:       clean(code, 64, r),
		Message:    clean(message, maxMessage, r),
		RequestID:  clean(header.Get("X-Request-Id"), 64, r),
		RetryAfter: retryAfter(header.Get("Retry-After")),
	}
	e.Kind = kindOf(status, e.Code)
	return e
}

func readRefusal(body []byte) (code, message string) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return "", "" // a proxy's page: nothing in it is worth repeating
	}
	code = firstText(fields, "error_code", "errorCode", "code", "err_code", "errorType")
	message = firstText(fields, "error_msg", "error_message", "errorMessage", "message", "err_msg", "error", "description")
	if nested := fields["error"]; code == "" && len(nested) > 0 && nested[0] == '{' {
		return readRefusal(nested)
	}
	return code, message
}

// firstText is the first of the fields that holds a string or a number.
func firstText(fields map[string]json.RawMessage, names ...string) string {
	for _, name := range names {
		raw := fields[name]
		var s string
		if json.Unmarshal(raw, &s) == nil && s != "" {
			return s
		}
		var n json.Number
		if json.Unmarshal(raw, &n) == nil && n != "" {
			return n.String()
		}
	}
	return ""
}

var (
	// Gateways throttle as APIG.0308 or APIGW.0308; CCE as CCE.01429002, 01429003, 02429001; OBS says SlowDown.
	throttleCode = regexp.MustCompile(`^(APIGW?\.0308|CCE\.\d{2}429\d{3}|SlowDown|RequestLimitExceeded)$`)
	// CCE.01403003 to 09 mean that the cluster's or pool's state does not allow it now, but for 01403008, which is the agency;
	// 01400023 and 24 are operations in conflict; OperationAborted is OBS'.
	busyCode = regexp.MustCompile(`^(CCE\.0140300[345679]|CCE\.014000(23|24)|OperationAborted)$`)
	// Quotas of clusters, ECS, CPU, memory, security groups, EIP, volumes, nodes per flavour, sub-ENI.
	quotaCode = regexp.MustCompile(`^CCE\.014000(0[789]|1[01234]|25)$`)
)

// kindOf reads status and code. Source of the codes: CCE's error code table and answers observed of the live service.
func kindOf(status int, code string) Kind {
	switch {
	case status == http.StatusTooManyRequests || throttleCode.MatchString(code):
		return Throttled
	case busyCode.MatchString(code):
		return Busy
	case quotaCode.MatchString(code):
		return Exhausted
	case status == http.StatusNotFound || code == "CCE_CM.0003":
		return NotFound
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return Denied
	case status == http.StatusConflict || status == http.StatusPreconditionFailed:
		return Conflict
	case status >= 500 || status == http.StatusRequestTimeout:
		return Unavailable
	}
	return Invalid
}

// noAnswer is the error of a call that got none. The address, which holds the project id, is left out.
func noAnswer(ctx context.Context, service, op string, err error, r *redact.Redactor) *Error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	message := "no answer: " + err.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		message = "no answer in time"
	case errors.Is(err, context.Canceled):
		message = "given up by the caller"
	}
	return &Error{Service: service, Op: op, Kind: Unavailable, Message: clean(message, maxMessage, r), cause: err}
}

// notUnderstood is the error of a successful answer of another form than documented.
func notUnderstood(service, op, what string) *Error {
	return &Error{Service: service, Op: op, Kind: Invalid, Message: "answer not understood: " + what}
}

// refused is the error of a call that was never made because it is wrong in itself.
func refused(service, op, why string) *Error {
	return &Error{Service: service, Op: op, Kind: Invalid, Message: why}
}

// clean makes upstream text fit for a log line: no secrets, no control characters, bounded.
func clean(s string, limit int, r *redact.Redactor) string {
	s = r.String(s)
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, s)
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return s
}

// retryAfter reads seconds, which CCE sends as a decimal fraction ("56.818"). A date is not taken: none has been seen.
func retryAfter(s string) time.Duration {
	seconds, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || !(seconds > 0) || seconds > 3600 {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}
