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

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/remediate"
)

// OnAPIServer are scenarios over a real API server with its controllers and scheduler, and kubelets that are played (nodes
// labelled type=kwok become Ready). Every world is a namespace of its own, made and thrown away; name keeps the namespaces of
// two runs apart. They use one worker of their own and must not run side by side.
func OnAPIServer(config *rest.Config, name string) ([]Scenario, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // one machine: nobody to be polite to
	direct, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	s := &server{config: config, direct: direct, name: name}
	if _, err := s.worker(s.home()); err != nil {
		return nil, err
	}
	return []Scenario{
		s.scenario("ScaleOut", (*ground).scaleOut, (*ground).deployment, false),
		s.scenario("AdjustResources", (*ground).adjustResources, (*ground).deployment, false),
		s.scenario("RollBack", (*ground).rollBack, (*ground).deployment, false),
		s.scenario("FixServiceSelector, FixServicePort", (*ground).fixService, (*ground).service, false),
		s.scenario("CordonNode, DrainNode", (*ground).drain, (*ground).node, true),
	}, nil
}

// server is the API server the scenarios share.
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
}

// own is the node of a world that needs one to itself.
func (g *ground) own() string { return g.namespace + "-node" }

func (s *server) scenario(name string, steps func(*ground) ([]incident.Step, error), state func(*ground) (string, error), oneWay bool) Scenario {
	return Scenario{Name: name, World: func(cut *Cut) (World, error) {
		g := &ground{server: s, namespace: fmt.Sprintf("%s-%d", s.name, s.worlds.Add(1))}
		if err := g.open(); err != nil {
			return World{}, err
		}
		plan, err := steps(g)
		if err != nil {
			return World{}, errors.Join(fmt.Errorf("laying out %s: %w", name, err), g.shut())
		}
		for i := range plan {
			plan[i].ID = fmt.Sprintf("A%d", i+1)
		}
		return World{
			Actions: func() map[incident.ActionKind]remediate.Action { return g.actions(cut) },
			Steps:   plan, State: func() (string, error) { return state(g) }, Settle: g.settle, OneWay: oneWay,
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
	return remediate.Actions(kubernetes.NewForConfigOrDie(config), nil, nil) // the same configuration has connected before
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
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"type": "kwok", corev1.LabelHostname: name}}}
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

// web makes the Deployment that the scenarios change, once its pods are available.
func (g *ground) web(replicas int32) (*appsv1.Deployment, error) {
	labels := map[string]string{"app": "web"}
	d, err := g.direct.AppsV1().Deployments(g.namespace).Create(context.Background(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Name: "app", Image: "app:1", Env: []corev1.EnvVar{{Name: "QUERY", Value: "<a&b>"}}, // characters that JSON may escape
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")}, Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1000m")},
				},
			}}},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("making a deployment: %w", err)
	}
	return d, until("the deployment", g.rolledOut)
}

