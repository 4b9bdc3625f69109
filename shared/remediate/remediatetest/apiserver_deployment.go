package remediatetest

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"cce-oncall/shared/incident"
)

// web makes the Deployment that the scenarios change, once its pods are available.
func (g *ground) web(replicas int32) (*appsv1.Deployment, error) {
	labels := map[string]string{"app": "web"}
	d, err := g.direct.AppsV1().Deployments(g.namespace).Create(context.Background(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: g.template(labels)},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("making a deployment: %w", err)
	}
	return d, until("the deployment", g.rolledOut)
}

// template is a pod that runs on the nodes of its scenario only.
func (g *ground) template(labels map[string]string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec: corev1.PodSpec{NodeSelector: map[string]string{"matrix": g.name}, Containers: []corev1.Container{{
			Name: "app", Image: "app:1", Env: []corev1.EnvVar{{Name: "QUERY", Value: "<a&b>"}}, // characters that JSON may escape
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")}, Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1000m")},
			},
		}}},
	}
}

func (g *ground) rolledOut(ctx context.Context) (bool, error) {
	d, err := g.direct.AppsV1().Deployments(g.namespace).Get(ctx, "web", metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	n, s := wanted(d.Spec.Replicas), d.Status
	return s.ObservedGeneration >= d.Generation && s.Replicas == n && s.UpdatedReplicas == n && s.AvailableReplicas == n, nil
}

func (g *ground) settle() error { return g.look("the rollout", g.rolledOut) }

// look gives the controllers time to catch up: until what is waited for has come, or a few looks.
func (g *ground) look(what string, f func(context.Context) (bool, error)) error {
	looks := 0
	return until(what, func(ctx context.Context) (bool, error) {
		looks++
		done, err := f(ctx)
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
	return Show(wanted(d.Spec.Replicas), d.Spec.Paused, c.Image, c.Resources, d.Spec.Template.Annotations, d.Spec.Template.Labels)
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

// closed cordons or opens the node that all worlds of the scenario share, and waits for the taint by which the scheduler knows.
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
