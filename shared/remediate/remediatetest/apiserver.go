package remediatetest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/remediate"
)

// OnAPIServer are scenarios over a real API server with its controllers and scheduler, and kubelets that are played (nodes
// labelled type=kwok become Ready): every action that changes Kubernetes, and the one that deletes a machine behind a node. Every
// world is a namespace of its own, made and thrown away; name keeps the namespaces of two runs apart. Each scenario has a worker
// of its own, so that scenarios may run side by side.
func OnAPIServer(config *rest.Config, name string) ([]Scenario, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // one machine: nobody to be polite to
	direct, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	var all []Scenario
	for i, l := range layouts() {
		s := &server{config: config, direct: direct, name: fmt.Sprintf("%s-%d", name, i)}
		if _, err := s.worker(s.home()); err != nil {
			return nil, err
		}
		all = append(all, s.scenario(l))
	}
	return all, nil
}

// layout is one plan: what it needs and does, and what of the world it is meant to change.
type layout struct {
	name   string
	steps  func(*ground) ([]incident.Step, error)
	state  func(*ground) (string, error)
	settle func(*ground) error // nil: there is nothing to wait for
	oneWay bool
}

// layouts are all there are.
func layouts() []layout {
	deployment, node := (*ground).deployment, (*ground).node
	return []layout{
		{"ScaleOut", (*ground).scaleOut, deployment, (*ground).settle, false},
		{"AdjustResources", (*ground).adjustResources, deployment, (*ground).settle, false},
		{"AdjustHPA", (*ground).adjustHPA, (*ground).autoscaler, nil, false},
		{"RollBack of a Deployment", (*ground).rollBack, deployment, (*ground).settle, false},
		{"RollBack of a StatefulSet", (*ground).rollBackStateful, (*ground).stateful, (*ground).settleStateful, false},
		{"RestartRollout", (*ground).restart, deployment, (*ground).settle, true},
		{"ResumeRollout", (*ground).resume, deployment, (*ground).settle, false},
		{"RestoreReplicas", (*ground).restore, deployment, (*ground).settle, false},
		{"BurstToCCI", (*ground).burst, deployment, (*ground).settle, false},
		{"FixServiceSelector, FixServicePort", (*ground).fixService, (*ground).service, nil, false},
		{"CordonNode, DrainNode", (*ground).drain, node, (*ground).settle, true},
		{"CordonNode, ReplaceNode", (*ground).replace, (*ground).machine, (*ground).replaced, true},
		{"UncordonNode", (*ground).uncordon, node, nil, false},
		{"DeletePod", (*ground).deletePod, (*ground).doomed, (*ground).settle, true},
		{"SuspendJob", (*ground).suspendJob, (*ground).job, (*ground).settleJob, false},
		{"SuspendCronJob", (*ground).suspendCronJob, (*ground).cronJob, nil, false},
		{"ExpandPVC", (*ground).expand, (*ground).claim, (*ground).resize, true},
	}
}

// server is the API server as one scenario uses it.
type server struct {
	config *rest.Config
	direct kubernetes.Interface
	name   string
	worlds atomic.Int64
}

func (s *server) home() string { return s.name + "-home" }

// ground is one world: a namespace.
type ground struct {
	*server
	namespace string
	cloud     *Cloud
	target    string // name of the pod that is to go
}

// own is the node of a world that needs one to itself.
func (g *ground) own() string { return g.namespace + "-node" }

func (s *server) scenario(l layout) Scenario {
	return Scenario{Name: l.name, World: func(cut *Cut) (World, error) {
		g := &ground{server: s, namespace: fmt.Sprintf("%s-%d", s.name, s.worlds.Add(1)), cloud: NewCloud(cut)}
		if err := g.open(); err != nil {
			return World{}, err
		}
		plan, err := l.steps(g)
		if err != nil {
			return World{}, errors.Join(fmt.Errorf("laying out %s: %w", l.name, err), g.shut())
		}
		for i := range plan {
			plan[i].ID = fmt.Sprintf("A%d", i+1)
		}
		settle := func() error { return nil }
		if l.settle != nil {
			settle = func() error { return l.settle(g) }
		}
		return World{
			Actions: func() map[incident.ActionKind]remediate.Action { return g.actions(cut) },
			Steps:   plan, State: func() (string, error) { return l.state(g) }, Settle: settle, OneWay: l.oneWay,
			Alike: func(call string) string {
				return podPath.ReplaceAllString(strings.ReplaceAll(call, g.namespace, "NAMESPACE"), "/pods/POD")
			},
			Close: g.shut,
		}, nil
	}}
}

var podPath = regexp.MustCompile("/pods/[^/]+")

// actions are one executor's: all its calls pass the cut.
func (g *ground) actions(cut *Cut) map[incident.ActionKind]remediate.Action {
	config := rest.CopyConfig(g.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return cut.RoundTripper(next) })
	return remediate.Actions(kubernetes.NewForConfigOrDie(config), nil, g.cloud) // the same configuration has connected before
}

const (
	soon    = 20 * time.Millisecond
	patient = 30 * time.Second
)

// until waits for a state of the cluster.
func until(what string, f func(context.Context) (bool, error)) error {
	if err := wait.PollUntilContextTimeout(context.Background(), soon, patient, true, f); err != nil {
		return fmt.Errorf("waiting for %s: %w", what, err)
	}
	return nil
}

// open makes the namespace and waits until pods can be made in it.
func (g *ground) open() error {
	ctx := context.Background()
	if _, err := g.direct.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: g.namespace}}, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("making a namespace: %w", err)
	}
	return until("the namespace's service account", func(ctx context.Context) (bool, error) {
		_, err := g.direct.CoreV1().ServiceAccounts(g.namespace).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, nil
	})
}

func (g *ground) shut() error {
	ctx := context.Background()
	err := g.direct.CoreV1().Namespaces().Delete(ctx, g.namespace, metav1.DeleteOptions{})
	if gone := g.direct.CoreV1().Nodes().Delete(ctx, g.own(), metav1.DeleteOptions{}); !apierrors.IsNotFound(gone) {
		err = errors.Join(err, gone)
	}
	return err
}

// worker is a node that is played, once it is Ready.
func (s *server) worker(name string) (*corev1.Node, error) {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"type": "kwok", corev1.LabelHostname: name, "matrix": s.name}}}
	n.Status.Allocatable = corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("64"), corev1.ResourceMemory: resource.MustParse("256Gi"), corev1.ResourcePods: resource.MustParse("500"),
	}
	n.Status.Capacity = n.Status.Allocatable
	if _, err := s.direct.CoreV1().Nodes().Create(context.Background(), n, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("making node %s: %w", name, err)
	}
	err := until("node "+name, func(ctx context.Context) (ready bool, err error) {
		if n, err = s.direct.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{}); err != nil {
			return false, err
		}
		for _, c := range n.Status.Conditions {
			ready = ready || c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
		}
		return ready && len(n.Spec.Taints) == 0, nil
	})
	return n, err
}
