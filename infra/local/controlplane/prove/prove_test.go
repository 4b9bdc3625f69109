// Package prove shows on a running control plane that what the agent relies on
// is so. It is apart from the program because a test inside would have to link
// all of Kubernetes once more.
package prove

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// limit is how long anything may take to come true on a loaded machine.
const limit = 90 * time.Second

// A cluster is the running control plane as its user sees it.
type cluster struct {
	Kubeconfig string `json:"kubeconfig"`
	Server     string `json:"server"`
	CAFile     string `json:"caFile"`
	Logs       string `json:"logs"`
	AuditLog   string `json:"auditLog"`

	binary string
	config *rest.Config
	client kubernetes.Interface
}

func TestControlPlane(t *testing.T) {
	binary := os.Getenv("CONTROLPLANE_BIN")
	if binary == "" {
		t.Skip("CONTROLPLANE_BIN is not set; run: CONTROLPLANE_BIN=$(infra/local/build.sh controlplane) go test ./...")
	}
	c := start(t, binary)

	t.Run("proofs", func(t *testing.T) {
		for name, proof := range map[string]func(*testing.T, *cluster){
			"scheduling":        provesScheduling,
			"rollout and undo":  provesRollout,
			"lost node":         provesLostNode,
			"node conditions":   provesNodeConditions,
			"disruption budget": provesDisruptionBudget,
			"rbac and audit":    provesRBACAndAudit,
			"faults by image":   provesFaults,
			"fault by note":     provesFaultOfLivingPod,
			"stuck terminating": provesStuckTerminating,
			"container logs":    provesLogs,
			"aggregated API":    provesAggregation,
			"job that fails":    provesFailedJob,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				proof(t, c)
			})
		}
	})
}

// start runs the control plane until the test ends, and has it end too when the
// test process is killed.
func start(t *testing.T, binary string) *cluster {
	t.Helper()
	began := time.Now()
	cmd := exec.Command(binary, "up", "--dir", t.TempDir(), "--until-stdin-eof")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		began := time.Now()
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("stop: %v\n%s", err, stderr.String())
		}
		t.Logf("stopped after %v", time.Since(began))
	})

	c := &cluster{binary: binary}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		t.Fatalf("no line on stdout: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(line, c); err != nil {
		t.Fatalf("unmarshal %s: %v", line, err)
	}
	t.Logf("usable after %v", time.Since(began))
	if c.config, err = clientcmd.BuildConfigFromFlags("", c.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	c.config.QPS = -1
	c.client = kubernetes.NewForConfigOrDie(c.config)
	return c
}

func provesScheduling(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.node(t, ns+"-1", ns, "2")
	c.deploy(t, ns, "chat", "chat:v1", 3, "1")
	eventually(t, func() error {
		return c.has(t, ns, "FailedScheduling", "Insufficient cpu")
	})
	c.available(t, ns, "chat", 2)
	c.node(t, ns+"-2", ns, "2")
	c.available(t, ns, "chat", 3)
}

func provesRollout(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.node(t, ns, ns, "8")
	c.deploy(t, ns, "web", "web:v1", 2, "100m")
	c.available(t, ns, "web", 2)
	c.kubectl(t, "set", "image", "-n", ns, "deployment/web", "app=web:v2-nopull")
	eventually(t, func() error {
		return c.waits(t, ns, "ImagePullBackOff")
	})
	c.available(t, ns, "web", 2) // the old ones: the broken release has no effect on them
	c.kubectl(t, "rollout", "undo", "-n", ns, "deployment/web")
	c.kubectl(t, "rollout", "status", "-n", ns, "deployment/web", "--timeout=60s")
	deployment, err := c.client.AppsV1().Deployments(ns).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if image := deployment.Spec.Template.Spec.Containers[0].Image; image != "web:v1" {
		t.Errorf("image after undo = %s, want web:v1", image)
	}
	if revision := deployment.Annotations["deployment.kubernetes.io/revision"]; revision != "3" {
		t.Errorf("revision after undo = %s, want 3", revision)
	}
}

