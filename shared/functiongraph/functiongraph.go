// Package functiongraph runs a handler as a FunctionGraph function: it polls the custom runtime's HTTP API, turns triggers into
// values, and invokes other functions. What always holds: one event at a time; a panic or a missed deadline becomes an error
// reply and never takes the event with it; every log line carries the request id; credentials live as long as one invocation.
package functiongraph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"
)

// Handler does the work of one event. What it returns is the function's result: []byte and string as they are, anything else as
// JSON. It returns an error only when the platform should deliver the event again.
type Handler func(ctx context.Context, payload []byte) (any, error)

// Settings are what the runtime needs to know of itself; config fills them from RUNTIME_* variables.
type Settings struct {
	APIAddr  string        // RUNTIME_API_ADDR, host:port; empty outside the platform
	Function string        // RUNTIME_FUNC_NAME
	Timeout  time.Duration // RUNTIME_TIMEOUT; the platform sends no deadline, so it is counted from the receipt of the event
	Margin   time.Duration // how long before the timeout the handler's context ends, so that it can still answer
	LogLevel string        // zerolog's words; empty is info
	Redact   func([]byte) []byte
	Now      func() time.Time
}

// Credentials are the temporary ones of the function's agency, handed over with each invocation.
type Credentials struct {
	AccessKey, SecretKey, SecurityToken string
}

// Invocation is what the platform says beside the event.
type Invocation struct {
	RequestID   string
	Async       bool
	Credentials Credentials
}

type invocationKey struct{}

// InvocationFrom is the invocation that ctx belongs to; its zero value outside one.
func InvocationFrom(ctx context.Context) Invocation {
	inv, _ := ctx.Value(invocationKey{}).(Invocation)
	return inv
}

// Start is the whole life of a function's process. With "-event FILE" in args it handles that one event and prints the result;
// otherwise it serves the runtime API until the process is ended. The returned error is one line for a person.
func Start(ctx context.Context, s Settings, args []string, stdout, stderr io.Writer, h Handler) error {
	log, err := logger(s, stderr)
	if err != nil {
		return err
	}
	if len(args) == 2 && args[0] == "-event" {
		return once(log.WithContext(ctx), s, args[1], stdout, h)
	}
	if len(args) > 0 {
		return fmt.Errorf("unknown arguments %q: use -event FILE, or none on the platform", args)
	}
	if s.APIAddr == "" {
		return errors.New("RUNTIME_API_ADDR is not set: outside FunctionGraph use -event FILE")
	}
	return serve(log.WithContext(ctx), s, h)
}

func logger(s Settings, w io.Writer) (zerolog.Logger, error) {
	level := zerolog.InfoLevel
	if s.LogLevel != "" {
		l, err := zerolog.ParseLevel(s.LogLevel)
		if err != nil {
			return zerolog.Nop(), fmt.Errorf("LOG_LEVEL: %q is not a level (debug, info, warn, error)", s.LogLevel)
		}
		level = l
	}
	if s.Redact != nil {
		w = redacting{w, s.Redact}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Str("function", s.Function).Logger(), nil
}

// redacting keeps secrets out of the log whatever a line says; zerolog writes whole lines.
type redacting struct {
	to     io.Writer
	redact func([]byte) []byte
}

func (r redacting) Write(line []byte) (int, error) {
	if _, err := r.to.Write(r.redact(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}

func once(ctx context.Context, s Settings, file string, stdout io.Writer, h Handler) error {
	payload, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the event: %w", err)
	}
	result, err := call(ctx, s, Invocation{RequestID: "local"}, payload, h)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, string(result))
	return err
}

// call runs the handler for one event within the platform's limits.
func call(ctx context.Context, s Settings, inv Invocation, payload []byte, h Handler) (result []byte, err error) {
	ctx = context.WithValue(ctx, invocationKey{}, inv)
	log := zerolog.Ctx(ctx).With().Str("request_id", inv.RequestID).Logger()
	ctx = log.WithContext(ctx)
	if s.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.Timeout-min(s.Margin, s.Timeout/2))
		defer cancel()
	}
	begin := s.Now()
	defer func() {
		if r := recover(); r != nil {
			log.Error().Interface("panic", r).Bytes("stack", debug.Stack()).Msg("handler panicked")
			err = fmt.Errorf("the function failed on this event (request %s): see its log", inv.RequestID)
		}
		log.Info().Dur("took", s.Now().Sub(begin)).Int("payload", len(payload)).Int("result", len(result)).AnErr("err", err).Msg("event handled")
	}()
	value, err := h(ctx, payload)
	if err != nil {
		return nil, err
	}
	result, err = encode(value)
	if _, response := value.(Response); !response && s.Redact != nil { // an answer to a caller goes out as it is: a challenge must come back byte for byte
		result = s.Redact(result)
	}
	return result, err
}

func encode(value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return []byte("{}"), nil // an empty result is an error to the platform
	case []byte:
		return v, nil
	case string:
		return []byte(v), nil
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("encode the result: %w", err)
		}
		return b, nil
	}
}
