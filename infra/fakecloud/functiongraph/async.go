package functiongraph

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// InvokeAsync accepts a request and delivers it in its own time, at least once. The request id is the only answer.
func (p *Platform) InvokeAsync(ref string, payload []byte, source string) (string, error) {
	if len(payload) > MaxAsyncPayload {
		return "", fmt.Errorf("%w: FSS.0413 more than 256 KB", ErrTooLarge)
	}
	if !json.Valid(payload) {
		return "", fmt.Errorf("%w: the event is not JSON", ErrSetting)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.find(ref)
	if f == nil {
		return "", fmt.Errorf("%w: %s", ErrNoFunction, ref)
	}
	id := edge.NewID()
	deliveries := 1
	if p.copies[f.spec.Name] > 0 {
		p.copies[f.spec.Name]--
		deliveries = 2
	}
	for range deliveries {
		p.busy++
		go p.deliver(f, id, payload, source)
	}
	return id, nil
}

// Duplicate makes the next n asynchronous requests of a function arrive twice, at the same time and with the same request id.
func (p *Platform) Duplicate(function string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.copies[function] += n
}

// deliver tries a request until it succeeds, is dropped, or its attempts are spent.
func (p *Platform) deliver(f *function, id string, payload []byte, source string) {
	defer p.leave()
	accepted := p.watch()
	p.pause(p.opt.AsyncDelay)
	var last outcome
	tried, failures := 0, 0
	for {
		tried++
		r := &run{id: id, payload: payload, async: true, source: source, attempt: tried, queued: accepted}
		last = p.executeAsync(f, r)
		p.mu.Lock()
		policy, closed := f.spec.Async, p.closed || f.deleted
		p.mu.Unlock()
		if last.status != StatusFail || closed {
			break
		}
		if !last.again {
			failures++
		}
		// Without a policy a failed run is not tried again; what the platform itself lost always is.
		if !last.again && (policy == nil || failures > policy.Retries) {
			break
		}
		if policy != nil && policy.MaxAge > 0 && p.watch().Sub(accepted) > policy.MaxAge {
			break
		}
		p.pause(p.opt.RetryDelay)
	}
	p.conclude(f, id, payload, tried, last)
}

// executeAsync runs once; with QueueOverflow it waits for an instance instead of being dropped.
func (p *Platform) executeAsync(f *function, r *run) outcome {
	for {
		o := p.execute(f, r)
		if o.code != codeOverLimit || !p.opt.QueueOverflow {
			return o
		}
		p.mu.Lock()
		for !p.closed && !f.deleted && f.spec.MaxInstances != 0 && len(f.instances) >= f.spec.MaxInstances && !hasIdle(f) {
			p.quiet.Wait()
		}
		closed := p.closed || f.deleted || f.spec.MaxInstances == 0
		p.mu.Unlock()
		if closed {
			return o
		}
	}
}

func hasIdle(f *function) bool {
	for _, i := range f.instances {
		if i.run == nil && !i.starting && i.generation == f.generation {
			return true
		}
	}
	return false
}

// callback is what a destination receives.
type callback struct {
	Timestamp      string          `json:"timestamp"`
	RequestContext callbackRequest `json:"request_context"`
	RequestPayload json.RawMessage `json:"request_payload"`
	ResponseCtx    callbackAnswer  `json:"response_context"`
	Response       string          `json:"response_payload"`
}

type callbackRequest struct {
	RequestID string `json:"request_id"`
	URN       string `json:"function_urn"`
	Condition string `json:"condition"`
	Count     int    `json:"approximate_invoke_count"`
}

type callbackAnswer struct {
	StatusCode int    `json:"status_code"`
	Error      string `json:"function_error"`
}

// conclude tells the destination of the outcome, if one is configured.
func (p *Platform) conclude(f *function, id string, payload []byte, tried int, o outcome) {
	p.mu.Lock()
	policy, urn, topics := f.spec.Async, f.urn, p.opt.Topics
	p.mu.Unlock()
	if policy == nil {
		return
	}
	to, condition, status := policy.OnFailure, "RetriesExhausted", 500
	if o.status == StatusSuccess {
		to, condition, status = policy.OnSuccess, "Success", 200
	}
	if to == nil {
		return
	}
	body, err := json.Marshal(callback{
		Timestamp:      p.opt.Clock().UTC().Format(time.RFC3339),
		RequestContext: callbackRequest{RequestID: id, URN: urn + ":latest", Condition: condition, Count: tried},
		RequestPayload: payload,
		ResponseCtx:    callbackAnswer{StatusCode: status, Error: o.why},
		Response:       string(o.body),
	})
	if err != nil {
		p.opt.Log.Error().Err(err).Str("function", f.spec.Name).Msg("the outcome cannot be written as JSON")
		return
	}
	if err := p.send(*to, topics, body); err != nil {
		p.opt.Log.Warn().Err(err).Str("function", f.spec.Name).Str("destination", to.Kind).Msg("the outcome was not delivered")
	}
}

func (p *Platform) send(to Destination, topics Topics, body []byte) error {
	var param struct {
		Topic    string `json:"topic_urn"`
		OldTopic string `json:"topic"`
		Function string `json:"func_urn"`
	}
	if err := json.Unmarshal([]byte(to.Param), &param); err != nil {
		return fmt.Errorf("read the destination's parameter: %w", err)
	}
	switch to.Kind {
	case "SMN":
		if param.Topic == "" {
			param.Topic = param.OldTopic
		}
		if topics == nil {
			return fmt.Errorf("no SMN for %s", param.Topic)
		}
		return topics.Publish(context.Background(), param.Topic, "FunctionGraph", string(body))
	case "FunctionGraph":
		_, err := p.InvokeAsync(param.Function, body, "destination")
		return err
	}
	return fmt.Errorf("destination %s is not served by the emulator", to.Kind)
}
