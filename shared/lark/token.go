package lark

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// tokenMargin is how long before its end a token is no longer used. The platform issues a new one when less than 30 minutes are
// left and keeps both valid, so any margin below that gives a fresh token.
const tokenMargin = 5 * time.Minute

// tokenCache keeps one tenant token for this client: the SDK's cache is one per process for all hosts and would mix them up.
type tokenCache struct {
	mu     sync.Mutex
	value  string
	until  time.Time
	flight chan struct{} // closed when the fetch that is under way has ended; nil when none is
}

// token returns a usable tenant token. Of many callers with none, one fetches and the others wait for it.
func (c *Client) tenantToken(ctx context.Context) (string, error) {
	for {
		c.tokens.mu.Lock()
		if c.tokens.value != "" && c.now().Before(c.tokens.until) {
			defer c.tokens.mu.Unlock()
			return c.tokens.value, nil
		}
		flight := c.tokens.flight
		if flight == nil {
			flight = make(chan struct{})
			c.tokens.flight = flight
			c.tokens.mu.Unlock()
			return c.fetchToken(ctx, flight)
		}
		c.tokens.mu.Unlock()
		select {
		case <-flight: // look again: when that fetch failed, this caller tries itself
		case <-ctx.Done():
			return "", &Error{Op: "get tenant token", Err: ctx.Err()}
		}
	}
}

func (c *Client) fetchToken(ctx context.Context, flight chan struct{}) (string, error) {
	var got struct {
		Token  string `json:"tenant_access_token"`
		Expire int    `json:"expire"` // seconds
	}
	body, err := json.Marshal(map[string]string{"app_id": c.appID, "app_secret": c.secret})
	if err == nil {
		err = c.try(ctx, attempt{op: "get tenant token", method: http.MethodPost, path: "/open-apis/auth/v3/tenant_access_token/internal", body: body, out: &got})
	}
	if err == nil && got.Token == "" {
		err = &Error{Op: "get tenant token", HTTP: http.StatusOK, Msg: "answer without a token"}
	}
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	c.tokens.flight = nil
	close(flight)
	if err != nil {
		return "", err
	}
	c.tokens.value = got.Token
	c.tokens.until = c.now().Add(time.Duration(got.Expire)*time.Second - tokenMargin)
	return got.Token, nil
}

// forget drops a token the platform refused, unless another caller has already replaced it.
func (c *Client) forget(token string) {
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	if c.tokens.value == token {
		c.tokens.value = ""
	}
}
