package aom

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Names of the built-in templates.
const (
	builtinZH = "aom.built-in.template.zh"
	builtinEN = "aom.built-in.template.en"
)

// Template words notifications. Parts is what the API carries as a JSON string.
type Template struct {
	Name    string `json:"name"`
	Locale  string `json:"locale"` // zh-cn or en-us
	Desc    string `json:"desc"`
	Source  string `json:"source"`
	Parts   string `json:"templates"`
	Project string `json:"enterprise_project_id"`
	Created int64  `json:"create_time"`
	Updated int64  `json:"modify_time"`
}

// part is the wording for one kind of receiver.
type part struct {
	SubType string `json:"subType"` // email, sms, webhook, dingding, ...
	Content string `json:"content"`
	Topic   string `json:"topic,omitempty"`
	Version string `json:"version,omitempty"`
}

// builtinTemplates give human text, not JSON: labelled lines that end in a semicolon. The wording is the emulator's own, in the form
// that the notification history of the real service shows.
func builtinTemplates() []Template {
	zh := "[AOM][${severity_zh}告警${state_zh}]\n告警名称：${event_name};\n告警级别：${event_severity};\n发生时间：${starts_at};\n资源类型：${resource_type};\n资源标识：${resources};\n统计维度：${alarm_info};\n告警内容：${message_zh};\n可能原因：${alarm_probableCause_zh};\n修复建议：${alarm_fix_suggestion_zh};\n区域：${region_name};\n"
	en := "[AOM][${event_severity}_alarm_${state_en}]\nAlert Name: ${event_name};\nAlert Severity: ${event_severity};\nOccurrence Time: ${starts_at};\nResource Type: ${resource_type};\nResource: ${resources};\nDimensions: ${alarm_info};\nAlert Content: ${message_en};\nRegion: ${region_name};\n"
	build := func(name, locale, text string) Template {
		raw, err := json.Marshal([]part{{SubType: "email", Content: text}, {SubType: "sms", Content: text}})
		if err != nil {
			raw = []byte("[]") // strings always encode
		}
		return Template{Name: name, Locale: locale, Parts: string(raw), Project: "0"}
	}
	return []Template{build(builtinZH, "zh-cn", zh), build(builtinEN, "en-us", en)}
}

