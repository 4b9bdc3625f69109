package alarm

import "strings"

// ParseSeverity reads AOM's severities in both languages and the words of neighbouring systems; empty for what is not known.
func ParseSeverity(s string) Severity {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "critical", "紧急", "紧急告警", "致命", "fatal", "emergency":
		return Critical
	case "major", "重要", "重要告警", "important", "error":
		return Major
	case "minor", "次要", "次要告警", "warning", "warn":
		return Minor
	case "info", "提示", "提示告警", "informational", "notice", "normal":
		return Info
	}
	return ""
}

// rank orders severities, worst first; one that is not known ranks with Minor, so that it is neither hidden nor shouted.
func (s Severity) rank() int {
	switch s {
	case Critical:
		return 0
	case Major:
		return 1
	case Minor:
		return 2
	case Info:
		return 3
	}
	return 2
}

// Worse is the worse of two severities.
func (s Severity) Worse(o Severity) Severity {
	if s == "" || (o != "" && o.rank() < s.rank()) {
		return o
	}
	return s
}
