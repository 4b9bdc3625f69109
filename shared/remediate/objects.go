package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"cce-oncall/shared/incident"
)

// object is what every Kubernetes object offers.
type object interface {
	metav1.Object
	runtime.Object
}

// typed is the part of client-go's typed clients that an edit needs; every one of them has it.
type typed[T object] interface {
	Get(ctx context.Context, name string, opts metav1.GetOptions) (T, error)
	Patch(ctx context.Context, name string, pt types.PatchType, data []byte, opts metav1.PatchOptions, subresources ...string) (T, error)
}

// access reads and patches one object, whatever its kind.
type access struct {
	get   func(ctx context.Context) (object, error)
	patch func(ctx context.Context, data []byte, dryRun bool) error
}

func accessTo[T object](c typed[T], name string) access {
	return access{
		get: func(ctx context.Context) (object, error) {
			o, err := c.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return nil, err // a typed nil would not be nil
			}
			return o, nil
		},
		patch: func(ctx context.Context, data []byte, dryRun bool) error {
			opts := metav1.PatchOptions{FieldManager: "cce-oncall"}
			if dryRun {
				opts.DryRun = []string{metav1.DryRunAll}
			}
			_, err := c.Patch(ctx, name, types.JSONPatchType, data, opts)
			return err
		},
	}
}

// reach finds the client for a target. An unknown kind is refused.
func reach(c kubernetes.Interface, t incident.Target) (access, error) {
	switch t.Kind {
	case "Deployment":
		return accessTo(c.AppsV1().Deployments(t.Namespace), t.Name), nil
	case "StatefulSet":
		return accessTo(c.AppsV1().StatefulSets(t.Namespace), t.Name), nil
	case "DaemonSet":
		return accessTo(c.AppsV1().DaemonSets(t.Namespace), t.Name), nil
	case "Job":
		return accessTo(c.BatchV1().Jobs(t.Namespace), t.Name), nil
	case "CronJob":
		return accessTo(c.BatchV1().CronJobs(t.Namespace), t.Name), nil
	case "HorizontalPodAutoscaler":
		return accessTo(c.AutoscalingV2().HorizontalPodAutoscalers(t.Namespace), t.Name), nil
	case "Service":
		return accessTo(c.CoreV1().Services(t.Namespace), t.Name), nil
	case "PersistentVolumeClaim":
		return accessTo(c.CoreV1().PersistentVolumeClaims(t.Namespace), t.Name), nil
	case "Node":
		return accessTo(c.CoreV1().Nodes(), t.Name), nil
	default:
		return access{}, ErrUnsafe{Why: fmt.Sprintf("no way to change a %q", t.Kind)}
	}
}

// document is an object as JSON, to be read by JSON pointer exactly as the API server's patch would.
func document(o object) (any, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", o.GetName(), err)
	}
	var doc any
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", o.GetName(), err)
	}
	return doc, nil
}

// at is the value behind a JSON pointer in canonical JSON, nil where there is none.
func at(doc any, pointer string) json.RawMessage {
	for _, key := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		key = strings.NewReplacer("~1", "/", "~0", "~").Replace(key)
		switch d := doc.(type) {
		case map[string]any:
			v, ok := d[key]
			if !ok {
				return nil
			}
			doc = v
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(d) {
				return nil
			}
			doc = d[i]
		default:
			return nil
		}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return nil
	}
	return b
}

// escape makes a map key fit into a JSON pointer.
func escape(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }

// canonical is a Go value as the JSON that at returns for it: maps sorted by key.
func canonical(v any) (json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding a value: %w", err)
	}
	var x any
	if err := json.Unmarshal(b, &x); err != nil {
		return nil, fmt.Errorf("decoding a value: %w", err)
	}
	return json.Marshal(x)
}
