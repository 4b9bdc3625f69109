package machine

import (
	"hash/fnv"
	"math"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Loads is what arrives at the workloads: the one thing about them that a scenario sets, and from which everything that is measured
// follows. Keys are namespace/name of the workload.
type Loads struct {
	mu     sync.Mutex
	cores  map[string]float64
	memory map[string]float64
}

// SetCores makes a workload have so much work in all, in cores, which its ready pods share; 0 is an idle workload.
func (l *Loads) SetCores(workload string, cores float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cores == nil {
		l.cores = map[string]float64{}
	}
	l.cores[workload] = cores
}

// SetMemory makes each pod of a workload use so many bytes; 0 is its usual use.
func (l *Loads) SetMemory(workload string, bytes float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.memory == nil {
		l.memory = map[string]float64{}
	}
	l.memory[workload] = bytes
}

func (l *Loads) of(workload string) (cores, memory float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cores[workload], l.memory[workload]
}

// usage is what one container uses at one moment, and what it would use if nothing held it back.
type usage struct {
	cores, wanted float64
	memory        float64
}

const (
	idleShare   = 0.08 // of its request, what an idle container burns
	idleCores   = 0.01
	usualMemory = 0.45 // of its limit, or of its request where it has none
	leastMemory = 48 << 20
	ceiling     = 0.99 // how near to its limit a throttled container comes
)

// share divides work among pods with these limits (0: none): equally, and what one cannot take goes to the others.
func share(total float64, limits []float64) []float64 {
	out := make([]float64, len(limits))
	open := make([]int, len(limits))
	for i := range open {
		open[i] = i
	}
	for len(open) > 0 && total > 1e-9 {
		each := total / float64(len(open))
		full := func(i int) bool { return limits[i] > 0 && out[i]+each >= limits[i] }
		if !slices.ContainsFunc(open, full) {
			for _, i := range open {
				out[i] += each
			}
			return out
		}
		var left []int
		for _, i := range open {
			if !full(i) {
				left = append(left, i)
				continue
			}
			total -= limits[i] - out[i]
			out[i] = limits[i]
		}
		open = left
	}
	return out
}

// measure is what every container of the pods uses, by pod key and container. owner tells the workload of a pod.
func (l *Loads) measure(pods []*corev1.Pod, owner func(*corev1.Pod) string, at time.Time) map[string]map[string]usage {
	working := map[string][]*corev1.Pod{}
	for _, p := range pods {
		if podReady(p) {
			working[owner(p)] = append(working[owner(p)], p)
		}
	}
	taken := map[string]float64{}
	wanted := map[string]float64{}
	for w, list := range working {
		total, _ := l.of(w)
		limits := make([]float64, len(list))
		for i, p := range list {
			limits[i] = quantity(p.Spec.Containers[0].Resources.Limits, corev1.ResourceCPU)
		}
		for i, cores := range share(total, limits) {
			taken[podKey(list[i])], wanted[podKey(list[i])] = cores, total/float64(len(list))
		}
	}
	out := map[string]map[string]usage{}
	for _, p := range pods {
		if p.Status.Phase != corev1.PodRunning {
			continue
		}
		_, memory := l.of(owner(p))
		out[podKey(p)] = map[string]usage{}
		for i, c := range p.Spec.Containers {
			u := idle(c, memory)
			if i == 0 {
				u.cores, u.wanted = max(u.cores, taken[podKey(p)]), wanted[podKey(p)]
			}
			out[podKey(p)][c.Name] = u.wobble(podKey(p)+c.Name, quantity(c.Resources.Limits, corev1.ResourceCPU), at)
		}
	}
	return out
}

func idle(c corev1.Container, memory float64) usage {
	u := usage{cores: max(idleCores, idleShare*quantity(c.Resources.Requests, corev1.ResourceCPU)), memory: memory}
	for _, list := range []corev1.ResourceList{c.Resources.Limits, c.Resources.Requests} {
		if u.memory == 0 {
			u.memory = usualMemory * quantity(list, corev1.ResourceMemory)
		}
	}
	u.memory = max(u.memory, leastMemory)
	return u
}

// wobble makes a curve look measured, the same way in every run, and keeps it below its limit.
func (u usage) wobble(seed string, limit float64, at time.Time) usage {
	h := fnv.New32a()
	_, _ = h.Write([]byte(seed)) // a hash takes everything
	phase := float64(h.Sum32()%1000) / 1000 * 2 * math.Pi
	t := float64(at.UnixMilli()) / 1000
	u.cores *= 1 + 0.02*math.Sin(t/41+phase)
	u.memory *= 1 + 0.01*math.Sin(t/67+phase)
	if limit > 0 {
		u.cores = min(u.cores, ceiling*limit)
	}
	return u
}

func quantity(list corev1.ResourceList, name corev1.ResourceName) float64 {
	q, ok := list[name]
	if !ok {
		return 0
	}
	return q.AsApproximateFloat64()
}

func podKey(p *corev1.Pod) string { return p.Namespace + "/" + p.Name }

func podReady(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil &&
		slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue })
}
