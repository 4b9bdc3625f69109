package alarm

import (
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"time"
)

var (
	htmlCell  = regexp.MustCompile(`(?is)</t[dh]>\s*<t[dh][^>]*>`)
	htmlBreak = regexp.MustCompile(`(?is)<br\s*/?>|</(?:p|div|tr|li|h\d|table)>`)
	htmlQuiet = regexp.MustCompile(`(?is)<(?:script|style)\b.*?</(?:script|style)>|<!--.*?-->`)
	htmlTag   = regexp.MustCompile(`(?s)</?[A-Za-z][^<>]*>`)
	header    = regexp.MustCompile(`(?i)[\[【]([^\[\]【】\n]{2,60})[\]】]`)
	jsonField = regexp.MustCompile(`"([A-Za-z_][\w.]{0,63})"\s*:\s*"([^"\n]*)"`)
	jsonNum   = regexp.MustCompile(`"(starts_at|ends_at|arrives_at|id|event_sn)"\s*:\s*(\d{1,20})`)
	zoned     = regexp.MustCompile(`(\d{4})[-/](\d{2})[-/](\d{2})[ T](\d{2}:\d{2}:\d{2})(?:\.\d+)?\s*(?:\(?(?:GMT|UTC)?([+-]\d{2}):?(\d{2})\)?|(Z|UTC|GMT))`)
	clusterID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	word      = regexp.MustCompile(`[A-Za-z][A-Za-z0-9]{4,40}`)
)

// stripHTML leaves the text of an HTML mail: a table's two cells become "label: value", blocks become lines. Text that holds no
// tag is returned as it is.
func stripHTML(s string) string {
	if !htmlTag.MatchString(s) {
		return s
	}
	s = htmlQuiet.ReplaceAllString(s, "")
	s = htmlCell.ReplaceAllString(s, ": ")
	s = htmlBreak.ReplaceAllString(s, "\n")
	return html.UnescapeString(htmlTag.ReplaceAllString(s, ""))
}

// brokenJSON finds the fields of a JSON-shaped template whose values broke its quoting.
func brokenJSON(s string) map[string]string {
	if !strings.HasPrefix(s, "{") {
		return nil
	}
	out := map[string]string{}
	for _, re := range []*regexp.Regexp{jsonField, jsonNum} {
		for _, m := range re.FindAllStringSubmatch(s, maxLabels) {
			addField(out, m[1], m[2])
		}
	}
	return out
}

// lines reads "key=value" and "Label: value;" lines, in either language and with either colon.
func lines(s string) map[string]string {
	out := map[string]string{}
	for _, line := range strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
		line = strings.TrimSpace(strings.TrimRight(strings.TrimSpace(line), ";；"))
		at := strings.IndexAny(line, "=:：")
		if at <= 0 {
			continue
		}
		label, value := line[:at], strings.TrimLeft(line[at:], "=:：\u00a0 ")
		addField(out, label, value)
	}
	return out
}

func addField(out map[string]string, label, value string) {
	label = strings.Trim(strings.TrimSpace(label), "*-•# \u00a0")
	value = strings.TrimSpace(value)
	if label == "" || value == "" || len(label) > 64 || strings.HasPrefix(value, "${") || strings.HasPrefix(value, "$event") {
		return // a template variable that nothing was put in for tells nothing
	}
	for _, prefix := range []string{"$event.metadata.", "$event.annotations.", "$event.", "metadata.", "annotations."} {
		label = strings.TrimPrefix(label, prefix)
	}
	switch canonical, known := fieldNames[nameKey(label)]; {
	case canonical == "nameSpace" && !dnsLabel.MatchString(value): // AOM's own metric namespace
	case canonical == "clusterName" && clusterID.MatchString(value):
		label = "clusterId"
	case known:
		label = canonical
	}
	if _, have := out[label]; !have && len(out) < maxLabels {
		out[label] = value
	}
}

