package observe

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"cce-oncall/shared/incident"
)

// Backend is one address behind a Service, from an EndpointSlice or an Endpoints object.
type Backend struct {
	IP          string
	Pod         incident.Target // empty where the address is no pod
	Node        string
	Ready       bool
	Terminating bool
	Ports       []BackendPort
}

// BackendPort is a port of a backend; Name is that of the Service's port.
type BackendPort struct {
	Name     string
	Port     int32
	Protocol corev1.Protocol
}

func (x *Index) indexNetwork() {
	for _, s := range x.s.Objects.Services {
		for _, p := range x.Selected(s) {
			t := key("Pod", p.Namespace, p.Name)
			x.services[t] = append(x.services[t], s)
		}
	}
	for _, sl := range x.s.Objects.EndpointSlices {
		if name := sl.Labels[discoveryv1.LabelServiceName]; name != "" {
			t := key("Service", sl.Namespace, name)
			x.slices[t] = append(x.slices[t], sl)
		}
	}
	for _, e := range x.s.Objects.Endpoints {
		x.endpoints[key("Service", e.Namespace, e.Name)] = e
	}
}

// Selected are the pods that a Service's selector matches, ready or not; none without selector.
func (x *Index) Selected(s *corev1.Service) []*corev1.Pod {
	return x.PodsLabelled(s.Namespace, s.Spec.Selector)
}

// ServicesOf are the Services whose selector matches a pod.
func (x *Index) ServicesOf(p *corev1.Pod) []*corev1.Service {
	return x.services[key("Pod", p.Namespace, p.Name)]
}

// ServicesOfWorkload are the Services that select any pod of a workload, by name.
func (x *Index) ServicesOfWorkload(t incident.Target) []*corev1.Service {
	seen := map[*corev1.Service]bool{}
	var out []*corev1.Service
	for _, p := range x.PodsOf(t) {
		for _, s := range x.ServicesOf(p) {
			if !seen[s] {
				seen[s] = true
				out = append(out, s)
			}
		}
	}
	slices.SortFunc(out, func(a, b *corev1.Service) int { return compareObjects(a, b) })
	return out
}

// Backends are the addresses behind a Service. known is false where the snapshot holds neither EndpointSlices nor Endpoints for
// it: then nothing can be said, which is not the same as no backends.
func (x *Index) Backends(namespace, service string) (backends []Backend, known bool) {
	t := key("Service", namespace, service)
	if all := x.slices[t]; len(all) > 0 {
		for _, sl := range all {
			backends = append(backends, sliceBackends(sl)...)
		}
		known = true
	} else if e := x.endpoints[t]; e != nil {
		backends, known = endpointsBackends(e), true
	}
	slices.SortStableFunc(backends, func(a, b Backend) int { return cmp.Or(cmp.Compare(a.Pod.Name, b.Pod.Name), cmp.Compare(a.IP, b.IP)) })
	return backends, known
}

func sliceBackends(sl *discoveryv1.EndpointSlice) []Backend {
	var ports []BackendPort
	for _, p := range sl.Ports {
		b := BackendPort{Protocol: corev1.ProtocolTCP}
		if p.Name != nil {
			b.Name = *p.Name
		}
		if p.Port != nil {
			b.Port = *p.Port
		}
		if p.Protocol != nil {
			b.Protocol = *p.Protocol
		}
		ports = append(ports, b)
	}
	yes := func(v *bool, missing bool) bool {
		if v == nil {
			return missing
		}
		return *v
	}
	var out []Backend
	for _, e := range sl.Endpoints {
		b := Backend{
			Ports: ports, Ready: yes(e.Conditions.Ready, true), // nil means unknown, which consumers must take as ready
			Terminating: yes(e.Conditions.Terminating, false),
		}
		if e.NodeName != nil {
			b.Node = *e.NodeName
		}
		if r := e.TargetRef; r != nil && r.Kind == "Pod" {
			b.Pod = key("Pod", cmp.Or(r.Namespace, sl.Namespace), r.Name)
		}
		for _, ip := range e.Addresses {
			b.IP = ip
			out = append(out, b)
		}
	}
	return out
}

func endpointsBackends(e *corev1.Endpoints) []Backend { //nolint:staticcheck // see Objects
	var out []Backend
	for _, set := range e.Subsets {
		var ports []BackendPort
		for _, p := range set.Ports {
			ports = append(ports, BackendPort{Name: p.Name, Port: p.Port, Protocol: cmp.Or(p.Protocol, corev1.ProtocolTCP)})
		}
		add := func(all []corev1.EndpointAddress, ready bool) {
			for _, a := range all {
				b := Backend{IP: a.IP, Ready: ready, Ports: ports}
				if a.NodeName != nil {
					b.Node = *a.NodeName
				}
				if r := a.TargetRef; r != nil && r.Kind == "Pod" {
					b.Pod = key("Pod", cmp.Or(r.Namespace, e.Namespace), r.Name)
				}
				out = append(out, b)
			}
		}
		add(set.Addresses, true)
		add(set.NotReadyAddresses, false)
	}
	return out
}

// ClaimsOf are the PersistentVolumeClaims that a pod names, by claim name; a claim that the snapshot does not hold is nil.
func (x *Index) ClaimsOf(p *corev1.Pod) map[string]*corev1.PersistentVolumeClaim {
	out := map[string]*corev1.PersistentVolumeClaim{}
	for _, v := range p.Spec.Volumes {
		switch {
		case v.PersistentVolumeClaim != nil:
			out[v.PersistentVolumeClaim.ClaimName] = x.PVC(p.Namespace, v.PersistentVolumeClaim.ClaimName)
		case v.Ephemeral != nil:
			name := p.Name + "-" + v.Name
			out[name] = x.PVC(p.Namespace, name)
		}
	}
	return out
}

// VolumeOf is the PersistentVolume that a claim is bound to, nil where it is bound to none or the snapshot does not hold it.
func (x *Index) VolumeOf(c *corev1.PersistentVolumeClaim) *corev1.PersistentVolume {
	if c == nil || c.Spec.VolumeName == "" {
		return nil
	}
	return x.PV(c.Spec.VolumeName)
}
