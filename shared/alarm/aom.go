package alarm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// event is AOM's event object as ListEvents returns it and as a notification template may carry it. Every part is raw: an odd
// type in one part must not cost us the others.
type event struct {
	ID          json.RawMessage `json:"id"`
	SN          json.RawMessage `json:"event_sn"`
	StartsAt    json.RawMessage `json:"starts_at"`
	EndsAt      json.RawMessage `json:"ends_at"`
	ArrivesAt   json.RawMessage `json:"arrives_at"`
	Timeout     json.RawMessage `json:"timeout"`
	Metadata    json.RawMessage `json:"metadata"`
	Annotations json.RawMessage `json:"annotations"`
	Policy      json.RawMessage `json:"policy"`
	AttachRule  json.RawMessage `json:"attach_rule"`
}

var errNotEvent = errors.New("not an AOM event: a JSON object is needed")

// ParseEvent reads one AOM event object. It knows both resource_id grammars, both namespace keys, bilingual texts and the
// Prometheus labels of PromQL rules. Only what is no JSON object is an error: a part that is missing or of an odd type is left
// empty, and Raw keeps what came. An event without id gets one computed from its content, so that it is the same alarm each time.
func ParseEvent(raw json.RawMessage) (Alarm, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' {
		return Alarm{}, errNotEvent
	}
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return Alarm{}, fmt.Errorf("read AOM event: %w", err)
	}
	var kept bytes.Buffer
	if err := json.Compact(&kept, raw); err != nil {
		return Alarm{}, fmt.Errorf("read AOM event: %w", err)
	}
	meta := texts(e.Metadata)
	if len(meta) == 0 { // a template may send the fields without their envelope
		meta = texts(raw)
	}
	notes := parts(e.Annotations)

	a := Alarm{
		ID:        clip(text(e.ID), maxName),
		SN:        clip(text(e.SN), maxName),
		FiredAt:   moment(e.StartsAt),
		ClearedAt: moment(e.EndsAt),
		ArrivedAt: moment(e.ArrivesAt),
		Timeout:   millis(e.Timeout),
		Severity:  ParseSeverity(meta["event_severity"]),
		Event:     strings.EqualFold(meta["event_type"], "event"),
		Provider:  clip(meta["resource_provider"], maxName),
		Labels:    meta,
		Raw:       kept.Bytes(),
	}
	if a.FiredAt.IsZero() {
		a.FiredAt = a.ArrivedAt // the next best: it was firing when it arrived
	}
	ids := parseResourceID(meta["resource_id"])
	a.Rule = rule(notes, parts(e.Policy), parts(e.AttachRule))
	name := firstText(meta["event_name"], meta["alarmName"], ids["alarmName"], meta["alertname"], a.Rule.Name, meta["alarm_rule_name"])
	a.TitleZH, a.Name = bilingualName(clip(name, maxName))
	if a.Rule.Name == "" && strings.EqualFold(a.Provider, "AOM") {
		a.Rule.Name = a.Name
	}
	a.MessageZH, a.Message = message(notes)
	identify(&a, meta, ids)
	if a.ID == "" {
		a.ID = a.SN
	}
	if a.ID == "" {
		// Not of the whole: the same alarm read again when it has cleared must have the same id.
		o := a.Object
		a.ID = "x" + Fingerprint([]byte(strings.Join([]string{a.Name, a.Cluster, o.Kind, o.Namespace, o.Name, o.Container, text(e.StartsAt)}, "\x00")))
	}
	return a, nil
}

// message takes the best text of an event: what happened, else what AOM thinks is the cause.
func message(notes map[string]json.RawMessage) (zh, en string) {
	for _, key := range []string{"message", "alarm_info", "message_tidy", "description", "summary"} {
		if s := text(notes[key]); s != "" {
			return bilingualText(clip(s, maxMessage))
		}
	}
	return clip(text(notes["alarm_probableCause_zh_cn"]), maxMessage), clip(text(notes["alarm_probableCause_en_us"]), maxMessage)
}

