package huaweicloud

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cce-oncall/shared/observe"
)

// LTS searches one log stream of one cluster.
type LTS struct {
	Session *Session
	Group   string // log group id
	Stream  string // log stream id
}

const (
	logPage  = 500
	logPages = 10 // 5000 lines; a stream may be asked 100 times a minute
	// logSpan is the longest time LTS searches at once.
	logSpan = 30 * 24 * time.Hour
	maxLine = 4096
)

// Labels that the collector of CCE puts on each line (source: the example of ListLogs).
const (
	labelNamespace = "nameSpace"
	labelPod       = "podName"
	labelContainer = "containerName"
	labelWorkload  = "appName"
)

// Search finds the newest lines that a query asks for, as one log for each container, sorted, the oldest line first. Lines can be
// found about two minutes after they were written. Source: ListLogs, POST …/content/query.
func (l *LTS) Search(ctx context.Context, q observe.LogQuery) ([]observe.Log, error) {
	const op = "ListLogs"
	if q.Namespace == "" || q.Limit <= 0 || !q.From.Before(q.To) {
		return nil, refused(LTSService, op, "a search needs a namespace, a number of lines and a span of time")
	}
	if q.To.Sub(q.From) > logSpan {
		q.From = q.To.Add(-logSpan)
	}
	labels := map[string]string{labelNamespace: q.Namespace}
	if q.Pod != "" {
		labels[labelPod] = q.Pod
	}
	if q.Container != "" {
		labels[labelContainer] = q.Container
	}
	body := map[string]any{
		"start_time": strconv.FormatInt(q.From.UnixMilli(), 10), "end_time": strconv.FormatInt(q.To.UnixMilli(), 10), // strings, in ms
		"labels": labels, "is_desc": true, "limit": logPage,
		"highlight": false, // else LTS writes markup into the lines
	}
	if q.Pod != "" {
		body["limit"] = min(q.Limit, logPage)
	}
	c := call{
		service: LTSService, op: op, method: http.MethodPost, path: path("v2", l.Session.Project, "groups", l.Group, "streams", l.Stream, "content", "query"),
		header: map[string]string{"Content-Type": "application/json;charset=UTF-8"}, body: body,
	}
	var found []logLine
	seen := map[string]bool{}
	for range logPages {
		var page struct {
			Logs []logLine `json:"logs"`
		}
		if err := l.Session.do(ctx, c, &page); err != nil {
			return nil, err
		}
		fresh := false
		for _, line := range page.Logs {
			if line.Number != "" && seen[string(line.Number)] {
				continue
			}
			seen[string(line.Number)] = true
			fresh = true
			if line.answers(q) && len(found) < q.Limit {
				found = append(found, line)
			}
		}
		if !fresh || len(found) == q.Limit || len(page.Logs) < body["limit"].(int) {
			break
		}
		body["line_num"], body["search_type"] = page.Logs[len(page.Logs)-1].Number, "forwards" // on in the order of the answer
	}
	slices.Reverse(found)
	return byContainer(q, found), nil
}

type logLine struct {
	Content string            `json:"content"`
	Number  text              `json:"line_num"`
	Labels  map[string]string `json:"labels"`
}

// answers holds a line against the query once more: how LTS reads its label filter is not documented for each collector.
func (l logLine) answers(q observe.LogQuery) bool {
	is := func(label, want string) bool { return want == "" || l.Labels[label] == "" || l.Labels[label] == want }
	if !is(labelNamespace, q.Namespace) || !is(labelPod, q.Pod) || !is(labelContainer, q.Container) {
		return false
	}
	return q.Workload == "" || l.Labels[labelWorkload] == q.Workload || podOf(l.Labels[labelPod], q.Workload)
}

// podSuffix is what controllers put after a workload's name: an ordinal, or a random part with no vowels, and before it the hash
// of a ReplicaSet or the minute of a CronJob.
var podSuffix = regexp.MustCompile(`^-(?:\d+|(?:[bcdfghjklmnpqrstvwxz2456789]{5,10}-|\d{8}-)?[bcdfghjklmnpqrstvwxz2456789]{5})$`)

func podOf(pod, workload string) bool {
	rest, ok := strings.CutPrefix(pod, workload)
	return ok && podSuffix.MatchString(rest)
}

func byContainer(q observe.LogQuery, lines []logLine) []observe.Log {
	type key struct{ pod, container string }
	logs := map[key]*observe.Log{}
	var keys []key
	for _, l := range lines {
		k := key{l.Labels[labelPod], l.Labels[labelContainer]}
		if k.pod == "" {
			k.pod = q.Pod
		}
		if k.container == "" {
			k.container = q.Container
		}
		log := logs[k]
		if log == nil {
			log = &observe.Log{Namespace: q.Namespace, Pod: k.pod, Container: k.container}
			if k.pod == "" {
				log.Workload = q.Workload
			}
			logs[k] = log
			keys = append(keys, k)
		}
		line := strings.TrimRight(l.Content, "\r\n")
		if len(line) > maxLine {
			line = strings.ToValidUTF8(line[:maxLine], "") + "…"
		}
		log.Lines = append(log.Lines, line)
	}
	slices.SortFunc(keys, func(x, y key) int { return strings.Compare(x.pod+"\x00"+x.container, y.pod+"\x00"+y.container) })
	out := make([]observe.Log, 0, len(keys))
	for _, k := range keys {
		out = append(out, *logs[k])
	}
	return out
}
