// Package remediate says what can be done about a cause, and does it. The playbook turns a diagnosis into solutions (pure: the
// same snapshot gives the same solutions), Predict computes what the scheduler will make of them, and the Runner carries out
// the one that was confirmed.
//
// What always holds: a step's goal is absolute, never "+3". Prepare and Settled only read; Apply and Undo may be repeated. Every
// change to a Kubernetes object is one call that carries its own precondition (uid, resourceVersion, the old values) and our
// mark, so that whoever resumes can tell what this plan did from what somebody else did. What is not as it was previewed is left
// alone (ErrStale). Nothing is applied before the intent and the before-image are saved.
//
// What has no precondition to carry (a node pool's target, an eviction that another executor is just sending) is absolute or
// bound to a uid, so that doing it twice is doing it once; that it does not come late, after an undo, is the lease's to see to.
package remediate