func provesLostNode(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.node(t, ns, ns, "2")
	c.label(t, ns, `null`)
	eventually(t, func() error { return c.ready(t, ns, corev1.ConditionUnknown) })
	eventually(t, func() error { return c.tainted(t, ns, corev1.TaintNodeUnreachable, true) })
	c.label(t, ns, `"kwok"`)
	eventually(t, func() error { return c.ready(t, ns, corev1.ConditionTrue) })
	eventually(t, func() error { return c.tainted(t, ns, corev1.TaintNodeUnreachable, false) })
}

func provesNodeConditions(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.node(t, ns, ns, "2")
	patch := `{"status":{"conditions":[
		{"type":"DiskPressure","status":"True","reason":"KubeletHasDiskPressure","message":"kubelet has disk pressure"},
		{"type":"Ready","status":"False","reason":"KubeletNotReady","message":"container runtime is down"}]}}`
	if _, err := c.client.CoreV1().Nodes().PatchStatus(t.Context(), ns, []byte(patch)); err != nil {
		t.Fatal(err)
	}
	// The taints are the node lifecycle controller's answer; the conditions must
	// have outlived its work and kwok's.
	eventually(t, func() error { return c.tainted(t, ns, corev1.TaintNodeNotReady, true) })
	eventually(t, func() error { return c.tainted(t, ns, corev1.TaintNodeDiskPressure, true) })
	if err := c.ready(t, ns, corev1.ConditionFalse); err != nil {
		t.Error(err)
	}
	unknown := `{"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}}`
	if _, err := c.client.CoreV1().Nodes().PatchStatus(t.Context(), ns, []byte(unknown)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return c.ready(t, ns, corev1.ConditionTrue) })
	eventually(t, func() error { return c.tainted(t, ns, corev1.TaintNodeDiskPressure, false) })
}

func provesDisruptionBudget(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.node(t, ns, ns, "2")
	c.deploy(t, ns, "web", "web:v1", 2, "100m")
	c.available(t, ns, "web", 2)
	all := intstr.FromInt32(2)
	_, err := c.client.PolicyV1().PodDisruptionBudgets(ns).Create(t.Context(), &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable: &all,
			Selector:     &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		budget, err := c.client.PolicyV1().PodDisruptionBudgets(ns).Get(t.Context(), "web", metav1.GetOptions{})
		if err == nil && budget.Status.CurrentHealthy != 2 {
			err = fmt.Errorf("the budget sees %d healthy pods", budget.Status.CurrentHealthy)
		}
		return err
	})
	pod := c.pods(t, ns)[0].Name
	err = c.client.CoreV1().Pods(ns).EvictV1(t.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod}})
	if !apierrors.IsTooManyRequests(err) || !strings.Contains(err.Error(), "disruption budget") {
		t.Errorf("eviction against the budget: %v, want a refusal naming the disruption budget", err)
	}
}

func provesRBACAndAudit(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.node(t, ns, ns, "2")
	c.deploy(t, ns, "web", "web:v1", 1, "100m")
	_, err := c.client.RbacV1().RoleBindings(ns).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "look"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "onlooker"}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := rest.CopyConfig(c.config)
	config.Impersonate.UserName = "onlooker"
	onlooker := kubernetes.NewForConfigOrDie(config)
	eventually(t, func() error {
		_, err := onlooker.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
		return err
	})
	scale := []byte(`{"spec":{"replicas":5}}`)
	_, err = onlooker.AppsV1().Deployments(ns).Patch(t.Context(), "web", types.MergePatchType, scale, metav1.PatchOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("patch by a user who may only look: %v, want forbidden", err)
	}
	eventually(t, func() error {
		text, err := os.ReadFile(c.AuditLog)
		if err != nil {
			return err
		}
		for line := range bytes.Lines(text) {
			if bytes.Contains(line, []byte(ns)) && bytes.Contains(line, []byte(`"verb":"patch"`)) &&
				bytes.Contains(line, []byte(`"impersonatedUser":{"username":"onlooker"`)) && bytes.Contains(line, []byte(`"code":403`)) {
				return nil
			}
		}
		return errors.New("the refused patch is not in the audit log")
	})
}

