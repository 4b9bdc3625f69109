package aom

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// number reads what the API takes as a number or as a string of one.
type number int64

// UnmarshalJSON accepts 3, "3" and "".
func (n *number) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(raw), `"`)
	if text == "" || text == "null" {
		return nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not a number", text)
	}
	*n = number(v)
	return nil
}

// Rule is an alarm rule (v4), as far as the emulator acts on it.
type Rule struct {
	Name         string        `json:"alarm_rule_name"`
	Type         string        `json:"alarm_rule_type"` // metric or event
	Enabled      bool          `json:"alarm_rule_enable"`
	Description  string        `json:"alarm_rule_description,omitempty"`
	Instance     string        `json:"prom_instance_id,omitempty"`
	Notification *Notification `json:"alarm_notifications,omitempty"`
	Metric       *MetricSpec   `json:"metric_alarm_spec,omitempty"`
	Event        *EventSpec    `json:"event_alarm_spec,omitempty"`

	id               int64
	created, changed time.Time
	raw              map[string]any // as it was sent, to be read back
	due              time.Time
	series           map[string]*series
	failure          string
}

// Notification says which notification rule a rule is bound to and when it speaks. NotifyTriggered unset means true.
type Notification struct {
	Type            string `json:"notification_type"`
	Enabled         bool   `json:"notification_enable"`
	Action          string `json:"bind_notification_rule_id"`
	NotifyTriggered *bool  `json:"notify_triggered,omitempty"`
	NotifyResolved  bool   `json:"notify_resolved"`
	Frequency       number `json:"notify_frequency"` // seconds between repeats while it lasts; 0: once; -1: left to noise reduction
}

// MetricSpec is the condition of a metric rule. The emulator evaluates the first trigger condition.
type MetricSpec struct {
	MonitorType string             `json:"monitor_type"`
	Conditions  []TriggerCondition `json:"trigger_conditions"`
	Recovery    struct {
		Timeframe number `json:"recovery_timeframe"`
	} `json:"recovery_conditions"`
	Tags []struct {
		Custom      []string `json:"custom_tags"`
		Annotations []string `json:"custom_annotations"`
	} `json:"alarm_tags"`
}

// TriggerCondition is a PromQL condition. In NATIVE_PROM every series of the answer is a hit; in PROM the value is compared with
// the thresholds, worst severity first.
type TriggerCondition struct {
	Mode       string            `json:"metric_query_mode"`
	MetricName string            `json:"metric_name"`
	PromQL     string            `json:"promql"`
	For        string            `json:"promql_for"`
	Times      number            `json:"trigger_times"`
	Interval   string            `json:"trigger_interval"`
	Type       string            `json:"trigger_type"`
	Operator   string            `json:"operator"`
	Thresholds map[string]string `json:"thresholds"`
	Statistic  string            `json:"aggregation_type"`
	Window     string            `json:"aggregation_window"`
}

// EventSpec is the condition of an event rule.
type EventSpec struct {
	Source     string              `json:"alarm_source"` // systemEvent or customEvent
	Provider   string              `json:"event_source"` // CCE, AOM ...
	Objects    []map[string]string `json:"monitor_objects"`
	Conditions []EventCondition    `json:"trigger_conditions"`
}

// EventCondition says which event counts and how often it must come.
type EventCondition struct {
	Name       string            `json:"event_name"`
	Type       string            `json:"trigger_type"` // immediately or accumulative
	Window     number            `json:"aggregation_window"`
	Operator   string            `json:"operator"`
	Thresholds map[string]number `json:"thresholds"`
	Frequency  number            `json:"frequency"`
}

func (r *Rule) check() error {
	if r.Name == "" {
		return fmt.Errorf("alarm_rule_name is required")
	}
	switch r.Type {
	case "metric":
		if r.Metric == nil || len(r.Metric.Conditions) == 0 {
			return fmt.Errorf("metric_alarm_spec with a trigger condition is required")
		}
		c := r.Metric.Conditions[0]
		if c.PromQL == "" {
			return fmt.Errorf("promql is required")
		}
		if _, err := interval(c.Interval); err != nil {
			return err
		}
		if _, err := promDuration(c.For); err != nil {
			return err
		}
	case "event":
		if r.Event == nil {
			return fmt.Errorf("event_alarm_spec is required")
		}
	default:
		return fmt.Errorf("alarm_rule_type %q is neither metric nor event", r.Type)
	}
	return nil
}

// interval reads 15s, 30s, 1min..59min, 1h..24h; empty is one minute.
func interval(text string) (time.Duration, error) {
	switch {
	case text == "":
		return time.Minute, nil
	case strings.HasSuffix(text, "min"):
		text = strings.TrimSuffix(text, "in")
	}
	return promDuration(text)
}

// promDuration reads the simple Prometheus forms 30s, 5m, 1h, 1d; empty is zero.
func promDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil {
			return 0, fmt.Errorf("duration %q cannot be read", text)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("duration %q cannot be read", text)
	}
	return d, nil
}

