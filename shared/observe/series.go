package observe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// lastSecond bounds sample times: the year 5138, below which a number of seconds cannot be milliseconds by mistake.
const lastSecond = 1e11

func (s *Snapshot) readSeries(raw json.RawMessage) error {
	return readArray("series", raw, func(field string, item json.RawMessage) error {
		var x struct {
			Metric json.RawMessage `json:"metric"`
			Values json.RawMessage `json:"values"`
			Value  json.RawMessage `json:"value"`
		}
		if err := readField(field, item, &x); err != nil {
			return err
		}
		labels, err := readLabels(field+".metric", present(x.Metric))
		if err != nil {
			return err
		}
		out := Series{Labels: labels}
		add := func(field string, raw json.RawMessage) error {
			p, ok, err := readPoint(field, raw)
			if ok {
				out.Points = append(out.Points, p)
			}
			return err
		}
		if one := present(x.Value); one != nil {
			if err := add(field+".value", one); err != nil {
				return err
			}
		}
		if err := readArray(field+".values", present(x.Values), add); err != nil {
			return err
		}
		s.Series = append(s.Series, out)
		return nil
	})
}

func readLabels(field string, raw json.RawMessage) (map[string]string, error) {
	var labels map[string]json.RawMessage
	if err := readField(field, raw, &labels); err != nil {
		return nil, err
	}
	out := make(map[string]string, len(labels))
	for _, k := range sortedKeys(labels) {
		var v string
		if err := readField(field+"."+k, labels[k], &v); err != nil {
			return nil, err
		}
		out[k] = v
	}
	return out, nil
}

// readPoint reads [unixSeconds, "number"]. NaN and null are no point.
func readPoint(field string, raw json.RawMessage) (Point, bool, error) {
	const form = `[unixSeconds, "number"] is needed`
	if p, ok := plainPoint(raw); ok {
		return p, true, nil
	}
	var pair []json.RawMessage
	if err := json.Unmarshal(raw, &pair); err != nil {
		return Point{}, false, bad(field, "%s, not %s", form, shown(raw))
	}
	if len(pair) != 2 {
		return Point{}, false, bad(field, "%s, not a list of %d", form, len(pair))
	}
	at, err := readNumber(pair[0])
	if err != nil || math.IsNaN(at) || at < 0 || at > lastSecond {
		return Point{}, false, bad(field, "%s; %s is no time in seconds", form, shown(pair[0]))
	}
	if present(pair[1]) == nil {
		return Point{}, false, nil
	}
	v, err := readNumber(pair[1])
	if err != nil {
		return Point{}, false, bad(field, "%s; %s is no number", form, shown(pair[1]))
	}
	if math.IsNaN(v) {
		return Point{}, false, nil
	}
	return Point{At: time.UnixMilli(int64(math.Round(at * 1000))).UTC(), Value: v}, true, nil
}

// plainPoint reads the form that nearly every point of a large case has, valid JSON already, without decoding it once more.
func plainPoint(raw json.RawMessage) (Point, bool) {
	at, v, ok := bytes.Cut(bytes.TrimSuffix(bytes.TrimPrefix(raw, []byte("[")), []byte("]")), []byte(","))
	v = bytes.TrimSpace(v)
	if !ok || len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' {
		return Point{}, false
	}
	seconds, err := strconv.ParseInt(string(bytes.TrimSpace(at)), 10, 64)
	if err != nil || seconds < 0 || seconds > lastSecond {
		return Point{}, false
	}
	value, err := strconv.ParseFloat(string(v[1:len(v)-1]), 64)
	if err != nil || math.IsNaN(value) {
		return Point{}, false
	}
	return Point{At: time.Unix(seconds, 0).UTC(), Value: value}, true
}

func readNumber(raw json.RawMessage) (float64, error) {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		s = string(present(raw))
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil {
		return 0, fmt.Errorf("read number: %w", err)
	}
	return n, nil
}

func (x Series) encode() any {
	values := make([][2]any, 0, len(x.Points))
	for _, p := range x.Points {
		if math.IsNaN(p.Value) {
			continue
		}
		ms := p.At.UnixMilli()
		at := json.Number(strconv.FormatInt(ms/1000, 10))
		if ms%1000 != 0 {
			at = json.Number(strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64))
		}
		values = append(values, [2]any{at, strconv.FormatFloat(p.Value, 'f', -1, 64)})
	}
	labels := x.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	return struct {
		Metric map[string]string `json:"metric"`
		Values [][2]any          `json:"values"`
	}{labels, values}
}

// order is the labels in one line, so that series can be sorted.
func (x Series) order() string {
	var b strings.Builder
	b.WriteString(x.Name())
	for _, k := range sortedKeys(x.Labels) {
		fmt.Fprintf(&b, "\x00%s\x01%s", k, x.Labels[k])
	}
	return b.String()
}
