package diagnose

import (
	"math"

	"cce-oncall/shared/incident"
)

// earns is what one kind of evidence is worth by itself: the chance that a finding is right when only this kind speaks for it. A
// field of an object says what is; an event and a log say what happened; a metric shows it from outside; a change or an alarm
// only points at it.
var earns = map[incident.Source]float64{
	incident.FromObject: 0.80,
	incident.FromEvent:  0.60,
	incident.FromLog:    0.60,
	incident.FromMetric: 0.55,
	incident.FromChange: 0.40,
	incident.FromAlarm:  0.30,
}

// counterFactor is what one statement of counter-evidence leaves of the confidence.
const counterFactor = 0.85

// confidence is
//
//	strength × (1 − Π over the kinds of evidence present (1 − earns)) × 0.85 ^ counter-evidence
//
// where strength says how directly the evidence shows the reason (1: it says so; less: inferred), each kind counts once however
// often it speaks (ten events are not ten witnesses), and 0.99 is the most there is. One alarm alone gives 0.30 at best.
func confidence(strength float64, evidence []incident.Evidence, counter []string) float64 {
	return round(math.Min(0.99, strength*earned(evidence)*math.Pow(counterFactor, float64(len(counter)))))
}

func earned(evidence []incident.Evidence) float64 {
	doubt := 1.0
	seen := map[incident.Source]bool{}
	for _, e := range evidence {
		if !seen[e.Source] {
			seen[e.Source] = true
			doubt *= 1 - earns[e.Source]
		}
	}
	return 1 - doubt
}

// strengthOf is the strength a finding was given, recovered from its confidence.
func strengthOf(f incident.Finding) float64 {
	e := earned(f.Evidence) * math.Pow(counterFactor, float64(len(f.Counter)))
	if e == 0 {
		return 0
	}
	return math.Min(1, f.Confidence/e)
}

func round(x float64) float64 { return math.Round(x*100) / 100 }
