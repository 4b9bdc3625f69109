package record

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"

	"cce-oncall/shared/incident"
)

// Every key is computable from what its reader already holds: OBS may list late, so decisions are made by GET of a known key and
// LIST only finds work. Numbers have a fixed width, so that lexical order is chronological.

// unsafe is what may not be part of a key: ids come from outside, and a path is no place for data.
var unsafe = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// name makes a key's part of an id: itself where that is safe, otherwise its hash, so that two ids never share a key.
func name(id string) string {
	if id != "" && id[0] != '.' && !strings.Contains(id, "..") && len(id) <= 64 && !unsafe.MatchString(id) {
		return id
	}
	return "h-" + Hash([]byte(id))[:32]
}

// Hash is the hex SHA-256 of exact bytes.
func Hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Prefix is where everything about an incident is kept. The id begins with its day (yyyymmdd).
func Prefix(cluster string, id incident.ID) string {
	day := "0000/00/00"
	if len(id) >= 8 {
		day = fmt.Sprintf("%s/%s/%s", name(string(id[:4])), name(string(id[4:6])), name(string(id[6:8])))
	}
	return fmt.Sprintf("incidents/v1/%s/%s/%s/", name(cluster), day, name(string(id)))
}

// Day is the prefix of all incidents that were opened on a day (UTC).
func Day(cluster string, day time.Time) string {
	return fmt.Sprintf("incidents/v1/%s/%s/", name(cluster), day.UTC().Format("2006/01/02"))
}

func openKey(cluster, key string) string {
	return fmt.Sprintf("open/v1/%s/%s.json", name(cluster), Hash([]byte(key))[:32])
}

func tokenKey(token string) string     { return fmt.Sprintf("tokens/v1/%s.json", name(token)) }
func messageKey(message string) string { return fmt.Sprintf("messages/v1/%s.json", name(message)) }
func seenKey(kind, id string) string   { return fmt.Sprintf("seen/v1/%s/%s.json", name(kind), name(id)) }

func roundKey(n int, what string) string { return fmt.Sprintf("round-%02d/%s.json", n, what) }
func executionKey(round, seq int) string {
	return fmt.Sprintf("round-%02d/execution-%05d.json", round, seq)
}

func inspectionKey(cluster string, at time.Time) string {
	return fmt.Sprintf("inspections/v1/%s/%s.json", name(cluster), at.UTC().Format("2006/01/02/150405"))
}

// ReportKey is where the report of a day is kept.
func ReportKey(cluster string, day time.Time) string {
	return fmt.Sprintf("reports/v1/%s/%s.json", name(cluster), day.UTC().Format("2006/01/2006-01-02"))
}

// idOf is the incident id in a key below Day.
func idOf(day, key string) (incident.ID, bool) {
	rest, ok := strings.CutPrefix(key, day)
	if !ok {
		return "", false
	}
	id, _, ok := strings.Cut(rest, "/")
	return incident.ID(id), ok && id != ""
}
