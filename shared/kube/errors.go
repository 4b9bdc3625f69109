package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kind is what a failed call to the API server means to the caller.
type Kind string

// Kinds of failure.
const (
	Denied      Kind = "denied"      // RBAC or the gateway refuses who we are
	NotFound    Kind = "not found"   // the object is not there
	Exists      Kind = "exists"      // it is there already
	Conflict    Kind = "conflict"    // it has changed since it was read
	Throttled   Kind = "throttled"   // refused for now; nothing was done
	Invalid     Kind = "invalid"     // the request itself is wrong
	Unavailable Kind = "unavailable" // no answer or a broken server; what a write did is unknown
)

// Error is a failed call to an API server or its gateway. Its text holds the API server's own message where a well-formed Status
// gave one, and never the body of anything else.
type Error struct {
	Op     string // what was being done, in words
	Kind   Kind
	Status int
	Reason metav1.StatusReason
	detail string
	cause  error
}

func (e *Error) Error() string {
	s := e.Op + ": " + string(e.Kind)
	if e.Status != 0 {
		s += fmt.Sprintf(" (%d)", e.Status)
	}
	if e.detail != "" {
		s += ": " + e.detail
	}
	return s
}

// Unwrap gives client-go's error, so that apierrors.IsNotFound and its like hold.
func (e *Error) Unwrap() error { return e.cause }

// Transient says whether the same call may succeed later without anybody's help.
func (e *Error) Transient() bool { return e.Kind == Throttled || e.Kind == Unavailable }

// Classify wraps an error of client-go with what was being done. nil stays nil.
func Classify(op string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Op: op, Kind: Unavailable, cause: err}
	var status apierrors.APIStatus
	switch {
	case errors.Is(err, errNoStream):
		e.Kind, e.detail = Invalid, errNoStream.Error()
	case errors.As(err, &status):
		s := status.Status()
		e.Status, e.Reason = int(s.Code), s.Reason
		e.Kind = kindOf(s)
		if !unexpected(s) {
			e.detail = bounded(s.Message)
		}
	case errors.Is(err, context.DeadlineExceeded):
		e.detail = "no answer in time"
	case errors.Is(err, context.Canceled):
		e.detail = "given up by the caller"
	default:
		e.detail = "no usable answer"
	}
	return e
}

func kindOf(s metav1.Status) Kind {
	switch s.Reason {
	case metav1.StatusReasonAlreadyExists:
		return Exists
	case metav1.StatusReasonConflict:
		return Conflict
	}
	switch {
	case s.Code == http.StatusTooManyRequests:
		return Throttled
	case s.Code == http.StatusUnauthorized, s.Code == http.StatusForbidden:
		return Denied
	case s.Code == http.StatusNotFound, s.Code == http.StatusGone:
		return NotFound
	case s.Code == http.StatusConflict:
		return Conflict
	case s.Code >= 500, s.Code == 0, s.Code == http.StatusRequestTimeout:
		return Unavailable
	}
	return Invalid
}

// unexpected says whether client-go made the Status itself from an answer that was none: its message then holds the gateway's body.
func unexpected(s metav1.Status) bool {
	if s.Details == nil {
		return false
	}
	for _, c := range s.Details.Causes {
		if c.Type == metav1.CauseTypeUnexpectedServerResponse {
			return true
		}
	}
	return false
}

const maxDetail = 300

func bounded(s string) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, s)
	if r := []rune(s); len(r) > maxDetail {
		return string(r[:maxDetail-1]) + "…"
	}
	return s
}
