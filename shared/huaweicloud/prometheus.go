package huaweicloud

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cce-oncall/shared/observe"
)

// Range evaluates a PromQL expression at each step between two times. Series are sorted by their labels; gaps (NaN, infinities,
// and the -1 that AOM fills gaps with) are no points, and a series of gaps alone is left out. Source: the per-instance path
// /v1/{project}/{instance}/aom/api/v1/query_range, which the official SDK lacks; its parameters travel in the query.
func (a *AOM) Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([]observe.Series, error) {
	const op = "query_range"
	if to.Before(from) || step < time.Second {
		return nil, refused(AOMService, op, "a range needs an end after its start and a step of a second or more")
	}
	return a.query(ctx, op, url.Values{
		"query": {promql}, "start": {seconds(from)}, "end": {seconds(to)}, "step": {strconv.FormatInt(int64(step/time.Second), 10)},
	})
}

// Instant evaluates a PromQL expression at one time: one point each.
func (a *AOM) Instant(ctx context.Context, promql string, at time.Time) ([]observe.Series, error) {
	return a.query(ctx, "query", url.Values{"query": {promql}, "time": {seconds(at)}})
}

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// defaultInstance is the id of a project's default Prometheus instance.
const defaultInstance = "0"

func (a *AOM) query(ctx context.Context, op string, params url.Values) ([]observe.Series, error) {
	instance := a.Instance
	if instance == "" {
		instance = defaultInstance
	}
	c := call{
		service: AOMService, op: op, method: http.MethodGet, path: path("v1", a.Session.Project, instance, "aom", "api", "v1", op), query: params,
	}
	var answer struct {
		Status string `json:"status"`
		Kind   string `json:"errorType"`
		Data   struct {
			Type   string          `json:"resultType"`
			Result json.RawMessage `json:"result"`
		} `json:"data"`
	}
	if err := a.Session.do(ctx, c, &answer); err != nil {
		return nil, err
	}
	if answer.Status == "error" { // Prometheus may say so with a status of 200
		return nil, &Error{Service: AOMService, Op: op, Status: http.StatusOK, Code: answer.Kind, Kind: Invalid, Message: "the expression was refused"}
	}
	series, err := readResult(answer.Data.Type, answer.Data.Result)
	if err != nil {
		return nil, notUnderstood(AOMService, op, err.Error())
	}
	return series, nil
}

type sampled struct {
	Metric map[string]string `json:"metric"`
	Value  sample            `json:"value"`
	Values []sample          `json:"values"`
}

// sample is [unixSeconds, "number"].
type sample struct {
	at    time.Time
	value float64
	gap   bool
}

func (s *sample) UnmarshalJSON(b []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil || len(pair) != 2 {
		return fmt.Errorf("a sample is no pair")
	}
	at, err := number(pair[0])
	if err != nil || math.IsNaN(at) || math.Abs(at) > 1e11 {
		return fmt.Errorf("the time of a sample is no number of seconds")
	}
	s.at = time.UnixMilli(int64(math.Round(at * 1000))).UTC()
	s.value, err = number(pair[1])
	s.gap = err != nil || math.IsNaN(s.value) || math.IsInf(s.value, 0) || s.value == -1
	return nil
}

func number(raw json.RawMessage) (float64, error) {
	return strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
}

func readResult(kind string, raw json.RawMessage) ([]observe.Series, error) {
	var found []sampled
	switch kind {
	case "matrix", "vector":
		if err := json.Unmarshal(raw, &found); err != nil {
			return nil, fmt.Errorf("the %s has another form", kind)
		}
	case "scalar":
		var one sample
		if err := json.Unmarshal(raw, &one); err != nil {
			return nil, fmt.Errorf("the scalar has another form")
		}
		found = []sampled{{Value: one}}
	default:
		return nil, fmt.Errorf("a result of an unknown type")
	}
	out := make([]observe.Series, 0, len(found))
	for _, f := range found {
		if !f.Value.at.IsZero() {
			f.Values = append(f.Values, f.Value)
		}
		series := observe.Series{Labels: f.Metric}
		if series.Labels == nil {
			series.Labels = map[string]string{}
		}
		for _, s := range f.Values {
			if !s.gap {
				series.Points = append(series.Points, observe.Point{At: s.at, Value: s.value})
			}
		}
		if len(series.Points) > 0 {
			out = append(out, series)
		}
	}
	slices.SortStableFunc(out, func(x, y observe.Series) int { return strings.Compare(labelKey(x.Labels), labelKey(y.Labels)) })
	return out, nil
}

func labelKey(labels map[string]string) string {
	pairs := make([]string, 0, len(labels))
	for k, v := range labels {
		pairs = append(pairs, k+"\x00"+v)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "\x01")
}
