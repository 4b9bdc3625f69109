package diagnose

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// sign is what one kind of log line says. Lines are data: they are matched and quoted, never followed.
type sign struct {
	kind      signKind
	w         *workload
	pod       incident.Target
	container string
	line      string
	host      string
	port      int
	count     int // how many lines of this log say the same of the same host
	previous  bool
}

type signKind string

const (
	signPortTaken      signKind = "port taken"
	signDenied         signKind = "database credentials refused"
	signReadOnlyDB     signKind = "database read-only"
	signTooMany        signKind = "database connections exhausted"
	signNoDatabase     signKind = "database missing"
	signNoPrivilege    signKind = "database privilege missing"
	signSlowDB         signKind = "database slow"
	signFullDB         signKind = "database out of memory"
	signClock          signKind = "clock differs"
	signUnknownCall    signKind = "call of an unknown service"
	signCollecting     signKind = "collecting garbage"
	signNoHost         signKind = "host not found"
	signRefused        signKind = "connection refused"
	signTimeout        signKind = "connection timed out"
	signForbidden      signKind = "forbidden by RBAC"
	signReadOnlyVolume signKind = "read-only file system"
	signNoPermission   signKind = "permission denied on a path"
	signNoSpace        signKind = "no space left"
	signIOError        signKind = "input/output error"
	signExecFormat     signKind = "exec format error"
	signMemory         signKind = "out of memory"
	signPool           signKind = "connection pool exhausted"
	signUpstream       signKind = "upstream failed"
	signNotFound404    signKind = "route not found"
	signTLS            signKind = "certificate not trusted"
	signLimited        signKind = "refused for its rate"
	signFiles          signKind = "too many open files"
	signBucket         signKind = "storage refuses the credentials"
	signError          signKind = "error"
)