// SetTemplate adds or replaces a message template; parts maps a receiver kind (email, sms, webhook) to its text.
func (s *Service) SetTemplate(name, locale string, parts map[string]string) error {
	var list []part
	for _, k := range slices.Sorted(maps.Keys(parts)) {
		list = append(list, part{SubType: k, Content: parts[k]})
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("write the template: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opt.Clock().UnixMilli()
	s.templates[name] = &Template{Name: name, Locale: locale, Parts: string(raw), Project: "0", Created: now, Updated: now}
	return nil
}

var placeholder = regexp.MustCompile(`\$\{[a-zA-Z_]+\}|\$event\.(?:metadata|annotations)(?:\.[A-Za-z0-9_]+|\[\d+\])+`)

// render words a notification for every kind of receiver; "default" serves those without a part of their own, functions among them:
// the webhook part if there is one, else e-mail, else the first. Values are put in as they are, as the real service does: a quote
// inside a message breaks a JSON-shaped template.
func (t Template) render(n notice, region, action string) (subject string, texts map[string]string) {
	var parts []part
	if err := json.Unmarshal([]byte(t.Parts), &parts); err != nil || len(parts) == 0 {
		parts = []part{{SubType: "email", Content: "${event_name}"}}
	}
	vars := variables(n, region, action)
	fill := func(text string) string {
		return placeholder.ReplaceAllStringFunc(text, func(p string) string {
			if name, ok := strings.CutPrefix(p, "${"); ok {
				return vars[strings.TrimSuffix(name, "}")]
			}
			return lookup(n.event, strings.TrimPrefix(p, "$event."))
		})
	}
	texts = map[string]string{}
	for _, p := range parts {
		switch p.SubType {
		case "webhook", "http", "https":
			texts["http"], texts["https"] = fill(p.Content), fill(p.Content)
		default:
			texts[p.SubType] = fill(p.Content)
		}
		if p.Topic != "" && subject == "" {
			subject = fill(p.Topic)
		}
	}
	for _, kind := range []string{"https", "email", parts[0].SubType} {
		if text, ok := texts[kind]; ok {
			texts["default"] = text
			break
		}
	}
	if subject == "" {
		subject = fill("[AOM][${event_severity}]${event_name}")
	}
	return clip(subject, 512), texts
}

// clip cuts to a number of bytes without splitting a character.
func clip(s string, limit int) string {
	for len(s) > limit {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

func variables(n notice, region, action string) map[string]string {
	e := n.event
	zh, en := halves(text(e.Annotations["message"]))
	state := map[bool][2]string{true: {"产生", "generated"}, false: {"恢复", "cleared"}}[n.firing]
	clear := map[bool]string{true: "", false: "Auto"}[n.firing]
	dims := dimensions(e)
	return map[string]string{
		"event_name": e.Metadata["event_name"], "event_name_alias": e.Metadata["event_name"], "id": e.ID, "action_rule": action,
		"starts_at":      time.UnixMilli(e.StartsAt).In(time.FixedZone("CST", 8*3600)).Format("2006-01-02 15:04:05 GMT+08:00"),
		"event_severity": e.Metadata["event_severity"], "event_type": e.Metadata["event_type"], "clear_type": clear,
		"alarm_info": dims, "resources": e.Metadata["resource_id"], "resources_new": e.Metadata["resource_id"],
		"alarm_fix_suggestion_zh": text(e.Annotations["alarm_fix_suggestion_zh_cn"]),
		"alarm_probableCause_zh":  text(e.Annotations["alarm_probableCause_zh_cn"]),
		"message":                 text(e.Annotations["message"]), "message_zh": zh, "message_en": en,
		"domain_name": "emulator", "region_name": region, "resource_provider": e.Metadata["resource_provider"],
		"resource_type": e.Metadata["resource_type"], "state_zh": state[0], "state_en": state[1],
		"severity_zh": map[string]string{"Critical": "紧急", "Major": "重要", "Minor": "次要", "Info": "提示"}[e.Metadata["event_severity"]],
	}
}

// dimensions lists the labels that are not AOM's own keys.
func dimensions(e Event) string {
	own := []string{"event_name", "event_severity", "event_type", "resource_provider", "resource_type", "resource_id", "alarmName", "prom_instance_id", "metricName"}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(e.Metadata)) {
		if !slices.Contains(own, k) {
			out = append(out, k+":"+e.Metadata[k])
		}
	}
	return strings.Join(out, ",")
}

func halves(bilingual string) (zh, en string) {
	if zh, en, ok := strings.Cut(bilingual, "##"); ok {
		return zh, en
	}
	return bilingual, bilingual
}

func text(v any) string {
	switch t := v.(type) {
	case nil:
		return ""
	case string:
		return t
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(raw)
}

var step = regexp.MustCompile(`\.?([A-Za-z0-9_]+)|\[(\d+)\]`)

// lookup follows a path such as annotations.results[0].time into the event.
func lookup(e Event, path string) string {
	root := map[string]any{"annotations": e.Annotations}
	meta := map[string]any{}
	for k, v := range e.Metadata {
		meta[k] = v
	}
	root["metadata"] = meta
	var at any = root
	for _, m := range step.FindAllStringSubmatch(path, -1) {
		if m[2] != "" {
			list, _ := at.([]any)
			i, err := strconv.Atoi(m[2])
			if err != nil || i >= len(list) {
				return ""
			}
			at = list[i]
			continue
		}
		object, _ := at.(map[string]any)
		at = object[m[1]]
	}
	return text(at)
}
