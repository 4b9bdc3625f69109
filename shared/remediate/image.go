package remediate

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"cce-oncall/shared/incident"
)

// image is the receipt of an edit.
type image struct {
	UID    types.UID `json:"uid"`
	Mark   string    `json:"mark,omitempty"` // who had left a mark before us
	Fields []field   `json:"fields"`
	// Late is since when a Deployment had been past its progress deadline before the change.
	Late string `json:"late,omitempty"`
	// Done: the goal was reached already by somebody else; nothing is changed and nothing will be undone.
	Done bool `json:"done,omitempty"`
}

// field is one value of an object, by JSON pointer. Nil JSON: absent. Before equal to After: a mere precondition.
type field struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	// Digested: Before and After are SHA-256 of the values. A pod template is large and may hold secrets in its environment.
	Digested bool `json:"digested,omitempty"`
}

// kept is the field as the receipt holds it, and as an object's value is compared with it.
func (f field) kept() field {
	if f.Digested {
		f.Before, f.After = digestOf(f.Before), digestOf(f.After)
	}
	return f
}

// now is the field's value in an object, in the form the receipt holds.
func (f field) now(doc any) json.RawMessage {
	v := at(doc, f.Path)
	if f.Digested {
		return digestOf(v)
	}
	return v
}

func digestOf(v json.RawMessage) json.RawMessage {
	if v == nil {
		return nil
	}
	return json.RawMessage(fmt.Sprintf("%q", fmt.Sprintf("sha256:%x", sha256.Sum256(v))))
}

// stand is where an object stands between before and after.
type stand int

const (
	standBefore stand = iota // as before, and not by our undoing
	standAfter               // as after, by this step
	standUndone              // taken back by this plan
	standMoved               // neither: somebody else was here
)

// read takes a receipt in whatever spacing the store has given it.
func (m *image) read(receipt incident.Receipt) error {
	if err := json.Unmarshal(receipt, m); err != nil {
		return err
	}
	for i := range m.Fields {
		for _, v := range []*json.RawMessage{&m.Fields[i].Before, &m.Fields[i].After} {
			if *v == nil {
				continue
			}
			c, err := canonical(*v)
			if err != nil {
				return err
			}
			*v = c
		}
	}
	return nil
}

func (m image) stand(obj object, mark string) (stand, error) {
	doc, err := document(obj)
	if err != nil {
		return 0, err
	}
	isBefore, isAfter := true, true
	for _, f := range m.Fields {
		now := f.now(doc)
		isBefore = isBefore && bytes.Equal(now, f.Before)
		isAfter = isAfter && bytes.Equal(now, f.After)
	}
	left := obj.GetAnnotations()[markKey]
	switch {
	case left == mark+undone:
		return standUndone, nil
	case isAfter && samePlan(mark, left): // ours, or a later step's of this plan on the same object
		return standAfter, nil
	case samePlan(mark, left) && strings.HasSuffix(left, undone): // the plan is on its way back: no step of it may go forward
		return standUndone, nil
	case isBefore && left != mark:
		return standBefore, nil
	default:
		return standMoved, nil
	}
}

// moved names the first field that is neither before nor after.
func (m image) moved(o Order, obj object) error {
	doc, err := document(obj)
	if err != nil {
		return err
	}
	for _, f := range m.Fields {
		if now := f.now(doc); !bytes.Equal(now, f.After) && !bytes.Equal(f.Before, f.After) {
			return ErrStale{Moved: fmt.Sprintf("%s of %s is %s, neither %s (before) nor %s (after)",
				f.Path, o.Target, brief(now), brief(f.Before), brief(f.After))}
		}
	}
	return ErrStale{Moved: fmt.Sprintf("%s is as planned, but not by this step: the mark on it is %s", o.Target, named(obj.GetAnnotations()[markKey]))}
}

// brief keeps a value short enough for a sentence: a pod template may hold what no card may show.
func brief(v json.RawMessage) string {
	switch {
	case v == nil:
		return "unset"
	case len(v) > 60:
		return "a different value"
	default:
		return string(v)
	}
}
