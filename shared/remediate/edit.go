package remediate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"cce-oncall/shared/incident"
)

// edit is an action that changes fields of one Kubernetes object in one call. The actions built on it say which fields and
// when they have taken hold; the rest (precondition, mark, before-image, resuming, undoing) is the same for all and lives here.
type edit struct {
	client kubernetes.Interface
	// plan compares the object with what the step expects, asks whether the change is safe, and says which fields it makes of
	// what. It only reads. No fields: the goal is reached already and nothing will be changed or undone.
	plan func(ctx context.Context, o Order, obj object) ([]field, error)
	// settled says whether the change, which is in place, has taken hold. Nil: being in place is all there is.
	settled func(ctx context.Context, o Order, obj object, before image) (bool, error)
	// oneWay is why there is no way back; empty for a change that Undo can take back.
	oneWay string
	// former finds the value with a digest, for fields that are kept by digest only.
	former func(ctx context.Context, obj object, digest json.RawMessage) (json.RawMessage, error)
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

// stand is where an object stands between before and after.
type stand int

const (
	standBefore stand = iota // as before, and not by our undoing
	standAfter               // as after, by this step
	standUndone              // taken back by this plan
	standMoved               // neither: somebody else was here
)

func (e edit) Prepare(ctx context.Context, o Order) (incident.Receipt, error) {
	version := ""
	for range attempts {
		acc, obj, err := e.read(ctx, o)
		if err != nil {
			return nil, err
		}
		img, patch, err := e.intend(ctx, o, obj)
		if err != nil {
			return nil, err
		}
		if img.Done {
			return json.Marshal(img)
		}
		err = acc.patch(ctx, patch, true)
		if err == nil {
			return json.Marshal(img)
		}
		if !raced(err, obj, version) {
			return nil, kubeError("trying the change of "+o.Target.String(), err)
		}
		version = obj.GetResourceVersion()
	}
	return nil, restless(o)
}

// intend works out the change of an object that is as it was previewed.
func (e edit) intend(ctx context.Context, o Order, obj object) (image, []byte, error) {
	if err := sameUID(o, obj); err != nil {
		return image{}, nil, err
	}
	mark := obj.GetAnnotations()[markKey]
	if mark == o.Mark || mark == o.Mark+undone {
		return image{}, nil, ErrRaced
	}
	fields, err := e.plan(ctx, o, obj)
	if err != nil {
		return image{}, nil, err
	}
	img := image{UID: obj.GetUID(), Mark: mark, Done: len(fields) == 0}
	if w, err := workloadOf(obj); err == nil { // other kinds have no rollout
		img.Late = w.late
	}
	doc, err := document(obj)
	if err != nil {
		return image{}, nil, err
	}
	for i := range fields {
		fields[i].Before = at(doc, fields[i].Path)
		img.Fields = append(img.Fields, fields[i].kept())
	}
	patch, err := patchOf(obj, fields, o.Mark)
	return img, patch, err
}

func (e edit) Apply(ctx context.Context, o Order, before incident.Receipt) error {
	return e.move(ctx, o, before, func(ctx context.Context, obj object, img image, s stand) ([]byte, error) {
		switch s {
		case standAfter:
			return nil, nil
		case standUndone:
			return nil, ErrRaced
		case standMoved:
			return nil, img.moved(o, obj)
		case standBefore:
		}
		fields, err := e.plan(ctx, o, obj) // still safe, however long after Prepare?
		if err != nil {
			return nil, err
		}
		doc, err := document(obj)
		if err != nil {
			return nil, err
		}
		for i := range fields {
			fields[i].Before = at(doc, fields[i].Path)
			if i >= len(img.Fields) || !reflect.DeepEqual(fields[i].kept(), img.Fields[i]) {
				return nil, ErrStale{Moved: o.Target.String() + " would be changed in another way than was recorded before"}
			}
		}
		return patchOf(obj, fields, o.Mark)
	})
}

func (e edit) Undo(ctx context.Context, o Order, before incident.Receipt) error {
	if e.oneWay != "" {
		return ErrIrreversible{Why: e.oneWay}
	}
	return e.move(ctx, o, before, func(ctx context.Context, obj object, img image, s stand) ([]byte, error) {
		switch s {
		case standUndone:
			return nil, nil
		case standMoved:
			return nil, img.moved(o, obj)
		case standBefore: // never applied: leave word, so that a late Apply finds it
			return patchOf(obj, nil, o.Mark+undone)
		case standAfter:
		}
		fields, err := e.back(ctx, obj, img)
		if err != nil {
			return nil, err
		}
		return patchOf(obj, fields, o.Mark+undone)
	})
}

func (e edit) Settled(ctx context.Context, o Order, before incident.Receipt) (bool, error) {
	_, obj, img, s, err := e.look(ctx, o, before)
	if err != nil {
		return false, err
	}
	if !img.Done {
		switch s {
		case standBefore:
			return false, ErrNotApplied
		case standUndone:
			return false, ErrRaced
		case standMoved:
			return false, img.moved(o, obj)
		case standAfter:
		}
	}
	if e.settled == nil {
		return true, nil
	}
	return e.settled(ctx, o, obj, img)
}

// attempts bounds how often a change is tried against an object that keeps changing under it.
const attempts = 5

// move reads, lets judge say what to write given where the object stands, and writes it under the precondition that nothing
// has changed since it was read. What changed in between is judged again.
func (e edit) move(ctx context.Context, o Order, before incident.Receipt, judge func(context.Context, object, image, stand) ([]byte, error)) error {
	version := ""
	for range attempts {
		acc, obj, img, s, err := e.look(ctx, o, before)
		if err != nil {
			return err
		}
		if img.Done {
			return nil
		}
		patch, err := judge(ctx, obj, img, s)
		if err != nil || patch == nil {
			return err
		}
		err = acc.patch(ctx, patch, false)
		if err == nil {
			return nil
		}
		if !raced(err, obj, version) {
			return kubeError("changing "+o.Target.String(), err)
		}
		version = obj.GetResourceVersion()
	}
	return restless(o)
}

// raced says whether a patch may have failed because the object changed since it was read: a failed test is 422, a lost race
// 409. A 422 for an object that has not moved since the attempt before is a refusal of the change itself.
func raced(err error, obj object, version string) bool {
	return apierrors.IsConflict(err) || apierrors.IsInvalid(err) && obj.GetResourceVersion() != version
}

func restless(o Order) error {
	return transientError{what: fmt.Sprintf("changing %s: it kept changing under %d attempts", o.Target, attempts)}
}

func (e edit) look(ctx context.Context, o Order, before incident.Receipt) (access, object, image, stand, error) {
	var img image
	if err := img.read(before); err != nil {
		return access{}, nil, img, 0, fmt.Errorf("reading the receipt of step %s: %w", o.ID, err)
	}
	acc, obj, err := e.read(ctx, o)
	if err != nil {
		return acc, nil, img, 0, err
	}
	if obj.GetUID() != img.UID {
		return acc, obj, img, 0, ErrStale{Moved: o.Target.String() + " was deleted and made again"}
	}
	s, err := img.stand(obj, o.Mark)
	return acc, obj, img, s, err
}

func (e edit) read(ctx context.Context, o Order) (access, object, error) {
	acc, err := reach(e.client, o.Target)
	if err != nil {
		return acc, nil, err
	}
	obj, err := acc.get(ctx)
	if err != nil {
		return acc, nil, kubeError("reading "+o.Target.String(), err)
	}
	return acc, obj, nil
}

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

// back are the fields that lead from after to before.
func (e edit) back(ctx context.Context, obj object, img image) ([]field, error) {
	doc, err := document(obj)
	if err != nil {
		return nil, err
	}
	back := make([]field, 0, len(img.Fields))
	for _, f := range img.Fields {
		to := f.Before
		if f.Digested && f.Before != nil {
			if to, err = e.former(ctx, obj, f.Before); err != nil {
				return nil, err
			}
		}
		back = append(back, field{Path: f.Path, Before: at(doc, f.Path), After: to})
	}
	return back, nil
}

// operation is one line of an RFC 6902 JSON Patch.
type operation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value,omitempty"`
}

