package huaweicloud

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Push is a message that SMN posted to an address of ours, proven to be SMN's and about a topic of our project.
type Push struct {
	Type      string // Notification, SubscriptionConfirmation or UnsubscribeConfirmation
	Topic     string // URN
	ID        string
	Subject   string
	Message   string
	Timestamp string
	subscribe string
}

// The kinds of a Push.
const (
	PushNotification = "Notification"
	PushConfirmation = "SubscriptionConfirmation"
)

// pushAge is how old a push may be: SMN repeats one for a while, and an old one could be somebody's recording.
const pushAge = time.Hour

type pushBody struct {
	Type        string `json:"type"`
	Signature   string `json:"signature"`
	Version     string `json:"signature_version"`
	Certificate string `json:"signing_cert_url"`
	Topic       string `json:"topic_urn"`
	ID          string `json:"message_id"`
	Subject     string `json:"subject"`
	Message     string `json:"message"`
	Timestamp   string `json:"timestamp"`
	Subscribe   string `json:"subscribe_url"`
}

// OpenPush proves a posted body: its topic is of our project, it is fresh, and it carries SMN's signature by a certificate that SMN's
// own address hands out. Anybody can post to a public address, so Denied means that nothing of it may be used; Unavailable, that the
// certificate could not be fetched and the push should be repeated. Source: SMN user guide, message signature.
func (s *SMN) OpenPush(ctx context.Context, body []byte) (Push, error) {
	const op = "OpenPush"
	var b pushBody
	if len(body) > maxPublication*2 || json.Unmarshal(body, &b) != nil {
		return Push{}, denied(op, "the body is no message of SMN")
	}
	if !strings.HasPrefix(b.Topic, "urn:smn:"+s.Session.Region+":"+s.Session.Project+":") {
		return Push{}, denied(op, "the topic is not of this project")
	}
	at, err := time.Parse(time.RFC3339, b.Timestamp)
	if age := s.Session.Now().Sub(at); err != nil || age > pushAge || age < -pushAge {
		return Push{}, denied(op, "the message is not of this hour")
	}
	key, err := s.certificate(ctx, b.Certificate)
	if err != nil {
		return Push{}, err
	}
	signature, err := base64.StdEncoding.DecodeString(b.Signature)
	sum := sha256.Sum256(b.signed())
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
		return Push{}, denied(op, "the signature does not match")
	}
	return Push{Type: b.Type, Topic: b.Topic, ID: b.ID, Subject: b.Subject, Message: b.Message, Timestamp: b.Timestamp, subscribe: b.Subscribe}, nil
}

// Confirm tells SMN that a subscription is wanted, at the address that the proven push names.
func (s *SMN) Confirm(ctx context.Context, p Push) error {
	const op = "ConfirmSubscription"
	if p.Type != PushConfirmation || !s.ours(p.subscribe) {
		return denied(op, "it names no address of SMN")
	}
	_, err := s.fetch(ctx, op, p.subscribe)
	return err
}

// signed is what the signature covers: each key and value on a line of its own, in the order of the keys.
func (b pushBody) signed() []byte {
	var out strings.Builder
	add := func(key, value string) { out.WriteString(key + "\n" + value + "\n") }
	add("message", b.Message)
	add("message_id", b.ID)
	if b.Subject != "" {
		add("subject", b.Subject)
	}
	if b.Subscribe != "" {
		add("subscribe_url", b.Subscribe)
	}
	add("timestamp", b.Timestamp)
	add("topic_urn", b.Topic)
	add("type", b.Type)
	return []byte(out.String())
}

// ours says whether an address is SMN's own; what a stranger wrote into a body is never fetched.
func (s *SMN) ours(address string) bool {
	u, err := url.Parse(address)
	own, ownErr := url.Parse(s.Session.Endpoint(SMNService))
	return err == nil && ownErr == nil && u.Scheme == own.Scheme && u.Host == own.Host && u.User == nil
}

func (s *SMN) certificate(ctx context.Context, address string) (*rsa.PublicKey, error) {
	const op = "GetSigningCertificate"
	if !s.ours(address) {
		return nil, denied(op, "the certificate is not at SMN's address")
	}
	raw, err := s.fetch(ctx, op, address)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, notUnderstood(SMNService, op, "it is no certificate")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, notUnderstood(SMNService, op, "it is no certificate")
	}
	now := s.Session.Now()
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, denied(op, "the certificate is not valid now")
	}
	return key, nil
}

// fetch gets one of SMN's open addresses, unsigned as they are.
func (s *SMN) fetch(ctx context.Context, op, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second) // the gateway waits five
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, denied(op, "the address cannot be used")
	}
	resp, err := s.Session.Transport.RoundTrip(req) // no redirects: they could lead anywhere
	if err != nil {
		return nil, &Error{Service: SMNService, Op: op, Kind: Unavailable, Message: "no answer"}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	switch {
	case err != nil || resp.StatusCode >= http.StatusInternalServerError:
		return nil, &Error{Service: SMNService, Op: op, Status: resp.StatusCode, Kind: Unavailable, Message: "no whole answer"}
	case resp.StatusCode != http.StatusOK:
		return nil, denied(op, fmt.Sprintf("the address answers %d", resp.StatusCode))
	}
	return raw, nil
}

func denied(op, why string) *Error {
	return &Error{Service: SMNService, Op: op, Kind: Denied, Message: why}
}
