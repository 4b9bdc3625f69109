package lark

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// level is a value of the series itself in what a diagnoser says of it; spans of time, times and fits are none.
var level = regexp.MustCompile(`(^|from |to |is )(\d+(?:\.\d+)?(?:e[+-]?\d+)?)( |,|;|$)`)

// measured says the values of a series in the unit that people think in: shares in per cent, bytes in KiB to TiB. A statement that names
// its unit stays as it is.
func measured(series, statement string) string {
	unit := inPercent
	switch {
	case strings.Contains(series, "_bytes") && !strings.Contains(statement, "iB"):
		unit = inBytes
	case !strings.HasSuffix(series, "_ratio") || strings.Contains(statement, "%"):
		return statement
	}
	return level.ReplaceAllStringFunc(statement, func(found string) string {
		m := level.FindStringSubmatch(found)
		n, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return found
		}
		return m[1] + unit(n) + m[3]
	})
}

func inPercent(share float64) string { return fmt.Sprintf("%.3g %%", share*100) }

func inBytes(bytes float64) string {
	for _, u := range []string{"bytes", "KiB", "MiB", "GiB"} {
		if bytes < 1024 {
			return fmt.Sprintf("%.4g %s", bytes, u)
		}
		bytes /= 1024
	}
	return fmt.Sprintf("%.4g TiB", bytes)
}
