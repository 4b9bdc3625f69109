package lark

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"cce-oncall/shared/incident"
)

// Kind says what a failed call means for the caller.
type Kind string

// The kinds of failure.
const (
	KindUnreachable Kind = "unreachable"     // no answer: network, time-out
	KindServer      Kind = "server"          // the platform answered with a fault of its own
	KindThrottled   Kind = "throttled"       // too fast; nothing happened
	KindLocked      Kind = "locked"          // a click on the card is being answered; nothing happened
	KindToken       Kind = "token"           // the token was refused; a fresh one is fetched once
	KindSetup       Kind = "setup"           // app, scope, address list: an operator must change a setting
	KindQuota       Kind = "quota"           // the month's calls are used up
	KindNotInChat   Kind = "not-in-chat"     // the bot cannot speak there
	KindGone        Kind = "gone"            // recalled, deleted, older than 14 days: post a new card
	KindCard        Kind = "card-refused"    // the card's structure was refused
	KindContent     Kind = "content-refused" // a content check (sensitive words, leak prevention) refused the text
	KindInvalid     Kind = "invalid"         // our request was wrong
)

// Error is a call the platform did not carry out. It holds no token, secret or request body.
type Error struct {
	Op         string        // what was being done: "send card"
	HTTP       int           // status, 0 when there was no answer
	Code       int           // the platform's code, 0 when there was none
	Sub        int           // the code inside a 230099 message
	Msg        string        // the platform's words, redacted and cut
	LogID      string        // for the platform's support
	RetryAfter time.Duration // how long the platform asks to wait, 0 when it does not say
	Err        error         // network error behind it, nil when there was an answer
}

// Error is one line: what was done, what came back, and what to fix.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "lark: %s: ", e.Op)
	switch {
	case e.Code != 0 && e.Sub != 0:
		fmt.Fprintf(&b, "code %d/%d", e.Code, e.Sub)
	case e.Code != 0:
		fmt.Fprintf(&b, "code %d", e.Code)
	case e.HTTP != 0:
		fmt.Fprintf(&b, "HTTP %d", e.HTTP)
	default:
		b.WriteString("no answer")
	}
	if e.Msg != "" {
		b.WriteString(" " + e.Msg)
	}
	if e.LogID != "" {
		b.WriteString(" (log id " + e.LogID + ")")
	}
	if h := e.Hint(); h.EN != "" {
		b.WriteString(": " + h.EN)
	}
	return b.String()
}

// Unwrap gives the network error, so that a cancelled context can be told from a failure.
func (e *Error) Unwrap() error { return e.Err }

// Kind classifies the failure. Sources: the error tables of message create, reply and patch, and the general error codes.
func (e *Error) Kind() Kind {
	if e.Code == 230099 {
		return e.cardKind()
	}
	if k, ok := kinds[e.Code]; ok {
		return k
	}
	switch {
	case e.HTTP == 0:
		return KindUnreachable
	case e.HTTP == 429:
		return KindThrottled
	case e.HTTP >= 500, e.HTTP == 200 && e.Code == 0:
		return KindServer // an answer that is not the platform's JSON comes from something in between
	case e.HTTP == 401:
		return KindToken
	case e.HTTP == 403:
		return KindSetup
	}
	return KindInvalid
}

// cardKind splits 230099. Sub-code 11310 is shared by a locked card, a card with too many tables or elements, and a template.
func (e *Error) cardKind() Kind {
	if strings.Contains(strings.ToLower(e.Msg), "action is lock") {
		return KindLocked
	}
	return KindCard
}

// Transient says whether the same call may succeed later without anybody changing anything.
func (e *Error) Transient() bool {
	switch e.Kind() {
	case KindUnreachable, KindServer, KindThrottled, KindLocked, KindToken:
		return true
	case KindSetup, KindQuota, KindNotInChat, KindGone, KindCard, KindContent, KindInvalid:
		return false
	}
	return false
}

// harmless says that the platform is known not to have done it, so that repeating cannot do it twice.
func (e *Error) harmless() bool {
	switch e.Kind() {
	case KindThrottled, KindLocked, KindToken:
		return true
	default:
		return false
	}
}

