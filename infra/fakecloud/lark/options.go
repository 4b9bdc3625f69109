package lark

import (
	"slices"
	"time"
)

// Options set up a Server. The zero value is an app with random credentials, no
// people and no chats, on the machine's clock.
type Options struct {
	App   App
	Clock Clock
	Users []User
	Chats []Chat

	// EventURL receives im.message.receive_v1, CallbackURL receives
	// card.action.trigger. They are two settings on the platform and may be the
	// same address. Use [Server.Subscribe] to have them challenged first.
	EventURL    string
	CallbackURL string

	Behaviour Behaviour
}

// App is the one custom app of the tenant. Empty fields are filled with random
// values: the official SDK keeps tokens per app id for the whole process, so two
// servers in one test binary must not share an id.
type App struct {
	ID                string // cli_…
	Secret            string
	EncryptKey        string // shared by events and callbacks; empty only in Behaviour.EmptyKey
	VerificationToken string
	TenantKey         string
	Name              string // how the bot is called in a chat, and by @Name
	OpenID            string // ou_… of the bot itself
}

// User is a person of the tenant.
type User struct {
	OpenID  string `json:"open_id"`  // ou_…, per app
	UnionID string `json:"union_id"` // on_…
	UserID  string `json:"user_id,omitempty"`
	Name    string `json:"name"`
	Email   string `json:"email,omitempty"`
	Mobile  string `json:"mobile,omitempty"`
	// Role is shown beside the name on the page ("approver"). It grants nothing:
	// who may approve is the agent's business.
	Role string `json:"role,omitempty"`
	// Language is "zh_cn" or "en_us": what the person's client shows first.
	Language string `json:"language"`
	// Unavailable puts the person outside the app's availability range (230013).
	Unavailable bool `json:"unavailable,omitempty"`
}

// Chat is a group, or the conversation of one person with the bot.
type Chat struct {
	ID      string   `json:"chat_id"` // oc_…
	Name    string   `json:"name"`
	Members []string `json:"members"` // open ids, or names of known users when given in Options
	P2P     bool     `json:"p2p,omitempty"`
	// BotAbsent: the bot is not a member; sending gives 230002.
	BotAbsent bool `json:"bot_absent,omitempty"`
	// NoThreads: the group forbids replies in a topic (230071).
	NoThreads bool `json:"no_threads,omitempty"`
	// Refusal, when not 0, is the code every send to the chat gets: 230018
	// (settings), 230035 (muted), 230054 (no cards), 232009 (dissolved).
	Refusal int `json:"refusal,omitempty"`
	// Banner is the message put on top of the chat.
	Banner string `json:"banner,omitempty"`
}

func (c Chat) clone() Chat {
	c.Members = slices.Clone(c.Members)
	return c
}

// Behaviour are the switches: what the documentation leaves open, and what
// makes the push side difficult. All of them may change while the server runs.
type Behaviour struct {
	// RejectDuplicateUUID answers a repeated uuid with 230049 in place of the
	// first message's id. Which of the two the platform does is not documented.
	RejectDuplicateUUID bool `json:"reject_duplicate_uuid,omitempty"`
	// ResignRetries gives every delivery a fresh timestamp and signature; without
	// it a retry carries those of the first attempt. Not documented either.
	ResignRetries bool `json:"resign_retries,omitempty"`
	// LowerCaseHeaders sends the X-Lark-* names in lower case, as an API gateway
	// does.
	LowerCaseHeaders bool `json:"lower_case_headers,omitempty"`
	// EmptyKey behaves as an app without an Encrypt Key: bodies are plain and the
	// signature is computed over an empty key, which anybody can do.
	EmptyKey bool `json:"empty_key,omitempty"`
	// AllGroupMessages pushes every message of a group, not only those that
	// mention the bot (scope im:message.group_msg).
	AllGroupMessages bool `json:"all_group_messages,omitempty"`
	// DuplicateEvents delivers every event so many more times after the first
	// success, with the same event id.
	DuplicateEvents int `json:"duplicate_events,omitempty"`
	// EventDelay holds every event back: late, and so out of order.
	EventDelay time.Duration `json:"event_delay,omitempty"`
	// LoseEvents drops so many of the next events altogether.
	LoseEvents int `json:"lose_events,omitempty"`
	// LenientNull accepts a callback body of null as if it were {}.
	LenientNull bool `json:"lenient_null,omitempty"`
	// Unlimited turns the rate limits off, for a driver that runs in fast motion.
	Unlimited bool `json:"unlimited,omitempty"`
	// MicrosecondCreateTime gives events a create_time in microseconds, as the
	// generic sample shows; without it they are in milliseconds.
	MicrosecondCreateTime bool `json:"microsecond_create_time,omitempty"`
}
