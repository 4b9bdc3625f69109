package remediate

import (
	"errors"
	"fmt"

	"cce-oncall/shared/incident"
)

// Order is one step being carried out: what was approved, and the mark it leaves on what it changes.
type Order struct {
	incident.Step
	Mark string // see MarkOf
}

var errKind = errors.New("unexpected kind of object")

// sameUID refuses an object that only has the name of the one that was previewed.
func sameUID(o Order, obj object) error {
	want, ok := o.Expect["uid"]
	if !ok || want == "" {
		return ErrUnsafe{Why: "step " + o.ID + " does not say which object it was approved for (no uid)"}
	}
	if string(obj.GetUID()) != want {
		return ErrStale{Moved: o.Target.String() + " was deleted and made again since the preview"}
	}
	return nil
}

// expect compares one value with what the preview saw.
func (o Order) expect(key, now string) error {
	want, ok := o.Expect[key]
	if !ok {
		return ErrUnsafe{Why: fmt.Sprintf("step %s does not say what %s was in the preview", o.ID, key)}
	}
	if want != now {
		return ErrStale{Moved: fmt.Sprintf("%s of %s is %s, the preview saw %s", key, o.Target, named(now), named(want))}
	}
	return nil
}

// goal reads one value of the goal.
func (o Order) goal(key string) (string, error) {
	v, ok := o.Goal[key]
	if !ok {
		return "", ErrUnsafe{Why: fmt.Sprintf("step %s has no goal for %s", o.ID, key)}
	}
	return v, nil
}

func named(v string) string {
	if v == "" {
		return "unset"
	}
	return v
}
