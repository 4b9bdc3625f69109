package observe

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// page is one page of a list and where the next one begins.
type page[T any] func(context.Context, metav1.ListOptions) (items []T, next string, err error)

// paged makes a page of a typed client's List.
func paged[L metav1.ListInterface, T any](call func(context.Context, metav1.ListOptions) (L, error), items func(L) []T) page[T] {
	return func(ctx context.Context, opts metav1.ListOptions) ([]T, string, error) {
		l, err := call(ctx, opts)
		if err != nil {
			return nil, "", err
		}
		return items(l), l.GetContinue(), nil
	}
}

// listing is how one kind is read.
type listing[T any] struct {
	source string // as it is called in gaps and in Unreadable
	gvk    schema.GroupVersionKind
	fetch  page[T]
	needed bool            // judgement is blind without it
	keep   func(*T) bool   // nil: all
	prune  func([]*T) []*T // after each page, so that what will not be kept is not held; nil: nothing
	most   int             // pages; 0: all
	done   func(all []*T)  // where it goes
	edits  bool            // the time of its last edit is a change worth knowing
}

// list makes the call that reads a kind in pages. What an object carries for the API server's own use goes at once, page by page.
func list[T any, P object[T]](l *look, in listing[T]) func(context.Context) {
	return func(ctx context.Context) {
		var all []*T
		opts := metav1.ListOptions{Limit: l.limits.Page}
		for pages := 1; ; pages++ {
			items, next, err := fetchPage(ctx, l, in.fetch, opts)
			if apierrors.IsResourceExpired(err) && opts.Continue != "" { // the list grew too old while it was read: once more, in one piece
				all, opts = nil, metav1.ListOptions{}
				items, next, err = fetchPage(ctx, l, in.fetch, opts)
			}
			if err != nil {
				l.failed(in.source, in.needed, len(all), err)
				break
			}
			for i := range items {
				o := P(&items[i])
				if in.edits {
					l.edited(in.gvk.Kind, o)
				}
				Tidy(o)
				o.GetObjectKind().SetGroupVersionKind(in.gvk)
				if in.keep == nil || in.keep(&items[i]) {
					one := items[i] // out of the page's array, which one kept object would keep alive whole
					all = append(all, &one)
				}
			}
			if in.prune != nil {
				all = in.prune(all)
			}
			if next == "" {
				break
			}
			if in.most > 0 && pages == in.most {
				l.missed(in.source, fmt.Sprintf("not all %s could be read: there are more than %d pages of them", in.source, in.most), false)
				break
			}
			opts.Continue = next
		}
		in.done(all)
	}
}

// fetchPage asks for one page, and once more where the API server only stumbled.
func fetchPage[T any](ctx context.Context, l *look, fetch page[T], opts metav1.ListOptions) ([]T, string, error) {
	for try := 0; ; try++ {
		call, cancel := l.limited(ctx)
		items, next, err := fetch(call, opts)
		cancel()
		if err == nil || try == 1 || !again(ctx, err) {
			return items, next, err
		}
	}
}

// failed notes a list that could not be read, or not to its end.
func (l *look) failed(source string, needed bool, read int, err error) {
	served := !apierrors.IsNotFound(err)
	what := fmt.Sprintf("%s could not be listed: %s", source, reason(err))
	if read > 0 {
		what = fmt.Sprintf("not all %s could be listed (%d were): %s", source, read, reason(err))
	}
	l.missed(source, what, needed && served)
}
