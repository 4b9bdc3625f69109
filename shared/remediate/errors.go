package remediate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cce-oncall/shared/incident"
)

// ErrStale means that the world is no longer as the person saw it in the preview. Nothing was changed by the refused call.
type ErrStale struct{ Moved string } // a sentence: what moved, from what to what

func (e ErrStale) Error() string { return "the world moved: " + e.Moved }

// ErrUnsafe means that the change is not allowed in the state the world is in. Nothing was changed by the refused call.
type ErrUnsafe struct{ Why string }

func (e ErrUnsafe) Error() string { return "refused: " + e.Why }

// ErrFailed means that the change was made and the platform says it will not take hold (a sold-out flavour, a rollout past its
// progress deadline), or that a part of it was made and the rest cannot be.
type ErrFailed struct{ Why string }

func (e ErrFailed) Error() string { return e.Why }

// ErrWaiting means that the step is neither done nor in trouble: something has to happen first (a disruption budget without
// headroom). It costs no try; the step's patience bounds it.
type ErrWaiting struct{ For string }

func (e ErrWaiting) Error() string { return "waiting for " + e.For }

// ErrIrreversible means that there is no way back by machine: Undo changes nothing and says why.
type ErrIrreversible struct{ Why string }

func (e ErrIrreversible) Error() string { return noWayBack + e.Why }

const noWayBack = "cannot be undone: "

// NoWayBack says whether a step was not undone because of its nature, which was known when it was approved, and not because the undo
// met with something.
func NoWayBack(s incident.StepRun) bool {
	return s.State == incident.StepUndoFailed && strings.HasPrefix(s.Error, noWayBack)
}

// irreversible is the Undo of an action without a way back: what has not happened needs none.
func irreversible(err error, why string) error {
	if errors.Is(err, ErrNotApplied) {
		return nil
	}
	if err != nil {
		return err
	}
	return ErrIrreversible{Why: why}
}

// ErrNotApplied is what Settled answers for a step whose change is not in the world. It resolves a step in doubt without
// touching anything.
var ErrNotApplied = errors.New("the change is not in place")

// ErrRaced means that this very step was carried out by another execution of the same plan: reload the record.
var ErrRaced = errors.New("another execution of this plan is at work")

// transientError is an error that may go away by itself; what the call did is not known.
type transientError struct {
	what  string
	cause error
}

func (e transientError) Error() string { return e.what }
func (transientError) Transient() bool { return true }
func (e transientError) Unwrap() error { return e.cause }

// transient asks any adapter's error whether trying again makes sense.
func transient(err error) bool {
	var t interface{ Transient() bool }
	return errors.As(err, &t) && t.Transient()
}

// refused says whether an error promises that nothing was changed.
func refused(err error) bool {
	var stale ErrStale
	var unsafe ErrUnsafe
	return errors.As(err, &stale) || errors.As(err, &unsafe)
}

// kubeError classifies what the API server answered and says what was being done. A gone object is a moved world; a refusal
// is a refusal; everything else (timeouts, conflicts, 429, 5xx, a broken connection) may have happened and may be repeated.
func kubeError(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err), apierrors.IsGone(err):
		return ErrStale{Moved: doing + ": the object is gone"}
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err),
		apierrors.IsMethodNotSupported(err), apierrors.IsNotAcceptable(err), apierrors.IsRequestEntityTooLargeError(err),
		apierrors.IsUnsupportedMediaType(err):
		return ErrUnsafe{Why: doing + ": the API server answered: " + answer(err)}
	default:
		return transientError{what: doing + ": " + answer(err), cause: err}
	}
}

const longestAnswer = 300

// answer is the API server's own words, short and on one line. What is not an answer of an API server (a proxy's page, a URL in
// a network error) is not repeated.
func answer(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return "no usable answer"
	}
	s := status.Status()
	if s.Details != nil {
		for _, c := range s.Details.Causes {
			if c.Type == metav1.CauseTypeUnexpectedServerResponse {
				return fmt.Sprintf("no usable answer (%d)", s.Code)
			}
		}
	}
	words := []rune(strings.Join(strings.Fields(s.Message), " "))
	if len(words) > longestAnswer {
		words = append(words[:longestAnswer-1], '…')
	}
	return string(words)
}

// cloudError says what was being done with the CCE API. Its adapters promise that an error which is not Transient() is a
// refusal: nothing was changed.
func cloudError(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return transientError{what: doing + ": no answer in time", cause: err}
	case transient(err):
		return fmt.Errorf("%s: %w", doing, err)
	default:
		return ErrUnsafe{Why: doing + ": " + err.Error()}
	}
}
