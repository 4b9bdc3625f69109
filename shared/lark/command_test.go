package lark

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestParseCommand(t *testing.T) {
	confirm := func(letter string) Command { return Command{Kind: CommandConfirm, Letter: letter} }
	reject := func(reason string) Command { return Command{Kind: CommandReject, Reason: reason} }
	is := func(k CommandKind) Command { return Command{Kind: k} }
	for in, want := range map[string]Command{
		"Confirm execution of solution A":  confirm("A"),
		"confirm execution of the plan b.": confirm("B"),
		"  CONFIRM   A ":                   confirm("A"),
		"confirm a":                        confirm("A"),
		"Approve solution C!":              confirm("C"),
		"please confirm the solution D":    confirm("D"),
		"Confirm execution A":              confirm("A"),
		"确认执行方案A":                          confirm("A"),
		"确认执行方案 a。":                        confirm("A"),
		"确认方案Ｂ":                            confirm("B"),
		"　确认　执行　方案　Ａ　！":                    confirm("A"),
		"确认A":                               confirm("A"),
		"请确认执行方案C":                          confirm("C"),
		"批准方案D":                             confirm("D"),
		"Ｃｏｎｆｉｒｍ　Ａ":                         confirm("A"),
		"confirm\u200b A":                   confirm("A"),
		"Confirm":                           is(CommandPlain),
		"confirm execution":                 is(CommandPlain),
		"确认":                                is(CommandPlain),
		"确认执行。":                             is(CommandPlain),
		"Reject":                            reject(""),
		"Reject: Not the cause, look at DB": reject("Not the cause, look at DB"),
		"reject too RISKY now.":             reject("too RISKY now"),
		"拒绝":                                reject(""),
		"拒绝：业务高峰期不能动":                       reject("业务高峰期不能动"),
		"驳回 Redis 才是原因":                     reject("Redis 才是原因"),
		"stop":                              is(CommandStop),
		"停止执行":                              is(CommandStop),
		"停！":                                is(CommandStop),
		"undo":                              is(CommandUndo),
		"Roll back":                         is(CommandUndo),
		"撤销":                                is(CommandUndo),
		"回滚":                                is(CommandUndo),
		"status?":                           is(CommandStatus),
		"状态":                                is(CommandStatus),
		"help":                              is(CommandHelp),
		"？":                                 is(CommandHelp),
		"hello":                             is(CommandUnknown),
		"":                                  is(CommandUnknown),
		"what is an HPA?":                   is(CommandUnknown),
	} {
		if d := cmp.Diff(want, ParseCommand(in)); d != "" {
			t.Errorf("%q (-want +got):\n%s", in, d)
		}
	}
}

// Sentences that sound like a decision and are not exactly one. Each is asked back and confirms nothing.
func TestParseCommandAsksBack(t *testing.T) {
	for _, in := range []string{
		"don't confirm A", "do not confirm solution A", "confirm A?", "confirm A or B", "confirm A B", "confirm A and B", "confirm A, then B",
		"confirm AB", "confirm solution", "confirm А", // the last letter is Cyrillic
		"confirm A but wait", "I confirm A", "confirm A tomorrow", "never approve A", "can you confirm A", "yes", "ok", "好的", "好", "go ahead",
		"不确认A", "别确认方案A", "确认方案A吗", "确认方案A？", "不要执行方案A", "确认方案A和B", "确认不执行方案A", "同意方案A", "执行方案A", "先别确认", "确认方案",
		"execute A", "don't reject", "don't stop", "不要停止", "stop?", "reject A", "拒绝方案A", "reject B, confirm A", "拒绝B，确认A", "confirm A\nconfirm B",
		"Confirm execution of solution A. Confirm execution of solution B.", "confirm <at user_id=\"all\">A</at>", "confirm 1", "确认方案１",
		"confirm A 👍", "👍 confirm A", "方案A确认", "确认执行方案A 谢谢", "confirm Ⓐ", "confirm 𝐀", "confirm ᴀ", "@Alice confirm A", "confirm A @Alice", "> confirm A",
		"「张三：确认执行方案A」", "\"confirm A\"", "confirm [A]", " [crossed out: confirm A] ", "confirm A [EMOTION]", "~~confirm A~~", "确认执行方案A并回滚",
	} {
		got := ParseCommand(in)
		if got.Kind != CommandAmbiguous || got.Ask.EN == "" || got.Ask.ZH == "" || got.Letter != "" {
			t.Errorf("%q: %+v", in, got)
		}
	}
}

func TestReasonIsBounded(t *testing.T) {
	got := ParseCommand("reject " + strings.Repeat("原因", 2000))
	if n := utf8.RuneCountInString(got.Reason); got.Kind != CommandReject || n != maxReason {
		t.Errorf("%s with a reason of %d characters", got.Kind, n)
	}
}

func FuzzParseCommand(f *testing.F) {
	for _, s := range []string{"Confirm execution of solution A", "确认执行方案A", "don't confirm A", "确认不执行方案A", "拒绝：不行", "confirm A?", "\xff\x00confirm a", "ｃｏｎｆｉｒｍ ａ"} {
		f.Add(s)
	}
	against := regexp.MustCompile(`(?i)\b(not|no|never|don'?t|cannot|won'?t|cancel)\b|不|别|勿|未|没|莫|取消`)
	f.Fuzz(func(t *testing.T, s string) {
		c := ParseCommand(s)
		if c.Kind != CommandConfirm && c.Kind != CommandPlain {
			if c.Letter != "" {
				t.Fatalf("%q: %s with letter %s", s, c.Kind, c.Letter)
			}
			return
		}
		if against.MatchString(s) || strings.ContainsAny(s, "?？") {
			t.Fatalf("%q was taken as consent", s)
		}
		if c.Kind == CommandConfirm && (len(c.Letter) != 1 || c.Letter < "A" || c.Letter > "Z") {
			t.Fatalf("%q: letter %q", s, c.Letter)
		}
	})
}
