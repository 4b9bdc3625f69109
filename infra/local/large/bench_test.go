package large

import (
	"context"
	"net/http"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// A popular analyzer takes 79 s for 200 failing pods of two Deployments, because it asks for events pod by pod.
const slowest = 79 * time.Second / 20

// BenchmarkInspect looks at 100 nodes and 2,000 pods: once all healthy, once with 200 failing pods of two Deployments. What one list of
// each kind takes is measured beside it. peak-MB is the largest heap seen on the way, what was there before taken off.
func BenchmarkInspect(b *testing.B) {
	c := fill(b, size{nodes: 100, workloads: 20, pods: 100})
	b.Run("one list of each kind", func(b *testing.B) {
		uris := c.reads(b)
		b.ResetTimer()
		for b.Loop() {
			c.list(b, uris)
		}
	})
	b.Run("healthy", func(b *testing.B) {
		peak := watchHeap()
		for b.Loop() {
			if d := c.inspect(b.Context()); len(d.Causes) > 0 {
				b.Fatalf("in a healthy cluster: %+v", d.Causes)
			}
		}
		b.ReportMetric(peak(), "peak-MB")
	})
	c.spoil(b)
	b.Run("200 failing pods", func(b *testing.B) {
		peak := watchHeap()
		for b.Loop() {
			if err := c.twoCauses(c.inspect(b.Context())); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(peak(), "peak-MB")
		if each := b.Elapsed() / time.Duration(b.N); each > slowest {
			b.Errorf("%v is more than a twentieth of what the slow way takes", each)
		}
	})
}

// reads are the addresses that an inspection of the healthy cluster reads.
func (c *cluster) reads(b *testing.B) []string {
	b.Helper()
	var mu sync.Mutex
	var uris []string
	config := rest.CopyConfig(c.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return tap(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			uris = append(uris, r.URL.RequestURI())
			mu.Unlock()
			return next.RoundTrip(r)
		})
	})
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	heard := *c
	heard.client = client
	heard.inspect(b.Context())
	return uris
}

type tap func(*http.Request) (*http.Response, error)

func (t tap) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// list reads the same again and decodes it, as many at a time as an inspection does, and does nothing with it.
func (c *cluster) list(b *testing.B, uris []string) {
	b.Helper()
	const atOnce = 6
	turns := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for _, uri := range uris {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			// What is not there, or of no built-in kind, is asked for all the same.
			_, _ = c.client.CoreV1().RESTClient().Get().RequestURI(uri).Do(context.Background()).Get()
		})
	}
	all.Wait()
}

// watchHeap looks at the heap until it is asked for its peak, in MB above the beginning.
func watchHeap() (peak func() float64) {
	const name = "/memory/classes/heap/objects:bytes"
	read := func() uint64 {
		s := []metrics.Sample{{Name: name}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	runtime.GC()
	first, highest := read(), uint64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				highest = max(highest, read())
			}
		}
	}()
	return func() float64 {
		close(stop)
		<-done
		return float64(max(highest, first)-first) / (1 << 20)
	}
}
