package lark

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// encrypt is the platform's event encryption: AES-256-CBC under SHA-256 of the
// Encrypt Key, PKCS#7, base64(iv || ciphertext).
func encrypt(key string, plain []byte) (string, error) {
	sum := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return "", fmt.Errorf("encrypting an event: %w", err)
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	padded := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	out := make([]byte, aes.BlockSize+len(padded))
	rand.Read(out[:aes.BlockSize])
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], padded)
	return base64.StdEncoding.EncodeToString(out), nil
}

// signature is X-Lark-Signature: lower hexadecimal SHA-256 over timestamp,
// nonce, Encrypt Key and the raw body.
func signature(timestamp, nonce, key string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(timestamp + nonce + key))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// seal makes the bytes on the wire: the encrypted form, or the plain one for an
// app without an Encrypt Key.
func seal(key string, payload []byte) ([]byte, error) {
	if key == "" {
		return payload, nil
	}
	sealed, err := encrypt(key, payload)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{"encrypt": sealed})
}
