package lark

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	testKey    = "key of the tests"
	testToken  = "v-token"
	testApp    = "cli_a1"
	testTenant = "tenant1"
)

var testNow = time.Date(2026, 11, 22, 6, 10, 0, 0, time.UTC)

func newVerifier(t testing.TB) *Verifier {
	t.Helper()
	v, err := NewVerifier(Verifier{
		EncryptKey: testKey, VerificationToken: testToken, AppID: testApp, TenantKey: testTenant, BotOpenID: "ou_bot",
		Now: func() time.Time { return testNow },
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// seal encrypts as the platform does.
func seal(key string, plain []byte) []byte {
	sum := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		panic(err)
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	plain = append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	iv := []byte("0123456789abcdef")
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, plain)
	b, err := json.Marshal(map[string]string{"encrypt": base64.StdEncoding.EncodeToString(append(iv, out...))})
	if err != nil {
		panic(err)
	}
	return b
}

// sign makes the headers as the platform does.
func sign(key string, at time.Time, body []byte) map[string]string {
	ts := fmt.Sprint(at.Unix())
	sum := sha256.Sum256([]byte(ts + "123456789" + key + string(body)))
	return map[string]string{
		"X-Lark-Request-Timestamp": ts, "X-Lark-Request-Nonce": "123456789", "X-Lark-Signature": hex.EncodeToString(sum[:]),
		"Content-Type": "application/json;charset=utf-8",
	}
}

func event(kind, token, app, tenant, body string) []byte {
	return []byte(`{"schema":"2.0","header":{"event_id":"ev1","event_type":"` + kind + `","create_time":"1700000000000","token":"` + token +
		`","app_id":"` + app + `","tenant_key":"` + tenant + `"},"event":` + body + `}`)
}

const clickBody = `{"operator":{"tenant_key":"tenant1","union_id":"on_1","open_id":"ou_alice"},"token":"c-1","action":{"value":{"token":"tok-A"},"tag":"button","name":"confirm_A","timezone":"Asia/Shanghai"},"host":"im_message","context":{"open_message_id":"om_1","open_chat_id":"oc_1"}}`

func clickEvent() []byte {
	return event("card.action.trigger", testToken, testApp, testTenant, clickBody)
}

func TestVerifierNeedsItsSecrets(t *testing.T) {
	whole := Verifier{EncryptKey: "k", VerificationToken: "t", AppID: "a"}
	for name, spoil := range map[string]func(*Verifier){
		"encrypt key": func(v *Verifier) { v.EncryptKey = "" },
		"token":       func(v *Verifier) { v.VerificationToken = "" },
		"app id":      func(v *Verifier) { v.AppID = "" },
		"window":      func(v *Verifier) { v.Window = -time.Second },
	} {
		v := whole
		spoil(&v)
		if _, err := NewVerifier(v); err == nil {
			t.Errorf("without %s it starts", name)
		}
	}
	if v, err := NewVerifier(whole); err != nil || v.Window != 5*time.Minute || v.Now == nil {
		t.Errorf("whole settings: %v, %v", v, err)
	}
}

// The vectors are the platform's documentation's (cipher text) and computed from its rule (signature).
func TestKnownVectors(t *testing.T) {
	v := &Verifier{EncryptKey: "test key"}
	body := []byte(`{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}`)
	plain, err := v.decrypt(body)
	if err != nil || string(plain) != "hello world" {
		t.Errorf("decrypted %q, %v", plain, err)
	}
	v.Window, v.Now = time.Minute, func() time.Time { return time.Unix(1700000000, 0) }
	ok, err := v.signature(map[string]string{
		"X-Lark-Request-Timestamp": "1700000000", "X-Lark-Request-Nonce": "123456789",
		"X-Lark-Signature": "7be4dad66ceafb3ec306fe13fc410c20ec52ae6386eb5ebf23c6526c9df218d0",
	}, body)
	if err != nil || !ok {
		t.Errorf("signature: %v, %v", ok, err)
	}
}

func TestOpenClick(t *testing.T) {
	want := Click{EventID: "ev1", Operator: "ou_alice", Union: "on_1", Token: "tok-A", Name: "confirm_A", Message: "om_1", Chat: "oc_1", Host: "im_message", Timezone: "Asia/Shanghai"}
	body := seal(testKey, clickEvent())
	lower := map[string]string{}
	for k, h := range sign(testKey, testNow, body) {
		lower[strings.ToLower(k)] = h
	}
	plain := clickEvent()
	for name, in := range map[string]struct {
		headers map[string]string
		body    []byte
	}{
		"encrypted":          {sign(testKey, testNow, body), body},
		"lower-case headers": {lower, body},
		"plain, signed":      {sign(testKey, testNow, plain), plain},
		"edge of the window": {sign(testKey, testNow.Add(-5*time.Minute), body), body},
	} {
		got, err := newVerifier(t).Open(in.headers, in.body)
		if err != nil {
			t.Errorf("%s: %v", name, errors.Unwrap(err))
			continue
		}
		if d := cmp.Diff(Callback(want), got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestOpenChallenge(t *testing.T) {
	plain := []byte(`{"challenge":"c1","token":"v-token","type":"url_verification"}`)
	body := seal(testKey, plain)
	for name, in := range map[string]struct {
		headers map[string]string
		body    []byte
	}{
		"plain, no headers":     {nil, plain},
		"encrypted, no headers": {map[string]string{"Content-Type": "application/json"}, body},
		"encrypted and signed":  {sign(testKey, testNow, body), body},
	} {
		got, err := newVerifier(t).Open(in.headers, in.body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(Callback(Challenge{Answer: "c1"}), got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	if got := string(ChallengeAnswer(Challenge{Answer: `a"b`})); got != `{"challenge":"a\"b"}` {
		t.Errorf("answer %s", got)
	}
}

// What an attacker, a mistake or a captured request may send. Every one is refused with the same words.
func TestOpenRefuses(t *testing.T) {
	good := clickEvent()
	sealed := seal(testKey, good)
	with := func(h map[string]string, k, val string) map[string]string {
		h = maps.Clone(h)
		if val == "" {
			delete(h, k)
		} else {
			h[k] = val
		}
		return h
	}
	signed := func(plain []byte) (map[string]string, []byte) {
		b := seal(testKey, plain)
		return sign(testKey, testNow, b), b
	}
	type request struct {
		headers map[string]string
		body    []byte
		why     Why
	}
	of := func(plain []byte, w Why) request {
		h, b := signed(plain)
		return request{h, b, w}
	}
	const sig = "X-Lark-Signature"
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-10] ^= 1
	for name, r := range map[string]request{
		"forged, unsigned, plain":        {nil, good, WhyUnsigned},
		"forged, unsigned, encrypted":    {nil, sealed, WhyUnsigned},
		"signed with an empty key":       {sign("", testNow, good), good, WhySignature},
		"encrypted and empty-key signed": {sign("", testNow, sealed), sealed, WhySignature},
		"signed with another key":        {sign("other", testNow, sealed), sealed, WhySignature},
		"body changed after signing":     {sign(testKey, testNow, sealed), flipped, WhySignature},
		"bytes appended after signing":   {sign(testKey, testNow, sealed), append(bytes.Clone(sealed), '}'), WhySignature},
		"trailing bytes, signed":         {sign(testKey, testNow, append(bytes.Clone(sealed), "{}"...)), append(bytes.Clone(sealed), "{}"...), WhyNotJSON},
		"trailing bytes inside":          of(append(bytes.Clone(good), " x"...), WhyNotJSON),
		"upper-case signature":           {with(sign(testKey, testNow, sealed), sig, strings.ToUpper(sign(testKey, testNow, sealed)[sig])), sealed, WhySignature},
		"signature missing":              {with(sign(testKey, testNow, sealed), sig, ""), sealed, WhyHeaders},
		"timestamp missing":              {with(sign(testKey, testNow, sealed), "X-Lark-Request-Timestamp", ""), sealed, WhyHeaders},
		"nonce missing":                  {with(sign(testKey, testNow, sealed), "X-Lark-Request-Nonce", ""), sealed, WhyHeaders},
		"two signatures":                 {with(sign(testKey, testNow, sealed), "x-lark-signature", "00"), sealed, WhyHeaders},
		"stale":                          {sign(testKey, testNow.Add(-5*time.Minute-time.Second), sealed), sealed, WhyStale},
		"from the future":                {sign(testKey, testNow.Add(5*time.Minute+time.Second), sealed), sealed, WhyStale},
		"wrong token":                    of(event("card.action.trigger", "other", testApp, testTenant, clickBody), WhyToken),
		"empty token":                    of(event("card.action.trigger", "", testApp, testTenant, clickBody), WhyToken),
		"wrong app":                      of(event("card.action.trigger", testToken, "cli_other", testTenant, clickBody), WhyApp),
		"wrong tenant":                   of(event("card.action.trigger", testToken, testApp, "other", clickBody), WhyTenant),
		"operator of another tenant":     of(event("card.action.trigger", testToken, testApp, testTenant, strings.Replace(clickBody, "tenant1", "other", 1)), WhyTenant),
		"no operator":                    of(event("card.action.trigger", testToken, testApp, testTenant, `{"action":{"value":{}}}`), WhyUnidentified),
		"no event id":                    of(bytes.Replace(good, []byte(`"ev1"`), []byte(`""`), 1), WhyEnvelope),
		"event of the wrong form":        of(event("card.action.trigger", testToken, testApp, testTenant, `[]`), WhyEnvelope),
		"key given twice":                of(bytes.Replace(good, []byte(`"app_id"`), []byte(`"TOKEN":"x","app_id"`), 1), WhyNotJSON),
		"challenge with a wrong token":   {nil, []byte(`{"challenge":"c","token":"x","type":"url_verification"}`), WhyToken},
		"challenge without a token":      {nil, []byte(`{"challenge":"c","type":"url_verification"}`), WhyToken},
		"challenge that is an event too": {nil, bytes.Replace(good, []byte(`"schema"`), []byte(`"type":"url_verification","token":"v-token","challenge":"c","schema"`), 1), WhyUnsigned},
		"encrypted by another key":       {nil, seal("other", good), WhyCipher},
		"cipher text cut":                {nil, []byte(`{"encrypt":"AAAAAAAAAAAAAAAAAAAAAA=="}`), WhyCipher},
		"not base64":                     {nil, []byte(`{"encrypt":"$$"}`), WhyCipher},
		"empty":                          {nil, nil, WhyNotJSON},
		"a list":                         {nil, []byte(`[]`), WhyNotJSON},
		"null":                           {nil, []byte(`null`), WhyNotJSON},
		"too deep":                       {nil, []byte(`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`), WhyNotJSON},
		"too large":                      {nil, make([]byte, MaxBody+1), WhyTooLarge},
	} {
		got, err := newVerifier(t).Open(r.headers, r.body)
		var why *Refusal
		if !errors.As(err, &why) {
			t.Errorf("%s: accepted as %#v", name, got)
			continue
		}
		if name == "encrypted by another key" { // one wrong key in 256 gives a padding that happens to be right
			if why.Why != WhyCipher && why.Why != WhyNotJSON {
				t.Errorf("%s: %s", name, why.Why)
			}
			continue
		}
		if why.Why != r.why {
			t.Errorf("%s: refused because %q, want %q", name, why.Why, r.why)
		}
		if err.Error() != "lark: callback refused" {
			t.Errorf("%s: error tells %q", name, err)
		}
	}
}

func TestUnpadChecksEveryByte(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want string
		ok   bool
	}{
		{"abcdefghijklmno\x01", "abcdefghijklmno", true},
		{strings.Repeat("\x10", 16), "", true},
		{"abcdefghijklm\x03\x03\x03", "abcdefghijklm", true},
		{"abcdefghijklm\x02\x03\x03", "", false},
		{"abcdefghijklmno\x00", "", false},
		{"abcdefghijklmno\x11", "", false},
	} {
		got, ok := unpad([]byte(tt.in))
		if ok != tt.ok || string(got) != tt.want {
			t.Errorf("%q: %q, %v", tt.in, got, ok)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(clickEvent(), true, true)
	f.Add([]byte(`{"challenge":"c1","token":"v-token","type":"url_verification"}`), false, true)
	f.Add([]byte(`{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}`), false, false)
	f.Add(event("im.message.receive_v1", testToken, testApp, testTenant, `{"sender":{},"message":{}}`), true, true)
	f.Fuzz(func(t *testing.T, body []byte, signed, sealed bool) {
		v := newVerifier(t)
		if sealed {
			body = seal(testKey, body)
		}
		headers := map[string]string{}
		if signed {
			headers = sign(testKey, testNow, body)
		}
		got, err := v.Open(headers, body)
		var r *Refusal
		if err != nil && !errors.As(err, &r) {
			t.Fatalf("error of another kind: %v", err)
		}
		if (got == nil) == (err == nil) {
			t.Fatalf("neither or both: %v, %v", got, err)
		}
		switch c := got.(type) {
		case Click:
			if !signed || c.Operator == "" || c.EventID == "" {
				t.Fatalf("believed an unsigned or anonymous click: %#v", c)
			}
		case Message:
			if !signed || c.Sender == "" || c.MessageID == "" {
				t.Fatalf("believed an unsigned or anonymous message: %#v", c)
			}
		case Other:
			if !signed {
				t.Fatalf("believed an unsigned event: %#v", c)
			}
		}
	})
}
