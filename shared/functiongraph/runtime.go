package functiongraph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// serve polls the custom runtime's API for ever. The GET is a long poll without a limit of its own: only connecting is bounded.
// Source: FunctionGraph custom runtime guide (GET invocation/request, POST invocation/response|error/{request id}).
func serve(ctx context.Context, s Settings, h Handler) error {
	client := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: 3 * time.Second}).DialContext}}
	base := "http://" + s.APIAddr + "/v1/runtime/invocation/"
	pause := time.NewTimer(0)
	defer pause.Stop()
	for failures := 0; ; {
		inv, payload, err := next(ctx, client, base+"request")
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			failures++
			if failures == 1 || failures%100 == 0 {
				zerolog.Ctx(ctx).Warn().Err(err).Int("failures", failures).Msg("runtime api did not answer")
			}
			pause.Reset(min(time.Duration(failures)*50*time.Millisecond, 2*time.Second))
			select {
			case <-pause.C:
			case <-ctx.Done():
				return nil
			}
			continue
		case inv.RequestID == "": // nothing yet; the platform's own samples loop as well
			continue
		}
		failures = 0
		result, err := call(ctx, s, inv, payload, h)
		path := "response/"
		if err != nil {
			path = "error/"
			result = failure(s, err)
		}
		if err := reply(ctx, client, base+path+inv.RequestID, result); err != nil {
			zerolog.Ctx(ctx).Error().Err(err).Str("request_id", inv.RequestID).Msg("result could not be handed over")
		}
	}
}

func next(ctx context.Context, client *http.Client, url string) (Invocation, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Invocation{}, nil, fmt.Errorf("ask for an event: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return Invocation{}, nil, fmt.Errorf("ask for an event: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Invocation{}, nil, fmt.Errorf("read an event: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return Invocation{}, nil, fmt.Errorf("ask for an event: status %d", resp.StatusCode)
	}
	return Invocation{
		RequestID:   resp.Header.Get("X-Cff-Request-Id"),
		Async:       resp.Header.Get("X-CFF-Invoke-Type") == "async",
		Credentials: credentials(resp.Header),
	}, body, nil
}

// credentials prefers the Security trio: the old pair is no longer maintained, and which of them a custom runtime gets is not
// documented, so both spellings are read.
func credentials(h http.Header) Credentials {
	first := func(names ...string) string {
		for _, n := range names {
			if v := h.Get(n); v != "" {
				return v
			}
		}
		return ""
	}
	return Credentials{
		AccessKey:     first("X-CFF-Security-Access-Key", "X-CFF-Access-Key"),
		SecretKey:     first("X-CFF-Security-Secret-Key", "X-CFF-Secret-Key"),
		SecurityToken: first("X-CFF-Security-Token"),
	}
}

func failure(s Settings, err error) []byte {
	b, merr := json.Marshal(map[string]string{"errorType": "FunctionError", "errorMessage": err.Error()})
	if merr != nil {
		return []byte(`{"errorType":"FunctionError","errorMessage":"the error could not be encoded"}`)
	}
	if s.Redact != nil {
		b = s.Redact(b)
	}
	return b
}

func reply(ctx context.Context, client *http.Client, url string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("hand over a result: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("hand over a result: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("hand over a result: status %d", resp.StatusCode)
	}
	return nil
}
