package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb"
)

// past is how far before the newest sample one may still be written.
const past = 31 * 24 * time.Hour

func openDB(dir string) (*tsdb.DB, error) {
	options := tsdb.DefaultOptions()
	options.OutOfOrderTimeWindow = past.Milliseconds()
	options.RetentionDuration = (10 * 365 * 24 * time.Hour).Milliseconds()
	db, err := tsdb.Open(dir, slog.New(slog.DiscardHandler), nil, options, nil)
	if err != nil {
		return nil, fmt.Errorf("open the samples' storage: %w", err)
	}
	// A scenario is over before it would pay, and a compaction in between would
	// only make two runs differ.
	db.DisableCompactions()
	return db, nil
}

// A written series is what /ingest takes: the shape of a range query's answer.
type written struct {
	Metric map[string]string `json:"metric"`
	Values []point           `json:"values"`
}

type point struct {
	t int64 // milliseconds
	v float64
}

// stale, in place of a number, ends a series as a scrape does when its target has
// gone; without it a series lasts five minutes beyond its last sample.
const stale = "stale"

func (p *point) UnmarshalJSON(data []byte) error {
	var seconds float64
	var number string
	if err := json.Unmarshal(data, &[2]any{&seconds, &number}); err != nil {
		return fmt.Errorf(`a value must look like [seconds,"number"]: %w`, err)
	}
	p.t = int64(math.Round(seconds * 1000))
	if number == stale {
		p.v = math.Float64frombits(value.StaleNaN)
		return nil
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return fmt.Errorf("a value must be a number in a string: %w", err)
	}
	p.v = v
	return nil
}

func (a *api) ingest(w http.ResponseWriter, r *http.Request) {
	var all []written
	if err := json.NewDecoder(r.Body).Decode(&all); err != nil {
		respondError(w, badData(err))
		return
	}
	if err := write(r.Context(), a.db, all); err != nil {
		respondError(w, badData(err))
		return
	}
	respond(w, nil)
}

// write stores all samples or none.
func write(ctx context.Context, db *tsdb.DB, all []written) error {
	appender := db.Appender(ctx)
	for _, series := range all {
		metric := labels.FromMap(series.Metric)
		if name := series.Metric[labels.MetricName]; !model.UTF8Validation.IsValidMetricName(name) {
			_ = appender.Rollback() // the first error is the one to tell
			return fmt.Errorf("series %s needs a metric name in __name__", metric)
		}
		for _, p := range series.Values {
			if _, err := appender.Append(0, metric, p.t, p.v); err != nil {
				_ = appender.Rollback()
				return fmt.Errorf("append to %s at %s: %w", metric, time.UnixMilli(p.t).UTC().Format(time.RFC3339), err)
			}
		}
	}
	if err := appender.Commit(); err != nil {
		return fmt.Errorf("commit the samples: %w", err)
	}
	return nil
}
