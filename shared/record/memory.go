package record

import (
	"bytes"
	"context"
	"sort"
	"strings"
	"sync"
)

// Memory is a Bucket in memory: what tests and a single local event use.
type Memory struct {
	mu      sync.Mutex
	objects map[string][]byte
}

// Get is Bucket's.
func (m *Memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.objects[key]
	if !ok {
		return nil, missing{key}
	}
	return bytes.Clone(b), nil
}

// Put is Bucket's.
func (m *Memory) Put(_ context.Context, key string, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects == nil {
		m.objects = map[string][]byte{}
	}
	m.objects[key] = bytes.Clone(body)
	return nil
}

// List is Bucket's.
func (m *Memory) List(_ context.Context, prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []string
	for k := range m.objects {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	return keys, nil
}
