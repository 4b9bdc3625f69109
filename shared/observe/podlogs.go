package observe

import (
	"context"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"cce-oncall/shared/incident"
)

// logCalls read the logs of the worst pods of each suspect workload: of every container that has run, and of its run before where it
// was restarted. What crashed wrote its reason there.
func (l *look) logCalls(in *suspects) []func(context.Context) {
	if l.b.Kube == nil {
		return nil
	}
	const each = 3 // pods of one workload: they run the same program
	taken := map[incident.Target]int{}
	var out []func(context.Context)
	pods := 0
	for _, p := range in.pods {
		top := in.index.WorkloadOf(p)
		if taken[top] == each || pods == l.limits.LogPods {
			continue
		}
		taken[top]++
		pods++
		statuses := append(append([]corev1.ContainerStatus{}, p.Status.InitContainerStatuses...), p.Status.ContainerStatuses...)
		for _, c := range statuses {
			if c.State.Running != nil || c.State.Terminated != nil {
				out = append(out, l.podLog(p, c.Name, false))
			}
			if c.RestartCount > 0 || c.LastTerminationState.Terminated != nil {
				out = append(out, l.podLog(p, c.Name, true))
			}
		}
	}
	return out
}

func (l *look) podLog(p *corev1.Pod, container string, previous bool) func(context.Context) {
	return func(ctx context.Context) {
		call, cancel := l.limited(ctx)
		defer cancel()
		lines, err := l.readLog(call, p, container, previous)
		if err == nil {
			l.addLog(Log{Namespace: p.Namespace, Pod: p.Name, Container: container, Previous: previous, Lines: lines})
			return
		}
		if l.b.Logs != nil && l.searchLog(ctx, p, container) == nil {
			return
		}
		switch {
		case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
			l.missed("logs", "logs of pods could not be read: forbidden", true)
		case !previous && (apierrors.IsBadRequest(err) || apierrors.IsNotFound(err)): // it has not started, or is gone: there is none
		case previous:
			l.missed("logs", fmt.Sprintf("previous logs of %s/%s (container %s) could not be read: %s", p.Namespace, p.Name, container, logReason(err)), false)
		default:
			l.missed("logs", fmt.Sprintf("logs of %s/%s (container %s) could not be read: %s", p.Namespace, p.Name, container, logReason(err)), false)
		}
	}
}

func logReason(err error) string {
	if apierrors.IsBadRequest(err) || apierrors.IsNotFound(err) {
		return "the node no longer has them"
	}
	return reason(err)
}

func (l *look) readLog(ctx context.Context, p *corev1.Pod, container string, previous bool) ([]string, error) {
	lines, most := l.limits.LogLines, l.limits.LogBytes
	stream, err := l.b.Kube.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{
		Container: container, Previous: previous, TailLines: &lines, LimitBytes: &most, Timestamps: false,
	}).Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Close() }()
	raw, err := io.ReadAll(io.LimitReader(stream, most))
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	return splitLog(string(raw), int(lines)), nil
}

// splitLog makes lines of a log, the last ones. A line is data of any length and content: it is cut, and kept as valid text.
func splitLog(raw string, most int) []string {
	const longest = 2 << 10
	raw = strings.TrimRight(raw, "\n")
	if raw == "" {
		return nil
	}
	lines := strings.Split(strings.ToValidUTF8(raw, "\uFFFD"), "\n")
	lines = lines[max(0, len(lines)-most):]
	for i, s := range lines {
		s = strings.TrimRight(s, "\r")
		if len(s) > longest {
			s = strings.ToValidUTF8(s[:longest], "") + "…"
		}
		lines[i] = s
	}
	return lines
}

// searchLog asks the log service instead.
func (l *look) searchLog(ctx context.Context, p *corev1.Pod, container string) error {
	call, cancel := l.limited(ctx)
	defer cancel()
	found, err := l.b.Logs.Search(call, LogQuery{
		Namespace: p.Namespace, Pod: p.Name, Container: container, From: l.s.At.Add(-l.limits.Metrics), To: l.s.At, Limit: int(l.limits.LogLines),
	})
	if err != nil {
		return err
	}
	for _, f := range found {
		f.Lines = splitLog(strings.Join(f.Lines, "\n"), int(l.limits.LogLines))
		l.addLog(f)
	}
	return nil
}

func (l *look) addLog(g Log) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, have := range l.s.Logs { // current and previous may both come from the log service
		if have.Namespace == g.Namespace && have.Pod == g.Pod && have.Container == g.Container && have.Previous == g.Previous {
			return
		}
	}
	l.s.Logs = append(l.s.Logs, g)
}
