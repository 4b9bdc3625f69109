package lark

import (
	"strings"
	"testing"
)

// TestWordsThatWereNotSaid: what a rich text crosses out, or puts a sign beside, is no consent, whatever its letters say.
func TestWordsThatWereNotSaid(t *testing.T) {
	for name, c := range map[string]struct {
		kind, content string
		want          CommandKind
	}{
		"plain":              {"text", `{"text":"confirm A"}`, CommandConfirm},
		"rich":               {"post", `{"title":"","content":[[{"tag":"text","text":"confirm A"}]]}`, CommandConfirm},
		"rich, bold":         {"post", `{"title":"","content":[[{"tag":"text","text":"confirm A","style":["bold"]}]]}`, CommandConfirm},
		"crossed out":        {"post", `{"title":"","content":[[{"tag":"text","text":"confirm A","style":["lineThrough"]}]]}`, CommandAmbiguous},
		"letter crossed out": {"post", `{"title":"","content":[[{"tag":"text","text":"confirm "},{"tag":"text","text":"A","style":["bold","lineThrough"]},{"tag":"text","text":"B"}]]}`, CommandAmbiguous},
		"emoji beside it":    {"post", `{"title":"","content":[[{"tag":"text","text":"confirm A"},{"tag":"emotion","emoji_type":"No"}]]}`, CommandAmbiguous},
		"picture below":      {"post", `{"title":"","content":[[{"tag":"text","text":"confirm A"}],[{"tag":"img","image_key":"img_1"}]]}`, CommandAmbiguous},
		"code":               {"post", `{"title":"","content":[[{"tag":"code_block","text":"confirm A"}]]}`, CommandAmbiguous},
		"with a title":       {"post", `{"title":"Not yet","content":[[{"tag":"text","text":"confirm A"}]]}`, CommandAmbiguous},
		"two lines":          {"post", `{"title":"","content":[[{"tag":"text","text":"confirm A"}],[{"tag":"text","text":"confirm B"}]]}`, CommandAmbiguous},
		"forwarded":          {"merge_forward", `{"text":"confirm A"}`, CommandUnknown},
		"a card":             {"interactive", `{"text":"confirm A"}`, CommandUnknown},
		"a sticker":          {"sticker", `{"file_key":"x"}`, CommandUnknown},
	} {
		if got := ParseCommand(strings.TrimSpace(spoken(c.kind, c.content))); got.Kind != c.want {
			t.Errorf("%s: %s, want %s (read as %q)", name, got.Kind, c.want, spoken(c.kind, c.content))
		}
	}
}
