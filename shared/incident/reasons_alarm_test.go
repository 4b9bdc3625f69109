package incident_test

import (
	"testing"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// Every cause that the alarm catalogue sends people to must be one that can be explained to them.
func TestEveryCandidateOfTheAlarmCatalogueIsRegistered(t *testing.T) {
	for _, e := range alarm.Catalogue() {
		for _, r := range e.Reasons {
			if !incident.Known(incident.Reason(r)) {
				t.Errorf("%s leads to %s, which is not registered", e.Name, r)
			}
		}
	}
}
