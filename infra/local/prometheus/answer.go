package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
)

// An answer is the envelope of every response under /api/v1.
type answer struct {
	Status    string   `json:"status"`
	Data      any      `json:"data,omitempty"`
	ErrorType string   `json:"errorType,omitempty"`
	Error     string   `json:"error,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
	Infos     []string `json:"infos,omitempty"`

	notes annotations.Annotations
	query string // in which the notes have their place
}

// An apiError is an error with Prometheus' word for its kind.
type apiError struct {
	kind string
	code int
	err  error
}

func (e *apiError) Error() string { return e.err.Error() }
func (e *apiError) Unwrap() error { return e.err }

func badData(err error) error {
	return &apiError{"bad_data", http.StatusBadRequest, err}
}

func badParam(name string, err error) error {
	return badData(fmt.Errorf("invalid parameter %q: %w", name, err))
}

// execution sorts an error of a query that was well formed.
func execution(err error) error {
	const clientClosedRequest = 499
	var canceled promql.ErrQueryCanceled
	var timeout promql.ErrQueryTimeout
	var broken promql.ErrStorage
	switch {
	case errors.As(err, &canceled), errors.Is(err, context.Canceled):
		return &apiError{"canceled", clientClosedRequest, err}
	case errors.As(err, &timeout):
		return &apiError{"timeout", http.StatusServiceUnavailable, err}
	case errors.As(err, &broken):
		return &apiError{"internal", http.StatusInternalServerError, err}
	default:
		return &apiError{"execution", http.StatusUnprocessableEntity, err}
	}
}

func respond(w http.ResponseWriter, a *answer) {
	if a == nil {
		a = &answer{}
	}
	a.Status = "success"
	a.Warnings, a.Infos = a.notes.AsStrings(a.query, 10, 10)
	send(w, http.StatusOK, a)
}

func respondError(w http.ResponseWriter, err error) {
	e := &apiError{"internal", http.StatusInternalServerError, err}
	errors.As(err, &e)
	send(w, e.code, &answer{Status: "error", ErrorType: e.kind, Error: e.Error()})
}

func send(w http.ResponseWriter, code int, a *answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(a) // the header is out: nobody left to tell
}
