package lark

import "testing"

func TestPostTextIsReadInALanguage(t *testing.T) {
	m := Message{Type: "post", Content: `{"zh_cn":{"title":"标题","content":[[{"tag":"text","text":"你好"},{"tag":"at","user_id":"ou_1"}]]},"en_us":{"content":[[{"tag":"text","text":"hello"}],[{"tag":"md","text":"**there**"}]]}}`}
	for language, want := range map[string]string{"zh_cn": "标题\n你好\n", "en_us": "hello\n**there**\n"} {
		if got := m.Text(language); got != want {
			t.Errorf("%s: %q, want %q", language, got, want)
		}
	}
	if got := (Message{Type: "post", Content: `{"zh_cn":{"content":[[{"tag":"text","text":"只有中文"}]]}}`}).Text("en_us"); got != "只有中文\n" {
		t.Errorf("without the language asked for: %q", got)
	}
}
