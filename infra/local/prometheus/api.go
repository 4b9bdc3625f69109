package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/annotations"
)

// maxPoints is Prometheus' own limit for one series of a range query.
const maxPoints = 11000

type api struct {
	db     *tsdb.DB
	engine *promql.Engine
	now    func() time.Time
}

// newAPI serves the samples of db; now is the time of an instant query that
// names none.
func newAPI(db *tsdb.DB, now func() time.Time) http.Handler {
	a := &api{
		db: db,
		engine: promql.NewEngine(promql.EngineOpts{
			Logger:               slog.New(slog.DiscardHandler),
			MaxSamples:           50_000_000,
			Timeout:              2 * time.Minute,
			LookbackDelta:        5 * time.Minute,
			EnableAtModifier:     true,
			EnableNegativeOffset: true,
			NoStepSubqueryIntervalFn: func(int64) int64 {
				return time.Minute.Milliseconds()
			},
		}),
		now: now,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ingest", a.ingest)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n")) // who asked and left does not care
	})
	for path, read := range map[string]func(*http.Request) (any, annotations.Annotations, error){
		"/api/v1/query":               a.query,
		"/api/v1/query_range":         a.queryRange,
		"/api/v1/series":              a.series,
		"/api/v1/labels":              a.labels,
		"/api/v1/label/{name}/values": a.labelValues,
	} {
		handle := func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil {
				respondError(w, badData(fmt.Errorf("error parsing form values: %w", err)))
				return
			}
			data, notes, err := read(r)
			if err != nil {
				respondError(w, err)
				return
			}
			respond(w, &answer{Data: data, notes: notes, query: r.FormValue("query")})
		}
		mux.HandleFunc("GET "+path, handle)
		mux.HandleFunc("POST "+path, handle)
	}
	return mux
}

// result is the data of a query's answer.
type result struct {
	ResultType parser.ValueType `json:"resultType"`
	Result     parser.Value     `json:"result"`
}

func (a *api) query(r *http.Request) (any, annotations.Annotations, error) {
	at, err := timeParam(r, "time", a.now())
	if err != nil {
		return nil, nil, err
	}
	return a.run(r, func(ctx context.Context, text string) (promql.Query, error) {
		return a.engine.NewInstantQuery(ctx, a.db, nil, text, at)
	})
}

