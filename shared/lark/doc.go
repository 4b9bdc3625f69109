// Package lark is how people are asked and told, and how they answer: a client for the few calls of the open platform that are
// made, cards drawn from incidents, callbacks proved to be the platform's before anything in them is believed, and a strict
// grammar for typed sentences.
//
// What always holds: a text that came from outside (alarm, log, label, name, comment) is escaped when it enters a card and can
// neither mention, link nor format; a card is sent in some form, whatever is in it; a callback is verified before it is decrypted,
// and every refusal looks the same from outside; a sentence that is not exactly in the grammar confirms nothing.
//
// The platform's SDK gives the wire types. Its token cache (one per process for all apps and hosts), its retries (the same stale
// token again) and its verification (optional, after parsing, without freshness) are not used.
package lark
