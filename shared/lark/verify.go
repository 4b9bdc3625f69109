package lark

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// MaxBody bounds a callback: the platform's are a few KB.
const MaxBody = 1 << 20

// defaultWindow is how old or new a signed request may be. It is longer than any clock difference and shorter than anybody needs
// to make use of a captured request; a repeated delivery within it is caught by its event id.
const defaultWindow = 5 * time.Minute

// Why says why a callback was refused, for our log only.
type Why string

// The reasons of a refusal.
const (
	WhyTooLarge     Why = "body too large"
	WhyHeaders      Why = "signature headers incomplete or contradictory"
	WhySignature    Why = "signature is wrong"
	WhyStale        Why = "timestamp outside the window"
	WhyNotJSON      Why = "body is not one strict JSON object"
	WhyCipher       Why = "body cannot be decrypted"
	WhyUnsigned     Why = "unsigned request that is not a url_verification"
	WhyToken        Why = "verification token is wrong"
	WhyApp          Why = "another app's event"
	WhyTenant       Why = "another tenant's event"
	WhyEnvelope     Why = "envelope is incomplete"
	WhyUnidentified Why = "operator or sender is missing"
)

// Refusal is a callback that was not believed. From outside all look the same: Error never says which check failed.
type Refusal struct{ Why Why }

// Error is uniform.
func (*Refusal) Error() string { return "lark: callback refused" }

func refuse(w Why) error { return &Refusal{Why: w} }

// Verifier proves that a callback is the platform's, meant for this app, and fresh. Repeated deliveries are the caller's to catch,
// by EventID and MessageID. Safe for concurrent use.
type Verifier struct {
	EncryptKey        string
	VerificationToken string
	AppID             string
	TenantKey         string        // optional: the one tenant that may speak
	BotOpenID         string        // optional: whose mention is taken out of messages
	Window            time.Duration // zero means 5 minutes
	Now               func() time.Time
}

// NewVerifier refuses settings under which nothing would be proved. Without an Encrypt Key the platform signs with an empty key,
// which anybody can do as well.
func NewVerifier(v Verifier) (*Verifier, error) {
	switch {
	case v.EncryptKey == "":
		return nil, errors.New("lark: Encrypt Key is empty: set one in the developer console under Events and Callbacks; without it anybody can forge a click")
	case v.VerificationToken == "":
		return nil, errors.New("lark: Verification Token is empty")
	case v.AppID == "":
		return nil, errors.New("lark: app id is empty")
	case v.Window < 0:
		return nil, errors.New("lark: callback window is negative")
	}
	if v.Window == 0 {
		v.Window = defaultWindow
	}
	if v.Now == nil {
		v.Now = time.Now
	}
	return &v, nil
}

// Open verifies a request and says what it is. Order matters: the signature over the raw bytes comes before anything parses or
// decrypts them. Every error is a *Refusal.
func (v *Verifier) Open(headers map[string]string, body []byte) (Callback, error) {
	if len(body) > MaxBody {
		return nil, refuse(WhyTooLarge)
	}
	signed, err := v.signature(headers, body)
	if err != nil {
		return nil, err
	}
	plain, err := v.decrypt(body)
	if err != nil {
		return nil, err
	}
	e, err := v.envelope(plain)
	if err != nil {
		return nil, err
	}
	if e.challenge() {
		return Challenge{Answer: e.Challenge}, nil
	}
	if !signed {
		return nil, refuse(WhyUnsigned)
	}
	return v.callback(e)
}

// signature checks the three X-Lark headers in any case of letters. Without any of them the request is unsigned, which the
// platform does for url_verification only; with some of them it is refused.
func (v *Verifier) signature(headers map[string]string, body []byte) (signed bool, err error) {
	const stamp, nonce, sign = "x-lark-request-timestamp", "x-lark-request-nonce", "x-lark-signature"
	got := map[string]string{}
	for k, val := range headers {
		k = strings.ToLower(k)
		if k != stamp && k != nonce && k != sign {
			continue
		}
		if old, twice := got[k]; twice && old != val {
			return false, refuse(WhyHeaders)
		}
		got[k] = val
	}
	if len(got) == 0 {
		return false, nil
	}
	if len(got) != 3 || got[stamp] == "" || got[sign] == "" {
		return false, refuse(WhyHeaders)
	}
	h := sha256.New()
	for _, part := range []string{got[stamp], got[nonce], v.EncryptKey} {
		h.Write([]byte(part))
	}
	h.Write(body)
	want := hex.EncodeToString(h.Sum(nil))
	if subtle.ConstantTimeCompare([]byte(want), []byte(got[sign])) != 1 {
		return false, refuse(WhySignature)
	}
	sec, err := strconv.ParseInt(got[stamp], 10, 64)
	if err != nil {
		return false, refuse(WhyStale)
	}
	if age := v.Now().Sub(time.Unix(sec, 0)); age > v.Window || age < -v.Window {
		return false, refuse(WhyStale)
	}
	return true, nil
}