func (a *api) queryRange(r *http.Request) (any, annotations.Annotations, error) {
	start, err := requiredTime(r, "start")
	if err != nil {
		return nil, nil, err
	}
	end, err := requiredTime(r, "end")
	if err != nil {
		return nil, nil, err
	}
	if end.Before(start) {
		return nil, nil, badParam("end", errors.New("end timestamp must not be before start time"))
	}
	step, err := parseDuration(r.FormValue("step"))
	if err != nil {
		return nil, nil, badParam("step", err)
	}
	if step <= 0 {
		return nil, nil, badParam("step", errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer"))
	}
	if end.Sub(start)/step > maxPoints {
		return nil, nil, badData(errors.New("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"))
	}
	return a.run(r, func(ctx context.Context, text string) (promql.Query, error) {
		return a.engine.NewRangeQuery(ctx, a.db, nil, text, start, end, step)
	})
}

func (a *api) run(r *http.Request, parse func(context.Context, string) (promql.Query, error)) (any, annotations.Annotations, error) {
	ctx := r.Context()
	if given := r.FormValue("timeout"); given != "" {
		timeout, err := parseDuration(given)
		if err != nil {
			return nil, nil, badParam("timeout", err)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	query, err := parse(ctx, r.FormValue("query"))
	if err != nil {
		return nil, nil, badParam("query", err)
	}
	defer query.Close()
	done := query.Exec(ctx)
	if done.Err != nil {
		return nil, nil, execution(done.Err)
	}
	// The answer is written after Close has taken the engine's buffers back.
	data, err := json.Marshal(result{done.Value.Type(), neverNull(done.Value)})
	if err != nil {
		return nil, nil, &apiError{"internal", http.StatusInternalServerError, err}
	}
	return json.RawMessage(data), done.Warnings, nil
}

// neverNull makes an empty result [] as Prometheus does, not null.
func neverNull(v parser.Value) parser.Value {
	switch v := v.(type) {
	case promql.Vector:
		if v == nil {
			return promql.Vector{}
		}
	case promql.Matrix:
		if v == nil {
			return promql.Matrix{}
		}
	}
	return v
}

func (a *api) series(r *http.Request) (any, annotations.Annotations, error) {
	if len(r.Form["match[]"]) == 0 {
		return nil, nil, badData(errors.New("no match[] parameter provided"))
	}
	found := []labels.Labels{}
	notes, err := a.look(r, func(querier storage.Querier, matchers []*labels.Matcher) (annotations.Annotations, error) {
		// No hints: the querier has the time range, and hints would need it again.
		set := querier.Select(r.Context(), true, nil, matchers...)
		for set.Next() {
			found = append(found, set.At().Labels())
		}
		return set.Warnings(), set.Err()
	})
	slices.SortFunc(found, labels.Compare)
	found = slices.CompactFunc(found, labels.Equal)
	return found, notes, err
}

func (a *api) labels(r *http.Request) (any, annotations.Annotations, error) {
	return a.names(r, func(querier storage.Querier, matchers []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return querier.LabelNames(r.Context(), nil, matchers...)
	})
}

func (a *api) labelValues(r *http.Request) (any, annotations.Annotations, error) {
	name := r.PathValue("name")
	if !model.UTF8Validation.IsValidLabelName(name) {
		return nil, nil, badData(fmt.Errorf("invalid label name: %q", name))
	}
	return a.names(r, func(querier storage.Querier, matchers []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return querier.LabelValues(r.Context(), name, nil, matchers...)
	})
}

func (a *api) names(r *http.Request, find func(storage.Querier, []*labels.Matcher) ([]string, annotations.Annotations, error)) (any, annotations.Annotations, error) {
	found := []string{}
	notes, err := a.look(r, func(querier storage.Querier, matchers []*labels.Matcher) (annotations.Annotations, error) {
		some, notes, err := find(querier, matchers)
		found = append(found, some...)
		return notes, err
	})
	slices.Sort(found)
	return slices.Compact(found), notes, err
}

// look calls visit for each selector in match[], or once without any, over the
// samples between start and end.
func (a *api) look(r *http.Request, visit func(storage.Querier, []*labels.Matcher) (annotations.Annotations, error)) (annotations.Annotations, error) {
	start, err := timeParam(r, "start", time.UnixMilli(math.MinInt64))
	if err != nil {
		return nil, err
	}
	end, err := timeParam(r, "end", time.UnixMilli(math.MaxInt64))
	if err != nil {
		return nil, err
	}
	selectors, err := parser.ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		return nil, badParam("match[]", err)
	}
	for _, matchers := range selectors {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches("") }) {
			return nil, badParam("match[]", errors.New("match[] must contain at least one non-empty matcher"))
		}
	}
	if len(selectors) == 0 {
		selectors = append(selectors, nil)
	}
	querier, err := a.db.Querier(start.UnixMilli(), end.UnixMilli())
	if err != nil {
		return nil, execution(err)
	}
	defer func() { _ = querier.Close() }()
	var notes annotations.Annotations
	for _, matchers := range selectors {
		more, err := visit(querier, matchers)
		if err != nil {
			return nil, execution(err)
		}
		notes.Merge(more)
	}
	return notes, nil
}

func timeParam(r *http.Request, name string, otherwise time.Time) (time.Time, error) {
	if r.FormValue(name) == "" {
		return otherwise, nil
	}
	return requiredTime(r, name)
}

func requiredTime(r *http.Request, name string) (time.Time, error) {
	text := r.FormValue(name)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return time.UnixMilli(int64(math.Round(seconds * 1000))), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, badParam(name, fmt.Errorf("cannot parse %q to a valid timestamp", text))
	}
	return t, nil
}

func parseDuration(text string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if math.Abs(seconds) > math.MaxInt64/float64(time.Second) {
			return 0, fmt.Errorf("cannot parse %q to a valid duration. It overflows int64", text)
		}
		return time.Duration(seconds * float64(time.Second)), nil
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("cannot parse %q to a valid duration", text)
	}
	return time.Duration(d), nil
}