// signWords is tried from top to bottom; the first that fits names the line.
var signWords = []struct {
	kind signKind
	re   *regexp.Regexp
}{
	{signPortTaken, regexp.MustCompile(`(?i)address already in use|EADDRINUSE|port (\d+ )?(is )?already (in use|allocated)|bind\(\) to .* failed|port \d+ was already in use|Only one usage of each socket address`)},
	{signFiles, regexp.MustCompile(`(?i)too many open files|\bEMFILE\b|\bENFILE\b|accept: .*file descriptors?|cannot assign requested address|EADDRNOTAVAIL`)},
	{signTooMany, regexp.MustCompile(`(?i)too many connections|remaining connection slots are reserved|sorry, too many clients|max(imum)? (number of )?(client )?connections (reached|exceeded)|max number of clients reached|ORA-00020|connection limit exceeded|ER_CON_COUNT_ERROR`)},
	{signReadOnlyDB, regexp.MustCompile(`(?i)--(super-)?read-only option|read-only transaction|is read[- ]only|READONLY You can't write|NotWritablePrimary|not master and slaveOk|NotPrimary|not primary|standby mode|Cannot execute .* in a read-only|database is read-only|Table .* is read only|recovery is in progress|MISCONF Redis|read-only-allow-delete|flood.stage (disk )?watermark|mvcc: database space exceeded`)},
	{signNoPrivilege, regexp.MustCompile(`(?i)not authorized (on \S+ to execute|for query|to perform)|(command|access) denied to user|permission denied (for|on) (the )?(table|relation|schema|database|sequence|function|view|column|object)|permission was denied on the object|insufficient privilege|ORA-01031|\bNOPERM\b|must be owner of|has no permissions? (to run|for)|ER_TABLEACCESS_DENIED|ER_DBACCESS_DENIED`)},
	{signFullDB, regexp.MustCompile(`(?i)OOM command not allowed|used memory > 'maxmemory'|(memory|disk) resource limit alarm|out of memory storing object|SERVER_ERROR out of memory|circuit_?breaking_?exception|Data too large, data for`)},
	{signBucket, regexp.MustCompile(`InvalidAccessKeyId|SignatureDoesNotMatch|InvalidSecurityToken|ExpiredToken\b|AccessDenied\b.{0,60}(PutObject|GetObject|ListObjects|HeadBucket|bucket)|AllAccessDisabled`)},
	{signSlowDB, regexp.MustCompile(`(?i)Query_time: *[1-9]|slow (?:query|command|statement)(?:.{0,40}\b\d{4,} ?ms| log|:)|duration: [1-9]\d{3,}(?:\.\d+)? ms|(?:query|statement|command)\b.{0,60} took [1-9]\d{3,} ?ms|durationMillis\W{1,4}\d{4,}|fsync\(\) took|page_cleaner: .*took|still waiting for \w+Lock|lock timeout|Lock wait timeout|deadlock (detected|found)|checkpoints are occurring too frequently|canceling statement due to|(statement|query) (timed? ?out|timeout)|QueryTimeoutException|Slow operation|serverStatus was very slow`)},
	{signClock, regexp.MustCompile(`(?i)used before issued|(token|certificate|jwt|signature).{0,30}not (yet )?valid (yet|before)|not yet valid|clock ?skew|KRB_AP_ERR_SKEW|RequestTimeTooSkewed|clock (is|are) (ahead|behind|out of sync)|timestamp .{0,30}(in the future|too (old|far))|JWT expired at .* Current time`)},
	{signCollecting, regexp.MustCompile(`(?i)Pause Full|\bFull GC\b|GC overhead limit|Mark-(sweep|Compact) .*ms|\bgc\b.{0,60}(paused? (for )?\d{3,}|stop.the.world)|garbage collect\w* .{0,40}(paus|took|forced)|forced? (full )?gc\b`)},
	{signDenied, regexp.MustCompile(`(?i)access denied for user|password authentication failed|Authentication failed|auth(entication)? (error|failure)|SASL authentication failed|invalid username-password|WRONGPASS|NOAUTH|ERR invalid password|login failed for user|ORA-01017|no pg_hba\.conf entry|role "[^"]*" does not exist|invalid credentials|AuthenticationFailed|SCRAM|requires authentication|Authentication required|UserNotFound|Could not find user|ACCESS[_-]REFUSED|login (was )?refused|Unauthenticated: .*(user|password)|Authorization Violation`)},
	{signNoDatabase, regexp.MustCompile(`(?i)unknown database|database "[^"]*" does not exist|Cannot open database|ORA-12514|ORA-12505|vhost \S+ not found|no vhost|does not host this topic-partition|UNKNOWN_TOPIC|NOT_FOUND - no (queue|exchange)|NoSuchBucket|bucket does not exist|index_not_found_exception|no such index`)},
	{signForbidden, regexp.MustCompile(`(?i)User "system:serviceaccount:[^"]*" cannot|is forbidden: User|forbidden: User`)},
	{signNoHost, regexp.MustCompile(`(?i)no such host|lookup [a-z0-9.-]+( on [^ ]+)?: .*(i/o timeout|connection refused)|bad address '|no address associated|ENOTFOUND|UnknownHostException|Name or service not known|could not translate host name|Temporary failure in name resolution|Unknown MySQL server host|nodename nor servname|getaddrinfo|EAI_AGAIN|host not found in upstream|Name does not resolve|could not resolve|server misbehaving|NXDOMAIN|SERVFAIL`)},
	{signReadOnlyVolume, regexp.MustCompile(`(?i)read-only file ?system|EROFS`)},
	{signNoSpace, regexp.MustCompile(`(?i)no space left on device|ENOSPC|disk full|could not extend file`)},
	{signIOError, regexp.MustCompile(`(?i)input/output error|\bEIO\b`)},
	{signExecFormat, regexp.MustCompile(`(?i)exec format error`)},
	{signMemory, regexp.MustCompile(`(?i)OutOfMemoryError|out of memory|Cannot allocate memory|MemoryError|heap out of memory|OOMKilled`)},
	{signPool, regexp.MustCompile(`(?i)pool (is )?exhausted|Connection is not available, request timed out|Timeout waiting for (idle )?(object|connection)|QueuePool limit|unable to acquire connection`)},
	{signTLS, regexp.MustCompile(`(?i)x509:|certificate (verify failed|has expired)|SSLHandshakeException|self.signed certificate|PKIX path`)},
	{signLimited, regexp.MustCompile(`(?i)too ?many ?requests|rate.?limit(ed|s|ing)?.{0,20}(exceed|reach|hit|for|by|error)|(exceeded|over|hit) .{0,20}(rate.?limit|quota)|quota (was |has been )?exceeded|RateLimitError|Throttling(Exception)?\b|RESOURCE_EXHAUSTED|ResourceExhausted|RequestLimitExceeded|SlowDown\b`)},
	{signRefused, regexp.MustCompile(`(?i)connection refused|ECONNREFUSED|Communications link failure|could not connect to server|Failed to connect to|actively refused|connect failed|Connection reset by peer|ECONNRESET|error connecting to|unable to connect|Can't connect to|cannot connect to`)},
	{signTimeout, regexp.MustCompile(`(?i)i/o timeout|timed? ?out|ETIMEDOUT|deadline exceeded|DeadlineExceeded|SocketTimeoutException|no route to host|EHOSTUNREACH|Network is unreachable|context deadline`)},
	{signNoPermission, regexp.MustCompile(`(?i)permission denied|EACCES|Operation not permitted|AccessDeniedException`)},
	{signUpstream, regexp.MustCompile(`(?i)upstream (connect error|request timeout|prematurely closed)|no healthy upstream|no live upstreams|\b50[234]\b.*(bad gateway|service unavailable|gateway time)|(status|code)[=: "]*(500|502|503|504)\b|code = (Unavailable|Internal)|UNAVAILABLE:|HTTP/\d(\.\d)?" 50[0234]`)},
	{signNotFound404, regexp.MustCompile(`(?i)(status|code)[=: "]*404\b|HTTP/\d(\.\d)?" 404|404 Not Found|code = Unimplemented|UNIMPLEMENTED`)},
	{signError, regexp.MustCompile(`(?i)\b(fatal|panic|error|exception|critical|traceback|failed)\b|(?-i:\b[A-Z][A-Za-z]+(Error|Exception)\b)|nil pointer|panicked at`)},
}

