package remediate

import (
	"context"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
)

// fixServicePort corrects one port of a Service. Expect: port, targetPort and protocol as they are; Goal: any of the three. A
// targetPort is a number or the name of a container port.
func fixServicePort(client kubernetes.Interface) Action {
	return edit{
		client: client,
		plan:   planServicePort,
		settled: func(ctx context.Context, _ Order, obj object, _ image) (bool, error) {
			return hasEndpoint(ctx, client, obj)
		},
	}
}

func planServicePort(_ context.Context, o Order, obj object) ([]field, error) {
	svc, ok := obj.(*corev1.Service)
	if !ok {
		return nil, fmt.Errorf("%T: %w", obj, errKind)
	}
	i := portIndex(svc, o.Expect)
	if i < 0 {
		return nil, ErrStale{Moved: fmt.Sprintf("%s has no port %s/%s any more", o.Target, o.Expect["port"], o.Expect["protocol"])}
	}
	p := svc.Spec.Ports[i]
	if err := o.expect("targetPort", p.TargetPort.String()); err != nil {
		return nil, err
	}
	at := "/spec/ports/" + strconv.Itoa(i)
	fields := []field{{Path: at + "/port", After: []byte(strconv.Itoa(int(p.Port)))}} // the very port that was previewed
	if v, ok := o.Goal["port"]; ok {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 65535 {
			return nil, ErrUnsafe{Why: fmt.Sprintf("%q is not a port", v)}
		}
		fields[0].After = []byte(strconv.Itoa(n))
	}
	if v, ok := o.Goal["targetPort"]; ok {
		after, err := canonical(intstr.Parse(v))
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{Path: at + "/targetPort", After: after})
	}
	if v, ok := o.Goal["protocol"]; ok {
		if v != string(corev1.ProtocolTCP) && v != string(corev1.ProtocolUDP) && v != string(corev1.ProtocolSCTP) {
			return nil, ErrUnsafe{Why: fmt.Sprintf("%q is not a protocol", v)}
		}
		after, err := canonical(v)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{Path: at + "/protocol", After: after})
	}
	if len(o.Goal) == 0 {
		return nil, ErrUnsafe{Why: "step " + o.ID + " has no goal"}
	}
	return fields, nil
}

// portIndex finds the port a step was approved for. An unset protocol is TCP.
func portIndex(svc *corev1.Service, expect map[string]string) int {
	for i, p := range svc.Spec.Ports {
		protocol := p.Protocol
		if protocol == "" {
			protocol = corev1.ProtocolTCP
		}
		if strconv.Itoa(int(p.Port)) == expect["port"] && (expect["protocol"] == "" || expect["protocol"] == string(protocol)) {
			return i
		}
	}
	return -1
}
