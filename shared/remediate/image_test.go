package remediate

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"cce-oncall/shared/observe"
)

// FuzzReceipt: a receipt comes back from a bucket; whatever is in it must be an error or a before-image, and never a crash.
func FuzzReceipt(f *testing.F) {
	f.Add([]byte(`{"uid":"u","fields":[{"path":"/spec/replicas","before":2,"after":4}]}`))
	f.Add([]byte(`{"uid":"u","fields":[{"path":"/spec/template","before":"sha256:00","digested":true}],"late":"x"}`))
	f.Add([]byte(`{"fields":[{"path":"//~2/-1/0","after":null}]}`))
	f.Add([]byte(`null`))
	d := deploymentOf("web", 2, "1")
	f.Fuzz(func(t *testing.T, raw []byte) {
		var img image
		if err := img.read(raw); err != nil {
			return
		}
		s, err := img.stand(d, "0123456789abcdef:A1")
		if err != nil {
			t.Fatalf("a receipt that was read cannot be compared: %v", err)
		}
		if s == standUndone || s == standAfter {
			t.Errorf("an object without a mark stands at %d", s)
		}
		if _, err := patchOf(d, img.Fields, "0123456789abcdef:A1"); err != nil {
			t.Errorf("no patch of %s: %v", raw, err)
		}
	})
}

// TestReceiptsSurviveTheStore: a store may lay JSON out anew; that must not look like a moved world.
func TestReceiptsSurviveTheStore(t *testing.T) {
	d := deploymentOf("web", 2, "1")
	img := image{}
	receipt := []byte("{ \"uid\": \"uid-web\",\n \"fields\": [ {\"path\": \"/spec/template/metadata/labels\", \"before\": {\n\t\"app\" :\"web\" }, \"after\": {\"b\":\"1\",\"app\":\"web\"}} ] }")
	if err := img.read(receipt); err != nil {
		t.Fatal(err)
	}
	if s, err := img.stand(d, "0123456789abcdef:A1"); err != nil || s != standBefore {
		t.Errorf("got %v, %v; want before", s, err)
	}
}

func TestPredictRolloutOfADaemonSet(t *testing.T) {
	for _, c := range []struct {
		cpu string
		fit int
	}{{"1", 2}, {"1500m", 1}} {
		s := &observe.Snapshot{}
		s.Objects.Nodes = []*corev1.Node{nodeWith("a", "2", "4Gi", nil), nodeWith("b", "1", "4Gi", nil)}
		d := daemonSet()
		s.Objects.DaemonSets = []*appsv1.DaemonSet{d}
		for _, node := range []string{"a", "b"} {
			p := daemonPod()
			p.Name, p.Spec = "agent-"+node, *d.Spec.Template.Spec.DeepCopy()
			p.Spec.NodeName = node
			s.Objects.Pods = append(s.Objects.Pods, p)
		}
		b := newBench(s, cpuSaturated("").Causes[0], nil)
		l := b.find(b.target("DaemonSet", "default", "agent"))
		template := d.Spec.Template.DeepCopy()
		template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(c.cpu)}
		if got := newWorld(s).rollout(l, *template); got.Fit != c.fit || got.Want != 2 {
			t.Errorf("%s: got %+v, want %d of 2", c.cpu, got, c.fit)
		}
	}
}
