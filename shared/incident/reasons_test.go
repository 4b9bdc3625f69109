package incident

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
)

func TestReasonsAreUniqueAndSaidInBothLanguages(t *testing.T) {
	name := regexp.MustCompile(`^[A-Z][A-Za-z0-9]+$`)
	seen := map[Reason]bool{}
	for _, r := range Reasons {
		if !name.MatchString(string(r.Reason)) {
			t.Errorf("%q is not CamelCase", r.Reason)
		}
		if seen[r.Reason] {
			t.Errorf("%s is registered twice", r.Reason)
		}
		seen[r.Reason] = true
		if r.Domain == "" || r.Kind == "" {
			t.Errorf("%s: domain %q, kind %q", r.Reason, r.Domain, r.Kind)
		}
		for what, text := range map[string]Text{"title": r.Title, "advice": r.Advice} {
			if text.EN == "" || !strings.ContainsFunc(text.ZH, func(c rune) bool { return unicode.Is(unicode.Han, c) }) {
				t.Errorf("%s: %s is not in both languages: %+v", r.Reason, what, text)
			}
			if strings.ContainsFunc(text.EN, func(c rune) bool { return unicode.Is(unicode.Han, c) }) {
				t.Errorf("%s: English %s holds Chinese: %s", r.Reason, what, text.EN)
			}
		}
		if n := len(strings.Fields(r.Title.EN)); n < 2 || n > 12 {
			t.Errorf("%s: title of %d words: %s", r.Reason, n, r.Title.EN)
		}
	}
}

func TestInfo(t *testing.T) {
	if got := Info(ContainerOOMKilled); got.Kind != "Deployment" || got.Symptom {
		t.Errorf("ContainerOOMKilled: %+v", got)
	}
	if !Info(FrequentRestart).Symptom {
		t.Error("FrequentRestart must be a symptom")
	}
	if got := Info("FromTheFuture"); got.Title.EN != "FromTheFuture" || Known("FromTheFuture") {
		t.Errorf("unregistered reason: %+v", got)
	}
}
