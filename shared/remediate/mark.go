package remediate

import "strings"

// markKey is the annotation that a change leaves in the same call: which step of which approved plan made it.
const markKey = "oncall.cce/step"

// undone is what Undo appends to the mark. It stays on the object, so that a late Apply of the same step finds it and refuses.
const undone = ":undone"

// MarkOf is the mark of a step: the first 16 hex digits of the approved digest, and the step's id. Letters are never used twice
// within an incident and the digest binds the incident, so a mark is never met again by another plan.
func MarkOf(digest, step string) string {
	return planOf(digest) + ":" + step
}

func planOf(digest string) string {
	return digest[:min(16, len(digest))]
}

// samePlan says whether two marks were left by one plan.
func samePlan(a, b string) bool {
	plan, _, ok := strings.Cut(a, ":")
	return ok && strings.HasPrefix(b, plan+":")
}
