package huaweicloud

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cce-oncall/shared/alarm"
)

// ruleRecord is an alarm rule as ListMetricOrEventAlarmRule answers it, as far as it tells how long an alarm takes to rise or clear.
type ruleRecord struct {
	Name   string `json:"alarm_rule_name"`
	Metric struct {
		Conditions []struct {
			PromQL     string          `json:"promql"`
			For        text            `json:"promql_for"`
			Times      text            `json:"trigger_times"`
			Interval   text            `json:"trigger_interval"`
			Operator   string          `json:"operator"`
			Thresholds map[string]text `json:"thresholds"`
		} `json:"trigger_conditions"`
	} `json:"metric_alarm_spec"`
}

// text is a JSON string or number as a string.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text(s) // null leaves it empty
	} else {
		*t = text(b)
	}
	return nil
}

// Rule looks up the metric alarm rule of this name, for the period, times and threshold from which verification derives how long
// to wait. The error is NotFound where no rule has the name, as for CCE's event alarms.
// Source: ListMetricOrEventAlarmRule, GET /v4/{project}/alarm-rules.
func (a *AOM) Rule(ctx context.Context, name string) (alarm.Rule, error) {
	const op = "ListMetricOrEventAlarmRule"
	c := call{
		service: AOMService, op: op, method: http.MethodGet, path: path("v4", a.Session.Project, "alarm-rules"),
		query:  url.Values{"name": {name}, "limit": {"100"}, "offset": {"0"}},
		header: map[string]string{"Enterprise-Project-Id": a.EnterpriseProject},
	}
	var answer struct {
		Rules []ruleRecord `json:"alarm_rules"`
	}
	if err := a.Session.do(ctx, c, &answer); err != nil {
		return alarm.Rule{}, err
	}
	for _, r := range answer.Rules {
		if r.named(name, a.Cluster.ID) {
			return r.rule(), nil
		}
	}
	return alarm.Rule{}, &Error{Service: AOMService, Op: op, Kind: NotFound, Message: "no metric alarm rule of that name"}
}

// named also knows the rules CCE's Alarm Center makes, which it names CCE_{name}_{cluster id}.
func (r ruleRecord) named(name, cluster string) bool {
	return r.Name == name || cluster != "" && r.Name == "CCE_"+name+"_"+cluster
}

func (r ruleRecord) rule() alarm.Rule {
	out := alarm.Rule{Name: r.Name}
	if len(r.Metric.Conditions) == 0 {
		return out
	}
	c := r.Metric.Conditions[0]
	out.Period, out.For = span(string(c.Interval)), span(string(c.For))
	out.Operator, out.PromQL = c.Operator, c.PromQL
	if n, err := strconv.Atoi(string(c.Times)); err == nil {
		out.Times = n
	}
	for _, severity := range []alarm.Severity{alarm.Critical, alarm.Major, alarm.Minor, alarm.Info} {
		if t := c.Thresholds[string(severity)]; t != "" {
			out.Threshold = string(t)
			break
		}
	}
	return out
}

var spanForm = regexp.MustCompile(`^(\d{1,6})(ms|s|m|min|h|d)$`)

// span reads AOM's spans of time: "15s", "1min", "1m", "2h". 0 is what is no span, such as the cron form of trigger_interval.
func span(s string) time.Duration {
	m := spanForm.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	return time.Duration(n) * unit[m[2]]
}

// Silence is one of AOM's mute rules. It keeps notifications back; a silenced alarm is listed all the same.
type Silence struct {
	Name     string
	Kind     string // FIXED, DAILY, WEEKLY, MONTHLY
	From, To time.Time
	Days     []int          // of the week or month; empty for FIXED and DAILY
	Location *time.Location // of the hours of DAILY, WEEKLY, MONTHLY
	match    [][]matcher
}

type matcher struct {
	Key     string   `json:"key"`
	Operate string   `json:"operate"` // EQUALS, REGEX, EXIST
	Value   []string `json:"value"`
}

