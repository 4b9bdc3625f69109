package smn

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"
)

// attempts is how often an HTTP endpoint is tried; the real service tries up to six times, at intervals it does not tell.
const attempts = 6

// functionEvent is what a function receives. The function subscriber's key is record, the workflow subscriber's records.
type functionEvent struct {
	Record  []functionRecord `json:"record,omitempty"`
	Records []functionRecord `json:"records,omitempty"`
}

type functionRecord struct {
	Version      string         `json:"event_version"`
	SMN          functionNotice `json:"smn"`
	Subscription string         `json:"event_subscription_urn"`
	Source       string         `json:"event_source"`
}

type functionNotice struct {
	Topic      string `json:"topic_urn"`
	Timestamp  string `json:"timestamp"`
	Attributes any    `json:"message_attributes"`
	Message    string `json:"message"`
	Type       string `json:"type"`
	ID         string `json:"message_id"`
	Subject    string `json:"subject"`
}

func (s *Service) deliver(ctx context.Context, to Subscription, m Message, delay time.Duration) {
	pause(ctx, delay)
	var err error
	switch to.Protocol {
	case "functionstage", "functiongraph":
		err = s.deliverFunction(to, m)
	case "http", "https":
		err = s.deliverHTTP(ctx, to, s.notification(m))
	}
	if err != nil {
		s.opt.Log.Warn().Err(err).Str("topic", m.Topic).Str("endpoint", to.Endpoint).Msg("a message was not delivered")
	}
}

func (s *Service) deliverFunction(to Subscription, m Message) error {
	record := functionRecord{
		Version: "1.0", Source: "smn", Subscription: to.Endpoint,
		SMN: functionNotice{
			Topic: m.Topic, Timestamp: m.At.UTC().Format(time.RFC3339), Attributes: "", Message: m.Body, Type: "notification",
			ID: m.ID, Subject: m.Subject,
		},
	}
	event := functionEvent{Record: []functionRecord{record}}
	if to.Protocol == "functiongraph" {
		event = functionEvent{Records: []functionRecord{record}}
	}
	raw, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("write the envelope: %w", err)
	}
	if s.opt.Functions == nil {
		return fmt.Errorf("no functions to deliver to")
	}
	if _, err := s.opt.Functions.InvokeAsync(to.Endpoint, raw, "smn"); err != nil {
		return fmt.Errorf("invoke the subscriber: %w", err)
	}
	return nil
}

// notice is the body of an HTTP push; keys that do not apply are left out of body and signature alike.
type notice map[string]string

func (s *Service) notification(m Message) notice {
	n := notice{
		"type": "Notification", "message": m.Body, "message_id": m.ID, "timestamp": m.At.UTC().Format(time.RFC3339), "topic_urn": m.Topic,
		"unsubscribe_url": s.opt.Base() + "/smn/unsubscribe?topic_urn=" + m.Topic,
	}
	if m.Subject != "" {
		n["subject"] = m.Subject
	}
	return n
}

// askConfirmation sends the URL that an HTTP endpoint must fetch before it gets messages.
func (s *Service) askConfirmation(sub Subscription) {
	now := s.opt.Clock()
	n := notice{
		"type": "SubscriptionConfirmation", "message": "You are invited to subscribe to topic: " + sub.Topic,
		"message_id": sub.token, "timestamp": now.UTC().Format(time.RFC3339), "topic_urn": sub.Topic,
		"subscribe_url": s.opt.Base() + "/smn/subscription/subscribe?token=" + sub.token + "&topic_urn=" + sub.Topic,
	}
	s.pending.Go(func() {
		if err := s.deliverHTTP(context.Background(), sub, n); err != nil {
			s.opt.Log.Warn().Err(err).Str("endpoint", sub.Endpoint).Msg("the confirmation was not delivered")
		}
	})
}

func (s *Service) deliverHTTP(ctx context.Context, to Subscription, n notice) error {
	signature, err := s.key.sign(n)
	if err != nil {
		return err
	}
	n["signature"], n["signature_version"] = signature, "v1"
	n["signing_cert_url"] = s.opt.Base() + "/smn/SMN_" + s.opt.Region + "_emulator.pem"
	raw, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write the push: %w", err)
	}
	client := http.Client{Timeout: 5 * time.Second}
	for try := 1; ; try++ {
		status, err := post(ctx, &client, to.Endpoint, raw, n)
		if err == nil && status < 500 { // only 5xx is tried again
			return nil
		}
		if err == nil {
			err = fmt.Errorf("status %d", status)
		}
		if try == attempts {
			return err
		}
		pause(ctx, time.Duration(try)*100*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func post(ctx context.Context, client *http.Client, endpoint string, raw []byte, n notice) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(raw))
	if err != nil {
		return 0, fmt.Errorf("address the endpoint: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-SMN-MESSAGE-TYPE", n["type"])
	r.Header.Set("X-SMN-MESSAGE-ID", n["message_id"])
	r.Header.Set("X-SMN-TOPIC-URN", n["topic_urn"])
	resp, err := client.Do(r)
	if err != nil {
		return 0, fmt.Errorf("push: %w", err)
	}
	_ = resp.Body.Close() // only the status matters
	return resp.StatusCode, nil
}

// signer signs pushes and shows its certificate.
type signer struct {
	key  *rsa.PrivateKey
	cert []byte // PEM
}

func newSigner(now time.Time) (*signer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make the signing key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "smn.emulator"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make the signing certificate: %w", err)
	}
	return &signer{key: key, cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil
}

// sign covers the documented keys in order, each name and value on a line of its own.
func (s *signer) sign(n notice) (string, error) {
	var b strings.Builder
	keys := []string{"message", "message_id", "subject", "subscribe_url", "timestamp", "topic_urn", "type"}
	slices.Sort(keys)
	for _, k := range keys {
		if v, ok := n[k]; ok {
			b.WriteString(k + "\n" + v + "\n")
		}
	}
	sum := sha256.Sum256([]byte(b.String()))
	raw, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign the push: %w", err)
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}
