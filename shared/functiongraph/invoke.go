package functiongraph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// MaxAsyncPayload is the platform's limit of an asynchronous request: send a pointer, not data.
const MaxAsyncPayload = 256 << 10

// Invoker starts other functions of ours, asynchronously: the platform queues the event and delivers it at least once.
type Invoker struct {
	Endpoint string // https://functiongraph.<region>.myhuaweicloud.com
	Region   string
	Project  string
	Package  string                            // application name; "default" unless the deployment says otherwise
	Names    map[string]string                 // role → deployed function name: "execute" → "prod-execute"
	Sign     func(*http.Request, []byte) error // SDK-HMAC-SHA256 with the invocation's credentials
	Client   *http.Client
}

// InvokeError is an answer other than 202.
type InvokeError struct {
	Function string
	Status   int
}

func (e *InvokeError) Error() string {
	return fmt.Sprintf("invoke %s: status %d", e.Function, e.Status)
}

// Transient says whether asking again may help: throttled (FSS.0429) or unavailable.
func (e *InvokeError) Transient() bool {
	return e.Status == http.StatusTooManyRequests || e.Status >= 500
}

// URN is the full name of a function of this deployment, latest version.
func (i *Invoker) URN(role string) string {
	name := role
	if n := i.Names[role]; n != "" {
		name = n
	}
	return fmt.Sprintf("urn:fss:%s:%s:function:%s:%s:latest", i.Region, i.Project, i.Package, name)
}

// Wake asks for an asynchronous run of the function with this role. nil means the platform has taken the event; it may still
// drop it at the instance limit, which is why inspect looks for what was lost.
func (i *Invoker) Wake(ctx context.Context, role string, payload any) error {
	body, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("encode the event for %s: %w", role, err)
	}
	if len(body) > MaxAsyncPayload {
		return fmt.Errorf("the event for %s has %d bytes, more than the platform takes (%d)", role, len(body), MaxAsyncPayload)
	}
	for attempt := 1; ; attempt++ {
		err = i.post(ctx, role, body)
		if err == nil || attempt == 3 || !transient(err) {
			return err
		}
		wait := time.NewTimer(time.Duration(attempt) * 300 * time.Millisecond)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
	}
}

// transient is also true of the network's own errors: the event may have been taken then, which at-least-once allows.
func transient(err error) bool {
	var ie *InvokeError
	return !errors.As(err, &ie) || ie.Transient()
}

func (i *Invoker) post(ctx context.Context, role string, body []byte) error {
	url := fmt.Sprintf("%s/v2/%s/fgs/functions/%s/invocations-async", i.Endpoint, i.Project, i.URN(role))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("invoke %s: %w", role, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if err := i.Sign(req, body); err != nil {
		return fmt.Errorf("sign the call of %s: %w", role, err)
	}
	resp, err := i.Client.Do(req)
	if err != nil {
		return fmt.Errorf("invoke %s: %w", role, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 != 2 {
		return &InvokeError{Function: role, Status: resp.StatusCode}
	}
	return nil
}
