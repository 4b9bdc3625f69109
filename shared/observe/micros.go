package observe

import (
	"bytes"
	"encoding/json"
	"regexp"
)

var microTime = regexp.MustCompile(`("(?:renewTime|acquireTime|eventTime|lastObservedTime)"\s*:\s*"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?((?:Z|[+-]\d\d:\d\d)")`)

// toMicros gives the times of events and heartbeats the six decimals without which Kubernetes' own types refuse them: whoever writes a
// case file by other means has seconds.
func toMicros(raw json.RawMessage) json.RawMessage {
	if !microFields(raw) {
		return raw
	}
	return microTime.ReplaceAllFunc(raw, func(match []byte) []byte {
		part := microTime.FindSubmatch(match)
		decimals := append(append([]byte{}, part[2]...), "000000"...)[:6]
		return bytes.Join([][]byte{part[1], {'.'}, decimals, part[3]}, nil)
	})
}

// microFields says whether an object has one of those fields, which most have not, long before the pattern would.
func microFields(raw []byte) bool {
	for _, field := range []string{"renewTime", "acquireTime", "eventTime", "lastObservedTime"} {
		if bytes.Contains(raw, []byte(field)) {
			return true
		}
	}
	return false
}