// decrypt opens {"encrypt": …}: base64 of IV and AES-256-CBC with the key's SHA-256, PKCS#7 padded. A body without it is returned
// as it is: the platform's own plain text exists only where no key is set, but a plain challenge harms nobody.
func (v *Verifier) decrypt(body []byte) ([]byte, error) {
	var wire struct {
		Encrypt *string `json:"encrypt"`
	}
	if err := strict(body, &wire); err != nil {
		return nil, refuse(WhyNotJSON)
	}
	if wire.Encrypt == nil {
		return body, nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(*wire.Encrypt)
	if err != nil || len(raw) < 2*aes.BlockSize || len(raw)%aes.BlockSize != 0 {
		return nil, refuse(WhyCipher)
	}
	key := sha256.Sum256([]byte(v.EncryptKey))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, refuse(WhyCipher)
	}
	iv, text := raw[:aes.BlockSize], raw[aes.BlockSize:]
	out := make([]byte, len(text))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, text)
	out, ok := unpad(out)
	if !ok {
		return nil, refuse(WhyCipher)
	}
	return out, nil
}

// unpad removes PKCS#7 padding after checking every byte of it, in time that does not depend on where it is wrong.
func unpad(b []byte) ([]byte, bool) {
	n := int(b[len(b)-1])
	good := subtle.ConstantTimeLessOrEq(1, n) & subtle.ConstantTimeLessOrEq(n, aes.BlockSize)
	for i := 1; i <= aes.BlockSize; i++ {
		inside := subtle.ConstantTimeLessOrEq(i, n)
		same := subtle.ConstantTimeByteEq(b[len(b)-i], byte(n))
		good &= subtle.ConstantTimeSelect(inside, same, 1)
	}
	if good != 1 {
		return nil, false
	}
	return b[:len(b)-n], true
}

// envelope is what wraps a challenge (type, token, challenge), an event of the old form (type, uuid, token, event) or of the present
// form (schema, header, event).
type envelope struct {
	Schema    string          `json:"schema"`
	Type      string          `json:"type"`
	Token     string          `json:"token"`
	Challenge string          `json:"challenge"`
	UUID      string          `json:"uuid"`
	Header    *header         `json:"header"`
	Event     json.RawMessage `json:"event"`
}

func (e *envelope) challenge() bool { return e.Type == "url_verification" && e.Header == nil }

// envelope parses the opened body and checks whom it is from and for. A challenge carries only the token.
func (v *Verifier) envelope(plain []byte) (*envelope, error) {
	var e envelope
	if err := strict(plain, &e); err != nil {
		return nil, refuse(WhyNotJSON)
	}
	if e.Header == nil { // url_verification, or the old envelope that some products still use
		if !equal(e.Token, v.VerificationToken) {
			return nil, refuse(WhyToken)
		}
		if !e.challenge() {
			return v.oldEnvelope(&e)
		}
		return &e, nil
	}
	if e.Schema != "2.0" || e.Header.EventID == "" || e.Header.EventType == "" {
		return nil, refuse(WhyEnvelope)
	}
	return &e, v.addressee(e.Header.Token, e.Header.AppID, e.Header.TenantKey)
}

// oldEnvelope lifts {uuid, token, type: event_callback, event: {type, app_id, tenant_key}} into the new form. No event that is
// acted upon comes so; it is recognised to be answered.
func (v *Verifier) oldEnvelope(e *envelope) (*envelope, error) {
	var in struct {
		Type      string `json:"type"`
		AppID     string `json:"app_id"`
		TenantKey string `json:"tenant_key"`
	}
	if e.Type != "event_callback" || e.UUID == "" || json.Unmarshal(e.Event, &in) != nil || in.Type == "" {
		return nil, refuse(WhyEnvelope)
	}
	e.Header = &header{EventID: e.UUID, EventType: "v1." + in.Type, AppID: in.AppID, TenantKey: in.TenantKey, Token: e.Token}
	return e, v.addressee(e.Token, in.AppID, in.TenantKey)
}

func (v *Verifier) addressee(token, app, tenant string) error {
	switch {
	case !equal(token, v.VerificationToken):
		return refuse(WhyToken)
	case !equal(app, v.AppID):
		return refuse(WhyApp)
	case v.TenantKey != "" && !equal(tenant, v.TenantKey):
		return refuse(WhyTenant)
	}
	return nil
}

// equal compares without telling by its time how much was right: hashing first hides the length too.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
