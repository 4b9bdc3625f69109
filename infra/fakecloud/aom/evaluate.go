package aom

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// series is what a rule knows of one time series.
type series struct {
	hits   int
	misses int
	since  time.Time // of the current run of hits
	alarm  string    // id of the active alarm
	told   time.Time // last notification while active
}

// sample is one element of an instant vector.
type sample struct {
	labels map[string]string
	value  float64
}

func (x sample) key() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(x.labels)) {
		b.WriteString(k + "=" + x.labels[k] + "\x00")
	}
	return b.String()
}

// Tick evaluates every rule that is due and ends alarms that have outlived their timeout. It returns when all notifications have
// been handed to SMN.
func (s *Service) Tick(ctx context.Context, now time.Time) {
	type job struct {
		rule     *Rule
		instance Instance
	}
	s.mu.Lock()
	for id, e := range s.active {
		if now.UnixMilli()-e.ArrivesAt > e.Timeout {
			s.clear(id, now.UnixMilli())
		}
	}
	var jobs []job
	for _, name := range slices.Sorted(maps.Keys(s.rules)) {
		r := s.rules[name]
		if r.Type != "metric" || !r.Enabled || now.Before(r.due) {
			continue
		}
		every, err := interval(r.Metric.Conditions[0].Interval)
		if err != nil || every <= 0 {
			every = time.Minute
		}
		r.due = now.Add(every)
		instance := s.instances[r.Instance]
		if r.Instance == "" {
			instance = s.instances["0"]
		}
		jobs = append(jobs, job{r, instance})
	}
	s.mu.Unlock()

	for _, j := range jobs {
		samples, err := instant(ctx, j.instance, j.rule.Metric.Conditions[0].PromQL, now)
		s.mu.Lock()
		j.rule.failure = ""
		if err != nil {
			j.rule.failure = err.Error()
			s.opt.Log.Warn().Err(err).Str("rule", j.rule.Name).Msg("an alarm rule was not evaluated")
			s.mu.Unlock()
			continue
		}
		notices := s.judge(j.rule, samples, now)
		s.mu.Unlock()
		for _, n := range notices {
			s.tell(ctx, n)
		}
	}
}

