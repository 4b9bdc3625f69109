package lark

import (
	"regexp"
	"strings"

	"cce-oncall/shared/incident"
)

// CommandKind is what a typed sentence asks for.
type CommandKind string

// The commands. Only Confirm and Plain can lead to a change, and only after everything else was checked.
const (
	CommandConfirm   CommandKind = "confirm"   // of the solution named by Letter
	CommandPlain     CommandKind = "plain"     // a bare "Confirm": means something only where exactly one solution is open
	CommandReject    CommandKind = "reject"    // of the whole plan, with Reason
	CommandStop      CommandKind = "stop"      // the running execution
	CommandUndo      CommandKind = "undo"      // the finished execution
	CommandStatus    CommandKind = "status"    // show the card's state in words
	CommandHelp      CommandKind = "help"      // what can be typed
	CommandAmbiguous CommandKind = "ambiguous" // sounds like a decision but is not exactly one: Ask back, change nothing
	CommandUnknown   CommandKind = "unknown"   // not for us
)

// Command is a typed sentence, understood.
type Command struct {
	Kind   CommandKind
	Letter string        // A to Z, with CommandConfirm
	Reason string        // with CommandReject, at most 500 characters: data
	Ask    incident.Text // with CommandAmbiguous: the sentence to answer with
}

// The grammar. It runs over the sentence in half-width lower case with single spaces and without closing punctuation.
var (
	confirmEN = regexp.MustCompile(`^(?:please )?(?:confirm|approve)(?: the)?(?: execution(?: of)?(?: the)?)?(?: (?:solution|plan|option))? ([a-z])$`)
	confirmZH = regexp.MustCompile(`^请?(?:确认|批准) ?(?:执行)? ?(?:解决方案|恢复方案|方案)? ?([a-z])$`)
	plain     = regexp.MustCompile(`^(?:(?:please )?(?:confirm|approve)(?: execution)?|请?(?:确认|批准)(?:执行)?)$`)
	rejectEN  = regexp.MustCompile(`^(?:please )?reject(?:[ :,.-]+(.+))?$`)
	rejectZH  = regexp.MustCompile(`^请?(?:拒绝|驳回)(?:[ :,.-]*(.+))?$`)
	stop      = regexp.MustCompile(`^(?:(?:please )?stop(?: (?:the )?execution)?|请?(?:停止|停)(?:执行)?)$`)
	undo      = regexp.MustCompile(`^(?:(?:please )?(?:undo|roll ?back)|请?(?:撤销|回滚)(?:执行|变更)?)$`)
	status    = regexp.MustCompile(`^(?:status|状态|查看状态)\??$`)
	help      = regexp.MustCompile(`^(?:(?:help|帮助)\??|\?)$`)
	oneLetter = regexp.MustCompile(`^(?:the )?(?:execution of )?(?:执行)?(?:solution|plan|option|解决方案|恢复方案|方案)? ?[a-z]$`)
	consent   = regexp.MustCompile(`\b(?:confirm|approv)|确认|批准`)
)

// Words that make a sentence sound like a decision, or turn one around.
var (
	decisive = regexp.MustCompile(`\b(?:confirm\w*|approv\w*|execut\w*|proceed|go ahead|do it|run it|lgtm|yes|ok|okay|agree\w*|reject\w*|stop|undo|roll ?back)\b|确认|批准|同意|执行|可以|好的|拒绝|驳回|停止|撤销|回滚|^(?:好|行|是)$`)
	negation = regexp.MustCompile(`\b(?:not|no|never|nope|don'?t|do not|doesn'?t|won'?t|can'?t|cannot|shouldn'?t|without|cancel\w*|wait|hold)\b|n't|不|别|勿|未|没|莫|否|无|取消|暂缓|等等|先等`)
)

// maxReason bounds a typed or entered reason.
const maxReason = 500

// ParseCommand reads what a person typed to the bot, with mentions of the bot already taken out. Only a sentence that is exactly
// in the grammar decides anything: negated, questioned, doubled or longer sentences are asked back.
func ParseCommand(text string) Command {
	s := strings.Trim(normal(text), " .!,;")
	if help.MatchString(s) {
		return Command{Kind: CommandHelp}
	}
	if status.MatchString(s) {
		return Command{Kind: CommandStatus}
	}
	if c, ok := rejection(s, text); ok {
		return c
	}
	if negation.MatchString(s) || strings.Contains(s, "?") || strings.HasSuffix(s, "吗") || strings.HasSuffix(s, "么") {
		return unclear(s)
	}
	for _, r := range []*regexp.Regexp{confirmEN, confirmZH} {
		if m := r.FindStringSubmatch(s); m != nil {
			return Command{Kind: CommandConfirm, Letter: strings.ToUpper(m[1])}
		}
	}
	for _, c := range []struct {
		form *regexp.Regexp
		kind CommandKind
	}{{plain, CommandPlain}, {stop, CommandStop}, {undo, CommandUndo}} {
		if c.form.MatchString(s) {
			return Command{Kind: c.kind}
		}
	}
	return unclear(s)
}

// rejection reads Reject with a reason. The reason is kept as it was typed; a rejection of one letter is asked back, because
// rejecting closes the whole plan.
func rejection(s, typed string) (Command, bool) {
	for _, r := range []*regexp.Regexp{rejectEN, rejectZH} {
		m := r.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		reason := m[1]
		if strings.HasSuffix(s, "?") || strings.HasSuffix(s, "吗") || oneLetter.MatchString(reason) || consent.MatchString(reason) {
			return unclear(s), true
		}
		return Command{Kind: CommandReject, Reason: asTyped(reason, typed)}, true
	}
	return Command{}, false
}

// asTyped finds the reason in the sentence as it was typed, for its capitals; the normal form is the fall-back.
func asTyped(reason, typed string) string {
	typed = strings.Trim(clean(typed), " .!,;。！，；")
	runes, want := []rune(typed), []rune(reason)
	if n := len(runes) - len(want); n >= 0 && normal(string(runes[n:])) == reason {
		return clip(string(runes[n:]), maxReason)
	}
	return clip(clean(reason), maxReason)
}

// unclear asks back when the sentence sounds like a decision, and is silent otherwise.
func unclear(s string) Command {
	if !decisive.MatchString(s) {
		return Command{Kind: CommandUnknown}
	}
	return Command{Kind: CommandAmbiguous, Ask: incident.Text{
		EN: "Nothing was changed: I did not understand that as one clear decision. Type exactly: Confirm execution of solution A (with the letter you mean) · Reject and a reason · Stop · Undo.",
		ZH: "未做任何变更：无法将这句话理解为一个明确的决定。请准确输入：确认执行方案A（换成你要的方案字母）· 拒绝 加原因 · 停止 · 撤销。",
	}}
}

// normal brings a sentence into the form of the grammar: half-width, lower case, single spaces. Letters of other alphabets that
// look like Latin ones stay what they are, and so match nothing.
func normal(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		case r == '　':
			return ' '
		case r == '。':
			return '.'
		case r == '、':
			return ','
		case r == '’' || r == '‘':
			return '\''
		}
		return r
	}, s)
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, clean(s))
}