// trouble is the cheap test that a line is worth the patterns above.
var trouble = []string{
	"err", "fail", "refus", "denied", "time", "exception", "unable", "cannot", "can't", "could not", "no such", "not known",
	"unknown", "invalid", "panic", "fatal", "too many", "too_many", "read-only", "read only", "readonly", "exhaust", "unavailable", "forbidden",
	"in use", "inuse", "reset", "notfound", "nxdomain", "servfail", "upstream", "404", "50", "not available", "noauth", "wrongpass", "not permitted",
	"out of memory", "no space", "x509", "certificate", "misbehaving", "slots", "does not exist", "no route", "unreachable", "limit", "primary", "recovery",
	"authoriz", "noperm", "privilege", "authentica", "slow", "fsync", "page_cleaner", "durationmillis", "duration: ", "waiting for", "deadlock", "query_time", "oom command", "maxmemory", "skew", "not yet valid", "before issued", "expired", "pause full", "full gc", "mark-", "garbage", " gc", "gc ", "bad address", "eacces", "erofs", "enospc", "eio", "critical", "no pg_hba", "resolve", "standby", "max number", "not found", "throttl", "quota", "toomany", "slowdown", "emfile", "enfile", "cannot assign", "addrnotavail", "misconf", "flood", "circuit", "too large", "topic", "bucket", "accesskey", "signature", "expiredtoken", "violation", "nil pointer", "undefined", "pkix", "exceed", "traceback",
}

var telemetryLine = regexp.MustCompile(`(?i)(otel|otlp|opentelemetry|jaeger|zipkin|skywalking|statsd|pushgateway|trace|span|collector|sentry).*(export|upload|send|report|flush|transient|dropp|dial|connect)|(export|upload|send|report|flush).*(otel|otlp|opentelemetry|jaeger|zipkin|skywalking|statsd|pushgateway|traces?\b|spans?\b|sentry)`)

// maxLines is how many of the newest lines of one log are read.
const maxLines = 400

// readSigns reads every log once. Lines of one log that say the same of the same host become one sign.
func readSigns(v *view) []sign {
	var out []sign
	type verdict struct {
		kind signKind
		ok   bool
	}
	known := map[string]verdict{} // an application that retries says the same again and again
	for i := range v.Logs {
		l := &v.Logs[i]
		w, pod := v.logOwner(l)
		if w == nil {
			continue
		}
		lines := l.Lines
		if len(lines) > maxLines {
			lines = lines[len(lines)-maxLines:]
		}
		type key struct {
			k    signKind
			host string
			port int
		}
		at := map[key]int{}
		for _, line := range lines {
			x, seen := known[line]
			if !seen {
				x.kind, x.ok = signOf(line)
				known[line] = x
			}
			if !x.ok {
				continue
			}
			kind := x.kind
			host, port := v.hostIn(kind, line, w)
			k := key{kind, host, port}
			if j, seen := at[k]; seen {
				out[j].count++
				out[j].line = line
				continue
			}
			at[k] = len(out)
			out = append(out, sign{kind: kind, w: w, pod: pod, container: l.Container, line: line, host: host, port: port, count: 1, previous: l.Previous})
		}
	}
	return out
}

func signOf(line string) (signKind, bool) {
	if len(line) > 4096 {
		line = line[:4096]
	}
	low := strings.ToLower(line)
	if !slices.ContainsFunc(trouble, func(t string) bool { return strings.Contains(low, t) }) {
		return "", false
	}
	if telemetryLine.MatchString(line) {
		return "", false // an exporter that finds no collector hurts nobody
	}
	for _, s := range signWords {
		if s.re.MatchString(line) {
			if s.kind == signError && strings.Contains(low, `level=info`) {
				return "", false
			}
			return s.kind, true
		}
	}
	return "", false
}