// fieldNames are the labels of AOM's built-in texts, in both languages, by the metadata key they stand for.
var fieldNames = func() map[string]string {
	out := map[string]string{}
	for key, labels := range map[string]string{
		"event_name":     "event_name event_name_alias eventname alarmname alertname alertrulename alarmrulename rulename 告警名称 事件名称 告警规则名称 规则名称 告警规则",
		"event_severity": "event_severity severity alarmseverity alertseverity alarmlevel level 告警级别 告警等级 级别 严重级别 事件级别",
		"id":             "id alarmid alertid eventid 告警id 事件id",
		"event_sn":       "event_sn eventsn sn alarmsn serialno alarmserialno serialnumber 流水号 告警流水号",
		"starts_at":      "starts_at occurrencetime occurredat occurred generatedat triggertime alarmtime alerttime startstime firstoccurrencetime 发生时间 产生时间 触发时间 告警时间 首次发生时间",
		"ends_at":        "ends_at clearancetime clearedat clearedtime recoverytime resolvedat 恢复时间 清除时间 结束时间",
		"state":          "state status alarmstatus alertstatus clear_type cleartype 状态 告警状态",
		"resource_id":    "resource_id resources resources_new resourceid resource resourceidentifier resourceinformation alarmobject alertobject alarmsource 资源标识 资源信息 告警对象 告警资源 资源 对象标识",
		"message":        "message alarm_info alertcontent alarmcontent content alarmdetails details description 告警内容 告警信息 告警详情 详细信息 内容 描述",
		"clusterId":      "clusterid cluster_id 集群id",
		"clusterName":    "clustername cluster_name cluster clusteraliasname 集群 集群名称",
		"nameSpace":      "namespace k8snamespace kubernetesnamespace 命名空间",
		"podName":        "pod podname pod_name 实例 实例名称 容器组 pod名称",
		"deployment":     "deployment workload workloadname 工作负载 工作负载名称 无状态负载",
		"node":           "node nodename host hostname 节点 节点名称 主机 主机名称",
		"container":      "container containername 容器 容器名称",
		"kind":           "kind resourcekind 资源类型 对象类型",
		"name":           "name resourcename 资源名称 对象名称",
	} {
		for _, l := range strings.Fields(labels) {
			out[nameKey(l)] = key
		}
	}
	return out
}()

// fromFields makes a hint of the fields found in a text.
func fromFields(fields map[string]string, plain string) Hint {
	meta := map[string]string{}
	for k, v := range fields {
		meta[k] = clip(v, maxLabel)
	}
	severity, state := ParseSeverity(meta["event_severity"]), stateOf(meta["state"])
	for _, m := range header.FindAllStringSubmatch(firstLine(plain), 8) {
		if severity == "" {
			severity = severityIn(m[1])
		}
		if state == "" {
			state = stateOf(m[1])
		}
	}
	name := meta["event_name"]
	if name == "" {
		name = nameIn(plain)
	}
	a := Alarm{
		ID: clip(meta["id"], maxName), SN: clip(meta["event_sn"], maxName), Severity: severity,
		FiredAt: timeIn(meta["starts_at"]), ClearedAt: timeIn(meta["ends_at"]), Labels: meta,
		Event: strings.EqualFold(meta["event_type"], "event"), Provider: clip(meta["resource_provider"], maxName),
	}
	a.TitleZH, a.Name = bilingualName(clip(name, maxName))
	a.MessageZH, a.Message = bilingualText(clip(meta["message"], maxMessage))
	if state == "" && !a.ClearedAt.IsZero() {
		state = Resolved
	}
	identify(&a, meta, parseResourceID(meta["resource_id"]))
	if a.ID == "" && a.SN == "" && a.Name != "" {
		a.ID = "x" + Fingerprint([]byte(plain))
		h := hintOf(a, false)
		h.ID, h.State = "", state
		return h
	}
	h := hintOf(a, false)
	h.State = state
	return h
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// stateOf reads "alarm_generated", "alarm_cleared" and their Chinese forms. Clearing is looked for first: "告警恢复" holds both words.
func stateOf(s string) State {
	s = strings.ToLower(s)
	for _, w := range []string{"clear", "resolve", "recover", "restored", "恢复", "清除", "解除", "消除"} {
		if strings.Contains(s, w) {
			return Resolved
		}
	}
	for _, w := range []string{"generat", "trigger", "firing", "raised", "occur", "active", "产生", "触发", "发生", "告警中"} {
		if strings.Contains(s, w) {
			return Firing
		}
	}
	return ""
}

func severityIn(s string) Severity {
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r == '_' || r == ' ' || r == '-' || r == '|' }) {
		if v := ParseSeverity(w); v != "" {
			return v
		}
	}
	for _, zh := range []string{"紧急", "重要", "次要", "提示"} {
		if strings.Contains(s, zh) {
			return ParseSeverity(zh)
		}
	}
	return ""
}

// nameIn finds the name of a known event in free text, the first one that is there.
func nameIn(s string) string {
	for _, w := range word.FindAllString(s, 400) {
		if e, ok := Lookup(w); ok && e.Name == w {
			return w
		}
	}
	return ""
}

// timeIn reads a time in epoch numbers, RFC 3339, or as the built-in texts write it: "2026-11-22 15:00:00 GMT+08:00". A time that does
// not name its zone is no time.
func timeIn(s string) time.Time {
	if m := zoned.FindStringSubmatch(s); m != nil {
		zone := "+00:00"
		if m[5] != "" {
			zone = m[5] + ":" + m[6]
		}
		t, err := time.Parse(time.RFC3339, m[1]+"-"+m[2]+"-"+m[3]+"T"+m[4]+zone)
		if err == nil {
			return t.UTC()
		}
		return time.Time{}
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return time.Time{}
		}
	}
	return moment(json.RawMessage(s))
}