// patchOf is the change as one JSON Patch: the object must be the very one that was read, every field must still have its old
// value, and the mark goes with the change or not at all.
func patchOf(obj object, fields []field, mark string) ([]byte, error) {
	uid, err := json.Marshal(obj.GetUID())
	if err != nil {
		return nil, fmt.Errorf("encoding a uid: %w", err)
	}
	value, err := json.Marshal(mark)
	if err != nil {
		return nil, fmt.Errorf("encoding a mark: %w", err)
	}
	ops := []operation{{Op: "test", Path: "/metadata/uid", Value: uid}}
	if rv := obj.GetResourceVersion(); rv != "" {
		version, err := json.Marshal(rv)
		if err != nil {
			return nil, fmt.Errorf("encoding a resource version: %w", err)
		}
		ops = append(ops, operation{Op: "test", Path: "/metadata/resourceVersion", Value: version})
	}
	for _, f := range fields {
		if f.Before != nil {
			ops = append(ops, operation{Op: "test", Path: f.Path, Value: f.Before})
		}
	}
	for _, f := range fields {
		switch {
		case bytes.Equal(f.Before, f.After):
		case f.After == nil:
			ops = append(ops, operation{Op: "remove", Path: f.Path})
		case f.Before == nil:
			ops = append(ops, operation{Op: "add", Path: f.Path, Value: f.After})
		default:
			ops = append(ops, operation{Op: "replace", Path: f.Path, Value: f.After})
		}
	}
	if len(obj.GetAnnotations()) == 0 {
		ops = append(ops, operation{Op: "add", Path: "/metadata/annotations", Value: json.RawMessage(`{}`)})
	}
	ops = append(ops, operation{Op: "add", Path: "/metadata/annotations/" + escape(markKey), Value: value})
	return json.Marshal(ops)
}

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

var errKind = errors.New("unexpected kind of object")