// judge moves each series of a rule on by one evaluation. The mutex is held.
func (s *Service) judge(r *Rule, samples []sample, now time.Time) []notice {
	c := r.Metric.Conditions[0]
	hold, _ := promDuration(c.For) // checked when the rule was set
	times := max(int(c.Times), 1)
	seen := map[string]bool{}
	var notices []notice
	for _, x := range samples {
		severity, hit := c.severity(x.value)
		if !hit {
			continue
		}
		key := x.key()
		seen[key] = true
		state := r.series[key]
		if state == nil {
			state = &series{}
			r.series[key] = state
		}
		if state.hits == 0 {
			state.since = now
		}
		state.hits++
		state.misses = 0
		switch {
		case state.alarm != "" && s.active[state.alarm] == nil: // cleared by hand or by its timeout: it may fire again
			state.alarm, state.hits = "", 1
		case state.alarm == "" && state.hits >= times && now.Sub(state.since) >= hold:
			e := s.push(s.alarm(r, x, severity, now))
			state.alarm, state.told = e.ID, now
			notices = append(notices, notice{event: e.clone(), rule: r, firing: true})
		case state.alarm != "" && r.repeats(now.Sub(state.told)):
			state.told = now
			notices = append(notices, notice{event: s.active[state.alarm].clone(), rule: r, firing: true})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(r.series)) {
		if seen[key] {
			continue
		}
		state := r.series[key]
		state.hits = 0
		state.misses++
		if state.alarm == "" {
			delete(r.series, key)
			continue
		}
		if state.misses < max(int(r.Metric.Recovery.Timeframe), 1) {
			continue
		}
		if e := s.clear(state.alarm, now.UnixMilli()); e != nil {
			e.Annotations["old_state"], e.Annotations["new_state"] = "alarm", "ok"
			notices = append(notices, notice{event: e.clone(), rule: r})
		}
		delete(r.series, key)
	}
	return notices
}

func (r *Rule) repeats(since time.Duration) bool {
	return r.Notification != nil && r.Notification.Frequency > 0 && since >= time.Duration(r.Notification.Frequency)*time.Second
}

// severity says whether a value is a hit, and how bad. NATIVE_PROM carries its condition in the expression.
func (c TriggerCondition) severity(value float64) (string, bool) {
	for _, level := range severities {
		text, ok := c.Thresholds[level]
		if !ok {
			continue
		}
		if c.Mode == "NATIVE_PROM" {
			return level, true
		}
		limit, err := strconv.ParseFloat(text, 64)
		if err == nil && compare(value, c.Operator, limit) {
			return level, true
		}
	}
	if c.Mode == "NATIVE_PROM" {
		return "Critical", true
	}
	return "", false
}

func compare(a float64, operator string, b float64) bool {
	switch operator {
	case ">":
		return a > b
	case ">=":
		return a >= b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case "=", "==":
		return a == b
	case "!=":
		return a != b
	}
	return false
}

// alarm builds the event of a metric rule: Prometheus labels and custom tags become metadata keys, resource_id joins them as k:v.
func (s *Service) alarm(r *Rule, x sample, severity string, now time.Time) Event {
	c := r.Metric.Conditions[0]
	value := strconv.FormatFloat(x.value, 'f', -1, 64)
	meta := map[string]string{}
	id := []string{"alarmName:" + r.Name}
	for _, k := range slices.Sorted(maps.Keys(x.labels)) {
		if k == "__name__" {
			continue
		}
		meta[k] = x.labels[k]
		id = append(id, k+":"+x.labels[k])
	}
	for _, t := range r.Metric.Tags {
		for _, tag := range t.Custom {
			if k, v, ok := strings.Cut(tag, "="); ok {
				meta[k] = v
			}
		}
	}
	meta["event_name"], meta["event_severity"], meta["event_type"] = r.Name, severity, "alarm"
	meta["resource_provider"], meta["resource_type"] = "AOM", resourceType(x.labels)
	meta["resource_id"], meta["alarmName"], meta["prom_instance_id"] = strings.Join(id, ";"), r.Name, r.Instance
	if c.MetricName != "" {
		meta["metricName"] = c.MetricName
	}
	e := Event{
		StartsAt: now.UnixMilli(), Metadata: meta, ID: stableID(r.Name, x.key()),
		Policy: map[string]any{"alarm_rule_name": r.Name},
		Annotations: map[string]any{
			"message": fmt.Sprintf("告警规则 %s 的条件成立，当前值 %s，检测表达式 %s##The condition of alarm rule %s is met, current value %s, expression %s",
				r.Name, value, c.PromQL, r.Name, value, c.PromQL),
			"alarm_probableCause_zh_cn": "指标满足告警规则的触发条件", "alarm_probableCause_en_us": "The metric meets the trigger condition of the alarm rule",
			"old_state": "ok", "new_state": "alarm", "generator_url": "/aom2/#/aom2/alarm/rule?name=" + url.QueryEscape(r.Name),
			"trigger_detail": map[string]any{
				"aggregation_type": c.Statistic, "aggregation_window": c.Window, "alarm_level": severity, "operator": c.Operator, "promql": c.PromQL,
				"promql_for": c.For, "query_model": c.Mode, "trigger_interval": c.millis(), "trigger_times": max(int(c.Times), 1),
				"trigger_type": c.Type, "trigger_value": value,
			},
		},
	}
	if s.opt.FreshIDs {
		e.ID = serial()
	}
	for _, t := range r.Metric.Tags {
		for _, a := range t.Annotations {
			if k, v, ok := strings.Cut(a, "="); ok {
				e.Annotations[k] = v
			}
		}
	}
	e.Annotations["message_tidy"] = e.Annotations["message"]
	if r.Notification != nil {
		e.Policy["bind_notification_rule_id"] = r.Notification.Action
	}
	return e
}

func (c TriggerCondition) millis() int64 {
	d, err := interval(c.Interval)
	if err != nil {
		return 0
	}
	return d.Milliseconds()
}

func resourceType(labels map[string]string) string {
	switch {
	case labels["container"] != "":
		return "Container"
	case labels["pod"] != "":
		return "Pod"
	case labels["node"] != "":
		return "Node"
	}
	return "Cluster"
}

// instant asks for an instant vector.
func instant(ctx context.Context, i Instance, promql string, at time.Time) ([]sample, error) {
	if i.URL == "" {
		return nil, fmt.Errorf("the Prometheus instance does not exist")
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	params := url.Values{"query": {promql}, "time": {strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64)}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(i.URL, "/")+"/api/v1/query?"+params.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("address Prometheus: %w", err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("query Prometheus: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("read the answer of Prometheus: %w", err)
	}
	var answer struct {
		Status string
		Error  string
		Data   struct {
			ResultType string
			Result     []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("read the answer of Prometheus (%s): %w", resp.Status, err)
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("the server refused the query: %s", answer.Error)
	}
	if answer.Data.ResultType != "vector" {
		return nil, fmt.Errorf("the expression gives a %s, not a vector", answer.Data.ResultType)
	}
	var out []sample
	for _, e := range answer.Data.Result {
		text, _ := e.Value[1].(string)
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("value %q is not a number", text)
		}
		out = append(out, sample{labels: e.Metric, value: v})
	}
	slices.SortFunc(out, func(a, b sample) int { return strings.Compare(a.key(), b.key()) })
	return out, nil
}
