package lark

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// mint makes the ids of one server: unique, of the right form, and the same for
// the same sequence of calls, so that transcripts of two runs can be compared.
type mint struct {
	seed string
	n    uint64
}

// id is prefix and 32 hexadecimal digits, as in om_…, oc_…, ou_…, omt_….
func (m *mint) id(prefix string) string {
	return prefix + m.hex(32)
}

// hex is n hexadecimal digits, n at most 64.
func (m *mint) hex(n int) string {
	m.n++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", m.seed, m.n))
	return hex.EncodeToString(sum[:])[:n]
}

// nonce is 9 decimal digits, the form seen in captured requests.
func (m *mint) nonce() string {
	m.n++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/nonce/%d", m.seed, m.n))
	n := uint32(sum[0])<<24 | uint32(sum[1])<<16 | uint32(sum[2])<<8 | uint32(sum[3])
	return fmt.Sprintf("%09d", n%1_000_000_000)
}

// randomHex is for what must differ between servers: app id, secrets, tokens.
func randomHex(n int) string {
	b := make([]byte, (n+1)/2)
	rand.Read(b) // never fails, see crypto/rand
	return hex.EncodeToString(b)[:n]
}
