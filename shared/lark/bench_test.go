package lark

import "testing"

func BenchmarkIncidentCard(b *testing.B) {
	v := view(Both)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := IncidentCard(v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenClick(b *testing.B) {
	v := newVerifier(b)
	body := seal(testKey, clickEvent())
	headers := sign(testKey, testNow, body)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Open(headers, body); err != nil {
			b.Fatal(err)
		}
	}
}

// A forged body of the greatest size is refused before anything is parsed.
func BenchmarkRefuseForged(b *testing.B) {
	v := newVerifier(b)
	body := make([]byte, MaxBody)
	headers := sign("another key", testNow, body)
	b.SetBytes(MaxBody)
	for b.Loop() {
		if _, err := v.Open(headers, body); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkParseCommand(b *testing.B) {
	for b.Loop() {
		if ParseCommand("确认执行方案A").Letter != "A" {
			b.Fatal("not understood")
		}
	}
}