// SetRule adds or replaces a rule given in the API's own JSON.
func (s *Service) SetRule(raw []byte) error {
	var r Rule
	if err := json.Unmarshal(raw, &r); err != nil {
		return edge.BadRequest("the rule cannot be read: " + err.Error())
	}
	if err := json.Unmarshal(raw, &r.raw); err != nil {
		return edge.BadRequest("the rule cannot be read: " + err.Error())
	}
	if err := r.check(); err != nil {
		return edge.BadRequest(err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opt.Clock()
	r.created, r.changed, r.series = now, now, map[string]*series{}
	r.id = now.UnixMilli()*1000 + int64(len(s.rules))
	if old := s.rules[r.Name]; old != nil {
		r.id, r.created, r.series = old.id, old.created, old.series
	}
	s.rules[r.Name] = &r
	return nil
}

// DeleteRule removes a rule; its active alarms are cleared without a notification.
func (s *Service) DeleteRule(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rules[name]
	if r == nil {
		return false
	}
	delete(s.rules, name)
	for _, x := range r.series {
		if x.alarm != "" {
			s.clear(x.alarm, s.opt.Clock().UnixMilli())
		}
	}
	return true
}

// Failures tells which rules could not be evaluated last time, and why.
func (s *Service) Failures() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for name, r := range s.rules {
		if r.failure != "" {
			out[name] = r.failure
		}
	}
	return out
}

// view is the rule as the API returns it: notify_frequency, trigger_times and alarm_rule_id are numbers there even where the request
// held strings (a provider crashes otherwise).
func (r *Rule) view() map[string]any {
	v := map[string]any{}
	for k, x := range r.raw {
		v[k] = numeric(k, x)
	}
	status := "Effective"
	if r.Type == "metric" {
		status = "OK"
		for _, x := range r.series {
			if x.alarm != "" {
				status = "alarm"
			}
		}
	}
	v["alarm_rule_id"], v["alarm_rule_status"], v["enterprise_project_id"] = r.id, status, "0"
	v["alarm_create_time"], v["alarm_update_time"] = r.created.UnixMilli(), r.changed.UnixMilli()
	return v
}

func numeric(key string, x any) any {
	switch t := x.(type) {
	case string:
		if key == "notify_frequency" || key == "trigger_times" {
			if n, err := strconv.ParseInt(t, 10, 64); err == nil {
				return n
			}
		}
	case map[string]any:
		m := map[string]any{}
		for k, v := range t {
			m[k] = numeric(k, v)
		}
		return m
	case []any:
		l := make([]any, len(t))
		for i, v := range t {
			l[i] = numeric(key, v)
		}
		return l
	}
	return x
}

func (s *Service) apiSetRule(c *edge.Call) (edge.Answer, error) {
	action := c.URL.Query().Get("action_id")
	if !slices.Contains([]string{"add-alarm-action", "update-alarm-action"}, action) {
		return edge.Answer{}, edge.BadRequest("action_id must be add-alarm-action or update-alarm-action")
	}
	var head struct {
		Name string `json:"alarm_rule_name"`
	}
	if err := c.Decode(&head); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	known := s.rules[head.Name] != nil
	s.mu.Unlock()
	if known == (action == "add-alarm-action") {
		return edge.Answer{}, edge.BadRequest("the alarm rule exists already, or does not exist yet: " + head.Name)
	}
	if err := s.SetRule(c.Body); err != nil {
		return edge.Answer{}, err
	}
	return edge.OK(map[string]any{"error_code": "AOM.0", "error_message": "success", "alarm_rules": []map[string]string{{"alarm_rule_name": head.Name, "result": "success"}}})
}

func (s *Service) apiRules(c *edge.Call) (edge.Answer, error) {
	q := c.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name, r := range s.rules {
		if (q.Get("name") == "" || q.Get("name") == name) && (q.Get("alarm_rule_type") == "" || q.Get("alarm_rule_type") == r.Type) &&
			(q.Get("prom_instance_id") == "" || q.Get("prom_instance_id") == r.Instance) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	start := min(c.Int("offset", 0), len(names))
	end := min(start+c.Int("limit", 1000), len(names))
	rules := []map[string]any{}
	for _, name := range names[start:end] {
		rules = append(rules, s.rules[name].view())
	}
	return edge.OK(map[string]any{"alarm_rules": rules, "count": len(names), "metadata": map[string]any{}})
}

func (s *Service) apiDeleteRules(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Rules []string `json:"alarm_rules"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	gone := []map[string]string{}
	for _, name := range body.Rules {
		if s.DeleteRule(name) {
			gone = append(gone, map[string]string{"alarm_rule_name": name})
		}
	}
	if len(gone) == 0 {
		return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Code: "AOM.02002101", Message: "the alarm rules do not exist"}
	}
	return edge.OK(map[string]any{"error_code": "AOM.0", "error_message": "success", "resources": gone})
}