func (g *ground) rolledOut(ctx context.Context) (bool, error) {
	d, err := g.direct.AppsV1().Deployments(g.namespace).Get(ctx, "web", metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	n, s := wanted(d.Spec.Replicas), d.Status
	return s.ObservedGeneration >= d.Generation && s.Replicas == n && s.UpdatedReplicas == n && s.AvailableReplicas == n, nil
}

// settle gives the controllers time to catch up: until the rollout is over, or a few looks at it.
func (g *ground) settle() error {
	looks := 0
	return until("the rollout", func(ctx context.Context) (bool, error) {
		looks++
		done, err := g.rolledOut(ctx)
		return done || looks > mostLooks, err
	})
}

const mostLooks = 5

func (g *ground) step(action incident.ActionKind, kind string, uid types.UID, expect, goal map[string]string) incident.Step {
	expect["uid"] = string(uid)
	return incident.Step{Action: action, Target: incident.Target{Kind: kind, Namespace: g.namespace, Name: "web"}, Expect: expect, Goal: goal}
}

func (g *ground) scaleOut() ([]incident.Step, error) {
	d, err := g.web(1)
	if err != nil {
		return nil, err
	}
	return []incident.Step{g.step(incident.ScaleOut, "Deployment", d.UID, map[string]string{"replicas": "1"}, map[string]string{"replicas": "2"})}, nil
}

func (g *ground) adjustResources() ([]incident.Step, error) {
	d, err := g.web(1)
	if err != nil {
		return nil, err
	}
	return []incident.Step{g.step(incident.AdjustResources, "Deployment", d.UID,
		map[string]string{"container": "app", "requests.cpu": "100m", "limits.cpu": "1"}, map[string]string{"container": "app", "requests.cpu": "200m", "limits.cpu": "2"})}, nil
}

func (g *ground) rollBack() ([]incident.Step, error) {
	ctx := context.Background()
	d, err := g.web(1)
	if err != nil {
		return nil, err
	}
	image := []byte(`[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"app:2"}]`)
	if _, err := g.direct.AppsV1().Deployments(g.namespace).Patch(ctx, d.Name, types.JSONPatchType, image, metav1.PatchOptions{}); err != nil {
		return nil, err
	}
	if err := until("the second revision", g.rolledOut); err != nil {
		return nil, err
	}
	sets, err := g.direct.AppsV1().ReplicaSets(g.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	by := map[string]string{}
	for _, rs := range sets.Items {
		by[rs.Spec.Template.Spec.Containers[0].Image] = rs.Name
	}
	return []incident.Step{g.step(incident.RollBack, "Deployment", d.UID,
		map[string]string{"revision": "2", "from": by["app:2"]}, map[string]string{"revision": "1", "to": by["app:1"]})}, nil
}

// deployment is what the steps above are meant to change.
func (g *ground) deployment() (string, error) {
	d, err := g.direct.AppsV1().Deployments(g.namespace).Get(context.Background(), "web", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	c := d.Spec.Template.Spec.Containers[0]
	return Show(wanted(d.Spec.Replicas), c.Image, c.Resources, d.Spec.Template.Annotations, d.Spec.Template.Labels)
}

func (g *ground) fixService() ([]incident.Step, error) {
	if _, err := g.web(1); err != nil {
		return nil, err
	}
	svc, err := g.direct.CoreV1().Services(g.namespace).Create(context.Background(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "wbe"}, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8081)}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return []incident.Step{
		g.step(incident.FixServiceSelector, "Service", svc.UID, map[string]string{"selector": "app=wbe"}, map[string]string{"selector": "app=web"}),
		g.step(incident.FixServicePort, "Service", svc.UID, map[string]string{"port": "80", "targetPort": "8081", "protocol": "TCP"}, map[string]string{"targetPort": "8080"}),
	}, nil
}

func (g *ground) service() (string, error) {
	svc, err := g.direct.CoreV1().Services(g.namespace).Get(context.Background(), "web", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return Show(svc.Spec.Selector, svc.Spec.Ports)
}

// drain lays two pods on a node of their own, by keeping them off the other one while they are made.
func (g *ground) drain() ([]incident.Step, error) {
	n, err := g.worker(g.own())
	if err != nil {
		return nil, err
	}
	if err := g.closed(true); err != nil {
		return nil, err
	}
	if _, err := g.web(2); err != nil {
		return nil, errors.Join(err, g.closed(false))
	}
	if err := g.closed(false); err != nil {
		return nil, err
	}
	t := incident.Target{Kind: "Node", Name: n.Name}
	return []incident.Step{
		{Action: incident.CordonNode, Target: t, Expect: map[string]string{"uid": string(n.UID), "unschedulable": "false"}, Goal: map[string]string{"unschedulable": "true"}},
		{Action: incident.DrainNode, Target: t, Expect: map[string]string{"uid": string(n.UID)}, Goal: map[string]string{"drained": "true"}},
	}, nil
}

// closed cordons or opens the node that all worlds share, and waits for the taint by which the scheduler knows.
func (g *ground) closed(yes bool) error {
	change := fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, yes)
	if _, err := g.direct.CoreV1().Nodes().Patch(context.Background(), g.home(), types.MergePatchType, change, metav1.PatchOptions{}); err != nil {
		return err
	}
	return until("the node to be closed or open", func(ctx context.Context) (bool, error) {
		n, err := g.direct.CoreV1().Nodes().Get(ctx, g.home(), metav1.GetOptions{})
		return err == nil && (len(n.Spec.Taints) > 0) == yes, err
	})
}

// node is whether it is closed, and how many pods stay on it.
func (g *ground) node() (string, error) {
	ctx := context.Background()
	n, err := g.direct.CoreV1().Nodes().Get(ctx, g.own(), metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	pods, err := g.direct.CoreV1().Pods(g.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	stay := 0
	for _, p := range pods.Items {
		if p.Spec.NodeName == n.Name && p.DeletionTimestamp == nil {
			stay++
		}
	}
	return Show(n.Spec.Unschedulable, stay)
}
