// Package lark is a Lark (Feishu) open platform in one process: the API a bot
// calls, the push side that calls the bot, and a web page on which people read
// the cards and press their buttons.
//
// It exists so that everything the agent does with Lark can be tried against
// the platform's own rules without the platform: the limits, the refusals, the
// encrypted and signed callbacks, the lock that a click puts on a card, and the
// people and programs that try to get a change made which nobody approved.
//
// What always holds:
//   - It is at least as strict as the platform. A card that is shown here is a
//     card of JSON 2.0 with documented keys only; what the documentation leaves
//     open is refused here, or is a field of [Behaviour].
//   - Time comes from the [Clock] alone, so that a retry six hours later or a
//     card of fourteen days can be tested at once.
//   - Everything that happened stands in the [Server.Transcript], in order.
//   - Nothing of the agent is imported: only documented bytes go in and out.
//
// The rules and figures are those of the open-platform documentation (server
// API im/v1, card JSON 2.0, event subscription and callback guides). Codes that
// the documentation does not give for a case are marked "ours" where defined.
package lark
