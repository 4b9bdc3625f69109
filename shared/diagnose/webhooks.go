package diagnose

import "cce-oncall/shared/incident"

// webhookOf is the configuration in which a webhook stands; when none was read, the webhook's own name has to do.
func (v *view) webhookOf(webhook string) incident.Target {
	for _, u := range v.Objects.Other {
		if u.GetKind() != "ValidatingWebhookConfiguration" && u.GetKind() != "MutatingWebhookConfiguration" {
			continue
		}
		for _, x := range listAt(u.Object, "webhooks") {
			if text(x["name"]) == webhook {
				return incident.Target{Kind: u.GetKind(), Name: u.GetName()}
			}
		}
	}
	return incident.Target{Kind: "ValidatingWebhookConfiguration", Name: webhook}
}