// rule collects what an event says of the rule that raised it. Source: trigger_detail of AOM's metric alarms, policy, attach_rule.
func rule(notes, policy, attached map[string]json.RawMessage) Rule {
	detail := parts(notes["trigger_detail"])
	find := func(keys ...string) string {
		for _, m := range []map[string]json.RawMessage{detail, attached, notes, policy} {
			for _, k := range keys {
				if s := text(m[k]); s != "" {
					return clip(s, maxMessage)
				}
			}
		}
		return ""
	}
	_, name := bilingualName(clip(find("alarm_rule_name", "rule_name"), maxName))
	r := Rule{
		Name:      name,
		Period:    millisText(find("trigger_interval")),
		Times:     count(find("trigger_times")),
		For:       millisText(find("promql_for")),
		Operator:  clip(find("operator", "comparison_operator"), 16),
		Threshold: clip(find("threshold", "trigger_threshold"), 64),
		Value:     clip(find("trigger_value", "current_value", "value"), 64),
		PromQL:    find("promql", "expr"),
	}
	if m := bound.FindStringSubmatch(r.PromQL); m != nil && r.Threshold == "" {
		r.Operator, r.Threshold = m[1], m[2]
	}
	return r
}

// bound is the comparison a native PromQL rule ends with: such a rule has its threshold nowhere else.
var bound = regexp.MustCompile(`(==|!=|>=|<=|>|<)\s*(-?[0-9]+(?:\.[0-9]+)?)\s*$`)

// Encode is the alarm as an AOM event object: Raw where it came from AOM, and the same form for an alarm that an inspection
// raised, so that both are kept and read in one way. ParseEvent reads it back.
func (a Alarm) Encode() (json.RawMessage, error) {
	if len(a.Raw) > 0 {
		return a.Raw, nil
	}
	meta := map[string]string{}
	for k, v := range a.Labels {
		meta[k] = v
	}
	set := func(k, v string) {
		if v != "" {
			meta[k] = v
		}
	}
	set("event_name", joinBilingual(a.TitleZH, a.Name))
	set("event_severity", string(a.Severity))
	set("event_type", map[bool]string{true: "event", false: "alarm"}[a.Event])
	set("resource_provider", a.Provider)
	set("clusterId", a.Cluster)
	set("clusterName", a.ClusterName)
	set("kind", a.Object.Kind)
	set("nameSpace", a.Object.Namespace)
	set("name", a.Object.Name)
	set("container", a.Object.Container)
	set("node", a.Object.Node)
	set("uid", a.Object.UID)
	notes := map[string]any{}
	if m := joinBilingual(a.MessageZH, a.Message); m != "" {
		notes["message"] = m
	}
	if detail := a.Rule.encode(); len(detail) > 0 {
		notes["trigger_detail"] = detail
	}
	b, err := json.Marshal(struct {
		ID          string            `json:"id"`
		SN          string            `json:"event_sn"`
		StartsAt    int64             `json:"starts_at"`
		EndsAt      int64             `json:"ends_at"`
		ArrivesAt   int64             `json:"arrives_at,omitempty"`
		Timeout     int64             `json:"timeout,omitempty"`
		Metadata    map[string]string `json:"metadata"`
		Annotations map[string]any    `json:"annotations,omitempty"`
	}{a.ID, a.SN, unixMillis(a.FiredAt), unixMillis(a.ClearedAt), unixMillis(a.ArrivedAt), a.Timeout.Milliseconds(), meta, notes})
	if err != nil {
		return nil, fmt.Errorf("write alarm %s: %w", a.ID, err)
	}
	return b, nil
}

func (r Rule) encode() map[string]any {
	out := map[string]any{}
	set := func(k, v string) {
		if v != "" {
			out[k] = v
		}
	}
	set("alarm_rule_name", r.Name)
	set("operator", r.Operator)
	set("threshold", r.Threshold)
	set("trigger_value", r.Value)
	set("promql", r.PromQL)
	if r.Period > 0 {
		out["trigger_interval"] = r.Period.Milliseconds()
	}
	if r.Times > 0 {
		out["trigger_times"] = r.Times
	}
	if r.For > 0 {
		out["promql_for"] = r.For.Milliseconds()
	}
	return out
}

func unixMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
