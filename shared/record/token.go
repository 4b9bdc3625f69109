package record

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"cce-oncall/shared/incident"
)

// TokenID is the opaque id of a button: nobody can guess it, and two processes that draw the same card give it the same buttons.
func TokenID(key []byte, t Token) (string, error) {
	b, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encode a token: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("button-v1\n"))
	mac.Write(b)
	return "b-" + hex.EncodeToString(mac.Sum(nil)[:20]), nil
}

// Buttons are the tokens of every button that the incident's card may carry now, by solution letter or verb. save keeps what each
// stands for, and must have been done before the card is shown; drawing the same card again needs no saving.
func (b *Book) Buttons(ctx context.Context, key []byte, i *incident.Incident, chat string, save bool) (map[string]string, error) {
	r := i.Last()
	if r == nil || r.Plan == nil {
		return nil, nil
	}
	at := Token{Cluster: i.Cluster.ID, Incident: i.ID, Round: r.Number, Chat: chat}
	out := map[string]string{}
	add := func(name string, t Token) error {
		id, err := TokenID(key, t)
		if err != nil {
			return err
		}
		out[name] = id
		if !save {
			return nil
		}
		return b.SaveToken(ctx, id, t)
	}
	for _, s := range r.Plan.Solutions {
		if !s.Executable() {
			continue
		}
		t := at
		t.Verb, t.Solution, t.Digest = incident.Approve, s.ID, s.Digest(i.ID)
		if err := add(s.ID, t); err != nil {
			return nil, err
		}
	}
	for _, verb := range []incident.Verb{incident.Reject, incident.Stop, incident.Undo} {
		t := at
		t.Verb = verb
		if err := add(string(verb), t); err != nil {
			return nil, err
		}
	}
	return out, nil
}
