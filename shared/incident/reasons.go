package incident

import "slices"

// Reasons is every reason a finding may carry, by domain. It is the registry behind the playbook, the cards and the table of
// diagnose -reasons; names may be added, never changed.
var Reasons = slices.Concat(
	admissionReasons,
	schedulingReasons,
	imageReasons,
	containerReasons,
	performanceReasons,
	applicationReasons,
	lifecycleReasons,
	nodeReasons,
	networkReasons,
	storageReasons,
	autoscalingReasons,
	controlplaneReasons,
	changeReasons,
)

var reasonIndex = func() map[Reason]ReasonInfo {
	m := make(map[Reason]ReasonInfo, len(Reasons))
	for _, r := range Reasons {
		m[r.Reason] = r
	}
	return m
}()

// Info is what the registry knows of a reason. A name that is not registered (an archive of a later version) gets its own name
// as title, so that it can still be shown.
func Info(r Reason) ReasonInfo {
	if i, ok := reasonIndex[r]; ok {
		return i
	}
	return ReasonInfo{Reason: r, Title: Both(string(r))}
}

// Known says whether the registry holds the reason.
func Known(r Reason) bool {
	_, ok := reasonIndex[r]
	return ok
}
