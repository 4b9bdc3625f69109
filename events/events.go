// Package events holds what reaches us, as data: one JSON file for each trigger and each form of an alarm or callback, in the shapes
// that the platforms document or that were captured from them. Tests and demonstrations read them; no function needs them. All
// names and ids are invented. Files are named by what they carry and how:
//
//	aom_…          an AOM event object, as ListEvents returns it
//	smn_…          an SMN trigger's envelope, the alarm in its message
//	timer_…        a timer trigger
//	lark_…         the body of a Lark callback, in the clear
//	apig_lark_…    the same behind the API gateway, signed; plain or encrypted, raw or base64
package events

import (
	"embed"
	"fmt"
	"strings"
)

// What the Lark samples were made with. They open nothing.
const (
	EncryptKey        = "test key"
	VerificationToken = "vT0kEn1nV3nT3dF0rT3sTs0nLy9x8w7v"
	AppID             = "cli_a1b2c3d4e5f60718"
	TenantKey         = "1a2b3c4d5e6f7081"
	BotOpenID         = "ou_0f1e2d3c4b5a69788796a5b4c3d2e1f0"
	Operator          = "ou_7d8a6e6df7621556ce0d21922b676706"
	SignedAt          = 1795330990 // unix seconds in the signature headers
	Cluster           = "0b6f3d2e-7a41-11f0-9f5d-0255ac100101"
)

//go:embed *.json
var files embed.FS

// Read is one sample by its name, with or without ".json". A name that does not exist is a mistake of the test that uses it, so it
// panics.
func Read(name string) []byte {
	b, err := files.ReadFile(strings.TrimSuffix(name, ".json") + ".json")
	if err != nil {
		panic(fmt.Sprintf("events: no sample %q", name))
	}
	return b
}

// List is the names of all samples, sorted.
func List() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the embedded root always exists
	}
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), ".json"))
	}
	return out
}