// Silences lists the mute rules, sorted by name. Source: ListMuteRule, GET /v2/{project}/alert/mute-rules.
func (a *AOM) Silences(ctx context.Context) ([]Silence, error) {
	c := call{service: AOMService, op: "ListMuteRule", method: http.MethodGet, path: path("v2", a.Session.Project, "alert", "mute-rules")}
	var answer []struct {
		Name     string      `json:"name"`
		Match    [][]matcher `json:"match"`
		Timezone string      `json:"timezone"`
		Config   struct {
			Kind     string `json:"type"`
			StartsAt int64  `json:"starts_at"`
			EndsAt   int64  `json:"ends_at"`
			Scope    []int  `json:"scope"`
		} `json:"mute_config"`
	}
	if err := a.Session.do(ctx, c, &answer); err != nil {
		return nil, err
	}
	out := make([]Silence, 0, len(answer))
	for _, r := range answer {
		s := Silence{Name: r.Name, Kind: r.Config.Kind, Days: r.Config.Scope, Location: zone(r.Timezone), match: r.Match}
		s.From, s.To = millis(r.Config.StartsAt), millis(r.Config.EndsAt)
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(x, y Silence) int { return strings.Compare(x.Name, y.Name) })
	return out, nil
}

func millis(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

var offsetForm = regexp.MustCompile(`^(?:GMT|UTC)?([+-])(\d{1,2})(?::?(\d{2}))?$`)

// zone reads "GMT+8", "+08:00" or a name; China's time, the platform's own, where it cannot.
func zone(s string) *time.Location {
	china := time.FixedZone("GMT+8", 8*3600)
	if m := offsetForm.FindStringSubmatch(s); m != nil {
		h, _ := strconv.Atoi(m[2])
		min, _ := strconv.Atoi("0" + m[3])
		offset := h*3600 + min*60
		if m[1] == "-" {
			offset = -offset
		}
		return time.FixedZone(s, offset)
	}
	if s == "" {
		return china
	}
	if l, err := time.LoadLocation(s); err == nil {
		return l
	}
	return china
}

// Mutes are the silences in the form that correlation takes.
func (a *AOM) Mutes(ctx context.Context) ([]alarm.Silence, error) {
	list, err := a.Silences(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]alarm.Silence, 0, len(list))
	for _, s := range list {
		out = append(out, alarm.Silence{Name: s.Name, Covers: s.Covers})
	}
	return out, nil
}

// Covers says whether the silence keeps back notifications of this alarm at that time.
func (s Silence) Covers(x alarm.Alarm, at time.Time) bool {
	return s.on(at) && slices.ContainsFunc(s.match, func(all []matcher) bool {
		return len(all) > 0 && !slices.ContainsFunc(all, func(m matcher) bool { return !m.matches(x.Labels) })
	})
}

func (m matcher) matches(labels map[string]string) bool {
	value, ok := labels[m.Key]
	switch {
	case !ok:
		return false
	case m.Operate == "EXIST":
		return true
	case m.Operate == "EQUALS":
		return slices.Contains(m.Value, value)
	case m.Operate == "REGEX":
		return slices.ContainsFunc(m.Value, func(expr string) bool {
			re, err := regexp.Compile(fmt.Sprintf("^(?:%s)$", expr))
			return err == nil && re.MatchString(value)
		})
	}
	return false
}

// on says whether the silence is in force. The hours of a repeating one are those of From and To in its own zone.
func (s Silence) on(at time.Time) bool {
	if s.Kind == "FIXED" {
		return !at.Before(s.From) && (s.To.IsZero() || at.Before(s.To))
	}
	at = at.In(s.Location)
	switch {
	case s.Kind == "WEEKLY" && !slices.Contains(s.Days, isoWeekday(at)):
		return false
	case s.Kind == "MONTHLY" && !slices.Contains(s.Days, at.Day()):
		return false
	}
	now, from, to := clockOf(at), clockOf(s.From.In(s.Location)), clockOf(s.To.In(s.Location))
	if from <= to {
		return now >= from && now < to
	}
	return now >= from || now < to // over midnight
}

func isoWeekday(t time.Time) int {
	if d := int(t.Weekday()); d != 0 {
		return d
	}
	return 7
}

func clockOf(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
}
