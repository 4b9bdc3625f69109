package functiongraph

import (
	"bufio"
	"context"
	"io"
	"slices"
	"strings"
	"time"
)

const (
	keepLogs    = 5000
	keepHistory = 5000
	maxLine     = 64 << 10
)

// LogLine is one line that a function wrote.
type LogLine struct {
	At        time.Time `json:"at"`
	Function  string    `json:"function"`
	RequestID string    `json:"requestId,omitempty"` // empty before the first request
	Stream    string    `json:"stream"`              // stdout or stderr
	Text      string    `json:"text"`
}

// Invocation is one delivery as the platform saw it.
type Invocation struct {
	Function  string    `json:"function"`
	RequestID string    `json:"requestId"`
	Async     bool      `json:"async"`
	Source    string    `json:"source"` // api, timer, smn, gateway, destination
	Attempt   int       `json:"attempt"`
	Cold      bool      `json:"cold"`
	Queued    time.Time `json:"queued"`
	Finished  time.Time `json:"finished"`
	// FirstResponse is from process start to the first answer; zero for a warm instance.
	FirstResponse time.Duration `json:"firstResponse"`
	// Start is from process start to the first poll that took the event; zero for a warm instance.
	Start    time.Duration `json:"start"`
	Duration time.Duration `json:"duration"` // from delivery to outcome
	Peak     int64         `json:"peak"`     // highest resident set seen, in bytes
	Status   string        `json:"status"`
	Code     string        `json:"code,omitempty"`
	Message  string        `json:"message,omitempty"`
	Payload  string        `json:"payload"`
	Result   string        `json:"result"`
}

// note records a delivery.
func (p *Platform) note(f *function, r *run, o outcome) {
	now := p.watch()
	p.mu.Lock()
	defer p.mu.Unlock()
	inv := Invocation{
		Function: f.spec.Name, RequestID: r.id, Async: r.async, Source: r.source, Attempt: r.attempt, Cold: r.cold, Queued: r.queued,
		Finished: now, Peak: r.peak, Status: o.status, Code: o.code, Message: o.why, Payload: string(r.payload), Result: string(o.body),
	}
	if !r.delivered.IsZero() {
		inv.Duration = now.Sub(r.delivered)
		if r.cold {
			inv.Start, inv.FirstResponse = r.delivered.Sub(r.start), now.Sub(r.start)
		}
	}
	p.history = append(p.history, inv)
	if len(p.history) > keepHistory {
		p.history = slices.Delete(p.history, 0, len(p.history)-keepHistory)
	}
}

// Invocations returns the deliveries to a function, or to all for an empty name, oldest first.
func (p *Platform) Invocations(function string) []Invocation {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Invocation
	for _, i := range p.history {
		if function == "" || i.Function == function {
			out = append(out, i)
		}
	}
	return out
}

// Logs returns what a function wrote, oldest first.
func (p *Platform) Logs(function string) []LogLine {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.functions[function]; f != nil {
		return slices.Clone(f.logs)
	}
	return nil
}

// WaitLog waits until a function has written a line that contains text, and returns it.
func (p *Platform) WaitLog(ctx context.Context, function, text string) (LogLine, error) {
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.quiet.Broadcast()
	})
	defer stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for ctx.Err() == nil {
		if f := p.functions[function]; f != nil {
			for _, l := range f.logs {
				if strings.Contains(l.Text, text) {
					return l, nil
				}
			}
		}
		p.quiet.Wait()
	}
	return LogLine{}, ctx.Err()
}

// tail is the last 4 KB that a run wrote.
func (p *Platform) tail(f *function, r *run) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, l := range f.logs[min(r.logged, len(f.logs)):] {
		if l.RequestID == r.id {
			b.WriteString(l.Text + "\n")
		}
	}
	s := b.String()
	return s[max(0, len(s)-4096):]
}

// capture reads one output stream of the process, line by line.
func (i *instance) capture(stream string, from io.Reader) {
	r := bufio.NewReaderSize(from, maxLine)
	for {
		raw, prefix, err := r.ReadLine()
		if err != nil {
			return
		}
		text := string(raw)
		if prefix {
			text += "…"
			for prefix && err == nil {
				_, prefix, err = r.ReadLine()
			}
		}
		i.log(stream, text)
	}
}

func (i *instance) log(stream, text string) {
	p := i.p
	p.mu.Lock()
	line := LogLine{At: p.opt.Clock(), Function: i.f.spec.Name, Stream: stream, Text: text}
	r := i.run
	if r != nil {
		line.RequestID = r.id
	} else {
		line.RequestID = i.last
	}
	i.f.logs = append(i.f.logs, line)
	if len(i.f.logs) > keepLogs {
		i.f.logs = slices.Delete(i.f.logs, 0, len(i.f.logs)-keepLogs)
	}
	sink, spec := p.opt.LogSink, i.f.spec
	p.quiet.Broadcast()
	p.mu.Unlock()
	if sink != nil && spec.LogEnabled {
		sink(spec.LogGroup, spec.LogStream, line)
	}
	p.killAtLog(i, r, text)
}
