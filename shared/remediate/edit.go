package remediate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
	if marked(obj, o) {
		return image{}, nil, ErrRaced
	}
	mark := obj.GetAnnotations()[markKey]
	fields, err := e.planned(ctx, o, obj)
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

// planned is the plan, which also reads what hangs on the object, such as revisions. Where another executor of the same step has
// changed the object meanwhile, that is what the plan stumbles over, and not the world.
func (e edit) planned(ctx context.Context, o Order, obj object) ([]field, error) {
	fields, err := e.plan(ctx, o, obj)
	var stale ErrStale
	if errors.As(err, &stale) {
		if _, now, gone := e.read(ctx, o); gone == nil && now.GetUID() == obj.GetUID() && marked(now, o) {
			return nil, ErrRaced
		}
	}
	return fields, err
}

// marked says whether an executor of this step has been here, there or back.
func marked(obj object, o Order) bool {
	mark := obj.GetAnnotations()[markKey]
	return mark == o.Mark || mark == o.Mark+undone
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
		fields, err := e.planned(ctx, o, obj) // still safe, however long after Prepare?
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
		if e.oneWay != "" {
			return nil, ErrIrreversible{Why: e.oneWay}
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
