package diagnose

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// address is a host and port that a configuration names.
type address struct {
	host string
	port int    // 0: none given
	wire string // scheme where one was given: http, mysql, jdbc:postgresql
	sure bool   // written as an address (scheme or port), not only as a word that may be one
}

var (
	urlAddress  = regexp.MustCompile(`\b((?:jdbc:)?[a-zA-Z][a-zA-Z0-9+.-]*)://(?:[^\s/@"'<>]*@)?([^\s/"'<>?#;)]+)`)
	hostPort    = regexp.MustCompile(`(?:^|[\s,;"'=@(\[])([a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?):(\d{2,5})(?:$|[\s,;"'/)\]])`)
	connString  = regexp.MustCompile(`(?i)(?:^|[;\s])(?:server|data source|host|hostname|address|addr)\s*=\s*(?:tcp:)?([a-z0-9][a-z0-9.-]*)(?:[,:](\d{2,5}))?(?:[;\s]|$)`)
	connPort    = regexp.MustCompile(`(?i)(?:^|[;\s])port\s*=\s*(\d{2,5})(?:[;\s]|$)`)
	bareHost    = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	hostKey     = regexp.MustCompile(`(?i)(^|[_.-])(host|hostname|addr|address|url|uri|endpoint|server|servers|service|broker|brokers|upstream|backend|dsn|svc)s?([_.-]|\d|$)`)
	nameKey     = regexp.MustCompile(`(?i)(^|[_.-])(user(name)?|pass(word|wd)?|pwd|db|dbname|database|schema|role|secret|token|name|version|env(ironment)?)$`)
	portKey     = regexp.MustCompile(`(?i)(^|[_.-])port$`)
	hostKeyTail = regexp.MustCompile(`(?i)[_.-](hostname|host|addr|address|server|service|svc)$`)
	fileTail    = regexp.MustCompile(`(?i)\.(ya?ml|json|xml|properties|conf|cfg|toml|ini|sh|py|jar|js|log|pem|crt|key|so|txt|html?|sql|db|sock|png|go|gz|tar|java|kt|scala|rs|rb|php|lua|tsx?|mjs|cs|cpp|cc|hpp|[ch]|exs?|erl)$`)
)

// addressesIn finds the addresses in one setting. A lone word is taken for a host only when the key says so.
func addressesIn(key, value string) []address {
	value = strings.TrimSpace(value)
	if value == "" || len(value) > 4096 {
		return nil
	}
	var out []address
	rest := value
	for _, m := range urlAddress.FindAllStringSubmatch(value, -1) {
		rest = strings.Replace(rest, m[0], " ", 1)
		for _, one := range strings.Split(m[2], ",") {
			out = addAddress(out, one, strings.ToLower(m[1]))
		}
	}
	if m := connString.FindStringSubmatch(rest); m != nil && len(out) == 0 {
		port := cmpOr(m[2], firstGroup(connPort, rest))
		out = addAddress(out, strings.TrimSuffix(m[1]+":"+port, ":"), "")
	}
	for again := 0; again < 8; again++ { // neighbours share a separator, so one pass may miss every second one
		m := hostPort.FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		out = addAddress(out, rest[m[2]:m[5]], "")
		rest = rest[:m[2]] + " " + rest[m[5]:]
	}
	if len(out) == 0 && bareHost.MatchString(value) && !fileTail.MatchString(value) && !nameKey.MatchString(key) {
		out = append(out, address{host: value, sure: hostKey.MatchString(key) && !portKey.MatchString(key)})
	}
	return out
}

// firstGroup is the first group of a pattern in a text, "" when it does not match.
func firstGroup(re *regexp.Regexp, text string) string {
	if m := re.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

func addAddress(out []address, hostport, wire string) []address {
	hostport = strings.TrimSpace(hostport)
	host, tail, has := strings.Cut(hostport, ":")
	port := 0
	if has {
		n, err := strconv.Atoi(tail)
		if err != nil || n < 1 || n > 65535 {
			return out
		}
		port = n
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !bareHost.MatchString(host) || wire == "" && fileTail.MatchString(host) {
		return out
	}
	return append(out, address{host: host, port: port, wire: wire, sure: true})
}

// own says whether a host is the pod itself or a number, which no Service name can be wrong about.
func ownHost(h string) bool {
	if h == "localhost" || h == "host" || strings.HasSuffix(h, ".local") && !strings.HasSuffix(h, ".cluster.local") {
		return true
	}
	if _, err := netip.ParseAddr(h); err == nil {
		return true
	}
	return strings.IndexFunc(h, func(r rune) bool { return r >= 'a' && r <= 'z' }) < 0
}

// databaseWord says whether a setting is about a database, by the scheme, the key, or the port everybody uses for one.
var databaseWord = regexp.MustCompile(`(?i)(^|[_.:-])(db|rds|database|mysql|mariadb|postgres|postgresql|pg|pgsql|mongo|mongodb|jdbc|datasource|sql|sqlserver|oracle|cassandra)([_.:-]|\d|$)`)

var databasePorts = map[int]bool{3306: true, 5432: true, 27017: true, 1433: true, 1521: true, 9042: true}

func aboutDatabase(key, wire string, port int) bool {
	return databaseWord.MatchString(key) || databaseWord.MatchString(wire) || strings.Contains(wire, "mongodb") || databasePorts[port]
}

// telemetryKey says whether a setting sends traces or metrics somewhere. Exporters are made to fail silently, so a collector
// that is not there is no fault of the application.
var telemetryKey = regexp.MustCompile(`(?i)(otel|otlp|jaeger|zipkin|trace|tracing|collector|statsd|telemetry|metrics|pushgateway|sentry|profil|skywalking)`)