// kinds classifies the platform's codes.
var kinds = map[int]Kind{
	99991400: KindThrottled, 230020: KindThrottled, 230049: KindThrottled, 11232: KindThrottled,
	99991661: KindToken, 99991663: KindToken, 99991664: KindToken, 99991671: KindToken,
	99991672: KindSetup, 99991401: KindSetup, 99991662: KindSetup, 10003: KindSetup, 10014: KindSetup,
	230006: KindSetup, 230018: KindSetup, 230027: KindSetup, 230054: KindSetup, 230013: KindSetup,
	99991403: KindQuota, 230024: KindQuota,
	230002: KindNotInChat, 230034: KindNotInChat, 230035: KindNotInChat, 230053: KindNotInChat, 232009: KindNotInChat,
	230011: KindGone, 230110: KindGone, 230031: KindGone, 230019: KindGone,
	230025: KindCard, 200621: KindCard, 200860: KindCard,
	230022: KindContent, 230028: KindContent,
	200810: KindLocked,
}

// hints say what an operator must fix, where somebody must.
var hints = map[int]incident.Text{
	99991672: {EN: "grant the app the scope im:message:send_as_bot (and im:message.urgent for urgent messages), then publish a new version", ZH: "请为应用开通 im:message:send_as_bot 权限（加急消息还需 im:message.urgent），并发布新版本"},
	99991401: {EN: "add the functions' egress address to the app's IP allowlist, or switch the list off", ZH: "请把函数的出口 IP 加入应用的 IP 白名单，或关闭白名单"},
	99991662: {EN: "the app is disabled: enable it in the admin console", ZH: "应用已停用，请在管理后台启用"},
	10003:    {EN: "the app id or app secret is wrong", ZH: "App ID 或 App Secret 不正确"},
	10014:    {EN: "the app secret is wrong: copy it again from the developer console", ZH: "App Secret 不正确，请从开发者后台重新复制"},
	230006:   {EN: "switch the bot ability on and publish a new version", ZH: "请为应用启用机器人能力并发布新版本"},
	230018:   {EN: "the group's settings do not let the bot speak: allow it", ZH: "群设置不允许机器人发言，请放开"},
	230027:   {EN: "the app lacks a permission for this chat", ZH: "应用缺少该会话所需的权限"},
	230054:   {EN: "this kind of group takes no cards: use another chat", ZH: "该类型的群不支持卡片，请换一个群"},
	230013:   {EN: "the person is outside the app's availability range: widen it", ZH: "该用户不在应用的可用范围内，请扩大可用范围"},
	99991403: {EN: "the tenant's monthly quota of API calls is used up: raise the plan or wait for the next month", ZH: "本月 API 调用额度已用完，请升级套餐或等待下月重置"},
	230024:   {EN: "the quota of urgent messages is used up", ZH: "加急消息额度已用完"},
	230002:   {EN: "the bot is not in the chat: add it to the group", ZH: "机器人不在群里，请先把机器人拉进群"},
	230034:   {EN: "the chat id is not valid for this app: check the configured chat", ZH: "会话 ID 对该应用无效，请检查配置的群"},
	230035:   {EN: "the bot is muted in the chat: allow it to speak", ZH: "机器人在群里被禁言，请解除"},
	230053:   {EN: "the person has stopped the bot", ZH: "该用户已停用机器人"},
	232009:   {EN: "the group was dissolved: configure another chat", ZH: "群已解散，请配置其他群"},
	230022:   {EN: "the text was refused as sensitive", ZH: "内容被判定为敏感，已被拒绝"},
	230028:   {EN: "the tenant's data-leak prevention refused the text (phone numbers or e-mail addresses in an alarm do that)", ZH: "内容被企业数据防泄漏策略拒绝（告警中含手机号、邮箱时会触发）"},
}

// Hint is what an operator must fix; empty when nobody has to.
func (e *Error) Hint() incident.Text { return hints[e.Code] }

var (
	subCode  = regexp.MustCompile(`ErrCode:\s*(\d+)`)
	tokenish = regexp.MustCompile(`(?i)\b(bearer\s+\S+|[tuca]-[a-z0-9._-]{8,})`)
)

// platformWords makes the platform's message safe to log: one line, no token, 300 characters.
func platformWords(msg, secret string) string {
	if secret != "" {
		msg = strings.ReplaceAll(msg, secret, "***")
	}
	return clip(tokenish.ReplaceAllString(clean(msg), "***"), 300)
}
