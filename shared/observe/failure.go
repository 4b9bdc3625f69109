package observe

import (
	"context"
	"errors"
	"net"
	"unicode"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// reason is why a source failed, in words for a card. An error's own text is quoted only where its type promises that it is fit to
// be shown: the text of a network error names hosts and paths, and with them projects.
func reason(err error) string {
	var own interface {
		error
		Transient() bool
	}
	var network net.Error
	switch {
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return "forbidden"
	case apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err), apierrors.IsNotAcceptable(err):
		return "this cluster does not serve it"
	case apierrors.IsTooManyRequests(err):
		return "too many requests"
	case errors.As(err, &own):
		return shorten(own.Error(), 200)
	case errors.Is(err, context.DeadlineExceeded), apierrors.IsTimeout(err), apierrors.IsServerTimeout(err):
		return "timed out"
	case errors.Is(err, context.Canceled):
		return "there was no time left"
	case apierrors.ReasonForError(err) != "":
		return "the API server answered " + string(apierrors.ReasonForError(err))
	case errors.As(err, &network) && network.Timeout():
		return "timed out"
	}
	return "it could not be reached"
}

// again says whether the same call may succeed at once.
func again(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	return apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err)
}

// shorten bounds a text and keeps it on one line.
func shorten(s string, most int) string {
	out := make([]rune, 0, most)
	for _, r := range s {
		if len(out) == most {
			return string(out) + "…"
		}
		if unicode.IsControl(r) {
			r = ' '
		}
		out = append(out, r)
	}
	return string(out)
}