var hostWords = []*regexp.Regexp{
	regexp.MustCompile(`lookup ([a-zA-Z0-9.-]+)`),
	regexp.MustCompile(`(?i)could not translate host name "?([a-zA-Z0-9.-]+)`),
	regexp.MustCompile(`(?:ENOTFOUND|EAI_AGAIN) ([a-zA-Z0-9.-]+)`),
	regexp.MustCompile(`UnknownHostException: ([a-zA-Z0-9.-]+)`),
	regexp.MustCompile(`(?i)bad address '([a-zA-Z0-9.-]+)'`),
	regexp.MustCompile(`(?i)unknown mysql server host '([a-zA-Z0-9.-]+)`),
	regexp.MustCompile(`(?i)host not found in upstream "?([a-zA-Z0-9.-]+)`),
	regexp.MustCompile(`(?i)could not resolve(?: host)?:? "?'?([a-zA-Z0-9.-]+)`),
	regexp.MustCompile(`(?i)host='?([a-zA-Z0-9.-]+)'?,? port=(\d+)`),
	regexp.MustCompile(`(?i)(?:dial|connect|connection|connecting)[^'"\n]{0,40}?(?:to|tcp|at) ['"]?\[?([a-zA-Z0-9][a-zA-Z0-9.-]*)\]?:(\d{2,5})`),
	regexp.MustCompile(`(?i)(?:ECONNREFUSED|ETIMEDOUT|ECONNRESET) ([0-9a-zA-Z.-]+):(\d+)`),
	regexp.MustCompile(`://(?:[^\s/@]*@)?([a-zA-Z0-9][a-zA-Z0-9.-]*)(?::(\d+))?`),
	regexp.MustCompile(`(?i)server on '([a-zA-Z0-9.-]+)(?::(\d+))?'`),
	regexp.MustCompile(`(?i)server at "([a-zA-Z0-9.-]+)"(?:.*?port (\d+))?`),
	regexp.MustCompile(`(?i)host "([a-zA-Z0-9.-]+)"(?:.*?port (\d+))?`),
	regexp.MustCompile(`\b([a-zA-Z][a-zA-Z0-9.-]*[a-zA-Z0-9]|\d+\.\d+\.\d+\.\d+):(\d{2,5})\b`),
}

// hostIn is the host a line complains about; an address of a Service or pod is given its name.
func (v *view) hostIn(kind signKind, line string, w *workload) (string, int) {
	switch kind {
	case signNoHost, signRefused, signTimeout, signTooMany, signDenied, signReadOnlyDB, signUpstream, signPool, signNoDatabase, signNoPrivilege, signFullDB, signSlowDB, signNotFound404, signLimited, signError:
	default:
		return "", 0
	}
	for i, re := range hostWords {
		m := re.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if i == len(hostWords)-1 && !strings.ContainsAny(m[1], ".-") && v.idx.Service(w.target.Namespace, strings.ToLower(m[1])) == nil {
			continue // "pid:4711" is written like a host with a port
		}
		port := 0
		if len(m) > 2 && m[2] != "" {
			port, _ = strconv.Atoi(m[2]) // digits only; too many give 0, which means none
		}
		host := strings.ToLower(strings.Trim(m[1], "."))
		if fileTail.MatchString(host) || host == "localhost" && kind == signError {
			continue
		}
		if named := v.serviceAt(host); named != "" {
			host = named
		}
		return host, port
	}
	// No address in the line: the name of a Service that this workload calls may still stand there.
	for _, u := range v.apps().uses {
		if u.caller == w && u.found != nil && named(line, u.host) {
			return u.host, u.port
		}
	}
	return "", 0
}

// serviceAt is the name of the Service with a cluster address, as name.namespace.
func (v *view) serviceAt(ip string) string {
	if strings.IndexByte(ip, '.') < 0 || strings.IndexFunc(ip, func(r rune) bool { return r >= 'a' && r <= 'z' }) >= 0 {
		return ""
	}
	for _, s := range v.Objects.Services {
		if s.Spec.ClusterIP == ip {
			return s.Name + "." + s.Namespace
		}
	}
	return ""
}

func (v *view) logOwner(l *observe.Log) (*workload, incident.Target) {
	if l.Pod != "" {
		if p := v.idx.Pod(l.Namespace, l.Pod); p != nil {
			return v.owner[p], podTarget(p)
		}
		for _, t := range v.above("Pod", l.Namespace, l.Pod) {
			return v.byTarget[t], incident.Target{Kind: "Pod", Namespace: l.Namespace, Name: l.Pod}
		}
		return nil, incident.Target{}
	}
	for _, w := range v.inSpace[l.Namespace] {
		if w.target.Name == l.Workload {
			return w, w.target
		}
	}
	return nil, incident.Target{}
}

// signsOf are the signs in the logs of one workload.
func (v *view) signsOf(w *workload, kinds ...signKind) []sign {
	var out []sign
	for _, s := range v.said()[w] {
		if len(kinds) == 0 || slices.Contains(kinds, s.kind) {
			out = append(out, s)
		}
	}
	return out
}

// logsOf are the logs of one workload.
func (v *view) logsOf(w *workload) []observe.Log { return v.idx.LogsOf(w.target) }