func provesFaults(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.node(t, ns, ns, "8")
	faults := map[string]struct {
		image  string
		phase  corev1.PodPhase
		waits  string // reason of the waiting state; the container runs if empty
		exit   int32  // of the last instance
		reason string // of its end
		event  string
		says   string
	}{
		"crash":       {"web:v2-crash", corev1.PodRunning, "CrashLoopBackOff", 1, "Error", "BackOff", "Back-off restarting failed container app in pod crash-"},
		"oom":         {"web:v2-oom", corev1.PodRunning, "CrashLoopBackOff", 137, "OOMKilled", "BackOff", "Back-off restarting failed container"},
		"liveness":    {"web:v2-liveness", corev1.PodRunning, "", 137, "Error", "Killing", "Container app failed liveness probe, will be restarted"},
		"unready":     {"web:v2-unready", corev1.PodRunning, "", 0, "", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"},
		"nopull":      {"web:v2-nopull", corev1.PodPending, "ImagePullBackOff", 0, "", "Failed", `Failed to pull image "web:v2-nopull"`},
		"configerror": {"web:v2-configerror", corev1.PodPending, "CreateContainerConfigError", 0, "", "Failed", `Error: configmap "app-config" not found`},
		"nomount":     {"web:v2-nomount", corev1.PodPending, "ContainerCreating", 0, "", "FailedMount", "MountVolume.MountDevice failed"},
	}
	for name, ill := range faults {
		c.deploy(t, ns, name, ill.image, 1, "100m")
	}
	for name, ill := range faults {
		eventually(t, func() error {
			for _, pod := range c.pods(t, ns) {
				if pod.Labels["app"] != name || len(pod.Status.ContainerStatuses) == 0 {
					continue
				}
				status := pod.Status.ContainerStatuses[0]
				var waits, reason string
				var exit int32
				if w := status.State.Waiting; w != nil {
					waits = w.Reason
				}
				if ended := status.LastTerminationState.Terminated; ended != nil {
					exit, reason = ended.ExitCode, ended.Reason
				}
				switch {
				case pod.Status.Phase != ill.phase, waits != ill.waits, exit != ill.exit, reason != ill.reason:
					return fmt.Errorf("%s: phase %s, status %+v", name, pod.Status.Phase, status)
				case status.Ready, podReady(&pod) != corev1.ConditionFalse:
					return fmt.Errorf("%s is ready", name)
				case ill.reason != "" && status.RestartCount < 2:
					return fmt.Errorf("%s: %d restarts", name, status.RestartCount)
				}
				return c.has(t, ns, ill.event, ill.says)
			}
			return fmt.Errorf("%s has no pod with a status yet", name)
		})
	}
}

func provesFaultOfLivingPod(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.node(t, ns, ns, "2")
	c.deploy(t, ns, "web", "web:v1", 1, "100m")
	c.available(t, ns, "web", 1)
	pod := c.pods(t, ns)[0].Name
	c.annotate(t, ns, pod, `{"fault/reason":"crash","fault/period":"200ms"}`)
	c.available(t, ns, "web", 0)
	c.annotate(t, ns, pod, `{"fault/reason":"none"}`)
	c.available(t, ns, "web", 1)
	if status := c.pods(t, ns)[0].Status.ContainerStatuses[0]; status.RestartCount == 0 || status.LastTerminationState.Terminated == nil {
		t.Errorf("a healed container has forgotten its restarts: %+v", status)
	}
}

func provesStuckTerminating(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.node(t, ns, ns, "2")
	c.deploy(t, ns, "web", "web:v1-stuck-terminating", 1, "100m")
	c.available(t, ns, "web", 1)
	pod := c.pods(t, ns)[0].Name
	if err := c.client.CoreV1().Pods(ns).Delete(t.Context(), pod, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return c.has(t, ns, "FailedKillPod", "error killing pod") })
	c.available(t, ns, "web", 1) // its replacement, which kwok has dealt with since
	found, err := c.client.CoreV1().Pods(ns).Get(t.Context(), pod, metav1.GetOptions{})
	if err != nil || found.DeletionTimestamp == nil {
		t.Fatalf("the stuck pod: %v, deletion timestamp %v", err, found.DeletionTimestamp)
	}
	c.annotate(t, ns, pod, `{"fault/reason":"none"}`)
	eventually(t, func() error {
		_, err := c.client.CoreV1().Pods(ns).Get(t.Context(), pod, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("the pod is still there (%w)", err)
	})
}

func provesLogs(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.node(t, ns, ns, "2")
	for _, name := range []string{"web", "api"} {
		c.deploy(t, ns, name, name+":v1", 1, "100m")
		c.available(t, ns, name, 1)
	}
	for file, text := range map[string]string{
		"web/app.log":          "one\ntwo\nthree\n",
		"web/app.previous.log": "panic: no memory\n",
		"we/app.log":           "of a shorter prefix\n",
	} {
		file = filepath.Join(c.Logs, ns, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pod := make(map[string]string)
	for _, p := range c.pods(t, ns) {
		pod[p.Labels["app"]] = p.Name
	}
	two, few := int64(2), int64(5)
	for _, read := range []struct {
		app     string
		options corev1.PodLogOptions
		want    string
	}{
		{"web", corev1.PodLogOptions{}, "one\ntwo\nthree\n"},
		{"web", corev1.PodLogOptions{TailLines: &two}, "two\nthree\n"},
		{"web", corev1.PodLogOptions{LimitBytes: &few}, "one\nt"},
		{"web", corev1.PodLogOptions{Previous: true}, "panic: no memory\n"},
		{"api", corev1.PodLogOptions{}, ""},
	} {
		text, err := c.client.CoreV1().Pods(ns).GetLogs(pod[read.app], &read.options).DoRaw(t.Context())
		if err != nil || string(text) != read.want {
			t.Errorf("log of %s with %+v = %q, %v; want %q", read.app, read.options, text, err, read.want)
		}
	}
	// Stream, because DoRaw would hide the kubelet's words.
	_, err := c.client.CoreV1().Pods(ns).GetLogs(pod["api"], &corev1.PodLogOptions{Previous: true}).Stream(t.Context())
	if !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), `previous terminated container "app" in pod`) {
		t.Errorf("previous log of a container that never ended: %v", err)
	}
}

// provesAggregation registers an API of another process, as the scenarios do for
// metrics.k8s.io.
func provesAggregation(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	var users sync.Map
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		users.Store(r.Header.Get("X-Remote-User"), true)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"metrics.k8s.io/v1beta1","resources":[]}`)
	}))
	t.Cleanup(server.Close)
	where, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c.apply(t, `
apiVersion: v1
kind: Service
metadata: {name: metrics, namespace: `+ns+`}
spec: {type: ExternalName, externalName: localhost}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {name: metrics, namespace: `+ns+`, port: `+where.Port()+`}
`)
	eventually(t, func() error {
		_, err := c.client.Discovery().RESTClient().Get().AbsPath("/apis/metrics.k8s.io/v1beta1").DoRaw(t.Context())
		return err
	})
	if _, asked := users.Load("kubernetes-admin"); !asked {
		t.Error("the aggregated API was never asked on behalf of kubernetes-admin")
	}
	// An APIService without a server would make every discovery fail.
	c.kubectl(t, "delete", "apiservice", "v1beta1.metrics.k8s.io")
}

func provesFailedJob(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.node(t, ns, ns, "2")
	for name, image := range map[string]string{"good": "job:v1", "bad": "job:v2-crash"} {
		c.apply(t, `
apiVersion: batch/v1
kind: Job
metadata: {name: `+name+`, namespace: `+ns+`}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {pool: `+ns+`}
      containers: [{name: app, image: "`+image+`"}]
`)
	}
	eventually(t, func() error {
		good, err := c.client.BatchV1().Jobs(ns).Get(t.Context(), "good", metav1.GetOptions{})
		if err == nil && good.Status.Succeeded != 1 {
			err = errors.New("the good job has not succeeded")
		}
		return err
	})
	eventually(t, func() error { return c.has(t, ns, "BackoffLimitExceeded", "backoff limit") })
}
